"""What is said to people, and what they are asked: talk on stderr, results on stdout."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TextIO

from sqlrail.cli.signals import on_interrupt
from sqlrail.ground import events
from sqlrail.ground.events import Event, Reached
from sqlrail.ground.sentences import text
from sqlrail.ground.settings import Settings
from sqlrail.ground.target import Target
from sqlrail.ground.words import Script, in_json, masked, visible

#: what stands on stdout
RESULTS = (events.Applied, events.RolledBack)
#: what nobody wants to read without a Bar
OF_A_BAR = (events.Begun, events.Progress, events.ProgressEnded, events.BatchCleaned, events.BatchFilled)
#: what only those want to know who look at many databases
SILENT = (events.HistoryRead, *OF_A_BAR)


class Talk:
    """A listener: tells people what happens: talk on stderr, what was applied on stdout as soon as it is committed."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.settings = Settings()
        self.target: Target | None = None

    def __call__(self, event: Event) -> None:
        """Tells of an event. How far something is tells a Bar."""
        if isinstance(event, Reached):
            self._reached(event)
        elif isinstance(event, RESULTS):
            self._tell(text(event))
        elif not isinstance(event, SILENT):
            self.say(text(event))

    def _reached(self, event: Reached) -> None:
        if self.target is None:  # once
            self.target = event.target
            if not self.as_json:
                self.say(text(event))

    def with_target(self, document: Mapping[str, object]) -> Mapping[str, object]:
        """The document with the database that the verb worked on."""
        return {**document, "target": self.target.as_json()} if self.target else document

    def on_interrupt(self, handle: Callable[[int], None]) -> None:
        """Has the first signal that interrupts handled so."""
        on_interrupt(handle)

    def is_like(self, name: str) -> None:
        """Takes in that the result was found for the tenant of that name, and is true of this one too."""

    def say(self, text: str) -> None:
        """One line on stderr."""
        try:
            print(shown(text, self.settings), file=sys.stderr, flush=True)
        except OSError:  # nobody reads: no reason to stop
            discard(sys.stderr)

    def _tell(self, text: str) -> None:
        if not self.as_json:
            with suppress(OSError):  # nobody reads, or the disk is full: no reason to stop between two files
                print(visible(text), flush=True)


def print_result(result: Mapping[str, object] | str) -> None:
    """Prints a text, or a document as JSON; for a terminal without what could give it orders."""
    if not isinstance(result, str):
        result = in_json(json.dumps(result, indent=2))
    elif sys.stdout.isatty() or not isinstance(result, Script):
        result = visible(result)
    print(result, flush=True)


def discard(stream: TextIO) -> None:
    """Leads a stream that nobody reads into nothing."""
    # What is still in the buffer would be an error once more when Python ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def shown(text: str, settings: Settings) -> str:
    """The text as it may be shown: without secrets, and without what could give a terminal orders."""
    return visible(masked(text, settings.secrets))


def width() -> int | None:
    """The terminal's width in characters; None where stdout is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def typed_name(name: str, what: str) -> bool:
    """Whether somebody, told what will be done, types the database's name."""
    return typed(name, f"{what} Type the database's name ({name}) to go on: ")


def typed(word: str, question: str) -> bool:
    """Whether somebody at a terminal answers with that word."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() == word
