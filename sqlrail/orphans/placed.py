"""Orphans that a look has placed: under the locks no more is looked at than these, and what has come since.

A big table's anti-join takes seconds, which its writers would wait for. What the look has seen still holds for a row
that no later transaction has written, where no parent has gone: both are told by the rows' transactions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from psycopg import sql

from sqlrail.orphans.expressions import column_of
from sqlrail.orphans.facts import Facts
from sqlrail.orphans.indexed import Key
from sqlrail.orphans.session import Session, quote

if TYPE_CHECKING:
    from sqlrail.orphans.composer import Composer

#: rows of a child, as of its last ANALYZE, from which on its orphans are placed: fewer are quickly looked at again
BIG = 100_000
#: orphans whose places are kept at the most; each takes some 12 bytes
MOST = 200_000
#: transactions since a look that are listed at the most: the server, from 15 on, makes a hash of them
LISTED = 20_000


@dataclass(frozen=True)
class Placed:
    """What a look has noted: where it found orphans, and what it may have missed."""

    tables: tuple[Any, ...]  # that were looked at, and how they are compared
    places: str  # of the orphans, as an array: where they are, or the keys by which they are found
    oldest: str  # the first transaction whose rows may not have been seen
    parents: int  # rows; all of older transactions
    file: int  # of the child's rows
    has_all_parents: bool = False  # whether none has come since
    newest: int | None = None  # the first transaction that can have written nothing since, where it is known
    key: Key | None = None  # the column of those keys

    @property
    def transactions(self) -> list[str] | None:
        """Those that it may have missed, as rows have them, in 32 bits; None where they are not known, or too many."""
        if self.newest is None or self.newest - int(self.oldest) > LISTED:
            return None
        return [str(one % 2**32) for one in range(int(self.oldest), self.newest)]


def may_be(facts: Facts) -> bool:
    """Whether a look can place a relation's orphans, and it is worth it."""
    return (
        facts.estimate >= BIG
        and not (facts.citus or facts.is_tree)
        and bool(facts.parent)
        and facts.child["only"]
        and facts.parent["only"]
    )


def look(
    part: Composer, least: int, key: Key | None, names: Mapping[str, sql.Composable] | None = None
) -> bytes:
    """What looks for orphans, and notes where they are if there are at least so many; key: by which index they are.

    names: what stands for child_oid and parent_oid where these may be others when it is sent.
    """
    oids = {"child_oid": part.facts.child_oid, "parent_oid": part.facts.parent_oid, **(names or {})}
    noted = {
        "place": column_of("c", key.column if key else "ctid"),
        "many": sql.SQL("count(*)" if key else "1"),
    }
    by_key = sql.SQL("GROUP BY 1" if key else "")
    text = part("place_orphans", least=least, most=MOST, by_key=by_key, **noted, **oids)
    return part("only_indexes") + text + part("whatever_plan") if key else text


def read(facts: Facts, said: dict[str, Any] | None, key: Key | None) -> Placed | None:
    """From what place_orphans.sql says."""
    return Placed(_tables(facts), key=key, **said) if said else None


def where(part: Composer, placed: Placed) -> dict[str, sql.Composable]:
    """Whether a row is at one of the places, or has one of the keys; and the places themselves."""
    if not placed.key:
        places = sql.SQL("{}::pg_catalog.tid[]").format(placed.places)
        return {"is_placed": sql.SQL("c.ctid = ANY ({})").format(places), "tids": places}
    column, type_ = column_of("c", placed.key.column), sql.Identifier("pg_catalog", placed.key.array)
    is_placed = sql.SQL("{} OPERATOR(pg_catalog.=) ANY ({}::{})").format(column, placed.places, type_)
    tids = sql.SQL("ARRAY(SELECT c.ctid FROM {} AS c WHERE {})").format(part.parts["child"], is_placed)
    return {"is_placed": is_placed, "tids": tids}


def fits(placed: Placed, facts: Facts) -> bool:
    """Whether it is about the same tables still."""
    return placed.tables == _tables(facts)


def standing(session: Session, part: Composer, placed: Placed) -> Placed | None:
    """What a look has placed, if it stands under the locks."""
    if not fits(placed, part.facts):
        return None
    text = part("placed_stands", child_oid=part.facts.child_oid, **asdict(placed))
    stands, is_all, newest = session.ask(text)[-1]
    return replace(placed, has_all_parents=is_all, newest=newest) if stands else None


def warm(part: Composer, tids: sql.Composable) -> bytes:
    """What goes to orphans ahead of the locks; names, and keys, may hold any quote."""
    text = sql.SQL("").join((part.parts["child"], tids)).as_bytes(part.session.connection)
    return part("warm_placed", quote=quote(text), tids=tids)


def find(part: Composer, placed: Placed) -> bytes:
    """What stages those orphans, and those that came since."""
    return part("find_placed", is_new=_is_new(part, placed), **asdict(placed), **where(part, placed))


def as_it_was(part: Composer, placed: Placed) -> bytes:
    """Whether a row is still what the look has seen."""
    return part("_as_it_was", is_new=part("_new_by_age", oldest=placed.oldest))


def _is_new(part: Composer, placed: Placed) -> bytes:
    """Whether a row is of a transaction that a look may have missed."""
    listed = placed.transactions
    if listed is None or part.session.connection.info.server_version < 150000:
        return part("_new_by_age", oldest=placed.oldest)
    return part("_new_by_list", transactions=listed)


def _tables(facts: Facts) -> tuple[Any, ...]:
    return facts.child_oid, facts.parent_oid, facts.is_tree, facts.child, facts.parent, facts.operators
