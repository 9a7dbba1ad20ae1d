"""The SQL that makes one catalog like another, in an order in which it runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from sqlrail.schema import casts
from sqlrail.schema.catalog import Catalog, Fact, Key, Object
from sqlrail.schema.compare import Difference
from sqlrail.schema.inline import heirs_of, hosts_of, inline
from sqlrail.schema.order import TYPES, in_order, is_partial, parents_of

FUNCTIONS = ("function", "procedure")
LATE = (*TYPES, "collation", "extension", "schema")
#: what has to go while a column that it reads changes its type; indexes and checks PostgreSQL carries over
READERS = (
    "view", "materialized view", "rule", "policy", "trigger", "default", "foreign key", "function", "procedure",
    "column", "published table", "trigger state",
)  # fmt: skip
#: facts that are the name of a part; the statement about one that is there renames it
NAMES = ("sequence", "not null name")
#: whether the server looks into the body of a function that is made
BODIES = "check_function_bodies"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, without its semicolon, and whether running it loses data; or what no statement can do, and why."""

    sql: str
    loses: bool = False
    is_by_hand: bool = False


def mend(
    wanted: Catalog, there: Catalog, found: Iterable[Difference], *, keep_privileges: bool = False
) -> list[Statement]:
    """What has to be run on the database that is there to make it like the wanted one.

    With keep_privileges what has to be made again has those that it had, for the wanted ones are not known.
    """
    return _Mender(wanted, there, found, keep_privileges).statements()


