"""What Citus refuses of its distributed tables, as far as the text of a statement says it.

Which tables are distributed is known from the calls of Citus's functions in the files, and from a database. Of a table
that neither says anything of, nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sqlrail.files import constraints
from sqlrail.files.constraints import LIST, RENAMES, ForeignKey, listed, parted
from sqlrail.files.keys import names, squeezed
from sqlrail.files.squawk import OUTSIDE, Remark
from sqlrail.ground.names import NAME, Name, is_same, join

UNIQUE, FOREIGN_KEY, COLUMN = "citus-unique-key", "citus-foreign-key", "citus-distribution-column"
CONCURRENTLY, BLOCKING = "citus-concurrently-in-transaction", "citus-blocking-distribution"
#: our own rules: what Citus refuses, and the last what keeps writers out
RULES = (UNIQUE, FOREIGN_KEY, COLUMN, CONCURRENTLY, BLOCKING)

#: with one of these a statement begins of which something may be said, or learnt
WORDS = {"ALTER", "CREATE", "DROP", "SELECT", "UPDATE"}

_NAMED = rf"({NAME}(?: \. {NAME})*)"
_TEXT = r"(?:[Ee]?'((?:[^']|'')*)'|NULL)(?: : : \w+)?"
_CALL = re.compile(
    r"(?i)\b((?:create_(?:distributed|reference)|undistribute|alter_distributed)_table(?:_concurrently)?) \( "
    rf"(?:table_name = > )?{_TEXT}(?: , (?:distribution_column = > )?{_TEXT}(?= [,)]))?"
)
_MADE = re.compile(
    rf"(?i)CREATE (?:(?:GLOBAL|LOCAL|UNLOGGED) )*TABLE (IF NOT EXISTS )?{_NAMED}(?: PARTITION OF {_NAMED})?(?: {LIST})?"
)
_ALTERED = re.compile(rf"(?i)ALTER TABLE (?:IF EXISTS )?(?:ONLY )?{_NAMED}(?: \*)? (.*)")
_DROPPED = re.compile(rf"(?i)DROP TABLE (?:IF EXISTS )?({_NAMED}(?: , {_NAMED})*)")
_INDEX = re.compile(
    rf"(?i)CREATE UNIQUE INDEX (?:CONCURRENTLY )?(?:(?:IF NOT EXISTS )?{NAME} )?ON (?:ONLY )?{_NAMED} "
    rf"(?:USING {NAME} )?{LIST}"
)
_UPDATED = re.compile(
    rf"(?i)UPDATE (?:ONLY )?{_NAMED}(?: \*)?(?: AS {NAME}| (?!SET ){NAME})? SET (.*)"  # noqa: S608 - it is sent nowhere
)
_ADDED = re.compile(r"(?i)ADD (?:COLUMN )?(?:IF NOT EXISTS )?(.*)")
_CHANGED = re.compile(
    rf"(?i)DROP (?:COLUMN )?(?:IF EXISTS )?(?!CONSTRAINT )({NAME})(?: CASCADE| RESTRICT)?$"
    rf"|ALTER (?:COLUMN )?({NAME}) (?:(?:SET DATA )?TYPE |DROP NOT NULL|(?:SET|DROP) DEFAULT)"
)
_MOVED = re.compile(rf"(?i)SET SCHEMA ({NAME})$")
_SETS = re.compile(rf"(?i) ?ON DELETE SET (?:NULL|DEFAULT)(?: {LIST})?")
_FOLLOWS = re.compile(r"(?i)\bON UPDATE (?:CASCADE|SET)\b")


class Placed(NamedTuple):
    """A table whose rows Citus keeps on its nodes."""

    name: Name
    column: str | None  # that says on which; None for a reference table


class _Said(NamedTuple):
    """What is said of a statement."""

    rule: str
    message: str
    remedy: str


@dataclass
class _Table:
    """What is known of a table."""

    name: Name
    column: str | None = None  # by which it is distributed
    is_reference: bool = False
    whole: Name | None = None  # whose partition it is
    is_new: bool = False  # made by the file at hand
    unique: list[Name] = field(default_factory=list)
    keys: list[ForeignKey] = field(default_factory=list)

    @property
    def is_spread(self) -> bool:
        return self.column is not None


class Distributed:
    """The tables that are known: each statement is taken in, and answered with what Citus refuses of it."""

    def __init__(self, placed: Iterable[Placed] = ()) -> None:
        self._known = [_Table(name, column, is_reference=column is None) for name, column in placed]

    def begin(self) -> None:
        """A file begins, which has made no table yet."""
        self._known = [replace(one, is_new=False) for one in self._known]

    def learn(self, text: str, start: int, end: int, *, transactional: bool) -> list[Remark]:
        """Takes in a statement that stands there in its file; what is to be said of it."""
        statement = squeezed(text, strings=True).removesuffix(" ;")
        said = self._read(statement, transactional=transactional)
        return [Remark(start, end, *one) for one in dict.fromkeys(said)]

    def _read(self, statement: str, *, transactional: bool) -> Iterator[_Said]:
        if statement[:7].upper() == "SELECT ":
            for call in _CALL.finditer(statement):
                yield from self._placed(*call.groups(), transactional=transactional)
            if re.search(r"(?i)\bcascade_via_foreign_keys\b", statement):
                self._known = [replace(one, column=None, is_reference=False) for one in self._known]
        elif made := _MADE.match(statement):
            yield from self._made(*made.groups())
        elif altered := _ALTERED.match(statement):
            yield from self._altered(self._table(names(altered[1])), altered[2])
        elif (index := _INDEX.match(statement)) and (table := self._find(names(index[1]))):
            yield from _unique(table, listed(index[2]))
        elif (updated := _UPDATED.match(statement)) and (table := self._find(names(updated[1]))):
            yield from _updated(table, updated[2])
        elif dropped := _DROPPED.match(statement):
            for name in parted(dropped[1]):
                self._forget(names(name))

    # What makes, places and changes tables

    def _made(
        self, if_not_exists: str | None, named: str, whole: str | None, parts: str | None
    ) -> Iterator[_Said]:
        if if_not_exists and self._find(names(named)):
            return
        self._forget(names(named))
        table = _Table(names(named), is_new=True)
        self._known.append(table)
        if whole:
            parent = self._table(names(whole))
            table.whole, table.column = parent.name, parent.column
        for part in parted(parts or ""):
            yield from self._added(table, part)

    def _placed(
        self, function: str, named: str | None, column: str | None, *, transactional: bool
    ) -> Iterator[_Said]:
        if not named:
            return
        function, table = function.lower(), self._table(names(named))
        if transactional and function.endswith("_concurrently"):
            yield _Said(
                CONCURRENTLY,
                f"Citus runs {function} only outside a transaction.",
                f"put it {OUTSIDE}",
            )
        if function.startswith("create_") and not (table.is_new or function.endswith("_concurrently")):
            yield _blocking(table, function)
        if function != "alter_distributed_table":
            table.is_reference = function == "create_reference_table"
            table.column = None
        if column and not table.is_reference:
            table.column = column.replace("''", "'")
        for part in (table, *(one for one in self._known if one.whole and is_same(one.whole, table.name))):
            part.column = table.column
            yield from self._fitting(part)

    def _fitting(self, table: _Table) -> Iterator[_Said]:
        """What a table that is placed may not have of its own."""
        for columns in table.unique:
            yield from _unique(table, columns)
        for key in table.keys:
            yield from self._foreign_key(table, key)

    def _altered(self, table: _Table, actions: str) -> Iterator[_Said]:
        for action in parted(actions):
            if action[:5].upper() == "DROP ":
                # Which ones go with it is not known.
                table.unique.clear()
                table.keys.clear()
            if added := _ADDED.match(action):
                yield from self._added(table, added[1])
            elif changed := _CHANGED.match(action):
                yield from _changed(table, *names(changed[1] or changed[2]))
            elif called := RENAMES.match(action):
                _rename(table, *map(names, called.groups()))
            elif moved := _MOVED.match(action):
                table.name = (*names(moved[1]), table.name[-1])

    def _added(self, table: _Table, part: str) -> Iterator[_Said]:
        if (columns := constraints.unique(part)) is not None:
            table.unique.append(columns)
            yield from _unique(table, columns)
        if key := constraints.foreign_key(part):
            table.keys.append(key)
            yield from self._foreign_key(table, key)

    def _foreign_key(self, table: _Table, key: ForeignKey) -> Iterator[_Said]:
        parent = self._find(key.parent)
        if table.is_reference and parent and parent.is_spread:
            yield _apart(table, parent, "the rows of a reference table are on every node, and those are not")
        if table.column is None:
            return
        if parent and parent.is_spread and not _together(table.column, parent, key):
            yield _apart(table, parent, f"the key does not lead from {table.column} to {parent.column}")
        if table.column in key.columns:
            yield from _kept(table, key)

    # What is known

    def _find(self, name: Name) -> _Table | None:
        return next((one for one in self._known if is_same(one.name, name)), None)

    def _table(self, name: Name) -> _Table:
        if found := self._find(name):
            return found
        self._known.append(_Table(name))
        return self._known[-1]

    def _forget(self, name: Name) -> None:
        self._known = [one for one in self._known if not is_same(one.name, name)]


# What is said


def _unique(table: _Table, columns: Name) -> Iterator[_Said]:
    if table.column is None or table.column in columns:
        return
    named, column = join(*table.name), join(table.column)
    yield _Said(
        UNIQUE,
        f"{named} is distributed by {column}, which is no column of this key: Citus refuses it, or keeps it "
        "unique within each shard alone.",
        f"make {column} one of its columns, or {named} a reference table",
    )


def _together(column: str, parent: _Table, key: ForeignKey) -> bool:
    """Whether a key leads from the column to that of the parent; without columns of the parent's it may."""
    pairs = dict(zip(key.columns, key.keys, strict=False))
    return pairs[column] == parent.column if column in pairs else column in key.columns and not key.keys


