"""The printed script: psql does with it on a copy what the cleanup does."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import console
import psycopg
import pytest
from conftest import Connect, clean_environment, majors, query
from console import Sqlrail
from copies import copy_of
from test_cleanup import BASE, CASCADES, EMPLOYEES, HOSTILE, ORDERS, SHOP, archive, clean, contents

from sqlrail.orphans import placed

sqlrail = console.sqlrail

Connection = psycopg.Connection[Any]

CASES = {
    "one relation": (SHOP, [ORDERS]),
    "nothing to do": (SHOP + "DELETE FROM orders WHERE id = 13", [ORDERS]),
    "two relations": (
        SHOP + "CREATE TABLE carts AS SELECT 1 AS id, 98 AS user_id", [ORDERS, "carts.user_id -> users.id"],
    ),
    "a composite key": (
        """CREATE TABLE p (x int, y text, PRIMARY KEY (x, y)); CREATE TABLE c (id int, a text, b int);
        INSERT INTO p VALUES (1, 'a'); INSERT INTO c VALUES (1, 'a', 1), (2, 'b', 1), (3, NULL, 1), (4, 'a', 2)""",
        ["c.(b, a) -> p.(x, y)"],
    ),
    "a table that refers to itself": (EMPLOYEES, ["employee.manager_id -> employee.id"]),
    "a circle of two": (
        """CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (id int PRIMARY KEY, a int);
        INSERT INTO a VALUES (1, 1), (2, 2), (3, 9); INSERT INTO b VALUES (1, 1), (2, 3), (3, 2)""",
        ["a.b -> b.id", "b.a -> a.id"],
    ),
    "names that end quotes": (
        """CREATE TABLE "$round1$" ("$guard$" int PRIMARY KEY, up int); CREATE TABLE ":c" (id int, ":n" int);
        INSERT INTO "$round1$" VALUES (1, NULL), (2, 7), (3, 2); INSERT INTO ":c" VALUES (1, 1), (2, 3)""",
        ['"$round1$".up -> "$round1$"."$guard$"', '":c".":n" -> "$round1$"."$guard$"'],
    ),
    **{case: (BASE + setup, [ORDERS]) for case, (setup, _) in CASCADES.items()},
}  # fmt: skip


@pytest.fixture(params=[placed.BIG, 0], ids=["small", "big"], autouse=True)
def _tables_are(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script looks at big tables before it locks them."""
    monkeypatch.setattr(placed, "BIG", request.param)


def psql(url: str, script: str, *variables: str) -> subprocess.CompletedProcess[str]:
    given = [part for variable in ("guard=x", "c=x", *variables) for part in ("-v", variable)]
    return subprocess.run(
        [majors()[max(majors())] / "psql", "-X", *given, url],
        input=script, capture_output=True, text=True, check=False, env=clean_environment(), timeout=60,
    )  # fmt: skip


def arguments(url: str, *relations: str) -> list[str]:
    named = [part for relation in relations for part in ("--relation", relation)]
    return ["cleanup", "--database-url", url, *named]


def left(url: str) -> tuple[object, ...]:
    with psycopg.connect(url, autocommit=True) as connection:
        runs = "SELECT verb, relations FROM sqlrail.run" if archive(connection) else "SELECT"
        return (
            contents(connection),
            sorted(map(repr, archive(connection))),
            connection.execute(runs.encode()).fetchall(),
        )


@pytest.mark.promise
@pytest.mark.parametrize("case", CASES)
def test_psql_does_on_a_copy_what_the_cleanup_does(case: str, database: str, sqlrail: Sqlrail) -> None:
    setup, relations = CASES[case]
    query(database, setup)
    with copy_of(database) as copy:
        script = sqlrail(*arguments(database, *relations), "--print-sql").out
        before = left(database)
        done = psql(copy, script)
        assert (done.returncode, done.stderr.replace("NOTICE", "").count("ERROR")) == (0, 0), done.stderr
        assert done.stdout.endswith("COMMIT\n")
        assert left(database) == before
        clean(database, *relations)
        assert left(copy) == left(database)


