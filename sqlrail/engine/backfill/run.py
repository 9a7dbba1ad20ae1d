"""A backfill from its first batch to its last pass, whoever else is at work on it.

A batch, what it has changed, and its checkpoint commit together. The checkpoint is locked for as long as the batch
lasts: each row is met once in each pass, however runs end, and two runners take turns.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import psycopg

from sqlrail.batches.pace import FIRST, Pace
from sqlrail.batches.patience import SHRINKING, Patience
from sqlrail.engine.backfill.batches import Batches
from sqlrail.engine.backfill.checkpoint import State
from sqlrail.engine.backfill.nodes import settle
from sqlrail.engine.backfill.table import Table, ask
from sqlrail.engine.backfill.walk import Walk
from sqlrail.engine.retry import PASSING
from sqlrail.engine.session import Session
from sqlrail.errors import Interrupted, MigrationFailed, SqlrailError
from sqlrail.files import backfills
from sqlrail.files.file import File
from sqlrail.ground.events import BatchFilled
from sqlrail.ground.words import counted, milliseconds
from sqlrail.postgres.wire import Answer

#: rows of a batch at the most: behind that the planner begins to read whole indexes
MOST = 50_000


class Gone(Exception):
    """The checkpoint is: another runner has come to the end, or somebody has dropped it."""


class BackfillRun:
    """Runs a file's statement over all rows of its table, by as many batches as it takes."""

    def __init__(self, session: Session, file: File, hash_: str, guard: bytes) -> None:
        """guard: what is checked in front of each COMMIT."""
        self._session, self._file, self._hash = session, file, hash_
        self._batches = Batches(session, file, hash_, guard)
        self._patience = Patience(session, session.tell, PASSING)
        self._pace = Pace(session.settings.batch_time, FIRST)
        self._state: State | None = None
        self._began, self._seen = time.monotonic(), 0  # by this run
        #: whether another node may have what is neither done nor undone
        self._is_in_doubt = session.server.is_citus
        self._passed = 0  # the last pass that this run has begun, or walked a batch of

    @property
    def state(self) -> State:
        """How far it is."""
        return self._state or State()

    @cached_property
    def table(self) -> Table:
        """What it walks over; Refused or BadFile where that is none."""
        return ask(self._session, self._file)

    def beginning(self) -> bytes:
        """What writes its first checkpoint, under the runners' lock, behind a look at the history."""
        store, key = self._session.store, {"hash": self._hash}
        text = self._session.own_tables() + store.message("forget_stale", **key)
        checksum = backfills.checksum(self._file)
        return (
            text + store.message("backfill_begin", **key, id=self._file.id, checksum=checksum) + b"COMMIT;\n"
        )

    def run(self) -> None:
        """Every batch that is not done; Gone where another runner has done them.

        Refused where the statement, in the first batch of all, reads too much or would do rows twice: that batch is
        rolled back, and nothing was done.
        """
        self._session.under_way(name=self._file.id, limit=self._patience.longest)
        if self._file.until is not None:
            # Else what is wrong with it would be found behind the last batch.
            explain = self._session.store.message("_backfill_explain").decode()
            self._ask(f"{explain}\n{self._file.until}")
        while True:
            self._pass()
            self._settle()
            if self._is_done():
                return
            self._patience.patiently(self._what, self._begin_pass)

    @property
    def _what(self) -> str:
        return f"a batch of {self._file.id}"

    def _pass(self) -> None:
        while True:
            self._patience.wait_for_leave()
            if self._patience.patiently(self._what, self._batch, SHRINKING):
                return
            self._tell()
            self._patience.rest(self._session.settings.pause)

    def _settle(self) -> None:
        """What is recorded as done, and what another pass looks at, is on every node."""
        if self._session.server.is_citus:
            what = f"a look at what is in doubt of {self._file.id}"
            self._patience.patiently(what, lambda: settle(self._session, self._file))

    # A batch

    def _batch(self) -> bool:
        """True if there was no batch any more in this pass."""
        if self._is_in_doubt:
            settle(self._session, self._file)
            self._is_in_doubt = False
        self._batches.look(self._walk)
        state, number = self._hold(), self._pace.rows
        if state.is_through:
            self._session.undo()
            return True
        try:
            done, is_last = self._batches.fill(self._walk, state, number, self._pace.limit)
        except psycopg.Error as exc:
            self._is_in_doubt = self._session.server.is_citus
            if not isinstance(exc, SHRINKING):
                raise
            if isinstance(exc, psycopg.errors.QueryCanceled) and number == 1:
                raise self._batches.failure(exc) from exc
            self._pace.failed(number, too_long=isinstance(exc, psycopg.errors.QueryCanceled))
            raise
        walked = done.walked - state.walked
        self._seen += walked
        self._state, self._passed = done, done.passes
        if not is_last and walked:
            self._pace.took(walked, time.monotonic() - self._batches.began)
            self._pace.rows = min(self._pace.rows, MOST)
        return is_last

    def _hold(self) -> State:
        """Opens a transaction and locks the checkpoint, see backfill_hold.sql; the first state where there is none."""
        store = self._session.store
        self._session.raise_if_standby()
        text = store.message("begin") + store.limits(self._file) + store.message("ours")
        text += self._batches.commits
        text += store.message("backfill_hold", hash=self._hash, patience=milliseconds(self._patience.longest))
        found = self._session.ask(text)
        if not found:
            self._session.undo()
            raise Gone
        self._batches.two_phases = self.table.nodes.two_phases(store) if self.table.nodes else b""
        _, checksum, noted = found[0]
        state = State.read(noted)
        backfills.check_unchanged(self._file, checksum, str(state or State()))
        self._state = state or State(upto=self._last())
        return self._state

    def _last(self) -> tuple[str, ...] | None:
        found = self._session.ask(self._walk.last())
        return tuple(found[-1][0]) if found else None

    @property
    def _walk(self) -> Walk:
        backfill = self._file.backfill  # the store is another behind a new connection
        assert backfill is not None
        return Walk(self._session.store, self.table, backfill)

    # Passes

    def _is_done(self) -> bool:
        """Whether no other pass is needed."""
        file, state = self._file, self.state
        if file.backfill and file.backfill.is_once:
            return True
        if file.until is None:
            return not state.changed_now
        left = self._ask(file.until)
        # An earlier run has ended with this, and what was in the way then may be mended.
        if left and not state.changed_now and self._passed == state.passes:
            raise MigrationFailed(
                f"{self._place_of_until}: a whole pass over {self.table.name} changed no row, and `until` still gives "
                f"{left!s}: the statement does not change what that counts."
            )
        return not left

    @property
    def _place_of_until(self) -> str:
        return self._file.at(self._file.lines["until"][0])

    def _ask(self, question: str) -> Any:
        """What a question of `until` gives, in a transaction of its own."""
        what = f"{self._place_of_until}: until"
        return self._patience.patiently(what, lambda: self._asked(what, question))

    def _asked(self, what: str, question: str) -> Any:
        """The same once; what a second try may mend leaves as psycopg.Error."""
        session, file = self._session, self._file
        text = session.store.message("begin") + session.store.limits(file)
        answer = session.send(text + question.encode() + b"\n;\n", Answer())
        if (error := answer.error) is not None:
            if session.connection.closed or isinstance(error, PASSING):
                raise error
            session.undo()
            raise session.failure(what, "it was asked", error, kind=MigrationFailed)
        session.undo()
        found = answer.rows[-1:]
        return found[0][0] if found and found[0] else None

    def _begin_pass(self) -> None:
        """Notes that another pass begins, unless another runner has done so."""
        state = self._hold()
        if state.is_through:
            text = self._batches.noting(state.anew(self._last())) + b"COMMIT;\n"
            self._session.ask(text)
            self._passed = state.passes + 1
        else:
            self._session.undo()

    def is_still_through(self) -> bool:
        """Asked under the runners' lock, in whose transaction it is: whether no other runner has begun another pass."""
        session = self._session
        text = session.store.message("ours") + session.store.message("backfill_state", hash=self._hash)
        with session.translating(
            f"{self._file.id} cannot be recorded", f"{self._file.id} was being recorded"
        ):
            found = session.ask(text)
        return bool(found) and (State.read(found[-1][0]) or State()).is_through

    # What is said

    def _tell(self) -> None:
        state = self.state
        total = max(self.table.rows, state.seen)
        seconds = time.monotonic() - self._began
        self._session.tell(
            BatchFilled(self._file.id, state.passes, total, state.seen, state.changed, self._seen, seconds)
        )

    @contextmanager
    def telling_what_stands(self) -> Iterator[None]:
        """Every error says what was done before it, and what to do."""
        try:
            yield
        except SqlrailError as exc:
            said = "interrupted." if isinstance(exc, Interrupted) else str(exc)
            exc.args = (f"{said} {self.stands}",)
            raise

    @property
    def stands(self) -> str:
        """What is done, and what to do, for an error."""
        state = self._state
        if state is None or not state.batches:
            return f"Nothing of {self._file.id} was done."
        least = "at least " if self._session.connection.closed else ""
        left = max(0, self.table.rows - state.seen)
        more = f"about {counted(left, 'row')} of {self.table.name} are left in this pass; " if left else ""
        return f"It is a backfill: {least}{state}, each once in each pass, and that stays; {more}run again to go on."
