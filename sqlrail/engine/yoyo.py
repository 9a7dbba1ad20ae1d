"""What yoyo calls."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from psycopg import sql
from yoyo import internalmigrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.migrations import default_migration_table

from sqlrail.engine.recorded import Recorded
from sqlrail.engine.session import Session
from sqlrail.errors import Interrupted
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection


class YoyoBackend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    """yoyo's PostgreSQL backend on a session of ours: it delegates, and decides nothing.

    It sends SET LOCAL only, and needs neither the OS user database nor DNS.
    """

    # yoyo writes its tables' names into its statements through these; ours carry the schema.
    migration_table_quoted = property(lambda self: self._session.store.table(self.migration_table))
    log_table_quoted = property(lambda self: self._session.store.table(self.log_table))
    lock_table_quoted = property(lambda self: self._session.store.table(self.lock_table))
    version_table_quoted = property(lambda self: self._session.store.table(self.version_table))

    def __init__(
        self,
        session: Session,
        recorded: Recorded,
        run: Callable[[Any, bool], object] = lambda *_: None,
    ) -> None:
        """run: is given each migration that yoyo wants to apply or roll back, and whether it leaves a record."""
        self._session, self._recorded, self._run = session, recorded, run
        self._is_sharded = False
        super().__init__(None, default_migration_table)

    @property
    def connection(self) -> Connection:
        return self._session.connection

    def connect(self, dburi: object) -> Connection:  # noqa: ARG002 - the settings know where to
        return self._session.connection

    def init_connection(self, connection: Connection) -> None:
        """Nothing: yoyo would SET search_path here, for the whole session."""

    def list_tables(self, **_: object) -> list[str]:
        store = self._session.store
        text = store.message("tables", schema=store.place.schema)
        if self._in_transaction:  # yoyo makes its tables next
            text += store.message("writes")
        return [name for (name,) in self._session.ask_alone(text).rows]

    def look_where_tables_go(self) -> None:
        """Asks whether Citus would take them to another node, where they cannot be read with ours."""
        session = self._session
        self._is_sharded = session.server.is_citus and session.look_up("is_sharded") == [(True,)]

    def execute(self, statement: str, params: Mapping[str, Any] | None = None) -> Any:
        if self._is_sharded and statement.split()[:1] == ["CREATE"]:
            return self._session.ask(self._made_here(statement))
        # yoyo writes parameters as :name; a % is one of the schema's name, and psycopg would take it for a parameter.
        try:
            return super().execute(statement.replace("%", "%%"), params)
        except Interrupted:
            # Else the rolling back, yoyo's own, would fail on a connection that is busy, and hide why.
            wire.cancel(self.connection, wire.Answer())
            raise

    def quote_identifier(self, s: str) -> str:
        # The one table that yoyo names without its property.
        if s == self.version_table:
            return self._session.store.table(s)
        return str(super().quote_identifier(s))

    def ensure_internal_schema_updated(self) -> None:
        """Nothing: tables.py has done it, under the lock."""

    def get_applied_migration_hashes(self) -> dict[str, None]:
        # In their order; yoyo looks each migration up in them.
        return dict.fromkeys(record.hash for record in self._recorded.records)

    def get_log_data(self, migration: Any = None, operation: str = "apply") -> dict[str, Any]:
        # yoyo asks getpass and DNS; the first raises for a uid without a passwd entry, after the commit.
        return {
            "id": str(uuid.uuid4()),
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": self._session.settings.actor,
            "hostname": self._session.settings.host,
            "created_at_utc": None,
            "operation": operation,
        }

    def apply_one(self, migration: Any, force: bool = False, mark: bool = True) -> None:  # noqa: ARG002
        self._run(migration, mark)

    def rollback_one(self, migration: Any, force: bool = False) -> None:  # noqa: ARG002
        self._run(migration, True)

    def upgrade(self) -> None:
        """Makes yoyo's tables, or brings them up to date, in the transaction that is open."""
        self._in_transaction = True  # yoyo's own begin() and commit() nest inside ours
        try:
            internalmigrations.upgrade(self)
        finally:
            self._in_transaction = False

    @property
    def lock_table_made(self) -> bytes:
        """What makes yoyo's lock table."""
        # Not by create_lock_table(): it takes every error for "there is one already".
        statement = str(self.format_sql(self.create_lock_table_sql))
        return self._made_here(statement) if self._is_sharded else f"{statement};\n".encode()

    def _made_here(self, statement: str) -> bytes:
        return self._session.store.message("made_here", statement=statement)

    @property
    def version(self) -> int | None:
        """That of yoyo's tables, as its get_current_version() has it; None where it is written nowhere."""
        tables = self.list_tables()
        if self.migration_table not in tables:
            return 0
        if self.version_table not in tables:
            return 1
        rows = self._session.look_up("yoyo_version", versions=sql.SQL(self.version_table_quoted))
        version: int | None = rows[0][0]
        return version
