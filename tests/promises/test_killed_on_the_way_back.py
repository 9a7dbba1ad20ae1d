"""Runners that take migrations back by what was kept, killed at any instant: each is wholly there or wholly gone, and
the next run finishes."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import samples
from aftermath import start_runner, write
from conftest import fresh_database, query
from waiting import PATIENCE, watching

import sqlrail as library
from sqlrail.server import local

#: each goes through three runs and more
KILLS = samples.KILLS // 3
#: few each time, and many where there is time
SAMPLES = [2, pytest.param(KILLS, marks=[pytest.mark.promise, pytest.mark.timeout(1800)])]
NUMBERS = range(1, 9)
TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^t[0-9]$' ORDER BY 1"
RECORDS = "SELECT 't' || substr(migration_id, 3, 1) FROM _yoyo_migration ORDER BY 1"
KEPT = """
    SELECT 't' || substr(migration_id, 3, 1) FROM _yoyo_migration AS m
      JOIN sqlrail.rollback AS r ON r.migration_hash = m.migration_hash ORDER BY 1
"""


@pytest.fixture(autouse=True)
def no_scratch_databases(server: local.Server) -> Iterator[None]:
    """Takes away what killed runs leave: it goes once it is five minutes old, and other tests look for what stays."""
    yield
    for (left,) in query(server.url, "SELECT datname FROM pg_database WHERE datname ~ '^sqlrail_scratch'"):
        query(server.url, f"DROP DATABASE {left} WITH (FORCE)")


def folder_of(folder: Path, *numbers: int) -> Path:
    """Files of which each makes a table with rows, and takes it back in a few statements."""
    files = {}
    for number in numbers:
        files[f"00{number}_t"] = (
            f"CREATE TABLE t{number} (n int);\nINSERT INTO t{number} SELECT generate_series(1, 2000);\n"
        )
        files[f"00{number}_t.rollback"] = f"DELETE FROM t{number};\nDROP TABLE t{number};\n"
    return write(folder, **files)


def is_whole(url: str) -> list[str]:
    """The tables that are there: each has its record, and what takes it back, and no other has."""
    tables = query(url, TABLES)
    assert tables == query(url, RECORDS) == query(url, KEPT)
    assert query(url, "SELECT count(*) FROM yoyo_lock") == [(0,)]
    for (table,) in tables:
        assert query(url, f"SELECT count(*) FROM {table}") == [(2000,)]
    return [table for (table,) in tables]


def killed(
    server: local.Server, kills: int, prepare: Callable[[str], object], *command: object
) -> list[tuple[str, int, list[str]]]:
    """Kills so many runs of a command, each on a database of its own; how each ended, and what it left.

    What it left is whole, and the same command run again finishes.
    """
    chance, ends = random.Random(kills), list[tuple[str, int, list[str]]]()  # noqa: S311 - the same each time
    with fresh_database(server) as url, watching(server, url) as watch:
        prepare(url)
        runner = start_runner(url, *command)
        watch.wait_until_there()
        started = time.monotonic()
        said = runner.communicate(timeout=PATIENCE)
        assert runner.returncode == 0, said
        duration, end = time.monotonic() - started, is_whole(url)
    for _ in range(kills):
        with fresh_database(server) as url, watching(server, url) as watch:
            prepare(url)
            runner = start_runner(url, *command)
            watch.let_run(chance.uniform(0, duration))
            runner.kill()
            runner.communicate(timeout=PATIENCE)
            watch.wait_until_gone()
            ends.append((url, runner.returncode, is_whole(url)))
            again = start_runner(url, *command)
            said = again.communicate(timeout=PATIENCE)
            assert again.returncode == 0, said
            assert is_whole(url) == end
    assert {code for _, code, _ in ends} <= {0, -signal.SIGKILL}
    return ends


@pytest.mark.parametrize("kills", SAMPLES)
def test_a_rollback_by_what_was_kept(kills: int, server: local.Server, tmp_path: Path) -> None:
    newer, older = folder_of(tmp_path / "newer", *NUMBERS), folder_of(tmp_path / "older", 1)

    def prepare(url: str) -> None:
        library.migrate(url, newer, environment="development")

    command = ("rollback", "--stored", "--to", "001", "--migrations", older)
    ends = killed(server, kills, prepare, *command)
    assert all(left[:1] == ["t1"] for _, _, left in ends)


@pytest.mark.parametrize("kills", SAMPLES)
def test_a_switch(kills: int, server: local.Server, tmp_path: Path) -> None:
    ours, theirs = (
        folder_of(tmp_path / "ours", 1, 2, 3, 4, 7),
        folder_of(tmp_path / "theirs", 1, 2, 5, 6, 7, 8),
    )

    def prepare(url: str) -> None:
        library.migrate(url, ours, environment="development")

    ends = killed(server, kills, prepare, "switch", "--migrations", theirs)
    assert all(left[:2] == ["t1", "t2"] for _, _, left in ends)


@pytest.mark.promise
def test_a_killed_switch_is_gone_on_with_or_gone_back_from(server: local.Server, tmp_path: Path) -> None:
    ours, theirs = folder_of(tmp_path / "ours", 1, 2, 3, 4), folder_of(tmp_path / "theirs", 1, 2, 5, 6)
    chance = random.Random(1)  # noqa: S311 - the same each time
    with fresh_database(server) as url, watching(server, url) as watch:
        library.migrate(url, ours, environment="development")
        for number in range(KILLS):
            runner = start_runner(url, "switch", "--migrations", (theirs, ours)[number % 2])
            watch.let_run(chance.uniform(0, 1.5))
            runner.kill()
            runner.communicate(timeout=PATIENCE)
            watch.wait_until_gone()
            is_whole(url)
        for folder, end in ((theirs, "1256"), (ours, "1234")):
            done = start_runner(url, "switch", "--migrations", folder)
            assert (done.communicate(timeout=PATIENCE), done.returncode)[1] == 0
            assert is_whole(url) == [f"t{number}" for number in end]
            checked = start_runner(url, "status", "--check", "--migrations", folder)
            assert (checked.communicate(timeout=PATIENCE), checked.returncode)[1] == 0
