"""What was rehearsed in one tenant's schema, as it would have been in another's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import fields, is_dataclass, replace
from typing import Any

from psycopg import sql

from sqlrail.ground.names import qualifying
from sqlrail.scratch.scene import Scene

Move = Callable[[Any], Any]


def moved(scene: Scene, old: str, new: str) -> Scene:
    """The same, with the schema `new` in the place of `old`; both have the same objects."""
    move = _moving(old, new)
    other = copy(scene)
    other.watched, other.seen, other.objects = (move(it) for it in (scene.watched, scene.seen, scene.objects))
    other.snapshots = copy(scene.snapshots)
    other.snapshots.first = move(scene.snapshots.first)
    return other


def _moving(old: str, new: str) -> Move:
    """What says a schema by itself is called so; all other texts are SQL, in which it stands in front of a dot."""
    pattern, before = re.compile(qualifying(old)), f"{sql.Identifier(new).as_string()}."

    def move(value: Any) -> Any:
        if isinstance(value, str):
            return pattern.sub(lambda _: before, value)
        if isinstance(value, Mapping):
            return {key: move(item) for key, item in value.items()}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*map(named, value._fields, value))
        if isinstance(value, (tuple, list, set, frozenset)):
            return type(value)(map(move, value))
        if is_dataclass(value) and not isinstance(value, type):
            return replace(
                value, **{it.name: named(it.name, getattr(value, it.name)) for it in fields(value)}
            )
        return value

    def named(name: str, value: Any) -> Any:
        return new if name == "schema" and value == old else move(value)

    return move
