"""What pending statements write to live tables: it may mend what is in a later one's way, or spoil it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlrail.ground.constraint import DELETE, Constraint
from sqlrail.ground.names import NAME, plain
from sqlrail.ground.relation import Relation
from sqlrail.scratch.shapes import Shape, names_in
from sqlrail.scratch.using import tokens

_PATH = rf"((?:{NAME}\s*\.\s*)*{NAME})"
#: what a statement writes to, by what it begins with
TARGET = {
    "INSERT": rf"(?is)INSERT\s+INTO\s+{_PATH}",
    "UPDATE": rf"(?is)UPDATE\s+(?:ONLY\s+)?{_PATH}",
    "DELETE": rf"(?is)DELETE\s+FROM\s+(?:ONLY\s+)?{_PATH}",
    "MERGE": rf"(?is)MERGE\s+INTO\s+(?:ONLY\s+)?{_PATH}",
    "COPY": rf"(?is)COPY\s+{_PATH}",
}
#: what makes a view, or has writes to a table run a function or other statements
_LEADS = (
    rf"(?is)CREATE\s+(?:OR\s+REPLACE\s+)?(?:(?:TEMP\w*\s+)?(?:RECURSIVE\s+)?VIEW\s+{_PATH}"
    rf"|(?:CONSTRAINT\s+)?TRIGGER\s.*?\sON\s+{_PATH}|RULE\s.*?\sTO\s+{_PATH})"
)
#: whose statements may write anything
ANYTHING = ("DO", "CALL", "EXECUTE", "EXPLAIN")


@dataclass(frozen=True)
class Write:
    """A statement that writes to a table: by what verb, and to which columns, None where that is not known."""

    place: str
    verb: str  # INSERT, UPDATE, DELETE, or ANY
    columns: frozenset[str] | None = None

    def touches(self, columns: Collection[str]) -> bool:
        """Whether it may change one of these columns of a row."""
        return self.columns is None or not columns or bool(self.columns.intersection(columns))

    def mends(self, columns: Collection[str]) -> bool:
        """Whether rows in the way may be gone behind it, or no more in the way."""
        return self.verb in ("DELETE", "ANY") or (self.verb == "UPDATE" and self.touches(columns))

    def spoils(self, columns: Collection[str]) -> bool:
        """Whether there may be rows in the way behind it."""
        return self.verb in ("INSERT", "ANY") or (self.verb == "UPDATE" and self.touches(columns))


class Writes:
    """What the statements so far have written, by table."""

    def __init__(self, functions: set[str], views: set[str]) -> None:
        """functions: PostgreSQL's own, which write to no table; views, which write to some."""
        self._functions, self._leading = functions, views
        self._found: dict[int, list[Write]] = {}
        self._anything: list[Write] = []
        self._of: Collection[Shape] = ()
        self._known: dict[tuple[str, ...], list[Shape]] = {}

    def to(self, oid: int) -> Iterator[Write]:
        """Those that may have written to a table, the last first."""
        yield from reversed([*self._anything, *self._found.get(oid, ())])

    def clean(self, one: Constraint, place: str, shapes: Collection[Shape]) -> None:
        """Takes in a cleanup: it deletes rows of a table, or sets columns."""
        for shape in shapes:
            if is_named(shape, one.child):
                self._found.setdefault(shape.oid, []).append(
                    Write(place, "DELETE" if _deletes(one) else "ANY")
                )
                self._follow(shape.oid, place, shapes, "ON (?:DELETE|UPDATE) (?:CASCADE|SET)")

    def add(self, words: tuple[str, ...], text: str, place: str, shapes: Collection[Shape]) -> None:
        """Takes in a statement, by the shapes of the tables as they were when it ran."""
        verb = words[0] if words else ""
        if verb in ANYTHING or (verb in ("SELECT", "WITH", "VALUES") and self._calls(text)):
            self._anything.append(Write(place, "ANY"))
            return
        if match := re.match(_LEADS, text):
            self._leading.add(plain(re.findall(NAME, match[match.lastindex or 0])[-1]))
        target = _target(verb, text)
        if not target and verb not in ("TRUNCATE", "WITH"):
            return
        if target and target[-1] in self._leading:
            self._anything.append(Write(place, "ANY"))
        for shape in self._targets(verb, text, target, shapes):
            write = _write(verb, text, place)
            if shape.fires and verb != "TRUNCATE":
                self._anything.append(Write(place, "ANY"))
            self._found.setdefault(shape.oid, []).append(write)
            if verb == "TRUNCATE" and "cascade" in names_in(text):
                self._follow(shape.oid, place, shapes, "")
            elif write.verb != "INSERT":
                done = write.verb if write.verb != "ANY" else "DELETE|UPDATE"
                self._follow(shape.oid, place, shapes, rf"ON (?:{done}) (?:CASCADE|SET)")

    def _targets(
        self, verb: str, text: str, target: tuple[str, ...], shapes: Collection[Shape]
    ) -> Collection[Shape]:
        """The tables that it writes to; remembered, for files hold thousands of INSERTs."""
        if verb != "INSERT":
            return _targets(verb, text, target, shapes)
        if self._of is not shapes:
            self._of, self._known = shapes, {}
        if target not in self._known:
            self._known[target] = _targets(verb, text, target, shapes)
        return self._known[target]

    def _follow(self, oid: int, place: str, shapes: Collection[Shape], action: str) -> None:
        """Rows of other tables go, or change, with those whose keys they hold."""
        reached, new = {oid}, {oid}
        while new:
            new = {
                shape.oid for shape in shapes if any(_passes_on(shape, it, action) for it in new)
            } - reached
            reached |= new
            action = action and "ON (?:DELETE|UPDATE) (?:CASCADE|SET)"
        for other in reached - {oid}:
            self._found.setdefault(other, []).append(Write(place, "ANY"))

    def _calls(self, text: str) -> bool:
        """Whether somebody's own function may be called."""
        code = "".join(word for word in tokens(text) if not word.startswith(("'", "$", "e'", "E'")))
        called = {plain(name) for name in re.findall(rf"({NAME})\s*\(", code)}
        return not called - KEYWORDS <= self._functions


