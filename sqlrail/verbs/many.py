"""The verbs migrate and status for many schemas of one database: what is recorded in all of them is read together.

Whoever is up to date has no turn on a connection. Of the others each thread works on one after the other over a
connection that it keeps, and what was read spares it the looking; under the lock each file is asked for again.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

from yoyo import internalmigrations
from yoyo.migrations import MigrationList

from sqlrail.engine.backend import Backend
from sqlrail.engine.kept import Kept, Known
from sqlrail.engine.store import YOYO, Place
from sqlrail.files.file import File
from sqlrail.files.folder import Migrations, read_files, up_to
from sqlrail.ground.events import Listener
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import milliseconds
from sqlrail.records import post_apply, problems, tenants
from sqlrail.records.history import Entry, Record, compare
from sqlrail.records.post_apply import PostApplyRun
from sqlrail.records.problems import Problem
from sqlrail.verbs.apply import Migrated, Status, apply, status_of
from sqlrail.verbs.judge import Rehearsals, Remembering


@dataclass(frozen=True, eq=False)
class History:
    """What some schemas have in common: their records, and what these mean for the folder."""

    records: list[Record]
    entries: list[Entry]
    found: list[Problem]
    is_edited_behind: bool = False  # a post-apply file was, since it was run

    @cached_property
    def newest(self) -> str | None:
        """The last file, in yoyo's order, that is applied."""
        return next((entry.id for entry in reversed(self.entries) if entry.state in problems.RUN), None)

    @cached_property
    def has_all_files(self) -> bool:
        """Whether each record has a file; else it takes the time of each, which was not read, to say what is ahead."""
        return all(entry.state not in problems.GONE for entry in self.entries)

    @cached_property
    def is_whole(self) -> bool:
        """Whether every file is applied, and there is nothing to say or to refuse."""
        return self.is_done([entry.id for entry in self.entries], ())

    @cached_property
    def has_run_all(self) -> bool:
        """Whether there is no file to be run."""
        return all(entry.state in problems.RUN for entry in self.entries)

    @cached_property
    def left(self) -> int:
        """How many files are not applied."""
        return sum(entry.state in ("pending", "late") for entry in self.entries)

    def is_done(self, wanted: Collection[str], allowed: Collection[str]) -> bool:
        """Whether there is nothing to do, to say, or to refuse."""
        refuses = any(problem.refuses and problem.kind not in allowed for problem in self.found)
        unknown = any(record.checksum is None for record in self.records)
        states = {entry.state for entry in self.entries if entry.id in wanted or entry.state in problems.GONE}
        return not refuses and not unknown and not self.is_edited_behind and states <= {"applied"}


