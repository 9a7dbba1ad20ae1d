"""A cleanup on a cluster of Citus: every pair of placements, every verb, every type; nothing lost, nothing left.

TEST_CITUS_URL names a database of the coordinator's, with the extension and its nodes, which these tests may empty.
"""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from conftest import Connect
from psycopg import sql
from test_cleanup import archive, clean, ids, settings
from test_online import run as online
from test_print_sql import psql
from test_restore import counts, exact, fill_with_every_type, reasons, restore, set_oddly, set_plainly
from waiting import wait_until_blocked

from sqlrail.errors import Refused
from sqlrail.ground.events import nobody
from sqlrail.ground.kinds import parse
from sqlrail.verbs import cleanup as room
from sqlrail.verbs import online as room_online

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


# Exactly


@pytest.mark.parametrize("odd", ["", "oddly"])
@pytest.mark.parametrize("place", ["distributed", "distributed by another", "reference", "single shard"])
def test_every_type_comes_back_to_the_letter(cluster: tuple[str, Connection], place: str, odd: str) -> None:
    url, db = cluster
    db.execute("CREATE SCHEMA shop; SET search_path = shop")
    fill_with_every_type(db)
    how = {
        "distributed": "create_distributed_table('orders', 'user_id')",
        "distributed by another": "create_distributed_table('orders', 'id')",
        "reference": "create_reference_table('orders')",
        "single shard": "create_distributed_table('orders', NULL)",
    }
    db.execute(f"SELECT {how[place]}".encode())
    db.execute("SELECT create_distributed_table('users', 'id')")
    before = exact(db)
    try:
        if odd:
            set_oddly(db)
        (one,) = clean(url, "shop.orders.user_id -> shop.users.id").relations
        assert (one.deleted, ids(db)) == (len(before[0]), [])
        db.execute("INSERT INTO users VALUES (99, 'Edsger')")
        assert one.run is not None
        result = restore(url, one.run)
        assert (reasons(result), counts(result)) == ({}, (len(before[0]), 0))
    finally:
        set_plainly(db)
    # To the coordinator's session above, a worker that it has reached meanwhile spells dates as it cannot read them.
    with psycopg.connect(url, autocommit=True) as plain:
        plain.execute("SET search_path = shop")
        assert exact(plain) == before


@pytest.mark.parametrize("way", ["cleanup", "printed"])
def test_a_reference_table_is_cleaned_between_two_looks_of_its_children(
    cluster: tuple[str, Connection], way: str
) -> None:
    """Citus does not join what was changed on one connection with shards that were changed on others."""
    url, db = cluster
    db.execute(
        """CREATE SCHEMA shop; CREATE TABLE shop.parent (id int PRIMARY KEY, up int, other int);
        CREATE TABLE shop.child (id int PRIMARY KEY, parent_id int)"""
    )
    db.execute("SELECT create_reference_table('shop.parent')")
    db.execute("SELECT create_distributed_table('shop.child', 'id')")
    db.execute("INSERT INTO shop.parent VALUES (1, NULL, NULL), (2, NULL, 9), (3, 2, NULL)")
    db.execute("INSERT INTO shop.child SELECT n, n % 5 + 1 FROM generate_series(1, 50) AS n")
    relations = [RELATION, "shop.parent.up -> shop.parent.id", "shop.parent.other -> shop.parent.id"]
    if way == "printed":
        as_psql(url, room.print_sql(settings(url), nobody, [parse(one) for one in relations]).sql)
    else:
        clean(url, *relations)
    assert ids(db, "shop.parent") == [1]
    assert db.execute("SELECT count(*), max(parent_id) FROM shop.child").fetchall() == [(10, 1)]
    assert len(archive(db)) == 42


# What Citus cannot do, and keys of other kinds


def test_a_columnar_child_is_refused_with_what_to_do(cluster: tuple[str, Connection]) -> None:
    url, db = cluster
    db.execute("CREATE EXTENSION IF NOT EXISTS citus_columnar")
    db.execute(TABLES + "; SELECT alter_table_set_access_method('shop.child', 'columnar')")
    db.execute("INSERT INTO shop.child VALUES (1, 7)")
    db.execute("INSERT INTO shop.parent VALUES (1)")
    refused = r"shop.child is columnar.*SELECT alter_table_set_access_method\('shop.child', 'heap'\)"
    for verb in (clean, online):
        with pytest.raises(Refused, match=refused):
            verb(url, RELATION)
    assert rows(db).total() == 1
    db.execute("SELECT alter_table_set_access_method('shop.child', 'heap')")
    assert clean(url, RELATION).relations[0].deleted == 1


