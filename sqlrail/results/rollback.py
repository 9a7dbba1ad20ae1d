"""The JSON of `rollback`."""

from __future__ import annotations

from typing import TypedDict

from sqlrail.results.plan import LossResult


class RolledBackResult(TypedDict):
    """A migration that this run took back."""

    id: str  # of the migration
    seconds: float  # wall time
    stored: bool  # by what was kept of its rollback, for its file is not here
    code: list[str]  # names of the code files that were in its way, and were made again with it


class WouldRollBackResult(TypedDict):
    """A migration that a dry run would take back."""

    id: str  # of the migration
    stored: bool  # by what was kept of its rollback, for its file is not here
    losses: list[LossResult]  # of live rows
    unknown: str | None  # why that may not be all that is lost; null: it is


class RollbackResult(TypedDict):
    """What `rollback` took back."""

    rolled_back: list[RolledBackResult]  # the newest first
    still_applied: int  # migrations
    dry_run: bool  # whether nothing was to be taken back
    would_roll_back: list[WouldRollBackResult]  # of a dry run, the newest first
