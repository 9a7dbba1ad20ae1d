"""Orphans: rows whose parent is gone. Relations, guards, preview, and the deletion that archives what it deletes.

The order of statements is the argument for their safety; each file of sql/ says its part of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import psycopg
from psycopg import sql

from sqlrail.connect import Connection
from sqlrail.errors import Refused
from sqlrail.settings import Settings
from sqlrail.wire import message

#: the SQLSTATE that guards written in SQL raise
GUARD = "SR001"
_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_PATH = rf"({_NAME}(?:\s*\.\s*{_NAME}){{1,2}})"


@dataclass(frozen=True)
class Relation:
    """Each row of child whose column is not null must name a row of parent by its key.

    Tables are tuples of names, with the schema where one was given; without one the search_path finds them.
    """

    child: tuple[str, ...]
    column: str
    parent: tuple[str, ...]
    key: str

    @classmethod
    def parse(cls, text: str) -> Relation:
        """ValueError if the text is not of the form `child.column -> parent.key`."""
        match = re.fullmatch(rf"\s*{_PATH}\s*->\s*{_PATH}\s*", text)
        if match is None:
            raise ValueError(f"'{text}' is not of the form child.column -> parent.key")
        *child, column = _fold(match[1])
        *parent, key = _fold(match[2])
        return cls(tuple(child), column, tuple(parent), key)

    def __str__(self) -> str:
        return f"{join(*self.child, self.column)} -> {join(*self.parent, self.key)}"


def _fold(path: str) -> list[str]:
    # As PostgreSQL reads names: lower case unless quoted, and of no letters but ASCII's.
    return [
        name[1:-1].replace('""', '"')
        if name.startswith('"')
        else re.sub("[A-Z]+", lambda letters: letters[0].lower(), name)
        for name in re.findall(_NAME, path)
    ]


def join(*names: str) -> str:
    """Names joined by dots as SQL would have them, quoted where they must be."""
    plain = re.compile(r"[a-z_][a-z0-9_]*")
    return ".".join(name if plain.fullmatch(name) else sql.Identifier(name).as_string() for name in names)


@dataclass(frozen=True)
class Cleaned:
    """What became of a relation's orphans; counts are rows, archived ones include those of cascades."""

    relation: Relation
    orphans: int = 0
    deleted: int = 0
    archived: int = 0
    rows: int | None = None  # of the child; counted in a preview only
    run: int | None = None
    skipped: str | None = None
    refusals: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    cascades: tuple[str, ...] = ()

    def plus(self, more: Cleaned) -> Cleaned:
        """Both, of two rounds over the same relation."""
        return replace(
            self,
            orphans=self.orphans + more.orphans,
            deleted=self.deleted + more.deleted,
            archived=self.archived + more.archived,
            run=self.run or more.run,
        )


class Session(Protocol):
    """A transaction that messages can be sent in."""

    settings: Settings

    @property
    def connection(self) -> Connection:
        """What messages are composed for."""

    def ask(self, text: bytes) -> list[tuple[Any, ...]]:
        """All rows that a message returns; psycopg.Error if it failed."""

    def own_tables(self) -> bytes:
        """What makes sqlrail's own tables where they are missing; Refused if they may not be made."""


def clean(session: Session, relation: Relation, *, verb: str, migration: str | None = None) -> Cleaned:
    """Archives and deletes a relation's orphans within the session's transaction: two round trips.

    Where a table refers to itself, the rows below a deleted one are orphans in turn, and go in rounds of their
    own. Refused, by a guard, has changed nothing once the transaction is rolled back; psycopg.Error likewise.
    """
    facts = session.ask(
        _compose(session, relation, "lock_relation") + _compose(session, relation, "relation")
    )[-1][0]
    if facts["absent"]:
        return Cleaned(relation, skipped=facts["absent"])
    if facts["refusals"]:
        raise Refused(
            f"the cleanup of {relation} is refused: {'; '.join(facts['refusals'])}. Nothing was changed."
        )
    done = _round(session, relation, facts, verb, migration, before=0)
    total = done
    while done.orphans and facts["child"]["name"] == facts["parent"]["name"]:
        done = _round(session, relation, facts, verb, migration, before=total.orphans)
        total = total.plus(done)
    return total


def _round(
    session: Session, relation: Relation, facts: dict[str, Any], verb: str, migration: str | None, before: int
) -> Cleaned:
    try:
        own_tables = session.own_tables()
    except Refused:
        if preview(session, relation).orphans == 0:  # nothing to archive, so nothing to archive it in
            return Cleaned(relation, **_effects(facts))
        raise
    part = _Composer(session, relation, facts)
    text = own_tables + part("archive_format")
    text += part("find_orphans", verb=verb, migration=migration, before=before)
    text += b"".join(part.cascade("stage_cascade", edge) for edge in facts["cascades"])
    text += b"".join(part.cascade("archive_cascade", edge) for edge in _by_table(facts["cascades"]))
    text += part("cleanup") + part("archive_format_off") + part("report_cleanup")
    run, orphans, deleted, archived = _guarded(relation, lambda: session.ask(text))[-1]
    if deleted != orphans:
        raise Refused(
            f"the cleanup of {relation} is refused: {orphans - deleted} of {orphans} orphans would stay, because a "
            "trigger keeps them. Nothing was changed."
        )
    return Cleaned(relation, orphans, deleted, archived, run=run if orphans else None, **_effects(facts))


