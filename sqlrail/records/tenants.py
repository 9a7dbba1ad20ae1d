"""What many schemas of one database have recorded, read for all of them together."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from psycopg import sql

from sqlrail.errors import DatabaseFailed

#: schemas whose records are read by one message
CHUNK = 100
#: what files call the tables that they copy
PARTS = ("first", "second")
#: how a COPY spells null, and what has a letter of its own there
NULL, ESCAPED = "\\N", {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class Asking(Protocol):
    """A session outside a transaction, and the texts of its statements."""

    def look_up(self, name: str, **parts: Any) -> list[tuple[Any, ...]]:
        """The rows of <name>.sql."""

    def copy_out(self, name: str, **parts: Any) -> list[bytes]:
        """The data of each COPY in <name>.sql."""

    def message(self, name: str, **parts: Any) -> bytes:
        """The text of <name>.sql."""


class Tables(NamedTuple):
    """Which of yoyo's tables are in a schema."""

    is_there: bool  # the schema, and the role may use it
    tables: frozenset[str]
    readable: frozenset[str]


def tables(asking: Asking, schemas: Sequence[str], names: Sequence[str]) -> dict[str, Tables]:
    """What there is in each schema of tables of these names."""
    rows = asking.look_up("tenants", tables=list(names), names=list(schemas))
    return {name: Tables(bool(there), frozenset(all_), frozenset(may)) for name, there, all_, may in rows}


class Recorded(NamedTuple):
    """Whoever has the same has run the same."""

    records: tuple[tuple[str, str, str | None], ...]  # id, hash and checksum of each, by hash
    behind: tuple[tuple[str, str | None], ...]  # hash and checksum of the files that were run behind them


def recorded(
    asking: Asking, schemas: Sequence[str], records: str, log: str, limit: bytes, behind: Collection[str] = ()
) -> Iterator[tuple[str, Recorded]]:
    """Of each schema what it has recorded; what cannot be read at this moment is left out, and so is a record's schema
    that has no id.

    records, log: the names of yoyo's tables; limit: goes in front of the statements; behind: hashes of files that leave
    no record.
    """
    read = _Reader(behind)
    for schema, copies in _each(asking, "_tenant_recorded", schemas, (records, log), limit):
        if (its := read(*copies)) is not None:
            yield schema, its


def versions(
    asking: Asking, schemas: Sequence[str], table: str, limit: bytes
) -> Iterator[tuple[str, int | None]]:
    """Of each schema which form yoyo's tables have, as for recorded()."""
    for schema, (copy,) in _each(asking, "_tenant_version", schemas, (table,), limit):
        found = [int(cell) for (cell,) in map(_cells, copy.splitlines()) if cell is not None]
        yield schema, max(found, default=None)


def _each(
    asking: Asking, name: str, schemas: Sequence[str], tables: Sequence[str], limit: bytes
) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    """The data of those tables of each schema, CHUNK schemas a message; of each alone where one is in others' way.

    name: of the file that copies the tables of one, which it calls first and second.
    """

    def of_schema(schema: str) -> bytes:
        own = sql.Identifier(schema).as_bytes()
        return asking.message(name, **{part: b"%s.%s" % (own, table) for part, table in quoted.items()})

    def ask(some: Sequence[str]) -> Iterator[tuple[str, tuple[bytes, ...]]]:
        copies = iter(
            asking.copy_out("tenants_recorded", limit=limit, each=b";\n".join(map(of_schema, some)))
        )
        return zip(some, zip(*[copies] * len(tables), strict=True), strict=True)

    quoted = {part: sql.Identifier(table).as_bytes() for part, table in zip(PARTS, tables, strict=False)}

    for start in range(0, len(schemas), CHUNK):
        some = schemas[start : start + CHUNK]
        try:
            yield from ask(some)
        except DatabaseFailed:
            for one in some:
                with suppress(DatabaseFailed):
                    yield from ask([one])


class _Reader:
    """Puts records and log entries together, as records.sql would: each record with what its latest entry holds.

    Most schemas have the same lines, but for the times: these are taken apart once.
    """

    def __init__(self, behind: Collection[str]) -> None:
        self._behind = behind
        self._known: dict[tuple[bytes, bytes], Recorded | None] = {}

    def __call__(self, records: bytes, log: bytes) -> Recorded | None:
        """None where a record has no id."""
        entries = log.split(b"\n")
        key = records, b"\n".join([entry.rpartition(b"\t")[0] for entry in entries])
        if key in self._known:
            return self._known[key]
        found = _put_together(records, log, self._behind)
        if len({entry.partition(b"\t")[0] for entry in entries}) == len(entries):  # else the times count
            self._known[key] = found
        return found


def _put_together(records: bytes, log: bytes, behind: Collection[str]) -> Recorded | None:
    ids = {cells[0]: cells[1] for cells in map(_cells, records.splitlines())}
    if None in ids.values():
        return None
    entries = [(at is None, at or "", hash_, comment) for hash_, comment, at in map(_cells, log.splitlines())]
    # A time that is null comes last, as in records.sql.
    told = {hash_: comment for *_, hash_, comment in sorted(entries, key=itemgetter(0, 1))}
    return Recorded(
        tuple((str(id_), str(hash_), _checksum(told.get(hash_))) for hash_, id_ in sorted(ids.items())),
        tuple((hash_, _checksum(told.get(hash_))) for hash_ in sorted(behind)),
    )


def _checksum(comment: str | None) -> str | None:
    return comment if comment and comment.startswith("sha256:") else None


def _cells(line: bytes) -> list[str | None]:
    """Those of a line of a COPY, which has no other line end in it."""
    cells = line.decode().split("\t")
    if b"\\" not in line:
        return [*cells]
    return [None if cell == NULL else re.sub(r"\\(.)", _unescaped, cell) for cell in cells]


def _unescaped(match: re.Match[str]) -> str:
    return ESCAPED.get(match[1], match[1])
