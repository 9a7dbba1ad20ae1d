"""What statements about a relation are made of where Citus keeps the rows of its tables on other nodes.

A node finds orphans by itself where it has child and parent together. Where it has not, keys of the child are sent to
the parents; rows never are, but for those that the archive takes.
"""

from __future__ import annotations

from typing import Any

from psycopg import sql

from sqlrail.ground.relation import Relation
from sqlrail.orphans.expressions import column_of, joined, matches, numbered, table
from sqlrail.orphans.facts import Facts
from sqlrail.orphans.session import Session, message


def looks(session: Session, relation: Relation, facts: Facts, parts: dict[str, Any]) -> dict[str, Any]:
    """What a look is made of, with what it would be made of on one node."""
    keys = _keys(relation, facts, parts)
    more = {
        "has_parents": message(session, "_nodes_has_parents", **parts),
        "mixed": message(session, "_nodes_mixed", **parts) if facts.may_be_mixed else sql.SQL("0"),
        "child_key": message(session, "_nodes_child_key", **keys),
        "lost": message(session, "_nodes_lost", **keys),
    }
    if facts.together:
        return {**more, "violates": message(session, "_nodes_orphan", **parts)}
    ahead = (message(session, "_nodes_and", first=more[name]) for name in ("child_key", "lost"))
    is_lost = message(session, "_nodes_staged", found=sql.SQL("lost"), **keys)
    return {**more, "and_lost": b"".join(ahead), "violates": is_lost}


def cleans(session: Session, relation: Relation, facts: Facts, parts: dict[str, Any]) -> dict[str, Any]:
    """What a cleanup is made of besides: rows are told by their keys, which were found."""
    keys = _keys(relation, facts, parts)
    found = message(session, "_nodes_found")
    still = message(session, "_nodes_orphan", **parts) if facts.together else sql.SQL("true")
    return {
        "is_staged": message(session, "_nodes_staged", found=sql.SQL("found"), **keys),
        "and_found": message(session, "_nodes_and", first=found),
        "with_found": message(session, "_nodes_with", first=found),
        "and_gone": message(session, "_nodes_and", first=message(session, "_nodes_gone", **keys)),
        "still": still,
        "recover": message(session, "nodes_recover"),
        "parents_found": message(session, "_nodes_parents_found", all=found, **keys),
    }


def by_itself(violates: bytes) -> dict[str, Any]:
    """What a cleanup is made of where a row violates a constraint by itself: each node finds such rows again."""
    return {"is_staged": violates, "still": violates, "and_gone": b""}


def _keys(relation: Relation, facts: Facts, parts: dict[str, Any]) -> dict[str, Any]:
    """How keys are staged, and compared with those that were."""
    staged = numbered("k", relation.columns)
    columns = [column_of("c", column) for column in relation.columns]
    keys = [column_of("p", key) for key in relation.keys]
    ours = [sql.SQL("o.{}").format(name) for name in staged]
    theirs = [sql.SQL("p.{}").format(name) for name in staged]
    return {
        **parts,
        "child": table(facts.child),
        "columns": joined(", ", columns),
        "columns_staged": joined(", ", map(sql.SQL("{} AS {}").format, columns, staged)),
        "keys_as_staged": joined(", ", map(sql.SQL("{} AS {}").format, keys, staged)),
        "has_parent": matches(keys, facts.operators, ours),
        "has_parent_staged": matches(theirs, facts.operators, ours),
        "is_found": matches(ours, facts.operators, columns),
    }
