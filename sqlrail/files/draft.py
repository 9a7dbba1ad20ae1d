"""A migration that a verb has composed, before it has a number."""

from __future__ import annotations

from typing import NamedTuple


class Draft(NamedTuple):
    """The texts of a migration's files: what its head says behind its date, its statements, and those that undo it."""

    name: str  # of which its file's is made
    head: str  # lines of its leading comment, directives among them
    content: str
    rollback: str | None = None  # comments and statements; None where nothing undoes it
