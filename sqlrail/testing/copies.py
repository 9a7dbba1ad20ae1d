"""A run's copies of a template: a thread makes them ahead of the tests and drops them behind, on its own connection.

Where it is asked for, those that are done with are made as they were, for others, before new ones are made.

Whoever finds none ready makes one himself, on the run's connection. So all works without the thread, too: where the
server has no connection left for it, or when it has met an error.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from itertools import count
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from sqlrail.errors import DatabaseFailed, SqlrailError
from sqlrail.ground.settings import Settings
from sqlrail.postgres.connect import Connection, connect
from sqlrail.postgres.wire import Answer, ask, begin_to_ask, command, send
from sqlrail.scratch import scratch
from sqlrail.testing.reset import Pristine, look, reset
from sqlrail.testing.seen import Seen

#: connections that the server has to have free beside the thread's, which are the tests' own
FREE = 10
#: milliseconds in which whoever a test has left in a copy has to be gone, if that is to be made as it was
RELEASE = 1000


class Plan(NamedTuple):
    """How copies are made, and how many of them may lie about."""

    template: str
    strategy: str  # CREATE DATABASE's
    ahead: int  # that are ready at the most
    heap: int  # that are done with, from which on they are dropped
    resets: bool  # whether one that is done with is made as it was, for the next
    seen: Seen | None = None  # what takes the queries that are sent to them


class Copies:
    """The databases of one run, each for whoever takes it; for one thread, beside that which works ahead of it."""

    def __init__(self, settings: Settings, connection: Connection, prefix: str, plan: Plan) -> None:
        self._settings, self._connection, self._plan = settings, connection, plan
        #: reads what it has not answered yet
        self._unread: Callable[[], object] | None = None
        self._names = (f"{prefix}_{number}" for number in count())
        #: guards what follows; who waits for it is the thread
        self._changed = threading.Condition()
        self._known: list[str] = []  # that may be on the server
        self._ready: deque[str] = deque()
        self._used: deque[str] = deque()  # that may be made as they were
        self._done: list[str] = []  # that are to be dropped
        self._taken = 0
        self._is_proven = False
        self._pristine: Pristine | None = None
        self._is_over = False
        self._thread: threading.Thread | None = None

    def take(self) -> str:
        """The name of a database like the template, that nobody else has."""
        with self._changed:
            self._taken += 1
            name = self._ready.popleft() if self._ready else None
            self._changed.notify()
        if name is None:
            name = self._another(self._own())
            self._begin_ahead()
        if self._plan.seen:
            self._plan.seen.begins(self._own(), name)
        return name

    def give_back(self, name: str) -> None:
        """Ends whoever is still connected; the database itself is dropped later, together with others.

        The server is told, and not waited for: that would be most of what a copy costs a test.

        On ext4 files are made several times as slowly where some have just been deleted, for it passes over each that
        was in the last minutes; and every DROP DATABASE is a checkpoint.
        """
        if self._plan.seen:
            self._plan.seen.ends(self._own(), name)
        self._unread = begin_to_ask(self._own(), "end_connections", database=name, timeout=0)
        with self._changed:
            (self._used if self._pristine else self._done).append(name)
            self._changed.notify()
        if self._thread is None or not self._thread.is_alive():
            self._drop_done(self._own())

    def close(self) -> None:
        """Drops all of them, those too that were never taken, or never finished."""
        with self._changed:
            self._is_over = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        for name in [*self._known]:
            self._drop(self._own(), name)

    def _own(self) -> Connection:
        """The run's connection, once it has answered what was sent last."""
        unread, self._unread = self._unread, None
        if unread:
            with suppress(DatabaseFailed):  # if it is lost, what is sent next says so
                unread()
        return self._connection

    def _another(self, connection: Connection) -> str:
        return self._reset_used(connection) or self._make(connection)

    def _reset_used(self, connection: Connection) -> str | None:
        """One that is done with, made as it was, under a name that nobody has: None where there is none."""
        while self._pristine:
            with self._changed:
                used = self._used.popleft() if self._used else None
            if used is None:
                break
            with suppress(SqlrailError, psycopg.Error):
                ask(connection, "end_connections", database=used, timeout=RELEASE)
                used = self._rename(connection, used)
                with closing(self._connect(used)) as own:
                    if reset(own, self._pristine):
                        return used
            with self._changed:
                self._done.append(used)
        return None

    def _rename(self, connection: Connection, name: str) -> str:
        """Its new name, under which nobody whom a test has left behind finds it."""
        renamed = self._name()
        command(connection, "rename_copy", database=sql.Identifier(name), renamed=sql.Identifier(renamed))
        with self._changed:
            self._known.remove(name)
        return renamed

    def _name(self) -> str:
        """A new one, of a database that may be on the server from now on."""
        with self._changed:
            name = next(self._names)
            self._known.append(name)
        return name

    def _make(self, connection: Connection) -> str:
        name, plan = self._name(), self._plan
        copied = {"database": sql.Identifier(name), "template": sql.Identifier(plan.template)}
        command(connection, "copy_template", **copied, strategy=sql.SQL(plan.strategy))
        if not self._is_proven:
            self._prove(name)
        return name

    def _prove(self, name: str) -> None:
        """Once a run: that a copy's URL leads to it. WrongDatabase if it does not."""
        there = scratch.marked(self._settings, name)
        scratch.mark(self._own(), there)
        with closing(connect(there)) as connection:
            self._pristine = look(connection) if self._plan.resets else None
        self._is_proven = True

    def _begin_ahead(self) -> None:
        """Starts the thread, once somebody has taken a second one: the first may be all that is wanted."""
        if self._thread or self._taken < 2 or not self._plan.ahead:
            return
        if ask(self._own(), "free_connections")[0][0] > FREE:
            self._thread = threading.Thread(target=self._ahead, name="sqlrail-copies", daemon=True)
            self._thread.start()

    def _ahead(self) -> None:
        # Whoever takes one next meets the same error, and says it.
        with suppress(SqlrailError, psycopg.Error, OSError), closing(connect(self._settings)) as connection:
            while (work := self._next()) is not None:
                work(connection)

    def _next(self) -> Callable[[Connection], object] | None:
        """What is to be done ahead of the tests or behind them, once there is something; None when all is over."""
        with self._changed:
            while not self._is_over:
                if len(self._done) > self._plan.heap:
                    return self._drop_done
                if len(self._ready) < min(self._plan.ahead, self._taken - 1):
                    return self._make_ready
                self._changed.wait()
        return None

    def _make_ready(self, connection: Connection) -> None:
        name = self._another(connection)
        with self._changed:
            self._ready.append(name)

    def _drop_done(self, connection: Connection) -> None:
        with self._changed:
            done = self._done if len(self._done) > self._plan.heap else []
            self._done = [] if done else self._done
        for name in done:
            self._drop(connection, name)

    def _drop(self, connection: Connection, name: str) -> None:
        """Drops a copy, whatever a test has left in it; where that cannot be done, a later run does it."""
        with suppress(SqlrailError, psycopg.Error):
            try:
                scratch.drop(connection, name)
            except DatabaseFailed:
                self._release(name)
                scratch.drop(connection, name)
            with self._changed:
                self._known.remove(name)

    def _release(self, name: str) -> None:
        """Ends what keeps a copy of this run from being dropped: replication, prepared transactions, IS_TEMPLATE."""
        with closing(self._connect(name)) as connection:
            for (statement,) in ask(connection, "held_by"):
                send(connection, statement.encode(), Answer())

    def _connect(self, name: str) -> Connection:
        url = make_conninfo(self._settings.database_url or "", dbname=name)
        return connect(replace(self._settings, database_url=url))
