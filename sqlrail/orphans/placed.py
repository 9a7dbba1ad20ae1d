"""Orphans that a look has placed: under the locks no more is looked at than these, and what has come since.

A big table's anti-join takes seconds, which its writers would wait for. What the look has seen still holds for a row
that no later transaction has written, where no parent has gone: both are told by the rows' transactions.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from psycopg import sql

from sqlrail.orphans.composer import Composer
from sqlrail.orphans.facts import Facts
from sqlrail.orphans.session import Session

#: rows of a child, as of its last ANALYZE, from which on its orphans are placed: fewer are quickly looked at again
BIG = 100_000
#: orphans whose places are kept at the most; each takes some 12 bytes
MOST = 200_000
#: transactions since a look that are listed at the most: the server, from 15 on, makes a hash of them
LISTED = 20_000
#: parents since a look that each orphan is held against at the most; where more have come it is looked up by its key
FEW = 50


@dataclass(frozen=True)
class Placed:
    """What a look has noted: where it found orphans, and what it may have missed."""

    tables: tuple[Any, ...]  # that were looked at, and how they are compared
    tids: str  # of the orphans, as an array
    oldest: str  # the first transaction whose rows may not have been seen
    parents: int  # rows; all of older transactions
    file: int  # of the child's rows
    parent_file: int
    first: str | None  # one of the places
    # What is known under the locks:
    came: int = 0  # parents since
    newest: int | None = None  # the first transaction that can have written nothing since, where it is known
    is_there: bool = False  # whether the row at the first place is still that one, and an orphan

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


def read(facts: Facts, said: dict[str, Any] | None) -> Placed | None:
    """From what place_orphans.sql says."""
    return Placed(_tables(facts), **said) if said else None


def standing(session: Session, part: Composer, placed: Placed) -> Placed | None:
    """What a look has placed, if it is about the same tables still, and stands under the locks."""
    if placed.tables != _tables(part.facts):
        return None
    stands, came, newest, is_there = session.ask(part("placed_stands", **_parts(part, placed)))[-1]
    return replace(placed, came=came, newest=newest, is_there=is_there) if stands else None


def find(part: Composer, placed: Placed) -> bytes:
    """What stages the orphans that a look has placed, and those that came since."""
    return part(
        "stage_placed" if _at_once(part, placed) else "find_placed",
        is_new=_is_new(part, placed),
        has_all_parents=not placed.came,
        some_came=bool(placed.came),
        **_parts(part, placed),
    )


def clean(part: Composer, placed: Placed) -> bytes:
    """What archives and deletes those that are staged, or sets their columns."""
    if not _at_once(part, placed):
        return part.clean()
    # As the look saw it, each was an orphan; only a parent that has come could have made it another row's child.
    part.parts["still"] = part("_still_orphan", parent=sql.SQL("pg_temp.sqlrail_came"), stays=b"")
    return part.clean() + part("placed_gone")


def _at_once(part: Composer, placed: Placed) -> bool:
    """Whether the deletion may go to the places unseen: nothing else takes or changes rows with it.

    One is known to be there, so that there is something to delete.
    """
    facts = part.facts
    others = facts.triggers or facts.cascades or facts.sets
    return placed.is_there and placed.came <= FEW and not others


def _parts(part: Composer, placed: Placed) -> dict[str, Any]:
    return {
        **asdict(placed),
        "child_oid": part.facts.child_oid,
        "parent_oid": part.facts.parent_oid,
    }


def _is_new(part: Composer, placed: Placed) -> bytes:
    """Whether a row is of a transaction that a look may have missed."""
    listed = placed.transactions
    if listed is None or part.session.connection.info.server_version < 150000:
        return part("_new_by_age", oldest=placed.oldest)
    return part("_new_by_list", transactions=listed)


def _tables(facts: Facts) -> tuple[Any, ...]:
    return facts.child_oid, facts.parent_oid, facts.is_tree, facts.child, facts.parent, facts.operators
