"""The pytest plugin: what a test gets, what runs share, and what is left of them, however they end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import console
import psycopg
import pytest
from conftest import FAST, ROOT, clean_environment, fresh_database, open_folder, query
from console import Sqlrail, put
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from servers import own_server
from waiting import wait_for

from sqlrail.errors import DatabaseFailed, MigrationFailed, Refused, SettingsError, SqlrailError, UsageError
from sqlrail.server import local
from sqlrail.testing.server import home_of
from sqlrail.testing.template import SPARE, Way, database_url, template

sqlrail = console.sqlrail

FILES = {
    "001_a.sql": "CREATE TABLE t (n int PRIMARY KEY);",
    "002_b.sql": "-- transactional: false\nCREATE INDEX CONCURRENTLY i ON t (n);",
    "002_b.rollback.sql": "DROP INDEX i;",
}
TESTS = """
import psycopg, pytest

@pytest.mark.parametrize("n", range(4))
def test_a_database_is_nobody_else_s(sqlrail_database, n, seen=set()):
    assert sqlrail_database not in seen
    seen.add(sqlrail_database)
    leaked = psycopg.connect(sqlrail_database, autocommit=True)
    assert leaked.execute("SELECT count(*) FROM t").fetchone() == (0,)
    assert leaked.execute("SELECT count(*) FROM _yoyo_migration").fetchone() == (2,)
    assert leaked.execute("SELECT environment FROM sqlrail.stamp").fetchone() == ("test",)
    leaked.execute("INSERT INTO t VALUES (1)")
    leaked.execute("BEGIN; LOCK TABLE t")

def test_a_template_is_for_other_scopes_too(sqlrail_template):
    with sqlrail_template.copy() as one, sqlrail_template.copy() as other:
        assert one != other
        with psycopg.connect(one, autocommit=True) as connection:
            connection.execute("INSERT INTO t VALUES (1)")
        with psycopg.connect(other) as connection:
            assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
"""
WAITS = """
import os, pathlib

def test_it(sqlrail_database):
    os.mkfifo("go")
    pathlib.Path("nearly").write_text(sqlrail_database)
    pathlib.Path("nearly").rename("ready")
    pathlib.Path("go").read_text()
"""


def start(folder: Path, *arguments: str, url: str = "") -> subprocess.Popen[str]:
    named = {"SQLRAIL_TEST_DATABASE_URL": url} if url else {}
    named["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # where sqlrail is installed, it would be there twice
    plugin = ["-p", "sqlrail.testing.plugin", "-p", "no:cacheprovider"]
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-W", "error::pytest.PytestWarning", *plugin, *arguments],
        cwd=folder, env={**clean_environment(), "PYTHONPATH": str(ROOT), **named}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    return out


def left(url: str, kind: str = "") -> list[str]:
    """The fixtures' databases on the server of a URL, by kind, that belong to the database in it."""
    names = query(
        url,
        "SELECT datname, left(encode(sha256(current_database()::text::bytea), 'hex'), 8) FROM pg_database",
    )
    return sorted(
        name for name, group in names if name.startswith(f"sqlrail_{kind}") and f"_{group}_" in name
    )


def wait_until_ready(folder: Path, process: subprocess.Popen[str]) -> None:
    """Until its test waits for `go` in that folder."""
    wait_for(lambda: process.poll() is not None or (folder / "ready").exists(), "it is in its test")
    assert process.poll() is None, process.communicate()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    put({f"migrations/{name}": content for name, content in FILES.items()}, tmp_path)
    put({"test_it.py": TESTS, "pytest.ini": "[pytest]\n"}, tmp_path)
    return tmp_path


# what a test gets


def test_each_test_has_a_migrated_database_and_only_the_template_stays(project: Path, database: str) -> None:
    assert "5 passed" in finish(start(project, url=database))
    (made,) = left(database)
    assert made.startswith("sqlrail_template_")
    oid = query(database, f"SELECT oid FROM pg_database WHERE datname = '{made}'")
    assert "5 passed" in finish(start(project, url=database))
    assert query(database, f"SELECT oid FROM pg_database WHERE datname = '{made}'") == oid


