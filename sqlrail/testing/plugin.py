"""The pytest plugin: `sqlrail_database` gives each test a migrated database of its own.

Loaded by every pytest that finds sqlrail installed: what it needs is imported where a test asks for it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sqlrail.testing.template import Template

#: settings for a server whose data nobody misses, and which shall not take more room than it needs
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "min_wal_size": "32MB",
    "max_wal_size": "128MB",
}
#: where files are in memory, how many bytes have to be free there, and how many of used copies may lie about
MEMORY, ROOM, HEAP = Path("/dev/shm"), 1 << 30, 1 << 26  # noqa: S108 - a folder of our own in it, closed to others
URL, FOLDER = "sqlrail_database_url", "sqlrail_migrations"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        URL,
        "the server for tests, where SQLRAIL_TEST_DATABASE_URL names none (else: an embedded one)",
        default="",
    )
    parser.addini(FOLDER, "the folder of the migrations, from the root of the tests", default="migrations")


@pytest.fixture(scope="session")
def sqlrail_template(request: pytest.FixtureRequest) -> Iterator[Template]:
    """What the migrations build; its copy() is a context with the URL of a database, for a scope of one's own."""
    from sqlrail.errors import SqlrailError
    from sqlrail.ground.reading import test_database_url
    from sqlrail.testing.template import template

    config, root = request.config, request.config.rootpath
    try:
        url, folder = test_database_url() or config.getini(URL), root / config.getini(FOLDER)
        if url:
            with template(url, folder) as made:
                yield made
        else:
            with _server(root) as server, template(server, folder, HEAP) as made:
                yield made
    except (SqlrailError, OSError) as exc:
        pytest.fail(str(exc), pytrace=False)


@pytest.fixture
def sqlrail_database(sqlrail_template: Template) -> Iterator[str]:
    """The URL of a migrated database that only this test has; whoever is still connected afterwards is cut off."""
    with sqlrail_template.copy() as url:
        yield url


@contextmanager
def _server(root: Path) -> Iterator[str]:
    """The embedded server of the tests, for as long as one run or worker needs it; its data stay for the next."""
    from sqlrail.errors import MissingPrerequisite
    from sqlrail.server import local

    home = _home(root)
    home.mkdir(mode=0o700, exist_ok=True)
    folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(folder, fcntl.LOCK_SH)
        try:
            server = local.start(home, options=FAST)
        except MissingPrerequisite as exc:
            raise MissingPrerequisite(f"{exc} For tests it is SQLRAIL_TEST_DATABASE_URL.") from exc
        try:
            yield server.url
        finally:  # where a migration is broken as well
            # The last one out stops it. Whoever comes meanwhile waits, and starts it again.
            with suppress(BlockingIOError):
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                local.stop(home)
    finally:
        os.close(folder)


def _home(root: Path) -> Path:
    # On a disk, making the thousands of files of a few databases takes several times as long.
    try:
        there = os.statvfs(MEMORY)
    except OSError:
        return root / ".pgdata-test"
    if (
        there.f_bavail * there.f_frsize < ROOM or there.f_flag & os.ST_NOEXEC
    ):  # root's server brings its programs
        return root / ".pgdata-test"
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    return MEMORY / f"sqlrail-tests-{os.geteuid()}-{name}"
