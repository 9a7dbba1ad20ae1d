"""What a database is made of: objects with the statements that make, change and drop them, and what depends on what."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from sqlrail.schema.kinds import PARTS_OF, RELATIONS

Key = tuple[str, str]


class Fact(NamedTuple):
    """One thing about an object; without a statement that makes it so, the object has to be made again."""

    value: str | None
    sets: str | None = None
    initially: str | None = None  # the value that a new one has; None: creating it says it


class Facts(Mapping[str | None, Fact]):
    """An object's facts by name, which stay the text that came until somebody asks: of most nobody does."""

    __slots__ = ("_found", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: dict[str | None, Fact] | None = None

    def _read(self) -> dict[str | None, Fact]:
        if self._found is None:
            # Some are none on a server of another major, or about what is not there.
            self._found = {fact[0]: Fact(*fact[1:]) for fact in json.loads(self._text) if fact}
        return self._found

    def __getitem__(self, name: str | None) -> Fact:
        return self._read()[name]

    def __iter__(self) -> Iterator[str | None]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __eq__(self, other: object) -> bool:
        return (isinstance(other, Facts) and self._text == other._text) or super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]


class Object(NamedTuple):
    """A table, a column, a constraint …; see sql/schema/catalog.sql."""

    address: str
    kind: str
    schema: str | None
    within: str | None
    name: str
    label: str
    what: str | None
    creates: str
    inline: str | None = None
    tail: str | None = None
    dropping: str | None = None
    renames: str | None = None
    local: str | None = None
    loses: bool = False
    inherited: bool = False
    facts: Mapping[str | None, Fact] = {}  # never changed

    @property
    def key(self) -> Key:
        return self.kind, self.name

    @property
    def home(self) -> tuple[Key, ...]:
        """What it may be a part of; a name alone does not tell, for a table's statistics, say, may have the table's."""
        if self.within is None or self.kind in RELATIONS:
            return ()
        kinds = (PARTS_OF[self.kind],) if self.kind in PARTS_OF else RELATIONS
        return tuple((kind, self.within) for kind in kinds)

    @property
    def drops(self) -> str:
        return self.dropping or f"DROP {self.what}"

    @property
    def place(self) -> int:
        """A column's place in its table; 0 for what is no column."""
        return int(self.address.rpartition("/")[2])

    @property
    def belongs_to(self) -> str:
        """The address of what it is a comment, a privilege or an option of; its own where it stands for itself."""
        return "/".join(self.address.split("/")[-3:])


@dataclass
class Catalog:
    """The objects of a database by key, and which depends on which."""

    objects: dict[Key, Object] = field(default_factory=dict)
    #: each object's key: those that it depends on, with the kind of the dependency as in pg_depend
    needs: dict[Key, dict[Key, str]] = field(default_factory=dict)
    #: to whom those belong that are not the reader's own
    owners: dict[Key, str] = field(default_factory=dict)
    #: types that can be cast to which, where neither is a string
    casts: set[tuple[str, str]] = field(default_factory=set)

    @cached_property
    def links(self) -> dict[str, list[Key]]:
        """By table: the links to what it inherits from or is a partition of."""
        found: dict[str, list[Key]] = {}
        for obj in self.of(["link"]):
            found.setdefault(obj.within or "", []).append(obj.key)
        return found

    @cached_property
    def parents(self) -> set[str]:
        """The tables that others inherit from or are partitions of."""
        return {obj.name.removeprefix(f"{obj.within} ") for obj in self.of(["link"])}

    @cached_property
    def dependents(self) -> dict[Key, list[tuple[Key, str]]]:
        """What depends on each, and how."""
        found: dict[Key, list[tuple[Key, str]]] = {}
        for key, needs in self.needs.items():
            for other, how in needs.items() if key in self.objects else ():
                found.setdefault(other, []).append((key, how))
        return found

    def add(self, found: Object) -> None:
        self.objects[found.key] = found

    def of(self, kinds: Collection[str]) -> Iterator[Object]:
        return (obj for obj in self.objects.values() if obj.kind in kinds)

    def without(self, unwanted: Collection[Key]) -> Catalog:
        objects = {key: obj for key, obj in self.objects.items() if key not in unwanted}
        return Catalog(objects, self.needs, self.owners, self.casts)


class Whole(NamedTuple):
    """What is told apart at once: a table with all that lies in it, or what else goes by the name."""

    schema: str | None
    within: str | None
    name: str


class Digests(NamedTuple):
    """What two databases have to be the same in, without the objects themselves."""

    schemas: frozenset[str]
    wholes: dict[Whole, str]
