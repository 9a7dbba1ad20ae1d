"""The JSON of `cleanup`."""

from __future__ import annotations

from typing import TypedDict

from sqlrail.results.relation import CleanedResult


class CleanupResult(TypedDict):
    """What `cleanup` found and did."""

    run: int | None  # the number that `restore` takes; null: nothing was changed
    dry_run: bool  # whether it only looked
    relations: list[CleanedResult]  # in the order in which they were named, or declared


class PrintedResult(TypedDict):
    """What `cleanup --print-sql` would send."""

    sql: str  # a script for psql
