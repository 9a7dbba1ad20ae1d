"""What other tools' files become, without a server: sections, marks, transactions, names and order."""

from __future__ import annotations

from pathlib import Path

import pytest
from console import put

from sqlrail.adopting import dbmate, flyway, golang_migrate, goose, node_pg_migrate, prisma, recognising, sqlx
from sqlrail.adopting.converting import convert, ordered
from sqlrail.adopting.tool import Folder, Tool
from sqlrail.errors import BadFile, Refused, UsageError
from sqlrail.files.file import read_file

BY_NAME = {tool.name: tool for tool in recognising.TOOLS}


def converted(tool: Tool, folder: Path, files: dict[str, str]) -> dict[str, str]:
    """The names and texts of the files that these become, in their order."""
    put(files, folder)
    sources = ordered(tool, recognising.sources(tool, Folder(folder)))
    return {name: text.decode() for one in convert(tool, sources) for name, text in one.texts()}


def test_the_sections_of_dbmate_become_two_files(tmp_path: Path) -> None:
    text = "-- why\n\n-- migrate:up\nCREATE TABLE a ();\n\n  -- kept; as it is\n\n-- migrate:down\nDROP TABLE a;\n"
    assert converted(dbmate.TOOL, tmp_path, {"20240101_a.sql": text}) == {
        "20240101_a.sql": "-- why\n\nCREATE TABLE a ();\n\n  -- kept; as it is\n",
        "20240101_a.rollback.sql": "DROP TABLE a;\n",
    }


@pytest.mark.parametrize("text", [
    "-- migrate:up transaction:false\nVACUUM;\n-- migrate:down\n",
    "-- migrate:up\nSELECT 1;\n-- migrate:down transaction:false\nSELECT 2;\n",
    "-- migrate:up\r\nCREATE INDEX CONCURRENTLY ON a (b);\r\n-- migrate:down\r\n",
])  # fmt: skip
def test_what_ran_without_a_transaction_does_so_here(tmp_path: Path, text: str) -> None:
    found = converted(dbmate.TOOL, tmp_path, {"1_a.sql": text})
    assert found["001_a.sql"].startswith("-- transactional: false\n")
    put(found, tmp_path / "new")
    assert not read_file(tmp_path / "new" / "001_a.sql").transactional


@pytest.mark.parametrize(("up", "is_inside"), [
    ("CREATE INDEX a_b ON a (b); -- not CONCURRENTLY", True),
    ("SELECT 'CREATE INDEX CONCURRENTLY';", True),
    ("REFRESH MATERIALIZED VIEW CONCURRENTLY m;", True),
    ("CREATE UNIQUE INDEX CONCURRENTLY a_b ON a (b);", False),
    ("DROP INDEX CONCURRENTLY a_b;", False),
    ("REINDEX (VERBOSE) TABLE CONCURRENTLY a;", False),
    ("ALTER TABLE a DETACH PARTITION b CONCURRENTLY;", False),
    ("VACUUM a;", False),
])  # fmt: skip
def test_a_statement_that_refuses_a_transaction_decides(tmp_path: Path, up: str, is_inside: bool) -> None:
    found = converted(golang_migrate.TOOL, tmp_path, {"1_a.up.sql": up})
    assert found["001_a.sql"].startswith("-- transactional: false\n") is not is_inside


def test_statements_between_the_marks_of_goose_are_ended(tmp_path: Path) -> None:
    text = (
        "-- +goose Up\n-- +goose StatementBegin\n"
        "CREATE FUNCTION f() RETURNS int AS $$ SELECT 1; $$ LANGUAGE sql -- here\n-- +goose StatementEnd\nSELECT 1;\n"
        "-- +goose StatementBegin\nSELECT 2; SELECT 3;\n-- +goose StatementEnd\n"
        "-- +goose Down\n-- +goose StatementBegin\nDROP FUNCTION f()\n-- +goose StatementEnd\n"
    )
    assert converted(goose.TOOL, tmp_path, {"00001_a.sql": text}) == {
        "00001_a.sql": (
            "CREATE FUNCTION f() RETURNS int AS $$ SELECT 1; $$ LANGUAGE sql; -- here\nSELECT 1;\nSELECT 2; SELECT 3;\n"
        ),
        "00001_a.rollback.sql": "DROP FUNCTION f();\n",
    }


def test_goose_says_no_transaction_anywhere(tmp_path: Path) -> None:
    text = "-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;\n"
    assert converted(goose.TOOL, tmp_path, {"1_a.sql": text}) == {
        "001_a.sql": "-- transactional: false\nSELECT 1;\n"
    }


