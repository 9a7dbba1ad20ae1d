"""Numbers, sizes and values as people read them."""

from __future__ import annotations

from sqlrail.ground.words import printable

#: characters that people read of one value; the JSON has them all
VALUE = 100


def size(number: int) -> str:
    """Bytes as people say them: 8 kB, 1.5 MB, 120 GB."""
    value, unit = float(number), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1024
    return f"{value:.1f} {unit}" if value < 10 and value % 1 and unit != "B" else f"{value:,.0f} {unit}"


def shown(value: str | None) -> str:
    """A value out of somebody's row, on one line of a terminal that it cannot give orders to."""
    if value is None:
        return "null"
    more = "…" if len(value) > VALUE else ""
    return printable(value[:VALUE]) + more
