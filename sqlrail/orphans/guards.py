"""What refuses a cleanup, in words: the guards of the database's, and of what was counted.

A key that does not say what happens to its orphans is refused in ask.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import psycopg

from sqlrail.errors import Refused, UsageError
from sqlrail.ground.check import Check
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.names import join
from sqlrail.ground.settings import Settings
from sqlrail.orphans import kinds
from sqlrail.orphans.facts import Facts
from sqlrail.orphans.session import Session, message
from sqlrail.postgres.diagnostics import sentence

#: the SQLSTATE that guards written in SQL raise
GUARD = "SR001"


def refusal(relation: Constraint, reasons: Iterable[str]) -> Refused:
    """The error of guards that refuse a relation."""
    return Refused(f"the cleanup of {relation} is refused: {'; '.join(reasons)}. Nothing was changed.")


def weigh(
    settings: Settings, constraint: Constraint, orphans: int, rows: int | None, has_parents: bool
) -> Iterator[str]:
    """What speaks against a cleanup of so many orphans, or rows that violate something, among so many rows."""
    if orphans and not has_parents:
        yield f"the parent table is empty, so all {orphans} rows with a key would go"
    elif orphans > settings.max_rows and orphans > settings.max_share * (rows or 0):
        yield (
            f"{orphans} of {rows} rows {kinds.of(constraint).are}, more than {settings.max_rows} rows and "
            f"{settings.max_share:.0%} of the table. To clean these rows anyway, allow it: --max-share or --max-rows"
        )


def reason(exc: psycopg.Error, constraint: Constraint) -> str:
    """What a guard of the database's says; the error itself, raised, if it is none.

    UsageError if it is an expression of somebody's that cannot be read before his file has run.
    """
    state = exc.sqlstate or ""
    if isinstance(constraint, Check) and state[:2] == "42" and state != "42501":
        raise UsageError(
            f"the expression of {join(constraint.name)} means nothing yet: {sentence(exc)}"
        ) from exc
    if isinstance(exc, psycopg.errors.UndefinedFunction | psycopg.errors.IndeterminateCollation):
        return f"the two columns' types cannot be compared ({exc.diag.message_primary})"
    if isinstance(exc, psycopg.errors.InsufficientPrivilege):
        # Row-level security under row_security = off, or a plain lack of rights: the server says which.
        return f"{exc.diag.message_primary}; rows that this role may not see would count as missing"
    if exc.sqlstate != GUARD:
        raise exc
    return sentence(exc).rstrip(".")


def remedy(exc: psycopg.Error) -> str:
    """What to do where a foreign key forbids a deletion, or what it would leave; nothing for all else."""
    if not isinstance(exc, psycopg.errors.ForeignKeyViolation | psycopg.errors.RestrictViolation):
        return ""
    return (
        f" Where rows of {exc.diag.table_name} refer to rows that would go, delete them or point them elsewhere first; "
        f"where they would be set to null and are orphans of the key {exc.diag.constraint_name} as well, clean those "
        "first, with its --relation alone."
    )


def by_event_trigger(session: Session, exc: psycopg.Error) -> str:
    """What to do where an event trigger has refused a table that a cleanup makes; nothing for all else.

    It asks the catalog, in a transaction of its own that is left to be rolled back.
    """
    context = exc.diag.context or ""
    if (exc.sqlstate or "")[:2] not in ("P0", "42"):  # what RAISE gives, or a right that is denied
        return ""
    rows = session.ask(b"BEGIN READ ONLY;" + message(session, "ours") + message(session, "event_triggers"))
    names = [
        trigger for trigger, function in rows if re.search(rf'(?<![\w"]){re.escape(function)}\(', context)
    ]
    if not names:
        return ""
    return (
        f" The event trigger {' or '.join(map(join, names))} has refused a table that the cleanup makes for itself: "
        "let it pass temporary tables and the schema sqlrail, or disable it meanwhile."
    )


def published(facts: Facts) -> str | None:
    """What there is to know where the archive is published."""
    if not facts.published:
        return None
    return (
        f"what is archived goes to the subscribers of {facts.published} as well, for sqlrail.archive is published: "
        "leave the schema sqlrail out of the publication if it must not"
    )
