"""What happens in the schema of one tenant: records, lock and files are its own, whatever else the search_path has."""

from __future__ import annotations

import re
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
from sqlrail.errors import Busy, MigrationFailed, Refused, UsageError
from sqlrail.ground.events import Begun, Event
from sqlrail.ground.settings import Settings
from sqlrail.postgres import wire
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
    assert status(of(settings, tenant), Heard()).is_well()
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


# The guard

SHARED = """
    CREATE TABLE countries (id int PRIMARY KEY, name text);
    CREATE INDEX by_name ON countries (name);
    CREATE VIEW all_countries AS SELECT * FROM countries;
    CREATE SEQUENCE numbers;
    CREATE TYPE mood AS ENUM ('good');
    CREATE DOMAIN positive AS int;
    CREATE FUNCTION seven() RETURNS int LANGUAGE sql AS 'SELECT 7';
    CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER late AFTER DELETE ON countries FOR EACH ROW EXECUTE FUNCTION nothing();
    CREATE SCHEMA other;
    CREATE TABLE other.things ();
"""
OUTSIDE = {
    "alter": ("ALTER TABLE countries ADD COLUMN x int", "public.countries"),
    "drop": ("DROP TABLE countries CASCADE", "public.countries"),
    "drop if exists": ("DROP TABLE IF EXISTS nothing, other.things", "other.things"),
    "drop in code": ("DO $$ BEGIN EXECUTE 'DROP VIEW all_countries'; END $$", "public.all_countries"),
    "truncate": ("TRUNCATE countries", "public.countries"),
    "rename": ("ALTER TABLE countries RENAME name TO called", "public.countries"),
    "index": ("CREATE INDEX ON countries (name, id)", "public.countries_name_id_idx"),
    "drop index": ("DROP INDEX by_name", "public.by_name"),
    "trigger": (
        "CREATE TRIGGER t AFTER INSERT ON countries FOR EACH ROW EXECUTE FUNCTION nothing()", "public.countries",
    ),
    "create": ("CREATE TABLE public.more (id serial)", "public.more"),
    "view": ("CREATE OR REPLACE VIEW all_countries AS SELECT 1 AS n; ALTER VIEW public.all_countries RENAME TO v",
             "public.v"),
    "sequence": ("ALTER SEQUENCE numbers INCREMENT 2", "public.numbers"),
    "label": ("ALTER TYPE mood ADD VALUE 'bad'", "public.mood"),
    "domain": ("ALTER DOMAIN positive ADD CHECK (VALUE > 0)", "public.positive"),
    "type": ("CREATE TYPE public.size AS ENUM ('big')", "public.size"),
    "function": ("CREATE FUNCTION other.eight() RETURNS int LANGUAGE sql AS 'SELECT 8'", "other.eight()"),
    "alter function": ("ALTER FUNCTION seven() STRICT", "public.seven()"),
    "in a savepoint": (
        "DO $$ BEGIN ALTER FUNCTION seven() STRICT; EXCEPTION WHEN others THEN RAISE; END $$", "public.seven()",
    ),
    "grant": ("GRANT SELECT ON countries TO PUBLIC", "public.countries"),
    "lock": ("LOCK TABLE countries IN ACCESS EXCLUSIVE MODE", "public.countries"),
    "drop trigger": ("DROP TRIGGER late ON countries", "public.countries"),
    "another tenant": ("ALTER TABLE globex.orders ADD COLUMN x int", "globex.orders"),
}  # fmt: skip
#: what is the tenant's own, and needs what is shared
WITHIN = """
    SET CONSTRAINTS ALL DEFERRED;
    CREATE TABLE cities (id serial PRIMARY KEY, country int REFERENCES countries, at positive, m mood);
    CREATE INDEX by_name ON cities (country);
    CREATE VIEW all_countries AS SELECT * FROM countries;
    CREATE TYPE mood AS ENUM ('better'); ALTER TYPE mood ADD VALUE 'best';
    CREATE DOMAIN positive AS int CHECK (VALUE > 0);
    CREATE TYPE pair AS (a int, b text);
    CREATE FUNCTION seven() RETURNS int LANGUAGE sql AS 'SELECT 8';
    CREATE TEMP TABLE scrap (id int); DROP TABLE scrap;
    CREATE TABLE short (id int PRIMARY KEY, long text); DROP TABLE short;
    INSERT INTO countries VALUES (1, 'a'); SELECT nextval('numbers'); ANALYZE countries;
    ALTER TABLE orders DROP COLUMN total;
"""
GONE = """
    DROP INDEX by_name; DROP VIEW all_countries; DROP TABLE cities; DROP FUNCTION seven(); DROP TYPE mood, pair;
    DROP DOMAIN positive; DELETE FROM countries;
"""


