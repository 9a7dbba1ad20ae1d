"""What a look for duplicates has found, table by table; or what became of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlrail.results.relation import DuplicatesResult


@dataclass(frozen=True)
class Pointed:
    """Rows that refer by one key to rows that go; they will refer to those that stay."""

    key: str
    table: str
    columns: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class Duplicates:
    """What goes, and what refers to another row; counts are rows."""

    by: str  # the column that tells which row stays
    groups: int  # of rows that a unique constraint would call equal
    gone: int  # of the table itself
    pointed: tuple[Pointed, ...]
    # by table: rows that become duplicates of others by that, and go as well
    in_turn: tuple[tuple[str, int], ...]
    changed: int  # all that refer to another row: one may do so by several keys

    @property
    def deleted(self) -> int:
        """All rows that go."""
        return self.gone + sum(rows for _, rows in self.in_turn)

    def after(self, earlier: Duplicates | None) -> Duplicates:
        """Both, of two rounds."""
        if earlier is None:
            return self
        pointed = {(one.key, one.table): one for one in earlier.pointed}
        for one in self.pointed:
            before = pointed.get((one.key, one.table))
            pointed[one.key, one.table] = replace(one, rows=one.rows + (before.rows if before else 0))
        in_turn = dict(earlier.in_turn)
        for table, rows in self.in_turn:
            in_turn[table] = in_turn.get(table, 0) + rows
        return Duplicates(
            self.by,
            self.groups + earlier.groups,
            self.gone + earlier.gone,
            tuple(pointed.values()),
            tuple(in_turn.items()),
            self.changed + earlier.changed,
        )

    def as_json(self) -> DuplicatesResult:
        """The same for scripts."""
        return {
            "by": self.by,
            "groups": self.groups,
            "pointed": [
                {"key": one.key, "table": one.table, "columns": list(one.columns), "rows": one.rows}
                for one in self.pointed
            ],
            "in_turn": [{"table": table, "rows": rows} for table, rows in self.in_turn],
        }
