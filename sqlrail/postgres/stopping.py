"""How another thread stops a run: wherever that waits it looks whether somebody has asked, and is interrupted there.

A signal's handler can do that in the main thread alone, see cli/signals.py.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NoReturn

from sqlrail.errors import Interrupted

#: the end of a pipe in which there is a byte once the run is to stop; None where nobody can ask
_asked: ContextVar[int | None] = ContextVar("asked", default=None)


class Stop:
    """Asks the runs in its context to stop; it may do so once, from any thread."""

    def __init__(self, end: int) -> None:
        self._end: int | None = end

    def ask(self) -> None:
        """Interrupts the run that waits, or the next that does."""
        if self._end is not None:
            os.write(self._end, b"!")
            self._end = None


@contextmanager
def stoppable() -> Iterator[Stop]:
    """What is called in this context, and in threads that are given it, can be stopped."""
    ours, theirs = os.pipe()
    token = _asked.set(ours)
    try:
        yield Stop(theirs)
    finally:
        _asked.reset(token)
        os.close(ours)
        os.close(theirs)


def watch(poll: select.poll) -> int | None:
    """Has a poll end where the run is to stop, too; what it says of that file is for raise_if()."""
    asked = _asked.get()
    if asked is not None:
        poll.register(asked, select.POLLIN)
    return asked


def events(ready: list[tuple[int, int]], asked: int | None) -> int:
    """The events of the one other file that a poll has said is ready; Interrupted if the run is to stop."""
    found = dict(ready)
    if asked in found:
        _interrupt(asked)
    return next(iter(found.values()))


def sleep(seconds: float) -> None:
    """Does nothing for so long; Interrupted if the run is to stop."""
    poll = select.poll()
    asked = watch(poll)
    if asked is None:
        time.sleep(seconds)
    elif poll.poll(seconds * 1000):
        _interrupt(asked)


def _interrupt(asked: int) -> NoReturn:
    os.read(asked, 1)  # once is enough: what it rolls back with waits, too
    raise Interrupted(signal.SIGINT)
