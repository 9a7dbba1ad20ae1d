"""Cleans what was found in batches of their own transactions.

No row is deleted whose parent is committed when the deletion commits: a batch locks the rows that it takes, deletes
and archives them, and only then keeps writers from the parent, looks for parents once more, and commits. That lock
is the only one that others can notice, and lasts as long as the look.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import NamedTuple

from psycopg import errors as pg
from psycopg import sql

from sqlrail.batches import pace
from sqlrail.batches.interrupts import Interrupts
from sqlrail.batches.patience import SHRINKING, Patience
from sqlrail.errors import DatabaseFailed
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.events import BatchCleaned
from sqlrail.ground.words import milliseconds
from sqlrail.orphans.ask import ask_facts
from sqlrail.orphans.cleaned import Cleaned
from sqlrail.orphans.composer import Composer
from sqlrail.orphans.facts import Facts
from sqlrail.orphans.online.look import Found
from sqlrail.orphans.online.session import OnlineSession, opening
from sqlrail.orphans.online.tally import Tally

#: how often a look may take too long for a batch of one row before it is given up
TRIES = 5
START = "(0,0)"


class Batch(NamedTuple):
    """One that was committed, or that found nothing to clean."""

    upto: str  # where it ended
    rows: int
    cleaned: int
    is_last: bool
    seconds: float  # that its rows took, what does not hang on their number aside


@dataclass
class Batches:
    """Works off what was found."""

    session: OnlineSession
    tally: Tally
    patience: Patience
    interrupts: Interrupts
    #: batches of one row whose last look took too long, in a row
    late: int = 0

    def __post_init__(self) -> None:
        self.pace = pace.Pace(self.session.settings.batch_time, pace.FIRST)

    def clean(self, relation: Constraint, found: Found) -> int:
        """Cleans what was found, batch by batch; how many rows."""
        after, done, cleaned, began = START, 0, 0, time.monotonic()
        action = self.tally.done[relation].action or "delete"
        while True:
            self.patience.wait_for_leave()
            batch = self.patience.patiently(
                f"a batch of {relation}",
                lambda after=after: self._batch(relation, found.work, after),  # type: ignore[misc]
                SHRINKING,
            )
            after, done, cleaned = batch.upto, done + batch.rows, cleaned + batch.cleaned
            seconds = time.monotonic() - began
            self.patience.listener(BatchCleaned(str(relation), action, found.rows, done, cleaned, seconds))
            if batch.is_last:
                break
            self.patience.rest(self.session.settings.pause)
        return cleaned

    def _batch(self, relation: Constraint, work: sql.Identifier, after: str) -> Batch:
        with self.interrupts.busy():
            size = self.pace.rows
            try:
                batch = self._send_batch(self.tally.done[relation], work, after)
            except SHRINKING as exc:
                too_long = isinstance(exc, pg.QueryCanceled)
                self.late = self.late + 1 if size == 1 and too_long else 0
                if self.late >= TRIES:
                    raise DatabaseFailed(
                        f"a batch of {relation} cannot end: its last look for parents takes longer than "
                        f"{self.patience.longest:g} s even for one row, and keeps writers waiting. Give it more: "
                        "--batch-time."
                    ) from exc
                self.pace.failed(size, too_long=too_long)
                raise
            self.late = 0
            if not batch.is_last:
                self.pace.took(batch.rows, batch.seconds)
            return batch

    def _send_batch(self, one: Cleaned, work: sql.Identifier, after: str) -> Batch:
        ask, facts = self.session.ask, self._open_batch(one)
        part = Composer(self.session, one.relation, facts)
        upto, rows = ask(part(part.online.next, work=work, after=after, size=self.pace.rows))[-1]
        began, is_last = time.monotonic(), rows < self.pace.rows
        if not rows:
            self.session.undo()
            return Batch(after, 0, 0, is_last, 0.0)
        text = part("archive_format")
        text += part(part.online.take, work=work, after=after, upto=upto)
        if facts.cascades:
            text += (
                part("online_cascades")
                + part("cascades")
                + part.cascades(row_locks=sql.SQL("FOR UPDATE OF t"))
            )
        cascaded = sql.SQL("(SELECT count(*) FROM pg_temp.sqlrail_cascade)" if facts.cascades else "0")
        cleaned, archived = ask(text + part.clean(in_batch=True) + part("online_report", cascaded=cascaded))[
            -1
        ]
        if not cleaned:
            self.session.undo()
            return Batch(upto, rows, 0, is_last, time.monotonic() - began)
        now = replace(one.counting(cleaned), archived=one.archived + archived)
        ask(self.tally.note(now) + part(part.online.settle, patience=milliseconds(self.patience.longest)))
        self.tally.put(now)
        return Batch(upto, rows, cleaned, is_last, time.monotonic() - began)

    def _open_batch(self, one: Cleaned) -> Facts:
        """Begins a batch; what the tables are now. A run of hours must archive a column that was added meanwhile."""
        known = one.facts
        while True:
            part = Composer(self.session, one.relation, known)
            before = opening(self.session) + part(
                "online_open",
                patience=milliseconds(self.patience.longest),
                half_patience=milliseconds(self.patience.longest / 2),
                run=str(self.tally.id),
            )
            facts = ask_facts(self.session, one.relation, before)
            if facts.absent or facts.refusals:
                raise self.tally.refusal(one.relation, [facts.absent] if facts.absent else facts.refusals)
            self.tally.check_identity(one, facts)
            if facts.names_written <= known.names_written:
                return facts
            self.session.undo()
            known = facts
