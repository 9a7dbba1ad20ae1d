"""The JSON of `create` and `drop`."""

from __future__ import annotations

from typing import TypedDict


class CreatedResult(TypedDict):
    """A database that is there now."""

    database: str  # its name
    created: bool  # false: it was there before


class DroppedResult(TypedDict):
    """A database that is not there now."""

    database: str  # its name
    dropped: bool  # false: it was not there
