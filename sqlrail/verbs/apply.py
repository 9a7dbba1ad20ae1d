"""The verbs about history: migrate and status."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from yoyo.migrations import MigrationList, get_migration_hash

from sqlrail.engine import elsewhere
from sqlrail.engine.backend import Backend
from sqlrail.engine.news import Applied
from sqlrail.engine.operation import Apply, PostApply
from sqlrail.errors import BadFile, Bug, SqlrailError
from sqlrail.files.file import File, check_files
from sqlrail.files.folder import read_files, up_to
from sqlrail.files.kept import LIMIT, is_too_large
from sqlrail.ground.events import Ahead, Filled, HistoryRead, Listener, Noted, Said, Warned
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import printable
from sqlrail.records import code as code_records
from sqlrail.records import leaving, phases, post_apply, problems
from sqlrail.records.code import CodeEntry
from sqlrail.records.code import pending as pending_code
from sqlrail.records.history import Entry, compare
from sqlrail.records.phases import Turn
from sqlrail.records.post_apply import PostApplyEntry
from sqlrail.records.problems import Problem
from sqlrail.verbs.judge import JUDGE, Judge

if TYPE_CHECKING:
    from sqlrail.results.migrate import FilledResult, MigrateResult
    from sqlrail.results.status import Phase, StatusResult

#: how many of the problems that harm nothing are said one by one
SAID = 3


@dataclass(frozen=True)
class Migrated:
    """What a run applied, how much was there before it and is left, and what it took over or let pass."""

    applied: tuple[Applied, ...]
    already_applied: int
    pending: int = 0
    taken_over: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    ahead: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()  # they say `-- phase: after`
    code: tuple[str, ...] = ()  # names of the code files that were run
    code_pending: int = 0  # that are to be run still
    post_apply: tuple[str, ...] = ()  # ids of the files that were run behind all

    def as_json(self) -> MigrateResult:
        """The same for scripts; seconds are wall time."""
        return {
            "applied": [
                {
                    "id": done.id,
                    "seconds": done.seconds,
                    "cleanup": [one.as_json() for one in done.cleanup],
                    "backfill": done.backfill and filled_as_json(done.backfill),
                    "code": list(done.code),
                }
                for done in self.applied
            ],
            "already_applied": self.already_applied,
            "pending": self.pending,
            "left": list(self.left),
            "waiting": list(self.waiting),
            "taken_over": list(self.taken_over),
            "allowed": {"late": list(self.late), "missing": list(self.missing)},
            "ahead": list(self.ahead),
            "code": list(self.code),
            "post_apply": list(self.post_apply),
            "code_pending": self.code_pending,
        }


def filled_as_json(done: Filled) -> FilledResult:
    """What a backfill has come to, for scripts."""
    return {
        "rows_walked": done.walked,
        "rows_changed": done.changed,
        "batches": done.batches,
        "passes": done.passes,
        "wal_bytes": done.wal,
        "dead_rows": done.dead,
    }


class Status(NamedTuple):
    """The state of every migration, in order, and all that is wrong."""

    entries: list[Entry]
    problems: list[Problem]
    code: Sequence[CodeEntry] = ()
    post_apply: Sequence[PostApplyEntry] = ()

    def is_well(
        self, *, may_be_ahead: bool = False, may_leave_backfills: bool = False, phase: Phase | None = None
    ) -> bool:
        """Whether all files are applied, and nothing forbids the next run.

        may_be_ahead: also if a newer release has been here; may_leave_backfills: also if `backfill` has work to do;
        phase: of the deployment, of which alone files have to be applied.
        """
        applied = all(
            entry.state in ("applied", "ahead")
            or (may_leave_backfills and entry.may_be_left)
            or (entry.state == "pending" and phase not in (None, entry.phase))
            for entry in self.entries
        )
        ahead = problems.ahead(self.entries, self.problems)
        is_behind_due = pending_code(self.code) or post_apply.edited(self.post_apply)
        applied = applied and (not is_behind_due or ahead is not None)
        return applied and (may_be_ahead or ahead is None) and not any(it.refuses for it in self.problems)

    def as_json(self) -> StatusResult:
        """The same for scripts."""
        return {
            "migrations": [
                {
                    "id": entry.id,
                    "state": entry.state,
                    "applied_at": f"{entry.applied_at.isoformat()}Z" if entry.applied_at else None,
                    "checksum": entry.checksum,
                    "waits_for": list(entry.waits_for),
                    "phase": entry.phase,
                }
                for entry in self.entries
            ],
            "pending": sum(entry.state in ("pending", "late") for entry in self.entries),
            "code": [{"name": entry.name, "state": entry.state} for entry in self.code],
            "post_apply": [{"id": entry.id, "state": entry.state} for entry in self.post_apply],
            "problems": [problem.as_json() for problem in self.problems],
        }


def migrate(
    settings: Settings,
    listener: Listener,
    *,
    to: str | None = None,
    allowed: Collection[str] = (),
    stamp: bool = False,
    confine: Callable[[File], File] | None = None,
    read: Callable[[Path], tuple[MigrationList, dict[str, File]]] = read_files,
    judge: Judge = JUDGE,
) -> Migrated:
    """Applies what is pending, up to one migration or all of it, each file with its pre-step in one transaction.

    Refused, with the whole list, where the history cannot be trusted; kinds in allowed, "late" and "missing",
    pass. Every pending file is checked before the first one runs. SqlrailError lists in `applied` what was committed.
    A database without a stamp gets the environment's if it has no records, or if stamp says so. confine: takes out of
    a file what must not be run on this database. read: reads the folder; judge: says what it comes to.
    """
    migrations, files = read(settings.migrations)
    wanted = {migration.id for migration in up_to(migrations, to)}
    with Backend(settings, listener, files) as backend:
        return apply(backend, migrations, wanted, allowed=allowed, stamp=stamp, confine=confine, judge=judge)


def apply(
    backend: Backend,
    migrations: MigrationList,
    wanted: Collection[str],
    *,
    allowed: Collection[str] = (),
    stamp: bool = False,
    confine: Callable[[File], File] | None = None,
    judge: Judge = JUDGE,
) -> Migrated:
    """The same with what the backend is at work for, and has read of it."""
    settings, listener, files = backend.settings, backend.listener, backend.files
    late, told, made = list[str](), list[Ahead](), tuple[str, ...]()
    _check_place(backend, listener, files)

    def look() -> tuple[list[Entry], list[Problem]]:
        entries, found = _look(backend, migrations, wanted, allowed, late, judge)
        if (ahead := problems.ahead(entries, found)) and [ahead] != told:
            listener(ahead)
            told[:] = [ahead]
        return entries, found

    def look_again() -> bool:
        look()
        return not told

    entries, found = look()
    wanted, left = _chosen(settings, entries, wanted, listener) if not told else ((), told[0].left)
    turn = turn_of(backend, migrations, entries, wanted, judge)
    wanted, waiting = turn.wanted, turn.waiting if not told else told[0].waiting
    applied_before = [entry.id for entry in entries if entry.state in problems.RUN]
    newest = get_migration_hash(applied_before[-1]) if applied_before else None
    unapplied = {entry.id: entry.state for entry in entries if entry.state in ("pending", "late")}
    missing = tuple(entry.id for entry in entries if entry.state == "missing")
    _say(listener, found, missing, allowed)
    if backend.is_old:
        backend.prepare()
    pending = judge.due(backend, migrations, wanted)
    listener(HistoryRead(applied_before[-1] if applied_before else None, len(pending)))
    if any(file.backfill or not file.transactional for file in check(backend, pending)):
        backend.own_tables()  # where their notes are kept
    still = unapplied.keys() - {it.id for it in pending} | {*left}
    waits = bool(told) or any(not files[id_].is_draft for id_ in still - {*waiting})
    due, code_waiting = ([], 0) if told else _code_due(backend, migrations, waits=waits)
    edited = [] if waits else _edited_behind(backend, migrations)
    stamps = _stamps(backend, listener, asked=stamp)
    if pending and not backend.has_records:
        _warn_of_publications(backend)
    try:
        if pending or due or edited:
            backend.prepare()
        known = {} if told else files  # what an older release's files say is not written down
        taken_over = backend.tables.take_over(
            known, missing if pending else (), stamps=stamps, furthers=bool(pending or due)
        )
        _say_what_is_not_kept(backend, pending)
        if pending or due or edited or settings.interrupted:  # else what runs files need not be loaded
            confined = {id_: confine(file) for id_, file in files.items()} if confine else files
            operation = Apply(pending, newest, late, look_again)
            is_alone = bool(edited) and not pending and not due
            made = _run(
                backend, operation, migrations, pending, confined, runs_code=not waits, is_edited=is_alone
            )
    except Exception as exc:
        failure = exc if isinstance(exc, SqlrailError) else Bug(exc)
        failure.applied = [done.id for done in backend.done]
        raise failure from failure.__cause__
    applied = tuple(done for done in backend.done if done.id in wanted)  # and not those of post-apply files
    behind = {migration.id for migration in migrations.post_apply}
    ahead, left, waiting = (told[0].ids, told[0].left, told[0].waiting) if told else ((), left, waiting)
    still |= {*left, *waiting}  # another release may have come meanwhile
    return Migrated(
        applied, len(migrations) - len(applied) - len(still), len(still), tuple(taken_over), tuple(late), missing,
        ahead, left, waiting, made, code_waiting, tuple(done.id for done in backend.done if done.id in behind),
    )  # fmt: skip


def turn_of(
    backend: Backend,
    migrations: MigrationList,
    entries: Sequence[Entry],
    wanted: Collection[str],
    judge: Judge,
) -> Turn:
    """What of what is wanted belongs to the phase of this run; what overtakes other files has been rehearsed."""
    turn = phases.turn(backend.settings.phase, entries, backend.files, wanted)
    if turn.overtaking:
        judge.refuse_unlike(backend, migrations, turn.overtaking)
    if turn.waiting:
        backend.listener(Said(f"waiting for `migrate --phase after`: {', '.join(turn.waiting)}"))
    return turn


def _code_due(backend: Backend, migrations: MigrationList, *, waits: bool) -> tuple[list[str], int]:
    """The code files that are to be run, all checked; and how many have to wait, since migrations are left."""
    if not migrations.code:
        return [], 0
    due = pending_code(code_records.compare(migrations.code, backend.read_code()))
    if waits:
        return [], len(due)
    check_files(migrations.code)
    return due, 0


def _edited_behind(backend: Backend, migrations: MigrationList) -> list[str]:
    """The ids of the post-apply files that were edited since they were run; all such files checked, if there is one."""
    found = post_apply.edited(post_apply.compare(migrations.post_apply, backend.files, backend.post_apply))
    if found:
        _check([], _behind(backend, migrations))
    return found


def _chosen(
    settings: Settings, entries: Sequence[Entry], wanted: Collection[str], listener: Listener
) -> tuple[Collection[str], tuple[str, ...]]:
    """What is to be run of what is wanted, and the ids of the backfills, and what depends on one, that are left."""
    due, behind, first = leaving.left(entries, settings.phase)
    if settings.backfills == "skip":
        left = tuple(id_ for entry in entries for id_ in [entry.id] if entry.waits_for and id_ in wanted)
        if left:
            listener(Said(f"left to `backfill`: {', '.join(left)}"))
        return {*wanted} - {*left}, left
    if settings.backfills == "only":
        left = tuple(id_ for id_ in behind if id_ in wanted)
        if left:
            listener(Said(f"left to a later run: {', '.join(left)}; `migrate` has to apply {first} before"))
        return {*wanted} & {*due}, left
    return wanted, ()


def _run(
    backend: Backend,
    operation: Apply,
    migrations: MigrationList,
    pending: MigrationList,
    files: Mapping[str, File],
    *,
    runs_code: bool,
    is_edited: bool,
) -> tuple[str, ...]:
    """The names of the code files that it has run behind them. is_edited: only post-apply files are to be run."""
    runner = backend.runner(operation, files)
    code = migrations.code if runs_code else ()
    runner.apply(pending, code)
    made = runner.run_code(code)
    # Another runner may have been quicker, and does it then.
    if backend.done and pending.post_apply and not _is_overtaken(backend, migrations):
        runner.run_post_apply(pending)
    elif is_edited:
        # All of them, as behind a migration: others may count on what one makes.
        backend.runner(PostApply(backend.post_apply), files).run_post_apply(migrations)
    runner.say_if_untold()
    return made


def _say_what_is_not_kept(backend: Backend, pending: MigrationList) -> None:
    for migration in pending if backend.keeps_rollbacks else ():
        if is_too_large(backend.files[migration.id]):
            backend.listener(
                Said(
                    f"the rollback of {migration.id} is larger than {LIMIT >> 10} kB, and is not kept in the database"
                )
            )


def _is_overtaken(backend: Backend, migrations: MigrationList) -> bool:
    """Whether a newer release has applied more meanwhile, and its post-apply files after it: ours are older."""
    backend.read_history()
    entries = compare(migrations, backend.files, backend.records)
    newer = [entry.id for entry in entries if entry.state == "ahead"]
    if newer:
        backend.listener(
            Said(f"a newer release has applied {', '.join(newer)} meanwhile: post-apply files are left to it")
        )
    return bool(newer)


def _check_place(backend: Backend, listener: Listener, ids: Collection[str]) -> None:
    """Refused where the records of these files are in another schema than the one that would be written to."""
    found = elsewhere.find(backend, ids)
    problems.refuse(found)
    for problem in found:
        listener(Noted(problem.message))


def _warn_of_publications(backend: Backend) -> None:
    """Says, before the first write, who will get our own tables too: a subscriber that lacks them stops."""
    names = [printable(name) for (name,) in backend.look_up("publications")]
    if names:
        backend.tell(
            Warned(
                f"{', '.join(names)} publishes ALL TABLES, and so those of the records and of the archive, which "
                "may hold personal data: a subscriber that lacks them stops. Run the same `migrate` there as well, "
                "before it goes on, or name the published tables one by one."
            )
        )


def _stamps(backend: Backend, listener: Listener, *, asked: bool) -> bool:
    """Whether this run stamps. A database that was migrated before is stamped by name only: it may be anybody's."""
    if not backend.lacks_stamp:
        return False
    if asked or not backend.records:
        return True
    environment = backend.settings.environment
    listener(
        Noted(
            f"{backend.database} has no stamp. If it is {environment}'s, say so with `migrate --stamp` or "
            f"`stamp {environment}`."
        )
    )
    return False


