"""By which expressions ALTER TABLE … TYPE … USING makes new values: they are in the statement's text alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sqlrail.engine.store import Store
from sqlrail.ground.names import NAME, plain
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection
from sqlrail.scratch.shapes import Lean, leans_of, made, mid_transaction

_LEXEME = (
    r"(?s)(?P<blank>\s+|--[^\n]*|/\*.*?\*/)|(?P<tag>\$\w*\$).*?(?P=tag)|[eE]'(?:\\.|''|[^'\\])*'|'(?:''|[^'])*'"
    r'|"(?:""|[^"])*"|[\w$]+|.'
)
_TABLE = rf"(?is)ALTER TABLE (?:IF EXISTS )?(?:ONLY )?({NAME}(?:\s*\.\s*{NAME}){{0,2}})\s*\*?"
_TYPE = rf"(?is)ALTER (?:COLUMN )?({NAME}) (?:SET DATA )?TYPE\b"

#: what asks in a transaction or between two, and what takes that back where it failed
WITHIN = ("plan_using_within", "plan_using_within_not")
BETWEEN = ("plan_using_between", "plan_using_between_not")


class Using(NamedTuple):
    """An expression over the table as it was before the statement; why is set where it is not known."""

    expression: str
    table: str  # by which it may call the table, or a partition of it
    leans: tuple[Lean, ...] = ()
    why: str | None = None


def tokens(text: str) -> list[str]:
    """A statement's tokens; blanks and comments are one space each."""
    return [" " if match["blank"] else match[0] for match in re.finditer(_LEXEME, text)]


def usings(text: str) -> tuple[str, dict[str, str]]:
    """The table that a statement alters, as in SQL, and the expression by the name of each column that has one."""
    parts = [part.strip() for part in listed(text)]
    table = re.match(_TABLE, re.sub(r" +", " ", parts[0])) if parts else None
    if table is None:
        return "", {}
    parts[0] = re.sub(r" +", " ", parts[0])[table.end() :].strip()
    return table[1], dict(filter(None, map(_using, parts)))


def outside(text: str) -> Iterator[tuple[str, bool]]:
    """A statement's tokens, each with whether it stands outside of all parentheses; without what ends it."""
    depth = 0
    for word in tokens(text):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(word, 0)
        if word != ";":
            yield word, depth == 0


def listed(text: str) -> Iterator[str]:
    """The parts of a statement between its commas."""
    part = list[str]()
    for word, is_outside in outside(text):
        if word == "," and is_outside:
            yield "".join(part)
            part = []
        else:
            part.append(word)
    yield "".join(part)


def _using(part: str) -> tuple[str, str] | None:
    match = re.match(_TYPE, re.sub(r" +", " ", part))
    words = tokens(part)
    places = [place for place, word in enumerate(words) if word.upper() == "USING"]
    if match is None or not places:
        return None
    return plain(match[1]), "".join(words[places[0] + 1 :]).strip()


def look(connection: Connection, store: Store, text: str) -> Mapping[str, Using]:
    """What the expressions of a statement mean before it runs, by the names of their columns."""
    table, found = usings(text)
    return {column: _meant(connection, store, table, expression) for column, expression in found.items()}


def _meant(connection: Connection, store: Store, table: str, expression: str) -> Using:
    """The expression as PostgreSQL understands it there, whatever names lead to elsewhere."""
    name = plain(re.findall(NAME, table)[-1])
    found = understood(connection, store, "_plan_using", table=table.encode(), expression=expression.encode())
    if found is None:
        return Using(expression, name, why="its USING expression is not understood by itself")
    meant = re.match(r'(?s)\s*SELECT\s+(.*) AS "sqlrail using"\s+FROM ONLY ', found[0])
    assert meant, found
    return Using(meant[1], name, found[1])


def understood(
    connection: Connection, store: Store, name: str, **parts: bytes
) -> tuple[str, tuple[Lean, ...]] | None:
    """The view of sql/scratch/<name>.sql as PostgreSQL spells it, and what it leans on; None if it is none."""
    asking, undoing = WITHIN if mid_transaction(connection) else BETWEEN
    leans = leans_of(store, "pg_rewrite", b"r.oid")
    using = store.message(name, ours=store.message("ours"), leans=leans, **parts)
    answer = wire.send(connection, store.message(asking, using=using), wire.Answer())
    if answer.error is not None:
        wire.send(connection, store.message(undoing), wire.Answer())
        return None
    row = next((row for rows in answer.tables for row in rows if len(row) == 2), None)
    return row and (row[0], tuple(made(Lean, it) for it in row[1]))
