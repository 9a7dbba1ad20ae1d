"""One batch of a backfill: its keys, the statement, its note and the COMMIT, in one transaction."""

from __future__ import annotations

import time

import psycopg
from psycopg import sql

from sqlrail.batches.patience import SHRINKING
from sqlrail.engine import explain
from sqlrail.engine.backfill import nodes, reading
from sqlrail.engine.backfill.checkpoint import State
from sqlrail.engine.backfill.milestones import Milestones
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
        self.two_phases = b""  # what makes other nodes commit with the note
        self._milestones = Milestones(session)
        self._is_checked = False  # whether its plan was looked at
        self.began = 0.0  # when the last batch began to keep others waiting, by time.monotonic

    def fill(self, walk: Walk, state: State, number: int, limit: float | None) -> tuple[State, bool]:
        """Takes a batch, runs the statement, notes it and commits; the state then, and whether it is the last.

        psycopg.errors.QueryCanceled where the statement takes longer than so many seconds, if that is a number.
        """
        done, began_at = self.run(walk, state, number, limit)
        return self._commit(done, began_at), done.is_through

    def run(self, walk: Walk, state: State, number: int, limit: float | None = None) -> tuple[State, int]:
        """Takes a batch and runs the statement; the state then, and how far the WAL was before."""
        self.began = time.monotonic()
        end = self._milestones.end(walk, state.after, state.upto, number)
        text = self._session.store.message("backfill_wal") + walk.take(state.after, state.upto, number, end)
        (began_at,), *_, (found, last) = self._session.ask(text)
        if walk.is_citus:  # which takes its time to say whose keys are the next, and locks nothing yet
            self.began = time.monotonic()
        is_last = found < number and end is None
        changed = self._change(found, state, limit) if found or not state.batches else 0
        return state.beyond(found, changed, tuple(last) if found else end, is_last=is_last), began_at

    def _change(self, found: int, state: State, limit: float | None) -> int:
        """Runs the statement; how many rows it has changed."""
        ahead = self._ahead(limit)
        if found and not self._is_checked:
            self._check_plan(ahead)
        changed = _changed(self._send(self._piece.text, ahead))
        if changed and not state.changed and not self._is_once:
            self._refuse_unless_repeatable(changed)
        return changed

    @property
    def commits(self) -> bytes:
        """Whether a commit waits for the disk, see backfill_commits.sql."""
        commits = sql.SQL("on" if self._session.server.is_citus else "off")
        return self._session.store.message("backfill_commits", commits=commits)

    def look(self, walk: Walk) -> None:
        """On Citus: refuses a statement that reads too much ahead of its first batch, in a transaction of its own.

        Once a transaction has read shards of its own node, Citus explains nothing in it any more.
        """
        if self._is_checked or not walk.is_citus:
            return
        self._session.ask(nodes.opening(self._session, self._file) + walk.take(None, None, 1))
        self._check_plan(self._ahead(None))
        self._session.undo()

    def _check_plan(self, ahead: bytes) -> None:
        explain_ = ahead + self._session.store.message("_backfill_explain") + b"\n"
        explained = self._send(self._piece.text, explain_).rows[0][0]
        reading.check(self._session, self._file, explained, self._place)
        self._is_checked = True

    def _ahead(self, limit: float | None) -> bytes:
        """What goes in front of the statement."""
        store = self._session.store
        text = store.message("ours") + store.message("backfill_plans") + self._limit(limit)
        return text + store.message("theirs")

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
            raise self.failure(answer.error, len(ahead.decode()) - answer.shift)
        return answer

    def failure(self, error: psycopg.Error, ahead: int = 0) -> SqlrailError:
        return explain.failure(self._file, self._piece, error, 0, "", ahead)

    def _commit(self, state: State, began_at: int) -> State:
        """Notes the state, what the server has written of WAL since then with it, and commits."""
        store = self._session.store
        text = store.ending(self._file) + store.message("ours") + self._guard + self.two_phases
        text += self.commits  # which the ending has set back
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
