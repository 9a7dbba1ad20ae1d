"""What a file drops that views may lean on, as far as its text says it: relations, columns and constraints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

from sqlrail.files.constraints import RENAMES, parted
from sqlrail.files.file import File
from sqlrail.files.keys import names, squeezed
from sqlrail.ground.names import NAME

_NAMED = rf"{NAME}(?: \. {NAME})*"
_ALTERED = re.compile(rf"(?i)ALTER (?:FOREIGN )?TABLE (?:IF EXISTS )?(?:ONLY )?({_NAMED})(?: \*)? (.*)")
_DROPPED = re.compile(
    r"(?i)DROP (?:(?:FOREIGN )?TABLE|(?:MATERIALIZED )?VIEW) (?:IF EXISTS )?"
    rf"({_NAMED}(?: , {_NAMED})*)(?: RESTRICT)?$"
)
_PART = re.compile(rf"(?i)DROP (?:(CONSTRAINT) |COLUMN )?(?:IF EXISTS )?({NAME})(?: RESTRICT)?$")
#: what drops all that leans on something, and not what a foreign key says
_CASCADES = re.compile(r"(?i)(?<!DELETE )(?<!UPDATE )\bCASCADE\b")


class Drop(NamedTuple):
    """A table or view, or a column or constraint of one; names as they are in front of the file, in lower case."""

    table: str
    column: str | None = None
    constraint: str | None = None


def drops_of(file: File) -> frozenset[Drop]:
    """What its statements drop, unless nothing may lean on it; none where one of them drops that as well (CASCADE)."""
    found, before = set[Drop](), _Before()
    for statement in _statements(file):
        if _CASCADES.search(statement):
            return frozenset()
        if altered := _ALTERED.match(statement):
            table = _name(altered[1])
            for action in parted(altered[2]):
                if part := _PART.match(action):
                    found.add(before.part(table, _name(part[2]), is_constraint=bool(part[1])))
                elif called := RENAMES.match(action):
                    before.rename(table, called[1] and _name(called[1]), _name(called[2]))
        elif dropped := _DROPPED.match(statement):
            found |= {Drop(before.table(_name(table))) for table in parted(dropped[1])}
    return frozenset(found)


class _Before:
    """What tables and columns that a file renames were called in front of it."""

    def __init__(self) -> None:
        self._tables: dict[str, str] = {}
        self._columns: dict[tuple[str, str], str] = {}

    def table(self, name: str) -> str:
        return self._tables.get(name, name)

    def part(self, table: str, name: str, *, is_constraint: bool) -> Drop:
        table = self.table(table)
        if is_constraint:
            return Drop(table, constraint=name)
        return Drop(table, self._columns.get((table, name), name))

    def rename(self, table: str, column: str | None, name: str) -> None:
        """column: that is renamed; none is the table."""
        if column is None:
            self._tables[name] = self._tables.pop(table, table)
        else:
            table = self.table(table)
            self._columns[table, name] = self._columns.pop((table, column), column)


def _statements(file: File) -> Iterator[str]:
    """Those that alter or drop something, with one blank between their tokens."""
    with closing(file.pieces()) as pieces:
        for piece in pieces:
            for statement in piece.statements:
                if statement.words[:1] in (("ALTER",), ("DROP",)):
                    text = piece.text[statement.start : statement.end].decode(errors="replace")
                    yield squeezed(text, strings=True).removesuffix(" ;")
            for _ in piece.data or ():
                pass


def _name(text: str) -> str:
    return names(text)[-1].lower()
