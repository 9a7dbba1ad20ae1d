"""What a statement newly demands of rows: what is in the later shape of a table and was not in the one before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlrail.foresight.later import TEXTS, changes_value
from sqlrail.scratch.shapes import Column, Constraint, Index, Lean, Shape, names_in
from sqlrail.scratch.using import Using

if TYPE_CHECKING:
    from sqlrail.results.plan import CheckKind

Way = Literal["null", "not", "unique", "exclusion", "foreign key", "type", "value"]


@dataclass(frozen=True)
class Demand:
    """What must hold of each row of a table, or of all together, and in which way it is asked about.

    Its columns are numbers.
    """

    kind: CheckKind
    way: Way
    columns: tuple[int, ...]
    says: str
    name: str | None = None
    expression: str = ""
    leans: tuple[Lean, ...] = ()
    constraint: Constraint | None = None
    index: Index | None = None
    is_inherited: bool = True


def demands(before: Shape, after: Shape, using: Mapping[str, Using]) -> list[Demand]:
    """All that is new behind a statement."""
    changed = {
        number
        for number, now in after.columns.items()
        if (was := before.columns.get(number))
        and changes_value(was, now)
        and not _same_values(was, now, using)
    }
    found = _Found(before, after, using, changed)
    values = [*found.types(), *found.generated(), *found.nulls(), *found.domains()]
    return [*values, *found.checks(), *found.keys(), *found.bound()]


def _same_values(was: Column, now: Column, using: Mapping[str, Using]) -> bool:
    """Whether each value that passes is what it was, to every comparison."""
    return (
        was.name not in using and {was.type_oid, now.type_oid} <= {*TEXTS} and was.collation == now.collation
    )


@dataclass(frozen=True)
class _Found:
    before: Shape
    after: Shape
    using: Mapping[str, Using]
    changed: set[int]

    def types(self) -> Iterator[Demand]:
        """Values that must fit another type."""
        for number, now in self.after.columns.items():
            was = self.before.columns.get(number)
            if (
                was is None
                or not changes_value(was, now)
                or (was.name not in self.using and _always_fits(was, now))
            ):
                continue
            says = (
                f"value too long for type {now.type}"
                if now.base in CHARACTERS
                else f"{now.type} out of range"
            )
            yield Demand("domain" if now.kind == "d" else "type", "type", (number,), says, leans=now.leans)

    def generated(self) -> Iterator[Demand]:
        for number, now in self.after.columns.items():
            was = self.before.columns.get(number)
            if now.generated == "s" and (was is None or was.default != now.default):
                text = f'column "{now.name}" cannot be generated'
                yield Demand("generated", "value", (number,), text, leans=now.leans)

    def nulls(self) -> Iterator[Demand]:
        for number, now in self.after.columns.items():
            was = self.before.columns.get(number)
            if self._is_newly_filled(was, now):
                text = f'column "{now.name}" of relation "{self.after.name}" contains null values'
                yield Demand("not null", "null", (number,), text)
            elif was is None and now.domain_not_null:
                yield Demand("domain", "null", (number,), f"domain {now.type} does not allow null values")
            elif was and now.domain_not_null and not was.domain_not_null and not changes_value(was, now):
                text = f'column "{now.name}" of table "{self.after.name}" contains null values'
                yield Demand("domain", "null", (number,), text)

    def _is_newly_filled(self, was: Column | None, now: Column) -> bool:
        """Whether it must not be null, and could be; or has values that may be null for another reason."""
        if was is None or not was.not_null:
            return now.not_null
        return now.not_null and changes_value(was, now) and was.name in self.using

    def checks(self) -> Iterator[Demand]:
        for one in self._new("c"):
            yield Demand(
                "check",
                "not",
                one.columns,
                f'check constraint "{one.name}" of relation "{self.after.name}" is violated by some row',
                one.name,
                one.expression or "",
                one.leans,
                is_inherited="NO INHERIT" not in one.definition,
            )

    def domains(self) -> Iterator[Demand]:
        """New checks of domains, on columns that had the domain before, and on new columns' defaults."""
        for number, now in self.after.columns.items():
            was = self.before.columns.get(number)
            if was is not None and changes_value(was, now):
                continue
            known = {one.oid for one in was.domains if one.validated} if was else set()
            for one in now.domains:
                if one.validated and one.oid not in known:
                    text = f'column "{now.name}" of table "{self.after.name}"'
                    text += " contains values that violate the new constraint"
                    if was is None:
                        text = f'value for domain {one.domain} violates check constraint "{one.name}"'
                    yield Demand("domain", "not", (number,), text, one.name, one.expression, one.leans)

    def keys(self) -> Iterator[Demand]:
        for index in self.after.indexes.values():
            if index.valid and (index.unique or index.excludes) and self._is_new_index(index):
                yield from self._index(index)
        for one in self._new("f"):
            if not one.of_partition:
                text = f'insert or update on table "{self.after.name}" violates foreign key constraint "{one.name}"'
                yield Demand(
                    "foreign key",
                    "foreign key",
                    one.columns,
                    text,
                    one.name,
                    constraint=one,
                    is_inherited=False,
                )

    def _index(self, index: Index) -> Iterator[Demand]:
        own = next(
            (it for it in self.after.constraints.values() if it.index == index.oid and it.kind in "pux"), None
        )
        read = names_in(" ".join([*index.keys, index.predicate or ""]))
        columns = tuple(number for number, it in self.after.columns.items() if it.name in read)
        named = tuple(dict.fromkeys([*(it for it in index.attributes if it), *columns]))
        kind: CheckKind = "unique" if index.unique else "exclusion"
        text = (
            f'could not create {"exclusion constraint" if index.excludes else "unique index"} "{index.name}"'
        )
        if own and own.period:
            yield self._not_empty(index.keys[-1], own)
        yield Demand(
            kind,
            "exclusion" if index.excludes else "unique",
            named,
            text,
            index.name,
            leans=index.leans,
            constraint=own,
            index=index,
            is_inherited=False,
        )

    def _not_empty(self, key: str, own: Constraint) -> Demand:
        name = self.after.columns[own.columns[-1]].name
        text = f'empty WITHOUT OVERLAPS value found in column "{name}" in relation "{self.after.name}"'
        return Demand(
            "unique", "not", own.columns[-1:], text, own.name, f"NOT isempty({key})", is_inherited=False
        )

    def bound(self) -> Iterator[Demand]:
        bound = self.after.bound
        if bound and bound != self.before.bound:
            read = names_in(bound)
            columns = tuple(number for number, it in self.after.columns.items() if it.name in read)
            text = f'partition constraint of relation "{self.after.name}" is violated by some row'
            if self.after.is_default and self.before.is_default:
                text = f'updated partition constraint for default partition "{self.after.name}"'
                text += " would be violated by some row"
            yield Demand("partition", "not", columns, text, expression=bound)

    def _new(self, kind: str) -> Iterator[Constraint]:
        """Constraints of a kind that hold now and did not; those made anew over the same values hold as they did."""
        for one in self.after.constraints.values():
            if one.kind == kind and one.validated and one.enforced and not self._held(one):
                yield one

    def _held(self, one: Constraint) -> bool:
        if same := self.before.constraints.get(one.oid):
            return same.validated and same.enforced
        # A key's other side may have changed as well: that is looked at.
        if one.kind != "c" or self.changed.intersection(one.columns):
            return False
        again = [it for it in self.before.constraints.values() if (it.kind, it.name) == (one.kind, one.name)]
        return any(it.validated and it.enforced and it.columns == one.columns for it in again)

    def _is_new_index(self, index: Index) -> bool:
        if same := self.before.indexes.get(index.oid):
            return not same.valid
        if self.changed:
            return True
        own = (index.name, index.keys, index.predicate)
        return not any(
            it.valid and (it.name, it.keys, it.predicate) == own for it in self.before.indexes.values()
        )


