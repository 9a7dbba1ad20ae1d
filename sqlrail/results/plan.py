"""The JSON of `plan`."""

from __future__ import annotations

from typing import Literal, TypedDict

from sqlrail.results.lint import RemarkResult
from sqlrail.results.relation import CleanedResult
from sqlrail.results.status import CodeResult, Phase

#: each worse than those before it; what was not rehearsed is unknown
Verdict = Literal["instant", "scans", "blocks", "rewrites", "unknown", "fails", "loses data"]
CheckKind = Literal[
    "not null", "check", "unique", "exclusion", "foreign key",
    "type", "domain", "partition", "generated", "default",
    "other",  # what the statement itself fails with, as only a trial tells
]  # fmt: skip
#: whether live rows let a statement pass; fails unless: another statement of the pending files may mend or spoil them
CheckVerdict = Literal["passes", "fails", "fails unless", "unknown"]
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


class CheckResult(TypedDict):
    """What the rows of a live table must be like for a statement to pass, and whether they are."""

    kind: CheckKind  # of what must hold
    name: str | None  # of the constraint or index
    relation: str  # the live table, with its schema
    columns: list[str]  # that it is about
    verdict: CheckVerdict  # whether the live rows let the statement pass
    #: that violate it, exactly; of a unique key those that would have to go; null: unknown
    rows: int | None
    keys: list[dict[str, str]]  # primary keys of up to five of them, column by column; no other values
    says: str | None  # the sentence that PostgreSQL would say, without its detail
    remedy: str | None  # a line ready to paste
    unless: str | None  # the statement that may mend or spoil it, as line N or FILE line N
    why: str | None  # why it is unknown
    tried: bool  # whether the trial says it, and not a count


#: what became of a statement over a copy of the live rows
Outcome = Literal["passes", "fails", "unknown"]


class TrialResult(TypedDict):
    """The trial over a copy of the live rows."""

    copied: list[str]  # relations whose rows were copied, with their schemas
    bytes: int  # of those in the live database
    not_tried: dict[str, str]  # ids of files that were not tried to their end, and why


class LossResult(TypedDict):
    """What of the live database a statement would lose."""

    what: str  # such as table public.users, or column public.users.legacy
    kind: str  # how, in a word or two
    rows: int | None  # live rows that would lose something; null: unknown
    because: str | None  # what -- loses: says of it; null: nothing does


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
    outcome: Outcome | None  # what became of it over a copy of the live rows; null: it was not tried
    checks: list[CheckResult]  # what the live rows must be like
    losses: list[LossResult]  # of live rows
    notices: list[str]  # of the server, on what is there already, and on what goes along
    fails: str | None  # what the server would say on the live database; null: it passes


class FillResult(TypedDict):
    """What a backfill comes to: its first pass over the live table."""

    table: str  # that it walks over, with its schema where it is there
    rows: int | None  # about; null: not known, or there is no such table yet
    done: int  # rows that the pass under way has walked over
    batches: int | None  # that are left, about; null: no batch was run, see sampled
    seconds: float | None  # about, with the pauses between batches
    sampled: int  # batches that were run and rolled back to say so
    why: str | None  # what keeps it from being run, or from being known


#: what becomes of a query of the release that is running; stale: it answers otherwise, as plans that are kept do not
QueryVerdict = Literal["breaks", "stale", "may break"]


class QueryResult(TypedDict):
    """A query of the running release that is not as it was behind a file."""

    query: str  # its beginning, in one line, without what its literals hold
    place: str  # FILE:line, or pg_stat_statements
    calls: int | None  # that pg_stat_statements has counted; null: not known
    verdict: QueryVerdict  # stale: it answers with other columns or types
    says: str  # the server's sentence, or why


class UnjudgedResult(TypedDict):
    """A query of the running release that was not looked at, and is not said to hold."""

    query: str  # its beginning, in one line, without what its literals hold
    place: str  # FILE:line, or pg_stat_statements
    why: str  # such as what the server said of it


class QueriesResult(TypedDict):
    """The queries of the running release."""

    judged: int  # that were looked at, in front of the first file and behind each
    not_judged: list[UnjudgedResult]
    #: that are not as they were behind the code files and post-apply.sql, by what these change; null: none runs
    code: list[QueryResult] | None


class PlannedFileResult(TypedDict):
    """A pending file."""

    id: str  # of the migration
    path: str  # of its file
    transactional: bool  # whether it runs in one transaction
    verdict: Verdict  # the worst of its statements'
    statements: list[PlannedResult]
    cleanup: list[CleanedResult]  # what its cleanups would find on the live database
    findings: list[RemarkResult]
    backfill: FillResult | None  # null: it is none
    queries: list[QueryResult] | None  # that are not as they were; null: not looked at
    code: list[str]  # names of the code files that are dropped in front of it, and made again behind it
    #: of the deployment it belongs to, as the queries say: after, where one breaks that the running release asks, and
    #: before, where none does; null: not known
    phase: Phase | None
    says_phase: Phase  # as its file says: `-- phase: after`, or before where that says nothing


class PlanResult(TypedDict):
    """What a `migrate` would do."""

    files: list[PlannedFileResult]  # in their order
    #: code files that are run behind them, in their order; of state applied: it leans on another one
    code: list[CodeResult]
    already_applied: int  # migrations that were applied before
    waiting: list[str]  # ids of pending files that say `-- phase: after`, which --phase before leaves
    #: whether nothing takes longer than a moment, no cleanup would be refused, and no query that was named breaks
    instant: bool
    server_major: int  # of the live server
    rehearsed_major: int | None  # of the server of the rehearsal; null: there was nothing to rehearse
    notes: list[str]  # why the rehearsal may say less than the real run
    counted: bool  # whether the live rows were looked at; false: all checks are empty
    empty: bool  # whether no live table that a pending file touches has any rows
    trial: TrialResult
    queries: QueriesResult | None  # null: none were named
