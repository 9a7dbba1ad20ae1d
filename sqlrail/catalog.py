"""What a database is made of, read from its catalog: objects, and the statements that make, change and drop them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from sys import intern
from typing import Any, NamedTuple

from psycopg.types.string import TextLoader

from sqlrail import wire
from sqlrail.backend import milliseconds
from sqlrail.connect import Connection
from sqlrail.diagnostics import sentence
from sqlrail.errors import ConnectionLost, DatabaseFailed
from sqlrail.settings import Settings
from sqlrail.spelling import as_since_16

#: sql/catalog_<part>.sql in the order in which sql/catalog.sql asks
PARTS = (
    "schemas", "extensions", "types", "domains", "sequences", "functions", "tables", "columns", "constraints",
    "indexes", "views", "triggers", "settings", "aggregates", "operators", "search", "publications", "servers",
    "rest", "comments", "owners", "casts", "privileges", "depends",
)  # fmt: skip
#: sql/catalog_<part>.sql that are parts of those
SHARED = ("options", "enabled", "first")
#: what has columns, or is asked as if it had
RELATIONS = ("table", "view", "materialized view")
#: what has other parts than those have
PARTS_OF = {"domain constraint": "domain", "field": "composite type", "owner": "sequence"}
#: what a new one lets everybody do
EVERYBODY = {
    "function": "EXECUTE", "procedure": "EXECUTE", "aggregate": "EXECUTE", "enum": "USAGE", "range": "USAGE",
    "domain": "USAGE", "composite type": "USAGE",
}  # fmt: skip

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
            self._found = {name: Fact(*rest) for name, *rest in json.loads(self._text)}
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
    """A table, a column, a constraint …; see sql/catalog.sql."""

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
        for it in self.of(["link"]):
            found.setdefault(it.within or "", []).append(it.key)
        return found

    @cached_property
    def dependents(self) -> dict[Key, list[tuple[Key, str]]]:
        """What depends on each, and how."""
        found: dict[Key, list[tuple[Key, str]]] = {}
        for one, needs in self.needs.items():
            for other, how in needs.items() if one in self.objects else ():
                found.setdefault(other, []).append((one, how))
        return found

    def add(self, found: Object) -> None:
        self.objects[found.key] = found

    def of(self, kinds: Collection[str]) -> Iterator[Object]:
        return (it for it in self.objects.values() if it.kind in kinds)

    def without(self, unwanted: Collection[Key]) -> Catalog:
        objects = {key: it for key, it in self.objects.items() if key not in unwanted}
        return Catalog(objects, self.needs, self.owners, self.casts)


def read(connection: Connection, settings: Settings, like: Catalog | None = None) -> Catalog:
    """All that is in the database and neither PostgreSQL's, an extension's, yoyo's nor sqlrail's. Reads only.

    What is the same in `like` is kept once for both.
    """
    ours = wire.message(connection, "catalog_ours")
    shared: dict[str, bytes] = {}
    for part in SHARED:
        shared[part] = wire.message(connection, f"catalog_{part}", **shared)
    parts = {part: wire.message(connection, f"catalog_{part}", ours=ours, **shared) for part in PARTS}
    parts["format"] = wire.message(
        connection, "archive_format"
    )  # or a default would be spelt as the role likes it
    parts["limits"] = look_limits(connection, settings)
    answer = wire.send(connection, wire.message(connection, "catalog", **parts), wire.Answer())
    if answer.error is not None:
        if connection.closed:
            raise ConnectionLost(
                "the connection was lost while the catalog was being read; nothing was changed."
            )
        connection.rollback()
        raise DatabaseFailed(f"the catalog cannot be read: {sentence(answer.error)}")
    # BEGIN and what follows it comes first, COMMIT last.
    del answer.results[: -len(PARTS) - 1]
    connection.adapters.register_loader("json", TextLoader)  # for Facts
    tables, version = answer.pop_tables(), connection.info.server_version
    catalog = Catalog()
    for rows in islice(tables, PARTS.index("comments")):
        for row in rows:
            catalog.add(_shared(_object(row, version), like))
    comments, owners, casts, privileges, depends, _ = tables
    _leave_out_strangers(catalog)
    by_address = {it.address: it for it in catalog.objects.values()}
    for comment in comments:
        _add_comment(catalog, by_address, *comment)
    catalog.owners = {by_address[address].key: role for address, role in owners if address in by_address}
    catalog.casts = set(casts)
    _add_privileges(catalog, by_address, privileges)
    _add_needs(catalog, depends)
    if like is not None:
        for key, needs in catalog.needs.items():
            if needs == like.needs.get(key):
                catalog.needs[key] = like.needs[key]
    return catalog


def look_limits(connection: Connection, settings: Settings) -> bytes:
    """What goes behind the BEGIN of a transaction that only looks."""
    text = wire.message(connection, "look_limits", lock_timeout=milliseconds(settings.lock_timeout))
    return text + (wire.message(connection, "limits_17") if connection.info.server_version >= 170000 else b"")


def _shared(found: Object, like: Catalog | None) -> Object:
    """The same, of the parts of the one that it is like."""
    twin = like.objects.get(found.key) if like else None
    return twin._replace(address=found.address) if twin and twin[1:] == found[1:] else found


def _object(row: tuple[Any, ...], version: int) -> Object:
    address, kind, schema, within, *told, text = row
    read = Facts(text)
    found = Object._make(
        (address, intern(kind), schema and intern(schema), within and intern(within), *told, read)
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
    for key, it in list(catalog.objects.items()):
        if it.home and catalog.objects.keys().isdisjoint(it.home):
            del catalog.objects[key]


def _add_comment(
    catalog: Catalog, by_address: dict[str, Object], address: str, text: str, literal: str,
    relation: str | None, column: str | None,
) -> None:  # fmt: skip
    on = by_address.get(address)
    if on is None and column is not None:  # a view's column
        home = next((it for it in catalog.of(RELATIONS[1:]) if it.name == relation), None)
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


def _label(on: Object, more: str) -> str:
    return more if on.label == (on.within or on.name) else f"{on.label} {more}"


def _add_privileges(catalog: Catalog, by_address: dict[str, Object], rows: list[tuple[Any, ...]]) -> None:
    withheld = {it.key: it for it in catalog.of(EVERYBODY)}
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


def _add_needs(catalog: Catalog, depends: list[tuple[str, str, str]]) -> None:
    by_address = {it.address: it.key for it in catalog.objects.values()}
    homes = {it.name: it.key for it in catalog.of((*RELATIONS, "composite type"))}
    needs = catalog.needs
    for it in catalog.objects.values():
        mine = needs.setdefault(it.key, {})
        if it.kind in ("column", "field") and it.within in homes:
            mine[homes[it.within]] = "a"
        # A view's column is no object of its own.
        home = by_address.get(it.belongs_to) or by_address.get(f"{it.belongs_to.rpartition('/')[0]}/0")
        if it.belongs_to != it.address and home is not None:
            mine[home] = "a"
    for dependent, on, how in depends:
        # What depends on a column of a view depends on the view.
        one, other = (
            by_address.get(it) or by_address.get(f"{it.rpartition('/')[0]}/0") for it in (dependent, on)
        )
        if one and other and one != other and (how != "n" or other not in needs[one]):
            needs[one][other] = how
