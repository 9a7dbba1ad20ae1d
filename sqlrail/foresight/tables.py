"""The live tables that pending files are about: what is there of them, and whether their rows may be read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import sql

from sqlrail.ground.names import join
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection
from sqlrail.scratch.shapes import Lean, Shape


@dataclass(frozen=True)
class LiveTable:
    """A table of the live database; its children are those that no file makes, partitions above all."""

    schema: str
    name: str
    oid: int = 0  # in the live database
    kind: str = ""  # empty: there is none
    columns: Mapping[str, str] = field(default_factory=dict)  # types by name
    key: tuple[str, ...] = ()  # the primary key's columns
    children: tuple[tuple[str, str], ...] = ()
    pages: int = 0
    is_wide: bool = False  # whether a value may be longer than a part of a page
    can_read: bool = False
    is_hidden: bool = False  # whether row-level security may hide rows from us

    def __str__(self) -> str:
        return join(self.schema, self.name)

    @property
    def is_there(self) -> bool:
        """Whether the live database has anything of that name."""
        return bool(self.kind)

    @property
    def why_not(self) -> str | None:
        """Why its rows cannot be counted."""
        if not self.is_there:
            return "the live database has no table of that name"
        if self.kind not in ("r", "p"):
            return "the live database has no table of that name, but something else"
        if not self.can_read:
            return "no right to read it"
        return "row-level security may hide rows of it from this role" if self.is_hidden else None

    def sources(self, *, tree: bool, own: bool, children: bool) -> list[sql.Composable]:
        """What stands behind FROM: the table with all below it, itself alone, its children that no file makes."""
        if tree:
            return [sql.Identifier(self.schema, self.name)]
        names = [(self.schema, self.name)] if own else []
        names += self.children if children else ()
        return [sql.SQL("ONLY {}").format(sql.Identifier(*it)) for it in names]


class Live:
    """The live tables by the oid that they have in the rehearsal, and which objects extensions have there."""

    def __init__(self, tables: Mapping[int, LiveTable], extensions: Mapping[str, bool]) -> None:
        self.tables, self.extensions = tables, extensions


def look(
    connection: Connection,
    limits: bytes,
    shapes: Sequence[Shape],
    leans: Collection[Lean],
    every: Collection[Shape],
) -> Live:
    """Asks for the tables by the names that they had before the first pending file. DatabaseFailed if it cannot be.

    every: the tables of which some file speaks, so that nobody else has to for those below another.
    """
    known = {(shape.schema, shape.name) for shape in every}
    asked = sorted({(lean.catalog, lean.name) for lean in leans if lean.extension})
    rows = wire.ask(
        connection,
        "live_tables",
        limits=limits,
        schemas=[it.schema for it in shapes],
        names=[it.name for it in shapes],
        catalogs=[catalog for catalog, _ in asked],
        objects=[name for _, name in asked],
    )
    tables = {shapes[row[0] - 1].oid: _table(row[1], known) for row in rows if row[0]}
    return Live(tables, {row[1]["object"]: row[1]["extension"] for row in rows if not row[0]})


def _table(said: dict[str, Any], known: Collection[tuple[str, str]]) -> LiveTable:
    below = [(schema, name) for schema, name in said.pop("children")]
    return LiveTable(
        key=tuple(said.pop("key")), children=tuple(it for it in below if it not in known), **said
    )
