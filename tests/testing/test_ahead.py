"""Databases that are made before a test asks for them, whatever runs the tests; and what is left, however they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent

import psycopg
import pytest
from conftest import ROOT, clean_environment, query
from console import put
from psycopg.conninfo import conninfo_to_dict
from test_pytest_plugin import FILES, finish, left, start, wait_until_ready
from waiting import wait_for

from sqlrail.errors import DatabaseFailed
from sqlrail.testing.template import Way, template

THREAD = "sqlrail-copies"


def is_at_work() -> bool:
    return any(thread.name == THREAD for thread in threading.enumerate())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    put({f"migrations/{name}": content for name, content in FILES.items()}, tmp_path)
    put({"pytest.ini": "[pytest]\n"}, tmp_path)
    return tmp_path


def run(folder: Path, url: str, *arguments: str) -> str:
    """What a program of tests, none of which may fail, said."""
    environ = {**clean_environment(), "PYTHONPATH": str(ROOT), "SQLRAIL_TEST_DATABASE_URL": url}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environ, text=True, timeout=120, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def kinds(url: str) -> list[str]:
    return [name.split("_")[1] for name in left(url)]


# made ahead, and dropped behind


def test_copies_are_there_before_they_are_taken(tmp_path: Path, database: str) -> None:
    put(FILES, tmp_path)
    with template(database, tmp_path, Way(ahead=2)) as made:
        with made.copy():
            assert not is_at_work()  # one may be all that is wanted
        with made.copy(), made.copy():
            wait_for(lambda: len(left(database, "test")) == 5, "as many as are wanted have been made")
            before = left(database, "test")
            with made.copy() as url:
                assert conninfo_to_dict(url)["dbname"] in before
                assert query(url, "TABLE t") == []
        names = set()
        for _ in range(8):
            with made.copy() as url:
                names.add(url)
                query(url, "INSERT INTO t VALUES (1)")
        assert len(names) == 8
    assert not is_at_work()
    assert kinds(database) == ["template"]


def test_without_a_connection_to_spare_they_are_made_when_they_are_asked_for(
    tmp_path: Path, database: str
) -> None:
    put(FILES, tmp_path)
    role = f"narrow_{os.getpid()}"
    query(database, f"CREATE ROLE {role} LOGIN CREATEDB CONNECTION LIMIT 5")
    try:
        with template(database.replace("postgres@", f"{role}@"), tmp_path) as made:
            for _ in range(3):
                with made.copy() as url:
                    query(url, "INSERT INTO t VALUES (1)")
            assert not is_at_work()
        assert kinds(database) == ["template"]
        query(database, f'DROP DATABASE "{made.name}"')
    finally:
        query(database, f"DROP ROLE {role}")


def test_when_the_thread_has_met_an_error_whoever_takes_the_next_one_is_told(
    tmp_path: Path, database: str
) -> None:
    put(FILES, tmp_path)
    with template(database, tmp_path, Way(ahead=1)) as made:
        with made.copy(), made.copy():
            wait_for(lambda: len(left(database, "test")) == 3, "one is ready")
        query(database, f'DROP DATABASE "{made.name}"')
        with made.copy():  # which was ready
            pass
        wait_for(lambda: not is_at_work(), "it cannot make another")
        with pytest.raises(DatabaseFailed, match="does not exist"), made.copy():
            pass
    assert left(database) == []


def test_a_connection_of_the_thread_that_is_cut_off_stops_no_test(tmp_path: Path, database: str) -> None:
    put(FILES, tmp_path)
    with template(database, tmp_path, Way(ahead=1)) as made:
        mine = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        (pid,) = query(database, mine)
        with made.copy(), made.copy():
            wait_for(lambda: len(query(database, mine)) == 2, "the thread is connected")
            query(database, f"SELECT pg_terminate_backend(pid) FROM ({mine}) AS m WHERE pid <> {pid[0]}")
        for _ in range(3):
            with made.copy() as url:
                assert query(url, "TABLE t") == []
    assert kinds(database) == ["template"]


def test_a_test_that_is_over_does_not_wait_until_the_server_has_cut_off_who_is_connected(
    tmp_path: Path, database: str
) -> None:
    put(FILES, tmp_path)
    with template(database, tmp_path, Way(ahead=1)) as made:
        mine = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        ((pid,),) = query(database, mine)
        with made.copy(), made.copy():
            wait_for(lambda: len(left(database, "test")) == 3, "one is ready")
        with ExitStack() as test:
            leaked = psycopg.connect(test.enter_context(made.copy()))
            state = f"SELECT state FROM pg_stat_activity WHERE pid = {pid}"
            wait_for(lambda: query(database, state) == [("idle",)], "all that was sent before is done")
            os.kill(pid, signal.SIGSTOP)
            ending = threading.Thread(target=test.close)
            ending.start()
            ending.join(10)
            is_waiting = ending.is_alive()
            os.kill(pid, signal.SIGCONT)
            ending.join()
        assert not is_waiting
        wait_for(lambda: is_cut_off(leaked), "whoever is connected is cut off")
        with made.copy() as url:
            assert query(url, "TABLE t") == []
    assert kinds(database) == ["template"]


def is_cut_off(connection: psycopg.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except psycopg.OperationalError:
        connection.close()
    return connection.closed


@pytest.mark.promise
def test_what_a_killed_run_had_made_ahead_is_dropped_by_the_next(project: Path, database: str) -> None:
    put(
        {
            "test_it.py": dedent("""
                import os, pathlib, pytest

                @pytest.mark.parametrize("n", range(3))
                def test_it(sqlrail_database, n):
                    if n == 2:
                        os.mkfifo("go")
                        pathlib.Path("ready").write_text("")
                        pathlib.Path("go").read_text()
            """)
        },
        project,
    )
    killed = start(project, url=database)
    wait_until_ready(project, killed)
    wait_for(lambda: len(left(database, "test")) > 3, "some are ready")
    killed.kill()
    killed.communicate(timeout=60)
    put({"test_it.py": "def test_it(sqlrail_database): pass"}, project)

    def is_tidy() -> bool:
        finish(start(project, url=database))
        return kinds(database) == ["template"]

    wait_for(is_tidy, "the server has seen that its client is gone, and a later run has dropped them")


# what runs tests


@pytest.mark.promise
def test_workers_of_xdist_have_databases_of_their_own(project: Path, database: str) -> None:
    put(
        {
            "test_it.py": dedent("""
                import psycopg, pytest

                @pytest.mark.parametrize("n", range(12))
                def test_it(sqlrail_database, n):
                    with psycopg.connect(sqlrail_database) as connection:
                        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
                        connection.execute("INSERT INTO t VALUES (1)")
            """)
        },
        project,
    )
    assert "12 passed" in finish(start(project, "-p", "xdist", "-n", "2", url=database))
    assert kinds(database) == ["template"]


def test_a_folder_of_its_own_has_a_template_of_its_own(project: Path, database: str) -> None:
    put(
        {
            "billing/001_a.sql": "CREATE TABLE bills (n int)",
            "test_it.py": dedent("""
                import psycopg, pytest

                @pytest.fixture
                def billing(sqlrail_templates):
                    with sqlrail_templates("billing").copy() as url:
                        yield url

                @pytest.mark.parametrize("n", range(3))
                def test_it(sqlrail_database, billing, sqlrail_templates, n):
                    assert sqlrail_templates("billing") is sqlrail_templates("billing")
                    for url, table in ((sqlrail_database, "t"), (billing, "bills")):
                        with psycopg.connect(url) as connection:
                            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
                            connection.execute(f"INSERT INTO {table} VALUES (1)")
            """),
        },
        project,
    )
    assert "3 passed" in finish(start(project, url=database))
    assert kinds(database) == ["template", "template"]


def test_how_many_are_made_ahead_is_a_number(project: Path, database: str) -> None:
    put({"pytest.ini": "[pytest]\nsqlrail_ahead = many\n"}, project)
    put({"test_it.py": "def test_it(sqlrail_database): pass"}, project)
    out, _ = start(project, url=database).communicate(timeout=60)
    assert "sqlrail_ahead is 'many' in pytest's configuration: give a whole number." in out
    assert left(database) == []


UNITTEST = """
import unittest
import psycopg
from sqlrail.testing.cases import WithDatabase

