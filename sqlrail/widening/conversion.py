"""How the values of a column become those of its twin, and back: what trigger, fill and proofs say of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from psycopg import sql

from sqlrail.ground.names import join
from sqlrail.widening.facts import Column
from sqlrail.widening.naming import NEW, OLD, sibling

#: integers, each with its least and its greatest value; those behind one are larger
RANGES = {
    "smallint": (-(1 << 15), (1 << 15) - 1),
    "integer": (-(1 << 31), (1 << 31) - 1),
    "bigint": (-(1 << 63), (1 << 63) - 1),
}


INSERTED = "TG_OP = 'INSERT'"
#: in a body: a column goes before a variable of its name
USE_COLUMN = "#variable_conflict use_column"


class Expression(NamedTuple):
    """Somebody's expression over columns of a table, which it may call by its name."""

    text: str
    table: str  # spelt, without its schema
    columns: tuple[str, ...]  # that it may read

    def over(self, row: str, column: str, source: str) -> str:
        """It over a row, of which it takes the value of one column from another."""
        reads = (f"{row}.{source if name == column else name} AS {name}" for name in self.columns)
        return f"(SELECT {self.text} FROM (SELECT {', '.join(reads)}) AS {self.table})"  # noqa: S608 - for a file


class Conversion(ABC):
    """To a type."""

    type: str
    #: whether values that the new type cannot hold are let in until all others are there
    is_gradual: bool = False
    has_way_back: bool = True
    #: of the session, under which the trigger works; name and value
    settings: tuple[tuple[str, str], ...] = ()

    def pragma(self) -> str:
        """What stands at the head of the trigger's body."""
        return ""

    @abstractmethod
    def keeps(self, column: Column, suffix: str, *, is_strict: bool) -> list[str]:
        """What the trigger says of the twin with that end; strict: it lets no value in that the twin cannot hold."""

    @abstractmethod
    def check(self, twin: str, other: str, suffix: str, *, is_not_null: bool) -> str | None:
        """The CHECK that the twin with that end has the other's values, as far as one can say it."""

    @abstractmethod
    def fills(self, column: Column) -> tuple[str, str]:
        """How the new twin is set in rows of t, and in which."""

    @abstractmethod
    def way_back(self, column: Column) -> str:
        """The body of a block that fails where, behind the swap, the old twin does not hold all values."""


@dataclass(frozen=True)
class Larger(Conversion):
    """An integer to a larger one: both compare with each other."""

    type: str

    def keeps(self, column: Column, suffix: str, *, is_strict: bool) -> list[str]:  # noqa: ARG002 - see check()
        twin, value = f"NEW.{sibling(column, suffix)}", f"NEW.{column.spelt}"
        if suffix == OLD:
            low, high = RANGES[column.type]
            value = f"CASE WHEN {value} BETWEEN {low} AND {high} THEN {value} END"
        return [f"{twin} := {value};"]

    def check(self, twin: str, other: str, suffix: str, *, is_not_null: bool) -> str | None:  # noqa: ARG002 - both ways
        # Where they are not null, PostgreSQL can tell that as well.
        return (
            f"{twin} IS NOT NULL AND {twin} = {other}"
            if is_not_null
            else f"{twin} IS NOT DISTINCT FROM {other}"
        )

    def fills(self, column: Column) -> tuple[str, str]:
        new = sibling(column, NEW)
        return f"{new} = t.{column.spelt}", f"t.{new} IS DISTINCT FROM t.{column.spelt}"

    def way_back(self, column: Column) -> str:
        differs = f"{sibling(column, OLD)} IS DISTINCT FROM {column.spelt}"
        return raising(f"EXISTS (SELECT FROM {column.table} WHERE {differs})", _no_way_back(column))


