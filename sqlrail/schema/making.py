"""What is made, or made otherwise, once what had to go is gone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from sqlrail.schema import casts
from sqlrail.schema.inline import heirs_of, hosts_of, inline
from sqlrail.schema.objects import Catalog, Key, Object
from sqlrail.schema.order import in_order, is_partial, parents_of
from sqlrail.schema.removal import FUNCTIONS, Removal
from sqlrail.schema.statement import Statement

#: facts that are the name of a part; the statement about one that is there renames it
NAMES = ("sequence", "not null name")


@dataclass
class Making:
    """The objects that are lacking, that went on the way, and that change."""

    removal: Removal
    keep_privileges: bool

    @cached_property
    def made(self) -> dict[Key, Object]:
        """What is made: what is lacking, and what was dropped on the way."""
        made = {
            obj.key: obj
            for obj in (
                difference.object for difference in self.removal.found if difference.what == "lacking"
            )
            if obj.kind != "other"
        }
        for key in self.removal.dropped:
            if key in self.removal.wanted.objects:
                made[key] = self.removal.wanted.objects[key]
        return made | self.removal.remade

    @cached_property
    def all_made(self) -> dict[Key, Object]:
        """The same with the privileges that are kept."""
        return self.made | self._privileges_kept(self.made)

    @cached_property
    def heirs(self) -> set[str]:
        """Tables that are made with their parents named."""
        return heirs_of(self.removal.wanted, self.all_made)

    def statements(self) -> list[Statement]:
        """Makes and changes them, what others depend on first."""
        made = self.all_made
        hosts = hosts_of(self.removal.wanted, made, self.heirs)
        hosted: dict[Key, list[Object]] = {}
        for key, host in hosts.items():
            hosted.setdefault(host, []).append(made[key])
        nodes = {key for key in made if key not in hosts}
        nodes |= {
            key
            for key in (*self.removal.altered, *self.removal.retyped)
            if key not in made and key in self.removal.wanted.objects
        }
        statements = []
        for key in in_order(self.removal.wanted, nodes, hosts, making=True):
            loses = key in self.removal.kept
            if key in made:
                statements += [Statement(text, loses) for text in self._create(made[key], hosted)]
            else:
                statements += [
                    Statement(text, loses or self._narrows(key, text)) for text in self._alter(key)
                ]
        return statements

    def _privileges_kept(self, made: dict[Key, Object]) -> dict[Key, Object]:
        """The privileges on what is made again, where the wanted ones are not known."""
        kept = {}
        for obj in self.removal.there.of(["privilege"] if self.keep_privileges else []):
            on = granted_on(self.removal.there, obj)
            if on is None or not self.removal.dropped.get(obj.key):
                continue
            if on in made:
                kept[obj.key] = obj
            elif new := self._successors.get(on):
                old = self.removal.there.objects[on]
                kept[obj.key] = obj._replace(
                    creates=obj.creates.replace(f" ON {old.what} ", f" ON {new.what} ")
                )
        return kept

    @cached_property
    def _successors(self) -> dict[Key, Object]:
        """By function that goes, the one that comes in its place: its arguments are of other types."""
        gone, new = dict[str, list[Key]](), dict[str, list[Object]]()
        for key in self.removal.dropped:
            if key[0] in FUNCTIONS and key not in self.removal.wanted.objects:
                gone.setdefault(key[1].partition("(")[0], []).append(key)
        for difference in self.removal.found:
            if difference.what == "lacking" and difference.kind in FUNCTIONS:
                new.setdefault(difference.object.name.partition("(")[0], []).append(difference.object)
        return {
            keys[0]: new[name][0] for name, keys in gone.items() if len(keys) == len(new.get(name, ())) == 1
        }

    def _owner_of_old(self, obj: Object) -> str | None:
        if obj.key in self.removal.dropped:
            return self.removal.there.owners.get(obj.key)
        if obj.kind not in FUNCTIONS:
            return None
        return next(
            (self.removal.there.owners.get(old) for old, new in self._successors.items() if new == obj), None
        )

    def _create(self, obj: Object, hosted: dict[Key, list[Object]]) -> Iterator[str]:
        was = self.removal.there.objects.get(obj.key)
        if (
            obj.kind == "column"
            and obj.inherited
            and self.removal.is_linked(obj)
            and (was is None or was.inherited)
        ):
            return
        if was and obj.key in self.removal.dropped and self.removal.is_moved(obj.key):
            yield was.drops
        inlined = sorted(
            hosted.get(obj.key, ()), key=lambda part: (part.kind == "constraint", part.place, part.name)
        )
        yield self._text(obj, inlined, hosted)
        if obj.what and (owner := self._owner_of_old(obj)):
            yield f"ALTER {obj.what} OWNER TO {owner}"
        if obj.tail and self._counts_on(obj):
            yield obj.tail
        if is_partial(self.removal.wanted, obj.key):
            yield from self._attaching(obj)
        yield from _unusual(obj)
        for part in inlined:
            its = hosted.get(part.key, ())  # a column's default, or what makes it an identity column
            if part.kind == "column" and self._comes_from_parents(part):
                yield from self._apart_from_its_parents(part)
                yield from (own.creates for own in its)
            elif part.kind == "column":
                yield from (sets for each in (part, *its) for sets in _unusual(each))

    def _text(self, obj: Object, inlined: list[Object], hosted: dict[Key, list[Object]]) -> str:
        if obj.kind not in ("table", "composite type"):
            return obj.creates + "".join(f" {part.inline}" for part in inlined)
        own = [part for part in inlined if part.kind != "link" and not self._comes_from_parents(part)]
        lines = ",".join(f"\n    {inline(part, hosted)}" for part in own)
        parents = sorted(
            (part for part in inlined if part.kind == "link"), key=lambda part: int(part.tail or 0)
        )
        named = f" INHERITS ({', '.join(str(part.inline) for part in parents)})" if parents else ""
        return f"{obj.creates} ({lines}{lines and chr(10)}){named}{obj.tail or ''}"

    def _attaching(self, obj: Object) -> Iterator[str]:
        """How a partitioned table's index gets the parts that it has, where not every partition has one."""
        for part in sorted(self.removal.wanted.of(["index"]), key=lambda part: part.name):
            if self.removal.wanted.needs[part.key].get(obj.key) == "P":
                yield f"ALTER INDEX {obj.name} ATTACH PARTITION {part.name}"

    def _comes_from_parents(self, obj: Object) -> bool:
        """Whether a table that is made has it because its parents are named."""
        return obj.inherited and obj.within in self.heirs and (obj.kind == "constraint" or obj.inline is None)

    def _apart_from_its_parents(self, obj: Object) -> Iterator[str]:
        """What is its own about a column that its table has from its parents."""
        parents = [name for _, name in parents_of(self.removal.wanted, obj.key)]
        columns = [self.removal.wanted.objects.get(("column", parent)) for parent in parents]
        theirs = [part.facts for part in columns if part is not None]
        for name, fact in obj.facts.items():
            if (name or "").startswith("not null "):  # nullable says all of it
                continue
            # Of an extension's parent nothing is known.
            usual = {name: fact._replace(value=fact.initially or fact.value)}
            if fact.sets and all(its.get(name, fact).value != fact.value for its in theirs or [usual]):
                yield fact.sets
        inherits = any(("default", parent) in self.removal.wanted.objects for parent in parents)
        if inherits and ("default", obj.name) not in self.removal.wanted.objects:
            yield f"ALTER TABLE {obj.within} ALTER COLUMN {obj.label} DROP DEFAULT"

    def _counts_on(self, obj: Object) -> bool:
        """Whether a new sequence comes to a column that has numbers already."""
        is_new = obj.kind == "identity" or (
            obj.kind == "owner" and ("sequence", obj.within) not in self.removal.there.objects
        )
        return is_new and any(
            on[0] == "column" and on in self.removal.there.objects
            for on in self.removal.wanted.needs[obj.key]
        )

    def _alter(self, key: Key) -> Iterator[str]:
        obj = self.removal.wanted.objects[key]
        if key in self.removal.grown:
            yield from self.removal.grown[key]
            return
        said = set()
        difference = self.removal.altered.get(key)
        changed = {change.fact for change in difference.changes} if difference else set()
        was = self.removal.there.objects[key]
        comes = was.inherited and obj.inherited and self.removal.is_linked(obj)
        if key in self.removal.retyped and "type" not in changed and obj.tail and not comes:
            yield obj.tail
        for name in obj.facts:
            sets = obj.facts[name].sets
            if name == "type" and (key in self.removal.retyped or not self._is_castable(was, obj)):
                sets = obj.tail or sets
            if name in NAMES and name in changed:
                sets = f"{was.facts[name].sets} {obj.facts[name].value}"
            skip = comes and name in ("type", "generated")
            if name in changed and sets and sets not in said and not skip:
                said.add(sets)
                yield sets

    def _narrows(self, key: Key, text: str) -> bool:
        """Whether a statement turns a column over by a cast that may lose something of its values without an error."""
        obj = self.removal.wanted.objects[key]
        # Those of a type that is made again have to be turned over: else it could not go.
        if (
            obj.kind != "column"
            or key in self.removal.retyped
            or text not in (obj.facts["type"].sets, obj.tail)
        ):
            return False
        return casts.loses(
            _type(self.removal.there, self.removal.there.objects[key]), _type(self.removal.wanted, obj)
        )

    def _is_castable(self, was: Object, obj: Object) -> bool:
        """Whether there is a cast from the one column's type to the other's; by way of text there always is."""
        if obj.kind != "column" or "USING" not in (obj.facts["type"].sets or ""):
            return True
        return _is_castable(
            _base(self.removal.there, was), _base(self.removal.wanted, obj), self.removal.there.casts
        )


