"""Which rows a statement takes away, and which values it overwrites: by its text, before it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sqlrail.engine.store import Store
from sqlrail.ground.names import NAME, plain
from sqlrail.postgres.connect import Connection
from sqlrail.scratch.seen import ask
from sqlrail.scratch.shapes import names_in
from sqlrail.scratch.using import Using, listed, outside, understood

_TARGET = rf"(ONLY )?({NAME}(?: ?\. ?{NAME})*) ?\*?(?: (?:AS )?({NAME}))?"
_DELETE, _UPDATE = (re.compile(f"(?i){verb} {_TARGET}") for verb in ("DELETE FROM", "UPDATE"))
_SETS = re.compile(rf"(?s)\s*({NAME})\s*=\s*(.*)")
#: what begins a part of such a statement
_CLAUSES = ("SET", "FROM", "USING", "WHERE", "RETURNING")
#: what may call a function that does more than the statement says
CALLS = ("SELECT", "CALL", "DO", "WITH")


class Doomed(NamedTuple):
    """Queries for the rows that go, and by column for those whose value goes; the bodies of functions it calls."""

    rows: Using | None = None
    values: Mapping[str, Using] = {}
    bodies: str = ""


class Target(NamedTuple):
    """The table of a statement, as in SQL, and what the statement calls it."""

    target: str
    reference: str


def look(connection: Connection, store: Store, words: tuple[str, ...], text: str) -> Doomed:
    """Of a statement that is about to run."""

    def meant(name: str, **parts: str) -> Using:
        query = store.message(name, **{part: value.encode() for part, value in parts.items()})
        found = understood(connection, store, "_plan_doomed", query=query)
        return (
            Using(found[0].strip().rstrip(";"), "", found[1])
            if found
            else Using("", "", why="it is not understood")
        )

    if words[:1] == ("DELETE",) and (parts := deleted(text)):
        return Doomed(rows=meant("_doomed_rows", **parts))
    if words[:1] == ("UPDATE",):
        return Doomed(values={column: meant("_doomed_values", **its) for column, its in overwritten(text)})
    if words and words[0] in CALLS and "(" in text:
        ((bodies,),) = ask(connection, store.message("plan_bodies", names=sorted(names_in(text))))[-1]
        return Doomed(bodies=bodies)
    return Doomed()


def deleted(text: str) -> dict[str, str] | None:
    """The parts of a plain DELETE; None where it is not one."""
    parts = _parts(text)
    target = _target(_DELETE, parts)
    if target is None:
        return None
    using = f", {parts['USING']}" if "USING" in parts else ""
    where = f" WHERE {parts['WHERE']}" if "WHERE" in parts else ""
    return {**target._asdict(), "using": using, "where": where}


def overwritten(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The columns that an UPDATE of all rows sets, each with its parts."""
    parts = _parts(text)
    target = _target(_UPDATE, parts)
    if target is None or "WHERE" in parts or "FROM" in parts:
        return
    for part in listed(parts.get("SET", "")):
        if match := _SETS.fullmatch(part):
            column = f"{target.reference}.{match[1]}"
            yield plain(match[1]), {**target._asdict(), "column": column, "value": match[2]}


def _target(pattern: re.Pattern[str], parts: Mapping[str, str]) -> Target | None:
    match = pattern.fullmatch(re.sub(r"\s+", " ", parts[""]).strip())
    if match is None:
        return None
    only, table, alias = match[1] or "", match[2], match[3]
    return Target(f"{only}{table}{f' AS {alias}' if alias else ''}", alias or re.findall(NAME, table)[-1])


def _parts(text: str) -> dict[str, str]:
    """A statement at the words that begin its clauses; the first of each counts, outside of parentheses."""
    name, parts = "", dict[str, list[str]]()
    for word, is_outside in outside(text):
        is_head = word.upper() in ("FROM", "SET") and parts.get("", []) == ["DELETE", " "]
        if is_outside and word.upper() in _CLAUSES and not is_head and word.upper() not in parts:
            name = word.upper()
            parts[name] = []
        else:
            parts.setdefault(name, []).append(word)
    return {name: "".join(words) for name, words in {"": [], **parts}.items()}
