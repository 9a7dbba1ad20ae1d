"""rollback, repair, cleanup and restore of many schemas: each in its own, and what one of them does ends no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import needs, query
from console import Sqlrail, put
from console import sqlrail as sqlrail
from psycopg import sql

pytestmark = needs("schemas of its own")

NAMES = ("acme", 'a"b c.d', "o'neil", "user")
ALL = "SELECT schema FROM tenants ORDER BY number"
RELATION = ("--relation", "orders.user_id -> users.id", "--max-share", "1")
FILES = {
    "migrations/001_users.sql": "CREATE TABLE users (id int PRIMARY KEY);\n",
    "migrations/001_users.rollback.sql": "DROP TABLE users;\n",
    "migrations/002_orders.sql": "CREATE TABLE orders (id int PRIMARY KEY, user_id int);\n",
    "migrations/002_orders.rollback.sql": "DROP TABLE orders;\n",
}


@pytest.fixture
def env(database: str, tmp_path: Path, sqlrail: Sqlrail) -> dict[str, str]:
    """A database whose tenants are all at the last file, with an order of a user and two of nobody."""
    put(FILES, tmp_path)
    query(database, "CREATE TABLE tenants (number int GENERATED ALWAYS AS IDENTITY, schema text)")
    for name in NAMES:
        do(database, name, "CREATE SCHEMA {}")
        query(database, "INSERT INTO tenants (schema) VALUES (%s)", [name])
    env = {"DATABASE_URL": database, "APP_ENV": "test"}
    assert sqlrail("migrate", "--each", ALL, env=env).code == 0
    for name in NAMES:
        do(database, name, "INSERT INTO {}.users VALUES (1)")
        do(database, name, "INSERT INTO {}.orders VALUES (1, 1), (2, 8), (3, 9)")
    return env


def do(url: str, name: str, text: str) -> list[tuple[object, ...]]:
    return query(url, sql.SQL(text).format(sql.Identifier(name)).as_string())


def orders(env: dict[str, str]) -> list[object]:
    return [do(env["DATABASE_URL"], name, "SELECT count(*) FROM {}.orders")[0][0] for name in NAMES]


def applied(env: dict[str, str]) -> list[object]:
    return [do(env["DATABASE_URL"], name, "SELECT count(*) FROM {}._yoyo_migration")[0][0] for name in NAMES]


def test_a_rollback_takes_back_in_each_and_one_that_cannot_keeps_its_own(
    sqlrail: Sqlrail, env: dict[str, str]
) -> None:
    do(env["DATABASE_URL"], "o'neil", "CREATE VIEW {0}.of_orders AS SELECT id FROM {0}.orders")
    done = sqlrail("rollback", "--each", ALL, env=env)
    assert (done.code, applied(env)) == (1, [1, 1, 2, 1])
    assert "cannot drop table orders because other objects depend on it" in done.out
    assert "4 tenants: 3 done, 1 failed" in done.out
    do(env["DATABASE_URL"], "o'neil", "DROP VIEW {}.of_orders")
    again = sqlrail("rollback", "--each", ALL, "--to", "1", env=env)
    assert (again.code, applied(env)) == (0, [1, 1, 1, 1])


def test_a_rollback_in_production_or_without_its_file_is_refused_for_all(
    sqlrail: Sqlrail, env: dict[str, str]
) -> None:
    live = {**env, "APP_ENV": "production"}
    assert (sqlrail("rollback", "--each", ALL, env=live).code, applied(env)) == (3, [2, 2, 2, 2])
    Path("migrations/002_orders.rollback.sql").unlink()
    refused = sqlrail("rollback", "--each", ALL, env=env)
    assert (refused.code, applied(env)) == (3, [2, 2, 2, 2])
    assert "4 tenants: 0 done, 4 refused" in refused.out
    assert sqlrail("rollback", "--each", ALL, "--steps", "x", env=env).code in (1, 2)
    assert applied(env) == [2, 2, 2, 2]


def test_a_repair_accepts_an_edited_file_in_each_and_asks_nobody(
    sqlrail: Sqlrail, env: dict[str, str]
) -> None:
    put({"migrations/001_users.sql": "CREATE TABLE users (id int PRIMARY KEY);  -- of theirs\n"})
    assert sqlrail("status", "--each", ALL, "--check", env=env).code == 4
    unasked = sqlrail("repair", "--each", ALL, env=env)
    assert (unasked.code, "say --yes" in unasked.err) == (2, True)
    one = sqlrail("repair", "--each", "VALUES ('user')", "--yes", env=env)
    assert one.code == 0, one.err
    seen = sqlrail("status", "--each", ALL, "--check", "--json", env=env).document
    assert [tenant["exit_code"] for tenant in seen["tenants"]] == [4, 4, 4, 0]
    assert sqlrail("repair", "--each", ALL, "--yes", env=env).code == 0
    assert sqlrail("status", "--each", ALL, "--check", env=env).code == 0
    wrong = sqlrail("repair", "--each", ALL, "--yes", "009_nobody", env=env)
    assert wrong.code in (1, 2, 3)
    assert "009_nobody" in wrong.out


def test_a_forgotten_file_is_forgotten_in_each(sqlrail: Sqlrail, env: dict[str, str]) -> None:
    for path in ("migrations/002_orders.sql", "migrations/002_orders.rollback.sql"):
        Path(path).unlink()
    assert sqlrail("repair", "--each", ALL, "--yes", "--forget", "002_orders", env=env).code == 0
    assert applied(env) == [1, 1, 1, 1]


def test_a_cleanup_and_a_restore_keep_to_each_ones_rows(sqlrail: Sqlrail, env: dict[str, str]) -> None:
    url = env["DATABASE_URL"]
    do(url, "o'neil", "DROP TABLE {}.users")
    looked = sqlrail("cleanup", "--each", ALL, "--dry-run", *RELATION, env=env)
    assert (looked.code, orders(env)) == (0, [3, 3, 3, 3])
    assert "3 alike, 1 differ (o'neil)" in looked.out
    done = sqlrail("cleanup", "--each", ALL, *RELATION, "--json", env=env)
    assert (done.code, orders(env)) == (3, [1, 1, 3, 1])
    runs = {one["name"]: one["result"]["run"] for one in done.document["tenants"] if "result" in one}
    assert runs.keys() == {*NAMES} - {"o'neil"}
    assert len({*runs.values()}) == 3
    run = str(runs["user"])
    back = sqlrail("restore", run, "--each", "VALUES ('user'), ('acme')", "--force", "--json", env=env)
    assert (back.code, orders(env)) == (3, [1, 1, 3, 3])
    assert [one["exit_code"] for one in back.document["tenants"]] == [0, 3]
    assert "is not of acme" in back.document["tenants"][1]["error"]["message"]
    assert sqlrail("restore", "999", "--each", ALL, env=env).code in (1, 2, 3)
    assert orders(env) == [1, 1, 3, 3]
