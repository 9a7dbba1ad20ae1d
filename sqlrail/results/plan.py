"""The JSON of `plan`."""

from __future__ import annotations

from typing import Literal, TypedDict

from sqlrail.results.relation import CleanedResult

#: each worse than those before it; what was not rehearsed is unknown
Verdict = Literal["instant", "scans", "blocks", "rewrites", "unknown"]
#: what a lock keeps waiting
Blocked = Literal["reads", "writes"]
#: https://www.postgresql.org/docs/current/explicit-locking.html, the weakest first
LockMode = Literal[
    "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE",
    "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE",
]  # fmt: skip
RelationKind = Literal[
    "table", "partitioned table", "materialized view", "view", "foreign table", "index", "sequence"
]


class TouchedResult(TypedDict):
    """What a statement does to a relation of the live database."""

    relation: str  # with its schema
    kind: RelationKind  # of relation
    lock: LockMode | None  # null: none beyond what the file's transaction has already
    blocks: list[Blocked]  # what that lock keeps waiting
    scanned: bool  # whether all its rows are read
    rewritten: bool  # whether all its rows are written again
    live: bool  # whether the live database has it, and not only the files
    #: in the live database, an index's table's, as the statistics estimate them; null: not known
    rows: int | None
    bytes: int | None  # in the live database; null where it is not there


class LockedResult(TypedDict):
    """A function, a type or the like that a statement locks: other DDL waits, whoever uses it does not."""

    object: str  # its name, with what tells it from others
    kind: str  # function, type and so on
    lock: LockMode  # that the statement takes


class PlannedResult(TypedDict):
    """A statement as it was rehearsed."""

    line: int  # of the file, from 1
    column: int  # in characters, from 1
    statement: str  # its beginning, in one line
    verdict: Verdict  # what it does to the rows of the live database; unknown: it was not rehearsed
    blocks: list[Blocked]  # what its locks keep waiting, for however long
    relations: list[TouchedResult]
    objects: list[LockedResult]
    note: str | None  # why it was not rehearsed


class RemarkResult(TypedDict):
    """What the linter finds dangerous in the file."""

    line: int  # of the file, from 1
    column: int  # in characters, from 1
    rule: str  # a name of squawk's, or unused-ignore or not-linted
    message: str  # what is dangerous about it
    remedy: str  # the safer way


class PlannedFileResult(TypedDict):
    """A pending file."""

    id: str  # of the migration
    path: str  # of its file
    transactional: bool  # whether it runs in one transaction
    verdict: Verdict  # the worst of its statements'
    statements: list[PlannedResult]
    cleanup: list[CleanedResult]  # what its cleanups would find on the live database
    findings: list[RemarkResult]


class PlanResult(TypedDict):
    """What a `migrate` would do."""

    files: list[PlannedFileResult]  # in their order
    applied: int  # migrations that are applied already
    instant: bool  # whether nothing takes longer than a moment, and no cleanup would be refused
    live: int  # major of the live server
    rehearsed: int | None  # major of the server of the rehearsal; null: there was nothing to rehearse
    notes: list[str]  # why the rehearsal may say less than the real run
