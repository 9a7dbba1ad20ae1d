"""What has to go so that a difference can be mended, with what cannot stay meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from sqlrail.schema.compare import Difference
from sqlrail.schema.kinds import TYPES
from sqlrail.schema.objects import Catalog, Fact, Key, Object
from sqlrail.schema.order import in_order
from sqlrail.schema.placing import KIND as PLACE
from sqlrail.schema.statement import Statement

FUNCTIONS = ("function", "procedure")
LATE = (*TYPES, "collation", "extension", "schema")
#: what has to go while a column that it reads changes its type; indexes and checks PostgreSQL carries over
READERS = (
    "view", "materialized view", "rule", "policy", "trigger", "default", "foreign key", "function", "procedure",
    "column", "published table", "trigger state",
)  # fmt: skip


@dataclass
class Removal:
    """What of the objects that are there goes, or changes its type or its name, so that differences are mended."""

    wanted: Catalog
    there: Catalog
    found: Sequence[Difference]
    #: what goes, each with what takes it along, so that nothing is said
    dropped: dict[Key, Key | None] = field(default_factory=dict)
    #: columns whose type is made again
    retyped: set[Key] = field(default_factory=set)
    altered: dict[Key, Difference] = field(default_factory=dict)
    renamed: list[Difference] = field(default_factory=list)
    #: enums that only get more values, with what gives them these
    grown: dict[Key, list[str]] = field(default_factory=dict)
    #: what was to get another name, and goes on the way
    remade: dict[Key, Object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for difference in self.found:
            if difference.kind != "other":
                self._sort(difference)
        self._drop_dependents()
        gone = [renamed for renamed in self.renamed if renamed.was and renamed.was.key in self.dropped]
        for renamed in gone:
            self.renamed.remove(renamed)
            self.remade[renamed.object.key] = renamed.object

    @cached_property
    def dropping(self) -> list[Key]:
        """What a statement drops, dependents first."""
        takers = {key: taker for key, taker in self.dropped.items() if taker}
        return in_order(self.there, self.dropped.keys() - takers.keys(), takers)[::-1]

    @cached_property
    def aside(self) -> set[Key]:
        """Types that get another name first: columns of them stay until the one of that name is made."""
        return {key for key in self.dropping if self._is_in_use(key)}

    @cached_property
    def late(self) -> list[Key]:
        """What goes when all else is made."""
        return [
            key for key in self.dropping if key in self.aside or (key[0] in LATE and not self._is_taken(key))
        ]

    def early(self) -> list[Statement]:
        """Drops what goes first, and gives other names."""
        early = [key for key in self.dropping if key not in self.late and not self.is_moved(key)]
        early.sort(key=lambda key: key[0] != "link")  # what a partition inherited is its own from then on
        statements = [
            Statement(text, key in self.kept)
            for key in early
            if not self._comes_with(key)
            for text in self._drop(key)
        ]
        statements += [
            Statement(f"{renamed.was.renames} {renamed.object.local}")
            for renamed in self.renamed
            if renamed.was
        ]
        for obj in map(self.there.objects.__getitem__, self.late):
            if obj.key in self.aside:
                statements.append(Statement(f"{obj.renames} {obj.local}", obj.key in self.kept))
        return statements

    def finish(self) -> list[Statement]:
        """Drops what goes last."""
        return [
            Statement(_aside(obj) if obj.key in self.aside else obj.drops, obj.key in self.kept)
            for obj in map(self.there.objects.__getitem__, self.late)
        ]

    def _sort(self, difference: Difference) -> None:
        key = difference.object.key
        if difference.what == "extra":
            self.dropped[key] = None
        elif difference.what == "renamed":
            self.renamed.append(difference)
        elif difference.what == "changed":
            self.altered[key] = difference
            if _is_made_again(difference):
                grown = _grown(difference)
                if grown is None:
                    self.dropped[key] = None
                else:
                    self.grown[key] = grown

    def _drop_dependents(self) -> None:
        """What cannot stay while something else goes or changes its type goes with it, and is made again."""
        queue = [
            *self.dropped,
            *(key for key, difference in self.altered.items() if _reaches_dependents(difference)),
            *(it.object.key for it in self.found if it.what == "lacking" and it.kind == PLACE),
        ]
        for key in queue:  # which grows
            for dependent, how in self.there.dependents.get(key, ()):
                queue += self._touch(key, dependent, how)

    def _touch(self, key: Key, dependent: Key, how: str) -> Iterator[Key]:
        """What else goes or changes its type when the dependent's object does."""
        if key[0] in TYPES and dependent[0] == "column":
            if dependent not in self.retyped and dependent not in self.dropped:
                self.retyped.add(dependent)
                yield dependent
        elif key[0] in TYPES and dependent[0] == "field":
            home = home_of(self.there, dependent)
            if home == key:
                self.dropped[dependent] = home
            elif home not in self.dropped:
                self.dropped[home] = None
                yield home
        elif key in self.dropped or dependent[0] in READERS:
            is_new = dependent not in self.dropped
            taken = key in self.dropped and how in "aiPS" and _takes_along(key, dependent)
            if taken or (key in self.dropped and self.dropped[key] and how in "aiPS"):
                self.dropped[dependent] = key
            else:
                self.dropped.setdefault(dependent, None)
            if is_new:
                yield dependent

    @cached_property
    def kept(self) -> set[Key]:
        """What holds data stays until somebody says otherwise: and with it what it needs, and what goes with it."""
        kept = set[Key]()
        taken: dict[Key, list[Key]] = {}
        for key, taker in self.dropped.items():
            if taker:
                taken.setdefault(taker, []).append(key)
        queue = [key for key, taker in self.dropped.items() if not taker and self.there.objects[key].loses]
        for key in queue:  # which grows
            if key not in kept:
                kept.add(key)
                queue += [
                    *taken.get(key, ()),
                    *(on for on in self.there.needs.get(key, {}) if on in self.dropped),
                ]
        return kept

    def _comes_with(self, key: Key) -> bool:
        """Whether its parent's or its partitioned table's statement does it."""
        obj = self.there.objects[key]
        return obj.inherited and self.is_linked(obj)

    def is_moved(self, key: Key) -> bool:
        """Whether a partition only gets other bounds: then it stays one, and takes part in all else, until that."""
        ends = self.there.needs[key]
        return (
            key[0] == "link" and key in self.wanted.objects and not any(end in self.dropped for end in ends)
        )

    def is_linked(self, obj: Object) -> bool:
        """Whether a link of its table to a parent stays."""
        return any(key in self.wanted.objects for key in self.there.links.get(obj.within or "", ()))

    def _is_in_use(self, key: Key) -> bool:
        """Whether columns of that type stay, and its name is needed for the one that they become of."""
        return self._is_taken(key) and any(key in self.there.needs[column] for column in self.retyped)

    def _is_taken(self, key: Key) -> bool:
        return key[0] in LATE and any((kind, key[1]) in self.wanted.objects for kind in LATE)

    def _drop(self, key: Key) -> Iterator[str]:
        """How it goes: a partition of what a foreign key leads to has to become a table of its own first."""
        obj = self.there.objects[key]
        for link in self.there.links.get(obj.name, ()) if obj.kind == "table" else ():
            if self.there.objects[link].inline is None and self._is_referenced(obj.name):
                yield self.there.objects[link].drops
        yield obj.drops

    def _is_referenced(self, partition: str) -> bool:
        """Whether a key leads to what it is a partition of, at whatever depth."""
        for link in self.there.links.get(partition, ()):
            for on in self.there.needs[link]:
                if (
                    on[1] != partition
                    and on not in self.dropped
                    and (on[1] in self._references or self._is_referenced(on[1]))
                ):
                    return True
        return False

    @cached_property
    def _references(self) -> set[str]:
        """The tables that foreign keys lead to."""
        keys = self.there.of(["foreign key"])
        ends = ((key, self.there.objects.get(on)) for key in keys for on in self.there.needs[key.key])
        return {obj.within for key, obj in ends if obj and obj.within and obj.within != key.within}


