"""What batches send their messages by."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

import psycopg

from sqlrail.errors import SqlrailError
from sqlrail.ground.settings import Settings
from sqlrail.postgres.connect import Connection
from sqlrail.postgres.giving_way import Watch


class BatchSession(Protocol):
    """A connection on which transactions come and go."""

    settings: Settings

    @property
    def connection(self) -> Connection:
        """What messages are composed for."""

    @property
    def watch(self) -> Watch:
        """Who was in the way of the last message."""

    def ask(self, text: bytes) -> list[tuple[Any, ...]]:
        """All rows that a message returns; psycopg.Error if it failed."""

    def undo(self) -> None:
        """Rolls back, whatever state the connection is in."""

    def translating(self, failed: str, when: str) -> AbstractContextManager[None]:
        """Every error of the server's leaves it as one of ours."""

    def failure(self, failed: str, when: str, error: psycopg.Error, stands: str = "") -> SqlrailError:
        """The one translation of what the server refused, see diagnostics.failure."""

    def raise_if_lost(self, when: str, *, error: psycopg.Error | None = None) -> None:
        """ConnectionLost if the connection is gone."""
