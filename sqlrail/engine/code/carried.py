"""What was said of an object beside what made it: read before it is dropped, and said again of what takes its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from psycopg import sql

from sqlrail.files.code import ROUTINES

_GRANTABLE = " WITH GRANT OPTION"
_ENABLED = {"O": "ENABLE", "D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


class Fact(NamedTuple):
    """One of the rows of code_facts.sql; names are quoted where they must be."""

    what: str
    field: str | None  # the column
    subject: str | None  # a role, or who keeps a label
    value: str | None


class Target(NamedTuple):
    """What is there now, by the kind and the whole name that statements take."""

    kind: str
    identity: str

    def said(self, fact: Fact) -> str:
        """The object, or its column, as COMMENT and SECURITY LABEL name it."""
        if fact.field:
            return f"COLUMN {self.identity}.{fact.field}"
        return f"{self.kind.upper()} {self.identity}"

    def granted(self, fact: Fact) -> str:
        """Privileges as GRANT and REVOKE name them, and on what."""
        privilege = (fact.value or "").removesuffix(_GRANTABLE)
        on = f"{self.kind.upper()} {self.identity}" if self.kind in ROUTINES else self.identity
        return f"{privilege}{f' ({fact.field})' if fact.field else ''} ON {on}"


def owners(target: Target, before: Iterable[Fact], now: Iterable[Fact]) -> Iterator[str]:
    """The statement that gives it to whom it belonged."""
    for fact in {*before} - {*now}:
        if fact.what == "owner":
            yield f"ALTER {target.kind.upper()} {target.identity} OWNER TO {fact.value}"


def others(target: Target, before: Iterable[Fact], now: Iterable[Fact]) -> Iterator[str]:
    """The statements that say the rest again; what was said of a column that is gone is gone."""
    was, has = {*before}, {*now}
    fields = {fact.field for fact in has if fact.what == "field"} | {None}
    for fact in sorted(has - was, key=str):
        if fact.what == "privilege":
            yield f"REVOKE {target.granted(fact)} FROM {fact.subject}"
    for fact in sorted((fact for fact in was - has if fact.field in fields), key=str):
        if fact.what == "privilege":
            option = _GRANTABLE if (fact.value or "").endswith(_GRANTABLE) else ""
            yield f"GRANT {target.granted(fact)} TO {fact.subject}{option}"
        elif fact.what == "comment":
            yield f"COMMENT ON {target.said(fact)} IS {_literal(fact.value)}"
        elif fact.what == "label":
            yield f"SECURITY LABEL FOR {fact.subject} ON {target.said(fact)} IS {_literal(fact.value)}"
        elif fact.what == "enabled":
            state, _, name = (fact.value or "").partition(" ")
            yield f"ALTER TABLE {fact.subject} {_ENABLED[state]} TRIGGER {name}"


def options(facts: Iterable[Fact]) -> list[str]:
    """The options of a view, or what a function sets."""
    return sorted(fact.value for fact in facts if fact.what == "option" and fact.value)


def _literal(text: str | None) -> str:
    return sql.Literal(text).as_string()
