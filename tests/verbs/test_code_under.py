"""Files that change what a code file's view leans on: the view is dropped, and made again in their transaction."""

from __future__ import annotations

import shutil
from pathlib import Path

import console
import pytest
from conftest import Connect, query
from console import Sqlrail, catalog, put
from test_code import code, said, tables

sqlrail = console.sqlrail

TABLES = {
    "001_a.sql": "CREATE TYPE st AS ENUM ('on', 'off'); CREATE TABLE a (id int PRIMARY KEY, n int, s st, m int)",
    "002_b.sql": "CREATE TABLE b (id int REFERENCES a, n int)",
}
CODE = {
    "totals.sql": "CREATE VIEW totals AS SELECT id, twice(n) AS n FROM a;\n",
    "big.sql": "CREATE VIEW big AS SELECT id FROM totals WHERE n > 10;\n",
    "twice.sql": "CREATE OR REPLACE FUNCTION twice(it int) RETURNS int LANGUAGE sql AS 'SELECT it * 2';\n",
    "stamped.sql": "CREATE TRIGGER stamped BEFORE UPDATE OF n ON a FOR EACH ROW EXECUTE FUNCTION stamp();\n",
    "stamp.sql": "CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';\n",
    "own.sql": "CREATE POLICY own ON a USING (n > 0);\n",
    "other.sql": "CREATE VIEW other AS SELECT id, m FROM a;\n",
    "states.sql": "CREATE VIEW states AS SELECT s FROM a GROUP BY id;\n",
    "on_b.sql": "CREATE VIEW on_b AS SELECT n FROM b;\n",
}
RETYPED = "ALTER TABLE a ALTER n TYPE bigint USING n + 0;\n"


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


