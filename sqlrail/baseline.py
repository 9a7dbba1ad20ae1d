"""The verb baseline: files recorded as applied without being run, where the database has what they build."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from psycopg import sql
from yoyo.migrations import MigrationList

from sqlrail import history, problems
from sqlrail.backend import Backend, Listener
from sqlrail.catalog import Catalog, read
from sqlrail.drift import COMMENT, PUBLIC
from sqlrail.errors import BadFile, MigrationFailed, Refused
from sqlrail.history import Record
from sqlrail.scratch import Builder, NoScratch, Provided, built, with_what_is_lacking
from sqlrail.settings import Settings

#: tables, each with its columns and their types, all of them as PostgreSQL spells them
Tables = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Difference:
    """What the database lacks or has otherwise, and how much it has that the files do not build."""

    lacking: tuple[str, ...] = ()
    more_tables: int = 0
    more_columns: int = 0
    uncompared: str | None = None  # why there was no comparison


@dataclass(frozen=True)
class Baselined:
    """The migrations that were recorded, and what was accepted with them."""

    ids: tuple[str, ...]
    difference: Difference


def baseline(
    settings: Settings,
    listener: Listener,
    to: str,
    *,
    accept_differences: bool = False,
    allow_other_history: bool = False,
) -> Baselined:
    """Records every file up to `to`, in yoyo's order, as applied without running it; all in one transaction.

    Refused where a record exists already, where another tool's history names one of the files, unless that is allowed,
    and where the database lacks a table or a column that the files build, unless that is accepted, and logged.
    """
    migrations, files = history.read_files(settings.migrations)
    wanted = history.up_to(migrations, to)
    with Backend(settings, listener, files) as backend:
        backend.raise_if_old()
        _refuse_records(backend.records)
        if not accept_differences:
            history.check(files[migration.id] for migration in wanted)
        _refuse_others(backend, [migration.id for migration in wanted], allow_other_history)
        difference = _compare(backend, wanted)
        if difference.lacking or difference.uncompared:
            _refuse_or_say(difference, wanted, listener, accept_differences)
        with backend.locked():
            # Once more, now that nobody else can write one.
            backend.read_history()
            _refuse_records(backend.records)
            backend.ask(_records(backend, wanted, difference))
    return Baselined(tuple(migration.id for migration in wanted), difference)


def _refuse_records(records: list[Record]) -> None:
    if records:
        raise Refused(
            f"baseline is refused: the database has {len(records)} record{'s' if len(records) > 1 else ''} already, of "
            f"{', '.join(record.id for record in records[:5])}{' and others' if len(records) > 5 else ''}. It is for a "
            "database that has none; here `migrate` goes on from them. Nothing was recorded."
        )


def _refuse_others(backend: Backend, wanted: list[str], allowed: bool) -> None:
    """Refused for a draft, and for another tool's history that names what is to be recorded."""
    empty = [replace(it, refuses=True) for it in problems.drafts(wanted, backend.files)]
    others = [*problems.elsewhere(wanted, backend.other_histories())]
    problems.refuse([*empty, *others], ["other-history"] if allowed else [])
    for problem in others:
        backend.listener.say(f"note: {problem.message}")


def _refuse_or_say(difference: Difference, wanted: MigrationList, listener: Listener, accepted: bool) -> None:
    what = _summary(difference)
    if not accepted:
        raise Refused(
            f"baseline is refused: {what} Mend the database, or name an earlier ID and let `migrate` run the rest; "
            "--accept-differences records the files all the same, and logs that. Nothing was recorded."
        )
    listener.say(f"warning: accepted by --accept-differences, up to {wanted[-1].id}: {what}")


def _summary(difference: Difference) -> str:
    if difference.uncompared is not None:
        return f"the database was not compared with what the files build. {difference.uncompared}"
    return f"the database lacks what the files build: {'; '.join(difference.lacking)}."


def _records(backend: Backend, wanted: MigrationList, difference: Difference) -> bytes:
    text = backend.stamping()
    for migration in wanted:
        file = backend.files[migration.id]
        this = sql.SQL("txid_current()")
        text += backend.log_entry("record", file.id, migration.hash, "mark", file.checksum, transaction=this)
    if difference.lacking or difference.uncompared:
        accepted = _summary(difference)[:255].encode(errors="backslashreplace").decode()
        # Of no hash: the checksum of a record is in the latest entry of its own.
        text += backend.log_entry("log", wanted[-1].id, None, "accept", accepted[:255])
    return text


def _compare(backend: Backend, wanted: MigrationList) -> Difference:
    """Builds the files on a scratch database, and looks for its tables and columns in the real one."""
    listener, settings = backend.listener, backend.settings
    there = tables(read(backend.connection, settings))

    def build(provided: Sequence[Provided]) -> Catalog:
        # Without what runs after the last file: this may end before it.
        files = MigrationList([*wanted])
        with built(settings, listener.say, Builder, backend.files, files, provided) as builder:
            return read(builder.connection, settings)

    try:
        made = with_what_is_lacking(settings, listener.say, backend.files, build)
        if all(it.kind == "privilege" or it.key in (PUBLIC, COMMENT) for it in made.objects.values()):
            return Difference(uncompared="They build nothing that could be found in it.")
        return difference_of(tables(made), there)
    except NoScratch as exc:
        return Difference(uncompared=str(exc))
    except (BadFile, MigrationFailed, Refused) as exc:
        return Difference(uncompared=f"They do not build on a scratch database: {exc}")


def difference_of(built: Tables, there: Tables) -> Difference:
    """What of the built tables and columns is not there, or of another type, by name; and what is there besides."""
    lacking = []
    for table, columns in built.items():
        if table not in there:
            lacking.append(f"table {table}")
            continue
        for column, type_ in columns.items():
            found = there[table].get(column)
            if found is None:
                lacking.append(f"column {table}.{column} ({type_})")
            elif found != type_:
                lacking.append(f"column {table}.{column} is {found} and not {type_}")
    more = [len(columns.keys() - built[table].keys()) for table, columns in there.items() if table in built]
    return Difference(tuple(lacking), len(there.keys() - built.keys()), sum(more))


def tables(catalog: Catalog) -> Tables:
    """Every table with its columns and their types."""
    found: Tables = {name: {} for name in sorted(table.name for table in catalog.of(["table"]))}
    for column in sorted(catalog.of(["column"]), key=lambda it: it.place):
        if column.within in found:
            found[column.within][column.label] = str(column.facts["type"].value)
    return found
