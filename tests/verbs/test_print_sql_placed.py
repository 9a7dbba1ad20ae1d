"""A printed script looks at big tables before it locks them: whatever happens in between, the same is cleaned."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
import test_cleanup
from conftest import Connect
from psycopg import errors as pg
from test_cleanup import ORDERS, SHOP, archive, as_role, ids, settings
from test_cleanup_placed import GONE_TO, MEANWHILE, MORE, STRONG, do
from waiting import wait_until_blocked

from sqlrail.ground.events import nobody
from sqlrail.ground.kinds import parse
from sqlrail.orphans import placed
from sqlrail.verbs import cleanup as room

Connection = psycopg.Connection[Any]
db = test_cleanup.db
role = test_cleanup.role
#: what stands between the look and the locks
LOCKS = "-- Locks the tables of relations"
#: whether what the look has noted stood under the locks
STANDS = "SELECT stands FROM pg_temp.sqlrail_noted_1"
HELD = """SELECT c.relname::text, l.mode FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
           WHERE c.relname IN ('users', 'orders', 'lines') AND l.pid <> pg_backend_pid()"""
#: a key whose = waits for whoever has the advisory lock 1
SLOW = """
    CREATE FUNCTION slow(int, int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT
        AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN $1 = $2; END';
    CREATE OPERATOR === (FUNCTION = slow, LEFTARG = int, RIGHTARG = int);
    CREATE OPERATOR CLASS slow_ops FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 ===,
        OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(int, int);
    CREATE TABLE users (id int NOT NULL); CREATE UNIQUE INDEX ON users (id slow_ops);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int, total numeric);
    INSERT INTO users VALUES (1), (2); INSERT INTO orders VALUES (10, 1, 5), (11, 2, 6), (13, 99, 8);
"""


@pytest.fixture(autouse=True)
def _every_table_is_big(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placed, "BIG", 0)


def printed(url: str, *relations: str, **more: Any) -> str:
    named = [parse(relation) for relation in relations or (ORDERS,)]
    return room.print_sql(settings(url, **{"max_share": 1.0, **more}), nobody, named).sql


def run(connection: Connection, script: str, happens: Callable[[], object] = lambda: None) -> list[object]:
    """A script, and something between its look and its locks; whether what was noted of the first relation stood."""
    look, locked = script.split(LOCKS, 1)
    connection.execute(look.encode())
    happens()
    connection.execute(f"--{locked.removesuffix('COMMIT;')}".encode())
    stood = [stands for (stands,) in connection.execute(STANDS)]
    connection.execute("COMMIT")
    return stood


@pytest.mark.parametrize("what", MEANWHILE)
@pytest.mark.parametrize("shop", [SHOP, MORE], ids=["one", "more"])
def test_what_happens_between_the_look_and_the_locks_counts(
    shop: str, what: str, any_database: str, connect: Connect
) -> None:
    """Among it what would wait for a lock of the script's, had the look not given its locks back."""
    connection = connect(any_database)
    connection.execute(shop.encode())
    statements, left, stands = MEANWHILE[what]
    there = list[int]()

    def happens() -> None:
        assert connection.execute(HELD).fetchall() == []
        do(connection, statements)
        there[:] = ids(connection)

    assert run(connect(any_database), printed(any_database), happens) == [stands]
    assert ids(connection) == left
    gone = {number for number in there if number not in left}
    assert {int(cells["id"] or 0) for *_, cells in archive(connection)} == gone
    runs = connection.execute("SELECT relations->0->'orphans' FROM sqlrail.run").fetchall()
    assert runs == [(len(gone),)] * bool(gone)


@pytest.mark.parametrize("what", MEANWHILE)
def test_where_the_transactions_since_are_too_many_to_be_listed_the_same_counts(
    what: str, database: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placed, "LISTED", -1)
    test_what_happens_between_the_look_and_the_locks_counts(MORE, what, database, connect)


def test_writers_write_while_it_looks(db: Connection, database: str, connect: Connect) -> None:
    """Under the locks of the script they would wait for it, and it for whoever holds up the look."""
    db.execute(SLOW)
    script = printed(database)
    other = connect(database)
    other.execute("SELECT pg_advisory_lock(1)")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, connect(database), script)
        wait_until_blocked(db)
        assert db.execute(STRONG).fetchall() == []
        db.execute(
            "INSERT INTO orders VALUES (14, 98, 0), (15, 1, 0); UPDATE orders SET total = 1 WHERE id = 13"
        )
        other.execute("SELECT pg_advisory_unlock(1)")
        assert running.result() == [True]
    assert ids(db) == [10, 11, 15]
    assert sorted(cells["id"] or "" for *_, cells in archive(db)) == ["13", "14"]


