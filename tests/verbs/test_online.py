"""The cleanup of live tables: what it deletes in batches, what it leaves alone, and that no end of it loses a row."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import console
import psycopg
import pytest
import samples
from aftermath import start_runner
from conftest import FAST, SYSTEM, Connect, open_folder, query
from console import Sqlrail
from copies import copy_of
from listeners import Heard
from proxy import Proxy
from psycopg import sql
from samples import CUTS, sample
from servers import own_server
from terminals import at_a_terminal
from test_cleanup import ORDERS, SHOP, archive, clean, contents, ids, settings
from test_print_sql import CASES
from waiting import PATIENCE, wait_for, watching

from sqlrail.batches import pace
from sqlrail.batches.interrupts import Interrupts
from sqlrail.batches.pace import FIRST, LET_END, Pace
from sqlrail.batches.patience import Patience
from sqlrail.engine.backend import Backend
from sqlrail.errors import Busy, ConnectionLost, DatabaseFailed, Refused, SqlrailError
from sqlrail.ground.events import BatchCleaned, Event, nobody
from sqlrail.ground.relation import Relation
from sqlrail.orphans.online.batches import TRIES
from sqlrail.server import local
from sqlrail.verbs import online
from sqlrail.verbs.apply import migrate
from sqlrail.verbs.cleanup import Cleanup

sqlrail = console.sqlrail

Connection = psycopg.Connection[Any]

#: operations of the four sessions together; 100,000 in the long run
OPERATIONS = 2 * samples.OPERATIONS
#: runs that are killed, and runs whose connection is cut
KILLS = sample("ONLINE_KILLS", 12)
#: enough for many small batches
MANY = """
    CREATE TABLE users (id int PRIMARY KEY);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int, note text DEFAULT 'n');
    INSERT INTO users SELECT generate_series(1, 100);
    INSERT INTO orders SELECT n, n % 200 + 1 FROM generate_series(1, 2000) AS n;
"""
ORPHANS = 1000


def run(
    url: str, *relations: str, show: Callable[[BatchCleaned], object] = lambda _: None, **more: Any
) -> Cleanup:
    named = [Relation.parse(relation) for relation in relations or (ORDERS,)]
    told = settings(url, **{"pause": 0.0, "retry_for": 30.0, "max_share": 1.0, **more})

    def hear(event: Event) -> None:
        if isinstance(event, BatchCleaned):
            show(event)

    return online.cleanup(told, hear, named)


def leftovers(connection: Connection) -> list[str]:
    found = connection.execute("SELECT relname FROM pg_class WHERE relname ~ '^online_[0-9]'").fetchall()
    return [name for (name,) in found]


def check_each_row_is_in_one_place(connection: Connection, number: int = 2000) -> None:
    archived = [int(cells["id"] or 0) for _, _, cells in archive(connection)]
    assert sorted(ids(connection) + archived) == list(range(1, number + 1))
    assert all(id_ % 200 >= 100 for id_ in archived)


@pytest.fixture
def db(database: str, connect: Connect) -> Connection:
    return connect(database)


@pytest.fixture
def many(db: Connection) -> Connection:
    db.execute(MANY)
    return db


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of 10 rows at the most."""
    monkeypatch.setattr(pace, "FIRST", 10)
    monkeypatch.setattr(pace, "GROWTH", 1)


@pytest.fixture
def at_settling(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[int], object]], None]]:
    """Does something, told the how manieth time, between a batch's deletion and its lock on the parent."""
    ask, number = Backend.ask, count(1)

    def set_up(do: Callable[[int], object]) -> None:
        def asked(self: Backend, text: bytes) -> Any:
            if b"IN SHARE MODE" in text and b"sqlrail.parents" in text:
                do(next(number))
            return ask(self, text)

        monkeypatch.setattr(Backend, "ask", asked)

    return set_up  # type: ignore[return-value]


# The plain cases: what the other mode does


@pytest.mark.parametrize("case", CASES)
@pytest.mark.usefixtures("_small")
def test_it_does_what_the_one_transaction_does(case: str, database: str) -> None:
    setup, relations = CASES[case]
    query(database, setup)
    with copy_of(database) as copy:
        expected, result = clean(database, *relations), run(copy, *relations)
        assert [(one.orphans, one.deleted, one.archived) for one in result.relations] == [
            (one.orphans, one.deleted, one.archived) for one in expected.relations
        ]
        with psycopg.connect(database) as one, psycopg.connect(copy) as other:
            assert contents(other) == contents(one)
            assert Counter(map(repr, archive(other))) == Counter(map(repr, archive(one)))
            assert leftovers(other) == []


@pytest.mark.usefixtures("_small")
def test_on_every_server_many_batches_are_one_run(any_database: str, connect: Connect) -> None:
    db = connect(any_database)
    db.execute(MANY)
    steps: list[BatchCleaned] = []
    result = run(any_database, show=steps.append)
    assert len(steps) == ORPHANS / 10 + 1
    assert (steps[-1].done, steps[-1].cleaned, steps[-1].found, steps[-1].left) == (1000, 1000, 1000, 0)
    assert result.run == 1
    assert (result.relations[0].deleted, result.relations[0].left) == (ORPHANS, 0)
    check_each_row_is_in_one_place(db)
    assert db.execute("SELECT verb, actor, relations FROM sqlrail.run").fetchall() == [
        (
            "cleanup",
            "tester",
            [
                {
                    "relation": ORDERS,
                    "parent": "public.users",
                    "orphans": 1000,
                    "deleted": 1000,
                    "archived": 1000,
                }
            ],
        )
    ]
    assert run(any_database).run is None
    assert leftovers(db) == []


