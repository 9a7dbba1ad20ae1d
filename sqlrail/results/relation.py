"""What became of a relation's orphans, in the results of `migrate`, `reset`, `plan` and `cleanup`."""

from __future__ import annotations

from typing import Literal, TypedDict

#: what becomes of orphans
Becomes = Literal["delete", "set null", "set default"]


class OrphanResult(TypedDict):
    """A key that rows of the child name and the parent lacks."""

    key: dict[str, str]  # the child's columns with their values, as text
    row: dict[str, str] | None  # the primary key of one of the rows; null where the child has none
    rows: int  # that name the key


class CleanedResult(TypedDict):
    """A relation, and what became of its orphans; what nobody has looked at is null."""

    child: str  # the table, as it was named
    column: str  # of the child; several are one text: (a, b)
    columns: list[str]  # of the child
    parent: str  # the table, as it was named
    key: str  # the parent's column; several are one text: (x, y)
    keys: list[str]  # the parent's columns
    orphans: int  # rows of the child without a parent that were found
    action: Becomes | None  # null: nobody has decided
    undecided: bool  # whether nobody has said what becomes of them, so that they stay
    deleted: int  # rows
    changed: int  # rows whose columns were set to null or to their default
    archived: int  # rows, those of cascades included
    left: int  # orphans that an online cleanup found and did not clean: somebody else had them in hand
    rows: int | None  # of the child
    missing_keys: int | None  # distinct keys that the parent lacks
    null_keys: int | None  # rows of the child whose key is null, so that they need no parent
    mixed_keys: int  # rows of the child with a null in some columns only, which a MATCH FULL key forbids
    timestamp: str | None  # the column that tells the oldest and the newest orphan
    oldest: str | None  # the oldest orphan's time, as PostgreSQL writes it, in UTC
    newest: str | None  # the newest orphan's time, as PostgreSQL writes it, in UTC
    samples: list[OrphanResult]  # of the keys that most rows miss, 5 at the most
    run: int | None  # the number that `restore` takes; null: nothing was changed
    skipped: str | None  # why it was not looked at: a table or a column is not there
    refusals: list[str]  # why its cleanup is refused
    triggers: list[str]  # that its deletions fire
    cascades: list[str]  # tables whose rows go along
    foreign_keys: list[str]  # that its deletions have to satisfy
