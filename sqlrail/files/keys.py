"""The foreign keys that a file adds, as its text says them: what becomes of orphans where there is no key yet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sqlrail.ground.names import NAME, plain

#: what is told apart in a text: comments and strings, the quotes of bodies, names, and all else sign by sign
_TOKEN = re.compile(
    rf"(?s)--[^\n]*|/\*.*?\*/|(?P<string>(?:[EeBbXxNn]|[Uu]&)?'(?:[^']|'')*')|(?P<quote>\$(?:[^\W\d]\w*)?\$)|(?P<token>{NAME}|[^\s\w])"
)
_LIST = rf"\(\s*({NAME}(?:\s*,\s*{NAME})*)\s*\)"
_TABLE = rf"({NAME}(?:\s*\.\s*{NAME})*)"
_ALTER = re.compile(rf"(?i)ALTER TABLE (?:IF EXISTS )?(?:ONLY )?{_TABLE}")
_TARGET = rf"REFERENCES {_TABLE}(?: {_LIST})?((?: (?:MATCH|ON) (?:\([^)]*\)|[^,()])*)?)"
_KEY = re.compile(rf"(?i)FOREIGN KEY {_LIST} {_TARGET}")
_COLUMN = re.compile(
    r"(?i)ADD (?:COLUMN )?(?:IF NOT EXISTS )?(?!(?:CONSTRAINT|FOREIGN|CHECK|UNIQUE|PRIMARY|EXCLUDE) )"
    rf"({NAME}) (?:\([^)]*\)|[^,()])*?{_TARGET}"
)
_ON_DELETE = re.compile(rf"(?i)ON DELETE (CASCADE|SET NULL|SET DEFAULT)(?: {_LIST})?")


class Key(NamedTuple):
    """A foreign key of a file; keys are empty where it names none; the action is as in orphans.Action, or None."""

    child: tuple[str, ...]
    columns: tuple[str, ...]
    parent: tuple[str, ...]
    keys: tuple[str, ...]
    action: str | None
    sets: tuple[str, ...]  # the columns that it names behind SET NULL or SET DEFAULT


def added(text: str) -> Iterator[Key]:
    """The keys that ALTER TABLE adds in a text of SQL, in the body of a DO too, but not in that of a function."""
    for statement in _statements(text):
        if alter := _ALTER.match(statement):
            for match in (*_KEY.finditer(statement), *_COLUMN.finditer(statement)):
                columns, parent, keys, rest = match.groups()
                said = _ON_DELETE.search(rest)
                action = {"cascade": "delete"}.get(said[1].lower(), said[1].lower()) if said else None
                sets = names(said[2]) if said else ()
                yield Key(names(alter[1]), names(columns), names(parent), names(keys), action, sets)


def names(text: str | None) -> tuple[str, ...]:
    """The names in a text, as the catalog has them."""
    return tuple(map(plain, re.findall(NAME, text or "")))


def squeezed(text: str, *, strings: bool = False) -> str:
    """A statement with one blank between its tokens, without its comments, and without its strings unless wanted."""
    tokens = (match["token"] or (match["string"] if strings else None) for match in _TOKEN.finditer(text))
    return " ".join(filter(None, tokens))


def _statements(text: str) -> Iterator[str]:
    """Statements, and those within bodies, each with one blank between its tokens, from ALTER on."""
    tokens: list[str] = []
    position = 0
    while match := _TOKEN.search(text, position):
        position = match.end()
        if match["quote"] and tokens[:1] and tokens[0].upper() == "CREATE":
            position = max(position, text.find(match["quote"], position) + len(match["quote"]))
        elif match["quote"] or match[0] == ";":
            yield from _from_alter(tokens)
            tokens = []
        elif match["token"]:
            tokens.append(match["token"])
    yield from _from_alter(tokens)


def _from_alter(tokens: list[str]) -> Iterator[str]:
    # In a body it may stand behind BEGIN, THEN, LOOP or ELSE.
    starts = [n for n, token in enumerate(tokens) if token.upper() == "ALTER"]
    if starts:
        yield " ".join(tokens[starts[0] :])
