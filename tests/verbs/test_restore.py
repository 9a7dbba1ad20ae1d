"""The restore: rows go back to the letter, or stay in the archive with a reason; never neither, never both."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import test_cleanup
from conftest import Connect, majors
from psycopg import sql
from test_cleanup import HOSTILE, ODD, ORDERS, SHOP, TYPES, as_role, clean, contents, ids, settings

from sqlrail.errors import DatabaseFailed, Refused
from sqlrail.ground.events import nobody
from sqlrail.ground.kinds import parse
from sqlrail.ground.relation import Relation
from sqlrail.orphans.restoring.report import Report
from sqlrail.orphans.restoring.restored import Restore
from sqlrail.orphans.restoring.work import Work
from sqlrail.verbs import cleanup as cleanup_room
from sqlrail.verbs import online as online_room
from sqlrail.verbs import restore as room

Connection = psycopg.Connection[Any]
db, shop, role, command = test_cleanup.db, test_cleanup.shop, test_cleanup.role, test_cleanup.command

BACK = "INSERT INTO users VALUES (99, 'Edsger')"


def restore(
    url: str, run: int = 1, relation: str | None = None, *, force: bool = False, **more: Any
) -> Restore:
    named = parse(relation) if relation else None
    return room.restore(settings(url, **more), nobody, run, named, force=force)


def archived(connection: Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM sqlrail.archive").fetchall()[0][0])


def counts(result: Restore) -> tuple[int, int]:
    return sum(one.restored for one in result.relations), sum(one.left for one in result.relations)


def reasons(result: Restore) -> dict[str, int]:
    return {left.reason: left.rows for one in result.relations for left in one.reasons}


def refusal(connection: Connection, url: str, *args: Any, **more: Any) -> str:
    """What a refused restore says, when it has changed nothing."""
    before = contents(connection), archived(connection)
    with pytest.raises(Refused, match=r"Nothing was changed\.( docs/privileges\.md .*)?$") as caught:
        restore(url, *args, **more)
    assert (contents(connection), archived(connection)) == before
    return str(caught.value)


def exact(connection: Connection, table: str = "orders") -> tuple[list[tuple[str]], bytes]:
    """All rows as text, and as the bytes that the server sends: no type's own idea of equality."""
    texts = connection.execute(f"SELECT t::text FROM {table} AS t ORDER BY id".encode()).fetchall()
    with connection.cursor().copy(
        f"COPY (SELECT * FROM {table} ORDER BY id) TO STDOUT (FORMAT binary)".encode()
    ) as copy:
        return texts, b"".join(copy)


# The plain case


def test_rows_whose_parent_is_there_again_go_back_and_leave_the_archive(
    any_database: str, connect: Connect
) -> None:
    connection = connect(any_database)
    connection.execute(SHOP + "INSERT INTO orders VALUES (14, 98, 9)")
    before = exact(connection)
    clean(any_database)
    connection.execute(BACK)
    first = restore(any_database)
    assert (first.run, first.of, counts(first), archived(connection)) == (2, 1, (1, 1), 1)
    (left,) = first.relations[0].reasons
    assert left.reason.startswith("no row of public.users has the id that user_id names")
    assert left.samples == ({"id": "14", "user_id": "98"},)
    connection.execute("INSERT INTO users VALUES (98, 'Barbara')")
    second = restore(any_database)
    assert (second.run, counts(second), archived(connection)) == (3, (1, 0), 0)
    assert exact(connection) == before


def test_a_restore_is_a_run_that_says_of_which_and_what(shop: Connection, database: str) -> None:
    clean(database)
    shop.execute(BACK)
    restore(database)
    ((verb, actor, relations),) = shop.execute(
        "SELECT verb, actor, relations FROM sqlrail.run WHERE id = 2"
    ).fetchall()
    assert (verb, actor) == ("restore", "tester")
    assert relations == [{"of": 1, "relation": ORDERS, "restored": 1, "left": 0}]


def test_a_restore_that_puts_nothing_back_is_no_run(shop: Connection, database: str) -> None:
    clean(database)
    before = contents(shop)
    result = restore(database)
    assert (result.run, counts(result), archived(shop)) == (None, (0, 1), 1)
    assert contents(shop) == before
    assert shop.execute("SELECT count(*) FROM sqlrail.run").fetchall() == [(1,)]


def test_one_relation_of_a_run_can_be_restored_alone(shop: Connection, database: str) -> None:
    shop.execute("CREATE TABLE carts AS SELECT 1 AS id, 99 AS user_id")
    clean(database, ORDERS, "carts.user_id -> users.id")
    shop.execute(BACK)
    assert counts(restore(database, relation=" carts.user_id->users.id ")) == (1, 0)
    assert (ids(shop, "carts"), ids(shop)) == ([1], [10, 11, 12])
    again = restore(database, relation="carts.user_id -> users.id")
    assert again.notes == (
        "the archive holds no row of carts.user_id -> users.id from run 1 any more (restore 2)",
    )
    said = refusal(shop, database, relation="cart.user_id -> users.id")
    assert said.startswith(
        "the archive holds no row of cart.user_id -> users.id from run 1, but of " + ORDERS
    )


@pytest.mark.parametrize(
    ("run", "says"),
    [(7, "there is no run 7: `archive list` shows the runs"), (-1, "there is no run -1"),
     (2, "run 2 is itself a restore of run 1, and has nothing in the archive. What is left of run 1")],
)  # fmt: skip
def test_a_run_that_has_no_rows_to_restore_is_refused(
    shop: Connection, database: str, run: int, says: str
) -> None:
    shop.execute("INSERT INTO orders VALUES (14, 98, 9)")
    clean(database)
    shop.execute(BACK)
    restore(database)
    assert refusal(shop, database, run).startswith(says)


def test_a_database_without_an_archive_has_no_run(database: str) -> None:
    with pytest.raises(Refused, match=r"there is no run 1: test_.* has no archive\."):
        restore(database)


def test_a_run_of_which_nothing_is_left_says_where_it_went(shop: Connection, database: str) -> None:
    clean(database)
    shop.execute(BACK)
    restore(database)
    result = restore(database)
    assert (result.run, result.relations) == (None, ())
    assert result.notes == ("the archive holds no row of run 1 any more (restore 2)",)


# Exactly


def types_of(connection: Connection) -> dict[str, list[str]]:
    configured = connection.execute("SELECT setting FROM pg_config WHERE name = 'CONFIGURE'").fetchall()
    types = {name: values for name, values in TYPES.items() if name != "xml"}
    return {**types, "xml": [*TYPES["xml"], "no document, <b/>"]} if "libxml" in str(configured) else types


def fill_with_every_type(connection: Connection) -> None:
    connection.execute(
        """CREATE TYPE mood AS ENUM ('very sad', 'ok'); CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
        CREATE TYPE pair AS (a int, b text, c timestamptz); CREATE TABLE users (id int PRIMARY KEY, name text);
        INSERT INTO users VALUES (1)"""
    )
    types = types_of(connection)
    columns = ", ".join(f"c{n} {name}" for n, name in enumerate(types))
    connection.execute(f"CREATE TABLE orders (id int, user_id int, {columns})".encode())
    for row in range(max(map(len, types.values())) + 1):
        values = [values[row] if row < len(values) else None for values in types.values()]
        marks = ", ".join("%s" for _ in values)
        connection.execute(f"INSERT INTO orders VALUES ({row}, 99, {marks})".encode(), values)


def set_oddly(connection: Connection) -> None:
    (name,) = connection.execute("SELECT current_database()").fetchall()[0]
    connection.execute(
        sql.SQL(
            f"{ODD}; ALTER DATABASE {{0}} SET xmloption = document; ALTER DATABASE {{0}} SET array_nulls = off"
        ).format(sql.Identifier(name))
    )


def set_plainly(connection: Connection) -> None:
    (name,) = connection.execute("SELECT current_database()").fetchall()[0]
    connection.execute(sql.SQL("ALTER DATABASE {} RESET ALL").format(sql.Identifier(name)))


@pytest.mark.parametrize("odd", ["", "cleaning", "restoring", "cleaning and restoring"])
def test_every_type_comes_back_to_the_letter(any_database: str, connect: Connect, odd: str) -> None:
    connection = connect(any_database)
    fill_with_every_type(connection)
    before = exact(connection)
    if "cleaning" in odd:
        set_oddly(connection)
    clean(any_database)
    assert ids(connection) == []
    (set_oddly if "restoring" in odd else set_plainly)(connection)
    connection.execute(BACK)
    result = restore(any_database)
    assert (reasons(result), counts(result)) == ({}, (len(before[0]), 0))
    assert exact(connection) == before