@pytest.mark.parametrize("kind", OUTSIDE)
def test_a_file_that_changes_what_is_not_the_tenants_is_refused_and_leaves_nothing(
    settings: Settings, any_database: str, kind: str
) -> None:
    text, named = OUTSIDE[kind]
    make(any_database, "acme", "globex")
    query(any_database, "CREATE TABLE globex.orders ()")
    with psycopg.connect(any_database) as own:
        own.execute(SHARED.encode())
    write(settings.migrations, **{"004_out": f"CREATE TABLE mine ();\n{text};\n"})
    before = catalog(any_database)
    with pytest.raises(
        Refused, match=f"it changes .*{re.escape(named)}.*, outside of the schema acme"
    ) as refused:
        migrate(of(settings, "acme"), Heard())
    assert "004_out.sql" in str(refused.value)
    assert refused.value.applied == list(FILES)
    assert catalog(any_database) == before


def catalog(url: str) -> list[tuple[Any, ...]]:
    """What there is outside of the tenant's schema, as it was written."""
    text = """
        SELECT 'c', oid::text, xmin::text FROM pg_class WHERE relnamespace::regnamespace::text IN ('public', 'other')
        UNION ALL SELECT 'p', oid::text, xmin::text FROM pg_proc WHERE oid > 16384
        UNION ALL SELECT 't', oid::text, xmin::text FROM pg_type WHERE typnamespace = 'public'::regnamespace
        UNION ALL SELECT 'mine', tablename, '' FROM pg_tables WHERE tablename = 'mine' ORDER BY 1, 2
    """
    return query(url, text)


@pytest.mark.parametrize("reset", ["", "RESET ALL;"])
def test_what_a_deferred_trigger_changes_elsewhere_is_refused_too(
    database: str, tmp_path: Path, reset: str
) -> None:
    make(database, "acme")
    query(
        database,
        "CREATE TABLE countries (id int); CREATE FUNCTION grow() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN ALTER TABLE public.countries ADD COLUMN x int; RETURN NULL; END'",
    )
    text = (
        "CREATE TABLE mine (id int);\nCREATE CONSTRAINT TRIGGER late AFTER INSERT ON mine "
        "DEFERRABLE INITIALLY DEFERRED "
        f"FOR EACH ROW EXECUTE FUNCTION grow();\nINSERT INTO mine VALUES (1);\n{reset}\n"
    )
    files = write(tmp_path / "files", **{"001_out": text})
    settings = Settings(database_url=database, migrations=files, environment="test")
    with pytest.raises(Refused, match=r"it changes public.countries, outside of the schema acme"):
        migrate(of(settings, "acme"), Heard())
    assert tables(database, "acme") == []


@pytest.mark.parametrize(
    "end", ["", " -- so", "; -- so", ";\n/* so */", ";\nSELECT false AS may_reach_out", ";;\n;"]
)
def test_however_a_file_ends_it_is_looked_at(settings: Settings, any_database: str, end: str) -> None:
    make(any_database, "acme")
    query(any_database, "CREATE TABLE countries (id int)")
    write(settings.migrations, **{"004_in": f"ALTER TABLE orders ADD COLUMN x int{end}"})
    assert "004_in" in [it.id for it in migrate(of(settings, "acme"), Heard()).applied]
    write(settings.migrations, **{"005_out": f"ALTER TABLE countries ADD COLUMN x int{end}"})
    with pytest.raises(Refused, match=r"005_out.sql:\d.*it changes public.countries, outside"):
        migrate(of(settings, "acme"), Heard())


