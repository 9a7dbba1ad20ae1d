"""Whoever reads a code file's view while a file drops what it leans on waits, and is not ended by a deadlock."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import console
import psycopg
import pytest
from conftest import Connect, query
from console import Sqlrail, catalog, put
from listeners import Heard
from test_code import code, tables
from waiting import PATIENCE, wait_for

from sqlrail.ground.reading import given
from sqlrail.postgres import wire
from sqlrail.verbs.apply import Migrated, migrate

sqlrail = console.sqlrail

TABLES = {
    "001_a.sql": 'CREATE TABLE a (id int PRIMARY KEY, n int, m int, "Odd one" int, k int)',
    "002_b.sql": "CREATE TABLE b (id int, n int); CREATE TABLE p (id int) PARTITION BY LIST (id); "
    "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); "
    "CREATE VIEW numbered AS SELECT id FROM p",
}
CODE = {
    "totals.sql": "CREATE VIEW totals AS SELECT id, n FROM a;\n",
    "big.sql": "CREATE VIEW big AS SELECT id FROM totals WHERE n > 10;\n",
    "other.sql": "CREATE VIEW other AS SELECT id, m FROM a;\n",
    "strange.sql": 'CREATE VIEW strange AS SELECT "Odd one" AS o FROM a;\n',
    "keyed.sql": "CREATE VIEW keyed AS SELECT k FROM a GROUP BY id;\n",
    "on_b.sql": "CREATE VIEW on_b AS SELECT b.n, totals.n AS its FROM b JOIN totals ON totals.id = b.id;\n",
    "over.sql": "CREATE VIEW over AS SELECT id FROM numbered;\n",
    "parts.sql": "CREATE VIEW parts AS SELECT id FROM p1;\n",
    "stamp.sql": "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';\n",
    "stamped.sql": "CREATE TRIGGER stamped BEFORE UPDATE OF n ON a FOR EACH ROW EXECUTE FUNCTION stamp();\n",
    "own.sql": "CREATE POLICY own ON a USING (m > 0);\n",
    "counted.sql": "CREATE FUNCTION counted() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM other; END;\n",
    "written.sql": "CREATE TRIGGER written INSTEAD OF UPDATE ON other FOR EACH ROW EXECUTE FUNCTION stamp();\n",
}
WAITS = "SELECT pid FROM pg_locks WHERE NOT granted"

#: what drops it, edited code files, and a view that shows what goes
DROPS: dict[str, tuple[str, dict[str, str], str]] = {
    "a column": (
        "ALTER TABLE a DROP COLUMN m",
        {
            "other.sql": "CREATE VIEW other AS SELECT id FROM a",
            "own.sql": "CREATE POLICY own ON a USING (id > 0)",
        },
        "other",
    ),
    "a column, between others that stay, in a schema": (
        """SET search_path = public; ALTER TABLE IF EXISTS ONLY public.a ADD later text,
           DROP IF EXISTS m RESTRICT, ALTER later SET DEFAULT 'a, DROP k'""",
        {
            "other.sql": "CREATE VIEW other AS SELECT id FROM a",
            "own.sql": "CREATE POLICY own ON a USING (id > 0)",
        },
        "other",
    ),
    "a column whose name is quoted": (
        'ALTER TABLE "a" DROP "Odd one"',
        {"strange.sql": "CREATE VIEW strange AS SELECT id AS o FROM a"},
        "strange",
    ),
    "a column in whose place another one comes": (
        "ALTER TABLE a RENAME m TO old; ALTER TABLE a ADD m int; ALTER TABLE a DROP old",
        {},
        "other",
    ),
    "a column under a view of a view": (
        "CREATE INDEX ON b (n); ALTER TABLE a DROP n",
        {
            "totals.sql": "CREATE VIEW totals AS SELECT id, id AS n FROM a",
            "stamped.sql": "CREATE TRIGGER stamped BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION stamp()",
        },
        "big",
    ),
    "a table": (
        "DROP TABLE b",
        {"on_b.sql": "CREATE VIEW on_b AS SELECT id FROM totals"},
        "on_b",
    ),
    "a table that is made again": (
        "DROP TABLE IF EXISTS public.b, nothing; CREATE TABLE b (id int, n int)",
        {},
        "on_b",
    ),
    "a table in whose place another one comes": (
        "ALTER TABLE b RENAME TO old; CREATE TABLE b (LIKE old); INSERT INTO b TABLE old; DROP TABLE old",
        {},
        "on_b",
    ),
    "a table with its parts": (
        "DROP VIEW numbered; DROP TABLE p; CREATE VIEW numbered AS SELECT 1 AS id; CREATE TABLE p1 (id int)",
        {},
        "parts",
    ),
    "another type": ("ALTER TABLE a ALTER m TYPE bigint", {}, "other"),
    "another type, by a statement that it finds out": (
        "DO $$ BEGIN EXECUTE format('ALTER TABLE a ALTER %I TYPE bigint', 'm'); END $$",
        {},
        "other",
    ),
    "a view of a numbered file": (
        "DROP VIEW numbered; CREATE VIEW numbered AS SELECT id, 1 AS more FROM p",
        {},
        "over",
    ),
    "a key": (
        "ALTER TABLE a DROP CONSTRAINT a_pkey",
        {"keyed.sql": "CREATE VIEW keyed AS SELECT k FROM a"},
        "keyed",
    ),
}


@pytest.fixture
def env(database: str) -> dict[str, str]:
    return {"DATABASE_URL": database, "USER": "ann", "APP_ENV": "test"}


@pytest.fixture
def made(sqlrail: Sqlrail, env: dict[str, str]) -> Sqlrail:
    """The command line, where all has been applied."""
    shutil.rmtree("migrations", ignore_errors=True)
    put(tables(TABLES) | code(CODE))
    done = sqlrail("migrate", env=env)
    assert done.code == 0, done.err
    return sqlrail


def put_drop(text: str, edited: dict[str, str]) -> None:
    put(tables({"003_c.sql": f"{text};"}) | code(edited))


@contextmanager
def running(
    url: str, reader: psycopg.Connection[object], lock_timeout: float = PATIENCE
) -> Iterator[tuple[Heard, Future[Migrated]]]:
    """A migrate at work that leaves it to others to find a deadlock; the reader's transaction ends before it."""
    ((name,),) = query(url, "SELECT quote_ident(current_database())")
    query(url, f"ALTER DATABASE {name} SET deadlock_timeout = '1h'")
    heard = Heard()
    settings = given(url, Path("migrations"), environment="test", lock_timeout=lock_timeout)
    with ThreadPoolExecutor(1) as threads:
        ended = threads.submit(migrate, settings, heard)
        try:
            yield heard, ended
        finally:
            reader.rollback()


