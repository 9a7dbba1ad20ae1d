"""The verb widen: the files by which a column, and those that keys join with it, get another type on live tables.

Or by which any column becomes NOT NULL.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlrail.engine.backend import Backend
from sqlrail.errors import Refused, UsageError
from sqlrail.files.draft import Draft
from sqlrail.files.folder import read_files
from sqlrail.ground.events import Listener
from sqlrail.ground.names import NAME, plain
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import counted
from sqlrail.postgres.connect import Connection
from sqlrail.records import problems
from sqlrail.verbs import new
from sqlrail.widening import in_place
from sqlrail.widening import not_null as not_nulls
from sqlrail.widening.conversion import RANGES, Conversion, Larger
from sqlrail.widening.converting import Converting, is_larger
from sqlrail.widening.facts import Facts, look
from sqlrail.widening.files import Files
from sqlrail.widening.in_place import is_instant
from sqlrail.widening.refusals import refusals
from sqlrail.widening.target import Asked

if TYPE_CHECKING:
    from sqlrail.results.widen import WidenedFileResult, WidenResult

#: what a column becomes where nothing is said, and where only that is
DEFAULT, NOT_NULL = "bigint", "not null"
INSTANT = "PostgreSQL gives it that type without a look at any row: one file is enough"
NULLS = "rows in which it is null keep the second file from passing: `plan` counts them"


@dataclass(frozen=True)
class Widened:
    """The files of a widening, written unless it was a dry run, and what was seen."""

    becomes: str
    columns: tuple[str, ...]  # the named one first
    carried: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[new.New, ...] = ()
    dry_run: bool = False
    is_swapped: bool = False  # with another column, which takes its place

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
    settings: Settings,
    listener: Listener,
    column: str,
    *,
    type_: str | None = None,
    using: str | None = None,
    back: str | None = None,
    not_null: bool = False,
    dry_run: bool = False,
) -> Widened:
    """Looks at the database in one snapshot, and writes the files, or only says what they would be.

    column: `table.column`, with a schema or without; type_: what it becomes, bigint where nothing is said; using: the
    expression of its new values, as in ALTER TABLE; back: that of the old ones from the new; not_null: it becomes
    that, and keeps its type. The database is not changed. Refused, and nothing written, where something that depends on
    the columns cannot be carried over, or files are pending that may change them.
    """
    names = _names(column)
    if not_null and (type_ or using or back):
        raise UsageError("--not-null leaves a column its type: run widen once for each.")
    if type_ is None and (using or back):
        raise UsageError("--using and --back say how a column gets another type: name that with --type.")
    with _looking(settings, listener) as connection:
        if not_null:
            found, drafts = _not_null(look(connection, settings, names, "_widened_columns", narrower=[]))
        elif type_ is None:
            found, drafts = _larger(connection, settings, names, DEFAULT)
        else:
            found, drafts = _typed(connection, settings, names, type_, using, back)
    said = {"type": type_, "using": using, "back": back}
    words = [column, *(word for name, value in said.items() if value for word in (f"--{name}", value))]
    by = f"sqlrail widen {shlex.join([*words, '--not-null'] if not_null else words)}"
    written = new.write(settings.migrations, drafts, by, dry_run=dry_run)
    return replace(found, files=tuple(written), dry_run=dry_run)


_Found = tuple[Widened, list[Draft]]


def _not_null(facts: Facts) -> _Found:
    _refuse(not_nulls.refusals(facts))
    return Widened(NOT_NULL, (str(facts.columns[0]),), notes=(NULLS,)), [*not_nulls.drafts(facts.columns[0])]


def _larger(connection: Connection, settings: Settings, names: tuple[str, ...], type_: str) -> _Found:
    narrower = [name for name in RANGES if is_larger(type_, name)]
    facts = look(connection, settings, names, "_widened_columns", narrower=narrower)
    first = facts.columns[0]
    if not is_larger(type_, first.type):
        named = "already" if first.type == type_ else "and no integer: name the type that it gets with --type"
        _refuse([f"{first} is {first.type}{' ' if first.type == type_ else ', '}{named}"])
    return _carried(facts, Larger(type_))


def _typed(
    connection: Connection,
    settings: Settings,
    names: tuple[str, ...],
    type_: str,
    using: str | None,
    back: str | None,
) -> _Found:
    asked = Asked(connection, settings)
    target = asked.target(type_)
    connected = {"type": target.oid, "modifier": target.modifier}
    facts = look(connection, settings, names, "_connected_columns", **connected)
    if using is None and back is None and is_larger(target.name, facts.columns[0].type):
        return _larger(connection, settings, names, target.name)
    converting = Converting(asked, facts, target, using, back)
    _refuse(converting.refusals())
    notes = tuple(converting.sorts_anew())
    if is_instant(facts, target, converting.way):
        found = Widened(target.name, (str(facts.columns[0]),), notes=(INSTANT, *notes))
        return found, [in_place.draft(facts, target)]
    found, drafts = _carried(facts, converting.conversion())
    return replace(found, notes=(*found.notes, *notes)), drafts


def _carried(facts: Facts, conversion: Conversion) -> _Found:
    files = Files(facts, conversion)
    _refuse(refusals(facts, files.there))
    carried = tuple(f"{obj.kind} {obj.name}" for obj in files.there.carried)
    notes = (*_notes(facts), *_notes_of(facts, conversion))
    found = Widened(conversion.type, tuple(map(str, facts.columns)), carried, notes, is_swapped=True)
    return found, [*files.drafts()]


@contextmanager
def _looking(settings: Settings, listener: Listener) -> Iterator[Connection]:
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
                "widen is refused: Citus makes no triggers on tables of other nodes, and one has to keep both columns "
                "alike. Nothing was written."
            )
        yield backend.connection


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


def _notes_of(facts: Facts, conversion: Conversion) -> Iterator[str]:
    """What a conversion that may fail for a value, or may not be the same in all sessions, does."""
    if not conversion.is_gradual:
        return
    yield (
        f"rows whose value cannot become {conversion.type} keep the file `indexes` from passing, before anything has "
        "changed places: it says how many, and which"
    )
    if conversion.settings:
        pinned = ", ".join(f"{name} = {value}" for name, value in conversion.settings)
        yield f"values are read with the settings of this session, whoever writes them: {pinned}"
    if not conversion.has_way_back:
        yield (
            f"no cast leads from {conversion.type} back to {facts.columns[0].type}: without --back there is no way "
            "back from the swap"
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