class Plain(WithDatabase):
    def test_one(self):
        with psycopg.connect(self.database_url) as connection:
            connection.execute("INSERT INTO t VALUES (1)")
        self.assertEqual(self.database_url, self.database_url)

    test_two = test_three = test_one

    def test_none(self):
        pass

class Async(WithDatabase, unittest.IsolatedAsyncioTestCase):
    async def test_one(self):
        connection = await psycopg.AsyncConnection.connect(self.database_url, autocommit=True)
        await connection.execute("INSERT INTO t VALUES (1)")
        await connection.close()

    test_two = test_one
"""


@pytest.mark.parametrize(
    ("runner", "said"),
    [(["unittest"], "Ran 6 tests"), (["pytest", "-q", "-p", "no:cacheprovider"], "6 passed")],
    ids=["unittest", "pytest"],
)
def test_a_test_case_has_a_database_when_it_asks_for_it(
    runner: list[str], said: str, project: Path, database: str
) -> None:
    put({"test_it.py": UNITTEST}, project)
    assert said in run(project, database, "-m", *runner, "test_it.py" if "pytest" in runner else "test_it")
    assert kinds(database) == ["template"]


DJANGO = """
from psycopg.conninfo import conninfo_to_dict

parts = conninfo_to_dict({url!r})
SECRET_KEY = "x"
INSTALLED_APPS = []
TEST_RUNNER = "sqlrail.testing.django.Runner"
DATABASES = {{
    "default": {{
        "ENGINE": "django.db.backends.postgresql", "NAME": parts["dbname"], "USER": parts["user"],
        "HOST": parts["host"], "PORT": parts["port"], "TEST": {{{folder}}},
    }}
}}
"""
DJANGO_TESTS = """
from django.db import connection
from django.test import TestCase, TransactionTestCase

