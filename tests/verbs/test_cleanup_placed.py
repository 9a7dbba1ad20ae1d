"""Orphans that the look has placed: whatever happens between it and the locks, what is cleaned is as without it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from typing import Any

import psycopg
import pytest
import test_cleanup
from conftest import Connect
from test_cleanup import ORDERS, SHOP, archive, as_role, clean, ids
from waiting import wait_for, wait_until_blocked

from sqlrail.errors import ConnectionLost, DatabaseFailed, Refused
from sqlrail.orphans import ahead, indexed, placed
from sqlrail.orphans.indexed import Key

Connection = psycopg.Connection[Any]
db = test_cleanup.db
role = test_cleanup.role
#: rows that somebody has locked, and nobody changed since
GONE_TO = "SELECT id FROM orders WHERE xmax <> 0 ORDER BY id"
#: with an orphan that nothing happens to, in front of the others: the deletion goes to their places unseen
MORE = f"{SHOP}; DELETE FROM orders WHERE id = 13; INSERT INTO orders VALUES (9, 97, 0), (13, 99, 0)"
#: what others commit between the look and the locks; the orders that are left; whether what was placed still counts
MEANWHILE = {
    "nothing": ("SELECT 1", [10, 11, 12], True),
    "a parent goes": ("DELETE FROM users WHERE id = 2", [10, 12], False),
    "a parent gets another key": ("UPDATE users SET id = 3 WHERE id = 2", [10, 12], False),
    "a parent goes, another comes": ("DELETE FROM users WHERE id = 2; INSERT INTO users VALUES (7)", [10, 12], False),
    "parents are replaced by others that are loaded frozen": (
        "BEGIN; TRUNCATE users; COPY users (id) FROM PROGRAM 'printf \"1\\n7\\n\"' (FREEZE); COMMIT", [10, 12], False
    ),
    "all parents are replaced": (
        "CREATE TEMP TABLE kept AS TABLE users; TRUNCATE users; INSERT INTO users TABLE kept", [10, 11, 12], False
    ),
    "the missing parent comes": ("INSERT INTO users VALUES (99)", [10, 11, 12, 13], True),
    "an orphan comes": ("INSERT INTO orders VALUES (14, 98, 0)", [10, 11, 12], True),
    "an orphan and its parent come": ("INSERT INTO users VALUES (98); INSERT INTO orders VALUES (14, 98, 0)",
                                      [10, 11, 12, 14], True),
    "a row becomes one": ("UPDATE orders SET user_id = 98 WHERE id = 10", [11, 12], True),
    "an orphan goes": ("DELETE FROM orders WHERE id = 13", [10, 11, 12], True),
    "an orphan moves": ("UPDATE orders SET total = 0 WHERE id = 13", [10, 11, 12], True),
    "an orphan finds a parent": ("UPDATE orders SET user_id = 1 WHERE id = 13", [10, 11, 12, 13], True),
    "an orphan is nobody's": ("UPDATE orders SET user_id = NULL WHERE id = 13", [10, 11, 12, 13], True),
    "an orphan goes, and another takes its place": (
        "DELETE FROM orders WHERE id = 13; VACUUM orders; INSERT INTO orders VALUES (14, 1, 0)", [10, 11, 12, 14], True
    ),
    "the table is written anew": ("DELETE FROM orders WHERE id = 10; VACUUM FULL orders", [11, 12], False),
    "the table is sorted anew, and a row of nobody comes to an orphan's place": (
        "CREATE INDEX nobody_last ON orders ((user_id IS NULL)); CLUSTER orders USING nobody_last", [10, 11, 12], False
    ),
    "the table is sorted anew": (
        "CREATE INDEX by_total ON orders (total DESC); CLUSTER orders USING by_total", [10, 11, 12], False
    ),
}  # fmt: skip


#: those that wait for no row or table that is held by whoever has deleted ahead
NOT_WAITING = [
    "nothing", "a parent goes", "a parent gets another key", "a parent goes, another comes", "the missing parent comes",
    "an orphan comes", "an orphan and its parent come", "a row becomes one",
]  # fmt: skip
#: an orphan that nobody has deleted, or whose deletion was taken back: nobody can lock it else
UNTOUCHED = "SELECT FROM orders WHERE id = 13 FOR UPDATE SKIP LOCKED"
INDEX = "CREATE INDEX ON orders (user_id)"
#: locks that keep writers waiting
STRONG = """SELECT FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
             WHERE l.mode = 'ShareRowExclusiveLock' AND c.relname IN ('users', 'orders', 'lines')"""


@pytest.fixture(autouse=True)
def _every_table_is_big(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placed, "BIG", 0)


Keys = list[Key | None]
Happening = Callable[[], object]
Between = Callable[[Happening], list[bool]]


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Keys:
    """By which each look has noted orphans; any index will do."""
    key, keys = indexed.key, Keys()

    def noting(*given: Any) -> Key | None:
        keys.append(key(*given))
        return keys[-1]

    monkeypatch.setattr(indexed, "WRITTEN", 1e9)
    monkeypatch.setattr(indexed, "key", noting)
    return keys


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Between:
    return arranging(monkeypatch)


@pytest.fixture
def behind(monkeypatch: pytest.MonkeyPatch) -> Between:
    """Between what is deleted ahead and the locks."""
    return arranging(monkeypatch, "sqlrail.orphans.ahead._settled")


def arranging(monkeypatch: pytest.MonkeyPatch, before: str = "sqlrail.orphans.prepare.lock") -> Between:
    """Has something happen, once, between the look and the locks; gives a list of whether what was placed counted."""

    def arrange(happens: Happening) -> list[bool]:
        standing, counted, happened = placed.standing, list[bool](), list[object]()

        def noting(*given: Any) -> Any:
            found = standing(*given)
            counted.append(found is not None)
            return found

        def first(function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*given: Any) -> Any:
                if not happened:
                    happened.append(happens())
                return function(*given)

            return call

        module, _, function = before.rpartition(".")
        monkeypatch.setattr(before, first(getattr(import_module(module), function)))
        monkeypatch.setattr(placed, "standing", noting)
        return counted

    return arrange


def do(connection: Connection, statements: str) -> None:
    """One by one, for some refuse a transaction."""
    for statement in statements.split(";"):
        connection.execute(statement.encode())


@pytest.mark.parametrize("what", MEANWHILE)
def test_where_the_transactions_since_are_too_many_to_be_listed_the_same_counts(
    what: str, database: str, connect: Connect, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placed, "LISTED", -1)
    test_what_happens_between_the_look_and_the_locks_counts(MORE, what, database, connect, between)


@pytest.mark.parametrize("what", MEANWHILE)
@pytest.mark.parametrize("shop", [SHOP, MORE], ids=["one", "more"])
def test_what_happens_between_the_look_and_the_locks_counts(
    shop: str, what: str, any_database: str, connect: Connect, between: Between
) -> None:
    connection = connect(any_database)
    connection.execute(shop.encode())
    statements, left, counts = MEANWHILE[what]
    there = list[int]()

    def happens() -> None:
        do(connection, statements)
        there[:] = ids(connection)

    counted = between(happens)
    (done,) = clean(any_database, max_share=1.0).relations
    assert (ids(connection), counted) == (left, [counts])
    gone = {number for number in there if number not in left}
    assert {int(cells["id"] or 0) for *_, cells in archive(connection)} == gone
    assert (done.orphans, done.deleted, done.archived) == (len(gone),) * 3
    runs = connection.execute("SELECT relations->0->'orphans' FROM sqlrail.run").fetchall()
    assert runs == [(len(gone),)] * bool(gone)


def test_another_table_under_the_parents_name_is_looked_at_anew(
    db: Connection, database: str, between: Callable[..., list[bool]]
) -> None:
    """Though it has as many rows, and none is younger than the look."""
    db.execute(SHOP)
    do(db, "CREATE TABLE others (id int PRIMARY KEY, name text); INSERT INTO others VALUES (1), (7)")
    counted = between(lambda: do(db, "ALTER TABLE users RENAME TO gone; ALTER TABLE others RENAME TO users"))
    clean(database, max_share=1.0)
    assert (ids(db), counted) == ([10, 12], [False])


def test_a_transaction_that_was_open_at_the_look_is_seen(
    db: Connection, database: str, connect: Connect, between: Callable[..., list[bool]]
) -> None:
    db.execute(SHOP)
    other = connect(database)
    other.autocommit = False
    other.execute("INSERT INTO orders VALUES (14, 98, 0)")
    other.execute("DELETE FROM users WHERE id = 2")
    db.execute("INSERT INTO orders VALUES (15, 97, 0)")  # younger than that, and seen by the look
    counted = between(other.commit)
    assert clean(database, max_share=1.0).relations[0].deleted == 4
    assert (ids(db), counted) == ([10, 12], [False])


def test_nothing_is_placed_where_a_parent_may_be_younger_than_what_is_open(
    db: Connection, database: str, connect: Connect, between: Callable[..., list[bool]]
) -> None:
    db.execute(SHOP)
    other = connect(database)
    other.autocommit = False
    other.execute("INSERT INTO users VALUES (50)")
    db.execute("INSERT INTO users VALUES (98); INSERT INTO orders VALUES (14, 98, 0)")

    def happens() -> None:
        other.commit()
        db.execute("DELETE FROM users WHERE id = 98")

    counted = between(happens)
    clean(database, max_share=1.0)
    assert (ids(db), counted) == ([10, 11, 12], [])


def test_many_orphans_that_came_since_are_refused_as_ever(
    db: Connection, database: str, between: Callable[..., list[bool]]
) -> None:
    db.execute(SHOP)
    more = "INSERT INTO orders SELECT n, 98, 0 FROM generate_series(100, 120) AS n"
    between(lambda: db.execute(more.encode()))
    with pytest.raises(Refused, match="22 rows are orphans now, and there were 1 of them at the survey"):
        clean(database, max_rows=2, max_share=0.95)
    assert len(ids(db)) == 25


def test_a_key_that_sets_null_is_placed_too(
    db: Connection, database: str, between: Callable[..., list[bool]]
) -> None:
    db.execute(SHOP)
    counted = between(lambda: db.execute("UPDATE orders SET total = 9 WHERE id = 13"))
    assert clean(database, f"{ORDERS} set null").relations[0].changed == 1
    assert db.execute("SELECT id FROM orders WHERE user_id IS NULL ORDER BY id").fetchall() == [(12,), (13,)]
    assert counted == [True]


def test_what_was_placed_is_gone_to_before_the_locks_and_let_go_again(
    db: Connection, database: str, between: Callable[..., list[bool]]
) -> None:
    """More than are locked at once."""
    db.execute(SHOP)
    db.execute("INSERT INTO orders SELECT n, 90 + n % 10 / 9 * 9, 0 FROM generate_series(101, 2600) AS n")
    gone_to = list[tuple[int]]()

    def happens() -> None:
        gone_to[:] = db.execute(GONE_TO).fetchall()
        db.execute("SELECT FROM orders FOR UPDATE NOWAIT")

    counted = between(happens)
    assert clean(database, f"{ORDERS} set null", max_share=1.0).relations[0].changed == 2501
    assert (gone_to, counted) == ([(13,), *((n,) for n in range(101, 2601))], [True])


@pytest.mark.parametrize("name", ["$warm$", "$round1$"])
def test_names_are_only_names_where_rows_are_gone_to(
    name: str, db: Connection, database: str, between: Callable[..., list[bool]]
) -> None:
    db.execute(SHOP.replace("orders", f'"{name}"').encode())
    gone_to = list[tuple[int]]()
    looks = GONE_TO.replace("orders", f'"{name}"').encode()
    between(lambda: gone_to.extend(db.execute(looks).fetchall()))
    assert clean(database, f'"{name}".user_id -> users.id set null', max_share=1.0).relations[0].changed == 1
    assert gone_to == [(13,)]


def test_a_row_that_somebody_has_in_hand_is_not_waited_for(
    db: Connection, database: str, connect: Connect, between: Callable[..., list[bool]]
) -> None:
    db.execute(SHOP)
    db.execute("INSERT INTO orders VALUES (14, 98, 0)")
    other = connect(database)
    other.autocommit = False
    other.execute("UPDATE orders SET user_id = 1 WHERE id = 13")
    gone_to = list[tuple[int]]()

    def happens() -> None:
        gone_to[:] = db.execute(GONE_TO).fetchall()
        other.commit()

    counted = between(happens)
    assert clean(database, f"{ORDERS} set null", max_share=1.0).relations[0].changed == 1
    assert (gone_to, counted) == ([(13,), (14,)], [True])
    assert db.execute("SELECT id FROM orders WHERE user_id IS NULL").fetchall() == [(12,), (14,)]


def test_a_connection_that_is_lost_on_the_way_is_said_to_be(
    db: Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.execute(SHOP)
    warm = ahead.warm

    def cutting(*given: Any) -> None:
        db.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        warm(*given)

    monkeypatch.setattr(ahead, "warm", cutting)
    with pytest.raises(ConnectionLost, match="while the orphans that were found were being read"):
        clean(database, f"{ORDERS} set null", max_share=1.0)
    assert ids(db) == [10, 11, 12, 13]


def test_what_was_gone_to_is_let_go_of_before_the_next_is(
    db: Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.execute(SHOP)
    warm, free = ahead.warm, list[tuple[int]]()

    def looking(*given: Any) -> None:
        warm(*given)
        free.extend(db.execute("SELECT id FROM orders WHERE id = 13 FOR UPDATE NOWAIT").fetchall())

    monkeypatch.setattr(ahead, "warm", looking)
    assert clean(database, f"{ORDERS} set null", max_share=1.0).relations[0].changed == 1
    assert free == [(13,)]


def test_where_a_guard_refuses_nothing_was_gone_to(db: Connection, database: str) -> None:
    db.execute(SHOP)
    with pytest.raises(Refused):
        clean(database, max_share=0.01, max_rows=0)
    assert db.execute(GONE_TO).fetchall() == []


def test_a_role_that_may_delete_and_not_update_cleans_all_the_same(
    db: Connection, database: str, role: str, between: Callable[..., list[bool]]
) -> None:
    db.execute(SHOP)
    db.execute(
        f"""GRANT SELECT, DELETE ON orders TO {role}; GRANT SELECT, UPDATE ON users TO {role};
        GRANT CREATE ON SCHEMA public TO {role}; CREATE SCHEMA sqlrail AUTHORIZATION {role}""".encode()
    )
    gone_to = list[tuple[int]]()
    counted = between(lambda: gone_to.extend(db.execute(GONE_TO).fetchall()))
    assert clean(as_role(database, role), max_share=1.0).relations[0].deleted == 1
    assert (gone_to, ids(db), counted) == ([], [10, 11, 12], [True])


@pytest.mark.parametrize(("newest", "listed"), [
    (None, None),
    (5_000_000_000, []),
    (5_000_000_002, ["705032704", "705032705"]),  # as rows have them, in 32 bits
    (5_000_020_001, None),
])  # fmt: skip
def test_transactions_are_listed_where_they_are_few(newest: int | None, listed: list[str] | None) -> None:
    noted = placed.Placed((), "{}", "5000000000", parents=1, file=1, newest=newest)
    assert noted.transactions == listed


def test_several_relations_are_deleted_ahead_before_any_is_locked(
    db: Connection, database: str, behind: Between
) -> None:
    """One that a foreign key says, too; and what the first cleanup takes away leaves orphans that no look has seen."""
    db.execute(SHOP)
    db.execute(
        """CREATE TABLE lines (id int PRIMARY KEY, order_id int, user_id int);
        INSERT INTO lines VALUES (1, 10, 1), (2, 13, 1), (3, 77, 1), (4, 10, 98), (5, 78, 97);
        ALTER TABLE lines ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE NOT VALID"""
    )
    gone = list[tuple[int]]()

    def happens() -> None:
        gone[:] = db.execute("SELECT id FROM lines WHERE xmax <> 0 ORDER BY id").fetchall()
        assert db.execute(STRONG).fetchall() == []

    counted = behind(happens)
    relations = [f"{ORDERS} delete", "lines.order_id -> orders.id delete", "lines.user_id -> users.id"]
    done = clean(database, *relations, max_share=1.0)
    assert [(one.orphans, one.deleted, one.archived) for one in done.relations] == [
        (1,) * 3,
        (2,) * 3,
        (2,) * 3,
    ]
    assert (gone, counted) == ([(3,), (4,), (5,)], [True, True])
    assert db.execute("SELECT id FROM lines").fetchall() == [(1,)]
    assert ids(db) == [10, 11, 12]
    assert len(archive(db)) == 5


@pytest.mark.parametrize("what", MEANWHILE)
@pytest.mark.parametrize("shop", [SHOP, MORE], ids=["one", "more"])
def test_what_happens_behind_a_look_at_indexes_counts(
    shop: str, what: str, any_database: str, connect: Connect, between: Between, keys: Keys
) -> None:
    test_what_happens_between_the_look_and_the_locks_counts(
        f"{shop}; {INDEX}", what, any_database, connect, between
    )
    assert keys == [Key("user_id", "_int4")]


@pytest.mark.parametrize("what", NOT_WAITING)
@pytest.mark.parametrize("shop", [SHOP, MORE], ids=["one", "more"])
def test_what_happens_behind_a_deletion_by_keys_counts(
    shop: str, what: str, any_database: str, connect: Connect, behind: Between, keys: Keys
) -> None:
    test_what_happens_behind_a_look_at_indexes_counts(shop, what, any_database, connect, behind, keys)


@pytest.mark.parametrize("what", NOT_WAITING)
@pytest.mark.parametrize("shop", [SHOP, MORE], ids=["one", "more"])
def test_what_happens_between_the_deletion_ahead_and_the_locks_counts(
    shop: str, what: str, any_database: str, connect: Connect, behind: Between
) -> None:
    test_what_happens_between_the_look_and_the_locks_counts(shop, what, any_database, connect, behind)


@pytest.mark.parametrize("index", ["SELECT 1", INDEX], ids=["by places", "by keys"])
def test_where_a_parent_has_come_the_others_are_deleted_ahead_all_the_same(
    index: str, db: Connection, database: str, between: Between, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.execute(f"{MORE}; {index}".encode())
    counted = between(lambda: db.execute("INSERT INTO users VALUES (99)"))
    settled, free = ahead._settled, list[list[tuple[int]]]()

    def noting(*given: Any) -> Any:
        free.append(sorted(db.execute("SELECT id FROM orders FOR UPDATE SKIP LOCKED").fetchall()))
        return settled(*given)

    monkeypatch.setattr(ahead, "_settled", noting)
    (done,) = clean(database, max_share=1.0).relations
    assert (done.orphans, done.deleted, free) == (1, 1, [[(10,), (11,), (12,)]])
    assert (ids(db), counted, len(keys)) == ([10, 11, 12, 13], [True], 1)


def test_what_came_to_an_orphans_place_since_is_no_reason_to_begin_again(
    db: Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the cleanup's transaction, which keeps a VACUUM from making places free."""
    db.execute(SHOP)
    db.execute("INSERT INTO orders VALUES (15, 97, 0)")
    statements, left, _ = MEANWHILE["an orphan goes, and another takes its place"]
    arranging(monkeypatch, "sqlrail.verbs.cleanup._warm")(lambda: do(db, statements))
    take, tries = ahead._taken, list[bool]()

    def noting(*given: Any, one_by_one: bool = False, **more: Any) -> Any:
        tries.append(one_by_one)
        return take(*given, one_by_one=one_by_one, **more)

    monkeypatch.setattr(ahead, "_taken", noting)
    clean(database, max_share=1.0)
    assert (ids(db), tries) == (left, [False])


