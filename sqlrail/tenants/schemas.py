"""Tenants with a schema each of one database: a query names them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import psycopg

from sqlrail.errors import SqlrailError, UsageError
from sqlrail.files.statements import all_statements
from sqlrail.ground.events import Listener, Warned
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import counted, printable
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection, connect
from sqlrail.postgres.diagnostics import sentence
from sqlrail.tenants.tenant import Tenant

#: names in a sentence
SHOWN = 3


class Schemas:
    """The schemas that a query names, as it names them at the time, or those of a list."""

    def __init__(self, query: str | Collection[str], settings: Settings, listener: Listener) -> None:
        """settings: of the database."""
        self._query, self._settings, self._listener = query, settings, listener

    def tenants(self) -> list[Tenant]:
        """All of them, in the query's order. UsageError where it fails, or what it returns are not schemas."""
        connection = connect(self._settings, listener=self._listener)
        try:
            names = self._names(connection)
            there = {name for name, is_there, *_ in _looked_up(connection, names) if is_there}
        finally:
            connection.close()
        if missing := [name for name in names if name not in there]:
            raise UsageError(
                f"--each: the query names what is no schema of this database, or none that this role may use: "
                f"{_some(missing)}."
            )
        return [self._tenant(name) for name in names]

    def later(self) -> list[Tenant]:
        """The same once more: whoever is new among them is begun. Where the query fails now, that is said."""
        try:
            connection = connect(self._settings, listener=self._listener)
            try:
                return [self._tenant(name) for name in self._names(connection)]
            finally:
                connection.close()
        except SqlrailError as exc:
            self._listener(Warned(f"who was made meanwhile is not known: {exc}"))
            return []

    def _tenant(self, name: str) -> Tenant:
        return Tenant(name, self._settings, name)

    def _names(self, connection: Connection) -> list[str]:
        rows = self._rows(connection)
        if not rows:
            raise UsageError("--each: the query returns no row, and so names no tenant.")
        for number, (name, *_) in enumerate(rows, 1):
            if not name:
                what = "null" if name is None else "empty"
                raise UsageError(f"--each: row {number} of what the query returns is {what}.")
        names = [str(row[0]) for row in rows]
        twice = [name for name, number in Counter(names).items() if number > 1]
        if twice:
            raise UsageError(f"--each: the query names {_some(twice)} more than once.")
        return names

    def _rows(self, connection: Connection) -> Sequence[tuple[object, ...]]:
        """What the query returns. It is one statement, in a transaction that writes nothing."""
        if not isinstance(self._query, str):
            return [(name,) for name in self._query]
        query = self._query.encode()
        if (number := len(list(all_statements(query)))) > 1:
            raise UsageError(f"--each: that is {number} statements, and no single query.")
        connection.read_only = True
        try:
            with connection.transaction(force_rollback=True), connection.cursor(binary=True) as cursor:
                cursor.execute(query)
                if not cursor.description:
                    raise UsageError("--each: that is no query: it returns nothing.")
                return cursor.fetchall()
        except psycopg.Error as exc:
            raise UsageError(f"--each: the query failed: {sentence(exc)}") from exc


def _looked_up(connection: Connection, names: Sequence[str]) -> list[tuple[object, ...]]:
    connection.read_only = None
    return wire.ask(connection, "tenants", tables=[], names=list(names))


def _some(names: Sequence[str]) -> str:
    more = f" and {counted(len(names) - SHOWN, 'other')}" if len(names) > SHOWN else ""
    return ", ".join(f'"{printable(name)}"' for name in names[:SHOWN]) + more
