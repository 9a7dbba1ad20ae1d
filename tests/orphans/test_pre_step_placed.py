"""A pre-step looks for a big table's orphans before it locks it: whatever happens between, the same is cleaned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aftermath import attempt, write
from conftest import Connect
from listeners import Heard
from test_cleanup import ORDERS, SHOP, archive, ids
from test_cleanup_placed import GONE_TO, MEANWHILE, MORE, NOT_WAITING, Between, arranging, do

from sqlrail.errors import SqlrailError
from sqlrail.orphans import placed

Connection = psycopg.Connection[Any]
KEY = "ALTER TABLE orders ADD CONSTRAINT their_user FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE"
SETS = KEY.replace("CASCADE", "SET NULL")
HELD = """SELECT c.relname::text, l.mode FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
           WHERE c.relname IN ('users', 'orders') AND l.pid <> pg_backend_pid()"""


@pytest.fixture(autouse=True)
def _every_table_is_big(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placed, "BIG", 0)


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Between:
    return arranging(monkeypatch, "sqlrail.orphans.prepare.lock")


def migrate(url: str, folder: Path, statement: str = KEY, **settings: Any) -> SqlrailError | None:
    files = write(folder, **{"001_key": f"-- cleanup: {ORDERS} delete\n{statement};"})
    return attempt(url, Heard(), files, **{"max_share": 1.0, **settings})


@pytest.mark.parametrize("what", MEANWHILE)
@pytest.mark.parametrize("shop", [SHOP, MORE], ids=["one", "more"])
def test_what_happens_between_the_look_and_the_locks_counts(
    shop: str, what: str, database: str, tmp_path: Path, connect: Connect, between: Callable[..., list[bool]]
) -> None:
    """Among it what would wait for a lock of ours, had the look not given its locks back."""
    connection = connect(database)
    connection.execute(shop.encode())
    statements, left, counts = MEANWHILE[what]
    there = list[int]()

    def happens() -> None:
        assert connection.execute(HELD).fetchall() == []
        do(connection, statements)
        there[:] = ids(connection)

    counted = between(happens)
    assert migrate(database, tmp_path) is None
    assert (ids(connection), counted) == (left, [counts])
    gone = {number for number in there if number not in left}
    assert {int(cells["id"] or 0) for *_, cells in archive(connection)} == gone


def test_where_the_look_finds_none_those_that_come_behind_it_are_cleaned(
    database: str, tmp_path: Path, connect: Connect, between: Callable[..., list[bool]]
) -> None:
    connection = connect(database)
    connection.execute(SHOP)
    connection.execute("DELETE FROM orders WHERE id = 13")
    counted = between(lambda: connection.execute("INSERT INTO orders VALUES (14, 98, 0)"))
    assert migrate(database, tmp_path) is None
    assert (ids(connection), counted) == ([10, 11, 12], [True])
    assert [int(cells["id"] or 0) for *_, cells in archive(connection)] == [14]


def test_a_look_that_fails_leaves_it_to_the_cleanup(
    database: str, tmp_path: Path, connect: Connect, between: Callable[..., list[bool]]
) -> None:
    """Who has the table when it is looked at, and lets it go before the lock_timeout is over again."""
    connection = connect(database, autocommit=False)
    connection.execute(SHOP)
    connection.commit()
    connection.execute("LOCK TABLE users")
    counted = between(connection.commit)
    assert migrate(database, tmp_path, lock_timeout=0.2) is None
    assert counted == []
    assert ids(connection) == [10, 11, 12]


def test_several_relations_are_looked_at_before_any_is_locked(
    database: str, tmp_path: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And gone to; what the first cleanup takes away makes orphans of the second, which no look has seen."""
    connection = connect(database)
    connection.execute(SHOP)
    connection.execute("CREATE TABLE lines (id int PRIMARY KEY, order_id int)")
    connection.execute("INSERT INTO lines VALUES (1, 10), (2, 13), (3, 77)")
    held, gone_to = list[bool](), list[tuple[int]]()

    def happens() -> None:
        held.append(bool(connection.execute(HELD).fetchall()))
        for table in ("orders", "lines"):
            gone_to.extend(connection.execute(GONE_TO.replace("orders", table).encode()).fetchall())

    between = arranging(monkeypatch, "sqlrail.orphans.clean.lock")
    counted = between(happens)
    files = write(
        tmp_path,
        **{
            "001_keys": f"-- cleanup: {ORDERS} delete\n-- cleanup: lines.order_id -> orders.id delete\n{KEY};"
        },
    )
    assert attempt(database, Heard(), files, max_share=1.0) is None
    assert (held, gone_to, counted) == ([False], [(13,), (3,)], [True, False])
    assert ids(connection) == [10, 11, 12]
    assert connection.execute("SELECT id FROM lines").fetchall() == [(1,)]


