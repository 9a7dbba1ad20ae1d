"""How a run is interrupted."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def on_interrupt(handle: Callable[[int], None], times: int = 1) -> None:
    """Has the first SIGINT or SIGTERM handled so, or as many of them."""
    left = times

    def interrupt(number: int, _: FrameType | None) -> None:
        nonlocal left
        left -= 1
        # Once is enough: a second one would only disturb the rolling back, which takes seconds at the most.
        for each in SIGNALS if not left else ():
            signal.signal(each, signal.SIG_IGN)
        handle(number)

    for number in SIGNALS:
        signal.signal(number, interrupt)
