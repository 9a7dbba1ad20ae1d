"""A live table's rows as they will be behind a pending statement: under their later names, of their later types."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from psycopg import sql

from sqlrail.foresight.leaning import why_not
from sqlrail.foresight.tables import LiveTable
from sqlrail.scratch.shapes import Column, Shape, Snapshots, names_in
from sqlrail.scratch.using import Using

#: columns of our own beside the table's: the primary key's, and where the row lies
KEY, ROW = "sqlrail key {}", "sqlrail row"
#: a default that is a constant, and not null
_CONSTANT = r"(?s)'(?:[^']|'')*'::.+|-?[\d.]+|true|false"
#: types whose values are the same in each other
TEXTS = (25, 1043)


@dataclass(frozen=True)
class Level:
    """Columns chosen from the level below, which is called by the table's name."""

    columns: sql.Composable
    name: str


@dataclass(frozen=True)
class Later:
    """Levels of subselects over a live table; why has, by their numbers, the columns whose values are not known."""

    live: LiveTable
    names: Mapping[int, str]
    why: Mapping[int, str]
    name: str
    base: sql.Composable
    levels: tuple[Level, ...] = ()
    first_names: Mapping[int, str] = field(default_factory=dict)
    made: frozenset[int] = frozenset()  # columns that the files fill with values of their own, each another
    filled: frozenset[int] = frozenset()  # and those that a constant fills

    @classmethod
    def first(cls, shape: Shape, live: LiveTable) -> Later:
        """As the rows are."""
        columns, why = list[sql.Composable](), dict[int, str]()
        for number, column in shape.columns.items():
            if (type_ := live.columns.get(column.name)) != column.type:
                there = f"is {type_} there" if type_ else "is not there"
                why[number] = f"column {column.name} {there}, where the files have {column.type}"
            value = sql.Identifier(column.name) if type_ else sql.SQL("NULL")
            columns.append(sql.SQL("{} AS {}").format(value, sql.Identifier(column.name)))
        keys = [(sql.Identifier(name), sql.Identifier(KEY.format(n))) for n, name in enumerate(live.key)]
        columns += [sql.SQL("{} AS {}").format(*it) for it in keys]
        columns.append(sql.SQL("ctid AS {}").format(sql.Identifier(ROW)))
        names = {number: column.name for number, column in shape.columns.items()}
        return cls(live, names, why, shape.name, sql.SQL(", ").join(columns), first_names=names)

    def rows(self, *, tree: bool = False, own: bool = True, children: bool = False) -> sql.Composable:
        """The subselect, without its name; see LiveTable.sources."""
        sources = self.live.sources(tree=tree, own=own, children=children)
        text = sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {} FROM {}").format(self.base, it) for it in sources
        )
        for level in self.levels:
            text = sql.SQL("SELECT {} FROM ({}) AS {}").format(
                level.columns, text, sql.Identifier(level.name)
            )
        return sql.SQL("({})").format(text)

    def why_unknown(self, numbers: Sequence[int]) -> str | None:
        """Why the values of one of these columns are not known."""
        return next((self.why[number] for number in numbers if number in self.why), None)

    def behind(self, before: Shape, after: Shape, using: Mapping[str, Using], judge: Judge) -> Later:
        """The same rows behind a statement that made another shape of the table."""
        if before.name == after.name and before.columns == after.columns:
            return self
        why = dict(self.why)
        columns, generated = self._columns(before, after, using, judge, why)
        by_name = next((how.table for how in using.values()), self.name)
        levels = [*self.levels, Level(sql.SQL(", ").join([*self.own_columns, *columns]), by_name)]
        if generated:  # of the others
            levels.append(Level(sql.SQL(", ").join([sql.SQL("*"), *generated]), after.name))
        names = {number: column.name for number, column in after.columns.items()}
        later = replace(self, names=names, why=why, name=after.name, levels=tuple(levels))
        return later._with_new(before, after, using)

    def _with_new(self, before: Shape, after: Shape, using: Mapping[str, Using]) -> Later:
        """With what is known of new columns without their values."""
        new = [it for number, it in after.columns.items() if number not in before.columns]
        made = self.made.union(it.number for it in new if is_made(it))
        filled = self.filled.union(it.number for it in new if re.fullmatch(_CONSTANT, it.default or ""))
        told = {number for number, it in before.columns.items() if it.name in using}
        return replace(self, made=made - told, filled=filled - told)

    def _columns(
        self, before: Shape, after: Shape, using: Mapping[str, Using], judge: Judge, why: dict[int, str]
    ) -> tuple[list[sql.Composable], list[sql.Composable]]:
        """The columns as they are selected: those with values of their own, and those newly generated of these."""
        columns, generated = list[sql.Composable](), list[sql.Composable]()
        for number, now in after.columns.items():
            was = before.columns.get(number)
            name = sql.Identifier(now.name)
            if now.generated and (was is None or was.default != now.default):
                generated.append(sql.SQL("{} AS {}").format(judge.generated(now, after, why), name))
            else:
                value = self._value(was, now, using, judge, why)
                columns.append(sql.SQL("{} AS {}").format(value, name))
        return columns, generated

    @property
    def own_columns(self) -> list[sql.Composable]:
        """Those beside the table's."""
        names = [KEY.format(n) for n, _ in enumerate(self.live.key)]
        return [sql.Identifier(name) for name in [*names, ROW]]

    def _value(
        self,
        was: Column | None,
        now: Column,
        using: Mapping[str, Using],
        judge: Judge,
        why: dict[int, str],
    ) -> sql.Composable:
        if was is None:
            return judge.default(now, why)
        value: sql.Composable = sql.Identifier(was.name)
        if not changes_value(was, now):
            return value
        if how := using.get(was.name):
            read = [number for number, name in self.names.items() if name in names_in(how.expression)]
            reason = how.why or judge.why_not(how.leans) or self.why_unknown(read)
            why.pop(now.number, None)
            value = sql.SQL("({})").format(sql.SQL(how.expression))
        else:
            reason = None
        if reason := reason or judge.why_not(now.leans):
            why[now.number] = reason
            return sql.SQL("NULL")
        return typed(value, now)


