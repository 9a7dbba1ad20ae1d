"""How the server hears of sessions that idle on purpose, so that it does not end them."""

from __future__ import annotations

import time

from psycopg.pq import TransactionStatus

from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection
from sqlrail.postgres.giving_way import BEATS


class Heartbeat:
    """Sends a sign of life on connections that idle, BEATS times within the time after which they would be ended."""

    def __init__(self, idle_timeout: float) -> None:
        """idle_timeout: in seconds, 0 is none."""
        self.every = idle_timeout / BEATS
        self._last = 0.0

    def beat(self, *connections: Connection | None) -> None:
        """Sends it, if it is time."""
        if time.monotonic() - self._last < self.every:
            return
        self._last = time.monotonic()
        for connection in connections:
            status = connection and connection.info.transaction_status
            if connection and status in (TransactionStatus.IDLE, TransactionStatus.INTRANS):
                wire.send(connection, b";", wire.Answer())
