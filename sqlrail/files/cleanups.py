"""What the cleanups of a file name, with what the file itself says of it: its keys, and the checks that it adds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from sqlrail.errors import BadFile
from sqlrail.files import checks, keys
from sqlrail.files.pieces import Reader
from sqlrail.ground.check import Check
from sqlrail.ground.constraint import Action, Constraint
from sqlrail.ground.relation import Relation
from sqlrail.ground.unique import knowing


def of_file(
    said: Iterable[Constraint],
    path: Path,
    content: bytes,
    reading: Callable[[], AbstractContextManager[BinaryIO]],
) -> list[Constraint]:
    """What a file's directives say, by its path, its text and what opens it; BadFile where it contradicts itself."""
    found = list(keys.added(content.decode(errors="replace")))

    def known(one: Constraint) -> Constraint:
        match one:
            case Relation():
                return _following(one, found, path)
            case Check():
                with reading() as stream:
                    return _expressed(one, stream)
        return one

    return knowing(map(known, said))


def _following(relation: Relation, found: Sequence[keys.Key], path: Path) -> Relation:
    """With what the file's own key does to orphans."""
    words = {Action(key.action, key.sets) for key in found if key.action and _is_of(key, relation)}
    if relation.said is None and len(words) == 1:
        return replace(relation, otherwise=words.pop())
    if words and relation.said not in words:
        of_key, said = " and ".join(sorted(map(str, words))), relation.said
        raise BadFile(
            f"{path}: cleanup: {relation} {said or ''}".rstrip() + f" is not what the file's own key does to "
            f"orphans ({of_key}); say the same, or leave it to the key."
        )
    return relation


def _is_of(key: keys.Key, relation: Relation) -> bool:
    """Whether a file's key is the relation's: a schema or the parent's columns count where both have them."""
    tables = ((key.child, relation.child), (key.parent, relation.parent))
    if any(one[-1] != other[-1] or (len(one) == len(other) and one != other) for one, other in tables):
        return False
    if not key.keys:
        return set(key.columns) == set(relation.columns)
    return set(zip(key.columns, key.keys, strict=False)) == set(
        zip(relation.columns, relation.keys, strict=True)
    )


def _expressed(check: Check, stream: BinaryIO) -> Check:
    """With its expression, where the file adds it."""
    found = checks.of_name(checks.added(Reader(stream)), check.child, check.name)
    if found is None:
        return check
    # What PostgreSQL names by itself gets another name where this one is taken.
    is_applied = not found.is_named
    return replace(check, expression=found.expression, search_path=found.search_path, is_applied=is_applied)