def begin_to_read(reader: psycopg.Connection[object], view: str) -> None:
    """Has a transaction lock a view, and not yet what that leans on: as between two locks of any query."""
    reader.execute("SET deadlock_timeout = '10ms'")
    reader.commit()
    reader.execute(f"CREATE TEMP VIEW its AS SELECT * FROM {view}".encode())


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize(("text", "edited", "view"), DROPS.values(), ids=DROPS)
def test_who_reads_a_view_is_waited_for_and_sees_no_error(
    database: str, connect: Connect, text: str, edited: dict[str, str], view: str
) -> None:
    reader = connect(database, autocommit=False)
    begin_to_read(reader, view)
    put_drop(text, edited)
    with running(database, reader) as (heard, ended):
        wait_for(lambda: query(database, WAITS) or ended.done(), "it waits")
        assert not ended.done(), ended.result()
        reader.execute(f"SELECT * FROM {view}".encode())
        reader.rollback()
        done = ended.result(PATIENCE)
    assert (heard.said, [it.id for it in done.applied]) == ([], ["003_c"])
    assert view in done.applied[0].code


#: code files that are edited, with no other, and a view that goes with them
EDITS: dict[str, tuple[dict[str, str], str]] = {
    "a view under another": (
        {"totals.sql": "CREATE VIEW totals AS SELECT id, n + 1 AS n FROM a"},
        "big",
    ),
    "a view of a numbered file that is taken over, with what is new on its table": (
        {
            "numbered.sql": "CREATE OR REPLACE VIEW numbered AS SELECT id FROM p",
            "another.sql": "CREATE POLICY another ON p USING (id > 0)",
        },
        "numbered",
    ),
    "a view, with what stands on its table": (
        {
            "other.sql": "CREATE VIEW other AS SELECT id, m + 1 AS m FROM a",
            "own.sql": "CREATE POLICY own ON a USING (m > 1)",
            "stamped.sql": "CREATE TRIGGER stamped BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION stamp()",
            "stamp.sql": "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN old; END'",
        },
        "other",
    ),
}


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize(("edited", "view"), EDITS.values(), ids=EDITS)
def test_where_only_code_files_are_run_it_is_the_same(
    database: str, connect: Connect, edited: dict[str, str], view: str
) -> None:
    reader = connect(database, autocommit=False)
    begin_to_read(reader, view)
    put(code(edited))
    with running(database, reader) as (heard, ended):
        wait_for(lambda: query(database, WAITS) or ended.done(), "it waits")
        reader.execute(f"SELECT * FROM {view}".encode())
        reader.rollback()
        done = ended.result(PATIENCE)
    assert (heard.said, done.applied, view in done.code) == ([], (), True)


