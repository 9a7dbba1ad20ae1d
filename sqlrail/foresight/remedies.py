"""What PostgreSQL would say of rows that are in the way, and the line of a file that gets them out of it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlrail.files.file import File
from sqlrail.foresight.demands import NUMERIC, Demand
from sqlrail.foresight.writes import is_named
from sqlrail.ground.check import Check
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.names import join
from sqlrail.ground.relation import Relation
from sqlrail.scratch.shapes import Shape, Shapes

#: by SQLSTATE: what the server says of a value that does not fit, without the value
SENTENCES = {
    "22P02": "invalid input syntax for type",
    "22007": "invalid input syntax for type",
    "22008": "date/time field value out of range",
    "22003": "out of range",
    "22012": "division by zero",
    "22001": "value too long for type {}",
    "22026": "bit string length does not match type {}",
    "23514": "violates check constraint",
    "23502": "domain {} does not allow null values",
}


def sentence_of(demand: Demand, shape: Shape, state: str | None) -> str:
    """What the server says first."""
    if state is None and demand.way == "type" and shape.columns[demand.columns[0]].kind == "e":
        return "invalid input value for enum"
    if state is None or (state == "23514" and demand.way == "not"):
        return demand.says
    column = shape.columns[demand.columns[0]]
    if state == "22P02" and column.kind == "e":
        return "invalid input value for enum"
    if state == "22P02" and column.type.endswith("[]"):
        return "malformed array literal"
    if state == "22003" and column.base == NUMERIC:
        return "numeric field overflow"
    return SENTENCES.get(state, f"a value does not fit type {{}} ({state})").format(column.type)


def remedy(demand: Demand, shape: Shape, start: Shapes, now: Shapes) -> str | None:
    """The directive, in the names that the tables have when the file begins; None where there is none."""
    then, whole = start.get(shape.oid), start.get(_whole(demand, shape, now).oid)
    if then is None or whole is None or not set(demand.columns) <= then.columns.keys():
        return None
    table = _path(whole)
    names = [then.columns[it].name for it in demand.columns]
    columns = join(names[0]) if len(names) == 1 else f"({', '.join(map(join, names))})"
    match demand.kind:
        case "not null":
            return f"-- cleanup: {table}.{columns} not null delete"
        case "check" if demand.name:
            return f"-- cleanup: {table} check {join(demand.name)} delete"
        case "unique" if demand.way == "unique":
            return _keep(demand, then, f"{table}.{columns}")
        case "foreign key":
            return _relation(demand, f"{table}.{columns}", start)
    return None


def _whole(demand: Demand, shape: Shape, now: Shapes) -> Shape:
    """The partitioned table that demands the same of all its partitions' rows; else the table itself."""
    names = {shape.columns[number].name for number in demand.columns if number in shape.columns}
    for above in _above(shape, now):
        if _is_demanded(demand, names, above):
            shape = above
    return shape


def _above(shape: Shape, now: Shapes) -> Iterator[Shape]:
    """The partitioned tables that a partition is of, the nearest first."""
    for oid in shape.parents:
        above = now.get(oid)
        if above and above.kind == "p":
            yield above
            yield from _above(above, now)


def _is_demanded(demand: Demand, names: set[str], table: Shape) -> bool:
    if demand.kind == "not null":
        return any(column.not_null and column.name in names for column in table.columns.values())
    kind = {"check": "c", "foreign key": "f"}.get(demand.kind)
    return any(found.kind == kind and found.name == demand.name for found in table.constraints.values())


def _keep(demand: Demand, then: Shape, what: str) -> str | None:
    index = demand.index
    key = next((it for it in then.constraints.values() if it.kind == "p" and len(it.columns) == 1), None)
    if index is None or index.predicate or not all(index.attributes) or key is None or index.primary:
        return None
    return f"-- cleanup: {what} unique keep newest {join(then.columns[key.columns[0]].name)}"


def _relation(demand: Demand, child: str, start: Shapes) -> str | None:
    key = demand.constraint
    parent = start.get(key.foreign) if key else None
    if key is None or parent is None or not set(key.foreign_columns) <= parent.columns.keys():
        return None
    names = [parent.columns[it].name for it in key.foreign_columns]
    keys = join(names[0]) if len(names) == 1 else f"({', '.join(map(join, names))})"
    return f"-- cleanup: {child} -> {_path(parent)}.{keys}"


def _path(shape: Shape) -> str:
    return join(shape.name) if shape.schema == "public" else join(shape.schema, shape.name)


def cleaned_by(file: File, demand: Demand, shape: Shape, now: Shapes) -> str | None:
    """The cleanup of the file after which no row is in the way of a demand; names are those behind its statement."""
    tables = [shape, *_above(shape, now)]
    for one in file.relations():
        if any(is_named(table, one.child) for table in tables) and _mends(one, demand, shape, now):
            return f"-- cleanup: {one}"
    return None


def _mends(one: Constraint, demand: Demand, shape: Shape, now: Shapes) -> bool:
    if isinstance(one, Relation):
        return _is_key(one, demand, shape, now)
    if one.kind != demand.kind:
        return False
    if isinstance(one, Check):
        return one.name == demand.name
    names = {shape.columns[it].name for it in demand.columns}
    index = demand.index
    is_whole = index is None or not (index.predicate or index.nulls_equal or 0 in index.attributes)
    return is_whole and set(one.columns) == names


def _is_key(relation: Relation, demand: Demand, shape: Shape, now: Shapes) -> bool:
    key = demand.constraint
    parent = now.get(key.foreign) if key and demand.kind == "foreign key" else None
    if key is None or parent is None or not is_named(parent, relation.parent):
        return False
    pairs = {
        (shape.columns[child].name, parent.columns[other].name)
        for child, other in zip(key.columns, key.foreign_columns, strict=True)
    }
    return set(zip(relation.columns, relation.keys, strict=True)) == pairs