def test_pairs_of_golang_migrate_get_one_width(tmp_path: Path) -> None:
    files = {
        "2_b.up.sql": "SELECT 2",
        "10_c.up.sql": "SELECT 10",
        "1_a.up.sql": "SELECT 1",
        "1_a.down.sql": "SELECT -1",
    }
    assert list(converted(golang_migrate.TOOL, tmp_path, files)) == [
        "001_a.sql", "001_a.rollback.sql", "002_b.sql", "010_c.sql"
    ]  # fmt: skip


def test_sqlx_has_plain_files_or_pairs(tmp_path: Path) -> None:
    files = {
        "20240101000000_a.sql": "-- no-transaction\nVACUUM;\n",
        "20240102000000_b.up.sql": "SELECT 1;\n",
        "20240102000000_b.down.sql": "SELECT 2;\n",
    }
    assert converted(sqlx.TOOL, tmp_path, files) == {
        "20240101000000_a.sql": "-- transactional: false\n-- no-transaction\nVACUUM;\n",
        "20240102000000_b.sql": "SELECT 1;\n",
        "20240102000000_b.rollback.sql": "SELECT 2;\n",
    }


def test_versions_of_flyway_are_ordered_part_by_part_and_repeatable_files_come_last(tmp_path: Path) -> None:
    names = [
        "V1__a.sql",
        "V1.10__c.sql",
        "V1_2__b.sql",
        "V2.0__d.sql",
        "U2__d.sql",
        "R__view.sql",
        "more/V3__e.sql",
    ]
    files = {name: f"SELECT '{name}';\n" for name in names} | {
        "V1__a.sql.conf": "executeInTransaction=false\n"
    }
    found = converted(flyway.TOOL, tmp_path, files)
    assert list(found) == [
        "001.00_a.sql", "001.02_b.sql", "001.10_c.sql", "002.00_d.sql", "002.00_d.rollback.sql", "003.00_e.sql",
        "004.00_view.sql",
    ]  # fmt: skip
    assert found["001.00_a.sql"] == "-- transactional: false\nSELECT 'V1__a.sql';\n"
    assert found["002.00_d.rollback.sql"] == "SELECT 'U2__d.sql';\n"


def test_node_pg_migrate_runs_no_more_than_its_sections(tmp_path: Path) -> None:
    files = {
        "1700000000000_a.sql": "SELECT 'not run';\n-- Up Migration\nSELECT 1;\n-- Down Migration\nSELECT 2;\n",
        "1700000000001_b.sql": "SELECT 3;\n",
        "1700000000002_c.sql": "-- Down Migration\nSELECT 5;\n-- Up Migration\nSELECT 4;\n",
    }
    assert converted(node_pg_migrate.TOOL, tmp_path, files) == {
        "1700000000000_a.sql": "SELECT 1;\n",
        "1700000000000_a.rollback.sql": "SELECT 2;\n",
        "1700000000001_b.sql": "SELECT 3;\n",
        "1700000000002_c.sql": "SELECT 4;\n",
        "1700000000002_c.rollback.sql": "SELECT 5;\n",
    }


def test_prisma_has_a_folder_for_each(tmp_path: Path) -> None:
    files = {
        "20240101000000_a/migration.sql": "SELECT 1;\n",
        "20240101000000_a/down.sql": "SELECT 2;\n",
        "migration_lock.toml": 'provider = "postgresql"\n',
    }
    assert converted(prisma.TOOL, tmp_path, files) == {
        "20240101000000_a.sql": "SELECT 1;\n",
        "20240101000000_a.rollback.sql": "SELECT 2;\n",
    }


def test_a_rollback_without_a_statement_is_none_and_an_empty_file_says_so(tmp_path: Path) -> None:
    files = {"1_a.up.sql": "\n\n", "1_a.down.sql": "-- nothing\n", "2_b.up.sql": "\ufeffSELECT 1"}
    assert converted(golang_migrate.TOOL, tmp_path, files) == {
        "001_a.sql": "-- 1_a.up.sql is empty.\n",
        "002_b.sql": "SELECT 1\n",
    }


