"""Which code files are in the way of what a file changes: those that lean on what its statements name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlrail.files.code import names_in
from sqlrail.files.drops import Drop
from sqlrail.files.file import File

#: how statements begin that may change or drop what others lean on
CHANGES = ("ALTER", "DROP", "DO", "CALL")
#: and those that never do, and may be many
ROWS = ("INSERT", "COPY")


class Edge(NamedTuple):
    """A code file has made what leans on something: one of the rows of code_edges.sql, names in lower case."""

    name: str  # of the code file
    names: frozenset[str]  # by which a statement may name what it leans on
    columns: frozenset[str]  # all of a relation's; none of anything else
    column: str | None  # on which it leans, if it does on one
    is_own: bool  # a trigger's or a policy's own table, with which it goes

    def is_met(self, statements: Iterable[Named]) -> bool:
        """Whether one of these may be refused for its sake; all that name a relation say which columns it is about."""
        about = [one for one in statements if not self.names.isdisjoint(one.names)]
        named = frozenset[str]().union(*(one.names for one in about))
        if self.column in named:
            return True
        is_whole = not self.columns or any(one.verb != "ALTER" for one in about)
        return bool(about) and is_whole and not self.is_own and self.columns.isdisjoint(named)

    def is_met_by_drop(self, drop: Drop) -> bool:
        """Whether that is refused for its sake for certain, if it is a relation of the name that is meant."""
        if drop.constraint:
            return not self.columns and drop.constraint in self.names
        is_its = bool(self.columns) and drop.table in self.names
        return is_its and (not self.is_own if drop.column is None else drop.column == self.column)

    def is_met_by_name(self, names: frozenset[str]) -> bool:
        """The same of names alone, wherever they stand: columns may be found out."""
        return not self.names.isdisjoint(names) and (self.column in names or not self.is_own)


class Named(NamedTuple):
    """How a statement begins, and all names in it."""

    verb: str
    names: frozenset[str]


class Changes(NamedTuple):
    """What a file names: in each statement that may change what others lean on, and in all of it."""

    statements: tuple[Named, ...]
    every: frozenset[str]

    @classmethod
    def of(cls, file: File) -> Changes:
        """Reads the file."""
        found, every = list[Named](), set[str]()
        for piece in file.pieces():
            for statement in piece.statements:
                verb, text = "".join(statement.words[:1]), piece.text[statement.start : statement.end]
                if verb in ROWS:
                    continue
                names = frozenset(name.decode(errors="replace") for name in names_in(text))
                every |= names
                if verb in CHANGES:
                    found.append(Named(verb, names))
            for _ in piece.data or ():
                pass
        return cls(tuple(found), frozenset(every))

    def meet(self, edges: Iterable[Edge], *, by_name: bool) -> frozenset[str]:
        """The names of the code files that may be in the way. by_name: whatever is said of what is named."""
        if by_name:
            return frozenset(edge.name for edge in edges if edge.is_met_by_name(self.every))
        return frozenset(edge.name for edge in edges if edge.is_met(self.statements))
