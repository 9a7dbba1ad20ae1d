"""The history as a table, and what is wrong with it."""

from __future__ import annotations

from sqlrail.cli.render.tables import table
from sqlrail.records.history import Entry
from sqlrail.verbs.apply import Status


def text(result: Status, width: int | None) -> str:
    """The history as a table, and what is wrong below it.

    The width is the terminal's in characters, None where there is none.
    """
    entries, found = result
    cells = [(e.id, _state(e), f"{e.applied_at:%Y-%m-%d %H:%M:%S}" if e.applied_at else "") for e in entries]
    lines = table(("migration", "state", "applied at (UTC)"), cells, width)
    pending = sum(entry.state in ("pending", "late") for entry in entries)
    newer = sum(entry.state == "ahead" for entry in entries)
    ahead = f", {newer} ahead" if newer else ""
    wrong = [f"{'' if problem.refuses else 'warning: '}{problem.message}" for problem in found]
    return "\n".join([*lines, f"{len(entries) - pending - newer} applied, {pending} pending{ahead}", *wrong])


def _state(entry: Entry) -> str:
    if entry.id in entry.waits_for:
        return f"{entry.state}, a backfill"
    return f"{entry.state}, behind {', '.join(entry.waits_for)}" if entry.waits_for else entry.state
