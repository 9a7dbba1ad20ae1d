"""The JSON of what applications and scripts ask for."""

from __future__ import annotations

from typing import Any, TypedDict


class CleanedResult(TypedDict):
    """What became of a relation's orphans; what nobody has looked at is None."""

    child: str
    column: str
    columns: list[str]
    parent: str
    key: str
    keys: list[str]
    orphans: int
    action: str | None
    undecided: bool
    deleted: int
    changed: int
    archived: int
    left: int
    rows: int | None
    missing_keys: int | None
    null_keys: int | None
    mixed_keys: int
    timestamp: str | None
    oldest: str | None
    newest: str | None
    samples: list[dict[str, Any]]
    run: int | None
    skipped: str | None
    refusals: list[str]
    triggers: list[str]
    cascades: list[str]
    foreign_keys: list[str]


class AppliedResult(TypedDict):
    """A migration that this call has committed."""

    id: str
    seconds: float
    cleanup: list[CleanedResult]


class AllowedResult(TypedDict):
    """Ids of what was let pass."""

    late: list[str]
    missing: list[str]


class MigrateResult(TypedDict):
    """What `migrate --json` prints, but for its target."""

    applied: list[AppliedResult]
    already_applied: int
    pending: int
    taken_over: list[str]
    allowed: AllowedResult


class ResetResult(MigrateResult):
    """What `reset --json` prints, but for its target; a seed is the file whose rows were loaded."""

    seed: str | None


class EntryResult(TypedDict):
    """A migration; its state is applied, pending, edited, missing or late, its time ISO 8601 in UTC."""

    id: str
    state: str
    applied_at: str | None
    checksum: str | None


class ProblemResult(TypedDict):
    """What is wrong with the history; what does not refuse keeps `migrate` from nothing."""

    kind: str
    id: str
    message: str
    refuses: bool


class StatusResult(TypedDict):
    """What `status --json` prints, but for its target."""

    migrations: list[EntryResult]
    pending: int
    problems: list[ProblemResult]
