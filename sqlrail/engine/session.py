"""The session of a run: its connection, what is sent on it, and how its errors are said."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.pq import TransactionStatus

from sqlrail.engine.heartbeat import Heartbeat
from sqlrail.engine.news import Commit
from sqlrail.engine.server import NOT_ASKED, Server
from sqlrail.engine.store import Place, Store
from sqlrail.errors import DatabaseFailed, Interrupted, ReadOnlyServer, Refused, SqlrailError, UsageError
from sqlrail.files import rights
from sqlrail.ground.events import Listener, Noticed
from sqlrail.ground.sentences import unconfirmed
from sqlrail.ground.settings import Settings
from sqlrail.postgres import diagnostics, stopping, wire
from sqlrail.postgres.connect import Connection, connect
from sqlrail.postgres.diagnostics import Kind, sentence
from sqlrail.postgres.giving_way import Watch
from sqlrail.postgres.wire import Answer

if TYPE_CHECKING:
    from sqlrail.engine.kept import Kept

#: schemas that are nobody's to migrate, beside those whose names begin with pg_
NO_TENANTS = ("information_schema", "sqlrail")
#: a message that begins a transaction, which a label may stand in front of
_BEGINS = re.compile(rb"(?:--[^\n]*\n)*BEGIN\b")


class UnderWay(NamedTuple):
    """A transaction that is watched: the file it is for, its lock_timeout in seconds, and the backend it runs on."""

    name: str = ""
    limit: float = 0.0  # 0 is none
    backend: int | None = None  # behind a pooler too


class Session:
    """The one connection that is looked and written through, and what is known of the server behind it.

    What the server refuses becomes a SqlrailError, with all that the server said, by `failure` alone; `ask` leaves that
    to its caller, who may know more of it. Only SET LOCAL is sent.
    """

    def __init__(self, settings: Settings, tell: Listener, kept: Kept | None = None) -> None:
        """tell: is called with what happens, behind what was committed before; kept: a connection that outlives it."""
        self.settings, self.tell, self._kept = settings, tell, kept
        self.connection = (kept and kept.take(settings, self._notice)) or self.connect()
        self.server: Server = kept.server if kept else NOT_ASKED
        self.store = Store(self.connection, settings, self.server)
        self.watch, self._heartbeat = Watch(settings), Heartbeat(settings.idle_timeout)
        self._commit = Commit(None, tell)  # of the last message
        self._under_way = UnderWay(limit=settings.lock_timeout)
        self._worker: Connection | None = None  # that a file outside a transaction runs on

    # The connection

    def close(self) -> None:
        """Ends the connection, or hands it back."""
        if self._kept is None:
            self.connection.close()
        else:
            self.undo()
            self._kept.give_back(self.connection, self._notice)

    def connect(self, options: str | None = None) -> Connection:
        """Another connection like it, with libpq's options if given."""
        connection = connect(self.settings, options, self.tell)
        connection.add_notice_handler(self._notice)
        return connection

    def connect_again_if_gone(self) -> None:
        """For where nothing is under way: whoever ended it meanwhile, an idle_session_timeout say, has done no harm."""
        if wire.is_gone(self.connection):
            self.connect_again()

    def connect_again(self) -> None:
        self.connection = self.connect()
        self.store = replace(self.store, connection=self.connection)

    @property
    def is_idle(self) -> bool:
        return self.connection.info.transaction_status == TransactionStatus.IDLE

    def look(self) -> None:
        """Asks what the server is like, and where the records are."""
        row = self.ask_alone(self.store.look()).rows[0]
        about_tables, about_server = row[:-6], row[-6:]
        self.server = Server.read(self.connection, *about_server)
        tenant = self.settings.tenant
        place = Place.read(self.settings.new_schema or tenant is not None, *about_tables)
        if tenant is not None:
            _check_tenant(tenant, place, f"{self.server.database}, or the role {self.connection.info.user}")
        self.store = replace(self.store, connection=self.connection, server=self.server, place=place)
        _check_here(self.server, place)

    def is_at(self, place: Place) -> None:
        """Told by whoever knows it without a look."""
        self.store = replace(self.store, server=self.server, place=place)

    def _notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        severity = diagnostic.severity_nonlocalized or ""
        if diagnostic.source_function == "SyncRepWaitForLSN":
            self._commit.goes_on_unconfirmed()
        elif severity == "WARNING" or (self.settings.notices and severity in ("NOTICE", "INFO")):
            self.tell(Noticed(severity, diagnostic.message_primary or ""))

    # Messages

    def ask(self, text: bytes) -> list[tuple[Any, ...]]:
        """Sends a message of ours within a transaction and returns all its rows; psycopg.Error if it failed."""
        if self.is_idle and not text.startswith(b"BEGIN"):
            text = self.store.message("ours") + text
        answer = self.send(text, Answer())
        if answer.error is not None:
            raise answer.error
        return answer.rows

    def ask_alone(self, text: bytes, worker: Connection | None = None) -> Answer:
        """Sends a message outside a transaction of ours, or one that opens such a transaction."""
        connection = worker or self.connection
        answer = self.send_ours(text, connection)
        if answer.error is not None:
            if worker is None and not connection.closed:
                self.raise_if_standby(answer.error)
            when = "the database was being asked"
            raise diagnostics.failure(connection, "the database refused", when, answer.error)
        return answer

    def look_up(self, name: str, **parts: Any) -> list[tuple[Any, ...]]:
        """The rows of <name>.sql, asked outside a transaction."""
        return self.ask_alone(self.store.message(name, **parts)).rows

    def copy_out(self, name: str, **parts: Any) -> list[bytes]:
        """The data of each COPY … TO stdout in <name>.sql, sent outside a transaction."""
        from sqlrail.postgres import streams

        text, _ = wire.in_ours(self.connection, self.store.message(name, **parts))
        try:
            return streams.copies_out(self.connection, text)
        except psycopg.Error as exc:
            raise self.failure("the database refused", "the database was being asked", exc) from exc

    def send(self, text: bytes, answer: Answer, **how: Any) -> Answer:
        """Sends a message of the transaction that is under way, and watches what it waits for, if it takes long."""
        transaction = self._under_way
        return self.send_on(
            self.connection, text, answer, name=transaction.name, limit=transaction.limit, **how
        )

    def send_on(
        self,
        connection: Connection,
        text: bytes,
        answer: Answer,
        *,
        name: str,
        limit: float,
        commits: str | None = None,
        **how: Any,
    ) -> Answer:
        """The same on our connection, or on a file's worker.

        name: of the file; limit: the lock_timeout in seconds, 0 is none; commits: the file whose commit is in it.
        """
        self.watch = self._watching(connection, name, limit, Commit(commits, self.tell))
        return self._send_and_hear(connection, text, answer, self.watch, **how)

    def send_ours(self, text: bytes, connection: Connection | None = None) -> Answer:
        """Sends a message in which nothing is a file's. Who was in the way of a file is not forgotten with it."""
        connection = connection or self.connection
        watch = self._watching(connection, "", 0, Commit(None, self.tell))
        return self._send_and_hear(connection, *wire.in_ours(connection, text), watch)

    def under_way(self, **changed: Any) -> None:
        """Tells what is watched from here on, see UnderWay."""
        self._under_way = self._under_way._replace(**changed)

    def undo(self) -> None:
        """Rolls back, whatever state the connection is in."""
        if self.connection.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            text = self.store.message("rollback") + self.store.message("deallocate")
            wire.send(self.connection, text, Answer())

    def _watching(self, connection: Connection, name: str, limit: float, commit: Commit) -> Watch:
        self._commit = commit
        backend: int | None = connection.info.backend_pid
        if self.server.is_pooled:  # a number of the pooler's own
            backend = self._under_way.backend if connection is self.connection else None
        hears = self.tell, self.keep_lock, commit.waits
        citus, looked = self.server.is_citus, self.watch.looked
        return Watch(self.settings, backend, limit, name, *hears, citus=citus, looked=looked)

    def _send_and_hear(
        self, connection: Connection, text: bytes, answer: Answer, watch: Watch, **how: Any
    ) -> Answer:
        try:
            _way(self.server, connection, text)(connection, text, answer, waiting=watch, **how)
        except Interrupted as exc:
            if self.is_unconfirmed:
                exc.args = (f"interrupted: {unconfirmed(self._commit.unconfirmed)}",)
            raise
        if self.is_unconfirmed:
            self.tell(self._commit.unconfirmed)
        return answer

    @property
    def is_unconfirmed(self) -> bool:
        """Whether a commit of the last message waited for a standby in vain."""
        return self._commit.is_unconfirmed

    # A lock that is kept

    @contextmanager
    def keeping(self, worker: Connection) -> Iterator[None]:
        """While it lasts, the server hears of a worker too, now and then."""
        self._worker = worker
        try:
            yield
        finally:
            self._worker = None

    def keep_lock(self) -> None:
        """Tells the server, now and then, that the runner behind sessions that idle on purpose is not stopped."""
        self._heartbeat.beat(self.connection, self._worker)

    def rest(self, seconds: float) -> None:
        """Sleeps, and keeps the lock meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            stopping.sleep(min(left, self._heartbeat.every or left))
            self.keep_lock()

    # Errors

    @contextmanager
    def translating(self, failed: str, when: str, stands: str = "") -> Iterator[None]:
        """What the server refuses within it leaves as a SqlrailError, see failure(), and the transaction is undone."""
        try:
            yield
        except psycopg.Error as exc:
            self.undo()
            raise self.failure(failed, when, exc, stands) from exc

    def failure(
        self, failed: str, when: str, error: psycopg.Error, stands: str = "", kind: Kind = DatabaseFailed
    ) -> SqlrailError:
        """The one translation of what the server refused, see diagnostics.failure."""
        return diagnostics.failure(self.connection, failed, when, error, stands, kind)

    def raise_if_lost(
        self,
        when: str,
        connection: Connection | None = None,
        *,
        certain: bool = True,
        error: psycopg.Error | None = None,
    ) -> None:
        """ConnectionLost if the connection is gone, with the server's last words if it had any."""
        if (connection or self.connection).closed:
            raise diagnostics.lost(when, error, certain=certain)

    def raise_if_standby(self, error: psycopg.Error | None = None) -> None:
        """ReadOnlyServer where nothing can be written; with an error, if that is the server's way to say so."""
        if error is not None:
            if not isinstance(error, (pg.FeatureNotSupported, pg.ReadOnlySqlTransaction)):
                return
            self.undo()
            is_standby = self.ask_alone(self.store.message("standby")).row(-1)[0]  # it may be one no more
        else:
            is_standby = self.server.is_standby
        if is_standby:
            info = self.connection.info
            raise ReadOnlyServer(
                f"{info.host}:{info.port} is a standby: what is there can be read, and nothing written. Name the "
                f"primary server in {self.settings.url_origin}, or all of them, host1,host2, with "
                "target_session_attrs=read-write; after a failover run again."
            )

    # Tables of our own

    def own_tables(self) -> bytes:
        """What makes sqlrail's own tables where they are missing or old; Refused if the role may not make them."""
        text = self.store.own_tables()
        if text and not self.store.place.may_have_own_tables:
            _refuse_own_tables(self)
        return text


