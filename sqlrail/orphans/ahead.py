"""What a cleanup does ahead of its locks, so that writers wait for little of it.

A look has placed the orphans of big tables. They are deleted while others write, where a row goes by that alone; under
the locks none of their keys may have a parent. Else, or where somebody is in the way, it has never happened, and all is
done under the locks; their pages are ready by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg import sql

from sqlrail.errors import Refused
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.relation import Relation
from sqlrail.orphans import placed as room
from sqlrail.orphans import survey
from sqlrail.orphans.ask import ask_all_facts
from sqlrail.orphans.cleaned import Cleaned, effects
from sqlrail.orphans.composer import Composer
from sqlrail.orphans.facts import Facts
from sqlrail.orphans.placed import Placed
from sqlrail.orphans.session import Session, message


@dataclass(frozen=True)
class Taken:
    """What was deleted of a relation's orphans, and where others are left; the locks are held."""

    done: Cleaned
    left: Placed


class _InTheWay(Exception):
    """Under the locks it is not as it was."""


class _HasParent(_InTheWay):
    """What was deleted ahead had not to go: a parent has come since the look."""


def look(session: Session, relations: Sequence[Constraint]) -> list[Cleaned]:
    """Relations of a transaction whose cleanup follows: those of big tables are looked at, and their orphans placed.

    Of several, each is locked when it has its turn: nothing is deleted ahead, and the pages of all are made ready.
    What a look locks it gives back, for whoever waits for a lock while it holds another may run into a deadlock. What
    keeps it from looking is found again, and said, under the locks; psycopg.Error where the connection is gone, or
    somebody has canceled it.
    """
    may_be_big = [one for one in relations if isinstance(one, Relation)]
    if not may_be_big:
        return []
    seen = list[Cleaned]()
    session.ask(message(session, "look_ahead"))
    with unless_canceled():
        seen = survey.place(session, may_be_big)
        for one in seen:
            warm(session, one, all_wait=len(relations) > 1)
    session.ask(message(session, "look_ahead_over"))
    return seen


def warm(session: Session, one: Cleaned, *, all_wait: bool = False) -> None:
    """Makes the pages ready that a cleanup is going to write to under its locks, where a look has placed the orphans.

    all_wait: for the locks, even what could be deleted ahead of them. It changes nothing, and is for a transaction, or
    a part of one, that is rolled back, see warm_placed.sql; psycopg.Error where it fails.
    """
    if _is_due(one) and (all_wait or not _goes_alone(one.facts)):
        assert one.placed
        part = Composer(session, one.relation, one.facts)
        tids = room.where(part, one.placed)["tids"]
        session.ask(survey.exactly(session, room.warm(part, tids)))


def take(session: Session, seen: Iterable[Cleaned], locks: bytes, **purpose: Any) -> dict[Constraint, Taken]:
    """Deletes what can be deleted ahead, and takes the locks; none, and no lock, where anything is in the way.

    psycopg.Error where the connection is gone, or somebody has canceled it.
    """
    due = [one for one in seen if _is_due(one) and _goes_alone(one.facts)]
    if not due:
        return {}
    for one_by_one in (False, True):
        with suppress(_HasParent):
            return _taken(session, due, locks, one_by_one=one_by_one, **purpose)
    return {}


def _taken(
    session: Session, due: Sequence[Cleaned], locks: bytes, *, one_by_one: bool, **purpose: Any
) -> dict[Constraint, Taken]:
    """The same of these; _HasParent, and nothing has happened, where one was deleted that has a parent.

    one_by_one: each row is looked up by the parent's key, not each key once all are deleted. It takes longer, and
    passes over a row whose parent has come since the look.
    """
    session.ask(message(session, "ahead"))
    try:
        done = [_take(session, one, number, one_by_one, **purpose) for number, one in enumerate(due)]
        if not any(one.cleaned for one, _ in done):
            raise _InTheWay
        taken = dict(_settled(session, done, locks))
    except pg.QueryCanceled:
        raise
    except (psycopg.Error, Refused, _InTheWay) as exc:
        session.ask(message(session, "ahead_undo"))
        if isinstance(exc, _HasParent):
            raise
        return {}
    session.ask(message(session, "ahead_over"))
    return taken


@contextmanager
def unless_canceled() -> Iterator[None]:
    """Passes over what keeps a look from looking, which is found again under the locks; psycopg.Error of a cancel."""
    try:
        yield
    except pg.QueryCanceled:
        raise
    except psycopg.Error:
        pass


def _is_due(one: Cleaned) -> bool:
    """Whether a look has placed orphans that may be cleaned."""
    return bool(one.placed and one.orphans and not one.refusals)


def _goes_alone(facts: Facts) -> bool:
    """Whether rows go by their deletion, and nothing with them or because of it."""
    return not (facts.triggers or facts.cascades or facts.sets or facts.refusals)


def _take(
    session: Session, one: Cleaned, number: int, one_by_one: bool, **purpose: Any
) -> tuple[Cleaned, Placed]:
    """Deletes a relation's orphans; what was done, and where others are left. _HasParent as above."""
    assert one.placed
    part = Composer(session, one.relation, one.facts)
    begun = part("begin_run", **{**purpose, "found_in": sql.SQL("(SELECT) AS found")})
    still: dict[str, Any] = {} if one_by_one else {"still_found": room.as_it_was(part, one.placed)}
    still |= room.where(part, one.placed)
    taken = part("ahead_taken", placed=one.orphans, taken=_keys(number), **still)
    taken += part("ahead_met", taken=_keys(number))
    (left,), (is_met,) = session.ask(session.own_tables() + part("archive_format") + begun + taken)[-2:]
    if is_met:
        raise _HasParent
    weighed = part.weigh(are_gone=True, expected=None, **purpose) + part("cascades")
    answer = session.ask(weighed + part("archive_format_off") + part("report_cleanup"))[-1]
    number_of_run, orphans, cleaned, archived = answer
    run = number_of_run if orphans else None
    done = Cleaned(one.relation, orphans, archived=archived, run=run, facts=one.facts, **effects(one.facts))
    return done.counting(cleaned), replace(one.placed, places=left, key=None)


def _settled(
    session: Session, done: Sequence[tuple[Cleaned, Placed]], locks: bytes
) -> Iterator[tuple[Constraint, Taken]]:
    """What was deleted, under the locks, where nothing of it had a reason to stay."""
    relations = [one.relation for one, _ in done]
    now = ask_all_facts(session, relations, message(session, "ahead_alone") + locks)
    for number, ((one, left), facts) in enumerate(zip(done, now, strict=True)):
        if facts.absent or facts.wrong or facts.holds or not _goes_alone(facts) or not room.fits(left, facts):
            raise _InTheWay
        part = Composer(session, one.relation, facts)
        ((is_met,),) = session.ask(survey.exactly(session, part("ahead_met", taken=_keys(number))))[-1:]
        if is_met:
            raise _HasParent
        yield one.relation, Taken(replace(one, facts=facts), left)


def _keys(number: int) -> sql.Identifier:
    """The table of the keys of what was deleted."""
    return sql.Identifier("pg_temp", f"sqlrail_taken_{number}")
