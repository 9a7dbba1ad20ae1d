"""What happens while a verb is at work, as facts: a listener is called with each, in the order in which they happen.

`sentences` has their words. A class of its own is for what a program may want to act on; the rest is `Said`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlrail.ground.settings import Target
from sqlrail.ground.waits import Blocker, Standbys


class Event:
    """Something that has happened, or has begun."""


#: whoever wants to know; what it returns is not looked at, and what it raises ends the run
Listener = Callable[[Event], object]


def nobody(_: Event) -> None:
    """A listener that wants to know nothing."""


@dataclass(frozen=True)
class Said(Event):
    """A sentence for people, and nothing else."""

    text: str


@dataclass(frozen=True)
class Noted(Said):
    """The same, of something that is as it should be, and that not everybody expects."""


@dataclass(frozen=True)
class Warned(Said):
    """The same, of something that may not be as it should be."""


@dataclass(frozen=True)
class Noticed(Event):
    """A notice of the server: what a file raises, for the most part."""

    severity: str  # WARNING, NOTICE or INFO
    text: str


# Getting there


@dataclass(frozen=True)
class Reached(Event):
    """The database that the verb works on answers."""

    target: Target


@dataclass(frozen=True)
class WaitingForServer(Event):
    """The server does not answer yet, and is waited for."""

    server: str  # as user@host:port/database, without the password
    seconds: float  # at the most
    why: str


@dataclass(frozen=True)
class WaitingForLock(Event):
    """Another runner is at work, and is waited for: told once."""

    holder: str  # as far as the server says who that is
    seconds: float  # at the most, from the first on


# Files


@dataclass(frozen=True)
class Begun(Event):
    """A file is about to be sent by itself. One that goes with others is over when they are, and is only applied."""

    id: str


@dataclass(frozen=True)
class Applied(Event):
    """A migration was committed by this run, with the seconds that it took."""

    id: str
    seconds: float


@dataclass(frozen=True)
class RolledBack(Event):
    """A migration that this run took back, with the seconds that it took."""

    id: str
    seconds: float


@dataclass(frozen=True)
class Loaded(Event):
    """The rows of a seed were committed."""

    path: Path
    seconds: float


@dataclass(frozen=True)
class GaveWay(Event):
    """Something was rolled back, so that others get on, and is tried again."""

    what: str  # a file's id, or what an online cleanup is at
    why: str  # the server's words, and who was in the way
    waited_for: str = (
        ""  # as ACCESS EXCLUSIVE on public.users; empty where it is not known, as are those in the way
    )
    blockers: tuple[Blocker, ...] = ()
    pause: float | None = None  # seconds until then; None: at once, or nearly so


@dataclass(frozen=True)
class Resumed(Event):
    """A file outside a transaction goes on where an earlier run was cut off."""

    id: str
    place: str  # of the last statement that is done
    statement: int  # the number of the first one that is not


@dataclass(frozen=True)
class DroppedIndex(Event):
    """An invalid index, which a CREATE INDEX CONCURRENTLY had left half-built, was dropped."""

    name: str


@dataclass(frozen=True)
class Progress(Event):
    """How far something long is, every second; what it is at or waits for, and how much of how much is done."""

    name: str
    text: str
    done: int = 0
    total: int | None = None


@dataclass(frozen=True)
class ProgressEnded(Event):
    """What was long is over, or has failed."""


@dataclass(frozen=True)
class BatchCleaned(Event):
    """How far an online cleanup is: rows of a relation found, and looked at again, and cleaned, in so many seconds."""

    relation: str
    action: str
    found: int
    done: int
    cleaned: int
    seconds: float

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.done / self.seconds if self.seconds else 0.0

    @property
    def left(self) -> float:
        """Seconds that the rest will take."""
        return (self.found - self.done) / self.rate if self.rate else 0.0


# Commits


@dataclass(frozen=True)
class WaitingForStandby(Event):
    """A commit stands on its server, and waits for a synchronous standby."""

    id: str | None  # of the file; None: another commit of ours
    standbys: Standbys


@dataclass(frozen=True)
class Unconfirmed(Event):
    """A commit stands on its server, and the wait for a synchronous standby was ended by somebody."""

    id: str | None
    standbys: Standbys | None  # None: nobody has looked


@dataclass(frozen=True)
class AnswerLost(Event):
    """The connection broke while a file was being committed; what became of it is looked at under the lock."""

    id: str


# Scratch databases


@dataclass(frozen=True)
class LeftBehind(Event):
    """A scratch database could not be dropped; a later run drops it."""

    database: str
    why: str
