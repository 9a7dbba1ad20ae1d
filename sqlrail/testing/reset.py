"""A copy that a test has used, made as it was: what was written is deleted, and sequences are set back.

What else a test may have done is looked for: a row of a catalog that is younger than the copy, or one that is missing,
a setting of the database. Whoever has done that has used the copy up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from psycopg import sql

from sqlrail.errors import UsageError
from sqlrail.postgres.connect import Connection
from sqlrail.postgres.wire import ask, ask_all, message

#: bytes of the tables that tests have written to, from which on another copy is made sooner than this one reset
LARGE = 1 << 24


class Pristine(NamedTuple):
    """What a copy is like that nobody has used."""

    facts: str
    since: str  # the transaction from which on rows are a test's
    rows: dict[int, int]  # of each table that has any, by its OID
    sequences: list[tuple[int, int, bool]]  # OID, value, whether that has been given


class _Table(NamedTuple):
    oid: int
    schema: str
    name: str
    may_delete: bool
    size: int

    @property
    def named(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


def raise_if_impossible(connection: Connection) -> None:
    """UsageError if no copy can be reset on this server, or by this role."""
    is_counted, is_superuser, role = ask(connection, "may_reset")[0]
    if not is_counted:
        raise UsageError("resetting the databases of tests needs track_counts on.")
    if not is_superuser:
        raise UsageError(
            f"resetting the databases of tests needs a superuser, and {role} is none: without it, each is made anew."
        )


def look(connection: Connection) -> Pristine:
    """What the copy is like that the connection is in, and that nobody has used."""
    facts, since = ask(connection, "copy_facts")[0]
    rows = {oid: count for oid, count, _ in _count(connection, _tables(connection, "_that_have_rows"), since)}
    return Pristine(facts, since, rows, _sequences(connection))


def reset(connection: Connection, pristine: Pristine) -> bool:
    """Makes the copy as it was that the connection alone is in; False, and nothing done, where that cannot be.

    Raises DatabaseFailed where the server refuses it.
    """
    if ask(connection, "copy_facts")[0][0] != pristine.facts or ask(connection, "held_by"):
        return False
    written = {table.oid: table for table in _tables(connection, "_that_were_written")}
    if sum(table.size for table in written.values()) > LARGE:
        return False
    young = []
    for oid, rows, added in _count(connection, written.values(), pristine.since):
        if rows - added != pristine.rows.get(oid, 0) or (added and not written[oid].may_delete):
            return False
        young += [written[oid]] if added else []
    _put_back(connection, pristine, young)
    return True


def _put_back(connection: Connection, pristine: Pristine, young: list[_Table]) -> None:
    deletions = (message(connection, "delete_young", table=it.named, since=pristine.since) for it in young)
    oids, values, called = zip(*pristine.sequences, strict=True) if pristine.sequences else ((), (), ())
    parts = {"oids": [*oids], "values": [*values], "called": [*called]}
    ask(connection, "reset_copy", deletions=b"".join(deletions), **parts)


def _tables(connection: Connection, those: str) -> list[_Table]:
    return [_Table(*row) for row in ask(connection, "copy_tables", those=message(connection, those))]


def _count(connection: Connection, tables: Iterable[_Table], since: str) -> list[tuple[int, int, int]]:
    """Of each table its OID, its rows, and how many of them are younger than that transaction."""
    return ask_all(
        connection,
        (message(connection, "rows_since", oid=it.oid, since=since, table=it.named) for it in tables),
    )


def _sequences(connection: Connection) -> list[tuple[int, int, bool]]:
    return ask_all(
        connection,
        (
            message(connection, "sequence_state", oid=oid, sequence=sql.Identifier(schema, name))
            for oid, schema, name in ask(connection, "copy_sequences")
        ),
    )
