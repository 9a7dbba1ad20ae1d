"""What plan asks of the live database, each in a transaction that only reads."""

from __future__ import annotations

from typing import Any

from psycopg import errors as pg

from sqlrail.errors import DatabaseFailed
from sqlrail.ground.settings import Settings
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection
from sqlrail.postgres.diagnostics import failure
from sqlrail.schema.catalog import look_limits


def look(connection: Connection, settings: Settings, name: str, **named: list[str]) -> list[tuple[Any, ...]]:
    """A look in a transaction of its own; one that fails ends the plan."""
    relations = wire.message(connection, "_live_relations", **named) if named else b""
    parts = {"limits": look_limits(connection, settings), "relations": relations}
    text = wire.message(connection, name, **parts, bookkeeping=wire.message(connection, "_bookkeeping"))
    answer = wire.send(connection, text, wire.Answer())
    if isinstance(answer.error, pg.LockNotAvailable):
        raise DatabaseFailed(
            "the look at the tables' sizes gave way: one of them was in use for longer than "
            f"{settings.lock_timeout:g} s (--lock-timeout). Run again."
        ) from answer.error
    if answer.error is not None:
        failed, when = "the tables' sizes cannot be read", "the tables' sizes were being read"
        raise failure(connection, failed, when, answer.error)
    return answer.rows
