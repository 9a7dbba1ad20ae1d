"""A cleanup as a script for psql, for people to read before they run it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from psycopg import sql

from sqlrail.files.statements import all_statements
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.relation import Relation
from sqlrail.ground.unique import Unique
from sqlrail.orphans.ask import question, quickly
from sqlrail.orphans.clean import compose_round
from sqlrail.orphans.cleaned import Cleaned, may_be_parallel
from sqlrail.orphans.duplicates import clean as duplicates
from sqlrail.orphans.facts import Facts
from sqlrail.orphans.prepare import lock
from sqlrail.orphans.script_look import Ahead, ahead_of_locks, is_due
from sqlrail.orphans.session import Printer, Session, ddl, message, quote


def script(session: Session, opening: bytes, seen: Sequence[Cleaned]) -> str:
    """What clean() sends for all that was seen, in this order, as one script for psql.

    A loop repeats what the runner repeats: where deletions may leave orphans of a relation that had its turn.
    """
    printer = Printer(session)
    names = {one.relation: _qualified(one) for one in seen}
    written = [table for one in seen for table in one.facts.written if isinstance(one.relation, Unique)]
    text = [opening, ddl(printer, "script_whole")]
    ahead = {
        one.relation: Ahead(printer, n, one, question(printer, names[one.relation]))
        for n, one in enumerate(seen, 1)
        if is_due(one)
    }
    checks = {
        one.relation: _check(printer, names[one.relation], one.facts, ahead.get(one.relation)) for one in seen
    }
    text += ahead_of_locks(printer, {one: checks[relation] for relation, one in ahead.items()})
    text += [lock(printer, names.values(), written), printer.own_tables(), quickly(printer, *checks.values())]
    repeats = any(one.may_orphan(other) for n, one in enumerate(seen) for other in seen[: n + 1])
    repeats = repeats or any(duplicates.may_have_more(one) for one in seen)
    rounds, parallel = [], may_be_parallel(seen)
    for n, one in enumerate(seen):
        expected = None if any(it.may_orphan(one) for it in seen[:n]) else one.orphans
        first = sql.SQL("CASE current_setting('sqlrail.turn') WHEN '1' THEN {}::bigint END").format(expected)
        purpose: dict[str, Any] = {
            "verb": "cleanup",
            "migration": None,
            "expected": first if repeats else expected,
        }
        kept: dict[str, Any] = {"load": one.load(parallel=parallel)}
        if one.relation in ahead:
            kept["find"] = ahead[one.relation].find
        rounds.append(compose_round(printer, one.relation, one.facts, **kept, **purpose))
    # Citus hands its nodes the whole text of what holds a statement for them.
    single = any(one.facts.citus for one in seen)
    text += [_repeat(printer, [_pieces(one, single=single) for one in rounds])] if repeats else rounds
    return "\n".join(part.decode() for part in [*text, b"COMMIT;"] if part)


def _qualified(one: Cleaned) -> Constraint:
    child, parent = (
        (it["schema"], it["table"]) for it in (one.facts.child, one.facts.parent or one.facts.child)
    )
    if isinstance(one.relation, Relation):
        return replace(one.relation, child=child, parent=parent)
    return replace(one.relation, child=child)


def _check(session: Session, relation: Constraint, facts: Facts, ahead: Ahead | None) -> bytes:
    if isinstance(relation, Unique):
        return duplicates.check(session, relation, facts)
    names = [
        "child",
        "cascades",
        "action",
        "sets",
        "expression",
        *["parent", "operators"] * bool(facts.parent),
    ]
    written = {name: getattr(facts, name) for name in names}
    asked, query = (ahead.ask(), ahead.answer()) if ahead else (b"", question(session, relation))
    return asked + message(session, "check_relation", written=json.dumps(written), query=query)


def _repeat(session: Session, rounds: list[list[bytes]]) -> bytes:
    each = [
        b"\n".join(message(session, "_repeat_execute", text=text, quote=quote(text)) for text in one)
        for one in rounds
    ]
    text = b"\n".join(message(session, "_repeat_round", executed=executed) for executed in each)
    return message(session, "repeat_cleanup", rounds=text, quote=quote(text))


def _pieces(text: bytes, *, single: bool) -> list[bytes]:
    """A round whole, or each of its statements with the comments in front of it."""
    ends = [0, *(statement.end for statement in all_statements(text))] if single else [0, len(text)]
    return [text[after:end].strip(b"\n") for after, end in itertools.pairwise(ends)]
