"""What many schemas of one database have recorded, read for all of them together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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


class Recorded(NamedTuple):
    """What one schema has recorded: whoever has the same has run the same."""

    version: int | None  # of yoyo's tables
    records: tuple[tuple[str, str, str | None], ...]  # id, hash and checksum of each, by hash


def recorded(
    asking: Asking, schemas: Sequence[str], names: Mapping[str, str], limit: bytes
) -> Iterator[tuple[str, Recorded]]:
    """Of each schema what it has recorded; what cannot be read at this moment is left out.

    names: of yoyo's tables by the parts of _tenant_recorded.sql; limit: goes in front of each statement.
    """

    def ask(some: Sequence[str]) -> list[tuple[str, Recorded]]:
        each = [
            asking.message(
                "_tenant_recorded",
                number=number,
                **{part: sql.Identifier(schema, name) for part, name in names.items()},
            )
            for number, schema in enumerate(some)
        ]
        rows = asking.look_up("tenants_recorded", limit=limit, each=b"UNION ALL\n".join(each))
        return [(some[number], its) for number, its in _put_together(rows, len(some))]

    for start in range(0, len(schemas), CHUNK):
        yield from _each(ask, schemas[start : start + CHUNK])


def _each(
    ask: Callable[[Sequence[str]], list[tuple[str, Recorded]]], some: Sequence[str]
) -> Iterator[tuple[str, Recorded]]:
    """The answers about all of them, or where one is in the way of the others, about each that can be read."""
    try:
        yield from ask(some)
    except DatabaseFailed:
        if some[1:]:
            for one in some:
                yield from _each(ask, [one])


def _put_together(rows: Iterable[tuple[Any, ...]], many: int) -> Iterator[tuple[int, Recorded]]:
    """As records.sql would: each record with the checksum that its latest log entry holds.

    Where a record has no id the schema is left out.
    """
    versions: list[int | None] = [None] * many
    ids: list[dict[str, str]] = [{} for _ in range(many)]
    logged: list[dict[str, tuple[float, str | None]]] = [{} for _ in range(many)]
    for number, kind, what, of, at in rows:
        if kind == "record":
            ids[number][what] = of
        elif kind == "log":
            at = math.inf if at is None else at
            if at >= logged[number].get(what, (-math.inf, None))[0]:
                logged[number][what] = at, of
        else:
            versions[number] = max(int(what), versions[number] or 0)
    for number in range(many):
        if None not in ids[number].values():
            told = {hash_: comment for hash_, (_, comment) in logged[number].items()}
            each = ((id_, hash_, _checksum(told.get(hash_))) for hash_, id_ in sorted(ids[number].items()))
            yield number, Recorded(versions[number], tuple(each))


def _checksum(comment: str | None) -> str | None:
    return comment if comment and comment.startswith("sha256:") else None