@dataclass(frozen=True)
class Judge:
    """Whether expressions may be asked about; extensions: by name, whether one has it in the live database."""

    snapshots: Snapshots
    extensions: Mapping[str, bool]

    def why_not(self, leans: Sequence[object]) -> str | None:
        """Why what leans on these cannot be asked about."""
        return why_not(leans, self.snapshots, self.extensions)  # type: ignore[arg-type]

    def default(self, column: Column, why: dict[int, str]) -> sql.Composable:
        """What a new column has in rows that were there before it."""
        reason = self.why_not(column.leans)
        if is_made(column):
            why[column.number] = "its values come from a sequence when the file runs"
        elif column.default and reason:
            why[column.number] = reason
        elif column.default:
            return typed(sql.SQL("({})").format(sql.SQL(column.default)), column)
        elif not reason:
            return typed(sql.SQL("NULL"), column)
        return sql.SQL("NULL")

    def generated(self, column: Column, shape: Shape, why: dict[int, str]) -> sql.Composable:
        """What a new generated column has."""
        read = [number for number, it in shape.columns.items() if it.name in names_in(column.default or "")]
        if reason := self.why_not(column.leans) or next((why[it] for it in read if it in why), None):
            why[column.number] = reason
            return sql.SQL("NULL")
        return typed(sql.SQL("({})").format(sql.SQL(column.default or "NULL")), column)


def is_made(column: Column) -> bool:
    """Whether a sequence fills it."""
    return bool(column.identity) or (column.default or "").startswith("nextval(")


def changes_value(was: Column, now: Column) -> bool:
    """Whether a column's values are others than before, or may be refused."""
    return (was.type_oid, was.modifier, was.collation) != (now.type_oid, now.modifier, now.collation)


def typed(value: sql.Composable, column: Column) -> sql.Composable:
    """The value in the column's type, and in its collation.

    Not in a domain: what its checks say of the value is asked, and must not end the asking.
    """
    if column.kind == "d":
        return value
    value = sql.SQL("{}::{}").format(value, sql.SQL(column.type))
    return sql.SQL("({} COLLATE {})").format(value, sql.SQL(column.collation)) if column.collation else value
