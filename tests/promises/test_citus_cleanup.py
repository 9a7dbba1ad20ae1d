"""A cleanup on a cluster of Citus: every pair of placements, every verb, every type; nothing lost, nothing left.

TEST_CITUS_URL names a database of the coordinator's, with the extension and its nodes, which these tests may empty.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from conftest import Connect
from psycopg import sql
from test_cleanup import archive, clean, settings
from test_online import run as online
from test_print_sql import psql
from test_restore import restore

from sqlrail.ground.events import nobody
from sqlrail.ground.kinds import parse
from sqlrail.verbs import cleanup as room

pytestmark = pytest.mark.promise

Connection = psycopg.Connection[Any]

RELATION = "shop.child.parent_id -> shop.parent.id"
#: how a table comes to lie where it does; that of a child, and of a parent
PLACES = {
    "by the key": (
        "SELECT create_distributed_table('shop.child', 'parent_id')",
        "SELECT create_distributed_table('shop.parent', 'id')",
    ),
    "by another column": (
        "SELECT create_distributed_table('shop.child', 'id', colocate_with => 'none')",
        "SELECT create_distributed_table('shop.parent', 'id', colocate_with => 'none')",
    ),
    "reference": (
        "SELECT create_reference_table('shop.child')",
        "SELECT create_reference_table('shop.parent')",
    ),
    "single shard": (
        "SELECT create_distributed_table('shop.child', NULL, colocate_with => 'none')",
        "SELECT create_distributed_table('shop.parent', NULL, colocate_with => 'none')",
    ),
    "citus local": (
        "SELECT citus_add_local_table_to_metadata('shop.child')",
        "SELECT citus_add_local_table_to_metadata('shop.parent')",
    ),
    "local": ("SELECT", "SELECT"),
}
PAIRS = [(child, parent) for child in PLACES for parent in PLACES]
TABLES = """
    CREATE SCHEMA shop;
    CREATE TABLE shop.parent (id int PRIMARY KEY, name text);
    CREATE TABLE shop.child (id int NOT NULL, parent_id int, at timestamptz, n numeric);
"""
#: 60 rows: 8 of parents 21 to 24, who are gone, and 4 of nobody
ROWS = """
    INSERT INTO shop.parent SELECT n, 'p' || n FROM generate_series(1, 20) AS n;
    INSERT INTO shop.child SELECT n, CASE WHEN n > 56 THEN {nobody} ELSE n % 24 + 1 END,
                                  '2024-02-29 12:00+00'::timestamptz + n * interval '1 hour', n / 7.0
      FROM generate_series(1, 60) AS n
"""


@pytest.fixture
def cluster(connect: Connect) -> Iterator[tuple[str, Connection]]:
    url = os.environ.get("TEST_CITUS_URL")
    if not url:
        pytest.skip("TEST_CITUS_URL names no cluster")
    db = connect(url)
    empty(db)
    yield url, db
    empty(db)


def empty(db: Connection) -> None:
    db.execute("SET client_min_messages = warning; SET citus.enable_schema_based_sharding = off")
    for schema in ("shop", "other", "sqlrail"):
        db.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


def rows(db: Connection) -> Counter[str]:
    return Counter(row for (row,) in db.execute("SELECT to_jsonb(c)::text FROM shop.child AS c"))


def build(db: Connection, child: str, parent: str) -> None:
    db.execute(TABLES)
    db.execute(PLACES[parent][1].encode())
    db.execute(PLACES[child][0].encode())
    # A column that says where a row lies is never null.
    nobody = "1" if child == "by the key" else "NULL"
    for statement in ROWS.replace("{nobody}", nobody).split(";"):
        db.execute(statement.encode())


def orphans(db: Connection) -> Counter[str]:
    return Counter(
        row for (row,) in db.execute("SELECT to_jsonb(c)::text FROM shop.child AS c WHERE parent_id > 20")
    )


@pytest.mark.parametrize(("child", "parent"), PAIRS, ids=[" -> ".join(pair) for pair in PAIRS])
def test_every_pair_of_placements(cluster: tuple[str, Connection], child: str, parent: str) -> None:
    url, db = cluster
    build(db, child, parent)
    before, gone = rows(db), orphans(db)
    assert (before.total(), gone.total()) == (60, 8)
    (seen,) = clean(url, RELATION, dry_run=True).relations
    assert seen.seen
    assert (seen.orphans, seen.seen.rows, seen.seen.missing_keys, seen.seen.null_keys) == (
        8,
        60,
        4,
        0 if child == "by the key" else 4,
    )
    assert seen.refusals == ()
    script = room.print_sql(settings(url), nobody, [parse(RELATION)]).sql
    as_psql(url, script.replace("COMMIT;", "ROLLBACK;"))
    assert rows(db) == before
    as_psql(url, script)
    assert rows(db) == before - gone
    back(db, url, before, 1)
    for cleanup in (clean, online):
        (one,) = cleanup(url, RELATION).relations
        assert (one.orphans, one.deleted, one.archived) == (8, 8, 8)
        assert rows(db) == before - gone
        assert one.run is not None
        back(db, url, before, one.run)


def back(db: Connection, url: str, before: Counter[str], run: int) -> None:
    """Restores a run, first without one of the parents: what has none stays in the archive."""
    db.execute("INSERT INTO shop.parent SELECT n, 'p' || n FROM generate_series(21, 23) AS n")
    restore(url, run)
    assert (before - rows(db)).total() == 2
    assert len(archive(db)) == 2
    db.execute("INSERT INTO shop.parent VALUES (24, 'p24')")
    restore(url, run)
    assert rows(db) == before
    assert archive(db) == []
    db.execute("DELETE FROM shop.parent WHERE id > 20")


def as_psql(url: str, script: str) -> str:
    done = psql(url, script)
    assert not re.search("ERROR", done.stderr), done.stderr
    return done.stdout
