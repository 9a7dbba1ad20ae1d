"""The JSON of `rollback`."""

from __future__ import annotations

from typing import TypedDict


class RolledBackResult(TypedDict):
    """A migration that this run took back."""

    id: str  # of the migration
    seconds: float  # wall time
    stored: bool  # by what was kept of its rollback, for its file is not here


class RollbackResult(TypedDict):
    """What `rollback` took back."""

    rolled_back: list[RolledBackResult]  # the newest first
    still_applied: int  # migrations
