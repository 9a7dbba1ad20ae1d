"""What statements about a relation are made of where Citus keeps the rows of its tables on other nodes.

A node finds orphans by itself where it has child and parent together. Where it has not, keys of the child are sent to
the parents; rows never are, but for those that the archive takes.
"""

from __future__ import annotations

from typing import Any

from psycopg import sql

from sqlrail.ground.constraint import Constraint
from sqlrail.ground.relation import Relation
from sqlrail.orphans.expressions import (
    as_text,
    column_of,
    joined,
    matches,
    numbered,
    object_of,
    spelt,
    table,
    texts,
)
from sqlrail.orphans.facts import Facts
from sqlrail.orphans.session import Session, message

#: orphans from which on they are packed, and how many are in a pack, about
PACKED, IN_A_PACK = 10_000, 200
#: of columns, as many as one function takes with their names
ARGUMENTS = 50


def looks(session: Session, relation: Relation, facts: Facts, parts: dict[str, Any]) -> dict[str, Any]:
    """What a look is made of, with what it would be made of on one node."""
    keys = _keys(relation, facts, parts)
    more = {
        "parent_is_missing": sql.SQL("{} IS NULL").format(column_of("p", relation.keys[0])),
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


def packs(facts: Facts, orphans: int) -> dict[str, Any]:
    """What about so many orphans are packed with."""
    columns = facts.child["columns"]
    staged = numbered("t", columns)
    pairs = [
        sql.SQL("{}, to_jsonb(array_agg(one.{}))").format(sql.Literal(column), name)
        for column, name in zip(columns, staged, strict=True)
    ]
    parts = [pairs[n : n + ARGUMENTS] for n in range(0, len(pairs), ARGUMENTS)]
    objects = (sql.SQL("jsonb_build_object({})").format(joined(", ", part)) for part in parts)
    letters = (sql.SQL("coalesce(octet_length(one.{})::bigint, 0)").format(name) for name in staged)
    return {
        "columns_packed": joined(" || ", objects),
        "texts": joined(", ", map(sql.SQL("{} AS {}").format, texts(facts.child), staged)),
        "letters": joined(" + ", letters),
        "first": sql.Literal(columns[0]),
        "packs": max(1, orphans // IN_A_PACK),
    }


def by_itself(violates: bytes) -> dict[str, Any]:
    """What a cleanup is made of where a row violates a constraint by itself: each node finds such rows again."""
    return {"is_staged": violates, "still": violates, "and_gone": b""}


def sets(session: Session, constraint: Constraint, facts: Facts) -> dict[str, Any]:
    """What sets columns, and hands over what the rows were and what the columns became."""
    columns = facts.child["columns"]
    new = _new_names(constraint, facts)
    before, now = ([column_of(row, column) for column in columns] for row in "oc")
    return {
        "is_same": joined(" AND ", map(_same, facts.primary_key)),
        "before": joined(", ", before),
        "now": joined(", ", now),
        "new": joined(", ", (sql.SQL("{} AS {}").format(column_of("c", it), new[it]) for it in new)),
        "became": object_of(
            facts.sets or (), (_text_of(name, new[name], facts) for name in facts.sets or ())
        ),
        "still_violating": _still_violating(session, constraint, facts, new),
    }


def _new_names(constraint: Constraint, facts: Facts) -> dict[str, sql.Identifier]:
    """The columns that say whether a row violates the constraint, and those that are set: how each is handed over."""
    mark = "new"
    while any(column.startswith(mark) for column in facts.child["columns"]):
        mark += "_"
    wanted = dict.fromkeys((*constraint.columns, *(facts.sets or ())))
    return {column: sql.Identifier(f"{mark}{n}") for n, column in enumerate(wanted, 1)}


def _same(column: str) -> sql.Composable:
    return sql.SQL("c.{0} = o.{0}").format(sql.Identifier(column))


def _text_of(column: str, name: sql.Identifier, facts: Facts) -> sql.Composable:
    value = sql.SQL("c.{}").format(name)
    return spelt(value) if column in facts.child["recast"] else as_text(value)


def _still_violating(
    session: Session, constraint: Constraint, facts: Facts, new: dict[str, sql.Identifier]
) -> bytes:
    """How many of the rows that were set violate the constraint all the same."""
    keys = [sql.SQL("c.{}").format(new[column]) for column in constraint.columns]
    parts = {"new_key": joined(", ", keys)}
    if not isinstance(constraint, Relation):
        return message(session, "_nodes_still_null", **parts)
    staged = numbered("k", keys)
    parts["new_staged"] = joined(", ", map(sql.SQL("{} AS {}").format, keys, staged))
    parts["has_new_key"] = joined(" AND ", map(sql.SQL("{} IS NOT NULL").format, keys))
    lost = message(session, "_nodes_lost", **_keys(constraint, facts, {"parent": table(facts.parent)}))
    return message(session, "_nodes_still_lost", lost=lost, **parts)


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
