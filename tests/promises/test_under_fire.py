"""The cleanup of orphans while other sessions insert, delete and move parents and children as fast as they can.

What is asked of each kind, and of each way to clean: no row is touched whose parent is committed, no orphan is left,
and a restore gives what was written last.

TEST_OPERATIONS is how many operations they do in all.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import Connect
from samples import OPERATIONS
from test_cleanup import apply, archive, settings
from test_restore import restore

from sqlrail.errors import DatabaseFailed, MigrationFailed
from sqlrail.ground.events import nobody
from sqlrail.ground.kinds import parse_decided
from sqlrail.orphans import indexed, placed
from sqlrail.orphans.cleaned import Cleaned
from sqlrail.verbs import online
from sqlrail.verbs.cleanup import cleanup

pytestmark = pytest.mark.promise

Connection = psycopg.Connection[Any]

SESSIONS = 4
#: the relation, the parent's key and the child's columns; a key of n is (n, -n) where there are two
SHAPES = {
    "one column": ("orders.user_id -> users.id", ["id"], ["user_id"]),
    "two columns": ("orders.(user_id, shop) -> users.(id, shop)", ["id", "shop"], ["user_id", "shop"]),
}
#: what becomes of orphans, and of the first column of theirs: DEFAULT names somebody, to whom nobody moves
DEFAULT = 2
ACTIONS: dict[str, int | None] = {"delete": -1, "set null": None, "set default": DEFAULT}
#: each takes its turn
WAYS = ["cleanup", "online", "pre-step", "cleanup, placed", "pre-step, placed", "cleanup, placed by keys"]


class Traffic:
    """Sessions that write as fast as they can, and note which children nothing may touch any more."""

    def __init__(self, url: str, keys: list[str], columns: list[str]) -> None:
        self.url, self.keys, self.columns = url, keys, columns
        self.over = threading.Event()
        #: by child, the parent that was written last; of those that are safe nobody else may write another
        self.written: dict[int, int] = {}
        self.safe: set[int] = set()
        self.dropped: set[int] = set()
        self.failures: list[BaseException] = []
        self.operations = 0

    @property
    def steps(self) -> list[Callable[[Connection, int], None]]:
        return [
            self.family, self.late_parent, self.moved, self.bereaved, self.returned, self.renamed, self.drop
        ]  # fmt: skip

    def url_of(self, number: int) -> str:
        """Where a session writes."""
        del number
        return self.url

    def run(self, number: int) -> None:
        turn = random.Random(number)  # noqa: S311
        try:
            with psycopg.connect(self.url_of(number), autocommit=True) as connection:
                connection.execute("SET statement_timeout = '60s'")
                key = number * 10_000_000
                while not self.over.is_set():
                    key += 2
                    turn.choice(self.steps)(connection, key)
        except BaseException as exc:
            self.failures.append(exc)

    def execute(self, connection: Connection, statement: str, *keys: int) -> int:
        """One operation; a key stands for as many values as it has columns."""
        self.operations += 1
        values = [value for key in keys for value in (key, -key)[: len(self.keys)]]
        return connection.execute(statement.encode(), values).rowcount

    @property
    def names(self) -> str:
        return ", ".join(self.columns)

    @property
    def marks(self) -> str:
        return ", ".join("%s" for _ in self.keys)

    def parent(self, connection: Connection, key: int) -> None:
        self.execute(connection, f"INSERT INTO users VALUES ({self.marks})", key)

    def no_parent(self, connection: Connection, key: int) -> None:
        self.execute(connection, f"DELETE FROM users WHERE ({', '.join(self.keys)}) = ({self.marks})", key)

    def child(self, connection: Connection, key: int, parent: int) -> None:
        # Noted before it is sent: whoever looks at the table later finds no stranger.
        self.written[key] = parent
        self.execute(connection, f"INSERT INTO orders VALUES ({key}, {self.marks})", parent)

    def move(self, connection: Connection, key: int, parent: int) -> int:
        moved = self.execute(
            connection, f"UPDATE orders SET ({self.names}) = ROW ({self.marks}) WHERE id = {key}", parent
        )
        if moved:
            self.written[key] = parent
        return moved

    def names_it_still(self, connection: Connection, key: int) -> int:
        return self.execute(
            connection, f"SELECT FROM orders WHERE id = {key} AND ({self.names}) = ({self.marks})", key
        )

    def family(self, connection: Connection, key: int) -> None:
        with connection.transaction():
            self.parent(connection, key)
            self.child(connection, key, key)
        self.safe.add(key)

    def late_parent(self, connection: Connection, key: int) -> None:
        self.child(connection, key, key)
        self.parent(connection, key)
        # The parent is committed. A child that names it now must stay so; one that does not was cleaned before.
        if self.names_it_still(connection, key):
            self.safe.add(key)

    def moved(self, connection: Connection, key: int) -> None:
        self.child(connection, key, key)
        if self.move(connection, key, 1):
            self.safe.add(key)

    def bereaved(self, connection: Connection, key: int) -> None:
        self.parent(connection, key)
        self.child(connection, key, key)
        self.no_parent(connection, key)

    def returned(self, connection: Connection, key: int) -> None:
        self.bereaved(connection, key)
        self.parent(connection, key)
        if self.names_it_still(connection, key):
            self.safe.add(key)

    def renamed(self, connection: Connection, key: int) -> None:
        self.family(connection, key)
        with connection.transaction():
            self.no_parent(connection, key)
            self.parent(connection, key + 1)
            self.move(connection, key, key + 1)

    def drop(self, connection: Connection, key: int) -> None:
        with connection.transaction():
            self.parent(connection, key)
            self.child(connection, key, key)
        self.dropped.add(key)
        assert self.execute(connection, f"DELETE FROM orders WHERE id = {key}") == 1


class Cleaner:
    """Cleans in each of the ways in turn, and counts what it was told."""

    def __init__(self, url: str, said: str, folder: Path) -> None:
        self.url, self.said, self.folder = url, said, folder
        self.cleaned = self.gave_way = self.files = 0
        self.runs = dict.fromkeys(WAYS, 0)

    def clean(self) -> None:
        way = min(WAYS, key=lambda way: self.runs[way])
        try:
            done = self.by(way)
        except (DatabaseFailed, MigrationFailed) as exc:
            if "gave way" not in str(exc):
                raise
            self.gave_way += 1
            done = []
        cleaned = sum(one.cleaned for one in done)
        self.cleaned += cleaned
        self.runs[way] += bool(cleaned)

    def by(self, way: str) -> list[Cleaned]:
        way, _, is_placed = way.partition(", ")
        with pytest.MonkeyPatch.context() as patch:
            if is_placed:
                patch.setattr(placed, "BIG", 0)
                patch.setattr(indexed, "WRITTEN", 1e9 if is_placed == "placed by keys" else -1)
            return self.migrate("SELECT 1") if way == "pre-step" else self.by_verb(way)

    def by_verb(self, way: str) -> list[Cleaned]:
        told = settings(
            self.url, max_rows=1_000_000, lock_timeout=1.0, pause=0.0, retry_for=20.0 * (way == "online")
        )
        verb = online.cleanup if way == "online" else cleanup
        return list(verb(told, nobody, [parse_decided(self.said)]).relations)

    def migrate(self, statement: str) -> list[Cleaned]:
        """By a new file, or by the last one where that gave way."""
        text = f"-- cleanup: {self.said}\n-- lock-timeout: 1s\n{statement};"
        done = apply(self.url, self.folder, **{f"{self.files:06}": text})
        self.files += 1
        return [one for file in done.applied for one in file.cleanup]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_no_row_is_touched_whose_parent_is_committed_no_orphan_stays_and_all_come_back(
    shape: str, action: str, database: str, connect: Connect, tmp_path: Path
) -> None:
    relation, keys, columns = SHAPES[shape]
    db = connect(database)
    defaults = [DEFAULT, -DEFAULT][: len(keys)]
    values = ", ".join(f"({', '.join(map(str, [key, -key][: len(keys)]))})" for key in (1, DEFAULT))
    db.execute(
        f"""CREATE TABLE users ({", ".join(f"{key} int" for key in keys)}, PRIMARY KEY ({", ".join(keys)}));
        INSERT INTO users VALUES {values}; CREATE TABLE orders (id int PRIMARY KEY,
            {", ".join(f"{column} int DEFAULT {it}" for column, it in zip(columns, defaults, strict=True))});
        CREATE INDEX ON orders ({columns[0]})""".encode()
    )
    traffic, cleaner = Traffic(database, keys, columns), Cleaner(database, f"{relation} {action}", tmp_path)
    threads = [threading.Thread(target=traffic.run, args=[number]) for number in range(1, SESSIONS + 1)]
    for thread in threads:
        thread.start()
    try:
        while not traffic.failures and (
            traffic.operations < OPERATIONS / len(SHAPES) / len(ACTIONS) or not all(cleaner.runs.values())
        ):
            cleaner.clean()
    finally:
        traffic.over.set()
        for thread in threads:
            thread.join()
    assert traffic.failures == []
    key = f"ALTER TABLE orders ADD FOREIGN KEY ({traffic.names}) REFERENCES users"
    cleaner.cleaned += sum(one.cleaned for one in cleaner.migrate(key))
    check_all_are_accounted_for(db, traffic, cleaner, ACTIONS[action])
    db.execute(
        f"INSERT INTO users SELECT DISTINCT {cells_of(columns)} FROM sqlrail.archive ON CONFLICT DO NOTHING".encode()
    )
    for (run,) in db.execute("SELECT DISTINCT run FROM sqlrail.archive ORDER BY run DESC").fetchall():
        restore(database, run)
    assert now(db) == {id_: parent for id_, parent in traffic.written.items() if id_ not in traffic.dropped}


def check_all_are_accounted_for(
    db: Connection, traffic: Traffic, cleaner: Cleaner, becomes: int | None
) -> None:
    left = now(db)
    archived = {int(cells["id"] or 0): int(cells["user_id"] or 0) for _, _, cells in archive(db)}
    assert len(archived) == len(archive(db)) == cleaner.cleaned > 0, f"{cleaner.gave_way} gave way"
    there = {id_: parent for id_, parent in traffic.written.items() if id_ not in traffic.dropped}
    assert {id_: left.get(id_) for id_ in traffic.safe} == {id_: there[id_] for id_ in traffic.safe}
    assert traffic.dropped.isdisjoint([*left, *archived])
    cleaned = {id_: becomes for id_ in archived if id_ not in traffic.safe}
    if becomes == -1:
        assert traffic.safe.isdisjoint(archived)
        there = {id_: parent for id_, parent in there.items() if id_ not in archived}
        cleaned = {}
    assert left == there | cleaned


def now(db: Connection) -> dict[int, int | None]:
    return dict(db.execute("SELECT id, user_id FROM orders").fetchall())


def cells_of(columns: list[str]) -> str:
    return ", ".join(f"(cells->>'{column}')::int" for column in columns)
