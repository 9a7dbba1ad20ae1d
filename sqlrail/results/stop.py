"""The JSON of `stop`."""

from __future__ import annotations

from typing import TypedDict


class StoppedResult(TypedDict):
    """Whether there was an embedded server to stop."""

    stopped: bool  # false: none was running
