"""Code files: what they make is made again in one transaction with what leans on it, and keeps what was said of it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import console
import psycopg
import pytest
from conftest import Connect, query
from console import Sqlrail, catalog, put

import sqlrail as library
from sqlrail import events

sqlrail = console.sqlrail

TABLES = {"001_a.sql": "CREATE TABLE a (id int PRIMARY KEY, n int)"}
CODE = {
    "totals.sql": "-- What all come to.\nCREATE VIEW totals AS SELECT id, twice(n) AS n FROM a;\n",
    "big.sql": "CREATE VIEW big AS SELECT id FROM totals WHERE n > 10;\n",
    "twice.sql": "CREATE OR REPLACE FUNCTION twice(it int) RETURNS int LANGUAGE sql AS 'SELECT it * 2';\n",
    "stamped.sql": "CREATE TRIGGER stamped BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION stamp();\n",
    "stamp.sql": "CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';\n",
    "own.sql": "CREATE POLICY own ON a USING (n > 0);\n",
}
STATES = "SELECT name, kind, identity FROM sqlrail.code ORDER BY name"


def code(files: Mapping[str, str]) -> dict[str, str]:
    """Paths of code files, with their texts."""
    return {f"migrations/code/{name}": text for name, text in files.items()}


def tables(files: Mapping[str, str] = TABLES) -> dict[str, str]:
    return {f"migrations/{name}": text for name, text in files.items()}


@pytest.fixture
def env(any_database: str) -> dict[str, str]:
    return {"DATABASE_URL": any_database, "USER": "ann", "APP_ENV": "test"}


@pytest.fixture
def made(sqlrail: Sqlrail, env: dict[str, str]) -> Sqlrail:
    """The command line, where all has been applied."""
    shutil.rmtree("migrations", ignore_errors=True)
    put(tables() | code(CODE))
    done = sqlrail("migrate", env=env)
    assert done.code == 0, done.err
    return sqlrail


def test_a_folder_is_built_in_the_order_of_names_that_are_used(
    made: Sqlrail, any_database: str, env: dict[str, str]
) -> None:
    assert query(any_database, STATES) == [
        ("big", "view", "public.big"),
        ("own", "policy", "own on public.a"),
        ("stamp", "function", "public.stamp()"),
        ("stamped", "trigger", "stamped on public.a"),
        ("totals", "view", "public.totals"),
        ("twice", "function", "public.twice(integer)"),
    ]
    again = made("migrate", "--json", env=env).document
    assert (again["code"], again["code_pending"], again["applied"]) == ([], 0, [])
    status = made("status", "--json", "--check", env=env)
    assert (status.code, {it["state"] for it in status.document["code"]}) == (0, {"applied"})


def test_an_edited_view_is_made_again_with_what_leans_on_it(
    made: Sqlrail, any_database: str, env: dict[str, str]
) -> None:
    put(code({"totals.sql": "CREATE VIEW totals AS SELECT 'x' AS more, n::bigint AS n, id FROM a;\n"}))
    status = made("status", "--json", "--check", env=env)
    assert (status.code, [it["name"] for it in status.document["code"] if it["state"] == "edited"]) == (
        4,
        ["totals"],
    )
    done = made("migrate", "--json", env=env)
    assert (done.code, done.document["code"]) == (0, ["totals", "big"])
    columns = "SELECT attname FROM pg_attribute WHERE attrelid = 'totals'::regclass ORDER BY attnum"
    assert query(any_database, columns) == [
        ("more",), ("n",), ("id",),
    ]  # fmt: skip


def test_what_was_said_of_it_is_kept(
    made: Sqlrail, any_database: str, env: dict[str, str], connect: Connect
) -> None:
    with connect(any_database, autocommit=True) as own:
        for role in ("code_reader", "code_owner"):
            if not own.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchall():
                own.execute(f"CREATE ROLE {role}")
        own.execute("GRANT CREATE ON SCHEMA public TO code_owner")
        own.execute("ALTER VIEW big OWNER TO code_owner")
        own.execute("GRANT SELECT ON totals TO code_owner, code_reader WITH GRANT OPTION")
        own.execute("GRANT SELECT (id) ON big TO code_reader")
        own.execute("COMMENT ON VIEW big IS 'it''s big'")
        own.execute("COMMENT ON COLUMN big.id IS 'whose'")
        own.execute("REVOKE ALL ON FUNCTION twice FROM PUBLIC")
        own.execute("ALTER TABLE a DISABLE TRIGGER stamped")
        own.execute("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC")
        own.execute("COMMENT ON TRIGGER stamped ON a IS 'off'")
        before = said(own)
        put(
            code(
                {
                    "twice.sql": "CREATE FUNCTION twice(it int) RETURNS bigint LANGUAGE sql AS 'SELECT it * 2::bigint'",
                    "stamp.sql": CODE["stamp.sql"].replace("CREATE OR REPLACE", "CREATE"),
                }
            )
        )
        done = made("migrate", "--json", env=env)
        assert done.code == 0, done.err
        assert {*done.document["code"]} == {"twice", "totals", "big", "stamp", "stamped"}
        assert said(own) == before


def said(own: psycopg.Connection[object]) -> list[object]:
    return own.execute("""
        SELECT c.relname, relowner::regrole::text, coalesce(relacl, acldefault('r', relowner))::text,
               obj_description(c.oid, 'pg_class'),
               ARRAY(SELECT (attname, attacl, col_description(c.oid, attnum))::text FROM pg_attribute
                      WHERE attrelid = c.oid AND (attacl IS NOT NULL OR col_description(c.oid, attnum) IS NOT NULL))
          FROM pg_class c WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace
        UNION ALL SELECT proname, proowner::regrole::text, coalesce(proacl, acldefault('f', proowner))::text, NULL, NULL
          FROM pg_proc
         WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT tgname, tgenabled::text, NULL, obj_description(oid, 'pg_trigger'), NULL FROM pg_trigger
         WHERE NOT tgisinternal ORDER BY 1""").fetchall()  # fmt: skip


BAD = [
    (
        "totals",
        "CREATE VIEW totals AS SELECT 1;\nCREATE VIEW more AS SELECT 1;",
        2,
        "2:1: a code file makes one thing",
    ),
    ("totals", "DROP VIEW totals", 2, "1:1: a code file is one CREATE"),
    ("t", "CREATE TABLE t ()", 2, "1:1: a code file is one CREATE"),
    ("t", "CREATE MATERIALIZED VIEW t AS SELECT 1", 2, "1:1: a code file is one CREATE"),
    ("t", "-- transactional: false\nCREATE VIEW t AS SELECT 1", 2, "1:1: a code file has no directives"),
    ("t", "BEGIN;\nCREATE VIEW t AS SELECT 1;\nROLLBACK;", 2, "1:1: BEGIN is not for the file to say"),
    ("t", "-- nothing\n", 2, "1:1: the file holds no statement"),
    ("t", "CREATE TEMP VIEW t AS SELECT 1", 2, "1:1: a code file is one CREATE"),
    ("t", "CREATE VIEW pg_temp.t AS SELECT 1", 3, "1:1: what it makes would be gone"),
    ("t", "CREATE VIEW t AS\n  SELECT * FROM nowhere", 1, '2:17: relation "nowhere" does not exist'),
    ("t", "CREATE VIEW t AS SELECT nothing FROM a", 1, '1:25: column "nothing" does not exist'),
    ("t", "CREATE VIEW totals AS SELECT 1", 1, '1:1: relation "totals" already exists'),
    ("t", CODE["twice.sql"], 3, "1:1: code/twice.sql makes function public.twice(integer) too"),
    ("t.rollback", "CREATE VIEW t AS SELECT 1", 2, "1:1: a code file has no rollback"),
]


@pytest.mark.parametrize(("name", "text", "exit_code", "words"), BAD, ids=[it[3] for it in BAD])
def test_what_cannot_be_run_is_refused_with_its_line_and_nothing_is_changed(
    made: Sqlrail, any_database: str, env: dict[str, str], name: str, text: str, exit_code: int, words: str
) -> None:
    before = catalog(any_database)
    put(code({f"{name}.sql": text}))
    refused = made("migrate", env=env)
    assert (refused.code, f"migrations/code/{name}.sql:{words}" in refused.err) == (exit_code, True), (
        refused.err
    )
    assert catalog(any_database) == before


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"t.sql": "CREATE VIEW t AS TABLE u", "u.sql": "CREATE VIEW u AS TABLE t"}, "These name each other: t, u."),
        ({"t.sql": "CREATE OR REPLACE VIEW t AS SELECT 1", "u.sql": "CREATE OR REPLACE VIEW t AS SELECT 1"},
         "u.sql:1:1: code/t.sql makes view public.t too"),
        ({"totals.sql": "CREATE VIEW totals AS SELECT id FROM a"}, 'big.sql:1:48: column "n" does not exist'),
    ],
    ids=["a circle", "a name made twice", "a column that another needs"],
)  # fmt: skip
def test_what_does_not_go_together_is_refused_and_nothing_is_changed(
    made: Sqlrail, any_database: str, env: dict[str, str], files: dict[str, str], words: str
) -> None:
    before = catalog(any_database)
    put(code(files))
    refused = made("migrate", env=env)
    assert (refused.code > 0, words in refused.err) == (True, True), refused.err
    assert catalog(any_database) == before


def test_what_leans_on_it_from_outside_is_named(
    made: Sqlrail, any_database: str, env: dict[str, str], connect: Connect
) -> None:
    with connect(any_database, autocommit=True) as own:
        own.execute("CREATE MATERIALIZED VIEW kept AS SELECT * FROM big")
        own.execute("CREATE TABLE of_them (it totals)")
    before = catalog(any_database)
    put(code({"totals.sql": "CREATE VIEW totals AS SELECT id, n FROM a"}))
    refused = made("migrate", env=env)
    assert refused.code == 3
    assert (
        "totals.sql:1:1: materialized view public.kept, table public.of_them would have to be dropped"
        in refused.err
    )
    assert catalog(any_database) == before


def test_a_function_is_replaced_where_it_is(
    made: Sqlrail, any_database: str, env: dict[str, str], connect: Connect
) -> None:
    with connect(any_database, autocommit=True) as own:
        own.execute("CREATE TABLE outside (n int DEFAULT twice(1))")
    put(code({"twice.sql": CODE["twice.sql"].replace("it * 2", "it + it")}))
    assert made("migrate", "--json", env=env).document["code"] == ["twice"]
    put(code({"twice.sql": CODE["twice.sql"].replace("it int", "other int").replace("it * 2", "other * 2")}))
    refused = made("migrate", env=env)
    assert (refused.code, "default value for column n of table public.outside" in refused.err) == (3, True), (
        refused.err
    )
    with connect(any_database, autocommit=True) as own:
        own.execute("DROP TABLE outside")
    assert made("migrate", "--json", env=env).document["code"] == ["twice", "totals", "big"]


def test_a_function_with_other_arguments_takes_the_place_of_the_one_before(
    made: Sqlrail, any_database: str, env: dict[str, str]
) -> None:
    put(
        code(
            {
                "twice.sql": CODE["twice.sql"]
                .replace("it int", "it bigint")
                .replace("RETURNS int", "RETURNS bigint")
            }
        )
    )
    done = made("migrate", "--json", env=env)
    assert (done.code, done.document["code"]) == (0, ["twice", "totals", "big"]), done.err
    assert query(any_database, "SELECT oid::regprocedure::text FROM pg_proc WHERE proname = 'twice'") == [
        ("twice(bigint)",)
    ]


def test_another_kind_of_thing_takes_the_place_of_the_one_before(
    made: Sqlrail, any_database: str, env: dict[str, str]
) -> None:
    put(
        code({"big.sql": "CREATE FUNCTION big() RETURNS SETOF totals LANGUAGE sql AS 'SELECT * FROM totals'"})
    )
    assert made("migrate", "--json", env=env).document["code"] == ["big"]
    put(code({"totals.sql": "CREATE VIEW totals AS SELECT 1 AS n, 2 AS id"}))
    assert made("migrate", "--json", env=env).document["code"] == ["totals", "big"]
    assert query(any_database, "SELECT (big()).id") == [(2,)]


def test_an_option_that_no_file_gave_is_not_lost_unseen(
    made: Sqlrail, any_database: str, env: dict[str, str], connect: Connect
) -> None:
    with connect(any_database, autocommit=True) as own:
        own.execute("ALTER VIEW totals SET (security_barrier = true)")
    put(code({"totals.sql": "CREATE VIEW totals AS SELECT id, n FROM a"}))
    refused = made("migrate", env=env)
    assert (
        refused.code,
        "view public.totals has security_barrier=true, which no code file has given it" in refused.err,
    ) == (3, True)
    put(code({"totals.sql": "CREATE VIEW totals WITH (security_barrier = true) AS SELECT id, n FROM a"}))
    assert made("migrate", env=env).code == 0
    put(code({"totals.sql": "CREATE VIEW totals AS SELECT id, n FROM a"}))
    assert made("migrate", env=env).code == 0
    assert query(any_database, "SELECT reloptions FROM pg_class WHERE relname = 'totals'") == [(None,)]


def test_what_is_gone_is_made_again(made: Sqlrail, env: dict[str, str]) -> None:
    put(tables({"002_b.sql": "DROP VIEW totals CASCADE"}))
    done = made("migrate", "--json", env=env)
    assert ([it["id"] for it in done.document["applied"]], done.document["code"]) == (
        ["002_b"],
        ["totals", "big"],
    )


def test_a_file_that_is_gone_leaves_what_it_made(made: Sqlrail, env: dict[str, str]) -> None:
    Path("migrations/code/big.sql").unlink()
    put(code({"totals.sql": "CREATE VIEW totals AS SELECT 1 AS more, id, n FROM a"}))
    assert {it["name"]: it["state"] for it in made("status", "--json", env=env).document["code"]}[
        "big"
    ] == "missing"
    done = made("migrate", "--json", env=env)
    assert done.document["code"] == ["totals", "big"]
    put(tables({"002_b.sql": "DROP VIEW big"}))
    assert made("migrate", env=env).code == 0
    assert "big" not in [it["name"] for it in made("status", "--json", env=env).document["code"]]


def test_code_waits_for_all_migrations(sqlrail: Sqlrail, env: dict[str, str]) -> None:
    put(tables({"001_a.sql": "SELECT 1", "002_a.sql": TABLES["001_a.sql"]}) | code(CODE))
    done = sqlrail("migrate", "--to", "001", "--json", env=env)
    assert (done.code, done.document["code"], done.document["code_pending"]) == (0, [], 6)
    assert sqlrail("migrate", env=env).code == 0


def test_what_files_build_is_what_is_there(made: Sqlrail, env: dict[str, str]) -> None:
    assert made("drift", "--check", env=env).code == 0
    put(code({"totals.sql": "CREATE VIEW totals AS SELECT 1 AS more, id, n FROM a"}))
    assert made("drift", "--check", env=env).code == 0
    pending = made("drift", "--check", "--pending", env=env)
    assert (pending.code, "totals" in pending.out) == (4, True)
    assert "CREATE VIEW public.totals" in made("schema", env=env).out
    assert made("lint", env=env).code == 0


def test_a_plan_says_what_is_run_and_what_would_fail(
    made: Sqlrail, any_database: str, env: dict[str, str]
) -> None:
    before = catalog(any_database)
    put(code({"totals.sql": "CREATE VIEW totals AS SELECT 1 AS more, id, n FROM a"}))
    assert made("plan", "--json", env=env).document["code"] == [
        {"name": "totals", "state": "edited"}, {"name": "big", "state": "applied"},
    ]  # fmt: skip
    more = {"b.sql": "CREATE VIEW b AS SELECT b FROM a"}
    put(tables({"002_b.sql": "ALTER TABLE a ADD b int;"}) | code(more))
    named = "code/b (new), code/totals (edited), code/big (leans on another)"
    assert f"then, in one transaction, 3 code files: {named}" in made("plan", env=env).out
    put(tables({"002_b.sql": "ALTER TABLE a ALTER n TYPE bigint;"}))
    failed = made("plan", env=env)
    assert failed.code == 1
    assert 'code/b.sql:1:25: column "b" does not exist' in failed.err
    assert catalog(any_database) == before


def test_each_tenant_has_its_own(sqlrail: Sqlrail, any_database: str) -> None:
    env, each = {"DATABASE_URL": any_database}, ("--each", "VALUES ('one'), ('o''ther \"two')")
    query(any_database, """CREATE SCHEMA one; CREATE SCHEMA "o'ther ""two"; CREATE TABLE shared ()""")
    put(tables() | code(CODE))
    done = sqlrail("migrate", *each, env=env)
    assert done.code == 0, done.all_err
    names = "SELECT records_in, count(*) FROM sqlrail.code GROUP BY 1 ORDER BY 1"
    assert query(any_database, names) == [("o'ther \"two", 6), ("one", 6)]
    assert sqlrail("drift", *each, "--check", env=env).code == 0
    put(code({"totals.sql": "CREATE VIEW totals AS SELECT 'x' AS more, id, n FROM a"}))
    planned = sqlrail("plan", *each, env=env)
    assert (planned.code, "code/totals (edited)" in planned.out) == (0, True), planned.all_err
    done = sqlrail("migrate", *each, "--json", env=env)
    assert done.code == 0
    assert query(any_database, "SELECT count(*) FROM pg_attribute WHERE attname = 'more'") == [(2,)]
    assert sqlrail("drift", *each, "--check", env=env).code == 0
    put(code({"shared.sql": "CREATE TRIGGER outside AFTER INSERT ON shared EXECUTE FUNCTION stamp()"}))
    refused = sqlrail("migrate", *each, env=env)
    assert (refused.code > 0, "public.shared" in refused.all_err) == (True, True)
    assert query(any_database, "SELECT count(*) FROM pg_trigger WHERE tgname = 'outside'") == [(0,)]


def test_an_older_release_leaves_them_alone(made: Sqlrail, env: dict[str, str]) -> None:
    put(tables({"002_b.sql": "CREATE TABLE b ()"}))
    assert made("migrate", env=env).code == 0
    Path("migrations/002_b.sql").unlink()
    put(code({"totals.sql": "CREATE VIEW totals AS SELECT 1 AS older"}))
    done = made("migrate", "--json", env=env)
    assert (done.code, done.document["ahead"]) == (0, ["002_b"])
    assert (done.document["code"], done.document["code_pending"]) == ([], 0)
    assert made("status", "--check", "--allow-ahead", env=env).code == 0


def test_what_is_run_after_each_migrate_comes_behind_them(
    made: Sqlrail, any_database: str, env: dict[str, str]
) -> None:
    put(tables({"post-apply.sql": "COMMENT ON VIEW big IS 'behind'"}))
    put(code({"totals.sql": "CREATE VIEW totals AS SELECT id, n FROM a"}))
    assert made("migrate", env=env).code == 0
    assert query(any_database, "SELECT obj_description('big'::regclass)") == [("behind",)]


def test_a_draft_keeps_nothing_waiting(made: Sqlrail, env: dict[str, str]) -> None:
    assert made("new", "later", env=env).code == 0
    put(code({"totals.sql": "CREATE VIEW totals AS SELECT id, n FROM a"}))
    assert made("migrate", "--json", env=env).document["code"] == ["totals", "big"]


def test_a_role_that_may_make_no_tables_of_ours_is_told_so(
    sqlrail: Sqlrail, any_database: str, env: dict[str, str], connect: Connect
) -> None:
    put(tables())
    with connect(any_database, autocommit=True) as own:
        if not own.execute("SELECT 1 FROM pg_roles WHERE rolname = 'code_small'").fetchall():
            own.execute("CREATE ROLE code_small")
        own.execute("GRANT CREATE ON SCHEMA public TO code_small")
    env = {**env, "DATABASE_URL": f"{any_database}&options=-c%20role%3Dcode_small"}
    assert sqlrail("migrate", env=env).code == 0
    put(code({"big.sql": "CREATE VIEW big AS SELECT id FROM a"}))
    refused = sqlrail("migrate", env=env)
    assert (refused.code, "this needs the schema sqlrail" in refused.err) == (3, True), refused.err
    assert query(any_database, "SELECT to_regclass('big')") == [(None,)]


def test_a_folder_of_that_name_with_something_else_is_passed_over(
    sqlrail: Sqlrail, any_database: str, env: dict[str, str]
) -> None:
    put(tables() | code({"load.sql": "INSERT INTO a VALUES (1, 1);", "odd.sql": "it's"}))
    done = sqlrail("migrate", env=env)
    assert (done.code, "migrations/code: nothing in it is run" in done.err) == (0, True)
    assert query(any_database, "SELECT * FROM a") == []


@pytest.mark.parametrize(
    "text", ["CREATE VIEW big AS SELECT 1 AS n", CODE["big.sql"]], ids=["edited", "same"]
)
def test_what_another_release_makes_meanwhile_is_there_though_nothing_of_ours_was(
    text: str, sqlrail: Sqlrail, any_database: str, tmp_path: Path
) -> None:
    del sqlrail
    put(tables() | code(CODE))
    put(
        {f"other/{name.removeprefix('migrations/')}": it for name, it in (tables() | code(CODE)).items()},
        tmp_path,
    )
    put({"other/code/big.sql": text}, tmp_path)

    def overtake(event: events.Event) -> None:
        if isinstance(event, events.Applied) and event.id == "001_a":
            assert len(library.migrate(any_database, tmp_path / "other")["code"]) == len(CODE)

    done = library.migrate(any_database, "migrations", listener=overtake)
    assert done["code"] == ([] if text == CODE["big.sql"] else ["big"])
    assert library.status(any_database, "migrations")["code"] == [
        {"name": name.removesuffix(".sql"), "state": "applied"} for name in sorted(CODE)
    ]


def test_a_role_that_may_only_read_sees_that_nothing_is_to_be_run(
    made: Sqlrail, any_database: str, env: dict[str, str], connect: Connect
) -> None:
    with connect(any_database, autocommit=True) as own:
        if not own.execute("SELECT 1 FROM pg_roles WHERE rolname = 'code_reads'").fetchall():
            own.execute("CREATE ROLE code_reads")
        own.execute("GRANT USAGE ON SCHEMA sqlrail TO code_reads")
        own.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public, sqlrail TO code_reads")
    env = {**env, "DATABASE_URL": f"{any_database}&options=-c%20role%3Dcode_reads"}
    started = made("migrate", "--json", env=env)
    assert (started.code, started.document["code"], started.document["code_pending"]) == (0, [], 0), (
        started.err
    )
    assert made("status", "--check", env=env).code == 0
    assert made("plan", env=env).code == 0
    put(code({"big.sql": "CREATE VIEW big AS SELECT 1 AS n"}))
    assert made("status", "--check", "--json", env=env).document["code"][0] == {
        "name": "big",
        "state": "edited",
    }
    with connect(any_database, autocommit=True) as own:
        own.execute("GRANT ALL ON ALL TABLES IN SCHEMA public, sqlrail TO code_reads")
    refused = made("migrate", env=env)
    assert (refused.code, "let the owner of the schema sqlrail run this migrate" in refused.err) == (3, True)
