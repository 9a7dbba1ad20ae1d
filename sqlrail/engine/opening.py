"""How a file's transaction is opened: under the lock, and behind the commit that is owed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any, Protocol

from sqlrail.engine.lock import RunnersLock
from sqlrail.engine.operation import Operation
from sqlrail.engine.pipeline import Pipeline
from sqlrail.engine.session import Session
from sqlrail.engine.transactional import Ending, Opened, Sent, TransactionalRun, misread_by
from sqlrail.errors import Refused
from sqlrail.files.file import File
from sqlrail.postgres.wire import Answer

#: seconds up to which a file may be run twice, where what was sent behind it in one message made it come undone
QUICK = 0.1


class Deliver(Protocol):
    """Sends what is owed, settles it, and sends a text behind it."""

    def __call__(self, text: bytes, *, keep: bool | bytes = True, **how: Any) -> Answer:
        """The answer to the text; keep and how: see Pipeline.deliver."""


class Opener:
    """Opens each file's transaction: its statements run under the lock, and only where the file is not done."""

    def __init__(
        self,
        session: Session,
        lock: RunnersLock,
        pipeline: Pipeline,
        deliver: Deliver,
        files: Mapping[str, File],
        operation: Operation,
    ) -> None:
        self._session, self._lock, self._pipeline, self._deliver = session, lock, pipeline, deliver
        self._files, self._operation = files, operation
        self._following: Mapping[Any, Any] = {}
        self._composed: dict[tuple[str | None, str], bytes] = {}  # ahead, by hash and kind

    def expect(self, following: Mapping[Any, Any]) -> None:
        """Takes in what comes behind each migration."""
        self._following = following

    def _compose(self, hash_: str | None, file: File | None, lock: str = "lock") -> bytes:
        store = self._session.store
        question = b"false" if hash_ is None else self._operation.question(store, hash_)
        self._session.raise_if_standby()
        return store.opening(file, lock, question)

    def compose_following(self, migration: Any) -> None:
        """Composes the opening of what comes next, while the server is at work."""
        if following := self._following.get(migration):
            file = self._files[following.id]
            lock = "lock_or_fail" if self._may_go_with(file) else "lock"
            self._composed[following.hash, lock] = self._compose(following.hash, file, lock)

    def open(self, hash_: str | None, file: File | None = None) -> Opened:
        """Opens for a file, or, without one, to ask whether it is done; waits for the lock, outside a transaction."""
        if self._pipeline.owed is None:
            self._session.connect_again_if_gone()
        text = self._composed.pop((hash_, "lock"), None) or self._compose(hash_, file)
        taken = self._lock.take(text, self._session.store.lock_timeout(file), self._deliver)
        is_done = False
        if hash_ is not None:
            try:
                is_done = self._operation.is_done(hash_, file, taken.answered)
            except Refused:
                self._session.undo()
                raise
        return Opened(taken.transaction, is_done, taken.waited, taken.started)

    def _may_go_with(self, file: File) -> bool:
        """Whether a file is small, and nothing needs to be looked at between its opening and its first statement."""
        is_plain = file.small is not None and file.transactional and not file.cleanup and not file.backfill
        return self._operation.may_go_together and is_plain

    def open_with(self, run: TransactionalRun, file: File, migration: Any) -> Opened | None:
        """Opens for a file and sends it, both behind the closing that is due; None where it is to go by itself.

        What fails before the file's first statement is not judged here, but when each is sent by itself. An error of
        parsing undoes the file of that closing as well, so only a quick one may be in front.
        """
        before, started = self._pipeline.owed, time.monotonic()
        # With nothing owed it spares a tenant a round trip of three.
        if (
            (started - before.started > QUICK if before else self._session.settings.tenant is None)
            or not self._may_go_with(file)
            or misread_by(self._session)
        ):
            return None
        with closing(file.pieces()) as pieces:
            piece = next(pieces)
            if piece.data is not None or next(pieces, None) is not None:
                return None
        opening = self._composed.pop((migration.hash, "lock_or_fail"), None)
        opening = opening or self._compose(migration.hash, file, "lock_or_fail")
        # The server shows the beginning of a message to whoever asks what is at work.
        label = f"-- {file.id!a}\n".encode()
        self._session.under_way(limit=self._session.store.lock_timeout(file))
        if before is None:
            opening, label = label + opening, b""
        ahead = len((label + (before.text if before else b"") + opening).decode())
        question = self._session.store.may_reach_out(file)
        ending: list[Ending] = []

        def compose() -> None:
            ending.append(run.compose_ending(is_guarded=not question))
            self.compose_following(migration)

        # The file may end without a semicolon, or in a comment.
        text = piece.text + b"\n;\n" + question if question else piece.text
        answer = self._deliver(opening + text, keep=b"ready", ahead=label, meanwhile=compose)
        if before and not answer.committed:
            return None
        if answer.keep:
            self._session.undo()
            return None
        _, transaction = answer.row(-2)  # in front of the result that tells its end
        may_reach_out = bool(question) and answer.error is None and answer.last_row()[0]
        sent = Sent(piece, answer, ahead, ending[0], may_reach_out)
        return Opened(transaction, False, False, started, sent)
