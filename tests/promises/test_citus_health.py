"""What `doctor` and `plan` say of a cluster of Citus, and that what mends it mends it."""

from __future__ import annotations

import re
import threading
from contextlib import closing, suppress
from typing import Any

import psycopg
import pytest
from cluster import Cluster
from conftest import ROOT
from console import Sqlrail, put
from console import sqlrail as sqlrail
from psycopg.conninfo import make_conninfo
from waiting import wait_for

pytestmark = pytest.mark.promise

TABLES = """
    CREATE TABLE users (id int PRIMARY KEY, name text);
    CREATE TABLE orders (id int, user_id int, total numeric, PRIMARY KEY (user_id, id));
    SELECT create_distributed_table('users', 'id');
    SELECT create_distributed_table('orders', 'user_id', colocate_with => 'users');
    INSERT INTO users SELECT n, 'u' || n FROM generate_series(1, 100) AS n;
    INSERT INTO orders SELECT n, n % 100 + 1, n FROM generate_series(1, 1000) AS n;
"""
KINDS = ("apart", "in_doubt", "leftover", "no_placement", "node")


def begin(citus: Cluster, sqlrail: Sqlrail) -> dict[str, str]:
    put({"migrations/001_tables.sql": TABLES})
    environment = {"DATABASE_URL": citus.url, "SQLRAIL_ENV": "development"}
    done = sqlrail("migrate", env=environment)
    assert done.code == 0, done.err
    return environment


def ill(sqlrail: Sqlrail, environment: dict[str, str]) -> list[tuple[str, str, list[str]]]:
    """The findings that are about the cluster: kind, object, what mends it."""
    found = sqlrail("doctor", "--quick", "--json", env=environment).document["findings"]
    return [(it["kind"], it["object"], it["later"]) for it in found if it["kind"] in KINDS]


def test_a_healthy_cluster_is_said_to_be_healthy(citus: Cluster, sqlrail: Sqlrail) -> None:
    assert ill(sqlrail, begin(citus, sqlrail)) == []


def test_tables_that_lie_apart_though_their_key_says_otherwise(citus: Cluster, sqlrail: Sqlrail) -> None:
    environment = begin(citus, sqlrail)
    citus.rows("SELECT alter_distributed_table('orders', colocate_with => 'none')")
    ((kind, column, (mends,)),) = ill(sqlrail, environment)
    assert (kind, column) == ("apart", "column user_id")
    citus.rows(mends)
    assert ill(sqlrail, environment) == []
    assert citus.rows("SELECT count(*) FROM orders JOIN users ON users.id = user_id") == [(1000,)]


def test_a_node_that_does_not_answer_or_takes_no_part(citus: Cluster, sqlrail: Sqlrail) -> None:
    environment = begin(citus, sqlrail)
    node, host, port = citus.rows(
        "SELECT nodeid, nodename, nodeport FROM pg_dist_node WHERE groupid > 0 LIMIT 1"
    )[0]
    citus.rows(f"SELECT citus_update_node({node}, '{host}', 1)")
    try:
        assert ("node", f"node {host}:1", []) in ill(sqlrail, environment)
    finally:
        citus.rows(f"SELECT citus_update_node({node}, '{host}', {port})")
        citus.rows("SELECT start_metadata_sync_to_all_nodes()")
    citus.rows(f"UPDATE pg_dist_node SET isactive = false WHERE nodeid = {node}")
    ((kind, name, (mends,)),) = ill(sqlrail, environment)
    assert (kind, name) == ("node", f"node {host}:{port}")
    citus.rows(mends)
    citus.rows("SELECT start_metadata_sync_to_all_nodes()")
    assert ill(sqlrail, environment) == []


def test_leftovers_and_shards_without_a_node(citus: Cluster, sqlrail: Sqlrail) -> None:
    environment = begin(citus, sqlrail)
    shard, worker = citus.shard("orders")
    group = f"(SELECT groupid FROM pg_dist_node WHERE nodeport = {worker.rpartition('=')[2].strip()} LIMIT 1)"
    # As a move that failed notes it: type 1 is a shard's table, policy 1 always removes it.
    citus.rows(f"CREATE TABLE public.{shard}_left (id int)", worker)
    citus.rows(f"INSERT INTO pg_dist_cleanup VALUES (1, 1, 1, 'public.{shard}_left', {group}, 1)")
    ((kind, _, (mends,)),) = ill(sqlrail, environment)
    assert kind == "leftover"
    citus.rows(mends)
    assert ill(sqlrail, environment) == []
    assert citus.rows(f"SELECT to_regclass('public.{shard}_left')::text", worker) == [(None,)]
    number = shard.rpartition("_")[2]
    kept = citus.rows(f"SELECT * FROM pg_dist_placement WHERE shardid = {number}")[0]
    citus.rows(f"DELETE FROM pg_dist_placement WHERE shardid = {number}")
    assert ill(sqlrail, environment) == [("no_placement", "shards", [])]
    with citus.connect() as connection:
        connection.execute("INSERT INTO pg_dist_placement VALUES (%s, %s, %s, %s, %s)", kept)
    assert ill(sqlrail, environment) == []


