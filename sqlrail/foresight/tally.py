"""Counts on the live database, in one snapshot that only reads; what cannot be counted is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg import sql

from sqlrail.foresight.counts import limit_of
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import milliseconds
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection
from sqlrail.postgres.diagnostics import failure
from sqlrail.schema.catalog import look_limits

#: SQLSTATE classes of what a value does not let pass, as ALTER TABLE would say too
OF_VALUES = ("22", "23")


@dataclass(frozen=True)
class Link:
    """A key by which rows go along with others: of which table, by which columns, and the same of those."""

    child: tuple[str, str]
    columns: tuple[str, ...]
    parent: tuple[str, str]
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """How many live rows of a table would lose something: sql/foresight/<name>.sql.

    Of values that get another type: the expression that makes them, and the type that they have; the columns that it
    may name, by their live names, and what it calls the table. is_unknown: nobody can tell how many it is, if any.
    """

    name: str
    schema: str
    table: str
    column: str | None = None
    value: str = ""
    old: str = ""
    columns: tuple[tuple[str, str], ...] = ()
    called: str = ""
    is_unknown: bool = False
    links: tuple[Link, ...] = ()

    def query(self, connection: Connection) -> bytes:
        """What gives the rows, each by its table and its place: those of the value, or what goes along with them."""
        rows = self.value.encode()
        for link in self.links:
            columns, keys = (_listed(name, its) for name, its in (("c", link.columns), ("p", link.keys)))
            child, parent = sql.Identifier(*link.child), sql.Identifier(*link.parent)
            rows = wire.message(
                connection,
                "_loss_children",
                rows=rows,
                child=child,
                columns=columns,
                parent=parent,
                keys=keys,
            )
        return rows

    @property
    def parts(self) -> Mapping[str, Any]:
        """What the statement is filled in with."""
        columns = [
            sql.SQL("{} AS {}").format(sql.Identifier(it), sql.Identifier(now)) for it, now in self.columns
        ]
        return {
            "table": sql.Identifier(self.schema, self.table),
            "column": sql.Identifier(self.column or ""),
            "value": self.value.encode(),
            "old": self.old.encode(),
            "columns": sql.SQL(", ").join(columns),
            "called": sql.Identifier(self.called),
        }


def _listed(of: str, names: Iterable[str]) -> sql.Composable:
    return sql.SQL(", ").join(sql.Identifier(of, name) for name in names)


def count(
    connection: Connection, settings: Settings, questions: Iterable[Question], *, is_counted: bool = True
) -> dict[Question, int | None]:
    """The answers, None where nobody knows; without is_counted only whether there is any row at all is looked up."""
    parts = {
        "ours": wire.message(connection, "ours"),
        "limits": look_limits(connection, settings),
        "limit": milliseconds(limit_of(settings)),
    }
    begin = wire.message(connection, "loss_begin", **parts)
    answer = wire.send(connection, begin, wire.Answer())
    if answer.error is not None:
        raise failure(connection, "the live rows cannot be counted", "rows were being counted", answer.error)
    found = {}
    for question in questions:
        if question not in found:
            found[question] = _answer(connection, question, is_counted=is_counted)
    wire.send(connection, b"ROLLBACK", wire.Answer())
    return found


def _answer(connection: Connection, question: Question, *, is_counted: bool) -> int | None:
    if is_counted and not question.is_unknown:
        number = _number(connection, question)
        if isinstance(number, int):
            return number
    return 0 if _ask(connection, "loss_any", question) == 0 else None


def _number(connection: Connection, question: Question) -> int | psycopg.Error:
    number = _ask(connection, question.name, question)
    if question.name != "loss_type":
        return number
    if isinstance(number, pg.UndefinedFunction):  # nothing tells two of them apart but their texts
        number = _ask(connection, "loss_type_text", question)
    # Where no new value can be made, the statement fails, and loses nothing.
    if _is_of_values(number) and _is_of_values(_ask(connection, "loss_forward", question)):
        return 0
    return number


def _is_of_values(number: int | psycopg.Error) -> bool:
    return isinstance(number, psycopg.Error) and (number.sqlstate or "")[:2] in OF_VALUES


def _ask(connection: Connection, name: str, question: Question) -> int | psycopg.Error:
    """The number that one statement gives, or why it gives none."""
    asked = wire.message(connection, name, **question.parts, query=question.query(connection))
    answer = wire.send(connection, wire.message(connection, "loss_ask", asked=asked), wire.Answer())
    if answer.error is None:
        return int(answer.rows[0][0])
    if connection.closed:
        raise failure(connection, "the live rows cannot be counted", "rows were being counted", answer.error)
    wire.send(connection, wire.message(connection, "loss_back"), wire.Answer())
    return answer.error
