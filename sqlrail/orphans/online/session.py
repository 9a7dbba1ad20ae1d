"""What an online cleanup sends its messages by."""

from __future__ import annotations

from typing import Protocol

from sqlrail.batches.session import BatchSession
from sqlrail.orphans.session import Session, message


class OnlineSession(Session, BatchSession, Protocol):
    """A connection on which transactions come and go."""

    def limits(self, file: None) -> bytes:
        """What a transaction of ours may wait for and take."""

    def raise_if_standby(self) -> None:
        """ReadOnlyServer where nothing can be written."""


def opening(session: OnlineSession) -> bytes:
    """Begins a transaction of ours."""
    session.raise_if_standby()
    return message(session, "begin") + session.limits(None) + message(session, "ours")
