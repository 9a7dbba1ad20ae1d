"""What reaches out of a database: a trial would do it once more, and nothing takes it back."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from sqlrail.files import statements
from sqlrail.files.file import File
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection

#: what a statement or the body of a function says, and what it is called
_WAYS = {
    "dblink": rb"\bdblink\w*\s*\(",
    "COPY … PROGRAM": rb"\bCOPY\b[^;]*\b(?:TO|FROM)\s+PROGRAM\b",
    "COPY … TO a file of the server": rb"\bCOPY\b[^;]*\bTO\s+'",
    "a large object": rb"\blo(?:_\w+|write|read)\s*\(",
    "NOTIFY": rb"\bpg_notify\s*\(|(?:^|[;$]|\b(?:BEGIN|THEN|ELSE|LOOP|(?:AS|EXECUTE)\s+E?'))\s*NOTIFY\s+[\"\w]",
    "a foreign table": rb"\bFOREIGN\s+(?:TABLE|SCHEMA)\b",
    "a language that may do anything": rb"\bLANGUAGE\s+['\"]?(?:pl\w+u|plsh|c|internal)\b",
    "another session": rb"\bpg_(?:terminate|cancel)_backend\s*\(",
    "the server's files or settings": rb"\bpg_(?:file_\w+|reload_conf|rotate_logfile|switch_wal|promote)\s*\(",
    "a replication slot": rb"\bpg_(?:create|drop)\w*_slot\s*\(|\bpg_logical_emit_message\s*\(",
    "HTTP": rb"\bhttp_\w+\s*\(",
}
_COMPILED = {name: re.compile(rb"(?i)" + way) for name, way in _WAYS.items()}
_WORDS = re.compile(rb'"((?:[^"]|"")+)"|([A-Za-z_\x80-\xff][\w$\x80-\xff]*)')
#: statements about such a thing that use nothing of it
_HARMLESS = ("EXTENSION", "SUBSCRIPTION")


class Reached(NamedTuple):
    """What is called by a name in a database: what its text says, what it leads to, and why it may not be tried."""

    texts: tuple[bytes, ...]
    leads: frozenset[str]
    why: str | None

    def and_also(self, other: Reached) -> Reached:
        """Both that have the name."""
        return Reached(self.texts + other.texts, self.leads | other.leads, self.why or other.why)


def known(connection: Connection) -> dict[str, Reached]:
    """What a database has that statements may set off, by names without a schema."""
    found: dict[str, Reached] = {}
    for name, body, leads, why in wire.ask(connection, "trial_reach"):
        one = Reached((body.encode(),), frozenset(leads), why)
        found[name] = one.and_also(found[name]) if name in found else one
    return found


def way_out(file: File, touched: Collection[str], there: Mapping[str, Reached]) -> str | None:
    """By what a file reaches out of the database, itself or by what it may set off there; None if by nothing.

    touched: names of the tables that it is known to work on.
    """
    said = list(_texts(file))
    if way := next(filter(None, map(_written, said)), None):
        return way
    names, seen = {*touched, *_words(said)} & there.keys(), set[str]()
    while names:
        seen |= names
        reached = [there[name] for name in sorted(names)]
        for one in reached:
            if way := one.why or next(filter(None, map(_written, one.texts)), None):
                return way
        names = {word for one in reached for word in (*one.leads, *_words(one.texts))} & there.keys() - seen
    return None


def _texts(file: File) -> Iterable[bytes]:
    """Its statements without comments; what data follow one does not count."""
    for piece in file.pieces(1):
        for statement in piece.statements:
            if statement.words[1:2] and statement.words[1] in _HARMLESS:
                continue
            text = bytearray(piece.text[statement.start : statement.end])
            for at, comment in statements.all_comments(bytes(text)):
                text[at : at + len(comment)] = b" " * len(comment)
            yield bytes(text)
        for _ in piece.data or ():
            pass


def _written(text: bytes) -> str | None:
    return next((name for name, way in _COMPILED.items() if way.search(text)), None)


def _words(texts: Iterable[bytes]) -> set[str]:
    found = (match for text in texts for match in _WORDS.finditer(text))
    return {
        match[1].replace(b'""', b'"').decode(errors="replace")
        if match[1]
        else match[2].decode(errors="replace").lower()
        for match in found
    }