def _apart(table: _Table, parent: _Table, why: str) -> _Said:
    return _Said(
        FOREIGN_KEY,
        f"Citus refuses a foreign key from {join(*table.name)} to {join(*parent.name)}, which is distributed by "
        f"{join(parent.column or '')}: {why}.",
        f"distribute both by the columns of the key, or make {join(*parent.name)} a reference table",
    )


def _kept(table: _Table, key: ForeignKey) -> Iterator[_Said]:
    sets, column = _SETS.search(key.rest), join(table.column or "")
    if (sets and (not sets[1] or table.column in listed(sets[1]))) or _FOLLOWS.search(key.rest):
        yield _Said(
            FOREIGN_KEY,
            f"{join(*table.name)} is distributed by {column}, which this key would change: Citus refuses it.",
            "say ON DELETE CASCADE or NO ACTION, and nothing ON UPDATE",
        )


def _changed(table: _Table, column: str) -> Iterator[_Said]:
    if column == table.column:
        named = join(*table.name)
        yield _Said(
            COLUMN,
            f"{named} is distributed by {join(column)}, which Citus neither drops nor changes.",
            f"SELECT alter_distributed_table('{named}', distribution_column => ...) to another column first, or "
            f"undistribute_table('{named}')",
        )


def _updated(table: _Table, sets: str) -> Iterator[_Said]:
    assigned = re.split(r"(?i) (?:FROM|WHERE|RETURNING) ", sets)[0]
    for part in parted(assigned):
        target, _, value = part.partition(" =")
        columns = listed(target.strip("() "))
        is_itself = re.fullmatch(rf" (?:{NAME} \. )?({NAME})", value)
        if table.column in columns and not (is_itself and names(is_itself[1]) == columns):
            yield _Said(
                COLUMN,
                f"{join(*table.name)} is distributed by {join(table.column or '')}, and Citus moves no row by UPDATE.",
                "delete the row, and insert it with the other value",
            )


def _blocking(table: _Table, function: str) -> _Said:
    named = join(*table.name)
    if function == "create_reference_table":
        remedy = "do it while the table is small, or its writers can wait"
    else:
        remedy = f"create_distributed_table_concurrently, {OUTSIDE}"
    return _Said(
        BLOCKING,
        f"Nobody writes to {named} while its rows are copied to the nodes.",
        remedy,
    )


def _rename(table: _Table, column: Name, name: Name) -> None:
    if not column:
        table.name = (*table.name[:-1], *name)
        return
    (old,), (new,) = column, name
    table.column = new if table.column == old else table.column
    table.unique = [tuple(new if it == old else it for it in columns) for columns in table.unique]
    table.keys = [
        key._replace(columns=tuple(new if it == old else it for it in key.columns)) for key in table.keys
    ]