def home_of(there: Catalog, field_: Key) -> Key:
    """The composite type that it is a field of."""
    return next(on for on, how in there.needs[field_].items() if how == "a")


def _aside(obj: Object) -> str:
    schema = obj.name[: -len(_own_name(obj))]
    return f"DROP {'DOMAIN' if obj.kind == 'domain' else 'TYPE'} {schema}{obj.local}"


def _own_name(obj: Object) -> str:
    match = re.search(r'(?:"(?:[^"]|"")*"|[^."]+)$', obj.name)
    return match[0] if match else obj.name


def _takes_along(key: Key, dependent: Key) -> bool:
    # An index goes with one of its columns as well, but that may be dropped by another hand, later.
    return key[0] != "column" or dependent[0] in (
        "default",
        "identity",
        "sequence",
        "owner",
        "comment",
        "privilege",
    )


def is_of_other_type(difference: Difference) -> bool:
    """Whether what is wanted has another type than what is there."""
    return any(change.fact == "type" for change in difference.changes)


def reaches_others(difference: Difference) -> bool:
    """Whether what depends on it may have to go, come or change as well."""
    return (
        difference.what in ("lacking", "extra")
        or _is_made_again(difference)
        or _reaches_dependents(difference)
    )


def _is_made_again(difference: Difference) -> bool:
    """Whether no statement makes a fact of it what it shall be."""
    return any(
        difference.object.facts.get(change.fact, Fact(None)).sets is None for change in difference.changes
    )


def _reaches_dependents(difference: Difference) -> bool:
    """Whether what depends on it must not be there meanwhile; when a trigger fires is told its copies as well."""
    return is_of_other_type(difference) or (
        difference.kind in ("trigger", PLACE) and bool(difference.changes)
    )


def _grown(difference: Difference) -> list[str] | None:
    """The statements that give an enum more values; None where it has some that it shall not have, or others first."""
    if difference.kind != "enum" or difference.was is None:
        return None
    wanted, there = (_labels(obj.facts["values"].value or "") for obj in (difference.object, difference.was))
    rest = iter(wanted)
    if not all(label in rest for label in there):
        return None
    statements, name, before = [], difference.object.name, None
    for number, label in enumerate(wanted):
        if label not in there:
            following = next((obj for obj in wanted[number + 1 :] if obj in there), None)
            where = f" AFTER {before}" if before else f" BEFORE {following}" if following else ""
            statements.append(f"ALTER TYPE {name} ADD VALUE {label}{where}")
        before = label
    return statements


def _labels(text: str) -> list[str]:
    return re.findall(r"E?'(?:[^']|'')*'", text)
