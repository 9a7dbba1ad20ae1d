"""What is in the archive, and what a purge has deleted."""

from __future__ import annotations

from sqlrail.cli.render.tables import table
from sqlrail.ground.words import rows
from sqlrail.verbs.archive import Archive, Purge, Run


def text(result: Archive, width: int | None) -> str:
    """Every run with what is left of it in the archive, as a table."""
    cells = []
    for run in result.runs:
        kept: dict[str, int] = {}
        for part in run.kept:
            kept[part["action"]] = kept.get(part["action"], 0) + part["rows"]
        cells.append((
            str(run.id), f"{run.at:%Y-%m-%d %H:%M:%S}" if run.at else "?", run.verb or "?", run.migration or "",
            "; ".join(_logged(run)), ", ".join(f"{number:,} {action}" for action, number in kept.items()),
        ))  # fmt: skip
    heads = ("run", "at (UTC)", "verb", "migration", "relations", "still archived")
    return "\n".join([*(table(heads, cells, width) if cells else []), f"{rows(result.rows)} in the archive"])


def _logged(run: Run) -> list[str]:
    names = [str(done.get("relation") or f"run {done.get('of')}") for done in run.relations]
    return list(dict.fromkeys([*names, *(part["relation"] for part in run.kept)]))


def purged(result: Purge) -> str:
    """What was deleted for good, and what stays for want of a date."""
    kept = [
        f"run {of}: {rows(number)} left, for nothing says how old: the run is gone from sqlrail.run, and none is later "
        "(--older-than 0 takes all)"
        for of, number in result.undated.items()
    ]
    if result.run is None:
        return "\n".join([*kept, "nothing to purge"])
    lines = [f"run {of}: {rows(number)} deleted for good" for of, number in result.purged.items()]
    return "\n".join([*lines, *kept, f"done: {rows(result.rows)} purged (run {result.run})"])
