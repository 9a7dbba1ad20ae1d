"""Which statements find orphans for batches, and take them."""

from __future__ import annotations

from typing import NamedTuple

from sqlrail.orphans.facts import Facts


class Statements(NamedTuple):
    """What finds the orphans, tells where a batch of them ends, and takes it."""

    find: str
    next: str
    take: str


def statements_for(facts: Facts) -> Statements:
    """Those for a relation, by what the catalog says of it."""
    if facts.distributed:
        return Statements("find_orphan_keys", "online_next", "online_take_keys")
    if facts.is_tree:
        has_key = bool(facts.foreign_keys)  # which lets no row go before those below it
        return Statements(
            "online_find_trees", "online_next_tree" if has_key else "online_next", "online_take_tree"
        )
    return Statements("find_orphans", "online_next", "online_take")
