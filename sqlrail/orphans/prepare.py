"""What a cleanup needs before it begins: locks, and sqlrail's own tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from psycopg import sql

from sqlrail.errors import Refused
from sqlrail.ground.constraint import Constraint
from sqlrail.orphans.cleaned import Cleaned
from sqlrail.orphans.facts import Table
from sqlrail.orphans.guards import refusal
from sqlrail.orphans.session import Session, message
from sqlrail.postgres import wire


def lock(session: Session, relations: Iterable[Constraint], written: Iterable[Table] = ()) -> bytes:
    """What locks all that the relations' cleanup reads and writes, together: one after the other could deadlock.

    Where the tables that are written are known already, they are given.
    """
    tables = [[sql.Identifier(*table).as_string() for table in relation.tables] for relation in relations]
    tables += [[table["name"]] for table in written]
    names = {
        "names": [child for child, *_ in tables],
        "parents": [next(iter(parents), None) for _, *parents in tables],
    }
    at = {name: wire.named(session.connection, sql.SQL(name)) for name in ("child", "parent")}
    return message(session, "lock_relations", **names, **at)


def own_tables(session: Session, look: Callable[[], Cleaned]) -> bytes | Cleaned:
    """What makes sqlrail's own tables; where they may not be made, a look that finds nothing to archive in them.

    Refused where the look is, or finds something.
    """
    try:
        return session.own_tables()
    except Refused:
        seen = look()
        if seen.refusals:
            raise refusal(seen.relation, seen.refusals) from None
        if seen.orphans:
            raise
        return seen
