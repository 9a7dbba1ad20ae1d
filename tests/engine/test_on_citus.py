"""The engine on a cluster of Citus: its tables lie on other nodes, and so do the locks that are in the way."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import closing

import psycopg
import pytest
from cluster import Cluster
from console import Sqlrail, put
from console import sqlrail as sqlrail

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
