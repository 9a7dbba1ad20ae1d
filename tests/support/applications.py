"""Five applications, what they send to a database, and what becomes of that when the database is changed.

tests/foresight/applications has what each makes and sends, which capture.py has seen of those in tests/clients.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from psycopg import pq

from sqlrail.files.statements import all_statements

FILES = Path(__file__).resolve().parents[1] / "foresight" / "applications"
#: types as which drivers send nothing but text, for the server to find what it is
TEXTS = {16, 18, 19, 25, 1042, 1043}
SEQUENCES = """
    SELECT format('%I.%I', schemaname, sequencename), coalesce(last_value, start_value), last_value IS NOT NULL
      FROM pg_sequences
"""
Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Sent:
    """A statement with the values of its parameters as text, or with the lines of a COPY."""

    text: bytes
    values: tuple[bytes | None, ...] = ()
    lines: bytes | None = None


@dataclass(frozen=True)
class Application:
    """What an application made, and sends; its driver gives the types of "all" parameters, of "some", or of none."""

    name: str
    gives: str = ""

    @property
    def made(self) -> str:
        return (FILES / f"{self.name}.made.sql").read_text()

    @property
    def queries(self) -> Path:
        """As plan reads them."""
        return FILES / f"{self.name}.queries.sql"

    @cached_property
    def sent(self) -> list[Sent]:
        text = self.queries.read_bytes()
        found, at = [], 0
        for statement in all_statements(text):
            values, lines = _given(text[at : statement.start].decode())
            found.append(Sent(text[statement.start : statement.end].rstrip(b"; \n"), values, lines))
            at = statement.end
        return found

    def types(self, connection: Connection) -> list[tuple[int, ...]]:
        """Those that the driver gives to the parameters of each statement, as it finds the database."""
        return [self._types(connection, one) if one.values else () for one in self.sent]

    def _types(self, connection: Connection, one: Sent) -> tuple[int, ...]:
        if not self.gives:
            return ()
        pgconn = connection.pgconn
        prepared = pgconn.prepare(b"", one.text)
        assert prepared.status == pq.ExecStatus.COMMAND_OK, prepared.error_message
        described = pgconn.describe_prepared(b"")
        oids = tuple(map(described.param_type, range(described.nparams)))
        is_own = {oid for oid in oids if self.gives == "some" and (oid in TEXTS or oid >= 16384)}
        return tuple(0 if oid in is_own else oid for oid in oids)

    def run(self, connection: Connection, types: Sequence[tuple[int, ...]]) -> list[str]:
        """What becomes of its statements in their order, in the connection's transaction: an error, or nothing."""
        return [_run(connection, one, its) for one, its in zip(self.sent, types, strict=True)]


APPLICATIONS = [
    Application("sequelize"),
    Application("sqlalchemy", "some"),
    Application("django"),
    Application("plain", "some"),
    Application("asyncpg", "all"),
]


def _given(comment: str) -> tuple[tuple[bytes | None, ...], bytes | None]:
    if match := re.search(r"(?m)^-- lines (.*)$", comment):
        return (), json.loads(match[1]).encode()
    values = re.findall(r"\$\d+ = (?:(NULL)|'((?:[^']|'')*)')", comment)
    return tuple(None if null else text.replace("''", "'").encode() for null, text in values), None


def _run(connection: Connection, one: Sent, types: tuple[int, ...]) -> str:
    try:
        with connection.transaction():
            if one.lines is not None:
                with connection.cursor() as cursor, cursor.copy(one.text) as copy:
                    copy.write(one.lines)
            elif one.text.upper().startswith(b"COPY"):
                with connection.cursor() as cursor, cursor.copy(one.text) as copy:
                    b"".join(copy)
            else:
                _execute(connection, one, types)
    except psycopg.Error as exc:
        return f"{exc.sqlstate} {exc.diag.message_primary}"
    return ""


def _execute(connection: Connection, one: Sent, types: tuple[int, ...]) -> None:
    result = connection.pgconn.exec_params(one.text, list(one.values), types or None)
    if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
        raise psycopg.errors.error_from_result(result)


@contextmanager
def changed(connection: Connection, text: str = "SELECT") -> Iterator[None]:
    """A transaction in which the database is changed; then it is as it was, its sequences too."""
    sequences = connection.execute(SEQUENCES).fetchall()
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(text.encode())
            yield
    finally:
        for sequence in sequences:  # no rollback takes them back
            connection.execute("SELECT setval(%s, %s, %s)", sequence)
