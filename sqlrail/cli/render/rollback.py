"""What a rollback has taken back."""

from __future__ import annotations

from sqlrail.verbs.rollback import Rollback


def text(result: Rollback) -> str:
    """The last line of a rollback."""
    if not result.rolled_back:
        return f"nothing rolled back: {result.still_applied} applied"
    return f"done: {len(result.rolled_back)} rolled back, {result.still_applied} still applied"
