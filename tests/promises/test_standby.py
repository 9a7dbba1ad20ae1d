"""A synchronous standby that is gone: who waits for it says so, and an interruption tells what is committed."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from aftermath import start_runner, write
from conftest import FAST, majors, needs, query, run
from servers import own_server
from waiting import PATIENCE, wait_for

from sqlrail.ground.waits import Standbys

pytestmark = [pytest.mark.promise, needs("a server of its own")]
FILES = {"001_a": "CREATE TABLE a (id int);", "002_b": "CREATE TABLE b (id int);"}


@pytest.fixture(
    scope="module", params=sorted({*[*majors()][:1], *[*majors()][-1:]}), ids=lambda major: f"pg{major}"
)
def replicated(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server whose commits can be made to wait for a standby that is not there."""
    with own_server({**FAST, "synchronous_commit": "on"}, majors()[request.param]) as server:
        yield server.url


@pytest.fixture
def empty(replicated: str) -> Iterator[str]:
    """A database of its own on it."""
    name = f"wait_{time.monotonic_ns()}"
    query(replicated, f"CREATE DATABASE {name}")
    yield replicated.replace("/app?", f"/{name}?")
    query(replicated, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def without(url: str, standbys: str = 'FIRST 1 (gone, "Away")') -> Iterator[None]:
    """While it lasts every commit waits."""

    def set_to(value: str) -> None:
        # Not by a connection that waits itself.
        with psycopg.connect(url, autocommit=True, options="-c synchronous_commit=local") as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = " + f"'{value}'")
            connection.execute("SELECT pg_reload_conf()")
        wait_for(
            lambda: query(url, "SELECT current_setting('synchronous_standby_names')") == [(value,)],
            "it is read",
        )

    set_to(standbys)
    # The checkpointer reads the setting for all.
    try:
        yield
    finally:
        set_to("")


def stuck(url: str) -> bool:
    waits = "SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = current_database()"
    return bool(query(url, "SELECT 1 WHERE EXISTS (" + waits + ")"))


class Stuck:
    """A run that is stuck in a commit, and has said so."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.said = process, ""
        assert process.stderr
        while "Ctrl-C" not in self.said:
            assert select.select([process.stderr], [], [], PATIENCE)[0], self.said
            read = os.read(process.stderr.fileno(), 4096).decode()
            assert read, self.said
            self.said += read
        assert stuck(url)

    def interrupt(self) -> tuple[int, str, str]:
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


def start(url: str, *words: object) -> Stuck:
    return Stuck(start_runner(url, *words), url)


@pytest.fixture
def files(empty: str, tmp_path: Path) -> Path:
    """A folder whose first file is applied, without a standby to wait for."""
    made = write(tmp_path / "files", **{"001_a": FILES["001_a"]})
    done = run("migrate", "--migrations", made, env={"DATABASE_URL": empty, "APP_ENV": "development"})
    assert done.returncode == 0, done.stderr
    return made


def states(url: str, files: Path) -> list[str]:
    status = run("status", "--json", "--migrations", files, env={"DATABASE_URL": url})
    return [it["state"] for it in json.loads(status.stdout)["migrations"]]


def test_a_commit_that_waits_for_a_standby_says_so_and_stands_after_ctrl_c(empty: str, files: Path) -> None:
    write(files, **{"002_b": FILES["002_b"]})
    with without(empty):
        migrate = start(empty, "migrate", "--migrations", files)
        assert "the commit of 002_b waits for a synchronous standby" in migrate.said
        assert 'synchronous_standby_names is FIRST 1 (gone, "Away"); no standby is connected' in migrate.said
        code, out, err = migrate.interrupt()
    assert code == 130
    assert (
        "interrupted: 002_b is committed on this server, and no synchronous standby has confirmed it" in err
    )
    assert "rolled back" not in err
    assert "was kept" not in err
    assert "applied 002_b" in out
    assert query(empty, "SELECT to_regclass('b') IS NOT NULL") == [(True,)]
    assert states(empty, files) == ["applied", "applied"]


@pytest.mark.parametrize(
    "following", ["SELECT pg_sleep(600);", "CREATE TABLE c (id int);"], ids=["long", "quick"]
)
def test_what_goes_behind_a_commit_that_waits_is_not_run_after_ctrl_c(
    empty: str, files: Path, following: str
) -> None:
    """A commit travels with the next file; Ctrl-C ends its wait, and must end what comes next as well."""
    write(files, **{"002_b": FILES["002_b"], "003_c": following})
    with without(empty):
        migrate = start(empty, "migrate", "--json", "--migrations", files)
        code, out, _ = migrate.interrupt()
    error = json.loads(out)["error"]
    assert (code, error["applied"]) == (130, ["002_b"])
    assert "002_b is committed on this server" in error["message"]
    assert error["message"].endswith("Nothing of 003_c was kept.")
    assert states(empty, files) == ["applied", "applied", "pending"]
    assert query(empty, "SELECT to_regclass('c')") == [(None,)]
    busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sqlrail%' AND pid <> pg_backend_pid()"
    wait_for(lambda: query(empty, busy) == [(0,)], "nothing of it goes on")


def test_a_file_outside_a_transaction_says_what_is_done(empty: str, files: Path) -> None:
    write(files, **{"002_b": "-- transactional: false\nCREATE TABLE b (id int);\nCREATE TABLE c (id int);"})
    with without(empty):
        migrate = start(empty, "migrate", "--migrations", files)
        assert "a synchronous standby" in migrate.said
        code, _, err = migrate.interrupt()
        there = query(empty, "SELECT to_regclass('b') IS NOT NULL, to_regclass('c') IS NOT NULL")[0]
    assert code == 130
    assert "committed on this server, and no synchronous standby has confirmed it" in err
    assert "rolled back" not in err
    done = run("migrate", "--migrations", files, env={"DATABASE_URL": empty, "APP_ENV": "development"})
    assert done.returncode == 0, done.stderr
    assert there in [(False, False), (True, False), (True, True)]
    assert query(empty, "SELECT to_regclass('b') IS NOT NULL, to_regclass('c') IS NOT NULL") == [(True, True)]


def test_a_verb_s_own_transaction_tells_that_it_is_committed(empty: str, files: Path) -> None:
    name = empty.partition("?")[0].rpartition("/")[2]
    with without(empty):
        stamp = start(empty, "stamp", "production", "--name", name, "--migrations", files)
        assert "the commit waits for a synchronous standby" in stamp.said
        code, _, err = stamp.interrupt()
    assert code == 130
    assert "interrupted: what was done is committed on this server" in err
    assert "rolled back" not in err
    assert query(empty, "SELECT environment FROM sqlrail.stamp") == [("production",)]


def test_a_wait_that_somebody_else_ends_is_a_warning_and_the_run_goes_on(empty: str, files: Path) -> None:
    write(files, **{"002_b": FILES["002_b"]})
    with without(empty):
        migrate = start(empty, "migrate", "--migrations", files)
        assert query(
            empty,
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' "
            "AND datname = current_database()",
        ) == [(True,)]
        out, err = migrate.process.communicate(timeout=PATIENCE)
    assert migrate.process.returncode == 0
    assert "warning: 002_b is committed on this server, and no synchronous standby has confirmed it" in err
    assert "applied 002_b" in out


@pytest.mark.parametrize(
    ("setting", "connected", "expected"),
    [
        ("gone", [], "gone; no standby is connected"),
        ("*", [], "*; no standby is connected"),
        ("ANY 2 (a, B,\"c d\")", ["a", "other"], "connected: a, other; not connected: B, c d"),
        ("2 (a, b)", ["A", "b"], "connected: A, b"),
    ],
)  # fmt: skip
def test_the_standbys_that_are_missing_are_named(setting: str, connected: list[str], expected: str) -> None:
    assert str(Standbys(setting, tuple(connected))).endswith(expected)