def test_a_row_that_somebody_has_in_hand_is_left_to_the_locks(
    db: Connection, database: str, connect: Connect, behind: Between
) -> None:
    """And is an orphan there, or none."""
    db.execute(SHOP)
    db.execute("INSERT INTO orders VALUES (14, 98, 0), (15, 98, 0)")
    other = connect(database)
    other.autocommit = False
    other.execute("UPDATE orders SET user_id = 1 WHERE id = 13; UPDATE orders SET total = 1 WHERE id = 14")
    gone = list[tuple[int]]()

    def happens() -> None:
        gone[:] = db.execute("SELECT id FROM orders WHERE xmax <> 0 AND id <> ALL ('{13, 14}')").fetchall()
        other.commit()

    counted = behind(happens)
    (done,) = clean(database, max_share=1.0).relations
    assert (done.orphans, done.deleted, done.archived) == (2, 2, 2)
    assert (gone, ids(db), counted) == ([(15,)], [10, 11, 12, 13], [True])


def test_whoever_waits_for_a_row_and_would_be_waited_for_has_it_back(
    db: Connection, database: str, connect: Connect, behind: Between
) -> None:
    """No deadlock is looked for: it would end the other's transaction."""
    db.execute(SHOP)
    other = connect(database)
    other.autocommit = False
    other.execute("SET deadlock_timeout = '50ms'; UPDATE orders SET total = 1 WHERE id = 10")
    with ThreadPoolExecutor(1) as pool:
        waits = list[Future[object]]()

        def writes() -> None:
            other.execute("UPDATE orders SET total = 2 WHERE id = 13")
            other.commit()

        def happens() -> None:
            waits.append(pool.submit(writes))
            wait_until_blocked(db)

        counted = behind(happens)
        (done,) = clean(database, max_share=1.0).relations
        waits[0].result()
    assert (done.orphans, done.deleted, counted) == (1, 1, [True])
    assert [cells["total"] for *_, cells in archive(db)] == ["2"]
    assert db.execute("SELECT total::int FROM orders ORDER BY id").fetchall() == [(1,), (6,), (7,)]


