"""What is said while a verb is at work for many tenants: how far it is, and a line for what nobody expects."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection

from sqlrail.cli.progress import Bar
from sqlrail.cli.render.tenants import few
from sqlrail.cli.talk import RESULTS, SILENT, Talk
from sqlrail.ground.events import Event, Progress, Reached, Said, Warned
from sqlrail.ground.sentences import text
from sqlrail.ground.words import counted, printable
from sqlrail.tenants.tenant import Ended, Happening, Held, Joined, Narrowed, PutOff, Started, Told

#: what is counted, or stands in the result
QUIET = (*SILENT, *RESULTS, Reached)
#: seconds between two pictures of how far it is
EVERY = 0.05


class Board:
    """Tells of a round. The same sentence is said of the first tenant alone, and counted of all others."""

    def __init__(self, talk: Talk, total: int) -> None:
        """total: tenants."""
        self._talk, self._bar, self._total = talk, Bar(talk, time.monotonic()), total
        self._done, self._failed, self._shown = 0, 0, 0.0
        self._said: Counter[str] = Counter()  # how often; of errors the result has that
        self._told = set[str]()

    def close(self) -> None:
        """Takes the bar off, and says of how many tenants what was said of one is true."""
        self._bar.close()
        for words, number in self._said.items():
            if number > 1:
                self._talk.say(f"of {counted(number, 'tenant')}: {words}")

    def __call__(self, happening: Happening, in_hand: Collection[str]) -> None:
        """Tells of what happens; in_hand: whose turn it is."""
        match happening:
            case Told(name, event):
                self._hear(name, event)
            case PutOff(name, error):
                self._talk.say(f"{printable(name)} gave way, and has its turn again at the end: {error}")
            case Narrowed(parallel, error):
                self._talk(
                    Warned(f"{error} Goes on with {parallel} at once, and not with the number of --parallel.")
                )
            case Held(why):
                self._talk(Said(f"no other tenant is begun: {printable(why)}"))
            case Joined(names):
                self._total += len(names)
                self._talk(Said(f"made meanwhile: {few(names)}"))
            case Ended(outcome):
                self._done += 1
                if outcome.error:
                    self._failed += 1
                    self._tell_once(outcome.tenant.name, str(outcome.error))
                self._show(in_hand)
            case Started():
                self._show(in_hand)

    def _hear(self, name: str, event: Event) -> None:
        if isinstance(event, QUIET):
            return
        words = text(event)
        self._said[words] += 1
        self._tell_once(name, words)

    def _tell_once(self, name: str, words: str) -> None:
        if words not in self._told:
            self._told.add(words)
            self._talk.say(f"{printable(name)}: {words}")

    def _show(self, in_hand: Collection[str]) -> None:
        now = time.monotonic()
        if now - self._shown < EVERY and self._done < self._total:
            return
        self._shown = now
        failed = f", {self._failed} failed" if self._failed else ""
        at = f", at {few(tuple(in_hand))}" if in_hand else ""
        words = f"{self._done:,} of {self._total:,}{failed}{at}"
        self._bar(Progress("tenants", words, self._done, self._total))