def test_another_table_under_the_parents_name_is_looked_at_anew(
    db: Connection, database: str, connect: Connect
) -> None:
    """Though it has as many rows, and none is younger than the look."""
    db.execute(SHOP)
    do(db, "CREATE TABLE others (id int PRIMARY KEY, name text); INSERT INTO others VALUES (1), (7)")
    swap = "ALTER TABLE users RENAME TO gone; ALTER TABLE others RENAME TO users"
    assert run(connect(database), printed(database), lambda: do(db, swap)) == [None]
    assert ids(db) == [10, 12]


def test_a_transaction_that_was_open_at_the_look_is_seen(
    db: Connection, database: str, connect: Connect
) -> None:
    db.execute(SHOP)
    other = connect(database)
    other.autocommit = False
    other.execute("INSERT INTO orders VALUES (14, 98, 0)")
    other.execute("DELETE FROM users WHERE id = 2")
    db.execute("INSERT INTO orders VALUES (15, 97, 0)")  # younger than that, and seen by the look
    assert run(connect(database), printed(database), other.commit) == [False]
    assert ids(db) == [10, 12]


def test_nothing_is_noted_where_a_parent_may_be_younger_than_what_is_open(
    db: Connection, database: str, connect: Connect
) -> None:
    db.execute(SHOP)
    other = connect(database)
    other.autocommit = False
    other.execute("INSERT INTO users VALUES (50)")
    db.execute("INSERT INTO users VALUES (98); INSERT INTO orders VALUES (14, 98, 0)")

    def happens() -> None:
        other.commit()
        db.execute("DELETE FROM users WHERE id = 98")

    assert run(connect(database), printed(database), happens) == []
    assert ids(db) == [10, 11, 12]


def test_within_somebodys_transaction_what_he_has_done_in_it_counts(
    db: Connection, database: str, connect: Connect
) -> None:
    db.execute(SHOP)
    script, other = printed(database), connect(database)
    other.execute("BEGIN; DELETE FROM users WHERE id = 2; UPDATE orders SET user_id = 98 WHERE id = 10")
    assert run(other, script) == [True]
    assert ids(db) == [12]
    assert len(archive(db)) == 3


def test_within_a_transaction_that_sees_no_more_than_at_its_beginning_it_is_refused(
    db: Connection, database: str, connect: Connect
) -> None:
    db.execute(SHOP)
    script, other = printed(database), connect(database)
    other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM users")
    with pytest.raises(pg.ActiveSqlTransaction):
        run(other, script)
    other.rollback()
    assert ids(db) == [10, 11, 12, 13]


def test_run_again_it_finds_what_came_since(db: Connection, database: str, connect: Connect) -> None:
    db.execute(SHOP)
    script, other = printed(database), connect(database)
    run(other, script)
    run(other, script)
    db.execute("INSERT INTO orders VALUES (14, 98, 0)")
    assert run(other, script) == [True]
    assert ids(db) == [10, 11, 12]
    assert db.execute("SELECT count(*) FROM sqlrail.run").fetchone() == (2,)


def test_the_look_is_told_as_well_that_the_script_is_out_of_date(
    db: Connection, database: str, connect: Connect
) -> None:
    """A view in the place of a table would have it run somebody's function."""
    db.execute(SHOP)
    script = printed(database)
    db.execute(
        """CREATE FUNCTION mine() RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE ''mine''; END';
        ALTER TABLE users RENAME TO others; CREATE VIEW users AS SELECT mine() AS id, 'x' AS name"""
    )
    with pytest.raises(psycopg.Error, match='"users" is not a table'):
        run(connect(database), script)


def test_what_is_changed_behind_the_look_is_refused_under_the_locks(
    db: Connection, database: str, connect: Connect
) -> None:
    db.execute(SHOP)
    more = (
        "CREATE TABLE lines (order_id int REFERENCES orders ON DELETE CASCADE); INSERT INTO lines VALUES (13)"
    )
    with pytest.raises(psycopg.Error, match="changed after this script was written"):
        run(connect(database), printed(database), lambda: db.execute(more.encode()))
    assert ids(db) == [10, 11, 12, 13]


def test_many_orphans_that_came_since_are_refused_as_ever(
    db: Connection, database: str, connect: Connect
) -> None:
    db.execute(SHOP)
    more = "INSERT INTO orders SELECT n, 98, 0 FROM generate_series(100, 120) AS n"
    script = printed(database, max_rows=2, max_share=0.95)
    with pytest.raises(
        psycopg.Error, match="22 rows are orphans now, and there were 1 of them at the survey"
    ):
        run(connect(database), script, lambda: db.execute(more.encode()))
    assert len(ids(db)) == 25


