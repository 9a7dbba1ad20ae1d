"""What a migrate would do: each pending file rehearsed, and held against the live database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from yoyo.migrations import MigrationList

from sqlrail.engine.backend import Backend
from sqlrail.errors import (
    MissingPrerequisite,
)
from sqlrail.files.citus import moves_rows
from sqlrail.files.code import Code, read_stored
from sqlrail.files.file import File, check_files
from sqlrail.files.folder import Migrations, read_files, up_to
from sqlrail.foresight.judged import Check
from sqlrail.foresight.left_out import MEND_FIRST
from sqlrail.foresight.live import Failure
from sqlrail.foresight.losses import Losses
from sqlrail.foresight.queries import Query, read
from sqlrail.foresight.rows import foresee, look_at_tables
from sqlrail.foresight.trial import FEW_ON_THEIR_SERVER, NOT_TRIED, Consent, Trial, Work, trial
from sqlrail.ground.events import Listener, Said
from sqlrail.ground.names import join
from sqlrail.ground.settings import Settings
from sqlrail.orphans import survey
from sqlrail.orphans.cleaned import Cleaned, in_their_turn
from sqlrail.postgres.connect import connect
from sqlrail.records import code as code_records
from sqlrail.records import post_apply, problems
from sqlrail.records.code import CodeEntry, CodeRecord
from sqlrail.records.history import Entry
from sqlrail.scratch.scene import Scene
from sqlrail.scratch.seen import MODES, Address, Seen, Watched, locks_of
from sqlrail.verbs import apply, lint, plan_look
from sqlrail.verbs.cleanup import look_at
from sqlrail.verbs.judge import JUDGE, Judge
from sqlrail.verbs.lint import Finding
from sqlrail.verbs.plan_fills import Fill, look_at_backfills
from sqlrail.verbs.plan_tried import tell_tried
from sqlrail.verbs.planned import (
    VERDICTS,
    Locked,
    Plan,
    Planned,
    PlannedFile,
    Touched,
    blocked_by,
    failing,
    filling,
    losing,
)
from sqlrail.verbs.rehearsing import Rehearsed, Rehearsing

if TYPE_CHECKING:
    from sqlrail.results.plan import RelationKind, Verdict
    from sqlrail.results.status import CodeState

#: what asks the live database by the name of a file of sql/
Look = Callable[..., list[tuple[Any, ...]]]
KINDS: dict[str, RelationKind] = {
    "r": "table", "p": "partitioned table", "m": "materialized view", "v": "view", "f": "foreign table",
    "i": "index", "I": "index", "S": "sequence",
}  # fmt: skip


def plan(
    settings: Settings,
    listener: Listener,
    *,
    to: str | None = None,
    allowed: Collection[str] = (),
    consent: Consent = FEW_ON_THEIR_SERVER,
    counts: bool = True,
    samples: bool = False,
    queries: str | None = None,
) -> Plan:
    """Rehearses what a migrate with the same arguments would apply. The live database is only read.

    counts: whether live rows are counted that statements will fail on. samples: whether some batches of each backfill
    are run on the live database, and rolled back, to say how long it takes. queries: a file of those of the release
    that is running, or pg_stat_statements; what they come to behind each file is said.

    Refused, as migrate is, where the history cannot be trusted, and where no scratch database can be made.
    MigrationFailed says where a file failed.
    """
    migrations, files = read_files(settings.migrations)
    with Backend(settings, listener, files) as live:
        looked = look_at_live(live, migrations, to, allowed, samples=samples)
        asked = read(queries, live.connection, settings) if queries else []
    if not looked.due and not looked.pending.code:
        return looked.nothing(is_counted=counts)
    rehearsing = looked.rehearsing(settings, listener, files, asked)
    done = rehearsing.run()
    tried = tried_of(rehearsing, done, looked, consent)
    findings = findings_of(looked, listener)
    return judged(settings, looked, done, findings, tried, is_counted=counts)


@dataclass(frozen=True)
class Looked:
    """What the live database says of its history, and of the rows that cleanups would find."""

    due: list[File]
    pending: Migrations
    applied: MigrationList
    code: Sequence[Code]  # as it has made what is there
    code_states: Mapping[str, CodeState]
    cleanup: dict[str, list[Cleaned]]
    noted: dict[str, int]  # statements that are done already, of files outside a transaction
    records: tuple[tuple[str, str | None], ...]  # hashes and checksums
    major: int
    known: lint.Known
    is_spread: bool  # rows may lie on other nodes
    fills: dict[str, Fill]  # backfills
    waiting: tuple[str, ...]  # ids of files that say `-- phase: after`, and are left

    def rehearsing(
        self, settings: Settings, listener: Listener, files: Mapping[str, File], queries: Sequence[Query] = ()
    ) -> Rehearsing:
        """What rehearses what is due, of these files."""
        history = self.applied, self.pending, self.due, self.noted
        return Rehearsing(settings, listener, files, *history, queries, self.code)

    def nothing(self, *, is_counted: bool) -> Plan:
        """The plan where there is nothing to do."""
        return Plan((), len(self.applied), self.major, is_counted=is_counted, waiting=self.waiting)


def look_at_live(
    live: Backend,
    migrations: Migrations,
    to: str | None,
    allowed: Collection[str],
    *,
    samples: bool,
    judge: Judge = JUDGE,
) -> Looked:
    """Refused, as migrate is, where the history cannot be trusted."""
    wanted = {migration.id for migration in up_to(migrations, to)}
    live.raise_if_old()
    entries, found = problems.find(
        live.settings.migrations, migrations, live.files, live.records, live.notes, live.other_histories()
    )
    problems.refuse(found, allowed)
    if ahead := problems.ahead(entries, found):
        live.listener(ahead)
    turn = apply.turn_of(live, migrations, entries, () if ahead else wanted, judge)
    pending = judge.due(live, migrations, turn.wanted)
    due = apply.check(live, pending)
    cleanup = _previews(live, due)
    recorded = {record.hash for record in live.records}
    made = live.read_code()
    code = code_records.compare(migrations.code, made)
    behind = post_apply.edited(post_apply.compare(migrations.post_apply, live.files, live.post_apply))
    if behind and not due and not ahead:
        live.listener(Said(f"edited since they were run, and run by the next migrate: {', '.join(behind)}"))
    drafts = {file.id for file in live.files.values() if file.is_draft}
    passed = drafts | {*turn.waiting}
    is_run = _runs_code(code, [entry for entry in entries if entry.id not in passed], pending)
    if is_run:
        check_files(migrations.code)
    return Looked(
        due,
        Migrations(pending, pending.post_apply, migrations.code if is_run else ()),
        # Without what runs after the last file: that may need what is pending.
        MigrationList(it for it in migrations if it.hash in recorded),
        _code_there(live, made),
        {entry.name: entry.state for entry in code},
        cleanup,
        {note.id: note.done for note in live.notes if note.operation == "apply"},
        tuple((record.hash, record.checksum) for record in live.records),
        live.connection.info.server_version // 10000,
        lint.known_of(live),
        live.session.server.is_citus,
        look_at_backfills(live, due, samples=samples),
        turn.waiting,
    )


def _runs_code(code: Sequence[CodeEntry], entries: Sequence[Entry], pending: MigrationList) -> bool:
    """Whether code files are run behind the pending files, as migrate does."""
    ids = {migration.id for migration in pending}
    is_behind = all(entry.id in ids or entry.state in ("applied", "edited", "missing") for entry in entries)
    return is_behind and bool(code) and (bool(ids) or bool(code_records.pending(code)))


def _code_there(live: Backend, made: Sequence[CodeRecord]) -> Sequence[Code]:
    """The code files as they have made what is there."""
    texts = live.read_code_texts()
    there = [record.name for record in made if record.is_there]
    names = [name for name in there if name in texts]  # which are for the role alone that has run them
    return read_stored(live.settings.migrations, {name: texts[name] for name in names})


def tried_of(rehearsing: Rehearsing, done: Rehearsed, looked: Looked, consent: Consent) -> Trial:
    """What becomes of the files over a copy of the live rows."""
    is_like = rehearsing.is_whole and not done.likened.failed
    ahead = list(takewhile(lambda file: done.fails is None or str(file.path) != done.fails.path, looked.due))
    work = Work(
        lambda its: rehearsing.build(its, done.provided), looked.pending, ahead, looked.noted, is_like
    )
    tried = trial(rehearsing.settings, rehearsing.listener, work, done.scene, consent)
    return _behind(tried, looked.due[len(ahead) + 1 :], done.fails)


def judged(
    settings: Settings,
    looked: Looked,
    done: Rehearsed,
    findings: tuple[Finding, ...],
    tried: Trial = NOT_TRIED,
    *,
    is_counted: bool,
) -> Plan:
    """What was rehearsed, held against the live rows."""
    due, scene = looked.due, done.scene
    # Nothing is counted yet, so that the connection never lies idle for long.
    with closing(connect(settings)) as live:
        look = partial(plan_look.look, live, settings)
        sizes = _live(look, scene, looked.is_spread)
        is_empty = _is_empty(look, scene, sizes, looked.is_spread)
        tables = look_at_tables(live, settings, scene, due) if is_counted else None
    judge = _Judge(scene.watched, sizes, scene.objects)
    checks = foresee(settings, scene, due, tables) if tables else {}
    planned = [
        replace(
            _graver(
                tell_tried(
                    _checked(judge.file(file, scene.seen.get(file.id)), checks.get(file.id, ())),
                    tried.tried.get(file.id, ()),
                )
            ),
            cleanup=tuple(looked.cleanup[file.id]),
            findings=tuple(finding for finding in findings if finding.id == file.id),
            code=scene.parted.get(file.id, ()),
        )
        for file in due
    ]
    if done.fails is not None:
        files = {file.id: file for file in due}
        planned = [failing(one, files[one.id], done.fails) for one in planned]
    losses = Losses(scene, due, settings, tried.tried, is_counted=is_counted)
    planned = [filling(losing(one, losses.of(one.id)), looked.fills.get(one.id)) for one in planned]
    if done.contract:
        planned = [replace(one, queries=done.contract.files.get(one.id)) for one in planned]
    notes = (*_notes(looked.major, done.major, done.left_out), *done.likened.notes(), *losses.notes())
    applied = len(looked.applied)
    return Plan(
        tuple(planned),
        applied,
        looked.major,
        done.major,
        notes,
        is_counted,
        is_empty=is_empty,
        trial=tried,
        contract=done.contract,
        code=tuple((name, looked.code_states.get(name, "missing")) for name in scene.code),
        waiting=looked.waiting,
    )


def _behind(tried: Trial, files: Iterable[File], fails: Failure | None) -> Trial:
    """With what keeps these files from being tried, which stand behind one that fails in the rehearsal."""
    if fails is None or tried is NOT_TRIED:
        return tried
    why = f"it is behind {fails.at}, which fails: {MEND_FIRST}"
    return replace(tried, not_tried={**tried.not_tried, **{file.id: why for file in files}})


def _checked(planned: PlannedFile, checks: Sequence[tuple[Check, ...]]) -> PlannedFile:
    """The file with what live rows must be like for its statements."""
    statements = (replace(one, checks=found) for one, found in zip(planned.statements, checks, strict=True))
    return replace(planned, statements=tuple(statements)) if checks else planned


def _graver(planned: PlannedFile) -> PlannedFile:
    """The file with the verdicts that its checks lead to."""
    statements = tuple(map(_with_verdict, planned.statements))
    verdicts = [planned.verdict, *(one.verdict for one in statements)]
    return replace(planned, statements=statements, verdict=max(verdicts, key=VERDICTS.index))


def _with_verdict(statement: Planned) -> Planned:
    if not any(one.verdict == "fails" for one in statement.checks):
        return statement
    return replace(statement, verdict=max(statement.verdict, "fails", key=VERDICTS.index))


def _previews(live: Backend, due: Iterable[File]) -> dict[str, list[Cleaned]]:
    """What the cleanups of each file would find in the rows of today."""
    seen = [(file, look_at(live, one, survey.preview)) for file in due for one in file.relations()]
    told: dict[str, list[Cleaned]] = {file.id: [] for file in due}
    for (file, _), one in zip(seen, in_their_turn((file.id, one) for file, one in seen), strict=True):
        told[file.id].append(one)
    return told


def findings_of(looked: Looked, listener: Listener) -> tuple[Finding, ...]:
    """What the linter says of the pending files."""
    try:
        return lint.check(looked.due, looked.major, looked.known)
    except MissingPrerequisite as exc:
        listener(Said(f"{exc} The plan does without its findings."))
        return ()


def _notes(live: int, rehearsed: int, left_out: str | None) -> Iterator[str]:
    if live != rehearsed:
        yield (
            f"rehearsed on PostgreSQL {rehearsed}, and the database is of {live}: what a statement locks, scans or "
            "rewrites, and whether it is understood at all, may differ"
        )
    if left_out:
        yield left_out


# The live database


def _live(look: Look, scene: Scene, is_spread: bool) -> dict[int, tuple[int | None, int]]:
    """Rows and bytes, by the rehearsal's oid, of what was touched and is there; is_spread: on other nodes perhaps."""
    oids = sorted({oid for seen in scene.seen.values() for one in seen for oid in one.changes})
    watched = [scene.watched[oid] for oid in oids]
    named = {"schemas": [it.schema for it in watched], "names": [it.name for it in watched]}
    found = look("plan_live", **named)
    if is_spread:
        found += look("plan_live_nodes", **named)
    return {oids[number - 1]: (rows, size) for number, rows, size in found}


