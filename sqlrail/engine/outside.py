"""One file outside a transaction: its worker, and the lock that is held for it meanwhile.

The runners' lock is held by a transaction on the session's own connection, which idles meanwhile. The statements run
on another, the worker; its number, negative, stands in yoyo's lock row. Should two be at work for all that, a note that
does not follow on the last one fails, and what was to be noted with it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from psycopg import sql
from psycopg.pq import TransactionStatus

from sqlrail.engine.leftovers import CutOff
from sqlrail.engine.operation import Operation
from sqlrail.engine.parts import Parts
from sqlrail.engine.pipeline import Closing
from sqlrail.engine.retry import LEANED_ON, Retry
from sqlrail.engine.statement_run import StatementRun
from sqlrail.engine.store import IN_ANY
from sqlrail.errors import ConnectionFailed
from sqlrail.files.file import File
from sqlrail.files.pieces import Piece
from sqlrail.ground.events import Begun
from sqlrail.ground.words import milliseconds
from sqlrail.postgres.connect import Connection
from sqlrail.postgres.giving_way import Tries

#: what lead.sql sets, so that it changes nothing any more where a connection has begun with it
TENANT = "sqlrail.tenant"
_IN_A_TRANSACTION = (
    " If what is in the way was made by a code file: a file in a transaction drops that in front of it, and makes it "
    "again behind it, so put the statement into one."
)


class OutsideRun:
    """Runs a file statement by statement, each noted; its record is written when all are, and not before."""

    def __init__(
        self,
        parts: Parts,
        retry: Retry,
        cut_off: CutOff,
        operation: Operation,
        file: File,
        migration: Any,
        *,
        marks: bool,
    ) -> None:
        self._session, self._recorded, self._lock, self._news = parts
        self._retry, self._cut_off, self._operation = retry, cut_off, operation
        self._file, self._migration, self._marks = file, migration, marks

    def run(self, tries: Tries, finish: Callable[[Closing], None]) -> bool:
        """Runs it while the lock is held; False if it was done already. finish: commits the closing."""
        started = time.monotonic()
        with closing(self._connect_worker()) as worker, self._session.keeping(worker):
            try:
                if not self._hold(worker):
                    return False
                self._news.tell(Begun(self._file.id))
                self._run_statements(worker, tries.give_up)
                finish(self._closing(started, tries))
            except BaseException as exc:
                self._let_go(worker)
                if isinstance(exc.__cause__, LEANED_ON) and self._session.store.place.has_code:
                    exc.args = (f"{exc}{_IN_A_TRANSACTION}",)
                raise
        return True

    def _run_statements(self, worker: Connection, give_up: float) -> None:
        if observer := self._operation.observer:
            observer.run_outside(worker, self._file)
            return
        operation = self._operation.name if self._marks else "post-apply"
        key = {"id": self._migration.id, "hash": self._migration.hash, "operation": operation}
        guard = self._operation.guard(self._session.store) + self._session.store.guard(self._file)
        StatementRun(self._session, self._retry, self._cut_off, worker, self._file, key, guard, give_up).run()

    def _closing(self, started: float, tries: Tries) -> Closing:
        store, hash_ = self._session.store, self._migration.hash
        record = self._operation.record(store, self._file, hash_, marks=self._marks)
        text = store.closing_outside(hash_, IN_ANY.join(record))
        parts = self._file, self._migration, text, Piece(b""), (), self._marks, started, tries
        stands = "It runs outside a transaction: its statements are done and stay; run again to have that recorded."
        return Closing(*parts, stands=stands)

    # The worker

    def _connect_worker(self) -> Connection:
        """A connection that begins with the file's limits: SET LOCAL would not last.

        What waits for others in the middle of its work, as CREATE INDEX CONCURRENTLY does, waits as long as it takes.
        """
        file, session = self._file, self._session
        limits = session.store.limit_values(file) | {
            "lock_timeout": milliseconds(file.lock_timeout or 0),
            "default_transaction_isolation": r"read\ committed",
            "default_transaction_read_only": "off",
            "standard_conforming_strings": "on",
            "client_encoding": "UTF8",
        }
        if session.server.version >= 140000:
            limits["idle_session_timeout"] = limits["idle_in_transaction_session_timeout"]
        if session.settings.tenant is not None and not session.server.is_pooled:
            ((path,),) = session.look_up("path")
            limits |= {
                name: _escaped(value)
                for name, value in (("search_path", path), (TENANT, session.settings.tenant))
            }
        # Wherever they are from: a service may name some as well.
        given = next(
            option.val or b"" for option in session.connection.pgconn.info if option.keyword == b"options"
        )
        options = " ".join([given.decode(), *(f"-c {name}={value}" for name, value in limits.items())])
        try:
            # A pooler takes no options, and what it has for us is for others too.
            return session.connect(None if session.server.is_pooled else options)
        except ConnectionFailed as exc:
            raise ConnectionFailed(
                f"{file.path}: it runs outside a transaction, which takes a second connection: {exc}"
            ) from exc

    # The lock

    def _hold(self, worker: Connection) -> bool:
        """Takes the runners' lock, and yoyo's lock row for the worker; False if the file is done already."""
        session, patience = self._session, self._lock.patience()
        while True:
            holder = None
            if self._lock.attempt():
                # Not on the connection that holds the lock: it must not touch a table that the file may reindex.
                if self._is_done_by_now(worker):
                    session.undo()
                    return False
                store = session.store
                text = store.message("begin") + store.message("ours") + session.own_tables()
                holder, own = session.ask_alone(text + store.message("lock_row"), worker).rows[-1]
                if holder == own:
                    return True
            session.undo()
            if not (holder and holder < 0 and self._lock.break_dead()):
                patience.pause(holder)

    def _is_done_by_now(self, worker: Connection) -> bool:
        hash_ = self._migration.hash
        question = self._operation.question(self._session.store, hash_)
        answered = self._session.ask_alone(b"SELECT " + question, worker).row(-1)[0]
        is_over = False
        if self._marks:
            self._recorded.read_history(worker)
            is_over = not self._operation.look_again()
        return is_over or self._operation.is_done(hash_, self._file, answered)

    def _let_go(self, worker: Connection) -> None:
        """Takes the lock row of a file that failed away, unless its last statement may still be running."""
        session, store = self._session, self._session.store
        ended = sql.SQL("false") if worker.closed else sql.SQL("l.pid = {}").format(-worker.info.backend_pid)
        session.undo()
        text = store.message("break_dead_lock", ended=True if session.server.is_pooled else ended)
        if not session.connection.closed:
            worker.close()
            session.raise_if_standby()
            session.send_ours(store.begin(None) + text)
        elif worker.info.transaction_status == TransactionStatus.IDLE:
            session.send_ours(store.message("begin") + store.message("ours") + text, worker)


def _escaped(value: str) -> str:
    """A value as libpq's options have it."""
    return re.sub(r"([\\\s])", r"\\\1", value)