#: a comment of an old file's, and what it becomes: none of it may say to us what it did not say to the tool
SAID = {
    "-- cleanup: posts.user_id -> users.id delete": "-- (cleanup: posts.user_id -> users.id delete",
    "-- transactional: false": "-- (transactional: false",
    "--\u00a0transactional: false": "--\u00a0(transactional: false",
    "--depends: 002_b": "--(depends: 002_b",
    "-- lock-timeout: 0": "-- (lock-timeout: 0",
    "-- Transactional: false": "-- (Transactional: false",
    "/* transactional: false */": "/* (transactional: false */",
    "/*\n * all\n * transactional: false\n */": "/*\n * all\n * (transactional: false\n */",
    "-- Clean up: what is old": "-- Clean up: what is old",
    "-- note: as it was": "-- note: as it was",
    "SELECT '\n-- transactional: false\n', $$\n-- transactional: false\n$$;": None,
}


@pytest.mark.parametrize("where", ["{}\nSELECT 1;\n", "SELECT 0;\n{}\nSELECT 1;\n"], ids=["head", "behind"])
@pytest.mark.parametrize(("old", "new"), SAID.items())
def test_what_an_old_comment_says_is_not_said_to_us(
    tmp_path: Path, where: str, old: str, new: str | None
) -> None:
    text = where.format(old)
    found = converted(golang_migrate.TOOL, tmp_path, {"1_a.up.sql": text, "1_a.down.sql": text})
    wanted = where.format(old if new is None else new)
    assert found == {"001_a.sql": wanted, "001_a.rollback.sql": wanted}
    put(found, tmp_path / "new")
    for name in found:
        file = read_file(tmp_path / "new" / name)
        assert (file.lines, file.transactional, file.faults()) == ({}, True, [])


def test_a_name_that_is_a_rollbacks_here_becomes_another(tmp_path: Path) -> None:
    files = {
        "1_a.sql": "-- Up Migration\nSELECT 1;\n-- Down Migration\nSELECT 2;\n",
        "1_a.rollback.sql": "-- Up Migration\nSELECT 3;\n",
    }
    assert converted(node_pg_migrate.TOOL, tmp_path, files) == {
        "001_a.sql": "SELECT 1;\n",
        "001_a.rollback.sql": "SELECT 2;\n",
        "001_a_rollback.sql": "SELECT 3;\n",
    }
    with pytest.raises(
        Refused, match=r"1_a\.rollback\.sql and .*1_a_rollback\.sql would both become 001_a_rollback"
    ):
        converted(node_pg_migrate.TOOL, tmp_path, {"1_a_rollback.sql": "SELECT 4;\n"})


def test_a_link_to_nowhere_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "2_b.up.sql").symlink_to(tmp_path / "gone.sql")
    with pytest.raises(BadFile, match=r"2_b\.up\.sql cannot be read"):
        converted(golang_migrate.TOOL, tmp_path, {"1_a.up.sql": "SELECT 1;\n"})


#: a tool, a file, the line that is wrong, and a word of the message
WRONG = {
    "no up": ("dbmate", "1_a.sql", "SELECT 1;\n", 1, "migrate:up"),
    "no up of goose": ("goose", "1_a.sql", "SELECT 1;\n", 1, "goose Up"),
    "no end": ("goose", "1_a.sql", "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n", 2, "StatementEnd"),
    "variables": ("goose", "1_a.sql", "-- +goose Up\n\n-- +goose ENVSUB ON\nSELECT '${A}';\n", 3, "ENVSUB"),
    "a mark nobody knows": ("goose", "1_a.sql", "-- +goose Up\n-- +goose Upp\n", 2, "UPP"),
    "a placeholder": ("Flyway", "V1__a.sql", "SELECT 1;\nSELECT '${name}';\n", 2, "`flyway repair`"),
    "down alone": ("node-pg-migrate", "1_a.sql", "SELECT 1;\n-- Down Migration\nSELECT 2;\n", 2, "Up Migration"),
}  # fmt: skip


