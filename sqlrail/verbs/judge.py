"""What a folder comes to by what a database has recorded; for many databases it is found out once."""

from __future__ import annotations

from collections.abc import Collection
from threading import RLock
from typing import Any

from yoyo.migrations import MigrationList

from sqlrail.engine.backend import Backend
from sqlrail.errors import Refused
from sqlrail.records import problems
from sqlrail.records.history import Entry, Record
from sqlrail.records.phases import Overtaking
from sqlrail.records.problems import Problem


class Rehearsals:
    """Remembers what became of the rehearsals of two orders, each once for a version; threads may share it."""

    def __init__(self) -> None:
        self._found: dict[object, Refused | None] = {}
        self._lock = RLock()

    def refuse_unlike(self, backend: Backend, migrations: MigrationList, files: Overtaking) -> None:
        """As overtaking.refuse_unlike(); whoever comes while that is under way waits for it."""
        records = tuple((record.hash, record.checksum) for record in backend.records)
        checksums = tuple(backend.files[id_].checksum for id_ in (*files.run, *files.passed))
        key = records, files, checksums, backend.connection.info.server_version // 10000
        with self._lock:
            if key not in self._found:
                self._found[key] = _refusal(backend, migrations, files)
            if failure := self._found[key]:
                raise failure


def _refusal(backend: Backend, migrations: MigrationList, files: Overtaking) -> Refused | None:
    from sqlrail.scratch.scratch import NoScratch

    try:
        JUDGE.refuse_unlike(backend, migrations, files)
    except NoScratch:  # another role may make one
        raise
    except Refused as exc:
        return exc
    return None


class Judge:
    """What a folder comes to by what is recorded; it is asked again where the records may have changed."""

    def refuse_unlike(self, backend: Backend, migrations: MigrationList, files: Overtaking) -> None:
        """Refused where it is not the same in which order files are applied, see overtaking.refuse_unlike()."""
        from sqlrail.verbs.overtaking import refuse_unlike  # few runs overtake anything

        refuse_unlike(backend, migrations, files)

    def find(self, *looked_at: Any) -> tuple[list[Entry], list[Problem]]:
        """The history and what is wrong with it, see problems.find."""
        return problems.find(*looked_at)

    def due(self, backend: Backend, migrations: MigrationList, wanted: Collection[str]) -> MigrationList:
        """What is to be applied: what is pending, less what is only a draft."""
        return backend.to_apply(migrations).filter(
            lambda migration: migration.id in wanted and not backend.files[migration.id].is_draft
        )


#: one that remembers nothing
JUDGE = Judge()


class Remembering(Judge):
    """Judges once for all databases and schemas that have the same records, by each thread's reading of the folder.

    Both orders of files are rehearsed once for all threads that share what remembers that.
    """

    def __init__(self, rehearsals: Rehearsals | None = None) -> None:
        self._rehearsals = rehearsals or Rehearsals()
        self._found: dict[Any, tuple[list[Entry], list[Problem]]] = {}
        self._due: dict[Any, MigrationList] = {}
        self._read: list[object] = []  # whose numbers are in use

    def refuse_unlike(self, backend: Backend, migrations: MigrationList, files: Overtaking) -> None:
        self._rehearsals.refuse_unlike(backend, migrations, files)

    def find(
        self, folder: Any, migrations: Any, files: Any, records: list[Record], *more: Any
    ) -> tuple[list[Entry], list[Problem]]:
        if any(more):
            return super().find(folder, migrations, files, records, *more)
        has_all = all(record.id in files for record in records)
        # Of what has no file the times count as well.
        recorded = tuple((it.hash, it.id, it.checksum, None if has_all else it.applied_at) for it in records)
        key = id(files), recorded
        if key not in self._found:
            self._read.append(files)
            self._found[key] = super().find(folder, migrations, files, records)
        return self._found[key]

    def due(self, backend: Backend, migrations: MigrationList, wanted: Collection[str]) -> MigrationList:
        key = id(migrations), frozenset(wanted), tuple(record.hash for record in backend.records)
        if key not in self._due:
            self._read.append(migrations)
            self._due[key] = super().due(backend, migrations, wanted)
        return self._due[key]