class One(TestCase):
    def test_it(self):
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO t VALUES (1)")
            cursor.execute("SELECT count(*) FROM _yoyo_migration")
            self.assertEqual(cursor.fetchone(), (2,))

class Two(One):
    pass

class Three(TransactionTestCase):
    test_it = One.test_it
"""


@pytest.mark.parametrize("more", [[], ["--parallel", "2"]], ids=["alone", "in parallel"])
def test_django_s_runner_makes_its_databases_from_the_template(
    more: list[str], project: Path, database: str
) -> None:
    folder = f"'SQLRAIL_MIGRATIONS': {str(project / 'migrations')!r}"
    put({"settings.py": DJANGO.format(url=database, folder=folder), "test_it.py": DJANGO_TESTS}, project)
    before = query(database, "SELECT count(*) FROM pg_database")[0][0]
    said = run(
        project, "", "-m", "django", "test", "--noinput", "--settings=settings", "--pythonpath=.", *more
    )
    assert "Ran 3 tests" in said
    after = query(database, "SELECT datname FROM pg_database ORDER BY oid DESC")
    assert len(after) == before + 1
    assert after[0][0].startswith("sqlrail_template_")
    query(database, f'DROP DATABASE "{after[0][0]}"')


def test_a_django_project_without_a_folder_is_told(project: Path, database: str) -> None:
    put({"settings.py": DJANGO.format(url=database, folder=""), "test_it.py": DJANGO_TESTS}, project)
    with pytest.raises(AssertionError, match=r"no database of DATABASES has TEST\['SQLRAIL_MIGRATIONS'\]"):
        run(project, "", "-m", "django", "test", "--settings=settings", "--pythonpath=.")


def test_an_async_test_has_it_too(tmp_path: Path, database: str) -> None:
    import asyncio

    put(FILES, tmp_path)

    async def one(url: str) -> object:
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await connection.execute("INSERT INTO t VALUES (1)")
            return await (await connection.execute("TABLE t")).fetchall()

    async def both() -> list[object]:
        with template(database, tmp_path) as made, made.copy() as a, made.copy() as b:
            return [*await asyncio.gather(one(a), one(b))]

    assert asyncio.run(both()) == [[(1,)], [(1,)]]
