"""Statements about the records, the log, the notes and tables of our own; and what goes around a file."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, NamedTuple

from psycopg import sql
from psycopg.types.json import Jsonb
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.migrations import default_migration_table

from sqlrail.engine.server import MORE_LIMITS, Server
from sqlrail.errors import DatabaseFailed
from sqlrail.files import rights
from sqlrail.files.file import File
from sqlrail.files.kept import Kept
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import milliseconds, on_one_line
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection
from sqlrail.records.history import Note, Record
from sqlrail.records.post_apply import PostApplyRun

#: the runners' advisory lock, one for a database
KEY = int.from_bytes(b"sqlrail", "big")
#: of the locks with two numbers the first, where the second says whose schema it is
KEY_OF_TENANTS = int.from_bytes(b"rail", "big")
#: whose rows guard_tenant.sql looks at, with what they are called there
CATALOGS = {
    "class": "c", "type": "t", "label": "e", "check": "k", "function": "p", "trigger": "t", "column": "a", "rule": "r",
    "policy": "s",
}  # fmt: skip
#: what tells that a tenant's file may have changed something outside of its schema
REACHING = ("_locked_outside", "_writes_functions", "_writes_types")
#: joins a record whatever transaction it is sent in, see Store.record
IN_ANY = b"txid_current()"
#: of the schema sqlrail, see own_tables.sql
OWN_TABLES = ("stamp", "run", "progress", "archive")
#: theirs, which own_tables.sql writes. What is newer than a build only adds: a build that is rolled back reads it.
OWN_VERSION = 5


class Names(NamedTuple):
    """What yoyo calls its tables."""

    records: str
    log: str
    lock: str
    version: str


YOYO = Names(
    default_migration_table,
    PostgresqlPsycopgBackend.log_table,
    PostgresqlPsycopgBackend.lock_table,
    PostgresqlPsycopgBackend.version_table,
)


@dataclass(frozen=True)
class Place:
    """Where yoyo's tables and ours are, and which of them are there."""

    schema: str | None = None  # of the records; None where the search_path leads to no schema
    target: str | None = None  # the schema that files write to, the first of the search_path
    has_records: bool = False
    is_old: bool = False  # the records are those of a yoyo before 6
    has_own_tables: bool = False
    has_all_own_tables: bool = False
    is_own_old: bool = False
    may_have_own_tables: bool = False
    is_current: bool = False  # yoyo's tables are known to be as this yoyo makes them
    has_archive: bool = False  # whether or not this role may read it
    is_elsewhere: bool = False  # Citus keeps the records on another node
    has_rollbacks: bool = False  # the table of what takes migrations back is there,
    keeps_rollbacks: bool = False  # and this role's
    has_code: bool = False  # the same of the table of what code files have made,
    reads_code: bool = False  # which this role may read,
    has_made_code: bool = False  # and in which there is, or has been, a row

    @classmethod
    def read(
        cls,
        new_schema: bool,
        records_in: str | None,
        is_new: bool,
        new_in: str | None,
        own: Collection[str],
        readable: Collection[str],
        own_version: int | None,
        may_have_own_tables: bool,
        is_elsewhere: bool,
        has_rollbacks: bool,
        keeps_rollbacks: bool,
        has_code: bool,
        reads_code: bool,
        has_made_code: bool,
    ) -> Place:
        """From the first columns of look.sql; new_schema: records elsewhere than in new_in do not count."""
        if new_schema and records_in != new_in:
            records_in, is_new, is_elsewhere = None, False, False
        return cls(
            schema=records_in or new_in,
            target=new_in,
            has_records=records_in is not None,
            is_old=records_in is not None and not is_new,
            has_own_tables="stamp" in readable,
            has_all_own_tables=len(readable) == len(OWN_TABLES),
            is_own_old=may_have_own_tables
            and own_version is not None
            and (own_version < OWN_VERSION or not has_rollbacks),
            may_have_own_tables=may_have_own_tables,
            has_archive=not {"archive", "run"}.isdisjoint(own),
            is_elsewhere=is_elsewhere,
            has_rollbacks=has_rollbacks,
            keeps_rollbacks=keeps_rollbacks,
            has_code=has_code,
            reads_code=reads_code,
            has_made_code=has_made_code,
        )

    def without_own_tables(self) -> Place:
        """The same where somebody has just taken the schema sqlrail."""
        return replace(
            self, has_own_tables=False, has_all_own_tables=False, has_rollbacks=False, keeps_rollbacks=False,
            has_code=False, reads_code=False, has_made_code=False,
        )  # fmt: skip

    def with_own_tables(self) -> Place:
        """The same where this role has just made them, or brought them further."""
        keeps = self.keeps_rollbacks or not self.has_rollbacks
        return replace(
            self, has_own_tables=True, has_all_own_tables=True, is_own_old=False, has_rollbacks=True,
            keeps_rollbacks=keeps, has_code=True, reads_code=True,
        )  # fmt: skip


