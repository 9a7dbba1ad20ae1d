"""Columns that shall be unique, and which of several rows with the same values stays."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from sqlrail.ground.constraint import COLUMNS, TABLE, Action, Constraint, names_in, path
from sqlrail.ground.names import NAME, plain
from sqlrail.ground.relation import Relation

if TYPE_CHECKING:
    from sqlrail.results.relation import ConstraintKind


@dataclass(frozen=True)
class Unique(Constraint):
    """No two rows of child may have the same values, none of them null, in all of the columns.

    Of those that have them the newest or the oldest stays, as one column tells and between equals the primary key.
    """

    kind: ClassVar[ConstraintKind] = "unique"
    form: ClassVar[str] = "table.column unique"
    words: ClassVar[str] = "`keep newest COLUMN` or `keep oldest COLUMN`"

    #: what may refer to the rows without a foreign key: it is pointed at those that stay as well
    also: tuple[Relation, ...] = field(default=(), compare=False, kw_only=True)

    @classmethod
    def read(cls, text: str) -> Unique | None:
        match = re.fullmatch(rf"(?s)\s*({TABLE})\s*\.\s*({COLUMNS})\s+(?i:UNIQUE)(?:\s+(\S.*?))?\s*", text)
        if match is None:
            return None
        return cls(names_in(match[1]), names_in(match[2]), said=_action(text, match[3]))

    @property
    def by(self) -> str:
        """The column that tells which row is newer."""
        assert self.said is not None
        return self.said.columns[0]

    @property
    def keeps_newest(self) -> bool:
        """Whether the newest stays, else the oldest."""
        return self.said is not None and self.said.kind == "keep newest"

    def __str__(self) -> str:
        return f"{path(self.child, self.columns)} unique"


def _action(text: str, said: str | None) -> Action | None:
    if said is None:
        return None
    match = re.fullmatch(rf"(?i:KEEP\s+(NEWEST|OLDEST))\s+({NAME})", said)
    if match is None:
        raise ValueError(f"'{text}' does not end in {Unique.words}")
    return Action(f"keep {match[1].lower()}", (plain(match[2]),))


def knowing(constraints: Iterable[Constraint]) -> list[Constraint]:
    """Constraints that are cleaned together: the unique ones know what else is said to refer to something.

    Where a relation has no foreign key yet, duplicates that go would make orphans, and those would be deleted.
    """
    constraints = list(constraints)
    relations = tuple(one for one in constraints if isinstance(one, Relation))
    return [replace(one, also=relations) if isinstance(one, Unique) else one for one in constraints]
