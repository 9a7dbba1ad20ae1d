"""What gives way is tried again; who was in the way is seen while it waits, from another connection.

Once it has failed nobody can say any more: its own lock is gone from the queue, and the other may have ended. So a
statement that is late is watched. One that is not costs nothing, no thread and no connection.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg import sql

from sqlrail.errors import SqlrailError
from sqlrail.ground.events import Listener, Progress, ProgressEnded, nobody
from sqlrail.ground.settings import Settings
from sqlrail.ground.waits import Blocker, Standbys
from sqlrail.ground.words import lasting, printable
from sqlrail.postgres import wire
from sqlrail.postgres.connect import connect

if TYPE_CHECKING:
    from sqlrail.results.error import BlockerResult

#: seconds before something that gave way to somebody's lock is tried again: the first, and the most (as pgroll does)
BACKOFF = (1.0, 60.0)
#: the part of a lock_timeout after which a wait is looked at, and again: at 2 s before deadlock_timeout's 1 s is over
LOOK = 0.4
#: seconds between two looks: the least and the most
EVERY = (0.02, 1.0)
#: the least on Citus, where each look asks all nodes
APART = 1.0
#: how often within settings.idle_timeout the server hears of a session that idles on purpose
BEATS = 4
#: characters of a query that are shown, and blockers that are named in a message
QUERY, NAMED = 100, 3
# What SQL is made of. It may be cut off in the middle, for pg_stat_activity keeps the beginning of a query only.
_PIECE = (
    r"(?P<gone>--[^\n\r]*|/\*)|(?P<string>(?:\b[eEbBxXnN]|\b[uU]&)?')|(?P<dollar>\$(?:[^\W\d]\w*)?\$)"
    r'|(?P<name>(?:\b[uU]&)?"(?:[^"]|"")*"?|[^\W\d][\w$]*|\$\d+)|(?P<number>\.?\d[\w.]*)|(?P<blank>\s+)|(?P<other>.)'
)
_SET = r"(?i)((?:^|;)\s*SET\s+(?:SESSION\s+|LOCAL\s+)?[\w.\"]+\s*(?:=|\bTO\b)).*"


class Tries:
    """The tries of something that gives way, until a time: pauses get longer, with jitter so that two runners part."""

    def __init__(self, give_up: float) -> None:
        self.give_up, self.number, self._pause = give_up, 1, BACKOFF[0]

    def pause(self, started: float) -> float | None:
        """Seconds before the next try; None if less time is left than the failed one, started then, has taken."""
        now, pause = time.monotonic(), self._pause * random.uniform(0.5, 1.0)  # noqa: S311
        if now + pause + (now - started) > self.give_up:
            return None
        self.number, self._pause = self.number + 1, min(self._pause * 2, BACKOFF[1])
        return pause


@dataclass(frozen=True)
class Step:
    """How far a long statement is, as the server says: done of total, of blocks, rows or transactions waited for."""

    command: str
    relation: str | None
    phase: str
    done: int | None
    total: int | None


@dataclass(frozen=True)
class Seen:
    """What a look has seen: what was waited for, if anything was; who was in the way; and how far the statement was."""

    lock: str = ""
    standbys: Standbys | None = None
    blockers: tuple[Blocker, ...] = ()
    step: Step | None = None

    @property
    def names(self) -> str:
        named = [f"{who}{_holding(who)}" for who in self.blockers[:NAMED]]
        more = len(self.blockers) - NAMED
        return "; ".join([*named, f"and {more} more"] if more > 0 else named)


class Watch:
    """Watches one statement of a backend of ours, if it takes long.

    limit: its lock_timeout in seconds, 0 is none; citus: whether it may wait on another node; looked: when the watch of
    the statement before looked last, by time.monotonic. The listener is told every second how far a long statement is.
    tick() and stop() are for whoever waits for the statement, see wire.send.
    """

    def __init__(
        self,
        settings: Settings,
        pid: int | None = None,
        limit: float = 0.0,
        name: str = "",
        listener: Listener = nobody,
        beat: Callable[[], object] = lambda: None,
        unconfirmed: Callable[[Standbys], object] = lambda _: None,
        *,
        citus: bool = False,
        looked: float = 0.0,
    ) -> None:
        self.citus, self.looked = citus, looked
        self.beat = beat  # what has to be done now and then meanwhile
        self.unconfirmed = unconfirmed  # told, once, that a commit waits for a standby
        self.settings, self.pid, self.limit, self.name, self.listener = settings, pid, limit, name, listener
        idle = settings.idle_timeout / BEATS or EVERY[1]
        self.every = max(EVERY[0], min(limit * LOOK or EVERY[1], EVERY[1], idle))
        self.is_refused = False  # there was no second connection to be had
        self._seen = Seen()
        self._ticks, self._is_told, self._is_shown = 0, False, False
        self._ended: threading.Event | None = None

    def tick(self) -> None:
        self.beat()
        if self.pid is None:
            return
        self._ticks += 1
        if self._ended is None:
            if self.citus and time.monotonic() < self.looked + APART:
                return
            self._ended, self.looked = threading.Event(), time.monotonic()
            # Nobody waits for it: a connection that takes its time must not keep our transaction open.
            threading.Thread(target=self._look, args=[self._ended], daemon=True).start()
            return
        if self._seen.standbys and not self._is_told:
            self._is_told = True
            self.unconfirmed(self._seen.standbys)
        if self._ticks * self.every > EVERY[1] and (progress := self._progress()):
            self._is_shown = True
            self.listener(progress)

    def stop(self) -> None:
        if self._ended is not None:
            self._ended.set()
            if self._is_shown:
                self.listener(ProgressEnded(self.name))

    @property
    def lock(self) -> str:
        """What was waited for when it was last looked at; empty where it is not known."""
        return self._seen.lock

    @property
    def blockers(self) -> tuple[Blocker, ...]:
        """Who was in the way when it was last looked at."""
        return self._seen.blockers

    def said(self) -> str:
        """Who was in the way, in a sentence for behind an error; empty where it is not known."""
        if self._seen.blockers:
            return f" It waited for {self._seen.lock}, and in the way was {self._seen.names}."
        if self.is_refused:
            return " Who was in the way is not known: there was no second connection to look from."
        return ""

    def remedy(self) -> str:
        """How the way can be cleared by hand; empty where it is not known."""
        ends = [
            f"ROLLBACK PREPARED {sql.Literal(who.prepared).as_string().strip()}"
            if who.pid is None
            else f"SELECT pg_terminate_backend({who.pid})"
            for who in self._seen.blockers[:NAMED]
        ]
        return f" Run again when that has ended, or end it: {'; '.join(ends)}." if ends else ""

    def as_json(self) -> list[BlockerResult]:
        """Who was in the way, for scripts."""
        return [who.as_json(self._seen.lock) for who in self._seen.blockers]

    def _progress(self) -> Progress | None:
        seen, step = self._seen, self._seen.step
        waits = f"waiting for {seen.lock}: {seen.names}" if seen.blockers else ""
        if seen.standbys:
            return Progress(self.name, "waiting for a synchronous standby") if self.name else None
        if step is None:
            at_work = f"at work for {lasting(self._ticks * self.every)}"
            return Progress(self.name, waits if waits and not self.limit else at_work) if self.name else None
        text = f"{step.command}{f' on {step.relation}' if step.relation else ''}: {step.phase}"
        if step.total:
            text += f", {step.done:,} of {step.total:,}"
        return Progress(self.name, f"{text}{waits and f', {waits}'}", step.done or 0, step.total)

    def _look(self, ended: threading.Event) -> None:
        try:
            with closing(connect(replace(self.settings, wait=0), name="watcher of sqlrail")) as connection:
                parts = {"ours": wire.message(connection, "ours"), "pid": self.pid}
                text = wire.message(connection, "waits", **parts)
                elsewhere = wire.message(connection, "waits_citus", **parts) if self.citus else b""
                while not ended.is_set():
                    answer = wire.send_ours(connection, text)
                    # What was seen last counts: the wait, and this connection with it, may end at any time.
                    if answer.error is None and not ended.is_set():
                        waits, *more = (answer.tables[number] for number in (-4, -3, -2))
                        if elsewhere and not waits:
                            asked = wire.send_ours(connection, elsewhere)
                            waits = asked.tables[-2] if asked.error is None else []
                        if not ended.is_set():
                            self._seen = _read(waits, *more)
                    if connection.closed:
                        return
                    ended.wait(max(self.every, APART) if self.citus else self.every)
        except (SqlrailError, psycopg.Error):
            self.is_refused = True


class _Wait(NamedTuple):
    """A row of sql/postgres/waits.sql: what is waited for, and one of those in the way."""

    lock: str
    mode: str
    relation: str | None
    pid: int  # 0 is a prepared transaction
    kind: str | None
    prepared: str | None
    application: str | None
    user: str | None
    is_hidden: bool
    state: str | None
    seconds: float | None
    query: str | None
    waits: bool | None
    modes: list[str] | None

    @property
    def blocker(self) -> Blocker:
        query = None if self.is_hidden or not self.query else shortened(self.query)
        # That a transaction holds its own number says nothing.
        holds = tuple(map(_mode, self.modes or ())) if self.lock in ("relation", "tuple") else ()
        return Blocker(
            self.pid or None, self.kind, self.prepared, self.application or None, self.user, self.state,
            self.seconds, query, bool(self.waits), holds, self.is_hidden,
        )  # fmt: skip


def _read(
    waits: list[tuple[Any, ...]], standbys: list[tuple[Any, ...]], steps: list[tuple[Any, ...]]
) -> Seen:
    rows = [_Wait(*row) for row in waits]
    lock = _lock(rows[0].lock, rows[0].mode, rows[0].relation) if rows else ""
    waited_for = next((Standbys(setting, tuple(connected)) for setting, connected in standbys), None)
    return Seen(lock, waited_for, tuple(row.blocker for row in rows), Step(*steps[0]) if steps else None)


def _lock(kind: str, mode: str, relation: str | None) -> str:
    """A lock as PostgreSQL's documentation calls it."""
    if kind == "relation":
        return f"{_mode(mode)} on {relation}"
    if kind == "citus":
        return "a lock on another node"
    if kind in ("transactionid", "virtualxid"):
        return "the end of a transaction" + (f" that wrote a row of {relation}" if relation else "")
    if kind == "tuple":
        return f"a row of {relation}"
    return f"a lock ({kind}{f' of {relation}' if relation else ''})"


