"""What tests send to their databases, collected for plan."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from conftest import FAST, fresh_database, majors, open_folder, query, with_contrib
from console import put
from servers import own_server
from test_pytest_plugin import WAITS, finish, start, wait_until_ready

from sqlrail.foresight.queries import of_file
from sqlrail.server import local
from sqlrail.testing.seen import written
from sqlrail.testing.server import home_of

TESTS = """
import psycopg, pytest

@pytest.mark.parametrize("n", range(4))
def test_it(sqlrail_database, n):
    with psycopg.connect(sqlrail_database, autocommit=True) as connection:
        connection.execute("SET work_mem = '8MB'")
        connection.execute("INSERT INTO t VALUES (%s) -- a number", [n])
        connection.execute(f"SELECT n FROM t WHERE n > {n} -- it's\\n")
        with connection.cursor() as cursor, cursor.copy("COPY t FROM STDIN") as copy:
            copy.write_row([7])

def test_another(sqlrail_template):
    with sqlrail_template.copy() as url, psycopg.connect(url) as connection:
        connection.execute("DELETE FROM t")
"""
QUERIES = [
    "COPY t FROM STDIN",
    "DELETE FROM t",
    "INSERT INTO t VALUES ($1) -- a number",
    "SELECT n FROM t WHERE n > $1 -- it's",
]


@pytest.fixture(scope="module")
def counting() -> Iterator[local.Server]:
    """A server that counts statements."""
    options = {**FAST, "shared_preload_libraries": "pg_stat_statements"}
    with own_server(options, majors()[max(with_contrib())]) as server:
        yield server


@pytest.fixture
def url(counting: local.Server) -> Iterator[str]:
    with fresh_database(counting) as url:
        query(url, "CREATE SCHEMA ext; CREATE EXTENSION pg_stat_statements SCHEMA ext")
        yield url


@pytest.fixture
def project(tmp_path: Path) -> Path:
    put({"migrations/001_a.sql": "CREATE TABLE t (n int PRIMARY KEY);", "test_it.py": TESTS}, tmp_path)
    put({"pytest.ini": "[pytest]\n"}, tmp_path)
    return tmp_path


def collected(folder: Path) -> list[str]:
    return [one.text.decode().strip() for one in of_file(folder / "queries.sql")]


@pytest.mark.parametrize("ini", ["", "sqlrail_reset = true\n", "sqlrail_ahead = 0\n"])
def test_what_tests_send_is_written_as_plan_reads_it(project: Path, url: str, ini: str) -> None:
    put({"pytest.ini": f"[pytest]\n{ini}"}, project)
    out = finish(start(project, "--sqlrail-queries", "queries.sql", url=url))
    assert "sqlrail: 4 queries of the tests are in queries.sql" in out
    assert collected(project) == QUERIES


def test_workers_of_xdist_write_one_file(project: Path, url: str) -> None:
    put({"test_more.py": TESTS.replace("DELETE FROM t", "DELETE FROM ONLY t")}, project)
    finish(start(project, "--sqlrail-queries=queries.sql", "-p", "xdist", "-n", "2", url=url))
    assert collected(project) == sorted([*QUERIES, "DELETE FROM ONLY t"])


def test_the_embedded_server_counts_when_it_is_asked_to() -> None:
    with open_folder() as folder:
        put({"migrations/001_a.sql": "CREATE TABLE t (n int PRIMARY KEY);", "test_it.py": TESTS}, folder)
        put({"pytest.ini": "[pytest]\n", "test_waits.py": WAITS}, folder)
        for _ in range(2):
            finish(start(folder, "test_it.py", "--sqlrail-queries", "queries.sql"))
            assert collected(folder) == QUERIES
        without = start(folder, "test_waits.py")
        wait_until_ready(folder, without)
        refused = failed(start(folder, "test_it.py", "--sqlrail-queries", "queries.sql"))
        assert "the tests' embedded server runs already, for a run that collects none" in refused
        assert "Traceback" not in refused
        (folder / "go").write_text("")
        finish(without)
        local.stop(home_of(folder))


def test_a_server_that_does_not_count_is_refused(project: Path, url: str, database: str) -> None:
    out = failed(start(project, "--sqlrail-queries", "queries.sql", url=database))
    assert "CREATE EXTENSION pg_stat_statements there" in out
    query(url, "DROP EXTENSION pg_stat_statements")
    assert "CREATE EXTENSION" in failed(start(project, "--sqlrail-queries", "queries.sql", url=url))


def test_a_library_that_is_not_loaded_is_refused(project: Path, database: str) -> None:
    try:
        query(database, "CREATE EXTENSION pg_stat_statements")
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("the newest server has no extensions")
    out = failed(start(project, "--sqlrail-queries", "queries.sql", url=database))
    assert "must be loaded via" in out
    assert "Traceback" not in out


def test_a_file_that_cannot_be_written_is_named(project: Path, url: str) -> None:
    process = start(project, "--sqlrail-queries", "nowhere/queries.sql", url=url)
    out, _ = process.communicate(timeout=120)
    assert process.returncode
    assert "nowhere/queries.sql cannot be written: No such file or directory." in out


def test_a_comment_at_the_end_takes_no_semicolon(tmp_path: Path) -> None:
    texts = ["SELECT 1 -- one", "SELECT 2", "SELECT 3 -- '\n"]
    put({"queries.sql": written(texts)}, tmp_path)
    assert collected(tmp_path) == ["SELECT 1 -- one", "SELECT 2", "SELECT 3 -- '"]


def failed(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 1, out
    return out
