"""Orphans that a look has placed: under the locks no more is looked at than these, and what has come since.

A big table's anti-join takes seconds, which its writers would wait for. What the look has seen still holds for a row
that no later transaction has written, where no parent has gone: both are told by the rows' transactions.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlrail.orphans.facts import Facts
from sqlrail.orphans.session import Session

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
    tids: str  # of the orphans, as an array
    oldest: str  # the first transaction whose rows may not have been seen
    parents: int  # rows; all of older transactions
    file: int  # of the child's rows
    has_all_parents: bool = False  # whether none has come since
    newest: int | None = None  # the first transaction that can have written nothing since, where it is known

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


def find(part: Composer, placed: Placed) -> bytes:
    """What stages those orphans, and those that came since."""
    return part("find_placed", is_new=_is_new(part, placed), **asdict(placed))


def _is_new(part: Composer, placed: Placed) -> bytes:
    """Whether a row is of a transaction that a look may have missed."""
    listed = placed.transactions
    if listed is None or part.session.connection.info.server_version < 150000:
        return part("_new_by_age", oldest=placed.oldest)
    return part("_new_by_list", transactions=listed)


def _tables(facts: Facts) -> tuple[Any, ...]:
    return facts.child_oid, facts.parent_oid, facts.is_tree, facts.child, facts.parent, facts.operators
