"""Servers of a test's own: for settings that others must not have, and to be killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from conftest import majors, open_folder
from waiting import wait_for

from sqlrail.server import local


@contextmanager
def own_server(
    options: Mapping[str, str] | None = None, binaries: Path | None = None
) -> Iterator[local.Server]:
    """One of the newest major, unless binaries are named; without options it survives being killed: with fsync."""
    with open_folder() as folder:
        home = folder / "server"
        try:
            yield local.start(home, bin=binaries or majors()[max(majors())], options=options)
        finally:
            local.stop(home)


def kill_server(home: Path) -> None:
    """The postmaster and every process of its own, at once."""
    kill_at(home / "data")


def kill_at(data: Path) -> None:
    """The same of the server with this data folder."""
    postmaster = int((data / "postmaster.pid").read_text().split()[0])
    children = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in parentheses may hold anything; behind it come the state and the parent.
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == postmaster:
            children.append(int(status.parent.name))
    for pid in (postmaster, *children):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    wait_for(lambda: not any(is_alive(pid) for pid in (postmaster, *children)), "the server is dead")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "XZ"
    except OSError:
        return False