def test_a_schema_that_is_a_shard_is_cleaned_on_its_node(cluster: tuple[str, Connection]) -> None:
    url, db = cluster
    db.execute(TABLES + "; SELECT citus_schema_distribute('shop')")
    for statement in ROWS.replace("{nobody}", "NULL").split(";"):
        db.execute(statement.encode())
    (one,) = clean(url, RELATION).relations
    assert one.facts.together
    assert one.deleted == 8
    db.execute("INSERT INTO shop.parent SELECT n, 'p' || n FROM generate_series(21, 24) AS n")
    assert one.run is not None
    assert counts(restore(url, one.run)) == (8, 0)


@pytest.mark.parametrize("near", [True, False], ids=["together", "apart"])
def test_keys_are_compared_as_the_key_does(cluster: tuple[str, Connection], near: bool) -> None:
    """Of two columns, and of texts that a foreign key calls equal and = does not."""
    url, db = cluster
    db.execute(
        """CREATE SCHEMA shop; CREATE TABLE shop.parent (a int, b varchar(9), PRIMARY KEY (a, b));
        CREATE TABLE shop.child (id int, a int, b varchar(9), c char(4));
        CREATE TABLE shop.word (w char(4) PRIMARY KEY)"""
    )
    db.execute(f"SELECT create_distributed_table('shop.child', '{'a' if near else 'id'}')".encode())
    db.execute("SELECT create_distributed_table('shop.parent', 'a')")
    db.execute("SELECT create_reference_table('shop.word')")
    db.execute("INSERT INTO shop.parent VALUES (1, 'x'), (2, 'y')")
    db.execute("INSERT INTO shop.word VALUES ('ab')")
    db.execute(
        """INSERT INTO shop.child VALUES (1, 1, 'x', 'ab'), (2, 1, 'y', 'ab  '), (3, 2, NULL, 'no'),
                                        (4, 3, 'x', NULL)"""
    )
    (one,) = clean(url, "shop.child.(b, a) -> shop.parent.(b, a)").relations
    assert (one.deleted, ids(db, "shop.child")) == (2, [1, 3])
    (one,) = clean(url, "shop.child.c -> shop.word.w").relations
    assert (one.deleted, ids(db, "shop.child")) == (1, [1])


# Transactions in doubt


@pytest.mark.parametrize("begun_by", ["the coordinator", "a worker"])
@pytest.mark.parametrize("verb", [clean, online], ids=["cleanup", "online"])
def test_a_parent_that_is_committed_and_has_not_arrived_is_one(
    cluster: tuple[str, Connection], verb: Any, begun_by: str
) -> None:
    """As a node leaves it that crashes between its commit and that of the others."""
    url, db = cluster
    build(db, "by the key", "by the key")
    nodes = db.execute(
        "SELECT nodeport, groupid, shardid FROM pg_dist_shard JOIN pg_dist_placement USING (shardid)"
        " JOIN pg_dist_node USING (groupid) WHERE logicalrelid = 'shop.parent'::regclass"
        " AND shardid = get_shard_id_for_distribution_column('shop.parent', 22)"
    ).fetchall()
    ((port, group, shard),) = nodes
    node_url = psycopg.conninfo.make_conninfo(url, port=port)
    others = db.execute("SELECT nodeport, groupid FROM pg_dist_node WHERE groupid NOT IN (0, %s)", [group])
    first_port, first = (None, 0) if begun_by == "the coordinator" else others.fetchall()[0]
    gid = f"citus_{first}_1_999999_1"
    with psycopg.connect(node_url, autocommit=True) as node:
        node.execute("SET citus.enable_manual_changes_to_shards = on; BEGIN")
        node.execute(f"INSERT INTO shop.parent_{shard} VALUES (22, 'late')".encode())
        node.execute(f"PREPARE TRANSACTION '{gid}'".encode())
    with psycopg.connect(url, port=first_port or db.info.port, autocommit=True) as begun:
        begun.execute("INSERT INTO pg_dist_transaction (groupid, gid) VALUES (%s, %s)", (group, gid))
    (one,) = verb(url, RELATION).relations
    assert db.execute("SELECT count(*) FROM shop.child WHERE parent_id = 22").fetchall() == [(2,)]
    assert one.deleted == 6
    assert db.execute("SELECT name FROM shop.parent WHERE id = 22").fetchall() == [("late",)]


# Batches


