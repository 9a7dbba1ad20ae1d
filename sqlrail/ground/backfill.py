"""What a backfill walks over, as its file says: `-- backfill: users by id`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlrail.ground.constraint import COLUMNS, TABLE, names_in
from sqlrail.ground.names import join
from sqlrail.ground.words import rows

#: the temporary table that holds the keys of a batch
BATCH = "sqlrail_batch"
FORM = "table by column, table by (a, b), table by range of column"


def how_far(walked: int, changed: int, passes: int) -> str:
    """The counts of one that is under way, in rows."""
    return f"{rows(walked)} walked over and {changed:,} changed{f', in pass {passes}' if passes > 1 else ''}"


@dataclass(frozen=True)
class Backfill:
    """A table with the columns of a unique key; the statement joins the batch by them, or by their range."""

    table: tuple[str, ...]
    key: tuple[str, ...]
    by_range: bool = False
    is_once: bool = False  # one pass over the rows, whatever comes behind it

    @classmethod
    def parse(cls, text: str) -> Backfill:
        """ValueError if the text is not of one of the forms in FORM, with `once` behind it or nothing."""
        match = re.fullmatch(
            rf"\s*({TABLE})\s+(?i:BY)\s+(?:(?i:(RANGE)\s+OF)\s+)?({COLUMNS})(?:\s+(?i:(ONCE)))?\s*", text
        )
        if match is None:
            raise ValueError(f"'{text}' is not of the form {FORM}, with `once` after it or nothing")
        key = names_in(match[3])
        if len(set(key)) < len(key):
            raise ValueError(f"'{text}' names a column twice")
        return cls(names_in(match[1]), key, bool(match[2]), bool(match[4]))

    def __str__(self) -> str:
        key = join(*self.key) if len(self.key) == 1 else f"({', '.join(map(join, self.key))})"
        words = f"{join(*self.table)} by {'range of ' if self.by_range else ''}{key}"
        return f"{words} once" if self.is_once else words
