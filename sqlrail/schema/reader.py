"""Puts a catalog together from the rows that its queries return."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from sys import intern
from typing import Any

from sqlrail.schema.kinds import EVERYBODY, OBJECTS, RELATIONS, STAGE
from sqlrail.schema.objects import Catalog, Fact, Facts, Object
from sqlrail.schema.placing import KIND as PLACE
from sqlrail.schema.placing import TOGETHER
from sqlrail.schema.spelling import as_since_16


class Reader:
    """Puts a catalog together while its parts come in."""

    def __init__(self, version: int, like: Catalog | None, making: bool) -> None:
        self.version, self.like, self.making = version, like, making
        self.catalog = Catalog()
        self.by_address: dict[str, Object] = {}

    def take(self, part: str, rows: Iterator[tuple[Any, ...]]) -> None:
        if part in OBJECTS:
            self._objects(rows)
        else:
            getattr(self, f"_{part}")(rows)

    def _objects(self, rows: Iterator[tuple[Any, ...]]) -> None:
        for row in rows:
            found = object_of(row, self.version)
            self.catalog.add(_bare(found, self.catalog) if self.making else _shared(found, self.like))

    def _groups(self, rows: Iterator[tuple[Any, ...]]) -> None:
        """The names of all tables of a group, in one text for all of them, stand where its digest stood."""
        names = {digest: intern(text) for digest, text in rows}
        for obj in [*self.catalog.of([PLACE])] if names else ():
            if TOGETHER in obj.facts:
                group = obj.facts[TOGETHER]
                facts = {**obj.facts, TOGETHER: group._replace(value=names[group.value])}
                self.catalog.objects[obj.key] = obj._replace(facts=facts)

    def _comments(self, rows: Iterator[tuple[Any, ...]]) -> None:
        _leave_out_strangers(self.catalog)
        self.by_address = {obj.address: obj for obj in self.catalog.objects.values()}
        for comment in rows:
            _add_comment(self.catalog, self.by_address, *comment)
        for key, obj in self.catalog.objects.items() if self.making else ():
            self.catalog.objects[key] = obj._replace(what=None)  # which only comments had to know

    def _owners(self, rows: Iterator[tuple[Any, ...]]) -> None:
        by = self.by_address
        self.catalog.owners = {by[address].key: role for address, role in rows if address in by}

    def _casts(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self.catalog.casts = {(source, target) for source, target in rows}

    def _privileges(self, rows: Iterator[tuple[Any, ...]]) -> None:
        if not self.making:
            _add_privileges(self.catalog, self.by_address, rows)
        self.by_address = {}

    def _depends(self, rows: Iterator[tuple[Any, ...]]) -> None:
        _add_needs(self.catalog, rows)
        if self.like is None:
            return
        for key, needs in self.catalog.needs.items():
            if needs == self.like.needs.get(key):
                self.catalog.needs[key] = self.like.needs[key]


def _bare(obj: Object, catalog: Catalog) -> Object:
    """Of an object what making it needs: of most columns no more than how their table's statement says them."""
    is_column = obj.kind == "column"
    if obj.kind == PLACE or (is_column and (obj.inherited or obj.within in catalog.parents)):
        return obj  # what its parent's column says is not said again, nor where the others of a group lie
    needed = {None: obj.kind == "constraint", "valid": obj.kind == "index"}
    facts = _facts(tuple(fact for fact in obj.facts.items() if needed.get(fact[0]) or _is_unusual(fact[1])))
    creates = "" if is_column and obj.inline is not None else obj.creates
    tail = None if obj.kind in ("column", "identity", "owner", "sequence") else obj.tail
    return obj._replace(creates=creates, tail=tail, dropping=None, renames=None, local=None, facts=facts)


@lru_cache(1024)  # most are one of few
def _facts(items: tuple[tuple[str | None, Fact], ...]) -> Mapping[str | None, Fact]:
    return dict(items)


def _is_unusual(fact: Fact) -> bool:
    return fact.initially is not None and fact.value != fact.initially


def _shared(found: Object, like: Catalog | None) -> Object:
    """The same, of the parts of the one that it is like."""
    twin = like.objects.get(found.key) if like else None
    return twin._replace(address=found.address) if twin and twin[1:] == found[1:] else found


def object_of(row: tuple[Any, ...], version: int) -> Object:
    address, kind, schema, within, name, label, *told, text = row
    assert kind in STAGE, f"{kind} is not in schema/kinds.py"
    read = Facts(text)
    found = Object._make(
        (
            address,
            intern(kind),
            schema and intern(schema),
            within and intern(within),
            name,
            intern(label),
            *told,
            read,
        )
    )
    if found.kind not in ("view", "materialized view"):
        return found
    facts = dict(read)
    definition = facts["definition"].value or ""
    if version < 160000:
        definition = as_since_16(definition)
    for name in ("options", "definition"):
        sets = facts[name].sets
        facts[name] = Fact(
            definition if name == "definition" else facts[name].value, sets and sets + definition
        )
    return found._replace(creates=found.creates + definition, facts=facts)


