"""Where tables lie on a cluster of Citus is a part of the schema: compared, mended, written into the dump."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import cluster
import pytest
from cluster import Cluster
from conftest import clean_environment, majors
from console import Outcome, Sqlrail, put
from console import sqlrail as sqlrail

pytestmark = pytest.mark.promise

BASE = """
    CREATE TABLE users (id int PRIMARY KEY, org int);
    CREATE TABLE orders (id int, user_id int, PRIMARY KEY (user_id, id));
    CREATE TABLE lines (id int, user_id int, order_id int, PRIMARY KEY (user_id, id));
    CREATE TABLE places (id int PRIMARY KEY); CREATE TABLE notes (id int PRIMARY KEY, place int);
    CREATE TABLE single (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY);
    CREATE TABLE plain (id int PRIMARY KEY);
    CREATE TABLE events (id int, user_id int, at date) PARTITION BY RANGE (at);
    CREATE TABLE events_2020 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
    SELECT create_distributed_table('users', 'id', shard_count => 4, colocate_with => 'none');
    SELECT create_distributed_table('orders', 'user_id', colocate_with => 'users');
    SELECT create_distributed_table('lines', 'user_id', colocate_with => 'users');
    SELECT create_distributed_table('events', 'user_id', colocate_with => 'users');
    SELECT create_reference_table('places');
    SELECT create_distributed_table('single', NULL, colocate_with => 'none');
    SELECT create_distributed_table('other', NULL, colocate_with => 'single');
    ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users;
    ALTER TABLE lines ADD FOREIGN KEY (user_id, order_id) REFERENCES orders;
    ALTER TABLE notes ADD FOREIGN KEY (place) REFERENCES places;
    INSERT INTO users SELECT n FROM generate_series(1, 100) AS n;
    INSERT INTO orders SELECT n, n FROM generate_series(1, 100) AS n;
    INSERT INTO lines SELECT n, n, n FROM generate_series(1, 100) AS n;
    INSERT INTO places SELECT n FROM generate_series(1, 9) AS n;
    INSERT INTO notes SELECT n, n FROM generate_series(1, 9) AS n;
