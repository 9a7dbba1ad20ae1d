"""The verbs about history: migrate and status."""

from __future__ import annotations

from dataclasses import dataclass

from sqlrail import history
from sqlrail.backend import Applied, Backend, Listener
from sqlrail.errors import Bug, DatabaseFailed, SqlrailError
from sqlrail.history import Entry
from sqlrail.settings import Settings

#: what is said of a history that is not as the files have it
WARNINGS = {
    "edited": "edited: the file is not what was applied, and is not run again",
    "missing": "missing: it was applied, and its file is gone",
    "late": "late: it comes before one that is applied already, and is run now",
}


@dataclass(frozen=True)
class Migrated:
    """What a run applied, how many were there before it, and whose content it took over from plain yoyo."""

    applied: tuple[Applied, ...]
    already_applied: int
    taken_over: tuple[str, ...] = ()


def migrate(settings: Settings, listener: Listener) -> Migrated:
    """Applies what is pending, each file with its pre-step in one transaction.

    Every pending file is checked before the first one runs. SqlrailError lists in `applied` what was committed.
    """
    migrations, files = history.read_files(settings.migrations)
    with Backend(settings, listener, files) as backend:
        if backend.is_old:
            backend.prepare()
        for entry in history.compare(migrations, files, backend.records):
            if entry.state not in ("applied", "pending"):
                listener.say(f"warning: {entry.id} is {WARNINGS[entry.state]}")
        pending = backend.to_apply(migrations)
        for migration in [*pending, *(pending.post_apply if pending else [])]:
            files[migration.id].check()
        try:
            if pending:
                backend.prepare()
            taken_over = backend.take_over(files)
            backend.apply_migrations(pending)
        except Exception as exc:
            failure = exc if isinstance(exc, SqlrailError) else Bug(exc)
            failure.applied = [done.id for done in backend.done]
            raise failure from failure.__cause__
        ids = {migration.id for migration in migrations}
        applied = tuple(done for done in backend.done if done.id in ids)  # and not those of post-apply files
        return Migrated(applied, len(migrations) - len(applied), tuple(taken_over))


def status(settings: Settings, listener: Listener) -> list[Entry]:
    """The state of every migration, in order. Reads only."""
    migrations, files = history.read_files(settings.migrations)
    with Backend(settings, listener) as backend:
        if backend.is_old:
            raise DatabaseFailed(
                "the records are those of a yoyo before 6; `migrate` upgrades them as yoyo would."
            )
        return history.compare(migrations, files, backend.records)
