"""How a demand is asked about: the rows, the condition, the parts that must be unique."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from psycopg import sql

from sqlrail.foresight import counts
from sqlrail.foresight.counts import Question, Source, Unique
from sqlrail.foresight.demands import BPCHAR, INT2, INT4, INT8, NUMERIC, TEXT, VARCHAR, Demand
from sqlrail.foresight.later import ROW, Judge, Later
from sqlrail.foresight.tables import LiveTable
from sqlrail.ground.names import NAME
from sqlrail.scratch.shapes import Column, Constraint, Index, Shape, names_in
from sqlrail.scratch.using import Using, tokens

#: types whose values sort faster than they hash: numbers, dates and times
SORTED = {INT2, INT4, INT8, 1082, 1114, 1184, 2950, 26}
#: functions that hash a value, begun with another hash
HASHES = {
    INT2: "hashint2extended", INT4: "hashint4extended", INT8: "hashint8extended", TEXT: "hashtextextended",
    VARCHAR: "hashtextextended", BPCHAR: "hashbpcharextended", NUMERIC: "hash_numeric_extended",
    2950: "uuid_hash_extended", 1114: "timestamp_hash_extended",
}  # fmt: skip
#: PostgreSQL's own ranges, whose ends have a greatest
RANGES = {3904, 3906, 3908, 3910, 3912, 3926}
EQUALS, OVERLAPS = "OPERATOR(pg_catalog.=)", "OPERATOR(pg_catalog.&&)"
INTEGERS = {INT2: (-(2**15), 2**15 - 1), INT4: (-(2**31), 2**31 - 1)}


@dataclass(frozen=True)
class Unknown:
    """Why a demand cannot be asked about."""

    why: str


@dataclass(frozen=True)
class Passes:
    """A demand that any rows fulfil."""


@dataclass(frozen=True)
class Moment:
    """A table around a statement: its shapes, and its rows as they are in front of it and behind it."""

    before: Shape
    after: Shape
    rows_before: Later
    rows: Later
    using: Mapping[str, Using]
    judge: Judge
    live: Mapping[int, LiveTable]

    def source(self, demand: Demand, rows: Later) -> Source:
        """Those of the table's rows that no other table of the files speaks for."""
        is_parent = self.after.kind == "p"
        text = rows.rows(own=not is_parent, children=is_parent or demand.is_inherited)
        return Source(text, rows.name, rows.live.key)

    def is_spread(self, demand: Demand) -> bool:
        """Whether rows of several tables are asked about at once."""
        return bool(self.rows.live.children) and (self.after.kind == "p" or demand.is_inherited)

    def read(self, demand: Demand) -> list[int]:
        """The columns on which an answer depends."""
        names = names_in(demand.expression)
        return [*demand.columns, *(number for number, it in self.after.columns.items() if it.name in names)]


def question(demand: Demand, at: Moment, parents: Mapping[int, Later]) -> Question | Unknown | Passes:
    """How the rows are asked whether they fulfil a demand; parents: rows of other tables behind the statement."""
    if why := at.rows.live.why_not or (demand.way != "type" and at.judge.why_not(demand.leans)):
        return Unknown(why)
    if _is_for_any(demand, at):
        return Passes()
    if demand.way != "type" and (why := at.rows.why_unknown(at.read(demand))):
        return Unknown(why)
    if demand.way == "foreign key":
        return _foreign_key(demand, at, parents)
    return WAYS[demand.way](demand, at)


def _is_for_any(demand: Demand, at: Moment) -> bool:
    """Of new columns: what a sequence or a constant fills is not null, and a sequence gives no value twice."""
    columns = set(demand.columns)
    if demand.way == "null" and columns & at.rows.filled:
        return True
    is_wide = all(at.after.columns[it].base != INT2 for it in columns)
    return bool(columns & at.rows.made) and is_wide and demand.way in ("null", "unique")


def _column(name: str) -> sql.Composable:
    return sql.Identifier(name)


def _is_null(column: Column) -> sql.Composable:
    # A composite value whose fields are all null is null to IS NULL, and not to NOT NULL.
    form = "num_nulls({}) = 1" if column.kind in ("c", "d") else "{} IS NULL"
    return sql.SQL(form).format(_column(column.name))


