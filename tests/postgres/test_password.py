"""A password that a command prints: asked for each connection, for that connection, and never shown."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from aftermath import start_runner, write
from conftest import majors, open_folder, query, run
from postmasters import Postmaster, make, running

from sqlrail.errors import ConnectionFailed
from sqlrail.ground.settings import Settings
from sqlrail.postgres import password
from sqlrail.postgres.connect import connect

SETUP = "CREATE ROLE guarded LOGIN CREATEDB PASSWORD 'Zorquux1'; ALTER DATABASE app OWNER TO guarded"


@pytest.fixture(scope="module")
def server() -> Iterator[Postmaster]:
    if not majors():
        pytest.skip("no PostgreSQL server is installed")
    with open_folder() as folder, running(make(folder, majors()[max(majors())])) as made:
        for statement in SETUP.split(";"):
            query(made.url(database="app"), statement)
        yield made


@pytest.fixture
def url(server: Postmaster) -> str:
    """Without the password that the role needs."""
    return f"postgresql://guarded@127.0.0.1:{server.port}/app"


def said(url: str, command: str) -> str:
    with pytest.raises(ConnectionFailed) as failed:
        connect(Settings(database_url=url, password_command=command))
    return str(failed.value)


def test_each_connection_asks_for_its_own(server: Postmaster, url: str, tmp_path: Path) -> None:
    """A token lives for minutes, and a run may need a connection after hours."""
    files = write(tmp_path / "files", **{"001_a": "-- transactional: false\nCREATE TABLE a ();\n"})
    asked = f"echo $PGUSER@$PGHOST:$PGPORT/$PGDATABASE >> {tmp_path}/asked; echo Zorquux1"
    done = run("migrate", "--migrations", files, "--password-command", asked, env={"DATABASE_URL": url})
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "asked").read_text().splitlines()
    assert set(lines) == {f"guarded@127.0.0.1:{server.port}/app"}
    assert len(lines) >= 2  # a file outside a transaction has a connection of its own


def test_a_scratch_database_is_reached_by_it_too(url: str, tmp_path: Path) -> None:
    files = write(tmp_path / "files", **{"001_b": "CREATE TABLE b ();\n"})
    done = run(
        "plan", "--json", "--allow-missing", "--migrations", files,
        env={"DATABASE_URL": url, "SQLRAIL_PASSWORD_COMMAND": "echo Zorquux1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["files"][0]["verdict"] == "instant"


def test_a_url_that_has_a_password_keeps_it(server: Postmaster) -> None:
    named = f"postgresql://guarded:Zorquux1@127.0.0.1:{server.port}/app"
    connect(Settings(database_url=named, password_command="exit 1")).close()  # noqa: S106


def test_a_password_that_is_wrong_is_not_shown(url: str) -> None:
    command = "echo Wrong-but-secret"
    done = run(
        "status", "--verbose", "--wait", "5s", "--password-command", command, env={"DATABASE_URL": url}
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "the password is wrong" in done.stderr
    assert "Wrong-but-secret" not in done.stderr


@pytest.mark.parametrize(
    ("command", "what"),
    [
        pytest.param("echo first; echo no token >&2; exit 3", "ended with 3: no token", id="fails"),
        pytest.param("exit 4", "ended with 4: it said nothing", id="fails silently"),
        pytest.param("not-a-command-at-all", "ended with 127: ", id="is not there"),
        pytest.param("true", "has to print the password alone, on one line", id="prints nothing"),
        pytest.param(
            "echo Hush-1; echo Hush-2", "has to print the password alone, on one line", id="two lines"
        ),
        pytest.param(r"printf 'Hush\033[31m'", "has to print the password alone", id="a terminal's command"),
        pytest.param(r"printf 'Hush\0x'", "has to print the password alone", id="a NUL byte"),
        pytest.param("kill -9 $$; echo Hush", "ended with ", id="killed"),
    ],
)
def test_what_is_no_password_ends_it_and_is_not_shown(url: str, command: str, what: str) -> None:
    text = said(url, command)
    assert text.startswith("cannot connect to guarded@127.0.0.1:")
    assert "the command of --password-command (or SQLRAIL_PASSWORD_COMMAND) " + what in text
    assert "Hush" not in text


def test_a_command_that_hangs_is_ended(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password, "PATIENCE", 0.2)
    assert "took longer than 0.2 s" in said(url, "exec sleep 100")


def test_an_interrupt_does_not_wait_for_the_command(url: str, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    runner = start_runner(url, "status", "--password-command", f"echo > {fifo}; exec sleep 60")
    fifo.read_text()
    runner.terminate()
    _, talk = runner.communicate(timeout=30)
    assert runner.returncode == 143
    assert "interrupted while connecting" in talk
