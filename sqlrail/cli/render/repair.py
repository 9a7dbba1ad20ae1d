"""What a repair accepts, file by file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlrail.verbs.repair import Repair, Repaired


def text(result: Repaired) -> str:
    """What was accepted."""
    return f"{offered(result.repairs)}\naccepted" if result.repairs else "nothing to repair"


def offered(repairs: Iterable[Repair]) -> str:
    """What a repair accepts, file by file."""
    return "\n".join(line for one in repairs for line in _lines(one))


def _lines(one: Repair) -> Iterator[str]:
    if one.kind == "begun":
        yield f"{one.id}: {one.note}"
        yield "  its checkpoints are deleted; the next run begins at its first statement"
        return
    at = f"{one.applied_at:%Y-%m-%d %H:%M:%S} UTC" if one.applied_at else "an unknown time"
    was = f" from {one.was}" if one.was != one.id else ""
    yield f"{one.id}: {one.kind}{was}; applied at {at} by {one.applied_by or 'somebody unknown'}"
    if one.kind == "forgotten":
        yield "  its record is deleted; if the file comes back, it runs again"
    else:
        yield f"  recorded {one.before}"
        yield f"  today    {one.after}"
