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
    type: str

    @cached_property
    def there(self) -> Exchange:
        """By which the new columns take their places."""
        return Exchange(self.facts, OLD, NEW, self.type)

    @cached_property
    def back(self) -> Exchange:
        """By which the old ones take them again."""
        return Exchange(self.facts, NEW, OLD)

    def drafts(self) -> Iterator[Draft]:
        """All of them, in their order."""
        yield self._columns()
        yield from (self._fill(columns) for columns in keeping.by_table(self.facts.columns))
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
        columns = self.facts.columns
        why = f"A {self.type} beside {', '.join(map(str, columns))}, which a trigger keeps in step from here."
        adds = map(self._adds, keeping.by_table(columns))
        statements = [*adds, *keeping.functions(columns, NEW), *keeping.triggers(columns)]
        undoes = [*keeping.drops(columns), *_drops(columns, NEW)]
        return self._draft("columns", why, QUICK, statements, f"{QUICK}\n{script(undoes)}")

    def _adds(self, columns: list[Column]) -> str:
        """Of one table. What is written from here on is checked at once, and what was there later."""
        parts = [f"ADD COLUMN {sibling(column, NEW)} {self.type}" for column in columns]
        parts += [f"ADD {self._check(column, NEW, sibling(column, NEW), column.spelt)}" for column in columns]
        return f"ALTER TABLE {columns[0].table} {', '.join(parts)}"

    def _fill(self, columns: list[Column]) -> Draft:
        table = columns[0]
        backfill = Backfill((table.schema, table.table_name), table.key, by_range=len(table.key) == 1)
        why = f"The rows of {table.table} that were there before the trigger."
        undoes = f"{comment('What was filled goes with its column.')}\n{script([NOTHING])}"
        step = f"fill {table.table_name}"
        return self._draft(step, why, f"-- backfill: {backfill}\n", [_filling(columns)], undoes)

    def _indexes(self) -> Draft:
        indexes = self.facts.indexes
        why = (
            "Indexes like those that there are, and the proof that all values are there: the swap reads no row. "
            "VACUUM, because each row was changed: else autovacuum, which has a lock too, may come with the swap."
        )
        statements = [
            *(self._index(index, NEW, NEW) for index in indexes),
            *(_validates(column, NEW) for column in self.facts.columns),
            *(f"VACUUM (ANALYZE) {table}" for table in self.facts.tables),
        ]
        undoes = [
            *self.back.unvalidated,
            *(f"DROP INDEX CONCURRENTLY {index.schema}.{index_name(index, NEW)}" for index in indexes),
        ]
        return self._draft("indexes", why, OUTSIDE, statements, f"\n{script(undoes or [NOTHING])}")

    def _swap(self) -> Draft:
        why = (
            "The new columns take the places of the old ones, with what depends on them. From here the trigger keeps "
            "the old ones in step, as far as they can hold the values."
        )
        undoes = f"{QUICK}\n{script([_prepared(self.facts.columns[0]), *self.back.statements()])}"
        statements = [*self.there.statements()]
        directives = QUICK + accepted(statements, "what goes is made again in this transaction")
        return self._draft("swap", why, directives, statements, undoes)

    def _validate(self) -> Draft:
        why = "The keys and checks that the swap made without reading a row."
        back = "What the way back takes up, made without a long lock. Undo the swap behind it."
        statements = [*self.there.unvalidated, *(f"ANALYZE {table}" for table in self.facts.tables)]
        undoes = script([*map(_guard, self.facts.columns), *self._indexes_back(), *self._checks_back()])
        return self._draft("validate", why, OUTSIDE, statements, f"{comment(back)}\n{undoes}")

    def _indexes_back(self) -> Iterator[str]:
        """Those that the swap used up, of the old columns, and those that the next one would."""
        for index in self.facts.indexes:
            if index.constraint is not None:
                yield self._index(index, OLD, OLD)
                yield self._index(index, NEW)

    def _checks_back(self) -> Iterator[str]:
        """What no longer lets in a value that the old column cannot hold; and the same for the next swap."""
        for column in self.facts.columns:
            old = sibling(column, OLD)
            for suffix, name, other in ((OLD, old, column.spelt), (NEW, column.spelt, old)):
                yield f"ALTER TABLE {column.table} ADD {self._check(column, suffix, name, other)}"
                yield _validates(column, suffix)

    def _check(self, column: Column, suffix: str, name: str, other: str) -> str:
        """That one of two columns has the other's values; where they are not null, PostgreSQL can tell that as well."""
        in_step = f"{name} IS NOT DISTINCT FROM {other}"
        if column in self.facts.not_null:
            in_step = f"{name} IS NOT NULL AND {name} = {other}"
        return f"CONSTRAINT {check_name(column, suffix)} CHECK ({in_step}) NOT VALID"

    def _drop(self) -> Draft:
        columns = self.facts.columns
        why = "The old columns go, and with them the way back."
        # It is the column that is there when this is written, and has its other name from the swap on.
        loses = "".join(
            f"-- loses: {column.table}.{name} because the larger column has its values\n"
            for column in columns
            for name in (column.spelt, sibling(column, OLD))
        )
        statements = [*keeping.drops(columns), *_drops(columns, OLD)]
        directives = QUICK + loses + accepted(statements, "the larger column has taken its place")
        return self._draft("drop", why, directives, statements, None)

    def _index(self, index: Index, suffix: str, of: str | None = None) -> str:
        """One like it with that end: of the columns with that other end, or of those that are in place."""
        its = [column for column in self.facts.columns if of and column.table == index.table]
        definition = with_columns(
            index.definition, {column.spelt: sibling(column, of or "") for column in its}
        )
        unique = "UNIQUE " if index.is_unique else ""
        return f"CREATE {unique}INDEX CONCURRENTLY {index_name(index, suffix)} ON {index.table} {definition}"


