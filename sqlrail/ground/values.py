"""What people write as a value of a setting or a directive, and what an application gives in its place."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlrail.results.status import Phase
    from sqlrail.results.target import Environment

ENVIRONMENTS: tuple[Environment, ...] = ("development", "test", "staging", "production")
#: the phases of a deployment
PHASES: tuple[Phase, ...] = ("before", "after")
#: what may become of a statement that was cut off
INTERRUPTED = ("again", "done")
UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
#: PostgreSQL keeps its timeouts in a signed 32-bit number of milliseconds
LONGEST = 2_147_483.0
#: a hundred years: what is older than more is nothing
OLDEST = 36_500 * 86400.0


def seconds(text: str) -> float:
    """A duration such as 500ms, 5s, 10min or 1h, in seconds; ValueError says what is wrong with it.

    A bare number is refused: PostgreSQL would take it for milliseconds, most people for seconds.
    """
    value = _duration(text, "500ms, 5s or 10min")
    if value > LONGEST:
        raise ValueError("the longest duration that PostgreSQL takes is 596h")
    return value


def age(text: str) -> float:
    """An age such as 12h or 30d, in seconds; ValueError says what is wrong with it."""
    value = _duration(text, "12h or 30d")
    if value > OLDEST:
        raise ValueError("the greatest age is 36500d")
    return value


def _duration(text: str, examples: str) -> float:
    match = re.fullmatch(rf"([0-9]+(?:\.[0-9]+)?)\s*({'|'.join(UNITS)})", text.strip())
    if text.strip() == "0":
        return 0.0
    if match is None:
        raise ValueError(f"write a number with its unit, as in {examples}")
    return float(match[1]) * UNITS[match[2]]


def some_seconds(text: str) -> float:
    """A duration that is not 0, in seconds."""
    value = seconds(text)
    if not value:
        raise ValueError("write a duration above 0, as in 200ms")
    return value


def share(text: str) -> float:
    """A share between 0 and 1, given as 0.1 or 10%."""
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ValueError("write a share between 0 and 1, as in 0.1 or 10%")
    return value


def count(text: str) -> int:
    """A whole number of rows, 0 or more."""
    if not re.fullmatch(r"[0-9]{1,18}", text.strip()):
        raise ValueError("write a whole number, 0 or more")
    return int(text)


def switch(text: str) -> bool:
    """A yes or a no."""
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off", ""):
        return False
    raise ValueError("write 1 or 0")


def folder(text: str) -> Path:
    """A folder's path."""
    # An empty one would be the working folder, whatever lies there.
    if not text.strip():
        raise ValueError("name a folder")
    return Path(text)


def file(text: str) -> Path:
    """A file's path."""
    if not text.strip():
        raise ValueError("name a file")
    return Path(text)


def names(text: str) -> tuple[str, ...]:
    """Names separated by commas; one with a comma or a quote in it is in double quotes, as listed() writes it."""
    found = re.findall(r'\s*(?:"((?:[^"]|"")+)"\s*|([^,]+))(?:,|$)', text)
    return tuple(
        quoted.replace('""', '"') or plain.strip() for quoted, plain in found if quoted or plain.strip()
    )


def listed(name: str) -> str:
    """A name as it is written in a list that is separated by commas."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"' if re.search(r'[",]|^\s|\s$', name) else name


def environment(text: str) -> Environment:
    """An environment's name."""
    for name in ENVIRONMENTS:
        if name == text:
            return name
    raise ValueError(f"use one of {', '.join(ENVIRONMENTS)}")


def phase(text: str) -> Phase:
    """A phase of a deployment."""
    for name in PHASES:
        if name == text:
            return name
    raise ValueError(f"use one of {', '.join(PHASES)}")


def interrupted(text: str) -> str:
    """What to do with a statement that was cut off."""
    if text not in INTERRUPTED:
        raise ValueError("write again, to run that statement once more, or done, to continue after it")
    return text


def _within(highest: float, what: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= highest:
            raise ValueError(f"give {what}")
        return value

    return check


def _path(value: Any) -> str:
    if not isinstance(value, str | os.PathLike):
        raise TypeError("give the folder's path")
    return os.fsdecode(value)


def _several(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not all(isinstance(name, str) for name in value):
        raise TypeError("give a list of names")
    return tuple(value)


def _one_of(names: tuple[str, ...]) -> Callable[[str | None], str | None]:
    def check(value: str | None) -> str | None:
        if value is not None and value not in names:
            raise ValueError(f"give one of {', '.join(names)}")
        return value

    return check


#: by how it is read as text: how it is checked when an application gives it as a value
CHECKS: dict[Callable[[str], Any], Callable[[Any], Any]] = {
    folder: lambda value: folder(_path(value)),
    environment: _one_of(ENVIRONMENTS),
    interrupted: _one_of(INTERRUPTED),
    phase: _one_of(PHASES),
    seconds: _within(LONGEST, "seconds as a number, 596 hours at the most"),
    share: _within(1, "a share between 0 and 1"),
    count: _within(10**18, "a number of rows, 0 or more"),
    names: _several,
}
