"""What happens while a verb is at work, as facts: a listener is called with each, in the order in which they happen.

`sentences` has their words. A class of its own is for what a program may want to act on; the rest is `Said`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

from sqlrail.ground.target import Target
from sqlrail.ground.waits import Blocker, Standbys
from sqlrail.ground.words import masked

#: what applications may take from here, as sqlrail.events
__all__ = [
    "Ahead", "AnswerLost", "Applied", "BatchCleaned", "BatchFilled", "Begun", "CopyingRows", "DroppedIndex",
    "Event", "Filled", "GaveWay", "HistoryRead", "LeftBehind", "Listener", "Loaded", "Noted", "Noticed", "Orphans",
    "Progress", "ProgressEnded", "Reached", "Resumed", "RolledBack", "Said", "TakingBack", "Unconfirmed",
    "WaitingForLock", "WaitingForServer", "WaitingForStandby", "Warned",
]  # fmt: skip


class Said(NamedTuple):
    """A sentence for people, and nothing else."""

    text: str


class Noted(NamedTuple):
    """The same, of something that is as it should be, and that not everybody expects."""

    text: str


class Warned(NamedTuple):
    """The same, of something that may not be as it should be."""

    text: str


class Noticed(NamedTuple):
    """A notice of the server: what a file raises, for the most part."""

    severity: str  # WARNING, NOTICE or INFO
    text: str


# Getting there


class Reached(NamedTuple):
    """The database that the verb works on answers."""

    target: Target


class WaitingForServer(NamedTuple):
    """The server does not answer yet, and is waited for."""

    server: str  # as user@host:port/database, without the password
    seconds: float  # at the most
    why: str


class WaitingForLock(NamedTuple):
    """Another runner is at work, and is waited for: told once."""

    holder: str  # as far as the server says who that is
    seconds: float  # at the most, from the first on


# Files


class HistoryRead(NamedTuple):
    """What the records say before anything is applied: the newest file that is, and how many are to be."""

    newest: str | None  # its id; None: none is applied
    pending: int


class Ahead(NamedTuple):
    """The database is ahead of the folder, which is an older release's: nothing is to be applied."""

    ids: tuple[str, ...]  # of what a newer release has applied, or has half done outside a transaction
    half_done: tuple[str, ...] = ()  # of the latter alone
    left: tuple[str, ...] = ()  # of this folder: backfills that were left, and what depends on one
    waiting: tuple[str, ...] = ()  # of this folder: files that say `-- phase: after`, and are not applied


class Begun(NamedTuple):
    """A file is about to be sent by itself. One that goes with others is over when they are, and is only applied."""

    id: str


class Orphans(NamedTuple):
    """What became of the orphans of a relation; counts are rows, archived ones include those of cascades."""

    relation: str
    action: str  # delete, set null, set default, set value, keep newest or keep oldest
    cleaned: int
    archived: int
    left: int  # somebody else had them in hand
    run: int | None  # under which they are in the archive
    pointed: int = 0  # that referred to a duplicate, and refer to the row that stays


class Filled(NamedTuple):
    """What a backfill has come to; counts are rows."""

    walked: int  # in all passes
    changed: int
    batches: int
    passes: int
    wal: int  # bytes that the server wrote meanwhile, for whomever
    dead: int  # dead rows of the table at its end, as the server counts them


class Applied(NamedTuple):
    """A migration was committed by this run, with what its pre-steps cleaned, and the seconds that it took."""

    id: str
    seconds: float
    cleanup: tuple[Orphans, ...] = ()
    backfill: Filled | None = None
    code: tuple[str, ...] = ()  # names of code files that were in its way, and were made again with it


class RolledBack(NamedTuple):
    """A migration that this run took back, with the seconds that it took."""

    id: str
    seconds: float
    code: tuple[str, ...] = ()  # as of one that is applied


class TakingBack(NamedTuple):
    """A migration is about to be taken back, by this text, which was kept when it was applied."""

    id: str
    text: str
    is_edited: bool = False  # it has a file, of another content; else it has none


class Loaded(NamedTuple):
    """The rows of a seed were committed."""

    path: Path
    seconds: float


class GaveWay(NamedTuple):
    """Something was rolled back, so that others get on, and is tried again: a file, or a batch of an online cleanup."""

    what: str  # a file's id, or what an online cleanup is at
    why: str  # the server's words, and who was in the way
    waited_for: str = (
        ""  # as ACCESS EXCLUSIVE on public.users; empty where it is not known, as are those in the way
    )
    blockers: tuple[Blocker, ...] = ()
    pause: float | None = None  # seconds until then; None: at once, or nearly so


class Resumed(NamedTuple):
    """A file outside a transaction goes on where an earlier run was cut off."""

    id: str
    place: str  # of the last statement that is done
    statement: int  # the number of the first one that is not


class DroppedIndex(NamedTuple):
    """An invalid index, which a CREATE INDEX CONCURRENTLY had left half-built, was dropped."""

    name: str


class Progress(NamedTuple):
    """How far something long is, every second; what it is at or waits for, and how much of how much is done."""

    name: str
    text: str
    done: int = 0
    total: int | None = None


class ProgressEnded(NamedTuple):
    """What was long is over, or has failed."""

    name: str


class BatchCleaned(NamedTuple):
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


class BatchFilled(NamedTuple):
    """How far a backfill is; counts are rows, and those of this run alone tell how fast it is."""

    id: str  # of the file
    passes: int  # over the table, this one counted
    total: int  # of the table, about
    done: int  # walked over in this pass
    changed: int  # in all
    now: int  # walked over by this run
    seconds: float  # that this run has taken

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.now / self.seconds if self.seconds else 0.0

    @property
    def left(self) -> float:
        """Seconds that the rest of this pass will take."""
        return (self.total - self.done) / self.rate if self.rate else 0.0


# Commits


class WaitingForStandby(NamedTuple):
    """A commit stands on its server, and waits for a synchronous standby."""

    id: str | None  # of the file; None: another commit of ours
    standbys: Standbys


class Unconfirmed(NamedTuple):
    """A commit stands on its server, and the wait for a synchronous standby was ended by somebody."""

    id: str | None
    standbys: Standbys | None  # None: nobody has looked


class AnswerLost(NamedTuple):
    """The connection broke while a file was being committed; what became of it is looked at under the lock."""

    id: str


# Scratch databases


class CopyingRows(NamedTuple):
    """Rows of the live database are about to be copied into a scratch database, for the trial of a plan."""

    tables: tuple[str, ...]
    bytes: int  # of those tables
    server: str | None  # where they go, as user@host:port; None: they stay on their own server


class LeftBehind(NamedTuple):
    """A scratch database could not be dropped; a later run drops it."""

    database: str
    why: str


Event = (
    Said | Noted | Warned | Noticed
    | Reached | WaitingForServer | WaitingForLock
    | HistoryRead | Ahead | Begun | Applied | TakingBack | RolledBack | Loaded | GaveWay | Resumed | DroppedIndex
    | Progress | ProgressEnded | BatchCleaned | BatchFilled
    | WaitingForStandby | Unconfirmed | AnswerLost
    | CopyingRows | LeftBehind
)  # fmt: skip
#: whoever wants to know; what it returns is not looked at, and what it raises ends the run
Listener = Callable[[Event], object]


def nobody(_: Event) -> None:
    """A listener that wants to know nothing."""


def without_passwords(event: Event, secrets: Collection[str]) -> Event:
    """The same event, with *** for each password in its texts."""
    texts: dict[str, Any] = {
        name: masked(it, secrets) for name, it in event._asdict().items() if isinstance(it, str)
    }
    return event._replace(**texts)
