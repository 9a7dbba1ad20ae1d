"""`--each`: a verb for each of many schemas of one database, which a query names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import Connect, needs, query
from console import Sqlrail, put
from console import sqlrail as sqlrail
from psycopg import sql

pytestmark = needs("schemas of its own")

NAMES = ("acme", 'a"b c.d', "globex", "Ünï")
ALL = "SELECT schema, 'and more' FROM tenants ORDER BY number"
FILES = {
    "migrations/001_users.sql": "CREATE TABLE users (id bigint PRIMARY KEY);\n",
    "migrations/002_orders.sql": "CREATE TABLE orders (id bigint PRIMARY KEY);\n",
}
SET_UP = "CREATE TABLE tenants (number int GENERATED ALWAYS AS IDENTITY, schema text)"


@pytest.fixture
def url(any_database: str, tmp_path: Path) -> str:
    """A database with four tenants."""
    put(FILES, tmp_path)
    query(any_database, SET_UP)
    for name in NAMES:
        add(any_database, name)
    return any_database


def add(url: str, name: str) -> None:
    query(url, sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)).as_string())
    query(url, "INSERT INTO tenants (schema) VALUES (%s)", [name])


def applied(url: str, name: str) -> list[str]:
    """What is recorded in a tenant's schema."""
    table = sql.Identifier(name, "_yoyo_migration").as_string()
    if query(url, "SELECT to_regclass(%s)", [table]) == [(None,)]:
        return []
    return [id_ for (id_,) in query(url, f"SELECT migration_id FROM {table} ORDER BY 1")]


def test_each_schema_is_migrated_and_has_its_own_records(sqlrail: Sqlrail, url: str) -> None:
    env = {"DATABASE_URL": url}
    done = sqlrail("migrate", "--each", ALL, env=env)
    assert (done.code, done.out) == (0, "4 at 002\n4 tenants: 4 done\n")
    assert [applied(url, name) for name in NAMES] == [["001_users", "002_orders"]] * 4
    assert query(url, "SELECT to_regclass('public._yoyo_migration')") == [(None,)]
    again = sqlrail("migrate", "--each", ALL, env=env)
    assert (again.code, again.out) == (0, done.out)
    seen = sqlrail("status", "--each", ALL, "--check", env=env)
    assert (seen.code, seen.out) == (0, done.out)


def test_one_that_is_poisoned_stays_at_its_last_whole_file(sqlrail: Sqlrail, url: str) -> None:
    query(url, "CREATE TABLE globex.orders (id bigint)")
    env = {"DATABASE_URL": url}
    done = sqlrail("migrate", "--each", ALL, env=env)
    assert done.code == 1
    assert "3 at 002, 1 at 001 (globex)" in done.out
    assert [len(applied(url, name)) for name in NAMES] == [2, 2, 1, 2]
    document = sqlrail("migrate", "--each", ALL, "--json", env=env).document
    assert [(one["name"], one["exit_code"]) for one in document["tenants"]] == [
        (NAMES[0], 0), (NAMES[1], 0), (NAMES[2], 1), (NAMES[3], 0)
    ]  # fmt: skip
    assert document["versions"]["001_users"] == ["globex"]
    query(url, "DROP TABLE globex.orders")
    assert sqlrail("migrate", "--each", ALL, env=env).code == 0


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ("SELECT nothing FROM nowhere", 'the query failed: relation "nowhere" does not exist'),
        ("SELEKT", "the query failed: syntax error"),
        ("SELECT 1/0", "the query failed: division by zero"),
        ("SELECT schema FROM tenants WHERE false", "returns no row"),
        ("SELECT NULL::text", "row 1 of what the query returns is null"),
        ("SELECT schema FROM tenants UNION ALL SELECT ''", "row 5 of what the query returns is empty"),
        ("SELECT schema FROM tenants UNION ALL SELECT 'acme'", 'names "acme" more than once'),
        ("SELECT schema FROM tenants UNION ALL SELECT 'nobody'", 'that this role may use: "nobody"'),
        ("SELECT number::text FROM tenants", 'may use: "1", "2", "3" and 1 other'),
        ("INSERT INTO tenants (schema) VALUES ('x') RETURNING schema", "in a read-only transaction"),
        ("SELECT 'acme'; DROP TABLE tenants", "that is 2 statements"),
        ("SELECT", "that is no query: it returns nothing"),
        ("SELECT FROM tenants", "that is no query: it returns nothing"),
        ("COMMIT", "that is no query"),
        ("", "--each"),
    ],
)
def test_a_query_that_names_no_tenants_begins_nothing(
    sqlrail: Sqlrail, url: str, asked: str, problem: str
) -> None:
    done = sqlrail("migrate", "--each", asked, env={"DATABASE_URL": url})
    assert (done.code, done.out) == (2, "")
    assert problem in done.err
    assert [applied(url, name) for name in NAMES] == [[]] * 4
    assert query(url, "SELECT count(*) FROM tenants") == [(4,)]


@pytest.mark.parametrize("words", [("--each-database", "x.txt"), ("--each-database", "x.txt", "--json")])
def test_schemas_and_databases_at_once_mean_nothing(sqlrail: Sqlrail, url: str, words: Sequence[str]) -> None:
    assert sqlrail("migrate", "--each", ALL, *words, env={"DATABASE_URL": url}).code == 2


def test_whoever_was_made_meanwhile_has_a_turn(sqlrail: Sqlrail, url: str) -> None:
    query(url, "CREATE SCHEMA newt")
    later = (
        "SELECT schema FROM tenants UNION ALL SELECT 'newt' WHERE to_regclass('globex.orders') IS NOT NULL"
    )
    done = sqlrail("migrate", "--each", later, env={"DATABASE_URL": url})
    assert (done.code, done.out) == (0, "5 at 002\n5 tenants: 5 done\n")
    assert "made meanwhile: newt" in done.err
    assert applied(url, "newt") == ["001_users", "002_orders"]


def test_the_name_of_a_tenant_does_as_a_canary(sqlrail: Sqlrail, url: str) -> None:
    query(url, 'CREATE TABLE "a""b c.d".users (id int)')
    done = sqlrail("migrate", "--each", ALL, "--canary", 'a"b c.d', env={"DATABASE_URL": url})
    assert done.code == 1
    assert "3 not begun" in done.out
    assert [applied(url, name) for name in NAMES] == [[]] * 4


def test_a_percent_in_the_query_is_its_own(sqlrail: Sqlrail, url: str) -> None:
    done = sqlrail(
        "migrate", "--each", "SELECT schema FROM tenants WHERE schema LIKE 'a%'", env={"DATABASE_URL": url}
    )
    assert (done.code, done.out) == (0, "2 at 002\n2 tenants: 2 done\n")


def test_who_is_in_the_way_of_one_is_not_in_that_of_the_others(
    sqlrail: Sqlrail, url: str, connect: Connect
) -> None:
    put({"migrations/001_users.sql": "ALTER TABLE held ADD x int;\n"})
    for name in NAMES:
        query(url, sql.SQL("CREATE TABLE {} ()").format(sql.Identifier(name, "held")).as_string())
    holder = connect(url, autocommit=False)
    holder.execute("LOCK TABLE acme.held")
    done = sqlrail(
        "migrate", "--each", ALL, "--lock-timeout", "100ms", "--retry-for", "300ms", env={"DATABASE_URL": url}
    )
    assert done.code == 1
    assert "acme gave way, and has its turn again at the end" in done.err
    assert [len(applied(url, name)) for name in NAMES] == [0, 2, 2, 2]
