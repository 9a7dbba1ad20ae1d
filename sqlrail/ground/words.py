"""Text for people: nothing in it moves a terminal's cursor, commands a CI, or is a password."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

#: what Azure, TeamCity and, in its first form, GitHub take for a command wherever it stands in a line
_MARKED = r"##(?=\w*\[)"
#: what GitHub takes for a command at the beginning of a line
_LEADING = r"(?m)^(\s*):(?=:)"
#: a password where it stands: in a URL, up to the last @ of the word, else, with blanks in it, up to the next one
_IN_URL = r"(://[^:/@\s]*:)(?:\S*@|[^/@\n]*@)"
#: in quotes, to the end of the line where they are never closed
_QUOTED = r"'(?:(?:[^'\\]|\\.)*'|[^\n]*)|\"(?:(?:[^\"\\]|\\.)*\"|[^\n]*)"
#: a word, less what closes a list or a quotation that it stands in
_WORD = r"[^\s'\"&][^\s&]*?(?=['\")\]},;]*(?:[\s&]|$))"
#: behind its name: as libpq writes it, as SQL does, and as JSON and YAML do, where a word that others follow is prose
_NAME = r"(?<![^\W_])(?:PG|ssl)?password['\"]?"
_NAMED = (
    rf"(?i)({_NAME}\s*=\s*)(?!\*\*\*)(?:{_QUOTED}|{_WORD})",
    rf"(?i)({_NAME}(?:\s*:\s*(?=['\"])|\s+E?(?=')))(?:{_QUOTED})",
    rf"(?im)({_NAME}[ \t]*:[ \t]*)(?!\*\*\*|:)(?:{_WORD})(?=[)\]}},;]*[ \t]*(?:$|[&,;]|\w+[ \t]*[=:]))",
)
#: characters that a password has, at the least, to be told from words: of three kinds, and of two
SHORT, LONG = 8, 20


class Script(str):
    """Text for a program: what is no terminal gets it as it is."""


def printable(text: str) -> str:
    """The text on one line, which cannot tell a terminal what to do: all else is spelt as Python spells it."""
    return "".join(it if it.isprintable() else it.encode("unicode_escape").decode() for it in text)


def visible(text: str) -> str:
    """The text with its lines and tabs, which can tell neither a terminal nor a CI what to do."""
    if not text.replace("\n", "").replace("\t", "").isprintable():
        text = "".join(it if it in "\n\t" else printable(it) for it in text)
    return re.sub(_LEADING, r"\1\\:", re.sub(_MARKED, r"#\\#", text))


def by_order(names: Iterable[str], order: Sequence[str]) -> list[str]:
    """The names in an order; those that it leaves out come last, by the alphabet."""
    return sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))


def in_json(text: str) -> str:
    """The same for a JSON text, which means the same afterwards."""
    return re.sub(_MARKED, r"#\\u0023", text)


def guess(word: str, choices: Iterable[str]) -> str:
    """The end of a sentence that says a word is no choice: with the one that it is close to, or the beginning of."""
    from difflib import get_close_matches

    there = list(choices)
    near = get_close_matches(word, there, n=1, cutoff=0.75) or [
        it for it in there if it.startswith(f"{word}-")
    ]
    return f"; did you mean {near[0]}?" if near else "."


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """The text with *** for each password that stands where passwords stand.

    A secret is hidden elsewhere too if nothing but a password looks like it. One that is a word, as `users` or
    `postgres`, would blot out the message: tables, roles and paths are called so.
    """
    for secret in secrets:
        if _is_unlike_words(secret):
            text = text.replace(secret, "***")
    while (shown := re.sub(_IN_URL, r"\1***@", text)) != text:  # one may stand in front of another
        text = shown
    for named in _NAMED:
        text = re.sub(named, r"\1***", text)
    return text


def _is_unlike_words(secret: str) -> bool:
    kinds = (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^\w\s]")
    several = sum(bool(re.search(kind, secret)) for kind in kinds)
    return len(secret) >= (LONG if several == 2 else SHORT) and several >= 2


def milliseconds(duration: float) -> str:
    """A duration in seconds as the server's settings take it."""
    return f"{round(duration * 1000)}ms"


def lasting(seconds: float) -> str:
    """A duration for people: 12 s, 3 min, 5 h, 2 d."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def counted(number: int, one: str, many: str = "") -> str:
    """A number with what it counts: 1 row, 2 rows, 1,000 rows. many: where it is not one with an s behind it."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def rows(number: int) -> str:
    """1 row, 2 rows, 1,000 rows."""
    return counted(number, "row")


def size(number: int) -> str:
    """Bytes as people say them: 8 kB, 1.5 MB, 120 GB."""
    value, unit = float(number), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1024
    return f"{value:.1f} {unit}" if value < 10 and value % 1 and unit != "B" else f"{value:,.0f} {unit}"


def on_one_line(text: bytes) -> str:
    """A statement of ours as it is shown to people, who are to run it."""
    return " ".join(text.decode().split())
