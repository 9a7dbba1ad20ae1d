"""What a listener is told: ground/events.py, for applications."""

from __future__ import annotations

from sqlrail.ground.events import *  # noqa: F403
