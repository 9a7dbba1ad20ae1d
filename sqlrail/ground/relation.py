"""Relations: which column of a table names which key of another, and what becomes of rows that name none."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sqlrail.ground.names import NAME, join, plain

_LIST = rf"\(\s*{NAME}(?:\s*,\s*{NAME})*\s*\)"
_COLUMNS = rf"({NAME}|{_LIST})"
_SIDE = rf"({NAME}(?:\s*\.\s*{NAME})?)\s*\.\s*{_COLUMNS}"
_ACTION = rf"(?:\s+(?i:(DELETE)|(SET\s+NULL|SET\s+DEFAULT)(?:\s*({_LIST}))?))?"


@dataclass(frozen=True)
class Action:
    """What becomes of orphans: delete, set null or set default; and the columns that are set, where not all are."""

    kind: str
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} ({', '.join(map(join, self.columns))})" if self.columns else self.kind


DELETE = Action("delete")


@dataclass(frozen=True)
class Relation:
    """Each row of child whose columns are all not null must name a row of parent by its keys.

    Tables are tuples of names, with the schema where one was given; without one the search_path finds them. What
    becomes of orphans is what somebody has said, else the word of the key that the database has, else `otherwise`;
    where that is None as well, nobody has decided it.
    """

    child: tuple[str, ...]
    columns: tuple[str, ...]
    parent: tuple[str, ...]
    keys: tuple[str, ...]
    said: Action | None = field(default=None, compare=False)
    otherwise: Action | None = field(default=DELETE, compare=False)

    @classmethod
    def parse(cls, text: str) -> Relation:
        """ValueError if the text is not of the form `child.column -> parent.key` or `child.(a, b) -> parent.(x, y)`.

        Behind it may stand what becomes of orphans: `delete`, or `set null` or `set default`, with columns or without.
        """
        match = re.fullmatch(rf"\s*{_SIDE}\s*->\s*{_SIDE}{_ACTION}\s*", text)
        if match is None:
            raise ValueError(
                f"'{text}' is not of the form child.column -> parent.key or child.(a, b) -> parent.(x, y)"
                f"{_no_action(text)}"
            )
        *sides, delete, set_, sets = match.groups()
        child, columns, parent, keys = map(_fold, sides)
        if len(columns) != len(keys):
            raise ValueError(f"'{text}' has {len(columns)} columns for {len(keys)} of the key")
        if others := [column for column in _fold(sets or "") if column not in columns]:
            raise ValueError(f"'{text}' sets {', '.join(map(join, others))}, which is none of its columns")
        said = (
            DELETE if delete else Action(" ".join(set_.lower().split()), _fold(sets or "")) if set_ else None
        )
        return cls(child, columns, parent, keys, said)

    def __str__(self) -> str:
        return f"{_path(self.child, self.columns)} -> {_path(self.parent, self.keys)}"


def _path(table: tuple[str, ...], columns: tuple[str, ...]) -> str:
    return (
        join(*table, *columns) if len(columns) == 1 else f"{join(*table)}.({', '.join(map(join, columns))})"
    )


def _no_action(text: str) -> str:
    """Of a relation with something else behind it: what may stand there."""
    is_relation = re.match(rf"\s*{_SIDE}\s*->\s*{_SIDE}\s", text)
    return ", with `delete`, `set null` or `set default` behind it or nothing" if is_relation else ""


def _fold(path: str) -> tuple[str, ...]:
    return tuple(map(plain, re.findall(NAME, path)))
