"""The type that columns are to get, and what the server says of how values become values of it. Nothing is run."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any, NamedTuple

import psycopg

from sqlrail.errors import DatabaseFailed, UsageError
from sqlrail.files.statements import Flaw, all_comments, tokens
from sqlrail.ground.names import join, plain
from sqlrail.ground.settings import Settings
from sqlrail.postgres import preparing, wire
from sqlrail.postgres.connect import Connection
from sqlrail.postgres.diagnostics import sentence
from sqlrail.schema.catalog import look_limits
from sqlrail.widening.conversion import Expression
from sqlrail.widening.facts import Column

#: what PostgreSQL says where a name leads nowhere
NAMELESS = (
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedObject,
    psycopg.errors.UndefinedTable,
    psycopg.errors.InvalidSchemaName,
)


_Read = preparing.Prepared | psycopg.Error


class Target(NamedTuple):
    """A type, as type_facts.sql has it."""

    oid: int
    modifier: int
    name: str  # as SQL spells it, wherever names lead
    is_for_columns: bool
    is_domain: bool
    asks_for_more: bool  # a domain that has checks, or may not be null, or has a default
    is_comparable: bool
    has_collations: bool
    collation: int  # the number of its own
    is_row: bool  # a composite one
    settings: tuple[tuple[str, str], ...]


class Way(NamedTuple):
    """How values of a type are assigned to the target."""

    how: str | None  # b: the same on disk, f: by a function, i: by their text; None: not at all
    by_settings: bool
    is_exact: bool  # no value is equal to another, as 1.0 is to 1.00


class Asked:
    """A connection on which texts of somebody are read."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection, self._settings = connection, settings

    def target(self, text: str) -> Target:
        """The type of that name; UsageError where there is none, or it is none that a column can have."""
        around = {name: wire.message(self._connection, name) for name in ("writes", "ours")}
        try:
            ((oid,),) = wire.ask(self._connection, "type_named", type=text, writes=around["writes"])
            found = self._read(f"SELECT NULL::{text}\n", "type_begin", **around)
        except DatabaseFailed as exc:
            raise UsageError(f"--type {text!r} is no type: {exc}") from exc
        if oid is None or isinstance(found, psycopg.Error):
            raise UsageError(f"there is no type {text} in the database.")
        ((_, _, modifier),) = found.columns
        (row,) = wire.ask(self._connection, "type_facts", type=oid, modifier=modifier)
        *facts, flat = row
        target = Target._make((oid, *facts, tuple(zip(flat[::2], flat[1::2], strict=True))))
        if not target.is_for_columns:
            raise UsageError(f"no column can be {target.name}.")
        return target

    def ways(self, types: Collection[int], target: Target) -> dict[int, Way]:
        """By the number of a type, how its values are assigned to the target."""
        rows = wire.ask(self._connection, "assignments", types=[*types], target=target.oid)
        return {oid: Way._make(way) for oid, *way in rows}

    def type_of(self, expression: str) -> int | None:
        """The number of the type of an expression without columns; None where it is not understood."""
        found = self._read(f"SELECT {expression}")
        return found.columns[0][1] if isinstance(found, preparing.Prepared) else None

    def can_be_cast(self, source: str, target: str) -> bool:
        """Whether a value of one type can be cast to another, in so many words."""
        return self.type_of(f"NULL::{source}::{target}") is not None

    def expression(
        self, flag: str, text: str, column: Column, type_: str | None = None
    ) -> tuple[Expression, int]:
        """Somebody's expression over a column and others of its table, and the number of the type of what it gives.

        type_: which the column has there. UsageError where it is none.
        """
        names = _names_in(flag, text, column)
        if generated := [name for name in names if plain(name) in column.generated]:
            raise UsageError(
                f"{flag} {text!r} reads {' and '.join(generated)}, which PostgreSQL generates behind all triggers: say "
                "what it is generated from."
            )
        read = ", ".join(
            f"NULL::{type_} AS {name}" if type_ and name == column.spelt else f"t.{name}" for name in names
        )
        its = Expression(text, join(column.table_name), tuple(names))
        parts: dict[str, Any] = {"expression": text.encode(), "table": its.table.encode()}
        rows = wire.message(None, "_expression_rows", columns=read.encode(), table=column.table.encode())
        typed = wire.message(None, "_expression_type", rows=rows, **parts)
        found = self._read(typed.decode())
        if isinstance(found, psycopg.Error):
            raise UsageError(f"{flag} {text!r}: {sentence(found, values=True)}{_advice(found)}")
        if len(found.columns) != 1:
            raise UsageError(f"{flag} {text!r} is not one expression.")
        if found.parameters:
            raise UsageError(f"{flag} {text!r} has a parameter: say the value.")
        self._refuse_by_plan(flag, text, wire.message(None, "_expression_plan", rows=rows, **parts))
        return its, found.columns[0][1]

    def _refuse_by_plan(self, flag: str, text: str, statement: bytes) -> None:
        with self._reading("expression_begin"):
            (found,) = preparing.explain(self._connection, [statement])
        if isinstance(found, psycopg.Error):
            raise UsageError(f"{flag} {text!r}: {sentence(found, values=True)}")
        nodes = [*_nodes(json.loads(found)[0]["Plan"])]
        if any("Subplan Name" in node for node in nodes):
            raise UsageError(f"{flag} {text!r} has a subquery, as no conversion of a column may.")
        if any(node.get("Alias") == "sqlrail_volatile" for node in nodes):
            raise UsageError(
                f"{flag} {text!r} gives another value each time (it is volatile): take one that follows from the row."
            )

    def _read(self, statement: str, begin: str = "expression_begin", **parts: bytes) -> _Read:
        with self._reading(begin, **parts):
            (found,) = preparing.prepare(self._connection, [("", statement.encode(), ())])
        return found

    @contextmanager
    def _reading(self, begin: str, **parts: bytes) -> Iterator[None]:
        limits = look_limits(self._connection, self._settings)
        wire.command(self._connection, begin, limits=limits, **parts)
        try:
            yield
        finally:
            wire.command(self._connection, "expression_end")


def _names_in(flag: str, text: str, column: Column) -> list[str]:
    """The columns that an expression may read, as SQL spells them; UsageError where it is not one expression."""
    depth, found = 0, list[str]()
    try:
        words = [*tokens(text.encode())]
        for token, after in zip_longest(words, [word.text for word in words[1:]]):
            depth += {b"(": 1, b"[": 1, b")": -1, b"]": -1}.get(token.text, 0)
            name = plain(token.text.decode()) if token.is_name else ""
            is_row = name == column.table_name and name not in column.columns and after != b"."
            if depth < 0 or token.text == b";" or is_row or (token.text == b"." and after == b"*"):
                raise UsageError(f"{flag} {text!r} is not one expression over columns.")
            if name in column.columns:
                found.append(join(name))
    except Flaw as exc:
        raise UsageError(f"{flag} {text!r} is not one expression: {exc.message}") from exc
    if depth or not text.strip() or not text.isprintable() or any(all_comments(text.encode())):
        raise UsageError(f"{flag} {text!r} is not one expression, in one line and without comments.")
    if not found:
        raise UsageError(f"{flag} {text!r} reads no column of {column.table}.")
    return [*dict.fromkeys(found)]


def _advice(error: psycopg.Error) -> str:
    if not isinstance(error, NAMELESS):
        return ""
    return " A name leads to PostgreSQL's own alone: name others with their schema, as in public.f(x)."


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)
