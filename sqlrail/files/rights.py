"""Which right is missing where the server has denied one, and the GRANT that would mend it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlrail.ground.names import NAME, plain
from sqlrail.postgres.giving_way import bare

_PATH = rf"{NAME}(?:\s*\.\s*{NAME})?"
# What leads a relation's name, and the name.
_NAMED = (
    r"(?i)\b(TABLE|VIEW|SEQUENCE|INDEX|ON|INTO|FROM|JOIN|UPDATE|REFERENCES|TRUNCATE|LOCK|COPY|CONCURRENTLY|REINDEX)"
    rf"\s+(?:TABLE\s+|CONCURRENTLY\s+)?(?:IF\s+(?:NOT\s+)?EXISTS\s+)?(?:ONLY\s+)?(?!ON\b)({_PATH})"
)
#: what it takes to read and write a table
WRITE = ("SELECT", "INSERT", "UPDATE", "DELETE")
#: the right that a word in front of a table's name asks for; all others ask for its owner's
_RIGHTS = {
    "FROM": "SELECT",
    "JOIN": "SELECT",
    "INTO": "INSERT",
    "COPY": "INSERT",
    "UPDATE": "UPDATE",
    "LOCK": "UPDATE",
    "TRUNCATE": "TRUNCATE",
    "REFERENCES": "REFERENCES",
}


class Wanted(NamedTuple):
    """A right on a relation, or on a schema where there is no name; an empty schema is the database."""

    schema: str | None
    name: str | None
    right: str


def of_statement(text: str) -> Iterator[Wanted]:
    """What a statement of a file may need, as far as its words tell."""
    text = bare(text)
    verb = (re.findall(r"[A-Za-z]+", text[:40]) or [""])[0].upper()
    if re.match(r"(?i)\s*CREATE\s+(?:SCHEMA|EXTENSION)\b", text):
        yield Wanted("", None, "CREATE")
        return
    if verb == "CREATE":  # the place of what has no relation's name: a function, a type
        yield Wanted(None, None, "CREATE")
    for word, path in re.findall(_NAMED, text):
        names = [plain(name) for name in re.findall(NAME, path)]
        schema, name = (None, names[0]) if len(names) == 1 else (names[0], names[1])
        right = _RIGHTS.get(word.upper(), "OWNER")
        if word.upper() == "FROM" and verb == "DELETE":
            yield Wanted(schema, name, "DELETE")
        yield Wanted(schema, name, right)
        if right == "OWNER" and verb in ("CREATE", "ALTER"):
            yield Wanted(schema, name, "CREATE")


def of_tables(schema: str, names: Iterable[str], *, there: bool) -> Iterator[Wanted]:
    """What it takes to read and write tables, and to make them where they are not there."""
    yield Wanted(schema, None, "USAGE" if there else "CREATE")
    for name in names:
        yield from (Wanted(schema, name, right) for right in WRITE)


def sentence(grants: list[str]) -> str:
    """The statements that would mend it, for behind an error."""
    if not grants:
        return " docs/privileges.md lists what a role needs that migrates."
    run = "; ".join(grants)
    return f" docs/privileges.md lists all that such a role needs. Its owner or an administrator can run: `{run}`."