@dataclass
class _Mender:
    wanted: Catalog
    there: Catalog
    found: Iterable[Difference]
    keep_privileges: bool
    dropped: dict[Key, Key | None] = field(
        default_factory=dict
    )  # with what takes it along, so that nothing is said
    retyped: set[Key] = field(default_factory=set)  # columns whose type is made again
    altered: dict[Key, Difference] = field(default_factory=dict)
    renamed: list[Difference] = field(default_factory=list)
    kept: set[Key] = field(default_factory=set)  # what loses data if it is dropped, and what depends on that
    grown: dict[Key, list[str]] = field(default_factory=dict)  # enums that only get more values
    remade: dict[Key, Object] = field(
        default_factory=dict
    )  # what was to get another name, and goes on the way
    heirs: set[str] = field(default_factory=set)  # tables that are made with their parents named

    def statements(self) -> list[Statement]:
        by_hand = self._leave_what_cannot_be()
        self._look()
        self._keep_what_loses()
        takers = {key: taker for key, taker in self.dropped.items() if taker}
        dropping = in_order(self.there, self.dropped.keys() - takers.keys(), takers)[::-1]
        aside = {key for key in dropping if self._is_in_use(key)}
        late = [key for key in dropping if key in aside or (key[0] in LATE and not self._is_taken(key))]
        early = [key for key in dropping if key not in late and not self._is_moved(key)]
        early.sort(key=lambda key: key[0] != "link")  # what a partition inherited is its own from then on
        statements = [
            Statement(text, key in self.kept)
            for key in early
            if not self._comes_with(key)
            for text in self._drop(key)
        ]
        statements += [Statement(f"{one.was.renames} {one.object.local}") for one in self.renamed if one.was]
        for it in map(self.there.objects.__getitem__, late):
            if it.key in aside:
                statements.append(Statement(f"{it.renames} {it.local}", it.key in self.kept))
        statements += self._making()
        for it in map(self.there.objects.__getitem__, late):
            statements.append(Statement(_aside(it) if it.key in aside else it.drops, it.key in self.kept))
        if any(key[0] in FUNCTIONS for key in self._made()):
            # What a body names may come later. Not SET LOCAL: psql runs a script outside of transactions.
            set_, reset = Statement(f"SET {BODIES} = off"), Statement(f"RESET {BODIES}")
            statements = [set_, *statements, reset]
        return [*statements, *by_hand]

    def _look(self) -> None:
        for one in self.found:
            if one.kind != "other":
                self._sort(one)
        self._drop_dependents()
        for one in [one for one in self.renamed if one.was and one.was.key in self.dropped]:
            self.renamed.remove(one)
            self.remade[one.object.key] = one.object

    def _leave_what_cannot_be(self) -> list[Statement]:
        """Takes out what no statement can do; returns what is said instead."""
        said = []
        for one in self.found:
            if one.what == "changed" and (one.kind in (*TYPES, "field") or _is_of_other_type(one)):
                alone = _Mender(self.wanted, self.there, [one], self.keep_privileges)
                alone._look()
                if reason := next(alone._obstacles(), None):
                    self.found = [other for other in self.found if other is not one]
                    said.append(Statement(f"{one.object.what}: {reason}", is_by_hand=True))
        return said

    def _obstacles(self) -> Iterator[str]:
        """Why what has to be done cannot be."""
        for key in (*self.retyped, *(key for key, one in self.altered.items() if _is_of_other_type(one))):
            it = self.there.objects[key]
            if key[0] == "field" and (column := self._column_of(self._home(key))):
                yield f"{column} is of this type, and has to be made again, with its values"
            if self.there.needs[key].get(("table", it.within or "")) == "i":
                yield f"{it.name} is in the partition key of a table, which has to be made again, with its rows"
        for key in self.dropped:
            if (
                key[0] == "composite type"
                and key in self.wanted.objects
                and self._fields(key)
                and (column := self._column_of(key))
            ):
                yield f"{column} is of this type, and its fields come in another order"

    def _home(self, field_: Key) -> Key:
        """The composite type that it is a field of."""
        return next(on for on, how in self.there.needs[field_].items() if how == "a")

    def _column_of(self, type_: Key) -> str | None:
        """A column whose values are of the type, or have it in them."""
        queue = [type_]
        for key in queue:  # which grows
            for dependent, _ in self.there.dependents.get(key, ()):
                if dependent[0] == "column":
                    return dependent[1]
                if dependent[0] == "field":
                    dependent = self._home(dependent)
                if dependent[0] in TYPES and dependent not in queue:
                    queue.append(dependent)
        return None

    def _fields(self, type_: Key) -> bool:
        """Whether its fields are not those that are wanted, one by one: rows become rows by what they are as text."""
        wanted, there = (
            [
                it.label
                for it in sorted(
                    (it for it in catalog.of(["field"]) if it.within == type_[1]), key=lambda it: it.place
                )
            ]
            for catalog in (self.wanted, self.there)
        )
        return wanted != there

    def _drop(self, key: Key) -> Iterator[str]:
        """How it goes: a partition of what a foreign key leads to has to become a table of its own first."""
        it = self.there.objects[key]
        for link in self.there.links.get(it.name, ()) if it.kind == "table" else ():
            if self.there.objects[link].inline is None and self._is_referenced(it.name):
                yield self.there.objects[link].drops
        yield it.drops

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
        return {it.within for key, it in ends if it and it.within and it.within != key.within}

    def _sort(self, one: Difference) -> None:
        key = one.object.key
        if one.what == "extra":
            self.dropped[key] = None
        elif one.what == "renamed":
            self.renamed.append(one)
        elif one.what == "changed":
            self.altered[key] = one
            if any(one.object.facts.get(change.fact, Fact(None)).sets is None for change in one.changes):
                grown = _grown(one)
                if grown is None:
                    self.dropped[key] = None
                else:
                    self.grown[key] = grown

    def _drop_dependents(self) -> None:
        """What cannot stay while something else goes or changes its type goes with it, and is made again."""
        queue = [*self.dropped, *(key for key, one in self.altered.items() if _reaches_dependents(one))]
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
            home = self._home(dependent)
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

    def _keep_what_loses(self) -> None:
        """What holds data stays until somebody says otherwise: and with it what it needs, and what goes with it."""
        taken: dict[Key, list[Key]] = {}
        for key, taker in self.dropped.items():
            if taker:
                taken.setdefault(taker, []).append(key)
        queue = [key for key, taker in self.dropped.items() if not taker and self.there.objects[key].loses]
        for key in queue:  # which grows
            if key not in self.kept:
                self.kept.add(key)
                queue += [
                    *taken.get(key, ()),
                    *(on for on in self.there.needs.get(key, {}) if on in self.dropped),
                ]

    def _comes_with(self, key: Key) -> bool:
        """Whether its parent's or its partitioned table's statement does it."""
        it = self.there.objects[key]
        return it.inherited and self._is_linked(it)

    def _is_moved(self, key: Key) -> bool:
        """Whether a partition only gets other bounds: then it stays one, and takes part in all else, until that."""
        ends = self.there.needs[key]
        return (
            key[0] == "link" and key in self.wanted.objects and not any(end in self.dropped for end in ends)
        )

    def _is_linked(self, it: Object) -> bool:
        return any(key in self.wanted.objects for key in self.there.links.get(it.within or "", ()))

    def _is_in_use(self, key: Key) -> bool:
        """Whether columns of that type stay, and its name is needed for the one that they become of."""
        return self._is_taken(key) and any(key in self.there.needs[column] for column in self.retyped)

    def _is_taken(self, key: Key) -> bool:
        return key[0] in LATE and any((kind, key[1]) in self.wanted.objects for kind in LATE)

    def _made(self) -> dict[Key, Object]:
        """What is made: what is lacking, and what was dropped on the way."""
        made = {
            it.key: it
            for it in (one.object for one in self.found if one.what == "lacking")
            if it.kind != "other"
        }
        for key in self.dropped:
            if key in self.wanted.objects:
                made[key] = self.wanted.objects[key]
        return made | self.remade

    def _making(self) -> list[Statement]:
        made = self._made()
        made |= self._privileges_kept(made)
        self.heirs = heirs_of(self.wanted, made)
        hosts = hosts_of(self.wanted, made, self.heirs)
        hosted: dict[Key, list[Object]] = {}
        for key, host in hosts.items():
            hosted.setdefault(host, []).append(made[key])
        nodes = {key for key in made if key not in hosts}
        nodes |= {
            key for key in (*self.altered, *self.retyped) if key not in made and key in self.wanted.objects
        }
        statements = []
        for key in in_order(self.wanted, nodes, hosts, making=True):
            loses = key in self.kept
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
        for it in self.there.of(["privilege"] if self.keep_privileges else []):
            on = granted_on(self.there, it)
            if on is None or not self.dropped.get(it.key):
                continue
            if on in made:
                kept[it.key] = it
            elif new := self._successors.get(on):
                old = self.there.objects[on]
                kept[it.key] = it._replace(creates=it.creates.replace(f" ON {old.what} ", f" ON {new.what} "))
        return kept

    @cached_property
    def _successors(self) -> dict[Key, Object]:
        """By function that goes, the one that comes in its place: its arguments are of other types."""
        gone, new = dict[str, list[Key]](), dict[str, list[Object]]()
        for key in self.dropped:
            if key[0] in FUNCTIONS and key not in self.wanted.objects:
                gone.setdefault(key[1].partition("(")[0], []).append(key)
        for one in self.found:
            if one.what == "lacking" and one.kind in FUNCTIONS:
                new.setdefault(one.object.name.partition("(")[0], []).append(one.object)
        return {
            keys[0]: new[name][0] for name, keys in gone.items() if len(keys) == len(new.get(name, ())) == 1
        }

    def _owner_of_old(self, it: Object) -> str | None:
        if it.key in self.dropped:
            return self.there.owners.get(it.key)
        if it.kind not in FUNCTIONS:
            return None
        return next((self.there.owners.get(old) for old, new in self._successors.items() if new == it), None)

    def _create(self, it: Object, hosted: dict[Key, list[Object]]) -> Iterator[str]:
        was = self.there.objects.get(it.key)
        if it.kind == "column" and it.inherited and self._is_linked(it) and (was is None or was.inherited):
            return
        if was and it.key in self.dropped and self._is_moved(it.key):
            yield was.drops
        inlined = sorted(
            hosted.get(it.key, ()), key=lambda one: (one.kind == "constraint", one.place, one.name)
        )
        yield self._text(it, inlined, hosted)
        if it.what and (owner := self._owner_of_old(it)):
            yield f"ALTER {it.what} OWNER TO {owner}"
        if it.tail and self._counts_on(it):
            yield it.tail
        if is_partial(self.wanted, it.key):
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
        for part in sorted(self.wanted.of(["index"]), key=lambda one: one.name):
            if self.wanted.needs[part.key].get(it.key) == "P":
                yield f"ALTER INDEX {it.name} ATTACH PARTITION {part.name}"

    def _comes_from_parents(self, it: Object) -> bool:
        """Whether a table that is made has it because its parents are named."""
        return it.inherited and it.within in self.heirs and (it.kind == "constraint" or it.inline is None)

    def _apart_from_its_parents(self, it: Object) -> Iterator[str]:
        """What is its own about a column that its table has from its parents."""
        parents = [name for _, name in parents_of(self.wanted, it.key)]
        columns = [self.wanted.objects.get(("column", parent)) for parent in parents]
        theirs = [one.facts for one in columns if one is not None]
        for name, fact in it.facts.items():
            if (name or "").startswith("not null "):  # nullable says all of it
                continue
            # Of an extension's parent nothing is known.
            usual = {name: fact._replace(value=fact.initially or fact.value)}
            if fact.sets and all(its.get(name, fact).value != fact.value for its in theirs or [usual]):
                yield fact.sets
        inherits = any(("default", parent) in self.wanted.objects for parent in parents)
        if inherits and ("default", it.name) not in self.wanted.objects:
            yield f"ALTER TABLE {it.within} ALTER COLUMN {it.label} DROP DEFAULT"

    def _counts_on(self, it: Object) -> bool:
        """Whether a new sequence comes to a column that has numbers already."""
        is_new = it.kind == "identity" or (
            it.kind == "owner" and ("sequence", it.within) not in self.there.objects
        )
        return is_new and any(
            on[0] == "column" and on in self.there.objects for on in self.wanted.needs[it.key]
        )

    def _alter(self, key: Key) -> Iterator[str]:
        it = self.wanted.objects[key]
        if key in self.grown:
            yield from self.grown[key]
            return
        said = set()
        one = self.altered.get(key)
        changed = {change.fact for change in one.changes} if one else set()
        was = self.there.objects[key]
        comes = was.inherited and it.inherited and self._is_linked(it)
        if key in self.retyped and "type" not in changed and it.tail and not comes:
            yield it.tail
        for name in it.facts:
            sets = it.facts[name].sets
            if name == "type" and (key in self.retyped or not self._is_castable(was, it)):
                sets = it.tail or sets
            if name in NAMES and name in changed:
                sets = f"{was.facts[name].sets} {it.facts[name].value}"
            skip = comes and name in ("type", "generated")
            if name in changed and sets and sets not in said and not skip:
                said.add(sets)
                yield sets

    def _narrows(self, key: Key, text: str) -> bool:
        """Whether a statement turns a column over by a cast that may lose something of its values without an error."""
        it = self.wanted.objects[key]
        # Those of a type that is made again have to be turned over: else it could not go.
        if it.kind != "column" or key in self.retyped or text not in (it.facts["type"].sets, it.tail):
            return False
        return casts.loses(_type(self.there, self.there.objects[key]), _type(self.wanted, it))

    def _is_castable(self, was: Object, it: Object) -> bool:
        """Whether there is a cast from the one column's type to the other's; by way of text there always is."""
        if it.kind != "column" or "USING" not in (it.facts["type"].sets or ""):
            return True
        return _is_castable(_base(self.there, was), _base(self.wanted, it), self.there.casts)


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


