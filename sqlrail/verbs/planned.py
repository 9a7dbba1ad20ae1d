"""What plan says: of a run, of each pending file, of each statement in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from sqlrail.files.file import File
from sqlrail.files.pieces import Piece
from sqlrail.foresight.contract import Contract, Judged
from sqlrail.foresight.judged import Check, Loss
from sqlrail.foresight.live import Failure
from sqlrail.foresight.trial import NOT_TRIED, Trial
from sqlrail.orphans.cleaned import Cleaned
from sqlrail.scratch.seen import MODES, brief
from sqlrail.verbs.lint import Finding
from sqlrail.verbs.plan_fills import Fill

if TYPE_CHECKING:
    from sqlrail.results.plan import (
        Blocked,
        LockedResult,
        LockMode,
        Outcome,
        PlannedFileResult,
        PlannedResult,
        PlanResult,
        RelationKind,
        TouchedResult,
        Verdict,
    )
    from sqlrail.results.status import CodeState, Phase

#: each worse than those before it; what was not rehearsed is unknown
VERDICTS: tuple[Verdict, ...] = ("instant", "scans", "blocks", "rewrites", "unknown", "fails", "loses data")


@dataclass(frozen=True)
class Touched:
    """What a statement does to a relation of the live database.

    A lock of None adds nothing to what the file's transaction has already. Rows (None: not known) and bytes are the
    live database's, an index's rows its table's; is_live is false where only the files have such a relation.
    """

    relation: str
    kind: RelationKind
    lock: LockMode | None
    scanned: bool
    rewritten: bool
    is_live: bool = False
    rows: int | None = None
    bytes: int | None = None

    @property
    def is_work(self) -> bool:
        """Whether it takes the longer, the more rows there are."""
        return (self.scanned or self.rewritten) and self.is_live and self.rows != 0

    @property
    def blocks(self) -> tuple[Blocked, ...]:
        """What the lock keeps waiting: reads, writes, or neither."""
        return blocked_by(MODES.index(self.lock)) if self.lock and self.is_live else ()

    def as_json(self) -> TouchedResult:
        """The same for scripts; rows are as the statistics estimate them."""
        return {
            "relation": self.relation,
            "kind": self.kind,
            "lock": self.lock,
            "blocks": list(self.blocks),
            "scanned": self.scanned,
            "rewritten": self.rewritten,
            "live": self.is_live,
            "rows": self.rows,
            "bytes": self.bytes,
        }


@dataclass(frozen=True)
class Locked:
    """A function, a type or the like that a statement locks: other DDL waits, whoever calls it does not."""

    kind: str
    name: str
    lock: LockMode

    @property
    def blocks(self) -> str:
        """Which DDL it keeps waiting; what makes use of an object locks it in the weakest way."""
        return "DDL that uses it" if self.lock == MODES[-1] else "DDL on it"

    def as_json(self) -> LockedResult:
        """The same for scripts."""
        return {"object": self.name, "kind": self.kind, "lock": self.lock}


@dataclass(frozen=True)
class Planned:
    """A statement as it was rehearsed; a note says why it was not.

    Notices are the server's, of what is there already and what goes along; fails is its sentence where the live
    database as it is does not let the statement pass.
    """

    text: str
    line: int
    column: int
    verdict: Verdict
    touched: tuple[Touched, ...] = ()
    objects: tuple[Locked, ...] = ()
    note: str | None = None
    outcome: Outcome | None = None
    checks: tuple[Check, ...] = ()
    losses: tuple[Loss, ...] = ()
    notices: tuple[str, ...] = ()
    fails: str | None = None

    @property
    def place(self) -> tuple[int, int]:
        """Line and column in its file."""
        return self.line, self.column

    @property
    def blocks(self) -> tuple[Blocked, ...]:
        """What its locks keep waiting, for however long."""
        found = {what for one in self.touched for what in one.blocks}
        return tuple(what for what in ("reads", "writes") if what in found)

    def as_json(self) -> PlannedResult:
        """The same for scripts."""
        return {
            "line": self.line,
            "column": self.column,
            "statement": self.text,
            "verdict": self.verdict,
            "blocks": list(self.blocks),
            "relations": [one.as_json() for one in self.touched],
            "objects": [one.as_json() for one in self.objects],
            "note": self.note,
            "outcome": self.outcome,
            "checks": [one.as_json() for one in self.checks],
            "losses": [one.as_json() for one in self.losses],
            "notices": list(self.notices),
            "fails": self.fails,
        }


@dataclass(frozen=True)
class PlannedFile:
    """A pending file: the worst of its statements' verdicts, and what its cleanups would find on the live database."""

    id: str
    path: str
    transactional: bool
    verdict: Verdict
    statements: tuple[Planned, ...] = ()
    cleanup: tuple[Cleaned, ...] = ()
    findings: tuple[Finding, ...] = ()
    backfill: Fill | None = None
    queries: tuple[Judged, ...] | None = None
    says_phase: Phase = "before"  # of its directive
    code: tuple[str, ...] = ()  # names of code files that are dropped in front of it, and made again

    @property
    def phase(self) -> Phase | None:
        """Of a deployment, as the queries of the running release say: where they all hold, or where one breaks."""
        if any(one.verdict == "breaks" for one in self.queries or ()):
            return "after"
        return "before" if self.queries == () else None

    def as_json(self) -> PlannedFileResult:
        """The same for scripts; the findings are without the file's id and path."""
        return {
            "id": self.id,
            "path": self.path,
            "transactional": self.transactional,
            "verdict": self.verdict,
            "statements": [one.as_json() for one in self.statements],
            "cleanup": [one.as_json() for one in self.cleanup],
            "findings": [finding.remark() for finding in self.findings],
            "backfill": self.backfill.as_json() if self.backfill else None,
            "queries": None if self.queries is None else [one.as_json() for one in self.queries],
            "code": list(self.code),
            "phase": self.phase,
            "says_phase": self.says_phase,
        }


