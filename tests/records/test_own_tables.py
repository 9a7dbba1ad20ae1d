"""Our own tables and yoyo's: their version, whoever is ahead, and the ways out where somebody had a hand in."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import console
import psycopg
import pytest
from conftest import ROOT, clean_environment, query
from console import Outcome, Sqlrail, put

from sqlrail.engine.store import OWN_VERSION

sqlrail = console.sqlrail

FILES = {
    "migrations/001_base.sql": "CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE orders (id int, user_id int);"
    "INSERT INTO users VALUES (1); INSERT INTO orders VALUES (1, 1), (2, 9);",
    "migrations/002_clean.sql": "-- cleanup: orders.user_id -> users.id\nSELECT 1;",
    "migrations/003_index.sql": "-- transactional: false\nCREATE INDEX CONCURRENTLY ON orders (user_id);",
}
VERSION = "SELECT obj_description('sqlrail.archive'::regclass, 'pg_class')"


@pytest.fixture
def env(database: str) -> dict[str, str]:
    return {"DATABASE_URL": database, "APP_ENV": "test"}


@pytest.fixture(params=["133c8ca", "1b5f8a2"])
def older(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an older build: the command is its runner.py."""
    folder = tmp_path_factory.mktemp("older")
    packed = folder / "older.zip"
    git = shutil.which("git") or pytest.skip("git is not installed")
    made = [git, "-C", str(ROOT), "archive", "--format=zip", "-o", str(packed), request.param]
    if subprocess.run(made, capture_output=True, check=False).returncode:
        pytest.skip(f"the history of this repository, with {request.param}, is not here")
    shutil.unpack_archive(packed, folder)
    return folder


