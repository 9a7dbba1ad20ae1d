"""Another tool's files are not run, and its history is not run over; what was run before that is told."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import console
import pytest
from conftest import query
from console import Sqlrail, catalog, put

from sqlrail.files import other_tools
from sqlrail.files.examine import examine
from sqlrail.files.other_tools import History

sqlrail = console.sqlrail

UP, DOWN = "CREATE TABLE people (id int PRIMARY KEY);", "DROP TABLE people;"
ROWS = "CREATE TABLE people AS SELECT n AS id FROM generate_series(1, 1000) AS n"
PAGE = Path(__file__).parents[2] / "docs" / "other-tools.md"

#: of each tool's, a file with its rollback in it, and the line of what is said
ONE_FILE = {
    "dbmate": (f"-- migrate:up\n{UP}\n-- migrate:down\n{DOWN}\n", 1),
    "dbmate, outside a transaction": (f"--migrate:up transaction:false\n{UP}\n--  migrate:down\n{DOWN}\n", 1),
    "dbmate, misspelt": (f"-- step: create\n{UP}\n-- Migrate: Down\n{DOWN}\n", 3),
    "goose": (f"-- +goose Up\n{UP}\n-- +goose Down\n{DOWN}\n", 1),
    "goose, blocks": (f"{UP}\n--+goose StatementBegin\nSELECT 1;\n-- +goose StatementEnd\n", 2),
    "sql-migrate": (f"-- +migrate Up notransaction\n{UP}\n-- +migrate Down\n{DOWN}\n", 1),
    "node-pg-migrate": (f"-- Up Migration\n{UP}\n\n-- Down Migration\n{DOWN}\n", 4),
    "tern": (f"{UP}\n---- create above / drop below ----\n{DOWN}\n", 2),
    "MyBatis": (f"-- // First migration.\n{UP}\n\n-- //@UNDO\n{DOWN}\n", 4),
    "Liquibase": (f"--liquibase formatted sql\n--changeset ann:1\n{UP}\n--rollback {DOWN}\n", 1),
    "Liquibase, no header": (f"-- Why\n-- changeset ann:1 runInTransaction:false\n{UP}\n", 2),
    "Atlas": (f"-- atlas:txtar\n\n-- migration.sql --\n{UP}\n\n-- down.sql --\n{DOWN}\n", 1),
    "Play evolutions": (f"-- !Ups\n{UP}\n-- !Downs\n{DOWN}\n", 1),
    "micrate": (f"-- +micrate Up\n{UP}\n-- +micrate Down\n{DOWN}\n", 1),
    "rambler": (f"-- rambler up\n{UP}\n-- rambler down\n{DOWN}\n", 1),
    "headings of one's own": (f"-- UP\n{UP}\n\n-- ===== DOWN =====\n{DOWN}\n", 4),
    "a rollback section": (f"{UP}\n\n/* Rollback: */\n{DOWN}\n", 3),
    "CRLF": (f"-- migrate:up\r\n{UP}\r\n-- migrate:down\r\n{DOWN}\r\n", 1),
    "no semicolon before the mark": (f"{UP[:-1]}\n-- migrate:down\n{DOWN}\n", 2),
    "far down": ("SELECT 'é';\n" * 100_000 + f"-- migrate:down\n{DOWN}\n", 100_001),
}
#: what is nobody's mark
PLAIN = {
    "in a string": f"{UP}\nSELECT '\n-- migrate:down\n';\nSELECT 1;",
    "in a body": f"{UP}\nDO $$ BEGIN\n-- migrate:down\nPERFORM 1;\nEND $$;\nSELECT 1;",
    "in a body of SQL": f"{UP}\nCREATE PROCEDURE p() BEGIN ATOMIC\n-- @UNDO\nSELECT 1; END;\nSELECT 1;",
    "in a routine's quotes": f"{UP}\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS '\n-- @UNDO\nSELECT 1';",
    "in COPY's data": f"{UP}\nCREATE TABLE t (a text);\nCOPY t FROM stdin;\n-- +goose Down\n\\.\nSELECT 1;",
    "prose": f"-- Down the road we drop this.\n{UP}\n-- rollback of this takes an hour\nSELECT 1;",
    "the way back, all of it a comment": f"{UP}\n-- rollback:\n-- {DOWN}\n",
    "a heading with nothing in front of it": f"-- Down Migration\n{UP}",
    "within a statement": "CREATE TABLE people (id int, -- up\n  n int -- down\n);\nSELECT 1;",
}


@pytest.fixture
def env(database: str) -> dict[str, str]:
    return {"DATABASE_URL": database, "APP_ENV": "development"}


@pytest.mark.parametrize(("text", "line"), ONE_FILE.values(), ids=ONE_FILE)
def test_a_file_of_another_tool_is_not_run(
    text: str, line: int, sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(database, ROWS)
    put({"migrations/001_people.sql": text})
    before = catalog(database)
    verbs = ["migrate"] if line > 1000 else ["migrate", "plan", "lint --all", "baseline --to 001"]
    for verb in verbs:
        outcome = sqlrail(*verb.split(), env=env)
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err.startswith(f"migrations/001_people.sql:{line}:1: `")
        assert other_tools.PAGE in outcome.err
    assert (catalog(database), query(database, "SELECT count(*) FROM people")) == (before, [(1000,)])


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
def test_what_only_looks_like_a_mark_is_run(
    text: str, sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    put({"migrations/001_people.sql": text})
    assert sqlrail("migrate", env=env).code == 0
    assert query(database, "SELECT count(*) FROM people") == [(0,)]


def test_a_rollback_may_say_that_it_is_one(sqlrail: Sqlrail, database: str, env: dict[str, str]) -> None:
    put({"migrations/001_a.sql": UP, "migrations/001_a.rollback.sql": f"-- migrate:down\n{DOWN}\n"})
    assert [sqlrail(verb, env=env).code for verb in ("migrate", "rollback")] == [0, 0]
    put({"migrations/001_a.rollback.sql": f"-- +goose Up\n{UP}\n-- +goose Down\n{DOWN}\n"})
    assert sqlrail("migrate", env=env).code == 0
    assert sqlrail("rollback", env=env).code == 2
    assert query(database, "SELECT count(*) FROM people") == [(0,)]


def test_one_that_was_run_is_told_with_what_may_be_gone(sqlrail: Sqlrail, env: dict[str, str]) -> None:
    down = f"{DOWN}\nALTER TABLE a DROP COLUMN b;\nSELECT 1;\nDELETE FROM c WHERE d = 'secret';\nDROP TYPE e;"
    put({"migrations/001_people.sql": UP, "migrations/002_b.sql": "SELECT 1"})
    assert sqlrail("migrate", env=env).code == 0
    put({"migrations/001_people.sql": f"-- migrate:up\n{UP}\n-- migrate:down\n{down}\n"})
    assert sqlrail("repair", "--yes", env=env).code == 0
    said = (
        "migrations/001_people.sql:3:1: `-- migrate:down` is a mark of dbmate, and this file is recorded as applied. "
        "If it was run, and not only recorded, so was the part after the mark, and what it drops may be gone: "
        "DROP TABLE people; ALTER TABLE a DROP COLUMN b; DELETE FROM c WHERE d = '…' and 1 more (docs/other-tools.md)."
    )
    document = sqlrail("status", "--json", env=env).document
    assert [(it["kind"], it["message"], it["refuses"]) for it in document["problems"]] == [
        ("foreign", said, False)
    ]
    assert sqlrail("status", "--check", env=env).code == 0
    health = sqlrail("doctor", "--json", env=env).document
    assert [it["reason"] for it in health["findings"] if it["kind"] == "history"] == [said]
    put({"migrations/001_people.sql": f"-- migrate:up\n{UP}\n-- migrate:down\n"})
    assert sqlrail("repair", "--yes", env=env).code == 0
    drift = sqlrail("drift", "--check", env=env)
    assert (drift.code, "and it drops nothing (docs" in drift.err) == (0, True)
    migrated = sqlrail("migrate", env=env)
    assert (migrated.code, migrated.err) == (0, "")


#: how each tool keeps what it has run, and the files of which it says so
TABLES = {
    "dbmate": (("CREATE TABLE schema_migrations (version varchar PRIMARY KEY); "
                "INSERT INTO schema_migrations VALUES ('20240101000000'), ('20240202000000')"),
               ["20240101000000_a", "20240202000000_b"]),
    "golang-migrate": (("CREATE TABLE schema_migrations (version bigint, dirty boolean); "
                        "INSERT INTO schema_migrations VALUES (2, false)"), ["002_b"]),
    "goose": (("CREATE TABLE goose_db_version (id int, version_id bigint, is_applied boolean); "
               "INSERT INTO goose_db_version VALUES (1, 0, true), (2, 1, true)"), ["00001_a"]),
    "sql-migrate": (("CREATE TABLE gorp_migrations (id text, applied_at timestamptz); "
                     "INSERT INTO gorp_migrations VALUES ('001-a.sql')"), ["001-a"]),
    "node-pg-migrate": (("CREATE TABLE pgmigrations (id int, name varchar(255), run_on timestamp); "
                         "INSERT INTO pgmigrations VALUES (1, '001_a')"), ["001_a"]),
    "Flyway": (("CREATE TABLE flyway_schema_history (installed_rank int, version varchar(50), script text); "
                "INSERT INTO flyway_schema_history "
                "VALUES (1, '1', 'V1__a.sql'), (2, '1.1', 'x'), (3, NULL, 'R__v.sql')"),
               ["001.00_a", "001.01_b"]),
    "Diesel": (("CREATE TABLE __diesel_schema_migrations (version varchar(50), run_on timestamp); "
                "INSERT INTO __diesel_schema_migrations VALUES ('20190226002946')"), ["2019-02-26-002946_user"]),
    "Prisma": (("CREATE TABLE _prisma_migrations (id varchar(36), migration_name varchar(255)); "
                "INSERT INTO _prisma_migrations VALUES ('x', '20240101000000_init')"), ["20240101000000_init"]),
    "sqlx": (("CREATE TABLE _sqlx_migrations (version bigint, description text); "
              "INSERT INTO _sqlx_migrations VALUES (20240101000000, 'a')"), ["20240101000000_a"]),
    "Sqitch": (("CREATE SCHEMA sqitch; CREATE TABLE sqitch.changes (change_id text, change text); "
                "INSERT INTO sqitch.changes VALUES ('abc', 'appschema')"), ["001_appschema"]),
    "tern": ("CREATE TABLE schema_version (version int); INSERT INTO schema_version VALUES (1)", ["001_a"]),
    "Liquibase": (("CREATE TABLE databasechangelog (id text, author text, filename text); "
                   "INSERT INTO databasechangelog VALUES ('1', 'ann', 'db/changelog/001_a.sql')"), ["001_a"]),
    "Knex": ("CREATE TABLE knex_migrations (id int, name text); INSERT INTO knex_migrations VALUES (1, '001_a.js')",
             ["001_a"]),
}  # fmt: skip


@pytest.mark.promise
@pytest.mark.parametrize(("statements", "ids"), TABLES.values(), ids=TABLES)
def test_a_database_that_another_tool_has_migrated_is_not_migrated_again(
    statements: str, ids: list[str], sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(database, statements)
    put({f"migrations/{id_}.sql": f"CREATE TABLE t{n} ()" for n, id_ in enumerate([*ids, "20991231_new"])})
    before = catalog(database)
    for arguments in (["migrate"], ["baseline", "--to", ids[-1]], ["plan"]):
        refused = sqlrail(*arguments, env=env)
        assert refused.code == 3, refused.err
        assert f"`baseline --to {ids[-1]} --allow-other-history`" in refused.err
    assert catalog(database) == before
    for number in range(len(ids)):
        query(database, f"CREATE TABLE t{number} ()")
    assert sqlrail("baseline", "--to", ids[-1], "--allow-other-history", env=env).code == 0
    migrated = sqlrail("migrate", env=env)
    assert (migrated.code, migrated.err) == (0, "")
    assert query(database, f"SELECT to_regclass('t{len(ids)}') IS NOT NULL") == [(True,)]


def test_a_flag_lets_another_history_pass(sqlrail: Sqlrail, database: str, env: dict[str, str]) -> None:
    query(database, TABLES["tern"][0])
    put({"migrations/001_a.sql": UP})
    assert [it["kind"] for it in sqlrail("status", "--json", env=env).document["problems"]] == [
        "other-history"
    ]
    assert sqlrail("status", "--check", env=env).code == 4
    migrated = sqlrail("migrate", "--allow-other-history", env=env)
    assert migrated.code == 0
    assert migrated.err.startswith("--allow-other-history allows this: public.schema_version")
    assert sqlrail("status", "--check", env=env).code == 0


#: histories that say nothing of these files
OTHERS = {
    "Rails": (("CREATE TABLE schema_migrations (version varchar); "
               "INSERT INTO schema_migrations VALUES ('20200101000000')"), "dbmate or Rails"),
    "Django": (("CREATE TABLE django_migrations (id int, app text, name text); "
                "INSERT INTO django_migrations VALUES (1, 'auth', '001_a')"), "Django"),
    "Alembic": ("CREATE TABLE alembic_version (version_num varchar(32)); INSERT INTO alembic_version VALUES ('1')",
                "Alembic"),
    "Sequelize": ('CREATE TABLE "SequelizeMeta" (name text); INSERT INTO "SequelizeMeta" VALUES (\'000-x.js\')',
                  "Sequelize"),
}  # fmt: skip


@pytest.mark.parametrize(("statements", "tool"), OTHERS.values(), ids=OTHERS)
def test_a_history_of_other_things_is_only_said(
    statements: str, tool: str, sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(database, statements)
    put({"migrations/001_a.sql": UP, "migrations/002_b.sql": "SELECT 1"})
    first = sqlrail("migrate", "--to", "001", env=env)
    assert (first.code, f" is the history of {tool}; " in first.err) == (0, True)
    second = sqlrail("migrate", env=env)
    assert (second.code, second.err) == (0, "")


def test_looking_at_a_history_runs_nobody_s_code(
    sqlrail: Sqlrail, any_database: str, env: dict[str, str]
) -> None:
    for statement in (
        "CREATE TABLE marks (what text)",
        (
            "CREATE FUNCTION mark(what text) RETURNS text LANGUAGE sql AS "
            "'INSERT INTO public.marks VALUES (what) RETURNING what'"
        ),
        "CREATE VIEW schema_version AS SELECT mark('view') AS version",
        "CREATE TABLE pgmigrations (name text)",
        "ALTER TABLE pgmigrations ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE pgmigrations FORCE ROW LEVEL SECURITY",
        "CREATE POLICY p ON pgmigrations USING (mark('policy') IS NOT NULL)",
        "INSERT INTO pgmigrations VALUES ('001_a')",
        "CREATE TYPE version AS (n int)",
        "CREATE FUNCTION spelt(version) RETURNS text LANGUAGE sql AS $$SELECT mark('cast')$$",
        "CREATE CAST (version AS text) WITH FUNCTION spelt(version)",
        "CREATE TABLE goose_db_version (version_id version)",
        "INSERT INTO goose_db_version VALUES (ROW(1))",
        "CREATE TABLE knex_migrations (name text)",
        "CREATE TABLE theirs () INHERITS (knex_migrations)",
        "INSERT INTO theirs VALUES ('001_a')",
    ):
        query(any_database, statement)
    put({"migrations/001_a.sql": UP})
    assert sqlrail("migrate", env={**env, "DATABASE_URL": any_database}).code == 0
    assert query(any_database, "SELECT what FROM marks") == []


@pytest.mark.parametrize(
    ("version", "ids"),
    [
        ("1", ["1_a", "001_b", "01-c"]),
        ("0001_initial", ["0001_initial"]),
        ("V1__a.sql", []),
        ("1.10", ["1.10_x", "1_10_y"]),
        ("20170102113530", ["2017-01-02-113530_b", "20170102113530_c"]),
        ("", []),
    ],
)
def test_a_version_is_a_file_s_number_or_its_whole_name(version: str, ids: list[str]) -> None:
    others = ["2_a", "0001_init", "11_x", "1.1_x", "x", "20170102_b"]
    if version == "1":
        others.remove("0001_init")
    assert History("x", "x", (version,)).of([*others, *ids]) == ids


def test_the_page_leads_over_from_every_tool_that_is_known() -> None:
    page = PAGE.read_text()
    names: set[Any] = {
        *other_tools.MARKS,
        *(one for kind in other_tools.KINDS for one in kind.tool.split(" or ")),
    }
    assert [name for name in sorted(names) if name not in page] == []


@pytest.mark.parametrize(
    ("names", "tool"),
    [
        (["20240101000000_a/migration.sql", "migration_lock.toml"], "Prisma"),
        (["2019-02-26-002946_a/up.sql", "2019-02-26-002946_a/down.sql"], "Diesel"),
        (["sqitch.plan", "deploy/a.sql"], "Sqitch"),
        (["deploy/a.sql", "revert/a.sql"], "Sqitch"),
    ],
)
def test_a_folder_of_another_form_is_named(
    names: list[str], tool: str, sqlrail: Sqlrail, env: dict[str, str]
) -> None:
    put({f"theirs/{name}": UP for name in names})
    outcome = sqlrail("migrate", "--migrations", "theirs", env=env)
    text = f"theirs has the form of {tool}, which is not read here; docs/other-tools.md says how to switch.\n"
    assert (outcome.code, outcome.err) == (2, text)


def test_a_folder_of_another_form_beside_files_is_told(sqlrail: Sqlrail, env: dict[str, str]) -> None:
    put({"migrations/001_a.sql": UP, "migrations/20240101000000_b/migration.sql": "SELECT 1"})
    told = (
        "warning: migrations/20240101000000_b: it holds a migration of Prisma, which is not read, for sub-folders are "
        "not; docs/other-tools.md says how to switch from Prisma.\n"
    )
    assert sqlrail("migrate", env=env).err == told


def test_a_mark_has_the_place_of_its_comment() -> None:
    text = "SELECT 'é';\n  -- +goose Down\nSELECT 2;"
    found = examine(io.BytesIO(text.encode()), wants=other_tools.may_be_mark)
    (mark,) = other_tools.marks(found.comments)
    assert (mark.tool, mark.takes_back, text.encode()[mark.offset :][:5]) == ("goose", True, b"-- +g")
