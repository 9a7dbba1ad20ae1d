"""The verb widen: the files by which an integer column, and those that refer to it, become bigint on live tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlrail.engine.backend import Backend
from sqlrail.errors import Refused, UsageError
from sqlrail.files.folder import read_files
from sqlrail.ground.events import Listener
from sqlrail.ground.names import NAME, plain
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import counted
from sqlrail.records import problems
from sqlrail.verbs import new
from sqlrail.widening.facts import Facts, look
from sqlrail.widening.files import Files
from sqlrail.widening.refusals import refusals

if TYPE_CHECKING:
    from sqlrail.results.widen import WidenedFileResult, WidenResult

#: what a column becomes
TYPE = "bigint"


@dataclass(frozen=True)
class Widened:
    """The files of a widening, written unless it was a dry run, and what was seen."""

    columns: tuple[str, ...]  # the named one first
    carried: tuple[str, ...]
    notes: tuple[str, ...]
    files: tuple[new.New, ...]
    dry_run: bool

    def as_json(self) -> WidenResult:
        """The same for scripts."""
        return {
            "column": self.columns[0],
            "type": TYPE,
            "columns": list(self.columns),
            "carried": list(self.carried),
            "notes": list(self.notes),
            "dry_run": self.dry_run,
            "files": [_file_as_json(file) for file in self.files],
        }


def _file_as_json(file: new.New) -> WidenedFileResult:
    is_undone = file.rollback in file.texts
    return {
        "id": file.id,
        "path": str(file.path),
        "sql": file.texts[file.path],
        "rollback": str(file.rollback) if is_undone else None,
        "rollback_sql": file.texts.get(file.rollback),
    }


def widen(settings: Settings, listener: Listener, column: str, *, dry_run: bool = False) -> Widened:
    """Looks at the database in one snapshot, and writes the files, or only says what they would be.

    column: `table.column`, with a schema or without. The database is not changed. Refused, and nothing written, where
    something that depends on the columns cannot be carried over, or files are pending that may change them.
    """
    names = _names(column)
    migrations, files = read_files(settings.migrations)
    with Backend(settings, listener, files) as backend:
        backend.raise_if_old()
        entries, _ = problems.find(settings.migrations, migrations, files, backend.records, backend.notes)
        if pending := sum(entry.state in ("pending", "late") for entry in entries):
            raise Refused(
                f"widen is refused: {counted(pending, 'file is', 'files are')} pending, and may change what these are "
                "written for. Run `migrate` first. Nothing was written."
            )
        if backend.session.server.is_citus:
            raise Refused(
                "widen is refused: Citus has no backfills, which these files need. Nothing was written."
            )
        facts = look(backend.connection, settings, names)
    composed = Files(facts, TYPE)
    if reasons := [*refusals(facts, composed.there)]:
        raise Refused("widen is refused:", *(f"- {reason}" for reason in reasons), "Nothing was written.")
    made = new.write(settings.migrations, composed.drafts(), f"sqlrail widen {column}", dry_run=dry_run)
    carried = tuple(f"{obj.kind} {obj.name}" for obj in composed.there.carried)
    return Widened(tuple(map(str, facts.columns)), carried, tuple(_notes(facts)), tuple(made), dry_run)


def _names(column: str) -> tuple[str, ...]:
    if not re.fullmatch(rf"{NAME}(?:\.{NAME}){{1,2}}", column):
        raise UsageError(f"widen is given {column!r}: name a table and its column, as in 'users.id'.")
    return tuple(map(plain, re.findall(NAME, column)))


def _notes(facts: Facts) -> Iterator[str]:
    """What no file can do."""
    for table in facts.tables:
        for key, _ in facts.catalog.dependents.get(("table", table), ()):
            obj = facts.catalog.objects[key]
            if obj.kind == "published table" and not obj.facts[None].value:
                yield (
                    f"{table} is published with all its columns ({obj.label}): add the new ones first where it is "
                    "subscribed to"
                )
            elif obj.kind == "trigger" and " UPDATE ON " in obj.creates:
                yield f"{obj.what} fires for each row that is filled: look at what it does"
    for column in facts.columns:
        if column.sequence_is_granted:
            yield (
                f"{column.sequence} is made again, and others than its owner lose what they may do with it: GRANT it "
                "again"
            )