def is_named(shape: Shape, names: tuple[str, ...]) -> bool:
    """Whether a table may be meant by its name, with the schema or without."""
    return bool(names) and (shape.schema, shape.name)[-len(names) :] == names


def _deletes(one: Constraint) -> bool:
    action = one.said or (one.otherwise if isinstance(one, Relation) else None)
    return action == DELETE


def _passes_on(shape: Shape, oid: int, action: str) -> bool:
    """Whether the keys of a table to another pass on what is done there."""
    return any(it.foreign == oid and re.search(action, it.definition) for it in shape.constraints.values())


#: what stands before a parenthesis and is no function
KEYWORDS = {
    "in", "as", "values", "and", "or", "not", "exists", "any", "all", "some", "over", "filter", "coalesce", "nullif",
    "greatest", "least", "cast", "extract", "row", "array", "select", "from", "where", "when", "then", "else", "on",
    "using", "union", "with", "materialized", "by", "within", "trim", "substring", "position", "overlay", "varchar",
    "numeric", "char", "decimal", "case", "lateral", "is", "limit", "returning", "group", "order", "grouping",
    "rollup", "cube", "sets", "join",
}  # fmt: skip


def _target(verb: str, text: str) -> tuple[str, ...]:
    """The name of what a statement writes to, with its schema where it has one; empty for others."""
    match = re.match(TARGET[verb], text) if verb in TARGET else None
    return tuple(map(plain, re.findall(NAME, match[1]))) if match else ()


def _targets(verb: str, text: str, target: tuple[str, ...], shapes: Collection[Shape]) -> list[Shape]:
    """The tables that a statement writes to, with those above and below them."""
    if verb == "COPY" and not re.search(r"(?i)\bFROM\b", text):
        return []
    names = names_in(text) if verb in ("TRUNCATE", "WITH") else set()
    if verb == "TRUNCATE" or names & {"insert", "update", "delete", "merge"}:
        oids = {shape.oid for shape in shapes if shape.name in names}
    else:
        oids = {shape.oid for shape in shapes if is_named(shape, target)}
    while more := _around(oids, shapes) - oids:
        oids |= more
    return [shape for shape in shapes if shape.oid in oids]


def _around(oids: set[int], shapes: Collection[Shape]) -> set[int]:
    below = {shape.oid for shape in shapes if oids.intersection(shape.parents)}
    return below | {parent for shape in shapes if shape.oid in oids for parent in shape.parents}


def _write(verb: str, text: str, place: str) -> Write:
    if verb in ("DELETE", "TRUNCATE"):
        return Write(place, "DELETE")
    if verb in ("INSERT", "COPY"):
        is_plain = not re.search(r"(?is)\bON\s+CONFLICT\b.*\bDO\s+UPDATE\b", text)
        return Write(place, "INSERT" if is_plain else "ANY")
    return Write(place, "UPDATE", _set(text)) if verb == "UPDATE" else Write(place, "ANY")


def _set(text: str) -> frozenset[str] | None:
    """The columns that an UPDATE sets; None if that cannot be told."""
    depth, found = 0, set[str]()
    words = [word for word in tokens(text) if word != " "]
    upper = [word.upper() for word in words]
    if "SET" not in upper:
        return None
    for word, next_ in zip(words[upper.index("SET") :], [*words[upper.index("SET") + 1 :], ""], strict=False):
        if depth == 0 and word.upper() in ("WHERE", "FROM", "RETURNING"):
            break
        if depth == 0 and (word == "," or word.upper() == "SET"):
            if next_ == "(":
                return None
            found.add(plain(next_))
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(word, 0)
    return frozenset(found)