@pytest.mark.parametrize(("tool", "name", "text", "line", "word"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_converted_is_named_with_its_line(
    tmp_path: Path, tool: str, name: str, text: str, line: int, word: str
) -> None:
    with pytest.raises(BadFile) as caught:
        converted(BY_NAME[tool], tmp_path, {name: text})
    first = str(caught.value).split("\n")[0]
    assert first.startswith(f"{tmp_path / name}:{line}: ")
    assert word in first


def test_two_files_of_one_version_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"1_a\.sql and .*01_b\.sql have the same version"):
        converted(sqlx.TOOL, tmp_path, {"1_a.sql": "SELECT 1", "01_b.sql": "SELECT 1"})


@pytest.mark.parametrize(("tool", "name"), [
    ("golang-migrate", "1_a.down.sql"), ("sqlx", "seed.sql"), ("Flyway", "afterMigrate.sql"), ("Flyway", "U1__a.sql"),
])  # fmt: skip
def test_a_file_that_would_be_left_behind_is_named(tmp_path: Path, tool: str, name: str) -> None:
    with pytest.raises(Refused, match=f"{name} is no migration"):
        converted(BY_NAME[tool], tmp_path, {name: "SELECT 1"})


SIGNED = {
    "dbmate": {"1_a.sql": "-- migrate:up\nSELECT 1;\n"},
    "goose": {"1_a.sql": "-- +goose Up\nSELECT 1;\n"},
    "Flyway": {"V1__a.sql": "SELECT 1;\n"},
    "node-pg-migrate": {"1_a.sql": "-- Up Migration\nSELECT 1;\n"},
    "Prisma": {"20240101000000_a/migration.sql": "SELECT 1;\n"},
}
UNSIGNED = {
    ("golang-migrate", "sqlx"): {"1_a.up.sql": "SELECT 1;\n"},
    ("sqlx", "node-pg-migrate"): {"1_a.sql": "SELECT 1;\n"},
}


@pytest.mark.parametrize(("tool", "files"), SIGNED.items(), ids=SIGNED)
def test_marks_in_the_files_tell_the_tool(tmp_path: Path, tool: str, files: dict[str, str]) -> None:
    put(files, tmp_path)
    assert [one.name for one in recognising.look(tmp_path, tmp_path / "new").tools] == [tool]


@pytest.mark.parametrize(("tools", "files"), UNSIGNED.items(), ids=map("-".join, UNSIGNED))
def test_files_without_marks_may_be_of_several(
    tmp_path: Path, tools: tuple[str, ...], files: dict[str, str]
) -> None:
    put(files, tmp_path)
    assert {*tools} <= {one.name for one in recognising.look(tmp_path, tmp_path / "new").tools}


def test_a_mixture_is_refused_with_a_file_of_each(tmp_path: Path) -> None:
    put({"1_a.sql": "-- migrate:up\n", "2_b.sql": "-- +goose Up\n"}, tmp_path)
    with pytest.raises(Refused, match=r"1_a\.sql is a file of dbmate, and .*2_b\.sql one of goose"):
        recognising.look(tmp_path, tmp_path / "new")


CODE = {
    "Alembic": {"versions/1a_x.py": "revision = '1a'\ndown_revision = None\n", "env.py": ""},
    "Django": {"0001_initial.py": "class Migration(migrations.Migration):\n    pass\n"},
    "Knex": {"20240101000000_a.js": "exports.up = (knex) => knex.schema;\nexports.down = () => {};\n"},
    "Rails": {"20240101000000_a.rb": "class A < ActiveRecord::Migration[7.1]\nend\n"},
    "Liquibase": {"a.sql": "--liquibase formatted sql\n--changeset a:1\nSELECT 1;\n"},
    "Sqitch": {"sqitch.plan": "%project=a\n", "deploy/a.sql": "BEGIN; COMMIT;\n"},
    "goose": {"00001_a.sql": "-- +goose Up\nSELECT 1;\n", "00002_b.go": "package migrations\n"},
    "Flyway": {"V1__a.sql": "SELECT 1;\n", "V2__b.java": "class V2__b {}\n"},
    "node-pg-migrate": {"1700000000000_a.js": "exports.up = (pgm) => {};\n"},
}


@pytest.mark.parametrize(("tool", "files"), CODE.items(), ids=CODE)
def test_code_is_led_to_a_dump_and_a_baseline(tmp_path: Path, tool: str, files: dict[str, str]) -> None:
    put(files, tmp_path)
    with pytest.raises(Refused, match=f"is a migration of {tool}") as caught:
        recognising.look(tmp_path, Path("migrations"))
    assert "  sqlrail baseline --migrations migrations --to 001\n" in str(caught.value)


def test_a_folder_without_migrations_is_no_tools(tmp_path: Path) -> None:
    put({"readme.txt": "nothing"}, tmp_path)
    with pytest.raises(UsageError, match="has no migration of dbmate"):
        recognising.look(tmp_path, tmp_path / "new")


def test_line_ends_do_not_count_in_a_checksum_of_flyway() -> None:
    digest = flyway.TOOL.digest
    assert digest is not None
    assert digest(b"SELECT 1;\r\nSELECT 2;\r\n") == digest(b"SELECT 1;\nSELECT 2;")
    assert {digest(b"SELECT %d" % number)[:1] == "-" for number in range(20)} == {True, False}  # a Java int