@pytest.mark.usefixtures("_small")
def test_rows_of_partitions_go_from_their_own_places(any_database: str, connect: Connect) -> None:
    db = connect(any_database)
    db.execute(
        """CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users SELECT generate_series(1, 50);
        CREATE TABLE orders (id int PRIMARY KEY, user_id int) PARTITION BY RANGE (id);
        CREATE TABLE early PARTITION OF orders FOR VALUES FROM (1) TO (101);
        CREATE TABLE late PARTITION OF orders FOR VALUES FROM (101) TO (301);
        INSERT INTO orders SELECT n, n % 100 + 1 FROM generate_series(1, 300) AS n;
        CREATE TABLE lines (order_id int REFERENCES orders ON DELETE CASCADE);
        INSERT INTO lines SELECT generate_series(1, 300)"""
    )
    result = run(any_database)
    assert (result.relations[0].deleted, result.relations[0].archived) == (150, 300)
    assert ids(db) == [n for n in range(1, 301) if n % 100 < 50]
    assert db.execute("SELECT count(*) FROM lines").fetchall() == [(150,)]


def test_batches_grow_and_shrink_with_the_time_that_they_take(many: Connection, database: str) -> None:
    del many
    quick: list[BatchCleaned] = []
    run(database, batch_time=5.0, show=quick.append)
    assert len(quick) == 2
    query(database, "INSERT INTO orders SELECT n, 999 FROM generate_series(3001, 4000) AS n")
    slow: list[BatchCleaned] = []
    run(database, batch_time=0.001, show=slow.append)
    assert slow[1].done - slow[0].done < slow[0].done


@pytest.mark.parametrize(
    ("fixed", "each", "least", "most"),
    [
        pytest.param(0.001, 0.0001, 1_500, 2_500, id="rows that are quick"),
        pytest.param(0.005, 0.01, 10, 30, id="rows that are slow"),
        pytest.param(0.4, 0.0001, 3_000, 6_000, id="a cost that no number of rows changes"),
        pytest.param(2.0, 0.00001, 50_000, 400_000, id="a great one"),
        pytest.param(0.0, 1.0, 1, 1, id="a row that takes longer than a batch"),
    ],
)
def test_the_pace_finds_how_many_rows_are_worth_a_batch(
    fixed: float, each: float, least: int, most: int
) -> None:
    pace = Pace(0.2, FIRST)
    rough = random.Random(7)  # noqa: S311
    for _ in range(40):
        rows = pace.rows
        pace.took(rows, (fixed + each * rows) * rough.uniform(0.95, 1.05))
    assert least <= pace.rows <= most


def test_after_too_many_rows_come_half_of_them_and_then_more_little_by_little() -> None:
    pace = Pace(0.2, 500)
    pace.failed(500, too_long=True)
    sizes = []
    for _ in range(10):
        sizes.append(pace.rows)
        pace.took(pace.rows, 0.001)
    assert sizes[0] == 250
    assert all(1 <= after / before < 1.2 for before, after in pairwise(sizes))


def test_a_batch_is_given_up_only_where_fewer_rows_may_be_quicker() -> None:
    pace = Pace(0.2, FIRST)
    limits = [pace.limit]
    pace.took(500, 0.01)
    for rows in (2000, 1000):
        limits.append(pace.limit)
        pace.failed(rows, too_long=True)
    limits.append(pace.limit)
    pace.took(500, 0.05)
    limits.append(pace.limit)
    assert limits == [None, 0.2, 0.2, None, 0.2]
    pace.failed(pace.rows, too_long=True)
    pace.took(pace.rows, 0.19)  # it is not the rows that take the time
    for _ in range(LET_END):
        assert pace.limit is None
        pace.took(pace.rows, 0.19)
    assert pace.limit == 0.2


@pytest.mark.parametrize("fixed", [0.001, 0.1, 0.15, 0.3])
def test_to_give_batches_up_costs_little_where_times_vary(fixed: float) -> None:
    def seconds(*, gives_up: bool) -> float:
        pace, rough, rows, seconds = Pace(0.2, FIRST), random.Random(7), 0, 0.0  # noqa: S311
        while rows < 1_000_000:
            size, takes = pace.rows, (fixed + 12e-6 * pace.rows) * rough.lognormvariate(0, 0.2)
            if gives_up and pace.limit and takes > pace.limit:
                seconds += pace.limit
                pace.failed(size, too_long=True)
            else:
                seconds, rows = seconds + takes, rows + size
                pace.took(size, takes)
        return seconds

    assert seconds(gives_up=True) < 2 * seconds(gives_up=False)


PARTED = """
    CREATE TABLE users (id int PRIMARY KEY) PARTITION BY HASH (id);
    DO $$ BEGIN
        FOR n IN 0 .. 127 LOOP
            EXECUTE format('CREATE TABLE p_%1$s PARTITION OF users FOR VALUES WITH (MODULUS 128, REMAINDER %1$s)', n);
        END LOOP;
    END $$;
    INSERT INTO users SELECT generate_series(1, 1000);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int);
    INSERT INTO orders SELECT n, n FROM generate_series(1, 2000) AS n;
"""


