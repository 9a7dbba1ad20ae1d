"""Asks a database for its catalog: all of it, the digests of it, or what is around some objects."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from functools import partial
from hashlib import sha256
from typing import Any

import psycopg
from psycopg.types.string import TextLoader

from sqlrail.errors import SqlrailError
from sqlrail.ground.names import unqualified
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import milliseconds
from sqlrail.postgres import streams, wire
from sqlrail.postgres.connect import Connection
from sqlrail.postgres.diagnostics import failure
from sqlrail.schema.kinds import OBJECTS, PARTS
from sqlrail.schema.objects import Catalog, Digests, Object, Whole
from sqlrail.schema.placing import KIND as PLACE
from sqlrail.schema.reader import Reader

#: sql/schema/_catalog_<part>.sql that are parts of the queries
SHARED = ("options", "enabled", "first", "numbers", "placed", "members", "sharded")


def read(
    connection: Connection,
    settings: Settings,
    like: Catalog | None = None,
    only: Collection[str] | None = None,
    *,
    schemas: Collection[str] = (),
    making: bool = False,
    beside: Mapping[bytes, Callable[[Iterator[tuple[Any, ...]]], None]] | None = None,
) -> Catalog:
    """All that is in the database and neither PostgreSQL's, an extension's, yoyo's nor sqlrail's. Reads only.

    What is the same in `like` is kept once for both. With `only`, nothing but the wholes of these names; with
    `schemas`, what lies in these, or in none. With `making`, what is needed to make it all where nothing is, and no
    privileges. beside: other queries of the same snapshot, each with what takes in its rows.
    """
    parts = _messages(connection, of_tenant=settings.tenant is not None)
    if schemas:
        parts |= {part: _in(connection, parts[part], schemas) for part in OBJECTS}
    if only is not None:
        names = sorted(only)
        chosen = {
            part: wire.message(connection, "_catalog_only", part=parts[part], only=names) for part in OBJECTS
        }
        parts |= chosen
    begin = _begin(connection, settings)
    connection.adapters.register_loader("json", TextLoader)  # for Facts
    reader = Reader(connection.info.server_version, like, making)
    takers = {parts[part]: partial(reader.take, part) for part in PARTS} | {**(beside or {})}
    queries = b";\n".join(takers)
    text = wire.message(connection, "catalog", begin=begin, queries=queries)
    try:
        with closing(streams.stream(connection, text)) as results:
            for take, rows in zip(takers.values(), results, strict=True):
                take(rows)
    except psycopg.Error as exc:
        raise _failure(connection, exc) from exc
    return reader.catalog


def digests(
    settings: Settings, *connections: Connection, privileges: bool, schemas: Collection[str] = ()
) -> list[Digests]:
    """Those of databases, which all work at them at the same time; with `schemas`, of these alone. Reads only."""
    needed = "comments", "privileges"
    asked = {
        connection: _comparing(
            connection,
            settings,
            "catalog_digest",
            needed,
            schemas,
            with_privileges=privileges,
            said=wire.message(connection, "_digest_said"),
        )
        for connection in connections
    }
    return [_digests(answer) for answer in _all_at_once(asked)]


def alike(
    connection: Connection, settings: Settings, schemas: Collection[str], *, privileges: bool
) -> dict[str, str]:
    """A text for each of some schemas that is the same for those whose objects are the same. Reads only.

    Two that have different ones may be the same all the same: a name that stands elsewhere counts as a difference.
    """
    said = wire.message(connection, "_digest_said")
    neutral = wire.message(connection, "_digest_neutral", said=said)
    text = _comparing(
        connection, settings, "catalog_digest", ("comments", "privileges"), schemas,
        group=b"names", with_privileges=privileges, said=neutral,
    )  # fmt: skip
    (answer,) = _all_at_once({connection: text})
    found: dict[str, list[str]] = {}
    for whole, digest in _digests(answer).wholes.items():
        if whole.schema is not None:
            name = unqualified(f"{whole.name}.", whole.schema)  # with a dot, for the schema has none
            found.setdefault(whole.schema, []).append(f"{name} {digest}")
    return {schema: sha256("\n".join(sorted(its)).encode()).hexdigest() for schema, its in found.items()}


def around(settings: Settings, objects: Mapping[Connection, Collection[Object]]) -> set[str]:
    """The names of the wholes of each database's objects, of what depends on these, and of what either need.

    What the statements about these objects follow from is all in them. Reads only.
    """
    needed = "types", "depends"
    asked = {
        connection: _comparing(
            connection, settings, "catalog_around", needed, addresses=[_around(found) for found in its]
        )
        for connection, its in objects.items()
    }
    return {name for answer in _all_at_once(asked) for (name,) in answer.tables[-2]}


def _around(found: Object) -> str:
    """By what address others lead to it; where a table lies is a matter of the table."""
    return found.belongs_to if found.kind == PLACE else found.address


def _all_at_once(asked: Mapping[Connection, bytes]) -> list[wire.Answer]:
    """The answers to messages, at which all servers work at the same time."""
    left = list(asked)
    answers = {connection: wire.Answer() for connection in left}

    def ask() -> None:
        if left:
            connection = left.pop()
            wire.send(connection, asked[connection], answers[connection], meanwhile=ask)

    ask()
    for connection, answer in answers.items():
        if answer.error is not None:
            raise _failure(connection, answer.error)
    return list(answers.values())


def _comparing(
    connection: Connection,
    settings: Settings,
    name: str,
    needed: tuple[str, ...],
    schemas: Collection[str] = (),
    group: bytes = b"digest",
    **more: Any,
) -> bytes:
    """A question about the values of all objects, or of those of some schemas.

    needed: the parts that it has besides; group: by what of _catalog_members.sql groups of tables are known.
    """
    parts = _messages(connection, group, told=False, of_tenant=settings.tenant is not None)
    more |= {part: parts[part] for part in needed}
    begin, objects = _begin(connection, settings), _every_object(parts)
    if schemas:
        objects = _in(connection, objects, schemas)
    return wire.message(connection, name, begin=begin, objects=objects, **more)


def _in(connection: Connection, part: bytes, schemas: Collection[str]) -> bytes:
    """What of a part lies in these schemas."""
    return wire.message(connection, "_catalog_in", part=part, schemas=sorted(schemas))


def _every_object(parts: Mapping[str, bytes]) -> bytes:
    return b"\nUNION ALL\n".join(parts[part] for part in OBJECTS)


def _digests(answer: wire.Answer) -> Digests:
    """Without those of the parts of tables that are left out: yoyo's, an extension's."""
    rows = answer.tables[-2]
    homes = {whole for _, _, whole, has_parts, _, _ in rows if has_parts}
    return Digests(
        frozenset(schema for schema, *_, is_schema, _ in rows if is_schema),
        {
            Whole(schema, within, whole): digest
            for schema, within, whole, _, _, digest in rows
            if within is None or whole in homes
        },
    )


def _messages(
    connection: Connection, group: bytes = b"digest", *, told: bool = True, of_tenant: bool = False
) -> dict[str, bytes]:
    """The query of each part; what it says of a fact but its value is a comment where nobody wants to be told."""
    shared = {"so": b"", "end": b""} if told else {"so": b"/*", "end": b"*/"}
    shared |= {
        "group": group,
        "ours": wire.message(connection, "_catalog_ours"),
        "bookkeeping": wire.message(connection, "_bookkeeping"),
        "is_tenant": b"true" if of_tenant else b"false",
    }
    for part in SHARED:
        shared[part] = wire.message(connection, f"_catalog_{part}", **shared)
    return {part: wire.message(connection, f"_catalog_{part}", **shared) for part in PARTS}


def _begin(connection: Connection, settings: Settings) -> bytes:
    exact = wire.message(connection, "archive_format")  # or a default would be spelt as the role likes it
    limits = look_limits(connection, settings)
    return wire.message(connection, "catalog_begin", format=exact, limits=limits)


def _failure(connection: Connection, error: psycopg.Error) -> SqlrailError:
    if not connection.closed:
        connection.rollback()
    return failure(connection, "the catalog cannot be read", "the catalog was being read", error)


def look_limits(connection: Connection, settings: Settings) -> bytes:
    """What goes behind the BEGIN of a transaction that only looks."""
    text = wire.message(connection, "look_limits", lock_timeout=milliseconds(settings.lock_timeout))
    is_17 = connection.info.server_version >= 170000
    return text + (wire.message(connection, "limits_17", transaction_timeout=0) if is_17 else b"")
