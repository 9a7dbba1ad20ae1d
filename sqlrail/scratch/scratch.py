"""A scratch database: made to look at what files build, and dropped afterwards whatever happens.

On the server that --scratch names; else on the same one where the role may create databases, otherwise on the embedded
one.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from threading import Timer
from typing import NamedTuple, TypeVar

from psycopg import errors as pg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from yoyo.migrations import MigrationList

from sqlrail.engine.backend import Backend
from sqlrail.engine.operation import Apply
from sqlrail.engine.store import Store
from sqlrail.errors import (
    ConnectionFailed,
    DatabaseFailed,
    Interrupted,
    LocalServerFailed,
    MigrationFailed,
    MissingPrerequisite,
    Refused,
    WrongDatabase,
)
from sqlrail.files.file import File, check_files
from sqlrail.files.statements import BLOCK
from sqlrail.ground.events import LeftBehind, Listener, Noted, Said, Warned, nobody
from sqlrail.ground.settings import EMBEDDED, Mark, Settings
from sqlrail.ground.words import printable
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection, connect, target
from sqlrail.scratch import extensions, roles

#: what a file fails with that needs something which no file makes
LACKING = (pg.InvalidSchemaName, pg.UndefinedObject, pg.UndefinedFunction, pg.UndefinedTable)
#: seconds that dropping one may take
PATIENCE = 30.0
#: seconds after which one that nobody is connected to is a leftover: its maker connects as soon as it is made
GRACE = 300
NONE = "no extension"
#: places that are named where there are many
SHOWN = 5
#: what belongs to the whole server, by the word that names it behind CREATE, ALTER, DROP and COMMENT ON
SHARED = ("DATABASE", "GROUP", "ROLE", "SUBSCRIPTION", "SYSTEM", "TABLESPACE", "USER")
_MAY_BE_SHARED = rb"(?i)\b(?:" + "|".join((*SHARED, "GRANT", "OWNED", "REVOKE")).encode() + rb")\b"
#: privileges on what a database has; those of roles, which have no ON, are the server's
_OWN_PRIVILEGES = rb"(?i)\bON\s+(?!(?:DATABASE|PARAMETER|TABLESPACE)\b)"


class NoScratch(Refused):
    """No scratch database can be made."""


class Provided(NamedTuple):
    """A schema or an extension that was in the real database before the first file."""

    kind: str  # NONE: an extension that the scratch database cannot have
    name: str
    schema: str | None  # of an extension


class Missing(NamedTuple):
    """What files name and a scratch database cannot have: roles of its server, extensions with their schemas."""

    roles: Collection[str] = ()
    extensions: Collection[str] = ()
    schemas: Collection[str] = ()

    def is_what(self, words: tuple[str, ...], text: bytes) -> bool:
        """Whether a statement is about some of that, and makes nothing else."""
        return bool(self.roles and roles.is_about(words, text, self.roles)) or bool(
            self.extensions and extensions.is_about(words, text, self.extensions, self.schemas)
        )


class Build(Apply):
    """Applies files to a scratch database, and refuses to keep what they change for the whole server."""

    def guard(self, store: Store) -> bytes:
        return store.message("scratch_guard", shared=store.message("_shared"))


class Built(NamedTuple):
    """A scratch database on which files have run, and what it cannot have."""

    backend: Backend
    missing: Missing

    @property
    def connection(self) -> Connection:
        return self.backend.connection


Value = TypeVar("Value")


@contextmanager
def built(
    settings: Settings,
    listener: Listener,
    files: Mapping[str, File],
    migrations: MigrationList,
    provided: Sequence[Provided] = (),
) -> Iterator[Built]:
    """A scratch database on which these have run; `files` has more where it is to go on.

    Raises NoScratch, and what a migrate raises.
    """
    ids = [migration.id for migration in (*migrations, *migrations.post_apply)]
    check_files(files[id_] for id_ in ids)
    said = texts(files)
    new = roles.made_by(said)
    wanted = _roles_among(settings, roles.named(said))
    with scratch(settings, listener, wanted) as there:
        found = _roles_among(there, wanted | new)
        if provided:
            with closing(connect(there)) as connection:
                _provide(connection, provided, listener)
        without = {it.name: it.schema for it in provided if it.kind == NONE}
        missing = Missing(wanted - found, without, set(filter(None, without.values())))
        own = {id_: confined(files[id_], missing._replace(roles=(wanted | new) - found)) for id_ in ids}
        if places := [place for one in own.values() for place in one.passed_over]:
            _say_passed_over(places, listener)
        to_run = {id_: own[id_].file if id_ in own else file for id_, file in files.items()}
        with Backend(there, nobody, to_run) as backend:
            backend.prepare()
            runner = backend.runner(Build(migrations))
            runner.apply(migrations)
            if migrations:
                runner.run_post_apply(migrations)
            yield Built(backend, missing)


def _roles_among(settings: Settings, names: Collection[str]) -> set[str]:
    if not names:
        return set()
    with closing(connect(settings)) as connection:
        return roles.there(connection, names)


def with_what_is_lacking(
    settings: Settings,
    listener: Listener,
    files: Mapping[str, File],
    build: Callable[[Sequence[Provided]], Value],
    pending: Collection[str] = (),
) -> Value:
    """What build makes; where a file lacks something, once more with what no file makes of the real database.

    pending: ids of files that a migrate would run: an extension of theirs that the real server lacks fails here too.
    """
    try:
        return build(())
    except MigrationFailed as exc:
        provided = _provided(settings, files) if _lacks(exc) else ()
        without = _unmakable(settings, files, pending)
        if not provided and not without:
            raise
        if provided:
            names = printable(", ".join(f"{it.kind} {it.name}" for it in provided))
            listener(
                Noted(f"files lack something, so what no file makes is taken from the database: {names}")
            )
        if without:
            names = printable(", ".join(it.name for it in without))
            listener(
                Noted(f"extensions that a scratch database cannot have, and which are not compared: {names}")
            )
        return build((*provided, *without))


def _unmakable(settings: Settings, files: Mapping[str, File], pending: Collection[str]) -> list[Provided]:
    """The extensions that files make, and that cannot be made in a scratch database."""
    names = extensions.made_by(texts(files))
    if not names:
        return []
    with scratch(settings, nobody) as there, closing(connect(there)) as connection:
        names = extensions.unmakable(connection, names)
    needed = names & extensions.made_by(texts({id_: files[id_] for id_ in pending}))
    with closing(connect(settings)) as connection:
        names -= needed - extensions.offered(connection, needed)
        return [
            Provided(NONE, name, next(iter(extensions.schemas_of(connection, [name])), None))
            for name in sorted(names)
        ]


def _lacks(error: BaseException | None) -> bool:
    return error is not None and (isinstance(error, LACKING) or _lacks(error.__cause__))


def _provided(settings: Settings, files: Mapping[str, File]) -> tuple[Provided, ...]:
    """The schemas and extensions of the real database that no file says it makes."""
    with closing(connect(settings)) as connection:
        return unmade([Provided(*row) for row in wire.ask(connection, "provided")], files)


def unmade(found: Sequence[Provided], files: Mapping[str, File]) -> tuple[Provided, ...]:
    """Those of them that no file says it makes."""
    known = [text.lower() for text in texts(files)] if found else []
    return tuple(it for it in found if not any(_makes(text, it) for text in known))


def texts(files: Mapping[str, File]) -> list[bytes]:
    """What files say; those of more than a block are data."""
    return [file.content() for file in files.values() if file.state[1] <= BLOCK]


def _makes(text: bytes, one: Provided) -> bool:
    words = rf"create\s+{one.kind}\s+(?:if\s+not\s+exists\s+)?\"?{re.escape(one.name.lower())}\b"
    return bool(re.search(words.encode(), text))


def _provide(connection: Connection, provided: Sequence[Provided], listener: Listener) -> None:
    for one in provided:
        if one.kind == NONE:
            continue
        name = sql.Identifier(one.name)
        try:
            if one.kind == "schema":
                wire.ask(connection, "scratch_schema", schema=name)
            else:
                wire.ask(
                    connection,
                    "scratch_extension",
                    extension=name,
                    schema=sql.Identifier(one.schema or "public"),
                )
        except DatabaseFailed as exc:
            listener(Warned(f"the scratch database is without the {one.kind} {printable(one.name)}: {exc}"))


def _say_passed_over(places: Sequence[str], listener: Listener) -> None:
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    listener(
        Noted(
            "a role or an extension is missing where the scratch database lies, so that is passed over: "
            f"{', '.join(places[:SHOWN])}{more}"
        )
    )


class Confined(NamedTuple):
    """A file as it is built, and the places of what is passed over because of a role."""

    file: File
    passed_over: tuple[str, ...] = ()


def confined(file: File, missing: Missing) -> Confined:
    """The file with blanks in place of each statement that is about the whole server, where it was run already.

    So with what is about roles and extensions that are missing. One of more than a block is left as it is: what is that
    large are data.
    """
    content = file.content() if file.state[1] <= BLOCK else b""
    if not (re.search(_MAY_BE_SHARED, content) or any(missing)):
        return Confined(file)
    text, is_left, passed_over = bytearray(content), False, list[str]()
    for piece in file.pieces(1):
        for statement in piece.statements:
            start, end = piece.offset + statement.start, piece.offset + statement.end
            its = piece.text[statement.start : statement.end]
            if is_shared(statement.words, its):
                text[start:end] = re.sub(rb"[^\n]", b" ", its)
            elif missing.is_what(statement.words, its):
                text[start:end] = roles.without(statement.words, its)
                passed_over.append(file.at(*piece.place(statement.start)))
            is_left = is_left or bool(text[start:end].strip())
        for _ in piece.data or ():
            pass
    # Behind all else, for places in it to stay as they are: a file has to hold a statement.
    own = replace(file, small=bytes(text) + (b"" if is_left else b"\nSELECT;"))
    return Confined(own, tuple(passed_over))


def is_shared(words: tuple[str, ...], text: bytes) -> bool:
    """Whether a statement is about what the whole server has: roles, databases and the like."""
    match words:
        case ("CREATE" | "ALTER" | "DROP", "USER", "MAPPING", *_):
            return False
        case ("CREATE" | "ALTER" | "DROP", what, *_) | ("COMMENT", "ON", what, *_):
            return what in SHARED
        case ("REASSIGN" | "DROP", "OWNED", *_):
            return True
        case ("GRANT" | "REVOKE", *_):
            return not re.search(_OWN_PRIVILEGES, text)
    return False


class Likeness(NamedTuple):
    """What a scratch database has like the real one."""

    path: list[str]
    schemas: list[str]
    settings: list[tuple[str, str]]


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
    with closing(connect(settings, listener=listener)) as connection:
        like = Likeness(*wire.ask(connection, "likeness")[0])
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
            for schema in like.schemas:
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
    schemas = sql.SQL(", ").join(map(sql.Identifier, like.path)) if like.path else sql.Literal("")
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
        ours = replace(settings, database_url=make_conninfo(server.url, hostaddr=""))
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
            wire.command(connection, "drop_leftover", database=sql.Identifier(name))
