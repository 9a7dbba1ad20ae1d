"""Backfills and the files that depend on one: `migrate --skip-backfills` leaves them to `backfill`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from yoyo.migrations import MigrationList

from sqlrail.files.file import File

if TYPE_CHECKING:
    from sqlrail.records.history import Entry
    from sqlrail.results.status import Phase


def behind_backfills(
    migrations: MigrationList, files: Mapping[str, File], done: Collection[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Files with a backfill, and those that depend on one, whichever way, each with its backfills; less those done."""
    behind = dict[str, tuple[str, ...]]()
    if not any(file.backfill for file in files.values()):
        return behind
    for migration in migrations:  # what a file depends on comes before it
        file = files[migration.id]
        its = [id_ for needed in sorted(file.depends) for id_ in behind.get(needed, ())]
        its += [file.id] if file.backfill else []
        if its and file.id not in done:
            behind[file.id] = tuple(dict.fromkeys(its))
    return behind


class Left(NamedTuple):
    """Ids of pending files that are a backfill or depend on one, in their order."""

    due: tuple[str, ...]  # with no other pending file before them
    behind: tuple[str, ...]  # the others
    first: str | None  # that other file


def left(entries: Sequence[Entry], phase: Phase | None = None) -> Left:
    """What `backfill` would run of a history, and what it leaves to a later run of it.

    Before the new release it passes over what waits until the old one is gone.
    """
    pending = [entry for entry in entries if entry.state in ("pending", "late") and not entry.may_be_left]
    others = [entry.id for entry in pending if not (phase == "before" and entry.waits)]
    first = others[0] if others else None
    order = [entry.id for entry in entries]
    limit = order.index(first) if first else len(order)
    due = tuple(entry.id for entry in entries[:limit] if entry.may_be_left)
    return Left(due, tuple(entry.id for entry in entries[limit:] if entry.may_be_left), first)
