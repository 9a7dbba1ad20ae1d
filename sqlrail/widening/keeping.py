"""The trigger that keeps a column and its twin in step, whoever writes, until the column that has gone is dropped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from psycopg import sql

from sqlrail.ground.names import join
from sqlrail.widening.conversion import Conversion
from sqlrail.widening.facts import Column
from sqlrail.widening.naming import function, trigger_name


def by_table(columns: Sequence[Column]) -> Iterator[list[Column]]:
    """The columns of each table, those of the first one's last: it is where keys lead to, and so locked last."""
    last = columns[0].table
    in_order = sorted(columns, key=lambda column: (column.table == last, column.table))
    yield from (list(its) for _, its in groupby(in_order, lambda column: column.table))


def functions(
    columns: Sequence[Column], suffix: str, conversion: Conversion, *, is_strict: bool
) -> Iterator[str]:
    """For each table what makes, or makes anew, the function that writes the columns with that end.

    A strict one fails where they cannot hold a value.
    """
    set_ = "".join(f" SET {name} = {sql.Literal(value).as_string()}" for name, value in conversion.settings)
    for its in by_table(columns):
        lines = [line for column in its for line in conversion.keeps(column, suffix, is_strict=is_strict)]
        said = "".join(f"    {line}\n" for line in [*lines, "RETURN NEW;"])
        body = quoted(f"\n{conversion.pragma()}BEGIN\n{said}END\n")
        head = f"CREATE OR REPLACE FUNCTION {function(its[0])}() RETURNS trigger"
        yield f"{head}\n    LANGUAGE plpgsql SET search_path = ''{set_} AS {body}"


def triggers(columns: Sequence[Column]) -> Iterator[str]:
    """For each table what makes the trigger; rows that come by replication pass it as well."""
    for first, *_ in by_table(columns):
        name = join(trigger_name(first))
        head = f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {first.table}"
        yield f"{head}\n    FOR EACH ROW EXECUTE FUNCTION {function(first)}()"
        yield f"ALTER TABLE {first.table} ENABLE ALWAYS TRIGGER {name}"


def drops(columns: Sequence[Column]) -> Iterator[str]:
    """What drops all of them."""
    for first, *_ in by_table(columns):
        yield f"DROP TRIGGER {join(trigger_name(first))} ON {first.table}"
        yield f"DROP FUNCTION {function(first)}()"


def quoted(body: str) -> str:
    """A body of PL/pgSQL as a literal that people can read, whatever the names in it are."""
    return f"$${body}$$" if "$$" not in body else sql.Literal(body).as_string()
