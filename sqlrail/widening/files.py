"""The migrations of a widening, one after the other: any of them may be the last one for a while."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from psycopg import sql

from sqlrail.files.draft import Draft
from sqlrail.ground.backfill import BATCH, Backfill
from sqlrail.ground.names import join, plain
from sqlrail.schema.spelling import with_columns
from sqlrail.widening import keeping
from sqlrail.widening.conversion import Cast, Conversion, proof, raising
from sqlrail.widening.exchange import Exchange
from sqlrail.widening.facts import Column, Facts, Index
from sqlrail.widening.linted import accepted
from sqlrail.widening.naming import NEW, OLD, check_name, index_name, sibling

#: what files with the strongest locks say: all others queue up behind one that waits, so that it waits for a short time
QUICK = "-- lock-timeout: 100ms\n"
OUTSIDE = "-- transactional: false\n"
#: of a comment's line, in characters
WIDTH = 116
NOTHING = "SELECT"


@dataclass(frozen=True)
class Files:
    """What is written for columns that become of a type."""

    facts: Facts
    conversion: Conversion

    @cached_property
    def there(self) -> Exchange:
        """By which the new columns take their places."""
        return Exchange(self.facts, OLD, NEW, self.conversion)

    @cached_property
    def back(self) -> Exchange:
        """By which the old ones take them again."""
        return Exchange(self.facts, NEW, OLD, self.conversion)

    def drafts(self) -> Iterator[Draft]:
        """All of them, in their order."""
        yield self._columns()
        yield from (self._fill(columns) for columns in keeping.by_table(self.facts.columns))
        if self.conversion.is_gradual:
            yield self._strict()
        yield self._indexes()
        yield self._swap()
        yield self._validate()
        yield self._drop()

    def _draft(
        self, step: str, why: str, directives: str, statements: Iterable[str], rollback: str | None
    ) -> Draft:
        first = self.facts.columns[0]
        name = f"widen {first.table_name} {first.name} {step}"
        return Draft(name, f"{comment(why)}{directives}", script(statements), rollback)

    def _columns(self) -> Draft:
        columns, type_ = self.facts.columns, self.conversion.type
        why = f"Beside {', '.join(map(str, columns))} one of type {type_}, which a trigger keeps in step from here."
        if self.conversion.is_gradual:
            why += " It is null where a value cannot become one: nobody is kept from writing by that yet."
        adds = [*map(self._adds, keeping.by_table(columns))]
        statements = [*adds, *self._functions(NEW, is_strict=False), *keeping.triggers(columns)]
        undoes = [*keeping.drops(columns), *_drops(columns, NEW)]
        directives = QUICK + accepted(adds, "it is the type that was asked for")
        return self._draft("columns", why, directives, statements, f"{QUICK}\n{script(undoes)}")

    def _adds(self, columns: list[Column]) -> str:
        """Of one table. What is written from here on is checked at once, and what was there later."""
        parts = [f"ADD COLUMN {sibling(column, NEW)} {self.conversion.type}" for column in columns]
        if not self.conversion.is_gradual:
            parts += [f"ADD {check}" for column in columns for check in self._checks(column, NEW)]
        return f"ALTER TABLE {columns[0].table} {', '.join(parts)}"

    def _functions(self, suffix: str, *, is_strict: bool) -> Iterator[str]:
        return keeping.functions(self.facts.columns, suffix, self.conversion, is_strict=is_strict)

    def _strict(self) -> Draft:
        why = (
            f"From here a value that cannot become {self.conversion.type} is refused. The lock waits for those who "
            "have written without that."
        )
        columns = [column for its in keeping.by_table(self.facts.columns) for column in its]
        checks = [(column, check) for column in columns for check in self._checks(column, NEW)]
        tables = ", ".join(dict.fromkeys(column.table for column in columns))
        statements = [
            f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE",
            *self._functions(NEW, is_strict=True),
            *(f"ALTER TABLE {column.table} ADD {check}" for column, check in checks),
        ]
        undoes = [
            *(
                f"ALTER TABLE {column.table} DROP CONSTRAINT {check_name(column, NEW)}"
                for column, _ in checks
            ),
            *self._functions(NEW, is_strict=False),
        ]
        return self._draft("strict", why, QUICK, statements, f"{QUICK}\n{script(undoes)}")

    def _fill(self, columns: list[Column]) -> Draft:
        table = columns[0]
        name, is_once = (table.schema, table.table_name), self.conversion.is_gradual
        backfill = Backfill(name, table.key, by_range=len(table.key) == 1, is_once=is_once)
        why = f"The rows of {table.table} that were there before the trigger."
        if is_once:
            why += " It works out the values: nothing is written here but the rows themselves."
        undoes = f"{comment('What was filled goes with its column.')}\n{script([NOTHING])}"
        step = f"fill {table.table_name}"
        return self._draft(
            step, why, f"-- backfill: {backfill}\n", [_filling(columns, self.conversion)], undoes
        )

    def _indexes(self) -> Draft:
        indexes = self.facts.indexes
        why = (
            "Indexes like those that there are, and the proof that all values are there: the swap reads no row. "
            "VACUUM, because each row was changed: else autovacuum, which has a lock too, may come with the swap."
        )
        statements = [
            *self._proofs(),
            *(self._index(index, NEW, NEW) for index in indexes),
            *(_validates(column, NEW) for column in self.facts.columns if self._checks(column, NEW)),
            *(f"VACUUM (ANALYZE) {table}" for table in self.facts.tables),
        ]
        undoes = [
            *self.back.unvalidated,
            *(f"DROP INDEX CONCURRENTLY {index.schema}.{index_name(index, NEW)}" for index in indexes),
        ]
        return self._draft("indexes", why, OUTSIDE, statements, f"\n{script(undoes or [NOTHING])}")

    def _proofs(self) -> Iterator[str]:
        """What fails where a value is not there, where no CHECK can say that."""
        if isinstance(self.conversion, Cast):
            for column in self.facts.columns:
                yield f"DO {keeping.quoted(proof(self.conversion, column))}"

    def _swap(self) -> Draft:
        why, undoes = "The new columns take the places of the old ones, with what depends on them.", None
        if self.conversion.has_way_back:
            why += " From here the trigger keeps the old ones in step, as far as they can hold the values."
            undoes = f"{QUICK}\n{script([_prepared(self.facts.columns[0]), *self.back.statements()])}"
        statements = [*self.there.statements()]
        directives = QUICK + accepted(statements, "what goes is made again in this transaction")
        return self._draft("swap", why, directives, statements, undoes)

    def _validate(self) -> Draft:
        why = "The keys and checks that the swap made without reading a row."
        statements = [*self.there.unvalidated, *(f"ANALYZE {table}" for table in self.facts.tables)]
        return self._draft("validate", why, OUTSIDE, statements, self._ready_to_go_back())

    def _ready_to_go_back(self) -> str | None:
        if not self.conversion.has_way_back:
            return None
        why = "What the way back takes up, made without a long lock. Undo the swap behind it."
        guards = [f"DO {keeping.quoted(self.conversion.way_back(column))}" for column in self.facts.columns]
        statements = [*self._indexes_back(), *self._checks_back()]
        if self.conversion.is_gradual:  # the checks' locks wait for those who have written without that
            statements = [*self._functions(OLD, is_strict=True), *statements, *guards]
        statements[:0] = guards
        return f"{comment(why)}\n{script(statements)}"

    def _indexes_back(self) -> Iterator[str]:
        """Those that the swap used up, of the old columns, and those that the next one would."""
        for index in self.facts.indexes:
            if index.constraint is not None:
                yield self._index(index, OLD, OLD)
                yield self._index(index, NEW)

    def _checks_back(self) -> Iterator[str]:
        """What no longer lets in a value that the old column cannot hold; and the same for the next swap."""
        for column in self.facts.columns:
            for suffix in (OLD, NEW):
                for check in self._checks(column, suffix, is_swapped=True):
                    yield f"ALTER TABLE {column.table} ADD {check}"
                    yield _validates(column, suffix)

    def _checks(self, column: Column, suffix: str, *, is_swapped: bool = False) -> list[str]:
        """That a column has the other's values, as far as PostgreSQL can tell; none where it cannot."""
        old, new = column.spelt, sibling(column, NEW)
        if is_swapped:
            old, new = sibling(column, OLD), column.spelt
        twin, other = (new, old) if suffix == NEW else (old, new)
        is_not_null = column in self.facts.not_null
        condition = self.conversion.check(twin, other, suffix, is_not_null=is_not_null)
        if condition is None:
            return []
        return [f"CONSTRAINT {check_name(column, suffix)} CHECK ({condition}) NOT VALID"]

    def _drop(self) -> Draft:
        columns = self.facts.columns
        why = "The old columns go, and with them the way back."
        # It is the column that is there when this is written, and has its other name from the swap on.
        loses = "".join(
            f"-- loses: {column.table}.{name} because the {self._kind} column has its values\n"
            for column in columns
            for name in (column.spelt, sibling(column, OLD))
        )
        statements = [*keeping.drops(columns), *_drops(columns, OLD)]
        directives = QUICK + loses + accepted(statements, f"the {self._kind} column has taken its place")
        return self._draft("drop", why, directives, statements, None)

    @property
    def _kind(self) -> str:
        return "new" if self.conversion.is_gradual else "larger"

    def _index(self, index: Index, suffix: str, of: str | None = None) -> str:
        """One like it with that end: of the columns with that other end, or of those that are in place."""
        its = [column for column in self.facts.columns if of and column.table == index.table]
        definition = with_columns(
            index.definition, {column.spelt: sibling(column, of or "") for column in its}
        )
        unique = "UNIQUE " if index.is_unique else ""
        return f"CREATE {unique}INDEX CONCURRENTLY {index_name(index, suffix)} ON {index.table} {definition}"


