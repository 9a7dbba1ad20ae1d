"""A file's backfill with its record: the runners' lock is held when it begins, and when it is recorded."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sqlrail.engine.backfill.run import BackfillRun, Gone
from sqlrail.engine.backfill.table import ask
from sqlrail.engine.backfill.walk import Walk
from sqlrail.engine.opening import Opener
from sqlrail.engine.operation import Operation
from sqlrail.engine.parts import Parts
from sqlrail.engine.pipeline import Closing
from sqlrail.engine.session import Session
from sqlrail.errors import BadFile, Busy
from sqlrail.files.file import File
from sqlrail.files.pieces import Piece
from sqlrail.ground.events import Begun, Filled
from sqlrail.postgres.giving_way import Tries

#: more rows than any table has
ALL = 2**62


class Filling:
    """Runs a backfill to its end; its record is written when the last pass is over, and not before."""

    def __init__(
        self, parts: Parts, opener: Opener, operation: Operation, file: File, migration: Any, *, marks: bool
    ) -> None:
        self._session, self._recorded, _, self._news = parts
        self._opener, self._operation = opener, operation
        self._file, self._migration, self._marks = file, migration, marks
        self._run = BackfillRun(self._session, file, migration.hash, operation.guard(self._session.store))

    def run(self, tries: Tries, finish: Callable[[Closing], None]) -> bool:
        """Runs what is not done of it; False if it was recorded already. finish: commits the closing."""
        if not self._marks:
            raise BadFile(
                f"{self._file.path}: a file that runs after each migrate, or leaves no record, cannot be a backfill."
            )
        started = time.monotonic()
        self._news.tell(Begun(self._file.id))
        if not self._begin():
            return False
        try:
            with self._run.telling_what_stands():
                opened = self._fill()
                if opened is None:
                    return False
                closing = self._closing(opened, started, tries)
        except Gone:
            return self._look_whether_recorded()
        finish(closing)
        return True

    def _fill(self) -> int | None:
        """Runs every batch, and opens the transaction of the record behind the last; None if the file is recorded."""
        while True:
            self._run.run()
            opened = self._open()
            if opened is None or self._run.is_still_through():
                return opened
            self._session.undo()

    def _begin(self) -> bool:
        """Writes the first checkpoint, where there is none; False if the file is recorded."""
        _ = self._run.table  # what refuses it refuses before anything is written
        if self._open(begins=True) is None:
            return False
        with self._session.translating("the backfill cannot begin", f"{self._file.id} was beginning"):
            self._session.ask(self._run.beginning())
        return True

    def _open(self, *, begins: bool = False) -> int | None:
        """Opens a transaction under the runners' lock; None if the file is recorded, or not to be run any more."""
        opened = self._opener.open(self._migration.hash, self._file)
        is_over = opened.is_done
        # A newer release that has left it may have been quicker, and of other files the record tells.
        if (opened.waited or begins) and not is_over:
            self._recorded.read_history()
            is_over = not self._operation.look_again()
        if is_over:
            self._session.undo()
            return None
        return opened.transaction

    def _look_whether_recorded(self) -> bool:
        if self._open() is not None:
            self._session.undo()
            raise Busy(
                f"the checkpoint of {self._file.id} was dropped by somebody while it was at work; run again to begin "
                "at the first row."
            )
        return False

    def _closing(self, transaction: int, started: float, tries: Tries) -> Closing:
        store, hash_ = self._session.store, self._migration.hash
        record = self._operation.record(store, self._file, hash_, marks=self._marks)
        text = store.message("forget_progress", hash=hash_)
        text += (b"%d" % transaction).join(record) + b"COMMIT;\n"
        parts = self._file, self._migration, text, Piece(b""), (), self._marks, started, tries
        return Closing(*parts, self._filled(), self._run.stands)

    def _filled(self) -> Filled:
        state = self._run.state
        text = self._session.store.message("backfill_dead", table=self._run.table.oid)
        with self._session.translating(
            f"{self._file.id} cannot be recorded", f"{self._file.id} was being recorded"
        ):
            ((dead,),) = self._session.ask(text)
        return Filled(state.walked, state.changed, state.batches, state.passes, state.wal, dead)


def whole_batch(session: Session, file: File) -> None:
    """Makes a batch of all rows in the file's transaction, on a scratch database: files before it have made them."""
    table, backfill, store = ask(session, file), file.backfill, session.store
    assert backfill is not None
    walk = Walk(store, table, backfill)
    with session.translating("the batch cannot be made", f"{file.id} was being applied"):
        last = session.ask(walk.last())
        upto = tuple(last[-1][0]) if last else None
        session.ask(walk.take(None, upto, ALL) + store.message("theirs"))
