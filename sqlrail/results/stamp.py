"""The JSON of `stamp`."""

from __future__ import annotations

from typing import TypedDict

from sqlrail.results.target import Environment


class StampedResult(TypedDict):
    """The environment that the database is stamped with."""

    stamp: Environment  # that it has now
    before: Environment | None  # the one before; null: it had none
