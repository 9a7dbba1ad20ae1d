"""A round: a verb for each of many tenants, some at once, and what one of them does ends none of the others."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from queue import SimpleQueue
from threading import Thread
from typing import Any

from sqlrail.errors import Bug, Busy, ConnectionFailed, Interrupted, SqlrailError, UsageError
from sqlrail.ground import events
from sqlrail.ground.events import Event, without_passwords
from sqlrail.ground.settings import Settings
from sqlrail.ground.target import Identity, Target
from sqlrail.ground.words import masked
from sqlrail.tenants.limits import Limits, steps
from sqlrail.tenants.tenant import (
    Done,
    Ended,
    Happening,
    Held,
    Joined,
    Narrowed,
    Outcome,
    PutOff,
    Started,
    Tenant,
    Told,
)

#: seconds that something in use is tried in a tenant's first turn: others need not stand in line behind it
PATIENCE = 5.0
#: behind each of these, and in front of the last, a verb may be ended
BETWEEN = (events.Applied, events.RolledBack, events.BatchCleaned, events.BatchFilled, events.Begun)


class Round:
    """Calls `work` for each tenant, in threads of its own.

    Only the thread that goes through run() decides whom to begin next, and whether to. What is raised for one tenant is
    that one's outcome, and nothing to the others.
    """

    def __init__(
        self,
        work: Callable[[Tenant, TenantListener], Done],
        limits: Limits,
        look_again: Callable[[], Sequence[Tenant]] = tuple,
        over: Callable[[Tenant], object] = lambda _: None,
    ) -> None:
        """work: the verb, which tells the listener what happens; look_again: all tenants, those made meanwhile too.

        over: what a tenant for which the verb has nothing to do, and waits for nobody, has in common with others like
        it; None for every other one. Such tenants are given to no thread, and the verb is called for the first alone.
        """
        self._work, self._limits, self._look_again, self._over = work, limits, look_again, over
        self._over_outcomes: dict[object, Outcome] = {}  # by what over() returned
        self._jobs: SimpleQueue[tuple[Tenant, bool] | None] = SimpleQueue()
        self._heard: SimpleQueue[Told | Ended | None] = SimpleQueue()
        self._threads = 0
        self._parallel = limits.parallel
        self._put_off: list[Tenant] = []
        self._failed = 0
        self._is_cut = False
        self.in_hand: dict[str, Tenant] = {}
        self.left: list[str] = []  # that were not begun
        self.signal: int | None = None  # that ends it
        self.held = ""  # why no other one is begun
        self.claimed: dict[Identity, Tenant] = {}  # whose each database is

    def run(self, tenants: Sequence[Tenant]) -> Iterator[Happening]:
        """All of it, as it happens. UsageError, before anything is begun, where a canary is no tenant."""
        *careful, rest = steps(tenants, self._limits)
        try:
            for step in careful:
                yield from self._step(step, patient=True)
                if self._failed:
                    who = step[0].name if len(step) == 1 else "one of this wave"
                    yield from self._hold(f"{who} failed")
            yield from self._step(rest)
            yield from self._late({tenant.name for tenant in tenants})
            again, self._put_off = self._put_off, []
            yield from self._step(again, patient=True)
        finally:
            for _ in range(self._threads):
                self._jobs.put(None)

    def stop(self, number: int) -> None:
        """For a signal's handler: ends the round behind the files in hand; called again, at once."""
        if self.signal is None:
            self.signal, self.held = number, "interrupted"
        else:
            self._heard.put(None)

    def drain(self) -> None:
        """Waits until nobody is at work any more, for whoever looks on no longer."""
        while self.in_hand:
            heard = self._heard.get()
            if isinstance(heard, Ended):
                del self.in_hand[heard.outcome.tenant.name]

    def hear(self, told: Told) -> None:
        """Takes in what happens in a thread."""
        self._heard.put(told)

    def _late(self, known: set[str]) -> Iterator[Happening]:
        """Whoever was made while the others had their turn, until nobody is new."""
        while not self.held:
            new = [tenant for tenant in self._look_again() if tenant.name not in known]
            if not new:
                return
            known |= {tenant.name for tenant in new}
            yield Joined(tuple(tenant.name for tenant in new))
            yield from self._step(new)

    def _step(self, tenants: Sequence[Tenant], *, patient: bool = False) -> Iterator[Happening]:
        """These tenants, as many at once as may be. patient: what gives way is not put off."""
        waiting = deque(tenants)
        while not self._is_cut and (waiting or self.in_hand):
            while waiting and not self.held and len(self.in_hand) < self._parallel:
                yield self._begin(waiting.popleft(), patient)
            if not self.in_hand:
                break
            heard = self._heard.get()
            if isinstance(heard, Ended):
                yield from self._judge(heard, waiting, patient)
            elif heard:
                yield heard
            else:
                self._is_cut = True
        self.left += [tenant.name for tenant in waiting]

    def _begin(self, tenant: Tenant, patient: bool) -> Started:
        self.in_hand[tenant.name] = tenant
        if (like := self._over(tenant)) is not None:
            self._heard.put(Ended(self._outcome_like(like, tenant)))
            return Started(tenant.name)
        if self._threads < len(self.in_hand):
            Thread(target=self._serve, daemon=True).start()
            self._threads += 1
        self._jobs.put((tenant, patient))
        return Started(tenant.name)

    def _outcome_like(self, like: object, tenant: Tenant) -> Outcome:
        """That of a tenant with nothing to do: the first one's, if that went well."""
        if first := self._over_outcomes.get(like):
            return first._replace(tenant=tenant, seconds=0.0)
        outcome = self._turn(tenant, patient=True)
        if outcome.error is None:
            self._over_outcomes[like] = outcome
        return outcome

    def _judge(self, ended: Ended, waiting: deque[Tenant], patient: bool) -> Iterator[Happening]:
        """What an outcome means for the others."""
        error = ended.outcome.error
        tenant = self.in_hand.pop(ended.outcome.tenant.name)
        if isinstance(error, ConnectionFailed) and error.is_full and self.in_hand:
            waiting.append(tenant)
            if len(self.in_hand) < self._parallel:
                self._parallel = len(self.in_hand)
                yield Narrowed(self._parallel, error)
        elif error and not patient and gave_way(error):
            self._put_off.append(tenant)
            yield PutOff(tenant.name, error)
        else:
            yield ended
            self._failed += error is not None and not isinstance(error, Interrupted)
            if self._failed and self._failed == self._limits.max_failed:
                yield from self._hold(f"{self._failed} failed (--max-failed)")

    def _hold(self, why: str) -> Iterator[Happening]:
        if not self.held:
            self.held = why
            yield Held(why)

    # In the threads

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._heard.put(Ended(self._turn(*job)))

    def _turn(self, tenant: Tenant, patient: bool) -> Outcome:
        listener, start = TenantListener(tenant, self), time.monotonic()
        done, error = None, None
        hurry = {} if patient else _in_a_hurry(tenant.settings)
        try:
            claims = listener.claims if tenant.schema is None else None
            its = replace(
                tenant.settings, tenant=tenant.schema, reached=listener.reached, claims=claims, **hurry
            )
            done = self._work(tenant._replace(settings=its), listener)
        except Exception as exc:
            error = exc if isinstance(exc, SqlrailError) else Bug(exc)
            error.args = (masked(str(error), tenant.settings.secrets),)
        seconds = round(time.monotonic() - start, 3)
        return Outcome(tenant, seconds, done, error, listener.version, listener.target, listener.like)