def test_a_batch_keeps_nobody_from_other_rows_of_the_same_shards(cluster: tuple[str, Connection]) -> None:
    """Who has written a parent, and writes to a child then, is not ended as the other half of a deadlock."""
    url, db = cluster
    build(db, "by the key", "by the key")
    batch = threading.Thread(
        target=online, args=[url, RELATION], kwargs={"batch_time": 10, "lock_timeout": 5}
    )
    with psycopg.connect(url, autocommit=True) as writer:
        writer.execute("SET lock_timeout = '100ms'; BEGIN; INSERT INTO shop.parent VALUES (40, 'p40')")
        batch.start()
        wait_until_blocked(db)
        assert writer.execute("DELETE FROM shop.child WHERE id = 1").rowcount == 1
        writer.execute("COMMIT")
    batch.join()
    assert orphans(db).total() == 0
    assert rows(db).total() == 51


# Rows that violate a constraint by themselves


@pytest.mark.parametrize("place", ["by another column", "reference", "single shard"])
def test_rows_without_a_value_go_and_come_back(cluster: tuple[str, Connection], place: str) -> None:
    url, db = cluster
    build(db, place, "reference")
    before = rows(db)
    relation = "shop.child.parent_id not null delete"
    (seen,) = clean(url, relation, dry_run=True).relations
    assert seen.seen
    assert (seen.orphans, seen.seen.rows, seen.refusals) == (4, 60, ())
    with pytest.raises(Refused, match="clean it without --online"):
        room_online.cleanup(settings(url), nobody, [parse(relation)])
    assert rows(db) == before
    for way in ("cleanup", "printed"):
        if way == "cleanup":
            (one,) = clean(url, relation).relations
            assert (one.deleted, one.archived) == (4, 4)
        else:
            as_psql(url, room.print_sql(settings(url), nobody, [parse(relation)]).sql)
        assert (before - rows(db)).total() == 4
        assert db.execute("SELECT count(*) FROM shop.child WHERE parent_id IS NULL").fetchall() == [(0,)]
        (run,) = {run for (run,) in db.execute("SELECT run FROM sqlrail.archive")}
        assert counts(restore(url, run)) == (4, 0)
        assert rows(db) == before


def test_a_printed_cleanup_of_a_tree_on_the_coordinator_goes_statement_by_statement(
    cluster: tuple[str, Connection],
) -> None:
    """Citus hands on the whole text of what holds a statement for its nodes, in a loop's EXECUTE too."""
    url, db = cluster
    db.execute("CREATE SCHEMA shop; CREATE TABLE shop.node (id int PRIMARY KEY, up int)")
    db.execute("INSERT INTO shop.node VALUES (1, NULL), (2, 1), (3, 9), (4, 3), (5, 4)")
    as_psql(url, room.print_sql(settings(url), nobody, [parse("shop.node.up -> shop.node.id")]).sql)
    assert ids(db, "shop.node") == [1, 2]


@pytest.mark.parametrize("way", ["cleanup", "printed"])
@pytest.mark.parametrize("place", ["by the key", "reference"])
def test_many_orphans_are_found_again_and_not_looked_up_by_their_keys(
    cluster: tuple[str, Connection], place: str, way: str
) -> None:
    """Whatever a table is called: what deletes them is executed within a body."""
    url, db = cluster
    child = 'shop."ch""il\'d $deletes$"'
    db.execute("CREATE SCHEMA shop; CREATE TABLE shop.parent (id int PRIMARY KEY)")
    db.execute(f'CREATE TABLE {child} (id int, "its parent" int)'.encode())
    for table, column in ((child, "its parent"), ("shop.parent", "id")):
        if place == "reference":
            db.execute("SELECT create_reference_table(%s)", [table])
        else:
            db.execute("SELECT create_distributed_table(%s, %s)", [table, column])
    db.execute("INSERT INTO shop.parent SELECT generate_series(1, 4000)")
    db.execute(f"INSERT INTO {child} SELECT n, n FROM generate_series(1, 6000) AS n".encode())
    relation = f'{child}."its parent" -> shop.parent.id'
    script = room.print_sql(settings(url, max_share=0.5), nobody, [parse(relation)]).sql
    assert "EXECUTE current_setting('sqlrail.delete')" in script
    if way == "printed":
        as_psql(url, script)
    else:
        (one,) = clean(url, relation, max_share=0.5).relations
        assert (one.deleted, one.archived) == (2000, 2000)
    assert db.execute(f"SELECT count(*), max(id) FROM {child}".encode()).fetchall() == [(4000, 4000)]
    assert sorted(int(cells["id"] or 0) for _, _, cells in archive(db)) == list(range(4001, 6001))


def build_large(db: Connection, place: str) -> str:
    """3000 rows, 30 of them without a parent; the relation."""
    db.execute(TABLES)
    for statement in PLACES[place]:
        db.execute(statement.encode())
    db.execute("INSERT INTO shop.parent SELECT generate_series(1, 2970)")
    db.execute("INSERT INTO shop.child SELECT n, n, now(), n / 7.0 FROM generate_series(1, 3000) AS n")
    return RELATION


