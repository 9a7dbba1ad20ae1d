"""The verb plan: what is pending, run for real on a scratch database, and looked at statement by statement.

The files go the way that migrate sends them (engine), one statement at a time. Before and after each, the session
that runs it is asked for its locks, and each relation for the file that holds its rows and for how often all of them
were read. What is slow about a statement shows on an empty table too; how slow, the live database's sizes say.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import sql
from psycopg.pq import TransactionStatus

from sqlrail.engine import explain
from sqlrail.engine.step_run import UNWRAPPABLE
from sqlrail.engine.steps import Step
from sqlrail.engine.store import Store
from sqlrail.errors import (
    BadFile,
    ConnectionLost,
    DatabaseFailed,
    MigrationFailed,
    Refused,
    SqlrailError,
)
from sqlrail.files import statements
from sqlrail.files.file import File
from sqlrail.files.statements import Piece
from sqlrail.ground.relation import Relation
from sqlrail.ground.settings import Settings
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection, connect
from sqlrail.postgres.diagnostics import sentence
from sqlrail.scratch.scratch import Build, Built, is_shared

if TYPE_CHECKING:
    from sqlrail.results.plan import LockMode

#: https://www.postgresql.org/docs/current/explicit-locking.html, the weakest first
MODES: tuple[LockMode, ...] = (
    "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE",
    "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE",
)  # fmt: skip
#: as pg_locks has them
_LOCKS = {f"{mode.title().replace(' ', '')}Lock": place for place, mode in enumerate(MODES)}
#: characters of a statement that are kept
TEXT = 120
#: seconds between two looks at it: the first, and the most
POLL = (0.001, 0.1)
#: connections that hold up a statement which refuses a transaction
KEEPERS = 8
_MISSING = "it is about a role or an extension that is missing where the scratch database lies"
_SHARED = "it is about the whole server, which a scratch database shares with the real one"


class ByStatement(File):
    """A file that goes one statement a message."""

    def pieces(self, size: int = 1) -> Any:  # noqa: ARG002 - whatever is asked for
        return super().pieces(1)


class Watched(NamedTuple):
    """A relation that was there before the first pending file."""

    schema: str
    name: str
    kind: str
    table: int | None  # an index's


class _State(NamedTuple):
    filenode: int
    #: scans by all sessions, and those that the one which looks has not told yet
    told: int
    untold: int
    #: the strongest lock, by its place in MODES; -1 is none
    lock: int

    @property
    def scans(self) -> int:
        return self.told + self.untold


_States = dict[int, _State]
_Changes = dict[int, tuple[_State, _State]]
#: a catalog's oid, and that of the object in it
Address = tuple[int, int]
_Locks = dict[Address, int]


class Seen(NamedTuple):
    """A statement, and what it has changed and locked.

    The locks that its transaction has behind it: None where these are those in front of it and its own.
    """

    text: str
    place: tuple[int, int]
    changes: _Changes
    objects: _Locks
    locks: dict[int, int] | None = None
    note: str | None = None


def _compare(before: _States, after: _States) -> _Changes:
    """What was locked further, scanned or rewritten."""
    return {
        oid: (before[oid], now)
        for oid, now in after.items()
        if now.lock > before[oid].lock
        or (now.filenode, now.scans) != (before[oid].filenode, before[oid].scans)
    }


def locks_of(states: _States) -> dict[int, int]:
    return {oid: state.lock for oid, state in states.items() if state.lock >= 0}


class _Held(NamedTuple):
    """What a transaction holds, an item a lock; see sql/scratch/plan_held.sql."""

    relations: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()


class _ReachesOut(Refused):
    """The file has changed what the whole server has."""


class Rehearsal:
    """Looks after each statement of the pending files what it has done, where the applied ones have built a database.

    What is there before the first of them is watched, and nothing else.
    """

    def __init__(self, built: Built, noted: dict[str, int]) -> None:
        """noted: of files outside a transaction so many statements are done already."""
        self._backend, self._store = built.backend, built.backend.session.store
        self.missing, self.noted = built.missing, noted
        self.seen: dict[str, list[Seen]] = {}
        self._held = _Held()
        self.watched = self.relations(self.connection)
        (rows,) = _ask(self.connection, self._store.message("plan_objects"))
        self.objects: dict[Address, tuple[str, str]] = {
            (catalog, oid): (kind, name) for catalog, oid, kind, name in rows
        }
        self._last = self.states(self.connection)

    @property
    def connection(self) -> Connection:
        return self._backend.connection

    @property
    def store(self) -> Store:
        return self._store

    @property
    def settings(self) -> Settings:
        return self._backend.settings

    @property
    def is_pooled(self) -> bool:
        return self._backend.is_pooled

    def raise_if_lost(self, when: str, connection: Connection) -> None:
        self._backend.raise_if_lost(when, connection)

    def rehearse(self, pending: Any) -> str | None:
        """Applies the pending files; why it ended before the last, if it did. The errors are migrate's."""
        runner = self._backend.runner(_Rehearse(pending, self))
        try:
            runner.apply(pending)
            runner.run_post_apply(pending)
        except _ReachesOut as exc:
            return str(exc)
        except (MigrationFailed, Refused, BadFile) as exc:
            text = f"{exc} This was a rehearsal: the database itself has only been read."
            if any((one.note or "").endswith(_SHARED) for seen in self.seen.values() for one in seen):
                text += " Statements about the whole server were not kept in it; this one may need what they make."
            exc.args = (text,)
            raise
        return None

    def relations(self, connection: Connection) -> dict[int, Watched]:
        """Those that are there, by oid."""
        (rows,) = _ask(connection, self._store.message("plan_relations"))
        return {oid: Watched(*row) for oid, *row in rows}

    def states(self, connection: Connection) -> _States:
        """Of all that is watched, as seen from a session."""
        if not self.watched:
            return {}
        (rows,) = _ask(connection, self._store.message("plan_look", watched=list(self.watched)))
        return {oid: _State._make((*state, _strongest(modes))) for oid, *state, modes in rows}

    def held(self, connection: Connection) -> _Held:
        """What the transaction of a session holds, where there was anything before."""
        if not self.watched and not self.objects:
            return _Held()
        text = self._store.message("plan_held", newest=max(self.watched, default=0))
        ((found,),) = _ask(connection, text)
        return _Held(*(frozenset(filter(None, text.split(","))) for text in found))

    def objects_in(self, items: Iterable[str]) -> _Locks:
        """The strongest lock on each object that is watched, of what is held."""
        found: _Locks = {}
        for item in items:
            catalog, oid, mode = item.split(":")
            if (one := (int(catalog), int(oid))) in self.objects:
                found[one] = max(_LOCKS[mode], found.get(one, -1))
        return found

    def changes_server(self, connection: Connection) -> bool:
        """Whether the session's transaction has changed what the whole server has."""
        ((is_changed,),) = _ask(
            connection, self._store.message("plan_shared", shared=self._store.message("_shared"))
        )[-1]
        return bool(is_changed)

    def keep(self, file: File, seen: Seen) -> None:
        """Keeps what was seen of a statement."""
        self.seen[file.id].append(seen)

    # What the engine tells of a file in a transaction

    def begins(self, file: File) -> None:
        if file.id in self.seen:  # an earlier try, which was taken back
            self._last = self.states(self.connection)
        self.seen[file.id] = []
        self._look_ahead()

    def ends(self, file: File) -> None:
        if self.changes_server(self.connection):
            raise reaches_out(file)

    def cleaned(self, file: File, relation: Relation) -> None:
        self._look_back(file, f"-- cleanup: {relation}", (1, 1))

    def passes_over(self, file: File, piece: Piece) -> bool:
        if not self.lacks(piece):
            return False
        place = piece.place(piece.statements[0].start)
        self.keep(file, Seen(_brief(piece), place, {}, {}, note=f"not rehearsed: {_MISSING}"))
        return True

    def ran(self, file: File, piece: Piece) -> None:
        for statement in piece.statements:  # one, or none
            is_back = _takes_back(statement.words)
            self._look_back(file, _brief(piece), piece.place(statement.start), is_back=is_back)

    def run_outside(self, worker: Connection, file: File) -> None:
        self.seen[file.id] = []
        _Outside(self, worker, file).run()
        self._last = self.states(self.connection)

    def _look_ahead(self) -> None:
        """In a new transaction nothing is locked, and its session may have told others of earlier scans."""
        (rows,) = _ask(self.connection, self._store.message("plan_untold", watched=list(self.watched)))
        untold, self._held = dict(rows), _Held()
        for oid, it in self._last.items():
            if it.lock >= 0 or it.untold or oid in untold:
                self._last[oid] = it._replace(lock=-1, untold=untold.get(oid, 0))

    def lacks(self, piece: Piece) -> bool:
        """Whether a statement is about something that is not there."""
        return any(
            self.missing.is_what(one.words, piece.text[one.start : one.end]) for one in piece.statements
        )

    def _look_back(self, file: File, text: str, place: tuple[int, int], *, is_back: bool = False) -> None:
        before, self._held = self._held, self.held(self.connection)
        objects = self.objects_in(self._held.objects - before.objects)
        if is_back:
            self._last = self.states(self.connection)
            self.keep(file, Seen(text, place, {}, {}, locks_of(self._last)))
        else:
            changes = self._changes(self._held.relations - before.relations)
            self.keep(file, Seen(text, place, changes, objects))

    def _changes(self, items: Iterable[str]) -> _Changes:
        """What is locked further, scanned or rewritten, by what is held otherwise than before."""
        found: _States = {}
        for item in items:
            oid, mode, filenode, untold = item.split(":")
            if before := self._last.get(int(oid)):  # else it is not watched
                lock = max(_LOCKS[mode], found.get(int(oid), before).lock)
                found[int(oid)] = before._replace(filenode=int(filenode), untold=int(untold), lock=lock)
        changes = _compare(self._last, found)
        self._last |= found
        return changes


