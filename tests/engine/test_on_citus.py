"""The engine on a cluster of Citus: its tables lie on other nodes, and so do the locks that are in the way."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from cluster import SHARDS, Cluster
from conftest import ROOT, clean_environment
from console import Sqlrail, put
from console import sqlrail as sqlrail
from waiting import wait_for

pytestmark = pytest.mark.promise

TABLES = """
    CREATE TABLE users (id int PRIMARY KEY, name text);
    CREATE TABLE orders (id int, user_id int, total numeric, PRIMARY KEY (user_id, id));
    SELECT create_distributed_table('users', 'id');
    SELECT create_distributed_table('orders', 'user_id');
    INSERT INTO users SELECT n, 'u' || n FROM generate_series(1, 100) AS n;
    INSERT INTO orders SELECT n, n % 100 + 1, n FROM generate_series(1, 1000) AS n;
"""


def env(citus: Cluster, **more: str) -> dict[str, str]:
    return {"DATABASE_URL": citus.url, "SQLRAIL_ENV": "development", **more}


def begin(citus: Cluster, sqlrail: Sqlrail, files: Mapping[str, str | bytes], **more: str) -> None:
    """Applies what makes the tables; the files are pending behind it."""
    put({"migrations/001_tables.sql": TABLES})
    done = sqlrail("migrate", env=env(citus, **more))
    assert done.code == 0, done.err
    put({f"migrations/{name}": text for name, text in files.items()})


def indexes(citus: Cluster, url: str | None = None) -> list[str]:
    found = b"SELECT indexname FROM pg_indexes WHERE tablename ~ '^orders' AND indexname ~ '^by_' ORDER BY 1"
    with citus.connect(url) as connection:
        connection.execute("SET citus.override_table_visibility = off")
        return [name for (name,) in connection.execute(found).fetchall()]


TWO = "CREATE INDEX by_total ON orders (total);\nCREATE INDEX by_id ON orders (id);\n"


@pytest.mark.parametrize("kind", ["alone", "two small files", "outside", "in a block outside"])
def test_two_statements_for_other_nodes_in_a_file(citus: Cluster, sqlrail: Sqlrail, kind: str) -> None:
    outside = "-- transactional: false\n"
    files: dict[str, dict[str, str | bytes]] = {
        "alone": {"002_two.sql": TWO},
        "two small files": {"002_a.sql": "SELECT 1;", "003_two.sql": TWO},
        "outside": {"002_two.sql": outside + TWO},
        "in a block outside": {"002_two.sql": f"{outside}BEGIN;\n{TWO}COMMIT;\n"},
    }
    begin(citus, sqlrail, files[kind])
    done = sqlrail("migrate", env=env(citus))
    assert done.code == 0, done.err
    assert indexes(citus) == ["by_id", "by_total"]
    on_workers = [name for worker in citus.workers for name in indexes(citus, worker)]
    assert len([name for name in on_workers if name.startswith("by_total_")]) == 8
    assert sqlrail("status", "--check", env=env(citus)).code == 0


def test_kinds_of_statements_in_one_file(citus: Cluster, sqlrail: Sqlrail) -> None:
    text = """
        SET LOCAL citus.multi_shard_modify_mode = 'sequential';
        ALTER TABLE orders ADD COLUMN note text; ALTER TABLE orders ADD CHECK (total >= 0);
        COMMENT ON TABLE orders IS 'of users';
        DO $$ BEGIN EXECUTE 'UPDATE orders SET note = ''; a''' ; END $$;
        CREATE FUNCTION one() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;
        CREATE TYPE mood AS ENUM ('good', 'bad'); ALTER TABLE users ADD COLUMN mood mood DEFAULT 'good';
        CREATE VIEW paid AS SELECT * FROM orders WHERE total > 0; GRANT SELECT ON paid TO PUBLIC;
        CREATE TABLE lines (user_id int, order_id int, PRIMARY KEY (user_id, order_id));
        SELECT create_distributed_table('lines', 'user_id', colocate_with => 'orders');
        ALTER TABLE lines ADD FOREIGN KEY (user_id, order_id) REFERENCES orders;
        INSERT INTO lines SELECT user_id, id FROM orders;
        SELECT count(*) FROM lines;
        COPY users (id, name) FROM stdin;