def _mode(mode: str) -> str:
    """ACCESS EXCLUSIVE for AccessExclusiveLock."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", mode.removesuffix("Lock")).upper()


def _holding(who: Blocker) -> str:
    return f", which holds {' and '.join(who.holds)}" if who.holds and who.pid is not None else ""


def shortened(query: str) -> str:
    """A query in one line, cut, without comments, and with ? for each literal: they may be somebody's secrets."""
    line = re.sub(_SET, r"\1 ?", printable(" ".join(bare(query).split())))
    return line if len(line) <= QUERY else f"{line[: QUERY - 1].rstrip()}…"


def bare(query: str) -> str:
    """A query without comments, and with ? for each literal."""
    parts, at, piece = [], 0, re.compile(_PIECE)
    while match := piece.match(query, at):
        kind, text, at = match.lastgroup, match[0], match.end()
        if kind == "gone":
            at = _behind_comment(query, at) if text == "/*" else at
            parts.append(" ")
        elif kind in ("string", "dollar"):
            at = _behind_literal(query, at, text)
            parts.append("?")
        else:
            parts.append("?" if kind == "number" else text)
    return "".join(parts)


def _behind_comment(query: str, at: int) -> int:
    depth = 1
    for match in re.compile(r"/\*|\*/").finditer(query, at):
        depth += 1 if match[0] == "/*" else -1
        if not depth:
            return match.end()
    return len(query)


def _behind_literal(query: str, at: int, opening: str) -> int:
    """Where the literal ends that begins so; where that is not sure, the end of all."""
    if opening.startswith("$"):
        end = query.find(opening, at)
        return end + len(opening) if end >= 0 else len(query)
    match = re.compile(r"(?:[^'\\]|''|\\[^'])*'(?!')").match(query, at)
    # Whether \' ends a string hangs on a setting of the other's session.
    return match.end() if match else len(query)
