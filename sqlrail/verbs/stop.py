"""The verb stop: the embedded server's end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlrail.ground.settings import Settings
from sqlrail.server import local

if TYPE_CHECKING:
    from sqlrail.results.stop import StoppedResult


@dataclass(frozen=True)
class Stopped:
    """Whether there was a server to stop."""

    stopped: bool

    def as_json(self) -> StoppedResult:
        """The same for scripts."""
        return {"stopped": self.stopped}


def stop(settings: Settings) -> Stopped:
    """Shuts the embedded server down. LocalServerFailed if it does not stop."""
    return Stopped(local.stop(settings.home))
