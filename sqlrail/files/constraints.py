"""The unique constraints and foreign keys that texts of CREATE TABLE and ALTER TABLE say, and their parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sqlrail.files.keys import names
from sqlrail.ground.names import NAME, Name

_TOKEN = rf"(?:{NAME}|'(?:[^']|'')*'|[^\s\w\"'])"
#: what stands in parentheses, of which those within may hold more
LIST = r"\( ((?:[^()]|\((?:[^()]|\([^()]*\))*\))*) \)"
#: an action of ALTER TABLE that gives a column, or the table itself, another name
RENAMES = re.compile(rf"(?i)RENAME (?:(?:COLUMN )?(?!CONSTRAINT )(?!TO )({NAME}) )?TO ({NAME})$")
_NAMED = rf"({NAME}(?: \. {NAME})*)"
_OF_TABLE = re.compile(r"(?i)(?:CONSTRAINT|UNIQUE|PRIMARY|FOREIGN|CHECK|EXCLUDE|LIKE) ")
_UNIQUE = re.compile(
    rf"(?i)(?:CONSTRAINT {NAME} )?(?:UNIQUE(?: NULLS (?:NOT )?DISTINCT)?|PRIMARY KEY|EXCLUDE(?: USING {NAME})?) {LIST}"
)
_UNIQUE_COLUMN = re.compile(rf"(?i)({NAME})(?: {_TOKEN})*? (?:UNIQUE|PRIMARY KEY)(?= |$)")
_TARGET = rf"REFERENCES {_NAMED}(?: {LIST})?(.*)"
_KEY = re.compile(rf"(?i)(?:CONSTRAINT {NAME} )?FOREIGN KEY {LIST} {_TARGET}")
_KEY_COLUMN = re.compile(rf"(?i)({NAME})(?: {_TOKEN})*? {_TARGET}")


class ForeignKey(NamedTuple):
    """One that a text says; keys are empty where it names none."""

    columns: Name
    parent: Name
    keys: Name
    rest: str  # ON DELETE and so on


def parted(text: str) -> Iterator[str]:
    """The parts of a list, squeezed, that commas divide which stand in no parentheses."""
    depth, start = 0, 0
    for match in re.finditer(r"\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'|[(),]", text):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if match[0] == "," and not depth:
            yield text[start : match.start()].strip()
            start = match.end()
    yield text[start:].strip()


def listed(text: str) -> Name:
    """The columns of a list, which may say more of each; expressions are none."""
    firsts = (re.match(rf"({NAME})(?! \()", part) for part in parted(text))
    return tuple(names(first[1])[0] for first in firsts if first)


def unique(part: str) -> Name | None:
    """The columns of a unique constraint, a primary key or an exclusion, where a part of a table's list has one."""
    if constraint := _UNIQUE.match(part):
        return listed(constraint[1])
    column = None if _OF_TABLE.match(part) else _UNIQUE_COLUMN.match(part)
    return names(column[1]) if column else None


def foreign_key(part: str) -> ForeignKey | None:
    """The foreign key, where a part of a table's list has one."""
    found = _KEY.match(part) or (None if _OF_TABLE.match(part) else _KEY_COLUMN.match(part))
    return ForeignKey(listed(found[1]), names(found[2]), listed(found[3] or ""), found[4]) if found else None
