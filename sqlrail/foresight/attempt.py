"""Pending files run over a copy of the live rows, statement by statement; what they come upon, lose and fail with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg import errors as pg
from psycopg import sql

from sqlrail.engine import explain
from sqlrail.errors import BadFile, MigrationFailed, Refused, SqlrailError
from sqlrail.files.file import File
from sqlrail.files.pieces import Piece
from sqlrail.foresight.copying import Name
from sqlrail.foresight.said import said
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.words import printable
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection
from sqlrail.scratch.built import Build
from sqlrail.scratch.confined import is_shared
from sqlrail.scratch.scene import ReachesOut, Scene, reaches_out
from sqlrail.scratch.seen import SHARED, Held, Seen, ask

if TYPE_CHECKING:
    from sqlrail.results.plan import Outcome

#: what says more of the server, or of the role, than of the rows
_NOT_OF_ROWS = (
    pg.QueryCanceled, pg.LockNotAvailable, pg.InsufficientPrivilege, pg.OperatorIntervention, pg.SystemError,
    pg.InsufficientResources, pg.ProgramLimitExceeded, pg.InternalError, pg.ConfigurationLimitExceeded,
)  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """Why a statement failed, as the server says it to programs."""

    sqlstate: str
    schema: str | None = None
    table: str | None = None
    column: str | None = None
    constraint: str | None = None
    is_of_domain: bool = False

    @classmethod
    def of(cls, error: psycopg.Error) -> Fault:
        """What an error says, values left out."""
        diag = error.diag
        names = diag.schema_name, diag.table_name, diag.column_name, diag.constraint_name
        return cls(error.sqlstate or "", *names, is_of_domain=diag.datatype_name is not None)


@dataclass(frozen=True)
class Tried:
    """A statement, and what became of it over the copied rows."""

    place: tuple[int, int]  # line and column; of a cleanup in front of the file 1, 1
    outcome: Outcome
    says: str | None = None  # what the server says of a failure, without values of rows
    why: str | None = None  # of unknown
    fault: Fault | None = None
    gone: tuple[tuple[str, int], ...] = ()  # rows that live tables have less of behind it


class End(NamedTuple):
    """The file that did not run to its end, and why, where none of its statements fails."""

    id: str
    why: str | None
    is_last: bool  # whether nothing can be told of what is behind it


class _Rows(NamedTuple):
    """A copied table in the middle of a file."""

    name: str  # of the live table, or of the partitioned one that it is a part of
    rows: int
    told: tuple[Any, ...] = ()  # what the server said of it last


def passed(seen: Iterable[Seen]) -> tuple[Tried, ...]:
    """What a rehearsal says where no table has rows."""
    return tuple(
        Tried(one.place, "unknown", why=one.note) if one.note else Tried(one.place, "passes") for one in seen
    )


class Attempt:
    """Runs files as migrate does, and observes each statement."""

    def __init__(self, scene: Scene, copied: Mapping[int, tuple[str, int]]) -> None:
        """copied: of each table in the scratch database whose rows are there, its live name and their number."""
        self.scene = scene
        self.tried: dict[str, tuple[Tried, ...]] = {}
        self.touched: dict[str, set[Name]] = {}
        self._rows = {oid: _Rows(name, number) for oid, (name, number) in copied.items()}
        self._held, self._file = Held(), ""
        self._place = (1, 1)
        self._is_over = False  # all of the file has run, and its commit is to come
        self._is_complete = True
        self._times = self._touched_times(scene.connection)

    def run(self, pending: Any, *, is_complete: bool) -> End | None:
        """Runs the files up to one that fails, and says which; Interrupted and the like go on.

        is_complete: whether all files before these have run.
        """
        self._is_complete = is_complete
        runner = self.scene.backend.runner(_Try(pending, self))
        try:
            runner.apply(pending, pending.code)
            runner.run_code(pending.code)
            runner.run_post_apply(pending)
            self._touch_what_was_read(self.scene.connection)
        except ReachesOut as exc:
            return End(self._file, str(exc), is_last=True)
        except (MigrationFailed, Refused, BadFile) as exc:
            return self._fail(exc)
        return None

    # What the engine tells of a file in a transaction

    def begins(self, file: File) -> None:
        # Of the file before: what is deferred reads other tables at its commit.
        self._touch_what_was_read(self.scene.connection)
        self._start(file)
        self._held = Held()
        self._look(self.scene.connection, counts=False)

    def cleaned(self, file: File, relation: Constraint) -> None:  # noqa: ARG002
        self._note_passed(self.scene.connection, (1, 1))

    def parted(self, file: File, code: Collection[str]) -> None:
        """Nothing: the rehearsal has said it."""

    def passes_over(self, file: File, piece: Piece) -> bool:
        if not piece.statements:
            return False
        self._place = piece.place(piece.statements[0].start)
        reason = self.scene.passed_over(piece)
        if reason:
            self._keep(file.id, Tried(self._place, "unknown", why=f"not tried: {reason}"))
        return bool(reason)

    def ran(self, file: File, piece: Piece) -> None:
        held = self.scene.held(self.scene.connection)
        self._touch(file, (int(item.split(":")[0]) for item in held.relations - self._held.relations))
        self._held = held
        for _ in piece.statements:  # one, or none
            self._note_passed(self.scene.connection, self._place)

    def ends(self, file: File) -> None:
        self._is_over = True
        if self.scene.changes_server(self.scene.connection):
            raise reaches_out(file)

    def run_outside(self, worker: Connection, file: File) -> None:
        self._start(file)
        try:
            for piece in file.pieces(1):
                if piece.statements and not self._is_left_out(file, piece):
                    self._send(worker, file, piece)
                    self._note_passed(worker, self._place)
                for _ in piece.data or ():
                    pass
        finally:
            if not worker.closed:  # what it has not told others yet, only it knows
                self._touch_what_was_read(worker)

    def _is_left_out(self, file: File, piece: Piece) -> bool:
        (statement,) = piece.statements
        if self.passes_over(file, piece):
            return True
        text = piece.text[statement.start : statement.end]
        if not is_shared(statement.words, text):
            return False
        self._keep(file.id, Tried(self._place, "unknown", why=f"not tried: {SHARED}"))
        return True

    def _send(self, worker: Connection, file: File, piece: Piece) -> None:
        answer = wire.send(worker, piece.text, wire.Answer(keep=False), data=piece.data)
        if answer.error is not None:
            self.scene.raise_if_lost(f"{file.id} was being tried", worker)
            raise explain.failure(file, piece, answer.error, answer.completed, "")

    # What is kept

    def _start(self, file: File) -> None:
        self._file, self._place, self._is_over = file.id, (1, 1), False
        self.tried[file.id], self.touched[file.id] = (), set()

    def _keep(self, id_: str, tried: Tried) -> None:
        self.tried[id_] += (tried,)

    def _note_passed(self, connection: Connection, place: tuple[int, int]) -> None:
        self._keep(self._file, Tried(place, "passes", gone=self._look(connection)))

    def _fail(self, failure: SqlrailError) -> End:
        """Takes in what ended the run, and what was touched in vain."""
        tried = self._failed(failure)
        before = self.tried.get(self._file, ())
        if self._is_over and before:  # at its commit
            before = before[:-1]
        self.tried[self._file] = (*before, tried)
        is_lost = self.scene.connection.closed
        if not is_lost:
            self._touch_what_was_read(self.scene.connection)
        return End(self._file, tried.why, is_last=is_lost)

    def _failed(self, failure: SqlrailError) -> Tried:
        error, ahead = failure.__cause__, "at commit: " if self._is_over else ""
        if not isinstance(error, psycopg.Error):
            return Tried(self._place, "fails", says=printable(str(failure)))
        if isinstance(error, _NOT_OF_ROWS) or not error.sqlstate:
            return Tried(self._place, "unknown", why=f"the trial ended here: {said(error)}")
        if not self._is_complete and error.sqlstate.startswith("42"):
            return Tried(
                self._place, "unknown", why=f"it may need what a file that is not tried makes: {said(error)}"
            )
        return Tried(self._place, "fails", says=f"{ahead}{said(error)}", fault=Fault.of(error))

    # Rows

    def _look(self, connection: Connection, *, counts: bool = True) -> tuple[tuple[str, int], ...]:
        """The rows that are gone since the last look, by live table; without counts it only starts anew."""
        if not self._rows:
            return ()
        (found,) = ask(connection, self.scene.store.message("trial_look", copied=list(self._rows)))
        changed = {oid: told for oid, *told in found if tuple(told[:-1]) != self._rows[oid].told}
        before = dict(self._rows)
        for oid, told in changed.items():
            self._rows[oid] = before[oid]._replace(told=tuple(told[:-1]))
        if not (changed and counts):
            return ()
        self._count_all(connection, {oid: told[-1] for oid, told in changed.items()})
        gone: dict[str, int] = {}
        for oid in changed:
            name = before[oid].name
            gone[name] = gone.get(name, 0) + before[oid].rows - self._rows[oid].rows
        return tuple((name, rows) for name, rows in sorted(gone.items()) if rows > 0)

    def _count_all(self, connection: Connection, countable: Mapping[int, bool]) -> None:
        """Counts the rows of tables, which is no touch of the file's."""
        self._touch_what_was_read(connection)
        names = {oid: (it.schema, it.name) for oid, it in self.scene.relations(connection).items()}
        for oid, is_countable in countable.items():
            it = self._rows[oid]
            self._rows[oid] = it._replace(rows=self._count(connection, names.get(oid), is_countable, it.rows))
        self._times = self._touched_times(connection)
        self._held = self.scene.held(connection)

    def _count(self, connection: Connection, name: Name | None, is_countable: bool, before: int) -> int:
        if name is None:
            return 0
        if not is_countable:  # by the role that the file has taken on
            return before
        text = self.scene.store.message("trial_count", table=sql.Identifier(*name))
        (((number,),),) = ask(connection, text)
        return int(number)

    # What is touched

    def _touch(self, file: File, oids: Iterable[int]) -> None:
        self.touched[file.id] |= named(self.scene, oids)

    def _touch_what_was_read(self, connection: Connection) -> None:
        now = self._touched_times(connection)
        self.touched.setdefault(self._file, set()).update(
            named(self.scene, (oid for oid, times in now.items() if times != self._times.get(oid)))
        )
        self._times = now

    def _touched_times(self, connection: Connection) -> dict[int, int]:
        if not self.scene.watched:
            return {}
        (rows,) = ask(connection, self.scene.store.message("trial_touched", watched=list(self.scene.watched)))
        return dict(rows)


def named(scene: Scene, oids: Iterable[int]) -> set[Name]:
    """The relations whose rows count, of what was locked or read; an index stands for its table."""
    watched = scene.watched
    of_tables: Collection[int] = {watched[oid].table or oid for oid in oids if oid in watched}
    found = (watched[oid] for oid in of_tables if oid in watched)
    return {(it.schema, it.name) for it in found if it.kind in "rpmfS"}


class _Try(Build):
    """Applies pending files one statement at a time, and lets the attempt look."""

    may_go_together = False

    def __init__(self, pending: Any, attempt: Attempt) -> None:
        super().__init__(pending)
        self.observer = attempt
