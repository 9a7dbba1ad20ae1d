"""create and drop: a database for development, made where it is not there, and dropped where every guard agrees."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from conftest import Connect, Servers, document_of, majors, needs, query, run
from psycopg import sql

from sqlrail.errors import ConnectionFailed, DatabaseFailed, Refused, UsageError
from sqlrail.ground.events import nobody
from sqlrail.ground.settings import Settings
from sqlrail.server import local
from sqlrail.verbs.apply import migrate
from sqlrail.verbs.database import create, drop
from sqlrail.verbs.reset import stamp

pytestmark = needs("to make databases")
HOSTILE = 'a "b".c/d%3; DROP DATABASE postgres --'


def yes(_: str) -> bool:
    return True


def there(server: local.Server) -> set[str]:
    return {name for (name,) in query(server.url, "SELECT datname FROM pg_database")}


@pytest.fixture(params=["brand_new", HOSTILE], ids=["plain", "hostile"])
def name(request: pytest.FixtureRequest, server: local.Server) -> Iterator[str]:
    """The name of a database that is not there."""
    yield str(request.param)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(request.param))
        )


@pytest.fixture
def new(server: local.Server, name: str, tmp_path: Path) -> Settings:
    (tmp_path / "001_a.sql").write_text("CREATE TABLE a (id int);\n")
    url = server.url.replace("/app?", f"/{quote(name, safe='')}?")
    return Settings(
        database_url=url, migrations=tmp_path, environment="development", actor="tester", host="here"
    )


def test_a_database_is_made_migrated_and_dropped(new: Settings, name: str, server: local.Server) -> None:
    assert create(new, nobody).as_json() == {"database": name, "created": True}
    assert create(new, nobody).as_json() == {"database": name, "created": False}
    migrate(new, nobody)
    assert drop(new, nobody, yes).as_json() == {"database": name, "dropped": True}
    assert name not in there(server)
    assert drop(new, nobody, yes).as_json() == {"database": name, "dropped": False}


def test_one_in_which_nobody_has_made_anything_needs_no_stamp(new: Settings) -> None:
    create(new, nobody)
    assert drop(new, nobody, yes).dropped


@pytest.mark.parametrize("environment", ["production", "staging", None])
def test_another_environment_is_refused(
    new: Settings, name: str, server: local.Server, environment: Any
) -> None:
    other = replace(new, environment=environment)
    with pytest.raises(Refused, match=r"^create is refused: APP_ENV .* must say development or test"):
        create(other, nobody)
    assert name not in there(server)
    create(new, nobody)
    with pytest.raises(Refused, match=r"^drop is refused: APP_ENV .* must say development or test"):
        drop(other, nobody, yes)
    assert name in there(server)


def test_what_is_stamped_otherwise_or_not_at_all_stays(
    new: Settings, name: str, server: local.Server
) -> None:
    create(new, nobody)
    query(new.database_url or "", "CREATE TABLE mine ()")
    with pytest.raises(Refused, match="drop is refused: the database has no stamp"):
        drop(new, nobody, yes)
    migrate(new, nobody)
    stamp(new, nobody, "production", yes)
    with pytest.raises(Refused, match="drop is refused: the database is stamped production"):
        drop(new, nobody, yes)
    assert name in there(server)


def test_a_server_elsewhere_keeps_its_databases(
    new: Settings, name: str, server: local.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one thing that cannot be had here is another machine: so this one disowns its socket."""
    create(new, nobody)
    monkeypatch.setattr("sqlrail.verbs.expendable.is_local", lambda *_: False)
    with pytest.raises(Refused, match="is not on this machine"):
        drop(new, nobody, yes)
    assert name in there(server)


def test_nobody_is_thrown_out(new: Settings, connect: Connect) -> None:
    """Neither who is there before, nor who comes while the name is typed."""
    create(new, nobody)
    colleague = connect(new.database_url or "")
    with pytest.raises(Refused, match="drop is refused: somebody else is connected"):
        drop(new, nobody, yes)
    colleague.close()
    late = list[psycopg.Connection[Any]]()

    def types(_: str) -> bool:
        late.append(connect(new.database_url or ""))
        return True

    with pytest.raises(Refused, match=r"somebody has connected to .* meanwhile"):
        drop(new, nobody, types)
    assert late[0].execute("SELECT 1").fetchall() == [(1,)]


def test_one_that_was_made_anew_meanwhile_stays(new: Settings, name: str, server: local.Server) -> None:
    create(new, nobody)

    def types(_: str) -> bool:
        with psycopg.connect(server.url, autocommit=True) as connection:
            for command in ("DROP DATABASE {}", "CREATE DATABASE {}"):
                connection.execute(sql.SQL(command).format(sql.Identifier(name)))
        return True

    with pytest.raises(Refused, match="is another one than was looked at"):
        drop(new, nobody, types)
    assert name in there(server)


def test_without_a_yes_it_stays(new: Settings, name: str, server: local.Server) -> None:
    create(new, nobody)
    with pytest.raises(Refused, match="type the database's name at the prompt, or give --yes"):
        drop(new, nobody, lambda _: False)
    assert name in there(server)


def test_of_many_who_make_it_at_once_one_does(new: Settings) -> None:
    made = list[bool]()
    threads = [threading.Thread(target=lambda: made.append(create(new, nobody).created)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [False] * 5 + [True]


def test_a_role_that_may_not_make_databases_is_told(new: Settings, name: str, server: local.Server) -> None:
    query(server.url, "DROP ROLE IF EXISTS maker; CREATE ROLE maker")
    url = f"{new.database_url}&options=-c%20role%3Dmaker"
    with pytest.raises(DatabaseFailed, match="cannot be made: permission denied to create database"):
        create(replace(new, database_url=url), nobody)
    assert name not in there(server)


def test_who_wants_one_of_a_service_says_its_name(new: Settings) -> None:
    with pytest.raises(UsageError, match="need the database's name in DATABASE_URL"):
        create(replace(new, database_url="service=nothing"), nobody)


def test_without_a_server_there_is_one_error(new: Settings, tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed, match=r"cannot connect to .*/postgres"):
        create(replace(new, database_url=f"host={tmp_path} user=postgres dbname=x"), nobody)


def test_by_the_command_line(new: Settings, name: str, tmp_path: Path) -> None:
    env = {"DATABASE_URL": new.database_url or "", "APP_ENV": "development"}
    failed = run("status", "--migrations", tmp_path, env=env, cwd=tmp_path)
    assert failed.returncode == 1
    assert "make it: in development `sqlrail create`, else `createdb " in failed.stderr
    assert run("create", env=env, cwd=tmp_path).stdout == f"made {name}\n"
    refused = run("drop", env=env, cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (3, "")
    done = run("drop", "--yes", "--json", env=env, cwd=tmp_path)
    assert document_of(done.stdout) == {"database": name, "dropped": True}


@pytest.mark.parametrize("major", majors())
def test_on_every_major(servers: Servers, major: int, tmp_path: Path) -> None:
    url = servers(major).url.replace("/app?", "/of_a_major?")
    there = Settings(database_url=url, migrations=tmp_path, environment="test", actor="tester", host="here")
    assert create(there, nobody).created
    assert drop(there, nobody, yes).dropped
