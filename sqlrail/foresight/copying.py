"""Rows of live tables, copied as of one moment into their twins in a scratch database."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from sqlrail.errors import DatabaseFailed
from sqlrail.foresight.said import said
from sqlrail.ground.names import join
from sqlrail.ground.settings import Settings
from sqlrail.postgres import streams, wire
from sqlrail.postgres.connect import Connection, connect
from sqlrail.postgres.diagnostics import sentence
from sqlrail.schema.catalog import look_limits

#: a relation's schema and name
Name = tuple[str, str]
#: how it would be said that a relation of another kind than a table cannot be copied
_NO_TABLE = {"m": "the rows of a materialized view", "f": "the rows of a foreign table"}


class Table(NamedTuple):
    """A relation as the live database or a scratch database has it; see sql/foresight/trial_tables.sql."""

    oid: int
    kind: str
    bytes: int
    readable: bool
    hides: bool  # a policy may hide rows of it
    columns: list[str]
    root: list[str]  # schema and name of the partitioned table that it is a part of, or itself
    is_hashed: bool  # part of one that is partitioned by hashes
    shape: list[str]


class Copied(NamedTuple):
    """What was copied: the rows of each table, and the sequences that are where they are on the live database."""

    rows: dict[Name, int]
    sequences: set[Name]


class Untold(Exception):
    """The rows of one table cannot be copied."""

    def __init__(self, name: Name, why: str) -> None:
        super().__init__(why)
        self.name = name


class Lacking(Exception):
    """Parents have to be copied as well."""

    def __init__(self, names: set[Name]) -> None:
        super().__init__()
        self.names = names


def look(connection: Connection, names: Collection[Name]) -> dict[Name, Table]:
    """Those of the relations that are there."""
    wanted = sorted(names)
    rows = wire.ask(
        connection, "trial_tables", schemas=[it[0] for it in wanted], names=[it[1] for it in wanted]
    )
    return {wanted[number - 1]: Table(*facts) for number, *facts in rows}


def unlike(name: Name, live: Table | None, twin: Table | None = None) -> str | None:
    """Why the rows of a live relation cannot be tried in its twin; without one, as far as the live one tells."""
    shown = join(*name)
    if live is None:
        return f"{shown} is not there"
    if live.kind in _NO_TABLE:
        return f"{_NO_TABLE[live.kind]}, {shown}, cannot be copied"
    if not live.readable:
        return f"no right to read {shown}"
    if live.hides:
        return f"row-level security hides rows of {shown}"
    if twin is not None and (live.kind, live.shape) != (twin.kind, twin.shape):
        return f"{shown} is not as the files build it (`drift` shows how)"
    return None


@contextmanager
def as_of_now(settings: Settings) -> Iterator[Connection]:
    """A connection to the live database that only reads, and sees it as of one moment."""
    with closing(connect(settings)) as live:
        parts = {"limits": look_limits(live, settings), "format": wire.message(live, "archive_format")}
        wire.ask(live, "trial_begin", ours=wire.message(live, "ours"), **parts)
        yield live


def copy(
    live: Connection,
    there: Connection,
    settings: Settings,
    tables: Mapping[Name, Table],
    twins: Mapping[Name, Table],
    sequences: Collection[Name],
) -> Copied:
    """Copies the rows, and says how many; triggers and keys do not act on them, and are as before afterwards.

    Of sequences these and the tables' own are set to where they are on the live database. Raises Untold where a table's
    rows do not fit, Lacking where a parent's are needed besides, and DatabaseFailed.
    """
    silent = _may_be_silent(there)
    parts = {"limits": look_limits(there, settings), "format": wire.message(there, "archive_format")}
    wire.ask(there, "trial_load", ours=wire.message(there, "ours"), **parts)
    if silent:
        wire.ask(there, "trial_silent")
    oids = [twins[name].oid for name in tables]
    loosened = wire.ask(there, "trial_loosen", tables=oids, silent=silent)
    if lacking := {oid for _, _, lacks in loosened for oid in lacks}:
        named = _names(there, lacking)
        _send(there, b"ROLLBACK")
        raise Lacking(named)
    if tables:
        wire.ask(there, "trial_empty", tables=_listed(tables, "ONLY {}"))
    _switch(there, [off for off, _, _ in loosened])
    rows = {name: _copy_one(live, there, name, table) for name, table in tables.items()}
    numbering = {*sequences, *_own_sequences(there, oids)}
    positions = {name: _position(live, name) for name in sorted(numbering)}
    # What is left to do may take long, and needs no lock on the live tables.
    _send(live, b"COMMIT")
    _switch(there, [back for _, back, _ in reversed(loosened)])
    for name, position in positions.items():
        wire.ask(there, "trial_set_position", sequence=sql.Identifier(*name).as_string(), **position)
    _send(there, b"COMMIT")
    if tables:
        wire.command(there, "trial_analyze", tables=_listed(tables, "{}"))
    return Copied(rows, numbering)


def _may_be_silent(there: Connection) -> bool:
    try:
        wire.ask(there, "trial_replica")
    except DatabaseFailed:
        there.rollback()
        return False
    return True


def _listed(tables: Collection[Name], form: str) -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL(form).format(sql.Identifier(*name)) for name in tables)


def _names(there: Connection, oids: Collection[int]) -> set[Name]:
    return {(schema, name) for schema, name in wire.ask(there, "trial_names", oids=sorted(oids))}


def _send(there: Connection, text: bytes) -> None:
    answer = wire.send(there, text, wire.Answer())
    if answer.error is not None:
        raise DatabaseFailed(sentence(answer.error)) from answer.error


def _switch(there: Connection, statements: list[str]) -> None:
    _send(there, "\n".join(statements).encode())


def _copy_one(live: Connection, there: Connection, name: Name, table: Table) -> int:
    columns, place = _columns(table), table.root if table.is_hashed else name
    into = wire.message(there, "trial_in", table=sql.Identifier(*place), columns=columns)
    text = wire.message(there, "writes") + into
    out = wire.message(live, "trial_out", table=sql.Identifier(*name), columns=columns)
    with closing(_rows(live, name, out)) as rows:
        answer = wire.send(there, text, wire.Answer(), data=rows)
    if answer.error is not None:
        # Its detail and its context hold values.
        raise Untold(name, f"the rows of {join(*name)} do not go into a copy: {said(answer.error)}")
    tag = answer.results[-1].command_status or b""
    return int(tag.split()[-1])


def _columns(table: Table) -> sql.Composable:
    if not table.columns:
        return sql.SQL("")  # all that are not generated: none
    return sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Identifier, table.columns)))


def _rows(live: Connection, name: Name, text: bytes) -> Generator[bytes, None, None]:
    try:
        yield from streams.copy_out(live, text)
    except psycopg.Error as exc:
        raise Untold(name, f"the rows of {join(*name)} cannot be read: {said(exc)}") from exc


def _own_sequences(there: Connection, oids: list[int]) -> set[Name]:
    return {(schema, name) for schema, name in wire.ask(there, "trial_sequences", tables=oids)}


def _position(live: Connection, name: Name) -> dict[str, Any]:
    if why := unlike(name, look(live, [name]).get(name)):
        raise Untold(name, why)
    ((last_value, is_called),) = wire.ask(live, "trial_position", sequence=sql.Identifier(*name))
    return {"last_value": last_value, "is_called": is_called}
