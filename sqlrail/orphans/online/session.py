"""What an online cleanup sends its messages by."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

import psycopg

from sqlrail.errors import SqlrailError
from sqlrail.orphans.session import Session, message


class OnlineSession(Session, Protocol):
    """A connection on which transactions come and go."""

    def limits(self, file: None) -> bytes:
        """What a transaction of ours may wait for and take."""

    def undo(self) -> None:
        """Rolls back, whatever state the connection is in."""

    def translating(self, failed: str, when: str) -> AbstractContextManager[None]:
        """Every error of the server's leaves it as one of ours."""

    def failure(self, failed: str, when: str, error: psycopg.Error, stands: str = "") -> SqlrailError:
        """The one translation of what the server refused, see diagnostics.failure."""

    def raise_if_lost(self, when: str, *, error: psycopg.Error | None = None) -> None:
        """ConnectionLost if the connection is gone."""

    def raise_if_standby(self) -> None:
        """ReadOnlyServer where nothing can be written."""


def opening(session: OnlineSession) -> bytes:
    """Begins a transaction of ours."""
    session.raise_if_standby()
    return message(session, "begin") + session.limits(None) + message(session, "ours")
