"""Asks the catalog about relations, and says what of its answer refuses a cleanup."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from psycopg import errors as pg
from psycopg import sql

from sqlrail.ground.check import Check
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.names import join
from sqlrail.ground.relation import Relation
from sqlrail.orphans.expressions import column_of, matches, table
from sqlrail.orphans.facts import Facts
from sqlrail.orphans.session import Session, message
from sqlrail.postgres import wire
from sqlrail.postgres.diagnostics import sentence

#: a column's default that runs nobody's function
CONSTANT = re.compile(
    r"NULL|(?:\(?-?\d+(?:\.\d+)?\)?|'(?:[^']|'')*')(?:::[\w .\"]+(?:\(\d+(?:,\d+)?\))?)?|true|false"
)
#: one that Citus gives to all nodes alike
ANYWHERE = re.compile(rf"{CONSTANT.pattern}|now\(\)|CURRENT_(?:DATE|TIME|TIMESTAMP)|LOCALTIME(?:STAMP)?")


def ask_facts(session: Session, relation: Constraint, before: bytes = b"") -> Facts:
    """What the catalog says of a relation, see relation.sql; what is given before is sent before."""
    return ask_all_facts(session, [relation], before)[0]


def ask_all_facts(session: Session, relations: Sequence[Constraint], before: bytes = b"") -> list[Facts]:
    """The same of many relations, in one message."""
    if not relations:
        return []
    rows = session.ask(
        before + quickly(session, message(session, "relation", relation=question(session, *relations)))
    )[-len(relations) :]
    return [judge(session, relation, said) for relation, (said,) in zip(relations, rows, strict=True)]


def judge(session: Session, relation: Constraint, said: dict[str, Any]) -> Facts:
    """The facts with what only we can add: what a refusal asks for, and whether rows lie on other nodes."""
    facts = Facts.read(said)
    if isinstance(relation, Check):
        facts = _checked(relation, facts)
    if relation.said and relation.said.value and not (facts.absent or facts.wrong or facts.holds):
        facts = replace(facts, wrong=_misfit(session, facts, relation.columns[0], relation.said.value))
    refusals = [_undecided(relation, facts.undecided)] if facts.undecided else []
    refusals += facts.refusals
    facts = replace(facts, refusals=[*refusals, *outside(session, facts)])
    return _placed(session, relation, facts) if facts.citus and not (facts.absent or facts.wrong) else facts


def outside(session: Session, facts: Facts) -> list[str]:
    """What refuses, where it is for a tenant, to write to a table that is not in its schema."""
    tenant = session.settings.tenant
    others = [table["name"] for table in facts.written if table and table["schema"] != tenant]
    if tenant is None or not others:
        return []
    return [f"{', '.join(others)} {'is' if len(others) == 1 else 'are'} not in the schema {tenant}"]


def _placed(session: Session, relation: Constraint, facts: Facts) -> Facts:
    """With where Citus keeps the rows."""
    keys = relation.keys if isinstance(relation, Relation) else ()
    tables = [table["name"] for table in (facts.child, facts.parent) if table]
    parts: dict[str, Any] = {"tables": tables, "columns": [*relation.columns], "keys": [*keys]}
    parts["unsettled"] = message(session, "_nodes_unsettled")
    placed = session.ask(message(session, "nodes_placement", **parts))[-1][0]
    refusals = [*facts.refusals, *placed["refusals"]]
    if not placed["distributed"]:
        return replace(facts, refusals=refusals)
    by_hand = "its rows lie on other nodes{}: do that by a statement of a file"
    if facts.cascades:
        refusals.append(
            by_hand.format(", where rows that would go with them are not found, and so not archived")
        )
    if isinstance(relation, Check):
        refusals.append(by_hand.format(", where checks are not looked at"))
    refusals += _unsettable(facts, placed["distribution_column"], is_local=placed["local"])
    # What compares a column as another type, or by another collation, is no comparison that Citus knows.
    together = placed["together"] and not any(any(compared[2:]) for compared in facts.operators)
    return replace(
        facts,
        distributed=True,
        together=together,
        spread=placed["distribution_column"] is not None,
        alone=placed["alone"],
        packs=placed["packs"],
        refusals=refusals,
    )


def _unsettable(facts: Facts, distribution_column: str | None, *, is_local: bool) -> Iterator[str]:
    """Why Citus does not set columns."""
    if distribution_column is not None and distribution_column in (facts.sets or ()):
        yield (
            f"{join(distribution_column)} is the distribution column of {facts.child['name']}, which says on which "
            "node a row lies, and Citus does not change its values: say `delete`, or distribute the table by another"
        )
    if facts.action == "set default" and not is_local:
        computed = {name: it for name, it in facts.defaults.items() if not ANYWHERE.fullmatch(it)}
        if computed:
            yield (
                f"the default of {_defaults(computed)} is computed, which Citus does not do row by row on other nodes: "
                "say another action, or do it by a statement of a file"
            )


def _defaults(given: Mapping[str, str]) -> str:
    return ", ".join(f"{join(column)} {value}" for column, value in given.items())


def _misfit(session: Session, facts: Facts, column: str, value: str) -> str | None:
    """Why a literal is no value of a column."""
    name = sql.Identifier(facts.child["schema"], facts.child["table"], column)
    body = message(session, "_value", column=name, value=value.encode()).decode()
    around = {name: message(session, name) for name in ("theirs", "ours")}
    try:
        session.ask(message(session, "value_fits", body=body, **around))
    except (pg.DataError, pg.IntegrityError, pg.ProgrammingError) as exc:
        session.ask(message(session, "value_unfit"))
        return f"{value} is no value for {facts.child['name']}.{join(column)}: {sentence(exc, values=True)}".rstrip(
            "."
        )
    return None


def _checked(check: Check, facts: Facts) -> Facts:
    """With the expression of the file where it adds the check itself, whatever the database has under that name."""
    if check.expression is not None and not (check.is_applied and facts.expression):
        return replace(facts, expression=check.expression, holds=None)
    if facts.expression is None and facts.countable and not facts.wrong:
        return replace(facts, absent=f"{facts.child['name']} has no check {join(check.name)}")
    return facts


def _undecided(relation: Constraint, why: str) -> str:
    return (
        f"{why}. Say it in a migration, `-- cleanup: {relation} delete` (or `set null`, `set default`), or name the "
        f"relation here: --relation '{relation} delete'"
    )


def default_refusals(session: Session, relation: Constraint, facts: Facts) -> list[str]:
    """Why a default cannot be set, where it can be told without a row: it names no parent.

    Only of constants: who looks runs nobody's functions. What another default gives is looked up when it is set.
    """
    if facts.action != "set default" or facts.refusals or not isinstance(relation, Relation):
        return []
    given = facts.defaults
    if set(given) != set(relation.columns):
        return []
    if not all(CONSTANT.fullmatch(value) for value in given.values()) or "NULL" in given.values():
        return []
    keys = [column_of("p", key) for key in relation.keys]
    values = [sql.SQL("({})").format(sql.SQL(given[column])) for column in relation.columns]
    parts = {"parent": table(facts.parent), "matches": matches(keys, facts.operators, values)}
    if session.ask(message(session, "default_parent", **parts))[-1][0]:
        return []
    named = _defaults({column: given[column] for column in relation.columns})
    return [f"no row of {facts.parent['name']} is named by the default ({named}): make one, or say `delete`"]


def quickly(session: Session, *questions: bytes) -> bytes:
    """Questions to the catalog, which no server shall compile."""
    return b"".join((message(session, "jit_off"), *questions, message(session, "jit_default")))


def question(session: Session, *relations: Constraint) -> bytes:
    """What is asked of the catalog about relations: a query, which relation.sql sends."""
    return about(session, "_relation", relations, allow_triggers=list(session.settings.allow_triggers))


def about(session: Session, name: str, relations: Sequence[Constraint], **parts: Any) -> bytes:
    """A question about relations, which are numbered in it."""
    given = {
        "relations": json.dumps([_asked(n, relation) for n, relation in enumerate(relations)]),
        "child": wire.named(session.connection, sql.SQL("asked.child")),
        "parent": wire.named(session.connection, sql.SQL("asked.parent")),
        "kin_of_reached": about_table(session, "_kin", "reached.oid"),
        "kin_of_touched": about_table(session, "_kin", "touched.oid"),
        "primary_key_of_child": about_table(session, "_primary_key", "relation.child"),
    }
    return message(session, name, **given, **said_of_any(session, "its key is"), **parts)


def about_table(session: Session, name: str, table: str) -> bytes:
    """A part of a question, about a table that the question knows by an expression of its own."""
    return message(session, name, table=sql.SQL(table))


def said_of_any(session: Session, what_is: str) -> dict[str, bytes]:
    """The parts that questions about relations and about duplicates share; what is sorted, in words."""
    names = ("_stale_collations", "_without_identity", "_described", "_published", "_whatever_is_cleaned")
    shared = {name[1:]: message(session, name) for name in names}
    return {**shared, "resorted": message(session, "_resorted", what=what_is)}


def _asked(number: int, constraint: Constraint) -> dict[str, Any]:
    said = constraint.said
    child, *parents = (sql.Identifier(*table).as_string() for table in constraint.tables)
    asked = {
        "n": number,
        "kind": constraint.kind,
        "child": child,
        "columns": constraint.columns,
        "action": said and said.kind,
        "sets": (said and said.columns) or None,
    }
    if isinstance(constraint, Relation):
        otherwise = constraint.otherwise
        asked |= {
            "parent": parents[0],
            "keys": constraint.keys,
            "otherwise": otherwise and otherwise.kind,
            "otherwise_sets": (otherwise and otherwise.columns) or None,
        }
    if isinstance(constraint, Check):
        asked["name"] = constraint.name
    return asked
