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
            it.key: it
            for it in (one.object for one in self.removal.found if one.what == "lacking")
            if it.kind != "other"
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
        for it in self.removal.there.of(["privilege"] if self.keep_privileges else []):
            on = granted_on(self.removal.there, it)
            if on is None or not self.removal.dropped.get(it.key):
                continue
            if on in made:
                kept[it.key] = it
            elif new := self._successors.get(on):
                old = self.removal.there.objects[on]
                kept[it.key] = it._replace(creates=it.creates.replace(f" ON {old.what} ", f" ON {new.what} "))
        return kept

    @cached_property
    def _successors(self) -> dict[Key, Object]:
        """By function that goes, the one that comes in its place: its arguments are of other types."""
        gone, new = dict[str, list[Key]](), dict[str, list[Object]]()
        for key in self.removal.dropped:
            if key[0] in FUNCTIONS and key not in self.removal.wanted.objects:
                gone.setdefault(key[1].partition("(")[0], []).append(key)
        for one in self.removal.found:
            if one.what == "lacking" and one.kind in FUNCTIONS:
                new.setdefault(one.object.name.partition("(")[0], []).append(one.object)
        return {
            keys[0]: new[name][0] for name, keys in gone.items() if len(keys) == len(new.get(name, ())) == 1
        }

    def _owner_of_old(self, it: Object) -> str | None:
        if it.key in self.removal.dropped:
            return self.removal.there.owners.get(it.key)
        if it.kind not in FUNCTIONS:
            return None
        return next(
            (self.removal.there.owners.get(old) for old, new in self._successors.items() if new == it), None
        )

    def _create(self, it: Object, hosted: dict[Key, list[Object]]) -> Iterator[str]:
        was = self.removal.there.objects.get(it.key)
        if (
            it.kind == "column"
            and it.inherited
            and self.removal.is_linked(it)
            and (was is None or was.inherited)
        ):
            return
        if was and it.key in self.removal.dropped and self.removal.is_moved(it.key):
            yield was.drops
        inlined = sorted(
            hosted.get(it.key, ()), key=lambda one: (one.kind == "constraint", one.place, one.name)
        )
        yield self._text(it, inlined, hosted)
        if it.what and (owner := self._owner_of_old(it)):
            yield f"ALTER {it.what} OWNER TO {owner}"
        if it.tail and self._counts_on(it):
            yield it.tail
        if is_partial(self.removal.wanted, it.key):
            yield from self._attaching(it)
        yield from _unusual(it)
        for one in inlined:
            its = hosted.get(one.key, ())  # a column's default, or what makes it an identity column
            if one.kind == "column" and self._comes_from_parents(one):
                yield from self._apart_from_its_parents(one)
                yield from (own.creates for own in its)
            elif one.kind == "column":
                yield from (sets for part in (one, *its) for sets in _unusual(part))

    def _text(self, it: Object, inlined: list[Object], hosted: dict[Key, list[Object]]) -> str:
        if it.kind not in ("table", "composite type"):
            return it.creates + "".join(f" {one.inline}" for one in inlined)
        own = [one for one in inlined if one.kind != "link" and not self._comes_from_parents(one)]
        lines = ",".join(f"\n    {inline(one, hosted)}" for one in own)
        parents = sorted((one for one in inlined if one.kind == "link"), key=lambda one: int(one.tail or 0))
        named = f" INHERITS ({', '.join(str(one.inline) for one in parents)})" if parents else ""
        return f"{it.creates} ({lines}{lines and chr(10)}){named}{it.tail or ''}"

    def _attaching(self, it: Object) -> Iterator[str]:
        """How a partitioned table's index gets the parts that it has, where not every partition has one."""
        for part in sorted(self.removal.wanted.of(["index"]), key=lambda one: one.name):
            if self.removal.wanted.needs[part.key].get(it.key) == "P":
                yield f"ALTER INDEX {it.name} ATTACH PARTITION {part.name}"

    def _comes_from_parents(self, it: Object) -> bool:
        """Whether a table that is made has it because its parents are named."""
        return it.inherited and it.within in self.heirs and (it.kind == "constraint" or it.inline is None)

    def _apart_from_its_parents(self, it: Object) -> Iterator[str]:
        """What is its own about a column that its table has from its parents."""
        parents = [name for _, name in parents_of(self.removal.wanted, it.key)]
        columns = [self.removal.wanted.objects.get(("column", parent)) for parent in parents]
        theirs = [one.facts for one in columns if one is not None]
        for name, fact in it.facts.items():
            if (name or "").startswith("not null "):  # nullable says all of it
                continue
            # Of an extension's parent nothing is known.
            usual = {name: fact._replace(value=fact.initially or fact.value)}
            if fact.sets and all(its.get(name, fact).value != fact.value for its in theirs or [usual]):
                yield fact.sets
        inherits = any(("default", parent) in self.removal.wanted.objects for parent in parents)
        if inherits and ("default", it.name) not in self.removal.wanted.objects:
            yield f"ALTER TABLE {it.within} ALTER COLUMN {it.label} DROP DEFAULT"

    def _counts_on(self, it: Object) -> bool:
        """Whether a new sequence comes to a column that has numbers already."""
        is_new = it.kind == "identity" or (
            it.kind == "owner" and ("sequence", it.within) not in self.removal.there.objects
        )
        return is_new and any(
            on[0] == "column" and on in self.removal.there.objects for on in self.removal.wanted.needs[it.key]
        )

    def _alter(self, key: Key) -> Iterator[str]:
        it = self.removal.wanted.objects[key]
        if key in self.removal.grown:
            yield from self.removal.grown[key]
            return
        said = set()
        one = self.removal.altered.get(key)
        changed = {change.fact for change in one.changes} if one else set()
        was = self.removal.there.objects[key]
        comes = was.inherited and it.inherited and self.removal.is_linked(it)
        if key in self.removal.retyped and "type" not in changed and it.tail and not comes:
            yield it.tail
        for name in it.facts:
            sets = it.facts[name].sets
            if name == "type" and (key in self.removal.retyped or not self._is_castable(was, it)):
                sets = it.tail or sets
            if name in NAMES and name in changed:
                sets = f"{was.facts[name].sets} {it.facts[name].value}"
            skip = comes and name in ("type", "generated")
            if name in changed and sets and sets not in said and not skip:
                said.add(sets)
                yield sets

    def _narrows(self, key: Key, text: str) -> bool:
        """Whether a statement turns a column over by a cast that may lose something of its values without an error."""
        it = self.removal.wanted.objects[key]
        # Those of a type that is made again have to be turned over: else it could not go.
        if it.kind != "column" or key in self.removal.retyped or text not in (it.facts["type"].sets, it.tail):
            return False
        return casts.loses(
            _type(self.removal.there, self.removal.there.objects[key]), _type(self.removal.wanted, it)
        )

    def _is_castable(self, was: Object, it: Object) -> bool:
        """Whether there is a cast from the one column's type to the other's; by way of text there always is."""
        if it.kind != "column" or "USING" not in (it.facts["type"].sets or ""):
            return True
        return _is_castable(
            _base(self.removal.there, was), _base(self.removal.wanted, it), self.removal.there.casts
        )


_TEXTS = {"text", "character varying", "character", "name", '"char"'}


def _is_castable(source: str, target: str, casts: set[tuple[str, str]]) -> bool:
    if source.endswith("[]") and target.endswith("[]"):
        return _is_castable(source[:-2], target[:-2], casts)
    return source == target or bool({source, target} & _TEXTS) or (source, target) in casts


def _base(catalog: Catalog, it: Object) -> str:
    """The type without its length and collation; of a domain, what that is of."""
    return re.sub(r"\([\d,]+\)| COLLATE .*", "", _type(catalog, it))


def _type(catalog: Catalog, it: Object) -> str:
    """The type; of a domain, what that is of."""
    type_ = it.facts["type"].value or ""
    domain = catalog.objects.get(("domain", re.sub(r" COLLATE .*", "", type_)))
    return _type(catalog, domain) if domain else type_


def _unusual(it: Object) -> Iterator[str]:
    """What makes of a new one what it shall be."""
    for fact in it.facts.values():
        if fact.initially is not None and fact.value != fact.initially and fact.sets:
            yield fact.sets


def granted_on(catalog: Catalog, it: Object) -> Key | None:
    """What it is a privilege on."""
    return next((on for on, how in catalog.needs[it.key].items() if how == "a"), None)
