"""The look at orphans: what it says, what it costs, and what a run does when it is no longer true."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import console
import psycopg
import pytest
from conftest import Connect, query
from console import Sqlrail
from listeners import Heard
from test_cleanup import ORDERS, SHOP, archive, clean, contents, settings
from waiting import wait_until_blocked

from sqlrail.engine.backend import Backend
from sqlrail.errors import DatabaseFailed, Refused
from sqlrail.ground.relation import Relation
from sqlrail.orphans.ask import ask_facts
from sqlrail.orphans.composer import Composer

sqlrail = console.sqlrail

Connection = psycopg.Connection[Any]

EVENTS = """
    CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);
    CREATE TABLE events (id int, kind text, user_id int, seen date, created_at timestamptz,
                         PRIMARY KEY (kind, id));
    INSERT INTO events SELECT n, 'a', 1, '2020-01-01', '2020-01-01' FROM generate_series(1, 90) AS n;
    INSERT INTO events SELECT n, 'b', 100 + n % 6, '2021-01-01',
                              timestamptz '2024-01-01 12:00+02' + n * interval '1 day'
      FROM generate_series(1, 7) AS n;
    INSERT INTO events VALUES (1, 'c', 105, NULL, NULL), (2, 'c', NULL, '1999-01-01', '1999-01-01'),
                              (3, 'c', NULL, NULL, NULL);
    CREATE TABLE lines (kind text, id int, FOREIGN KEY (kind, id) REFERENCES events (kind, id) ON DELETE CASCADE);
    ALTER TABLE events ADD CONSTRAINT events_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL NOT VALID
