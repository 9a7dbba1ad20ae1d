"""The statements by which the larger column takes the other one's place, with what depends on it, in a transaction.

What depends on a column has its number, and not its name: it would go on reading the old one under its new name. So it
goes before the columns are renamed, and is made again behind that, as the server spells it. Indexes were built before,
and only change their names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from psycopg import sql

from sqlrail.schema.compare import Change, Difference
from sqlrail.schema.making import Making
from sqlrail.schema.objects import Catalog, Key, Object
from sqlrail.schema.removal import FUNCTIONS, Removal
from sqlrail.widening.conversion import Conversion
from sqlrail.widening.facts import Column, Facts, Index
from sqlrail.widening.keeping import functions
from sqlrail.widening.naming import NEW, check_name, index_name, sibling

#: what may depend on what is carried over: it is made again in no time
BEHIND = (
    "view", "rule", "policy", "trigger", "published table", "default", "comment", "option", "function", "procedure",
    "replica identity", "privilege",
)  # fmt: skip
#: what may depend on a column that is exchanged
CARRIED = (*BEHIND, "statistics", "foreign key", "constraint", "index", "identity", "owner")
#: privileges on single columns
ON_COLUMNS = ("SELECT", "INSERT", "UPDATE", "REFERENCES")


@dataclass(frozen=True)
class Exchange:
    """By what a column's larger twin takes its place; with the ends of names the other way round, the way back."""

    facts: Facts
    leaves: str  # the end of the name that the column which is in place gets
    comes: str  # the end of the name of the one that takes its place
    conversion: Conversion

    @cached_property
    def dependents(self) -> dict[Key, Object]:
        """What depends on the columns themselves."""
        return {obj.key: obj for column in self.facts.columns for obj in self.facts.objects(column)}

    @cached_property
    def removal(self) -> Removal:
        """What of the catalog goes, so that it can be made again."""
        there, wanted = self._catalog(self._leaving), self._catalog(self._coming)
        again = (Change("to be made again", None, None),)
        return Removal(
            wanted, there,
            [
                Difference("changed", wanted.objects[key], again, there.objects[key])
                for key, obj in self.dependents.items()
                if obj.kind in CARRIED
            ],
        )  # fmt: skip

    @cached_property
    def carried(self) -> list[Object]:
        """What goes and is made again."""
        return [self.facts.catalog.objects[key] for key in self.removal.dropped]

    @cached_property
    def unvalidated(self) -> list[str]:
        """The statements that validate, behind it, what it has made NOT VALID so that no row is read meanwhile."""
        return [str(obj.facts["valid"].sets) for obj in self.carried if _is_cheaper_unvalidated(obj)]

    @cached_property
    def tables(self) -> list[str]:
        """The tables that it locks: those of the columns, and both ends of their foreign keys, the named one last."""
        objects = self.facts.catalog.objects
        keys = [obj for obj in self.carried if obj.kind == "foreign key"]
        ends = [objects[on] for key in keys for on in self.facts.catalog.needs[key.key] if on in objects]
        found = {*self.facts.tables} | {str(obj.within) for obj in (*keys, *ends) if obj.within}
        return sorted(found, key=lambda table: (table == self.facts.columns[0].table, table))

    def statements(self) -> Iterator[str]:
        """All of it, in its order; without semicolons.

        Locks are taken in the order of who reads and writes: a view before what it reads, a table before what its keys
        lead to. Each other order gives way more often, and is tried again.
        """
        drops = [statement.sql for statement in self.removal.early()]
        ahead = {self.removal.there.objects[key].drops for key in self._ahead()}
        yield from (text for text in drops if text in ahead)
        yield f"LOCK TABLE {', '.join(self.tables)} IN ACCESS EXCLUSIVE MODE"
        counting = [column for column in self.facts.columns if column.sequence]
        for number, column in enumerate(counting, 1):
            yield _remember(number, str(column.sequence))
        yield from (text for text in drops if text not in ahead)
        for column in self.facts.columns:
            yield from self._renamed(column)
        is_strict = self.leaves == NEW  # the old column is read by nobody, and may miss what it cannot hold
        yield from functions(self.facts.columns, self.leaves, self.conversion, is_strict=is_strict)
        yield from (statement.sql for statement in Making(self.removal, keep_privileges=True).statements())
        for number, column in enumerate(counting, 1):
            yield _recall(number, str(column.sequence))
        yield from self._sequences()

    def _ahead(self) -> set[Key]:
        """What can go before any table is locked: views and functions, unless what is a table's depends on them."""
        catalog, dropped = self.facts.catalog, self.removal.dropped
        views = {key[1] for key in dropped if key[0] == "view"}
        ahead = {
            key
            for key in dropped
            if key[0] in FUNCTIONS or key[1] in views or catalog.objects[key].within in views
        }
        found = None
        while found != ahead:
            found = ahead
            ahead = {
                key
                for key in found
                if all(by in found or by not in dropped for by, _ in catalog.dependents.get(key, ()))
            }
        return ahead

    def _renamed(self, column: Column) -> Iterator[str]:
        alter, facts = f"ALTER TABLE {column.table}", self.facts.facts_of(column)
        is_not_null = column in self.facts.not_null
        if is_not_null:
            yield f"{alter} ALTER COLUMN {column.spelt} DROP NOT NULL"
        yield f"{alter} RENAME COLUMN {column.spelt} TO {sibling(column, self.leaves)}"
        yield f"{alter} RENAME COLUMN {sibling(column, self.comes)} TO {column.spelt}"
        if is_not_null:
            yield str(facts["nullable"].sets)
        if self.conversion.check("", "", self.comes, is_not_null=is_not_null) is not None:
            yield f"{alter} DROP CONSTRAINT {check_name(column, self.comes)}"
        if facts["statistics"].value != facts["statistics"].initially:
            yield str(facts["statistics"].sets)
        beginnings = tuple(f"table {column.table} {what} ({column.spelt}) for " for what in ON_COLUMNS)
        for obj in self.facts.catalog.of(["privilege"]):
            if obj.name.startswith(beginnings):
                yield obj.creates

    def _catalog(self, changed: dict[Key, Object]) -> Catalog:
        catalog = self.facts.catalog
        return replace(catalog, objects=catalog.objects | changed)

    @cached_property
    def _leaving(self) -> dict[Key, Object]:
        """What does not go as it would elsewhere: an index gets another name, for its column stays."""
        return {
            obj.key: obj._replace(dropping=f"{obj.renames} {index_name(index, self.leaves)}")
            for index, obj in self._indexes()
            if index.constraint is None
        }

    @cached_property
    def _coming(self) -> dict[Key, Object]:
        """What is not made as it would be elsewhere: of what is there already, or without a look at any row."""
        found = {}
        for index, obj in self._indexes():
            name = index_name(index, self.comes)
            if index.constraint is None:
                creates = f"ALTER INDEX {index.schema}.{name} RENAME TO {obj.local}"
            else:
                kind = "PRIMARY KEY" if index.constraint == "p" else "UNIQUE"
                adds = f"ALTER TABLE {index.table} ADD CONSTRAINT {obj.local}"
                creates = f"{adds} {kind} USING INDEX {name}{index.deferred}"
            found[obj.key] = obj._replace(creates=creates, inline=None)
        for obj in self.dependents.values():
            if _is_cheaper_unvalidated(obj):
                found[obj.key] = obj._replace(creates=f"{obj.creates} NOT VALID", inline=None)
            elif obj.kind == "identity":  # it goes on where the other one was, and not behind the highest row
                found[obj.key] = obj._replace(tail=None)
        return found

    def _indexes(self) -> Iterator[tuple[Index, Object]]:
        for index in self.facts.indexes:
            name = f"{index.table}.{index.constraint_name}"
            key = ("index", index.spelt) if index.constraint is None else ("constraint", name)
            if (obj := self.facts.catalog.objects.get(key)) is not None:
                yield index, obj

    def _sequences(self) -> Iterator[str]:
        """Those that give numbers to an integer, and would end where its old type does."""
        if self.conversion.is_gradual:
            return
        needs, objects = self.facts.catalog.needs, self.facts.catalog.objects
        for column in self.facts.columns:
            for key in needs.get(("default", str(column)), ()):
                if key[0] == "sequence" and objects[key].facts["type"].value == column.type:
                    yield f"ALTER SEQUENCE {key[1]} AS {self.conversion.type if self.comes == NEW else column.type}"


def _remember(number: int, sequence: str) -> str:
    """Where an identity column's sequence stands, which goes with the column: kept for the transaction."""
    text = (
        "SELECT pg_catalog.set_config({last}, last_value::text, true), "
        "pg_catalog.set_config({called}, is_called::text, true) FROM {sequence}"
    )
    return sql.SQL(text).format(**_settings(number), sequence=sql.SQL(sequence)).as_string()


def _recall(number: int, sequence: str) -> str:
    text = (
        "SELECT pg_catalog.setval({sequence}, pg_catalog.current_setting({last})::bigint, "
        "pg_catalog.current_setting({called})::boolean)"
    )
    return sql.SQL(text).format(**_settings(number), sequence=sql.Literal(sequence)).as_string()


def _settings(number: int) -> dict[str, sql.Literal]:
    return {name: sql.Literal(f"sqlrail.{name}_{number}") for name in ("last", "called")}


def _is_cheaper_unvalidated(obj: Object) -> bool:
    is_check = obj.kind == "constraint" and str(obj.facts[None].value).startswith("CHECK ")
    return (is_check or obj.kind == "foreign key") and obj.facts["valid"].value == "valid"