def check(backend: Backend, pending: MigrationList) -> list[File]:
    """The files of what is pending; BadFile with all that is wrong with any of them. What is passed over is said."""
    files = [backend.files[it.id] for it in pending]
    for file in files:
        file.was_run = False  # here, whatever is recorded of it for another tenant
    behind = _behind(backend, pending) if pending else []
    _check(files, behind)
    files += behind
    for notice in [notice for file in files for notice in file.notices]:
        backend.listener(Said(notice))
    return files


def _behind(backend: Backend, migrations: MigrationList) -> list[File]:
    """The files that run behind migrations."""
    return [backend.files[it.id] for it in migrations.post_apply]


def _check(files: Sequence[File], behind: Sequence[File]) -> None:
    """BadFile with what is wrong with migrations, and with files that run behind them."""
    check_files([*files, *behind])
    for file in behind:
        if file.backfill:
            raise BadFile(f"{file.path}: a file that runs after each migrate cannot be a backfill.")
        if "phase" in file.lines:
            place = file.at(file.lines["phase"][0])
            raise BadFile(f"{place}: a file that runs after each migrate is of no phase.")


def _look(
    backend: Backend,
    migrations: MigrationList,
    wanted: Collection[str],
    allowed: Collection[str],
    told: list[str],
    judge: Judge,
) -> tuple[list[Entry], list[Problem]]:
    """The history as the records have it now; Refused if it cannot be trusted. Late files are said once, and told."""
    entries, found = judge.find(
        backend.settings.migrations, migrations, backend.files, backend.records, backend.notes,
        backend.other_histories(),
    )  # fmt: skip
    problems.refuse(found, allowed)
    late = [entry.id for entry in entries if entry.state == "late" and entry.id in wanted]
    if new := [id_ for id_ in late if id_ not in told]:
        backend.listener(
            Said(f"--allow-late allows this, though it comes before what is applied: {', '.join(new)}")
        )
        told += new
    return entries, found


