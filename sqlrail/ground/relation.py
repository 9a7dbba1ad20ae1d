"""Relations: which column of a table names which key of another, and what becomes of rows that name none."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from sqlrail.ground.constraint import COLUMNS, DELETE, LIST, TABLE, Action, Constraint, names_in, path
from sqlrail.ground.names import join

if TYPE_CHECKING:
    from sqlrail.results.relation import ConstraintKind

_SIDE = rf"({TABLE})\s*\.\s*({COLUMNS})"
_ACTION = rf"(?:\s+(?i:(DELETE)|(SET\s+NULL|SET\s+DEFAULT)(?:\s*({LIST}))?))?"


@dataclass(frozen=True)
class Relation(Constraint):
    """Each row of child whose columns are all not null must name a row of parent by its keys.

    What becomes of orphans is what somebody has said, else the word of the key that the database has, else
    `otherwise`; where that is None as well, nobody has decided it.
    """

    kind: ClassVar[ConstraintKind] = "relation"
    form: ClassVar[str] = "child.column -> parent.key, child.(a, b) -> parent.(x, y)"

    parent: tuple[str, ...]
    keys: tuple[str, ...]
    otherwise: Action | None = field(default=DELETE, compare=False, kw_only=True)

    @classmethod
    def read(cls, text: str) -> Relation | None:
        """None where no arrow is behind its first names."""
        return cls.parse(text) if re.match(rf"\s*{_SIDE}\s*->", text) else None

    @classmethod
    def parse(cls, text: str) -> Relation:
        """ValueError if the text is not of the form `child.column -> parent.key` or `child.(a, b) -> parent.(x, y)`.

        Behind it may stand what becomes of orphans: `delete`, or `set null` or `set default`, with columns or without.
        """
        match = re.fullmatch(rf"\s*{_SIDE}\s*->\s*{_SIDE}{_ACTION}\s*", text)
        if match is None:
            raise ValueError(
                f"'{text}' is not of the form child.column -> parent.key or child.(a, b) -> parent.(x, y)"
                f"{_no_action(text)}"
            )
        *sides, delete, set_, sets = match.groups()
        child, columns, parent, keys = map(names_in, sides)
        if len(columns) != len(keys):
            raise ValueError(f"'{text}' has {len(columns)} columns for {len(keys)} of the key")
        if others := [column for column in names_in(sets or "") if column not in columns]:
            raise ValueError(f"'{text}' sets {', '.join(map(join, others))}, which is none of its columns")
        set_to = Action(" ".join(set_.lower().split()), names_in(sets or "")) if set_ else None
        return cls(child, columns, parent, keys, said=DELETE if delete else set_to)

    @property
    def tables(self) -> tuple[tuple[str, ...], ...]:
        return self.child, self.parent

    @property
    def subject(self) -> object:
        return frozenset(zip(self.columns, self.keys, strict=True))

    def __str__(self) -> str:
        return f"{path(self.child, self.columns)} -> {path(self.parent, self.keys)}"


def _no_action(text: str) -> str:
    """Of a relation with something else behind it: what may stand there."""
    is_relation = re.match(rf"\s*{_SIDE}\s*->\s*{_SIDE}\s", text)
    return ", with `delete`, `set null` or `set default` after it or nothing" if is_relation else ""