def test_a_lock_that_is_not_to_be_had_is_waited_for_with_nothing_held(
    db: Connection, database: str, connect: Connect
) -> None:
    db.execute(SHOP)
    other = connect(database)
    other.autocommit = False
    other.execute("UPDATE orders SET total = 1 WHERE id = 10")
    with ThreadPoolExecutor(1) as pool:
        cleaning = pool.submit(clean, database, max_share=1.0, lock_timeout=30.0)
        wait_until_blocked(db)
        wait_for(lambda: db.execute(UNTOUCHED).rowcount, "what was deleted ahead is there again")
        other.commit()
        (done,) = cleaning.result().relations
    assert (done.orphans, done.deleted, ids(db)) == (1, 1, [10, 11, 12])
    assert db.execute("SELECT count(*) FROM sqlrail.run").fetchone() == (1,)


def test_whoever_cancels_it_ends_it(db: Connection, database: str, connect: Connect) -> None:
    """And it does not go on under its locks."""
    db.execute(SHOP)
    other = connect(database)
    other.autocommit = False
    other.execute("UPDATE orders SET total = 1 WHERE id = 10")
    with ThreadPoolExecutor(1) as pool:
        cleaning = pool.submit(clean, database, max_share=1.0, lock_timeout=50.0)
        wait_until_blocked(db)
        db.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                   " AND datname = current_database()")  # fmt: skip
        with pytest.raises(
            DatabaseFailed, match=r"canceling statement due to user request\. Nothing was changed"
        ):
            cleaning.result(timeout=20)
    other.rollback()
    assert ids(db) == [10, 11, 12, 13]