def test_a_parent_of_many_partitions_is_not_compiled_for(any_database: str, connect: Connect) -> None:
    """It took seconds for each batch, with all who write to the parent waiting, and never came to an end."""
    db = connect(any_database)
    db.execute(PARTED)
    name = sql.Identifier(db.info.dbname)
    for cost in ("jit_above_cost", "jit_inline_above_cost", "jit_optimize_above_cost"):
        db.execute(sql.SQL("ALTER DATABASE {} SET {} = 0").format(name, sql.Identifier(cost)))
    steps: list[BatchCleaned] = []
    (one,) = run(any_database, show=steps.append, retry_for=5.0, max_share=1.0).relations
    assert (one.deleted, one.left) == (1000, 0)
    assert len(steps) <= 10


#: a key in whose index each step takes longer than a look may
SLOW = """
    CREATE FUNCTION compare(a int, b int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
        PERFORM pg_sleep(0.05) WHERE current_setting('test.slow', true) = 'on';
        RETURN sign(a - b);
    END $$;
    CREATE OPERATOR CLASS slow FOR TYPE int USING btree AS
        OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 compare(int, int);
    CREATE TABLE users (id int NOT NULL); CREATE UNIQUE INDEX ON users (id slow); INSERT INTO users VALUES (1), (2);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int);
    INSERT INTO orders SELECT n, n FROM generate_series(1, 100) AS n;
"""


