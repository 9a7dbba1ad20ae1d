"""The JSON of `archive list` and `archive purge`."""

from __future__ import annotations

from typing import Literal, TypedDict

#: what made a row go into the archive: it was an orphan, had no value, violated a check or was a duplicate, went with
#: such a row, or was changed; older versions call the rows of the first three orphans
Archived = Literal[
    "orphan",
    "not null",
    "check",
    "cascade",
    "set null",
    "set default",
    "set value",
    "duplicate",
    "set reference",
]
#: the verbs that change rows, and log it
LoggedVerb = Literal["migrate", "cleanup", "restore", "purge"]


class LoggedResult(TypedDict, total=False):
    """What a run noted of one relation; which keys are there depends on its verb, and on the version that noted it."""

    relation: str  # child.column -> parent.key, or another constraint
    parent: str | None  # cleanup: the parent table with its schema; null of what is no relation
    orphans: int  # cleanup: rows without a parent
    deleted: int  # cleanup: rows
    changed: int  # cleanup: rows whose columns were set to null, to their default or to a value
    archived: int  # cleanup: rows, those of cascades included
    of: int  # restore, purge: the run whose rows these were
    restored: int  # restore: rows
    left: int  # restore: rows that stayed in the archive
    purged: int  # purge: rows


class ArchivedResult(TypedDict):
    """Rows of a run that are still in the archive."""

    relation: str  # child.column -> parent.key, or another constraint
    source: str  # the table that they were in
    action: Archived  # why they were archived
    rows: int  # how many


class RunResult(TypedDict):
    """A run that changed something; where somebody has deleted its entry, and left its rows, what it said is null."""

    run: int  # its number
    at: str | None  # when it began, ISO 8601 in UTC
    verb: LoggedVerb | None  # that made it
    migration: str | None  # id of the file that declared its cleanup
    actor: str | None  # who ran it
    relations: list[LoggedResult]
    archived: list[ArchivedResult]
    rows: int  # all that are still in the archive


class ArchiveResult(TypedDict):
    """What `archive list` found."""

    runs: list[RunResult]  # by their number
    rows: int  # all that are in the archive


class PurgedResult(TypedDict):
    """Archived rows of one run."""

    of: int  # the run
    rows: int  # how many


class PurgeResult(TypedDict):
    """What `archive purge` deleted for good."""

    run: int | None  # the purge's own number; null: nothing was deleted
    purged: list[PurgedResult]
    rows: int  # all that were deleted
    undated: list[PurgedResult]  # rows that stay because nothing says how old they are
