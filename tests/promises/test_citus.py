"""A child whose rows lie on other nodes: found and deleted by its keys, never by a ctid.

TEST_CITUS_URL names a database with the extension citus, which these tests may fill and empty.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from conftest import Connect
from test_cleanup import ORDERS, SHOP, archive, clean, ids, settings

from sqlrail.engine.backend import Backend
from sqlrail.errors import Refused
from sqlrail.ground.events import nobody
from sqlrail.ground.relation import Relation
from sqlrail.orphans import clean as orphans
from sqlrail.orphans.ask import ask_facts

pytestmark = pytest.mark.promise

Connection = psycopg.Connection[Any]

#: what Citus's own catalog looks like, as far as we ask it
IMITATION = """
    SET allow_system_table_mods = on;
    CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass, partmethod "char");
    INSERT INTO pg_catalog.pg_dist_partition VALUES ('orders', 'h');
    RESET allow_system_table_mods;
"""


def statements(url: str, relation: str) -> str:
    with Backend(settings(url), nobody) as backend:
        facts = ask_facts(backend, Relation.parse(relation))
        assert facts.distributed
        text = orphans.compose_round(
            backend, Relation.parse(relation), facts, verb="cleanup", migration=None, expected=None
        )
    return text.decode()


# On plain PostgreSQL, which is told that a table is distributed


@pytest.fixture
def told(database: str, connect: Connect) -> Connection:
    db = connect(database)
    db.execute((SHOP + IMITATION).encode())
    return db


def test_a_distributed_child_is_cleaned_by_its_keys(told: Connection, database: str) -> None:
    told.execute("INSERT INTO orders VALUES (14, 99, 1), (15, 98, 1)")
    text = statements(database, ORDERS)
    assert "ctid" not in text
    assert "tableoid" not in text
    assert clean(database, dry_run=True).relations[0].orphans == 3
    (one,) = clean(database).relations
    assert (one.orphans, one.deleted, one.archived) == (3, 3, 3)
    assert ids(told) == [10, 11, 12]
    assert sorted(cells["id"] or "" for _, _, cells in archive(told)) == ["13", "14", "15"]


def test_a_distributed_child_of_a_composite_key_is_cleaned_by_its_keys(
    told: Connection, database: str
) -> None:
    told.execute(
        """CREATE TABLE shops (a int, b int, PRIMARY KEY (a, b)); INSERT INTO shops VALUES (1, 5), (2, 1);
        UPDATE orders SET total = NULL WHERE id = 12"""
    )
    (one,) = clean(database, "orders.(user_id, total) -> shops.(a, b)").relations
    assert one.deleted == 2
    assert ids(told) == [10, 12]


def test_the_guards_hold_for_a_distributed_child(told: Connection, database: str) -> None:
    told.execute("INSERT INTO orders SELECT n, n, 1 FROM generate_series(1001, 3000) AS n")
    with pytest.raises(Refused, match="2001 of 2004 rows are orphans"):
        clean(database)
    told.execute("CREATE TABLE lines (order_id int REFERENCES orders ON DELETE CASCADE)")
    with pytest.raises(Refused, match="its rows lie on other nodes"):
        clean(database, max_rows=5000)
    assert len(ids(told)) == 2004


# On a cluster


@pytest.fixture
def cluster(connect: Connect) -> Iterator[tuple[str, Connection]]:
    url = os.environ.get("TEST_CITUS_URL")
    if not url:
        pytest.skip("TEST_CITUS_URL names no cluster")
    db = connect(url)
    drop = b"DROP TABLE IF EXISTS orders; DROP TABLE IF EXISTS users; DROP SCHEMA IF EXISTS sqlrail CASCADE"
    db.execute(drop)
    yield url, db
    db.execute(drop)


@pytest.mark.parametrize("parent", ["distributed", "reference"])
@pytest.mark.parametrize("how", ["cleanup", "dry run"])
def test_a_cluster_is_cleaned(cluster: tuple[str, Connection], parent: str, how: str) -> None:
    url, db = cluster
    db.execute(
        "CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE orders (id int, user_id int, total numeric)"
    )
    db.execute("SELECT create_distributed_table('orders', 'user_id')")
    if parent == "reference":
        db.execute("SELECT create_reference_table('users')")
    else:
        db.execute("SELECT create_distributed_table('users', 'id')")
    db.execute("INSERT INTO users SELECT generate_series(1, 100)")
    db.execute("INSERT INTO orders SELECT n, n % 105 + 1, n FROM generate_series(1, 1050) AS n")
    (one,) = clean(url, dry_run=how == "dry run").relations
    assert one.orphans == 50
    if how == "cleanup":
        assert (one.deleted, one.archived) == (50, 50)
        assert db.execute("SELECT count(*) FROM orders WHERE user_id > 100").fetchall() == [(0,)]
        assert len(archive(db)) == 50
