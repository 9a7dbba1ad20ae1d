"""A scratch database is the one that was made, and no other: where a server leads every name to one database, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from aftermath import Heard, write
from conftest import Connect, open_folder, query, run
from console import catalog
from proxy import Proxy
from test_pooler import pooler

from sqlrail import local, scratch, template
from sqlrail.connect import connect as sqlrail_connect
from sqlrail.errors import LocalServerFailed, Refused, WrongDatabase
from sqlrail.settings import Mark, Settings

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
    with scratch.scratch(Settings(database_url=database), heard.say) as there:
        assert there.mark
        holder.execute(f"COMMENT ON DATABASE {there.mark.database} IS 'held'".encode())
    (said,) = heard.said
    assert said.startswith(
        f"the scratch database {there.mark.database} stays behind until a later run drops it: "
    )
    holder.rollback()
    query(database, f"DROP DATABASE {there.mark.database}")
