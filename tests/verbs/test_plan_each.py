"""plan of many schemas: rehearsed once for all who are alike, and the rows of each are counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import needs, query
from console import Sqlrail, put
from console import sqlrail as sqlrail
from psycopg import sql

from sqlrail.verbs import plan
from sqlrail.verbs.rehearsing import Rehearsed, Rehearsing

pytestmark = needs("schemas and databases of its own")

NAMES = ("acme", "id", 'a"b c.d', "o'neil", "user")
ALL = "SELECT schema FROM tenants ORDER BY number"
FILES = {
    "migrations/001_users.sql": "CREATE TABLE users (id serial PRIMARY KEY, email text, country country);\n",
    "migrations/002_orders.sql": "CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users);\n",
    "migrations/003_email.sql": "ALTER TABLE users ALTER email SET NOT NULL;\n",
}
ROWS = "INSERT INTO {0}.users (email) VALUES ('a@b'); INSERT INTO {0}.orders VALUES (1, 1)"


@pytest.fixture
def url(database: str, tmp_path: Path) -> str:
    """A database in which all tenants are at 002, and have rows."""
    put(FILES, tmp_path)
    query(database, "CREATE TABLE tenants (number int GENERATED ALWAYS AS IDENTITY, schema text)")
    query(database, "CREATE DOMAIN country AS text CHECK (length(value) = 2)")
    for name in NAMES:
        do(database, name, "CREATE SCHEMA {}")
        query(database, "INSERT INTO tenants (schema) VALUES (%s)", [name])
    return database


def do(url: str, name: str, text: str) -> None:
    query(url, sql.SQL(text).format(sql.Identifier(name)).as_string())


def at_two(sqlrail: Sqlrail, url: str) -> dict[str, str]:
    env = {"DATABASE_URL": url}
    assert sqlrail("migrate", "--each", ALL, "--to", "2", env=env).code == 0
    for name in NAMES:
        do(url, name, ROWS)
    return env


@pytest.fixture
def rehearsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tenants for whom something was rehearsed."""
    told: list[str] = []

    class Told(Rehearsing):
        def run(self) -> Rehearsed:
            told.append(str(self.settings.tenant))
            return super().run()

    monkeypatch.setattr(plan, "Rehearsing", Told)
    return told


def test_one_rehearsal_stands_for_all_and_who_would_fail_is_named(
    sqlrail: Sqlrail, url: str, rehearsed: list[str]
) -> None:
    env = at_two(sqlrail, url)
    for name in ("id", "user"):
        do(url, name, "UPDATE {}.users SET email = NULL")
    seen = sqlrail("plan", "--each", ALL, "--check", "--parallel", "1", env=env)
    assert seen.code == 4
    assert rehearsed == ["acme"]
    assert "acme, a\"b c.d, o'neil:\n  003_email: " in seen.out
    assert "id, user:\n  003_email: fails" in seen.out
    assert "3 alike, 2 differ (id, user)" in seen.out
    assert seen.out.endswith("5 at 002\n5 tenants: 5 done, 5 with what --check looks for\n")
    document = sqlrail("plan", "--each", ALL, "--json", env=env).document
    found = {
        one["name"]: [
            (check["verdict"], check["rows"], check["relation"])
            for statement in one["result"]["files"][0]["statements"]
            for check in statement["checks"]
        ]
        for one in document["tenants"]
    }
    assert found["acme"] == [("passes", 0, "acme.users")]
    assert found["user"] == [("fails", 1, "user.users")]
    assert found['a"b c.d'] == [("passes", 0, '"a""b c.d".users')]
    assert {one.get("like") for one in document["tenants"]} == {None, *[found_for(document)]}


def found_for(document: dict[str, list[dict[str, str]]]) -> str:
    """For whom it was rehearsed."""
    (name,) = {one["like"] for one in document["tenants"] if "like" in one}
    return name


def test_who_differs_is_rehearsed_alone(sqlrail: Sqlrail, url: str, rehearsed: list[str]) -> None:
    env = at_two(sqlrail, url)
    do(url, "id", "CREATE VIEW {}.of_users AS SELECT 1")
    put({"migrations/003_email.sql": "CREATE VIEW of_users AS SELECT id FROM users;\n"})
    seen = sqlrail("plan", "--each", ALL, "--parallel", "1", env=env)
    assert set(rehearsed) == {"acme", "id"}
    assert (
        'id:\n  003_email: fails\n    1:1 fails on this database: relation "of_users" already exists'
        in seen.out
    )


def test_versions_are_rehearsed_apart_and_who_is_done_not_at_all(
    sqlrail: Sqlrail, url: str, rehearsed: list[str]
) -> None:
    env = {"DATABASE_URL": url}
    for to, names in (("1", ("acme", "id")), ("2", ("user",)), ("3", ('a"b c.d',))):
        for name in names:
            assert sqlrail("migrate", "--each", f"SELECT $${name}$$", "--to", to, env=env).code == 0
    seen = sqlrail("plan", "--each", ALL, "--no-rows", "--parallel", "2", env=env)
    assert seen.code == 0, seen.err
    assert len(rehearsed) == 3
    assert {"o'neil", "user"} < set(rehearsed)
    assert 'a"b c.d:\n  nothing' in seen.out
    again = sqlrail("plan", "--each", ALL, "--canary", "user", "--waves", "1", env=env)
    assert again.code == 0


def test_a_file_that_fails_by_itself_fails_for_all_and_is_said_once(sqlrail: Sqlrail, url: str) -> None:
    env = at_two(sqlrail, url)
    put({"migrations/003_email.sql": "SELECT 1 / 0;\n"})
    seen = sqlrail("plan", "--each", ALL, env=env)
    assert seen.code == 1
    assert seen.err.count("division by zero") == 1
    query(url, "INSERT INTO acme._yoyo_migration VALUES ('x', '999_gone', now())")
    put({"migrations/003_email.sql": FILES["migrations/003_email.sql"]})
    assert sqlrail("plan", "--each", ALL, env=env).code == 3
