"""The deletion of orphans, which archives what it deletes, in one transaction.

The order of statements is the argument for their safety; each file of sql/ says its part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg

from sqlrail.errors import UsageError
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.relation import Relation
from sqlrail.ground.unique import Unique
from sqlrail.orphans import placed as room
from sqlrail.orphans import survey
from sqlrail.orphans.ask import ask_facts, default_refusals
from sqlrail.orphans.cleaned import Cleaned, effects
from sqlrail.orphans.composer import Composer
from sqlrail.orphans.duplicates import clean as duplicates
from sqlrail.orphans.facts import Facts
from sqlrail.orphans.guards import reason, refusal
from sqlrail.orphans.placed import Placed
from sqlrail.orphans.prepare import lock, own_tables
from sqlrail.orphans.session import Session, message


def clean(
    session: Session,
    relation: Constraint,
    *,
    verb: str,
    migration: str | None = None,
    expected: int | None = None,
    placed: Placed | None = None,
    are_many: bool = False,
    parallel: bool = False,
) -> Cleaned:
    """Archives and deletes a relation's orphans within the session's transaction: two round trips.

    Where its own deletions leave orphans, as in a table that refers to itself, they go in rounds of their own. It is
    refused if there are many more orphans than were expected; and what a look has placed is not looked for again.
    are_many: see Cleaned.are_many; parallel: see may_be_parallel().
    Refused, by a guard, has changed nothing once the transaction is rolled back; psycopg.Error and UsageError, for
    what is not there to be cleaned or no value of its column, likewise.
    """
    if isinstance(relation, Unique):
        return duplicates.clean(session, relation, verb=verb, migration=migration, expected=expected)
    facts = ask_facts(session, relation, lock(session, [relation]))
    if facts.absent:
        return Cleaned(relation, skipped=facts.absent, facts=facts)
    if facts.wrong:
        raise UsageError(facts.wrong)
    if facts.holds:
        return Cleaned(relation, skipped=facts.holds, facts=facts)
    if reasons := [*facts.refusals, *default_refusals(session, relation, facts)]:
        raise refusal(relation, reasons)
    if placed:
        placed = room.standing(session, Composer(session, relation, facts), placed)
    purpose: dict[str, Any] = {"verb": verb, "migration": migration}
    first = {"placed": placed, "are_many": are_many, "parallel": parallel, "expected": expected}
    done = total = _round(session, relation, facts, **first, **purpose)
    while done.cleaned and total.may_orphan(total):
        done = _round(session, relation, facts, expected=None, **purpose)
        total = total.plus(done)
    return total


def look_ahead(session: Session, relations: Sequence[Constraint]) -> dict[Constraint, Placed]:
    """Where the orphans of big tables are, for a clean() in the same transaction: its locks are not held so long then.

    Their pages are made ready as well, see warm(). What a look locks it gives back, for whoever waits for a lock while
    it holds another may run into a deadlock. What keeps it from looking is found again, and said, under the locks;
    psycopg.Error where the connection is gone.
    """
    may_be_big = [one for one in relations if isinstance(one, Relation)]
    if not may_be_big:
        return {}
    seen = list[Cleaned]()
    session.ask(message(session, "look_ahead"))
    with suppress(psycopg.Error):
        seen = survey.place(session, may_be_big)
        for one in seen:
            warm(session, one)
    session.ask(message(session, "look_ahead_over"))
    return {one.relation: one.placed for one in seen if one.placed}


def warm(session: Session, one: Cleaned) -> None:
    """Makes the pages ready that a clean() is going to write to, where a look has placed the orphans.

    See warm_placed.sql. It changes nothing, and is for a transaction, or a part of one, that is rolled back;
    psycopg.Error where it fails.
    """
    if one.placed and one.orphans and not one.refusals:
        part = Composer(session, one.relation, one.facts)
        session.ask(survey.exactly(session, part("warm_placed", tids=one.placed.tids)))


def _round(session: Session, relation: Constraint, facts: Facts, **purpose: Any) -> Cleaned:
    tables = own_tables(session, lambda: survey.preview(session, relation, closely=False))
    if isinstance(tables, Cleaned):
        return tables
    text = tables + compose_round(session, relation, facts, **purpose)
    try:
        run, orphans, cleaned, archived = session.ask(text)[-1]
    except psycopg.Error as exc:
        raise refusal(relation, [reason(exc, relation)]) from exc
    done = Cleaned(
        relation, orphans, archived=archived, run=run if orphans else None, facts=facts, **effects(facts)
    )
    return done.counting(cleaned)


def compose_round(
    session: Session,
    relation: Constraint,
    facts: Facts,
    placed: Placed | None = None,
    *,
    are_many: bool = False,
    parallel: bool = False,
    **purpose: Any,
) -> bytes:
    """What finds, weighs, archives and cleans the orphans of a relation once."""
    if isinstance(relation, Unique):
        return duplicates.compose_round(session, relation, facts, **purpose)
    counted = purpose.get("expected") is not None
    part = Composer(session, relation, facts, counted=counted, are_many=are_many, parallel=parallel)
    text = part("archive_format") + (room.find(part, placed) if placed else part.find())
    text += part.weigh(**purpose) + part("begin_run", **purpose) + part("cascades") + part.cascades()
    text += room.clean(part, placed) if placed else part.clean()
    return text + part("archive_format_off") + part("report_cleanup")