class Many(AbstractContextManager["Many"]):
    """Many schemas of one database, to be worked on in several threads, each with one connection.

    What is done for one, and what it raises, is as if its verb had been called with settings that name it.
    """

    def __init__(self, settings: Settings, listener: Listener) -> None:
        """settings: of the database, without a tenant."""
        self.settings, self.listener = settings, listener
        self.names: Sequence[str] = ()  # of those that were surveyed
        self._base = Backend(settings, listener)
        self._place, self._stamp = self._base.session.store.place, self._base.stamp
        self._lacks_stamp = self._base.lacks_stamp
        self._histories: dict[str, History | None] = {}  # by schema
        self._workers, self._own = list[_Worker](), threading.local()
        self.rehearsals = Rehearsals()

    def __exit__(self, *exc: object) -> None:
        for worker in self._workers:
            worker.kept.close()
        self._base.connection.close()

    @property
    def backend(self) -> Backend:
        """What looks at the database itself."""
        return self._base

    # What is recorded

    def survey(self, schemas: Sequence[str]) -> None:
        """Reads what is applied in each of them; nobody else may be at work on it in another thread meanwhile."""
        worker, base = self._worker(), self._base
        self.names = schemas
        there = tenants.tables(base, schemas, YOYO)
        noted = set[str]()
        if self._place.has_all_own_tables:
            noted = {name for (name,) in base.look_up("tenants_noted", names=list(schemas))}
        whole = {YOYO.records, YOYO.log, YOYO.version}
        elsewhere = set[str]()
        if base.session.server.is_citus:
            elsewhere = {name for (name,) in base.look_up("tenants_elsewhere", table=YOYO.records)}
        odd = noted | elsewhere  # each is looked at alone
        plain = [name for name in schemas if there[name].readable >= whole and name not in odd]
        limit = base.message("lock_limit", lock_timeout=milliseconds(self.settings.lock_timeout))
        histories = dict[tenants.Recorded, History]()
        self._histories |= dict.fromkeys(schemas)
        behind = [migration.hash for migration in worker.migrations.post_apply]
        for name, its in tenants.recorded(base, plain, YOYO.records, YOYO.log, limit, behind):
            if its not in histories:
                records = [Record(id_, hash_, None, checksum) for id_, hash_, checksum in its.records]
                found = worker.judge.find(self.settings.migrations, worker.migrations, worker.files, records)
                histories[its] = History(records, *found, worker.is_edited_behind(its.behind))
            self._histories[name] = histories[its]
        self._check_versions([name for name in plain if not self._has_run_all(name)], limit)

    def _has_run_all(self, name: str) -> bool:
        history = self._histories[name]
        return history is not None and history.has_run_all

    def _check_versions(self, schemas: Sequence[str], limit: bytes) -> None:
        """Forgets those whose tables are not as this yoyo makes them: they are made so in their own turn."""
        newest = max(internalmigrations.schema_versions)
        current = {
            name for name, it in tenants.versions(self._base, schemas, YOYO.version, limit) if it == newest
        }
        self._histories |= dict.fromkeys(name for name in schemas if name not in current)

    def _place_of(self, name: str) -> Place:
        return replace(self._place, schema=name, target=name, has_records=True, is_old=False, is_current=True)

    def newest(self, name: str) -> str | None:
        """The last file that is applied in a schema that was surveyed; None: none, or it has to be looked at alone."""
        history = self._histories.get(name)
        return history.newest if history else None

    # What is done

    def over(self, name: str) -> History | None:
        """What it has in common with others, if migrate() finds nothing to do there and asks nobody; else None."""
        history = self._histories.get(name)
        if self._worker().migrations.code:
            return None
        return history if history and history.is_whole and not self.settings.interrupted else None

    def migrate(
        self,
        settings: Settings,
        listener: Listener,
        *,
        to: str | None = None,
        allowed: Collection[str] = (),
        stamp: bool = False,
    ) -> Migrated:
        """migrate() for the schema that the settings name."""
        worker, name = self._worker(), str(settings.tenant)
        wanted, history = worker.wanted(to), self._histories.pop(name, None)
        known, is_plain = None, history is not None and not stamp and not settings.interrupted
        # What code files have made is looked at in each schema: it may have been dropped there.
        has_code = bool(worker.migrations.code)
        if history and is_plain and not has_code and (history.is_whole or history.is_done(wanted, allowed)):
            return Migrated((), len(worker.migrations) - history.left, history.left)
        is_known = history is not None and history.has_all_files and not history.is_edited_behind
        if history and is_plain and is_known and not self._lacks_stamp:
            known = Known(self._place_of(name), list(history.records), [], self._stamp)
        with Backend(settings, listener, worker.files, worker.kept, known) as backend:
            done = apply(backend, worker.migrations, wanted, allowed=allowed, stamp=stamp, judge=worker.judge)
            if known is None:
                self._learn(backend)
            return done

    def status(self, settings: Settings, listener: Listener) -> Status:
        """status() for the schema that the settings name."""
        with self.at(settings, listener) as (backend, migrations):
            return status_of(backend, migrations, backend.files)

    @contextmanager
    def at(self, settings: Settings, listener: Listener) -> Iterator[tuple[Backend, Migrations]]:
        """This thread's connection at work for the schema that the settings name, and its reading of the folder."""
        worker = self._worker()
        with Backend(settings, listener, worker.files, worker.kept) as backend:
            yield backend, worker.migrations

    def entries(
        self, settings: Settings, listener: Listener
    ) -> tuple[Sequence[Entry], MigrationList, dict[str, File]]:
        """The history of the schema that the settings name, as it was surveyed or is now, and this thread's files."""
        worker = self._worker()
        history = self._histories.get(str(settings.tenant))
        if history is None or not history.has_all_files:
            with self.at(settings, listener) as (backend, _):
                backend.raise_if_old()
                records = backend.records
        else:
            records = history.records
        return compare(worker.migrations, worker.files, records), worker.migrations, worker.files

    def _worker(self) -> _Worker:
        """This thread's."""
        if not hasattr(self._own, "worker"):
            self._own.worker = _Worker(self.settings, Kept(self._base.session.server), self.rehearsals)
            self._workers.append(self._own.worker)
        worker: _Worker = self._own.worker
        return worker

    def _learn(self, backend: Backend) -> None:
        """What is the database's, the stamp and tables of our own, the next one need not look for, nor be told of."""
        self._stamp = self._stamp or backend.stamp or self.settings.environment
        self._lacks_stamp = False
        self._place = backend.session.store.place


class _Worker:
    """What one thread works with: a connection, and its own reading of the folder."""

    def __init__(self, settings: Settings, kept: Kept, rehearsals: Rehearsals) -> None:
        self.kept = kept
        self.migrations, self.files = read_files(settings.migrations)
        self.judge = Remembering(rehearsals)
        self._wanted: dict[str | None, frozenset[str]] = {}

    def is_edited_behind(self, checksums: Iterable[tuple[str, str | None]]) -> bool:
        """Whether a post-apply file is another one than that of its hash that was run."""
        runs = [PostApplyRun(hash_, "", checksum) for hash_, checksum in checksums]
        return bool(post_apply.edited(post_apply.compare(self.migrations.post_apply, self.files, runs)))

    def wanted(self, to: str | None) -> frozenset[str]:
        """The ids up to one, or all."""
        if to not in self._wanted:
            self._wanted[to] = frozenset(migration.id for migration in up_to(self.migrations, to))
        return self._wanted[to]
