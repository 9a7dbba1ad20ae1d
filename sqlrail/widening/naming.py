"""What the parts of a widening are called, so that whoever looks at the tables meanwhile knows what they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sqlrail.ground.names import NAME_LIMIT, join
from sqlrail.widening.facts import Column, Facts, Index

#: how names end: of the column that is to come, and of the one that has gone
NEW, OLD = "_new", "_old"


def with_suffix(name: str, suffix: str) -> str:
    """The name with that end, cut so that PostgreSQL does not cut it itself."""
    return name.encode()[: NAME_LIMIT - len(suffix.encode())].decode(errors="ignore") + suffix


def sibling(column: Column, suffix: str) -> str:
    """The column beside it, as SQL spells it."""
    return join(with_suffix(column.name, suffix))


def index_name(index: Index, suffix: str) -> str:
    """The index beside it, as SQL spells it, without its schema."""
    return join(with_suffix(index.name, suffix))


def check_name(column: Column, suffix: str) -> str:
    """The CHECK that the column beside it has its values, as SQL spells it."""
    return join(with_suffix(column.name, f"{suffix}_in_step"))


def function(column: Column) -> str:
    """The function that keeps its table's columns in step, as SQL spells it."""
    return f"{column.schema_spelt}.{join(function_name(column))}"


def function_name(column: Column) -> str:
    """The function that keeps a column in step, without its schema; of several columns of a table, the first's."""
    return with_suffix(f"widen_{column.table_name}_{column.name}", "")


def trigger_name(column: Column) -> str:
    """The trigger of it: BEFORE triggers fire in the order of their names, and others may change what it copies."""
    last = max(column.triggers, key=str.encode, default="")
    name = f"zzz_{function_name(column)}"
    return with_suffix(name if name.encode() > last.encode() else f"{last}_widen", "")


def in_use(facts: Facts) -> Iterator[str]:
    """Names that a widening gives, and that are taken, or that it would give twice, as long ones are cut."""
    given = Counter(_given(facts))
    taken = {
        *(
            (column.table, name)
            for column in facts.columns
            for name in (*column.columns, *column.constraints)
        ),
        *((column.schema_spelt, name) for column in facts.columns for name in column.taken),
    }
    for (home, name), count in given.items():
        if count > 1 or (home, name) in taken:
            yield f"{home}.{join(name)}"


def _given(facts: Facts) -> Iterator[tuple[str, str]]:
    """Each with the table or the schema in which it has to be the only one."""
    for column in facts.columns:
        for suffix in (NEW, OLD):
            yield column.table, with_suffix(column.name, suffix)
            yield column.table, with_suffix(column.name, f"{suffix}_in_step")
    for table in facts.tables:
        first = next(column for column in facts.columns if column.table == table)
        yield first.schema_spelt, function_name(first)
    for index in facts.indexes:
        yield from ((index.schema, with_suffix(index.name, suffix)) for suffix in (NEW, OLD))
