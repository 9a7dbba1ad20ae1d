"""What a file says that it loses, and why that is meant: `-- loses: users.legacy because …`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlrail.ground.names import NAME, join, plain

_NAME = rf"{NAME}(?:\s*\.\s*{NAME}){{0,2}}"
_FORM = "write what is lost, and why, as in `-- loses: users.legacy because …`"


@dataclass(frozen=True)
class Loses:
    """A table or a column by its names, with those around it where they were given, and the reason."""

    names: tuple[str, ...]
    because: str

    @classmethod
    def parse(cls, text: str) -> Loses:
        """ValueError if the text is not of the form `NAME because …`, the name a table's or a column's."""
        match = re.fullmatch(rf"\s*({_NAME})(?:\s+because(?:\s+(\S.*?))?)?\s*", text)
        if match is None:
            raise ValueError(_FORM)
        names = tuple(map(plain, re.findall(NAME, match[1])))
        if match[2] is None:
            raise ValueError(f"say why, as in `-- loses: {join(*names)} because …`")
        return cls(names, match[2])

    def is_about(self, names: tuple[str, ...], least: int = 1) -> bool:
        """Whether it means what has these names, the last its own; outer ones may be left out, but for the last few."""
        return least <= len(self.names) and self.names == names[-len(self.names) :]

    def __str__(self) -> str:
        return join(*self.names)
