"""Fills in the statements of a look and of a cleanup with what the catalog says of a relation."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from sqlrail.ground.relation import Relation
from sqlrail.orphans.expressions import (
    as_text,
    by_table,
    cells,
    column_of,
    joined,
    matches,
    numbered,
    object_of,
    table,
)
from sqlrail.orphans.facts import Edge, Facts
from sqlrail.orphans.session import Session, message


def finder(facts: Facts) -> str:
    """The statement that finds the orphans."""
    if facts.distributed:
        return "find_orphan_keys"
    return "find_orphan_trees" if facts.is_tree else "find_orphans"


def looking(session: Session, relation: Relation, facts: Facts) -> dict[str, Any]:
    """What a look for a relation's orphans is made of."""
    columns, keys = (
        [column_of("c", column) for column in relation.columns],
        [column_of("p", key) for key in relation.keys],
    )
    there = [sql.SQL("{} IS NOT NULL").format(column) for column in columns]
    has_key = joined(" AND ", there)
    is_mixed = sql.SQL("({}) AND NOT ({})").format(joined(" OR ", there), has_key)
    return {
        "child": table(facts.child),
        "parent": table(facts.parent),
        "has_key": has_key,
        "is_mixed": is_mixed if any(key.get("full") for key in facts.foreign_keys) else sql.SQL("false"),
        "matches": matches(keys, facts.operators, columns),
        "max_rows": session.settings.max_rows,
        "max_share": session.settings.max_share,
    }


class Composer:
    """Fills in the statements for one relation, with the names that the catalog gave."""

    def __init__(self, session: Session, relation: Relation, facts: Facts) -> None:
        self.session, self.edges, self.is_set = session, facts.cascades, bool(facts.sets)
        columns, staged = (
            [column_of("c", column) for column in relation.columns],
            numbered("k", relation.columns),
        )
        keys = [column_of("p", key) for key in relation.keys]
        self.parts: dict[str, Any] = {
            **looking(session, relation, facts),
            "ours": message(session, "ours"),
            "writes": message(session, "writes"),
            "columns": joined(", ", columns),
            "row": joined(", ", columns) if facts.distributed else sql.SQL("c.ctid"),
            "relation": str(relation),
            "source": facts.child["name"],
            "parent_name": facts.parent["name"],
            "cells": cells(facts.child),
            "action": facts.action,
            "changes": _changes(facts),
            "counter": "changed" if facts.sets else "deleted",
            "actor": session.settings.actor,
            # Where rows lie on other nodes, their keys are staged instead of their places.
            "staging": sql.SQL("TEMP TABLE sqlrail_orphan ON COMMIT DROP"),
            "row_locks": sql.SQL(""),
            "tables": joined(", ", map(table, {it["name"]: it for it in facts.written}.values())),
            "keys": joined(", ", keys),
            "columns_staged": joined(", ", map(sql.SQL("{} AS {}").format, columns, staged)),
            "found": sql.SQL("coalesce(sum(rows), 0)::bigint" if facts.distributed else "count(*)"),
            "is_below": sql.SQL("is_below" if facts.is_tree else "false"),
            "is_staged": _is_staged(columns, staged, facts),
            **_tree(session, relation, facts),
            "parents_found": _parents_found(keys, staged, facts),
            **_look_at(relation, facts),
        }

    def __call__(self, name: str, **parts: Any) -> bytes:
        return message(self.session, name, **{**self.parts, **parts})

    def clean(self) -> bytes:
        """What archives the orphans that are staged, and deletes them or sets their columns."""
        return self("set_orphans" if self.is_set else "cleanup") + self("deferred_keys")

    def cascades(self, **parts: Any) -> bytes:
        """What archives the rows of other tables that go, or are changed, with the orphans that are staged."""
        text = [self._cascade("stage_cascade", edge, **parts) for edge in self.edges]
        return b"".join(text + [self._cascade("archive_cascade", edge) for edge in by_table(self.edges)])

    def _cascade(self, name: str, edge: Edge, **parts: Any) -> bytes:
        keys = [column_of("r", key) for key in edge["keys"]]
        columns = [column_of("t", column) for column in edge["columns"]]
        return self(
            name,
            action=edge["action"],
            table=table(edge["table"]),
            source=edge["table"]["name"],
            cells=cells(edge["table"]),
            referenced=table(edge["referenced"]),
            matches=matches(keys, edge["operators"], columns),
            **parts,
        )