@pytest.mark.parametrize(
    ("text", "is_sent"),
    [
        ("ALTER TABLE orders ADD COLUMN x int", False),
        ("INSERT INTO orders SELECT id + 1 FROM countries", False),
        ("ALTER TABLE orders ADD FOREIGN KEY (id) REFERENCES countries", True),
        ("DROP TABLE orders", True),
        ("GRANT SELECT ON orders TO PUBLIC", True),
        ("CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'", True),
    ],
)
def test_the_guard_is_sent_where_there_may_be_something_to_refuse(
    settings: Settings, any_database: str, monkeypatch: pytest.MonkeyPatch, text: str, is_sent: bool
) -> None:
    make(any_database, "acme")
    query(any_database, "CREATE TABLE countries (id int PRIMARY KEY); INSERT INTO countries VALUES (1)")
    migrate(of(settings, "acme"), Heard())
    query(any_database, "DELETE FROM acme.orders WHERE id > 1")
    write(settings.migrations, **{"004_in": text})
    sent = list[object]()
    send = wire.send

    def listen(connection: Any, text: Any, *more: Any, **how: Any) -> wire.Answer:
        sent.append(text)
        return send(connection, text, *more, **how)

    monkeypatch.setattr(wire, "send", listen)
    assert migrate(of(settings, "acme"), Heard()).applied
    assert any(b"DO $guard$" in text for text in sent if isinstance(text, bytes)) == is_sent


def test_what_a_deferred_key_refuses_is_said_to_come_at_commit(settings: Settings, any_database: str) -> None:
    make(any_database, "acme")
    text = (
        "ALTER TABLE orders ADD COLUMN of int REFERENCES orders DEFERRABLE INITIALLY DEFERRED;\n"
        "UPDATE orders SET of = 7;\n"
    )
    write(settings.migrations, **{"004_late": text})
    with pytest.raises(
        MigrationFailed, match=r"004_late.sql:2:\d+: at commit: .*orders_of_fkey.*Nothing of 004"
    ):
        migrate(of(settings, "acme"), Heard())
    assert query(any_database, "SELECT count(*) FROM pg_attribute WHERE attname = 'of'") == [(0,)]


def test_what_is_the_tenants_own_passes_also_where_others_are_at_work(
    settings: Settings, any_database: str, connect: Connect
) -> None:
    make(any_database, "acme")
    with psycopg.connect(any_database) as own:
        own.execute(SHARED.encode())
    other = connect(any_database)

    def meanwhile(event: Event) -> None:
        if isinstance(event, Begun):
            other.execute("CREATE OR REPLACE FUNCTION seven() RETURNS int LANGUAGE sql AS 'SELECT 9'")
            other.execute("ALTER TABLE other.things ADD COLUMN IF NOT EXISTS x int")
            other.execute("GRANT SELECT ON countries TO PUBLIC")

    outside = "-- transactional: false\n"
    files = {
        "004_in": WITHIN,
        "005_gone": GONE,
        "006_in": WITHIN.replace("DROP COLUMN total", "ADD COLUMN total int"),
    }
    write(settings.migrations, **files, **{"007_gone": outside + GONE, "008_in": outside + WITHIN})
    assert len(migrate(of(settings, "acme"), meanwhile).applied) == 8


def test_outside_a_transaction_the_same_is_refused_statement_by_statement(
    settings: Settings, any_database: str
) -> None:
    make(any_database, "acme")
    query(any_database, "CREATE TABLE countries (id int)")
    text = "-- transactional: false\nCREATE TABLE mine ();\nALTER TABLE countries ADD COLUMN x int;\n"
    write(settings.migrations, **{"004_out": text})
    with pytest.raises(Refused, match=r"004_out.sql:3:\d+: .*it changes public.countries"):
        migrate(of(settings, "acme"), Heard())
    assert tables(any_database, "acme") == ["mine", "orders"]
    assert query(
        any_database, "SELECT attname FROM pg_attribute WHERE attrelid = 'countries'::regclass AND attnum > 0"
    ) == [("id",)]


@pytest.mark.parametrize(
    "text",
    [
        "CREATE INDEX CONCURRENTLY ON countries (id)",
        "DROP INDEX CONCURRENTLY by_id",
        "REINDEX TABLE CONCURRENTLY countries",
    ],
)
def test_an_index_of_a_shared_table_is_refused_where_no_commit_guards_it(
    settings: Settings, any_database: str, text: str
) -> None:
    make(any_database, "acme")
    query(any_database, "CREATE TABLE countries (id int); CREATE INDEX by_id ON countries (id)")
    indexes = "SELECT indexrelid FROM pg_index WHERE indrelid = 'countries'::regclass"
    before = query(any_database, indexes)
    write(settings.migrations, **{"004_out": f"-- transactional: false\nCREATE TABLE mine ();\n{text};\n"})
    with pytest.raises(Refused, match=r"004_out.sql:3:1: it changes public.countries, outside"):
        migrate(of(settings, "acme"), Heard())
    assert query(any_database, indexes) == before
