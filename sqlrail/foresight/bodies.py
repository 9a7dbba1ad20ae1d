"""What functions do inside: whether their bodies name what a file takes away from tables, or has made another.

PostgreSQL reads such a body when it runs. Here it is read as words, so that what is found is that it may fail.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlrail.ground.names import NAME, join, plain
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection
from sqlrail.scratch.shapes import Column, Shape, Shapes, names_in

QUALIFIED = rf"(?:({NAME})\s*\.\s*)?({NAME})"


@dataclass(frozen=True)
class Body:
    """A function's: the name and the text of it, and the oids of the tables of whose rows its triggers are."""

    schema: str
    name: str
    text: str
    tables: frozenset[int]

    @cached_property
    def names(self) -> set[str]:
        return names_in(self.text)

    @cached_property
    def objects(self) -> set[tuple[str, str]]:
        """The names with what qualifies them, if anything does."""
        return _qualified(QUALIFIED, self.text)


@dataclass(frozen=True)
class _Lost:
    """What those who name it find no more, or find otherwise: columns of a table, or all of it.

    needs: it is the table's new rows that need more than before.
    """

    oid: int
    schema: str
    table: str
    columns: frozenset[str] = frozenset()
    needs: bool = False

    def named_in(self, body: Body) -> str | None:
        """What of it a body names."""
        names_table = _is_meant(self.schema, self.table, body.objects)
        if self.columns:
            found = sorted(self.columns & body.names)
            return found[0] if found and (names_table or self.oid in body.tables) else None
        return self.table if names_table and (not self.needs or "insert" in body.names) else None


class Suspects:
    """Functions of which a file may have made that they fail, and why."""

    def __init__(
        self, bodies: Sequence[Body], before: Shapes, after: Shapes, lacking: Collection[int]
    ) -> None:
        """lacking: oids of tables whose new rows must have from now on what nobody had to give."""
        lost = [*_lost(before, after, lacking)]
        found = ((body, next(filter(None, (one.named_in(body) for one in lost)), None)) for body in bodies)
        self._why = {body: name for body, name in found if name}

    def run_by(self, text: str, writes: Collection[int]) -> str | None:
        """Why a query of this text, which writes these tables, may fail."""
        if not self._why:
            return None
        calls = _qualified(rf"{QUALIFIED}\s*\(", text)
        for body, name in self._why.items():
            if _is_meant(body.schema, body.name, calls) or not body.tables.isdisjoint(writes):
                return f"It runs {join(body.schema, body.name)}, whose body names {name}, which is not as it was."
        return None


def read(connection: Connection) -> list[Body]:
    """All that there are."""
    rows = wire.ask(connection, "contract_bodies")
    return [Body(schema, name, text, frozenset(tables)) for schema, name, text, tables in rows]


def _qualified(pattern: str, text: str) -> set[tuple[str, str]]:
    return {(schema and plain(schema), plain(name)) for schema, name in re.findall(pattern, text)}


def _is_meant(schema: str, name: str, among: Collection[tuple[str, str]]) -> bool:
    """Whether an object may be meant by any of these names, which need not have a schema."""
    return (schema, name) in among or ("", name) in among


def _lost(before: Shapes, after: Shapes, lacking: Collection[int]) -> Iterator[_Lost]:
    for oid, was in before.items():
        now = after.get(oid)
        if not was or was == now:
            continue
        if not now or (was.schema, was.name) != (now.schema, now.name):
            yield _Lost(oid, was.schema, was.name)
            continue
        if columns := {
            column.name for number, column in was.columns.items() if _differs(column, now, number)
        }:
            yield _Lost(oid, was.schema, was.name, frozenset(columns))
        if oid in lacking:
            yield _Lost(oid, was.schema, was.name, needs=True)


def _differs(was: Column, shape: Shape, number: int) -> bool:
    now = shape.columns.get(number)
    return not now or (was.name, was.type_oid) != (now.name, now.type_oid)