def test_a_cast_to_text_does_not_change_what_is_archived(any_database: str, connect: Connect) -> None:
    """Those of users, and the built-in one that cuts off blanks."""
    connection = connect(any_database)
    connection.execute(
        """CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN state AS mood; CREATE TYPE pair AS (a int, b text);
        CREATE FUNCTION say(mood) RETURNS text LANGUAGE sql AS $$ SELECT 'a mood' $$;
        CREATE FUNCTION say(pair) RETURNS text LANGUAGE sql AS $$ SELECT 'a pair' $$;
        CREATE CAST (mood AS text) WITH FUNCTION say(mood); CREATE CAST (pair AS text) WITH FUNCTION say(pair);
        CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1);
        CREATE TABLE orders (id int, user_id int, a mood, b state, c pair, d bpchar, e char(3), f mood[]);
        INSERT INTO orders VALUES (1, 99, 'sad', 'happy', '(1,)', 'x  ', 'x', '{sad,NULL}'),
            (2, 99, NULL, NULL, NULL, NULL, NULL, NULL), (3, 99, NULL, NULL, '(,)', NULL, NULL, NULL)"""
    )
    before = exact(connection)
    clean(any_database)
    connection.execute(BACK)
    assert reasons(restore(any_database)) == {}
    assert exact(connection) == before


def test_columns_that_make_themselves_come_back(any_database: str, connect: Connect) -> None:
    connection = connect(any_database)
    connection.execute(
        """CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1);
        CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY, data jsonb NOT NULL, dropped int,
            "Größe" int DEFAULT 5, sqlrail_id text, "100%s" text, "a""b'c" text, "{x}" text,
            user_id int GENERATED ALWAYS AS ((data->>'user')::int) STORED);
        ALTER TABLE orders DROP dropped;
        INSERT INTO orders (data, sqlrail_id, "100%s", "a""b'c", "{x}")
        VALUES ('{"user": 1}'), ('{"user": 99}', 'a', 'b', '%s', '$lock$'), ('{}'), ('{"user": 98}')""".replace(
            "('{\"user\": 1}')", "('{\"user\": 1}', '', '', '', '')"
        )
        .replace("('{}')", "('{}', '', '', '', '')")
        .replace("('{\"user\": 98}')", "('{\"user\": 98}', '', '', '', '')")
        .encode()
    )
    before = exact(connection)
    clean(any_database)
    assert ids(connection) == [1, 3]
    connection.execute(BACK)
    # The relation's column is not in the archive: it is made from another.
    assert counts(restore(any_database)) == (1, 1)
    assert ids(connection) == [1, 2, 3]
    connection.execute("INSERT INTO users VALUES (98)")
    assert counts(restore(any_database)) == (1, 0)
    assert exact(connection) == before


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_names(db: Connection, database: str, name: str) -> None:
    parts = {"t": sql.Identifier(name), "c": sql.Identifier(name[:50] + "_child")}
    db.execute(
        sql.SQL(
            """CREATE SCHEMA {t}; CREATE TABLE {t}.{t} ({t} int PRIMARY KEY); INSERT INTO {t}.{t} VALUES (1), (2);
            CREATE TABLE {t}.{c} ({t} int PRIMARY KEY, {c} int REFERENCES {t}.{t}, n int REFERENCES {t}.{t});
            INSERT INTO {t}.{c} VALUES (1, 1, 1), (2, 2, 2); ALTER TABLE {t}.{c} DISABLE TRIGGER ALL;
            ALTER TABLE {t}.{t} DISABLE TRIGGER ALL; DELETE FROM {t}.{t} WHERE {t} = 2;
            ALTER TABLE {t}.{t} ENABLE TRIGGER ALL; ALTER TABLE {t}.{c} ENABLE TRIGGER ALL"""
        ).format(**parts)
    )
    before = contents(db)
    relation = Relation((name, name[:50] + "_child"), (name[:50] + "_child",), (name, name), (name,))
    assert clean(database, str(relation)).run == 1
    assert counts(restore(database, relation=str(relation))) == (0, 1)
    db.execute(sql.SQL("INSERT INTO {t}.{t} VALUES (2)").format(**parts))
    assert counts(restore(database, relation=str(relation))) == (1, 0)
    db.execute(
        sql.SQL("ALTER TABLE {t}.{t} DISABLE TRIGGER ALL; DELETE FROM {t}.{t} WHERE {t} = 2").format(**parts)
    )
    assert contents(db) == before


def test_a_sequence_that_would_give_a_restored_number_out_again_is_named(
    db: Connection, database: str
) -> None:
    db.execute(
        """CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1);
        CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, no serial, user_id int);
        INSERT INTO orders (user_id) VALUES (1), (1), (99)"""
    )
    clean(database)
    db.execute("ALTER TABLE orders ALTER id RESTART WITH 3; " + BACK)
    result = restore(database)
    (note,) = result.notes
    assert note == (
        "public.orders.id goes up to 3 again, and its sequence public.orders_id_seq stands at 3: "
        "SELECT setval('public.orders_id_seq', 3)"
    )
    db.execute(note.partition(": ")[2].encode())
    db.execute("INSERT INTO orders (user_id) VALUES (1)")
    assert ids(db) == [1, 2, 3, 4]


# Cascades, and tables that refer to themselves

TREE = """
    CREATE TABLE users (id int PRIMARY KEY, name text);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int);
    CREATE TABLE lines (id int PRIMARY KEY, order_id int NOT NULL REFERENCES orders ON DELETE CASCADE);
    CREATE TABLE parcels (id int PRIMARY KEY, line_id int REFERENCES lines ON DELETE CASCADE, weight numeric(9,3));
    CREATE TABLE notes (id int PRIMARY KEY, line_id int REFERENCES lines ON DELETE SET NULL, text text);
    CREATE TABLE visits (id int PRIMARY KEY, order_id int DEFAULT 1 REFERENCES orders ON DELETE SET DEFAULT, page text);
    INSERT INTO users VALUES (1, 'Ada');
    INSERT INTO orders VALUES (1, 1), (2, 99), (3, 98), (4, NULL);
    INSERT INTO lines SELECT 10 * o + n, o FROM generate_series(1, 4) AS o, generate_series(1, 2) AS n;
    INSERT INTO parcels SELECT id * 10 + n, id, id / 7.0 FROM lines, generate_series(1, 2) AS n;
    INSERT INTO notes SELECT id, id, 'about ' || id FROM lines;
    INSERT INTO visits SELECT id, id, 'page ' || id FROM orders;
"""


