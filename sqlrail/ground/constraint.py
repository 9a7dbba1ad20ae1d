"""What a line of cleanup holds a table's rows against: a constraint, whether or not the database has it yet."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from sqlrail.ground.names import NAME, join, plain

if TYPE_CHECKING:
    from sqlrail.results.relation import ConstraintKind

#: a table, with its schema where one is given
TABLE = rf"{NAME}(?:\s*\.\s*{NAME})?"
#: several names in parentheses, and one column or several
LIST = rf"\(\s*{NAME}(?:\s*,\s*{NAME})*\s*\)"
COLUMNS = rf"(?:{NAME}|{LIST})"


@dataclass(frozen=True)
class Action:
    """What becomes of rows: delete, set null, set default or set value; the columns that are set, where not all are.

    Or which of several equal rows stays: keep newest or keep oldest, as a column tells.
    """

    kind: str
    columns: tuple[str, ...] = ()
    value: str | None = None  # a literal, as SQL

    def __str__(self) -> str:
        if self.value is not None:
            return f"set {self.value}"
        return f"{self.kind} ({', '.join(map(join, self.columns))})" if self.columns else self.kind


DELETE = Action("delete")


@dataclass(frozen=True)
class Constraint(ABC):
    """Something that each row of a table must fulfil; the rows that do not are what a cleanup is for.

    Tables are tuples of names, with the schema where one was given; without one the search_path finds them. Two are
    the same whatever shall become of the rows.
    """

    #: what it is called in a result
    kind: ClassVar[ConstraintKind]
    #: what it looks like, for who has written something else
    form: ClassVar[str]
    #: what may be said of its rows, where somebody has to
    words: ClassVar[str] = ""

    child: tuple[str, ...]  # the table whose rows are cleaned
    columns: tuple[str, ...]  # of it, that are held against something
    said: Action | None = field(default=None, compare=False, kw_only=True)  # what becomes of the rows

    @classmethod
    @abstractmethod
    def read(cls, text: str) -> Constraint | None:
        """From the text of a directive or a flag; None if it is of another kind, ValueError if it is wrong."""

    @property
    def tables(self) -> tuple[tuple[str, ...], ...]:
        """The tables that it names."""
        return (self.child,)

    @property
    def subject(self) -> object:
        """What it says of them, in whatever order its names are written."""
        return self.columns


def path(table: tuple[str, ...], columns: tuple[str, ...]) -> str:
    """Columns of a table, as SQL spells their names: a.b or a.(b, c)."""
    if len(columns) == 1:
        return join(*table, *columns)
    return f"{join(*table)}.({', '.join(map(join, columns))})"


def names_in(text: str) -> tuple[str, ...]:
    """The names in a text, as the catalog has them."""
    return tuple(map(plain, re.findall(NAME, text)))