@pytest.mark.usefixtures("made")
def test_who_gives_way_begins_with_the_views_again(database: str, connect: Connect) -> None:
    reader = connect(database, autocommit=False)
    begin_to_read(reader, "strange")
    put_drop(*DROPS["a column whose name is quoted"][:2])
    with running(database, reader, lock_timeout=0.05) as (heard, ended):
        wait_for(lambda: len(heard.said) > 2 or ended.done(), "it gives way twice")
        reader.execute("SELECT * FROM strange")
        reader.rollback()
        done = ended.result(PATIENCE)
    assert {text.partition(":")[0] for text in heard.said} == {"003_c gave way", "warning"}
    assert done.applied[0].code == ("strange",)


#: files of which nothing is foreseen, or in vain: the code files that are run with them, and behind them
ALONE: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "it drops the view itself": ('DROP VIEW strange; ALTER TABLE a DROP "Odd one"', (), ("strange",)),
    "it drops the view by a name that it puts together": (
        """DO $$ BEGIN EXECUTE concat('DROP VIEW stra', 'nge'); END $$; ALTER TABLE a DROP "Odd one";""",
        (),
        ("strange",),
    ),
    "it drops all that leans on it": ('ALTER TABLE a DROP "Odd one" CASCADE', (), ("strange",)),
    "nothing leans on it": (
        "ALTER TABLE a ADD free int; ALTER TABLE a DROP free; CREATE TABLE t (); DROP TABLE t",
        (),
        (),
    ),
    "nothing is dropped": (
        "ALTER TABLE a ALTER k SET NOT NULL, ALTER k DROP NOT NULL, ALTER k DROP DEFAULT; DROP INDEX IF EXISTS i",
        (),
        (),
    ),
    "what only stands on its table goes with that": (
        "CREATE TABLE c (id int); DROP TABLE c; ALTER TABLE b DROP COLUMN IF EXISTS nothing",
        (),
        (),
    ),
}


@pytest.mark.parametrize(("text", "with_it", "behind"), ALONE.values(), ids=ALONE)
def test_a_file_that_has_no_view_in_its_way_is_run_alone(
    made: Sqlrail, env: dict[str, str], text: str, with_it: tuple[str, ...], behind: tuple[str, ...]
) -> None:
    edited = {"strange.sql": "CREATE VIEW strange AS SELECT id AS o FROM a"} if behind else {}
    put_drop(text, edited)
    (planned,) = made("plan", "--json", env=env).document["files"]
    assert tuple(planned["code"]) == with_it
    done = made("migrate", "--json", env=env)
    assert done.code == 0, done.err
    (applied,) = done.document["applied"]
    assert (tuple(applied["code"]), tuple(done.document["code"])) == (with_it, behind)


FAILS = {
    "in front of it": ('SELECT 1 / 0; ALTER TABLE a DROP "Odd one"', "003_c.sql:1:1: division by zero"),
    "behind it": (
        'ALTER TABLE a DROP "Odd one"; SELECT 1 / 0',
        "In front of it code/strange was dropped, to be made again behind it.",
    ),
    "what is made again": (
        'ALTER TABLE a DROP "Odd one"',
        'code/strange.sql:1:31: column "Odd one" does not',
    ),
    "what no code file makes": (
        "ALTER TABLE a DROP n",
        "materialized view public.kept would have to be dropped",
    ),
}


@pytest.mark.parametrize(("text", "said"), FAILS.values(), ids=FAILS)
def test_a_failure_is_that_of_the_file_alone(
    made: Sqlrail, database: str, env: dict[str, str], text: str, said: str
) -> None:
    query(database, "CREATE MATERIALIZED VIEW kept AS TABLE big")
    put_drop(text, {})
    before = catalog(database)
    failed = made("migrate", env=env)
    assert (failed.code > 0, said in failed.err) == (True, True), failed.err
    assert "In front of it" not in failed.err or said.startswith("In front of it")
    assert catalog(database) == before


def test_what_drops_nothing_costs_no_round_trip_more(
    made: Sqlrail, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []
    send = wire.send

    def listen(connection: Any, text: bytes, *rest: Any, **more: Any) -> wire.Answer:
        sent.append(text)
        return send(connection, text, *rest, **more)

    monkeypatch.setattr(wire, "send", listen)
    numbers = []
    for number, action in enumerate(("ADD free int", "ADD more int, ALTER more SET DEFAULT 1", "DROP free")):
        put(tables({f"00{number + 3}_c.sql": f"ALTER TABLE a {action};"}))
        del sent[:]
        assert made("migrate", env=env).code == 0
        numbers.append(len(sent))
    assert numbers[1:] == [numbers[0], numbers[0] + 1]
