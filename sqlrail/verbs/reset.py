"""The verbs that destroy or decide what may be destroyed: reset and stamp."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import psycopg
from yoyo.migrations import MigrationList

from sqlrail.engine.backend import Backend
from sqlrail.engine.operation import Apply
from sqlrail.engine.store import Store
from sqlrail.errors import BadFile, Refused, SqlrailError, UsageError
from sqlrail.files.file import File, check_files, read_file
from sqlrail.files.folder import read_files
from sqlrail.ground.events import Applied, Event, Listener, Loaded, Noted, Said
from sqlrail.ground.settings import Settings
from sqlrail.ground.target import is_expendable
from sqlrail.orphans.guards import GUARD
from sqlrail.postgres.diagnostics import sentence
from sqlrail.records import problems
from sqlrail.verbs import spared
from sqlrail.verbs.apply import Migrated, migrate
from sqlrail.verbs.expendable import raise_unless_alone, raise_unless_expendable, refuse
from sqlrail.verbs.spared import Spared

if TYPE_CHECKING:
    from sqlrail.results.reset import ResetResult
    from sqlrail.results.stamp import StampedResult
    from sqlrail.results.target import Environment


@dataclass(frozen=True)
class Reset(Migrated):
    """What was applied from zero, and the file whose rows were loaded then."""

    seed: Path | None = None

    def as_json(self) -> ResetResult:
        """The same for scripts."""
        return {**super().as_json(), "seed": None if self.seed is None else str(self.seed)}


@dataclass(frozen=True)
class Stamped:
    """The name of an environment that the database has now, and the one before."""

    stamp: Environment
    before: Environment | None

    def as_json(self) -> StampedResult:
        """The same for scripts."""
        return {"stamp": self.stamp, "before": self.before}


def reset(
    settings: Settings,
    listener: Listener,
    confirm: Callable[[str], bool],
    *,
    seed: bool = False,
    spare: Sequence[str] = (),
) -> Reset:
    """Empties the database completely and migrates from zero; Refused unless every guard agrees.

    spare: names of what is left alone, with what is a part of it; a schema's, with all that lies in it. confirm is
    asked last, with the database's name. The stamp is written again in the transaction that empties, so that a reset
    that was killed can be run again. With seed, the rows of settings.seed are loaded at last, in one transaction.
    """
    # Before anything is dropped: a folder that cannot be migrated from would leave an empty database.
    migrations, files = read_files(settings.migrations)
    problems.refuse(problems.find(settings.migrations, migrations, files, [])[1])
    check_files(files[migration.id] for migration in [*migrations, *migrations.post_apply])
    check_files(migrations.code)
    rows = _read_seed(settings) if seed else None
    with Backend(settings, listener) as backend:
        raise_unless_expendable(backend, settings, "reset")
        for note in _look(backend, spare, files).notes:
            listener(Noted(note))
        if not confirm(backend.database):
            raise Refused(
                f"the reset of {backend.database} was not confirmed: type its name at the prompt, or give --yes. "
                "Nothing was changed."
            )
        with backend.locked():
            raise_unless_alone(backend, "reset")
            kept = _look(backend, spare, files)
            _empty(backend, settings, kept)
        left = f", but for {', '.join(it.identity for it in kept.things)}" if kept.things else ""
        listener(Said(f"{backend.database} is empty now{left}"))
    result = migrate(settings, listener)
    if rows is not None:
        try:
            _load(settings, listener, rows)
        except SqlrailError as exc:
            exc.applied = [done.id for done in result.applied]
            raise
    return Reset(**vars(result), seed=settings.seed if seed else None)


def _read_seed(settings: Settings) -> File:
    if not settings.seed.exists():
        raise UsageError(
            f"there is no file {settings.seed}; name the one with the rows: --seed FILE, or SQLRAIL_SEED. "
            "Nothing was changed."
        )
    file = read_file(settings.seed)
    file.check()
    if file.backfill:
        raise BadFile(f"{file.path}: a seed is loaded in one transaction; take `-- backfill:` out.")
    if not file.transactional:
        raise BadFile(
            f"{file.path}: a seed is loaded in one transaction; take `-- transactional: false` out."
        )
    return file


class _Unrecorded(NamedTuple):
    """What stands for a file that is no migration: without a hash nothing takes it for one."""

    id: str
    hash: None = None


class _Seed(Apply):
    """Runs a file as a migration is run, and leaves an entry in the log instead of a record."""

    def record(self, store: Store, file: File, hash_: str, *, marks: bool) -> tuple[bytes, ...]:  # noqa: ARG002
        return store.record("log", file.id, None, "seed", file.checksum)


def _load(settings: Settings, listener: Listener, rows: File) -> None:
    def tell(event: Event) -> None:
        listener(Loaded(rows.path, event.seconds) if isinstance(event, Applied) else event)

    # A connection of its own, which a failover may have led elsewhere.
    with Backend(settings, tell, {rows.id: rows}) as backend:
        if not is_expendable(backend.stamp):
            raise Refused(
                f"{rows.path} is not loaded: {backend.database} is now stamped {backend.stamp or 'not at all'}, and "
                "was not when it was emptied. Look at where the connection leads."
            )
        backend.runner(_Seed(MigrationList())).run_unrecorded(_Unrecorded(rows.id))


def stamp(
    settings: Settings, listener: Listener, environment: Environment, confirm: Callable[[str], bool]
) -> Stamped:
    """Writes another environment's name into the database.

    This is for a copy: one of a production database says production until somebody says otherwise, by name.
    """
    with Backend(settings, listener) as backend:
        before: Environment | None = backend.stamp
        if not confirm(backend.database):
            raise Refused(
                f"the stamp of {backend.database} stays {before or 'missing'}: type the database's name at the prompt, "
                "or give it with --name. Nothing was changed."
            )
        with backend.locked():
            _write_stamp(backend, settings, environment)
        return Stamped(environment, before)


def _refuse(reason: str) -> NoReturn:
    refuse("reset", reason)


def _look(backend: Backend, names: Sequence[str], files: Mapping[str, File]) -> Spared:
    with backend.translating("what is in the database cannot be seen", "the database was being looked at"):
        return spared.look(backend, names, files)


def _empty(backend: Backend, settings: Settings, kept: Spared) -> None:
    assert settings.environment is not None
    left, things = backend.message("_reset_left"), backend.message("_reset_things")
    failed, when = "the database cannot be emptied", "the database was being emptied"
    with backend.translating(failed, when, "Nothing was changed."):
        try:
            backend.ask(backend.message("empty", things=things, kept=kept.addresses, left=left))
        except psycopg.Error as exc:
            if exc.sqlstate == GUARD:
                _refuse(sentence(exc).rstrip("."))
            raise
        backend.own_tables_are_gone()
        _write_stamp(backend, settings, settings.environment)


def _write_stamp(backend: Backend, settings: Settings, environment: str) -> None:
    backend.ask(
        backend.own_tables()
        + backend.message("set_stamp", environment=environment, actor=settings.actor, overwrite=True)
    )
