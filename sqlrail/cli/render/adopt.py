"""What another tool's files become, and what of them has run."""

from __future__ import annotations

from sqlrail.adopting.history import listed
from sqlrail.cli.render.tables import table
from sqlrail.verbs.adopted import Adopted, Taken


def text(result: Adopted, width: int | None) -> str:
    """A line for each migration, and the sum. The width is the terminal's in characters, None where there is none."""
    cells = [(str(one.converted.source.path), f"{one.id}.sql", _when(one)) for one in result.taken]
    lines = table(("file", "becomes", "applied at (UTC)"), cells, width)
    run, all_ = len(result.run), len(result.taken)
    says = f"as {result.history.table} of {result.history.tool.name} says"
    if result.edited:
        lines.append(f"{result.folder} has been edited, and counts as it is: {listed(result.edited)}")
    if result.dry_run:
        return "\n".join([*lines, f"{run} of {all_} have run, {says}; nothing was written or recorded"])
    where = f"{result.folder} {'was written' if result.written else 'had these files already'}"
    lines.append(f"{where}; {result.source} is as it was")
    if not result.recorded:
        return "\n".join(
            [
                *lines,
                f"{run} of {all_} have run, {says}; nothing was recorded: `adopt` without --files-only does",
            ]
        )
    return "\n".join([*lines, f"done: {run} of {all_} recorded as applied, {says}; none run"])


def _when(one: Taken) -> str:
    if one.run is None:
        return "pending"
    return f"{one.run.at:%Y-%m-%d %H:%M:%S}" if one.run.at else "applied"