@pytest.mark.usefixtures("_small")
def test_a_look_that_cannot_be_quick_enough_ends_and_lets_writers_on_meanwhile(
    db: Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.execute(SLOW)
    for setting in ("test.slow = on", "enable_seqscan = off"):
        db.execute(f"ALTER DATABASE {db.info.dbname} SET {setting}".encode())
    waits: list[float] = []
    monkeypatch.setattr(Patience, "rest", lambda _, seconds: waits.append(seconds))
    with pytest.raises(DatabaseFailed, match=r"even for one row.*--batch-time"):
        run(database, batch_time=0.04, retry_for=60.0, max_share=1.0)
    assert len(waits) >= TRIES
    assert all(wait >= 0.02 for wait in waits)
    assert db.execute("SELECT count(*) FROM orders").fetchall() == [(100,)]


REFUSALS: dict[str, tuple[str, dict[str, Any], str]] = {
    "an empty parent": ("DELETE FROM users", {}, "the parent table is empty"),
    "too many": ("", {"max_share": 0.1, "max_rows": 10}, "1000 of 2000 rows are orphans"),
    "a trigger": (
        """CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
        CREATE TRIGGER t BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION f()""",
        {},
        "the trigger t on public.orders would fire",
    ),
    "no key": ("ALTER TABLE users DROP CONSTRAINT users_pkey", {}, "id is not unique"),
}


@pytest.mark.parametrize("case", REFUSALS)
@pytest.mark.parametrize("has_tables", [False, True])
def test_it_refuses_what_the_other_mode_refuses(
    case: str, has_tables: bool, many: Connection, database: str
) -> None:
    setup, more, message = REFUSALS[case]
    if has_tables:
        many.execute("INSERT INTO orders VALUES (0, 999)")
        run(database, max_rows=5000)
        query(
            database,
            "INSERT INTO orders SELECT n, n % 200 + 1 FROM generate_series(1, 2000) AS n ON CONFLICT DO NOTHING",
        )
    many.execute((setup or "SELECT").encode())
    before = contents(many), archive(many)
    with pytest.raises(Refused, match=message) as caught:
        run(database, **more)
    assert str(caught.value).endswith("Nothing was changed.")
    assert (contents(many), archive(many), leftovers(many)) == (*before, [])


# Others write meanwhile


@pytest.mark.usefixtures("_small")
def test_rows_that_others_took_care_of_meanwhile_are_left_alone(many: Connection, database: str) -> None:
    later = many.execute("SELECT id FROM orders WHERE user_id > 100 ORDER BY id DESC LIMIT 4").fetchall()
    deleted, moved, adopted, touched = (id_ for (id_,) in later)
    done: list[BatchCleaned] = []

    def meddle(progress: BatchCleaned) -> None:
        if not done:
            many.execute("DELETE FROM orders WHERE id = %s", [deleted])
            many.execute("UPDATE orders SET user_id = 1 WHERE id = %s", [moved])
            many.execute("INSERT INTO users SELECT user_id FROM orders WHERE id = %s", [adopted])
            many.execute("UPDATE orders SET note = 'still an orphan' WHERE id = %s", [touched])
        done.append(progress)

    one = run(database, show=meddle).relations[0]
    # 10 rows have the parent that came; those of them that were deleted before it came are not there any more.
    kept = set(ids(many)) - {n for n in range(1, 2001) if n % 200 < 100}
    assert {moved, adopted} <= kept
    assert deleted not in kept
    assert touched not in kept
    assert (one.left, one.orphans) == (1000 - one.deleted, 1000)
    assert one.left == len(kept) + 1
    found = [cells["note"] for _, _, cells in archive(many) if cells["id"] == str(touched)]
    assert found == ["still an orphan"]


def test_a_parent_that_is_committed_between_the_deletion_and_its_commit_keeps_its_child(
    many: Connection, database: str, at_settling: Callable[[Callable[[int], object]], None]
) -> None:
    at_settling(lambda number: number == 1 and many.execute("INSERT INTO users VALUES (150)"))
    one = run(database).relations[0]
    assert (one.deleted, one.left) == (990, 10)
    assert len(many.execute("SELECT FROM orders WHERE user_id = 150").fetchall()) == 10


def test_a_parent_that_is_not_yet_committed_is_waited_for(
    many: Connection, database: str, connect: Connect, at_settling: Callable[[Callable[[int], object]], None]
) -> None:
    writer = connect(database, autocommit=False)
    steps: dict[int, Callable[[], object]] = {
        1: lambda: writer.execute("INSERT INTO users VALUES (150)"),
        2: writer.commit,
    }
    at_settling(lambda number: steps.get(number, lambda: None)())
    one = run(database).relations[0]
    assert (one.deleted, one.left) == (990, 10)
    assert len(many.execute("SELECT FROM orders WHERE user_id = 150").fetchall()) == 10


def test_rows_in_others_hands_are_not_waited_for(many: Connection, database: str, connect: Connect) -> None:
    writer = connect(database, autocommit=False)
    writer.execute("UPDATE orders SET note = 'mine' WHERE id = 150")
    one = run(database).relations[0]
    assert (one.deleted, one.left) == (ORPHANS - 1, 1)
    writer.commit()
    assert run(database).relations[0].deleted == 1
    check_each_row_is_in_one_place(many)


def test_it_gives_way_to_a_long_writer_of_the_parent_and_gives_up_in_time(
    many: Connection, database: str, connect: Connect
) -> None:
    writer = connect(database, autocommit=False)
    writer.execute("UPDATE users SET id = 1 WHERE id = 1")
    with pytest.raises(DatabaseFailed, match=r"lock timeout.* Gave up .*1,000 of those found are left"):
        run(database, retry_for=0.3)
    writer.rollback()
    assert (len(ids(many)), archive(many), leftovers(many)) == (2000, [], [])


@pytest.mark.usefixtures("_small")
def test_a_row_that_comes_below_an_orphan_meanwhile_is_archived_with_it(
    many: Connection, database: str
) -> None:
    many.execute("CREATE TABLE lines (id int, order_id int REFERENCES orders ON DELETE CASCADE)")
    last = 2000 - 1

    def add(_: BatchCleaned) -> None:
        with suppress(psycopg.errors.ForeignKeyViolation):
            many.execute("INSERT INTO lines VALUES (7, %s)", [last])

    one = run(database, show=add).relations[0]
    lines = [cells for source, _, cells in archive(many) if source == "public.lines"]
    assert one.archived == ORPHANS + len(lines)
    assert lines
    assert set(map(str, lines)) == {str({"id": "7", "order_id": str(last)})}
    assert many.execute("SELECT count(*) FROM lines").fetchall() == [(0,)]


@pytest.mark.usefixtures("_small")
def test_a_column_that_is_added_meanwhile_is_archived_too(many: Connection, database: str) -> None:
    first: list[BatchCleaned] = []

    def alter(progress: BatchCleaned) -> None:
        if not first:
            many.execute("ALTER TABLE orders ADD extra int DEFAULT 5")
        first.append(progress)

    run(database, show=alter)
    assert Counter("extra" in cells for _, _, cells in archive(many)) == {False: 10, True: 990}


@pytest.mark.usefixtures("_small")
def test_a_trigger_that_is_made_meanwhile_ends_the_run_which_says_what_stands(
    many: Connection, database: str
) -> None:
    trigger = """CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
        CREATE TRIGGER t BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION f()"""
    with pytest.raises(Refused, match=r"the trigger t on public\.orders would fire") as caught:
        run(database, show=lambda _: many.execute(trigger.encode()))
    assert str(caught.value).endswith(
        "10 rows were deleted, all in the archive as run 1; 990 of those found are left. Run again to go on."
    )
    check_each_row_is_in_one_place(many)
    assert (len(archive(many)), leftovers(many)) == (10, [])


@pytest.mark.usefixtures("_small")
def test_migrations_go_on_beside_it_and_another_cleanup_of_the_child_waits(
    many: Connection, database: str, tmp_path: Path
) -> None:
    first: list[str] = []
    (tmp_path / "001_more.sql").write_text("CREATE TABLE more (id int)")

    def others(_: BatchCleaned) -> None:
        if not first:
            migrate(settings(database, migrations=tmp_path), nobody)
            with pytest.raises(Busy, match=r"another online cleanup is at work on public\.orders"):
                run(database, lock_wait=0.0)
            first.append("done")

    run(database, show=others)
    assert many.execute("SELECT to_regclass('more') IS NOT NULL").fetchall() == [(True,)]
    check_each_row_is_in_one_place(many)


@pytest.mark.usefixtures("_small")
def test_a_table_that_takes_the_name_meanwhile_is_not_touched(many: Connection, database: str) -> None:
    swap = """ALTER TABLE orders RENAME TO old; CREATE TABLE orders (id int, user_id int, note text);
        INSERT INTO orders SELECT n, 999 FROM generate_series(1, 2000) AS n"""
    with pytest.raises(Refused, match=r"another table than .* 10 rows were deleted"):
        run(database, show=lambda _: many.execute(swap.encode()))
    assert (len(ids(many)), len(ids(many, "old"))) == (2000, 1990)


def test_orphans_that_are_looked_for_again_count_once(db: Connection, database: str) -> None:
    """The look at the lines is no longer true when their orders have gone; no row is left alone for that."""
    db.execute(
        SHOP
        + """CREATE TABLE lines (id int, order_id int); INSERT INTO lines VALUES (1, 10), (2, 13), (3, 77)"""
    )
    done = run(database, ORDERS, "lines.order_id -> orders.id")
    assert [(one.orphans, one.deleted, one.left) for one in done.relations] == [(1, 1, 0), (2, 2, 0)]


def test_rows_that_all_stay_in_others_hands_are_told(
    many: Connection, database: str, connect: Connect, sqlrail: Sqlrail
) -> None:
    many.execute("DELETE FROM orders WHERE user_id > 101")
    connect(database, autocommit=False).execute("SELECT FROM orders FOR UPDATE")
    done = sqlrail(*arguments(), env={"DATABASE_URL": database})
    assert done.out.splitlines() == [
        f"{ORDERS}: 0 rows deleted, 0 rows archived (run 1), 10 rows left alone", "nothing was changed"
    ]  # fmt: skip


# Rows below orphans of the same table

TREE = "node.up -> node.id"


@pytest.mark.parametrize("key", ["", "ALTER TABLE node ADD FOREIGN KEY (up) REFERENCES node NOT VALID;"])
def test_a_chain_goes_batch_by_batch_and_not_row_by_row(
    key: str, any_database: str, connect: Connect
) -> None:
    db, batches = connect(any_database), list[BatchCleaned]()
    db.execute(
        "CREATE TABLE node (id int PRIMARY KEY, up int); CREATE INDEX ON node (up);"
        f"INSERT INTO node SELECT n, n - 1 FROM generate_series(1, 300) AS n; INSERT INTO node VALUES (999); {key}"
    )
    one = run(any_database, TREE, show=batches.append).relations[0]
    assert (one.orphans, one.deleted, one.archived, one.left) == (300, 300, 300, 0)
    assert db.execute("SELECT id FROM node").fetchall() == [(999,)]
    assert len(batches) < 5


@pytest.mark.parametrize(
    "key", ["", "ALTER TABLE node ADD FOREIGN KEY (part, tid) REFERENCES node (root, level) NOT VALID;"]
)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.usefixtures("_small")
def test_of_any_trees_go_the_rows_that_the_one_transaction_takes(seed: int, key: str, database: str) -> None:
    # The columns are called as ours are.
    dice = random.Random(seed)  # noqa: S311
    rows = [
        (n, n % 7, *dice.choice([(None, None), (n, None), (dice.randrange(90), dice.randrange(7))]))
        for n in range(70)
    ] + [(n, n % 7, n - 1, (n - 1) % 7) for n in range(101, 140)]
    query(
        database,
        "CREATE TABLE node (root int, level int, part int, tid int, UNIQUE (root, level));"
        "ALTER TABLE node ALTER root SET NOT NULL, ALTER level SET NOT NULL;"
        f"INSERT INTO node SELECT its.* FROM jsonb_populate_recordset(NULL::node, '{as_json(rows)}') AS its; {key}",
    )
    relation = "node.(part, tid) -> node.(root, level)"
    with copy_of(database) as copy:
        expected, result = clean(database, relation, max_share=1.0), run(copy, relation)
        assert result.relations[0].deleted == expected.relations[0].deleted > 0
        with psycopg.connect(database) as one, psycopg.connect(copy) as other:
            assert Counter(map(repr, archive(other))) == Counter(map(repr, archive(one)))
            assert query(copy, "SELECT * FROM node ORDER BY root") == query(
                database, "SELECT * FROM node ORDER BY root"
            )


def as_json(rows: Iterable[tuple[int | None, ...]]) -> str:
    return json.dumps([dict(zip(("root", "level", "part", "tid"), row, strict=True)) for row in rows])


@pytest.mark.usefixtures("_small")
def test_without_a_key_many_rows_below_one_orphan_are_many_batches(db: Connection, database: str) -> None:
    batches = list[BatchCleaned]()
    db.execute(
        "CREATE TABLE node (id int PRIMARY KEY, up int); INSERT INTO node VALUES (1, 0), (999, NULL);"
        "INSERT INTO node SELECT n, 1 FROM generate_series(2, 50) AS n; INSERT INTO node VALUES (60, 50), (61, 60)"
    )
    assert run(database, TREE, show=batches.append).relations[0].deleted == 52
    assert max(after.done - before.done for before, after in pairwise(batches)) == 10
    assert db.execute("SELECT id FROM node").fetchall() == [(999,)]


def test_a_parent_that_comes_to_a_chain_meanwhile_keeps_all_of_it(
    db: Connection, database: str, at_settling: Callable[[Callable[[int], object]], None]
) -> None:
    db.execute(
        "CREATE TABLE node (id int PRIMARY KEY, up int);"
        "INSERT INTO node VALUES (1, 77), (2, 1), (3, 2), (4, 88), (5, 4), (9, NULL)"
    )
    at_settling(lambda number: number == 1 and db.execute("INSERT INTO node VALUES (77)"))
    one = run(database, TREE).relations[0]
    assert (one.orphans, one.deleted) == (5, 2)
    assert db.execute("SELECT id FROM node ORDER BY id").fetchall() == [(1,), (2,), (3,), (9,), (77,)]


# Pauses


def test_it_waits_while_the_pause_file_is_there(many: Connection, database: str, tmp_path: Path) -> None:
    """However soon the server ends a session that idles."""
    (name,) = many.execute("SELECT current_database()").fetchall()[0]
    many.execute(sql.SQL("ALTER DATABASE {} SET idle_session_timeout = '1s'").format(sql.Identifier(name)))
    file = tmp_path / "pause"
    file.touch()
    runner = start_runner(
        database, "cleanup", "--online", "--relation", ORDERS, "--max-share", "1", "--pause-file", file
    )
    assert runner.stderr is not None
    assert any("pausing while" in line for line in runner.stderr)
    many.execute("SELECT pg_sleep(2)")
    assert len(ids(many)) == 2000
    file.unlink()
    runner.communicate(timeout=PATIENCE)
    assert runner.returncode == 0
    check_each_row_is_in_one_place(many)


@pytest.fixture
def primary() -> Iterator[local.Server]:
    """A server of the system's, which has what a replica is made with."""
    binaries = SYSTEM / "15" / "bin"
    if not (binaries / "pg_basebackup").exists():
        pytest.skip("there is no pg_basebackup here")
    with own_server({**FAST, "max_wal_senders": "4"}, binaries) as server:
        yield server


@pytest.fixture
def replica(primary: local.Server) -> Iterator[None]:
    """A replica that is some seconds behind."""
    folder, owner = primary.data.parent / "replica", primary.data.stat()
    base: list[str | Path] = [
        primary.bin / "pg_basebackup",
        "-D",
        folder,
        "-d",
        primary.url,
        "-R",
        "-c",
        "fast",
    ]
    subprocess.run(base, check=True, capture_output=True)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "recovery_min_apply_delay": "3s",
    }
    server = subprocess.Popen(
        [primary.bin / "postgres", "-D", folder, *(f"--{name}={value}" for name, value in options.items())],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=owner.st_uid, group=owner.st_gid, extra_groups=[],
    )  # fmt: skip
    query(primary.url, "CREATE TABLE ticks ()")

    def is_behind() -> bool:
        query(primary.url, "INSERT INTO ticks DEFAULT VALUES")
        return query(primary.url, "SELECT replay_lag > '2s' FROM pg_stat_replication") == [(True,)]

    try:
        wait_for(is_behind, "a replica that is behind")
        yield
    finally:
        server.terminate()
        server.wait()


