"""Numbers, sizes and values as people read them."""

from __future__ import annotations

from sqlrail.ground.words import printable

#: characters that people read of one value; the JSON has them all
VALUE = 100


def shown(value: str | None) -> str:
    """A value out of somebody's row, on one line of a terminal that it cannot give orders to."""
    if value is None:
        return "null"
    more = "…" if len(value) > VALUE else ""
    return printable(value[:VALUE]) + more
