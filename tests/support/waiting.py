"""Waiting for what must happen, with a deadline. Tests sleep here and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from sqlrail.server import local

#: seconds in which what must happen has happened, on a slow machine too
PATIENCE = 60.0


def wait_for(event: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Looks again and again until it has happened."""
    deadline = time.monotonic() + seconds
    while not event():
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(0.005)  # sleep: between two looks


def wait_until_blocked(connection: psycopg.Connection[Any]) -> None:
    """Until somebody in the connection's database waits for a lock."""
    blocked = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    wait_for(lambda: connection.execute(blocked.encode()).rowcount, "somebody waits for a lock")


class Watch:
    """Looks at a database from outside: who is in it, and what they wait for."""

    def __init__(self, url: str, connection: psycopg.Connection[Any]) -> None:
        self.name = url.split("?")[0].rpartition("/")[2]
        self.connection = connection

    def backends(self, condition: str = "true") -> int:
        rows = self.connection.execute(
            f"SELECT FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
            f" AND application_name LIKE 'sqlrail%%' AND {condition}".encode(),
            [self.name],
        )
        return len(rows.fetchall())

    def wait_until_there(self, condition: str = "true", number: int = 1) -> None:
        wait_for(lambda: self.backends(condition) >= number, f"a runner where {condition}")

    def wait_until_gone(self, seconds: float = PATIENCE) -> None:
        wait_for(lambda: not self.backends(), "the runner's backend has left", seconds)

    def let_run(self, seconds: float) -> None:
        """Lets a runner that has just connected go on for so long: whoever kills it then kills it anywhere."""
        self.wait_until_there()
        time.sleep(seconds)  # sleep: the instant is what is tried


@contextmanager
def watching(server: local.Server, url: str) -> Iterator[Watch]:
    with psycopg.connect(server.url, autocommit=True) as connection:
        yield Watch(url, connection)