_TEXTS = {"text", "character varying", "character", "name", '"char"'}


def _is_castable(source: str, target: str, casts: set[tuple[str, str]]) -> bool:
    if source.endswith("[]") and target.endswith("[]"):
        return _is_castable(source[:-2], target[:-2], casts)
    return source == target or bool({source, target} & _TEXTS) or (source, target) in casts


def _base(catalog: Catalog, obj: Object) -> str:
    """The type without its length and collation; of a domain, what that is of."""
    return re.sub(r"\([\d,]+\)| COLLATE .*", "", _type(catalog, obj))


def _type(catalog: Catalog, obj: Object) -> str:
    """The type; of a domain, what that is of."""
    type_ = obj.facts["type"].value or ""
    domain = catalog.objects.get(("domain", re.sub(r" COLLATE .*", "", type_)))
    return _type(catalog, domain) if domain else type_


def _unusual(obj: Object) -> Iterator[str]:
    """What makes of a new one what it shall be."""
    for fact in obj.facts.values():
        if fact.initially is not None and fact.value != fact.initially and fact.sets:
            yield fact.sets


def granted_on(catalog: Catalog, obj: Object) -> Key | None:
    """What it is a privilege on."""
    return next((on for on, how in catalog.needs[obj.key].items() if how == "a"), None)
