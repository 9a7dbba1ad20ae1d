"""Extensions that files make, where a scratch database cannot have some of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from psycopg import sql

from sqlrail.errors import DatabaseFailed
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection

_NAME = rb'(?:"([^"]+)"|([a-z_][\w$]*))'
_MADE = re.compile(rb"(?i)\bCREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?" + _NAME)
_ABOUT = re.compile(
    rb"(?i)(?:(?:CREATE|ALTER|DROP)|COMMENT\s+ON)\s+EXTENSION\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?" + _NAME
)
#: statements that leave nothing of the schema behind
_USES = ("SELECT", "INSERT", "UPDATE", "DELETE", "CALL", "GRANT", "REVOKE")


def made_by(texts: Iterable[bytes]) -> set[str]:
    """The extensions that some statements make."""
    return {_name(match) for text in texts for match in _MADE.finditer(text)}


def _name(match: re.Match[bytes]) -> str:
    return match[1].decode(errors="replace") if match[1] else match[2].decode(errors="replace").lower()


def unmakable(connection: Connection, names: Collection[str]) -> set[str]:
    """Those that cannot be made in the database of the connection, in which the others are made."""
    return {name for name in sorted(names) if not _is_made(connection, name)}


def _is_made(connection: Connection, name: str) -> bool:
    try:
        wire.command(connection, "extension_try", extension=sql.Identifier(name))
    except DatabaseFailed:
        return False
    return True


def schemas_of(connection: Connection, names: Collection[str]) -> set[str]:
    """The schemas that they have made for themselves."""
    return {name for (name,) in wire.ask(connection, "extension_schemas", names=sorted(names))}


def offered(connection: Connection, names: Collection[str]) -> set[str]:
    """Those that the server could make."""
    return {name for (name,) in wire.ask(connection, "extensions_offered", names=sorted(names))}


def is_about(words: tuple[str, ...], text: bytes, names: Collection[str], schemas: Collection[str]) -> bool:
    """Whether a statement is about one of these extensions, or only uses what lies in one of their schemas."""
    if match := _ABOUT.match(text):
        return _name(match) in names
    return words[:1] in [(word,) for word in _USES] and any(
        re.search(rb'(?i)(?<![\w$."])"?' + re.escape(schema.encode()) + rb'"?\s*\.', text)
        for schema in schemas
    )
