"""What another tool's history says of its files: which have run, and when. It is trusted only if it is whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlrail.adopting.recognising import History
from sqlrail.adopting.tool import Key, Source, content, whole
from sqlrail.errors import Refused

#: names that a message has
SHOWN = 5


class Row(NamedTuple):
    """A row of sql/adopting/adopt_<tool>.sql."""

    version: str
    at: datetime | None  # in UTC
    wrong: str | None
    is_watermark: bool
    kept: str | None  # of the file's content


class Run(NamedTuple):
    """That a migration has run: when, in UTC (None: nobody knows), and what the tool keeps of its file."""

    at: datetime | None = None
    kept: str | None = None


def runs(history: History, rows: Sequence[Row], sources: Sequence[Source]) -> dict[Key, Run]:
    """Those that have run, of sources in their order.

    Refused where one has failed, where a row has no file, where nothing has run, and for a file that has not run
    though a later one has.
    """
    tool = history.tool
    wrong = [row for row in rows if row.wrong]
    if wrong:
        raise _refused(
            history,
            f"version {wrong[0].version} is {wrong[0].wrong}: {tool.name} has begun it, and not finished",
            f"Bring that to an end with {tool.name} ({tool.mend}), then run again." if tool.mend else "",
        )
    by_key = {tool.key(row.version): row for row in rows}
    keys = [source.key for source in sources]
    lost = [
        row.version
        for key, row in by_key.items()
        if key not in keys and not _stands_for_others(row, tool.is_watermark)
    ]
    if lost:
        raise _refused(
            history,
            f"it has {listed(lost)}, of which there is no file",
            "Take the file back out of version control, or the row out of the table if it was never meant to run.",
        )
    found = {key: Run(row.at, row.kept) for key, row in by_key.items() if key in keys}
    marks = [key for key, row in by_key.items() if row.is_watermark]
    for key in keys:
        if key not in found and any(_is_up_to(key, mark) for mark in marks):
            found[key] = Run()
    if not found:
        raise _refused(history, "it says that nothing has run", "A database like that is for `migrate`.")
    last = max(number for number, key in enumerate(keys) if key in found)
    behind = [str(source.path) for source in sources[:last] if source.key not in found]
    if behind:
        raise _refused(
            history,
            f"it does not have {listed(behind)}, though it has {sources[last].path}, which comes later",
            f"Run what is missing with {tool.name}, or give it a higher number.",
        )
    return found


def _stands_for_others(row: Row, needs_file: bool) -> bool:
    return row.is_watermark and not needs_file


def _is_up_to(key: Key, mark: Key) -> bool:
    return all(isinstance(part, int) for part in (*key, *mark)) and key <= mark


def check_contents(history: History, found: Mapping[Key, Run], sources: Sequence[Source]) -> None:
    """Refused where a file is not what was run, as far as the tool keeps that."""
    digest = history.tool.digest
    if digest is None:
        return
    for source in sources:
        run = found.get(source.key)
        if run is None or run.kept is None or digest(whole(source.path)) == run.kept:
            continue
        if digest(content(source.path)) == run.kept:  # without its BOM
            continue
        raise _refused(
            history,
            f"{source.path} was changed since it has run: the checksum in the history begins with {run.kept[:12]}, "
            f"and that of the file with {digest(whole(source.path))[:12]}",
            "Take the file as it ran out of version control; what has to change goes into a new one.",
        )


def _refused(history: History, what: str, remedy: str) -> Refused:
    return Refused(
        f"adopt is refused: {history.table} is the history of {history.tool.name}, and {what}. {remedy} Nothing was "
        "changed."
    )


def listed(names: Sequence[str]) -> str:
    """The first of the names, and how many more there are."""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if names[SHOWN:] else "")
