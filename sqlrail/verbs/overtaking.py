"""Whether files may overtake others that wait: both orders are rehearsed, and have to end in the same schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from yoyo.migrations import MigrationList

from sqlrail.engine.backend import Backend
from sqlrail.errors import MigrationFailed, Refused
from sqlrail.ground.events import Said, nobody
from sqlrail.ground.names import unqualified
from sqlrail.ground.words import printable
from sqlrail.records.history import Record
from sqlrail.records.phases import Overtaking
from sqlrail.schema.compare import Difference, outermost
from sqlrail.schema.sides import Choice
from sqlrail.scratch.scratch import NoScratch
from sqlrail.verbs.drift import FILES, build_schema, lines_of
from sqlrail.verbs.models import STAND_IN

#: lines of what differs, and files, that a message names
SHOWN, NAMED = 10, 5


def refuse_unlike(backend: Backend, migrations: MigrationList, files: Overtaking) -> None:
    """Refused where the files do not end in the same schema in both orders, or where that cannot be known.

    The orders are that of their numbers, and that in which those that wait come last. NoScratch is raised where no
    scratch database can be made. The database itself is only asked for what no file makes.
    """
    settings = backend.settings
    if settings.tenant is not None:  # what is said of it may be said to others
        settings = replace(settings, tenant=STAND_IN)
    refusal = _Refusal(files, settings.tenant, is_new=not backend.records)
    build = partial(build_schema, settings, files=backend.files)
    numbered, waiting = _orders(migrations, backend.records, files)
    try:
        wanted = build(backend.listener, numbered)
    except NoScratch as exc:
        raise refusal.without_scratch(exc) from exc
    except (MigrationFailed, Refused) as exc:
        raise refusal.made(f"the files do not build by their numbers: {exc}") from exc
    try:
        there = build(nobody, waiting)
    except (MigrationFailed, Refused) as exc:
        raise refusal.made(f"in that order they do not build: {exc}") from exc
    *_, found = Choice(privileges=True).differences(wanted, there)
    if found:
        raise refusal.unlike(outermost(found))
    first, passed = _named(files.first), _named(files.waiting)
    backend.listener(Said(f"{first} may overtake {passed}: both orders end in the same schema"))


def _orders(
    migrations: MigrationList, records: Sequence[Record], files: Overtaking
) -> tuple[MigrationList, MigrationList]:
    """All that is applied and up to the last that is to be, by their numbers, and with what waits behind."""
    by_id, recorded = {migration.id: migration for migration in migrations}, {record.id for record in records}
    applied = [id_ for id_ in by_id if id_ in recorded]
    ids = {*applied, *files.run, *files.passed}
    orders = [id_ for id_ in by_id if id_ in ids], [*applied, *files.run, *files.passed]
    numbered, waiting = (MigrationList(by_id[id_] for id_ in order) for order in orders)
    return numbered, waiting


@dataclass(frozen=True)
class _Refusal:
    """How it is said that files may not overtake others; is_new: nothing is applied in the database."""

    files: Overtaking
    tenant: str | None
    is_new: bool

    @property
    def would(self) -> str:
        """What the run would do."""
        waits = (
            "says `-- phase: after` and waits"
            if len(self.files.waiting) == 1
            else "say `-- phase: after` and wait"
        )
        return f"{_named(self.files.first)} would overtake {_named(self.files.waiting)}, which {waits}"

    @property
    def instead(self) -> str:
        """What can be done without a change of the files."""
        if self.is_new:
            return "Nothing is applied here, so no release is running: plain `migrate` applies all by their numbers."
        return (
            "When the release that is running is gone, `migrate --phase after` applies "
            f"{_named(self.files.waiting)}, and nothing is overtaken any more."
        )

    def without_scratch(self, exc: NoScratch) -> NoScratch:
        """Where nothing could be rehearsed."""
        return NoScratch(
            f"{self.would}. Both orders have to be rehearsed. {exc} Name a server on which a scratch database can be "
            f"made with --scratch. {self.instead} Nothing was changed."
        )

    def made(self, why: str, *lines: str) -> Refused:
        """For that reason, with what differs."""
        why = unqualified(why, self.tenant) if self.tenant else why
        return Refused(
            f"{self.would}, and {why}",
            *lines,
            "Write them so that their order is no matter, or say `-- phase: after` in the later one too. "
            f"{self.instead} Nothing was changed.",
        )

    def unlike(self, found: Sequence[Difference]) -> Refused:
        """Where both orders build, and not the same."""
        told = [f"{printable(one.home)} {line}" for one in found for line in lines_of(one, FILES)]
        lines = [unqualified(line, self.tenant) if self.tenant else line for line in told]
        more = [f"  and {len(lines) - SHOWN:,} more (--json has them)"] if lines[SHOWN:] else []
        shown = [f"  {line}" for line in lines[:SHOWN]]
        failure = self.made("the database would not become what the files build:", *shown, *more)
        failure.details["differences"] = lines
        return failure


def _named(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - NAMED} more" if ids[NAMED:] else ""
    return f"{printable(', '.join(ids[:NAMED]))}{more}"
