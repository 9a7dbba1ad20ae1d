"""What the statements about orphans are composed for and sent by."""

from __future__ import annotations

import itertools
from typing import Any, Protocol

from sqlrail.ground.settings import Settings
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection


class Session(Protocol):
    """A transaction that messages can be sent in."""

    settings: Settings

    @property
    def connection(self) -> Connection:
        """What messages are composed for."""

    def ask(self, text: bytes) -> list[tuple[Any, ...]]:
        """All rows that a message returns; psycopg.Error if it failed."""

    def own_tables(self) -> bytes:
        """What makes sqlrail's own tables where they are missing; Refused if they may not be made."""


class Printer:
    """A session whose messages people will read."""

    def __init__(self, session: Session) -> None:
        self.settings, self.connection, self.ask = session.settings, session.connection, session.ask
        self._needs_tables = bool(session.own_tables())

    def own_tables(self) -> bytes:
        """What makes them, where they were missing when this began."""
        return ddl(self, "own_tables") if self._needs_tables else b""


def message(session: Session, name: str, **parts: Any) -> bytes:
    """The text of a file of ours, filled in; with its comments where people will read it."""
    return wire.message(session.connection, name, commented=isinstance(session, Printer), **parts)


def ddl(session: Session, name: str, **parts: Any) -> bytes:
    """The same of what makes or drops something, so that event triggers find names where they would without us."""
    return message(session, name, **{path: message(session, path) for path in ("writes", "ours")}, **parts)


def quote(text: bytes) -> bytes:
    """A dollar quote that the text does not have."""
    return next(quote for n in itertools.count(1) if (quote := b"$round%d$" % n) not in text)
