"""Puts old values back into rows that Citus keeps on other nodes: these hand them over, and they are looked at here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import sql

from sqlrail.orphans.expressions import column_of, joined, numbered
from sqlrail.orphans.restoring.shape import Facts, Shape, emptied, is_row, keys_now, witnesses
from sqlrail.orphans.session import Session

#: the rows as they are now
NOW = sql.Identifier("pg_temp", "sqlrail_now")


def ask_for_rows(session: Session, shape: Shape, facts: Facts) -> None:
    """Has the nodes hand over the rows that stayed."""
    keys = zip(keys_now(session, shape, facts), facts.primary, strict=True)
    wanted = (sql.SQL("{} AS {}").format(key, sql.Identifier(name)) for key, name in keys)
    shape.ask(session, "nodes_now", wanted=joined(", ", wanted), is_wanted=is_row(facts.primary))


def putting(shape: Shape, facts: Facts) -> dict[str, Any]:
    """What the statement is made of that puts old values back."""
    sets, seen = list(emptied(shape, facts)), witnesses(shape, facts)
    old, key, saw = numbered("old", sets), numbered("key", facts.primary), numbered("seen", seen)
    columns = [*_named("r", sets, old), *_named("p", facts.primary, key), *_named("p", seen, saw)]
    return {
        "columns": joined(", ", columns),
        "assignments": joined(", ", map(_pair, map(sql.Identifier, sets), old)),
        "is_row": joined(" AND ", map(_pair, (column_of("p", name) for name in facts.primary), key)),
        "now": joined(", ", (column_of("p", name) for name in seen)),
        "seen": joined(", ", map(sql.SQL("o.{}").format, saw)),
    }


def _named(alias: str, columns: Sequence[str], names: Sequence[sql.Identifier]) -> list[sql.Composed]:
    pairs = zip(columns, names, strict=True)
    return [sql.SQL("{} AS {}").format(column_of(alias, column), name) for column, name in pairs]


def _pair(column: sql.Composable, other: sql.Identifier) -> sql.Composable:
    return sql.SQL("{} = o.{}").format(column, other)
