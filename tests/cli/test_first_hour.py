"""The mistakes of a first hour: each message ends in what to type next, and typing that is the way on."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import as_role, fresh_database, majors, needs, open_folder, query
from console import Sqlrail, put, sqlrail
from postmasters import Postmaster, make, running

from sqlrail.server import local

__all__ = ["sqlrail"]  # the fixture

USERS = "CREATE TABLE users (id int PRIMARY KEY);\nINSERT INTO users VALUES (2);\n"
ORDERS = "CREATE TABLE orders (id int PRIMARY KEY, user_id int);\nINSERT INTO orders VALUES (1, 1);\n"
KEY = "ALTER TABLE orders ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id);\n"
GOOD = {"migrations/001_users.sql": USERS, "migrations/002_orders.sql": ORDERS}


class Mistake(NamedTuple):
    """What somebody does, once the files of GOOD are applied or before, and what the message ends in."""

    id: str
    said: str  # in the message
    types: str  # what it ends in: a command, or a line for the head of the file
    verb: str = "migrate"
    files: Mapping[str, str] = {}
    env: Mapping[str, str] = {}
    is_later: bool = True  # GOOD is applied
    then: str = "migrate"  # what works after that


MISTAKES = [
    Mistake("an empty file", "migrations/003_x.sql:1:1: the file holds no statement", "rm migrations/003_x.sql",
            files={"migrations/003_x.sql": ""}),
    Mistake("no file", "migrations holds no migration", "new NAME", files={"migrations/README": ""}, is_later=False,
            then="status"),
    Mistake("two branches take one number", "it is new, and comes before 002_orders, which is applied",
            "migrate --allow-late", files={"migrations/002_accounts.sql": "CREATE TABLE accounts (id int);\n"}),
    Mistake("an applied file is edited", "it is not what was applied", "repair 001_users",
            files={"migrations/001_users.sql": USERS.replace("int", "bigint")}),
    Mistake("orphans, and no pre-step", 'violates foreign key constraint "orders_user_id_fkey"', "plan",
            files={"migrations/003_key.sql": KEY}),
    Mistake("CREATE INDEX CONCURRENTLY", "cannot run inside a transaction block", "-- transactional: false",
            files={"migrations/003_x.sql": "CREATE INDEX CONCURRENTLY i ON users (id);\n"}),
    Mistake("COMMIT in a file", "3:1: COMMIT is not for the file to say", "-- transactional: false",
            files={"migrations/003_x.sql": "BEGIN;\nCREATE TABLE a (id int);\nCOMMIT;\nCREATE TABLE b (id int);\n"}),
    Mistake("reset of who knows what", "the database has no stamp", "stamp development", verb="reset --yes",
            then="reset --yes"),
    Mistake("a typo in the verb", "did you mean migrate?", "sqlrail --help", verb="migrat"),
    Mistake("a typo in a flag", "there is no flag --chekc; did you mean --check?", "sqlrail --help",
            verb="status --chekc"),
    Mistake("a typo in a setting", "did you mean SQLRAIL_MIGRATIONS?", "unset SQLRAIL_MIGRATION",
            env={"SQLRAIL_MIGRATION": "migrations"}),
]  # fmt: skip


def at(url: str) -> dict[str, str]:
    return {"DATABASE_URL": url, "SQLRAIL_ENV": "development"}


def last_command(message: str) -> str:
    """What stands last in backticks, with no more behind it than what was left as it was."""
    found = re.search(r"`([^`]+)`([^`]*)\Z", message.strip())
    assert found, message
    assert re.fullmatch(
        r"( again\)| says so first| waits for it)?\.?(\sNothing (was (changed|rolled back)|of \w+ was kept)\.)?",
        found[2],
    ), message
    return found[1]


def typed(command: str, sqlrail: Sqlrail, env: dict[str, str], last_file: str = "") -> None:
    """Does what the message says; a name that the user has to give is given."""
    if command.startswith("-- "):
        path = Path(last_file)
        path.write_text(f"{command}\n{path.read_text()}")
    elif command.startswith("unset "):
        del env[command.removeprefix("unset ")]
    elif command.startswith("export "):
        name, _, value = shlex.split(command)[1].partition("=")
        env[name] = value
    elif command.startswith("rm "):
        subprocess.run(shlex.split(command), check=True)
    else:
        words = shlex.split(command.removeprefix("sqlrail ").replace("NAME", "'first tables'"))
        done = sqlrail(*words, *(["--yes"] if words[0] == "repair" else []),
                       *(["--name", database_of(env)] if words[0] == "stamp" else []), env=env)  # fmt: skip
        assert done.code == 0, done


def database_of(env: Mapping[str, str]) -> str:
    return str(query(env["DATABASE_URL"], "SELECT current_database()")[0][0])


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.id)
def test_a_mistake_of_the_first_hour_is_told_what_to_type(
    mistake: Mistake, sqlrail: Sqlrail, database: str
) -> None:
    env = {**at(database), **mistake.env}
    if mistake.is_later:
        put(GOOD)
        if not mistake.env and not mistake.verb.startswith("reset"):
            assert sqlrail("migrate", env=at(database)).code == 0
    put(mistake.files)
    done = sqlrail(*mistake.verb.split(), env=env)
    assert done.code in (1, 2, 3), done
    assert mistake.said in done.err
    assert last_command(done.err) == mistake.types
    lines = [line for line in dict.fromkeys(re.findall("`(-- [^`]+)`", done.err)) if line != mistake.types]
    for command in (*lines, mistake.types):
        typed(command, sqlrail, env, [*mistake.files, ""][0])
    assert sqlrail(*mistake.then.split(), env=env).code == 0


def test_no_database_is_named(sqlrail: Sqlrail) -> None:
    put(GOOD)
    done = sqlrail("migrate")
    assert (done.code, last_command(done.err)) == (2, "export SQLRAIL_ENV=development")
    assert "`export DATABASE_URL=postgresql://user@host:5432/name`" in done.err


@pytest.mark.parametrize("name", [".env.local", "../.env", "../../.env"])
def test_a_file_of_settings_lies_where_it_is_not_read(
    name: str, sqlrail: Sqlrail, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a/b").mkdir(parents=True)
    monkeypatch.chdir("a/b")
    put({**GOOD, name: f"DATABASE_URL={database}\n"})
    done = sqlrail("migrate")
    assert (done.code, last_command(done.err)) == (2, f"status --env-file {name}")
    assert sqlrail("status", "--env-file", name).code == 0
    put({".env": f"DATABASE_URL={database}\n"})
    assert sqlrail("migrate").code == 0


@pytest.fixture(scope="module")
def guarded() -> Iterator[Postmaster]:
    """A server that asks one role for a password."""
    with open_folder() as folder, running(make(folder, majors()[max(majors())])) as made:
        query(made.url(database="app"), "CREATE ROLE guarded LOGIN PASSWORD 'right'")
        yield made


@pytest.mark.parametrize("password", [":wrong", ""])
def test_a_password_is_wrong_or_missing(password: str, sqlrail: Sqlrail, guarded: Postmaster) -> None:
    put(GOOD)
    env = at(f"postgresql://guarded{password}@127.0.0.1:{guarded.port}/app")
    done = sqlrail("status", env=env)
    command = f"export DATABASE_URL='postgresql://guarded:***@127.0.0.1:{guarded.port}/app'"
    assert (done.code, last_command(done.err)) == (1, command)
    typed(command.replace("***", "right"), sqlrail, env)
    assert sqlrail("status", env=env).code == 0


def test_the_server_is_not_there_yet(sqlrail: Sqlrail, guarded: Postmaster) -> None:
    put(GOOD)
    done = sqlrail("status", env=at("postgresql://app@localhost:1/app"))
    assert (done.code, last_command(done.err)) == (1, "status --wait 60s")
    assert sqlrail("status", "--wait", "60s", env=at(guarded.url(database="app"))).code == 0


def test_the_database_is_not_there(sqlrail: Sqlrail, guarded: Postmaster) -> None:
    put(GOOD)
    env = at(guarded.url(database="nothere"))
    done = sqlrail("migrate", env=env)
    assert (done.code, last_command(done.err)) == (1, "createdb nothere")
    query(guarded.url(database="app"), "CREATE DATABASE nothere")
    assert sqlrail("migrate", env=env).code == 0


def test_the_folder_has_another_name(sqlrail: Sqlrail, database: str) -> None:
    put({"db/migrations/001_users.sql": USERS})
    done = sqlrail("migrate", env=at(database))
    assert (done.code, last_command(done.err)) == (2, "new NAME")
    assert "there is db/migrations: name it with `--migrations db/migrations`" in done.err
    assert sqlrail("migrate", "--migrations", "db/migrations", env=at(database)).code == 0
    typed("new NAME", sqlrail, at(database))


def test_there_is_no_rollback(sqlrail: Sqlrail, database: str) -> None:
    put(GOOD)
    assert sqlrail("migrate", env=at(database)).code == 0
    done = sqlrail("rollback", env=at(database))
    assert (done.code, last_command(done.err)) == (3, "rollback")
    assert "or write migrations/002_orders.rollback.sql" in done.err
    put({"migrations/002_orders.rollback.sql": "DROP TABLE orders;\n"})
    typed("rollback", sqlrail, at(database))


@needs("another role")
def test_a_role_may_not_create(sqlrail: Sqlrail, server: local.Server) -> None:
    put({"migrations/001_shop.sql": "CREATE SCHEMA shop;\n"})
    with fresh_database(server) as url:
        own = as_role(url)
        query(url, f"REVOKE CREATE ON DATABASE {database_of(at(url))} FROM migrator")
        done = sqlrail("migrate", env=at(own))
        assert done.code == 1
        grant = last_command(done.err)
        query(url, grant)
        assert sqlrail("migrate", env=at(own)).code == 0
