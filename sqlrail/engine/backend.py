"""yoyo's PostgreSQL backend made crash-proof: lock, pre-step, file and record in one transaction.

A file costs two round trips at the most: the opening, and the file alone in a message. Its closing travels in front
of the next file's opening, and behind a file that was quick a small one goes with them: a round trip each. A large
file, or one with COPY data, goes in several messages (statements.Reader), the next one read while the server works.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import Any, NoReturn

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.pq import TransactionStatus
from yoyo import internalmigrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.migrations import MigrationList, default_migration_table, get_migration_hash

from sqlrail.engine import explain, outside
from sqlrail.engine.lock import POLL, RunnersLock
from sqlrail.engine.server import NOT_ASKED, Server
from sqlrail.engine.store import OWN_TABLES, Names, Place, Store
from sqlrail.errors import (
    ConnectionFailed,
    ConnectionLost,
    DatabaseFailed,
    Interrupted,
    MigrationFailed,
    ReadOnlyServer,
    Refused,
    SqlrailError,
)
from sqlrail.files import other_tools, rights
from sqlrail.files.file import File
from sqlrail.files.statements import Piece
from sqlrail.ground import events
from sqlrail.ground.events import (
    AnswerLost,
    Begun,
    Event,
    GaveWay,
    Listener,
    Noticed,
    Said,
    Unconfirmed,
    WaitingForStandby,
    Warned,
)
from sqlrail.ground.relation import Relation
from sqlrail.ground.sentences import unconfirmed
from sqlrail.ground.settings import Settings
from sqlrail.ground.waits import Standbys
from sqlrail.ground.words import milliseconds
from sqlrail.orphans import clean as orphans
from sqlrail.orphans import guards
from sqlrail.orphans.cleaned import Cleaned
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection, connect
from sqlrail.postgres.diagnostics import is_of_a_right, sentence
from sqlrail.postgres.giving_way import BEATS, Tries, Watch
from sqlrail.postgres.wire import Answer
from sqlrail.records.history import Note, Record

#: seconds in which a lost connection must come back, for asking what became of a COMMIT
RECONNECT = 15.0
#: seconds up to which a file may be run twice, where what was sent behind it in one message made it come undone
QUICK = 0.1
#: stands for a transaction's number in what is composed before it is known; no text of SQL may hold it
TRANSACTION = b"\0"
#: settings by which the server reads a file's next piece, and their values under which it reads it as we do
READ_BY = {b"standard_conforming_strings": (b"on",), b"client_encoding": (b"UTF8", b"SQL_ASCII")}
#: what a second try may mend
PASSING = (pg.LockNotAvailable, pg.DeadlockDetected, pg.SerializationFailure)


@dataclass(frozen=True)
class Applied:
    """A migration that was committed by this run, with the seconds that it took."""

    id: str
    seconds: float
    cleanup: tuple[Cleaned, ...] = ()


@dataclass(frozen=True)
class _Closing:
    """What still has to be sent for a file that has run."""

    file: File
    migration: Any
    text: bytes
    piece: Piece  # the file's last
    cleanup: tuple[Cleaned, ...]
    recorded: bool
    started: float
    tries: Tries


@dataclass(frozen=True)
class _Sent:
    """A file that went with its opening."""

    piece: Piece
    answer: Answer
    ahead: int  # characters in front of it
    closing: bytes


@dataclass(frozen=True)
class _Opened:
    transaction: int
    is_done: bool  # by somebody else, or by ourselves before the answer was lost
    waited: bool
    started: float
    sent: _Sent | None = None


class Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    """yoyo's backend on guard rails. It sends SET LOCAL only, and needs neither the OS user database nor DNS."""

    #: what its notes of files outside a transaction are kept under
    operation = "apply"

    # yoyo writes its tables' names into its statements through these; ours carry the schema.
    migration_table_quoted = property(lambda self: self.store.table(self.migration_table))
    log_table_quoted = property(lambda self: self.store.table(self.log_table))
    lock_table_quoted = property(lambda self: self.store.table(self.lock_table))
    version_table_quoted = property(lambda self: self.store.table(self.version_table))

    def __init__(self, settings: Settings, listener: Listener, files: dict[str, File] | None = None) -> None:
        self.settings = settings
        self.listener = listener
        self.files = files or {}
        self.done: list[Applied] = []
        self._told = 0  # how many of them the listener has heard of
        self.records: list[Record] = []
        self.notes: list[Note] = []
        self.newest: str | None = None  # hash of the last one, in yoyo's order, that is applied
        self.was_told = False  # what became of a statement that was cut off, and needed that
        self.late: tuple[str, ...] = ()  # ids that the log shall tell apart
        #: called with the lock in hand where another had it before, and may have changed the history
        self.look_again: Callable[[], object] = lambda: None
        self.watch = Watch(settings)  # of what was sent last
        self._is_warned = False
        self.server = NOT_ASKED
        self.runners_lock = RunnersLock(self)
        #: whether a commit of the last message waited for a standby in vain
        self.is_unconfirmed = False
        self._standbys: Standbys | None = None  # that it waited for
        self._worker: Connection | None = None  # that a file outside a transaction runs on
        self._heard_at = 0.0  # when the server last heard of sessions of ours that idle
        self._backend: int | None = None  # that our transaction runs on, behind a pooler too
        self._limit = settings.lock_timeout  # of that transaction
        self._closing: _Closing | None = None
        self._in_flight: tuple[_Closing, Answer] | None = None
        self._running: str | None = None
        self._following: dict[Any, Any] = {}
        self._before: dict[str, str | None] = {}
        self._openings: dict[tuple[str, str], bytes] = {}
        super().__init__(None, default_migration_table)
        names = Names(self.migration_table, self.log_table, self.lock_table, self.version_table)
        self.store = Store(self.connection, settings, self.server, names)
        try:
            self.look()
            if self.is_pooled:
                self._check_pooler()
        except BaseException as exc:
            self.__exit__(type(exc), exc, None)
            raise

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: object) -> None:
        cause = exc.__cause__ if isinstance(exc, SqlrailError) else None
        if is_of_a_right(cause):
            assert isinstance(exc, SqlrailError)
            exc.args = (f"{exc}{self._remedy(exc.statement)}",)
        super().__exit__(kind, exc, trace)

    def _remedy(self, statement: str | None) -> str:
        """What grants a right that was denied to a statement of a file, or to ours."""
        wanted = list(self.store.own_rights() if statement is None else rights.of_statement(statement))
        if not self.connection.closed:
            self.undo()
        asked = wire.send_ours(self.connection, self.store.rights(wanted))
        return rights.sentence([grant for (grant,) in asked.rows])

    # What yoyo asks of a backend

    def connect(self, dburi: object) -> Connection:  # noqa: ARG002 - the settings know where to
        connection = connect(self.settings, listener=self.listener)
        connection.add_notice_handler(self._notice)
        return connection

    def init_connection(self, connection: Connection) -> None:
        """Nothing: yoyo would SET search_path here, for the whole session."""

    def list_tables(self, **_: object) -> list[str]:
        text = self.message("tables", schema=self.schema)
        if self._in_transaction:  # yoyo makes its tables next
            text += self.message("writes")
        return [name for (name,) in self.ask_alone(text).rows]

    def execute(self, statement: str, params: Mapping[str, Any] | None = None) -> Any:
        # yoyo writes parameters as :name; a % is one of the schema's name, and psycopg would take it for a parameter.
        return super().execute(statement.replace("%", "%%"), params)

    def quote_identifier(self, s: str) -> str:
        # The one table that yoyo names without its property.
        return self.store.table(s) if s == self.version_table else str(super().quote_identifier(s))

    def ensure_internal_schema_updated(self) -> None:
        """Nothing: prepare() has done it, under the lock."""

    def get_applied_migration_hashes(self) -> list[str]:
        return [record.hash for record in self.records]

    def get_log_data(self, migration: Any = None, operation: str = "apply") -> dict[str, Any]:
        # yoyo asks getpass and DNS; the first raises for a uid without a passwd entry, after the commit.
        return {
            "id": str(uuid.uuid4()),
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": self.settings.actor,
            "hostname": self.settings.host,
            "created_at_utc": None,
            "operation": operation,
        }

    def apply_migrations_only(self, migrations: MigrationList, force: bool = False) -> None:
        self._following = dict(pairwise(migrations))
        hashes = [migration.hash for migration in migrations]
        self._before = dict(zip(hashes, [self.newest, *hashes], strict=False))
        with self._telling_what_stands():
            super().apply_migrations_only(migrations, force=force)
            self._close()

    def run_post_apply(self, migrations: MigrationList, force: bool = False) -> None:
        with self._telling_what_stands():
            super().run_post_apply(migrations, force=force)
            self._close()

    def apply_one(self, migration: Any, force: bool = False, mark: bool = True) -> None:  # noqa: ARG002
        """Runs a migration's file in one transaction with its pre-step and its record.

        Its commit is sent with what comes next; `done` and the listener are told once it is certain.
        """
        self._apply(migration, mark, Tries(time.monotonic() + self.settings.retry_for))

    def _apply(self, migration: Any, mark: bool, tries: Tries) -> None:
        file = self.files[migration.id]
        if not file.transactional:
            self._apply_outside(file, migration, mark, tries)
            return
        while True:
            self._running = file.id
            opened = (self._open_with(file, migration) if mark else None) or self._open(migration.hash, file)
            if opened.is_done and mark:
                self.undo()
                return
            try:
                if opened.waited and mark:
                    self.read_history()
                    self.look_again()
                    if not file.cleanup:
                        self._exchange(self.message("theirs"))
                if opened.sent is None:
                    self._begin_file(file)
                self._closing = self._run(file, migration, opened, mark, tries)
                return
            except SqlrailError as exc:
                self.undo()
                self.give_way(exc, file, opened.started, tries)

    def give_way(self, failure: SqlrailError, file: File, started: float, tries: Tries) -> None:
        """Pauses before another try, or raises the failure: one that no second try mends, or there is no time."""
        cause = failure.__cause__
        if not isinstance(cause, PASSING):
            raise failure
        pause = tries.pause(started)
        if pause is None:
            self._warn_of_autovacuum(cause, file)
            raise self.with_blockers(failure, tries.number)
        why = f"{sentence(cause)}{self.watch.said()}"
        self.tell(GaveWay(file.id, why, self.watch.lock, self.watch.blockers, pause))
        self._warn_of_autovacuum(cause, file)
        self._rest(pause)

    def _warn_of_autovacuum(self, cause: psycopg.Error, file: File) -> None:
        """Says, once, that a wait too short for PostgreSQL to look at never makes autovacuum give way."""
        limit, needed = self.lock_timeout(file), self.server.deadlock_timeout
        if isinstance(cause, pg.LockNotAvailable) and 0 < limit <= needed and not self._is_warned:
            self._is_warned = True
            self.tell(
                Warned(
                    f"a lock_timeout of {limit:g} s is not above the server's deadlock_timeout of {needed:g} s, "
                    "so that an autovacuum in the way is never cancelled; set a longer one (--lock-timeout, or "
                    "`-- lock-timeout:` in the file)"
                )
            )

    def with_blockers(self, failure: SqlrailError, tries: int = 1) -> SqlrailError:
        """The failure with who was in the way, where that was the cause, for people and for scripts."""
        times = f" It was tried {tries} times (--retry-for)." if tries > 1 else ""
        failure.args = (f"{failure}{self.watch.said()}{times}{self.watch.remedy()}",)
        failure.details["blockers"] = self.watch.as_json()
        return failure

    def _apply_outside(self, file: File, migration: Any, mark: bool, tries: Tries) -> None:
        """Runs a file statement by statement on a connection of its own, while this one holds the lock."""
        self._close()
        self._running, started = None, time.monotonic()
        self._backend, self._limit = None, self.lock_timeout(None)
        operation = self.operation if mark else "post-apply"
        key = {"id": migration.id, "hash": migration.hash, "operation": operation}
        with closing(self._connect_worker(file)) as worker:
            self._worker = worker
            try:
                if not self._hold(migration.hash, file, worker, mark):
                    return
                self._begin_file(file)
                self.run_outside(worker, file, key, tries.give_up)
                self._closing = _Closing(
                    file, migration, self._compose_end(file, migration.hash, mark), Piece(b""), (), mark,
                    started, tries,
                )  # fmt: skip
                self._close()
            except BaseException:
                self._let_go(worker)
                raise
            finally:
                self._worker = None

    def run_outside(self, worker: Connection, file: File, key: dict[str, str], give_up: float) -> None:
        """Runs the statements of a file outside a transaction, see outside.run()."""
        outside.run(self, worker, file, key, give_up)

    def _compose_end(self, file: File, hash_: str, mark: bool) -> bytes:
        record = self._record(file, hash_, mark, sql.SQL("txid_current()"))
        return self.store.closing_outside(hash_, record)

    def _let_go(self, worker: Connection) -> None:
        """Takes the lock row of a file that failed away, unless its last statement may still be running."""
        ended = sql.SQL("false") if worker.closed else sql.SQL("l.pid = {}").format(-worker.info.backend_pid)
        self.undo()
        text = self.message("break_dead_lock", ended=True if self.is_pooled else ended)
        if not self.connection.closed:
            worker.close()
            self.send_ours(self.connection, self._begin(None) + text)
        elif worker.info.transaction_status == TransactionStatus.IDLE:
            self.send_ours(worker, self.message("begin") + self.message("ours") + text)

    def _connect_worker(self, file: File) -> Connection:
        """A connection for a file outside a transaction, which begins with its limits: SET LOCAL would not last.

        What waits for others in the middle of its work, as CREATE INDEX CONCURRENTLY does, waits as long as it takes.
        """
        limits = dict(re.findall(r"SET LOCAL (\w+) = '?([^';]*)", self.limits(file).decode()))
        limits |= {
            "lock_timeout": milliseconds(file.lock_timeout or 0),
            "default_transaction_isolation": r"read\ committed",
            "default_transaction_read_only": "off",
        }
        if self.server.version >= 140000:
            limits["idle_session_timeout"] = limits["idle_in_transaction_session_timeout"]
        # Wherever they are from: a service may name some as well.
        given = next(
            option.val or b"" for option in self.connection.pgconn.info if option.keyword == b"options"
        )
        options = " ".join([given.decode(), *(f"-c {name}={value}" for name, value in limits.items())])
        try:
            # A pooler takes no options, and what it has for us is for others too.
            connection = connect(self.settings, None if self.is_pooled else options, self.listener)
        except ConnectionFailed as exc:
            raise ConnectionFailed(
                f"{file.path}: it runs outside a transaction, which takes a second connection: {exc}"
            ) from exc
        connection.add_notice_handler(self._notice)
        return connection

    def step_limits(self, file: File) -> bytes:
        """What goes ahead of each statement outside a transaction that can be tried again."""
        return self.store.step_limits(file)

    def _hold(self, hash_: str, file: File, worker: Connection, mark: bool) -> bool:
        """Takes the runners' lock, and yoyo's lock row for the worker; False if the file is done already."""
        patience = self.runners_lock.patience()
        while True:
            holder = None
            if self.runners_lock.attempt():
                # Not on the connection that holds the lock: it must not touch a table that the file may reindex.
                if mark and self._is_done_by_now(hash_, file, worker):
                    self.undo()
                    return False
                text = self.message("begin") + self.message("ours") + self.own_tables()
                text += self.message("lock_row")
                holder, own = self.ask_alone(text, worker).rows[-1]
                if holder == own:
                    return True
            self.undo()
            if not (holder and holder < 0 and self.runners_lock.break_dead()):
                patience.pause(holder)

    def _is_done_by_now(self, hash_: str, file: File, worker: Connection) -> bool:
        question = self.ask_alone(b"SELECT " + self._question(hash_), worker)
        self.read_history(worker)
        self.look_again()
        return self._is_done(hash_, file, question.row(-1)[0])

    # Looking

    @property
    def is_pooled(self) -> bool:
        return self.server.is_pooled

    @property
    def database(self) -> str:
        return self.server.database

    @property
    def schema(self) -> str | None:
        return self.store.place.schema

    @property
    def target(self) -> str | None:
        return self.store.place.target

    @property
    def has_records(self) -> bool:
        return self.store.place.has_records

    @property
    def is_old(self) -> bool:
        return self.store.place.is_old

    @property
    def has_own_tables(self) -> bool:
        return self.store.place.has_own_tables

    @property
    def has_all_own_tables(self) -> bool:
        return self.store.place.has_all_own_tables

    @property
    def has_archive(self) -> bool:
        return self.store.place.has_archive

    def look(self) -> None:
        """Reads where the records are, the records, and the stamp. Writes nothing and takes no lock."""
        named = wire.named(self.connection, self.migration_table)
        text = wire.message(self.connection, "look", own_tables=list(OWN_TABLES), named=named)
        *about_tables, database, linux, pid, is_standby, deadlock_timeout = self.ask_alone(text).rows[0]
        self.server = Server.read(self.connection, database, linux, pid, is_standby, deadlock_timeout)
        place = Place.read(self.settings.new_schema, *about_tables)
        self.store = replace(self.store, connection=self.connection, server=self.server, place=place)
        self.stamp: str | None = None
        if self.has_own_tables:
            self.stamp = next((stamp for (stamp,) in self.ask_alone(self.message("stamp")).rows), None)
        self.records = []
        if self.is_old:
            rows = self.ask_alone(self.message("records_old")).rows
            self.records = [Record(id_, get_migration_hash(id_), at, None) for id_, at in rows]
        elif self.has_records:
            self.read_history()

    def _check_pooler(self) -> None:
        """Refused where each statement may go to another session: there are no transactions then."""
        answer = wire.send(self.connection, b"BEGIN", Answer())
        if answer.error is not None:
            raise Refused(
                "this connection goes through a pooler that allows no transactions: "
                f"{sentence(answer.error)} Have it pool transactions or sessions (pool_mode), or name the "
                "server itself in DATABASE_URL. Nothing was changed."
            ) from answer.error
        self.undo()

    def raise_if_standby(self, error: psycopg.Error | None = None) -> None:
        """ReadOnlyServer where nothing can be written; with an error, if that is the server's way to say so."""
        if error is not None:
            if not isinstance(error, (pg.FeatureNotSupported, pg.ReadOnlySqlTransaction)):
                return
            self.undo()
            is_standby = self.ask_alone(self.message("standby")).row(-1)[0]  # it may be one no more
        else:
            is_standby = self.server.is_standby
        if is_standby:
            info = self.connection.info
            raise ReadOnlyServer(
                f"{info.host}:{info.port} is a standby: what is there can be read, and nothing written. Name the "
                "primary server in DATABASE_URL, or all of them, host1,host2, with target_session_attrs=read-write; "
                "after a failover run again."
            )

    def say_if_untold(self) -> None:
        """Tells that --interrupted decided nothing: it may have been meant for another database."""
        if self.settings.interrupted and not self.was_told:
            self.tell(
                Said(
                    f"--interrupted {self.settings.interrupted} was not needed: no statement here was cut off"
                )
            )

    def raise_if_old(self) -> None:
        """DatabaseFailed where the records are in the form of a yoyo before 6."""
        if self.is_old:
            raise DatabaseFailed(
                "the records are those of a yoyo before 6; `migrate` upgrades them as yoyo would."
            )

    def look_up(self, name: str, **parts: Any) -> list[tuple[Any, ...]]:
        """The rows of <name>.sql, asked outside a transaction."""
        return self.ask_alone(self.message(name, **parts)).rows

    def other_histories(self) -> list[other_tools.History]:
        """What other tools say that they have run; nobody is asked where there is a record of ours."""
        if self.records:
            return []
        names = {"names": other_tools.TABLES, "schemas": list(other_tools.SCHEMAS)}
        tables = [other_tools.Table(*row) for row in self.look_up("other_histories", **names)]
        return [self._read_other(table, table.kind) for table in tables if table.kind]

    def _read_other(self, table: other_tools.Table, kind: other_tools.Kind) -> other_tools.History:
        name, versions = sql.Identifier(table.schema, table.name), ()
        if kind.column is not None:
            column = sql.Identifier(kind.column)
            rows = self.look_up("other_versions", version=column, history=name, most=other_tools.MOST)
            versions = tuple(version for (version,) in rows)
        return other_tools.History(kind.tool, name.as_string().replace('"', ""), versions)

    def read_history(self, worker: Connection | None = None) -> None:
        """Reads the records as they are now, and what is half done outside a transaction."""
        try:
            tables = self.ask_alone(self.store.history(), worker).tables
        except DatabaseFailed as exc:
            if isinstance(exc.__cause__, pg.UndefinedTable):
                exc.args = (f"{exc}{self._without_log()}",)
            raise
        self.records, self.notes = self.store.read_history(*tables)

    def _without_log(self) -> str:
        made = " ".join(self.message("yoyo_log").decode().split())
        return (
            " It is a part of the history, and somebody has dropped it: take it from a backup, or make it again "
            f"without its rows: {made} Today's files count then as what was applied."
        )

    # Transactions of ours

    @contextmanager
    def locked(self) -> Iterator[None]:
        """A transaction under the runners' lock, committed at the end or rolled back with the exception."""
        self.prepare()
        with self._locked("the transaction"):
            yield

    @contextmanager
    def _locked(self, what: str) -> Iterator[None]:
        self._open(None)
        try:
            yield
            answer = self._exchange(b"COMMIT")
            if answer.error is not None:
                self.raise_if_lost(f"{what} was being committed", certain=False)
                raise answer.error
        except psycopg.Error as exc:
            self.undo()
            self.raise_if_lost(f"{what} was under way")
            raise DatabaseFailed(f"{what} failed: {sentence(exc)} Nothing was changed.") from exc
        except BaseException:
            self.undo()
            raise

    def prepare(self) -> None:
        """Makes yoyo's tables, where they are missing or of an older yoyo, by yoyo's own hand under the lock."""
        if self.has_records and not self._is_outdated():
            return
        if self.schema is None or self.schema.startswith(
            "pg_"
        ):  # pg_temp_3: what is there ends with the session
            first = "names no schema that exists" if self.schema is None else f"leads to {self.schema} first"
            raise DatabaseFailed(
                f"the search_path {first}, so there is no place for yoyo's tables. "
                "Create the schema, or name another: ALTER ROLE ... SET search_path = ..."
            )
        self._make_lock_table()
        try:
            with self._locked("the making of yoyo's tables"):
                self._in_transaction = True  # yoyo's own begin() and commit() nest inside ours
                if self._is_outdated():
                    internalmigrations.upgrade(self)
        finally:
            self._in_transaction = False
        self.look()

    def _is_outdated(self) -> bool:
        version = self._version()
        if version not in internalmigrations.schema_versions or (
            version == 1 and self.has_records and not self.is_old
        ):
            raise Refused(self._half_a_history())
        return bool(version < max(internalmigrations.schema_versions))

    def _version(self) -> int | None:
        """The version of yoyo's tables, as its get_current_version() has it."""
        tables = self.list_tables()
        if self.migration_table not in tables:
            return 0
        if self.version_table not in tables:
            return 1
        rows = self.ask_alone(self.message("yoyo_version", versions=sql.SQL(self.version_table_quoted))).rows
        version: int | None = rows[0][0]
        return version

    def _half_a_history(self) -> str:
        known = max(internalmigrations.schema_versions)
        mended = self.message("yoyo_versioned", versions=sql.SQL(self.version_table_quoted), version=known)
        return (
            f"the schema {self.schema} has half a history: {self.migration_table} is there, and {self.version_table} "
            f"has no version that this yoyo knows (1 to {known}). After a dump without rows (pg_dump --schema-only) "
            "load the rows of yoyo's tables from where the dump is from; or run "
            f"{' '.join(mended.decode().split())} and record with `baseline --to ID` the files whose tables are there. "
            "If a newer yoyo has been at work here, install that instead. Nothing was changed."
        )

    def _make_lock_table(self) -> None:
        patience = self.runners_lock.patience()
        while self.lock_table not in self.list_tables():
            if self.runners_lock.attempt():
                try:
                    # Not by create_lock_table(): it takes every error for "there is one already".
                    made = self.format_sql(self.create_lock_table_sql).encode()
                    self.ask(self.message("writes") + made + b"; COMMIT")
                except (pg.DuplicateTable, pg.UniqueViolation) as exc:
                    self.undo()  # plain yoyo was quicker, or it is no table
                    if patience.is_over:
                        raise DatabaseFailed(
                            f"{self.schema}.{self.lock_table} is no table, and yoyo needs one of that name: rename "
                            "what is there. Nothing was changed."
                        ) from exc
                    time.sleep(POLL[0])
                except psycopg.Error as exc:
                    self.undo()
                    self.raise_if_lost("yoyo's tables were being made")
                    raise DatabaseFailed(f"yoyo's tables cannot be made: {sentence(exc)}") from exc
            else:
                patience.pause(None)

    def take_over(
        self, files: dict[str, File], missing: Collection[str] = (), *, stamps: bool = False
    ) -> list[str]:
        """Writes a stamp, if it may, and today's checksum for records that have none (plain yoyo's); returns their ids.

        That records without a file are let pass is logged with it.
        """
        unknown = [record for record in self.records if record.checksum is None and record.id in files]
        text = self.stamping() if stamps else b""
        if not unknown and not text and not missing:
            return []
        for record in unknown:
            text += self.log_entry("log", record.id, record.hash, "checksum", files[record.id].checksum)
        for record in self.records:
            if record.id in missing:  # with the checksum once more: the latest entry's is the one that counts
                text += self.log_entry("log", record.id, record.hash, "missing", record.checksum)
        with self.locked():
            self.ask(text)
        return [record.id for record in unknown]

    def stamping(self) -> bytes:
        """What writes the environment's name into a database that has no stamp."""
        if not self.lacks_stamp:
            return b""
        return self.own_tables() + self.store.set_stamp()

    @property
    def lacks_stamp(self) -> bool:
        """Whether the database has no stamp and could have one."""
        return (
            self.settings.environment is not None
            and self.stamp is None
            and self.store.place.may_have_own_tables
        )

    def own_tables(self) -> bytes:
        """What makes sqlrail's own tables where they are missing or old; Refused if the role may not make them."""
        text = self.store.own_tables()
        if text and not self.store.place.may_have_own_tables:
            self._refuse_own_tables()
        return text

    def _refuse_own_tables(self) -> NoReturn:
        wanted = [it for it in self.store.own_rights() if it.schema == "sqlrail"]
        grants, user = self.ask_alone(self.store.rights(wanted)).rows, self.connection.info.user
        # Where there is no schema there is nothing to grant a right on.
        make = sql.SQL("CREATE SCHEMA sqlrail AUTHORIZATION {}").format(sql.Identifier(user))
        raise Refused(
            f"this needs the schema sqlrail, and the role {user} may not make or use it in "
            f"{self.database}. Nothing was changed."
            + rights.sentence([grant for (grant,) in grants] or [make.as_string()])
        )

    def own_tables_are_gone(self) -> None:
        """Told by whoever has just emptied the database, the schema sqlrail included."""
        self.store = self.store.without_own_tables()

    def ask(self, text: bytes) -> list[tuple[Any, ...]]:
        """Sends a message of ours within a transaction and returns all its rows; psycopg.Error if it failed."""
        if self.connection.info.transaction_status == TransactionStatus.IDLE and not text.startswith(
            b"BEGIN"
        ):
            text = self.message("ours") + text
        answer = self._exchange(text)
        if answer.error is not None:
            raise answer.error
        return answer.rows

    # One file

    def _run(self, file: File, migration: Any, opened: _Opened, mark: bool, tries: Tries) -> _Closing:
        cleanup = tuple(self._pre_step(file, relation) for relation in file.relations())
        if file.cleanup:
            self._exchange(self.message("theirs"))
        if opened.sent is None:
            piece, text = self._send_all(file, migration, mark)
        else:
            piece, text = opened.sent.piece, opened.sent.closing
            self._check(file, piece, opened.sent.answer, opened.sent.ahead)
        text = text.replace(TRANSACTION, b"%d" % opened.transaction)
        return _Closing(file, migration, text, piece, cleanup, mark, opened.started, tries)

    def _send_all(self, file: File, migration: Any, mark: bool) -> tuple[Piece, bytes]:
        """Sends a file piece by piece; returns the last, and its closing."""
        text: list[bytes] = []
        with closing(file.pieces()) as pieces:
            following = [next(pieces)]

            def read_on() -> None:
                following.extend(islice(pieces, 1))
                if not following:
                    text.append(self._compose_closing(file, migration, mark))

            while following:
                piece = following.pop()
                self._send(file, piece, read_on)
        return piece, text[0]

    def _send(self, file: File, piece: Piece, read_on: Callable[[], None]) -> None:
        """Sends a piece of a file, and reads on while the server works; data come before what is behind them."""
        if piece.offset and (name := self._misread_by()):
            place = piece.place(piece.statements[0].start)
            raise MigrationFailed(
                f"{file.at(*place)}: the file has changed {name}, and would be "
                f"misread from here on; remove that change. Nothing of {file.id} was kept."
            )
        if piece.data is None:
            answer = self._exchange(piece.text, keep=False, meanwhile=read_on)
        else:
            answer = self._exchange(piece.text, keep=False, data=piece.data)
        self._check(file, piece, answer)
        if piece.data is not None:
            read_on()

    def _misread_by(self) -> str | None:
        """The setting by which the server would read a text in another way than we do."""
        for name, good in READ_BY.items():
            if (self.connection.pgconn.parameter_status(name) or good[0]) not in good:
                return name.decode()
        return None

    def _check(self, file: File, piece: Piece, answer: Answer, ahead: int = 0) -> None:
        if answer.error is not None:
            raise self._failure(file, piece, answer, ahead=ahead)

    def _compose_closing(self, file: File, migration: Any, mark: bool) -> bytes:
        """A file's closing, with TRANSACTION in it; what comes next is composed as well while the server is at work."""
        self._tell()
        record = self._record(file, migration.hash, mark, sql.SQL(TRANSACTION.decode()))
        text = self.store.closing(file, record)
        if following := self._following.get(migration):
            file = self.files[following.id]
            lock = "lock_or_fail" if self._may_go_with(file) else "lock"
            self._openings[following.hash, lock] = self._opening(following.hash, file, lock)
        return text

    def _pre_step(self, file: File, relation: Relation) -> Cleaned:
        self._tell()
        try:
            done = orphans.clean(self, relation, verb="migrate", migration=file.id)
        except Refused as exc:
            raise Refused(f"{file.path}: {exc}") from exc
        except psycopg.Error as exc:
            self.raise_if_lost(f"{file.id} was being applied")
            self.undo()
            more = guards.by_event_trigger(self, exc)
            raise MigrationFailed(
                f"{file.path}: the cleanup of {relation} failed: {sentence(exc)} Nothing of {file.id} was kept.{more}"
            ) from exc
        if done.archived and (text := guards.published(done.facts)):
            self.tell(Said(text))
        return done

    def _close(self) -> None:
        self._exchange(b"")

    def _confirm(self, closing: _Closing) -> None:
        done = Applied(closing.file.id, round(time.monotonic() - closing.started, 3), closing.cleanup)
        self.done.append(done)

    def tell(self, event: Event) -> None:
        """Tells the listener, behind what was committed before."""
        self._tell()
        self.listener(event)

    def _tell(self) -> None:
        """Tells of what was committed since the last time: preferably while the server is at work on the next file."""
        for done in self.done[self._told :]:
            self._told += 1
            self._heard(done)

    def _begin_file(self, file: File) -> None:
        self.tell(Begun(file.id))

    def _heard(self, done: Applied) -> None:
        cleanup = tuple(one.summary for one in done.cleanup if one.orphans)
        self.listener(events.Applied(done.id, done.seconds, cleanup))

    def _land(self) -> None:
        """Tells of the commit that was answered, if one was and nobody was told: a signal may come in between."""
        if self._in_flight is None or not self._in_flight[1].committed:
            return
        closing, answer = self._in_flight
        if not answer.recorded:
            raise MigrationFailed(
                f"{closing.file.path}: it ended the transaction that it ran in, so it was not recorded. "
                "What it did may have been kept."
            )
        if closing.file.id not in [done.id for done in self.done[-1:]]:
            self._confirm(closing)
        self._in_flight = None

    def _settle(self, closing: _Closing, answer: Answer) -> None:
        """Runs the file of a closing that gave way again, or finds out what became of a COMMIT without answer."""
        name = closing.file.id
        if not self.connection.closed:
            self.undo()
            if answer.keep is True:  # else it may be what came behind that failed, so each is sent by itself
                failure = self._failure(closing.file, closing.piece, answer, at_commit=True)
                self.give_way(failure, closing.file, closing.started, closing.tries)
            running = self._running
            self._apply(closing.migration, closing.recorded, closing.tries)
            self._running = running
            return
        if not closing.recorded:  # a post-apply file leaves nothing to look for
            self.raise_if_lost(f"{name} was being committed", certain=False)
        self.tell(AnswerLost(name))
        self._reconnect(name)
        if not self._is_committed(closing.migration.hash):
            raise ConnectionLost(
                f"the connection was lost while {name} was being committed. The server that answers now has nothing of "
                f"it: it was not committed there.{self._lost()} Run again."
            )
        self._confirm(closing)

    def _is_committed(self, hash_: str) -> bool:
        if not self.has_records:
            return False
        # The old backend, should it still be at work, holds the lock: what is seen under the lock is final.
        opened = self._open(hash_)
        self.undo()
        return opened.is_done

    def _lost(self) -> str:
        """What was committed and is gone, if anything, for a message; no longer counted as done then."""
        self.look()
        recorded = {record.id for record in self.records}
        gone = [done for done in self.done if not self._stands(done, recorded)]
        if not gone:
            return ""
        self._tell()
        self.done = [done for done in self.done if done not in gone]
        self._told = len(self.done)
        return (
            f" Nor has it {', '.join(done.id for done in gone)}, which had been committed: a replica that lagged "
            "behind has taken over, or somebody has taken it back."
        )

    def _stands(self, done: Applied, recorded: Collection[str]) -> bool:
        return done.id in recorded

    def _connect_again(self) -> None:
        self._connection = self.connect(None)
        self.store = replace(self.store, connection=self._connection)

    def _reconnect(self, name: str) -> None:
        deadline = time.monotonic() + RECONNECT
        while True:
            try:
                self._connect_again()
                self.look()
                self.raise_if_standby()  # one may be about to be promoted
                return
            except SqlrailError as exc:
                self._connection.close()
                if time.monotonic() > deadline:
                    gone, primary = "does not come back", ""
                    if isinstance(exc, ReadOnlyServer):
                        gone, primary = (
                            "the server that answers now is a standby",
                            ", against the primary server,",
                        )
                    raise ConnectionLost(
                        f"the connection was lost while {name} was being committed, and {gone}. "
                        f"Whether it was committed, `status` will say; running again{primary} is safe either way."
                    ) from exc
            time.sleep(POLL[1])

    def _failure(
        self, file: File, piece: Piece, answer: Answer, *, at_commit: bool = False, ahead: int = 0
    ) -> SqlrailError:
        """The error that people read for a file that failed: where, what, and what stands."""
        self.raise_if_lost(f"{file.id} was being applied", error=answer.error)
        error = answer.error
        assert error is not None
        stands = f"Nothing of {file.id} was kept."
        return explain.failure(file, piece, error, None if at_commit else answer.completed, stands, ahead)

    # The lock

    def _open(self, hash_: str | None, file: File | None = None) -> _Opened:
        patience = self.runners_lock.patience()
        # Nothing is under way: whoever ended it meanwhile, an idle_session_timeout say, has done no harm.
        if self._closing is None and wire.is_gone(self.connection):
            self._connect_again()
        text = self._openings.pop((hash_ or "", "lock"), None) or self._opening(hash_, file)
        while True:
            answer = self._exchange(text)
            if answer.error is None:
                (locked,), (row_of, transaction, backend, answered) = answer.row(-3), answer.row(-1)
                if locked and row_of is None:
                    self._backend, self._limit = backend, self.lock_timeout(file)
                    is_done = self._is_done(hash_, file, answered)
                    return _Opened(transaction, is_done, patience.has_waited, time.monotonic())
                if locked and row_of is not None and row_of < 0:
                    self.undo()
                    if self.runners_lock.break_dead():
                        continue
                holder = row_of
            elif isinstance(answer.error, pg.LockNotAvailable):
                holder = None
            else:
                self.undo()
                self.raise_if_lost("a transaction was being opened", error=answer.error)
                self.raise_if_standby(answer.error)
                raise DatabaseFailed(
                    f"a transaction cannot be opened: {sentence(answer.error)}"
                ) from answer.error
            patience.pause(holder)

    def _may_go_with(self, file: File) -> bool:
        """Whether a file is small, and nothing needs to be looked at between its opening and its first statement."""
        return (
            self.operation == "apply" and file.small is not None and file.transactional and not file.cleanup
        )

    def _open_with(self, file: File, migration: Any) -> _Opened | None:
        """Opens for a file and sends it, both behind the closing that is due; None where it is to go by itself.

        What fails before the file's first statement is not judged here, but when each is sent by itself. An error of
        parsing undoes the file of that closing as well, so only a quick one may be in front.
        """
        before, started = self._closing, time.monotonic()
        if (
            before is None
            or started - before.started > QUICK
            or not self._may_go_with(file)
            or self._misread_by()
        ):
            return None
        with closing(file.pieces()) as pieces:
            piece = next(pieces)
            if piece.data is not None or next(pieces, None) is not None:
                return None
        opening = self._openings.pop((migration.hash, "lock_or_fail"), None)
        opening = opening or self._opening(migration.hash, file, "lock_or_fail")
        # The server shows the beginning of a message to whoever asks what is at work.
        self._closing = replace(before, text=f"-- {file.id!a}\n".encode() + before.text)
        self._limit = self.lock_timeout(file)
        ahead, text = len((self._closing.text + opening).decode()), list[bytes]()

        def compose() -> None:
            text.append(self._compose_closing(file, migration, mark=True))

        answer = self._exchange(opening + piece.text, keep=b"ready", meanwhile=compose)
        if not answer.committed:
            return None
        if answer.keep:
            self.undo()
            return None
        _, transaction = answer.row(-2)  # in front of the result that tells its end
        return _Opened(transaction, False, False, started, _Sent(piece, answer, ahead, text[0]))

    # Messages

    def _exchange(
        self,
        text: bytes,
        *,
        keep: bool | bytes = True,
        meanwhile: Callable[[], object] = lambda: None,
        data: Iterable[bytes] | None = None,
    ) -> Answer:
        """Sends the closing that is due, if any, and the text behind it; the closing's fate is settled first."""
        while self._closing is not None:  # more than once where it gives way
            closing, self._closing, answer = self._closing, None, Answer(keep)
            self._in_flight = (closing, answer)
            self._send_watched(closing.text + text, answer, meanwhile=meanwhile)
            self._land()
            if answer.committed:
                return answer
            self._settle(closing, answer)
            if keep is not True:
                return answer
        self._in_flight = None
        if not text:
            return Answer()
        return self._send_watched(text, Answer(keep), meanwhile=meanwhile, data=data)

    def _send_watched(self, text: bytes, answer: Answer, **how: Any) -> Answer:
        return self.send(self.connection, text, answer, name=self._running or "", limit=self._limit, **how)

    def send(
        self, connection: Connection, text: bytes, answer: Answer, *, name: str, limit: float, **how: Any
    ) -> Answer:
        """Sends a message on our connection, or on a file's worker, and watches what it waits for, if it takes long.

        name: of the file; limit: the lock_timeout in seconds, 0 is none.
        """
        self.watch = self._watching(connection, name, limit)
        return self._send_and_hear(connection, text, answer, self.watch, **how)

    def send_ours(self, connection: Connection, text: bytes) -> Answer:
        """Sends a message in which nothing is a file's. Who was in the way of a file is not forgotten with it."""
        text, answer = wire.in_ours(connection, text)
        return self._send_and_hear(connection, text, answer, self._watching(connection, "", 0))

    def _watching(self, connection: Connection, name: str, limit: float) -> Watch:
        backend: int | None = connection.info.backend_pid
        if self.is_pooled:  # a number of the pooler's own
            backend = self._backend if connection is self.connection else None
        return Watch(self.settings, backend, limit, name, self.tell, self.keep_lock, self._say_unconfirmed)

    def _send_and_hear(
        self, connection: Connection, text: bytes, answer: Answer, watch: Watch, **how: Any
    ) -> Answer:
        self.is_unconfirmed, self._standbys = False, None
        try:
            wire.send(connection, text, answer, waiting=watch, **how)
        except Interrupted as exc:
            if self.is_unconfirmed:
                exc.args = (f"interrupted: {unconfirmed(self._unconfirmed())}",)
            raise
        if self.is_unconfirmed:
            self.tell(self._unconfirmed())
        return answer

    def _say_unconfirmed(self, standbys: Standbys) -> None:
        self._standbys = standbys
        self.tell(WaitingForStandby(self._in_flight[0].file.id if self._in_flight else None, standbys))

    def _unconfirmed(self) -> Unconfirmed:
        return Unconfirmed(self._in_flight[0].file.id if self._in_flight else None, self._standbys)

    def keep_lock(self) -> None:
        """Tells the server, now and then, that the runner behind sessions that idle on purpose is not stopped."""
        if time.monotonic() - self._heard_at < self.settings.idle_timeout / BEATS:
            return
        self._heard_at = time.monotonic()
        for connection in (self.connection, self._worker):
            status = connection and connection.info.transaction_status
            if connection and status in (TransactionStatus.IDLE, TransactionStatus.INTRANS):
                wire.send(connection, b";", Answer())

    def _rest(self, seconds: float) -> None:
        """Sleeps, and keeps the lock meanwhile."""
        until, idle = time.monotonic() + seconds, self.settings.idle_timeout / BEATS or seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, idle))
            self.keep_lock()

    def ask_alone(self, text: bytes, worker: Connection | None = None) -> Answer:
        """Sends a message outside a transaction of ours, or one that opens such a transaction."""
        connection = worker or self.connection
        answer = self.send_ours(connection, text)
        if answer.error is not None:
            self.raise_if_lost("the database was being asked", connection, error=answer.error)
            if worker is None:
                self.raise_if_standby(answer.error)
            raise DatabaseFailed(f"the database refused: {sentence(answer.error)}") from answer.error
        return answer

    def undo(self) -> None:
        """Rolls back, whatever state the connection is in."""
        self._closing = None
        if self.connection.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            wire.send(self.connection, self.message("rollback") + self.message("deallocate"), Answer())

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
            stands = "nothing of it was kept" if certain else "whether it was committed is not known"
            words = f" The last that was heard: {sentence(error)}" if error and error.sqlstate else ""
            raise ConnectionLost(
                f"the connection was lost while {when}; {stands}.{words} "
                "Run again once the database answers: that is safe."
            )

    def message(self, name: str, **parts: Any) -> bytes:
        """The text of <name>.sql, filled in; what is the same for the whole run needs no naming."""
        return self.store.message(name, **parts)

    def ddl(self, name: str, **parts: Any) -> bytes:
        """The same of what makes or drops something, so that event triggers find names where they would without us."""
        return self.store.ddl(name, **parts)

    def _opening(self, hash_: str | None, file: File | None, lock: str = "lock") -> bytes:
        applied = b"false" if hash_ is None else self._question(hash_)
        self.raise_if_standby()
        return self.store.opening(file, lock, applied)

    def _question(self, hash_: str) -> bytes:
        """What is asked under the lock before a file is run, and after the answer to its COMMIT was lost."""
        return self.message("_applied", hash=hash_, before=self._before.get(hash_))

    def _is_done(self, hash_: str | None, file: File | None, answered: Any) -> bool:
        """Whether the answer to that question says that nothing is left to do."""
        if answered is None and file is not None and hash_ is not None:
            self.undo()
            raise Refused(
                f"a migration was rolled back while this run was under way, so {file.id}, which comes behind it, was "
                "not run. Look at `status`, and run again."
            )
        return bool(answered)

    def _begin(self, file: File | None) -> bytes:
        self.raise_if_standby()
        return self.store.begin(file)

    def limits(self, file: File | None) -> bytes:
        return self.store.limits(file)

    def lock_timeout(self, file: File | None) -> float:
        return self.store.lock_timeout(file)

    def log_entry(
        self, name: str, id_: str, hash_: str | None, operation: str, comment: str | None, **more: Any
    ) -> bytes:
        """What writes an entry of yoyo's log: log.sql, or record.sql with the record."""
        return self.store.log_entry(name, id_, hash_, operation, comment, **more)

    def _record(self, file: File, hash_: str, mark: bool, transaction: Any) -> bytes:
        """What writes the record of a file that ran in that transaction; of a post-apply file, the log entry only."""
        operation = "apply-late" if file.id in self.late else "apply"
        name = "record" if mark else "log"
        return self.log_entry(name, file.id, hash_, operation, file.checksum, transaction=transaction)

    def _notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        severity = diagnostic.severity_nonlocalized or ""
        if diagnostic.source_function == "SyncRepWaitForLSN":
            self.is_unconfirmed = True
        elif severity == "WARNING" or (self.settings.notices and severity in ("NOTICE", "INFO")):
            self.tell(Noticed(severity, diagnostic.message_primary or ""))

    @contextmanager
    def _telling_what_stands(self) -> Iterator[None]:
        try:
            yield
        except Interrupted as exc:
            unconfirmed = str(exc) if self.is_unconfirmed else ""
            self._land()
            self.undo()
            exc.args = (self._interrupted(unconfirmed or str(exc), is_known=bool(unconfirmed)),)
            raise
        finally:
            self._closing = None
            self._tell()

    def _interrupted(self, said: str, *, is_known: bool) -> str:
        """What an interrupted run leaves; whether it is known what became of a commit that was under way."""
        running = self._running
        if running is None:
            return said
        if running in [done.id for done in self.done[-1:]]:
            return said if is_known else f"interrupted: {running} is committed."
        if is_known:
            return f"{said} Nothing of {running} was kept."
        if self.connection.closed:
            return "interrupted, and the connection broke: `status` says what was committed."
        return f"interrupted: {running} was cancelled and rolled back; nothing of it was kept."
