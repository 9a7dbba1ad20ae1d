"""Whether a look for orphans can do with indexes alone, of the child's column and of the parent's key.

They are a fraction of the tables' size and in order, so that they are merged with nothing kept; but each row of a page
that has been written to since the last VACUUM is looked up in its table, and a few of these cost more than all else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlrail.ground.constraint import Constraint
from sqlrail.orphans.session import Session

if TYPE_CHECKING:
    from sqlrail.orphans.composer import Composer

#: of a table's pages, those that may have been written to since its last VACUUM
WRITTEN = 0.01
#: what a plan consists of that reads indexes alone, in their order
MERGED = {"Merge Join", "Index Only Scan", "Gather", "Gather Merge", "Materialize"}


class Key(NamedTuple):
    """A column by whose values rows are found."""

    column: str
    array: str  # the type of arrays of its values, of pg_catalog


def key(session: Session, part: Composer, relation: Constraint) -> Key | None:
    """The child's column, where a look for the orphans of big tables does best with indexes alone; one message."""
    if len(relation.columns) != 1:
        return None
    (column,) = relation.columns
    oids = {"child_oid": part.facts.child_oid, "parent_oid": part.facts.parent_oid}
    text = part("index_suffices", column=column, written=WRITTEN, **oids)
    explained = part("only_indexes") + part("explain_orphans") + part("whatever_plan")
    (array,), (plan,) = session.ask(text + explained)
    return Key(column, array) if array and set(_nodes(plan[0]["Plan"])) <= MERGED else None


def _nodes(plan: Any) -> Iterator[str]:
    """plan: a node of EXPLAIN (FORMAT JSON)."""
    yield plan["Node Type"]
    for below in plan.get("Plans", ()):
        yield from _nodes(below)