def _filling(columns: list[Column]) -> str:
    """What fills the new columns of a table in the rows of a batch, but in those that are done."""
    table, key = columns[0], columns[0].key
    pairs = [(sibling(column, NEW), column.spelt) for column in columns]
    rows = [f"t.{join(name)} = b.{join(name)}" for name in key]
    if len(key) == 1:
        rows = [f"t.{join(*key)} BETWEEN b.{join(f'first_{key[0]}')} AND b.{join(f'last_{key[0]}')}"]
    statement = sql.SQL(
        "UPDATE {table} AS t SET {sets}\n  FROM {batch} AS b\n WHERE {rows}\n   AND ({left})"
    ).format(
        table=sql.SQL(table.table),
        sets=sql.SQL(", ".join(f"{new} = t.{old}" for new, old in pairs)),
        batch=sql.SQL(BATCH),
        rows=sql.SQL(" AND ".join(rows)),
        left=sql.SQL(" OR ".join(f"t.{new} IS DISTINCT FROM t.{old}" for new, old in pairs)),
    )
    return statement.as_string()


def _guard(column: Column) -> str:
    """What fails where the old column could not hold all values, before anything keeps such out."""
    return _raising(
        "EXISTS (SELECT FROM {table} WHERE {old} IS DISTINCT FROM {column})",
        f"{column} has values that {column.type} cannot hold: there is no way back",
        table=sql.SQL(column.table), old=sql.SQL(sibling(column, OLD)), column=sql.SQL(column.spelt),
    )  # fmt: skip


def _prepared(column: Column) -> str:
    """What fails where the swap is undone without the file behind it, whose own undoing prepares that."""
    text = (
        "apply the file behind this one as well, and then roll back both: its rollback makes the indexes and checks "
        "that the way back takes up"
    )
    return _raising(
        "NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = {table}::pg_catalog.regclass "
        "AND conname = {check} AND convalidated)",
        text, table=sql.Literal(column.table), check=sql.Literal(plain(check_name(column, OLD))),
    )  # fmt: skip


def _raising(condition: str, text: str, **parts: sql.Composable) -> str:
    """A block that fails with that text where a condition holds."""
    body = sql.SQL(
        f"\nBEGIN\n    IF {condition} THEN\n        RAISE EXCEPTION USING MESSAGE = {{text}};\n    END IF;\nEND\n"
    )
    return f"DO {keeping.quoted(body.format(**parts, text=sql.Literal(text)).as_string())}"


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
