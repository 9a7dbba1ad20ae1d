"""What was committed, and who has heard of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlrail.ground import events
from sqlrail.ground.events import Event, Listener, Unconfirmed, WaitingForStandby
from sqlrail.ground.waits import Standbys

if TYPE_CHECKING:
    from sqlrail.orphans.cleaned import Cleaned


@dataclass(frozen=True)
class Applied:
    """A migration that was committed by this run, with the seconds that it took."""

    id: str
    seconds: float
    cleanup: tuple[Cleaned, ...] = ()
    backfill: events.Filled | None = None
    code: tuple[str, ...] = ()  # names of code files that were made again with it


class News:
    """What this run has committed: the listener hears of each once, in order, and before anything else is told."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.done: list[Applied] = []
        self._told = 0  # how many of them the listener has heard of

    def tell(self, event: Event) -> None:
        """Tells the listener, behind what was committed before."""
        self.catch_up()
        self._listener(event)

    def catch_up(self) -> None:
        """Tells of what was committed since the last time: preferably while the server is at work on the next file."""
        for done in self.done[self._told :]:
            self._told += 1
            cleanup = tuple(relation.summary for relation in done.cleanup if relation.orphans)
            self._listener(events.Applied(done.id, done.seconds, cleanup, done.backfill, done.code))

    def committed(self, done: Applied) -> None:
        """Takes in what is committed for certain."""
        self.done.append(done)

    def is_last(self, id_: str) -> bool:
        """Whether that is what was committed last."""
        return id_ in [done.id for done in self.done[-1:]]

    def take_back(self, gone: Collection[Applied]) -> None:
        """No longer counts what the server has lost; the listener has heard of it."""
        self.catch_up()
        self.done = [done for done in self.done if done not in gone]
        self._told = len(self.done)


class Commit:
    """The commit in a message: it may have to wait for a synchronous standby, and go on without its word."""

    def __init__(self, id_: str | None, tell: Listener) -> None:
        """id_: of the file that it commits, if it does."""
        self.is_unconfirmed = False
        self._id, self._tell = id_, tell
        self._standbys: Standbys | None = None

    def waits(self, standbys: Standbys) -> None:
        """Takes in, and tells, whom it waits for."""
        self._standbys = standbys
        self._tell(WaitingForStandby(self._id, standbys))

    def goes_on_unconfirmed(self) -> None:
        """Takes in that the wait was in vain."""
        self.is_unconfirmed = True

    @property
    def unconfirmed(self) -> Unconfirmed:
        """That it was."""
        return Unconfirmed(self._id, self._standbys)
