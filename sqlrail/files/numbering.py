"""The numbers and dates that lead the names of migrations, and which name follows which."""

from __future__ import annotations

import re
from functools import lru_cache

#: what leads a name: one number, with those behind its dots (1.10), or, where it is a year or a date, all that
#: follow it (20240131_02, 2024-01-31T1200)
NUMBER = re.compile(r"(?:19|20)[0-9]{2,}(?:[-_.T][0-9]+Z?(?![^\W_]))*|[0-9]+(?:\.[0-9]+(?![^\W_]))*")
_DATE = re.compile(
    r"(?:19|20)[0-9]{2}([-_.]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12][0-9]|3[01])"
    r"(?:[-_.T]?(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9])?)?(?![0-9])"
)


@lru_cache(1 << 14)  # each is asked for several times
def number(id_: str) -> tuple[int, ...]:
    """The number that leads a migration's name, in its parts; empty where there is none."""
    match = NUMBER.match(id_[:255])  # no file's name is longer
    return tuple(int(part) for part in re.findall("[0-9]+", match[0])) if match else ()


def date(id_: str) -> str:
    """The date that leads a migration's name, with its time if it has one, and as it is written; else empty."""
    match = _DATE.match(id_)
    return match[0] if match else ""


def follows(one: str, other: str) -> bool:
    """Whether a migration's number is higher than another's, and, where they share one, the rest of its name.

    A day, and a time of that day, are in either order.
    """
    dates = date(one), date(other)
    if not any(dates) and number(one) != number(other):  # as in most folders
        return number(one) > number(other)
    days = ["".join(re.findall("[0-9]+", it)) for it in dates]
    shorter = min(map(len, days))
    if shorter and days[0][:shorter] != days[1][:shorter]:  # with dashes or without
        return days[0][:shorter] > days[1][:shorter]
    if shorter and len(days[0]) != len(days[1]):
        return False
    if shorter:
        return (_behind_date(one), _natural(one)) > (_behind_date(other), _natural(other))
    if number(one) != number(other):
        return number(one) > number(other)
    return _natural(one) > _natural(other)


def _behind_date(id_: str) -> tuple[int, ...]:
    match = NUMBER.match(id_)
    return tuple(map(int, re.findall("[0-9]+", match[0][len(date(id_)) :]))) if match else ()


def _natural(id_: str) -> list[str | int]:
    """What is behind the number, as people sort it: numbers as such."""
    rest = NUMBER.sub("", id_[:255], count=1)
    return [int(part) if part.isdecimal() else part for part in re.split("([0-9]+)", rest)]
