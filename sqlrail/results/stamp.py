"""The JSON of `stamp`."""

from __future__ import annotations

from typing import TypedDict


class StampedResult(TypedDict):
    """The environment that the database is stamped with."""

    stamp: str  # development, test, staging or production
    before: str | None  # the stamp before; null: it had none
