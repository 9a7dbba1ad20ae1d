"""Sessions that hold a statement up at each lock that it asks for, so that its locks can be seen."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection
from sqlrail.scratch.seen import Watched, ask


class Keepers:
    """Sessions that lock tables, and step back from the strongest of their locks to none.

    The first shows what a statement looks at, the second what it wants to change, and the last what it has when it
    waits in its middle for older transactions, as the CONCURRENTLY ones do.
    """

    STEPS = (b"ROLLBACK TO second", b"ROLLBACK TO first", b"ROLLBACK")

    def __init__(self, connections: list[Connection], opening: bytes, tables: list[Watched]) -> None:
        self.held: dict[int, tuple[Connection, tuple[bytes, ...]]] = {}
        for number, connection in enumerate(connections):
            names = [sql.Identifier(it.schema, it.name) for it in tables[number :: len(connections)]]
            locked = sql.SQL(", ").join(map(sql.SQL("ONLY {}").format, names))
            ask(connection, opening + wire.message(connection, "plan_keep", tables=locked))
            self.held[connection.info.backend_pid] = (connection, self.STEPS)

    def in_the_way(self, blockers: Iterable[int]) -> list[int]:
        """Those of them whom somebody waits for."""
        return [pid for pid in blockers if pid in self.held]

    def step_back(self, pids: list[int]) -> None:
        """Each lets go of its strongest lock."""
        for pid in pids:
            connection, (step, *steps) = self.held.pop(pid)
            ask(connection, step)
            if steps:
                self.held[pid] = (connection, tuple(steps))

    def let_go(self) -> None:
        """All of them, by the server's own word: a session that is only ended has its locks for a moment longer."""
        for connection, _ in self.held.values():
            ask(connection, self.STEPS[-1])
        self.held.clear()