class _Rehearse(Build):
    """Applies the pending files one statement at a time, and lets the rehearsal look."""

    may_go_together = False

    def __init__(self, pending: Any, rehearsal: Rehearsal) -> None:
        super().__init__(pending)
        self.observer = rehearsal


def reaches_out(file: File) -> _ReachesOut:
    return _ReachesOut(
        f"{file.id} changes what the whole server has, such as a role: it was rehearsed and taken back, and what comes "
        "behind it can be rehearsed once it is applied"
    )


def _strongest(modes: Iterable[str]) -> int:
    return max((_LOCKS.get(mode, -1) for mode in modes), default=-1)


def _takes_back(words: tuple[str, ...]) -> bool:
    """Whether a statement undoes others, to a savepoint or all, and does nothing of its own."""
    return words[:1] in (("ROLLBACK",), ("ABORT",))


def _brief(piece: Piece) -> str:
    start, end, *_ = piece.statements[0]
    return statements.brief(piece.text[start:end], TEXT)


class _After(NamedTuple):
    """What a statement outside a transaction has left, and why it was not kept."""

    states: _States
    objects: _Locks
    note: str | None = None


class _Outside:
    """A file outside a transaction: where PostgreSQL lets it each statement in one of its own, with a look at its end.

    What refuses a transaction is held up by keepers instead, and its locks are seen while it waits.
    """

    def __init__(self, rehearsal: Rehearsal, worker: Connection, file: File) -> None:
        self.rehearsal, self.worker, self.file = rehearsal, worker, file

    def run(self) -> None:
        """Every statement in turn."""
        done = self.rehearsal.noted.get(self.file.id, 0)
        for number, piece in enumerate((piece for piece in self.file.pieces(1) if piece.statements), 1):
            start, end, *_ = piece.statements[0]
            self._step(Step(number, piece, piece.text[start:end], ""), is_done=number <= done)

    @property
    def _in_block(self) -> bool:
        return self.worker.info.transaction_status == TransactionStatus.INTRANS

    def _step(self, step: Step, *, is_done: bool) -> None:
        if is_shared(step.words, step.text):
            for _ in step.piece.data or ():
                pass
            self._note(step, f"not rehearsed: {_SHARED}")
            return
        if self.rehearsal.lacks(step.piece):
            self._note(step, f"not rehearsed: {_MISSING}")
            return
        if self._in_block and step.is_control:
            self._refuse_shared()
        before = self._look()
        if self._in_block or step.is_control or step.is_setting:
            self._send(step)
            after = self._look()
            before = after if _takes_back(step.words) else before
        else:
            after = self._wrapped(step) or self._alone(step)
        if is_done:
            self._note(step, "done already")
        else:
            self._keep(step, before, after)

    def _look(self) -> _After:
        rehearsal = self.rehearsal
        objects = rehearsal.objects_in(rehearsal.held(self.worker).objects)
        return _After(rehearsal.states(self.worker), objects)

    def _keep(self, step: Step, before: _After, after: _After) -> None:
        objects = {one: lock for one, lock in after.objects.items() if lock > before.objects.get(one, -1)}
        changes = _compare(before.states, after.states)
        self._seen(step, changes, objects, locks_of(after.states), after.note)

    def _note(self, step: Step, note: str) -> None:
        self._seen(step, {}, {}, {}, note)

    def _seen(
        self, step: Step, changes: _Changes, objects: _Locks, locks: dict[int, int], note: str | None
    ) -> None:
        place = step.piece.place(step.piece.statements[0].start)
        self.rehearsal.keep(self.file, Seen(_brief(step.piece), place, changes, objects, locks, note))

    def _refuse_shared(self) -> None:
        if self.rehearsal.changes_server(self.worker):
            raise reaches_out(self.file)

    def _wrapped(self, step: Step) -> _After | None:
        """What is seen at the end of its transaction; None if it refuses to run in one."""
        rehearsal = self.rehearsal
        _ask(self.worker, rehearsal.store.message("begin") + rehearsal.store.limits(self.file))
        try:
            self._send(step)
        except MigrationFailed as exc:
            wire.send(self.worker, b"ROLLBACK", wire.Answer())
            if isinstance(exc.__cause__, UNWRAPPABLE):
                return None
            raise
        after, kept = self._look(), not rehearsal.changes_server(self.worker)
        answer = wire.send(self.worker, b"COMMIT" if kept else b"ROLLBACK", wire.Answer())
        if answer.error is not None:  # of a deferred constraint
            raise self._failure(step, answer, None)
        return after if kept else after._replace(note=f"taken back: {_SHARED}")

    def _alone(self, step: Step) -> _After:
        """Runs what refuses a transaction, held up at each lock that it asks for on a table which it names."""
        if self.rehearsal.is_pooled:  # others' sessions could be this one's
            self._send(step)
            return self._look()._replace(note="its locks are not seen through a pooler")
        seen: dict[int, set[str]] = {}
        tables, rehearsal = self._tables(step), self.rehearsal
        with ExitStack() as stack:
            number = 1 + min(KEEPERS, len(tables))
            observer, *keepers = [
                stack.enter_context(closing(connect(rehearsal.settings))) for _ in range(number)
            ]
            held = _Keepers(keepers, rehearsal.store.message("begin") + rehearsal.store.limits(None), tables)
            limit = self._limit("0")
            self._send(step, lambda: self._watch(observer, held, seen))
            self._limit(limit)
        states = rehearsal.states(self.worker)
        return _After(
            {oid: it._replace(lock=_strongest(seen.get(oid, ()))) for oid, it in states.items()}, {}
        )

    def _limit(self, lock_timeout: str) -> Any:
        """Sets how long the worker waits for a lock, for the keepers' would count; what it was before."""
        ((before, _),) = _ask(
            self.worker, self.rehearsal.store.message("plan_limit", lock_timeout=lock_timeout)
        )[-1]
        return before

    def _tables(self, step: Step) -> list[Watched]:
        text = step.text.decode(errors="replace").lower()
        # By the names of today: an earlier statement may have renamed or dropped some.
        there = self.rehearsal.relations(self.worker)
        named = {it.table or oid for oid, it in there.items() if it.name.lower().replace('"', '""') in text}
        tables = {oid: it for oid, it in there.items() if it.kind in ("r", "p")}
        # Without a name, or with one that stands for its partitions, it may be about any of them.
        if not named or any(there[oid].kind == "p" for oid in named):
            named |= tables.keys()
        return [it for oid, it in tables.items() if oid in named]

    def _watch(self, observer: Connection, held: _Keepers, seen: dict[int, set[str]]) -> None:
        """Looks what it has and wants when it waits for a keeper, who then steps back; at other times it is chance."""
        pgconn, pause = self.worker.pgconn, POLL[0]
        text = self.rehearsal.store.message("plan_locks", pid=self.worker.info.backend_pid)
        while True:
            pgconn.consume_input()
            if not pgconn.is_busy():
                return
            ((blockers,),), locks = _ask(observer, text)
            in_the_way = held.in_the_way(blockers)
            if not in_the_way:
                time.sleep(pause)
                pause = min(2 * pause, POLL[1])
                continue
            for oid, mode in locks:
                seen.setdefault(oid, set()).add(mode)
            held.step_back(in_the_way)
            pause = POLL[0]

    def _send(self, step: Step, meanwhile: Callable[[], object] = lambda: None) -> None:
        answer = wire.Answer(keep=False)
        wire.send(self.worker, step.piece.text, answer, meanwhile=meanwhile, data=step.piece.data)
        if answer.error is not None:
            raise self._failure(step, answer, answer.completed)

    def _failure(self, step: Step, answer: wire.Answer, completed: int | None) -> SqlrailError:
        self.rehearsal.raise_if_lost(f"{self.file.id} was being rehearsed", self.worker)
        assert answer.error is not None
        stands = f"Nothing of {self.file.id} was applied."
        return explain.failure(self.file, step.piece, answer.error, completed, stands)


