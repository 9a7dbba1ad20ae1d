"""When a signal may interrupt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlrail.errors import Interrupted


class Interrupts:
    """Says when a signal may interrupt: at any time but within a batch, which is ended first."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._busy = False

    def interrupt(self, number: int) -> None:
        """What a signal's handler calls; Interrupted if no batch is at work."""
        if not self._busy:
            raise Interrupted(number)
        self._number = number

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Something that is ended before Interrupted is raised."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
            if self._number is not None:
                raise Interrupted(self._number)
