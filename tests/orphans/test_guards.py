"""Guards: beside each the careless statement on a copy, and what is lost by it; then ours, and its refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import Connect, query
from copies import copy_of
from test_cleanup import CARELESS, KEEPER, ORDERS, SHOP, WIPER, apply, archive, clean, contents, ids

from sqlrail.errors import Refused

Connection = psycopg.Connection[Any]

#: what is made beside the shop, the relation, the careless statement, the orders that it leaves (10 and 11 have their
#: users, 12 has none to have, 13 is the orphan), what ours says
GUARDS = {
    "a key that is not unique": (
        # Logins are no users: whoever never logged in would lose every order.
        "CREATE TABLE logins AS SELECT 1 AS user_id; ALTER TABLE logins ALTER user_id SET NOT NULL",
        "orders.user_id -> logins.user_id",
        "DELETE FROM orders WHERE user_id NOT IN (SELECT user_id FROM logins)",
        [10, 12],
        "logins.user_id is not unique",
    ),
    "a key that is unique at commit only": (
        "ALTER TABLE users DROP CONSTRAINT users_pkey; ALTER TABLE users ADD UNIQUE (id) DEFERRABLE",
        ORDERS,
        CARELESS,
        [10, 11, 12],
        "users.id is not unique",
    ),
    "a key that is unique in part of the table": (
        "ALTER TABLE users DROP CONSTRAINT users_pkey; CREATE UNIQUE INDEX ON users (id) WHERE id < 5",
        ORDERS,
        CARELESS,
        [10, 11, 12],
        "users.id is not unique",
    ),
    "a null among the keys": (
        (
            "ALTER TABLE users DROP CONSTRAINT users_pkey; ALTER TABLE users ALTER id DROP NOT NULL;"
            "ALTER TABLE users ADD UNIQUE (id); INSERT INTO users VALUES (NULL, 'Nobody')"
        ),
        ORDERS,
        CARELESS,  # deletes nothing, and says so to nobody
        [10, 11, 12, 13],
        "users.id may be null",
    ),
    "an empty parent": (
        "TRUNCATE users",
        ORDERS,
        CARELESS,  # the nulls too
        [],
        "the parent table is empty",
    ),
    "types that do not compare": (
        "ALTER TABLE orders ALTER user_id TYPE text USING lpad(user_id::text, 3, '0')",
        ORDERS,
        "DELETE FROM orders WHERE user_id NOT IN (SELECT id::text FROM users)",
        [12],
        "types cannot be compared",
    ),
    "a rule for DELETE": (
        "CREATE RULE farewell AS ON DELETE TO orders DO ALSO DELETE FROM users WHERE id = 1",
        ORDERS,
        CARELESS + "; DELETE FROM orders WHERE user_id NOT IN (SELECT id FROM users)",
        [11, 12],
        "orders has the rule farewell for DELETE",
    ),
    "a view for a child": (
        "CREATE VIEW all_orders AS SELECT * FROM orders WHERE user_id < 1000",
        "all_orders.user_id -> users.id",
        "DELETE FROM all_orders WHERE user_id NOT IN (SELECT id FROM users)",
        [10, 11, 12],
        "is not a table",
    ),
    "a view for a parent": (
        # It shows some of the users only.
        "CREATE VIEW active AS SELECT * FROM users WHERE id = 1",
        "orders.user_id -> active.id",
        "DELETE FROM orders WHERE user_id NOT IN (SELECT id FROM active)",
        [10, 12],
        "is not a table",
    ),
    "a materialized view for a parent": (
        "CREATE MATERIALIZED VIEW active AS SELECT * FROM users WHERE id = 1; CREATE UNIQUE INDEX ON active (id)",
        "orders.user_id -> active.id",
        "DELETE FROM orders WHERE user_id NOT IN (SELECT id FROM active)",
        [10, 12],
        "is not a table",
    ),
    "a trigger for DELETE": (
        WIPER,
        ORDERS,
        CARELESS,
        [12],
        "the trigger wiper on public.orders would fire",
    ),
    "a trigger that keeps rows": (
        KEEPER,
        ORDERS,
        CARELESS,  # says DELETE 0, and the key still cannot be added
        [10, 11, 12, 13],
        "the trigger keeper on public.orders would fire",
    ),
    "keys that are switched off for the session": (
        (
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET session_replication_role = replica', "
            "current_database()); END $$"
        ),
        ORDERS,
        CARELESS,
        [10, 11, 12],
        "session_replication_role",
    ),
    "a relation that is the wrong way round": (
        "INSERT INTO orders SELECT n, 2, 1 FROM generate_series(1001, 3000) AS n",
        "orders.id -> users.id",
        "DELETE FROM orders WHERE id NOT IN (SELECT id FROM users)",
        [],
        "2004 of 2004 rows are orphans",
    ),
    "parents that somebody has lost": (
        (
            "INSERT INTO users SELECT n, 'Nth' FROM generate_series(1001, 3000) AS n;"
            "INSERT INTO orders SELECT n, n, 1 FROM generate_series(1001, 3000) AS n; DELETE FROM users WHERE id > 1000"
        ),
        ORDERS,
        CARELESS,
        [10, 11, 12],
        "2001 of 2004 rows are orphans, more than 1000 rows and 10% of the table",
    ),
    "a column that the parent lacks": (
        # "id" is the order's own then: no valid row is safe.
        "ALTER TABLE users RENAME id TO user_no",
        ORDERS,
        CARELESS,
        [12],
        "users has no column id",
    ),
    "parents in tables that inherit": (
        "CREATE TABLE users_of_old () INHERITS (users); INSERT INTO users_of_old VALUES (99, 'Edsger')",
        ORDERS,
        "DELETE FROM orders WHERE user_id NOT IN (SELECT id FROM ONLY users)",
        [10, 11, 12],
        "users has tables that inherit from it (public.users_of_old)",
    ),
    "PostgreSQL's own tables": (
        "",
        "pg_catalog.pg_description.objoid -> pg_catalog.pg_class.oid",
        "DELETE FROM pg_description WHERE objoid NOT IN (SELECT oid FROM pg_class)",
        [10, 11, 12, 13],  # and \\df+ has lost its comments
        "pg_class is a table of PostgreSQL's own",
    ),
    "a cascade in a circle": (
        "ALTER TABLE orders ADD up int REFERENCES orders ON DELETE CASCADE; UPDATE orders SET up = 13 WHERE id = 10",
        ORDERS,
        CARELESS,  # takes Ada's order along
        [11, 12],
        "cascade in a circle",
    ),
}


def careless(url: str, statement: str) -> list[int]:
    """The orders that a statement leaves on a copy of the database."""
    with copy_of(url) as copy, psycopg.connect(copy, autocommit=True) as connection:
        connection.execute(statement.encode())
        return ids(connection)


def look(url: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        return contents(connection), archive(connection)


@pytest.mark.parametrize("case", GUARDS)
def test_a_guard_prevents_a_loss(case: str, database: str, tmp_path: Path) -> None:
    setup, relation, statement, left, message = GUARDS[case]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute((SHOP + setup).encode())
    assert careless(database, statement) == left
    before = look(database)
    (seen,) = clean(database, relation, dry_run=True).relations
    assert seen.refusals or seen.skipped
    with pytest.raises(Refused, match=r"Nothing was changed\.$") as refused:
        clean(database, relation)
    assert message in str(refused.value).replace('"', "")
    assert refused.value.exit_code == 3
    assert look(database) == before
    if not seen.skipped:
        with pytest.raises(Refused) as refused:
            apply(database, tmp_path, _001=f"-- cleanup: {relation}\nCREATE TABLE made ();")
        assert message.replace(" 10%", " 10 %") in str(refused.value).replace('"', "")
        assert look(database) == before


# Where a guard does not refuse, but does it right


RIGHT = {
    "a null among the orders": (
        # NOT IN an empty set is true for a null as well; here an order of nobody is not an orphan.
        "DELETE FROM users; INSERT INTO users VALUES (7)",
        "DELETE FROM orders WHERE coalesce(user_id, 0) NOT IN (SELECT id FROM users)",
        [],
        [12],
    ),
    "a table of the same name in front": (
        "CREATE SCHEMA front; CREATE TABLE front.users (id int PRIMARY KEY); INSERT INTO front.users VALUES (2), (99)",
        "SET search_path = front, public; DELETE FROM orders WHERE user_id NOT IN (SELECT id FROM users)",
        [11, 12, 13],
        [10, 11, 12],
    ),
    "rows that inherit": (
        "CREATE TABLE archived_orders () INHERITS (orders); INSERT INTO archived_orders VALUES (14, 98, 1)",
        CARELESS,
        [10, 11, 12],
        [10, 11, 12, 14],
    ),
}


@pytest.mark.parametrize("case", RIGHT)
def test_a_trap_is_walked_round(case: str, database: str) -> None:
    setup, statement, careless_leaves, ours_leaves = RIGHT[case]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute((SHOP + setup).encode())
        if case.startswith("a null"):
            connection.execute("UPDATE orders SET user_id = 6 WHERE user_id IS NOT NULL")
    assert careless(database, statement) == careless_leaves
    clean(database, "public.orders.user_id -> public.users.id")
    with psycopg.connect(database) as connection:
        assert ids(connection) == ours_leaves
        assert len(archive(connection)) == 4 - len(set(ours_leaves) & {10, 11, 12, 13})


@pytest.mark.parametrize("share", [1e-300, 1e-6, 0.003, 0.07, 0.1, 0.29, 0.3, 0.57, 1.0])
def test_the_share_is_told_exactly_though_no_more_rows_are_counted_than_needed(
    database: str, share: float
) -> None:
    query(
        database,
        """CREATE TABLE users AS SELECT 0 AS id; ALTER TABLE users ADD PRIMARY KEY (id);
        CREATE TABLE orders AS SELECT n AS id, CASE WHEN n <= 300 THEN n ELSE 0 END AS user_id
          FROM generate_series(1, 1000) AS n""",
    )
    refused = clean(database, dry_run=True, max_rows=10, max_share=share).relations[0].refusals
    assert bool(refused) == (share * 1000 < 300)
    if refused:
        assert "300 of 1000 rows are orphans" in refused[0]
        with pytest.raises(Refused, match="300 of 1000 rows are orphans"):
            clean(database, max_rows=10, max_share=share)
    else:
        assert clean(database, max_rows=10, max_share=share).relations[0].deleted == 300


def test_rows_that_a_cascade_takes_along_are_lost_to_the_careless_and_archived_by_us(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            (
                SHOP + "CREATE TABLE lines (id int, order_id int REFERENCES orders ON DELETE CASCADE);"
                "INSERT INTO lines VALUES (1, 10), (2, 13)"
            ).encode()
        )
    with copy_of(database) as copy:
        query(copy, CARELESS)
        assert query(copy, "SELECT id FROM lines") == [(1,)]  # and nobody has the other
    clean(database)
    with psycopg.connect(database) as connection:
        assert [(source, cells["id"]) for source, _, cells in archive(connection)] == [
            ("public.lines", "2"),
            ("public.orders", "13"),
        ]


@pytest.mark.promise
def test_keys_that_do_not_fit_work_mem_make_the_careless_quadratic_and_not_us(
    database: str, connect: Connect
) -> None:
    db = connect(database)
    name = database.partition("?")[0].rpartition("/")[2]
    db.execute(
        f"""CREATE TABLE users AS SELECT gen_random_uuid() AS id FROM generate_series(1, 40000);
        ALTER TABLE users ADD PRIMARY KEY (id);
        CREATE TABLE orders AS SELECT row_number() OVER () AS id, id AS user_id FROM users;
        INSERT INTO orders VALUES (0, gen_random_uuid()); ANALYZE users, orders;
        ALTER DATABASE {name} SET work_mem = '64kB'; ALTER DATABASE {name} SET hash_mem_multiplier = 1""".encode()
    )
    with copy_of(database) as copy, psycopg.connect(copy) as connection:
        connection.execute("SET work_mem = '64kB'; SET hash_mem_multiplier = 1; SET statement_timeout = '3s'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute(CARELESS.encode())
    assert clean(database, statement_timeout=3.0).relations[0].deleted == 1
    assert query(database, "SELECT count(*), min(id) FROM orders") == [(40000, 1)]
