"""An online cleanup: orphans are found once, and deleted in batches of their own transactions.

A run that ends in the middle, however it ends, leaves nothing that the next one has to know: it looks anew.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress

import psycopg
from psycopg import sql

from sqlrail.batches.interrupts import Interrupts
from sqlrail.batches.patience import POLL, Patience
from sqlrail.errors import Busy, Refused
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.events import Listener
from sqlrail.orphans import guards
from sqlrail.orphans.cleaned import Cleaned
from sqlrail.orphans.online.batches import Batches
from sqlrail.orphans.online.look import Found, Look
from sqlrail.orphans.online.session import OnlineSession, opening
from sqlrail.orphans.online.tally import Tally
from sqlrail.orphans.session import ddl, message
from sqlrail.postgres import stopping, wire
from sqlrail.postgres.connect import connect
from sqlrail.postgres.diagnostics import failure, sentence

#: the upper half of the advisory locks of online cleanups; the lower is the child's oid
KEY = int.from_bytes(b"sqlr", "big")
#: how often orphans are looked for where others had some of them in hand
LOOKS = 3


class Run:
    """One online cleanup of relations that were looked at; what a second try may mend is passing."""

    def __init__(
        self,
        session: OnlineSession,
        listener: Listener,
        interrupts: Interrupts,
        passing: tuple[type[psycopg.Error], ...],
        tell: Callable[[Iterable[Cleaned]], object],
    ) -> None:
        self.session, self.listener, self.tell = session, listener, tell
        self.tally, self.patience = Tally(session), Patience(session, listener, passing, self._more)
        self.look = Look(session, self.tally, self.patience)
        self.batches = Batches(session, self.tally, self.patience, interrupts)

    def clean(self, due: Iterable[Cleaned]) -> Iterable[Cleaned]:
        """Cleans relations until none has orphans that can be deleted."""
        self.tally.put(*due)
        children = sorted({one.facts.child["name"] for one in self.tally.done.values()})
        with self._alone(children), self.tally.telling_what_stands():
            try:
                self.patience.patiently("the start", lambda: self._drop_leftovers(children))
                first = self.patience.patiently("the first look", self.look.first)
                if self.tally.id is not None:
                    self.tell(self.tally.done.values())
                    self._clean_in_turn(first)
            finally:
                self._tidy()
        return self.tally.done.values()

    def _more(self, what: str, exc: psycopg.Error) -> str:
        """What there is to say of an error; Refused if a guard of ours has raised it."""
        if exc.sqlstate == guards.GUARD:
            raise Refused(f"{what} is refused: {sentence(exc)}") from exc
        return guards.remedy(exc) or guards.by_event_trigger(self.session, exc)

    def _clean_in_turn(self, first: dict[Constraint, Found]) -> None:
        waiting, may_have_more, again = set(first), set[Constraint](), Counter[Constraint]()
        while waiting:
            for one in [one for one in self.tally.done.values() if one.relation in waiting]:
                found = first.pop(one.relation, None)
                if found is None or one.relation in may_have_more:
                    found = self.look.again(one.relation, one.relation in may_have_more)
                waiting, may_have_more = waiting - {one.relation}, may_have_more - {one.relation}
                if cleaned := self._clean(one.relation, found):
                    below = {it.relation for it in self.tally.done.values() if one.may_orphan(it)}
                    waiting, may_have_more = waiting | below, may_have_more | below
                    # What somebody was writing may be free by now; where somebody always is, there is an end to it.
                    again[one.relation] += 1
                    if cleaned < found.rows and again[one.relation] < LOOKS:
                        waiting.add(one.relation)

    @contextmanager
    def _alone(self, children: list[str]) -> Iterator[None]:
        """Keeps other online cleanups off these children, by a transaction of its own that idles meanwhile."""
        text = opening(self.session) + message(self.session, "online_alone", online=KEY, children=children)
        deadline = time.monotonic() + self.session.settings.lock_wait
        with closing(connect(self.session.settings, listener=self.listener)) as holder:
            while True:
                answer = wire.send_ours(holder, text)
                if answer.error is not None:
                    failed, when = "the online cleanup cannot begin", "the online cleanup was beginning"
                    raise failure(holder, failed, when, answer.error)
                if answer.row(-1)[0]:
                    break
                wire.send(holder, b"ROLLBACK", wire.Answer())
                if time.monotonic() >= deadline:
                    raise Busy(
                        f"another online cleanup is at work on {', '.join(children)}; gave up after "
                        f"{self.session.settings.lock_wait:g} s (--lock-wait)."
                    )
                self.patience.say_once("waiting for another online cleanup of the same tables")
                stopping.sleep(POLL)
            yield

    def _drop_leftovers(self, children: list[str]) -> None:
        leftovers = ddl(self.session, "online_leftovers", online=KEY, children=children)
        self.session.ask(opening(self.session) + leftovers + b"COMMIT")

    def _tidy(self) -> None:
        # Where this fails the next run does it.
        self.session.undo()
        for work in list(self.tally.work):
            with suppress(psycopg.Error):
                self._drop(work)
            self.session.undo()

    def _drop(self, work: sql.Identifier) -> None:
        self.session.ask(opening(self.session) + ddl(self.session, "online_drop", work=work))
        self.tally.lose(work)

    def _end_look(self, work: sql.Identifier) -> None:
        # Unlike the batches' own commits this one waits for the disk, and so for all of theirs.
        self.session.ask(opening(self.session) + self.tally.note() + b"COMMIT")
        with suppress(psycopg.Error):
            self._drop(work)

    def _clean(self, relation: Constraint, found: Found) -> int:
        cleaned = self.batches.clean(relation, found)
        self.patience.patiently("the end of a look", lambda: self._end_look(found.work))
        self.session.undo()
        return cleaned
