"""A scratch database: made to look at what files build, and dropped afterwards whatever happens.

On the server that --scratch names; else on the same one where the role may create databases, otherwise on the embedded
one.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from threading import Timer
from typing import NamedTuple

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from sqlrail.errors import (
    ConnectionFailed,
    DatabaseFailed,
    Interrupted,
    LocalServerFailed,
    MissingPrerequisite,
    Refused,
    WrongDatabase,
)
from sqlrail.ground.events import LeftBehind, Listener, Said, Warned
from sqlrail.ground.settings import EMBEDDED, Settings
from sqlrail.ground.target import Mark
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection, connect, target
from sqlrail.scratch import roles

#: seconds that dropping one may take
PATIENCE = 30.0
#: seconds after which one that nobody is connected to is a leftover: its maker connects as soon as it is made
GRACE = 300


class NoScratch(Refused):
    """No scratch database can be made."""


class Likeness(NamedTuple):
    """What a scratch database has like the real one."""

    path: list[str]
    schemas: list[str]
    settings: list[tuple[str, str]]
    written: str  # the search_path as it is written, which says more than the schemas that it leads to
    tenant: str | None = None


class Place(NamedTuple):
    """What a session says of the server and the database that it is in."""

    may_create: bool
    is_standby: bool
    role: str
    now: int
    encoding: str
    collate: str
    ctype: str
    provider: str | None
    locale: str | None
    rules: str


@contextmanager
def scratch(settings: Settings, listener: Listener, wanted: Collection[str] = ()) -> Iterator[Settings]:
    """Settings that lead to an empty database in which names without a schema mean the same as in the real one.

    So do literals: it has the real one's settings; what it cannot have is said. On the embedded server the roles that
    are wanted are there for as long as it is. Raises NoScratch, which says which right is missing.
    """
    with closing(connect(replace(settings, tenant=None), listener=listener)) as connection:
        like = Likeness(*wire.ask(connection, "likeness")[0])._replace(tenant=settings.tenant)
        live = _Server.of(connection)
    with ExitStack() as made:
        if settings.scratch is None:
            there = _beside(settings, like, listener, live, wanted, made)
        elif settings.scratch == EMBEDDED:
            _raise_if_other_major(settings, live)
            there = made.enter_context(_embedded(settings, like, listener, wanted))
        else:
            there = made.enter_context(_database(_named(settings, live, listener), like, listener))
        yield there


def is_beside(settings: Settings, there: Settings) -> bool:
    """Whether a scratch database lies on the database's own server, and not on one that may be another."""
    return settings.scratch is None and make_conninfo(
        settings.database_url or "", dbname=""
    ) == make_conninfo(there.database_url or "", dbname="")


