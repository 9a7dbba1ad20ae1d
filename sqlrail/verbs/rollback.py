"""The verb rollback: each migration's .rollback.sql in one transaction with the removal of its record."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yoyo.migrations import Migration

from sqlrail.engine.backend import Backend
from sqlrail.engine.news import Applied
from sqlrail.engine.store import Store
from sqlrail.errors import Bug, Refused, SqlrailError, UsageError
from sqlrail.files.file import File
from sqlrail.files.folder import Migrations, read_files, resolve
from sqlrail.ground import events
from sqlrail.ground.events import Event, Listener, RolledBack, Said, TakingBack
from sqlrail.ground.settings import Settings
from sqlrail.ground.target import may_be_production
from sqlrail.records import history
from sqlrail.records.history import Record
from sqlrail.verbs import ways_back

if TYPE_CHECKING:
    from sqlrail.results.rollback import RollbackResult, WouldRollBackResult
    from sqlrail.verbs.rollback_losses import Foreseen
    from sqlrail.verbs.ways_back import Ways


@dataclass(frozen=True)
class Rollback:
    """What a run took back, newest first, and how many stay applied."""

    rolled_back: tuple[RolledBack, ...]
    still_applied: int
    stored: tuple[str, ...] = ()  # what of these had no file here
    would: tuple[tuple[str, Foreseen], ...] | None = None  # of a dry run: what would be taken back, and lost

    def as_json(self) -> RollbackResult:
        """The same for scripts; seconds are wall time."""
        return {
            "rolled_back": [
                {
                    "id": done.id,
                    "seconds": done.seconds,
                    "stored": done.id in self.stored,
                    "code": list(done.code),
                }
                for done in self.rolled_back
            ],
            "still_applied": self.still_applied,
            "dry_run": self.would is not None,
            "would_roll_back": [self._would(id_, foreseen) for id_, foreseen in self.would or ()],
        }

    def _would(self, id_: str, foreseen: Foreseen) -> WouldRollBackResult:
        return {
            "id": id_,
            "stored": id_ in self.stored,
            "losses": [loss.as_json() for loss in foreseen.losses],
            "unknown": foreseen.unknown,
        }


def rollback(
    settings: Settings,
    listener: Listener,
    *,
    steps: int = 1,
    to: str | None = None,
    yes: bool = False,
    stored: bool = False,
    dry_run: bool = False,
    counts: bool = True,
) -> Rollback:
    """Takes back the newest `steps` migrations, or all that come after `to`, which stays.

    The newest is the last one in yoyo's order. Nothing runs unless each of them can be: Refused names those
    that cannot. stored: what has no file here is taken back by what was kept of its rollback when it was applied.
    dry_run: nothing is taken back; what would be is rehearsed on a scratch database, and it is said what of the live
    rows would be lost. counts: whether those are counted.
    SqlrailError lists in `rolled_back` what was committed before it.
    """
    migrations, files = read_files(settings.migrations)
    with Backend(settings, telling(listener)) as backend:
        backend.raise_if_old()
        records = {record.id: record for record in backend.records}
        entries = history.compare(migrations, files, backend.records)
        recorded = [records[entry.id] for entry in entries if entry.id in records]
        wanted = _choose(recorded, [*files], steps, to)
        ahead = {entry.id for entry in entries if entry.state == "ahead"}
        ways = ways_back.find(backend, wanted, files, ahead, stored=stored)
        if wanted:
            _refuse_begun(backend)
        if wanted and not yes and not dry_run:
            _guard(backend, wanted)
        for id_ in ways.kept:
            listener(TakingBack(id_, ways.files[id_].content().decode(errors="replace")))
        if dry_run:
            foreseen = _foresee(backend, listener, [*ways.files.values()], is_counted=counts)
            would = tuple(zip(ways.files, foreseen, strict=True))
            return Rollback((), len(recorded), ways.kept, would)
        done = take_back(backend, migrations, wanted, ways)
        return Rollback(done, len(recorded) - len(wanted), ways.kept)


def take_back(
    backend: Backend, migrations: Migrations, wanted: Sequence[Record], ways: Ways
) -> tuple[RolledBack, ...]:
    """Runs the ways back of these records, in that order; SqlrailError lists in `rolled_back` what was committed."""
    by_id = {migration.id: migration for migration in migrations}
    try:
        if wanted:
            backend.prepare()
        runner = backend.runner(_RollBack(backend), ways.files)
        taken_back = migrations.replace([_migration(record, by_id) for record in wanted])
        runner.roll_back(taken_back, migrations.code)
    except Exception as exc:
        failure = exc if isinstance(exc, SqlrailError) else Bug(exc)
        failure.rolled_back = [_rolled_back(done).id for done in backend.done]
        raise failure from failure.__cause__
    runner.say_if_untold()
    return tuple(map(_rolled_back, backend.done))


def telling(listener: Listener) -> Listener:
    """A listener to whom a backend tells what it has taken back, and not that files were applied."""

    def tell(event: Event) -> None:
        if isinstance(event, events.Applied):
            event = RolledBack(_id(event.id), event.seconds, event.code)
        listener(event)

    return tell


def _foresee(
    backend: Backend, listener: Listener, files: Sequence[File], *, is_counted: bool
) -> list[Foreseen]:
    from sqlrail.verbs.rollback_losses import foresee  # a rollback itself rehearses nothing

    return foresee(backend.settings, listener, files, backend, is_counted=is_counted) if files else []


def _choose(recorded: list[Record], ids: list[str], steps: int, to: str | None) -> list[Record]:
    """The records to take back, newest first."""
    applied = [record.id for record in recorded]
    if to is not None:
        last = resolve(to, list(dict.fromkeys(applied + ids)), "--to")
        if last not in applied:
            raise UsageError(f"{last} is not applied, so nothing can be rolled back to it; see `status`.")
        steps = len(applied) - applied.index(last) - 1
    elif applied and steps > len(applied):
        only = "is only 1" if len(applied) == 1 else f"are only {len(applied)}"
        raise UsageError(f"--steps {steps}: there {only} applied; see `status`.")
    return recorded[::-1][:steps]


def _migration(record: Record, by_id: Mapping[str, Any]) -> Any:
    """yoyo's migration for a record, which need not have a file."""
    if record.id in by_id:
        return by_id[record.id]
    made = Migration(record.id, f"{record.id}.sql", None)
    made.steps, made.hash = [], record.hash  # there is nothing to load
    return made


