"""What PostgreSQL tells of a statement while it is rehearsed: what is there already, and what goes along with it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from psycopg import sql

from sqlrail.engine.store import Store
from sqlrail.files import keys
from sqlrail.files.pieces import Piece
from sqlrail.ground.names import NAME
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection

#: what IF NOT EXISTS passes over: a table, or what else shares its names; a column, a schema, a function, all else
TABLE_IS_THERE = "42P07"
IS_THERE = (TABLE_IS_THERE, "42701", "42P06", "42723", "42710")
#: the server's functions that say what CASCADE takes along: it says so in its own language, and without a code
CASCADES = ("reportDependentObjects", "ExecuteTruncateGuts", "ExecuteTruncate")
_IF_NOT_EXISTS = re.compile(rf"(?i)CREATE (?:\w+ )?TABLE IF NOT EXISTS ({NAME}(?: \. {NAME})*) ")


class _Notice(NamedTuple):
    code: str | None
    text: str


class Notices:
    """Those of one session since somebody asked last."""

    def __init__(self, connection: Connection) -> None:
        self._heard: list[_Notice] = []
        connection.add_notice_handler(self._hear)

    def _hear(self, diag: Any) -> None:
        if diag.sqlstate in IS_THERE or diag.source_function in CASCADES:
            lines = [diag.message_primary or "", *(diag.message_detail or "").splitlines()]
            text = "; ".join(filter(None, lines))
            self._heard.append(_Notice(diag.sqlstate, text))

    def take(self) -> tuple[str, ...]:
        """What it was told; from now on that is old."""
        heard, self._heard = self._heard, []
        return tuple(dict.fromkeys(one.text for one in heard))

    @property
    def is_table_there(self) -> bool:
        """Whether a table was not made because something of its name is there."""
        return any(one.code == TABLE_IS_THERE for one in self._heard)


def other_columns(connection: Connection, store: Store, piece: Piece) -> str | None:
    """How the columns of a table that is there differ from those that a CREATE TABLE IF NOT EXISTS would make.

    In the file's transaction, which stays as it was: the table is moved out of the way, and comes back. None where
    they are the same, and where it cannot be said.
    """
    text = piece.text.decode(errors="replace")
    named = _IF_NOT_EXISTS.match(keys.squeezed(text))
    if named is None:
        return None
    names = sql.Identifier(*keys.names(named[1]))
    aside = store.message("plan_aside", table=names)
    answers = [wire.send(connection, part, wire.Answer()) for part in (aside, piece.text)]
    found = wire.send(
        connection, store.message("plan_columns", table=names.as_string(connection)), wire.Answer()
    )
    back = wire.send(connection, store.message("plan_back"), wire.Answer())
    if found.error is not None or back.error is not None or answers[1].error is not None:
        return None
    return ", ".join(_difference(*row) for row in found.rows) or None


def _difference(name: str, there: str | None, asked: str | None) -> str:
    if asked is None:
        return f"{name} besides"
    return f"without {name}" if there is None else f"{name} is {there}, not {asked}"
