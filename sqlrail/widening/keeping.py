"""The trigger that keeps a column and its twin in step, whoever writes, until the column that has gone is dropped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from psycopg import sql

from sqlrail.ground.names import join
from sqlrail.widening.facts import Column
from sqlrail.widening.naming import OLD, function, sibling, trigger_name

#: the least and the greatest value of types that a value of a larger one may not fit
RANGES = {"smallint": (-(1 << 15), (1 << 15) - 1), "integer": (-(1 << 31), (1 << 31) - 1)}


def by_table(columns: Sequence[Column]) -> Iterator[list[Column]]:
    """The columns of each table, those of the first one's last: it is where keys lead to, and so locked last."""
    last = columns[0].table
    in_order = sorted(columns, key=lambda column: (column.table == last, column.table))
    yield from (list(its) for _, its in groupby(in_order, lambda column: column.table))


def functions(columns: Sequence[Column], suffix: str) -> Iterator[str]:
    """For each table what makes, or makes anew, the function that writes the columns with that end."""
    for its in by_table(columns):
        lines = "".join(f"    {_assignment(column, suffix)};\n" for column in its)
        body = quoted(f"\nBEGIN\n{lines}    RETURN NEW;\nEND\n")
        head = f"CREATE OR REPLACE FUNCTION {function(its[0])}() RETURNS trigger"
        yield f"{head}\n    LANGUAGE plpgsql SET search_path = '' AS {body}"


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


def _assignment(column: Column, suffix: str) -> str:
    target = f"NEW.{sibling(column, suffix)}"
    if suffix != OLD:
        return f"{target} := NEW.{column.spelt}"
    low, high = RANGES[column.type]
    return f"{target} := CASE WHEN NEW.{column.spelt} BETWEEN {low} AND {high} THEN NEW.{column.spelt} END"


def quoted(body: str) -> str:
    """A body of PL/pgSQL as a literal that people can read, whatever the names in it are."""
    return f"$${body}$$" if "$$" not in body else sql.Literal(body).as_string()