def test_the_settings_are_in_the_configuration_or_in_the_environment(tmp_path: Path, database: str) -> None:
    folder = "a 'folder' [x]; %s"
    put({f"{folder}/{name}": content for name, content in FILES.items()}, tmp_path)
    put(
        {f"{folder}/003_; \"x'\n.sql": "SELECT 1", "test_it.py": "def test_it(sqlrail_database): pass"},
        tmp_path,
    )
    put(
        {"pytest.ini": f"[pytest]\nsqlrail_migrations = {folder}\nsqlrail_database_url = {database}\n"},
        tmp_path,
    )
    assert "1 passed" in finish(start(tmp_path))
    assert len(left(database, "template")) == 1
    process = start(tmp_path, url="postgresql://nobody@127.0.0.1:1/x")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Failed: cannot connect to nobody@127.0.0.1:1/x: " in out
    assert "Traceback" not in out


def test_without_a_server_named_the_embedded_one_runs_for_as_long_as_somebody_tests() -> None:
    with open_folder() as folder:
        put({f"migrations/{name}": content for name, content in FILES.items()}, folder)
        put({"test_it.py": WAITS, "test_again.py": TESTS, "pytest.ini": "[pytest]\n"}, folder)
        first = start(folder, "test_it.py")
        wait_until_ready(folder, first)
        assert "5 passed" in finish(start(folder, "test_again.py"))
        with psycopg.connect((folder / "ready").read_text()) as connection:  # it is still there
            assert connection.execute("SHOW fsync").fetchone() == ("off",)
        (folder / "go").write_text("")
        finish(first)
        assert not local.stop(home_of(folder))
        shutil.rmtree(home_of(folder))


@pytest.mark.parametrize(
    "files", [{"001_a.sql": "SELECT 1 / 0"}, {}], ids=["a broken migration", "no folder"]
)
def test_the_embedded_server_does_not_outlive_a_run_that_fails(files: dict[str, str]) -> None:
    with open_folder() as folder:
        put({f"migrations/{name}": content for name, content in files.items()}, folder)
        put({"test_it.py": "def test_it(sqlrail_database): pass", "pytest.ini": "[pytest]\n"}, folder)
        process = start(folder)
        process.communicate(timeout=120)
        assert process.returncode == 1
        assert not local.stop(home_of(folder))
        shutil.rmtree(home_of(folder))


def test_a_pytest_that_does_not_use_it_loads_nothing_of_it(tmp_path: Path) -> None:
    code = "import sys\ndef test_it(): assert not {'psycopg', 'yoyo', 'sqlrail.ground.settings'} & sys.modules.keys()"
    put({"test_it.py": code, "pytest.ini": "[pytest]\n"}, tmp_path)
    assert "1 passed" in finish(start(tmp_path))


def test_its_variable_is_no_setting_that_the_command_line_stumbles_over(
    sqlrail: Sqlrail, database: str
) -> None:
    put({"migrations/001_a.sql": "SELECT 1"})
    env = {"DATABASE_URL": database, "SQLRAIL_TEST_DATABASE_URL": "postgresql://elsewhere/x"}
    assert sqlrail("migrate", env=env).code == 0


# what runs share


@pytest.mark.promise
def test_workers_that_start_at_once_share_one_template(project: Path, database: str) -> None:
    put({"migrations/003_c.sql": "SELECT pg_sleep(0.5);"}, project)
    put({"test_it.py": "def test_it(sqlrail_database): pass"}, project)
    for worker in [start(project, url=database) for _ in range(3)]:
        assert "1 passed" in finish(worker)
    assert [name.split("_")[1] for name in left(database)] == ["template"]


