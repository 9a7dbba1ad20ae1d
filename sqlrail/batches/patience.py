"""How batches give way: to whoever waits for them, to replicas, and to the pause file."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import psycopg
from psycopg import errors as pg

from sqlrail.batches.session import BatchSession
from sqlrail.ground.events import GaveWay, Listener, Said
from sqlrail.postgres import stopping, wire
from sqlrail.postgres.diagnostics import sentence

#: seconds before a batch that gave way is tried again: the first, and the most
BACKOFF = (0.1, 5.0)
#: seconds between two looks whether a replica or the pause file lets it go on
POLL = 0.25
#: seconds that a wait for a lock is worth
SHORTEST = 0.02
#: what a smaller batch mends: a parent that came, somebody who waits for a row of ours, a look that took too long
SHRINKING = (pg.SerializationFailure, pg.DeadlockDetected, pg.QueryCanceled)

T = TypeVar("T")


@dataclass
class Patience:
    """Waits, and tries again what gave way."""

    session: BatchSession
    listener: Listener
    #: errors that a second try may mend
    passing: tuple[type[psycopg.Error], ...]
    #: what there is to say of an error beside the server's words; it may raise one of its own
    more: Callable[[str, psycopg.Error], str] = lambda _what, _error: ""
    said: set[str] = field(default_factory=set)

    @property
    def longest(self) -> float:
        """Seconds that a batch waits for a lock at the most, and that its last look may take."""
        most = self.session.settings.batch_time / 2
        return max(SHORTEST, min(self.session.settings.lock_timeout or most, most))

    def wait_for_leave(self) -> None:
        """Waits while the pause file is there, or a replica is too far behind."""
        file = self.session.settings.pause_file
        while file is not None and file.exists():
            self.say_once(f"pausing while {file} is there")
            self.rest(2 * POLL)
        while (lag := self._lag()) > self.session.settings.max_lag:
            self.say_once(
                f"pausing while a replica is more than {self.session.settings.max_lag:g} s behind (--max-lag)"
            )
            self.rest(min(lag, max(POLL, self.session.settings.max_lag)))

    def rest(self, seconds: float) -> None:
        """Sleeps, and asks for nothing now and then: a server may end a session that idles (idle_session_timeout)."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            stopping.sleep(min(left, POLL))
            if left > POLL:
                try:
                    self.session.ask(b"SELECT")
                except psycopg.Error:
                    self.session.raise_if_lost("nothing was under way")
                    raise

    def _lag(self) -> float:
        if not self.session.settings.max_lag:
            return 0.0
        when = "the replicas were being looked at"
        with self.session.translating("the replicas cannot be looked at", when):
            text = wire.message(self.session.connection, "replica_lag")
            replicas, lag, may_know = self.session.ask(text)[-1]
        if replicas and not may_know:
            self.say_once("this role may not see how far the replicas are behind: grant it pg_read_all_stats")
        return lag or 0.0

    def patiently(
        self, what: str, attempt: Callable[[], T], passing: tuple[type[psycopg.Error], ...] = ()
    ) -> T:
        """Tries again what gave way, after a pause with jitter, for as long as --retry-for says."""
        pause, give_up = BACKOFF[0], time.monotonic() + self.session.settings.retry_for
        while True:
            try:
                return attempt()
            except psycopg.Error as exc:
                self.session.undo()
                self.session.raise_if_lost(f"{what} was under way", error=exc)
                watch, more = self.session.watch, self.more(what, exc)
                self.session.undo()
                failure = partial(self.session.failure, f"{what} failed", f"{what} was under way", exc)
                if not isinstance(exc, (*self.passing, *passing)):
                    raise failure(more.strip()) from exc
                if time.monotonic() + pause > give_up:
                    gave_up = f"Gave up after {self.session.settings.retry_for:g} s (--retry-for)."
                    failed = failure(f"{more} {gave_up}{watch.said()}{watch.remedy()}".strip())
                    failed.details["blockers"] = watch.as_json()
                    raise failed from exc
                is_shrinking = isinstance(exc, SHRINKING)
                if pause >= 1:
                    self.listener(
                        GaveWay(what, f"{sentence(exc)}{watch.said()}", watch.lock, watch.blockers, pause)
                    )
            except BaseException:
                self.session.undo()
                raise
            if is_shrinking:
                # With fewer rows it is another thing; but whoever waited for us has to get on as well.
                self.rest(2 * self.longest * random.uniform(0.5, 1.0))  # noqa: S311
            else:
                self.rest(pause * random.uniform(0.5, 1.0))  # noqa: S311
                pause = min(pause * 2, BACKOFF[1])

    def say_once(self, text: str) -> None:
        """Tells it the first time."""
        if text not in self.said:
            self.said.add(text)
            self.listener(Said(text))
