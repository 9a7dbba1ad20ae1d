"""What many schemas of one database have recorded, read for all of them together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from psycopg import sql

from sqlrail.errors import DatabaseFailed

#: schemas whose records are read by one statement: planning one of all takes longer than many of some
CHUNK = 50


class Asking(Protocol):
    """A session outside a transaction, and the texts of its statements."""

    def look_up(self, name: str, **parts: Any) -> list[tuple[Any, ...]]:
        """The rows of <name>.sql."""

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


#: id, hash and checksum of each record, by hash: whoever has the same has run the same
Recorded = tuple[tuple[str, str, str | None], ...]
Rows = list[tuple[Any, ...]]


def recorded(
    asking: Asking, schemas: Sequence[str], records: str, log: str, limit: bytes
) -> Iterator[tuple[str, Recorded]]:
    """Of each schema what it has recorded; what cannot be read at this moment is left out.

    records, log: the names of yoyo's tables; limit: goes in front of each statement.
    """
    parts = {"its_records": records, "its_log": log}
    for some, rows in _each(asking, "_tenant_recorded", schemas, parts, limit):
        yield from ((some[number], its) for number, its in _put_together(rows, len(some)))


def versions(
    asking: Asking, schemas: Sequence[str], table: str, limit: bytes
) -> Iterator[tuple[str, int | None]]:
    """Of each schema which form yoyo's tables have, as for recorded()."""
    for some, rows in _each(asking, "_tenant_version", schemas, {"its_versions": table}, limit):
        yield from ((some[number], version) for number, version in rows)


def _each(
    asking: Asking, name: str, schemas: Sequence[str], parts: Mapping[str, str], limit: bytes
) -> Iterator[tuple[Sequence[str], Rows]]:
    """The rows of many queries, CHUNK schemas a statement; where one is in the way of others, of each by itself."""

    def ask(some: Sequence[str]) -> Rows:
        each = [
            asking.message(
                name, number=number, **{part: sql.Identifier(schema, table) for part, table in parts.items()}
            )
            for number, schema in enumerate(some)
        ]
        return asking.look_up("tenants_recorded", limit=limit, each=b"UNION ALL\n".join(each))

    for start in range(0, len(schemas), CHUNK):
        some = schemas[start : start + CHUNK]
        try:
            yield some, ask(some)
        except DatabaseFailed:
            for one in some:
                with suppress(DatabaseFailed):
                    yield [one], ask([one])


def _put_together(rows: Iterable[tuple[Any, ...]], many: int) -> Iterator[tuple[int, Recorded]]:
    """As records.sql would: each record with the checksum that its latest log entry holds.

    Where a record has no id the schema is left out.
    """
    ids: list[dict[str, str]] = [{} for _ in range(many)]
    logged: list[dict[str, tuple[float, str | None]]] = [{} for _ in range(many)]
    for number, kind, what, of, at in rows:
        if kind == "record":
            ids[number][what] = of
        else:
            at = math.inf if at is None else at
            if at >= logged[number].get(what, (-math.inf, None))[0]:
                logged[number][what] = at, of
    for number in range(many):
        if None not in ids[number].values():
            told = {hash_: comment for hash_, (_, comment) in logged[number].items()}
            each = ((id_, hash_, _checksum(told.get(hash_))) for hash_, id_ in sorted(ids[number].items()))
            yield number, tuple(each)


def _checksum(comment: str | None) -> str | None:
    return comment if comment and comment.startswith("sha256:") else None