@pytest.mark.promise
@pytest.mark.usefixtures("replica")
def test_it_waits_for_a_replica_that_is_behind_and_says_if_it_may_not_know(primary: local.Server) -> None:
    query(primary.url, MANY + "INSERT INTO orders VALUES (0, 999)")
    query(
        primary.url,
        "CREATE ROLE visitor; GRANT ALL ON SCHEMA public TO visitor; GRANT ALL ON DATABASE app TO visitor",
    )
    query(primary.url, "ALTER TABLE users OWNER TO visitor; ALTER TABLE orders OWNER TO visitor")
    heard, unheard, began = Heard(), Heard(), time.monotonic()
    named = [Relation.parse(ORDERS)]
    query(primary.url, "INSERT INTO ticks DEFAULT VALUES")
    visitor = f"{primary.url}&options=-c%20role%3Dvisitor"
    online.cleanup(settings(visitor, max_share=1.0, pause=0.0), unheard, named)
    assert len([text for text in unheard.said if "this role may not see" in text]) == 1
    query(primary.url, "INSERT INTO orders VALUES (-1, 999)")
    online.cleanup(settings(primary.url, max_share=1.0), heard, named)
    assert [text for text in heard.said if "pausing" in text] == [
        "pausing while a replica is more than 1.5 s behind (--max-lag)"
    ]
    assert time.monotonic() - began > 1.5


