"""Which tables of a cluster of Citus lie together: what has to move so that they lie as wanted, and by what call.

A group of tables has no name that two databases share, so it is known by its tables. Of two groups that say the same as
far as both sides have the tables, nothing differs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from psycopg import sql

from sqlrail.ground.names import NAME, plain
from sqlrail.schema.objects import Catalog, Fact, Key, Object

KIND = "distribution"
#: the fact that names the tables of a group, in the order of their names
TOGETHER = "together with"
#: facts that a table has to share with the others of its group, or that put it among others
_PLACE = (None, "column", "shard count")
_TABLE = re.compile(rf"{NAME}\.{NAME}")

Group = frozenset[str]


@dataclass
class Placing:
    """The tables of two databases that lie on nodes, and who of them has to move."""

    wanted: Catalog
    there: Catalog
    #: by table: with which other one it is to lie; None: with none that is there before it
    partners: dict[str, str | None] = field(init=False)

    def __post_init__(self) -> None:
        self.partners = {}
        taken = set[Group]()
        for group in sorted(set(self._wanted.values()), key=self._staying, reverse=True):
            self._settle(group, taken)

    @cached_property
    def _wanted(self) -> dict[str, Group]:
        return dict(_groups(self.wanted))

    @cached_property
    def _there(self) -> dict[str, Group]:
        return dict(_groups(self.there))

    def moves(self, table: str) -> bool:
        """Whether a table that is on both sides lies with others than it shall."""
        return table in self.partners

    def placed(self) -> Catalog:
        """What is wanted, with the calls that put each table where its group is or comes to be."""
        objects, needs = dict(self.wanted.objects), dict(self.wanted.needs)
        for obj in self.wanted.of([KIND]) if self._wanted else ():
            partner = self.partners.get(obj.name)
            objects[obj.key] = self._called(obj, partner)
            if partner is not None:
                needs[obj.key] = {**needs[obj.key], (KIND, partner): "n"}
        return Catalog(objects, needs, self.wanted.owners, self.wanted.casts)

    def _staying(self, group: Group) -> tuple[int, list[str]]:
        """How many of a group lie together already; the larger part of a group that is torn stays where it is."""
        homes = self._homes(group)
        return max(homes.values(), default=0), sorted(group)

    def _homes(self, group: Group) -> Counter[Group]:
        return Counter(self._there[name] for name in group if self._is_as_wanted(name))

    def _is_as_wanted(self, table: str) -> bool:
        """Whether nothing but its group is to become another."""
        was, obj = self._facts(self.there, table), self._facts(self.wanted, table)
        return was is not None and obj is not None and was == obj

    def _facts(self, catalog: Catalog, table: str) -> list[str | None] | None:
        obj = catalog.objects.get((KIND, table))
        return obj and [obj.facts[name].value for name in _PLACE if name in obj.facts]

    def _settle(self, group: Group, taken: set[Group]) -> None:
        homes = [home for home, _ in self._homes(group).most_common() if home not in taken]
        stays = {name for name in group if homes and self._there.get(name) == homes[0]}
        stays = {name for name in stays if self._is_as_wanted(name)}
        taken.update(homes[:1])
        # A table that is not compared is the same on both sides.
        first = min(stays or group - self._wanted.keys() or group)
        for name in group & self._wanted.keys():
            if name not in stays:
                self.partners[name] = first if name != first else None

    def _called(self, obj: Object, partner: str | None) -> Object:
        if TOGETHER not in obj.facts:
            return obj
        facts = dict(obj.facts)
        if obj.facts[TOGETHER].sets:
            was = self.there.objects.get(obj.key)
            alters = _call("alter_distributed_table", obj, *self._altering(obj, was, partner))
            facts = {name: fact._replace(sets=fact.sets and alters) for name, fact in facts.items()}
        if partner is None:
            return obj._replace(facts=facts)
        column = obj.facts["column"].value if "column" in obj.facts else None
        creates = _call(
            "create_distributed_table",
            obj,
            sql.Literal(column and plain(column)),
            sql.SQL("colocate_with => {}").format(sql.Literal(partner)),
        )
        return obj._replace(creates=creates, facts=facts)

    def _altering(self, obj: Object, was: Object | None, partner: str | None) -> Iterator[sql.Composable]:
        """The arguments of the call that changes a table that is distributed; what it keeps is not named."""
        none = Fact(None)
        before = was.facts if was is not None else {}
        column, shards = obj.facts.get("column", none).value, obj.facts.get("shard count", none).value
        if column and column != before.get("column", none).value:
            yield sql.SQL("distribution_column => {}").format(sql.Literal(plain(column)))
        if partner is None and shards and shards != before.get("shard count", none).value:
            yield sql.SQL("shard_count => {}").format(sql.SQL(shards))
        yield sql.SQL("colocate_with => {}").format(sql.Literal(partner or "none"))
        yield sql.SQL("cascade_to_colocated => false")


def _groups(catalog: Catalog) -> Iterator[tuple[str, Group]]:
    known: dict[str, Group] = {}
    for obj in catalog.of([KIND]):
        if TOGETHER in obj.facts:
            names = obj.facts[TOGETHER].value or ""
            if names not in known:
                known[names] = frozenset(_TABLE.findall(names))
            yield obj.name, known[names]


def others(names: str | None, table: str) -> str | None:
    """With whom a table lies, of the names of its group; None: with none."""
    return ", ".join(name for name in _TABLE.findall(names or "") if name != table) or None


def _call(function: str, obj: Object, *arguments: sql.Composable) -> str:
    given = sql.SQL(", ").join([sql.Literal(obj.name), *arguments])
    return sql.SQL("SELECT {}({})").format(sql.SQL(function), given).as_string()


def placed(wanted: Catalog, there: Catalog) -> tuple[Catalog, Catalog]:
    """Both, with the calls that bring tables together; foreign keys of such tables cannot stay meanwhile."""
    tables = {obj.name for catalog in (wanted, there) for obj in catalog.of([KIND])}
    if not tables:
        return wanted, there
    return _with_keys(Placing(wanted, there).placed(), tables), _with_keys(there, tables)


def _with_keys(catalog: Catalog, tables: set[str]) -> Catalog:
    needs = dict(catalog.needs)
    for obj in catalog.of(["foreign key"]):
        ends = {obj.within, *(_table_of(catalog, on) for on in needs.get(obj.key, ()))}
        needs[obj.key] = {**needs.get(obj.key, {}), **{(KIND, table): "n" for table in tables & ends}}
    return Catalog(catalog.objects, needs, catalog.owners, catalog.casts)


def _table_of(catalog: Catalog, key: Key) -> str | None:
    if key[0] == "table":
        return key[1]
    obj = catalog.objects.get(key)
    return obj and obj.within