def test_what_a_distribution_that_was_killed_has_left_on_all_nodes(citus: Cluster, sqlrail: Sqlrail) -> None:
    """And the file with it goes on once that is gone."""
    environment = begin(citus, sqlrail)
    citus.rows("CREATE TABLE events (id bigint PRIMARY KEY, note text)")
    citus.rows("INSERT INTO events SELECT n, repeat('x', 200) FROM generate_series(1, 300000) AS n")
    call = "SELECT create_distributed_table_concurrently('events', 'id')"
    with closing(psycopg.connect(citus.url, autocommit=True)) as killed, citus.connect() as look:
        failing = threading.Thread(target=lambda: suppressing(killed, call))
        failing.start()
        begun = b"SELECT FROM pg_dist_cleanup WHERE object_type = 3"  # a slot
        wait_for(lambda: look.execute(begun).rowcount > 0, "the copying has begun")
        look.execute("SELECT pg_terminate_backend(%s::int)", [killed.info.backend_pid])
        failing.join()
    left = ill(sqlrail, environment)
    assert {kind for kind, *_ in left} == {"leftover"}
    assert len(left) == 4  # the coordinator's slots, too, which keep WAL
    citus.rows(left[0][2][0])
    assert ill(sqlrail, environment) == []
    assert citus.rows("SELECT FROM pg_replication_slots WHERE slot_name ~ '^citus_shard_split'") == []
    put({"migrations/002_events.sql": f"-- transactional: false\n{call};"})
    done = sqlrail("migrate", env=environment)
    assert done.code == 0, done.err
    assert citus.rows("SELECT count(*) FROM events") == [(300000,)]
    assert ill(sqlrail, environment) == []  # the old rows, which Citus drops in its own time, are none


def suppressing(connection: psycopg.Connection[Any], statement: str) -> None:
    with suppress(psycopg.Error):
        connection.execute(statement.encode())


def test_transactions_in_doubt(citus: Cluster, sqlrail: Sqlrail) -> None:
    """One that has just begun is none of those, for it may be about to end."""
    environment = begin(citus, sqlrail)
    with closing(psycopg.connect(citus.workers[0])) as worker:
        worker.execute("CREATE TABLE public.held (id int)")
        worker.execute("PREPARE TRANSACTION 'citus_0_1_1_1'")
    try:
        assert ill(sqlrail, environment) == []  # just begun
    finally:
        citus.rows("ROLLBACK PREPARED 'citus_0_1_1_1'", citus.workers[0])


def test_a_plan_says_how_large_a_table_is_on_all_nodes_and_that_rows_move(
    citus: Cluster, sqlrail: Sqlrail
) -> None:
    environment = begin(citus, sqlrail)
    citus.rows("ANALYZE orders")
    text = "SELECT alter_distributed_table('orders', shard_count => 4, cascade_to_colocated => true)"
    put({"migrations/002_index.sql": "CREATE INDEX ON orders (total)", "migrations/003_shards.sql": text})
    plan = sqlrail("plan", "--json", env=environment)
    assert plan.code == 0, plan.err
    index, shards = plan.document["files"]
    (touched,) = index["statements"][0]["relations"]
    assert (touched["rows"], touched["bytes"] > 8 * 8192) == (1000, True)
    assert (index["verdict"], shards["verdict"]) == ("blocks", "rewrites")
    assert [loss for one in shards["statements"] for loss in one["losses"]] == []


def test_a_scratch_database_of_a_killed_run_goes_though_citus_is_in_it(
    citus: Cluster, sqlrail: Sqlrail
) -> None:
    environment = begin(citus, sqlrail)
    name = "sqlrail_scratch_1000000000_0123abcd"
    citus.rows(f"CREATE DATABASE {name}")
    left = make_conninfo(citus.url, dbname=name)
    for statement in ("CREATE EXTENSION citus", "CREATE TABLE t (id int)"):
        citus.rows(statement, left)
    citus.rows("SELECT create_distributed_table('t', 'id')", left)
    assert sqlrail("drift", "--check", env=environment).code == 0
    assert citus.rows(f"SELECT FROM pg_database WHERE datname = '{name}'") == []


def test_every_verb_of_the_page_works(citus: Cluster, sqlrail: Sqlrail) -> None:
    """With the files of the page's own example."""
    example, *_ = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "citus.md").read_text(), re.DOTALL)
    put(
        {
            "migrations/001_orders.sql": example,
            "migrations/002_note.sql": "ALTER TABLE orders ADD COLUMN note text",
        }
    )
    put({"migrations/002_note.rollback.sql": "ALTER TABLE orders DROP COLUMN note"})
    environment = {"DATABASE_URL": citus.url, "SQLRAIL_ENV": "development"}
    for words in (
        "plan", "migrate", "status --check", "lint --all", "drift --check", "schema", "doctor --quick",
        "rollback --yes", "migrate", "archive list", "reset --yes",
    ):  # fmt: skip
        done = sqlrail(*words.split(), env=environment)
        assert (words, done.code) == (words, 0), done.err
