"""The cleanup while other sessions insert, delete and move parents and children as fast as they can.

SQLRAIL_TEST_OPERATIONS is how many operations they do in all.
"""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import Connect
from test_cleanup import apply, archive, clean, ids

from sqlrail.errors import DatabaseFailed

pytestmark = pytest.mark.promise

Connection = psycopg.Connection[Any]

OPERATIONS = int(os.environ.get("SQLRAIL_TEST_OPERATIONS", "6000"))
SESSIONS = 4
#: the relation, the parent's key and the child's columns; a key of n is (n, -n) where there are two
SHAPES = {
    "one column": ("orders.user_id -> users.id", ["id"], ["user_id"]),
    "two columns": ("orders.(user_id, shop) -> users.(id, shop)", ["id", "shop"], ["user_id", "shop"]),
}


class Traffic:
    """Sessions that write as fast as they can, and note which children nothing may delete any more."""

    def __init__(self, url: str, keys: list[str], columns: list[str]) -> None:
        self.url, self.keys, self.columns = url, keys, columns
        self.over = threading.Event()
        self.made: set[int] = set()
        self.safe: set[int] = set()
        self.dropped: set[int] = set()
        self.failures: list[BaseException] = []
        self.operations = 0

    def run(self, number: int) -> None:
        turn = random.Random(number)  # noqa: S311
        steps = (
            self.family,
            self.late_parent,
            self.moved,
            self.bereaved,
            self.returned,
            self.renamed,
            self.drop,
        )
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute("SET statement_timeout = '60s'")
                key = number * 10_000_000
                while not self.over.is_set():
                    key += 2
                    turn.choice(steps)(connection, key)
        except BaseException as exc:
            self.failures.append(exc)

    def execute(self, connection: Connection, statement: str, *keys: int) -> int:
        """One operation; a key stands for as many values as it has columns."""
        self.operations += 1
        values = [value for key in keys for value in (key, -key)[: len(self.keys)]]
        return connection.execute(statement.encode(), values).rowcount

    @property
    def marks(self) -> str:
        return ", ".join("%s" for _ in self.keys)

    def parent(self, connection: Connection, key: int) -> None:
        self.execute(connection, f"INSERT INTO users VALUES ({self.marks})", key)

    def no_parent(self, connection: Connection, key: int) -> None:
        self.execute(connection, f"DELETE FROM users WHERE ({', '.join(self.keys)}) = ({self.marks})", key)

    def child(self, connection: Connection, key: int, parent: int) -> None:
        # Noted before it is sent: whoever looks at the table later finds no stranger.
        self.made.add(key)
        self.execute(connection, f"INSERT INTO orders VALUES ({key}, {self.marks})", parent)

    def move(self, connection: Connection, key: int, parent: int) -> int:
        columns = ", ".join(self.columns)
        return self.execute(
            connection, f"UPDATE orders SET ({columns}) = ROW ({self.marks}) WHERE id = {key}", parent
        )

    def family(self, connection: Connection, key: int) -> None:
        with connection.transaction():
            self.parent(connection, key)
            self.child(connection, key, key)
        self.safe.add(key)

    def late_parent(self, connection: Connection, key: int) -> None:
        self.child(connection, key, key)
        self.parent(connection, key)
        # The parent is committed. A child that is there now must stay; one that is not was deleted before.
        if self.execute(connection, f"SELECT FROM orders WHERE id = {key}"):
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
        if self.execute(connection, f"SELECT FROM orders WHERE id = {key}"):
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


@pytest.mark.parametrize("shape", SHAPES)
def test_no_row_goes_whose_parent_is_committed_and_no_orphan_stays(
    shape: str, database: str, connect: Connect, tmp_path: Path
) -> None:
    relation, keys, columns = SHAPES[shape]
    db = connect(database)
    values = "1, -1" if len(keys) > 1 else "1"
    db.execute(
        f"""CREATE TABLE users ({", ".join(f"{key} int" for key in keys)}, PRIMARY KEY ({", ".join(keys)}));
        INSERT INTO users VALUES ({values});
        CREATE TABLE orders (id int PRIMARY KEY, {", ".join(f"{column} int" for column in columns)})""".encode()
    )
    traffic = Traffic(database, keys, columns)
    threads = [threading.Thread(target=traffic.run, args=[number]) for number in range(1, SESSIONS + 1)]
    for thread in threads:
        thread.start()
    deleted = gave_way = runs = 0
    while not traffic.failures and (traffic.operations < OPERATIONS / len(SHAPES) or runs < 3):
        try:
            done = clean(database, relation, max_rows=1_000_000, lock_timeout=1.0).relations[0].deleted
            deleted, runs = deleted + done, runs + bool(done)
        except DatabaseFailed:
            gave_way += 1
    traffic.over.set()
    for thread in threads:
        thread.join()
    assert traffic.failures == []
    deleted += clean(database, relation, max_rows=1_000_000).relations[0].deleted
    key = f"ALTER TABLE orders ADD FOREIGN KEY ({', '.join(columns)}) REFERENCES users ({', '.join(keys)})"
    apply(database, tmp_path, _001=f"-- cleanup: {relation}\n{key};")
    left = set(ids(db))
    archived = [int(cells["id"] or 0) for _, _, cells in archive(db)]
    assert traffic.safe - left == set()
    assert left.isdisjoint(archived)
    assert traffic.dropped.isdisjoint(archived)
    assert left | set(archived) | traffic.dropped == traffic.made
    assert len(archived) == len(set(archived)) == deleted > 0, f"{gave_way} gave way"
