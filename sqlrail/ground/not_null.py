"""A column that shall not be null, and what becomes of the rows in which it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sqlrail.ground.constraint import DELETE, TABLE, Action, Constraint, names_in
from sqlrail.ground.names import NAME, join, plain

if TYPE_CHECKING:
    from sqlrail.results.relation import ConstraintKind

_STRING = r"(?:[Ee]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$)"
_NUMBER = r"[+-]?\s*(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
#: a type as it stands in front of a string or behind ::
_TYPE = rf"{NAME}(?:(?:\s*\.\s*|\s+){NAME}){{0,4}}(?:\s*\(\s*\d+(?:\s*,\s*\d+)?\s*\))?(?:\s*\[\s*\])*"
#: a constant as SQL spells it: a number, a string, true or false; a string with a type in front of it, all with casts
_LITERAL = rf"(?s)(?:(?:{_TYPE}\s*)?{_STRING}|{_NUMBER}|(?i:true|false))(?:\s*::\s*{_TYPE})*"


@dataclass(frozen=True)
class NotNull(Constraint):
    """Each row of child must have a value in the column."""

    kind: ClassVar[ConstraintKind] = "not null"
    form: ClassVar[str] = "table.column not null"
    words: ClassVar[str] = "`delete` or `set VALUE`"

    @classmethod
    def read(cls, text: str) -> NotNull | None:
        match = re.fullmatch(rf"(?s)\s*({TABLE})\s*\.\s*({NAME})\s+(?i:NOT\s+NULL)(?:\s+(\S.*?))?\s*", text)
        if match is None:
            return None
        return cls(names_in(match[1]), (plain(match[2]),), said=_action(text, match[3]))

    @property
    def column(self) -> str:
        """The one that it is about."""
        return self.columns[0]

    def __str__(self) -> str:
        return f"{join(*self.child, self.column)} not null"


def _action(text: str, said: str | None) -> Action | None:
    if said is None:
        return None
    if re.fullmatch("(?i)delete", said):
        return DELETE
    match = re.fullmatch(r"(?is)set\s+(\S.*)", said)
    if match is None:
        raise ValueError(f"'{text}' does not end in {NotNull.words}")
    value = match[1]
    if re.fullmatch("(?i)default", value):
        return Action("set default")
    if re.fullmatch("(?i)null", value):
        raise ValueError(f"'{text}' sets to null what shall not be null")
    if not re.fullmatch(_LITERAL, value):
        raise ValueError(f"'{value}' is no literal: write a number, a string in quotes, true or false")
    return Action("set value", value=value)