def test_whoever_cancels_what_is_done_for_rows_that_are_set_ends_it(
    db: Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.execute(SHOP)

    def canceled(session: Any, _: object) -> None:
        session.ask(b"SET LOCAL statement_timeout = '10ms'; SELECT pg_sleep(60)")

    monkeypatch.setattr(ahead, "warm", canceled)
    with pytest.raises(DatabaseFailed, match="the look at the orphans failed: canceling statement"):
        clean(database, f"{ORDERS} set null", max_share=1.0)
    assert db.execute("SELECT id FROM orders WHERE user_id IS NULL").fetchall() == [(12,)]


def test_a_deadlock_timeout_of_next_to_nothing_is_no_wait_for_ever(
    db: Connection, database: str, connect: Connect
) -> None:
    db.execute(f"ALTER DATABASE {db.info.dbname} SET deadlock_timeout = '1ms'".encode())
    test_a_lock_that_is_not_to_be_had_is_waited_for_with_nothing_held(db, database, connect)


@pytest.mark.parametrize("made", [
    "CREATE TRIGGER idle BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION idle()",
    "CREATE TABLE lines (order_id int REFERENCES orders ON DELETE CASCADE); INSERT INTO lines VALUES (13)",
])  # fmt: skip
def test_where_more_hangs_on_a_deletion_nothing_is_deleted_ahead(
    made: str, db: Connection, database: str, behind: Between
) -> None:
    db.execute(SHOP)
    db.execute("CREATE FUNCTION idle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN old; END'")
    db.execute(made.encode())
    happened = list[None]()
    behind(lambda: happened.append(None))
    assert clean(database, max_share=1.0, allow_triggers=("idle",)).relations[0].deleted == 1
    assert (happened, ids(db)) == ([], [10, 11, 12])


def test_a_guard_refuses_newcomers_in_the_sum_with_what_was_deleted_ahead(
    db: Connection, database: str, behind: Between
) -> None:
    db.execute(SHOP)
    more = "INSERT INTO orders SELECT n, 98, 0 FROM generate_series(100, 120) AS n"
    behind(lambda: db.execute(more.encode()))
    with pytest.raises(Refused, match="22 rows are orphans now, and there were 1 of them at the survey"):
        clean(database, max_rows=2, max_share=0.95)
    assert len(ids(db)) == 25
    assert db.execute("SELECT to_regclass('sqlrail.run')").fetchone() == (None,)


def test_keys_that_are_one_to_the_child_and_several_to_the_parent_each_have_to_be_without_a_parent(
    db: Connection, database: str, behind: Between
) -> None:
    db.execute(
        """CREATE EXTENSION citext; CREATE TABLE users (name text PRIMARY KEY);
        CREATE TABLE orders (id int PRIMARY KEY, user_name citext); INSERT INTO users VALUES ('Eve');
        INSERT INTO orders VALUES (1, 'Eve'), (2, 'Ada'), (3, 'ada'), (4, 'ADA')"""
    )
    behind(lambda: db.execute("INSERT INTO users VALUES ('ada'), ('ADA')"))
    clean(database, "orders.user_name -> users.name delete", max_share=1.0)
    assert ids(db) == [1, 3, 4]


def test_rows_that_have_lost_both_their_parents_go_with_the_first_and_nothing_is_taken_back(
    db: Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, taken = ahead.take, list[int]()

    def counting(*given: Any, **purpose: Any) -> Any:
        found = take(*given, **purpose)
        taken.append(len(found))
        return found

    monkeypatch.setattr(ahead, "take", counting)
    db.execute(SHOP)
    db.execute(
        """CREATE TABLE shops (id int PRIMARY KEY); INSERT INTO shops VALUES (1);
        ALTER TABLE orders ADD shop_id int DEFAULT 1; UPDATE orders SET shop_id = 9 WHERE id = 13"""
    )
    done = clean(database, ORDERS, "orders.shop_id -> shops.id", max_share=1.0).relations
    assert [(one.orphans, one.deleted, one.archived, one.run) for one in done] == [
        (1, 1, 1, 1),
        (0, 0, 0, None),
    ]
    assert (ids(db), len(archive(db)), taken) == ([10, 11, 12], 1, [2])
    assert db.execute("SELECT jsonb_array_length(relations) FROM sqlrail.run").fetchall() == [(1,)]


def test_what_a_deletion_ahead_makes_orphans_is_held_against_no_survey(db: Connection, database: str) -> None:
    """In a circle, where those come first that lose their parents by the others."""
    db.execute(SHOP)
    db.execute(
        """ALTER TABLE users ADD order_id int; UPDATE users SET order_id = 77 WHERE id = 2;
        INSERT INTO users SELECT n, 'n', 13 FROM generate_series(100, 120) AS n"""
    )
    done = clean(
        database, "users.order_id -> orders.id delete", f"{ORDERS} delete", max_rows=2, max_share=1.0
    )
    assert [(one.orphans, one.deleted) for one in done.relations] == [(22, 22), (2, 2)]
    assert ids(db) == [10, 12]
    assert ids(db, "users") == [1]
