"""What whoever writes to a database leaves behind: in its rows, in its counters, in the server's transaction ids."""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg
from waiting import wait_for

TABLES = """
SELECT oid::regclass::text FROM pg_class
 WHERE relkind IN ('r', 'm', 't') AND NOT relisshared AND relpersistence <> 't'
   AND has_schema_privilege(relnamespace, 'USAGE') AND has_table_privilege(oid, 'SELECT')
 ORDER BY 1
"""
ROWS = "SELECT '{0}', count(*), md5(string_agg(concat_ws(',', ctid, xmin, xmax), ';' ORDER BY ctid)) FROM {0}"
COUNTERS = """
SELECT sum(n_tup_ins), sum(n_tup_upd), sum(n_tup_del) FROM pg_stat_all_tables WHERE schemaname !~ '^pg_toast_temp'
"""
DATABASE = (
    "SELECT tup_inserted, tup_updated, tup_deleted, temp_files FROM pg_stat_database WHERE datname = %s"
)
THERE = """
SELECT FROM pg_stat_activity
 WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


class Traces(NamedTuple):
    """All of it but the transaction id is the database's own."""

    rows: list[Any]
    counters: list[Any]
    database: list[Any]
    #: the next one: the whole server's, on which nobody else works, and no autovacuum, while a test runs
    transaction: list[Any]


def wait_until_alone(connection: psycopg.Connection[Any]) -> None:
    """Until nobody else is in the database: whoever leaves tells what he has counted."""
    wait_for(lambda: not connection.execute(THERE).rowcount, "they have left")


def traces(connection: psycopg.Connection[Any]) -> Traces:
    """As far as the connection's role may look."""
    wait_until_alone(connection)
    connection.execute("SELECT pg_stat_force_next_flush()")  # and this one what it has done itself

    def ask(statement: str, *parameters: object) -> list[Any]:
        return connection.execute(statement.encode(), parameters or None).fetchall()

    tables = " UNION ALL ".join(ROWS.format(name) for (name,) in ask(TABLES))
    return Traces(
        sorted(ask(tables)),  # several may be read at once
        ask(COUNTERS),
        ask(DATABASE, connection.info.dbname),
        ask("SELECT pg_snapshot_xmax(pg_current_snapshot())"),
    )