def _filling(columns: list[Column], conversion: Conversion) -> str:
    """What fills the new columns of a table in the rows of a batch, but in those that are done."""
    table, key = columns[0], columns[0].key
    pairs = [conversion.fills(column) for column in columns]
    rows = [f"t.{join(name)} = b.{join(name)}" for name in key]
    if len(key) == 1:
        rows = [f"t.{join(*key)} BETWEEN b.{join(f'first_{key[0]}')} AND b.{join(f'last_{key[0]}')}"]
    statement = sql.SQL(
        "UPDATE {table} AS t SET {sets}\n  FROM {batch} AS b\n WHERE {rows}\n   AND ({left})"
    ).format(
        table=sql.SQL(table.table),
        sets=sql.SQL(", ".join(set_ for set_, _ in pairs)),
        batch=sql.SQL(BATCH),
        rows=sql.SQL(" AND ".join(rows)),
        left=sql.SQL(" OR ".join(left for _, left in pairs)),
    )
    return statement.as_string()


def _prepared(column: Column) -> str:
    """What fails where the swap is undone without the file behind it, whose own undoing prepares that."""
    text = (
        "apply the file behind this one as well, and then roll back both: its rollback makes the indexes and checks "
        "that the way back takes up"
    )
    condition = sql.SQL(
        "NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = {}::pg_catalog.regclass "
        "AND conname = {} AND convalidated)"
    ).format(sql.Literal(column.table), sql.Literal(plain(check_name(column, OLD))))
    return f"DO {keeping.quoted(raising(condition.as_string(), text))}"


def _validates(column: Column, suffix: str) -> str:
    return f"ALTER TABLE {column.table} VALIDATE CONSTRAINT {check_name(column, suffix)}"


def _drops(columns: Iterable[Column], suffix: str) -> Iterator[str]:
    return (f"ALTER TABLE {column.table} DROP COLUMN {sibling(column, suffix)}" for column in columns)


def comment(text: str) -> str:
    """A text as lines of a leading comment."""
    return "".join(f"-- {line}\n" for line in textwrap.wrap(text, WIDTH, break_long_words=False))


def script(statements: Iterable[str]) -> str:
    """Statements one below the other."""
    return "".join(f"{statement};\n" for statement in statements)