def test_what_a_cascade_took_comes_back_after_its_parents(any_database: str, connect: Connect) -> None:
    connection = connect(any_database)
    connection.execute(TREE)
    before = contents(connection)
    clean(any_database)
    assert archived(connection) == 2 + 4 + 8 + 4 + 2
    connection.execute(BACK)
    result = restore(any_database)
    assert counts(result) == (1 + 2 + 4 + 2 + 1, 10)
    assert ids(connection, "parcels") == [id_ for id_ in range(111, 423) if id_ % 100 // 10 in (1, 2)
                                          and id_ % 10 in (1, 2) and id_ // 100 != 3]  # fmt: skip
    connection.execute("INSERT INTO users VALUES (98)")
    assert counts(restore(any_database)) == (10, 0)
    connection.execute("DELETE FROM users WHERE id > 1")
    assert contents(connection) == before


@pytest.mark.parametrize(
    ("meanwhile", "says", "left"),
    [("DELETE FROM notes WHERE id = 21", "its row of public.notes is gone", 1),
     ("UPDATE notes SET line_id = 11 WHERE id = 21", "its row of public.notes has been changed since", 1),
     ("UPDATE visits SET order_id = 4 WHERE id = 2", "its row of public.visits has been changed since", 1),
     ("UPDATE notes SET text = 'new' WHERE id = 21", None, 0)],
    ids=["deleted", "changed", "not the default any more", "another column changed"],
)  # fmt: skip
def test_a_row_that_a_cascade_emptied_is_filled_only_if_it_still_is_as_it_was_left(
    db: Connection, database: str, meanwhile: str, says: str | None, left: int
) -> None:
    db.execute(TREE + "DELETE FROM orders WHERE id = 3")
    clean(database)
    db.execute(meanwhile.encode())
    db.execute(BACK)
    before = contents(db)
    result = restore(database)
    assert counts(result) == (10 - left, left)
    assert reasons(result) == ({says: 1} if says else {})
    if left:
        table = says.split(".")[1].split()[0] if says else ""
        kept = db.execute(
            f"SELECT to_jsonb(t)::text FROM {table} AS t WHERE id IN (2, 21)".encode()
        ).fetchall()
        assert {row for (row,) in kept} <= set(before[f'"public"."{table}"'])
    else:
        assert db.execute("SELECT line_id, text FROM notes WHERE id = 21").fetchall() == [(21, "new")]


def test_a_row_that_was_emptied_twice_gets_both_values_back(db: Connection, database: str) -> None:
    db.execute(
        """CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1);
        CREATE TABLE orders (id int PRIMARY KEY, user_id int); INSERT INTO orders VALUES (1, 99);
        CREATE TABLE carts (id int PRIMARY KEY, user_id int); INSERT INTO carts VALUES (1, 99);
        CREATE TABLE notes (id int PRIMARY KEY, a int REFERENCES orders ON DELETE SET NULL,
            b int REFERENCES carts ON DELETE SET NULL, c int REFERENCES orders ON DELETE SET NULL);
        INSERT INTO notes VALUES (1, 1, 1, 1), (2, 1, NULL, NULL), (3, NULL, NULL, NULL)"""
    )
    before = contents(db)
    clean(database, ORDERS, "carts.user_id -> users.id")
    assert db.execute("SELECT DISTINCT a, b, c FROM notes").fetchall() == [(None, None, None)]
    db.execute(BACK)
    assert counts(restore(database)) == (5, 0)
    db.execute("DELETE FROM users WHERE id = 99")
    assert contents(db) == before


@pytest.mark.parametrize(
    ("relations", "orders", "rows"),
    [([ORDERS, "orders.shop_id -> users.id"], "(20, 99, 1), (21, 1, 99)", 4),
     (["orders.shop_id -> orders.id"], "(20, 1, 99), (21, 1, 20)", 3)],
    ids=["by two relations", "in one tree"],
)  # fmt: skip
def test_what_one_deletion_after_the_other_emptied_of_a_row_is_filled_from_the_last_to_the_first(
    db: Connection, database: str, relations: list[str], orders: str, rows: int
) -> None:
    db.execute(
        f"""CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1);
        CREATE TABLE orders (id int PRIMARY KEY, user_id int, shop_id int); INSERT INTO orders VALUES (1), {orders};
        CREATE TABLE notes (id int PRIMARY KEY, a int REFERENCES orders ON DELETE SET NULL,
            b int REFERENCES orders ON DELETE SET NULL); INSERT INTO notes VALUES (1, 20, 21)""".replace(
            "VALUES (1), (2", "VALUES (1, NULL, NULL), (2"
        ).encode()
    )
    before = contents(db)
    clean(database, *relations)
    assert archived(db) == rows
    db.execute(f"{BACK}; INSERT INTO orders VALUES (99)".encode())
    assert counts(restore(database)) == (rows, 0)
    db.execute("DELETE FROM users WHERE id = 99; DELETE FROM orders WHERE id = 99")
    assert contents(db) == before


def test_what_somebody_else_has_emptied_since_stays_empty(db: Connection, database: str) -> None:
    db.execute(
        """CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1);
        CREATE TABLE orders (id int PRIMARY KEY, user_id int); INSERT INTO orders VALUES (1, 99);
        CREATE TABLE people (id int PRIMARY KEY); INSERT INTO people VALUES (1);
        CREATE TABLE notes (id int PRIMARY KEY, o int REFERENCES orders ON DELETE SET NULL,
            p int REFERENCES people ON DELETE SET NULL); INSERT INTO notes VALUES (1, 1, 1)"""
    )
    clean(database)
    db.execute(BACK + "; DELETE FROM people")
    assert counts(restore(database)) == (2, 0)
    assert db.execute("SELECT o, p FROM notes").fetchall() == [(1, None)]


# Keys of several actions on one row

ALICE = """
    CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int, code int UNIQUE, UNIQUE (id, code));
    INSERT INTO orders VALUES (1, 1, 1), (2, 99, 2);
    CREATE TABLE notes (id int PRIMARY KEY, a int, b int DEFAULT 1, c int);
"""
NULL = "FOREIGN KEY ({}) REFERENCES orders ({}) ON DELETE SET NULL"
DEFAULT = "FOREIGN KEY ({}) REFERENCES orders ({}) ON DELETE SET DEFAULT"
CASCADE = "FOREIGN KEY ({}) REFERENCES orders ({}) ON DELETE CASCADE"
SEVERAL_KEYS = {
    "null and default": (NULL.format("a", "id"), DEFAULT.format("b", "id")),
    "default and null": (DEFAULT.format("b", "id"), NULL.format("a", "id")),
    "null and default of one column": (NULL.format("b", "id"), DEFAULT.format("b", "code")),
    "default and null of one column": (DEFAULT.format("b", "code"), NULL.format("b", "id")),
    "null, then cascade, of one column": (NULL.format("a", "id"), CASCADE.format("a", "code")),
    "cascade, then null, of one column": (CASCADE.format("a", "code"), NULL.format("a", "id")),
    "null of one column of two, then cascade": (NULL.format("a, b", "id, code") + " (a)", CASCADE.format("a", "id")),
    "null and cascade of two columns": (NULL.format("a", "id"), CASCADE.format("c", "id")),
}  # fmt: skip


@pytest.mark.parametrize("case", SEVERAL_KEYS)
def test_a_row_that_keys_of_several_actions_touch_comes_back_whole(
    case: str, any_database: str, connect: Connect
) -> None:
    connection = connect(any_database)
    connection.execute(ALICE.encode())
    for key in SEVERAL_KEYS[case]:
        connection.execute(f"ALTER TABLE notes ADD {key}".encode())
    connection.execute(
        "INSERT INTO notes VALUES (1, 2, 2, 2), (2, 1, 1, 2), (3, 2, 2, 1), (4, 1, 1, 1), (5, NULL, NULL, NULL)"
    )
    if "of one column of two" not in case:
        connection.execute("INSERT INTO notes VALUES (6, 1, 2, 1), (7, 2, 1, 1)")
    before = contents(connection)
    clean(any_database)
    assert contents(connection) != before
    connection.execute(BACK)
    result = restore(any_database)
    assert (reasons(result), archived(connection)) == ({}, 0)
    connection.execute("DELETE FROM users WHERE id = 99")
    assert contents(connection) == before


def test_a_row_that_was_emptied_by_one_action_and_then_by_another_keeps_each_change(
    db: Connection, database: str
) -> None:
    """Archived twice: each time as the change before had left it."""
    db.execute(
        """CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1);
        CREATE TABLE orders (id int PRIMARY KEY, user_id int, up int);
        INSERT INTO orders VALUES (1, 1, NULL), (20, 99, NULL), (21, 1, 20), (22, 1, 21);
        CREATE TABLE notes (id int PRIMARY KEY, a int DEFAULT 1 REFERENCES orders ON DELETE SET DEFAULT,
            b int REFERENCES orders ON DELETE SET NULL, c int DEFAULT 1 REFERENCES orders ON DELETE SET DEFAULT);
        INSERT INTO notes VALUES (1, 20, 21, 22), (2, 22, 20, 21), (3, 21, 22, 20), (4, 21, 21, 20)"""
    )
    before = contents(db)
    clean(database, ORDERS, "orders.up -> orders.id")
    assert archived(db) == 3 + 4 + 4
    assert db.execute("SELECT DISTINCT a, b, c FROM notes").fetchall() == [(1, None, 1)]
    db.execute(BACK)
    assert (reasons(restore(database)), archived(db)) == ({}, 0)
    db.execute("DELETE FROM users WHERE id = 99")
    assert contents(db) == before


def test_rows_without_a_primary_key_that_were_deleted_or_emptied_are_not_doubled(
    db: Connection, database: str
) -> None:
    db.execute((ALICE + "ALTER TABLE notes DROP CONSTRAINT notes_pkey").encode())
    for key in (NULL.format("a", "id"), CASCADE.format("a", "code")):
        db.execute(f"ALTER TABLE notes ADD {key}".encode())
    db.execute("INSERT INTO notes VALUES (1, 2), (2, 1)")
    clean(database)
    db.execute(BACK)
    result = restore(database)
    assert (counts(result), archived(db)) == ((1, 1), 1)
    (why,) = reasons(result)
    assert why.startswith(
        "one key of public.notes deletes rows and another empties them, and public.notes has no"
    )
    assert db.execute("SELECT id, a FROM notes ORDER BY id").fetchall() == [(1, None), (2, 1)]


def test_a_relation_that_sets_its_own_orphans_to_null_gets_their_values_back(
    db: Connection, database: str
) -> None:
    db.execute(SHOP)
    before = contents(db)
    clean(database)
    db.execute(
        "INSERT INTO orders SELECT (cells->>'id')::int, NULL, (cells->>'total')::numeric FROM sqlrail.archive;"
        "UPDATE sqlrail.archive SET action = 'set null'"
    )
    assert counts(restore(database)) == (0, 1)
    db.execute(BACK)
    assert (reasons(restore(database)), archived(db)) == ({}, 0)
    db.execute("DELETE FROM users WHERE id = 99")
    assert contents(db) == before


# A row that has lost two parents

TWO = """CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int, seller_id int);
    INSERT INTO orders VALUES (10, 1, 1), (11, 99, 98), (12, 99, 1), (13, 1, 98)"""
SELLER = "orders.seller_id -> users.id"


@pytest.mark.parametrize("how", ["named", "declared", "a key"])
def test_a_row_that_lost_two_parents_goes_back_when_both_are_there(
    db: Connection, database: str, how: str, tmp_path: Path
) -> None:
    db.execute(TWO.encode())
    if how == "a key":
        db.execute("ALTER TABLE orders ADD FOREIGN KEY (seller_id) REFERENCES users NOT VALID")
    if how == "declared":
        (tmp_path / "001_clean.sql").write_text(f"-- cleanup: {SELLER}\nSELECT 1;\n")
    before = exact(db)
    clean(database, ORDERS, *([SELLER] if how == "named" else []))
    db.execute(BACK)
    result = restore(database, migrations=tmp_path)
    assert 11 not in ids(db)
    assert any("has the id that seller_id names" in why for why in reasons(result))
    db.execute("INSERT INTO users VALUES (98)")
    assert reasons(restore(database, migrations=tmp_path)) == {}
    assert exact(db) == before


def test_force_asks_for_no_second_parent_and_a_folder_that_cannot_be_read_is_said(
    db: Connection, database: str, tmp_path: Path
) -> None:
    db.execute(TWO)
    clean(database)
    db.execute(BACK)
    (tmp_path / "001_clean.sql").write_text(f"-- cleanup: {SELLER}\nSELECT 1;\n")
    assert counts(restore(database, migrations=tmp_path)) == (1, 1)
    (tmp_path / "001_clean.py").write_text("")
    result = restore(database, migrations=tmp_path)
    assert counts(result) == (1, 0)
    assert result.notes[0].startswith(
        "whether rows have lost a second parent, which a migration names, was not looked"
    )


@pytest.mark.parametrize("online", [False, True])
def test_a_parent_of_another_schema_is_not_taken_for_the_relations_own(
    db: Connection, database: str, online: bool
) -> None:
    """Each customer has a schema, and the search_path leads to the next one's."""
    db.execute(
        """CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.users (id int PRIMARY KEY);
        CREATE TABLE b.users (id int PRIMARY KEY); CREATE TABLE a.orders (id int, user_id int);
        INSERT INTO a.users VALUES (1); INSERT INTO b.users VALUES (1), (99); INSERT INTO a.orders VALUES (13, 99)"""
    )
    cleanup = online_room.cleanup if online else cleanup_room.cleanup
    cleanup(settings(f"{database}&options=-csearch_path%3Da"), nobody, [Relation.parse(ORDERS)])
    there = f"{database}&options=-csearch_path%3Db"
    assert counts(restore(there)) == (0, 1)
    db.execute("INSERT INTO a.users VALUES (99)")
    assert counts(restore(there)) == (1, 0)


def test_a_table_that_refers_to_itself_comes_back_whole_and_down_to_what_is_missing(
    db: Connection, database: str
) -> None:
    db.execute(
        """CREATE TABLE nodes (id int PRIMARY KEY, up int);
        INSERT INTO nodes VALUES (0, NULL); INSERT INTO nodes SELECT n, n - 1 FROM generate_series(1, 40) AS n;
        INSERT INTO nodes VALUES (100, 99), (101, 100), (102, 101)"""
    )
    before = contents(db)
    db.execute("DELETE FROM nodes WHERE id = 1")
    clean(database, "nodes.up -> nodes.id")
    assert ids(db, "nodes") == [0]
    # 100 named nobody, ever; 1 is not in the archive.
    result = restore(database)
    assert (counts(result), archived(db)) == ((0, 42), 42)
    db.execute("INSERT INTO nodes VALUES (1, 0), (99, NULL)")
    assert counts(restore(database)) == (42, 0)
    db.execute("DELETE FROM nodes WHERE id = 99")
    assert contents(db) == before


def test_rows_that_name_each_other_come_back_together(db: Connection, database: str) -> None:
    db.execute(
        SHOP
        + """ALTER TABLE orders ADD twin int REFERENCES orders;
        INSERT INTO orders VALUES (20, 99, 1, NULL), (21, 99, 1, 20), (22, 98, 1, NULL);
        UPDATE orders SET twin = 21 WHERE id = 20;
        UPDATE orders SET twin = 22 WHERE id = 22; INSERT INTO orders VALUES (23, 99, 1, 22), (24, 99, 1, 23)"""
    )
    clean(database)
    db.execute(BACK)
    assert counts(restore(database)) == (3, 3)
    assert ids(db) == [10, 11, 12, 13, 20, 21]
    assert counts(restore(database, force=True)) == (3, 0)


def test_a_row_whose_parent_was_parted_from_it_by_another_rows_fault_goes_back_later(
    shop: Connection, database: str
) -> None:
    shop.execute(
        "ALTER TABLE orders ADD up int REFERENCES orders; DELETE FROM orders WHERE id = 13;"
        "INSERT INTO orders VALUES (20, 99, 1, 23), (21, 99, 666, NULL), (22, 99, 1, NULL), (23, 99, 1, NULL)"
    )
    clean(database)
    shop.execute(BACK + "; ALTER TABLE orders ADD CHECK (total <> 666)")
    assert (counts(restore(database)), ids(shop)) == ((3, 1), [10, 11, 12, 20, 22, 23])


def test_deleted_rows_that_were_parents_come_back_before_their_children(
    db: Connection, database: str
) -> None:
    db.execute(SHOP + "CREATE TABLE lines (id int, order_id int); INSERT INTO lines VALUES (1, 13), (2, 10)")
    relations = "lines.order_id -> orders.id", ORDERS
    before = contents(db)
    clean(database, *relations)
    assert counts(restore(database)) == (0, 2)
    db.execute(BACK)
    assert counts(restore(database, relation=relations[0])) == (0, 1)
    assert counts(restore(database)) == (2, 0)
    db.execute("DELETE FROM users WHERE id = 99")
    assert contents(db) == before


ODD_TABLES = {
    "composite keys, one MATCH FULL, one that empties a column of two": (15, """
        ALTER TABLE orders ADD tenant int DEFAULT 1, ADD UNIQUE (tenant, id); UPDATE orders SET tenant = 1;
        CREATE TABLE lines (id int PRIMARY KEY, t int, o int,
            FOREIGN KEY (t, o) REFERENCES orders (tenant, id) MATCH FULL ON DELETE CASCADE);
        CREATE TABLE notes (id int PRIMARY KEY, t int NOT NULL, o int,
            FOREIGN KEY (t, o) REFERENCES orders (tenant, id) ON DELETE SET NULL (o));
        INSERT INTO lines VALUES (1, 1, 13), (2, NULL, NULL), (3, 1, 10);
        INSERT INTO notes VALUES (1, 1, 13), (2, 5, NULL), (3, 1, 10)"""),
    "keys of other types, and nulls that are not distinct": (15, """
        ALTER TABLE orders ALTER id TYPE numeric, ADD maybe int;
        CREATE UNIQUE INDEX ON orders (maybe, total) NULLS NOT DISTINCT;
        CREATE TABLE lines (id citing PRIMARY KEY, o numeric(9,3) REFERENCES orders ON DELETE CASCADE);
        INSERT INTO lines VALUES ('a', 13.000), ('b', 10)"""),
    "columns that are made when they are read": (18, """
        ALTER TABLE orders ADD twice numeric GENERATED ALWAYS AS (total * 2) VIRTUAL;
        CREATE TABLE lines (id int PRIMARY KEY, o int REFERENCES orders ON DELETE CASCADE,
            half int GENERATED ALWAYS AS (o / 2) VIRTUAL); INSERT INTO lines (id, o) VALUES (1, 13), (2, 10)"""),
    "keys over periods": (18, """
        CREATE EXTENSION IF NOT EXISTS btree_gist;
        CREATE TABLE prices (id int, during daterange, PRIMARY KEY (id, during WITHOUT OVERLAPS));
        INSERT INTO prices VALUES (1, '[2024-01-01,2024-06-01)'), (1, '[2024-06-01,2025-01-01)');
        ALTER TABLE orders ADD price int DEFAULT 1, ADD at daterange DEFAULT '[2024-05-01,2024-07-01)';
        ALTER TABLE orders ADD FOREIGN KEY (price, PERIOD at) REFERENCES prices (id, PERIOD during);
        ALTER TABLE orders DROP CONSTRAINT orders_pkey, ADD UNIQUE (id, at WITHOUT OVERLAPS)"""),
}  # fmt: skip


@pytest.mark.parametrize("case", ODD_TABLES)
def test_odd_tables_come_back_as_they_were(case: str, db: Connection, database: str) -> None:
    major, setup = ODD_TABLES[case]
    if max(majors()) < major:
        pytest.skip(f"this came with PostgreSQL {major}")
    if (
        "btree_gist" in setup
        and not db.execute("SELECT FROM pg_available_extensions WHERE name = 'btree_gist'").fetchall()
    ):
        pytest.skip("btree_gist is not installed")
    db.execute((SHOP + "CREATE DOMAIN citing AS text;" + setup).encode())
    before = contents(db)
    assert clean(database).run == 1
    assert contents(db) != before
    result = restore(database)
    assert counts(result)[0] == 0
    db.execute(BACK)
    result = restore(database)
    assert (reasons(result), archived(db)) == ({}, 0)
    db.execute("DELETE FROM users WHERE id = 99")
    assert contents(db) == before


def test_of_two_rows_that_were_archived_with_one_key_one_goes_back(shop: Connection, database: str) -> None:
    clean(database)
    shop.execute("INSERT INTO orders VALUES (13, 99, 1000)")
    clean(database)
    shop.execute("UPDATE sqlrail.archive SET run = 1; " + BACK)
    assert counts(restore(database)) == (1, 1)
    assert counts(restore(database)) == (0, 1)
    assert ids(shop) == [10, 11, 12, 13]


# Force


def test_force_puts_back_all_that_no_key_forbids(shop: Connection, database: str) -> None:
    shop.execute("CREATE TABLE carts AS TABLE orders")
    before = contents(shop)
    clean(database, ORDERS, "carts.user_id -> users.id")
    shop.execute("ALTER TABLE carts ADD FOREIGN KEY (user_id) REFERENCES users")
    result = restore(database, force=True)
    assert counts(result) == (1, 1)
    assert "carts_user_id_fkey" in str(reasons(result))
    shop.execute("ALTER TABLE carts DROP CONSTRAINT carts_user_id_fkey")
    assert counts(restore(database, force=True)) == (1, 0)
    assert contents(shop) == before


@pytest.mark.parametrize("how", ["NOT VALID", "switched off", "NOT ENFORCED"])
def test_a_key_forbids_what_is_new_even_if_it_was_never_validated(
    shop: Connection, database: str, how: str
) -> None:
    if how == "NOT ENFORCED" and max(majors()) < 18:
        pytest.skip("NOT ENFORCED came with PostgreSQL 18")
    clean(database)
    kind = how if how.startswith("NOT") else ""
    shop.execute(f"ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users {kind}".encode())
    if how == "switched off":
        shop.execute("ALTER TABLE orders DISABLE TRIGGER ALL")
    assert counts(restore(database, force=True)) == ((1, 0) if how == "NOT ENFORCED" else (0, 1))


# What is not as it was


def test_a_primary_key_that_is_taken_again_is_reported_and_not_overwritten(
    shop: Connection, database: str
) -> None:
    shop.execute("INSERT INTO orders VALUES (14, 99, 9)")
    clean(database)
    shop.execute(BACK + "; INSERT INTO orders VALUES (13, 1, 1000)")
    result = restore(database)
    assert counts(result) == (1, 1)
    assert reasons(result) == {"another row has its id by now (orders_pkey)": 1}
    assert shop.execute("SELECT * FROM orders WHERE id > 12 ORDER BY id").fetchall() == [
        (13, 1, 1000),
        (14, 99, 9),
    ]
    assert archived(shop) == 1


TAKEN = "INSERT INTO orders VALUES (1, 1, 577.555), (2, 1, 999.555)"


@pytest.mark.parametrize(
    ("change", "says"),
    [("ALTER TABLE orders ADD CHECK (total NOT IN (577.555, 999.555))", "violates check constraint"),
     ("CREATE UNIQUE INDEX ON orders (lower(total::text));" + TAKEN,
      "duplicate key value violates unique constraint"),
     ("ALTER TABLE orders ADD EXCLUDE USING btree (total WITH =) DEFERRABLE INITIALLY DEFERRED;" + TAKEN,
      "conflicting key value violates exclusion constraint"),
     ("ALTER TABLE orders ADD UNIQUE (total) DEFERRABLE INITIALLY DEFERRED;" + TAKEN,
      "another row has its total by now"),
     ("ALTER TABLE orders ALTER total TYPE numeric(8,2)", "the type of total has changed"),
     ("CREATE DOMAIN d AS text CHECK (VALUE !~ '577|999'); ALTER TABLE orders ALTER total TYPE d",
      "value for domain d violates check constraint")],
    ids=["a check", "an index over an expression", "an exclusion", "a deferred key", "a type", "a domain"],
)  # fmt: skip
def test_the_rows_that_a_change_since_does_not_admit_stay_and_all_others_go_back(
    shop: Connection, database: str, change: str, says: str
) -> None:
    shop.execute("INSERT INTO orders SELECT n, 99, n FROM generate_series(100, 1099) AS n")
    shop.execute("UPDATE orders SET total = total + 0.555 WHERE id IN (577, 999)")
    clean(database, max_share=1.0)
    shop.execute((BACK + ";" + change).encode())
    result = restore(database)
    assert counts(result) == (999, 2)
    assert sum(reasons(result).values()) == 2
    assert all(says in reason for reason in reasons(result))
    assert [row for (row,) in shop.execute("SELECT (cells->>'id')::int FROM sqlrail.archive ORDER BY 1")] == [
        577,
        999,
    ]
    assert len(ids(shop)) == 3 + 999 + change.count("(1, 1,") * 2


def test_a_text_that_is_too_long_by_now_is_not_cut_off_even_with_force(
    shop: Connection, database: str
) -> None:
    shop.execute(
        "CREATE DOMAIN word AS varchar(9); ALTER TABLE orders ADD v varchar(9), ADD w word, ADD b bit varying(5);"
        "UPDATE orders SET v = 'abcdef' WHERE id = 13;"
        "INSERT INTO orders VALUES (14, 99, 1, NULL, 'abcdef', NULL), (15, 99, 1, NULL, NULL, '10101'),"
        "(16, 99, 1.5, NULL, NULL, NULL)"
    )
    clean(database)
    shop.execute(
        BACK
        + "; CREATE DOMAIN short AS varchar(3); ALTER TABLE orders ALTER v TYPE varchar(3), ALTER w TYPE short, "
        "ALTER b TYPE bit varying(3), ALTER total TYPE numeric(4,0)"
    )
    assert counts(restore(database)) == (0, 4)
    # What was rounded is said to be so without force, and accepted with it; what would be cut off is not.
    assert counts(restore(database, force=True)) == (1, 3)
    assert shop.execute("SELECT id, total FROM orders WHERE id > 12").fetchall() == [(16, 2)]


def test_a_column_that_has_come_since_gets_its_default(shop: Connection, database: str) -> None:
    clean(database)
    shop.execute(BACK + "; ALTER TABLE orders ADD state text NOT NULL DEFAULT 'new', ADD extra int")
    assert counts(restore(database)) == (1, 0)
    assert shop.execute("SELECT * FROM orders WHERE id = 13").fetchall() == [(13, 99, 8, "new", None)]


def test_a_new_column_that_must_be_filled_refuses_and_says_which(shop: Connection, database: str) -> None:
    clean(database)
    shop.execute(
        BACK
        + "; ALTER TABLE orders ADD state text NOT NULL DEFAULT ''; ALTER TABLE orders ALTER state DROP DEFAULT"
    )
    assert "without a default that may not be null (state); give it one" in refusal(shop, database)
    assert counts(restore(database, force=True)) == (0, 1)
    shop.execute("ALTER TABLE orders ALTER state SET DEFAULT 'old'")
    assert counts(restore(database)) == (1, 0)


@pytest.mark.parametrize(
    "change", ["DROP total", "DROP total, ADD total numeric GENERATED ALWAYS AS (id * 2) STORED"]
)
def test_a_column_that_is_gone_refuses_while_it_has_values_and_is_left_out_with_force(
    shop: Connection, database: str, change: str
) -> None:
    shop.execute("INSERT INTO orders VALUES (14, 99, NULL)")
    clean(database)
    shop.execute(f"{BACK}; ALTER TABLE orders {change}".encode())
    assert (
        "public.orders has no column total to write to any more, and 1 archived row holds a value of it"
        in (refusal(shop, database))
    )
    result = restore(database, force=True)
    assert counts(result) == (2, 0)
    assert "its value in 1 archived row is not put back" in result.notes[0]
    assert ids(shop) == [10, 11, 12, 13, 14]


def test_a_column_that_is_gone_and_held_nothing_is_not_missed(shop: Connection, database: str) -> None:
    shop.execute("ALTER TABLE orders ADD empty text")
    clean(database)
    shop.execute(BACK + "; ALTER TABLE orders DROP empty")
    assert (counts(restore(database)), ids(shop)) == ((1, 0), [10, 11, 12, 13])


def test_a_column_or_a_table_that_was_renamed_is_refused_and_the_remedy_works(
    shop: Connection, database: str
) -> None:
    before = exact(shop)
    clean(database)
    shop.execute(BACK + """; ALTER TABLE orders RENAME total TO "new_name" """)
    shop.execute(
        """ CREATE SCHEMA schema; ALTER TABLE orders RENAME TO new_name; ALTER TABLE new_name SET SCHEMA schema"""
    )
    for what in ("there is no table public.orders", "has no column total to write to any more"):
        said = refusal(shop, database)
        assert what in said
        shop.execute(said.partition("in the archive: ")[2].partition(". Or choose")[0].encode())
    assert counts(restore(database)) == (1, 0)
    shop.execute(
        "ALTER TABLE schema.new_name RENAME TO orders; ALTER TABLE schema.orders RENAME new_name TO total"
    )
    assert exact(shop, "schema.orders") == before


def test_a_parent_that_has_another_name_leaves_the_rows_where_they_are(
    shop: Connection, database: str
) -> None:
    clean(database)
    shop.execute(BACK + "; ALTER TABLE users RENAME TO people")
    result = restore(database)
    assert reasons(result) == {"there is no table users with a column id": 1}
    assert counts(restore(database, force=True)) == (1, 0)


def test_a_table_that_is_gone_can_be_left_behind_with_force(shop: Connection, database: str) -> None:
    shop.execute("CREATE TABLE carts AS TABLE orders")
    clean(database, ORDERS, "carts.user_id -> users.id")
    shop.execute(BACK + "; DROP TABLE carts")
    assert "there is no table public.carts" in refusal(shop, database)
    assert counts(restore(database, force=True)) == (1, 1)
    assert (ids(shop), archived(shop)) == ([10, 11, 12, 13], 1)


def test_rows_of_a_cascade_that_nothing_ties_any_more_stay_unless_forced(
    db: Connection, database: str
) -> None:
    db.execute(SHOP + "CREATE TABLE lines (id int, o int REFERENCES orders ON DELETE CASCADE);"
               "CREATE TABLE notes (id int, o int REFERENCES orders ON DELETE SET NULL);"
               "INSERT INTO lines VALUES (1, 13); INSERT INTO notes VALUES (1, 13)")  # fmt: skip
    clean(database)
    db.execute("ALTER TABLE lines DROP CONSTRAINT lines_o_fkey")
    db.execute(BACK)
    result = restore(database)
    assert counts(result) == (1, 2)
    assert reasons(result) == {
        "no foreign key of public.lines says any more which rows these belong to": 1,
        "public.notes has no primary key of then by which its rows could be found": 1,
    }
    assert counts(restore(database, force=True)) == (1, 1)


# Partitions and heirs

PARTS = """CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1);
    CREATE TABLE orders (id int, user_id int, PRIMARY KEY (id)) PARTITION BY RANGE (id);
    CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (10);
    CREATE TABLE orders_2 (user_id int, gone int, id int NOT NULL);
    ALTER TABLE orders_2 DROP gone; ALTER TABLE orders ATTACH PARTITION orders_2 FOR VALUES FROM (10) TO (20);
    INSERT INTO orders VALUES (1, 1), (2, 99), (11, 99), (12, NULL)"""


def test_rows_of_a_partitioned_table_go_in_by_its_root(any_database: str, connect: Connect) -> None:
    connection = connect(any_database)
    connection.execute(PARTS)
    before = contents(connection)
    clean(any_database)
    connection.execute(BACK)
    assert counts(restore(any_database)) == (2, 0)
    connection.execute("DELETE FROM users WHERE id = 99")
    assert contents(connection) == before


def test_rows_without_a_partition_stay(db: Connection, database: str) -> None:
    db.execute(PARTS)
    clean(database)
    db.execute(BACK + "; DROP TABLE orders_2")
    result = restore(database)
    assert counts(result) == (1, 1)
    assert reasons(result) == {'no partition of relation "orders" found for row': 1}


def test_rows_of_a_partition_that_was_a_child_itself_go_back_to_it_or_to_where_it_is_said(
    db: Connection, database: str
) -> None:
    db.execute(PARTS)
    clean(database, "orders_2.user_id -> users.id")
    db.execute(BACK)
    assert counts(restore(database)) == (1, 0)
    db.execute("DELETE FROM users WHERE id = 99")
    clean(database, "orders_2.user_id -> users.id")
    db.execute(
        BACK + "; DROP TABLE orders_2; CREATE TABLE orders_3 PARTITION OF orders FOR VALUES FROM (10) TO (50)"
    )
    said = refusal(db, database, 3)
    db.execute(
        said.partition("in the archive: ")[2]
        .partition(". Or")[0]
        .replace("schema.new_name", "public.orders")
        .encode()
    )
    assert counts(restore(database, 3)) == (1, 0)


def test_a_key_to_a_partitioned_parent_asks_for_the_parent_in_any_partition(
    db: Connection, database: str
) -> None:
    db.execute(PARTS + "; CREATE TABLE lines (id int PRIMARY KEY, o int REFERENCES orders ON DELETE CASCADE);"
               "INSERT INTO lines SELECT id, id FROM orders")  # fmt: skip
    before = contents(db)
    clean(database)
    db.execute(BACK)
    assert counts(restore(database)) == (4, 0)
    db.execute("DELETE FROM users WHERE id = 99")
    assert contents(db) == before


def test_a_parent_that_is_another_tables_row_is_no_parent(shop: Connection, database: str) -> None:
    clean(database)
    shop.execute("CREATE TABLE admins () INHERITS (users); INSERT INTO admins VALUES (99)")
    assert counts(restore(database)) == (0, 1)


# What else would happen


TRIGGER = """CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {}; END';
    CREATE TRIGGER "Bell" BEFORE {} ON {} FOR EACH ROW EXECUTE FUNCTION fire();"""


def test_a_trigger_that_would_fire_refuses_unless_it_is_allowed_by_name(
    shop: Connection, database: str
) -> None:
    clean(database)
    shop.execute((BACK + ";" + TRIGGER.format("NEW.total := 0; RETURN NEW", "INSERT", "orders")).encode())
    assert 'the trigger "Bell" on public.orders would fire on INSERT' in refusal(shop, database)
    assert 'the trigger "Bell"' in refusal(shop, database, force=True)
    assert counts(restore(database, allow_triggers=("Bell",))) == (1, 0)
    assert shop.execute("SELECT total FROM orders WHERE id = 13").fetchall() == [(0,)]


@pytest.mark.parametrize(
    "body", ["RETURN NULL", "RAISE ''no more of these''"], ids=["keeps it out", "raises"]
)
def test_a_row_that_an_allowed_trigger_keeps_out_stays_in_the_archive(
    shop: Connection, database: str, body: str
) -> None:
    shop.execute("INSERT INTO orders VALUES (14, 99, 9), (15, 99, 9)")
    clean(database)
    body = f"IF NEW.id = 14 THEN {body.replace('RAISE', 'RAISE EXCEPTION')}; END IF; RETURN NEW"
    shop.execute((BACK + ";" + TRIGGER.format(body, "INSERT", "orders")).encode())
    result = restore(database, allow_triggers=("Bell",))
    assert (counts(result), ids(shop), archived(shop)) == ((2, 1), [10, 11, 12, 13, 15], 1)


@pytest.mark.parametrize("how", ["DISABLE", "ENABLE REPLICA"])
def test_a_trigger_that_does_not_fire_is_no_hindrance(shop: Connection, database: str, how: str) -> None:
    clean(database)
    shop.execute((BACK + ";" + TRIGGER.format("RETURN NULL", "INSERT", "orders")).encode())
    shop.execute(f'ALTER TABLE orders {how} TRIGGER "Bell"'.encode())
    assert counts(restore(database)) == (1, 0)


def test_a_trigger_for_update_counts_where_rows_are_updated(db: Connection, database: str) -> None:
    db.execute(TREE)
    clean(database)
    db.execute((BACK + ";" + TRIGGER.format("RETURN NEW", "UPDATE", "notes")).encode())
    assert 'the trigger "Bell" on public.notes would fire on UPDATE' in refusal(db, database)


def test_a_rule_refuses(shop: Connection, database: str) -> None:
    clean(database)
    shop.execute(BACK + "; CREATE RULE elsewhere AS ON INSERT TO orders DO INSTEAD NOTHING")
    assert "public.orders has the rule elsewhere for INSERT" in refusal(shop, database)


def test_row_level_security_that_hides_parents_refuses(shop: Connection, database: str, role: str) -> None:
    clean(database)
    shop.execute(
        f"{BACK}; GRANT ALL ON ALL TABLES IN SCHEMA public, sqlrail TO {role};"
        f"GRANT ALL ON SCHEMA sqlrail, public TO {role};"
        "ALTER TABLE users ENABLE ROW LEVEL SECURITY".encode()
    )
    assert "row-level security" in refusal(shop, as_role(database, role))
    assert archived(shop) == 1


def test_a_role_with_few_rights_gets_one_clear_message(shop: Connection, database: str, role: str) -> None:
    clean(database)
    shop.execute(
        f"{BACK}; GRANT ALL ON _yoyo_migration, _yoyo_log, _yoyo_version, yoyo_lock TO {role}".encode()
    )
    assert "permission denied for schema sqlrail. It needs a role that may" in refusal_of_role(
        shop, database, role
    )
    shop.execute(f"GRANT USAGE ON SCHEMA sqlrail TO {role}; GRANT SELECT ON sqlrail.stamp TO {role}".encode())
    assert "permission denied for table run. It needs a role that may" in refusal_of_role(
        shop, database, role
    )
    shop.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA sqlrail TO {role}".encode())
    assert "permission denied for table orders. It needs a role that may" in refusal_of_role(
        shop, database, role
    )
    shop.execute(f"GRANT ALL ON orders TO {role}; GRANT SELECT, UPDATE ON users TO {role}".encode())
    assert "permission denied for table archive. It needs a role that may" in refusal_of_role(
        shop, database, role
    )
    shop.execute(f"GRANT DELETE ON sqlrail.archive TO {role}; GRANT INSERT ON sqlrail.run TO {role}".encode())
    assert counts(restore(as_role(database, role))) == (1, 0)


def refusal_of_role(connection: Connection, database: str, role: str) -> str:
    before = contents(connection), archived(connection)
    with pytest.raises(Refused) as caught:
        restore(as_role(database, role))
    assert (contents(connection), archived(connection)) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Others at work


def in_background(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    results: list[Any] = []

    def note() -> None:
        try:
            results.append(work())
        except Exception as exc:
            results.append(exc)

    thread = threading.Thread(target=note)
    thread.start()
    return thread, results


@pytest.mark.parametrize(
    "key", ["", "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID"]
)
@pytest.mark.parametrize("commits", [True, False], ids=["committed", "rolled back"])
def test_a_parent_that_somebody_is_deleting_is_waited_for(
    shop: Connection, database: str, connect: Connect, key: str, commits: bool
) -> None:
    clean(database)
    shop.execute((BACK + ";" + key).encode())
    other = connect(database, autocommit=False)
    other.execute("DELETE FROM users WHERE id = 99")
    thread, results = in_background(lambda: restore(database, lock_timeout=30.0))
    blocked(shop)
    (other.commit if commits else other.rollback)()
    thread.join()
    assert counts(results[0]) == ((0, 1) if commits else (1, 0))
    assert ids(shop) == [10, 11, 12, *([] if commits else [13])]


def blocked(connection: Connection) -> None:
    from waiting import wait_for

    wait_for(
        lambda: connection.execute(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchall(),
        "somebody waits for a lock",
    )


def test_a_parent_cannot_go_before_the_restore_commits(
    shop: Connection, database: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean(database)
    shop.execute(BACK)
    finish, deleted = Report.finish, []

    def slowly(work: Any) -> Restore:
        thread, results = in_background(lambda: connect(database).execute("DELETE FROM users WHERE id = 99"))
        blocked(shop)
        deleted.append((thread, results))
        return finish(work)

    monkeypatch.setattr(Report, "finish", slowly)
    assert counts(restore(database)) == (1, 0)
    deleted[0][0].join()
    # Nobody but the restore kept the parent: there is no foreign key, so it may go now.
    assert ids(shop, "users") == [1, 2]
    assert ids(shop) == [10, 11, 12, 13]


@pytest.mark.parametrize("table", ["orders", "users"])
def test_a_restore_gives_way_to_whoever_holds_a_table(
    shop: Connection, database: str, connect: Connect, table: str
) -> None:
    clean(database)
    shop.execute(BACK)
    holder = connect(database, autocommit=False)
    holder.execute(f"LOCK TABLE {table}".encode())
    with pytest.raises(
        DatabaseFailed, match=r"the restore of run 1 gave way: .*Nothing was changed; run again\."
    ):
        restore(database, lock_timeout=0.2)
    holder.rollback()
    assert (ids(shop), archived(shop)) == ([10, 11, 12], 1)
    assert counts(restore(database)) == (1, 0)


def test_writers_go_on_while_rows_are_restored(
    shop: Connection, database: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean(database)
    shop.execute(BACK)
    finish = Report.finish

    def meanwhile(work: Any) -> Restore:
        with connect(database, autocommit=True) as writer:
            writer.execute("SET lock_timeout = '1s'")
            writer.execute(
                "INSERT INTO orders VALUES (1, 1, 1); UPDATE users SET name = 'E. W.' WHERE id = 99"
            )
            writer.execute("UPDATE orders SET total = 2 WHERE id = 10; DELETE FROM orders WHERE id = 11")
        return finish(work)

    monkeypatch.setattr(Report, "finish", meanwhile)
    assert counts(restore(database)) == (1, 0)
    assert ids(shop) == [1, 10, 12, 13]


@pytest.mark.parametrize(
    "change", ["CREATE RULE r AS ON INSERT TO orders DO INSTEAD NOTHING", "ALTER TABLE orders ADD late int"]
)
def test_the_tables_stay_as_the_guards_saw_them(
    shop: Connection, database: str, connect: Connect, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    clean(database)
    shop.execute(BACK)
    fill = Work.fill

    def meanwhile(work: Any, shape: Any) -> None:
        with connect(database) as other, pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute(f"SET lock_timeout = '50ms'; {change}".encode())
        fill(work, shape)

    monkeypatch.setattr(Work, "fill", meanwhile)
    assert counts(restore(database)) == (1, 0)


def test_two_restores_at_once_put_each_row_back_once(shop: Connection, database: str) -> None:
    shop.execute("INSERT INTO orders SELECT n, 99, n FROM generate_series(100, 999) AS n")
    clean(database)
    shop.execute(BACK)
    works = [in_background(lambda: restore(database)) for _ in range(4)]
    for thread, _ in works:
        thread.join()
    results = [result for _, (result,) in works]
    assert sorted(counts(result) for result in results) == [(0, 0)] * 3 + [(901, 0)]
    assert (archived(shop), len(ids(shop))) == (0, 904)


# The command


def test_the_command_restores_and_says_so(
    shop: Connection, database: str, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    shop.execute("INSERT INTO orders VALUES (14, 98, NULL)")
    clean(database)
    shop.execute(BACK)
    capsys.readouterr()
    assert command("restore", "1") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{ORDERS}: 1 row restored, 1 left",
        f"  1 row of public.orders: no row of public.users has the id that user_id names ({ORDERS}): id 14, user_id 98",
        "done: 1 row of run 1 restored as run 2, 1 left in the archive",
    ]
    assert command("restore", "1", "--relation", ORDERS, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["run"], document["of"], document["notes"]) == (None, 1, [])
    (one,) = document["relations"]
    assert (one["relation"], one["restored"], one["left"]) == (ORDERS, 0, 1)
    (reason,) = one["reasons"]
    assert {**reason, "reason": ""} == {
        "table": "public.orders", "action": "orphan", "reason": "", "rows": 1,
        "samples": [{"id": "14", "user_id": "98"}],
    }  # fmt: skip
    assert command("restore", "1", "--force") == 0
    assert "1 row restored" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [(["restore"], 2, "RUN"), (["restore", "one"], 2, "'one' is not the number of a run"),
     (["restore", "1", "--relation", "users"], 2, "--relation: 'users' is not of the form"),
     (["restore", "7"], 3, "there is no run 7")],
)  # fmt: skip
@pytest.mark.usefixtures("shop")
def test_what_cannot_be_restored_exits_with_its_code(
    database: str, command: Callable[..., int], capsys: pytest.CaptureFixture[str],
    arguments: list[str], code: int, says: str,
) -> None:  # fmt: skip
    clean(database)
    assert command(*arguments) == code
    assert says in capsys.readouterr().err


# With few rights


def test_a_role_that_may_not_use_the_types_puts_back_what_it_may_delete(
    any_database: str,
) -> None:
    """Without USAGE nobody makes a column of a type, and casts to it all the same."""
    role = "weak_" + any_database.partition("/test_")[2].partition("?")[0]
    with psycopg.connect(any_database, autocommit=True) as db:
        db.execute(
            """CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN cents AS varchar(4) CHECK (VALUE <> '');
            CREATE TYPE spot AS (x int, y text); CREATE TYPE span AS RANGE (subtype = int);
            CREATE TABLE owner (id mood PRIMARY KEY); INSERT INTO owner VALUES ('ok');
            CREATE TABLE pet (
                id cents, owner_id mood, spot spot, spots spot[], moods mood[], span span,
                mood mood GENERATED ALWAYS AS ('sad'::mood) STORED, price cents DEFAULT '1'::cents,
                nick text COLLATE "C", CHECK (owner_id <> 'sad'::mood OR price IS NOT NULL),
                PRIMARY KEY (id), UNIQUE (price, mood), UNIQUE (spot));
            CREATE INDEX ON pet ((owner_id = 'sad'::mood));
            INSERT INTO pet VALUES
                ('a', 'sad', '(1,"b ")', '{"(1,2)",NULL}', '{sad,NULL}', '[1,3)', DEFAULT, '7', ' x');
            INSERT INTO pet (id, owner_id, price) VALUES ('b', 'sad', '8'), ('c', 'ok', '9')"""
        )
        before = db.execute("SELECT pet::text FROM pet ORDER BY id").fetchall()
        db.execute(
            f"""CREATE ROLE {role}; CREATE SCHEMA sqlrail AUTHORIZATION {role}; GRANT CREATE ON SCHEMA public TO {role};
            REVOKE USAGE ON TYPE mood, cents, spot, span FROM PUBLIC;
            GRANT SELECT, INSERT, UPDATE, DELETE ON pet, owner TO {role}""".encode()
        )
        try:
            url, relation = as_role(any_database, role), "pet.owner_id -> owner.id"
            assert clean(url, f"{relation} delete", max_share=1.0).relations[0].deleted == 2
            db.execute("INSERT INTO pet VALUES ('d', 'ok', '(1,\"b \")')")
            assert restore(url).relations[0].left == 2
            db.execute("INSERT INTO owner VALUES ('sad')")
            (back,) = restore(url).relations
            assert (back.restored, back.left) == (1, 1)
            assert "another row has its spot by now" in back.reasons[0].reason
            db.execute("DELETE FROM pet WHERE id = 'd'")
            assert restore(url).relations[0].restored == 1
            assert db.execute("SELECT pet::text FROM pet ORDER BY id").fetchall() == before
        finally:
            db.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}".encode())


#: values of a type of two attributes, and as they are when it has two more
GROWN = {
    "spot": {
        "(1,2)": "(1,2,,)", "(,)": "(,,,)", '(1,"a, b)")': '(1,"a, b)",,)',
        '(1,"say ""hi"", \\\\")': '(1,"say ""hi"", \\\\",,)',
        '(1,"")': '(1,"",,)', "(1,é)": "(1,é,,)",
    },
    "place": {"(1,2)": "(1,2,,)"},
    "spot[]": {
        '{"(1,2)",NULL,"(,\\"a, b\\")"}': '{"(1,2,,)",NULL,"(,\\"a, b\\",,)"}', "{}": "{}", "{NULL}": "{NULL}",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("type_", "was", "now"), [(t, *it) for t, its in GROWN.items() for it in its.items()]
)
def test_a_composite_that_has_grown_goes_back_with_force(
    type_: str, was: str, now: str, any_database: str
) -> None:
    with psycopg.connect(any_database, autocommit=True) as db:
        db.execute(
            f"""CREATE TYPE spot AS (x int, y text); CREATE DOMAIN place AS spot;
            CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE orders (id int PRIMARY KEY, user_id int, v {type_});
            INSERT INTO users VALUES (1); INSERT INTO orders VALUES (1, 9, {sql.Literal(was).as_string()})""".encode()
        )
        assert db.execute("SELECT v::text FROM orders").fetchall() == [(was,)]
        clean(any_database, ORDERS, max_share=1.0)
        # A domain over it, and a column of that, forbid it.
        db.execute(
            f"""ALTER TABLE orders DROP v; DROP DOMAIN place;
            ALTER TYPE spot ADD ATTRIBUTE z int, ADD ATTRIBUTE a text; CREATE DOMAIN place AS spot;
            ALTER TABLE orders ADD v {type_}""".encode()
        )
        db.execute("INSERT INTO users VALUES (9)")
        if was != now:
            (left,) = restore(any_database).relations[0].reasons
            assert "the type of v has changed, and does not hold the same value (--force" in left.reason
        assert restore(any_database, force=was != now).relations[0].restored == 1
        assert db.execute("SELECT v::text FROM orders").fetchall() == [(now,)]


TWO_KEYS = """
    CREATE TABLE a (part int, id int, PRIMARY KEY (part, id)); INSERT INTO a VALUES (1, 1);
    CREATE TABLE b (part int, id int, PRIMARY KEY (part, id)); INSERT INTO b VALUES (1, 1);
    CREATE TABLE t (id int PRIMARY KEY, part int, a_id int, b_id int); INSERT INTO t VALUES (1, 1, 9, 9), (2, 1, 1, 1);
    ALTER TABLE t ADD FOREIGN KEY (part, a_id) REFERENCES a ON DELETE SET NULL (a_id) NOT VALID,
        ADD FOREIGN KEY (part, b_id) REFERENCES b ON DELETE SET NULL (b_id) NOT VALID;
"""


def test_a_change_does_not_wait_for_a_later_one_of_other_columns(any_database: str, connect: Connect) -> None:
    db = connect(any_database)
    db.execute(TWO_KEYS)
    cleanup_room.cleanup(settings(any_database, max_share=1.0), nobody)
    db.execute("INSERT INTO a VALUES (1, 9)")
    relations = restore(any_database).relations
    assert [(one.relation[:13], one.restored, one.left) for one in relations] == [
        ("t.(part, a_id", 1, 0),
        ("t.(part, b_id", 0, 1),
    ]
    assert db.execute("SELECT * FROM t WHERE id = 1").fetchall() == [(1, 1, 9, None)]
    db.execute("INSERT INTO b VALUES (1, 9)")
    assert restore(any_database).relations[0].restored == 1
    assert db.execute("SELECT * FROM t WHERE id = 1").fetchall() == [(1, 1, 9, 9)]