def _nulls(demand: Demand, at: Moment) -> Question:
    (number,) = demand.columns
    return counts.rows_where(at.source(demand, at.rows), _is_null(at.after.columns[number]))


def _not(demand: Demand, at: Moment) -> Question | Unknown:
    condition = _by_live_hash(demand.expression, at) if demand.kind == "partition" else demand.expression
    if condition is None:
        return Unknown("by the hash of which table rows are parted is known when the files run")
    source = at.source(demand, at.rows)
    if demand.kind == "domain":
        (number,) = demand.columns
        # VALUE, as a domain's check has it, is the name of a column as well.
        shown = [sql.SQL("{} AS value").format(_column(at.after.columns[number].name)), *at.rows.own_columns]
        text = sql.SQL("(SELECT {} FROM {} AS {})").format(
            sql.SQL(", ").join(shown), source.rows, _column(source.name)
        )
        source = Source(text, source.name, source.key)
    pages = None if at.is_spread(demand) or "$sqlrail$" in condition else at.rows.live.pages
    return counts.rows_refused(source, sql.SQL(condition), pages)


def _by_live_hash(bound: str, at: Moment) -> str | None:
    """A partition's bound with the oids that its parents have in the live database; None if it has not all of them."""
    for oid in set(re.findall(r"satisfies_hash_partition\('(\d+)'::oid", bound)):
        if (live := at.live.get(int(oid))) is None or not live.oid:
            return None
        bound = bound.replace(
            f"satisfies_hash_partition('{oid}'::oid", f"satisfies_hash_partition('{live.oid}'::oid"
        )
    return bound


def _parts(index: Index) -> list[sql.Composable]:
    """An index's keys, each in its collation."""
    found: list[sql.Composable] = []
    for attribute, key, collation in zip(index.attributes, index.keys, index.collations, strict=True):
        part = sql.SQL(key) if attribute else sql.SQL("({})").format(sql.SQL(key))
        found.append(sql.SQL("({} COLLATE {})").format(part, sql.SQL(collation)) if collation else part)
    return found


def _where(conditions: Sequence[sql.Composable]) -> sql.Composable:
    return sql.SQL(" AND ").join(conditions or [sql.SQL("true")])


def _unique(demand: Demand, at: Moment) -> Question | Unknown:
    index = demand.index
    assert index
    if not index.usual or index.method != "btree":
        return Unknown("its operator class may find other values equal than = does")
    composite = [it for it in index.attributes if it and at.after.columns[it].kind in ("c", "d")]
    filled = (
        () if index.nulls_equal else _filled(index, "num_nulls({}) = 0" if composite else "{} IS NOT NULL")
    )
    hashes = not set(index.types) <= SORTED
    is_wide = hashes and (
        at.rows.live.is_wide or at.is_spread(demand) or bool(at.rows.levels) or 0 in index.attributes
    )
    source, key = at.source(demand, at.rows), _key(index, filled, hashes=hashes)
    return counts.duplicates(source, key, hashes=hashes, is_wide=is_wide)


def _key(index: Index, filled: Sequence[sql.Composable], *, hashes: bool) -> Unique:
    parts = tuple(_parts(index))
    hashed = _hashed(index, counts.names_of_parts(len(parts))) if hashes else None
    return Unique(parts, _where(_predicate(index)), _where(filled), hashed)


def _predicate(index: Index) -> list[sql.Composable]:
    return [sql.SQL("({})").format(sql.SQL(index.predicate))] if index.predicate else []


def _filled(index: Index, form: str) -> list[sql.Composable]:
    """What says of the parts, by their names, that none is null."""
    return [sql.SQL(form).format(name) for name in counts.names_of_parts(len(index.keys))]


def _hashed(index: Index, parts: Sequence[sql.Composable]) -> sql.Composable | None:
    """The hash of a key's parts, each begun with that of the one before; None where a type has no hash of its own."""
    found: sql.Composable = sql.SQL("0::bigint")
    for type_, part in zip(index.types, parts, strict=True):
        if type_ not in HASHES:
            return None
        found = sql.SQL("{}({}, {})").format(sql.SQL(HASHES[type_]), part, found)
    return found


