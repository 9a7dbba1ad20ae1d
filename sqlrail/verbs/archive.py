"""The verb archive: what cleanups have kept, and its end. It holds personal data, and must not live for ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors as pg

from sqlrail.engine.backend import Backend
from sqlrail.errors import Refused
from sqlrail.ground.events import Listener
from sqlrail.ground.settings import Settings
from sqlrail.ground.target import is_expendable
from sqlrail.ground.words import counted

if TYPE_CHECKING:
    from sqlrail.results.archive import (
        ArchivedResult,
        ArchiveResult,
        LoggedResult,
        LoggedVerb,
        PurgeResult,
        RunResult,
    )


@dataclass(frozen=True)
class Run:
    """A run as it was logged, and what of it is still in the archive."""

    id: int
    # None where somebody has deleted it, and left its rows
    at: datetime | None  # UTC
    verb: LoggedVerb | None
    migration: str | None
    actor: str | None
    relations: list[LoggedResult]
    kept: list[ArchivedResult]

    @property
    def rows(self) -> int:
        """Its rows that are still in the archive."""
        return sum(part["rows"] for part in self.kept)

    def as_json(self) -> RunResult:
        """The same for scripts; `rows` are those still in the archive."""
        return {
            "run": self.id,
            "at": f"{self.at.isoformat()}Z" if self.at else None,
            "verb": self.verb,
            "migration": self.migration,
            "actor": self.actor,
            "relations": self.relations,
            "archived": self.kept,
            "rows": self.rows,
        }


@dataclass(frozen=True)
class Archive:
    """Every run that changed something."""

    runs: tuple[Run, ...] = ()

    @property
    def rows(self) -> int:
        """All rows that are in the archive."""
        return sum(run.rows for run in self.runs)

    def as_json(self) -> ArchiveResult:
        """The same for scripts."""
        return {"runs": [run.as_json() for run in self.runs], "rows": self.rows}


@dataclass(frozen=True)
class Purge:
    """What a purge deleted: rows by the number of their run; a run of None deleted nothing."""

    run: int | None
    purged: dict[int, int]
    #: rows that stay because nothing says how old they are: their run, and each after it, is gone from the log
    undated: dict[int, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """All rows that it deleted."""
        return sum(self.purged.values())

    def as_json(self) -> PurgeResult:
        """The same for scripts."""
        return {
            "run": self.run,
            "purged": [{"of": of, "rows": number} for of, number in self.purged.items()],
            "rows": self.rows,
            "undated": [{"of": of, "rows": number} for of, number in self.undated.items()],
        }


def list_runs(settings: Settings, listener: Listener) -> Archive:
    """Every run that changed something, or something of the settings' tenant.

    Reads only. Refused if the role may not read the archive.
    """
    with Backend(settings, listener) as backend:
        if not backend.has_archive:
            return Archive()
        return Archive(tuple(Run(*row) for row in _ask(backend, "archive_list")))


def purge(
    settings: Settings, listener: Listener, older_than: float, confirm: Callable[[str, str], bool]
) -> Purge:
    """Deletes for good the archived rows of runs that are older than so many seconds; the runs stay as the log.

    Where the settings name a tenant, rows of its schema alone.

    Where the setting or the stamp does not say development or test, confirm is asked, with what would go and the
    database's name.
    """
    with Backend(settings, listener) as backend:
        if not backend.has_archive:
            return Purge(None, {})
        found = _ask(backend, "archive_purge_look", seconds=older_than)
        due = {run for run, _ in found}
        undated = {run: rows for run, rows in _ask(backend, "archive_undated") if run not in due}
        if not found:
            return Purge(None, {}, undated)
        total = sum(rows for *_, rows in found)
        what = f"{counted(total, 'archived row')} of run{'s' * (len(found) > 1)} " + ", ".join(
            str(run) for run, *_ in found
        )
        may_be_lost = is_expendable(settings.environment) and is_expendable(backend.stamp)
        # Nobody is asked while a transaction is open.
        if not may_be_lost and not confirm(backend.database, f"{what} will be deleted for good."):
            raise Refused(
                f"the purge of {what} in {backend.database} was not confirmed: type its name at the prompt, or give "
                "--yes. Nothing was changed."
            )
        with backend.locked():
            rows = _ask(backend, "archive_purge", runs=[run for run, *_ in found], actor=settings.actor)
        return Purge(rows[0][0] if rows else None, {of: number for _, of, number in rows}, undated)


def message(backend: Backend, name: str, **parts: Any) -> bytes:
    """A question about the archive; of a tenant its own rows alone."""
    own, rows = backend.message("_archived_of"), backend.message("_archived_rows")
    return backend.message(name, own=own, rows=rows, **parts)


def _ask(backend: Backend, name: str, **parts: Any) -> list[tuple[Any, ...]]:
    try:
        return backend.ask(message(backend, name, **parts))
    except psycopg.Error as exc:
        failure = partial(backend.failure, when="the archive was being looked at", error=exc)
        if isinstance(exc, pg.InsufficientPrivilege):
            stands = "Its owner can look. Nothing was changed."
            raise failure("the archive is closed to this role", stands=stands, kind=Refused) from exc
        if isinstance(exc, pg.UndefinedTable):
            stands = (
                "Somebody has dropped it. `stamp`, with the environment's name, makes again what is missing; what is "
                "there stays. Nothing was changed."
            )
            raise failure("the archive is not whole", stands=stands) from exc
        raise failure("the archive cannot be read", stands="Nothing was changed.") from exc