# Ends


def arguments(*more: str) -> list[str]:
    return ["cleanup", "--online", "--relation", ORDERS, "--max-share", "1", "--batch-time", "2ms", *more]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["text", "json"])
def test_an_interrupted_run_ends_its_batch_and_says_what_is_left(
    number: signal.Signals, flags: list[str], many: Connection, database: str
) -> None:
    runner = start_runner(database, *arguments("--pause", "20s", *flags))
    wait_for(lambda: archive(many), "a batch")
    runner.send_signal(number)
    out, err = runner.communicate(timeout=PATIENCE)
    assert runner.returncode == 128 + number
    said = json.loads(out)["error"]["message"] if flags else err
    deleted = len(archive(many))
    assert (
        f"interrupted. {deleted} rows were deleted, all in the archive as run 1; {1000 - deleted} of" in said
    )
    assert "Traceback" not in err
    check_each_row_is_in_one_place(many)
    assert leftovers(many) == []
    assert run(database).relations[0].deleted == 1000 - deleted


def test_a_signal_within_a_batch_waits_for_its_end() -> None:
    interrupts = Interrupts()
    done = False

    def work() -> None:
        nonlocal done
        with interrupts.busy():
            interrupts.interrupt(signal.SIGINT)
            done = True

    with pytest.raises(SqlrailError) as caught:
        work()
    assert done
    assert caught.value.exit_code == 130
    with pytest.raises(SqlrailError):
        Interrupts().interrupt(signal.SIGTERM)


