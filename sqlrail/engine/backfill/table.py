"""The table of a backfill as the catalog has it, and what refuses to walk over it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from psycopg import sql

from sqlrail.engine.backfill import nodes
from sqlrail.engine.backfill.nodes import Nodes
from sqlrail.engine.session import Session
from sqlrail.errors import BadFile, Refused
from sqlrail.files.file import File
from sqlrail.ground.backfill import Backfill
from sqlrail.ground.names import join
from sqlrail.postgres import wire

#: what relkind says of what is no table
KINDS = {
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
    "S": "a sequence",
    "i": "an index",
    "I": "an index",
    "c": "a type",
}
#: the strategies of a B-tree (src/include/access/stratnum.h)
LESS, EQUAL, GREATER = "1", "3", "5"


class Column(NamedTuple):
    """A column of the key: its type as SQL, and the operators of its index by their strategies, schema and name."""

    name: str
    type: str
    operators: dict[str, list[str]]


class Table(NamedTuple):
    """What is walked over; the key's columns in the order of its index."""

    oid: int
    name: str  # with its schema, quoted
    columns: tuple[Column, ...]
    rows: int  # about how many; 0 where the server has not counted them
    nodes: Nodes | None = None  # where Citus has its rows; None without Citus

    @property
    def order(self) -> sql.Composable:
        """Its key, as a list."""
        return sql.SQL(", ").join(sql.Identifier(column.name) for column in self.columns)

    @property
    def backwards(self) -> sql.Composable:
        """The same for ORDER BY, the last first."""
        return sql.SQL(", ").join(
            sql.SQL("{} DESC").format(sql.Identifier(column.name)) for column in self.columns
        )


def ask(session: Session, file: File) -> Table:
    """Looks at it; Refused, or BadFile where the line of the file names what is not there."""
    backfill = file.backfill
    assert backfill is not None
    named = wire.named(session.connection, join(*backfill.table))
    rows = session.look_up("backfill_facts", table=named, columns=list(backfill.key))
    if not rows:
        raise _misdirected(file, f"there is no table {join(*backfill.table)}")
    oid, name, kind, _, _, _, columns, in_partitions, rows_here = rows[0]
    found = [Column(one["name"], one["type"], one["operators"] or {}) for one in columns or ()]
    if missing := [it for it in backfill.key if it not in [column.name for column in found]]:
        raise _misdirected(file, f"{name} has no column {join(missing[0])}")
    its_nodes = nodes.ask(session, oid)
    reasons = [*_refusals(backfill, rows[0]), *(its_nodes.refuses(file) if its_nodes else ())]
    if reasons:
        raise Refused(
            f"{_at(file)}: the backfill is refused: {'; '.join(reasons)}. Nothing of {file.id} was done."
        )
    counted = in_partitions if kind == "p" else rows_here
    return Table(oid, name, tuple(found), (its_nodes and its_nodes.rows) or counted, its_nodes)


def _refusals(backfill: Backfill, row: tuple[Any, ...]) -> Iterator[str]:
    _, name, kind, hides_rows, has_heirs, index, *_ = row
    if kind not in ("r", "p"):
        yield f"{name} is {KINDS.get(kind, 'no table')}; name the table whose rows change"
        return
    if hides_rows:
        yield (
            f"row-level security hides rows of {name} from this role: run it as the table's owner, or as a role with "
            "BYPASSRLS"
        )
    if has_heirs:
        yield f"{name} has tables that inherit from it, over which its key is not unique; write a file for each"
    elif index is None:
        yield (
            f"no primary key and no unique index is on exactly {', '.join(map(join, backfill.key))}, in this order, "
            "for all rows and with NOT NULL for each column; name the columns of one that is, or make one first"
        )


def _at(file: File) -> str:
    return file.at(file.lines["backfill"][0])


def _misdirected(file: File, why: str) -> BadFile:
    failure = BadFile(f"{_at(file)}: backfill: {why}. Nothing of {file.id} was done.")
    failure.details["place"] = file.place(file.lines["backfill"][0], 1)
    return failure
