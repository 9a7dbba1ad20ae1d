"""Where names lead for files, and for what our statements set off: as if nothing of ours had been in between."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from conftest import Connect
from console import Sqlrail, put
from console import sqlrail as sqlrail

Connection = psycopg.Connection[Any]
RELATION = "orders.user_id -> users.id"
TABLES = """
    CREATE TABLE users (id int PRIMARY KEY);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int);
    CREATE TABLE seen (what text);
    INSERT INTO users VALUES (1);
    INSERT INTO orders VALUES (1, 1), (2, 2);
"""
#: names without a schema, as most people write them
LATE = """
    CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO seen VALUES (TG_OP);
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER late AFTER INSERT OR DELETE OR UPDATE ON orders DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION see();
"""


@pytest.fixture
def own(any_database: str, connect: Connect) -> Connection:
    connection = connect(any_database)
    connection.execute(TABLES.encode())
    return connection


def seen(own: Connection) -> list[str]:
    """What was seen since the last time."""
    return sorted({what for (what,) in own.execute("DELETE FROM seen RETURNING what")})


def test_triggers_that_are_put_off_find_their_tables(
    own: Connection, any_database: str, sqlrail: Sqlrail
) -> None:
    own.execute(LATE.encode())
    allowed, env = ("--relation", RELATION, "--allow-triggers", "late"), {"DATABASE_URL": any_database}
    assert sqlrail("cleanup", *allowed, env=env).code == 0
    assert seen(own) == ["DELETE"]
    own.execute("INSERT INTO users VALUES (2)")
    assert sqlrail("restore", "1", *allowed[2:], env=env).code == 0
    assert seen(own) == ["INSERT"]
    own.execute("DELETE FROM users WHERE id = 2")
    assert sqlrail("cleanup", "--online", *allowed, env=env).code == 0
    assert seen(own) == ["DELETE"]
    own.execute("INSERT INTO orders VALUES (2, 2)")
    own.execute(sqlrail("cleanup", "--print-sql", *allowed, env=env).out.encode())
    assert own.execute("SHOW search_path").fetchone() == ('"$user", public',)
    own.execute("INSERT INTO orders VALUES (2, 2)")
    seen(own)
    put({"migrations/001_a.sql": f"-- cleanup: {RELATION}\nINSERT INTO seen VALUES ('file')"})
    assert sqlrail("migrate", "--allow-triggers", "late", env=env).code == 0
    assert seen(own) == ["DELETE", "file"]


#: as logs of DDL are often written
EVENTS = """
    CREATE FUNCTION log_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO seen VALUES (TG_EVENT);
    END $$;
    CREATE EVENT TRIGGER before_ddl ON ddl_command_start EXECUTE FUNCTION log_ddl();
    CREATE EVENT TRIGGER after_ddl ON ddl_command_end EXECUTE FUNCTION log_ddl();
    CREATE EVENT TRIGGER after_drop ON sql_drop EXECUTE FUNCTION log_ddl();
"""
LINES = """
    CREATE TABLE lines (id int PRIMARY KEY, order_id int REFERENCES orders ON DELETE CASCADE);
    INSERT INTO lines VALUES (2, 2);
    CREATE TABLE tree (id int PRIMARY KEY, above int);
    INSERT INTO tree VALUES (1, NULL), (2, 17), (3, 2);
"""


def test_event_triggers_find_their_tables(own: Connection, any_database: str, sqlrail: Sqlrail) -> None:
    own.execute((LINES + EVENTS).encode())
    env = {"DATABASE_URL": any_database}
    put({
        "migrations/001_a.sql": "CREATE TABLE a ()",
        "migrations/002_tree.sql": "-- cleanup: tree.above -> tree.id\nCREATE TABLE b ()",
        "migrations/003_c.sql": "-- transactional: false\nCREATE TABLE c ()",
    })  # fmt: skip
    cleanup = ("cleanup", "--relation", RELATION)
    verbs = (("migrate",), cleanup, ("restore", "2", "--force"), (*cleanup, "--online"), ("archive", "list"))
    for verb in verbs:
        if verb[0] == "restore":
            own.execute("INSERT INTO users VALUES (2)")
        if verb[-1] == "--online":
            own.execute("DELETE FROM users WHERE id = 2")
        done = sqlrail(*verb, env=env)
        assert done.code == 0, (verb, done.err)
    assert own.execute("TABLE orders").fetchall() == [(1, 1)]
    assert own.execute("SELECT id FROM tree").fetchall() == [(1,)]
    own.execute("INSERT INTO orders VALUES (2, 2)")
    own.execute(sqlrail(*cleanup, "--print-sql", env=env).out.encode())
    assert own.execute("TABLE orders").fetchall() == [(1, 1)]
    assert seen(own) == ["ddl_command_end", "ddl_command_start", "sql_drop"]


PATHS = (
    "public",
    "public, pg_catalog",
    '"$user", gone, "pg_catalog of us", public',
    "public,pg_catalog,pg_temp",
)


@pytest.mark.parametrize("path", PATHS)
def test_a_file_behind_a_cleanup_has_the_path_that_it_would_have_had(
    path: str, own: Connection, any_database: str, sqlrail: Sqlrail
) -> None:
    text = "INSERT INTO seen SELECT current_setting('search_path'); CREATE TABLE made ();"
    put({"migrations/001_a.sql": f"-- cleanup: {RELATION}\n{text}"})
    options = quote("-c search_path=" + path.replace(" ", "\\ "))
    done = sqlrail("migrate", env={"DATABASE_URL": f"{any_database}&options={options}"})
    assert done.code == 0, done.err
    assert seen(own) == [path]
    assert own.execute("SELECT to_regclass('public.made') IS NOT NULL").fetchone() == (True,)
    assert own.execute("SELECT count(*) FROM orders").fetchone() == (1,)


@pytest.mark.usefixtures("own")
def test_a_path_that_is_as_safe_as_ours_is_one_as_well(any_database: str, sqlrail: Sqlrail) -> None:
    env = {"DATABASE_URL": f"{any_database}&options=-c%20search_path%3Dpg_catalog,pg_temp"}
    named = "public.orders.user_id -> public.users.id"
    done = sqlrail("cleanup", "--dry-run", "--relation", named, env=env)
    assert (done.code, RELATION in done.out.replace("public.", "")) == (0, True), done.err
