"""Which conversion columns need, and what keeps them from it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlrail.widening.conversion import RANGES, Cast, Expression
from sqlrail.widening.facts import Column, Facts
from sqlrail.widening.target import Asked, Target, Way


def is_larger(target: str, source: str) -> bool:
    """Whether both are integers, and a value of the one always fits the other."""
    order = [*RANGES]
    return {target, source} <= {*order} and order.index(target) > order.index(source)


class Converting:
    """What becomes of columns that are to be of a type, by assignment or by expressions."""

    def __init__(
        self, asked: Asked, facts: Facts, target: Target, using: str | None, back: str | None
    ) -> None:
        self._asked, self._facts, self._target = asked, facts, target
        first = facts.columns[0]
        self._using: Expression | None = None
        self._gives = {column.oid for column in facts.columns}  # types that are assigned
        if using is not None:
            self._using, given = asked.expression("--using", using, first)
            self._gives = {given}
        self._back = None if back is None else asked.expression("--back", back, first, target.name)[0]
        self._ways = asked.ways(self._gives, target)

    def conversion(self) -> Cast:
        """What the files are written for."""
        target, columns = self._target, self._facts.columns
        back = self._back is not None or all(
            self._asked.can_be_cast(target.name, column.type) for column in columns
        )
        by_settings = self._using or self._back or any(way.by_settings for way in self._ways.values())
        return Cast(
            target.name,
            is_comparable=target.is_comparable,
            has_collations=target.has_collations,
            has_rows=target.is_row or any(column.is_row for column in columns),
            using=self._using,
            back=self._back,
            has_way_back=back,
            settings=target.settings if by_settings else (),
        )

    def sorts_anew(self) -> Iterator[str]:
        """What ALTER TABLE does as well, and may be overlooked."""
        target = self._target
        for column in self._facts.columns:
            if target.collation and column.collation not in (0, target.collation):
                yield (
                    f"{column} has a collation of its own, and gets that of {target.name}: what is sorted and what is "
                    "equal may change, as by ALTER TABLE"
                )

    def refusals(self) -> Iterator[str]:
        """The reasons against it; none where it can be done."""
        first, name = self._facts.columns[0], self._target.name
        if first.type == name:
            yield f"{first} is {name} already"
            return
        if self._target.asks_for_more:
            yield (
                f"{name} is a domain that asks for more than its type does, and a column of it cannot be added without "
                "a look at each row: put its CHECK on the column"
            )
        for column in self._facts.columns:
            yield from self._of_column(column)
        if self._using and not any(way.how for way in self._ways.values()):
            yield f"what --using gives is not assigned to {name}: cast it there"
        if self._using or self._back:
            others = ", ".join(map(str, self._facts.columns[1:]))
            if others:
                yield (
                    f"foreign keys join {first} and {others}, which need the same values: --using and --back are "
                    "for one column; drop the keys in a migration before"
                )
        else:
            yield from self._of_keys()

    def _of_keys(self) -> Iterator[str]:
        if len(self._facts.columns) > 1:
            for column in self._facts.columns:
                how, _, is_exact = self._ways[column.oid]
                if how in ("b", "i") and not is_exact:
                    yield (
                        f"{column} is {column.type}, of which values that are equal may be different ones as "
                        f"{self._target.name}, and foreign keys join it with others: drop the keys in a migration "
                        "before"
                    )

    def _of_column(self, column: Column) -> Iterator[str]:
        name = self._target.name
        if column.sequence and name not in RANGES:
            yield f"{column} is an identity column, which {name} cannot be: DROP IDENTITY in a migration before"
        yield from self._of_default(column)
        if self._using is None and self._ways[column.oid].how is None:
            yield f"{column} is {column.type}, and PostgreSQL assigns that to no {name}: say how with --using"

    def _of_default(self, column: Column) -> Iterator[str]:
        default = self._facts.catalog.objects.get(("default", str(column)))
        if default is None:
            return
        value = str(default.facts[None].value)
        oid = self._asked.type_of(value)
        if oid is None or self._asked.ways([oid], self._target)[oid].how is None:
            yield (
                f"the default {value} of {column} is not assigned to {self._target.name}: drop it in a migration "
                "before, and set another behind the last of these"
            )

    @property
    def way(self) -> Way | None:
        """How values of the one column are assigned, where it is alone and nothing else is said."""
        if self._using or self._back or len(self._facts.columns) > 1:
            return None
        return self._ways[self._facts.columns[0].oid]
