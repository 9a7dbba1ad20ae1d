"""Two databases side by side: what of them is compared, and how they differ."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlrail.errors import UsageError
from sqlrail.ground.settings import Settings
from sqlrail.postgres.connect import Connection
from sqlrail.schema.catalog import around, digests, read
from sqlrail.schema.compare import Difference, compare
from sqlrail.schema.objects import Catalog, Digests, Key, Object, Whole
from sqlrail.schema.placing import KIND as PLACE
from sqlrail.schema.removal import reaches_others


@dataclass(frozen=True)
class Choice:
    """What is compared: these schemas, or all; but not those, nor these tables; and whether privileges are."""

    schemas: Collection[str] = ()
    exclude_schemas: Collection[str] = ()
    exclude_tables: Collection[str] = ()
    privileges: bool = False

    def of(self, catalog: Catalog) -> Catalog:
        """What of the catalog is chosen."""
        unwanted = {found.key for found in catalog.objects.values() if not self._has(found)}
        before = -1
        while len(unwanted) > before:  # a sequence goes with the column that owns it, and its comment with it
            before = len(unwanted)
            for key, needs in catalog.needs.items():
                if any(on in unwanted and how in "ai" for on, how in needs.items()):
                    unwanted.add(key)
        return catalog.without(unwanted)

    def differences(self, wanted: Catalog, there: Catalog) -> tuple[Catalog, Catalog, list[Difference]]:
        """What of two catalogs is chosen, and how that differs."""
        wanted, there = self.of(wanted), self.of(there)
        if self.privileges:
            return wanted, there, compare(wanted, there)
        wanted = wanted.without({found.key for found in wanted.of(["privilege"])})
        return wanted, there, [one for one in compare(wanted, there) if one.kind != "privilege"]

    def raise_if_unknown(self, *sides: Digests) -> None:
        """UsageError for a schema that is on no side: a misspelt one would never differ."""
        known = frozenset[str]().union(*(side.schemas for side in sides))
        if missing := [name for name in self.schemas if name not in known]:
            raise UsageError(f"--schema: there is no schema {', '.join(missing)} on either side.")

    def unlike(self, wanted: Digests, there: Digests) -> set[str]:
        """The names of the chosen wholes that are not the same on both sides."""
        one, other = wanted.wholes, there.wholes
        return {
            name.name
            for name in one.keys() | other.keys()
            if one.get(name) != other.get(name) and self._has(name)
        }

    def _has(self, found: Object | Whole) -> bool:
        if found.schema in self.exclude_schemas or (self.schemas and found.schema not in self.schemas):
            return False
        table = found.within or ""
        own = table.rpartition(".")[2]
        return not {table, own, own.strip('"')}.intersection(self.exclude_tables)


@dataclass
class Sides:
    """The other database and the one that is to be like it."""

    other: Connection
    connection: Connection
    settings: Settings
    choice: Choice
    #: what of the other one is provided, and shall differ, and what only this one can have
    provided: Collection[Key] = ()
    unknown: Collection[Key] = ()
    number: int = 0  # of wholes, on the side that has more of them

    def unlike(self) -> set[str]:
        """The names of what is not the same by its digest, which may still say the same."""
        both = digests(
            self.settings,
            self.other,
            self.connection,
            privileges=self.choice.privileges,
            schemas=self.choice.schemas,
        )
        self.choice.raise_if_unknown(*both)
        self.number = max(len(side.wholes) for side in both)
        # What is provided is there on both sides.
        return self.choice.unlike(*both) | {name for _, name in self.provided}

    def compared(self) -> tuple[Catalog, Catalog, list[Difference]] | None:
        """What is wanted of all that is not the same, and around it; what there is; and the differences.

        None where nothing differs.
        """
        unlike = self.unlike()
        if not unlike:
            return None
        wanted, there, found = self.compared_in(unlike)
        if more := self.around(wanted, there, found) - unlike:
            wanted, there, found = self.compared_in(unlike | more)
        return wanted, there, found

    def compared_in(self, names: set[str]) -> tuple[Catalog, Catalog, list[Difference]]:
        """What is wanted of these wholes, or of all where they are many; what there is; and the differences."""
        only = names if 2 * len(names) < self.number else None
        schemas = self.choice.schemas
        wanted = read(self.other, self.settings, only=only, schemas=schemas).without(self.provided)
        there = read(self.connection, self.settings, like=wanted, only=only, schemas=schemas)
        return self.choice.differences(wanted, there.without(self.unknown))

    def around(self, wanted: Catalog, there: Catalog, found: Iterable[Difference]) -> set[str]:
        """The names of the wholes whose objects may have to go, come or change with those that differ."""
        keys = {difference.object.key for difference in found if reaches_others(difference)}
        sides = {self.other: wanted, self.connection: there}
        objects = {
            side: [obj for key in keys if (obj := catalog.objects.get(key) or _table_of(catalog, key))]
            for side, catalog in sides.items()
        }
        return around(self.settings, {side: its for side, its in objects.items() if its})


def _table_of(catalog: Catalog, key: Key) -> Object | None:
    """The table that gets a place on nodes, with what leads there."""
    return catalog.objects.get(("table", key[1])) if key[0] == PLACE else None