def preview(session: Session, relation: Relation) -> Cleaned:
    """What clean() would find and say, read-only and without its locks."""
    facts = session.ask(_compose(session, relation, "relation"))[-1][0]
    if facts["absent"]:
        return Cleaned(relation, skipped=facts["absent"])
    refusals = list(facts["refusals"])
    part = _Composer(session, relation, facts)
    text = part("archive_format") + part("preview") + part("archive_format_off")
    orphans, rows, has_parents = _guarded(relation, lambda: session.ask(text))[-1]
    settings = session.settings
    if orphans and not has_parents:
        refusals.append(f"the parent table is empty, so all {orphans} rows with a key would go")
    elif orphans > settings.max_rows and orphans > settings.max_share * rows:
        refusals.append(
            f"{orphans} of {rows} rows are orphans, more than {settings.max_rows} rows and "
            f"{settings.max_share:.0%} of the table; --max-share or --max-rows allow it"
        )
    return Cleaned(relation, orphans, rows=rows, refusals=tuple(refusals), **_effects(facts))


def _guarded(relation: Relation, ask: Callable[[], list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    try:
        return ask()
    except (psycopg.errors.UndefinedFunction, psycopg.errors.IndeterminateCollation) as exc:
        reason = f"the two columns' types cannot be compared ({exc.diag.message_primary})"
    except psycopg.errors.InsufficientPrivilege as exc:
        # Row-level security under row_security = off, or a plain lack of rights: the server says which.
        reason = f"{exc.diag.message_primary}; rows that this role may not see would count as missing"
    except psycopg.Error as exc:
        if exc.sqlstate != GUARD:
            raise
        reason = f"{exc.diag.message_primary}. {exc.diag.message_hint or ''}".strip().rstrip(".")
    raise Refused(f"the cleanup of {relation} is refused: {reason}. Nothing was changed.")


def _compose(session: Session, relation: Relation, name: str) -> bytes:
    parts = {
        "child": sql.Identifier(*relation.child).as_string(),
        "column": relation.column,
        "parent": sql.Identifier(*relation.parent).as_string(),
        "key": relation.key,
    }
    if name == "relation":
        parts["allow_triggers"] = list(session.settings.allow_triggers)  # type: ignore[assignment]
    return message(session.connection, name, **parts)


class _Composer:
    """Fills in the statements for one relation, with the names that the catalog gave."""

    def __init__(self, session: Session, relation: Relation, facts: dict[str, Any]) -> None:
        self.session = session
        self.parts: dict[str, Any] = {
            "child": _table(facts["child"]),
            "parent": _table(facts["parent"]),
            "column": sql.Identifier(relation.column),
            "key": sql.Identifier(relation.key),
            "relation": str(relation),
            "source": facts["child"]["name"],
            "cells": _cells(facts["child"]),
            "max_rows": session.settings.max_rows,
            "max_share": session.settings.max_share,
            "actor": session.settings.actor,
        }

    def __call__(self, name: str, **parts: Any) -> bytes:
        return message(self.session.connection, name, **{**self.parts, **parts})

    def cascade(self, name: str, edge: dict[str, Any]) -> bytes:
        pairs = zip(edge["columns"], edge["keys"], strict=True)
        matches = [sql.SQL("t.{} = r.{}").format(*map(sql.Identifier, pair)) for pair in pairs]
        return self(
            name,
            action=edge["action"],
            table=_table(edge["table"]),
            source=edge["table"]["name"],
            cells=_cells(edge["table"]),
            referenced=_table(edge["referenced"]),
            matches=sql.SQL(" AND ").join(matches),
        )


def _by_table(edges: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({edge["table"]["name"]: edge for edge in edges}.values())


def _table(description: dict[str, Any]) -> sql.Composable:
    # A foreign key is about the rows of the table itself, not of those that inherit it; partitions are its own.
    names = sql.Identifier(description["schema"], description["table"])
    return sql.SQL("ONLY {}").format(names) if description["only"] else names


def _cells(description: dict[str, Any]) -> sql.Composable:
    """An object of the row's columns as text; generated ones are left out, they come back by themselves."""
    columns = description["columns"]
    return sql.SQL("jsonb_object({}, ARRAY[{}]::text[])").format(
        sql.Literal(columns),
        sql.SQL(", ").join(sql.SQL("c.{}::text").format(sql.Identifier(column)) for column in columns),
    )


def _effects(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "triggers": tuple(f"{trigger['name']} on {trigger['table']}" for trigger in facts["triggers"]),
        "cascades": tuple(f"{edge['constraint']}: {edge['action']}" for edge in facts["cascades"])
        + (("the rows below them go as well",) * (facts["child"]["name"] == facts["parent"]["name"])),
    }
