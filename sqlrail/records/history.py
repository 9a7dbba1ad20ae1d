"""The files held against the records: what is applied, pending, edited, missing, late or ahead."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

from yoyo.migrations import MigrationList

from sqlrail.files.file import File
from sqlrail.files.numbering import follows
from sqlrail.ground.words import counted
from sqlrail.records import leaving

if TYPE_CHECKING:
    from sqlrail.results.repair import NoteResult, Operation
    from sqlrail.results.status import Phase, State


class Record(NamedTuple):
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
    """A migration that is half done outside a transaction: what was under way, apply or rollback, and how far.

    The time is UTC, of its last checkpoint.
    """

    id: str
    operation: Operation
    done: int  # statements
    is_begun: bool  # the next one, which refuses a transaction
    noted_at: datetime
    backfill: dict[str, Any] | None = None  # of one, its counts by their names in its checkpoint

    def as_json(self) -> NoteResult:
        """The same for scripts."""
        return {"id": self.id, "operation": self.operation, "done": self.done, "is_begun": self.is_begun}

    def __str__(self) -> str:
        if self.backfill is not None:
            from sqlrail.ground.backfill import how_far  # few runs find one

            counts = (self.backfill[name] for name in ("walked", "changed", "passes"))
            return f"a backfill under way ({how_far(*counts)})"
        done = f"{counted(self.done, 'statement') if self.done else 'no statements'} done"
        return f"half done outside a transaction ({done}{', the next one begun' if self.is_begun else ''})"


class Entry(NamedTuple):
    """A migration's state: applied, pending, edited, missing, late or ahead."""

    id: str
    state: State
    applied_at: datetime | None = None
    checksum: str | None = None
    # pending, and a backfill or behind one: it is not late, whatever was applied since
    may_be_left: bool = False
    waits_for: tuple[str, ...] = ()  # backfills that are not done, itself where it is one
    phase: Phase | None = None  # of the deployment, as its file says; None: it has no file

    @property
    def waits(self) -> bool:
        """Whether it is to be applied behind the deployment: others may be before, and it is not late for that."""
        return self.state in ("pending", "late") and self.phase == "after"


def compare(
    migrations: MigrationList, files: dict[str, File], records: list[Record], *, may_wait: bool = True
) -> list[Entry]:
    """Each migration's state, in yoyo's order; a record without a file stands where its name sorts, or is ahead.

    Records are ahead where the folder is an older release's: they stand behind the files, as they were applied. Each
    file is told whether it has a record: what is asked of one that is still to run is not asked of it. may_wait:
    whether files that say `-- phase: after` can have been overtaken, and are late behind others of that phase only.
    """
    applied = {record.id: record for record in records}
    run = [(n, files[it.id].phase) for n, it in enumerate(migrations) if it.id in applied]
    last = max((n for n, _ in run), default=-1)
    last_after = max((n for n, phase in run if phase == "after"), default=-1) if may_wait else last
    entries, behind = [], leaving.behind_backfills(migrations, files)
    left = leaving.behind_backfills(migrations, files, applied.keys()) if behind else {}
    for number, migration in enumerate(migrations):
        record, file = applied.pop(migration.id, None), files[migration.id]
        file.was_run = record is not None
        if record is None:
            may_be_left = file.id in behind
            is_late = number < (last_after if file.phase == "after" else last) and not may_be_left
            more = may_be_left, left.get(file.id, ()), file.phase
            entries.append(Entry(file.id, "late" if is_late else "pending", None, file.checksum, *more))
        else:
            state: State = "applied" if record.is_of(file) else "edited"
            entries.append(Entry(file.id, state, record.applied_at, record.checksum, phase=file.phase))
    gone = [record for record in records if record.id in applied]
    if _are_ahead(gone, entries, files):
        ahead = (Entry(record.id, "ahead", record.applied_at, record.checksum) for record in gone)
        return [*entries, *ahead]
    for record in sorted(gone, key=lambda record: record.id):
        place = bisect([entry.id for entry in entries], record.id)
        entries.insert(place, Entry(record.id, "missing", record.applied_at, record.checksum))
    return entries


def is_newer(note: Note, entries: Sequence[Entry]) -> bool:
    """Whether a migration without a file comes behind all that have one, of which each is applied as it is.

    It does by its number, or because it was under way when all of them were applied.
    """
    here = [entry for entry in entries if entry.state != "ahead"]
    if any(entry.id == note.id and entry.state == "ahead" for entry in entries):
        return True
    if not _are_whole(here):
        return False
    there = [entry for entry in here if not entry.waits]
    last = _last(there)
    return follows(note.id, _highest(entry.id for entry in there)) or (
        last is not None and note.noted_at > last
    )


def _are_ahead(gone: Sequence[Record], entries: Sequence[Entry], files: Mapping[str, File]) -> bool:
    """Whether the files are what was applied first, by their names or by the time, and nothing is to be applied.

    Where times are the same, as those of a baseline, names decide; and where a backfill was left, which has no time.
    What waits for the end of the deployment does not count.
    """
    if not gone or not _are_whole(entries):
        return False
    ids = {record.id for record in gone}
    if any(not ids.isdisjoint(files[entry.id].depends) for entry in entries):
        return False
    contents = {record.checksum for record in gone}
    if any(entry.waits and entry.checksum in contents for entry in entries):  # applied, under another name
        return False
    there = [entry for entry in entries if not entry.waits]
    highest = _highest(entry.id for entry in there)
    by_name = {record.id for record in gone if follows(record.id, highest)}
    last = _last(there)
    if ids == by_name or last is None:
        return ids == by_name
    return all(it.applied_at is not None and (it.applied_at, it.id in by_name) > (last, False) for it in gone)


def _are_whole(entries: Sequence[Entry]) -> bool:
    """Whether each is applied as it is, left or waiting; of one at least that is known, or it is anybody's folder."""
    applied = [entry for entry in entries if not (entry.may_be_left or entry.waits)]
    is_known = any(entry.checksum is not None for entry in applied)
    return is_known and all(entry.state == "applied" for entry in applied)


def _last(entries: Sequence[Entry]) -> datetime | None:
    """When the last of them was applied; None where one was left, or nobody knows it."""
    times = [entry.applied_at for entry in entries if entry.applied_at is not None]
    return max(times) if len(times) == len(entries) else None


def _highest(ids: Iterable[str]) -> str:
    """The one with the highest number."""
    return reduce(lambda highest, id_: id_ if follows(id_, highest) else highest, ids)
