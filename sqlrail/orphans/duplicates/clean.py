"""Takes duplicates away, in one transaction: what refers to them is pointed at the rows that stay, and all is archived.

The order of statements is the argument for their safety; each file of sql/ says its part of it.
"""

from __future__ import annotations

import json
from typing import Any

import psycopg

from sqlrail.errors import UsageError
from sqlrail.ground.unique import Unique
from sqlrail.orphans import facts as orphans
from sqlrail.orphans import prepare
from sqlrail.orphans.cleaned import Cleaned
from sqlrail.orphans.duplicates.ask import ask_facts, question
from sqlrail.orphans.duplicates.composer import Composer
from sqlrail.orphans.duplicates.facts import Facts
from sqlrail.orphans.duplicates.survey import counted, described, unordered
from sqlrail.orphans.duplicates.told import Duplicates
from sqlrail.orphans.guards import reason, refusal
from sqlrail.orphans.session import Session, message
from sqlrail.postgres.diagnostics import sentence


def clean(
    session: Session,
    wanted: Unique,
    *,
    verb: str,
    migration: str | None = None,
    expected: int | None = None,
) -> Cleaned:
    """Archives and deletes a table's duplicates within the session's transaction.

    In a table that refers to itself, rows may become duplicates when those above them are one: they go in rounds of
    their own. Refused, by a guard, has changed nothing once the transaction is rolled back; psycopg.Error and
    UsageError, for a column that is not there or cannot be ordered, likewise.
    """
    facts = lock(session, wanted)
    one = described(wanted, facts)
    if one.skipped:
        return one
    if one.facts.wrong:
        raise UsageError(one.facts.wrong)
    if one.refusals:
        raise refusal(wanted, one.refusals)
    purpose = {"verb": verb, "migration": migration}
    total, found = _round(session, one, facts, **purpose, before=0, expected=expected)
    while found and may_have_more(one):
        more, found = _round(session, one, facts, **purpose, before=total.deleted, expected=None)
        total = total.plus(more)
    return total


def lock(session: Session, wanted: Unique) -> Facts:
    """Locks the table and those around it that the cleanup may write to; what the catalog says under the locks."""
    facts = ask_facts(session, wanted)
    while facts.tables:
        locked, facts = facts, ask_facts(session, wanted, prepare.lock(session, [], facts.written))
        if facts.tables.keys() <= locked.tables.keys():
            break
    return facts


def may_have_more(one: Cleaned) -> bool:
    """Whether rows of the table itself are pointed elsewhere by a column that tells which are equal."""
    wanted, facts = one.relation, one.facts
    return (
        isinstance(facts, Facts)
        and not facts.absent
        and any(
            set(key["columns"]) & set(wanted.columns) for key in facts.keys if key["child"] == facts.table
        )
    )


def compose_round(session: Session, wanted: Unique, facts: orphans.Facts, **purpose: Any) -> bytes:
    """What finds, weighs, archives and deletes the duplicates once."""
    assert isinstance(facts, Facts)
    verb, migration, expected = (purpose[name] for name in ("verb", "migration", "expected"))
    return Composer(session, wanted, facts, expected=expected).clean(verb=verb, migration=migration)


def check(session: Session, wanted: Unique, facts: orphans.Facts) -> bytes:
    """The guards that the catalog answers, and whether the tables still are what a script was written for."""
    names = ("child", "action", "tables", "affected", "keys", "indexes")
    written = {name: getattr(facts, name) for name in names}
    return message(session, "check_relation", written=json.dumps(written), query=question(session, wanted))


def _round(
    session: Session, one: Cleaned, facts: Facts, *, before: int, expected: int | None, **purpose: Any
) -> tuple[Cleaned, int]:
    """What one round has done, and how many duplicates it found."""
    wanted = one.relation
    assert isinstance(wanted, Unique)
    tables = prepare.own_tables(session, lambda: counted(session, one, closely=False))
    if isinstance(tables, Cleaned):
        return tables, 0
    part = Composer(session, wanted, facts, before=before, expected=expected)
    try:
        run, told, _ = session.ask(tables + part.clean(**purpose))[-1]
    except psycopg.errors.UndefinedFunction as exc:
        raise UsageError(unordered(one, exc).refusals[0]) from exc
    except psycopg.errors.IntegrityError as exc:
        raise refusal(wanted, [_forbidden(exc)]) from exc
    except psycopg.Error as exc:
        raise refusal(wanted, [reason(exc, wanted)]) from exc
    return cleaned(one, run, part.read(told)), told["gone"][0]


def cleaned(one: Cleaned, run: int | None, found: Duplicates) -> Cleaned:
    """What became of the duplicates that were found."""
    return Cleaned(
        one.relation, found.gone, deleted=found.deleted, changed=found.changed, archived=found.deleted + found.changed,
        run=run if found.gone else None, duplicates=found, facts=one.facts,
    )  # fmt: skip


def _forbidden(exc: psycopg.errors.IntegrityError) -> str:
    """Where a constraint forbids what the rows would say."""
    diag = exc.diag
    return (
        f"{sentence(exc).rstrip('.')}, once its rows refer to those that stay: {diag.table_name} would not fulfil "
        f"{diag.constraint_name}"
    )
