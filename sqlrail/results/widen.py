"""The JSON of `widen`."""

from __future__ import annotations

from typing import TypedDict


class WidenedFileResult(TypedDict):
    """A migration that takes the column a step further."""

    id: str  # of the migration
    path: str  # of its file
    sql: str  # what that says
    rollback: str | None  # path of the file that takes it back; null: nothing does
    rollback_sql: str | None  # what that says


class WidenResult(TypedDict):
    """The files by which a column gets another type, or becomes NOT NULL."""

    column: str  # with its table and schema, as SQL spells them
    becomes: str  # the type that it gets, or "not null"
    columns: list[str]  # all that become so, the named one first: foreign keys join them
    carried: list[str]  # what depends on them, and is made again by the swap
    notes: list[str]  # what a person has to know before the files are run
    dry_run: bool  # whether nothing was written
    files: list[WidenedFileResult]  # in their order
