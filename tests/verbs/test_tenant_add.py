"""`tenant add`, `--shared`, and many tenants from an application."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import fresh_database, needs, query
from console import Sqlrail, put
from console import sqlrail as sqlrail

import sqlrail as library
from sqlrail import events
from sqlrail.errors import SettingsError, UsageError
from sqlrail.server import local

pytestmark = needs("schemas of its own")

FILES = {
    "migrations/001_users.sql": "CREATE TABLE users (id bigint PRIMARY KEY);\n",
    "migrations/002_orders.sql": "CREATE TABLE orders (id bigint PRIMARY KEY);\n",
}
SHARED = {
    "shared/001_tenants.sql": "CREATE TABLE tenants (schema text);\nCREATE DOMAIN money AS numeric(20, 2);\n"
}
ALL = "SELECT schema FROM tenants ORDER BY schema"


def applied(url: str, schema: str) -> list[str]:
    return [id_ for (id_,) in query(url, f'SELECT migration_id FROM "{schema}"._yoyo_migration ORDER BY 1')]


def schemas(url: str) -> list[str]:
    """Those that somebody made."""
    own = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema|public|sqlrail)' ORDER BY 1"
    return [name for (name,) in query(url, own)]


@pytest.mark.parametrize("name", ["acme", 'a"b c.d'])
def test_a_tenant_is_made_as_the_files_build_it(sqlrail: Sqlrail, any_database: str, name: str) -> None:
    put(FILES)
    env = {"DATABASE_URL": any_database}
    done = sqlrail("tenant", "add", name, "--json", env=env)
    assert done.code == 0
    assert done.document["name"] == name
    assert [one["id"] for one in done.document["applied"]] == ["001_users", "002_orders"]
    seen = sqlrail("status", "--each", f"SELECT '{name}'", "--check", env=env)
    assert (seen.code, seen.out) == (0, "1 at 002\n1 tenant: 1 done\n")


def test_a_schema_that_is_there_is_refused_as_it_is(sqlrail: Sqlrail, database: str) -> None:
    put(FILES)
    query(database, "CREATE SCHEMA acme")
    done = sqlrail("tenant", "add", "acme", env={"DATABASE_URL": database})
    assert done.code == 3
    assert 'the schema "acme" is there' in done.err
    assert query(database, "SELECT FROM pg_class WHERE relnamespace = 'acme'::regnamespace") == []


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"migrations/001_x.sql": "SELECT 'never closed"}, "acme"),
        ({}, "acme"),
        (FILES, "pg_acme"),
        (FILES, ""),
    ],
    ids=["bad file", "no folder", "reserved", "empty"],
)
def test_what_cannot_be_made_leaves_no_schema(
    sqlrail: Sqlrail, database: str, files: dict[str, str], name: str
) -> None:
    put(files)
    done = sqlrail("tenant", "add", name, env={"DATABASE_URL": database})
    assert done.code in (1, 2)
    assert "bug" not in done.err
    assert schemas(database) == []


def test_shared_files_run_first_with_records_of_their_own(sqlrail: Sqlrail, any_database: str) -> None:
    put({**FILES, **SHARED, "migrations/003_price.sql": "ALTER TABLE orders ADD price money;\n"})
    query(any_database, "CREATE SCHEMA acme")
    with_row = {"shared/002_acme.sql": "INSERT INTO tenants VALUES ('acme');\n"}
    put(with_row)
    env = {"DATABASE_URL": any_database}
    done = sqlrail("migrate", "--each", ALL, "--shared", "shared", "--to", "3", env=env)
    assert done.code == 0, done.err
    assert done.out.endswith("shared: done: 2 applied now, 0 before\n1 at 003\n1 tenant: 1 done\n")
    assert applied(any_database, "public") == ["001_tenants", "002_acme"]
    assert applied(any_database, "acme") == ["001_users", "002_orders", "003_price"]
    seen = sqlrail("status", "--each", ALL, "--shared", "shared", "--check", "--json", env=env)
    assert seen.code == 0
    assert [entry["state"] for entry in seen.document["shared"]["migrations"]] == ["applied"] * 2


def test_a_shared_file_that_fails_begins_no_tenant(sqlrail: Sqlrail, database: str) -> None:
    put({**FILES, "shared/001_x.sql": "SELECT 1/0;\n"})
    query(database, "CREATE SCHEMA acme")
    done = sqlrail("migrate", "--each", "SELECT 'acme'", "--shared", "shared", env={"DATABASE_URL": database})
    assert done.code == 1
    assert "division by zero" in done.err
    assert query(database, "SELECT to_regclass('acme._yoyo_migration')") == [(None,)]


def test_an_application_has_the_same_of_schemas(any_database: str, tmp_path: Path) -> None:
    put(FILES, tmp_path)
    for name in ("acme", "globex"):
        query(any_database, f"CREATE SCHEMA {name}")
    query(any_database, "CREATE TABLE globex.orders ()")
    told: list[tuple[str, str]] = []

    def hear(name: str, event: events.Event) -> None:
        if isinstance(event, events.Applied):
            told.append((name, event.id))

    named = "SELECT nspname FROM pg_namespace WHERE nspname IN ('acme', 'globex')"
    done = library.migrate_each(any_database, tmp_path / "migrations", schemas=named, listener=hear)
    assert sorted(told) == [("acme", "001_users"), ("acme", "002_orders"), ("globex", "001_users")]
    assert done["totals"]["failed"] == 1
    assert done["versions"] == {"002_orders": ["acme"], "001_users": ["globex"]}
    again = library.migrate_each(any_database, tmp_path / "migrations", schemas=["acme"])
    assert again["totals"]["done"] == 1


def test_an_application_has_the_same_of_databases(
    server: local.Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    put(FILES, tmp_path)
    with fresh_database(server) as one, fresh_database(server) as other:
        done = library.migrate_each([one, other], tmp_path / "migrations", parallel=2)
        assert done["totals"]["done"] == 2
        assert [applied(url, "public") for url in (one, other)] == [["001_users", "002_orders"]] * 2
        with pytest.raises(UsageError, match="is named twice"):
            library.migrate_each([one, one], tmp_path / "migrations")
        with pytest.raises(SettingsError, match="of one database"):
            library.migrate_each([one, other], tmp_path / "migrations", schemas=["x"])
    with pytest.raises(UsageError, match="no URL"):
        library.migrate_each([], tmp_path / "migrations")
    assert capfd.readouterr() == ("", "")


def test_an_application_hears_no_password(database: str, tmp_path: Path) -> None:
    put({"migrations/001_loud.sql": "DO $$ BEGIN RAISE WARNING 'it is Xy7-hunter2-Qz'; END $$;\n"}, tmp_path)
    query(database, "CREATE SCHEMA acme")
    heard: list[events.Event] = []
    url, loud = f"{database}&password=Xy7-hunter2-Qz", tmp_path / "migrations"
    library.migrate_each(url, loud, schemas=["acme"], listener=lambda _, event: heard.append(event))
    assert "it is ***" in [event.text for event in heard if isinstance(event, events.Noticed)]
    assert "hunter2" not in repr(heard)


def test_a_listener_that_raises_ends_the_run_behind_the_files_in_hand(database: str, tmp_path: Path) -> None:
    put(FILES, tmp_path)
    for number in range(6):
        query(database, f"CREATE SCHEMA t{number}")

    def refuse(name: str, event: events.Event) -> None:
        if isinstance(event, events.Applied):
            raise KeyboardInterrupt(name)

    names = [f"t{number}" for number in range(6)]
    with pytest.raises(KeyboardInterrupt):
        library.migrate_each(database, tmp_path / "migrations", schemas=names, parallel=1, listener=refuse)
    begun = [
        name
        for name in names
        if query(database, f"SELECT to_regclass('{name}._yoyo_migration')") != [(None,)]
    ]
    assert begun == ["t0"]
