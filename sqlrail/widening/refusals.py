"""What keeps a column from being widened, each by its name and with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlrail.widening.exchange import BEHIND, CARRIED, Exchange
from sqlrail.widening.facts import Column, Facts
from sqlrail.widening.naming import in_use

#: what is advised for what cannot be carried over
ASIDE = "drop it in a migration of its own before, and make it again behind the last of these"
ADVICE = {
    "column": f"it is generated, and to make that anew rewrites its table: {ASIDE}",
    "materialized view": f"it would have to be filled again while the tables are locked: {ASIDE}",
}


def refusals(facts: Facts, exchange: Exchange) -> Iterator[str]:
    """The reasons; none where all can be carried over."""
    for column in facts.columns:
        yield from _of_table(facts, column)
        yield from _of_column(column)
        if not exchange.conversion.is_gradual:
            for name in column.misfits:
                yield f"{name}, refers to {column}, and may hold less: turn it into {exchange.conversion.type} first"
    yield from (
        f"{name} is there already, or would be twice: rename it, or drop what an earlier try has left"
        for name in in_use(facts)
    )
    yield from _of_dependents(facts, exchange)
    yield from _of_indexes(facts)


def _of_table(facts: Facts, column: Column) -> Iterator[str]:
    catalog, table = facts.catalog, column.table
    if column.relkind != "r":
        yield f"{table} is not a plain table: write the files of partitions, foreign tables and views by hand"
    elif table in catalog.links or table in catalog.parents:
        yield f"{table} has parents, heirs or is a partition, whose columns change together: write the files by hand"
    if not column.key:
        yield (
            f"{table} has no primary key, nor a unique index over NOT NULL columns, by which its rows could be filled: "
            "make one first"
        )
    for key, _ in catalog.dependents.get(("table", table), ()):
        if key[0] in ("column", "field") and catalog.objects[key].within != table:
            yield f"{key[1]} has rows of {table} in it, whose columns come in another order: {ASIDE}"


def _of_column(column: Column) -> Iterator[str]:
    for name in (str(column), *column.key):
        if not name.isprintable():
            yield f"the name {name} does not fit the one line of a directive: rename it"
    yield from (f"{name} depends on {column}: {ASIDE}" for name in column.strangers)
    if column.is_generated:
        yield f"{column} is generated: change what it is generated from, or {ASIDE}"


def _of_dependents(facts: Facts, exchange: Exchange) -> Iterator[str]:
    objects, catalog = exchange.dependents, facts.catalog
    # A sequence stays, and what makes it the column's is carried over.
    left = [obj for obj in objects.values() if obj.kind not in (*CARRIED, "sequence")]
    behind = (*exchange.removal.dropped, *exchange.removal.retyped)
    left += [catalog.objects[key] for key in behind if key not in objects and key[0] not in BEHIND]
    for kind, name in dict.fromkeys(obj.key for obj in left):
        yield f"the {kind} {name} depends on it: {ADVICE.get(kind, ASIDE)}"
    for obj in exchange.carried:
        home = catalog.objects.get(("table", str(obj.within)))
        if (
            obj.kind == "foreign key"
            and home
            and (home.name in catalog.links or "PARTITION BY" in str(home.tail))
        ):
            yield (
                f"the foreign key {obj.name} is of a partitioned table or an heir, where it cannot be made NOT VALID: "
                f"{ASIDE}"
            )


def _of_indexes(facts: Facts) -> Iterator[str]:
    for index in facts.indexes:
        if index.constraint == "x" or (index.constraint and index.method != "btree"):
            name = f"the constraint {index.constraint_name} of {index.table}"
            yield f"{name} is made of no index that is there already: {ASIDE}"
        elif not index.is_valid:
            yield f"the index {index.spelt} is invalid: drop it, or build it again (`sqlrail doctor` has the SQL)"