def _way(server: Server, connection: Connection, text: bytes) -> Callable[..., Answer]:
    """How a message is sent: what may be for other nodes too, statement by statement."""
    is_idle = connection.info.transaction_status == TransactionStatus.IDLE
    if not server.is_citus or (is_idle and not _BEGINS.match(text)):
        return wire.send
    from sqlrail.engine import one_by_one

    return one_by_one.send


def _refuse_own_tables(session: Session) -> NoReturn:
    wanted = [right for right in session.store.own_rights() if right.schema == "sqlrail"]
    grants, user = session.ask_alone(session.store.rights(wanted)).rows, session.connection.info.user
    # Where there is no schema there is nothing to grant a right on.
    make = sql.SQL("CREATE SCHEMA sqlrail AUTHORIZATION {}").format(sql.Identifier(user))
    raise Refused(
        f"this needs the schema sqlrail, and the role {user} may not make or use it in "
        f"{session.server.database}. Nothing was changed."
        + rights.sentence([grant for (grant,) in grants] or [make.as_string()])
    )


def check_pooler(session: Session) -> None:
    """Refused where each statement may go to another session: there are no transactions then."""
    if not session.server.is_pooled:
        return
    answer = wire.send(session.connection, b"BEGIN", Answer())
    if answer.error is not None:
        raise Refused(
            "this connection goes through a pooler that allows no transactions: "
            f"{sentence(answer.error)} Have it pool transactions or sessions (pool_mode), or name the "
            f"server itself in {session.settings.url_origin}. Nothing was changed."
        ) from answer.error
    session.undo()


