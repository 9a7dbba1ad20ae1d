"""Who listens to a run: what it was told, and what it does about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlrail.ground.events import (
    Applied,
    BatchCleaned,
    BatchFilled,
    Begun,
    Event,
    HistoryRead,
    Progress,
    ProgressEnded,
    RolledBack,
)
from sqlrail.ground.sentences import text


@dataclass
class Heard:
    """A listener that remembers."""

    said: list[str] = field(default_factory=list)
    applied_ids: list[str] = field(default_factory=list)
    back: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        match event:
            case Applied(name):
                self.applied_ids.append(name)
            case RolledBack(name):
                self.back.append(name)
            case Begun() | HistoryRead() | Progress() | ProgressEnded() | BatchCleaned() | BatchFilled():
                pass
            case _:
                self.say(text(event))

    def say(self, text: str) -> None:
        """A sentence."""
        self.said.append(text)


class Reacting(Heard):
    """One that does something about each sentence that it hears."""

    def __init__(self, react: Callable[[], object]) -> None:
        super().__init__()
        self.react = react

    def say(self, text: str) -> None:
        super().say(text)
        self.react()