@pytest.mark.promise
def test_a_killed_run_is_cleaned_up_after_and_a_living_one_is_left_alone(
    project: Path, database: str, server: local.Server
) -> None:
    put(
        {"a/test_it.py": WAITS, "b/test_it.py": WAITS, "test_it.py": "def test_it(sqlrail_database): pass"},
        project,
    )
    for name in ("a", "b"):
        put({f"{name}/pytest.ini": "[pytest]\nsqlrail_migrations = ../migrations\n"}, project)
    killed, living = (start(project / name, url=database) for name in ("a", "b"))
    for name, process in (("a", killed), ("b", living)):
        wait_until_ready(project / name, process)
    killed.kill()
    killed.communicate(timeout=60)
    assert len(left(database, "test")) == 2
    with fresh_database(server) as elsewhere:  # whose locks are others
        finish(start(project, "test_it.py", url=elsewhere))
        assert len(left(database, "test")) == 2

    def another_has_tidied() -> bool:
        finish(start(project, "test_it.py", url=database))
        return len(left(database, "test")) == 1

    wait_for(
        another_has_tidied, "the server has seen that its client is gone, and a later run has dropped it"
    )
    (database_of_b,) = left(database, "test")
    assert database_of_b in (project / "b" / "ready").read_text()
    (project / "b" / "go").write_text("")
    finish(living)
    assert left(database, "test") == []


def test_an_interrupted_run_leaves_nothing(project: Path, database: str) -> None:
    put({"test_it.py": WAITS}, project)
    process = start(project, url=database)
    wait_until_ready(project, process)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 2, out
    assert [name.split("_")[1] for name in left(database)] == ["template"]


HOLDING = {
    "a prepared transaction": ["BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'left'"],
    "a slot": ["SELECT pg_create_logical_replication_slot('left', 'pgoutput')"],
    "a subscription": [
        "CREATE PUBLICATION p FOR ALL TABLES",
        "CREATE SUBSCRIPTION \"odd; name\" CONNECTION 'host=127.0.0.1 dbname=nix' PUBLICATION p WITH (connect = false)",
    ],
    "being a template": ["ALTER DATABASE {name} IS_TEMPLATE true"],
    "a limit of connections": ["ALTER DATABASE {name} CONNECTION LIMIT 0"],
}


@pytest.fixture(scope="module")
def replicating() -> Iterator[local.Server]:
    """A server on which more can hold a database than on others."""
    with own_server({**FAST, "wal_level": "logical", "max_prepared_transactions": "2"}) as server:
        yield server


@pytest.mark.parametrize("what", HOLDING)
def test_nothing_that_a_test_leaves_keeps_its_database(
    replicating: local.Server, tmp_path: Path, what: str
) -> None:
    put(FILES, tmp_path)
    with fresh_database(replicating) as url:
        with template(url, tmp_path) as made, made.copy() as copy:
            for statement in HOLDING[what]:
                query(copy, statement.format(name=conninfo_to_dict(copy)["dbname"]))
        assert [name.split("_")[1] for name in left(url)] == ["template"]
        held = "SELECT gid FROM pg_prepared_xacts UNION ALL SELECT slot_name FROM pg_replication_slots"
        assert query(url, held) == []


@pytest.mark.parametrize("way", ["", "-- transactional: false\n"], ids=["in a transaction", "outside"])
def test_a_subscription_of_the_files_is_not_made_for_tests(database: str, tmp_path: Path, way: str) -> None:
    # With create_slot it would take a slot on the publisher, and where there is one already, the real one's.
    feed = "CREATE SUBSCRIPTION feed CONNECTION 'host=127.0.0.1 dbname=nix' PUBLICATION p WITH (connect = false);"
    put(
        {
            "001_a.sql": f"{way}CREATE TABLE a ();\n{feed}\nALTER SUBSCRIPTION feed DISABLE;\nCREATE TABLE b ();"
        },
        tmp_path,
    )
    with template(database, tmp_path) as made, made.copy() as copy:
        assert query(copy, "SELECT to_regclass('a') IS NOT NULL, to_regclass('b') IS NOT NULL") == [
            (True, True)
        ]
        assert query(copy, "SELECT subname FROM pg_subscription") == []


# templates


def test_other_content_is_another_template_and_some_old_ones_stay(tmp_path: Path, database: str) -> None:
    names = []
    with ExitStack() as undo:
        for n in range(SPARE + 2):
            put({"001_a.sql": f"SELECT {n};", "001_a.rollback.sql": f"SELECT {n};"}, tmp_path)
            made = undo.enter_context(template(database, tmp_path))
            names.append(made.name)
            if n == 0:
                put({"001_a.rollback.sql": "SELECT 'other'"}, tmp_path)
                with template(database, tmp_path) as again:
                    assert again.name == made.name
        assert sorted(names) == left(database)  # all are in use
    with template(database, tmp_path) as made:
        assert left(database) == sorted([*names[-SPARE - 1 : -1], made.name])


