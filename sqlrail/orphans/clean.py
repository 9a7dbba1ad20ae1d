"""The deletion of orphans, which archives what it deletes, in one transaction.

The order of statements is the argument for their safety; each file of sql/ says its part of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg

from sqlrail.errors import UsageError
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.unique import Unique
from sqlrail.orphans import placed as room
from sqlrail.orphans import survey
from sqlrail.orphans.ahead import Taken
from sqlrail.orphans.ask import ask_facts, default_refusals
from sqlrail.orphans.cleaned import NOTHING, Cleaned, Load, effects
from sqlrail.orphans.composer import Composer
from sqlrail.orphans.duplicates import clean as duplicates
from sqlrail.orphans.facts import Facts
from sqlrail.orphans.guards import reason, refusal
from sqlrail.orphans.placed import Placed
from sqlrail.orphans.prepare import lock, own_tables
from sqlrail.orphans.session import Session


def clean(
    session: Session,
    relation: Constraint,
    *,
    verb: str,
    migration: str | None = None,
    expected: int | None = None,
    placed: Placed | None = None,
    taken: Taken | None = None,
    passed: int | None = None,
    load: Load = NOTHING,
) -> Cleaned:
    """Archives and deletes a relation's orphans within the session's transaction: two round trips.

    Where its own deletions leave orphans, as in a table that refers to itself, they go in rounds of their own. It is
    refused if there are many more orphans than were expected; and what a look has placed is not looked for again.
    taken: what of it was deleted ahead of the locks, which are held; passed: see Cleaned.
    Refused, by a guard, has changed nothing once the transaction is rolled back; psycopg.Error and UsageError, for
    what is not there to be cleaned or no value of its column, likewise.
    """
    if isinstance(relation, Unique):
        return duplicates.clean(session, relation, verb=verb, migration=migration, expected=expected)
    facts = taken.done.facts if taken else ask_facts(session, relation, lock(session, [relation]))
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
    first: dict[str, Any] = {
        "placed": placed,
        "load": load,
        "expected": expected,
        "passed": passed,
    }
    done = total = _round(session, relation, facts, **first, **purpose)
    while done.cleaned and total.may_orphan(total):
        done = _round(session, relation, facts, expected=None, **purpose)
        total = total.plus(done)
    return taken.done.plus(total) if taken else total


def _round(
    session: Session, relation: Constraint, facts: Facts, placed: Placed | None = None, **purpose: Any
) -> Cleaned:
    tables = own_tables(session, lambda: survey.preview(session, relation, closely=False))
    if isinstance(tables, Cleaned):
        return tables
    find = partial(room.find, placed=placed) if placed else Composer.find
    text = tables + compose_round(session, relation, facts, find, **purpose)
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
    find: Callable[[Composer], bytes] = Composer.find,
    *,
    load: Load = NOTHING,
    **purpose: Any,
) -> bytes:
    """What finds, weighs, archives and cleans the orphans of a relation once."""
    if isinstance(relation, Unique):
        return duplicates.compose_round(session, relation, facts, **purpose)
    counted = any(purpose.get(known) is not None for known in ("expected", "passed"))
    part = Composer(session, relation, facts, counted=counted, load=load)
    text = part("archive_format")
    text += find(part) + part.weigh(**purpose) + part("begin_run", **purpose) + part("cascades")
    back = part("archive_format_off")
    if facts.distributed and purpose["verb"] == "cleanup":
        back = part("nodes_here") + back + part("nodes_everywhere")
    return text + part.cascades() + part.clean() + back + part("report_cleanup")
