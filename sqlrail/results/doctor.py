"""The JSON of `doctor`."""

from __future__ import annotations

from typing import TypedDict


class FindingResult(TypedDict):
    """What is unhealthy, and what mends it."""

    kind: str  # not_valid and so on: docs/doctor.md has all, and what each is
    table: str  # with its schema
    object: str  # of the table, for people; the id of a migration where the kind is history
    reason: str  # why that is unhealthy
    advice: str | None  # what a person has to decide, or to know
    #: rows that are in the way of what mends it, or too old; null: not counted, or nothing to count
    count: int | None
    uncounted: str | None  # why they were not counted
    relation: str | None  # child.column -> parent.key, whose orphans have to go first
    now: list[str]  # statements that mend it, for one transaction, behind the relation's cleanup
    later: list[str]  # statements that mend it after that, each on its own, outside a transaction


class MadeResult(TypedDict):
    """A migration that --write made."""

    id: str  # of the migration
    path: str  # of its file


class HealthResult(TypedDict):
    """What is unhealthy in the database."""

    database: str  # user@host:port/name
    findings: list[FindingResult]
    made: list[MadeResult]
