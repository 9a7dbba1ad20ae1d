"""Which of PostgreSQL's own casts may change a value without an error: a column turned over by one loses data.

From the documentation's chapter on data types, and tried. What a cast refuses (a number out of range, a text that is no
date, one that is too long) is no loss: the statement fails. Nor is how a text spelt what it is read as.
"""

from __future__ import annotations

import re
from itertools import product
from typing import NamedTuple

_WHOLE = ("smallint", "integer", "bigint")
_BROKEN = ("numeric", "real", "double precision", "money")
_TEXTS = ("text", "character varying", "character", "name", "citext")
_ZONED, _PLAIN = "timestamp with time zone", "timestamp without time zone"
_SHAPES = ("point", "lseg", "path", "box", "polygon", "line", "circle")
_LOSING = {
    *product(_BROKEN, _WHOLE),
    *((one, other) for one, other in product(_BROKEN, _BROKEN) if one != other),
    *product(("integer", "bigint"), ("real",)),
    ("bigint", "double precision"),
    *product(_TEXTS, ('"char"', "name")),
    *product((_ZONED, _PLAIN), ("date", "time without time zone")),
    (_ZONED, _PLAIN), (_ZONED, "time with time zone"), ("time with time zone", "time without time zone"),
    ("interval", "time without time zone"),
    ("json", "jsonb"), ("integer", "boolean"), *product(("bytea",), _WHOLE),
    ("inet", "cidr"),
    *((one, other) for one, other in product(_SHAPES, _SHAPES) if one != other),
} - {("real", "double precision"), ("name", "name")}  # fmt: skip
#: digits of a second where a type names none
_FINEST = 6


class _Type(NamedTuple):
    base: str
    digits: int | None  # behind the point; None where any number of them is kept

    @classmethod
    def of(cls, text: str) -> _Type:
        text = re.sub(r" COLLATE .*|\[\]", "", text)
        modifiers = [int(number) for number in re.findall(r"-?\d+", "".join(re.findall(r"\(.*?\)", text)))]
        base = re.sub(r"\(.*?\)", "", text)
        if base == "numeric":
            return cls(base, modifiers[1] if modifiers else None)
        if base.startswith(("time", "interval")):
            return cls(base.split(" ")[0] if base.startswith("interval") else base, (*modifiers, _FINEST)[0])
        return cls(base, None)


def loses(source: str, target: str) -> bool:
    """Whether a cast between types, as format_type() writes them, may change a value without an error."""
    was, becomes = _Type.of(source), _Type.of(target)
    if (was.base, becomes.base) in _LOSING:
        return True
    is_of_time = becomes.base.startswith(("time", "interval"))
    if was.base != becomes.base and not (is_of_time and was.digits is not None):
        return False
    return becomes.digits is not None and (was.digits is None or becomes.digits < was.digits)
