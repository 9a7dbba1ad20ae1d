"""A look at a sample of a big table that lies on other nodes, for a cleanup that follows.

Under its locks a cleanup there looks for all orphans again, and weighs what it finds. Before that it has to be known
whether there is any, whether they may be too many, and about how many there are: a hundredth of the pages says that,
and one look at all of them is spared.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlrail.ground.relation import Relation
from sqlrail.orphans.cleaned import FAR_OUT, Cleaned
from sqlrail.orphans.session import Session

if TYPE_CHECKING:
    from sqlrail.orphans.composer import Composer

#: bytes of a child's rows from which on a sample is worth its round trips, and has enough pages
BIG = 64 * 1024 * 1024
#: bytes of a node's rows for which one more connection to it is worth its start; and how many are in any case
A_CONNECTION, AT_LEAST = 64 * 1024 * 1024, 2
#: of a hundred of the child's pages, how many are looked at
PERCENT = 1
#: how many times what is allowed, by share or by number, a sample may show: so many are weighed under the locks
MARGIN = 1.1
#: what part of the share that is allowed it shows where the rows need not be counted: not even if it is far out
FAR_BELOW = 0.25


def may_be(one: Cleaned) -> bool:
    """Whether a sample can say enough of a relation's orphans: nothing else has to be counted, nor decided."""
    facts = one.facts
    is_plain = facts.together and not facts.may_be_mixed and not one.refusals
    return isinstance(one.relation, Relation) and one.is_countable and is_plain


def look(session: Session, part: Composer, one: Cleaned) -> Cleaned:
    """About how many rows there are, and orphans: these only if it is enough to begin a cleanup with."""
    size, nodes = session.ask(part("nodes_size", child_oid=one.facts.child_oid))[-1]
    if size < BIG:
        return one
    connections = max(AT_LEAST, -(-size // (nodes * A_CONNECTION)))
    few = part("nodes_connections", connections=connections)
    sample, orphans = session.ask(few + part("nodes_sample", percent=PERCENT))[-1]
    rows = round(sample * 100 / PERCENT)
    seen = replace(one, facts=replace(one.facts, estimate=rows), connections=connections)
    # Where no row has a parent, there may be none at all.
    if not 0 < orphans < sample:
        return seen
    max_rows, max_share = session.settings.max_rows, session.settings.max_share
    share = orphans / sample
    passed = FAR_OUT * round(share * rows)
    if share > FAR_BELOW * max_share:
        # Where they are few enough by number the rows matter only if they prove to be more, under the locks.
        passed = max_rows
        if share * rows > MARGIN * max_rows:
            ((rows,),) = session.ask(part("nodes_rows"))[-1:]
            passed = int(max_share * rows)
    about = max(1, round(share * rows))
    if about > max_rows and share > MARGIN * max_share:
        return seen
    return replace(seen, facts=replace(one.facts, estimate=rows), orphans=_roughly(about), passed=passed)


def _roughly(number: int) -> int:
    """With two digits: more a sample does not know."""
    return round(number, 2 - len(str(number)))
