"""Which statements find orphans for batches, and take them."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlrail.orphans.facts import is_tree


class Statements(NamedTuple):
    """What finds the orphans, tells where a batch of them ends, and takes it."""

    find: str
    next: str
    take: str


def statements_for(facts: dict[str, Any]) -> Statements:
    """Those for a relation, by what the catalog says of it."""
    if facts["distributed"]:
        return Statements("find_orphan_keys", "online_next", "online_take_keys")
    if is_tree(facts):
        has_key = bool(facts["foreign_keys"])  # which lets no row go before those below it
        return Statements(
            "online_find_trees", "online_next_tree" if has_key else "online_next", "online_take_tree"
        )
    return Statements("find_orphans", "online_next", "online_take")