@pytest.mark.parametrize("way", ["cleanup", "printed"])
@pytest.mark.parametrize("place", ["by the key", "reference", "single shard"])
def test_few_orphans_are_deleted_by_the_look_that_finds_them(
    cluster: tuple[str, Connection], place: str, way: str
) -> None:
    """The share is that of the rows that were there, and is just kept."""
    url, db = cluster
    relation = build_large(db, "by the key" if place == "single shard" else place)
    if place == "single shard":
        db.execute("SELECT undistribute_table('shop.child'); SELECT undistribute_table('shop.parent')")
        db.execute("SELECT create_distributed_table('shop.child', NULL, colocate_with => 'none')")
        db.execute("SELECT create_distributed_table('shop.parent', NULL, colocate_with => 'shop.child')")
    before = rows(db)
    limits: dict[str, Any] = {"max_rows": 0, "max_share": 0.01}
    script = room.print_sql(settings(url, **limits), nobody, [parse(relation)]).sql
    deletes = re.findall("DELETE FROM (?!pg_temp)", script)
    assert (len(deletes), script.count("NOT EXISTS (SELECT 1 FROM ")) == (1, 1)
    if way == "printed":
        as_psql(url, script)
    else:
        (one,) = clean(url, relation, **limits).relations
        assert (one.deleted, one.archived) == (30, 30)
    assert db.execute("SELECT count(*), max(id) FROM shop.child").fetchall() == [(2970, 2970)]
    db.execute("INSERT INTO shop.parent SELECT generate_series(2971, 3000)")
    restore(url, 1)
    assert rows(db) == before
    assert archive(db) == []


def test_few_orphans_that_became_many_since_the_look_are_all_still_there(
    cluster: tuple[str, Connection],
) -> None:
    url, db = cluster
    relation = build_large(db, "by the key")
    script = room.print_sql(settings(url, max_share=0.9), nobody, [parse(relation)]).sql
    db.execute("DELETE FROM shop.parent WHERE id > 1000")
    before = rows(db)
    with pytest.raises(AssertionError, match="2000 rows are orphans now, and there were 30 of them"):
        as_psql(url, script)
    assert rows(db) == before


@pytest.mark.parametrize("found", [30, 90], ids=["few", "many"])
def test_orphans_are_weighed_again_where_they_are_more_than_the_look_has_found(
    cluster: tuple[str, Connection], found: int
) -> None:
    """All rows are counted for that. As many as were found have been held against them already."""
    url, db = cluster
    relation = build_large(db, "by the key")
    db.execute("DELETE FROM shop.parent WHERE id > %s", [3000 - found])
    limits: dict[str, Any] = {"max_rows": 0, "max_share": found / 3000}
    script = room.print_sql(settings(url, **limits), nobody, [parse(relation)]).sql
    before = rows(db)
    db.execute("DELETE FROM shop.parent WHERE id = 1")
    with pytest.raises(AssertionError, match=f"{found + 1} of 3000 rows are orphans"):
        as_psql(url, script)
    assert rows(db) == before
    db.execute("INSERT INTO shop.parent VALUES (1)")
    db.execute("DELETE FROM shop.child WHERE id <= 100")
    as_psql(url, script)
    assert rows(db).total() == 2900 - found


def test_a_trigger_on_the_nodes_that_keeps_rows_is_noticed(cluster: tuple[str, Connection]) -> None:
    url, db = cluster
    relation = build_large(db, "by the key")
    before = rows(db)
    db.execute("CREATE FUNCTION shop.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
    each = "BEFORE DELETE ON shop.child FOR EACH ROW WHEN (old.id % 2 = 0)"
    db.execute("SET citus.enable_unsafe_triggers = on")
    db.execute(f"CREATE TRIGGER keep {each} EXECUTE FUNCTION shop.keep()".encode())
    with pytest.raises(Refused, match="15 of 30 rows would stay, because a trigger keeps them"):
        clean(url, relation, allow_triggers=("keep",))
    assert rows(db) == before


def test_a_table_that_is_its_own_parent_may_lose_all_its_rows(cluster: tuple[str, Connection]) -> None:
    url, db = cluster
    db.execute("CREATE SCHEMA shop; CREATE TABLE shop.node (id int PRIMARY KEY, up int)")
    db.execute("SELECT create_reference_table('shop.node')")
    db.execute("INSERT INTO shop.node VALUES (1, 7), (2, 8)")
    clean(url, "shop.node.up -> shop.node.id")
    assert ids(db, "shop.node") == []