def check_node(session: Session) -> None:
    """Refused on a worker of Citus: a second history would begin there."""
    server, info = session.server, session.connection.info
    if server.citus:
        raise Refused(
            f"{info.host}:{info.port} is a worker of Citus, and its records would be a second history: name the "
            f"coordinator of {server.database} in {session.settings.url_origin}. Nothing was changed."
        )


def _check_here(server: Server, place: Place) -> None:
    """Refused where Citus keeps the records on another node: a file could be committed without its record."""
    if place.is_elsewhere and not server.citus:  # else it is a worker, which is refused as such
        raise Refused(
            f"Citus has taken yoyo's tables to another node with the schema {place.schema}, where they cannot be read "
            "and locked with ours: docs/citus.md has the statement that brings those of all schemas back (Sharded "
            "schemas). Nothing was changed."
        )


def _check_tenant(tenant: str, place: Place, where: str) -> None:
    """UsageError where that schema is not one to migrate. where: the database, and the role."""
    if tenant.startswith("pg_") or tenant in NO_TENANTS:
        raise UsageError(f"the schema {tenant} is no tenant's: it is PostgreSQL's or sqlrail's own.")
    if place.target != tenant:
        raise UsageError(f"there is no schema {tenant} in {where} may not use it (GRANT USAGE ON SCHEMA).")