@dataclass(frozen=True)
class Store:
    """Composes what writes and reads records, the log, notes and our own tables: bytes only, it sends nothing."""

    connection: Connection  # whose encoding and quoting they are in
    settings: Settings
    server: Server
    names: Names = YOYO
    place: Place = Place()

    def message(self, name: str, **parts: Any) -> bytes:
        """The text of <name>.sql, filled in; what is the same for the whole run needs no naming."""
        return wire.message(self.connection, name, **self._constants, **parts)

    def ddl(self, name: str, **parts: Any) -> bytes:
        """The same of what makes or drops something, so that event triggers find names where they would without us."""
        return self.message(name, writes=self.message("writes"), ours=self.message("ours"), **parts)

    @cached_property
    def _constants(self) -> dict[str, bytes]:
        tables = {"records": self.names.records, "log": self.names.log, "lock": self.names.lock}
        values = {
            "key": KEY,
            "key_of_tenants": KEY_OF_TENANTS,
            "tenant": self.settings.tenant,
            "records_in": self.place.schema,
            "username": self.settings.actor,
            "hostname": self.settings.host,
        }
        constants = {name: self.table(table).encode() for name, table in tables.items() if self.place.schema}
        constants |= {name: sql.Literal(value).as_bytes(self.connection) for name, value in values.items()}
        if self.settings.tenant is None:
            return constants | {"attempt": wire.message(self.connection, "_attempt", **constants)}
        quoted = sql.Identifier(self.settings.tenant).as_string(self.connection)
        constants["tenant_oid"] = wire.message(self.connection, "_tenant_oid", quoted=quoted)
        return constants | {"attempt": wire.message(self.connection, "_attempt_tenant", **constants)}

    def table(self, name: str) -> str:
        """One of yoyo's tables with its schema, quoted."""
        assert self.place.schema is not None
        return sql.Identifier(self.place.schema, name).as_string()

    def look(self) -> bytes:
        """What asks where the tables are, see Place.read, and then about the server, see Server.read."""
        name, tenant = self.names.records, self.settings.tenant
        if tenant is not None:  # never by a search_path, behind which another's may be
            name = sql.Identifier(tenant, name).as_string(self.connection)
        named = wire.named(self.connection, name)
        return wire.message(self.connection, "look", own_tables=list(OWN_TABLES), named=named)

    # Around a file

    def begin(self, file: File | None) -> bytes:
        """Opens a transaction with a file's limits; as ours where statements of ours come first."""
        ours = self.message("ours") if file is None or file.cleanup else b""
        before = self.message("own_before") if self.settings.tenant and _says(file, b"drop") else b""
        return self.message("begin") + self.limits(file) + before + ours

    def opening(self, file: File | None, lock: str, question: bytes) -> bytes:
        """Opens a transaction under the runners' lock; the question is asked with the lock in hand."""
        return self.begin(file) + self.message(lock, applied=question)

    def ending(self, file: File, *, is_guarded: bool = True) -> bytes:
        """What ends the transaction of a file, up to its record. is_guarded: whether guarded() is in front of it."""
        text = (self.guarded(file) if is_guarded else b"") + self.message("finish") + self.limits(file)
        if _says(file, b"prepare"):
            text += self.message("deallocate")
        return text

    def guarded(self, file: File) -> bytes:
        """What refuses what a tenant's file has changed in other schemas, in front of what ends its transaction."""
        if self.settings.tenant is None:
            return b""
        return self.message("guarded", ours=self.message("ours", lead=b"")) + self._guard(file)

    def may_reach_out(self, file: File) -> bytes:
        """What asks, behind a tenant's file and in its message, whether it has to be guarded: a row with a boolean.

        Empty where that is known: it is no tenant's, or says what leaves no lock to see.
        """
        if self.settings.tenant is None or _may_grant(file):
            return b""
        return self.message("may_reach_out", **self._reaching)

    def guard(self, file: File) -> bytes:
        """The same as guarded(), in front of a COMMIT alone: names lead to where they led, behind it."""
        if self.settings.tenant is None:
            return b""
        return self.message("ours") + self._guard(file) + self.message("theirs")

    def _guard(self, file: File) -> bytes:
        return self.message("guard_tenant", may_grant=_may_grant(file), **self._reaching, **self._written)

    @cached_property
    def _reaching(self) -> dict[str, bytes]:
        return {name.removeprefix("_"): self.message(name) for name in REACHING}

    @cached_property
    def _written(self) -> dict[str, bytes]:
        return {
            f"{what}_is_written": self.message("_written", xmin=sql.Identifier(row, "xmin"))
            for what, row in CATALOGS.items()
        }

    def closing_outside(self, hash_: str, record: bytes) -> bytes:
        """Ends the lock's transaction of a file that ran outside of one."""
        text = self.message("forget_progress", hash=hash_) + self.message("unlock")
        return text + record + b"COMMIT;\n"

    def limits(self, file: File | None) -> bytes:
        """SET LOCAL of a file's limits, or of ours without one."""
        own = tuple(self._own_limits(file).items())
        more = ((name, tuple(MORE_LIMITS[name].items())) for name in self.server.more_limits)
        elsewhere = [("limits_citus", own)] if self.server.is_citus else []
        return b"".join(_composed(name, values) for name, values in [("limits", own), *more, *elsewhere])

    def limit_values(self, file: File | None) -> dict[str, str | int]:
        """The same limits as values, each by the name of its setting."""
        values = self._own_limits(file)
        for name in self.server.more_limits:
            values |= MORE_LIMITS[name]
        return values

    def _own_limits(self, file: File | None) -> dict[str, str | int]:
        return {
            "lock_timeout": milliseconds(self.lock_timeout(file)),
            "statement_timeout": milliseconds(self.statement_timeout(file)),
            "idle_in_transaction_session_timeout": milliseconds(self.settings.idle_timeout),
            "row_security": "on" if file is not None and file.row_security else "off",
        }

    def step_limits(self, file: File) -> bytes:
        """What goes ahead of each statement outside a transaction that can be tried again."""
        limit = self.message("lock_limit", lock_timeout=milliseconds(self.lock_timeout(file)))
        return self.limits(file) if self.server.is_pooled or self.server.is_citus else limit

    def statement_timeout(self, file: File | None) -> float:
        """Seconds that a statement of a file, or of ours, may take; 0 is as long as it likes."""
        if file is not None and file.statement_timeout is not None:
            return file.statement_timeout
        return self.settings.statement_timeout

    def lock_timeout(self, file: File | None) -> float:
        """In seconds, 0 is none: a file's own, or that of the settings."""
        own = None if file is None else file.lock_timeout
        return self.settings.lock_timeout if own is None else own

    # Records

    def record(
        self,
        name: str,
        id_: str,
        hash_: str | None,
        operation: str,
        comment: str | None,
        kept: Kept | None = None,
    ) -> tuple[bytes, ...]:
        """What writes an entry of yoyo's log: log.sql, or record.sql and unrecord.sql with the record.

        It comes as texts to be joined by the number of the transaction that a file ran in, which may not be known yet.
        kept: what takes the migration back, to be kept with its record where there is a place for that.
        """
        entry = {
            "entry": str(uuid.uuid4()),
            "hash": hash_,
            "id": id_,
            "operation": operation,
            "comment": comment,
            "rollback": self._rollback(name, kept),
        }
        return wire.message_around(self.connection, name, "transaction", **self._constants, **entry)

    def _rollback(self, name: str, kept: Kept | None) -> bytes:
        """What keeps, in the statement that writes a record, what takes it back; or forgets it with the record."""
        if not self.place.keeps_rollbacks:
            return b""
        if name == "unrecord":
            return self.message("_rollback_gone")
        if kept is None:
            return b""
        its = {"transactional": kept.transactional, "depends": [*kept.depends], "content": kept.content.hex()}
        return self.message("_rollback_kept", **its, digest=kept.digest, digested=str(uuid.uuid4()))

    def log_entry(self, id_: str, hash_: str | None, operation: str, comment: str | None) -> bytes:
        """What writes an entry without a record."""
        (text,) = self.record("log", id_, hash_, operation, comment)
        return text

    def history(self) -> bytes:
        """What reads the records, how files behind them were run, and the notes where there can be any."""
        notes = self.message("notes") if self.place.has_all_own_tables else b""
        return self.message("records") + self.message("post_apply") + notes

    def read_history(
        self,
        records: Sequence[tuple[Any, ...]],
        post_apply: Sequence[tuple[Any, ...]],
        *noted: Sequence[tuple[Any, ...]],
    ) -> tuple[list[Record], list[PostApplyRun], list[Note]]:
        """From the answers to that; DatabaseFailed where a record has no id."""
        if nameless := [row[1] for row in records if row[0] is None]:
            remedy = on_one_line(self.message("forget_nameless"))
            raise DatabaseFailed(
                f"records in {self.place.schema}.{self.names.records} have no migration_id, which somebody has taken "
                f"away ({', '.join(nameless)}): write it back, from a backup, or forget them, and "
                f"`migrate --allow-late` runs their files again: {remedy}"
            )
        runs = [PostApplyRun(*row) for row in post_apply]
        return [Record(*row) for row in records], runs, [Note(*row) for rows in noted for row in rows]

    # Rights

    def own_rights(self) -> Iterator[rights.Wanted]:
        """What statements of ours need."""
        if self.place.schema:
            yield from rights.of_tables(self.place.schema, list(self.names), there=self.place.has_records)
        yield from rights.of_tables("sqlrail", OWN_TABLES, there=self.place.has_all_own_tables)

    def rights(self, wanted: Sequence[rights.Wanted]) -> bytes:
        """What asks which GRANTs are missing."""
        return self.message("rights", wanted=Jsonb([right._asdict() for right in wanted]))

    # Own tables

    def own_tables(self) -> bytes:
        """What makes sqlrail's own tables where they are missing or old."""
        if self.place.has_all_own_tables and not self.place.is_own_old:
            return b""
        return self.ddl("own_tables")

    def set_stamp(self) -> bytes:
        """What writes the environment's name into a database that has no stamp."""
        named = {"environment": self.settings.environment, "actor": self.settings.actor}
        return self.message("set_stamp", **named, overwrite=False)


@cache
def _composed(name: str, values: tuple[tuple[str, str | int], ...]) -> bytes:
    """The text of <name>.sql with values that every connection spells alike: many tenants have the same."""
    return wire.message(None, name, **dict(values))


def _may_grant(file: File) -> bool:
    return _says(file, b"grant", b"revoke")


def _says(file: File | None, *words: bytes) -> bool:
    """Whether one of the words is in a file; a large one is not read again to find out."""
    if file is None:
        return False
    text = None if file.small is None else file.small.lower()
    return text is None or any(word in text for word in words)