#: text of the function that takes what the retyped column has now
WIDER: dict[str, str | None] = {
    "twice.sql": "CREATE FUNCTION twice(it bigint) RETURNS bigint LANGUAGE sql AS 'SELECT it * 2'"
}
CASES: dict[str, tuple[str, dict[str, str | None], list[str]]] = {
    "a column gets another type": (
        "ALTER TABLE a ALTER m TYPE bigint",
        {},
        ["other"],
    ),
    "with what leans on that, and its file was edited": (
        RETYPED,
        WIDER,
        ["twice", "totals", "big", "own", "stamped"],
    ),
    "a column goes that a view no longer has": (
        "ALTER TABLE a DROP COLUMN m",
        {"other.sql": "CREATE VIEW other AS SELECT id FROM a"},
        ["other"],
    ),
    "a column goes that a view no longer has, with a new function": (
        "ALTER TABLE a DROP COLUMN m",
        {
            "other.sql": "CREATE VIEW other AS SELECT id, calm(id) AS m FROM a",
            "calm.sql": "CREATE FUNCTION calm(it int) RETURNS int RETURN it",
        },
        ["calm", "other"],
    ),
    "a column is renamed and gets another type": (
        "ALTER TABLE a RENAME m TO k; ALTER TABLE a ALTER k TYPE text",
        {"other.sql": "CREATE VIEW other AS SELECT id, k FROM a"},
        ["other"],
    ),
    "the columns are found out": (
        """DO $$ DECLARE c text := 'm'; BEGIN
                 EXECUTE format('ALTER TABLE a ALTER %I TYPE bigint', c); END $$""",
        {},
        ["other"],
    ),
    "a table takes the place of another": (
        "CREATE TABLE c AS TABLE b; DROP TABLE b; ALTER TABLE c RENAME TO b",
        {},
        ["on_b"],
    ),
    "a key goes": (
        "ALTER TABLE a DROP CONSTRAINT a_pkey CASCADE",
        {"states.sql": "CREATE VIEW states AS SELECT s FROM a"},
        [],
    ),
    "a key goes, and is refused": (
        "ALTER TABLE b DROP CONSTRAINT b_id_fkey; ALTER TABLE a DROP CONSTRAINT a_pkey",
        {"states.sql": "CREATE VIEW states AS SELECT s FROM a"},
        ["states"],
    ),
    "a type goes": (
        "ALTER TABLE a ALTER s TYPE text; DROP TYPE st",
        {},
        ["states"],
    ),
    "a function goes that its file does not make any more": (
        "DROP FUNCTION IF EXISTS twice(int)",
        {"totals.sql": "CREATE VIEW totals AS SELECT id, n FROM a", "twice.sql": None},
        ["totals", "big"],
    ),
    "several, and what they set does not last": (
        """SET lock_timeout = 0; SET ROLE pg_monitor; RESET ROLE; ALTER TABLE a ALTER m TYPE bigint;
           ALTER TABLE b ALTER n TYPE bigint; SET search_path = pg_catalog; SET ROLE pg_monitor""",
        {},
        ["on_b", "other"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "edited", "again"), CASES.values(), ids=CASES)
def test_what_it_leans_on_is_changed_and_it_is_made_again_in_the_same_transaction(
    made: Sqlrail, database: str, env: dict[str, str], connect: Connect,
    text: str, edited: dict[str, str | None], again: list[str],
) -> None:  # fmt: skip
    with connect(database, autocommit=True) as own:
        own.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO pg_monitor")
        own.execute("GRANT SELECT (id) ON big TO pg_monitor WITH GRANT OPTION")
        own.execute("COMMENT ON VIEW big IS 'it''s big'; COMMENT ON COLUMN other.id IS 'whose'")
        own.execute("ALTER TABLE a DISABLE TRIGGER stamped")
        own.execute("INSERT INTO a VALUES (1, 2, 'on', 3)")
        before = {row[0]: row for row in said(own)}  # type: ignore[index]
        put(tables({"003_c.sql": f"{text};"}))
        put(code({name: new for name, new in edited.items() if new is not None}))
        for name in [name for name, new in edited.items() if new is None]:
            Path(f"migrations/code/{name}").unlink()
        done = made("migrate", "--json", env=env)
        assert done.code == 0, done.err
        assert sorted(done.document["applied"][0]["code"]) == sorted(again)
        after = {row[0]: row for row in said(own)}  # type: ignore[index]
        if again:
            assert {name: row for name, row in before.items() if name in after} == {
                name: row for name, row in after.items() if name in before
            }
    assert made("status", "--check", env=env).code == 0
    found = made("drift", "--json", env=env).document["differences"]
    assert [it for it in found if it["kind"] not in ("comment", "trigger")] == []


REFUSALS: dict[str, tuple[str, str, dict[str, str | None], int, list[str]]] = {
    "a materialized view leans on it": (
        "CREATE MATERIALIZED VIEW kept AS SELECT * FROM other",
        "ALTER TABLE a ALTER m TYPE bigint",
        {},
        3,
        [
            "003_c.sql: PostgreSQL refuses what it changes under code/other",
            "materialized view public.kept would",
        ],
    ),
    "a materialized view leans on the column itself": (
        "CREATE MATERIALIZED VIEW kept AS SELECT m FROM a",
        "ALTER TABLE a ALTER m TYPE bigint",
        {},
        1,
        ["003_c.sql:1:1: cannot alter type of a column used by a view or rule", "materialized view kept"],
    ),
    "neither text can be made": (
        "SELECT",
        "ALTER TABLE a DROP COLUMN m",
        {},
        1,
        [
            'code/other.sql:1:33: column "m" does not exist. Nothing of 003_c was kept.',
            "003_c.sql changes what code/other leans on",
            "edit that.",
        ],
    ),
    "its file is gone": (
        "SELECT",
        "ALTER TABLE a DROP COLUMN m",
        {"other.sql": None},
        1,
        ["its file is gone", "begin 003_c with `DROP VIEW IF EXISTS public.other;`"],
    ),
    "an option that no file gives": (
        "ALTER VIEW other SET (security_barrier = true)",
        "ALTER TABLE a ALTER m TYPE bigint",
        {},
        3,
        ["code/other.sql:1:1: view public.other has security_barrier=true", "Nothing of 003_c was kept."],
    ),
    "it fails behind that": (
        "SELECT",
        "ALTER TABLE a ALTER m TYPE bigint; GRANT SELECT ON other TO PUBLIC",
        {},
        1,
        [
            'relation "other" does not exist',
            "In front of it code/other was dropped, to be made again behind it.",
        ],
    ),
    "it is no matter of code files": (
        "CREATE VIEW by_hand AS SELECT m FROM a",
        "ALTER TABLE a ALTER m TYPE bigint",
        {},
        1,
        ["003_c.sql:1:1: cannot alter type of a column used by a view or rule", "view by_hand"],
    ),
    "it runs outside a transaction": (
        "SELECT",
        "-- transactional: false\nALTER TABLE a ALTER m TYPE bigint",
        {},
        1,
        [
            "cannot alter type of a column used by a view or rule",
            "If what is in the way was made by a code file",
        ],
    ),
}


@pytest.mark.parametrize(("by_hand", "text", "edited", "exit_code", "words"), REFUSALS.values(), ids=REFUSALS)
def test_where_that_is_not_possible_nothing_is_changed_and_it_is_said_why(
    made: Sqlrail, database: str, env: dict[str, str],
    by_hand: str, text: str, edited: dict[str, str | None], exit_code: int, words: list[str],
) -> None:  # fmt: skip
    query(database, by_hand)
    put(tables({"003_c.sql": f"{text};"}))
    for name in edited:
        Path(f"migrations/code/{name}").unlink()
    before = catalog(database)
    refused = made("migrate", env=env)
    assert (refused.code, [it for it in words if it not in refused.err]) == (exit_code, []), refused.err
    assert catalog(database) == before


def test_a_rollback_makes_it_again_as_well(made: Sqlrail, database: str, env: dict[str, str]) -> None:
    back = "ALTER TABLE a ALTER m TYPE int;"
    put(tables({"003_c.sql": "ALTER TABLE a ALTER m TYPE bigint;", "003_c.rollback.sql": back}))
    assert made("migrate", env=env).code == 0
    query(database, "GRANT SELECT ON other TO PUBLIC")
    dry = made("rollback", "--dry-run", "--json", env=env)
    assert [it["unknown"] for it in dry.document["would_roll_back"]] == [None], dry.out
    done = made("rollback", "--json", env=env)
    assert (done.code, done.document["rolled_back"][0]["code"]) == (0, ["other"]), done.err
    type_ = "SELECT atttypid::regtype::text FROM pg_attribute WHERE attrelid = 'other'::regclass AND attname = 'm'"
    assert query(database, type_) == [("integer",)]
    assert query(database, "SELECT has_table_privilege('pg_monitor', 'other', 'SELECT')") == [(True,)]
    again = made("migrate", env=env)
    assert (again.code, "with it code/other was made again" in again.err + again.out) == (0, True), again.err


def test_a_plan_says_that_it_is_dropped_and_made_again(
    made: Sqlrail, database: str, env: dict[str, str]
) -> None:
    before = catalog(database)
    put(tables({"003_c.sql": "ALTER TABLE b ADD k int;\nALTER TABLE a ALTER m TYPE bigint;"}))
    put(code({"fresh.sql": "CREATE VIEW fresh AS SELECT k FROM b;"}))
    planned = made("plan", "--json", env=env)
    assert planned.code == 0, planned.err
    (file,) = planned.document["files"]
    assert (file["code"], planned.document["code"]) == (["other"], [{"name": "fresh", "state": "new"}])
    locks = {it["relation"]: it["lock"] for one in file["statements"] for it in one["relations"]}
    assert locks["public.other"] == "ACCESS EXCLUSIVE"
    text = made("plan", env=env).out
    assert "in front of it code/other is dropped, and made again behind it" in text
    assert catalog(database) == before


def test_queries_are_judged_behind_what_is_made_again(
    made: Sqlrail, env: dict[str, str], tmp_path: Path
) -> None:
    asked = tmp_path / "queries.sql"
    asked.write_text("SELECT m FROM other;\nSELECT id FROM other;\n")
    put(tables({"003_c.sql": "ALTER TABLE a DROP COLUMN m;"}))
    put(code({"other.sql": "CREATE VIEW other AS SELECT id FROM a"}))
    planned = made("plan", "--json", "--queries", str(asked), env=env)
    assert planned.code == 0, planned.err
    judged = planned.document["files"][0]["queries"]
    assert [(it["verdict"], it["query"]) for it in judged] == [("breaks", "SELECT m FROM other")]


def test_each_tenant_has_its_own_made_again(sqlrail: Sqlrail, database: str) -> None:
    env, each = {"DATABASE_URL": database}, ("--each", "VALUES ('one'), ('two')")
    query(database, "CREATE SCHEMA one; CREATE SCHEMA two")
    put(tables(TABLES) | code(CODE))
    assert sqlrail("migrate", *each, env=env).code == 0
    put(tables({"003_c.sql": "ALTER TABLE a ALTER m TYPE bigint;"}))
    done = sqlrail("migrate", *each, env=env)
    assert done.code == 0, done.all_err
    types = """SELECT atttypid::regtype::text FROM pg_attribute
                WHERE attrelid IN ('one.other'::regclass, 'two.other'::regclass) AND attname = 'm'"""
    assert query(database, types) == [("bigint",), ("bigint",)]
    put(tables({"004_d.sql": "ALTER TABLE a ALTER m TYPE int; CREATE TABLE public.out_of_it ();"}))
    refused = sqlrail("migrate", *each, env=env)
    assert (refused.code > 0, "out_of_it" in refused.all_err) == (True, True), refused.all_err
    assert query(database, types) == [("bigint",), ("bigint",)]


def test_a_file_with_another_name_takes_over_what_it_made(
    made: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(database, "GRANT SELECT ON totals TO pg_monitor")
    for old, new in (("totals", "sums"), ("own", "their_own"), ("twice", "two_times")):
        Path(f"migrations/code/{old}.sql").rename(f"migrations/code/{new}.sql")
    put(code({"sums.sql": "CREATE VIEW totals AS SELECT id, twice(n) AS n, 1 AS more FROM a;\n"}))
    states = {it["name"]: it["state"] for it in made("status", "--json", env=env).document["code"]}
    assert [name for name, state in states.items() if state == "new"] == ["sums", "their_own", "two_times"]
    assert "missing" not in states.values()
    planned = made("plan", env=env)
    assert (planned.code, "code/sums (new)" in planned.out) == (0, True), planned.err
    done = made("migrate", "--json", env=env)
    assert done.code == 0, done.out
    assert {*done.document["code"]} == {"sums", "their_own", "two_times", "big"}
    status = made("status", "--json", "--check", env=env)
    assert (status.code, {it["state"] for it in status.document["code"]}) == (0, {"applied"})
    assert query(database, "SELECT has_table_privilege('pg_monitor', 'totals', 'SELECT')") == [(True,)]


def test_what_has_the_name_alone_is_not_taken_over(made: Sqlrail, database: str, env: dict[str, str]) -> None:
    query(database, "CREATE SCHEMA more")
    Path("migrations/code/other.sql").unlink()
    put(code({"others.sql": "CREATE VIEW more.other AS SELECT id FROM a"}))
    done = made("migrate", "--json", env=env)
    assert (done.code, done.document["code"]) == (0, ["others"]), done.out
    found = "SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname = 'other' ORDER BY 1"
    assert query(database, found) == [("more",), ("public",)]


def test_a_view_made_by_hand_is_not_taken_over_without_its_options(
    made: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(database, "CREATE VIEW by_hand WITH (security_invoker = true) AS SELECT id FROM a")
    put(code({"by_hand.sql": "CREATE OR REPLACE VIEW by_hand AS SELECT id FROM a"}))
    refused = made("migrate", env=env)
    named = "by_hand.sql:1:1: view public.by_hand has security_invoker=true, which no code file has given it"
    assert (refused.code, named in refused.err) == (3, True), refused.err
    put(
        code(
            {
                "by_hand.sql": "CREATE OR REPLACE VIEW by_hand WITH (security_invoker = true) AS SELECT id FROM a"
            }
        )
    )
    assert made("migrate", env=env).code == 0
