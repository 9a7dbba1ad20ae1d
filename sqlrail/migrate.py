"""The verbs about history: migrate and status."""

from __future__ import annotations

from dataclasses import dataclass

from sqlrail import history
from sqlrail.backend import Applied, Backend, Listener
from sqlrail.errors import SqlrailError
from sqlrail.history import Entry
from sqlrail.settings import Settings


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
        pending = backend.to_apply(migrations)
        for migration in [*pending, *(pending.post_apply if pending else [])]:
            files[migration.id].check()
        try:
            if pending:
                backend.prepare()
            taken_over = backend.take_over(files)
            backend.apply_migrations(pending)
        except SqlrailError as exc:
            exc.applied = [done.id for done in backend.done]
            raise
        ids = {migration.id for migration in migrations}
        applied = tuple(done for done in backend.done if done.id in ids)  # and not those of post-apply files
        return Migrated(applied, len(migrations) - len(applied), tuple(taken_over))


def status(settings: Settings, listener: Listener) -> list[Entry]:
    """The state of every migration, in order. Reads only."""
    migrations, files = history.read_files(settings.migrations)
    with Backend(settings, listener) as backend:
        return history.compare(migrations, files, backend.records)