def _changes(facts: Facts) -> sql.Composable:
    to = sql.SQL("NULL" if facts.action == "set null" else "DEFAULT")
    return joined(", ", (sql.SQL("{} = {}").format(sql.Identifier(name), to) for name in facts.sets or ()))


def _is_staged(columns: list[sql.Composable], staged: list[sql.Identifier], facts: Facts) -> sql.Composable:
    if facts.distributed:
        return sql.SQL("({}) IN (SELECT {} FROM pg_temp.sqlrail_orphan)").format(
            joined(", ", columns), joined(", ", staged)
        )
    place = "c.ctid = ANY (ARRAY(SELECT tid FROM pg_temp.sqlrail_orphan))"
    if not facts.child["only"]:  # partitions have rows at the same places
        place += " AND (c.tableoid, c.ctid) IN (SELECT part, tid FROM pg_temp.sqlrail_orphan)"
    return sql.SQL(place)


def _tree(session: Session, relation: Relation, facts: Facts) -> dict[str, sql.Composable | bytes]:
    """What a find and a deletion of orphans with all that is below them are made of."""
    columns, staged = [column_of("c", column) for column in relation.columns], numbered("k", relation.keys)
    keys = [sql.SQL("gone.{}").format(name) for name in staged]
    sources = [column_of("c", key) for key in relation.keys]
    # In a batch an orphan's own key stands beside the one that it refers to.
    own = numbered("own", relation.keys)
    refers = [sql.SQL("o.{}").format(name) for name in staged]
    parents = [column_of("p", key) for key in relation.keys]
    return {
        "keys_staged": joined(", ", map(sql.SQL("{} AS {}").format, sources, staged)),
        "below": matches(keys, facts.operators, columns),
        "stays": message(session, "_parent_stays") if facts.is_tree else b"",
        "own_staged": joined(", ", map(sql.SQL("{} AS {}").format, sources, own)),
        "own": joined(", ", (sql.SQL("o.{}").format(name) for name in own)),
        "has_parent": matches(parents, facts.operators, refers),
        "below_staged": matches([sql.SQL("gone.{}").format(name) for name in own], facts.operators, refers),
    }


def _parents_found(keys: list[sql.Composable], staged: list[sql.Identifier], facts: Facts) -> sql.Composable:
    """How many of the staged orphans have a parent after all: looked up by its key, one by one, however many."""
    if facts.distributed:
        return sql.SQL(
            "SELECT count(*) FROM {} AS p WHERE ({}) IN (SELECT {} FROM pg_temp.sqlrail_orphan)"
        ).format(table(facts.parent), joined(", ", keys), joined(", ", staged))
    ours = [sql.SQL("o.{}").format(name) for name in staged]
    return sql.SQL(
        "SELECT count(*) FILTER (WHERE ({0}) IN (SELECT {0} FROM {1} AS p WHERE {2})) FROM pg_temp.sqlrail_orphan AS o"
    ).format(joined(", ", ours), table(facts.parent), matches(keys, facts.operators, ours))


def _look_at(relation: Relation, facts: Facts) -> dict[str, sql.Composable]:
    """What a preview wants of the orphans: their keys as k1 and so on, their primary keys as r1, their time."""
    staged, row = numbered("k", relation.columns), numbered("r", facts.primary_key)
    sources = [column_of("c", column) for column in (*relation.columns, *facts.primary_key)]
    sources.append(column_of("c", facts.timestamp) if facts.timestamp else sql.SQL("NULL::timestamptz"))
    return {
        "orphan_columns": joined(
            ", ", map(sql.SQL("{} AS {}").format, sources, [*staged, *row, sql.Identifier("at")])
        ),
        "staged": joined(", ", staged),
        "staged_row": joined(", ", [*staged, *row]),
        "key": object_of(relation.columns, map(as_text, staged)),
        "example": object_of(facts.primary_key, map(as_text, row)) if row else sql.SQL("NULL::jsonb"),
    }
