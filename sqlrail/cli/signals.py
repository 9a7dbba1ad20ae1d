"""How a run is interrupted."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def on_interrupt(handle: Callable[[int], None]) -> None:
    """Has the first SIGINT or SIGTERM handled so."""

    def interrupt(number: int, _: FrameType | None) -> None:
        # Once is enough: a second one would only disturb the rolling back, which takes seconds at the most.
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        handle(number)

    for number in SIGNALS:
        signal.signal(number, interrupt)