def _refuse_begun(backend: Backend) -> None:
    begun = [note for note in backend.notes if note.operation in ("apply", "backfill")]
    if begun:
        id_ = begun[0].id
        raise Refused(
            f"rollback is refused: {id_} is {begun[0]}, and may need what would go. Finish it with `migrate`, from a "
            "folder that has its file, or undo by hand what is done, and drop its checkpoints with `repair --forget "
            f"{shlex.quote(id_)}`. Nothing was rolled back."
        )


def _guard(backend: Backend, wanted: list[Record]) -> None:
    stamp = backend.stamp
    said = (backend.settings.environment_said, f"the stamp is {stamp or 'missing'}")
    values = (backend.settings.environment, backend.stamp)
    reasons = [text for text, value in zip(said, values, strict=True) if may_be_production(value)]
    if reasons:
        raise Refused(
            f"rollback is refused: {' and '.join(reasons)}, so {backend.database} counts as production, and "
            f"{', '.join(record.id for record in wanted)} would go, data included (--dry-run says which rows). If that "
            "is meant, say --yes; if it is not production, both have to say so: APP_ENV or SQLRAIL_ENV, and the "
            "stamp, which `migrate` leaves and `stamp` changes. Nothing was rolled back."
        )


class _RollBack:
    """What is asked, and what is recorded, the other way round."""

    name = "rollback"
    may_go_together = False
    fills = False
    observer = None

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._known = {record.hash: _time(record) for record in backend.records}

    def question(self, store: Store, hash_: str) -> bytes:  # noqa: ARG002
        return store.message("_recorded")

    def is_done(self, hash_: str, file: File | None, answered: Any) -> bool:
        recorded: dict[str, str | None] = answered
        is_done = (hash_, self._known.get(hash_)) not in recorded.items()
        if file is not None and not is_done and recorded.items() - self._known.items():
            raise Refused(
                f"another migration was applied while this rollback was under way, so {file.id} was not run: what was "
                "applied may need it. Look at `status`, and run again."
            )
        return is_done

    def look_again(self) -> bool:
        _refuse_begun(self._backend)
        return True

    def guard(self, store: Store) -> bytes:  # noqa: ARG002
        return b""

    def record(self, store: Store, file: File, hash_: str, *, marks: bool) -> tuple[bytes, ...]:
        assert marks
        return store.record("unrecord", file.id, hash_, "rollback", file.checksum)

    def stands(self, done: Applied, recorded: Collection[str]) -> bool:
        return _rolled_back(done).id not in recorded

    def found_done(self, id_: str) -> None:
        self._backend.listener(Said(f"{id_} was rolled back by somebody else meanwhile"))


def _rolled_back(done: Applied) -> RolledBack:
    return RolledBack(_id(done.id), done.seconds, done.code)


def _id(of_rollback: str) -> str:
    """That of the migration, for the id of a file that takes it back."""
    return of_rollback.removesuffix(".rollback")


def _time(record: Record) -> str | None:
    """As _recorded.sql spells it."""
    return record.applied_at.isoformat(timespec="microseconds") if record.applied_at else None