@dataclass(frozen=True)
class Cast(Conversion):
    """By an assignment, or by expressions. The trigger alone works them out, so that settings are the same for all."""

    type: str
    is_comparable: bool = True
    has_collations: bool = False
    has_rows: bool = False  # a type is composite: a row of nulls is a value, and IS NULL all the same
    using: Expression | None = None
    back: Expression | None = None
    has_way_back: bool = True
    settings: tuple[tuple[str, str], ...] = ()

    is_gradual: bool = True

    def pragma(self) -> str:
        return f"{USE_COLUMN}\n" if self.using or self.back else ""

    def keeps(self, column: Column, suffix: str, *, is_strict: bool) -> list[str]:
        twin = f"NEW.{sibling(column, suffix)}"
        if suffix == NEW:
            value = self.forth(column, "NEW", column.spelt)
            return [f"{twin} := {value};"] if is_strict else _or_null(twin, value)
        if not self.has_way_back:
            return []
        value = self._back(column, "NEW", column.spelt)
        lines = [f"{twin} := {value};"] if is_strict else _or_null(twin, value)
        if is_strict:
            text = _literal(f"{column} gets a value that {column.type} cannot hold")
            lines += [
                f"IF {self._is_lost(column, 'NEW')} THEN",
                f"    RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = {text};",
                "END IF;",
            ]
        # What was there before the swap stays as it was spelt.
        changed = [self._differ(f"NEW.{column.spelt}", f"OLD.{column.spelt}"), *self._others_changed(column)]
        return [
            f"IF {' OR '.join((INSERTED, *changed))} THEN",
            *(f"    {line}" for line in lines),
            "END IF;",
        ]

    def _others_changed(self, column: Column) -> Iterator[str]:
        reads = [name for its in (self.using, self.back) if its for name in its.columns]
        for name in dict.fromkeys(reads):
            if name != column.spelt:
                yield f"NEW.{name}::pg_catalog.text IS DISTINCT FROM OLD.{name}::pg_catalog.text"

    def check(self, twin: str, other: str, suffix: str, *, is_not_null: bool) -> str | None:
        if is_not_null:
            return self.is_there(twin)
        if suffix == NEW:
            return None
        # An expression may make something of a null.
        is_none = self.is_null(twin) if self.using else self.is_null(other)
        return f"{self.is_there(twin)} OR {is_none}"

    def fills(self, column: Column) -> tuple[str, str]:
        new = sibling(column, NEW)
        return f"{new} = t.{new}", self.is_empty(column, "t")

    def is_empty(self, column: Column, row: str) -> str:
        """The condition of rows that may still have to be filled."""
        empty = self.is_null(f"{row}.{sibling(column, NEW)}")
        return empty if self.using else f"{empty} AND {self.is_there(f'{row}.{column.spelt}')}"

    def is_null(self, value: str) -> str:
        """That there is no value."""
        return f"{value} IS NOT DISTINCT FROM NULL" if self.has_rows else f"{value} IS NULL"

    def is_there(self, value: str) -> str:
        """That there is one."""
        return f"{value} IS DISTINCT FROM NULL" if self.has_rows else f"{value} IS NOT NULL"

    def way_back(self, column: Column) -> str:
        lines = [
            USE_COLUMN,
            "DECLARE",
            "    is_lost boolean;",
            "BEGIN",
            *self.pins(),
            "    BEGIN",
            f"        is_lost := EXISTS (SELECT FROM {column.table} AS t WHERE {self._is_lost(column, 't')});",
            "    EXCEPTION WHEN data_exception THEN",
            "        is_lost := true;",
            "    END;",
            "    IF is_lost THEN",
            f"        RAISE EXCEPTION USING MESSAGE = {_literal(_no_way_back(column))};",
            "    END IF;",
            "END",
        ]
        return "\n".join(["", *lines, ""])

    def pins(self) -> list[str]:
        """What makes the settings of a block those of the trigger."""
        settings = (("search_path", ""), *self.settings)
        return [
            f"    PERFORM pg_catalog.set_config({_literal(name)}, {_literal(value)}, true);"
            for name, value in settings
        ]

    def _is_lost(self, column: Column, row: str) -> str:
        return self.is_other(f"{row}.{column.spelt}", self.forth(column, row, sibling(column, OLD)))

    def forth(self, column: Column, row: str, source: str) -> str:
        """The new value of a row, whose old one is in the column source."""
        return self.using.over(row, column.spelt, source) if self.using else f"{row}.{source}"

    def _back(self, column: Column, row: str, source: str) -> str:
        return self.back.over(row, column.spelt, source) if self.back else f"{row}.{source}::{column.type}"

    def is_other(self, value: str, old: str) -> str:
        """That a value of the new type is another than what becomes of an old one."""
        return self._differ(value, f"{old}::{self.type}")

    def _differ(self, value: str, other: str) -> str:
        if not self.is_comparable:
            return f"{value}::pg_catalog.text IS DISTINCT FROM {other}::pg_catalog.text"
        collation = ' COLLATE "C"' if self.has_collations else ""  # the columns may have two of them
        return f"{value}{collation} IS DISTINCT FROM {other}"


