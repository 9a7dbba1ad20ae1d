"""The look for duplicates before a cleanup, which changes nothing."""

from __future__ import annotations

from dataclasses import replace

import psycopg

from sqlrail.ground.unique import Unique
from sqlrail.orphans.cleaned import Cleaned, Seen
from sqlrail.orphans.duplicates.ask import ask_facts
from sqlrail.orphans.duplicates.composer import Composer
from sqlrail.orphans.duplicates.facts import Facts
from sqlrail.orphans.guards import reason
from sqlrail.orphans.session import Session, message


def describe(session: Session, wanted: Unique, before: bytes = b"") -> Cleaned:
    """What the catalog says, and refuses; no row is looked at. What is given before is sent before."""
    return described(wanted, ask_facts(session, wanted, before))


def described(wanted: Unique, facts: Facts) -> Cleaned:
    """The same of what the catalog has said."""
    if facts.absent:
        return Cleaned(wanted, skipped=facts.absent, facts=facts)
    if facts.holds:
        return Cleaned(wanted, skipped=facts.holds, facts=facts)
    return Cleaned(wanted, refusals=(facts.wrong,) if facts.wrong else tuple(facts.refusals), facts=facts)


def counted(session: Session, one: Cleaned, *, closely: bool) -> Cleaned:
    """With what clean() would find and say, read-only and without its locks."""
    wanted, facts = one.relation, one.facts
    assert isinstance(wanted, Unique)
    assert isinstance(facts, Facts)
    part = Composer(session, wanted, facts, kept=False)
    look = (
        message(session, "archive_format"),
        part.look(closely=closely),
        message(session, "archive_format_off"),
    )
    try:
        ((told,),) = session.ask(b"".join(look))[-1:]
    except psycopg.errors.UndefinedFunction as exc:
        return unordered(one, exc)
    except psycopg.Error as exc:
        # What is refused anyway need not be countable: a partition may be a foreign table.
        return one if one.refusals else replace(one, refusals=(reason(exc, wanted),))
    found = part.read(told)
    seen = Seen(told["rows"], None, None, None, None, [], None) if closely else None
    refusals = (*one.refusals, *told["refusals"])
    return replace(one, orphans=found.gone, duplicates=found, seen=seen, refusals=refusals)


def unordered(one: Cleaned, exc: psycopg.Error) -> Cleaned:
    """Where columns cannot be compared, or the one that tells which row is newer cannot be ordered."""
    wrong = f"which rows are equal, and which is newer, cannot be told: {exc.diag.message_primary}"
    return replace(one, facts=replace(one.facts, wrong=wrong), refusals=(wrong,))
