"""Asks the catalog about a table whose duplicates are to go."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from psycopg import sql

from sqlrail.ground.relation import Relation
from sqlrail.ground.unique import Unique
from sqlrail.orphans.ask import about_table, outside, quickly, said_of_any
from sqlrail.orphans.duplicates.facts import Facts
from sqlrail.orphans.session import Session, message
from sqlrail.postgres import wire


def ask_facts(session: Session, wanted: Unique, before: bytes = b"") -> Facts:
    """What the catalog says, see duplicate_facts.sql; what is given before is sent before."""
    asked = message(session, "duplicate_facts", query=question(session, wanted))
    ((said,),) = session.ask(before + quickly(session, asked))[-1:]
    facts = Facts.read(said)
    return replace(facts, refusals=[*facts.refusals, *outside(session, facts)])


def question(session: Session, wanted: Unique) -> bytes:
    """What is asked of the catalog: a query."""
    assert wanted.said is not None
    written = sql.Identifier(*wanted.child).as_string()
    return message(
        session, "_duplicate_facts",
        table=wire.named(session.connection, written), written=written, columns=list(wanted.columns), by=wanted.by,
        action=wanted.said.kind, allow_triggers=list(session.settings.allow_triggers),
        relations=json.dumps([_also(n, relation) for n, relation in enumerate(wanted.also, 1)]),
        child=wire.named(session.connection, sql.SQL("also.child")),
        parent=wire.named(session.connection, sql.SQL("also.parent")),
        kin_of_affected=about_table(session, "_kin", "affected.oid"),
        kin_of_written=about_table(session, "_kin", "written.oid"),
        primary_key_of_table=about_table(session, "_primary_key", "c.oid"),
        **said_of_any(session, "its columns are"),
    )  # fmt: skip


def _also(number: int, relation: Relation) -> dict[str, Any]:
    return {
        "n": number,
        "name": str(relation),
        "child": sql.Identifier(*relation.child).as_string(),
        "columns": relation.columns,
        "parent": sql.Identifier(*relation.parent).as_string(),
        "keys": relation.keys,
    }
