"""What a rollback has taken back."""

from __future__ import annotations

from sqlrail.verbs.rollback import Rollback, RolledBack


def rolled_back(done: RolledBack) -> str:
    """One line for a migration that was taken back."""
    return f"rolled back {done.id} ({done.seconds:.2f} s)"


def text(result: Rollback) -> str:
    """The last line of a rollback."""
    if not result.rolled_back:
        return f"nothing rolled back: {result.still_applied} applied"
    return f"done: {len(result.rolled_back)} rolled back, {result.still_applied} still applied"
