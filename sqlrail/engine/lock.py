"""The runners' lock: whoever holds it is the one runner at work on a database."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any, NamedTuple

from psycopg import errors as pg

from sqlrail.engine.session import Session
from sqlrail.errors import Busy
from sqlrail.ground.events import WaitingForLock
from sqlrail.postgres.wire import Answer

#: seconds between two tries for the lock: the least, and the most
POLL = (0.05, 0.5)


class Taken(NamedTuple):
    """A transaction under the lock."""

    transaction: int
    answered: Any  # to the question that was asked in it
    waited: bool  # for another runner, who may have changed the history
    started: float


class RunnersLock:
    """Tries for the lock, and names or clears away who has it; it is never waited for inside a transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def attempt(self) -> bool:
        """Opens a transaction of ours and tries for the lock in it, without waiting."""
        return bool(self._in_ours(self._session.store.message("try_lock")).row(-1)[0])

    def break_dead(self) -> bool:
        """Takes away the lock row of a dead runner; False while its last statement is still running."""
        store = self._session.store
        answer = self._in_ours(store.message("break_dead_lock", ended=store.server.is_pooled))
        return any(result.command_status == b"DELETE 1" for result in answer.results)

    def _in_ours(self, text: bytes) -> Answer:
        self._session.raise_if_standby()
        return self._session.ask_alone(self._session.store.begin(None) + text)

    def patience(self) -> Patience:
        """For one wait, which begins now."""
        return Patience(self._session, self)

    def take(self, opening: bytes, limit: float, send: Callable[[bytes], Answer]) -> Taken:
        """Sends an opening until it has the lock; Busy after lock_wait seconds. limit: its lock_timeout in seconds."""
        session, patience = self._session, self.patience()
        while True:
            answer, holder = send(opening), None
            if answer.error is None:
                (locked,), (holder, transaction, backend, answered) = answer.row(-3), answer.row(-1)
                if locked and holder is None:
                    session.under_way(backend=backend, limit=limit)
                    return Taken(transaction, answered, patience.has_waited, monotonic())
                if locked and holder is not None and holder < 0:
                    session.undo()
                    if self.break_dead():
                        continue
            elif not isinstance(answer.error, pg.LockNotAvailable):
                session.undo()
                when = "a transaction was being opened"
                session.raise_if_lost(when, error=answer.error)
                session.raise_if_standby(answer.error)
                raise session.failure("a transaction cannot be opened", when, answer.error)
            patience.pause(holder)

    @contextmanager
    def transaction(self, what: str) -> Iterator[None]:
        """A transaction of ours under the lock, committed at the end or rolled back with the exception."""
        session = self._session
        session.connect_again_if_gone()
        session.raise_if_standby()
        opening = session.store.opening(None, "lock", b"false")
        self.take(opening, session.settings.lock_timeout, lambda text: session.send(text, Answer()))
        try:
            with session.translating(f"{what} failed", f"{what} was under way", "Nothing was changed."):
                yield
                answer = session.send(b"COMMIT", Answer())
                if answer.error is not None:
                    session.raise_if_lost(f"{what} was being committed", certain=False)
                    raise answer.error
        except BaseException:
            session.undo()
            raise

    def holder(self, row_of: int | None) -> str:
        """Who has it, for a message. row_of: the process that yoyo's lock row names; negative is one of ours."""
        if row_of is not None and row_of > 0:
            return f"yoyo (process {row_of}, says its lock row)"
        rows = self._session.ask_alone(self._session.store.message("holder")).rows
        if not rows and row_of is not None:
            return f"the last statement of a runner that is gone (backend {-row_of})"
        if not rows:
            return "another runner"
        pid, application, user, address, age = rows[0]
        parts = [f"backend {pid}", user and f"user {user}", address and f"from {address}",
                 age is not None and f"for {age} s"]  # fmt: skip
        return f"{application or 'another runner'} ({', '.join(str(part) for part in parts if part)})"


class Patience:
    """One wait for the lock, of lock_wait seconds at the most: each pause first leaves the transaction."""

    def __init__(self, session: Session, lock: RunnersLock) -> None:
        self._session, self._lock = session, lock
        self._limit = session.settings.lock_wait
        self._deadline = monotonic() + self._limit
        self.has_waited = False

    @property
    def is_over(self) -> bool:
        return monotonic() >= self._deadline

    def pause(self, row_of: int | None) -> None:
        """Waits until the next try, and says for whom the first time; Busy when the time is up."""
        self._session.undo()
        if self.is_over:
            is_yoyo = row_of is not None and row_of > 0
            dead = " If that yoyo is dead, `yoyo break-lock` removes what it left." if is_yoyo else ""
            raise Busy(
                f"{self._lock.holder(row_of)} is at work on this database; gave up after {self._limit:g} s "
                f"(--lock-wait).{dead}"
            )
        if not self.has_waited:
            self._session.tell(WaitingForLock(self._lock.holder(row_of), self._limit))
        self.has_waited = True
        sleep(min(random.uniform(*POLL), max(0.0, self._deadline - monotonic())))  # noqa: S311