def _leave_out_strangers(catalog: Catalog) -> None:
    """Parts of tables that were left out: yoyo's, an extension's."""
    for key, obj in list(catalog.objects.items()):
        if obj.home and catalog.objects.keys().isdisjoint(obj.home):
            del catalog.objects[key]


def _add_comment(
    catalog: Catalog, by_address: dict[str, Object], address: str, text: str, literal: str,
    relation: str | None, column: str | None, not_null: str | None,
) -> None:  # fmt: skip
    on = by_address.get(address)
    if on is not None and not_null is not None:
        on, address = _not_null(on, not_null), f"{not_null}/{address}"
    if on is None and column is not None:  # a view's column
        home = next((obj for obj in catalog.of(RELATIONS[1:]) if obj.name == relation), None)
        on = home and home._replace(kind="column", name=f"{relation}.{column}", label=column,
                                    what=f"COLUMN {relation}.{column}")  # fmt: skip
    if on is None or on.what is None or on.kind == "extension":
        return
    sets = f"COMMENT ON {on.what} IS {literal}"
    catalog.add(
        Object(
            f"comment/{address}", "comment", on.schema, on.within, f"{on.kind} {on.name}", _label(on, "comment"), None,
            sets, dropping=f"COMMENT ON {on.what} IS NULL", facts={None: Fact(text, sets)},
        )
    )  # fmt: skip


def _not_null(on: Object, name: str) -> Object:
    """The constraint that a column or a domain may not be null, which is no object of its own."""
    home, kind = on.within or on.name, "constraint" if on.within else "domain constraint"
    what = f"CONSTRAINT {name} ON {'' if on.within else 'DOMAIN '}{home}"
    return on._replace(kind=kind, within=home, name=f"{home}.{name}", label=f"constraint {name}", what=what)


def _label(on: Object, more: str) -> str:
    return more if on.label == (on.within or on.name) else f"{on.label} {more}"


def _add_privileges(catalog: Catalog, by_address: dict[str, Object], rows: Iterable[tuple[Any, ...]]) -> None:
    withheld = {obj.key: obj for obj in catalog.of(EVERYBODY)}
    for address, column, grantee, privilege, grantable in rows:
        on = by_address.get(address)
        if on is None or on.what is None:
            continue
        if grantee == "PUBLIC" and privilege == EVERYBODY.get(on.kind):
            withheld.pop(on.key, None)
            continue
        of = f"{privilege} ({column})" if column else privilege
        grant = f"GRANT {of} ON {_granted_on(on)} TO {grantee}"
        with_option = f"{grant} WITH GRANT OPTION" if grantable else grant
        revoke = f"REVOKE {of} ON {_granted_on(on)} FROM {grantee}"
        facts: dict[str | None, Fact] = {"may be passed on": Fact("yes" if grantable else "no", None)}
        _add_privilege(catalog, on, f"{of} for {grantee}", with_option, revoke, facts)
    for on in withheld.values():
        text = f"{EVERYBODY[on.kind]} ON {_granted_on(on)}"
        _add_privilege(
            catalog,
            on,
            f"{EVERYBODY[on.kind]} for owners only",
            f"REVOKE {text} FROM PUBLIC",
            f"GRANT {text} TO PUBLIC",
            {},
        )


def _add_privilege(
    catalog: Catalog, on: Object, name: str, grant: str, revoke: str, facts: dict[str | None, Fact]
) -> None:
    catalog.add(
        Object(
            f"privilege {name}/{on.address}", "privilege", on.schema, on.within or on.name,
            f"{on.kind} {on.name} {name}", _label(on, f"privilege {name}"), None, grant, dropping=revoke, facts=facts,
        )
    )  # fmt: skip


def _granted_on(on: Object) -> str:
    if on.kind == "aggregate":
        return f"FUNCTION {on.name}"
    return f"TABLE {on.name}" if on.kind in RELATIONS else str(on.what)


def _add_needs(catalog: Catalog, depends: Iterable[tuple[Any, ...]]) -> None:
    by_address = {obj.address: key for key, obj in catalog.objects.items()}
    homes = {key[1]: key for key in catalog.objects if key[0] in (*RELATIONS, "composite type")}
    needs = catalog.needs
    for key, obj in catalog.objects.items():
        mine = needs.setdefault(key, {})
        if obj.kind in ("column", "field") and obj.within in homes:
            mine[homes[obj.within]] = "a"
        # A view's column is no object of its own.
        home = by_address.get(obj.belongs_to) or by_address.get(f"{obj.belongs_to.rpartition('/')[0]}/0")
        if obj.belongs_to != obj.address and home is not None:
            mine[home] = "a"
    for dependent, on, how in depends:
        # What depends on a column of a view depends on the view.
        one, other = (
            by_address.get(obj) or by_address.get(f"{obj.rpartition('/')[0]}/0") for obj in (dependent, on)
        )
        if one and other and one != other and (how != "n" or other not in needs[one]):
            needs[one][other] = how