def _exclusion(demand: Demand, at: Moment) -> Question | Unknown:
    index, constraint = demand.index, demand.constraint
    if index is None or constraint is None or len(constraint.operators) != len(index.keys):
        return Unknown("its operators are not told")
    parts, source = _parts(index), at.source(demand, at.rows)
    equal = [operator == EQUALS for operator in constraint.operators]
    if all(equal):
        hashes = not set(index.types) <= SORTED
        key = _key(index, _filled(index, "{} IS NOT NULL"), hashes=hashes)
        return counts.duplicates(source, key, hashes=hashes, is_wide=hashes)
    filled = _where([*_predicate(index), *(sql.SQL("{} IS NOT NULL").format(part) for part in parts)])
    each = _each_with_each(index, constraint, source, at.rows, filled)
    spans = [number for number, is_equal in enumerate(equal) if not is_equal]
    if len(spans) > 1 or constraint.operators[spans[0]] != OVERLAPS or index.types[spans[0]] not in RANGES:
        return each
    others = [part for part, is_equal in zip(parts, equal, strict=True) if is_equal]
    return counts.overlaps(source, filled, others, parts[spans[0]], each)


def _each_with_each(
    index: Index, constraint: Constraint, source: Source, rows: Later, filled: sql.Composable
) -> Question:
    """Counts the rows that are in the way of one that lies before them."""
    names = counts.names_of_parts(len(index.keys))
    shown = [sql.SQL("{} AS {}").format(part, name) for part, name in zip(_parts(index), names, strict=True)]
    text = sql.SQL("(SELECT {} FROM {} AS {} WHERE {})").format(
        sql.SQL(", ").join([*shown, *rows.own_columns]), source.rows, _column(source.name), filled
    )
    one, other, row = sql.Identifier("sqlrail one"), sql.Identifier("sqlrail other"), sql.Identifier(ROW)
    pairs = [
        sql.SQL("{}.{} {} {}.{}").format(one, name, sql.SQL(operator), other, name)
        for name, operator in zip(names, constraint.operators, strict=True)
    ]
    before = sql.SQL("{}.{} < {}.{}").format(other, row, one, row)
    condition = sql.SQL("EXISTS (SELECT FROM {} AS {} WHERE {})").format(
        text, other, _where([*pairs, before])
    )
    return counts.rows_where(Source(text, "sqlrail one", source.key), condition)


def _foreign_key(demand: Demand, at: Moment, parents: Mapping[int, Later]) -> Question | Unknown:
    key = demand.constraint
    assert key
    if key.period:
        return Unknown("keys over periods are not counted")
    source, parent = at.source(demand, at.rows), parents.get(key.foreign)
    child, other = _column(source.name), sql.Identifier("sqlrail parent")
    columns = [sql.SQL("{}.{}").format(child, _column(at.after.columns[it].name)) for it in key.columns]
    if parent is None:
        why = "the table that it refers to is made by the pending files"
        return counts.unless_none(counts.rows_where(source, _refers(key, columns)), why)
    if why_not := (parent.live.why_not or parent.why_unknown(key.foreign_columns)):
        return Unknown(f"of the table that it refers to: {why_not}")
    return counts.rows_where(source, _orphan(key, columns, parent, other))


def _refers(key: Constraint, columns: Sequence[sql.Composable]) -> sql.Composable:
    # MATCH FULL lets all be null or none.
    between = " OR " if key.match == "f" else " AND "
    return sql.SQL(between).join([sql.SQL("{} IS NOT NULL").format(column) for column in columns])


def _orphan(
    key: Constraint, columns: Sequence[sql.Composable], parent: Later, other: sql.Composable
) -> sql.Composable:
    pairs = [
        sql.SQL("{}.{} {} {}").format(other, _column(parent.names[number]), sql.SQL(operator), column)
        for number, operator, column in zip(key.foreign_columns, key.operators, columns, strict=True)
    ]
    rows = parent.rows(tree=parent.live.kind == "p")
    missing = sql.SQL("NOT EXISTS (SELECT FROM {} AS {} WHERE {})").format(rows, other, _where(pairs))
    return sql.SQL("({}) AND {}").format(_refers(key, columns), missing)


