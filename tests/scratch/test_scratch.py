"""A scratch database is the one that was made, and no other: where a server leads every name to one database, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from aftermath import write
from conftest import AS_ROLE, Connect, Servers, fresh_database, majors, needs, open_folder, query, run
from console import catalog
from listeners import Heard
from proxy import Proxy
from test_plan import home
from test_pooler import pooler
from waiting import wait_for

from sqlrail.errors import LocalServerFailed, Refused, WrongDatabase
from sqlrail.ground.settings import Settings
from sqlrail.ground.target import Mark
from sqlrail.postgres.connect import connect as sqlrail_connect
from sqlrail.scratch import roles, scratch
from sqlrail.server import local
from sqlrail.testing import template

__all__ = ["home"]  # the fixture

PENDING = {
    "001_users": "CREATE TABLE users (id int PRIMARY KEY)",
    "002_anew": "DROP TABLE IF EXISTS users CASCADE; CREATE TABLE users (id bigint PRIMARY KEY)",
}


@pytest.fixture(params=["a pooler", "a server"])
def leads_to_one(request: pytest.FixtureRequest, server: local.Server, database: str) -> Iterator[str]:
    """A URL by which every name leads to the test's database."""
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    if request.param == "a pooler":
        with pooler(server, database, only=str(name)) as url:
            yield url
    else:
        with open_folder() as folder, closing(Proxy(folder, database, database=str(name))) as proxy:
            yield proxy.url


@pytest.fixture
def lived_in(database: str, tmp_path: Path) -> Path:
    """The first file is applied, and users has rows; the folder has another that would make it anew."""
    files = write(tmp_path / "files", **{"001_users": PENDING["001_users"]})
    env = {"DATABASE_URL": database, "SQLRAIL_ENV": "test"}
    assert run("migrate", "--migrations", files, env=env).returncode == 0
    query(database, "INSERT INTO users SELECT generate_series(1, 1000)")
    return write(tmp_path / "files", **PENDING)


@pytest.mark.promise
@pytest.mark.parametrize(
    "verb",
    [["plan"], ["drift"], ["drift", "--pending"], ["schema"], ["drift", "--orm", "true"]],
    ids=" ".join,
)
def test_the_real_database_is_never_the_scratch_database(
    verb: list[str], leads_to_one: str, database: str, lived_in: Path, tmp_path: Path
) -> None:
    before = catalog(database)
    env = {"DATABASE_URL": leads_to_one, "SQLRAIL_ENV": "test"}
    done = run(*verb, "--migrations", lived_in, env=env, cwd=tmp_path)
    assert query(database, "SELECT count(*) FROM users") == [(1000,)]
    assert catalog(database) == before
    assert "leads to test_" in done.stderr, done.stderr
    assert query(database, "SELECT datname FROM pg_database WHERE datname ~ '^sqlrail_scratch'") == []


