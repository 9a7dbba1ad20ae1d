"""The parts of statements that hang on a relation's columns and types: names, comparisons, cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from psycopg import sql

from sqlrail.orphans.facts import Comparison, Edge, Table


def numbered(letter: str, names: Sequence[object]) -> list[sql.Identifier]:
    """As many names as there are: a1, a2 and so on."""
    return [sql.Identifier(f"{letter}{n}") for n, _ in enumerate(names, 1)]


def column_of(alias: str, column: str) -> sql.Composable:
    """A column of the table that the alias stands for."""
    return sql.SQL("{}.{}").format(sql.SQL(alias), sql.Identifier(column))


def joined(between: str, parts: Iterable[sql.Composable]) -> sql.Composable:
    """The parts, one after the other, with that between them."""
    return sql.SQL(between).join(parts)


def matches(
    keys: Sequence[sql.Composable], operators: Sequence[Comparison], columns: Sequence[sql.Composable]
) -> sql.Composable:
    """Whether keys and columns are equal, each pair as the catalog said: Facts.operators."""
    return joined(" AND ", (_compare(*pair) for pair in zip(keys, operators, columns, strict=True)))


def _compare(key: sql.Composable, how: Comparison, column: sql.Composable) -> sql.Composable:
    (schema, name), read_as, collation = how[:2], how[2:4], how[4:]
    if all(read_as):
        column = sql.SQL("{}::{}").format(column, sql.Identifier(*read_as))
    if all(collation):
        column = sql.SQL("{} COLLATE {}").format(column, sql.Identifier(*collation))
    # A name of an operator cannot be quoted, and has no letter that could do harm.
    equals = (
        sql.SQL("OPERATOR({}.{})").format(sql.Identifier(schema), sql.SQL(name)) if name else sql.SQL("=")
    )
    return sql.SQL("{} {} {}").format(key, equals, column)


def by_table(edges: Iterable[Edge]) -> list[Edge]:
    """The last of the edges into each table."""
    return list({edge["table"]["name"]: edge for edge in edges}.values())


def table(description: Table) -> sql.Composable:
    """A table as it stands behind FROM."""
    # A foreign key is about the rows of the table itself, not of those that inherit it; partitions are its own.
    names = sql.Identifier(description["schema"], description["table"])
    return sql.SQL("ONLY {}").format(names) if description["only"] else names


def cells(table: Table) -> sql.Composable:
    """An object of the row's columns as text; generated ones are left out, they come back by themselves."""
    return object_of(table["columns"], texts(table))


def texts(table: Table) -> Iterator[sql.Composable]:
    """The row's columns as text, to the letter."""
    for column in table["columns"]:
        value = column_of("c", column)
        yield spelt(value) if column in table["recast"] else as_text(value)


def as_text(value: sql.Composable) -> sql.Composable:
    """A value as a cast to text makes it."""
    return sql.SQL("{}::pg_catalog.text").format(value)


def spelt(value: sql.Composable) -> sql.Composable:
    """A value as its type writes it, whatever a cast to text would make of it."""
    # IS NOT NULL means another thing of a composite.
    return sql.SQL("CASE WHEN {0} IS DISTINCT FROM NULL THEN pg_catalog.format('%s', {0}) END").format(value)


def object_of(names: Iterable[str], texts: Iterable[sql.Composable]) -> sql.Composable:
    """A jsonb object of texts."""
    return sql.SQL("pg_catalog.jsonb_object({}, ARRAY[{}]::pg_catalog.text[])").format(
        sql.Literal(list(names)), joined(", ", texts)
    )
