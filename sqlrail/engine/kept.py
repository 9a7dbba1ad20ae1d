"""One connection for many tenants of a database, one after the other, and what is known of each before its turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from psycopg.errors import Diagnostic

from sqlrail.engine.server import Server
from sqlrail.engine.store import Place
from sqlrail.ground.settings import Settings
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection, TenantConnection, told
from sqlrail.postgres.tenant import lead
from sqlrail.records.history import Note, Record

if TYPE_CHECKING:
    from sqlrail.results.target import Environment

Heard = Callable[[Diagnostic], None]


class Known(NamedTuple):
    """What the database says was run in a schema, as somebody has read it for many at once."""

    place: Place
    records: list[Record]
    notes: list[Note]
    stamp: Environment | None


@dataclass
class Kept:
    """A connection that outlives the tenant it is at work for; with the first one it is made."""

    server: Server
    connection: Connection | None = None

    def take(self, settings: Settings, notice: Heard) -> Connection | None:
        """The connection, on which names lead to the settings' tenant from here on; None where there is none yet.

        notice: hears of the server's notices until it is given back.
        """
        connection = self.connection
        if connection is None or connection.closed or wire.is_gone(connection):
            return None
        assert isinstance(connection, TenantConnection)
        lead(connection, settings)
        told(settings, connection)
        connection.add_notice_handler(notice)
        return connection

    def give_back(self, connection: Connection, notice: Heard) -> None:
        """Takes it in again, or another that was made in its place."""
        connection.remove_notice_handler(notice)
        self.connection = connection

    def close(self) -> None:
        """Ends it."""
        if self.connection is not None:
            self.connection.close()
