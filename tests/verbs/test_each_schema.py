"""drift, baseline, doctor and archive of many schemas: each looks at the tenant's schema, and at nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import needs, query
from console import Sqlrail, put
from console import sqlrail as sqlrail
from psycopg import sql

pytestmark = needs("schemas and databases of its own")

#: names with what has to be quoted in SQL, in a literal, in JSON, in a search_path, in a pattern
NAMES = ("acme", 'a"b c.d', "o'neil \\", "user", "Ünï$")
ALL = "SELECT schema FROM tenants ORDER BY number"
CLEAN = ("--relation", "orders.user_id -> users.id", "--max-share", "1")
SHARED = """
    CREATE TABLE tenants (number int GENERATED ALWAYS AS IDENTITY, schema text);
    CREATE DOMAIN amount AS numeric(20, 2);
    CREATE TABLE countries (id int PRIMARY KEY);
    CREATE FUNCTION half(x amount) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN x / 2;
"""
FILES = {
    "migrations/001_users.sql": (
        "CREATE TABLE users (id bigserial PRIMARY KEY, name text NOT NULL DEFAULT 'acme.x');\n"
        "CREATE TYPE state AS ENUM ('a', 'b');\n"
    ),
    "migrations/002_orders.sql": (
        "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id bigint REFERENCES users,\n"
        "    total amount CHECK (half(total) >= 0), state state DEFAULT 'a', country int REFERENCES countries);\n"
        "CREATE VIEW totals AS\n"
        "    SELECT u.id, sum(o.total) AS total FROM users AS u JOIN orders AS o ON o.user_id = u.id GROUP BY 1;\n"
        "CREATE FUNCTION first(a users) RETURNS bigint LANGUAGE sql SET search_path FROM CURRENT AS 'SELECT a.id';\n"
        "COMMENT ON TABLE orders IS 'theirs';\n"
    ),
}


@pytest.fixture
def url(database: str, tmp_path: Path) -> str:
    """A database with tenants who have nothing yet."""
    return with_tenants(database, tmp_path)


@pytest.fixture
def any_url(any_database: str, tmp_path: Path) -> str:
    return with_tenants(any_database, tmp_path)


def with_tenants(url: str, folder: Path) -> str:
    put(FILES, folder)
    query(url, SHARED)
    for name in NAMES:
        do(url, name, "CREATE SCHEMA {}")
        query(url, "INSERT INTO tenants (schema) VALUES (%s)", [name])
    return url


def do(url: str, name: str, text: str) -> None:
    query(url, sql.SQL(text).format(sql.Identifier(name)).as_string())


def migrated(sqlrail: Sqlrail, url: str) -> dict[str, str]:
    env = {"DATABASE_URL": url}
    assert sqlrail("migrate", "--each", ALL, env=env).code == 0
    return env


def test_drift_builds_once_and_says_who_differs(sqlrail: Sqlrail, any_url: str) -> None:
    url, env = any_url, migrated(sqlrail, any_url)
    same = sqlrail("drift", "--each", ALL, "--check", env=env)
    assert (same.code, same.out.splitlines()) == (0, [
        f"{', '.join(NAMES)}:",
        "  no difference to what 2 files build, up to 002_orders",
        "5 at 002",
        "5 tenants: 5 done",
    ])  # fmt: skip
    do(url, 'a"b c.d', "ALTER TABLE {}.users ADD x int")
    do(url, "user", "ALTER TABLE {}.users ADD x int")
    query(url, "CREATE TABLE public.users (id int)")  # which is nobody's
    other = sqlrail("drift", "--each", ALL, "--check", env=env)
    assert other.code == 4
    assert other.out.splitlines() == [
        "acme, o'neil \\, Ünï$:",
        "  no difference to what 2 files build, up to 002_orders",
        'a"b c.d, user:',
        "  users",
        "    x: the files do not build it",
        "  1 difference to what 2 files build, up to 002_orders",
        '3 alike, 2 differ (a"b c.d, user)',
        "5 at 002",
        "5 tenants: 5 done, 2 with what --check looks for",
    ]


def test_the_sql_of_drift_makes_each_as_the_files_do(sqlrail: Sqlrail, url: str) -> None:
    env = migrated(sqlrail, url)
    for name in NAMES[1:]:
        do(url, name, "DROP VIEW {}.totals")
        do(url, name, "ALTER TABLE {}.users DROP name")
        do(url, name, "DROP FUNCTION {}.first")
    document = sqlrail("drift", "--each", ALL, "--json", env=env).document
    assert [len(one["result"]["differences"]) for one in document["tenants"]] == [0, 3, 3, 3, 3]
    for tenant in document["tenants"]:
        query(url, tenant["result"]["sql"])
    assert sqlrail("drift", "--each", ALL, "--check", env=env).code == 0


def test_drift_builds_what_each_has_run(sqlrail: Sqlrail, url: str) -> None:
    env = {"DATABASE_URL": url}
    assert sqlrail("migrate", "--each", ALL, "--to", "1", env=env).code == 0
    assert sqlrail("migrate", "--each", "SELECT 'user'", env=env).code == 0
    seen = sqlrail("drift", "--each", ALL, "--check", env=env)
    assert seen.code == 0
    assert "4 at 001, 1 at 002 (user)" in seen.out
    assert sqlrail("drift", "--each", ALL, "--check", "--pending", env=env).code == 4


@pytest.mark.parametrize(
    "words", [("--schema", "x"), ("--exclude-schema", "x"), ("--against", "postgresql://x"), ("--orm", "x")]
)
def test_what_means_nothing_for_a_schema_is_two(sqlrail: Sqlrail, url: str, words: tuple[str, ...]) -> None:
    done = sqlrail("drift", "--each", ALL, *words, env={"DATABASE_URL": url})
    assert (done.code, done.out) == (2, "")
    assert "has no effect here" in done.err


def test_files_that_do_not_build_are_said_once_and_fail_all(sqlrail: Sqlrail, url: str) -> None:
    env = migrated(sqlrail, url)
    put({"migrations/003_x.sql": "SELECT 1 / 0;\n"})
    done = sqlrail("drift", "--each", ALL, "--pending", env=env)
    assert done.code == 1
    assert done.err.count("division by zero") == 1
    assert "5 tenants: 0 done, 5 failed" in done.out


def test_a_baseline_records_in_each_what_it_has(sqlrail: Sqlrail, url: str) -> None:
    env = migrated(sqlrail, url)
    for name in NAMES:
        for table in ("_yoyo_migration", "_yoyo_log", "_yoyo_version", "yoyo_lock"):
            do(url, name, f"DROP TABLE {{}}.{table}")
    do(url, "user", "DROP VIEW {}.totals")
    done = sqlrail("baseline", "--each", ALL, "--to", "2", env=env)
    assert done.code == 3
    assert "5 tenants: 4 done, 1 refused" in done.out
    assert "the database lacks it" in done.out
    seen = sqlrail("status", "--each", ALL, env=env)
    assert "4 at 002" in seen.out
    assert query(url, "SELECT to_regclass('\"user\"._yoyo_migration')") == [(None,)]
    assert sqlrail("baseline", "--each", "SELECT 'acme'", "--to", "2", env=env).code == 3


def test_doctor_looks_at_the_tenants_tables(sqlrail: Sqlrail, url: str) -> None:
    env = migrated(sqlrail, url)
    query(url, "CREATE TABLE public.without_a_key (id int)")
    do(url, "user", "CREATE TABLE {}.visits (id int)")
    seen = sqlrail("doctor", "--each", ALL, "--check", "--json", env=env)
    assert seen.code == 4
    found = {
        one["name"]: [it["kind"] for it in one["result"]["findings"]] for one in seen.document["tenants"]
    }
    assert found == {name: ["unindexed_key"] * 2 for name in NAMES} | {
        "user": ["unindexed_key", "unindexed_key", "no_primary_key"]
    }
    told = sqlrail("doctor", "--each", ALL, env=env)
    assert "CREATE INDEX CONCURRENTLY ON orders (user_id)" in told.out  # as a file of theirs says it
    assert "4 alike, 1 differ (user)" in told.out


def test_an_archive_is_listed_and_purged_for_whom_its_rows_are(sqlrail: Sqlrail, url: str) -> None:
    env = {**migrated(sqlrail, url), "APP_ENV": "test"}
    for name in NAMES[:3]:
        do(url, name, "ALTER TABLE {}.orders DROP CONSTRAINT orders_user_id_fkey")
        do(url, name, "INSERT INTO {}.users DEFAULT VALUES")
        do(url, name, "INSERT INTO {}.orders (user_id) VALUES (1), (7), (8)")
    assert sqlrail("cleanup", "--each", ALL, *CLEAN, env=env).code == 0
    listed = sqlrail("archive", "list", "--each", ALL, "--json", env=env).document
    assert [one["result"]["rows"] for one in listed["tenants"]] == [2, 2, 2, 0, 0]
    assert [len(one["result"]["runs"]) for one in listed["tenants"]] == [1, 1, 1, 0, 0]
    query(url, "UPDATE sqlrail.run SET started_at = started_at - interval '2 days'")
    purge = ("archive", "purge", "--older-than", "1d")
    unasked = sqlrail(*purge, "--each", "VALUES ('acme')", env=env)
    assert (unasked.code, "say --yes" in unasked.err) == (2, True)
    purged = sqlrail(*purge, "--each", "VALUES ('acme'), ('user')", "--yes", "--json", env=env)
    assert [one["result"]["rows"] for one in purged.document["tenants"]] == [2, 0]
    sources = query(url, "SELECT source FROM sqlrail.archive ORDER BY id")
    assert len(sources) == 4
    assert ("acme.orders",) not in sources
    again = sqlrail("archive", "list", "--each", ALL, "--json", env=env).document
    assert [[run["verb"] for run in one["result"]["runs"]] for one in again["tenants"]] == [
        ["cleanup", "purge"], ["cleanup"], ["cleanup"], [], []
    ]  # fmt: skip
