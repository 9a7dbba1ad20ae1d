"""How a statement outside a transaction is sent, so that it and its note are one.

Wherever PostgreSQL lets a statement run in a transaction, it and its note commit together, and so do those between a
file's own BEGIN and COMMIT: what is noted has taken effect, what is not noted has not. What refuses a transaction
(CREATE INDEX CONCURRENTLY, VACUUM, a procedure that commits) is announced before it runs and noted after it. One that
was announced and not noted was cut off in the middle: the next run looks what became of it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from psycopg import errors as pg
from psycopg.pq import TransactionStatus

from sqlrail.engine import explain
from sqlrail.engine.checkpoints import Checkpoints
from sqlrail.engine.leftovers import Leftovers
from sqlrail.engine.retry import Retry
from sqlrail.engine.session import Session
from sqlrail.engine.steps import Index, Step
from sqlrail.errors import Busy, ConnectionLost, Refused, SqlrailError
from sqlrail.files.file import File
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection
from sqlrail.postgres.giving_way import Tries

#: what a statement that must not run in a transaction is answered with: nothing of it has stayed
UNWRAPPABLE = (pg.ActiveSqlTransaction, pg.InvalidTransactionTermination)
#: where the notes are
NOTES = ("sqlrail", "progress")


class StepRun:
    """Runs a statement and notes it: in one transaction wherever that can be, else between announcement and note."""

    def __init__(
        self,
        session: Session,
        retry: Retry,
        worker: Connection,
        file: File,
        notes: Checkpoints,
        leftovers: Leftovers,
        guard: bytes,
        give_up: float,
    ) -> None:
        """guard: is checked in front of a COMMIT; give_up: until when a lock that is in the way is tried."""
        self._session, self._retry, self._worker, self._file = session, retry, worker, file
        self._notes, self._leftovers, self._guard, self._give_up = notes, leftovers, guard, give_up
        self._limits = self._file_limits = session.store.step_limits(file)
        self._lock_timeout = session.store.lock_timeout(file)
        # Where the connection could not begin with it, each transaction says where names lead.
        self._is_led = session.settings.tenant is not None and session.server.is_pooled

    def run(self, step: Step, index: Index | None) -> None:
        """Runs it in the way that PostgreSQL lets it run, and notes it."""
        announced = self._notes.take_announced()
        self.check_lock()
        if announced and self._leftovers.is_settled(announced, step):
            self._notes.note(step)
        elif self._notes.in_block or step.is_control:
            self._step_in_block(step)
        elif step.is_setting:
            self.set(step)
            self._notes.note(step)
        elif (
            step.words[:1] == ("VACUUM",)
            or (index and "CONCURRENTLY" in step.words)
            or not self._wrapped(step)
        ):
            self._alone(step, index)

    def _step_in_block(self, step: Step) -> None:
        if self._notes.in_block and step.words[:1] in (("COMMIT",), ("END",)):
            self.send(step, self._guard + self._notes.composed(step, self._notes.done))
            self._is_noted(step)
        else:
            self.send(step)
            if step.is_setting:
                self._obey(step)
            if not self._notes.in_block:  # it was rolled back
                self._notes.note(step)
        if self._notes.in_block and step.is_control and (self._limits or self._is_led):
            self._notes.run_ours(self._limits)

    def set(self, step: Step) -> None:
        """Sends what is for the session only."""
        if self._session.server.is_pooled:
            raise Refused(
                f"{self._notes.place}: this connection goes through a pooler, and a {step.words[0]} outside a "
                "transaction would reach other clients. Use SET LOCAL between BEGIN and COMMIT, or name the server "
                f"itself in {self._session.settings.url_origin}. {self._notes.stands}"
            )
        self.send(step)
        self._obey(step)

    def _obey(self, step: Step) -> None:
        """Leaves our own limit for locks to a file that sets one itself."""
        taken_back = step.words[:2] in (("RESET", "ALL"), ("DISCARD", "ALL"))
        if taken_back or re.search(rb"(?i)\block_timeout", step.text):
            self._limits = self._file_limits if taken_back or step.words[0] == "RESET" else b""

    def run_together(self, steps: Sequence[Step]) -> bool:
        """Runs small ones in one message; False if one failed, and it is to be looked which are done."""
        text, done = [], self._notes.done
        for step in steps:
            ahead, behind = self._around(step, done)
            text += [ahead, step.piece.text, behind]
            done = step.number
        answer = self._send_watched(b"".join(text), self._lock_timeout)
        if answer.error is not None:
            place = self._notes.place
            self._notes.raise_if_lost(f"the statements from {place} on were running; which took effect")
        return answer.error is None

    def _wrapped(self, step: Step) -> bool:
        """Runs the statement in one transaction with its note; False if it refuses that, and nothing was changed."""
        tries = Tries(self._give_up)
        while True:
            started = time.monotonic()
            ahead, behind = self._around(step, self._notes.done)
            failure = self._try(step, ahead, behind)
            if failure is None:
                self._is_noted(step)
                return True
            if isinstance(failure.__cause__, UNWRAPPABLE):
                return False
            if step.piece.data is not None:  # it is read once
                raise failure
            self._retry.give_way(failure, self._file, started, tries)

    def _around(self, step: Step, done: int) -> tuple[bytes, bytes]:
        """What makes a transaction of its own of a statement, with its note."""
        store = self._session.store
        ahead = store.message("begin") + store.message("begin_step") + self._limits
        # The line end is for a comment that the text may end with.
        return ahead, b"\n;\n" + self._guard + self._notes.composed(step, done) + b"COMMIT;\n"

    def _alone(self, step: Step, index: Index | None) -> None:
        """Runs a statement that refuses a transaction, between its announcement and its note."""
        self._refuse_without_path(step)
        self._leftovers.refuse_outside(index)
        if index and index.verb == "create" and index.name:
            # IF NOT EXISTS would take an invalid one, of an earlier run or of somebody's psql, for done.
            self._leftovers.drop(self._leftovers.invalid(index))
        announced = self._leftovers.announce(step, index)
        failure = self._try(step)
        if failure is None:
            self._notes.note(step)
            return
        self._notes.announced_failed()
        left = [one.name for one in self._leftovers.left(announced)]
        if left:
            failure.args = (f"{failure} It left {', '.join(left)} invalid, which the next run drops.",)
        raise failure

    def _refuse_without_path(self, step: Step) -> None:
        """Refused where names would not lead to the tenant's schema: behind a pooler a SET reaches others."""
        if self._is_led:
            tenant = self._session.settings.tenant
            raise Refused(
                f"{self._notes.place}: this connection goes through a pooler, where names can lead to {tenant} "
                f"within a transaction only, and this {step.words[0]} refuses one. Name the server itself in "
                f"{self._session.settings.url_origin}. {self._notes.stands}"
            )

    def check_lock(self) -> None:
        """ConnectionLost if the connection that holds the runners' lock is gone: another runner may be at work."""
        self._session.keep_lock()
        if wire.is_gone(self._session.connection):
            raise ConnectionLost(
                f"the connection that holds the runners' lock was lost before {self._notes.place}. "
                + self._notes.stands
            )

    def _is_noted(self, step: Step) -> None:
        self._notes.is_noted(step)
        if step.piece.data is not None and step.checksum_behind() != step.checksum:
            self._notes.note(replace(step, checksum=step.checksum_behind()))

    # Messages

    def send(self, step: Step, ahead: bytes = b"") -> None:
        """Sends a statement that is noted with others, or by itself."""
        failure = self._try(step, ahead)
        if failure is not None:
            raise failure

    def _try(self, step: Step, ahead: bytes = b"", behind: bytes = b"") -> SqlrailError | None:
        """Sends a statement of the file between two texts of ours; what it failed with, if the connection stands."""
        text, data, notes = ahead + step.piece.text + behind, step.piece.data, self._notes
        limit = self._lock_timeout if ahead or notes.in_block else self._file.lock_timeout or 0
        answer = self._send_watched(text, limit, data=data)
        if answer.error is None:
            return None
        notes.raise_if_lost(f"{notes.place} was running; whether it took effect")
        if self._worker.info.transaction_status != TransactionStatus.IDLE:
            wire.send(self._worker, b"ROLLBACK", wire.Answer())
        diag = answer.error.diag
        if isinstance(answer.error, pg.NotNullViolation) and (diag.schema_name, diag.table_name) == NOTES:
            raise Busy(f"{notes.place} was noted by another runner in the meantime. {notes.stands}")
        completed = max(0, answer.completed - ahead.count(b";\n"))
        return explain.failure(
            self._file, step.piece, answer.error, completed, notes.stands, len(ahead.decode()) - answer.shift
        )

    def _send_watched(self, text: bytes, limit: float, data: Iterator[bytes] | None = None) -> wire.Answer:
        answer = wire.Answer(keep=False)
        return self._session.send_on(self._worker, text, answer, name=self._file.id, limit=limit, data=data)
