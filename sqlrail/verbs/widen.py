"""The verb widen: the files by which an integer column, and those that refer to it, become bigint on live tables.

Or by which any column becomes NOT NULL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
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
from sqlrail.widening import not_null as not_nulls
from sqlrail.widening.facts import Facts, look
from sqlrail.widening.files import Files
from sqlrail.widening.refusals import refusals

if TYPE_CHECKING:
    from sqlrail.results.widen import WidenedFileResult, WidenResult

#: what a column becomes
TYPE, NOT_NULL = "bigint", "not null"
NULLS = "rows in which it is null keep the second file from passing: `plan` counts them"


@dataclass(frozen=True)
class Widened:
    """The files of a widening, written unless it was a dry run, and what was seen."""

    becomes: str
    columns: tuple[str, ...]  # the named one first
    carried: tuple[str, ...]
    notes: tuple[str, ...]
    files: tuple[new.New, ...]
    dry_run: bool

    def as_json(self) -> WidenResult:
        """The same for scripts."""
        return {
            "column": self.columns[0],
            "becomes": self.becomes,
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


def widen(
    settings: Settings, listener: Listener, column: str, *, not_null: bool = False, dry_run: bool = False
) -> Widened:
    """Looks at the database in one snapshot, and writes the files, or only says what they would be.

    column: `table.column`, with a schema or without; not_null: it becomes that, and keeps its type. The database is not
    changed. Refused, and nothing written, where something that depends on the columns cannot be carried over, or files
    are pending that may change them.
    """
    facts = _facts(settings, listener, _names(column))
    if not_null:
        _refuse(not_nulls.refusals(facts))
        found = Widened(NOT_NULL, (str(facts.columns[0]),), (), (NULLS,), (), dry_run)
        drafts, by = not_nulls.drafts(facts.columns[0]), f"sqlrail widen {column} --not-null"
    else:
        files = Files(facts, TYPE)
        _refuse(refusals(facts, files.there))
        carried = tuple(f"{obj.kind} {obj.name}" for obj in files.there.carried)
        found = Widened(TYPE, tuple(map(str, facts.columns)), carried, tuple(_notes(facts)), (), dry_run)
        drafts, by = files.drafts(), f"sqlrail widen {column}"
    return replace(found, files=tuple(new.write(settings.migrations, drafts, by, dry_run=dry_run)))


def _facts(settings: Settings, listener: Listener, names: tuple[str, ...]) -> Facts:
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
        return look(backend.connection, settings, names)


def _refuse(reasons: Iterable[str]) -> None:
    if lines := [f"- {reason}" for reason in reasons]:
        raise Refused("widen is refused:", *lines, "Nothing was written.")


def _names(column: str) -> tuple[str, ...]:
    if not re.fullmatch(rf"{NAME}(?:\.{NAME}){{1,2}}", column):
        raise UsageError(f"widen is given {column!r}: name a table and its column, as in 'users.id'.")
    return tuple(map(plain, re.findall(NAME, column)))


def _notes(facts: Facts) -> Iterator[str]:
    """What no file can do."""
    for table in facts.tables:
        if names := sorted(_publications(facts, table)):
            yield (
                f"{table} is published with all its columns ({', '.join(names)}): add the new ones first where it is "
                "subscribed to"
            )
        for key, _ in facts.catalog.dependents.get(("table", table), ()):
            obj = facts.catalog.objects[key]
            if obj.kind == "trigger" and " UPDATE ON " in obj.creates:
                yield f"{obj.what} fires for each row that is filled: look at what it does"
    for column in facts.columns:
        if column.sequence_is_granted:
            yield (
                f"{column.sequence} is made again, and others than its owner lose what they may do with it: GRANT it "
                "again"
            )


def _publications(facts: Facts, table: str) -> Iterator[str]:
    """Those that a table is in without a list of columns."""
    schema = facts.catalog.objects["table", table].schema
    for obj in facts.catalog.of(["publication", "published schema", "published table"]):
        is_of_table = obj.kind == "published table" and obj.within == table
        if (
            (obj.kind == "publication" and obj.facts["all tables"].value == "yes")
            or (obj.kind == "published schema" and obj.schema == schema)
            or (is_of_table and not str(obj.facts[None].value).startswith(" ("))
        ):
            yield obj.name
