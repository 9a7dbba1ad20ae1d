"""Rows without a value and rows that a CHECK refuses: against an oracle, cut at every message, and under fire.

Orphans whose columns are set are cut here too: their oracle is in test_oracle.py, their fire in test_under_fire.py.

What is asked each time is the same: the rows that violate it go, or are set, all others stay; and a restore gives the
exact tables back.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
from conftest import fresh_database, open_folder
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from proxy import Proxy
from samples import CUTS, EXAMPLES, OPERATIONS
from test_cleanup import archive, contents, settings
from test_kinds import WAYS, clean_by
from test_restore import reasons, restore
from waiting import watching

from sqlrail.errors import ConnectionFailed, ConnectionLost, DatabaseFailed
from sqlrail.ground.events import nobody
from sqlrail.ground.kinds import parse_decided
from sqlrail.server.local import Server
from sqlrail.verbs import online
from sqlrail.verbs.cleanup import cleanup

pytestmark = pytest.mark.promise

Connection = psycopg.Connection[Any]
Row = dict[str, Any]


# The oracle


@dataclass(frozen=True)
class Scene:
    """Tables t0 and so on, each with columns a and b and, but for the first, a key to the one before it."""

    rows: list[dict[int, Row]]
    #: what becomes of a row whose parent goes, by table
    actions: list[str]
    partitioned: bool
    #: what is said of the first table
    said: str
    after: str

    def violates(self, row: Row) -> bool:
        if "check" not in self.said:
            return row["a"] is None
        # null where either is null, unless the other decides it alone
        parts = [None if row["a"] is None else row["a"] > 2, None if row["b"] is None else row["b"] < 3]
        return not any(part is None or part for part in parts)


LINES = {
    "zoo.t0.a not null delete": "ALTER TABLE zoo.t0 ALTER a SET NOT NULL",
    "zoo.t0.a not null set 7": "ALTER TABLE zoo.t0 ALTER a SET NOT NULL",
    "zoo.t0.a not null set default": "ALTER TABLE zoo.t0 ALTER a SET NOT NULL",
    "zoo.t0 check fine delete": "ALTER TABLE zoo.t0 ADD CONSTRAINT fine CHECK (a > 2 OR t0.b < 3)",
}


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    said = draw(st.sampled_from(list(LINES)))
    number = st.none() | st.integers(0, 6)
    rows: list[dict[int, Row]] = []
    for table in range(draw(st.integers(1, 4))):
        parents = [None, *rows[-1]] if table else [None]
        rows.append({
            id_: {"id": id_, "up": draw(st.sampled_from(parents)), "a": draw(number), "b": draw(number)}
            for id_ in sorted(draw(st.sets(st.integers(1, 12), min_size=1, max_size=10)))
        })  # fmt: skip
    actions = ["", *(draw(st.sampled_from(["CASCADE", "SET NULL"])) for _ in rows[1:])]
    partitioned = draw(st.booleans())
    # PostgreSQL reads a check anew for each partition, which has another name.
    after = LINES[said].replace("t0.b", "b") if partitioned else LINES[said]
    return Scene(rows, actions, partitioned, said, after)


def build(connection: Connection, scene: Scene) -> None:
    text = ["DROP SCHEMA IF EXISTS zoo CASCADE; CREATE SCHEMA zoo;"]
    for number, rows in enumerate(scene.rows):
        key = f"REFERENCES zoo.t{number - 1} ON DELETE {scene.actions[number]}" if number else ""
        parts = "PARTITION BY RANGE (id)" if scene.partitioned else ""
        text.append(
            f"CREATE TABLE zoo.t{number} (id int PRIMARY KEY, up int {key}, a int DEFAULT 9, b int) {parts};"
        )
        for low, high in ((0, 5), (5, 20)) if scene.partitioned else ():
            text.append(
                f"CREATE TABLE zoo.t{number}_{low} PARTITION OF zoo.t{number} FOR VALUES FROM ({low}) TO ({high});"
            )
        for row in rows.values():
            values = ", ".join("NULL" if it is None else str(it) for it in row.values())
            text.append(f"INSERT INTO zoo.t{number} VALUES ({values});")
    connection.execute("".join(text).encode())
    if connection.execute("SELECT to_regclass('sqlrail.run')").fetchall() != [(None,)]:
        connection.execute("TRUNCATE sqlrail.run, sqlrail.archive RESTART IDENTITY")
    connection.execute("DROP TABLE IF EXISTS _yoyo_migration, _yoyo_log, _yoyo_version, yoyo_lock")


def expect(scene: Scene) -> list[dict[int, Row]]:
    """What is left."""
    rows = [{id_: dict(row) for id_, row in table.items()} for table in scene.rows]
    for id_, row in list(rows[0].items()):
        if not scene.violates(row):
            continue
        if " set " in scene.said:
            row["a"] = 7 if "7" in scene.said else 9
        else:
            delete(scene, rows, 0, id_)
    return rows


def delete(scene: Scene, rows: list[dict[int, Row]], table: int, id_: int) -> None:
    del rows[table][id_]
    for child_id, child in list(rows[table + 1].items()) if table + 1 < len(rows) else ():
        if child["up"] == id_ and scene.actions[table + 1] == "CASCADE":
            delete(scene, rows, table + 1, child_id)
        elif child["up"] == id_:
            child["up"] = None


def read(connection: Connection, scene: Scene) -> list[dict[int, Row]]:
    return [
        {row["id"]: row for (row,) in connection.execute(f"SELECT to_jsonb(t) FROM zoo.t{n} AS t".encode())}
        for n, _ in enumerate(scene.rows)
    ]


@pytest.fixture(scope="module")
def url(server: Server) -> Iterator[str]:
    with fresh_database(server) as url:
        yield url


@hypothesis_settings(max_examples=EXAMPLES, deadline=None)
@given(scene=scenes(), way=st.sampled_from(WAYS))
def test_the_same_rows_go_or_are_set_and_a_restore_gives_the_exact_tables(
    url: str, scene: Scene, way: str
) -> None:
    with psycopg.connect(url, autocommit=True) as connection, TemporaryDirectory() as folder:
        build(connection, scene)
        before, left = contents(connection), expect(scene)
        clean_by(way, connection, url, Path(folder), scene.said, scene.after)
        assert read(connection, scene) == left
        kept = {
            (source.removeprefix("zoo.t"), cells["id"]): cells for source, _, cells in archive(connection)
        }
        assert kept == {
            (str(table), str(id_)): {name: None if it is None else str(it) for name, it in row.items()}
            for table, rows in enumerate(scene.rows)
            for id_, row in rows.items()
            if left[table].get(id_) != row
        }
        connection.execute("ALTER TABLE zoo.t0 ALTER a DROP NOT NULL, DROP CONSTRAINT IF EXISTS fine")
        if kept:
            assert reasons(restore(url)) == {}
        assert (contents(connection), archive(connection)) == (before, [])


# Cut off

CUT = """
    CREATE TABLE users (id int PRIMARY KEY);
    INSERT INTO users VALUES (1), (4);
    CREATE TABLE orders (id int PRIMARY KEY, a int DEFAULT 4, b int);
    CREATE TABLE lines (id int PRIMARY KEY, order_id int REFERENCES orders ON DELETE CASCADE);
    CREATE TABLE notes (id int PRIMARY KEY, order_id int REFERENCES orders ON DELETE SET NULL);
    INSERT INTO orders SELECT n, nullif(n % 3, 0), n % 2 FROM generate_series(1, 60) AS n;
    INSERT INTO lines SELECT n, n FROM generate_series(1, 60) AS n;
    INSERT INTO notes SELECT n, n FROM generate_series(1, 60) AS n;
    ALTER TABLE orders ADD CONSTRAINT fine CHECK (b > 0 OR a IS NULL OR a > 1 /* ) */) NOT VALID;
