"""What a migrate has done."""

from __future__ import annotations

from sqlrail.verbs.apply import Migrated


def text(result: Migrated) -> str:
    """The last line of a migrate."""
    ahead = f", {len(result.ahead)} ahead" if result.ahead else ""
    if not result.applied:
        return f"nothing to do: {result.already_applied} applied, {result.pending} pending{ahead}"
    left = f", {result.pending} still pending" if result.pending else ""
    return f"done: {len(result.applied)} applied now, {result.already_applied} before{left}{ahead}"
