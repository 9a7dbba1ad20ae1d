"""rollback --dry-run: what would be taken back, and which live rows would be lost with it."""

from __future__ import annotations

import shutil

import console
import pytest
from conftest import query
from console import Sqlrail, catalog, put

sqlrail = console.sqlrail

FILES = {
    "migrations/001_a.sql": "CREATE TABLE a (id int PRIMARY KEY, name text)",
    "migrations/001_a.rollback.sql": "DROP TABLE a",
    "migrations/002_more.sql": "ALTER TABLE a ADD COLUMN plan text; CREATE TABLE b (a_id int REFERENCES a)",
    "migrations/002_more.rollback.sql": "DROP TABLE b;\nALTER TABLE a DROP COLUMN plan;\n",
    "migrations/003_view.sql": (
        "CREATE VIEW v AS SELECT id, plan FROM a; CREATE EXTENSION citext; CREATE TABLE c (n citext)"
    ),
    "migrations/003_view.rollback.sql": "DROP VIEW v; DROP TABLE c; DROP EXTENSION citext;\n",
}
ROWS = (
    "INSERT INTO a VALUES (1, 'x', 'gold'), (2, 'y', 'tin'), (3, 'z', NULL)",
    "INSERT INTO b VALUES (1), (2), (2), (3)",
)


@pytest.fixture
def env(database: str) -> dict[str, str]:
    return {"DATABASE_URL": database, "USER": "ann", "APP_ENV": "test"}


@pytest.fixture
def applied(sqlrail: Sqlrail, database: str, env: dict[str, str]) -> Sqlrail:
    put(FILES)
    assert sqlrail("migrate", env=env).code == 0
    for statement in ROWS:
        query(database, statement)
    return sqlrail


def test_it_says_what_would_be_lost_and_changes_nothing(
    applied: Sqlrail, database: str, env: dict[str, str]
) -> None:
    before = catalog(database)
    done = applied("rollback", "--dry-run", "--steps", "2", env=env)
    assert done.code == 0, done.err
    assert done.out == (
        "would roll back 003_view, which loses no rows\n"
        "would roll back 002_more\n"
        "  loses table public.b: 4 rows (dropped)\n"
        "  loses column public.a.plan: 2 rows (dropped)\n"
        "dry run: 2 would be rolled back, 1 would stay applied\n"
    )
    assert catalog(database) == before
    assert query(database, "SELECT count(*) FROM b") == [(4,)]


def test_an_older_folder_is_told_by_what_was_kept(applied: Sqlrail, env: dict[str, str]) -> None:
    shutil.rmtree("migrations")
    put({name: text for name, text in FILES.items() if "001" in name})
    done = applied("rollback", "--stored", "--to", "1", "--dry-run", "--json", env=env)
    assert done.code == 0, done.err
    assert done.document["dry_run"] is True
    assert done.document["rolled_back"] == []
    assert done.document["still_applied"] == 3
    assert done.document["would_roll_back"] == [
        {"id": "003_view", "stored": True, "losses": [], "unknown": None},
        {
            "id": "002_more",
            "stored": True,
            "losses": [
                {"what": "table public.b", "kind": "dropped", "rows": 4, "because": None},
                {"what": "column public.a.plan", "kind": "dropped", "rows": 2, "because": None},
            ],
            "unknown": None,
        },
    ]


def test_production_may_look_without_a_yes(applied: Sqlrail, env: dict[str, str]) -> None:
    looked = applied("rollback", "--dry-run", env=env | {"APP_ENV": "production"})
    assert looked.code == 0, looked.err


def test_without_rows_nothing_is_counted(applied: Sqlrail, env: dict[str, str]) -> None:
    done = applied("rollback", "--dry-run", "--no-rows", "--steps", "2", env=env)
    assert "  loses table public.b: rows not counted (dropped)\n" in done.out


def test_a_rollback_that_fails_is_not_called_harmless(applied: Sqlrail, env: dict[str, str]) -> None:
    put({"migrations/003_view.rollback.sql": "DROP VIEW v;\nDROP TABLE nowhere;\n"})
    done = applied("rollback", "--dry-run", "--steps", "2", env=env)
    assert done.code == 0, done.err
    assert "loses no rows" not in done.out
    assert done.out.count("what it loses is not known for sure") == 2
    assert 'table "nowhere" does not exist' in done.out


def test_without_a_scratch_database_it_says_that_it_cannot_know(
    applied: Sqlrail, env: dict[str, str]
) -> None:
    nowhere = "postgresql://127.0.0.1:1/postgres"
    done = applied("rollback", "--dry-run", "--scratch", nowhere, env=env)
    assert done.code == 0, done.err
    assert "would roll back 003_view\n  what it loses is not known for sure: " in done.out


@pytest.mark.parametrize("flags", [["--no-rows"], ["--scratch", "postgresql://h/d"]], ids=" ".join)
def test_flags_of_a_dry_run_are_refused_without_it(
    applied: Sqlrail, database: str, env: dict[str, str], flags: list[str]
) -> None:
    before = catalog(database)
    refused = applied("rollback", *flags, env=env)
    assert (refused.code, "--dry-run" in refused.err) == (2, True)
    assert catalog(database) == before


def test_of_a_tenants_schema_it_says_that_it_cannot_know(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    put({"migrations/001_a.sql": "CREATE TABLE a (n int)", "migrations/001_a.rollback.sql": "DROP TABLE a"})
    query(database, "CREATE SCHEMA acme")
    assert sqlrail("migrate", "--each", "SELECT 'acme'", env=env).code == 0
    done = sqlrail("rollback", "--dry-run", "--each", "SELECT 'acme'", "--json", env=env)
    assert done.code == 0, done.err
    assert "not for one of its schemas" in done.out
    assert query(database, "SELECT to_regclass('acme.a') IS NOT NULL") == [(True,)]
