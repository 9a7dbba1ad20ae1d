"""The trial: the tables that pending files touch are copied into a scratch database, and the files run there for real.

On empty tables cascades and triggers do nothing and lock nothing. So what is touched grows: a trial that comes upon a
table whose rows are not there is begun again, with them, until none is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlrail.errors import (
    BadFile,
    Busy,
    ConnectionFailed,
    ConnectionLost,
    DatabaseFailed,
    MigrationFailed,
    Refused,
    WrongDatabase,
)
from sqlrail.files.file import File
from sqlrail.foresight import outward
from sqlrail.foresight.attempt import Attempt, Tried, named, passed
from sqlrail.foresight.copying import Copied, Lacking, Name, Table, Untold, as_of_now, copy, look, unlike
from sqlrail.foresight.left_out import LeftOut
from sqlrail.ground.events import CopyingRows, Listener
from sqlrail.ground.names import join
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import counted, size
from sqlrail.postgres.connect import target
from sqlrail.scratch.built import Built
from sqlrail.scratch.scene import Scene
from sqlrail.scratch.scratch import NoScratch, is_beside
from sqlrail.scratch.seen import OWNED

if TYPE_CHECKING:
    from sqlrail.results.plan import TrialResult

#: bytes of live tables that are copied without being told to, where they stay on their server
FEW = 100 * 1024 * 1024
#: why there is no trial, and a plan all the same
_UNAVAILABLE = (
    NoScratch, MigrationFailed, BadFile, DatabaseFailed, WrongDatabase, ConnectionFailed, ConnectionLost, Busy,
)  # fmt: skip
#: seconds that a statement may take in a trial
PATIENCE = 300.0


@dataclass(frozen=True)
class Consent:
    """What whoever plans has said of copying live rows."""

    asked: bool | None = None  # --try or --no-try; None: where few rows stay on their server
    anywhere: bool = False  # --allow-copy: however many, and to another server


FEW_ON_THEIR_SERVER = Consent()


@dataclass(frozen=True)
class Trial:
    """What became of pending files over a copy of the live rows, as of one moment."""

    tried: Mapping[str, tuple[Tried, ...]] = field(default_factory=dict)  # by file, up to what failed
    not_tried: Mapping[str, str] = field(default_factory=dict)  # by file, why
    tables: tuple[str, ...] = ()  # that were copied
    bytes: int = 0  # of those

    def as_json(self) -> TrialResult:
        """The same for scripts; what became of each statement stands with that one."""
        return {"copied": list(self.tables), "bytes": self.bytes, "not_tried": dict(self.not_tried)}


NOT_TRIED = Trial()


@dataclass(frozen=True)
class Work:
    """What is tried: files, in their order, behind those that are applied."""

    build: Callable[[Settings], AbstractContextManager[Built]]  # a scratch database with what is applied
    pending: Any  # yoyo's list of them
    files: Sequence[File]
    noted: dict[str, int]  # statements that are done already, of files outside a transaction
    is_like: bool  # whether the rehearsal had all that the live database has beside the files


def trial(settings: Settings, listener: Listener, work: Work, rehearsed: Scene, consent: Consent) -> Trial:
    """Tries the files as far as that may be done.

    Refused where --try was said, and rows would go where only --allow-copy lets them.
    """
    if consent.asked is False:
        return NOT_TRIED
    return _Trials(settings, listener, work, rehearsed, consent).run()


class _Trials:
    """One trial after the other, each with the tables that the one before lacked."""

    def __init__(
        self, settings: Settings, listener: Listener, work: Work, rehearsed: Scene, consent: Consent
    ) -> None:
        self.settings, self.listener, self.work, self.consent = settings, listener, work, consent
        self.rehearsed = rehearsed
        self.is_beside = is_beside(settings, rehearsed.settings)
        self.touched = {file.id: _touched(rehearsed, file) for file in work.files}
        self.parents = set[Name]()  # that keys ask for
        self.live: dict[Name, Table] = {}
        self.obstacles: dict[Name, str] = {}
        self.ways_out: dict[str, str] = {}
        self.left_out = LeftOut(rehearsed, self.touched)

    def run(self) -> Trial:
        found = None
        while found is None:
            try:
                self._look_at_live()
            except (ConnectionFailed, ConnectionLost, DatabaseFailed) as exc:
                return self._nothing(f"the live tables cannot be read: {exc}")
            files = self._fitting()
            if not files:
                return Trial(not_tried=self.left_out.reasons)
            if not self._bytes(files) and self.work.is_like:
                return self._rehearsal(files)
            found = self._try(files)
        return found

    def _nothing(self, why: str) -> Trial:
        return Trial(not_tried={file.id: why for file in self.work.files})

    def _rehearsal(self, files: Sequence[File]) -> Trial:
        """What the rehearsal has shown: there is no row of which it did not know."""
        return Trial({file.id: passed(self.rehearsed.seen[file.id]) for file in files}, self.left_out.reasons)

    # Which files

    def _look_at_live(self) -> None:
        names = {*self.parents}.union(*self.touched.values()) - self.live.keys() - self.obstacles.keys()
        if not names:
            return
        with as_of_now(self.settings) as live:
            found = look(live, names)
        self.live |= found
        for name in names:
            if why := unlike(name, found.get(name)):
                self.obstacles[name] = why

    def _fitting(self) -> list[File]:
        """The files that can be tried; why each of the others cannot is kept."""
        self.left_out, fitting = LeftOut(self.rehearsed, self.touched), list[File]()
        for file in self.work.files:
            if why := self.left_out.keeping_back(file) or self._why_not(fitting, file):
                self.left_out.add(file, why)
            else:
                fitting.append(file)
        return fitting

    def _why_not(self, before: Sequence[File], file: File) -> str | None:
        if self.work.noted.get(file.id):
            return "some of its statements are done already, and what they have left cannot be told from the rest"
        if file.id not in self.rehearsed.seen:
            return "it was not rehearsed"
        if any((one.note or "").endswith(OWNED) for one in self.rehearsed.seen[file.id]):
            return f"it has DROP OWNED: {OWNED}"
        if way := self.ways_out.get(file.id):
            return f"it reaches out of the database by {way}, which nothing would take back"
        if obstacle := next(filter(None, map(self.obstacles.get, sorted(self.touched[file.id]))), None):
            return obstacle
        return self._too_far([*before, file])

    def _too_far(self, files: Sequence[File]) -> str | None:
        """Why the rows are not copied without a word; Refused where a trial was asked for."""
        total = self._bytes(files)
        if self.consent.anywhere or not total or (self.is_beside and total <= FEW):
            return None
        tables = self._tables(files)
        what = f"the rows of {counted(len(tables), 'table')} ({size(total)})"
        where = "" if self.is_beside else f" to another server, {target(self.rehearsed.settings)}"
        why = f"{what} would be copied{where}, which needs --try --allow-copy"
        if self.consent.asked:
            raise Refused(f"--try: {why}. Nothing was copied.")
        return why

    def _tables(self, files: Collection[File]) -> dict[Name, Table]:
        names = self.parents.union(*(self.touched[file.id] for file in files))
        return {
            name: self.live[name] for name in sorted(names & self.live.keys()) if self.live[name].kind == "r"
        }

    def _bytes(self, files: Collection[File]) -> int:
        return sum(table.bytes for table in self._tables(files).values())

    # One trial

    def _try(self, files: Sequence[File]) -> Trial | None:
        """None: once more, for more is known."""
        settings = self.settings
        limit = min(settings.statement_timeout or PATIENCE, PATIENCE)
        try:
            with self.work.build(replace(settings, statement_timeout=limit, retry_for=0.0)) as made:
                return self._in(Scene(made, self.work.noted), files)
        except Untold as exc:
            self.obstacles[exc.name] = str(exc)
        except Lacking as exc:
            self.parents |= exc.names
        except _UNAVAILABLE as exc:
            return self._nothing(f"the trial failed: {exc}")
        return None

    def _in(self, scene: Scene, files: Sequence[File]) -> Trial | None:
        names = self.parents.union(*(self.touched[file.id] for file in files))
        twins = look(scene.connection, names)
        self._compare(names, twins)
        self._look_for_ways_out(scene, files)
        files = self._fitting()
        if not files:
            return Trial(not_tried=self.left_out.reasons)
        tables = self._tables(files)
        copied = self._copy(scene, tables, twins, files)
        attempt = Attempt(
            scene, {twins[name].oid: (join(*table.root), copied.rows[name]) for name, table in tables.items()}
        )
        self._run(attempt, files)
        if self._has_grown(attempt, names | copied.sequences, files):
            return None
        shown = tuple(join(*name) for name in tables)
        return Trial(attempt.tried, self.left_out.reasons, shown, self._bytes(files))

    def _run(self, attempt: Attempt, files: Sequence[File]) -> None:
        """Runs the files; one that fails is undone, and those that have nothing to do with it go on."""
        while files:
            end = attempt.run(_only(self.work.pending, files), is_complete=not self.left_out)
            if end is None:
                return
            at = next(number for number, file in enumerate(files) if file.id == end.id)
            self.touched[end.id] |= attempt.touched.get(end.id, set())
            self.left_out.add(files[at], end.why, is_last=end.is_last)
            behind, files = files[at + 1 :], []
            for file in behind:
                if why := self.left_out.keeping_back(file):
                    self.left_out.add(file, why)
                else:
                    files.append(file)

    def _compare(self, names: Collection[Name], twins: Mapping[Name, Table]) -> None:
        for name in names:
            if why := unlike(name, self.live.get(name), twins.get(name)):
                self.obstacles[name] = why

    def _look_for_ways_out(self, scene: Scene, files: Sequence[File]) -> None:
        there = outward.known(scene.connection)
        for file in files:
            touched = {name for _, name in self.touched[file.id]}
            if way := outward.way_out(file, touched, there):
                self.ways_out[file.id] = way

    def _copy(
        self, scene: Scene, tables: Mapping[Name, Table], twins: Mapping[Name, Table], files: Sequence[File]
    ) -> Copied:
        server = None if self.is_beside else target(scene.settings)
        shown = tuple(join(*name) for name in tables)
        if shown:
            self.listener(CopyingRows(shown, self._bytes(files), server))
        touched = set[Name]().union(*(self.touched[file.id] for file in files))
        sequences = {name for name in touched if name in self.live and self.live[name].kind == "S"}
        with as_of_now(self.settings) as live:
            return copy(live, scene.connection, scene.settings, tables, twins, sequences)

    def _has_grown(self, attempt: Attempt, known: Collection[Name], files: Sequence[File]) -> bool:
        """Whether files have touched what no file had before."""
        grown = False
        for file in files:
            found = attempt.touched.get(file.id, set())
            self.touched[file.id] |= found
            grown = grown or not found <= set(known)
        return grown


def _touched(scene: Scene, file: File) -> set[Name]:
    """The relations whose rows a file may need, as far as locks on empty tables tell."""
    return named(scene, (oid for one in scene.seen.get(file.id, ()) for oid in one.changes))


def _only(pending: Any, files: Collection[File]) -> Any:
    ids = {file.id for file in files}
    return type(pending)(
        [it for it in pending if it.id in ids],
        [it for it in pending.post_apply if it.id in ids],
        pending.code if all(it.id in ids for it in pending) else (),
    )