def test_a_baseline_is_not_compared_with_itself(leads_to_one: str, database: str, tmp_path: Path) -> None:
    files = write(tmp_path / "files", **PENDING)
    query(database, "CREATE TABLE other (id int)")
    env = {"DATABASE_URL": leads_to_one, "SQLRAIL_ENV": "test"}
    done = run("baseline", "--to", "002", "--migrations", files, env=env, cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert query(database, "SELECT to_regclass('users'), to_regclass('other')::text") == [(None, "other")]


def test_tests_do_not_get_the_real_database(leads_to_one: str, database: str, lived_in: Path) -> None:
    before = catalog(database)
    with (
        pytest.raises(WrongDatabase, match="leads every name to one"),
        template.template(leads_to_one, lived_in),
    ):
        pytest.fail("a template was made")
    assert catalog(database) == before
    assert query(database, "SELECT count(*) FROM users") == [(1000,)]
    assert query(database, "SELECT datname FROM pg_database WHERE datname ~ '^sqlrail_building'") == []


def test_a_copy_that_is_led_elsewhere_is_not_handed_out(database: str, lived_in: Path) -> None:
    """The template is there from an earlier run, and the pooler's settings have changed since."""
    name = str(psycopg.conninfo.conninfo_to_dict(database)["dbname"])
    with (
        template.template(database, lived_in) as made,
        open_folder() as folder,
        closing(Proxy(folder, database, database=name)) as proxy,
    ):
        with template.template(proxy.url, lived_in) as led, pytest.raises(WrongDatabase), led.copy():
            pytest.fail("a copy was handed out")
        with made.copy() as url:
            assert query(url, "SELECT count(*) FROM users") == [(0,)]


def test_a_database_of_another_token_is_another(database: str, connect: Connect) -> None:
    name = str(psycopg.conninfo.conninfo_to_dict(database)["dbname"])
    connect(database).execute(f"COMMENT ON DATABASE {name} IS 'a'".encode())
    sqlrail_connect(Settings(database_url=database, mark=Mark(name, "a"))).close()
    for mark in (Mark(name, "b"), Mark("other", "a")):
        with pytest.raises(WrongDatabase):
            sqlrail_connect(Settings(database_url=database, mark=mark))


def test_a_new_database_that_is_not_empty_is_no_scratch_database(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where an extension that is preloaded fills each new database."""
    made: list[Settings] = []

    def fill(connection: psycopg.Connection[tuple[object, ...]], there: Settings) -> None:
        original(connection, there)
        made.append(there)
        query(there.database_url or "", "CREATE TABLE filled (id int)")

    original = scratch.mark
    monkeypatch.setattr(scratch, "mark", fill)
    monkeypatch.setattr(local, "start", refuse)
    with pytest.raises(Refused, match="not empty"), scratch.scratch(Settings(database_url=database), print):
        pytest.fail("it was taken")
    assert made
    assert query(database, "SELECT datname FROM pg_database WHERE datname ~ '^sqlrail_scratch'") == []


def refuse(*_: object, **__: object) -> local.Server:
    raise LocalServerFailed("none here")


def test_a_drop_that_is_held_up_is_given_up_and_said(
    database: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "PATIENCE", 0.3)
    heard = Heard()
    holder = connect(database, autocommit=False)
    with scratch.scratch(Settings(database_url=database), heard) as there:
        assert there.mark
        holder.execute(f"COMMENT ON DATABASE {there.mark.database} IS 'held'".encode())
    (said,) = heard.said
    assert said.startswith(
        f"the scratch database {there.mark.database} stays behind until a later run drops it: "
    )
    holder.rollback()
    query(database, f"DROP DATABASE {there.mark.database}")


def made_like(url: str, text: str) -> tuple[list[str], list[tuple[object, ...]]]:
    """What a scratch database says of itself, and what is said while it is made."""
    heard = Heard()
    with scratch.scratch(Settings(database_url=url), heard) as there:
        return heard.said, query(there.database_url or "", text)


@pytest.mark.parametrize("within", ["DATABASE {}", "ROLE CURRENT_USER IN DATABASE {}"])
def test_a_scratch_database_has_the_settings_of_the_real_one(any_database: str, within: str) -> None:
    name = str(psycopg.conninfo.conninfo_to_dict(any_database)["dbname"])
    # What the role has in the database comes before what the database has.
    query(any_database, f"ALTER DATABASE {name} SET timezone = 'Asia/Tokyo'")
    given = {
        '"app.tenant"': "it's \"north\", too", "TimeZone": "America/Lima", "datestyle": "SQL, DMY",
        "intervalstyle": "sql_standard", "default_text_search_config": "pg_catalog.german",
        "transform_null_equals": "on", "check_function_bodies": "off", "row_security": "off",
    }  # fmt: skip
    for setting, value in given.items():
        quoted = ".".join(f'"{part}"' for part in setting.strip('"').split("."))
        literal = value.replace("'", "''")
        query(any_database, f"ALTER {within.format(name)} SET {quoted} = '{literal}'")
    shown = ", ".join("current_setting('{}')".format(setting.strip('"')) for setting in given)
    said, (found,) = made_like(any_database, f"SELECT {shown}")
    expected = {**given, **({} if "ROLE" in within else {"TimeZone": "America/Lima"})}
    assert (said, list(found)) == ([], list(expected.values()))


def test_limits_of_the_database_do_not_end_what_is_done_in_a_scratch_database(any_database: str) -> None:
    name = str(psycopg.conninfo.conninfo_to_dict(any_database)["dbname"])
    for limit in ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout"):
        query(any_database, f"ALTER DATABASE {name} SET {limit} = '7s'")
    said, found = made_like(
        any_database,
        "SELECT current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout'), "
        "current_setting('lock_timeout')",
    )
    assert (said, found) == ([], [("0", "0", "0")])


@needs("a superuser, who alone may count scans")
def test_scans_are_counted_where_the_site_does_not(database: str, lived_in: Path) -> None:
    name = str(psycopg.conninfo.conninfo_to_dict(database)["dbname"])
    query(database, f"ALTER DATABASE {name} SET track_counts = off")
    query(database, "ANALYZE users")
    write(lived_in, **{"002_anew": "ALTER TABLE users ADD CHECK (id > 0)"})
    env = {"DATABASE_URL": database, "SQLRAIL_ENV": "test"}
    done = run("plan", "--json", "--migrations", lived_in, env=env)
    assert json.loads(done.stdout)["files"][0]["verdict"] == "blocks", done.stderr


def test_a_setting_that_it_may_not_have_is_said_and_passed_over(database: str, server: local.Server) -> None:
    with fresh_database(server) as other:
        there = psycopg.conninfo.conninfo_to_dict(other)["dbname"]
        query(database, "CREATE ROLE modest LOGIN CREATEDB")
        try:
            query(database, f"GRANT CONNECT ON DATABASE {there} TO modest")
            query(database, f"ALTER DATABASE {there} SET lo_compat_privileges = on")
            said, found = made_like(other.replace("postgres@", "modest@"), "SELECT 1")
        finally:
            query(database, f"REVOKE ALL ON DATABASE {there} FROM modest")
            query(database, "DROP ROLE modest")
    assert found == [(1,)]
    assert len(said) == 1
    assert "without the setting lo_compat_privileges: permission denied" in said[0]


@pytest.mark.promise
@pytest.mark.parametrize("within", ["DATABASE {}", "ROLE CURRENT_USER IN DATABASE {}"])
def test_defaults_for_others_are_not_in_the_way(any_database: str, tmp_path: Path, within: str) -> None:
    files = write(tmp_path / "files", **{"001_a": "CREATE SCHEMA s; CREATE TABLE s.a (id int);"})
    env = {"DATABASE_URL": any_database, "SQLRAIL_ENV": "test"}
    assert run("migrate", "--migrations", files, env=env).returncode == 0
    alone = "-- transactional: false\nCREATE INDEX CONCURRENTLY ON s.a (id);\nSELECT pg_sleep(3.2)"
    write(files, **{"002_b": alone})
    name = psycopg.conninfo.conninfo_to_dict(any_database)["dbname"]
    for default in ("statement_timeout = '3s'", "default_transaction_read_only = on"):
        query(any_database, f"ALTER {within.format(name)} SET {default}")
    for verb in (["plan"], ["drift", "--check"], ["schema"]):
        done = run(*verb, "--migrations", files, env=env, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert query(any_database, "SELECT datname FROM pg_database WHERE datname ~ '^sqlrail_scratch'") == []


@needs("the right to make roles")
def test_nor_are_the_role_s_in_the_scratch_database(database: str, tmp_path: Path) -> None:
    files = write(tmp_path / "files", **{"001_a": "-- transactional: false\nCREATE TABLE a (id int)"})
    query(database, "CREATE ROLE frozen LOGIN CREATEDB")
    try:
        query(database, "ALTER ROLE frozen SET default_transaction_read_only = on")
        env = {"DATABASE_URL": database.replace("postgres@", "frozen@"), "SQLRAIL_ENV": "test"}
        done = run("schema", "--migrations", files, env=env, cwd=tmp_path)
    finally:
        query(database, "DROP ROLE frozen")
    assert (done.returncode, done.stderr) == (0, "")
    assert "CREATE TABLE public.a" in done.stdout


@pytest.mark.promise
@pytest.mark.parametrize("limit", ["statement_timeout", "transaction_timeout"])
def test_a_limit_of_the_database_does_not_end_a_look_at_it(
    database: str, lived_in: Path, connect: Connect, limit: str
) -> None:
    """A lock that holds the look up for longer than that does, at the time that was said."""
    write(lived_in, **{"002_anew": "ALTER TABLE users ADD n int"})
    query(database, "CREATE VIEW seen AS SELECT id FROM users")
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    query(database, f"ALTER DATABASE {name} SET {limit} = '1s'")
    holder = connect(database, autocommit=False)
    holder.execute(f"SET LOCAL {limit} = 0; LOCK users".encode())
    env = {"DATABASE_URL": database, "SQLRAIL_ENV": "test"}
    for verb in (["plan"], ["drift"]):
        done = run(*verb, "--lock-timeout", "2s", "--migrations", lived_in, env=env)
        assert (done.returncode, "lock" in done.stderr) == (1, True), done.stderr
        assert "statement timeout" not in done.stderr
        assert "transaction timeout" not in done.stderr


# Roles

SITE = """
CREATE TABLE a (id int PRIMARY KEY);
GRANT SELECT ON a TO scratch_site, "scratch Odd";
ALTER TABLE a ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON a FOR SELECT TO scratch_site USING (id > 0);
DO $$ BEGIN ALTER TABLE a OWNER TO scratch_site; END $$;
ALTER TABLE a OWNER TO CURRENT_USER;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO "scratch Odd";
"""


@pytest.fixture
def site(database: str) -> Iterator[str]:
    """The database on a server that has the site's roles."""
    for name in ("scratch_site", '"scratch Odd"'):
        query(database, f"CREATE ROLE {name}")
    yield database
    query(database, 'DROP OWNED BY scratch_site, "scratch Odd"')
    query(database, 'DROP ROLE scratch_site, "scratch Odd"')


@pytest.mark.promise
@needs("the right to make roles")
def test_the_embedded_server_has_the_roles_that_files_name_for_as_long_as_it_takes(
    site: str, tmp_path: Path, home: Path
) -> None:
    files = write(tmp_path / "files", **{"001_site": SITE})
    env = {"DATABASE_URL": site, "SQLRAIL_ENV": "test", "SQLRAIL_SCRATCH": "embedded"}
    ours = local.start(home / ".pgdata")
    query(ours.url, 'CREATE ROLE "scratch Odd" NOLOGIN')
    for verb in (["plan"], ["migrate"], ["drift", "--check", "--with-privileges"], ["schema"]):
        done = run(*verb, "--migrations", files, env=env, cwd=home)
        assert (done.returncode, "passed over" in done.stderr) == (0, False), done.stderr
        # What it had stays, with nothing about it changed.
        left = "SELECT rolname, shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname ~ '^scratch'"
        assert query(ours.url, left) == [("scratch Odd", None)]
    assert "CREATE POLICY p ON public.a FOR SELECT TO scratch_site" in done.stdout


@needs("the right to make roles")
def test_roles_that_a_killed_run_left_go_with_the_next_and_not_while_one_needs_them(
    server: local.Server, database: str
) -> None:
    made, ours = "SELECT rolname FROM pg_roles WHERE rolname ~ '^scratch_'", Settings(database_url=database)
    query(database, "CREATE ROLE scratch_left")
    query(database, "COMMENT ON ROLE scratch_left IS 'made by sqlrail for a scratch database'")
    with roles.made(ours, {"scratch_a"}):
        with roles.made(ours, {"scratch_a", "scratch_b"}):
            pass
        assert len(query(server.url, made)) == 3
    assert query(server.url, made) == []


@needs("the right to make roles")
def test_what_is_about_roles_that_another_server_lacks_is_passed_over_and_said(
    site: str, elsewhere: str, tmp_path: Path
) -> None:
    text = SITE.replace("DO $$ BEGIN ALTER TABLE a OWNER TO scratch_site; END $$;", "")
    files = write(tmp_path / "files", **{"001_site": text})
    env = {"DATABASE_URL": site, "SQLRAIL_ENV": "test"}
    assert run("migrate", "--migrations", files, env=env).returncode == 0
    more = "ALTER TABLE a OWNER TO scratch_site;\nALTER TABLE a ADD b int;\n"
    write(files, **{"002_in": more, "003_out": f"-- transactional: false\n{more.replace('ADD b', 'ADD c')}"})
    env["SQLRAIL_SCRATCH"] = elsewhere
    plan = run("plan", "--json", "--migrations", files, env=env)
    assert plan.returncode == 0, plan.stderr
    notes = [[bool(it["note"]) for it in file["statements"]] for file in json.loads(plan.stdout)["files"]]
    assert notes == [[True, False], [True, False]]
    for verb in (["schema"], ["drift", "--json"]):
        done = run(*verb, "--migrations", files, env=env)
        assert done.returncode == 0, done.stderr
        (said,) = (line for line in done.stderr.splitlines() if "passed over: " in line)
        assert "001_site.sql:3:1, " in said
        assert "001_site.sql:5:1, " in said
    found = [(it["kind"], it["name"]) for it in json.loads(done.stdout)["differences"]]
    assert found == [("policy", "public.a.p")]


def test_roles_that_are_made_by_a_file_that_was_not_run_need_not_be_there(
    database: str, tmp_path: Path
) -> None:
    made = "CREATE ROLE scratch_new;\nCREATE TABLE a (id int);\nGRANT SELECT ON a TO scratch_new;"
    files = write(tmp_path / "files", **{"001_made": made})
    done = run("schema", "--migrations", files, env={"DATABASE_URL": database, "SQLRAIL_ENV": "test"})
    assert (done.returncode, "001_made.sql:3:1" in done.stderr) == (0, True), done.stderr
    assert "CREATE TABLE public.a" in done.stdout


@pytest.mark.parametrize(
    ("words", "text", "is_about"),
    [
        ("GRANT SELECT ON", "GRANT SELECT ON t TO x, SITE", True),
        ("GRANT SELECT ON", 'GRANT SELECT ON site TO "SITE"', False),
        ("REVOKE ALL ON", "REVOKE ALL ON t FROM GROUP site", True),
        ("ALTER TABLE T", "ALTER TABLE t OWNER TO site", True),
        ("ALTER TABLE T", "ALTER TABLE t RENAME TO site", False),
        (
            "ALTER DEFAULT PRIVILEGES",
            "ALTER DEFAULT PRIVILEGES FOR ROLE a, site GRANT ALL ON TABLES TO b",
            True,
        ),
        ("SET LOCAL ROLE", "SET LOCAL ROLE site", True),
        ("SET SESSION AUTHORIZATION", 'SET SESSION AUTHORIZATION "site"', True),
        ("SET SEARCH_PATH TO", "SET search_path TO site", False),
        ("CREATE VIEW V", "CREATE VIEW v AS SELECT FROM site", False),
    ],
)
def test_a_statement_about_a_role_is_told_from_others(words: str, text: str, is_about: bool) -> None:
    assert roles.is_about(tuple(words.split()), text.encode(), {"site"}) is is_about


# Extensions

ALONE = """DO $$ BEGIN
    IF current_database() ~ '^sqlrail' THEN RAISE EXCEPTION 'it can be made in one database only'; END IF;
END $$;
CREATE SCHEMA alone;
CREATE FUNCTION alone.schedule(text) RETURNS int LANGUAGE sql AS 'SELECT 1';
"""
NIGHTLY = """CREATE TABLE a (id int);
CREATE EXTENSION IF NOT EXISTS alone;
COMMENT ON EXTENSION alone IS 'for jobs';
SELECT alone.schedule('nightly');
CREATE TABLE b (id int);
"""


@pytest.fixture
def with_alone(server: local.Server, database: str) -> Iterator[str]:
    """A server with an extension that cannot be made in a scratch database."""
    with open_folder() as folder:
        place = folder / "extension"
        place.mkdir(mode=0o755)
        (place / "alone.control").write_text(
            "default_version = '1'\nrelocatable = false\nschema = pg_catalog\n"
        )
        (place / "alone--1.sql").write_text(ALONE)
        query(server.url, f"ALTER SYSTEM SET extension_control_path = '$system:{folder}'")
        query(server.url, "SELECT pg_reload_conf()")
        shown = "SHOW extension_control_path"
        wait_for(lambda: str(folder) in query(database, shown)[0][0], "the server knows the extension")
        try:
            yield database
        finally:
            query(server.url, "ALTER SYSTEM RESET extension_control_path")
            query(server.url, "SELECT pg_reload_conf()")


@pytest.mark.skipif(
    max(majors(), default=0) < 18, reason="extensions of a folder of one's own need PostgreSQL 18"
)
@needs("a superuser")
def test_an_extension_that_lives_in_one_database_only_is_left_out_and_said(
    with_alone: str, tmp_path: Path
) -> None:
    files = write(tmp_path / "files", **{"001_nightly": NIGHTLY})
    env = {"DATABASE_URL": with_alone, "SQLRAIL_ENV": "test"}
    assert run("migrate", "--migrations", files, env=env).returncode == 0
    for verb in (["drift", "--check"], ["schema"]):
        done = run(*verb, "--migrations", files, env=env)
        assert done.returncode == 0, done.stderr
        assert "a scratch database cannot have, and which are not compared: alone" in done.stderr
        assert "001_nightly.sql:2:1, " in done.stderr
    assert [f"TABLE public.{name}" in done.stdout for name in "ab"] == [True, True]
    write(files, **{"002_weekly": "SELECT alone.schedule('weekly'); ALTER TABLE a ADD n int;"})
    done = run("plan", "--json", "--migrations", files, env=env)
    assert done.returncode == 0, done.stderr
    (file,) = json.loads(done.stdout)["files"]
    assert [bool(it["note"]) for it in file["statements"]] == [True, False]


def test_an_extension_that_the_server_lacks_is_left_out_and_said(database: str, tmp_path: Path) -> None:
    lacking = "CREATE EXTENSION nowhere_installed;\nCREATE TABLE a (id int);"
    files = write(tmp_path / "files", **{"001_lacking": lacking})
    done = run("schema", "--migrations", files, env={"DATABASE_URL": database, "SQLRAIL_ENV": "test"})
    assert (done.returncode, "not compared: nowhere_installed" in done.stderr) == (0, True), done.stderr
    assert "CREATE TABLE public.a" in done.stdout


def test_a_plan_fails_as_a_migrate_would_where_the_server_lacks_a_pending_files_extension(
    database: str, tmp_path: Path
) -> None:
    files = write(tmp_path / "files", **{"001_table": "CREATE TABLE a (id int);"})
    env = {"DATABASE_URL": database, "SQLRAIL_ENV": "test"}
    assert run("migrate", "--migrations", files, env=env).returncode == 0
    write(files, **{"002_lacking": "CREATE EXTENSION nowhere_installed;\nALTER TABLE a ADD place nowhere;"})
    for verb in ("plan", "migrate"):
        done = run(verb, "--migrations", files, env=env)
        assert done.returncode == 1
        assert '002_lacking.sql:1:1: extension "nowhere_installed" is not available' in done.stderr


ORDERED = (
    "SELECT datlocprovider::text, coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') "
    "FROM pg_database AS d WHERE datname = current_database()"
)


@pytest.mark.parametrize(
    "provider",
    ["ICU_LOCALE 'sv-SE' LOCALE_PROVIDER icu", "BUILTIN_LOCALE 'C.UTF-8' LOCALE_PROVIDER builtin"],
    ids=["icu", "builtin"],
)
def test_texts_are_ordered_as_in_the_real_database(any_database: str, provider: str) -> None:
    other = f"{psycopg.conninfo.conninfo_to_dict(any_database)['dbname']}_ordered"
    try:
        query(any_database, f"CREATE DATABASE {other} TEMPLATE template0 ENCODING UTF8 {provider}")
    except psycopg.Error as exc:
        pytest.skip(f"this server has no such provider: {exc}")
    try:
        url = template.database_url(any_database, other)
        assert made_like(url, ORDERED) == ([], query(url, ORDERED))
    finally:
        query(any_database, f"DROP DATABASE {other} WITH (FORCE)")


@pytest.mark.parametrize("end", ["", ";", "\n", " -- the end", "; -- the end", " /* USER */"])
def test_the_last_statement_needs_no_semicolon(database: str, tmp_path: Path, end: str) -> None:
    """In a file with a word that may be about the whole server, too."""
    files = write(
        tmp_path / "files",
        **{
            "001_who": f'CREATE VIEW who AS SELECT 1 AS "USER"{end}',
            "002_role": f"GRANT pg_monitor TO CURRENT_USER;\nCREATE VIEW more AS SELECT 1 AS a{end}",
            "003_role": f"GRANT pg_monitor TO CURRENT_USER{end}",
        },
    )
    done = run("schema", "--migrations", files, env={"DATABASE_URL": database, "SQLRAIL_ENV": "test"})
    assert done.returncode == 0, done.stderr
    assert [view in done.stdout for view in ("VIEW public.who", "VIEW public.more")] == [True, True]


NEEDS = {
    "001_person": "CREATE TABLE person (id int PRIMARY KEY, tags extensions.hstore);",
    "002_tag": "CREATE SCHEMA own; CREATE TABLE own.tag (id int);",
}


@pytest.mark.promise
def test_what_a_provider_made_before_the_first_file_is_there_in_a_scratch_database(
    any_database: str, tmp_path: Path
) -> None:
    query(any_database, "CREATE SCHEMA extensions")
    try:
        query(any_database, "CREATE EXTENSION hstore SCHEMA extensions")
    except psycopg.Error as exc:
        pytest.skip(f"hstore is not installed: {exc}")
    files = write(tmp_path / "files", **{"001_person": NEEDS["001_person"]})
    env = {"DATABASE_URL": any_database, "SQLRAIL_ENV": "test"}
    for verb in (["plan"], ["migrate"], ["drift"], ["schema"]):
        done = run(*verb, "--migrations", files, env=env)
        assert done.returncode == 0, done.stderr
        if verb != ["migrate"]:
            assert "so what no file makes is taken from the database" in done.stderr
            assert "schema extensions, extension hstore" in done.stderr
    write(files, **NEEDS)
    assert run("migrate", "--migrations", files, env=env).returncode == 0
    drift = run("drift", "--json", "--migrations", files, env=env)
    found = [(it["kind"], it["name"]) for it in json.loads(drift.stdout)["differences"]]
    assert sorted(found) == [("extension", "hstore"), ("schema", "extensions")]


def test_files_that_lack_what_nobody_has_fail_as_before(database: str, tmp_path: Path) -> None:
    files = write(tmp_path / "files", **{"001_a": "CREATE TABLE nowhere.a (id int)"})
    done = run("plan", "--migrations", files, env={"DATABASE_URL": database, "SQLRAIL_ENV": "test"})
    assert (done.returncode, 'schema "nowhere" does not exist' in done.stderr) == (1, True)
    assert "taken from the database" not in done.stderr


# Another server

WHERE = (
    "DO $$ BEGIN EXECUTE format('CREATE TABLE on_%s (id int)', current_setting('server_version_num')::int / 10000); "
    "END $$"
)
VERBS = [["plan"], ["schema"], ["drift", "--pending"], ["baseline", "--to", "1"]]


@pytest.fixture
def elsewhere(servers: Servers) -> Iterator[str]:
    """A database on the server of another major than the test's."""
    if len(majors()) < 2:
        pytest.skip("one major of PostgreSQL is installed")
    with fresh_database(servers(min(majors()))) as url:
        yield url.replace("@/", ":Zor%40Quux@/")


@pytest.mark.promise
@needs("the right to make databases")
@pytest.mark.parametrize("by", ["flag", "variable"])
@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_scratch_database_is_made_on_the_server_that_is_named(
    verb: list[str], by: str, database: str, elsewhere: str, tmp_path: Path
) -> None:
    files = write(tmp_path / "files", **{"001_where": WHERE})
    env, flags = {"DATABASE_URL": database, "SQLRAIL_ENV": "test"}, [*verb, "--json"]
    if by == "flag":
        flags += ["--scratch", elsewhere]
    else:
        env["SQLRAIL_SCRATCH"] = elsewhere
    done = run(*flags, "--migrations", files, env=env)
    there, here = f"on_{min(majors())}", f"on_{max(majors())}"
    shown = done.stdout + done.stderr
    if verb == ["plan"]:
        assert json.loads(done.stdout)["rehearsed_major"] == min(majors()), done.stderr
    else:
        assert (f"public.{there}" in shown, here in shown) == (True, False), shown
    assert f"warning: the scratch database is on PostgreSQL {min(majors())}" in done.stderr
    assert ("a password on the command line" in done.stderr) == (by == "flag")
    assert [word for word in ("Zor@Quux", "Zor%40Quux") if word in shown] == []
    assert "own server" not in shown
    for url in (database, elsewhere):
        assert query(url, "SELECT datname FROM pg_database WHERE datname ~ '^sqlrail_scratch'") == []
        assert query(url, "SELECT relname FROM pg_class WHERE relname ~ '^on_'") == []


def test_a_server_that_cannot_be_reached_is_not_stood_in_for(
    database: str, lived_in: Path, home: Path
) -> None:
    env = {
        "DATABASE_URL": database, "SQLRAIL_ENV": "test",
        "SQLRAIL_SCRATCH": "postgresql://u:Zor%40Quux@127.0.0.1:1/d",
    }  # fmt: skip
    for verb in VERBS[:3]:
        done = run(*verb, "--migrations", lived_in, env=env, cwd=home)
        assert done.returncode == 1, done.stderr
        assert done.stderr.startswith("--scratch (or SQLRAIL_SCRATCH): cannot connect to u@127.0.0.1:1/d")
        assert "Quux" not in done.stdout + done.stderr
    assert not (home / ".pgdata").exists()


def test_a_named_server_that_leads_to_one_database_is_no_place_for_a_scratch_database(
    server: local.Server, leads_to_one: str, database: str, lived_in: Path, home: Path
) -> None:
    """Its one database has what the files would drop."""
    with fresh_database(server) as live:
        env = {"DATABASE_URL": live, "SQLRAIL_ENV": "test", "SQLRAIL_SCRATCH": leads_to_one}
        for verb in VERBS[:3]:
            done = run(*verb, "--migrations", lived_in, env=env, cwd=home)
            assert (done.returncode, "leads to test_" in done.stderr) == (3, True), done.stderr
    assert query(database, "SELECT count(*) FROM users") == [(1000,)]
    assert not (home / ".pgdata").exists()


@needs("what tells one server from another")
def test_a_named_server_that_is_the_database_s_own_is_said(database: str, lived_in: Path) -> None:
    env = {"DATABASE_URL": database, "SQLRAIL_ENV": "test", "SQLRAIL_SCRATCH": database}
    done = run("schema", "--migrations", lived_in, env=env)
    assert done.returncode == 0, done.stderr
    assert "warning: --scratch leads to the database's own server" in done.stderr


@pytest.mark.promise
@pytest.mark.skipif(AS_ROLE, reason="another account's server")
@pytest.mark.parametrize("major", majors(), ids=lambda major: f"pg{major}")
@pytest.mark.parametrize("verb", VERBS[:3], ids=" ".join)
def test_the_embedded_server_takes_the_place_of_one_of_its_major_only(
    verb: list[str], major: int, servers: Servers, tmp_path: Path, home: Path
) -> None:
    files = write(tmp_path / "files", **{"001_where": WHERE})
    ours = local.major(home / ".pgdata")
    with fresh_database(servers(major)) as url:
        env = {"DATABASE_URL": url, "SQLRAIL_ENV": "production", "SQLRAIL_SCRATCH": "embedded"}
        done = run(*verb, "--migrations", files, env=env, cwd=home)
    assert (home / ".pgdata").exists() == (major == ours)
    if major == ours:
        assert (done.returncode, "starting PostgreSQL" in done.stderr) == (0, True), done.stderr
    else:
        assert done.returncode == 3, done.stderr
        assert f"the embedded server is of PostgreSQL {ours} and the database of {major}" in done.stderr


def test_a_place_that_decides_nothing_and_one_that_is_none_are_refused(database: str, lived_in: Path) -> None:
    env = {"DATABASE_URL": database, "SQLRAIL_ENV": "test"}
    for flags, says in (
        (["drift", "--against", database, "--scratch", "embedded"], "--scratch has no effect here"),
        (["plan", "--scratch", ""], "--scratch is empty"),
        (["plan", "--scratch", "embeded"], "--scratch is 'embeded': it must be embedded"),
    ):
        done = run(*flags, "--migrations", lived_in, env=env)
        assert (done.returncode, says in done.stderr) == (2, True), done.stderr
