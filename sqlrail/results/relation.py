"""What became of a relation's orphans, in the results of `migrate`, `reset`, `plan` and `cleanup`."""

from __future__ import annotations

from typing import Literal, TypedDict

#: what rows are held against
ConstraintKind = Literal["relation", "not null", "unique", "check"]
#: what becomes of orphans, and of other rows that are cleaned
Becomes = Literal["delete", "set null", "set default", "set value", "keep newest", "keep oldest"]


class OrphanResult(TypedDict):
    """A key that rows of the child name and the parent lacks."""

    key: dict[str, str]  # the child's columns with their values, as text
    row: dict[str, str] | None  # the primary key of one of the rows; null where the child has none
    rows: int  # that name the key


class PointedResult(TypedDict):
    """Rows that refer by one foreign key to duplicates that go; they are pointed at the rows that stay."""

    key: str  # the foreign key's name
    table: str  # that the rows are in, with its schema
    columns: list[str]  # that are changed
    rows: int  # how many


class InTurnResult(TypedDict):
    """Rows of another table that go as well: pointed at the row that stays, they would be duplicates themselves."""

    table: str  # with its schema
    rows: int  # how many


class DuplicatesResult(TypedDict):
    """What becomes of duplicates, and of what refers to them."""

    by: str  # the column that tells which of several equal rows stays
    groups: int  # of rows that the constraint would call equal
    pointed: list[PointedResult]  # rows that refer to those that go, by key
    in_turn: list[InTurnResult]  # rows of other tables that go as well


class CleanedResult(TypedDict):
    """A relation or another constraint, and what became of the rows that violate it; what nobody has looked at is null.

    Of a constraint that is no relation `orphans` are the rows that violate it, and what is about parents is null.
    """

    kind: ConstraintKind  # what the rows are held against
    child: str  # the table, as it was named
    column: str | None  # of the child; several are one text: (a, b); null for a check
    columns: list[str]  # of the child
    parent: str | None  # the table, as it was named
    key: str | None  # the parent's column; several are one text: (x, y)
    keys: list[str]  # the parent's columns
    check: str | None  # the name of a check
    orphans: int  # rows of the child without a parent that were found
    action: Becomes | None  # null: nobody has decided
    value: str | None  # what set value sets, as SQL
    undecided: bool  # whether nobody has said what becomes of them, so that they stay
    deleted: int  # rows
    changed: int  # rows whose columns were set to null, to their default or to a value
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
    skipped: str | None  # why not looked at: a table or column is missing, or no row can violate it
    counted_before: list[str]  # files or constraints whose cleanup comes first, and may leave other rows
    duplicates: DuplicatesResult | None  # null for all that is no unique constraint, or was not looked at
    refusals: list[str]  # why its cleanup is refused
    triggers: list[str]  # that its deletions fire
    cascades: list[str]  # tables whose rows go along
    foreign_keys: list[str]  # that its deletions have to satisfy
