"""The embedded server of tests: in memory where there is room, for as long as any run needs it."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlrail.errors import MissingPrerequisite
from sqlrail.server import local
from sqlrail.testing import seen

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


@contextmanager
def server(root: Path, *, is_counting: bool = False) -> Iterator[str]:
    """The embedded server of the tests, for as long as one run or worker needs it; its data stay for the next.

    is_counting: with the extension that counts queries; MissingPrerequisite where it cannot.
    """
    home = home_of(root)
    home.mkdir(mode=0o700, exist_ok=True)
    process = os.getpid()
    folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(folder, fcntl.LOCK_SH)
        try:
            started = local.start(home, options={**FAST, **(seen.options() if is_counting else {})})
        except MissingPrerequisite as exc:
            raise MissingPrerequisite(f"{exc} For tests it is SQLRAIL_TEST_DATABASE_URL.") from exc
        try:
            if is_counting:
                seen.make(started.url)
            yield started.url
        finally:  # where a migration is broken as well
            if os.getpid() == process:  # and not in a fork, which has the lock from its parent
                _stop(home, folder)
    finally:
        os.close(folder)


def _stop(home: Path, folder: int) -> None:
    """The last one out stops it. Whoever comes meanwhile waits, and starts it again."""
    with suppress(BlockingIOError):
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        local.stop(home)


def home_of(root: Path) -> Path:
    """Where its data lie, for the tests below a folder."""
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