class _Server(NamedTuple):
    """A server, by what nobody else's says of itself (None: the role may not know), and its major."""

    identifier: int | None
    major: int

    @classmethod
    def of(cls, connection: Connection) -> _Server:
        return cls(wire.ask(connection, "server")[0][0], connection.info.server_version // 10000)


def _beside(
    settings: Settings,
    like: Likeness,
    listener: Listener,
    live: _Server,
    wanted: Collection[str],
    made: ExitStack,
) -> Settings:
    """On the same server, or else on the embedded one."""
    try:
        return made.enter_context(_database(settings, like, listener))
    except NoScratch as exc:
        there = made.enter_context(_embedded(settings, like, listener, wanted, f"{exc} "))
        listener(
            Said(
                f"{exc} The embedded server stands in; it may be of another major than this one's {live.major}. "
                "--scratch names another server"
            )
        )
        return there


def _raise_if_other_major(settings: Settings, live: _Server) -> None:
    from sqlrail.server import local

    try:
        major = local.major(settings.home)
    except (MissingPrerequisite, LocalServerFailed) as exc:
        raise NoScratch(f"--scratch embedded (or SQLRAIL_SCRATCH): {exc}") from exc
    if major != live.major:
        raise NoScratch(
            f"--scratch embedded (or SQLRAIL_SCRATCH): the embedded server is of PostgreSQL {major} and the database "
            f"of {live.major}, where statements may do something else. Name a server of {live.major}, as in "
            "--scratch postgresql://..."
        )


def _named(settings: Settings, live: _Server, listener: Listener) -> Settings:
    """Settings that lead to the server that --scratch names; says if that is not another one like the database's."""
    url = settings.scratch or ""
    if not conninfo_to_dict(url).get("hostaddr"):
        # PGHOSTADDR would lead elsewhere, whatever the host is.
        url = make_conninfo(url, hostaddr="")
    there = replace(settings, database_url=url)
    try:
        with closing(connect(there)) as connection:
            server = _Server.of(connection)
    except ConnectionFailed as exc:
        raise ConnectionFailed(f"--scratch (or SQLRAIL_SCRATCH): {exc}") from exc
    if server.identifier is not None and server.identifier == live.identifier:
        listener(Warned(f"--scratch leads to the database's own server, or a copy of it: {target(there)}"))
    if server.major != live.major:
        listener(
            Warned(f"the scratch database is on PostgreSQL {server.major}, and the database on {live.major}")
        )
    return there


@contextmanager
def _database(settings: Settings, like: Likeness, listener: Listener) -> Iterator[Settings]:
    with ExitStack() as undo:
        try:
            with _administering(settings) as connection:
                place = look(connection)
                if place.is_standby:
                    raise NoScratch("The server is a standby, where nothing can be made.")
                if not place.may_create:
                    raise NoScratch(
                        f"The role {place.role} may not create databases (ALTER ROLE ... CREATEDB)."
                    )
                _drop_leftovers(connection)
                name = f"sqlrail_scratch_{place.now}_{secrets.token_hex(4)}"
                there = marked(settings, name)
                # Before it is made: an interruption may come too late to stop that.
                undo.callback(_drop, settings, name, listener)
                create(connection, name, place)
                mark(connection, there)
                _liken(connection, name, like, listener)
            # Open to the end: others see that it is in use.
            keeper = undo.enter_context(closing(connect(there)))
            if not wire.ask(keeper, "is_empty")[0][0]:
                raise NoScratch("A new database is not empty here, so nothing can be built in it.")
            for schema in dict.fromkeys([*filter(None, [like.tenant]), *like.schemas]):
                wire.ask(keeper, "scratch_schema", schema=sql.Identifier(schema))
        except (ConnectionFailed, DatabaseFailed, WrongDatabase) as exc:
            raise NoScratch(f"A scratch database cannot be made: {exc}") from exc
        yield there


def look(connection: Connection) -> Place:
    """Where a connection leads, and what its role may do there."""
    return Place(*wire.ask(connection, "scratch")[0])


def create(connection: Connection, name: str, place: Place) -> None:
    """Makes a database that orders texts as the connection's own does."""
    provider = b""
    if place.provider:
        named = f"_provider_{place.provider}{'_rules' if place.rules else ''}"
        provider = wire.message(connection, named, locale=place.locale, rules=place.rules)
    facts = {"encoding": place.encoding, "collate": place.collate, "ctype": place.ctype}
    wire.command(connection, "create_scratch", database=sql.Identifier(name), provider=provider, **facts)


def _liken(connection: Connection, name: str, like: Likeness, listener: Listener) -> None:
    database = sql.Identifier(name)
    schemas: sql.Composable | bytes = sql.Literal("")
    if like.tenant is not None:  # whose schema goes in front, and a function may keep all of it
        schemas = like.written.encode() or schemas
    elif like.path:
        schemas = sql.SQL(", ").join(map(sql.Identifier, like.path))
    wire.ask(connection, "scratch_path", database=database, schemas=schemas)
    for setting, value in like.settings:
        named = sql.Identifier(*setting.split("."))
        try:
            wire.ask(connection, "scratch_setting", database=database, setting=named, value=value)
        except DatabaseFailed as exc:
            listener(Warned(f"the scratch database is without the setting {setting}: {exc}"))


@contextmanager
def _embedded(
    settings: Settings, like: Likeness, listener: Listener, wanted: Collection[str], reason: str = ""
) -> Iterator[Settings]:
    from sqlrail.server import local

    with ExitStack() as undo:
        try:
            server = undo.enter_context(local.borrowed(settings.home, listener=listener))
        except (MissingPrerequisite, LocalServerFailed) as exc:
            raise NoScratch(f"{reason}The embedded server cannot stand in: {exc}") from exc
        # PGHOSTADDR would lead elsewhere, whatever the host is.
        ours = replace(settings, database_url=make_conninfo(server.url, hostaddr=""), password_command=None)
        with roles.made(ours, wanted), _database(ours, like, listener) as there:
            yield there


def _drop(settings: Settings, name: str, listener: Listener) -> None:
    try:
        try:
            _drop_now(settings, name)
        except Interrupted:  # which comes once
            _drop_now(settings, name)
            raise
    except (ConnectionFailed, DatabaseFailed) as exc:
        listener(LeftBehind(name, str(exc)))


def _drop_now(settings: Settings, name: str) -> None:
    with _administering(settings) as connection:
        drop(connection, name)


@contextmanager
def _administering(settings: Settings) -> Iterator[Connection]:
    """A connection that makes and drops databases, whatever defaults the role and the database have for others."""
    with closing(connect(settings)) as connection:
        defaults = wire.ask(connection, "own_defaults")
        if not defaults:
            yield connection
            return
        # Not by SET: behind a pooler that would reach the application.
        given = next(it.val or b"" for it in connection.pgconn.info if it.keyword == b"options").decode()
    options = " ".join([given, *(f"-c {name}={value}" for name, value in defaults)])
    with closing(connect(settings, options)) as connection:
        yield connection


def drop(connection: Connection, name: str) -> None:
    """Drops a database of ours with all who are in it; DatabaseFailed, after PATIENCE seconds too."""
    # Some extensions' processes never answer the server, which waits for them.
    alarm = Timer(PATIENCE, connection.cancel)
    alarm.start()
    try:
        wire.command(connection, "drop_scratch", database=sql.Identifier(name))
    finally:
        alarm.cancel()


def marked(settings: Settings, name: str) -> Settings:
    """Settings that lead to a database of ours, each connection of which has to find the mark in it."""
    url = make_conninfo(settings.database_url or "", dbname=name)
    return replace(settings, database_url=url, mark=Mark(name, secrets.token_hex(16)))


def mark(connection: Connection, there: Settings) -> None:
    """Writes the mark, by the connection that has made the database."""
    assert there.mark
    wire.ask(
        connection, "mark_database", database=sql.Identifier(there.mark.database), token=there.mark.token
    )


def _drop_leftovers(connection: Connection) -> None:
    for (name,) in wire.ask(connection, "scratch_leftovers", grace=GRACE):
        with suppress(DatabaseFailed):  # somebody else was quicker, or is in it
            wire.command(connection, "drop_unused", database=sql.Identifier(name))
