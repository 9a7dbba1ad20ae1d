"""What a scratch database takes from the real one, because files need it and no file makes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from typing import NamedTuple, TypeVar

from psycopg import errors as pg
from psycopg import sql

from sqlrail.errors import (
    DatabaseFailed,
    MigrationFailed,
)
from sqlrail.files.file import File
from sqlrail.files.statements import BLOCK
from sqlrail.ground.events import Listener, Noted, Warned, nobody
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import printable
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection, connect
from sqlrail.scratch import extensions
from sqlrail.scratch.scratch import scratch

#: what a file fails with that needs something which no file makes
LACKING = (pg.InvalidSchemaName, pg.UndefinedObject, pg.UndefinedFunction, pg.UndefinedTable)
NONE = "no extension"

Value = TypeVar("Value")


class Provided(NamedTuple):
    """A schema or an extension that was in the real database before the first file."""

    kind: str  # NONE: an extension that the scratch database cannot have
    name: str
    schema: str | None  # of an extension


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


def of_database(settings: Settings) -> list[Provided]:
    """The schemas and extensions of the real database."""
    with closing(connect(settings)) as connection:
        return [Provided(*row) for row in wire.ask(connection, "provided")]


def _provided(settings: Settings, files: Mapping[str, File]) -> tuple[Provided, ...]:
    """The schemas and extensions of the real database that no file says it makes."""
    found = of_database(settings)
    if settings.tenant is not None:  # of many schemas those that files name
        said = [text.lower() for text in texts(files)]
        found = [it for it in found if it.kind != "schema" or any(_names(text, it) for text in said)]
    return unmade(found, files)


def _names(text: bytes, one: Provided) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(one.name.lower())}(?!\w)".encode(), text))


def unmade(found: Sequence[Provided], files: Mapping[str, File]) -> tuple[Provided, ...]:
    """Those of them that no file says it makes."""
    known = [text.lower() for text in texts(files)] if found else []
    return tuple(it for it in found if not any(_makes(text, it) for text in known))


def texts(files: Mapping[str, File]) -> list[bytes]:
    """What files say; those of more than a block are data. What was kept of a rollback is no file, and small."""
    return [file.content() for file in files.values() if not file.state or file.state[1] <= BLOCK]


def _makes(text: bytes, one: Provided) -> bool:
    words = rf"create\s+{one.kind}\s+(?:if\s+not\s+exists\s+)?\"?{re.escape(one.name.lower())}\b"
    return bool(re.search(words.encode(), text))


def provide(connection: Connection, provided: Sequence[Provided], listener: Listener) -> None:
    """Makes these in a scratch database; says which it cannot have."""
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