def _say(
    listener: Listener, found: Collection[Problem], missing: Collection[str], allowed: Collection[str]
) -> None:
    if missing:
        listener(Said(f"--allow-missing allows this, though its file is gone: {', '.join(missing)}"))
    if "other-history" in allowed:
        for problem in found:
            if problem.kind == "other-history" and problem.refuses:
                listener(Said(f"--allow-other-history allows this: {problem.message}"))
    # What goes on by itself is said when it does, and of what is ahead or left there is a line already.
    harmless = [
        problem for problem in found if not problem.refuses and problem.kind not in ("ahead", "begun", "left")
    ]
    for problem in harmless[:SAID]:
        listener(Warned(problem.message))
    if harmless[SAID:]:
        listener(Warned(f"{len(harmless) - SAID} more of that kind; `status` shows them"))


def status(settings: Settings, listener: Listener) -> Status:
    """The state of every migration, and what is wrong. Reads only."""
    migrations, files = read_files(settings.migrations)
    with Backend(settings, listener) as backend:
        return status_of(backend, migrations, files)


def status_of(backend: Backend, migrations: MigrationList, files: dict[str, File]) -> Status:
    """The same with what the backend has read."""
    backend.raise_if_old()
    entries, found = problems.find(
        backend.settings.migrations,
        migrations,
        files,
        backend.records,
        backend.notes,
        backend.other_histories(),
    )
    code = code_records.compare(migrations.code, backend.read_code())
    behind = post_apply.compare(migrations.post_apply, files, backend.post_apply)
    found = [*elsewhere.find(backend, files), *found, *problems.foreign(files)]
    return Status(entries, found, code, behind)
