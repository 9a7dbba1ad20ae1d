"""Runners that are stopped, and not dead: a paused container, Ctrl-Z, a machine that was suspended."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aftermath import read, start_runner, write
from conftest import query, run
from waiting import PATIENCE, wait_for

pytestmark = pytest.mark.promise

ACTIVE = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
#: what the stopped one was at when it was stopped
FILES = {
    "a file": "CREATE TABLE made (id int);\nINSERT INTO made VALUES (1);\nSELECT pg_sleep(1);\n",
    "outside a transaction": "-- transactional: false\nCREATE TABLE made (id int);\nINSERT INTO made VALUES (1);\n"
    "SELECT pg_sleep(1);\nINSERT INTO made VALUES (2);\n",
}


@contextmanager
def stopped(url: str, files: Path) -> Iterator[None]:
    """A runner that was stopped in the middle of its file, and goes on when the context ends."""
    runner = start_runner(url, "migrate", "--migrations", files, "--idle-timeout", "1s")
    try:
        wait_for(lambda: query(url, ACTIVE), "it is at its file")
        runner.send_signal(signal.SIGSTOP)
        yield
        runner.send_signal(signal.SIGCONT)
        out, talk = runner.communicate(timeout=PATIENCE)
        assert "lost" in talk
        # Who asks what became of its COMMIT finds that the file is applied, by whomever.
        assert (runner.returncode, "applied 001_a" in out) in ((1, False), (0, True)), talk
    finally:
        runner.kill()
        runner.wait(PATIENCE)


@pytest.mark.parametrize("kind", FILES)
def test_a_stopped_runner_holds_up_the_next_one_for_its_idle_timeout_only(
    kind: str, database: str, tmp_path: Path
) -> None:
    files = write(tmp_path / "files", **{"001_a": FILES[kind], "002_b": "CREATE TABLE later (id int)"})
    with stopped(database, files):
        done = run("migrate", "--migrations", files, env={"DATABASE_URL": database, "SQLRAIL_ENV": "test"})
        assert done.returncode == 0, done.stderr
        assert read(database).records == ["001_a", "002_b"]
    rows = [(1,), (2,)] if kind != "a file" else [(1,)]
    assert query(database, "SELECT id FROM made ORDER BY id") == rows
    assert read(database).records == ["001_a", "002_b"]


def test_a_long_statement_outside_a_transaction_keeps_its_lock(database: str, tmp_path: Path) -> None:
    text = "-- transactional: false\nSELECT pg_sleep(3);\nCREATE TABLE made (id int);\n"
    files = write(tmp_path / "files", **{"001_a": text})
    env = {"DATABASE_URL": database, "SQLRAIL_IDLE_TIMEOUT": "500ms"}
    done = run("migrate", "--migrations", files, env=env)
    assert done.returncode == 0, done.stderr
    assert read(database).records == ["001_a"]
