"""The JSON of `new`."""

from __future__ import annotations

from typing import TypedDict


class NewResult(TypedDict):
    """The two files that were made."""

    id: str  # of the migration
    path: str  # of the migration's file
    rollback: str  # path of the file that takes it back
