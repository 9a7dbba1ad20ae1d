"""What each kind of constraint needs of the statements: how the rows that violate it are found, told and put right.

A new kind is a row of KINDS, and what `_relation.sql` says of it. The statements themselves are the same for all: rows
are staged, weighed, archived with what goes with them, and deleted or set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import sql

from sqlrail.ground.check import Check
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.not_null import NotNull
from sqlrail.ground.relation import Relation
from sqlrail.ground.unique import Unique
from sqlrail.ground.words import counted
from sqlrail.orphans import nodes
from sqlrail.orphans.expressions import as_text, column_of, joined, matches, numbered, object_of, table
from sqlrail.orphans.facts import Facts
from sqlrail.orphans.session import Session, message

if TYPE_CHECKING:
    from sqlrail.results.archive import Archived


class Online(NamedTuple):
    """What finds the rows for batches, tells where a batch of them ends, takes it, and says that it may stand."""

    find: str
    next: str
    take: str
    settle: str


@dataclass(frozen=True)
class Kind:
    """How statements are made for the constraints of one kind."""

    #: what the rows are, behind their number
    are: str
    #: who came since the survey of an online cleanup, and why, behind "more"
    newcomers: str
    #: what the archive calls one that was deleted for itself
    went_as: Archived
    #: why rows that were set would still be so
    unmended: str
    #: the looks, quick and close
    count: Callable[[Facts], str]
    preview: str
    find: Callable[[Facts], str]
    online: Callable[[Facts], Online]
    #: what statements are filled with: `violates`, `still` and so on; `looking` of a look, `cleaning` more than that
    looking: Callable[[Session, Any, Facts], dict[str, Any]]
    cleaning: Callable[[Session, Any, Facts], dict[str, Any]]


def found(constraint: Constraint, rows: int) -> str:
    """How many rows violate a constraint, in words."""
    named: dict[type[Constraint], str] = {Relation: "orphan", Unique: "duplicate"}
    word = named.get(type(constraint))
    one, many = (word, f"{word}s") if word else ("row violates it", "rows violate it")
    return counted(rows, one, many) if rows else f"no {many}"


def of(constraint: Constraint) -> Kind:
    """The kind of a constraint."""
    return KINDS[type(constraint)]


# Relations


def _relation_looks(session: Session, relation: Relation, facts: Facts) -> dict[str, Any]:
    columns, keys = _columns(relation), [column_of("p", key) for key in relation.keys]
    there = [sql.SQL("{} IS NOT NULL").format(column) for column in columns]
    has_key = joined(" AND ", there)
    is_mixed = sql.SQL("({}) AND NOT ({})").format(joined(" OR ", there), has_key)
    parts = {
        "parent": table(facts.parent),
        "has_key": has_key,
        "is_mixed": is_mixed if facts.may_be_mixed else sql.SQL("false"),
        "matches": matches(keys, facts.operators, columns),
    }
    return {
        **parts,
        "violates": message(session, "_orphan", **parts),
        "has_parents": sql.SQL("EXISTS (SELECT FROM {})").format(parts["parent"]),
        **(nodes.looks(session, relation, facts, parts) if facts.distributed else {}),
    }


def _relation_cleans(session: Session, relation: Relation, facts: Facts) -> dict[str, Any]:
    columns, staged = _columns(relation), numbered("k", relation.columns)
    keys = [column_of("p", key) for key in relation.keys]
    columns_staged = joined(", ", map(sql.SQL("{} AS {}").format, columns, staged))
    parts = {**_relation_looks(session, relation, facts), "row": sql.SQL("c.ctid")}
    return {
        "columns": joined(", ", columns),
        "row": parts["row"],
        "still": message(
            session,
            "_still_orphan",
            stays=message(session, "_parent_stays") if facts.is_tree else b"",
            **parts,
        ),
        "still_found": message(session, "_still_orphan", stays=b"", **parts),
        "keys": joined(", ", keys),
        "columns_staged": columns_staged,
        "and_staged": sql.SQL(", {}").format(columns_staged),
        "is_staged": _is_staged(facts),
        "parents_found": _parents_found(keys, staged, facts),
        **_tree(relation, facts),
        **_look_at(relation, facts),
        **(nodes.cleans(session, relation, facts, parts) if facts.distributed else {}),
    }


def _columns(constraint: Constraint) -> list[sql.Composable]:
    return [column_of("c", column) for column in constraint.columns]


def _tree(relation: Relation, facts: Facts) -> dict[str, sql.Composable]:
    """What a find and a deletion of orphans with all that is below them are made of."""
    columns, staged = _columns(relation), numbered("k", relation.keys)
    keys = [sql.SQL("gone.{}").format(name) for name in staged]
    sources = [column_of("c", key) for key in relation.keys]
    # In a batch an orphan's own key stands beside the one that it refers to.
    own = numbered("own", relation.keys)
    refers = [sql.SQL("o.{}").format(name) for name in staged]
    parents = [column_of("p", key) for key in relation.keys]
    return {
        "keys_staged": joined(", ", map(sql.SQL("{} AS {}").format, sources, staged)),
        "below": matches(keys, facts.operators, columns),
        "own_staged": joined(", ", map(sql.SQL("{} AS {}").format, sources, own)),
        "own": joined(", ", (sql.SQL("o.{}").format(name) for name in own)),
        "has_parent": matches(parents, facts.operators, refers),
        "below_staged": matches([sql.SQL("gone.{}").format(name) for name in own], facts.operators, refers),
    }


def _parents_found(keys: list[sql.Composable], staged: list[sql.Identifier], facts: Facts) -> sql.Composable:
    """How many of the staged orphans have a parent after all: looked up by its key, one by one, however many."""
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


def _count_orphans(facts: Facts) -> str:
    return "nodes_count" if facts.distributed else "count_orphans"


def _find_orphans(facts: Facts) -> str:
    if facts.distributed:
        return "nodes_find_keys" if facts.together else "nodes_find_apart"
    return "find_orphan_trees" if facts.is_tree else "find_orphans"


def _orphans_online(facts: Facts) -> Online:
    if facts.distributed:
        return Online(_find_orphans(facts), "online_next", "nodes_take", "online_settle")
    if facts.is_tree:
        has_key = bool(facts.foreign_keys)  # which lets no row go before those below it
        following = "online_next_tree" if has_key else "online_next"
        return Online("online_find_trees", following, "online_take_tree", "online_settle")
    return Online("find_orphans", "online_next", "online_take", "online_settle")


# What a row violates by itself


def _null_looks(session: Session, constraint: NotNull, facts: Facts) -> dict[str, Any]:
    violates = message(session, "_null", column=sql.Identifier(constraint.column))
    return {"violates": violates, **_row(facts, "c")}


def _null_cleans(session: Session, constraint: NotNull, facts: Facts) -> dict[str, Any]:
    still = message(session, "_null", column=sql.Identifier(constraint.column))
    if facts.distributed:
        return nodes.by_itself(still)
    return {"still": still, "still_found": still, "is_staged": _is_staged(facts)}


def _check_looks(session: Session, constraint: Check, facts: Facts) -> dict[str, Any]:
    # Its columns may have the table's name in front of them, as in the check itself.
    return {
        "rows": table(facts.child),
        "c": sql.Identifier(facts.child["table"]),
        "violates": _is_false(session, facts),
        **_as_file(session, constraint, facts),
        **_row(facts, facts.child["table"]),
    }


def _check_cleans(session: Session, constraint: Check, facts: Facts) -> dict[str, Any]:
    del constraint
    # Under the locks nobody has changed what was found.
    return {
        "still": sql.SQL("true"),
        "still_found": _is_false(session, facts),
        "is_staged": _is_staged(facts),
    }


def _is_false(session: Session, facts: Facts) -> bytes:
    return message(session, "_false", expression=(facts.expression or "NULL").encode())


def _as_file(session: Session, constraint: Check, facts: Facts) -> dict[str, bytes]:
    """What stands around a statement with somebody's expression in it, in the place of `writes` and `ours`."""
    is_file_s = facts.expression == constraint.expression
    around = {
        "ours": message(session, "ours"),
        # The catalog names what is not PostgreSQL's own with its schema.
        "names": message(session, "theirs" if is_file_s else "writes"),
        "exact": message(session, "archive_format"),
        "not_exact": message(session, "archive_format_off"),
    }
    path = b""
    if is_file_s and constraint.search_path is not None:
        path = message(session, "_search_path", search_path=constraint.search_path.encode())
    return {
        "reads": message(session, "as_file", search_path=path, **around),
        "has_read": message(session, "as_file_end", **around),
    }


