"""The verbs create and drop: a database for development or tests, and its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from sqlrail.engine.backend import Backend
from sqlrail.errors import DatabaseFailed, UsageError, WrongDatabase
from sqlrail.ground.events import Listener
from sqlrail.ground.settings import Settings
from sqlrail.ground.target import Identity, Target
from sqlrail.postgres import wire
from sqlrail.postgres.connect import CURRENT, Connection, connect, database_of
from sqlrail.verbs import expendable

if TYPE_CHECKING:
    from sqlrail.results.database import CreatedResult, DroppedResult

#: the database from which others are made and dropped, which every server has
MAINTENANCE = "postgres"


@dataclass(frozen=True)
class Created:
    """A database that is there now, and whether it was made for that."""

    database: str
    created: bool

    def as_json(self) -> CreatedResult:
        """The same for scripts."""
        return {"database": self.database, "created": self.created}


@dataclass(frozen=True)
class Dropped:
    """A database that is not there now, and whether it was before."""

    database: str
    dropped: bool

    def as_json(self) -> DroppedResult:
        """The same for scripts."""
        return {"database": self.database, "dropped": self.dropped}


def create(settings: Settings, listener: Listener) -> Created:
    """Makes the database that the settings name, where it is not there: for development and tests alone.

    Refused for another environment, DatabaseFailed where the role may not, WrongDatabase, and nothing is made, where
    the name leads to another database than the one that was made.
    """
    expendable.raise_unless_named_so(settings, "create")
    name = _named(settings)
    with _maintenance(settings, name, listener) as connection:
        made = not _identity(connection, name) and _make(connection, name)
        try:
            with closing(connect(replace(settings, reached=None))) as there:
                _raise_unless_the_same(there, _identity(connection, name), settings)
        except WrongDatabase:
            if made:
                wire.command(connection, "drop_unused", database=sql.Identifier(name))
            raise
    return Created(name, made)


def _make(connection: Connection, name: str) -> bool:
    """Whether this call has made it, and not somebody who was quicker."""
    try:
        wire.command(connection, "create_database", database=sql.Identifier(name))
    except DatabaseFailed as exc:
        if isinstance(exc.__cause__, psycopg.errors.DuplicateDatabase | psycopg.errors.UniqueViolation):
            return False
        exc.args = (f"{name} cannot be made: {exc}",)
        raise
    return True


def drop(settings: Settings, listener: Listener, confirm: Callable[[str], bool]) -> Dropped:
    """Drops the database that the settings name, where it is there; Refused unless every guard of reset agrees.

    One that nobody has made anything in needs no stamp. confirm is asked last, with the database's name.
    """
    expendable.raise_unless_named_so(settings, "drop")
    name = _named(settings)
    with _maintenance(settings, name, listener) as connection:
        if not (there := _identity(connection, name)):
            return Dropped(name, dropped=False)
        with Backend(replace(settings, reached=None), listener) as backend:
            _raise_unless_the_same(backend.connection, there, settings)
            if not wire.ask(backend.connection, "is_empty")[0][0]:
                expendable.raise_unless_stamped_so(backend, settings, "drop")
            expendable.raise_unless_here(backend, "drop")
            expendable.raise_unless_alone(backend, "drop")
        if not confirm(name):
            expendable.refuse("drop", "type the database's name at the prompt, or give --yes")
        if _identity(connection, name) != there:
            expendable.refuse("drop", f"{name} is another one than was looked at")
        _drop(connection, name)
    return Dropped(name, dropped=True)


def _drop(connection: Connection, name: str) -> None:
    try:
        wire.command(connection, "drop_unused", database=sql.Identifier(name))
    except DatabaseFailed as exc:
        if isinstance(exc.__cause__, psycopg.errors.ObjectInUse):
            expendable.refuse("drop", f"somebody has connected to {name} meanwhile; end that first")
        exc.args = (f"{name} cannot be dropped: {exc}",)
        raise


def _named(settings: Settings) -> str:
    if "service" in (given := conninfo_to_dict(settings.database_url or "")) and not given.get("dbname"):
        raise UsageError(
            f"create and drop need the database's name in {settings.url_origin}, beside the service."
        )
    return database_of(settings)


@contextmanager
def _maintenance(settings: Settings, name: str, listener: Listener) -> Iterator[Connection]:
    """A connection beside the database of that name, on its server."""
    url = make_conninfo(settings.database_url or "", dbname=MAINTENANCE)

    def reached(target: Target) -> None:
        if settings.reached:
            settings.reached(target._replace(database=name))

    beside = replace(settings, database_url=url, reached=reached)
    with closing(connect(beside, listener=listener)) as connection:
        yield connection


def _identity(connection: Connection, name: str | sql.SQL) -> Identity | None:
    rows = wire.ask(connection, "database_identity", database=name)
    return Identity(*rows[0]) if rows else None


def _raise_unless_the_same(connection: Connection, expected: Identity | None, settings: Settings) -> None:
    """A pooler may lead a name to a database of another, and a list of hosts to another server."""
    if _identity(connection, CURRENT) != expected:
        raise WrongDatabase(
            f"the connection to {connection.info.dbname} does not lead to the database of that name which "
            f"{MAINTENANCE} shows: a pooler or a list of hosts leads elsewhere. Name the server itself in "
            f"{settings.url_origin}. Nothing was changed."
        )
