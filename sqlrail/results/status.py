"""The JSON of `status`."""

from __future__ import annotations

from typing import Literal, TypedDict

from sqlrail.results.problem import ProblemResult

State = Literal["applied", "pending", "edited", "missing", "late", "ahead"]
#: of a deployment: before the new release, or after the last instance of the old one
Phase = Literal["before", "after"]


PostApplyState = Literal["applied", "edited", "unknown"]


CodeState = Literal["applied", "new", "edited", "dropped", "missing"]


class CodeResult(TypedDict):
    """A code file, or what one has made that is gone."""

    name: str  # of the file, without its .sql
    #: edited: not what was run; dropped: what it made is gone; missing: what it made is there, and the file is gone
    state: CodeState


class PostApplyResult(TypedDict):
    """A file that runs behind the migrations."""

    id: str  # of the file, without its .sql
    #: edited: not what was run last; unknown: it has not been run here, or nobody knows as what
    state: PostApplyState


class EntryResult(TypedDict):
    """A migration, and how its file and its record agree."""

    id: str  # of the migration
    #: edited: not what was applied; missing: applied, and its file is gone; late: pending, and before what is applied;
    #: ahead: applied by a newer release than the one whose folder this is
    state: State
    applied_at: str | None  # ISO 8601 in UTC; null: not applied, or nobody knows when
    checksum: str | None  # sha256:… of the file, or of what was applied where the file is gone
    waits_for: list[str]  # ids of backfills that are not done: its own, and those that it depends on
    phase: Phase | None  # of the deployment, as its file says or by default; null: it has no file


class StatusResult(TypedDict):
    """The history."""

    migrations: list[EntryResult]  # in their order, what is ahead last
    pending: int  # migrations that are pending or late
    code: list[CodeResult]  # by name
    post_apply: list[PostApplyResult]  # in their order
    problems: list[ProblemResult]
