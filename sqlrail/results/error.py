"""The JSON of every verb that fails."""

from __future__ import annotations

from typing import Literal, TypedDict

from sqlrail.results.problem import ProblemResult
from sqlrail.results.repair import RepairResult

#: the classes of errors, in snake_case
ErrorKind = Literal[
    "bad_file", "bug", "busy", "command_failed", "connection_failed", "connection_lost", "database_failed",
    "file_failed", "interrupted", "local_server_failed", "migration_failed", "missing_prerequisite", "no_scratch",
    "read_only_server", "refused", "settings_error", "usage_error", "wrong_database",
]  # fmt: skip


class BlockerResult(TypedDict):
    """Somebody who was in the way; what this role may not know is null."""

    pid: int | None  # null of a prepared transaction
    kind: str | None  # PostgreSQL's word: client backend, autovacuum worker
    prepared: str | None  # the name of a prepared transaction
    application: str | None  # the application_name of its connection
    user: str | None  # its role
    state: str | None  # PostgreSQL's word: active, idle in transaction; or prepared
    transaction_seconds: float | None  # since its transaction began
    query: str | None  # its newest, or the beginning of that
    waits: bool  # whether it waits for a lock itself
    holds: list[str]  # modes of locks; empty where it is only ahead in the queue
    is_hidden: bool  # whether this role may not see what it does
    waited_for: str  # the lock that it was in the way of


class InTheWayResult(TypedDict):
    """What a `reset` would drop, and may not."""

    kind: str  # table, schema, extension and so on
    name: str  # with its schema
    owner: str  # a role


class PlaceResult(TypedDict):
    """Where in its file a statement failed."""

    path: str  # of the file
    line: int  # of the file, from 1
    column: int  # in characters, from 1


class ErrorDetails(TypedDict, total=False):
    """What some errors say besides."""

    sqlstate: str  # PostgreSQL's code of what it refused; SR001: a guard of ours in SQL did
    place: PlaceResult  # of a file's statement that failed
    problems: list[ProblemResult]  # why the history cannot be trusted
    faults: list[str]  # all that is wrong with the files, each with its place
    blockers: list[BlockerResult]  # who was in the way, where a lock was waited for in vain; empty: not known
    in_the_way: list[InTheWayResult]  # of a `reset`
    differences: list[str]  # of a `baseline`: what the database lacks or has otherwise
    repairs: list[RepairResult]  # of a `repair` that was not confirmed: what it would accept


class ErrorResult(ErrorDetails):
    """What went wrong, and what stands all the same."""

    kind: ErrorKind  # for scripts
    message: str  # what happened, where, and what to do
    #: 1: failed; 2: wrong usage, settings or file; 3: refused; 128 + n: interrupted by the signal n
    exit_code: int
    applied: list[str]  # ids of the migrations that this run had committed before
    rolled_back: list[str]  # ids of the migrations that this run had taken back before


class ErrorDocument(TypedDict):
    """What every verb prints where it fails."""

    error: ErrorResult