@dataclass(frozen=True)
class Plan:
    """What a migrate would do; the majors are the live server's and that of the rehearsal, None if there was none.

    is_counted is false where the live rows were not to be looked at, is_empty true where no table that a file touches
    has any. The trial says what became of the files over a copy of the live rows.
    """

    files: tuple[PlannedFile, ...]
    applied: int
    live: int
    rehearsed: int | None = None
    notes: tuple[str, ...] = ()
    is_counted: bool = True
    is_empty: bool = False
    trial: Trial = NOT_TRIED
    contract: Contract | None = None
    code: tuple[tuple[str, CodeState], ...] = ()  # names of what is run behind the files
    waiting: tuple[str, ...] = ()  # ids of files that are left for they say `-- phase: after`

    @property
    def is_instant(self) -> bool:
        """Whether nothing in it takes longer than a moment, no cleanup would be refused, and no query breaks."""
        refused = any(one.refusals for file in self.files for one in file.cleanup)
        refused = refused or any(file.phase == "after" for file in self.files)
        behind = self.contract.files.get(None, ()) if self.contract else ()
        refused = refused or any(one.verdict == "breaks" for one in behind)
        return not refused and all(file.verdict == VERDICTS[0] for file in self.files)

    def as_json(self) -> PlanResult:
        """The same for scripts."""
        return {
            "files": [file.as_json() for file in self.files],
            "code": [{"name": name, "state": state} for name, state in self.code],
            "already_applied": self.applied,
            "waiting": list(self.waiting),
            "instant": self.is_instant,
            "server_major": self.live,
            "rehearsed_major": self.rehearsed,
            "notes": list(self.notes),
            "counted": self.is_counted,
            "empty": self.is_empty,
            "trial": self.trial.as_json(),
            "queries": self.contract.as_json() if self.contract else None,
        }


def blocked_by(lock: int) -> tuple[Blocked, ...]:
    """What a lock keeps waiting."""
    if lock == MODES.index("ACCESS EXCLUSIVE"):
        return ("reads", "writes")
    return ("writes",) if lock >= MODES.index("SHARE") else ()


def losing(planned: PlannedFile, losses: Sequence[tuple[Loss, ...]]) -> PlannedFile:
    """A file with what its statements would lose; what it says itself that it loses is no verdict."""
    known = zip_longest(planned.statements, losses[: len(planned.statements)], fillvalue=())
    statements = tuple(
        replace(
            one, losses=its, verdict="loses data" if any(it.because is None for it in its) else one.verdict
        )
        for one, its in known
        if isinstance(one, Planned)
    )
    worst = max((planned.verdict, *(one.verdict for one in statements)), key=VERDICTS.index)
    return replace(planned, verdict=worst, statements=statements)


def filling(planned: PlannedFile, backfill: Fill | None) -> PlannedFile:
    """A file with what its backfill comes to: its statement walks over all rows of a live table, batch by batch."""
    planned = replace(planned, backfill=backfill)
    if backfill is None or not backfill.is_work:
        return planned
    scans: Verdict = max(planned.verdict, "scans", key=VERDICTS.index)
    statements = tuple(
        replace(
            one,
            verdict=max(one.verdict, "scans", key=VERDICTS.index),
            touched=tuple(
                replace(it, scanned=it.scanned or it.relation == backfill.table) for it in one.touched
            ),
        )
        for one in planned.statements
    )
    return replace(planned, verdict=scans, statements=statements)


def failing(planned: PlannedFile, file: File, failure: Failure) -> PlannedFile:
    """A file as far as it came on a scratch database like the live one, with the statement that fails there.

    What stands behind that, in its file and in later ones, never runs.
    """
    is_it = planned.path == failure.path
    if not is_it and planned.statements:  # ahead of it
        return planned
    all_of_it = [Planned(brief(it), *it.place(it.statements[0].start), "unknown") for it in _pieces(file)]
    failed = max((one.place for one in all_of_it if is_it and one.place <= failure.place), default=(0, 0))
    known = {one.place: one for one in (*all_of_it, *planned.statements)}
    ahead = [one for one in planned.statements if one.place != failed]
    there = [replace(known[failed], verdict="fails", fails=failure.sentence)] if failed in known else []
    note = f"not judged: {failure.at}, ahead of it, fails"
    behind = [replace(one, note=note) for one in all_of_it if one.place > failed]
    statements = (*ahead, *there, *behind)
    worst = max((one.verdict for one in statements), key=VERDICTS.index, default=planned.verdict)
    return replace(planned, verdict=worst, statements=statements)


def _pieces(file: File) -> Iterator[Piece]:
    """Each of its statements; what a COPY loads is passed over."""
    for piece in file.pieces(1):
        for _ in piece.data or ():
            pass
        if piece.statements:
            yield piece