"""
#: what is otherwise in the other database, and what the one says of that
CHANGES = {
    "places": (
        """
        SELECT create_distributed_table('plain', 'id', colocate_with => 'users');
        SELECT alter_distributed_table('events', distribution_column => 'id', colocate_with => 'users');
        SELECT undistribute_table('other'); SELECT create_reference_table('other');
        ALTER TABLE events_2020 SET ACCESS METHOD columnar;
        """,
        "distribution by id: the database lacks it",
        "column: other database says id, database says user_id",
        "other database says reference table, database says single shard",
        "other database says columnar, database says heap",
    ),
    "groups": (
        """
        SELECT create_reference_table('plain');
        SELECT alter_distributed_table('lines', colocate_with => 'none', cascade_to_colocated => false);
        SELECT alter_distributed_table('orders', colocate_with => 'lines', cascade_to_colocated => false);
        """,
        "distribution as a reference table: the database lacks it",
        "distribution by user_id together with: other database says public.users",
    ),
    "shards": (
        """
        SELECT create_distributed_table('plain', NULL, colocate_with => 'single');
        SELECT alter_distributed_table('users', shard_count => 6, cascade_to_colocated => true);
        CREATE SCHEMA tenant; SELECT citus_schema_distribute('tenant');
        CREATE TABLE tenant.pets (id int PRIMARY KEY, place int REFERENCES places);
        """,
        "distribution as a single shard: the database lacks it",
        "shard count: other database says 6, database says 4",
        "schema: the database lacks it",
    ),
    "back, with their keys": (
        """
        SELECT undistribute_table('users', cascade_via_foreign_keys => true);
        SELECT citus_add_local_table_to_metadata('plain');
        """,
        "distribution by id: the other database does not have it",
        "as a local table of Citus: the database lacks it",
    ),
}
ROWS = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM lines), (SELECT count(*) FROM notes)"


@pytest.fixture(scope="module")
def _other() -> Iterator[Cluster]:
    with cluster.made("_other") as found:
        yield found


@pytest.fixture
def other(_other: Cluster) -> Cluster:
    """A second database of the cluster."""
    _other.empty()
    return _other


def psql(database: Cluster, text: str) -> None:
    """Runs a script as people do: each statement a message, outside of transactions."""
    program = str(majors()[max(majors())] / "psql")
    command = [program, "-qX", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-d", database.url]
    subprocess.run(command, input=text, text=True, check=True, env=clean_environment())


def drift(sqlrail: Sqlrail, database: Cluster, other: Cluster, *more: str) -> Outcome:
    return sqlrail("drift", "--against", other.url, *more, env={"DATABASE_URL": database.url})


@pytest.mark.parametrize("change", CHANGES)
def test_a_table_that_lies_otherwise_is_told_and_mended(
    citus: Cluster, other: Cluster, sqlrail: Sqlrail, change: str
) -> None:
    statements, *told = CHANGES[change]
    for database in (citus, other):
        psql(database, f"CREATE EXTENSION IF NOT EXISTS citus_columnar;{BASE}")
    assert drift(sqlrail, citus, other, "--check").code == 0
    psql(other, statements)
    found = drift(sqlrail, citus, other, "--check")
    assert found.code == 4
    assert [text for text in told if text not in found.out] == []
    psql(citus, drift(sqlrail, citus, other, "--print-sql", "--with-drops").out)
    assert drift(sqlrail, citus, other, "--check").code == 0
    assert citus.rows(ROWS) == [(100, 100, 9)]


def test_the_dump_of_the_files_builds_the_same_elsewhere(
    citus: Cluster, other: Cluster, sqlrail: Sqlrail
) -> None:
    """By psql, statement by statement, and as one migration."""
    for database in (citus, other):
        database.rows("DROP EXTENSION IF EXISTS citus_columnar")
    sequential = "SET LOCAL citus.multi_shard_modify_mode = 'sequential';"
    put({"migrations/001_base.sql": sequential + BASE})
    more = "CREATE SCHEMA tenant; SELECT citus_schema_distribute('tenant');"
    put({"migrations/002_more.sql": f"{more} CREATE TABLE tenant.pets (id int PRIMARY KEY)"})
    environment = {"DATABASE_URL": citus.url, "SQLRAIL_ENV": "development"}
    done = sqlrail("migrate", env=environment)
    assert done.code == 0, done.err
    assert sqlrail("drift", "--check", env=environment).code == 0
    dump = sqlrail("schema", env=environment).out
    assert (
        "SELECT create_distributed_table('public.lines', 'user_id', colocate_with => 'public.events')" in dump
    )
    psql(other, dump)
    assert drift(sqlrail, citus, other, "--check").code == 0
    other.empty()
    put({"dumped/001_all.sql": dump})
    done = sqlrail("migrate", "--migrations", "dumped", env={**environment, "DATABASE_URL": other.url})
    assert done.code == 0, done.err
    assert drift(sqlrail, citus, other, "--check").code == 0


def test_a_baseline_of_a_table_that_lies_otherwise_is_refused(citus: Cluster, sqlrail: Sqlrail) -> None:
    text = "CREATE TABLE users (id int PRIMARY KEY);"
    put({"migrations/001_users.sql": f"{text} SELECT create_distributed_table('users', 'id')"})
    citus.rows(text)
    environment = {"DATABASE_URL": citus.url, "SQLRAIL_ENV": "development"}
    refused = sqlrail("baseline", "--to", "001_users", env=environment)
    assert refused.code == 3
    assert "public.users distribution by id: the database lacks it" in refused.err
    assert citus.rows("SELECT to_regclass('_yoyo_migration')::text") == [(None,)]
    citus.rows("SELECT create_distributed_table('users', 'id')")
    done = sqlrail("baseline", "--to", "001_users", env=environment)
    assert done.code == 0, done.err