class _Keepers:
    """Sessions that lock tables, and step back from the strongest of their locks to none.

    The first shows what a statement looks at, the second what it wants to change, and the last what it has when it
    waits in its middle for older transactions, as the CONCURRENTLY ones do.
    """

    STEPS = (b"ROLLBACK TO second", b"ROLLBACK TO first", b"ROLLBACK")

    def __init__(self, connections: list[Connection], opening: bytes, tables: list[Watched]) -> None:
        self.held: dict[int, tuple[Connection, tuple[bytes, ...]]] = {}
        for number, connection in enumerate(connections):
            names = [sql.Identifier(it.schema, it.name) for it in tables[number :: len(connections)]]
            locked = sql.SQL(", ").join(map(sql.SQL("ONLY {}").format, names))
            _ask(connection, opening + wire.message(connection, "plan_keep", tables=locked))
            self.held[connection.info.backend_pid] = (connection, self.STEPS)

    def in_the_way(self, blockers: Iterable[int]) -> list[int]:
        """Those of them whom somebody waits for."""
        return [pid for pid in blockers if pid in self.held]

    def step_back(self, pids: list[int]) -> None:
        """Each lets go of its strongest lock."""
        for pid in pids:
            connection, (step, *steps) = self.held.pop(pid)
            _ask(connection, step)
            if steps:
                self.held[pid] = (connection, tuple(steps))


def _ask(connection: Connection, text: bytes) -> list[list[tuple[Any, ...]]]:
    """The tables that a message of ours returns while a file is rehearsed."""
    answer = wire.send(connection, text, wire.Answer())
    if answer.error is None:
        return answer.tables
    reason = sentence(answer.error)
    if connection.closed:
        raise ConnectionLost(f"the connection was lost while a file was being rehearsed: {reason}")
    raise DatabaseFailed(f"the rehearsal cannot be watched: {reason}") from answer.error
