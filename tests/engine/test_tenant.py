"""What happens in the schema of one tenant: records, lock and files are its own, whatever else the search_path has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aftermath import write
from conftest import Connect, query
from listeners import Heard
from psycopg import sql

from sqlrail.engine.backend import Backend
from sqlrail.errors import Busy, UsageError
from sqlrail.ground.settings import Settings
from sqlrail.verbs.apply import migrate, status

Connection = psycopg.Connection[Any]
#: as bad as a name can be
WORST = 'a"b c.d\\e%s;'
PATH = '"acme", "lib ry"'
FILES = {
    "001_orders": "CREATE TABLE orders (id int PRIMARY KEY);\nINSERT INTO orders VALUES (1);\n",
    "002_index": "-- transactional: false\n"
    "CREATE INDEX CONCURRENTLY ON orders (id);\nALTER TABLE orders ADD COLUMN n int;\nBEGIN;\n"
    "INSERT INTO orders VALUES (2);\nCOMMIT;\n",
    "003_total": "ALTER TABLE orders ADD COLUMN total int;\n",
}


def make(url: str, *tenants: str) -> None:
    for tenant in tenants:
        query(url, sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(tenant)).as_string())


@pytest.fixture
def settings(any_database: str, tmp_path: Path) -> Settings:
    return Settings(
        database_url=any_database, migrations=write(tmp_path / "files", **FILES), environment="test"
    )


def of(settings: Settings, tenant: str, **more: Any) -> Settings:
    return replace(settings, tenant=tenant, **more)


def tables(url: str, schema: str) -> list[str]:
    rows = query(
        url, "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename !~ '^_yoyo|^yoyo'", [schema]
    )
    return sorted(name for (name,) in rows)


@pytest.mark.parametrize("tenant", ["acme", WORST])
def test_files_run_in_the_schema_and_are_recorded_there(
    settings: Settings, any_database: str, tenant: str
) -> None:
    make(any_database, tenant)
    done = migrate(of(settings, tenant), Heard())
    assert [it.id for it in done.applied] == list(FILES)
    assert (tables(any_database, tenant), tables(any_database, "public")) == (["orders"], [])
    name = sql.Identifier(tenant).as_string()
    assert query(any_database, f"SELECT id FROM {name}.orders ORDER BY id") == [(1,), (2,)]
    assert status(of(settings, tenant), Heard()).is_intact
    assert migrate(of(settings, tenant), Heard()).applied == ()


def test_what_others_have_recorded_is_nothing_to_a_tenant(settings: Settings, any_database: str) -> None:
    make(any_database, "acme", "newt")
    migrate(settings, Heard())
    migrate(of(settings, "acme"), Heard())
    behind = replace(settings, database_url=f"{any_database}&options=-csearch_path%3Dnewt,acme,public")
    assert {entry.state for entry in status(of(behind, "newt"), Heard()).entries} == {"pending"}
    assert len(migrate(of(behind, "newt"), Heard()).applied) == len(FILES)
    assert tables(any_database, "newt") == ["orders"]


def test_names_lead_to_the_tenant_first_and_behind_it_to_what_is_shared(
    settings: Settings, any_database: str, tmp_path: Path
) -> None:
    make(any_database, "acme", "lib ry")
    query(any_database, 'CREATE TABLE "lib ry".countries (id int); CREATE TABLE public.hidden ()')
    folder = write(
        tmp_path / "path",
        **{
            "001_a": "CREATE TABLE path AS SELECT current_setting('search_path') AS p, count(*) FROM countries;\n",
            "002_b": "-- transactional: false\nINSERT INTO path SELECT current_setting('search_path'), 7;\n"
            "VACUUM path;\n",
        },
    )
    own = of(settings, "acme", migrations=folder, shared_path=("lib ry",))
    migrate(own, Heard())
    assert query(any_database, "SELECT * FROM acme.path") == [(PATH, 0), (PATH, 7)]
    with Backend(own, Heard()) as backend:
        assert backend.connection.execute("SHOW search_path").fetchone() == ('"$user", public',)


@pytest.mark.parametrize("tenant", ["nobody", "pg_catalog", "sqlrail", "information_schema"])
def test_a_schema_that_is_not_there_or_nobodys_is_refused(settings: Settings, tenant: str) -> None:
    with pytest.raises(UsageError, match=tenant):
        migrate(of(settings, tenant), Heard())


def test_a_schema_that_the_role_may_not_use_is_refused(
    settings: Settings, any_database: str, connect: Connect
) -> None:
    make(any_database, "acme")
    own = connect(any_database)
    own.execute("CREATE ROLE limited LOGIN; SET ROLE limited")
    try:
        url = f"{any_database}&options=-crole%3Dlimited"
        with pytest.raises(UsageError, match="acme"):
            status(of(replace(settings, database_url=url), "acme"), Heard())
    finally:
        own.execute("RESET ROLE; DROP ROLE limited")


# The lock


def attempt(settings: Settings) -> Backend:
    backend = Backend(settings, Heard())
    assert backend.runners_lock.attempt()
    return backend


def test_two_tenants_are_worked_on_at_once_one_only_by_one_and_all_by_nobody_else(
    settings: Settings, any_database: str
) -> None:
    make(any_database, "acme", "globex")
    settings = replace(settings, lock_wait=0.0)
    acme, globex = of(settings, "acme"), of(settings, "globex")
    with attempt(acme), attempt(globex):
        for other in (acme, globex, settings):
            with pytest.raises(Busy, match=r"sqlrail .*is at work"):
                migrate(other, Heard())
    with attempt(settings), pytest.raises(Busy, match=r"sqlrail .*is at work"):
        migrate(acme, Heard())
    assert migrate(acme, Heard()).applied
