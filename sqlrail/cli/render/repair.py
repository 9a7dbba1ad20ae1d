"""What a repair accepts, file by file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlrail.verbs.repair import Repair, Repaired


def text(result: Repaired) -> str:
    """What was accepted."""
    return f"{offered(result.repairs)}\naccepted" if result.repairs else "nothing to repair"


def offered(repairs: Iterable[Repair]) -> str:
    """What a repair accepts, file by file."""
    return "\n".join(line for repair in repairs for line in _lines(repair))


def _lines(repair: Repair) -> Iterator[str]:
    if repair.kind == "begun":
        yield f"{repair.id}: {repair.note}"
        yield "  its checkpoints are deleted; the next run begins at its first statement"
        return
    at = f"{repair.applied_at:%Y-%m-%d %H:%M:%S} UTC" if repair.applied_at else "an unknown time"
    was = f" from {repair.was}" if repair.was != repair.id else ""
    yield f"{repair.id}: {repair.kind}{was}; applied at {at} by {repair.applied_by or 'somebody unknown'}"
    if repair.kind == "forgotten":
        yield "  its record is deleted; if the file comes back, it runs again"
    else:
        yield f"  recorded {repair.before}"
        yield f"  today    {repair.after}"