def _always_fits(was: Column, now: Column) -> bool:
    """Whether any value of one type is one of the other: for these, ALTER TYPE has nothing to refuse."""
    if now.kind == "d":  # one that demands nothing, of a type that has no length
        return not now.domains and not now.domain_not_null and was.base == now.base and now.base in ENDLESS
    if was.type_oid == now.type_oid and was.modifier == now.modifier:
        return True
    if now.modifier == -1:
        return (was.base, now.type_oid) in WIDER or was.base == now.type_oid
    return was.type_oid == now.type_oid and now.type_oid in TEXTS and 0 <= was.modifier <= now.modifier


INT2, INT4, INT8, NUMERIC, TEXT, VARCHAR, BPCHAR, FLOAT4, FLOAT8 = 21, 23, 20, 1700, 25, 1043, 1042, 700, 701
ENDLESS = (INT2, INT4, INT8, TEXT)
CHARACTERS = (VARCHAR, BPCHAR)
#: type, wider type
WIDER = {
    (INT2, INT4), (INT2, INT8), (INT4, INT8), (INT2, NUMERIC), (INT4, NUMERIC), (INT8, NUMERIC), (VARCHAR, TEXT),
    (TEXT, VARCHAR),
    (BPCHAR, TEXT), (BPCHAR, VARCHAR), (FLOAT4, FLOAT8), (INT2, FLOAT8), (INT4, FLOAT8), (INT8, FLOAT8),
    (INT2, TEXT), (INT4, TEXT), (INT8, TEXT), (NUMERIC, TEXT),
}  # fmt: skip
