"""The commit that is owed while the next file is already being opened."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlrail.engine.news import Applied, News
from sqlrail.engine.session import Session
from sqlrail.errors import MigrationFailed
from sqlrail.files.file import File
from sqlrail.files.pieces import Piece
from sqlrail.ground.events import Filled
from sqlrail.postgres.giving_way import Tries
from sqlrail.postgres.wire import Answer

if TYPE_CHECKING:
    from sqlrail.orphans.cleaned import Cleaned


@dataclass(frozen=True)
class Closing:
    """What still has to be sent for a file that has run: its record and its COMMIT."""

    file: File
    migration: Any
    text: bytes
    piece: Piece  # the file's last
    cleanup: tuple[Cleaned, ...]
    marks: bool  # whether it leaves a record
    started: float
    tries: Tries
    backfill: Filled | None = None
    stands: str = ""  # what was committed before, and so is kept where this is not; empty: nothing
    code: tuple[str, ...] = ()  # names of code files that were made again with it


class Delivery(NamedTuple):
    """What came back for a message; the closing in front of it if that did not commit, and so nothing behind it ran."""

    answer: Answer
    undone: Closing | None = None


class Pipeline:
    """Sends a file's closing in front of what comes next.

    One commit is owed at the most, and nothing is sent before it; it is told only after its answer.
    """

    def __init__(self, session: Session, news: News) -> None:
        self._session, self._news = session, news
        self._owed: Closing | None = None
        self._in_flight: tuple[Closing, Answer] | None = None

    @property
    def owed(self) -> Closing | None:
        """What the next message will have in front."""
        return self._owed

    def owe(self, closing: Closing) -> None:
        """Takes in what is to be sent in front of the next message."""
        assert self._owed is None
        self._owed = closing

    def drop(self) -> None:
        """Forgets what was owed: it is rolled back, or somebody else's to send."""
        self._owed = None

    def deliver(
        self,
        text: bytes = b"",
        *,
        keep: bool | bytes = True,
        ahead: bytes = b"",
        meanwhile: Callable[[], object] = lambda: None,
    ) -> Delivery:
        """Sends what is owed, if anything, and the text behind it. ahead: what goes in front of both."""
        owed, self._owed, answer = self._owed, None, Answer(keep)
        if owed is None:
            self._in_flight = None
            return Delivery(self._session.send(text, answer, meanwhile=meanwhile) if text else answer)
        self._in_flight = (owed, answer)
        self._session.send(ahead + owed.text + text, answer, commits=owed.file.id, meanwhile=meanwhile)
        self.land()
        return Delivery(answer, None if answer.committed else owed)

    def land(self) -> None:
        """Takes in the commit that was answered, if one was and it was not yet: a signal may come in between."""
        if self._in_flight is None or not self._in_flight[1].committed:
            return
        closing, answer = self._in_flight
        if not answer.recorded:
            raise MigrationFailed(
                f"{closing.file.path}: it ended the transaction that it ran in, so it was not recorded. "
                "What it did may have been kept."
            )
        if not self._news.is_last(closing.file.id):
            self.confirm(closing)
        self._in_flight = None

    def confirm(self, closing: Closing) -> None:
        """Takes in that a closing is committed for certain."""
        seconds = round(time.monotonic() - closing.started, 3)
        self._news.committed(
            Applied(closing.file.id, seconds, closing.cleanup, closing.backfill, closing.code)
        )
