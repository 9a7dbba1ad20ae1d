"""A CHECK of a table by its name, and what becomes of the rows for which it is false."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from sqlrail.ground.constraint import DELETE, TABLE, Constraint, names_in
from sqlrail.ground.names import NAME, join, plain

if TYPE_CHECKING:
    from sqlrail.results.relation import ConstraintKind


@dataclass(frozen=True)
class Check(Constraint):
    """For no row of child the expression of the check may be false; null it may be.

    The expression is the file's own, where that adds the check, else what the database has under the name.
    """

    kind: ClassVar[ConstraintKind] = "check"
    form: ClassVar[str] = "table check name"
    words: ClassVar[str] = "`delete`"

    name: str
    #: as the file has it, in SQL; and what the file has set the search_path to before, as SET would have it
    expression: str | None = field(default=None, compare=False, kw_only=True)
    search_path: str | None = field(default=None, compare=False, kw_only=True)
    #: whether what the database has under the name goes before the file's: once that was applied, or did not name it
    is_applied: bool = field(default=False, compare=False, kw_only=True)

    @classmethod
    def read(cls, text: str) -> Check | None:
        match = re.fullmatch(rf"\s*({TABLE})\s+(?i:CHECK)\s+({NAME})(?:\s+(\S.*?))?\s*", text)
        if match is None:
            return None
        if match[3] is not None and match[3].lower() != "delete":
            raise ValueError(f"'{text}' has something else than {cls.words} after the check's name")
        return cls(names_in(match[1]), (), plain(match[2]), said=DELETE if match[3] else None)

    @property
    def subject(self) -> object:
        return self.name

    def __str__(self) -> str:
        return f"{join(*self.child)} check {join(self.name)}"