def test_a_template_of_a_file_that_fails_is_not_made(tmp_path: Path, database: str) -> None:
    put(
        {"001_a.sql": "CREATE TABLE t ();", "002_b.sql": "-- transactional: false\nSELECT 1;\nSELECT 1/0"},
        tmp_path,
    )
    for _ in range(2):
        with pytest.raises(MigrationFailed) as raised, template(database, tmp_path):
            pass
        assert str(raised.value).startswith(f"{tmp_path}/002_b.sql:3:1: division by zero")
        assert left(database) == []
    put({"002_b.sql": "SELECT 1"}, tmp_path)
    with template(database, tmp_path) as made, made.copy() as url:
        assert query(url, "SELECT to_regclass('t')::text") == [("t",)]


def test_who_is_still_connected_to_a_copy_is_cut_off(tmp_path: Path, any_database: str) -> None:
    put(FILES, tmp_path)
    with template(any_database, tmp_path) as made:
        with made.copy() as url:
            leaked = psycopg.connect(url)
            leaked.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(psycopg.OperationalError):
            leaked.execute("SELECT 1")
        leaked.close()
        with made.copy() as url:
            assert query(url, "TABLE t") == []


@pytest.mark.promise
def test_copies_are_dropped_together_once_they_are_many(tmp_path: Path, database: str) -> None:
    put(FILES, tmp_path)
    with template(database, tmp_path) as made:
        size = query(database, f"SELECT pg_database_size('{made.name}')")[0][0]
    with template(database, tmp_path, Way(2 * size, 0)) as made, made.copy() as outer:
        for n in range(6):
            with made.copy() as inner:
                assert query(inner, "TABLE t") == []
            assert len(left(database, "test")) == 1 + (n + 1) % 3
        assert query(outer, "TABLE t") == []
    assert left(database, "test") == []


def test_copies_are_dropped_together_behind_the_tests(tmp_path: Path, database: str) -> None:
    put(FILES, tmp_path)
    with template(database, tmp_path) as made:
        size = query(database, f"SELECT pg_database_size('{made.name}')")[0][0]
    with template(database, tmp_path, Way(2 * size, 2)) as made, made.copy() as outer:
        given = set()
        for _ in range(8):
            with made.copy() as inner:
                given.add(inner)
        assert len(given) == 8
        # the outer one, two that are ready, and at the most two that are done with
        wait_for(lambda: 3 <= len(left(database, "test")) <= 5, "the others are dropped")
        assert query(outer, "TABLE t") == []
    assert left(database, "test") == []


def test_names_are_within_63_bytes_whatever_the_name_of_the_database(
    tmp_path: Path, server: local.Server
) -> None:
    put(FILES, tmp_path)
    name = "ü" * 31
    query(server.url, f'CREATE DATABASE "{name}" ENCODING UTF8 TEMPLATE template0')
    url = make_conninfo(server.url, dbname=name)
    try:
        with template(url, tmp_path) as made, made.copy() as copy:
            names = [made.name, str(conninfo_to_dict(copy)["dbname"])]
            assert [it for it in names if len(it.encode()) > 63] == []
            assert sorted(names) == left(url)
    finally:
        for it in (*left(url), name):
            query(server.url, f'DROP DATABASE "{it}" WITH (FORCE)')


@pytest.mark.parametrize(
    ("stamp", "refused"), [("production", True), ("staging", True), ("development", False)]
)
def test_a_server_whose_database_is_stamped_for_others_is_refused(
    stamp: str, refused: bool, sqlrail: Sqlrail, tmp_path: Path, database: str
) -> None:
    put(FILES, tmp_path / "migrations")
    assert sqlrail("migrate", env={"DATABASE_URL": database, "APP_ENV": stamp}).code == 0
    with ExitStack() as undo:
        if refused:
            said = undo.enter_context(
                pytest.raises(Refused, match=f"is stamped {stamp}. Name a server for tests in")
            )
        undo.enter_context(template(database, tmp_path / "migrations"))
        assert not refused
    assert (left(database) == []) is refused
    assert not refused or "SQLRAIL_TEST_DATABASE_URL" in str(said.value)