def test_a_guard_refuses_as_without_a_look(database: str, tmp_path: Path, connect: Connect) -> None:
    connection = connect(database)
    connection.execute(SHOP)
    refused = migrate(database, tmp_path, max_share=0.01, max_rows=0)
    assert refused is not None
    assert refused.exit_code == 3
    assert ids(connection) == [10, 11, 12, 13]
    assert connection.execute(GONE_TO).fetchall() == []


def test_what_was_placed_is_gone_to_before_the_locks_and_let_go_again(
    database: str, tmp_path: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect(database)
    connection.execute(SHOP)
    gone_to = list[tuple[int]]()

    def happens() -> None:
        gone_to[:] = connection.execute(GONE_TO).fetchall()
        connection.execute("SELECT FROM orders FOR UPDATE NOWAIT")

    between = arranging(monkeypatch, "sqlrail.orphans.clean.lock")
    between(happens)
    files = write(tmp_path, **{"001_key": f"-- cleanup: {ORDERS} set null\n{SETS};"})
    assert attempt(database, Heard(), files, max_share=1.0) is None
    assert (gone_to, ids(connection)) == ([(13,)], [10, 11, 12, 13])


@pytest.mark.parametrize("what", NOT_WAITING)
@pytest.mark.parametrize("shop", [SHOP, MORE], ids=["one", "more"])
def test_what_happens_between_the_deletion_ahead_and_the_locks_counts(
    shop: str,
    what: str,
    database: str,
    tmp_path: Path,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    behind = arranging(monkeypatch, "sqlrail.orphans.ahead._settled")
    connection = connect(database)
    connection.execute(shop.encode())
    statements, left, counts = MEANWHILE[what]
    there = list[int]()

    def happens() -> None:
        do(connection, statements)
        there[:] = ids(connection)

    counted = behind(happens)
    assert migrate(database, tmp_path) is None
    assert (ids(connection), counted) == (left, [counts])
    gone = {number for number in there if number not in left}
    assert {int(cells["id"] or 0) for *_, cells in archive(connection)} == gone


def test_the_file_waits_for_locks_as_long_as_it_says(database: str, tmp_path: Path, connect: Connect) -> None:
    """Behind what was deleted ahead, which waits for less."""
    connection = connect(database)
    connection.execute(SHOP)
    tells = "CREATE TABLE told AS SELECT current_setting('lock_timeout') AS it"
    text = f"-- cleanup: {ORDERS} delete\n-- lock-timeout: 7s\n{tells};"
    assert attempt(database, Heard(), write(tmp_path, **{"001_told": text}), max_share=1.0) is None
    assert connection.execute("SELECT it FROM told").fetchall() == [("7s",)]
    assert ids(connection) == [10, 11, 12]


def test_what_this_transaction_has_written_itself_counts(
    database: str, tmp_path: Path, connect: Connect, between: Callable[..., list[bool]]
) -> None:
    """By a trigger, and in a transaction below its own, which no snapshot tells of."""
    connection = connect(database)
    connection.execute(SHOP)
    connection.execute(
        """CREATE TABLE lines (id int PRIMARY KEY, product_id int); CREATE TABLE products (id int PRIMARY KEY);
        INSERT INTO products VALUES (1); INSERT INTO lines VALUES (1, 1), (2, 9);
        CREATE FUNCTION ordering() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            BEGIN INSERT INTO public.orders VALUES (14, 98, 0); EXCEPTION WHEN division_by_zero THEN END;
            RETURN old;
        END $$;
        CREATE TRIGGER ordering BEFORE DELETE ON lines FOR EACH ROW EXECUTE FUNCTION ordering()"""
    )
    counted = between(lambda: None)
    text = f"-- cleanup: lines.product_id -> products.id delete\n-- cleanup: {ORDERS} delete\n{KEY};"
    files = write(tmp_path, **{"001_keys": text})
    assert attempt(database, Heard(), files, max_share=1.0, allow_triggers=("ordering",)) is None
    assert (ids(connection), counted) == ([10, 11, 12], [True, True])
    assert len(archive(connection)) == 3
