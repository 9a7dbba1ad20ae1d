"""The JSON of `adopt`."""

from __future__ import annotations

from typing import Literal, TypedDict


class AdoptedMigration(TypedDict):
    """A migration of the other tool, and what it is here."""

    id: str  # of the migration
    version: str  # as the other tool calls it
    state: Literal["applied", "pending"]  # says its history
    applied_at: str | None  # ISO 8601 in UTC, out of its history; null: not applied, or nobody knows when
    source: str  # the other tool's file, which stays as it is
    path: str  # of the file that it becomes
    rollback: str | None  # of the file that takes it back; null: there is none
    transactional: bool  # whether it runs in a transaction


class AdoptedResult(TypedDict):
    """What `adopt` took over, or would."""

    tool: str  # its name
    history: str  # its table, with its schema, which stays
    dry_run: bool  # whether nothing was written or recorded
    written: bool  # whether the files are new; false too where they had been converted before
    recorded: bool  # whether what has run is recorded now
    edited: list[str]  # ids of migrations whose files were there, and are not as they would be converted
    migrations: list[AdoptedMigration]  # in their order
    pending: int  # migrations that `migrate` is to run
    differences: list[str]  # between the database and what the files build, let pass by --accept-differences