def _row(facts: Facts, alias: str) -> dict[str, Any]:
    """What a preview wants of the rows: their primary keys as r1 and so on, and their time."""
    row = numbered("r", facts.primary_key)
    sources = [sql.Identifier(alias, column) for column in facts.primary_key]
    at = (
        sql.Identifier(alias, facts.timestamp) if facts.timestamp else sql.SQL("NULL::pg_catalog.timestamptz")
    )
    named = map(sql.SQL("{} AS {}").format, [*sources, at], [*row, sql.Identifier("at")])
    return {
        "row_columns": joined(", ", named),
        "place": joined(", ", row or [sql.Identifier("at")]),
        "example": object_of(facts.primary_key, map(as_text, row))
        if row
        else sql.SQL("NULL::pg_catalog.jsonb"),
    }


def _count_rows(facts: Facts) -> str:
    return "nodes_count_rows" if facts.distributed else "count_violations"


def _find_rows(facts: Facts) -> str:
    return "nodes_find_rows" if facts.distributed else "find_orphans"


def _rows_online(facts: Facts) -> Online:
    del facts
    return Online("find_orphans", "online_next", "online_take", "online_commit")


def _is_staged(facts: Facts) -> sql.Composable:
    place = "c.ctid = ANY (ARRAY(SELECT tid FROM pg_temp.sqlrail_orphan))"
    if not facts.child["only"]:  # partitions have rows at the same places
        place += " AND (c.tableoid, c.ctid) IN (SELECT part, tid FROM pg_temp.sqlrail_orphan)"
    return sql.SQL(place)


#: of constraints that a row violates by itself
_by_itself = partial(
    Kind,
    are="violate it",
    count=_count_rows,
    preview="preview_violations",
    find=_find_rows,
    online=_rows_online,
    newcomers="rows that violate it have come since the survey, so somebody is writing them",
)
KINDS: dict[type[Constraint], Kind] = {
    Relation: Kind(
        are="are orphans",
        newcomers="orphans have come since the survey, so somebody is deleting parents",
        went_as="orphan",
        unmended="have no parent: the default names none, or a trigger has changed it",
        count=_count_orphans,
        preview="preview",
        find=_find_orphans,
        online=_orphans_online,
        looking=_relation_looks,
        cleaning=_relation_cleans,
    ),
    NotNull: _by_itself(
        went_as="not null",
        unmended="be null: the default is, or a trigger has changed it",
        looking=_null_looks,
        cleaning=_null_cleans,
    ),
    Check: _by_itself(went_as="check", unmended="violate it", looking=_check_looks, cleaning=_check_cleans),
}