def _aside(it: Object) -> str:
    schema = it.name[: -len(_own_name(it))]
    return f"DROP {'DOMAIN' if it.kind == 'domain' else 'TYPE'} {schema}{it.local}"


def _own_name(it: Object) -> str:
    match = re.search(r'(?:"(?:[^"]|"")*"|[^."]+)$', it.name)
    return match[0] if match else it.name


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


def _is_of_other_type(one: Difference) -> bool:
    return any(change.fact == "type" for change in one.changes)


def _reaches_dependents(one: Difference) -> bool:
    """Whether what depends on it must not be there meanwhile; when a trigger fires is told its copies as well."""
    return _is_of_other_type(one) or (one.kind == "trigger" and bool(one.changes))


def _grown(one: Difference) -> list[str] | None:
    """The statements that give an enum more values; None where it has some that it shall not have, or others first."""
    if one.kind != "enum" or one.was is None:
        return None
    wanted, there = (_labels(it.facts["values"].value or "") for it in (one.object, one.was))
    rest = iter(wanted)
    if not all(label in rest for label in there):
        return None
    statements, name, before = [], one.object.name, None
    for number, label in enumerate(wanted):
        if label not in there:
            following = next((it for it in wanted[number + 1 :] if it in there), None)
            where = f" AFTER {before}" if before else f" BEFORE {following}" if following else ""
            statements.append(f"ALTER TYPE {name} ADD VALUE {label}{where}")
        before = label
    return statements


def _labels(text: str) -> list[str]:
    return re.findall(r"E?'(?:[^']|'')*'", text)