@pytest.mark.promise
@pytest.mark.timeout(600)
def test_killed_at_any_instant_the_next_run_goes_on(
    server: local.Server, many: Connection, database: str
) -> None:
    chance = random.Random(KILLS)  # noqa: S311 - the same ones each time
    ends = []
    for _ in range(KILLS):
        with copy_of(database) as url, watching(server, url) as watch:
            runner = start_runner(url, *arguments("--pause", "1ms"))
            watch.let_run(chance.uniform(0, 0.5))
            runner.kill()
            runner.communicate(timeout=PATIENCE)
            ends.append(runner.returncode)
            watch.wait_until_gone()
            with psycopg.connect(url, autocommit=True) as connection:
                check_each_row_is_in_one_place(connection)
                run(url, lock_wait=10.0)
                check_each_row_is_in_one_place(connection)
                assert len(archive(connection)) == ORPHANS
                assert leftovers(connection) == []
    assert -signal.SIGKILL in ends
    del many


@pytest.mark.promise
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("sender", ["client", "server"])
def test_cut_after_any_message_the_next_run_goes_on(
    sender: Any, server: local.Server, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    query(database, SHOP + "INSERT INTO orders SELECT n, n, 1 FROM generate_series(100, 114) AS n")
    monkeypatch.setattr(pace, "FIRST", 8)
    clean(database)  # makes our own tables
    query(database, "INSERT INTO orders SELECT n, n, 1 FROM generate_series(200, 214) AS n")
    with open_folder() as folder:
        with copy_of(database) as url, closing(Proxy(folder, url, sender=sender)) as proxy:
            run(proxy.url)
            messages = proxy.counts[sender]
        step = CUTS["client"] if sender == "client" else max(1, messages // KILLS)
        for number in range(0, messages, step):
            with copy_of(database) as url, watching(server, url) as watch:
                with closing(Proxy(folder, url, sender=sender, cut_after=number, again=False)) as proxy:
                    with suppress(SqlrailError):
                        run(proxy.url)
                    assert proxy.was_cut.is_set() or number >= messages - 2
                watch.wait_until_gone()
                with psycopg.connect(url, autocommit=True) as connection:
                    for _ in range(2):
                        archived = [int(cells["id"] or 0) for _, _, cells in archive(connection)]
                        assert sorted(ids(connection) + archived) == [
                            10,
                            11,
                            12,
                            13,
                            *range(100, 115),
                            *range(200, 215),
                        ]
                        run(url, lock_wait=10.0)
                    assert ids(connection) == [10, 11, 12]
                    assert leftovers(connection) == []


def test_a_connection_that_is_lost_says_what_stands(many: Connection, database: str) -> None:
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ '^sqlrail'"
    with pytest.raises(ConnectionLost, match=r"the connection was lost .* 500 rows were deleted"):
        run(database, show=lambda _: many.execute(end.encode()))
    assert len(leftovers(many)) == 1
    assert run(database).relations[0].deleted == 500
    check_each_row_is_in_one_place(many)
    assert leftovers(many) == []


# What people see


def test_the_command_line_tells_in_json_and_nothing_else(
    many: Connection, database: str, sqlrail: Sqlrail
) -> None:
    del many
    done = sqlrail(*arguments("--json", "--pause", "0"), env={"DATABASE_URL": database})
    assert done.code == 0
    (one,) = done.document["relations"]
    assert (one["deleted"], one["archived"], one["left"], one["run"]) == (1000, 1000, 0, 1)
    assert done.err.count("\n") == 1  # what was found


def test_without_a_terminal_a_line_comes_now_and_then(
    many: Connection, database: str, sqlrail: Sqlrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    del many
    monkeypatch.setattr("sqlrail.cli.progress.PLAIN", 0.0)
    done = sqlrail(*arguments("--pause", "0"), env={"DATABASE_URL": database})
    assert re.search(
        r"orders.user_id -> users.id: 500 of 1,000 rows, 500 deleted, [\d,]+ a second, 0:00:00 left", done.err
    )
    assert "1,000 rows deleted, 1,000 rows archived (run 1)" in done.out


def test_on_a_terminal_there_is_a_bar(many: Connection, database: str) -> None:
    del many
    environment = {"DATABASE_URL": database, "APP_ENV": "test"}
    code, shown = at_a_terminal(*arguments("--pause", "0"), env=environment)
    assert code == 0, shown
    assert "━" in shown
    assert "1,000 deleted" in re.sub(r"\s+", " ", shown)


def test_a_script_of_many_transactions_is_not_printed(database: str, sqlrail: Sqlrail) -> None:
    done = sqlrail(*arguments("--print-sql", "--json"), env={"DATABASE_URL": database})
    assert (done.code, done.error["kind"]) == (2, "usage_error")


# Under fire


@pytest.fixture
def keeping_times() -> Iterator[local.Server]:
    """A server that knows when each transaction was committed."""
    with own_server({**FAST, "track_commit_timestamp": "on"}) as server:
        yield server


#: Every change of a parent and every deletion of a child, with the transaction that made it, by triggers.
BATTLE = """
    CREATE TABLE parent (id int PRIMARY KEY);
    CREATE TABLE child (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent_id int);
    CREATE INDEX ON child (parent_id);
    CREATE TABLE history (n bigint GENERATED ALWAYS AS IDENTITY, xid xid, what text, key int, child bigint, ours bool);
    CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE xid xid := pg_current_xact_id()::xid;
    BEGIN
        IF TG_TABLE_NAME = 'child' THEN
            INSERT INTO history (xid, what, key, child, ours)
            VALUES (xid, TG_OP, OLD.parent_id, OLD.id, current_setting('application_name') ~ '^sqlrail');
            RETURN NULL;
        END IF;
        IF TG_OP <> 'INSERT' THEN
            INSERT INTO history (xid, what, key) VALUES (xid, 'parent gone', OLD.id);
        END IF;
        IF TG_OP <> 'DELETE' THEN
            INSERT INTO history (xid, what, key) VALUES (xid, 'parent there', NEW.id);
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER keep AFTER DELETE ON child FOR EACH ROW EXECUTE FUNCTION keep();
    CREATE TRIGGER keep AFTER INSERT OR UPDATE OR DELETE ON parent FOR EACH ROW EXECUTE FUNCTION keep();
    INSERT INTO parent SELECT generate_series(1, 1000);
    INSERT INTO child (parent_id) SELECT n % 2000 + 1 FROM generate_series(1, 10000) AS n;
"""
#: deletions of ours whose parent was committed before them and not gone before them
WRONG = """
    SELECT c.child, c.key
      FROM history AS c
     CROSS JOIN LATERAL (
           SELECT what FROM history AS p
            WHERE p.key = c.key AND p.what LIKE 'parent%%'
              AND pg_xact_commit_timestamp(p.xid) <= pg_xact_commit_timestamp(c.xid)
            ORDER BY pg_xact_commit_timestamp(p.xid) DESC, p.n DESC LIMIT 1) AS latest
     WHERE c.ours AND latest.what = 'parent there'
"""
KEYS = 2000
OPERATION = {
    "INSERT INTO child (parent_id) SELECT %s": 4,
    "DELETE FROM child WHERE id = (SELECT id FROM child WHERE parent_id = %s LIMIT 1)": 1,
    "UPDATE child SET parent_id = %s WHERE id = (SELECT id FROM child OFFSET floor(random() * 500) LIMIT 1)": 2,
    "INSERT INTO parent VALUES (%s) ON CONFLICT DO NOTHING": 3,
    "DELETE FROM parent WHERE id = %s": 2,
    "UPDATE parent SET id = %s WHERE id = (SELECT id FROM parent OFFSET floor(random() * 100) LIMIT 1)": 1,
}


def fight(url: str, number: int, operations: int, enough: threading.Event) -> None:
    chance = random.Random(number)  # noqa: S311
    kinds, weights = [kind.encode() for kind in OPERATION], list(OPERATION.values())
    with psycopg.connect(url, autocommit=True) as connection:
        done = 0
        while done < operations or not enough.is_set():
            size = chance.choice([1, 1, 1, 2, 5])
            with (
                suppress(psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected),
                connection.transaction(),
            ):
                for kind in chance.choices(kinds, weights, k=size):
                    connection.execute(kind, [chance.randint(1, KEYS)])
            done += size


@pytest.mark.promise
@pytest.mark.timeout(3600)
def test_under_fire_no_child_is_lost_and_none_whose_parent_is_there(keeping_times: local.Server) -> None:
    url = keeping_times.url
    query(url, BATTLE)
    relation = "child.parent_id -> parent.id"
    more: dict[str, Any] = {
        "allow_triggers": ("keep",),
        "batch_time": 0.05,
        "lock_timeout": 0.02,
        "max_rows": 10**6,
    }
    enough = threading.Event()
    fighters = [threading.Thread(target=fight, args=(url, n, OPERATIONS // 4, enough)) for n in range(4)]
    for fighter in fighters:
        fighter.start()
    deleted = 0
    try:
        while any(fighter.is_alive() for fighter in fighters):
            deleted += run(url, relation, **more).relations[0].deleted
            enough.set()
    finally:
        enough.set()
    assert deleted > 0
    assert query(url, WRONG) == []
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("ALTER TABLE child ADD CONSTRAINT key FOREIGN KEY (parent_id) REFERENCES parent NOT VALID")
        deleted += run(url, relation, **more).relations[0].deleted
        db.execute("ALTER TABLE child VALIDATE CONSTRAINT key")
        ours = [child for (child,) in db.execute("SELECT child FROM history WHERE ours").fetchall()]
        assert sorted(int(cells["id"] or 0) for _, _, cells in archive(db)) == sorted(ours)
        assert len(ours) == len(set(ours)) == deleted
        (inserted,) = db.execute("SELECT last_value FROM child_id_seq").fetchall()[0]
        gone = {
            child for (child,) in db.execute("SELECT child FROM history WHERE what = 'DELETE'").fetchall()
        }
        there = set(ids(db, "child"))
        assert not there & gone
        # Numbers that a rolled back INSERT took are nowhere.
        assert len(there | gone) <= inserted


def test_its_settings_must_be_durations(sqlrail: Sqlrail) -> None:
    done = sqlrail(*arguments("--json", "--batch-time", "0"), env={"DATABASE_URL": "postgresql://nowhere"})
    assert (done.code, "--batch-time is '0'" in done.error["message"]) == (2, True)