201\tone
202\ttwo
\\.
        ALTER TABLE users RENAME name TO called; ALTER TABLE users ALTER called SET NOT NULL;
        DROP VIEW paid; CREATE VIEW paid AS SELECT id FROM orders; TRUNCATE lines;
    """
    begin(citus, sqlrail, {"002_kinds.sql": text})
    done = sqlrail("migrate", env=env(citus))
    assert done.code == 0, done.err
    assert citus.rows("SELECT count(*) FROM users WHERE called IS NOT NULL AND mood = 'good'") == [(102,)]
    assert citus.rows("SELECT count(*) FROM orders WHERE note = '; a'") == [(1000,)]


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("place", ["parse", "rows"])
def test_an_error_is_placed_where_it_stands_in_the_file(
    citus: Cluster, sqlrail: Sqlrail, outside: bool, place: str
) -> None:
    bad = {
        "parse": ("SELECT nought FROM orders", "4:10"),
        "rows": ("INSERT INTO orders VALUES (1, 2, 1 / 0)", "4:3"),
    }
    text, at = bad[place]
    first = "-- transactional: false\n" if outside else "-- ä first\n"
    begin(
        citus,
        sqlrail,
        {"002_bad.sql": f"{first}\nCREATE INDEX by_id ON orders (id);\n  {text};\nSELECT 1;\n"},
    )
    failed = sqlrail("migrate", env=env(citus))
    assert failed.code == 1
    assert f"002_bad.sql:{at}: " in failed.err
    assert indexes(citus) == (["by_id"] if outside else [])
    assert sqlrail("status", "--check", env=env(citus)).code == 4


def test_the_data_of_a_copy_behind_other_statements(citus: Cluster, sqlrail: Sqlrail) -> None:
    text = f"{TWO}COPY users FROM stdin;\n201\tone\nx\ttwo\n\\.\nSELECT 1;\n"
    begin(citus, sqlrail, {"002_copy.sql": text})
    failed = sqlrail("migrate", env=env(citus))
    assert failed.code == 1
    assert "002_copy.sql:5:1: " in failed.err
    assert (indexes(citus), citus.rows("SELECT count(*) FROM users")) == ([], [(100,)])


def test_a_worker_is_refused(citus: Cluster, sqlrail: Sqlrail) -> None:
    put({"migrations/001_tables.sql": TABLES})
    for verb in ("migrate", "status"):
        refused = sqlrail(verb, env={"DATABASE_URL": citus.workers[0], "SQLRAIL_ENV": "development"})
        assert refused.code == 3
        assert "is a worker of Citus" in refused.err
    assert citus.rows("SELECT to_regclass('_yoyo_migration')::text", citus.workers[0]) == [(None,)]


@pytest.mark.parametrize("outside", [False, True])
def test_a_lock_on_another_node_gives_way_and_is_named(
    citus: Cluster, sqlrail: Sqlrail, outside: bool
) -> None:
    first = "-- transactional: false\n" if outside else ""
    begin(citus, sqlrail, {"002_column.sql": f"{first}ALTER TABLE orders ADD COLUMN note text;\nSELECT 1;\n"})
    shard, worker = citus.shard("orders")
    with closing(psycopg.connect(worker, application_name="the reader")) as reader:
        reader.execute(f"SELECT count(*) FROM {shard}".encode())
        started = time.monotonic()
        failed = sqlrail("migrate", "--lock-timeout", "3s", "--retry-for", "12s", env=env(citus))
        assert time.monotonic() - started < 40
        assert failed.code == 1
        assert "gave way" in failed.err
        assert "a lock on another node, and in the way was backend" in failed.err
        assert "the reader" in failed.err
        remedy = re.search(r"SELECT pg_terminate_backend\(\d+\)", failed.err)
        assert remedy
        assert citus.rows(remedy[0]) == [(True,)]
        done = sqlrail("migrate", env=env(citus))
        assert done.code == 0, done.err


def test_our_tables_are_of_the_coordinator_alone(citus: Cluster, sqlrail: Sqlrail) -> None:
    files = {"002_a.sql": "-- transactional: false\nSELECT 1;\nCREATE SCHEMA tenant;\n"}
    begin(citus, sqlrail, files, PGOPTIONS="-c citus.enable_schema_based_sharding=on")
    assert sqlrail("migrate", env=env(citus, PGOPTIONS="-c citus.enable_schema_based_sharding=on")).code == 0
    assert (
        citus.rows(
            "SELECT logicalrelid::text FROM pg_dist_partition WHERE logicalrelid::text ~ 'yoyo|sqlrail'"
        )
        == []
    )
    assert citus.rows("SELECT schema_name::text FROM citus_schemas") == [("tenant",)]


def test_a_lock_that_only_a_warning_names_gives_way_too(citus: Cluster, sqlrail: Sqlrail) -> None:
    begin(citus, sqlrail, {"002_empty.sql": "SELECT 1;\nTRUNCATE orders;\n"})
    with psycopg.connect(citus.workers[0]) as reader:
        reader.execute("SELECT count(*) FROM orders")
        failed = sqlrail("migrate", "--lock-timeout", "1s", "--retry-for", "0", "--json", env=env(citus))
        assert failed.error["sqlstate"] == "55P03"
        assert "002_empty.sql:2:1: " in failed.error["message"]
        assert citus.rows("SELECT count(*) FROM orders") == [(1000,)]
    done = sqlrail("migrate", env=env(citus))
    assert done.code == 0, done.err


# What Citus lets run outside a transaction only


def test_a_table_is_distributed_while_it_is_written(citus: Cluster, sqlrail: Sqlrail) -> None:
    text = """-- transactional: false
        SELECT create_distributed_table_concurrently('events', 'id');
        ALTER TABLE events ADD COLUMN note text;
    """
    begin(
        citus,
        sqlrail,
        {"002_events.sql": "CREATE TABLE events (id int PRIMARY KEY); INSERT INTO events VALUES (1)"},
    )
    put({"migrations/003_distributed.sql": text})
    done = sqlrail("migrate", env=env(citus))
    assert done.code == 0, done.err
    assert citus.rows("SELECT citus_table_type FROM citus_tables WHERE table_name = 'events'::regclass") == [
        ("distributed",)
    ]
    assert citus.rows("SELECT id, note FROM events") == [(1, None)]


def test_in_a_transaction_that_is_refused_with_what_to_do(citus: Cluster, sqlrail: Sqlrail) -> None:
    text = "CREATE TABLE events (id int);\nSELECT create_distributed_table_concurrently('events', 'id');\n"
    begin(citus, sqlrail, {"002_events.sql": text})
    failed = sqlrail("migrate", env=env(citus))
    assert failed.code == 1
    assert "002_events.sql:2:1: " in failed.err
    assert "`-- transactional: false`" in failed.err
    assert citus.rows("SELECT to_regclass('events')::text") == [(None,)]


def test_an_index_that_failed_on_a_shard_is_made_anew(citus: Cluster, sqlrail: Sqlrail) -> None:
    text = "-- transactional: false\nCREATE UNIQUE INDEX CONCURRENTLY by_total ON orders (user_id, total);\n"
    begin(citus, sqlrail, {"002_index.sql": text})
    citus.rows("INSERT INTO orders VALUES (2001, 7, 106)")
    failed = sqlrail("migrate", env=env(citus))
    assert failed.code == 1
    assert "002_index.sql:2:1: " in failed.err
    citus.rows("DELETE FROM orders WHERE id = 2001")
    done = sqlrail("migrate", env=env(citus))
    assert done.code == 0, done.err
    on_workers = [name for worker in citus.workers for name in indexes(citus, worker) if name != "by_total"]
    assert len(on_workers) == 8
    with pytest.raises(psycopg.errors.UniqueViolation):
        citus.rows("INSERT INTO orders VALUES (2001, 7, 106)")
    for url in (citus.url, *citus.workers):
        with citus.connect(url) as connection:
            connection.execute("SET citus.override_table_visibility = off")
            assert connection.execute("SELECT FROM pg_index WHERE NOT indisvalid").rowcount == 0


# What becomes of the other nodes


def test_a_reset_leaves_the_cluster_and_nothing_on_its_nodes(citus: Cluster, sqlrail: Sqlrail) -> None:
    text = """
        CREATE TABLE places (id int PRIMARY KEY); SELECT create_reference_table('places');
        CREATE SCHEMA other; CREATE TABLE other.pets (id int, user_id int REFERENCES users, PRIMARY KEY (user_id, id));
    """
    begin(citus, sqlrail, {"002_more.sql": text})
    put({"migrations/003_more.sql": "SELECT create_distributed_table('other.pets', 'user_id')"})
    more = "CREATE TYPE mood AS ENUM ('good'); CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'"
    put({"migrations/004_more.sql": more})
    done = sqlrail("migrate", env=env(citus))
    assert done.code == 0, done.err
    # The database's own settings go as well.
    done = sqlrail("reset", "--yes", env=env(citus, PGOPTIONS=f"-c citus.shard_count={SHARDS}"))
    assert done.code == 0, done.err
    assert citus.rows("SELECT count(*) FROM users") == [(100,)]
    assert citus.rows("SELECT count(*) FROM pg_dist_node WHERE isactive") == [(4,)]
    for worker in citus.workers:
        with citus.connect(worker) as connection:
            connection.execute("SET citus.override_table_visibility = off")
            shards = "SELECT count(*) FROM pg_class WHERE relname ~ '^(users|orders|places|pets)_[0-9]+$'"
            assert connection.execute(shards.encode()).fetchall()[0][0] <= 2 * 3 + 1 + 3


HELD = "ALTER TABLE orders ADD COLUMN note text;\nUPDATE users SET name = 'all' WHERE id < 50;\nSELECT 1;\n"


@contextmanager
def held_up(citus: Cluster, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A runner in the middle of its file, which has changed other nodes and waits for a row on one of them."""
    # Two that write to many shards wait for each other on the coordinator already.
    with closing(psycopg.connect(citus.workers[0])) as writer:
        writer.execute("UPDATE users SET name = 'mine' WHERE id = 7")
        command = [
            sys.executable,
            str(ROOT / "runner.py"),
            "migrate",
            "--lock-timeout",
            "60s",
            "--retry-for",
            "0",
        ]
        process = subprocess.Popen(
            command, cwd=folder, env={**clean_environment(), **env(citus)}, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        with process, citus.connect() as look:
            waits = (
                f"SELECT FROM citus_lock_waits WHERE blocking_gpid % 10000000000 = {writer.info.backend_pid}"
            )
            wait_for(lambda: look.execute(waits.encode()).rowcount > 0, "the runner waits on another node")
            yield process
            process.kill()


def check_undone(citus: Cluster, sqlrail: Sqlrail) -> None:
    """Nothing of the file is there, and run again it is there on every node."""
    added = "SELECT FROM pg_attribute WHERE attname = 'note' AND NOT attisdropped"
    with citus.connect() as look:
        gone = b"SELECT FROM pg_stat_activity WHERE application_name ~ '^sqlrail' AND datname = current_database()"
        wait_for(lambda: look.execute(gone).rowcount == 0, "the runner's backend has left")
        assert look.execute(added.encode()).rowcount == 0
    done = sqlrail("migrate", env=env(citus))
    assert done.code == 0, done.err
    assert citus.rows("SELECT count(*) FROM users WHERE name = 'all'") == [(49,)]
    for worker in citus.workers:
        with citus.connect(worker) as look:
            look.execute("SET citus.override_table_visibility = off")
            shards = look.execute("SELECT FROM pg_class WHERE relname ~ '^orders_[0-9]+$'").rowcount
            assert look.execute(added.encode()).rowcount == shards + 1


@pytest.mark.parametrize("victim", ["runner", "coordinator's backend", "worker's backends"])
def test_who_is_killed_in_the_middle_of_a_file_leaves_nothing_of_it(
    citus: Cluster, sqlrail: Sqlrail, tmp_path: Path, victim: str
) -> None:
    begin(citus, sqlrail, {"002_held.sql": HELD})
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    with held_up(citus, tmp_path) as process:
        if victim == "runner":
            process.kill()
        elif victim == "coordinator's backend":
            citus.rows(f"{end} AND application_name ~ '^sqlrail '")
        else:
            for worker in citus.workers:
                citus.rows(f"{end} AND application_name ~ '^citus_internal gpid=1'", worker)
        assert process.wait(60) == (-9 if victim == "runner" else 1)
    check_undone(citus, sqlrail)


def test_a_widening_is_refused_before_anything_is_changed(citus: Cluster, sqlrail: Sqlrail) -> None:
    begin(citus, sqlrail, {})
    before = citus.rows("SELECT * FROM users ORDER BY id")
    failed = sqlrail("widen", "users.id", env=env(citus))
    assert (failed.code, "Citus makes no triggers" in failed.err) == (3, True), failed.err
    assert citus.rows("SELECT * FROM users ORDER BY id") == before
    assert citus.rows("SELECT count(*) FROM _yoyo_migration") == [(1,)]


def test_a_worker_that_is_down_is_named_and_nothing_is_kept(citus: Cluster, sqlrail: Sqlrail) -> None:
    begin(citus, sqlrail, {"002_held.sql": HELD})
    node, host, port = citus.rows(
        "SELECT nodeid, nodename, nodeport FROM pg_dist_node WHERE groupid > 0 LIMIT 1"
    )[0]
    citus.rows(f"SELECT citus_update_node({node}, '{host}', 1)")
    try:
        assert sqlrail("status", env=env(citus)).code == 0
        failed = sqlrail("migrate", env=env(citus))
        assert failed.code == 1
        assert "002_held.sql:1:1: " in failed.err
        assert f"{host}:1" in failed.err
    finally:
        citus.rows(f"SELECT citus_update_node({node}, '{host}', {port})")
        citus.rows("SELECT start_metadata_sync_to_all_nodes()")
    check_undone(citus, sqlrail)
