"""What the catalog says of the columns that are widened together, all of it of one moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlrail.errors import UsageError
from sqlrail.ground.names import join
from sqlrail.ground.settings import Settings
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection
from sqlrail.schema.catalog import read
from sqlrail.schema.objects import Catalog, Fact, Key, Object


class Column(NamedTuple):
    """A column that gets another type: its names as they are, and as SQL spells them."""

    schema: str
    schema_spelt: str
    table_name: str
    table: str  # with its schema, spelt
    name: str
    spelt: str
    type: str
    oid: int  # of its type
    modifier: int  # of its type, as a length
    is_row: bool  # whether its type is a composite one
    collation: int  # its number
    is_generated: bool
    relkind: str
    key: tuple[str, ...]  # a unique key of all rows of its table; empty where there is none
    sequence: str | None  # of an identity column
    sequence_is_granted: bool  # to others than its owner
    columns: frozenset[str]  # of its table
    generated: frozenset[str]  # of these
    triggers: tuple[str, ...]  # of its table
    constraints: frozenset[str]  # of its table
    taken: frozenset[str]  # what could be in the way in its schema
    strangers: tuple[str, ...]  # what depends on it, and is not in the catalog
    misfits: tuple[str, ...]  # columns with a key to it that hold less, and cannot be widened with it

    @property
    def address(self) -> Key:
        """Its key in the catalog."""
        return "column", f"{self.table}.{self.spelt}"

    def __str__(self) -> str:
        return f"{self.table}.{self.spelt}"


class Index(NamedTuple):
    """An index with such a column: its names, and what CREATE INDEX says behind the name of its table."""

    schema: str  # spelt
    name: str
    spelt: str  # with its schema
    table: str
    is_unique: bool
    constraint: str | None  # p, u or x, where it is of one
    constraint_name: str | None
    deferred: str  # how the constraint is, as SQL
    definition: str
    is_valid: bool
    method: str


class Facts(NamedTuple):
    """The catalog, and of it the columns, the named one first, and their indexes."""

    catalog: Catalog
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...]

    @property
    def tables(self) -> list[str]:
        """The tables of the columns."""
        return [*dict.fromkeys(column.table for column in self.columns)]

    @property
    def not_null(self) -> list[Column]:
        """Those of the columns that may not be null."""
        return [column for column in self.columns if self.facts_of(column)["nullable"].value == "not null"]

    def facts_of(self, column: Column) -> Mapping[str | None, Fact]:
        """What the catalog says of a column, with the statements that make it so."""
        return self.catalog.objects[column.address].facts

    def objects(self, column: Column) -> Iterator[Object]:
        """What depends on a column itself."""
        for key, _ in self.catalog.dependents.get(column.address, ()):
            yield self.catalog.objects[key]


def look(
    connection: Connection, settings: Settings, names: tuple[str, ...], beside: str, **asked: Any
) -> Facts:
    """Looks at a column, and at all that hangs on it, in one snapshot; UsageError where it is not there.

    beside: the name of what says in SQL which columns are to become what it becomes, given what is asked.
    """
    *table, column = names
    found = wire.ask(connection, "named_column", table=wire.named(connection, join(*table)))
    if not found:
        raise UsageError(f"there is no table {join(*table)} in the database.")
    schema, name = found[0]
    parts = {"schema": schema, "table": name, "column": column}
    widened = wire.message(connection, beside, **parts, **asked)
    columns, indexes = list[Column](), list[Index]()
    catalog = read(
        connection,
        settings,
        beside={
            wire.message(connection, "_widening_columns", widened=widened, **parts): (
                lambda rows: columns.extend(map(_column, rows))
            ),
            wire.message(connection, "_widening_indexes", widened=widened): (
                lambda rows: indexes.extend(map(Index._make, rows))
            ),
        },
    )
    if not columns:
        raise UsageError(f"{join(*table)} has no column {join(column)}.")
    for each in columns:
        if each.address not in catalog.objects:
            raise UsageError(
                f"{each} is a view's, or PostgreSQL's, an extension's or sqlrail's own: name a column of a table."
            )
    return Facts(catalog, tuple(columns), tuple(indexes))


def _column(row: tuple[Any, ...]) -> Column:
    *plain, key, sequence, is_granted = row[:-7]
    columns, generated, triggers, constraints, taken, strangers, misfits = (its or () for its in row[-7:])
    names = (
        frozenset(columns),
        frozenset(generated),
        tuple(triggers),
        frozenset(constraints),
        frozenset(taken),
    )
    return Column._make(
        (*plain, tuple(key or ()), sequence, is_granted, *names, tuple(strangers), tuple(misfits))
    )