def test_a_role_that_may_not_create_databases_is_told(tmp_path: Path, database: str) -> None:
    put(FILES, tmp_path)
    role = f"plain_{os.getpid()}"
    query(database, f"CREATE ROLE {role} LOGIN")
    try:
        with (
            pytest.raises(UsageError, match=f"may create databases: ALTER ROLE {role} CREATEDB"),
            template(database.replace("postgres@", f"{role}@"), tmp_path),
        ):
            pass
    finally:
        query(database, f"DROP ROLE {role}")


def test_a_role_that_may_only_create_databases_is_enough(tmp_path: Path, database: str) -> None:
    put(FILES, tmp_path)
    role = f"maker_{os.getpid()}"
    query(database, f"CREATE ROLE {role} LOGIN CREATEDB")
    try:
        with template(database.replace("postgres@", f"{role}@"), tmp_path) as made:
            with made.copy() as url:
                query(url, "INSERT INTO t VALUES (1)")
            with made.copy() as url:
                assert query(url, "TABLE t") == []
        query(database, f'DROP DATABASE "{made.name}"')
    finally:
        query(database, f"DROP ROLE {role}")


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"url": ""}, SettingsError),
        ({"url": "mysql://x"}, SettingsError),
        ({"directory": Path("nowhere")}, SqlrailError),
    ],
    ids=["no URL", "another URL", "no folder"],
)
def test_what_is_wrong_is_said(
    arguments: dict[str, Any], kind: type[SqlrailError], database: str, tmp_path: Path
) -> None:
    with pytest.raises(kind), template(**{"url": database, "directory": tmp_path, **arguments}):
        pass
    assert left(database) == []


def test_a_copy_that_cannot_be_made_is_said(tmp_path: Path, database: str) -> None:
    put(FILES, tmp_path)
    with template(database, tmp_path) as made:
        query(database, f'DROP DATABASE "{made.name}"')
        with pytest.raises(DatabaseFailed, match="does not exist"), made.copy():
            pass


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://", "postgresql:///x"),
        ("postgres:///", "postgres:///x"),
        ("postgresql://h", "postgresql://h/x"),
        ("postgresql://u:p%2F@h:5432/a", "postgresql://u:p%2F@h:5432/x"),
        ("postgresql://[::1]:5432/a?sslmode=require", "postgresql://[::1]:5432/x?sslmode=require"),
        ("postgresql://h1:1,h2:2/a", "postgresql://h1:1,h2:2/x"),
        ("postgresql:///a?host=%2Ftmp&port=1", "postgresql:///x?host=%2Ftmp&port=1"),
        ("postgresql://?host=/tmp&dbname=a", "postgresql:///x?host=/tmp"),
        ("postgresql://h?dbname=a&user=u", "postgresql://h/x?user=u"),
    ],
)
def test_only_the_database_of_a_url_is_exchanged(url: str, expected: str) -> None:
    assert database_url(url, "x") == expected
    parameters = psycopg.conninfo.conninfo_to_dict(expected)
    assert parameters == {**psycopg.conninfo.conninfo_to_dict(url), "dbname": "x"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql+psycopg://u:p@h/a", "postgresql+psycopg://u:p@h/x"),
        ("jdbc:postgresql://h:1/a?currentSchema=s", "jdbc:postgresql://h:1/x?currentSchema=s"),
        ("Postgres://h/a", "Postgres://h/x"),
    ],
)
def test_a_copy_is_named_as_its_server_was(url: str, expected: str) -> None:
    assert database_url(url, "x") == expected


def test_a_copy_of_a_server_in_a_key_value_string_is_named_in_one() -> None:
    given = psycopg.conninfo.conninfo_to_dict(database_url("host=h dbname=a user='b c'", "x"))
    assert given == {"host": "h", "dbname": "x", "user": "b c"}


def test_tests_take_the_url_of_another_library(tmp_path: Path, database: str) -> None:
    put(FILES, tmp_path)
    url = database.replace("postgresql://", "postgresql+psycopg://")
    with template(url, tmp_path) as made, made.copy() as copy:
        assert copy.startswith("postgresql+psycopg://")
    assert made.name in left(database)
