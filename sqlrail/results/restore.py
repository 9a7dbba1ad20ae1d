"""The JSON of `restore`."""

from __future__ import annotations

from typing import TypedDict

from sqlrail.results.archive import Archived


class LeftResult(TypedDict):
    """Rows of one table that stay in the archive for one reason."""

    table: str  # with its schema
    action: Archived  # why they were archived
    reason: str  # why they stay
    rows: int  # how many
    samples: list[dict[str, str | None]]  # keys of a few of them: columns with their values, as text


class RestoredResult(TypedDict):
    """What became of a relation's archived rows, those of cascades included."""

    relation: str  # as `archive list` has it
    restored: int  # rows
    left: int  # rows that stay in the archive
    reasons: list[LeftResult]  # why they stay


class RestoreResult(TypedDict):
    """What `restore` put back."""

    run: int | None  # the restore's own number; null: nothing was put back
    of: int  # the run whose rows these are
    relations: list[RestoredResult]
    notes: list[str]  # values whose column is gone, sequences that are behind
