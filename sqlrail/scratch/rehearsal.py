"""The verb plan: what is pending, run for real on a scratch database, and looked at statement by statement.

The files go the way that migrate sends them (engine), one statement at a time. Before and after each, the session
that runs it is asked for its locks, and each relation for the file that holds its rows and for how often all of them
were read. What is slow about a statement shows on an empty table too; how slow, the live database's sizes say.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from sqlrail.errors import (
    BadFile,
    MigrationFailed,
    Refused,
)
from sqlrail.files.file import File
from sqlrail.files.pieces import Piece
from sqlrail.ground.constraint import Constraint
from sqlrail.postgres.connect import Connection
from sqlrail.scratch.built import Build
from sqlrail.scratch.doomed import Doomed
from sqlrail.scratch.rehearsal_outside import OutsideRehearsal
from sqlrail.scratch.scene import ReachesOut, Scene, reaches_out
from sqlrail.scratch.seen import (
    LOCKS,
    OWNED,
    SHARED,
    UNSEEN,
    Changes,
    Held,
    Seen,
    States,
    ask,
    brief,
    compare,
    is_about_owned,
    locks_of,
    source,
    takes_back,
)
from sqlrail.scratch.shapes import Shapes, locked
from sqlrail.scratch.told import Notices, other_columns
from sqlrail.scratch.using import Using

#: see Rehearsal
Behind = Callable[[str | None, Shapes, Shapes], object]


class ByStatement(File):
    """A file that goes one statement a message."""

    def pieces(self, size: int = 1) -> Any:  # noqa: ARG002 - whatever is asked for
        return super().pieces(1)


class Rehearsal:
    """Looks after each statement of the pending files what it has done; it observes the engine, and changes nothing."""

    def __init__(self, scene: Scene, behind: Behind = lambda *_: None) -> None:
        """behind: called when a file is committed, with its id and what tables looked like in front of it, and do.

        Of the files that run behind all migrations together the id is None.
        """
        self.scene, self._behind = scene, behind
        self._file: str | None = None
        self._is_behind_all = False  # code files and post-apply.sql are judged together
        self._before: Shapes = dict(scene.snapshots.now)
        self._held = Held()
        self._last = scene.states(scene.connection)
        self._locked: set[int] = set()
        self._shapes: Shapes = dict(scene.snapshots.now)  # at the beginning of a file
        self._using: Mapping[str, Using] = {}
        self._doomed = Doomed()
        self._notices = Notices(scene.connection)

    def rehearse(self, pending: Any) -> str | None:
        """Applies the pending files; why it ended before the last, if it did. The errors are migrate's."""
        runner = self.scene.backend.runner(_Rehearse(pending, self))
        try:
            runner.apply(pending, pending.code)
            self._goes_on(None)
            self._is_behind_all = True
            self.scene.code = runner.run_code(pending.code)
            runner.run_post_apply(pending)
            if pending.code or pending.post_apply:
                self._behind(None, self._before, dict(self.scene.snapshots.now))
        except ReachesOut as exc:
            return str(exc)
        except (MigrationFailed, Refused, BadFile) as exc:
            text = f"{exc} This was a rehearsal: the database itself has only been read."
            if any((one.note or "").endswith(SHARED) for seen in self.scene.seen.values() for one in seen):
                text += " Statements about the whole server were not kept in it; this one may need what they make."
            exc.args = (text,)
            raise
        return None

    # What the engine tells of a file in a transaction

    def begins(self, file: File) -> None:
        self._goes_on(file.id)
        if file.id in self.scene.seen:  # an earlier try, which was taken back
            self._last = self.scene.states(self.scene.connection)
            self.scene.snapshots.set_back(self._shapes)
            self.scene.parted.pop(file.id, None)
        self._shapes = {**self.scene.snapshots.now}
        self.scene.seen[file.id] = []
        self._look_ahead()

    def ends(self, file: File) -> None:
        if self.scene.changes_server(self.scene.connection):
            raise reaches_out(file)

    def cleaned(self, file: File, relation: Constraint) -> None:
        self._notices.take()  # of our own tables
        self._look_back(file, f"-- cleanup: {relation}", (1, 1))

    def parted(self, file: File, code: Collection[str]) -> None:
        self._notices.take()  # of our own drops
        self.scene.parted[file.id] = tuple(code)

    def passes_over(self, file: File, piece: Piece) -> bool:
        self._notices.take()  # of statements of ours in front of it
        reason = self.scene.passed_over(piece)
        if reason is None:
            self._using = self.scene.using(self.scene.connection, piece)
            self._doomed = self.scene.doomed(self.scene.connection, piece)
            return False
        place = piece.place(piece.statements[0].start)
        self.scene.keep(file, Seen(brief(piece), place, {}, {}, note=f"{UNSEEN}{reason}"))
        return True

    def ran(self, file: File, piece: Piece) -> None:
        for statement in piece.statements:  # one, or none
            is_back, is_table_there = takes_back(statement.words), self._notices.is_table_there
            self._look_back(file, brief(piece), piece.place(statement.start), is_back=is_back)
            self._look_at_shapes(file, piece, is_back=is_back)
            if is_table_there:
                self._look_aside(file, piece)
            if is_about_owned(statement.words):
                self.scene.add_note(file, f"{UNSEEN}{OWNED}")

    def run_outside(self, worker: Connection, file: File) -> None:
        self._goes_on(file.id)
        self.scene.seen[file.id] = []
        OutsideRehearsal(self.scene, worker, file).run()
        self._last = self.scene.states(self.scene.connection)

    def _goes_on(self, id_: str | None) -> None:
        """The file before this one is committed, unless it is the same one, once more."""
        if self._is_behind_all:
            return
        if self._file not in (None, id_):
            now = dict(self.scene.snapshots.now)
            self._behind(self._file, self._before, now)
            self._before = now
        self._file = id_

    def _look_ahead(self) -> None:
        """In a new transaction nothing is locked, and its session may have told others of earlier scans."""
        (rows,) = ask(
            self.scene.connection, self.scene.store.message("plan_untold", watched=list(self.scene.watched))
        )
        untold, self._held, self._locked = dict(rows), Held(), set[int]()
        for oid, it in self._last.items():
            if it.lock >= 0 or it.untold or oid in untold:
                self._last[oid] = it._replace(lock=-1, untold=untold.get(oid, 0))

    def _look_back(self, file: File, text: str, place: tuple[int, int], *, is_back: bool = False) -> None:
        before, self._held = self._held, self.scene.held(self.scene.connection)
        objects = self.scene.objects_in(self._held.objects - before.objects)
        told = self._notices.take()
        if is_back:
            self._last = self.scene.states(self.scene.connection)
            self.scene.keep(file, Seen(text, place, {}, {}, locks_of(self._last), notices=told))
        else:
            changes = self._changes(self._held.relations - before.relations)
            self.scene.keep(file, Seen(text, place, changes, objects, notices=told))

    def _look_aside(self, file: File, piece: Piece) -> None:
        """Says how the table that is there already differs, which may have read others as a whole once more."""
        connection = self.scene.connection
        if differs := other_columns(connection, self.scene.store, piece):
            self.scene.add_notice(file, f"is there already, with other columns: {differs}")
        self._last = self.scene.states(connection)

    def _look_at_shapes(self, file: File, piece: Piece, *, is_back: bool) -> None:
        """What looks otherwise behind the statement of which was just kept what it did."""
        seen, snapshots, text = self.scene.seen[file.id], self.scene.snapshots, source(piece)
        if is_back:
            oids = {oid for one in seen for oid in one.shapes}
        else:
            held = locked(self._held)
            oids = snapshots.concerned(piece.statements[0].words, text, held - self._locked, held)
            self._locked = held
        shapes = snapshots.look(self.scene.connection, oids) if oids else {}
        seen[-1] = seen[-1]._replace(
            source=text, shapes=shapes, using=self._using, is_back=is_back, doomed=self._doomed
        )

    def _changes(self, items: Iterable[str]) -> Changes:
        """What is locked further, scanned or rewritten, by what is held otherwise than before."""
        found: States = {}
        for item in items:
            oid, mode, filenode, untold = item.split(":")
            if before := self._last.get(int(oid)):  # else it is not watched
                lock = max(LOCKS[mode], found.get(int(oid), before).lock)
                found[int(oid)] = before._replace(filenode=int(filenode), untold=int(untold), lock=lock)
        changes = compare(self._last, found)
        self._last |= found
        return changes


class _Rehearse(Build):
    """Applies the pending files one statement at a time, and lets the rehearsal look."""

    may_go_together = False

    def __init__(self, pending: Any, rehearsal: Rehearsal) -> None:
        super().__init__(pending)
        self.observer = rehearsal
