"""The files held against the records: what is applied, pending, edited, missing or late."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from yoyo.migrations import MigrationList

from sqlrail.files.file import File
from sqlrail.ground.backfill import how_far
from sqlrail.ground.words import counted

if TYPE_CHECKING:
    from sqlrail.results.repair import NoteResult, Operation
    from sqlrail.results.status import State


@dataclass(frozen=True)
class Record:
    """A migration that the database says was applied; the time is UTC, a checksum of None is unknown."""

    id: str
    hash: str
    applied_at: datetime | None
    checksum: str | None

    def is_of(self, file: File) -> bool:
        """Whether the file is what was applied: an unknown checksum counts as that."""
        return self.checksum in (None, file.checksum)


@dataclass(frozen=True)
class Note:
    """A migration that is half done outside a transaction: what was under way, apply or rollback, and how far."""

    id: str
    operation: Operation
    done: int  # statements
    is_begun: bool  # the next one, which refuses a transaction
    backfill: dict[str, Any] | None = None  # of one, its counts by their names in its checkpoint

    def as_json(self) -> NoteResult:
        """The same for scripts."""
        return {"id": self.id, "operation": self.operation, "done": self.done, "is_begun": self.is_begun}

    def __str__(self) -> str:
        if self.backfill is not None:
            counts = (self.backfill[name] for name in ("walked", "changed", "passes"))
            return f"a backfill under way ({how_far(*counts)})"
        done = f"{counted(self.done, 'statement') if self.done else 'no statements'} done"
        return f"half done outside a transaction ({done}{', the next one begun' if self.is_begun else ''})"


@dataclass(frozen=True)
class Entry:
    """A migration's state: applied, pending, edited, missing or late."""

    id: str
    state: State
    applied_at: datetime | None = None
    checksum: str | None = None


def left_by_skipping(migrations: MigrationList, files: Mapping[str, File]) -> set[str]:
    """Files with a backfill, and those that depend on one, whichever way: --skip-backfills leaves them to a later run.

    So they are not late where others were applied before them.
    """
    left = {id_ for id_, file in files.items() if file.backfill}
    for migration in migrations if left else ():  # what a file depends on comes before it
        if not left.isdisjoint(files[migration.id].depends):
            left.add(migration.id)
    return left


def compare(migrations: MigrationList, files: dict[str, File], records: list[Record]) -> list[Entry]:
    """Each migration's state, in yoyo's order; a record without a file stands where its name sorts.

    Each file is told whether it has a record: what is asked of one that is still to run is not asked of it.
    """
    applied = {record.id: record for record in records}
    last = max((n for n, migration in enumerate(migrations) if migration.id in applied), default=-1)
    entries, left = [], left_by_skipping(migrations, files)
    for number, migration in enumerate(migrations):
        record, file = applied.pop(migration.id, None), files[migration.id]
        file.was_run = record is not None
        if record is None:
            is_late = number < last and file.id not in left
            entries.append(Entry(file.id, "late" if is_late else "pending", None, file.checksum))
        else:
            state: State = "applied" if record.is_of(file) else "edited"
            entries.append(Entry(file.id, state, record.applied_at, record.checksum))
    for record in sorted(applied.values(), key=lambda record: record.id):
        place = bisect([entry.id for entry in entries], record.id)
        entries.insert(place, Entry(record.id, "missing", record.applied_at, record.checksum))
    return entries