def _is_empty(look: Look, scene: Scene, sizes: dict[int, tuple[int | None, int]], is_spread: bool) -> bool:
    """Whether no table that is touched has rows; where none is, whether none at all has."""
    touched = [rows for oid, (rows, _) in sizes.items() if scene.watched[oid].kind in "rp"]
    if touched:
        return all(rows == 0 for rows in touched)
    ((is_any,),) = look("any_rows")
    return not is_any and (not is_spread or look("any_rows_nodes") == [(False,)])


# The verdicts


class _Judge:
    """Says what the statements of files do to the live database; each file's in turn, for its locks add up."""

    def __init__(
        self,
        watched: dict[int, Watched],
        live: dict[int, tuple[int | None, int]],
        objects: dict[Address, tuple[str, str]],
    ) -> None:
        self.watched, self.live, self.objects = watched, live, objects
        self._locks: dict[int, int] = {}
        self._is_in_the_way = False

    def file(self, file: File, seen: list[Seen] | None) -> PlannedFile:
        self._start_from({})
        judged = tuple(map(self._statement, seen or ()))
        verdicts = ["unknown" if seen is None else VERDICTS[0], *(one.verdict for one in judged)]
        return PlannedFile(
            file.id,
            str(file.path),
            file.transactional,
            max(verdicts, key=VERDICTS.index),
            judged,
            says_phase=file.phase,
        )

    def _start_from(self, locks: dict[int, int]) -> None:
        self._locks, self._is_in_the_way = {}, False
        self._add(locks)

    def _add(self, locks: dict[int, int]) -> None:
        self._locks |= locks
        # What earlier statements have locked stays so to the end of the file.
        self._is_in_the_way |= any(blocked_by(lock) for oid, lock in locks.items() if oid in self.live)

    def _statement(self, seen: Seen) -> Planned:
        if seen.locks is not None:
            self._start_from(seen.locks)
        else:
            self._add(locks_of({oid: after for oid, (_, after) in seen.changes.items()}))
        touched = tuple(one for oid in sorted(seen.changes) for one in self._touched(oid, seen))
        if seen.text.split(" ", 1)[0].upper() == "TRUNCATE":  # an empty file, and nothing is copied into it
            touched = tuple(replace(one, scanned=False, rewritten=False) for one in touched)
        if moves_rows(seen.source):
            touched = tuple(replace(one, rewritten=one.kind == "table") for one in touched)
        objects = tuple(Locked(*self.objects[one], MODES[lock]) for one, lock in sorted(seen.objects.items()))
        verdict: Verdict = "unknown" if seen.is_unseen else self._verdict(touched)
        planned = Planned(seen.text, *seen.place, verdict, touched, objects, seen.note)
        return replace(planned, notices=seen.notices)

    def _touched(self, oid: int, seen: Seen) -> Iterator[Touched]:
        (before, after), it = seen.changes[oid], self.watched[oid]
        lock = after.lock if after.lock > before.lock else -1
        if it.kind in "iIS" and lock < MODES.index("SHARE UPDATE EXCLUSIVE"):
            lock = -1  # every use of a table uses its indexes, and nextval() its sequence
        if it.table and lock <= self._locks.get(it.table, -1):
            lock = -1  # the table's own says as much
        has_rows, is_there = it.kind in "rm", after.filenode != 0
        touched = Touched(
            join(it.schema, it.name),
            KINDS[it.kind],
            MODES[lock] if lock >= 0 else None,
            scanned=has_rows and is_there and after.scans > before.scans,
            rewritten=has_rows and is_there and after.filenode != before.filenode,
        )
        if oid in self.live:
            rows, size = self.live[oid]
            touched = replace(touched, is_live=True, rows=rows, bytes=size)
        if touched.lock or touched.scanned or touched.rewritten:
            yield touched

    def _verdict(self, touched: tuple[Touched, ...]) -> Verdict:
        work = [one for one in touched if one.is_work]
        if not work:
            return "instant"
        if any(one.rewritten for one in work):
            return "rewrites"
        return "blocks" if self._is_in_the_way else "scans"
