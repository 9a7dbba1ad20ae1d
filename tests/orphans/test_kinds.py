"""Rows without a value and rows that a CHECK refuses: cleaned in every way, as orphans are, and put back exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import console
import psycopg
import pytest
import test_cleanup
from conftest import Connect
from test_cleanup import apply, archive, contents, settings
from test_restore import reasons, restore

from sqlrail.ground.events import nobody
from sqlrail.ground.kinds import parse_decided
from sqlrail.verbs import online
from sqlrail.verbs.cleanup import cleanup, print_sql

Connection = psycopg.Connection[Any]
sqlrail = console.sqlrail
db = test_cleanup.db

SHOP = """
    CREATE TABLE orders (id int PRIMARY KEY, total numeric(8, 2), note text DEFAULT 'none'
        , at timestamptz DEFAULT now());
    INSERT INTO orders VALUES (1, 5, 'a'), (2, NULL, 'b'), (3, 0, NULL), (4, -7, 'd'), (5, NULL, NULL);
    CREATE TABLE lines (id int PRIMARY KEY, order_id int REFERENCES orders ON DELETE CASCADE);
    INSERT INTO lines VALUES (10, 1), (20, 2), (21, 2), (40, 4);
"""
CHECK = "ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0) NOT VALID"
ORDERS = "SELECT id, total::text, note FROM orders ORDER BY id"
LINES = "SELECT id FROM lines ORDER BY id"
#: what is said; what then may stand; what is left of orders, with their lines
KINDS = {
    "not null delete": (
        "orders.total not null delete", "ALTER TABLE orders ALTER total SET NOT NULL",
        [(1, "5.00", "a"), (3, "0.00", None), (4, "-7.00", "d")], [10, 40]),
    "not null set": (
        "orders.total not null set 1.5", "ALTER TABLE orders ALTER total SET NOT NULL",
        [(1, "5.00", "a"), (2, "1.50", "b"), (3, "0.00", None), (4, "-7.00", "d"), (5, "1.50", None)],
        [10, 20, 21, 40]),
    "not null set default": (
        "orders.note not null set default", "ALTER TABLE orders ALTER note SET NOT NULL",
        [(1, "5.00", "a"), (2, None, "b"), (3, "0.00", "none"), (4, "-7.00", "d"), (5, None, "none")],
        [10, 20, 21, 40]),
    "check": (
        "orders check positive delete", CHECK.removesuffix(" NOT VALID"),
        [(1, "5.00", "a"), (2, None, "b"), (5, None, None)], [10, 20, 21]),
}  # fmt: skip
WAYS = ["cleanup", "online", "printed", "pre-step"]
kinds = pytest.mark.parametrize("kind", KINDS)


def clean_by(way: str, connection: Connection, url: str, folder: Path, said: str, after: str) -> None:
    """One of the ways to clean; of a check that only the file makes, the others need it in the database."""
    named, told = [parse_decided(said)], settings(url, migrations=folder)
    if way == "pre-step":
        apply(url, folder, _1_clean=f"-- cleanup: {said}\n{after};\n")
        return
    if " check " in said:
        connection.execute(f"{after} NOT VALID".encode())
    if way == "printed":
        connection.execute(print_sql(told, nobody, named)[0].encode())
    else:
        (online.cleanup if way == "online" else cleanup)(told, nobody, named)
    if " check " not in said:
        connection.execute(after.encode())


@kinds
@pytest.mark.parametrize("way", WAYS)
def test_the_rows_that_violate_it_go_or_are_set_and_a_restore_puts_them_back(
    kind: str, way: str, any_database: str, connect: Connect, tmp_path: Path
) -> None:
    said, after, orders, lines = KINDS[kind]
    connection = connect(any_database)
    connection.execute(SHOP.encode())
    before = contents(connection)
    clean_by(way, connection, any_database, tmp_path, said, after)
    assert connection.execute(ORDERS.encode()).fetchall() == orders
    assert [id_ for (id_,) in connection.execute(LINES.encode())] == lines
    connection.execute(
        b"ALTER TABLE orders ALTER total DROP NOT NULL, ALTER note DROP NOT NULL, DROP CONSTRAINT IF EXISTS positive"
    )
    assert reasons(restore(any_database)) == {}
    assert contents(connection) == before
    assert archive(connection) == []