class TenantListener:
    """Listens to one tenant's verb: hands on what happens, without passwords, and ends it between files if need be."""

    def __init__(self, tenant: Tenant, of: Round) -> None:
        self._tenant, self._round = tenant, of
        self._is_ending, self._is_claimed = False, False
        self._pending: int | None = None  # files; None: nobody says how many
        self.version: str | None = None
        self.target: Target | None = None
        self.like: str | None = None

    def __call__(self, event: Event) -> None:
        """Takes an event in. Interrupted where the round is to end, and this one has files left."""
        self._round.hear(Told(self._tenant.name, without_passwords(event, self._tenant.settings.secrets)))
        if isinstance(event, events.HistoryRead):
            self.version, self._pending = event.newest, event.pending
        elif isinstance(event, events.Applied):
            self.version, self._pending = event.id, (self._pending or 1) - 1
        if self._ends_behind(event):
            self._is_ending = True
            raise Interrupted(self._round.signal or 0)

    def _ends_behind(self, event: Event) -> bool:
        """Whether to end it now: once, for it may tell of what is committed while it ends."""
        is_asked = self._round.signal is not None and not self._is_ending
        return is_asked and isinstance(event, BETWEEN) and self._pending != 0

    def claims(self, identity: Identity) -> None:
        """Takes in which database it is; UsageError where that is another tenant's, whose URL spells it otherwise."""
        if self._is_claimed:  # what it is connected to behind its own may be anybody's
            return
        first = self._round.claimed.setdefault(identity, self._tenant)
        if first.name != self._tenant.name:
            raise UsageError(
                f"{_place(self._tenant)} is the same database as {_place(first)}, whose turn it is or was: write each "
                "database once."
            )
        self._is_claimed = True

    def reached(self, target: Target) -> None:
        """Takes in which database answers."""
        self.target = self.target or target


def gave_way(error: SqlrailError) -> bool:
    """Whether something was in use, and another time may do."""
    return isinstance(error, Busy) or "blockers" in error.details


def _place(tenant: Tenant) -> str:
    """A database, with where its URL stands."""
    origin = tenant.settings.url_origin
    return tenant.name if origin == Settings.url_origin else f"{tenant.name} ({origin})"


def _in_a_hurry(its: Settings) -> dict[str, Any]:
    return {"retry_for": min(its.retry_for, PATIENCE), "lock_wait": min(its.lock_wait, PATIENCE)}