def test_a_parent_that_is_emptied_behind_the_look_is_refused(
    db: Connection, database: str, connect: Connect
) -> None:
    db.execute(SHOP)
    with pytest.raises(psycopg.Error, match="the parent table is empty"):
        run(connect(database), printed(database), lambda: db.execute("DELETE FROM users"))
    assert ids(db) == [10, 11, 12, 13]


def test_several_relations_are_looked_at_before_any_is_locked(
    db: Connection, database: str, connect: Connect
) -> None:
    """And gone to; what the first takes away makes orphans of the second, which no look has seen."""
    db.execute(SHOP)
    db.execute("CREATE TABLE lines (id int PRIMARY KEY, order_id int)")
    db.execute("INSERT INTO lines VALUES (1, 10), (2, 13), (3, 77)")
    gone_to = list[tuple[int]]()

    def happens() -> None:
        assert db.execute(HELD).fetchall() == []
        for table in ("orders", "lines"):
            gone_to.extend(db.execute(GONE_TO.replace("orders", table).encode()).fetchall())
        db.execute("INSERT INTO lines VALUES (4, 10), (5, 78)")

    script = printed(database, "lines.order_id -> orders.id", ORDERS)
    run(connect(database), script, happens)
    assert gone_to == [(13,), (3,)]
    assert ids(db) == [10, 11, 12]
    assert ids(db, "lines") == [1, 4]
    assert len(archive(db)) == 4


def test_columns_of_one_table_are_set_one_after_the_other(
    db: Connection, database: str, connect: Connect
) -> None:
    """What the first has changed is looked at for the second, though no list has its transaction."""
    db.execute(SHOP)
    db.execute("ALTER TABLE orders ADD agent_id int; UPDATE orders SET agent_id = 97 WHERE id IN (12, 13)")
    script = printed(database, f"{ORDERS} set null", "orders.agent_id -> users.id set null")
    assert run(
        connect(database), script, lambda: db.execute("UPDATE orders SET agent_id = 9 WHERE id = 10")
    ) == [True]
    assert db.execute("SELECT id FROM orders WHERE user_id IS NULL ORDER BY id").fetchall() == [(12,), (13,)]
    assert db.execute("SELECT count(*) FROM orders WHERE agent_id IS NULL").fetchone() == (4,)


@pytest.mark.parametrize(
    "name", ["$warm$", "$look$", "$check$", "$round1$", "$round2$", "x$warm$; DROP TABLE users; --", "$1"]
)
def test_names_are_only_names_in_the_look(name: str, db: Connection, database: str, connect: Connect) -> None:
    quoted = '"' + name + '"'
    db.execute(
        f"""CREATE TABLE {quoted} (id int PRIMARY KEY, {quoted} int); CREATE TABLE users (id int PRIMARY KEY);
        INSERT INTO users VALUES (1); INSERT INTO {quoted} VALUES (1, 1), (13, 2)""".encode()
    )
    script, gone_to = printed(database, f"{quoted}.{quoted} -> users.id"), list[tuple[int]]()
    run(
        connect(database),
        script,
        lambda: gone_to.extend(db.execute(GONE_TO.replace("orders", quoted).encode())),
    )
    assert (ids(db, quoted), ids(db, "users"), gone_to) == ([1], [1], [(13,)])


def test_a_role_that_may_delete_and_not_update_cleans_all_the_same(
    db: Connection, database: str, role: str, connect: Connect
) -> None:
    db.execute(SHOP)
    db.execute(
        f"""GRANT SELECT, DELETE ON orders TO {role}; GRANT SELECT, UPDATE ON users TO {role};
        GRANT CREATE ON SCHEMA public TO {role}; CREATE SCHEMA sqlrail AUTHORIZATION {role}""".encode()
    )
    script, gone_to = printed(as_role(database, role)), list[tuple[int]]()
    run(connect(as_role(database, role)), script, lambda: gone_to.extend(db.execute(GONE_TO).fetchall()))
    assert (gone_to, ids(db)) == ([], [10, 11, 12])


def test_a_role_without_temporary_tables_changes_nothing(
    db: Connection, database: str, role: str, connect: Connect
) -> None:
    db.execute(SHOP)
    script = printed(database)
    db.execute(
        f"""REVOKE TEMPORARY ON DATABASE {db.info.dbname} FROM PUBLIC; GRANT ALL ON orders, users TO {role};
        CREATE SCHEMA sqlrail AUTHORIZATION {role}""".encode()
    )
    with pytest.raises(pg.InsufficientPrivilege, match="temporary tables"):
        run(connect(as_role(database, role)), script)
    assert ids(db) == [10, 11, 12, 13]
