"""Databases for tests where processes are forked: a fork takes nothing from its parent, and leaves nothing behind."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import open_folder
from console import put
from test_ahead import kinds, run
from test_pytest_plugin import FILES

from sqlrail.server import local
from sqlrail.testing.server import home_of

CASE = """
import multiprocessing, os, sys
import psycopg
from sqlrail.testing.cases import WithDatabase

class Case(WithDatabase):
    seen = []

    def runTest(self):
        self.seen.append(self.database_url)
        psycopg.connect(self.database_url).close()
"""
PROGRAMS = {
    "a fork that ends by itself": """
case = Case()
url = case.database_url
if (child := os.fork()) == 0:
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
psycopg.connect(url).close()
assert Case().run().wasSuccessful()
case.doCleanups()
""",
    "a process of multiprocessing": """
def work():
    psycopg.connect(Case().database_url).close()  # and no cleanup

case = Case()
url = case.database_url
for _ in range(2):
    worker = multiprocessing.get_context("fork").Process(target=work)
    worker.start()
    worker.join()
    assert worker.exitcode == 0
psycopg.connect(url).close()
""",
    "only in a process of multiprocessing": """
worker = multiprocessing.get_context("fork").Process(target=lambda: Case().database_url)
worker.start()
worker.join()
assert worker.exitcode == 0
""",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """With migrations; no server may run in it at the end."""
    with open_folder() as made:
        put({f"migrations/{name}": content for name, content in FILES.items()}, made)
        yield made
        home = home_of(made)
        if home.exists():
            assert not local.stop(home)
            shutil.rmtree(home)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_fork_takes_no_database_and_leaves_none(program: str, folder: Path, database: str) -> None:
    put({"program.py": CASE + PROGRAMS[program]}, folder)
    run(folder, database, "-W", "ignore::DeprecationWarning", "program.py")
    assert kinds(database) == ["template"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_fork_stops_nobody_s_server_and_leaves_none(program: str, folder: Path) -> None:
    put({"program.py": CASE + PROGRAMS[program]}, folder)
    run(folder, "", "-W", "ignore::DeprecationWarning", "program.py")
    assert home_of(folder).exists()


def test_a_test_that_is_run_again_has_another_database(folder: Path, database: str) -> None:
    again = "case = Case()\nassert case.run().wasSuccessful() and case.run().wasSuccessful()\n"
    put({"program.py": f"{CASE}{again}assert len(set(Case.seen)) == 2"}, folder)
    run(folder, database, "program.py")
    assert kinds(database) == ["template"]
