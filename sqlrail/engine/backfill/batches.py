"""One batch of a backfill: its keys, the statement, its note and the COMMIT, in one transaction."""

from __future__ import annotations

import psycopg

from sqlrail.batches.patience import SHRINKING
from sqlrail.engine import explain
from sqlrail.engine.backfill import reading
from sqlrail.engine.backfill.checkpoint import State
from sqlrail.engine.backfill.walk import Walk
from sqlrail.engine.retry import PASSING
from sqlrail.engine.session import Session
from sqlrail.errors import Refused, SqlrailError
from sqlrail.files import backfills
from sqlrail.files.file import File
from sqlrail.ground.words import milliseconds, rows
from sqlrail.postgres.wire import Answer


class Batches:
    """Fills one after the other; what a second try may mend leaves as psycopg.Error, all else as the file's error."""

    def __init__(self, session: Session, file: File, hash_: str, guard: bytes) -> None:
        """guard: what is checked in front of each COMMIT."""
        self._session, self._file, self._hash, self._guard = session, file, hash_, guard
        self._piece = backfills.statement(file)
        self._is_checked = False  # whether its plan was looked at

    def fill(self, walk: Walk, state: State, number: int, limit: float | None) -> tuple[State, bool]:
        """Takes a batch, runs the statement, notes it and commits; the state then, and whether it is the last.

        psycopg.errors.QueryCanceled where the statement takes longer than so many seconds, if that is a number.
        """
        done, began_at = self.run(walk, state, number, limit)
        return self._commit(done, began_at), done.is_through

    def run(self, walk: Walk, state: State, number: int, limit: float | None = None) -> tuple[State, int]:
        """Takes a batch and runs the statement; the state then, and how far the WAL was before."""
        text = self._session.store.message("backfill_wal") + walk.take(state.after, state.upto, number)
        (began_at,), *_, (found, last) = self._session.ask(text)
        is_last = found < number
        changed = self._change(found, state, limit) if found or not state.batches else 0
        return state.beyond(found, changed, tuple(last) if found else None, is_last=is_last), began_at

    def _change(self, found: int, state: State, limit: float | None) -> int:
        """Runs the statement; how many rows it has changed."""
        store, text = self._session.store, self._piece.text
        ahead = store.message("ours") + store.message("backfill_plans") + self._limit(limit)
        ahead += store.message("theirs")
        if found and not self._is_checked:
            explained = self._send(text, ahead + store.message("_backfill_explain") + b"\n").rows[0][0]
            reading.check(self._session, self._file, explained, self._place)
            self._is_checked = True
        changed = _changed(self._send(text, ahead))
        if changed and not state.changed and not self._is_once:
            self._refuse_unless_repeatable(changed)
        return changed

    def _limit(self, limit: float | None) -> bytes:
        """What limits the statement's time, where the file's own limit is not lower."""
        store = self._session.store
        own = store.statement_timeout(self._file)
        if limit is None or 0 < own <= limit:
            return b""
        return store.message("backfill_limit", limit=milliseconds(limit))

    @property
    def _is_once(self) -> bool:
        return bool(self._file.backfill and self._file.backfill.is_once)

    def _refuse_unless_repeatable(self, changed: int) -> None:
        """Refused where it changes rows again that it has changed just now: another pass would do them twice."""
        store = self._session.store
        again = _changed(self._send(self._piece.text, store.message("backfill_again")))
        self._session.ask(store.message("backfill_not_again"))
        if again:
            raise Refused(
                f"{self._place}: it has changed {rows(changed)} of its first batch, and run once more it changed "
                f"{again:,} of them again, so that nobody can tell when all are done. Add to its WHERE what is "
                f"false for a row that is done (AND … IS NULL), or end the line with `once`: "
                f"`-- backfill: {self._file.backfill} once` meets each row that is there once, and none that is "
                "born behind it."
            )

    def _send(self, text: bytes, ahead: bytes) -> Answer:
        answer = self._session.send(ahead + text, Answer())
        if answer.error is not None:
            if self._session.connection.closed or isinstance(answer.error, (*PASSING, *SHRINKING)):
                raise answer.error
            raise self.failure(answer.error, len(ahead.decode()))
        return answer

    def failure(self, error: psycopg.Error, ahead: int = 0) -> SqlrailError:
        return explain.failure(self._file, self._piece, error, 0, "", ahead)

    def _commit(self, state: State, began_at: int) -> State:
        """Notes the state, what the server has written of WAL since then with it, and commits."""
        store = self._session.store
        text = store.ending(self._file) + store.message("ours") + self._guard
        text += self.noting(state, began_at) + b"COMMIT;\n"
        answer = self._session.send(text, Answer())
        if (error := answer.error) is not None:
            if self._session.connection.closed or isinstance(error, (*PASSING, *SHRINKING)):
                raise error
            raise explain.failure(self._file, self._piece, error, None, "")
        return State.read(answer.row(-2)[0]) or state

    def noting(self, state: State, began_at: int | None = None) -> bytes:
        """What notes a state, and with it what was written of WAL since then."""
        parts = {"done": state.batches, "state": state.noted(), "wal": state.wal, "began_at": began_at}
        return self._session.store.message("backfill_note", hash=self._hash, **parts)

    @property
    def _place(self) -> str:
        return self._file.at(*self._piece.place(self._piece.statements[0].start))


def _changed(answer: Answer) -> int:
    """Rows that a statement says it has changed."""
    return int(answer.results[-1].command_tuples or 0) if answer.results else 0