"""
RELATION = "events.user_id -> users.id"


@pytest.fixture
def db(database: str, connect: Connect) -> Connection:
    return connect(database)


def test_a_dry_run_tells_all_that_one_wants_to_know(database: str, sqlrail: Sqlrail) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(EVENTS.encode())
    done = sqlrail("cleanup", "--dry-run", "--database-url", database, "--relation", f"{RELATION} delete")
    assert done.out.splitlines() == [
        "events.user_id -> users.id: 8 rows of 100 (8.00%) would be archived and deleted",
        "  6 keys are missing",
        "  created_at from 2024-01-02 10:00:00+00 to 2024-01-08 10:00:00+00",
        "  for example 2 rows with user_id 101: id 1, kind b",
        "  for example 2 rows with user_id 105: id 5, kind b",
        "  for example 1 row with user_id 100: id 6, kind b",
        "  for example 1 row with user_id 102: id 2, kind b",
        "  for example 1 row with user_id 103: id 3, kind b",
        "  2 rows without a key, which stay",
        (
            "  its own foreign key events_user_id_fkey, not valid: on delete set null, which would have kept the rows; "
            "the cleanup was told to delete them"
        ),
        "  foreign key lines_kind_id_fkey: cascade",
        "dry run: nothing was changed",
    ]
    found = json.loads(
        sqlrail("cleanup", "--dry-run", "--json", "--database-url", database, "--relation", RELATION).out
    )["relations"][0]
    assert {name: found[name] for name in ("rows", "orphans", "missing_keys", "null_keys", "timestamp")} == {
        "rows": 100, "orphans": 8, "missing_keys": 6, "null_keys": 2, "timestamp": "created_at",
    }  # fmt: skip
    assert found["samples"][0] == {"key": {"user_id": "101"}, "row": {"kind": "b", "id": "1"}, "rows": 2}
    assert found["foreign_keys"] == ["events_user_id_fkey, not valid: on delete set null"]


def test_values_give_no_orders_to_a_terminal_and_stay_on_their_line(database: str, sqlrail: Sqlrail) -> None:
    """Who writes a row chooses what whoever looks for orphans will see."""
    query(
        database,
        r"""CREATE TABLE users (id text PRIMARY KEY); INSERT INTO users VALUES ('a');
        CREATE TABLE orders (id int, user_id text);
        INSERT INTO orders VALUES (1, E'ä\x1b]0;title\x07\ndone: 0 rows'), (2, repeat('x', 1000))""",
    )
    told = sqlrail("cleanup", "--dry-run", "--database-url", database, "--relation", ORDERS).out.splitlines()
    assert told[2:4] == [
        f"  for example 1 row with user_id {'x' * 100}…",
        r"  for example 1 row with user_id ä\x1b]0;title\x07\ndone: 0 rows",
    ]


@pytest.mark.parametrize(
    ("columns", "chosen", "oldest"),
    [
        ("a date, created_at timestamptz", "created_at", "2024-02-02 00:00:00+00"),
        ('a timestamp, "createdAt" date', "createdAt", "2024-02-02"),
        ("a text, b timestamp, c date", "b", "2024-02-02 00:00:00"),
        ("created_at text, b date", "b", "2024-02-02"),
        ("created_at text, b time", None, None),
    ],
)
def test_the_time_is_told_by_the_column_that_says_when_a_row_was_made(
    db: Connection, database: str, columns: str, chosen: str | None, oldest: str | None
) -> None:
    db.execute(f"{SHOP} CREATE TABLE carts (user_id int, {columns})".encode())
    names = [column.split()[0] for column in columns.split(", ")]
    values = ", ".join("'12:00'" if "time" in c.split()[1:] else "'2024-02-02'" for c in columns.split(", "))
    db.execute(f"INSERT INTO carts (user_id, {', '.join(names)}) VALUES (9, {values})".encode())
    (one,) = clean(database, "carts.user_id -> users.id", dry_run=True).relations
    assert one.seen is not None
    assert (one.seen.timestamp, one.seen.oldest, one.seen.newest) == (chosen, oldest, oldest)
    assert one.seen.samples == [{"key": {"user_id": "9"}, "row": None, "rows": 1}]


@pytest.mark.parametrize("name", ["preview", "count_orphans", "find_orphans"])
def test_a_look_is_one_parallel_anti_join(db: Connection, database: str, name: str) -> None:
    db.execute(
        """CREATE TABLE users AS SELECT n AS id FROM generate_series(1, 30000) AS n;
        ALTER TABLE users ADD PRIMARY KEY (id);
        CREATE TABLE orders AS SELECT n AS id, n % 31000 AS user_id, repeat('x', 100) AS more
          FROM generate_series(1, 300000) AS n; ANALYZE users, orders"""
    )
    with Backend(settings(database), Heard()) as backend:
        facts = ask_facts(backend, Relation.parse(ORDERS))
        text = Composer(backend, Relation.parse(ORDERS), facts)(name)
        for path in ("ours", "writes"):
            text = text.replace(backend.message(path).rstrip(), b"")
        plan = "\n".join(row[0] for row in backend.ask(b"EXPLAIN " + text.lstrip()))
    assert plan.count("Anti Join") == 1, plan
    before, _, _ = plan.partition("Anti Join")
    assert "Workers Planned" in before, plan
    # The count of all rows comes on top, in parallel too.
    assert plan.count("Workers Planned") == (2 if name == "preview" else 1), plan
    assert plan.count("Seq Scan on orders") == (2 if name == "preview" else 1) + (name == "count_orphans")


def test_what_is_asked_of_the_catalog_is_not_compiled(any_database: str, connect: Connect) -> None:
    """Its estimates are far above jit_above_cost, and with keys locked compiling took seven seconds."""
    connection = connect(any_database)
    if connection.execute("SELECT pg_jit_available()").fetchall() == [(False,)]:
        pytest.skip("this server has no compiler")
    connection.execute(EVENTS.encode())
    with Backend(settings(any_database), Heard()) as backend:
        limits = b"BEGIN; SET LOCAL jit_above_cost = 0; SET LOCAL jit_optimize_above_cost = 0;"
        backend.ask(limits + backend.message("ours"))
        began = time.monotonic()
        ask_facts(backend, Relation.parse(RELATION))
        assert time.monotonic() - began < 1
        assert backend.ask(b"SHOW jit") == [("on",)]


def test_a_run_says_first_what_it_found(database: str, sqlrail: Sqlrail) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(SHOP.encode())
        connection.execute("ANALYZE orders")
        connection.execute("CREATE TABLE carts AS SELECT 1 AS id, 1 AS user_id")
    done = sqlrail(
        "cleanup", "--database-url", database, "--relation", ORDERS, "--relation", "carts.user_id -> users.id"
    )
    assert done.err == "orders.user_id -> users.id: 1 orphan of about 4 rows (25.00%)\n"
    assert done.out.splitlines()[:2] == [
        "orders.user_id -> users.id: 1 row deleted, 1 row archived (run 1)",
        "carts.user_id -> users.id: no orphans",
    ]


def test_what_the_look_refuses_takes_no_lock(db: Connection, database: str, connect: Connect) -> None:
    db.execute(SHOP + "TRUNCATE users")
    writer = connect(database, autocommit=False)
    writer.execute("LOCK TABLE orders, users IN ROW EXCLUSIVE MODE")
    with pytest.raises(Refused, match="the parent table is empty"):
        clean(database, lock_timeout=0.1)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_look_gives_way(db: Connection, database: str, connect: Connect, dry_run: bool) -> None:
    db.execute(SHOP)
    writer = connect(database, autocommit=False)
    writer.execute("LOCK TABLE orders")
    with pytest.raises(
        DatabaseFailed, match=r"the look at .* gave way: its tables were in use for longer than 0\.1 s"
    ):
        clean(database, lock_timeout=0.1, dry_run=dry_run)


@pytest.mark.parametrize(
    ("seen", "more", "told", "goes"),
    [
        (1, 1000, {}, True),
        (1, 1001, {}, False),
        (20_000, 2000, {}, True),
        (20_000, 2001, {}, False),
        (20_000, 2001, {"max_rows": 2001}, True),
        (4000, 2001, {"max_share": 0.5}, False),
        (4000, 2000, {"max_share": 0.5}, True),
    ],
)
def test_a_run_refuses_when_there_are_many_more_orphans_than_it_has_seen(
    db: Connection, database: str, connect: Connect, seen: int, more: int, told: dict[str, Any], goes: bool
) -> None:
    """Somebody deletes parents between the look and the deletion."""
    db.execute(
        f"""CREATE TABLE users AS SELECT n AS id FROM generate_series(0, 9999) AS n;
        ALTER TABLE users ADD PRIMARY KEY (id);
        CREATE TABLE orders AS SELECT n AS id, CASE WHEN n <= {seen} THEN -1 WHEN n <= {seen + more} THEN n - {seen}
          ELSE 0 END AS user_id FROM generate_series(1, 300000) AS n""".encode()
    )  # fmt: skip
    vandal = connect(database, autocommit=False)
    vandal.execute(f"DELETE FROM users WHERE id BETWEEN 1 AND {more}".encode())
    done: list[object] = []

    def run() -> None:
        try:
            done.append(clean(database, lock_timeout=20.0, **told).relations[0].deleted)
        except Refused as exc:
            done.append(str(exc))

    thread = threading.Thread(target=run)
    thread.start()
    wait_until_blocked(db)
    vandal.commit()
    thread.join()
    if goes:
        assert done == [seen + more]
    else:
        assert f"{seen + more} rows are orphans now, and there were {seen} of them at the survey" in str(
            done[0]
        )
        assert db.execute("SELECT count(*) FROM orders").fetchall() == [(300_000,)]
        assert archive(db) == []


def test_rows_below_deleted_ones_are_no_growth(db: Connection, database: str) -> None:
    db.execute(
        """CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);
        CREATE TABLE orders (id int PRIMARY KEY, user_id int, up int);
        INSERT INTO orders SELECT n, 1, NULL FROM generate_series(1, 90000) AS n;
        INSERT INTO orders VALUES (0, 2, NULL);
        INSERT INTO orders SELECT n, 1, 0 FROM generate_series(100001, 103000) AS n;
        CREATE TABLE lines AS SELECT n AS id, n AS order_id FROM generate_series(1, 90000) AS n;
        INSERT INTO lines SELECT n, 0 FROM generate_series(100001, 103000) AS n"""
    )
    done = clean(database, ORDERS, "orders.up -> orders.id", "lines.order_id -> orders.id")
    assert [one.deleted for one in done.relations] == [1, 3000, 3000]
    assert contents(db)['"public"."users"'].total() == 1