def _or_null(twin: str, value: str) -> list[str]:
    """An assignment that keeps nobody from writing."""
    return [
        "BEGIN", f"    {twin} := {value};", "EXCEPTION WHEN OTHERS THEN", f"    {twin} := NULL;", "END;",
    ]  # fmt: skip


def proof(cast: Cast, column: Column) -> str:
    """The body of a block that fails where a row's new value is not there, and says in which rows."""
    key = ", ".join(f"t.{join(name)}" for name in column.key)
    names = f"({', '.join(map(join, column.key))})"
    new = f"t.{sibling(column, NEW)}"
    other = (
        f"{column} has values that the same expression does not give a second time: take one that depends on "
        "nothing but the row"
    )
    what, where = (
        text.replace("%", "%%") for text in (f"{column.spelt} is no {cast.type}", f"{column.table}: {names}")
    )
    failed = f"{what} in %s of {where} = %s. Change the values, and go on; or roll these files back"
    lines = [
        USE_COLUMN,
        "DECLARE",
        "    t record;",
        f"    value {cast.type};",
        "    missing bigint := 0;",
        "    named text[] := '{}';",
        "BEGIN",
        *cast.pins(),
        f"    IF EXISTS (SELECT FROM {column.table} AS t WHERE CASE WHEN {cast.is_there(new)}",
        f"               THEN {cast.is_other(new, cast.forth(column, 't', column.spelt))} END) THEN",
        f"        RAISE EXCEPTION USING MESSAGE = {_literal(other)};",
        "    END IF;",
        f"    FOR t IN SELECT * FROM {column.table} AS t WHERE {cast.is_empty(column, 't')} LOOP",  # noqa: S608 - for a file
        "        BEGIN",
        f"            value := {cast.forth(column, 't', column.spelt)};",
        f"            CONTINUE WHEN {cast.is_null('value')};",
        "        EXCEPTION WHEN OTHERS THEN",
        "            NULL;",
        "        END;",
        "        missing := missing + 1;",
        "        IF missing <= 5 THEN",
        f"            named := named || pg_catalog.concat('(', pg_catalog.concat_ws(', ', {key}), ')');",
        "        END IF;",
        "    END LOOP;",
        "    IF missing > 0 THEN",
        "        RAISE EXCEPTION USING ERRCODE = 'data_exception', MESSAGE = pg_catalog.format(",
        f"            {_literal(failed)},",
        "            CASE missing WHEN 1 THEN '1 row' ELSE missing || ' rows' END,",
        "            pg_catalog.array_to_string(named, ', ') || CASE WHEN missing > 5 THEN ', ...' ELSE '' END);",
        "    END IF;",
        "END",
    ]
    return "\n".join(["", *lines, ""])


def raising(condition: str, text: str) -> str:
    """The body of a block that fails with that text where a condition holds."""
    raises = f"        RAISE EXCEPTION USING MESSAGE = {_literal(text)};"
    return f"\nBEGIN\n    IF {condition} THEN\n{raises}\n    END IF;\nEND\n"


def _no_way_back(column: Column) -> str:
    return f"{column} has values that {column.type} cannot hold: there is no way back"


def _literal(text: str) -> str:
    return sql.Literal(text).as_string()