"""
CUT_LINES = ["orders.a not null delete", "orders.a not null set 5", "orders check fine delete",
             "orders.a -> users.id set null", "orders.a -> users.id set default"]  # fmt: skip


def archived_and_there(connection: Connection) -> Counter[str]:
    """All rows as they were: those of the tables, but of what was changed what the archive has in the place of that."""
    there = connection.execute("""
        WITH kept AS (SELECT source, cells FROM sqlrail.archive), there AS (
            SELECT 'public.orders' AS source, to_jsonb(t) AS row FROM orders AS t
            UNION ALL SELECT 'public.lines', to_jsonb(t) FROM lines AS t
            UNION ALL SELECT 'public.notes', to_jsonb(t) FROM notes AS t)
        SELECT source || cells::text FROM kept
        UNION ALL
        SELECT source || (SELECT jsonb_object_agg(key, value) FROM jsonb_each_text(row))::text FROM there
         WHERE NOT EXISTS (SELECT FROM kept WHERE kept.source = there.source AND kept.cells->>'id' = row->>'id')
    """)
    return Counter(text for (text,) in there)


#: how a run fails whose connection is cut
LOST = (ConnectionFailed, ConnectionLost)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("said", CUT_LINES)
@pytest.mark.parametrize("way", ["cleanup", "online"])
def test_a_cut_after_any_message_leaves_every_row_as_it_was_in_the_table_or_in_the_archive(
    said: str, way: str, server: Server
) -> None:
    named, verb = [parse_decided(said)], online.cleanup if way == "online" else cleanup

    def run(url: str) -> None:
        verb(settings(url, max_share=1.0, pause=0.0), nobody, named)

    with open_folder() as folder:
        with fresh_database(server) as url:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(CUT.encode())
                before = contents(connection)
                with closing(Proxy(folder, url)) as proxy:
                    run(proxy.url)
                cleaned, whole = contents(connection), archived_and_there(connection)
            number = proxy.counts["client"]
        assert cleaned != before
        for after in range(0, number - 1, CUTS["client"] if way == "cleanup" else max(1, number // 25)):
            with (
                fresh_database(server) as url,
                watching(server, url) as watch,
                psycopg.connect(url, autocommit=True) as connection,
            ):
                connection.execute(CUT.encode())
                # How many batches there are goes by the time that they take: the last cuts may come too late.
                is_late = way == "online" and after > number // 2
                failing: AbstractContextManager[object] = suppress(*LOST) if is_late else pytest.raises(LOST)
                with closing(Proxy(folder, url, cut_after=after, again=False)) as proxy, failing:
                    run(proxy.url)
                watch.wait_until_gone()
                if connection.execute("SELECT to_regclass('sqlrail.archive')").fetchall() != [(None,)]:
                    assert archived_and_there(connection) == whole
                if way == "cleanup":
                    assert contents(connection) in (before, cleaned)
                run(url)
                assert contents(connection) == cleaned
                assert archived_and_there(connection) == whole


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("said", CUT_LINES)
def test_a_restore_that_is_cut_after_any_message_has_happened_or_not(said: str, server: Server) -> None:
    def dirty(connection: Connection, url: str) -> None:
        connection.execute(CUT.encode())
        cleanup(settings(url, max_share=1.0), nobody, [parse_decided(said)])
        connection.execute("ALTER TABLE orders DROP CONSTRAINT fine; INSERT INTO users VALUES (2)")

    with open_folder() as folder:
        with fresh_database(server) as url, psycopg.connect(url, autocommit=True) as connection:
            dirty(connection, url)
            cleaned, whole = contents(connection), archived_and_there(connection)
            with closing(Proxy(folder, url)) as proxy:
                assert reasons(restore(proxy.url)) == {}
            restored, number = contents(connection), proxy.counts["client"]
        for after in range(0, number - 1, 2 * CUTS["client"]):
            with (
                fresh_database(server) as url,
                watching(server, url) as watch,
                psycopg.connect(url, autocommit=True) as connection,
            ):
                dirty(connection, url)
                with (
                    closing(Proxy(folder, url, cut_after=after, again=False)) as proxy,
                    pytest.raises(LOST),
                ):
                    restore(proxy.url)
                watch.wait_until_gone()
                assert contents(connection) in (cleaned, restored)
                assert archived_and_there(connection) == whole
                restore(url)
                assert (contents(connection), archive(connection)) == (restored, [])


# Under fire

FIRE = {
    "orders.value not null delete": ("NULL", "ALTER TABLE orders ALTER value SET NOT NULL"),
    "orders.value not null set 0": ("NULL", "ALTER TABLE orders ALTER value SET NOT NULL"),
    "orders check fine delete": ("-1", "ALTER TABLE orders VALIDATE CONSTRAINT fine"),
}


class Traffic:
    """Sessions that write as fast as they can, and note which rows nothing may touch any more."""

    def __init__(self, url: str, bad: str) -> None:
        self.url, self.bad = url, bad
        self.over = threading.Event()
        self.made: set[int] = set()
        self.safe: set[int] = set()
        self.dropped: set[int] = set()
        self.failures: list[BaseException] = []
        self.operations = 0

    def run(self, number: int) -> None:
        turn = random.Random(number)  # noqa: S311
        steps = (self.fine, self.dirty, self.mended, self.late, self.drop)
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute("SET statement_timeout = '60s'; SET session_replication_role = replica")
                key = number * 10_000_000
                while not self.over.is_set():
                    key += 1
                    turn.choice(steps)(connection, key)
        except BaseException as exc:
            self.failures.append(exc)

    def execute(self, connection: Connection, statement: str) -> int:
        self.operations += 1
        return connection.execute(statement.encode()).rowcount

    def insert(self, connection: Connection, key: int, value: str) -> None:
        self.made.add(key)
        self.execute(connection, f"INSERT INTO orders VALUES ({key}, {value})")

    def mend(self, connection: Connection, key: int) -> int:
        return self.execute(connection, f"UPDATE orders SET value = 17 WHERE id = {key}")

    def fine(self, connection: Connection, key: int) -> None:
        self.insert(connection, key, "17")
        self.safe.add(key)

    def dirty(self, connection: Connection, key: int) -> None:
        self.insert(connection, key, self.bad)

    def mended(self, connection: Connection, key: int) -> None:
        with connection.transaction():
            self.insert(connection, key, self.bad)
            self.mend(connection, key)
        self.safe.add(key)

    def late(self, connection: Connection, key: int) -> None:
        self.insert(connection, key, self.bad)
        # Whoever has written it before it was cleaned has it for good.
        if self.mend(connection, key):
            self.safe.add(key)

    def drop(self, connection: Connection, key: int) -> None:
        self.insert(connection, key, "17")
        self.dropped.add(key)
        assert self.execute(connection, f"DELETE FROM orders WHERE id = {key}") == 1


@pytest.mark.parametrize("said", FIRE)
def test_no_row_is_touched_that_somebody_has_mended_and_none_is_left_that_violates_it(
    said: str, database: str
) -> None:
    bad, after = FIRE[said]
    with psycopg.connect(database, autocommit=True) as db:
        db.execute("CREATE TABLE orders (id int PRIMARY KEY, value int)")
        if "check" in said:
            # NOT VALID would keep new ones out: what writes it here is a replica, as it were.
            db.execute(
                "CREATE FUNCTION off() RETURNS bool LANGUAGE sql "
                "AS $$ SELECT current_setting('session_replication_role') = 'replica' $$"
            )
            db.execute("ALTER TABLE orders ADD CONSTRAINT fine CHECK (value > 0 OR off()) NOT VALID")
        traffic = Traffic(database, bad)
        threads = [threading.Thread(target=traffic.run, args=[number]) for number in range(1, 5)]
        for thread in threads:
            thread.start()
        cleaned = runs = 0
        told = settings(database, max_rows=1_000_000, lock_timeout=1.0, pause=0.0, retry_for=20.0)
        while not traffic.failures and (traffic.operations < OPERATIONS / len(FIRE) or runs < 4):
            verb = (cleanup, online.cleanup)[runs % 2]
            try:
                (one,) = verb(told, nobody, [parse_decided(said)]).relations
                cleaned, runs = cleaned + one.cleaned, runs + bool(one.cleaned)
            except DatabaseFailed:
                pass
        traffic.over.set()
        for thread in threads:
            thread.join()
        assert traffic.failures == []
        (one,) = cleanup(told, nobody, [parse_decided(said)]).relations
        cleaned += one.cleaned
        db.execute(after.encode())
        left: dict[int, int] = dict(db.execute("SELECT id, value FROM orders").fetchall())
        kept = [int(cells["id"] or 0) for _, _, cells in archive(db)]
        assert len(kept) == len(set(kept)) == cleaned > 0
        assert all((cells["value"] or "NULL") == bad for _, _, cells in archive(db))
        assert {left[id_] for id_ in traffic.safe} == {17}
        assert traffic.dropped.isdisjoint([*left, *kept])
        if " set " in said:
            assert {left[id_] for id_ in kept} <= {0, 17}
            assert left.keys() | traffic.dropped == traffic.made
        else:
            assert left.keys() | {*kept} | traffic.dropped == traffic.made
            assert left.keys().isdisjoint(kept)
