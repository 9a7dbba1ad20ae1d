"""Roles that files name, where a scratch database lies on a server that lacks some of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager, suppress

from psycopg import sql

from sqlrail.errors import DatabaseFailed
from sqlrail.ground.settings import Settings
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection, connect

_NAME = rb'(?:"(?:[^"]|"")+"|[a-z_\x80-\xff][\w$\x80-\xff]*)'
_ONE = rb"(?:GROUP\s+)?" + _NAME
#: where a statement names roles; what is no role's name is found as well
_NAMED = re.compile(
    rb"(?i)\b(?:TO|FROM|ROLE|USER|GROUP|AUTHORIZATION)\s+(?:IF\s+NOT\s+EXISTS\s+)?("
    + _ONE + rb"(?:\s*,\s*" + _ONE + rb")*)"
)  # fmt: skip
_TO_WHOM = re.compile(rb"(?i)\bTO\s+" + _ONE + rb"(?:\s*,\s*" + _ONE + rb")*")
_MADE = re.compile(rb"(?i)\bCREATE\s+(?:ROLE|USER|GROUP)\s+(" + _NAME + rb")")
_MAY_NAME = re.compile(rb"(?i)\b(?:GRANT|REVOKE|OWNER|POLICY|AUTHORIZATION|ROLE|USER|GROUP|PRIVILEGES)\b")
_OWNER = re.compile(rb"(?i)\bOWNER\s+TO\b")
_ROLE_OF_SESSION = re.compile(rb"(?i)\bSET\s+(?:(?:SESSION|LOCAL)\s+)*(?:ROLE|AUTHORIZATION)\b")


def named(texts: Iterable[bytes]) -> set[str]:
    """What may be a role's name in some statements."""
    found = (match for text in texts if _MAY_NAME.search(text) for match in _NAMED.findall(text))
    return {_folded(name) for names in found for name in re.findall(rb"(?i)" + _NAME, names)}


def made_by(texts: Iterable[bytes]) -> set[str]:
    """The roles that some statements make."""
    return {_folded(name) for text in texts for name in _MADE.findall(text)}


def _folded(name: bytes) -> str:
    text = name.decode(errors="replace")
    return text[1:-1].replace('""', '"') if text.startswith('"') else text.lower()


def there(connection: Connection, names: Collection[str]) -> set[str]:
    """Those of the names that are roles where a connection leads."""
    return {name for (name,) in wire.ask(connection, "roles_named", names=sorted(names))} if names else set()


def is_about(words: tuple[str, ...], text: bytes, roles: Collection[str]) -> bool:
    """Whether a statement only says what some of these roles own, may or see, or acts as one of them."""
    match words:
        case ("GRANT" | "REVOKE", *_) | ("ALTER", "DEFAULT", *_) | ("CREATE" | "ALTER", "POLICY", *_):
            pass
        case ("ALTER", *_) if _OWNER.search(text):
            pass
        case ("SET", *_) if _ROLE_OF_SESSION.search(text):
            pass
        case _:
            return False
    return not named([text]).isdisjoint(roles)


def without(words: tuple[str, ...], text: bytes) -> bytes:
    """Blanks in a statement's place, of the same length; a policy stays, without whom it is for."""
    blanks = re.sub(rb"[^\n]", b" ", text)
    to_whom = _TO_WHOM.search(text) if "POLICY" in words[:2] else None
    if to_whom is None:
        return blanks
    start, end = to_whom.span()
    return text[:start] + blanks[start:end] + text[end:]


@contextmanager
def made(settings: Settings, names: Collection[str]) -> Iterator[None]:
    """Roles of these names on a server of ours, for as long as they are needed; those that it has stay as they are."""
    if not names:
        yield
        return
    with closing(connect(settings)) as connection:
        wire.ask(connection, "roles_share")
        try:
            for name in sorted(set(names) - there(connection, names)):
                _make(connection, name)
            yield
        finally:
            for (name,) in wire.ask(connection, "roles_left"):
                with suppress(DatabaseFailed):  # somebody has come to own something by it
                    wire.ask(connection, "roles_drop", role=sql.Identifier(name))


def _make(connection: Connection, name: str) -> None:
    try:
        wire.ask(connection, "roles_make", role=sql.Identifier(name))
    except DatabaseFailed:
        if not there(connection, [name]):  # else another run was quicker
            raise