def _type(demand: Demand, at: Moment) -> Question | Unknown:
    (number,) = demand.columns
    was, now = at.before.columns[number], at.after.columns[number]
    how = at.using.get(was.name)
    read = [it for it, one in at.before.columns.items() if how and one.name in names_in(how.expression)] or [
        number
    ]
    if why := at.rows_before.why_unknown(read) or (how and how.why):
        return Unknown(why)
    if how and (labelled := _of_new_enum(demand, at, how, now)):
        return labelled
    if why := at.judge.why_not([*demand.leans, *(how.leans if how else ())]):
        return Unknown(why)
    source = at.source(demand, at.rows_before)
    if how is None and (condition := _quick(was, now)):
        return counts.rows_where(source, condition)
    expression: sql.Composable = _column(was.name)
    if how:
        source = replace(source, name=how.table)
        expression = sql.SQL("({})").format(sql.SQL(how.expression))
    return _tried(demand, at, source, expression, now)


def _of_new_enum(demand: Demand, at: Moment, how: Using, now: Column) -> Question | None:
    """Values that become labels of an enum which the live database has not, or has otherwise: by the labels' names."""
    lean = next((it for it in now.leans if it.kind == "e" and at.judge.why_not([it])), None)
    value = re.fullmatch(rf"(?s)(.*)::{re.escape(now.type)}", how.expression)
    if lean is None or value is None or not _is_one(value[1]) or now.type in value[1]:
        return None
    if at.judge.why_not([it for it in how.leans if it.oid != lean.oid]):
        return None
    labels = sql.SQL(", ").join(map(sql.Literal, lean.labels))
    text = sql.SQL("({})::text").format(sql.SQL(value[1]))
    source = replace(at.source(demand, at.rows_before), name=how.table)
    return counts.rows_where(source, sql.SQL("{} <> ALL (ARRAY[{}]::text[])").format(text, labels))


def _is_one(expression: str) -> bool:
    """Whether a cast behind it is a cast of all of it: a name, or something in parentheses."""
    words = tokens(expression)
    depth, ends = 0, 0
    for word in words:
        depth += {"(": 1, ")": -1}.get(word, 0)
        ends += depth == 0
    return ends == 1 or re.fullmatch(rf"{NAME}(?:\.{NAME})*", expression) is not None


def _value(demand: Demand, at: Moment) -> Question | Unknown:
    (number,) = demand.columns
    now = at.after.columns[number]
    expression = sql.SQL("({})").format(sql.SQL(now.default or "NULL"))
    return _tried(demand, at, at.source(demand, at.rows), expression, now)


def _tried(
    demand: Demand, at: Moment, source: Source, expression: sql.Composable, now: Column
) -> Question | Unknown:
    if at.is_spread(demand):
        return Unknown("values of partitions that no file makes are not tried")
    if now.kind == "c" or "$sqlrail$" in repr(expression):
        return Unknown(f"values are not tried on type {now.type}")
    # No variable of a domain that refuses null can be declared, but an array of it can.
    form = "{}[]" if now.kind == "d" else "{}"
    type_ = sql.SQL(form).format(sql.SQL(now.type))
    return counts.unfit(source, expression, type_, at.rows.live.pages, is_array=now.kind == "d")


def _quick(was: Column, now: Column) -> sql.Composable | None:
    """A condition of the values that do not fit, where one says it; faster than to try each."""
    column = _column(was.name)
    if now.kind == "d" or was.kind == "d":
        return None
    if was.type_oid in (INT4, INT8) and now.type_oid in INTEGERS:
        least, most = INTEGERS[now.type_oid]
        return sql.SQL("{} NOT BETWEEN {} AND {}").format(column, sql.Literal(least), sql.Literal(most))
    if was.type_oid in (TEXT, VARCHAR, BPCHAR) and now.type_oid in (VARCHAR, BPCHAR) and now.modifier > 4:
        length = sql.Literal(now.modifier - 4)
        # Blanks behind the last place are cut off, and nothing else.
        return sql.SQL("char_length({0}) > {1} AND rtrim(substr({0}::text, {1} + 1), ' ') <> ''").format(
            column, length
        )
    return None


WAYS: dict[str, Callable[[Demand, Moment], Question | Unknown]] = {
    "null": _nulls,
    "not": _not,
    "unique": _unique,
    "exclusion": _exclusion,
    "type": _type,
    "value": _value,
}
