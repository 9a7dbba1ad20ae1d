"""The statements of a file outside a transaction, one after the other: which are done, and what comes next."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator
from contextlib import suppress

from psycopg.pq import TransactionStatus

from sqlrail.engine.checkpoints import Checkpoints
from sqlrail.engine.leftovers import CutOff, Leftovers
from sqlrail.engine.retry import Retry
from sqlrail.engine.session import Session
from sqlrail.engine.step_run import StepRun
from sqlrail.engine.steps import Index, Step, text_of
from sqlrail.errors import BadFile, Interrupted, MigrationFailed, SqlrailError
from sqlrail.files.file import File
from sqlrail.files.pieces import Piece
from sqlrail.ground.events import Resumed
from sqlrail.postgres.connect import Connection

#: what has its place in a transaction only, and changes nothing but that
LOCAL = ("SET", "SAVEPOINT", "RELEASE", "ROLLBACK")
#: small statements that go in one message
TOGETHER = 200


class StatementRun:
    """Runs what is not noted yet of a file on its worker, while the runners' lock is held."""

    def __init__(
        self,
        session: Session,
        retry: Retry,
        cut_off: CutOff,
        worker: Connection,
        file: File,
        key: dict[str, str],
        guard: bytes,
        give_up: float,
    ) -> None:
        """key: names its checkpoints; guard: is checked in front of a COMMIT; give_up: until when a lock is tried."""
        self._session, self._worker, self._file, self._key = session, worker, file, key
        self._batch: list[Step] = []
        self._digest = hashlib.sha256()
        self._made: list[Index] = []
        self._settings: list[Step] = []  # what is done and concerns the session, which has ended
        self._notes = Checkpoints(session, worker, file, key)
        self._leftovers = Leftovers(session, worker, self._notes, cut_off)
        self._steps = StepRun(session, retry, worker, file, self._notes, self._leftovers, guard, give_up)

    def run(self) -> None:
        """Every statement that is not noted, in turn.

        MigrationFailed and ConnectionLost say what is done and stays. Refused: a statement was cut off, and nobody can
        tell whether it took effect; --interrupted says `again` or `done`. BadFile: what is done was changed since.
        """
        try:
            self._run_all()
        except Interrupted as exc:
            said = (
                str(exc)
                if self._session.is_unconfirmed
                else f"interrupted: {self._notes.place} was cancelled."
            )
            with suppress(SqlrailError):  # that it was interrupted counts for more
                self._look()
            exc.args = (f"{said} {self._notes.stands}",)
            raise

    def _run_all(self) -> None:
        number, notes = 0, self._notes
        for piece in self._file.pieces(1):
            if not piece.statements:
                continue
            number += 1
            step = self._take(number, piece)
            index = step.index
            if index and index.verb == "create":
                self._made.append(index)
            if number > notes.found_done and step.is_small and not notes.in_block and not notes.announced:
                self._collect(step)
                continue
            self._run_batch()
            notes.at(step)
            if number <= notes.found_done:
                self._skip(step)
            else:
                self._steps.run(step, index)
        self._run_batch()
        self._check_end(number)

    def _take(self, number: int, piece: Piece) -> Step:
        text = text_of(piece)  # a comment between two statements belongs to neither
        self._digest.update(text + b"\0")
        step = Step(number, piece, text, self._digest.hexdigest(), self._digest.hexdigest)
        if piece.data is not None:
            piece.data = self._digested(piece.data)
        return step

    def _digested(self, data: Iterator[bytes]) -> Iterator[bytes]:
        for block in data:
            self._digest.update(block)
            yield block

    def _look(self) -> None:
        """Asks what is done, where a message of several statements did not come to its end."""
        self._notes.look()
        for step in self._batch:
            if step.number > self._notes.done:
                self._notes.at(step)
                return

    # Statements that are done

    def _skip(self, step: Step) -> None:
        is_last, checksums = step.number == self._notes.found_done, {step.checksum}
        for _ in step.piece.data or ():
            pass
        checksums.add(self._digest.hexdigest())
        if is_last and self._notes.checksum not in checksums:
            raise self._changed()
        if step.is_setting or step.is_control or step.words[0] in LOCAL:
            self._settings.append(step)
        if is_last:
            self._set_again()
            self._notes.at(step)
            self._session.tell(Resumed(self._file.id, self._notes.place, self._notes.done + 1))

    def _set_again(self) -> None:
        """The session that they were for is gone. A block that goes on behind COMMIT AND CHAIN is begun again."""
        for step in self._settings:
            self._notes.at(step)
            if step.is_setting and not self._notes.in_block:
                self._steps.set(step)
            elif self._notes.in_block or step.is_control:
                self._steps.send(step)

    def _changed(self) -> BadFile:
        done = self._notes.done
        return BadFile(
            f"{self._file.path}: {done} of its {'statement is' if done == 1 else 'statements are'} done, and that part "
            "of the file was changed since. "
            f"Put it back as it was; what comes after it may be changed. To begin at the first statement again, undo "
            f"by hand what is done, and drop its checkpoints with `repair --forget {shlex.quote(self._key['id'])}`."
        )

    def _check_end(self, number: int) -> None:
        if number < self._notes.found_done:
            raise self._changed()
        if self._worker.info.transaction_status != TransactionStatus.IDLE:
            raise MigrationFailed(
                f"{self._file.path}: the last transaction that it begins is never ended; add COMMIT. "
                + self._notes.stands
            )
        if announced := self._notes.announced:  # the statement was taken out of the file since
            self._leftovers.drop(self._leftovers.left(announced))
        for index in self._made:
            invalid = [one for one in self._leftovers.invalid(index) if index.name == one.name]
            if invalid:
                raise MigrationFailed(
                    f"{self._file.path}: the index {invalid[0].name} is invalid, so the file is not recorded. Build it "
                    f"again with REINDEX INDEX CONCURRENTLY, and run again. {self._notes.stands}"
                )

    def _collect(self, step: Step) -> None:
        self._batch.append(step)
        if len(self._batch) == TOGETHER:
            self._run_batch()

    def _run_batch(self) -> None:
        """Runs what was collected in one message; where that fails, from the failing one on one by one."""
        if not self._batch:
            return
        self._notes.at(self._batch[0])
        self._steps.check_lock()
        if len(self._batch) > 1:
            if self._steps.run_together(self._batch):
                self._notes.is_noted(self._batch[-1])
            else:
                self._look()
        for step in self._batch:
            if step.number > self._notes.done:
                self._notes.at(step)
                self._steps.run(step, None)
        self._batch = []
