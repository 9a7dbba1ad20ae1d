"""How a database differs, as text."""

from __future__ import annotations

from sqlrail.verbs.drift import Drift


def text(result: Drift) -> str:
    """The differences, table by table, and what to do about them."""
    if not result.differences:
        return result.told()
    return f"{result.told()}\n--print-sql prints what makes the database the same"