def old(folder: Path, env: dict[str, str], *words: str) -> Any:
    """What an older build answers, where it exits with 0."""
    done = subprocess.run(
        [sys.executable, folder / "runner.py", *words, "--json"],
        capture_output=True, text=True, check=False, env={**clean_environment(), **env},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_an_older_build_reads_what_this_one_wrote(sqlrail: Sqlrail, env: dict[str, str], older: Path) -> None:
    put(FILES)
    assert sqlrail("migrate", env=env).code == 0
    assert query(env["DATABASE_URL"], VERSION)[0][0].endswith(f"version {OWN_VERSION}")
    status = old(older, env, "status")
    assert [(it["state"], bool(it["checksum"])) for it in status["migrations"]] == [("applied", True)] * 3
    assert old(older, env, "migrate")["applied"] == []
    Path("migrations/001_base.sql").write_text("SELECT 2;")
    assert old(older, env, "status")["migrations"][0]["state"] == "edited"
    put(FILES)
    assert (listed := old(older, env, "archive", "list"))["rows"] == 1
    query(env["DATABASE_URL"], "INSERT INTO users VALUES (9)")
    assert old(older, env, "restore", str(listed["runs"][0]["run"]))["relations"][0]["restored"] == 1
    put({"migrations/004_more.sql": "-- transactional: false\nCREATE INDEX CONCURRENTLY ON orders (id);"})
    assert [it["id"] for it in old(older, env, "migrate")["applied"]] == ["004_more"]
    assert query(env["DATABASE_URL"], "SELECT environment FROM sqlrail.stamp") == [("test",)]
    assert json.loads(sqlrail("status", "--json", env=env).out)["pending"] == 0


def test_what_an_older_build_wrote_is_read_and_brought_further(
    sqlrail: Sqlrail, env: dict[str, str], older: Path
) -> None:
    put(FILES)
    assert len(old(older, env, "migrate")["applied"]) == 3
    assert query(env["DATABASE_URL"], VERSION) == [(None,)]
    status = json.loads(sqlrail("status", "--json", env=env).out)
    assert [(it["state"], bool(it["checksum"])) for it in status["migrations"]] == [("applied", True)] * 3
    assert json.loads(sqlrail("archive", "list", "--json", env=env).out)["rows"] == 1
    # Whoever only reads, or has nothing to write there, changes nothing.
    assert sqlrail("migrate", env=env).code == 0
    assert query(env["DATABASE_URL"], VERSION) == [(None,)]
    put({"migrations/004_more.sql": "-- transactional: false\nCREATE INDEX CONCURRENTLY ON orders (id);"})
    assert sqlrail("migrate", env=env).code == 0
    assert query(env["DATABASE_URL"], VERSION)[0][0].endswith(f"version {OWN_VERSION}")
    query(env["DATABASE_URL"], "INSERT INTO users VALUES (9)")
    assert json.loads(sqlrail("restore", "1", "--json", env=env).out)["relations"][0]["restored"] == 1


def test_tables_of_a_version_to_come_are_used_and_left_as_they_are(
    sqlrail: Sqlrail, env: dict[str, str]
) -> None:
    put(FILES)
    assert sqlrail("migrate", "--to", "001_base", env=env).code == 0
    query(
        env["DATABASE_URL"],
        "ALTER TABLE sqlrail.archive ADD more int DEFAULT 7; ALTER TABLE sqlrail.run ADD more text;"
        "COMMENT ON TABLE sqlrail.archive IS 'the tables of sqlrail are of version 99'",
    )
    assert sqlrail("migrate", env=env).code == 0
    assert query(env["DATABASE_URL"], VERSION)[0][0].endswith("version 99")
    query(env["DATABASE_URL"], "INSERT INTO users VALUES (9)")
    assert json.loads(sqlrail("restore", "1", "--json", env=env).out)["relations"][0]["restored"] == 1


def test_tables_that_are_somebody_elses_are_used_as_they_are(
    sqlrail: Sqlrail, env: dict[str, str], database: str
) -> None:
    put(FILES)
    assert sqlrail("migrate", "--to", "001_base", env=env).code == 0
    query(database, "COMMENT ON TABLE sqlrail.archive IS NULL")
    name = "user_" + database.partition("/test_")[2].partition("?")[0]
    query(database, f"CREATE ROLE {name}")
    try:
        query(
            database,
            f"""GRANT ALL ON SCHEMA sqlrail, public TO {name};
            GRANT ALL ON ALL TABLES IN SCHEMA sqlrail, public TO {name};
            GRANT ALL ON ALL SEQUENCES IN SCHEMA sqlrail TO {name}; ALTER TABLE orders OWNER TO {name}""",
        )
        as_role = {**env, "DATABASE_URL": f"{database}&options=-c%20role%3D{name}"}
        result = sqlrail("migrate", env=as_role)
        assert (result.code, result.err) == (0, "")
        assert query(database, VERSION) == [(None,)]
        assert query(database, "SELECT count(*) FROM sqlrail.archive") == [(1,)]
    finally:
        query(database, f"REASSIGN OWNED BY {name} TO CURRENT_USER; DROP OWNED BY {name}; DROP ROLE {name}")


# Half a history


@pytest.fixture
def migrated(sqlrail: Sqlrail, env: dict[str, str]) -> Sqlrail:
    put(FILES)
    assert sqlrail("migrate", env=env).code == 0
    return lambda *words: sqlrail(*words, env=env)


def said(result: Outcome) -> str:
    assert "bug" not in result.err, result.err
    return result.err


@pytest.mark.parametrize("spoil", ["DELETE FROM _yoyo_version", "DROP TABLE _yoyo_version"])
@pytest.mark.parametrize(
    "verb", [["migrate"], ["baseline", "--to", "003_index"], ["stamp", "test", "--name", "{name}"]]
)
def test_a_dump_without_rows_is_half_a_history_and_the_way_out_works(
    migrated: Sqlrail, database: str, spoil: str, verb: list[str]
) -> None:
    for statement in (
        "DELETE FROM _yoyo_migration",
        "DELETE FROM _yoyo_log",
        "DELETE FROM sqlrail.stamp",
        spoil,
    ):
        query(database, statement)
    before = query(database, "SELECT count(*) FROM orders")
    words = [word.format(name=psycopg.conninfo.conninfo_to_dict(database)["dbname"]) for word in verb]
    result = migrated(*words)
    assert (result.code, "has half a history" in said(result)) == (3, True)
    assert query(database, "SELECT count(*) FROM _yoyo_migration") == [(0,)]
    remedy = re.search(r"or run (.*;) and record", result.err)
    assert remedy
    query(database, remedy[1])
    assert migrated("baseline", "--to", "003_index").code == 0
    assert migrated("status", "--check").code == 0
    assert query(database, "SELECT count(*) FROM orders") == before


def test_records_of_a_newer_yoyo_are_said_to_be_so(migrated: Sqlrail, database: str) -> None:
    query(database, "UPDATE _yoyo_version SET version = 7")
    put({"migrations/004_more.sql": "SELECT 1;"})
    result = migrated("migrate")
    assert (result.code, "no version that this yoyo knows (1 to 2)" in said(result)) == (3, True)
    assert query(database, "SELECT count(*) FROM _yoyo_migration") == [(3,)]


def test_a_log_that_is_gone_can_be_made_again(migrated: Sqlrail, database: str) -> None:
    query(database, "DROP TABLE _yoyo_log")
    result = migrated("migrate")
    assert (result.code, "somebody has dropped it" in said(result)) == (1, True)
    remedy = re.search(r"CREATE TABLE .*?;", result.err)
    assert remedy
    query(database, remedy[0])
    assert migrated("migrate").code == 0
    assert migrated("status", "--check").code == 0


def test_a_record_that_has_lost_its_name_is_named_by_its_hash(migrated: Sqlrail, database: str) -> None:
    query(database, "UPDATE _yoyo_migration SET migration_id = NULL WHERE migration_id = '002_clean'")
    for verb in ("status", "migrate"):
        result = migrated(verb)
        assert (result.code, "have no migration_id" in said(result)) == (1, True)
    query(database, result.err.partition("again: ")[2])
    assert migrated("migrate", "--allow-late").code == 0
    assert migrated("status", "--check").code == 0


@pytest.mark.parametrize("table", ["stamp", "run", "progress", "archive"])
def test_a_table_of_ours_that_is_gone_is_made_again_and_the_others_stay(
    migrated: Sqlrail, database: str, table: str
) -> None:
    query(database, f"DROP TABLE sqlrail.{table}")
    listed = migrated("archive", "list")
    if table in ("run", "archive"):
        assert (listed.code, "`stamp`, with the environment's name" in said(listed)) == (1, True)
    else:
        assert (listed.code, listed.out.splitlines()[-1]) == (0, "1 row in the archive")
    assert migrated("status", "--check").code == 0
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    result = migrated("stamp", "test", "--name", str(name))
    assert (result.code, said(result)) == (0, "")
    listed = migrated("archive", "list")
    assert listed.out.splitlines()[-1] == f"{'0 rows' if table == 'archive' else '1 row'} in the archive"
    assert query(database, "SELECT environment FROM sqlrail.stamp") == [("test",)]


@pytest.mark.parametrize(
    "relations", ["{}", "[1]", '[null, "x", {"of": "?"}]', '[{"relation": 7}]', '"text"', "null"]
)
def test_an_entry_of_the_log_that_somebody_has_changed_is_no_bug(
    migrated: Sqlrail, database: str, relations: str
) -> None:
    query(database, f"UPDATE sqlrail.run SET relations = '{relations}'")
    result = migrated("archive", "list")
    assert (result.code, result.out.splitlines()[-1], said(result)) == (0, "1 row in the archive", "")
    query(database, "INSERT INTO users VALUES (9)")
    assert said(migrated("restore", "1")) == ""
    assert query(database, "SELECT count(*) FROM orders") == [(2,)]


@pytest.mark.parametrize("change", ["relation = 'rubbish'", "cells = '[1]'", "cells = '7'"])
def test_rows_of_the_archive_that_somebody_has_spoilt_are_named(
    migrated: Sqlrail, database: str, change: str
) -> None:
    query(database, f"UPDATE sqlrail.archive SET {change}")
    result = migrated("restore", "1")
    assert (result.code, "1 row of the archive (1) is not as a cleanup writes them" in said(result)) == (
        3,
        True,
    )
    assert query(database, "SELECT count(*) FROM sqlrail.archive") == [(1,)]
    query(database, result.err.partition("give them up: ")[2].partition(". Nothing")[0])
    assert migrated("restore", "1").code == 0


def test_what_is_in_the_place_of_yoyos_lock_table_ends_the_wait(
    sqlrail: Sqlrail, env: dict[str, str], database: str
) -> None:
    """It looked again and again, as fast as it could, for a table that it could not make."""
    query(database, "CREATE VIEW yoyo_lock AS SELECT 1 AS locked")
    put(FILES)
    for words in (
        ["migrate"],
        ["stamp", "test", "--name", str(psycopg.conninfo.conninfo_to_dict(database)["dbname"])],
    ):
        result = sqlrail(*words, "--lock-wait", "1s", env=env)
        assert (result.code, "yoyo_lock is not a table" in said(result)) == (1, True)
    assert query(database, "SELECT to_regclass('_yoyo_migration'), to_regnamespace('sqlrail')") == [
        (None, None)
    ]