@pytest.mark.promise
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_names_in_the_script(name: str, database: str, sqlrail: Sqlrail) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    query(
        database,
        f"""CREATE TABLE {quoted} (id int PRIMARY KEY); CREATE TABLE child (id int, {quoted} int);
        INSERT INTO {quoted} VALUES (1); INSERT INTO child VALUES (1, 1), (2, 2);""",
    )
    script = sqlrail(*arguments(database, f"child.{quoted} -> {quoted}.id"), "--print-sql").out
    assert psql(database, script).stdout.endswith("COMMIT\n")
    assert query(database, "SELECT id FROM child") == [(1,)]


CHANGED = {
    "a parent that is empty now": ("DELETE FROM users", "the parent table is empty"),
    "many more orphans": (
        (
            "INSERT INTO orders SELECT n, n, 1 FROM generate_series(1001, 2500) AS n;"
            "INSERT INTO orders SELECT n, 1, 1 FROM generate_series(10000, 40000) AS n"
        ),
        "1501 rows are orphans now, and there were 1 of them",
    ),
    "a trigger": (
        (
            "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
            "CREATE TRIGGER looker AFTER DELETE ON orders EXECUTE FUNCTION look()"
        ),
        "the trigger looker on public.orders would fire",
    ),
    "a key that cascades": (
        "CREATE TABLE lines (order_id int REFERENCES orders ON DELETE CASCADE); INSERT INTO lines VALUES (13)",
        "changed after this script was written",
    ),
    "a column": ("ALTER TABLE orders ADD note text DEFAULT 'gone'", "changed after this script was written"),
    "no table": ("DROP TABLE users", "there is no table"),
}


@pytest.mark.parametrize("case", CHANGED)
def test_a_script_whose_time_is_over_refuses(case: str, database: str, sqlrail: Sqlrail) -> None:
    change, message = CHANGED[case]
    query(database, SHOP)
    script = sqlrail(*arguments(database, ORDERS), "--print-sql").out
    query(database, change)
    before = left(database)
    done = psql(database, script)
    assert message in done.stderr.replace('"', "").replace("on orders", "on public.orders")
    assert done.stdout.endswith("ROLLBACK\n")
    assert left(database) == before


@pytest.mark.parametrize("is_busy", [True, False])
def test_who_goes_on_behind_an_error_commits_nothing(
    is_busy: bool, database: str, sqlrail: Sqlrail, connect: Connect
) -> None:
    """Neither without the locks, nor with them."""
    query(database, SHOP)
    script = sqlrail(*arguments(database, ORDERS), "--print-sql", "--lock-timeout", "100ms").out
    before, other = left(database), connect(database, autocommit=False)
    if is_busy:
        other.execute("LOCK TABLE users IN ROW EXCLUSIVE MODE")
    done = psql(database, script, "ON_ERROR_ROLLBACK=on")
    assert ("lock timeout" in done.stderr) == is_busy
    assert 'constraint "run this without ON_ERROR_ROLLBACK, and behind no savepoint"' in done.stderr
    assert left(database) == before
    other.rollback()
    assert psql(database, script).stdout.endswith("COMMIT\n")
    assert len(archive(connect(database))) == 1


def test_what_a_cleanup_would_refuse_is_not_printed(database: str, sqlrail: Sqlrail) -> None:
    query(database, SHOP + "DELETE FROM users")
    refused = sqlrail(*arguments(database, ORDERS), "--print-sql", "--json")
    assert refused.code == 3
    assert "the parent table is empty" in refused.error["message"]


def test_the_script_holds_no_secret_and_changes_nothing(
    database: str, sqlrail: Sqlrail, connect: Connect
) -> None:
    connect(database).execute(SHOP)
    url = database.replace("postgres@", "postgres:hunter22@")
    printed = sqlrail(*arguments(url, ORDERS), "--json", "--print-sql")
    assert printed.code == 0
    script = json.loads(printed.out)["sql"]
    assert script.startswith("BEGIN ")
    assert script.endswith("\nCOMMIT;")
    assert "hunter22" not in printed.out
    assert query(database, "SELECT to_regnamespace('sqlrail'), to_regclass('yoyo_lock')") == [(None, None)]
