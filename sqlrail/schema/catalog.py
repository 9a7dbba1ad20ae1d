"""What a database is made of, read from its catalog: objects, and the statements that make, change and drop them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from sys import intern
from typing import Any, NamedTuple

import psycopg
from psycopg.types.string import TextLoader

from sqlrail.errors import SqlrailError
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import milliseconds
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection
from sqlrail.postgres.diagnostics import failure
from sqlrail.schema.kinds import EVERYBODY, OBJECTS, PARTS, PARTS_OF, RELATIONS, STAGE
from sqlrail.schema.spelling import as_since_16

#: sql/schema/_catalog_<part>.sql that are parts of the queries
SHARED = ("options", "enabled", "first")

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
            self._found = {one[0]: Fact(*one[1:]) for one in json.loads(self._text) if one}
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
        for it in self.of(["link"]):
            found.setdefault(it.within or "", []).append(it.key)
        return found

    @cached_property
    def parents(self) -> set[str]:
        """The tables that others inherit from or are partitions of."""
        return {it.name.removeprefix(f"{it.within} ") for it in self.of(["link"])}

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


class Whole(NamedTuple):
    """What is told apart at once: a table with all that lies in it, or what else goes by the name."""

    schema: str | None
    within: str | None
    name: str


class Digests(NamedTuple):
    """What two databases have to be the same in, without the objects themselves."""

    schemas: frozenset[str]
    wholes: dict[Whole, str]


def read(
    connection: Connection,
    settings: Settings,
    like: Catalog | None = None,
    only: Collection[str] | None = None,
    *,
    making: bool = False,
) -> Catalog:
    """All that is in the database and neither PostgreSQL's, an extension's, yoyo's nor sqlrail's. Reads only.

    What is the same in `like` is kept once for both. With `only`, nothing but the wholes of these names. With
    `making`, what is needed to make it all where nothing is, and no privileges.
    """
    parts = _messages(connection)
    if only is not None:
        names = sorted(only)
        chosen = {it: wire.message(connection, "_catalog_only", part=parts[it], only=names) for it in OBJECTS}
        parts |= chosen
    begin = _begin(connection, settings)
    connection.adapters.register_loader("json", TextLoader)  # for Facts
    reader = _Reader(connection.info.server_version, like, making)
    queries = b";\n".join(parts[part] for part in PARTS)
    text = wire.message(connection, "catalog", begin=begin, queries=queries)
    try:
        with closing(wire.stream(connection, text)) as results:
            for part, rows in zip(PARTS, results, strict=True):
                reader.take(part, rows)
    except psycopg.Error as exc:
        raise _failure(connection, exc) from exc
    return reader.catalog


class _Reader:
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
            found = _object(row, self.version)
            self.catalog.add(_bare(found, self.catalog) if self.making else _shared(found, self.like))

    def _comments(self, rows: Iterator[tuple[Any, ...]]) -> None:
        _leave_out_strangers(self.catalog)
        self.by_address = {it.address: it for it in self.catalog.objects.values()}
        for comment in rows:
            _add_comment(self.catalog, self.by_address, *comment)
        for key, it in self.catalog.objects.items() if self.making else ():
            self.catalog.objects[key] = it._replace(what=None)  # which only comments had to know

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


def _bare(it: Object, catalog: Catalog) -> Object:
    """Of an object what making it needs: of most columns no more than how their table's statement says them."""
    is_column = it.kind == "column"
    if is_column and (it.inherited or it.within in catalog.parents):
        return it  # what its parent's column says is not said again
    needed = {None: it.kind == "constraint", "valid": it.kind == "index"}
    facts = _facts(tuple(one for one in it.facts.items() if needed.get(one[0]) or _is_unusual(one[1])))
    creates = "" if is_column and it.inline is not None else it.creates
    tail = None if it.kind in ("column", "identity", "owner", "sequence") else it.tail
    return it._replace(creates=creates, tail=tail, dropping=None, renames=None, local=None, facts=facts)


@lru_cache(1024)  # most are one of few
def _facts(items: tuple[tuple[str | None, Fact], ...]) -> Mapping[str | None, Fact]:
    return dict(items)


def _is_unusual(fact: Fact) -> bool:
    return fact.initially is not None and fact.value != fact.initially


def digests(settings: Settings, *connections: Connection, privileges: bool) -> list[Digests]:
    """Those of databases, which all work at them at the same time. Reads only."""
    return [
        _digests(answer)
        for answer in _all_at_once({one: _digest(one, settings, privileges) for one in connections})
    ]


def around(settings: Settings, objects: Mapping[Connection, Collection[Object]]) -> set[str]:
    """The names of the wholes of each database's objects, of what depends on these, and of what either need.

    What the statements about these objects follow from is all in them. Reads only.
    """
    asked = {
        connection: _around(connection, settings, [it.address for it in its])
        for connection, its in objects.items()
    }
    return {name for answer in _all_at_once(asked) for (name,) in answer.tables[-2]}


def _all_at_once(asked: Mapping[Connection, bytes]) -> list[wire.Answer]:
    """The answers to messages, at which all servers work at the same time."""
    left = list(asked)
    answers = {connection: wire.Answer() for connection in left}

    def ask() -> None:
        if left:
            connection = left.pop()
            wire.send(connection, asked[connection], answers[connection], meanwhile=ask)

    ask()
    for connection, answer in answers.items():
        if answer.error is not None:
            raise _failure(connection, answer.error)
    return list(answers.values())


def _digest(connection: Connection, settings: Settings, privileges: bool) -> bytes:
    parts = _messages(connection, told=False)
    return wire.message(
        connection,
        "catalog_digest",
        begin=_begin(connection, settings),
        objects=_every_object(parts),
        comments=parts["comments"],
        privileges=parts["privileges"],
        with_privileges=privileges,
    )


def _around(connection: Connection, settings: Settings, addresses: list[str]) -> bytes:
    parts = _messages(connection, told=False)
    return wire.message(
        connection,
        "catalog_around",
        begin=_begin(connection, settings),
        objects=_every_object(parts),
        types=parts["types"],
        depends=parts["depends"],
        addresses=addresses,
    )


def _every_object(parts: Mapping[str, bytes]) -> bytes:
    return b"\nUNION ALL\n".join(parts[part] for part in OBJECTS)


def _digests(answer: wire.Answer) -> Digests:
    """Without those of the parts of tables that are left out: yoyo's, an extension's."""
    rows = answer.tables[-2]
    homes = {whole for _, _, whole, has_parts, _, _ in rows if has_parts}
    return Digests(
        frozenset(schema for schema, *_, is_schema, _ in rows if is_schema),
        {
            Whole(schema, within, whole): digest
            for schema, within, whole, _, _, digest in rows
            if within is None or whole in homes
        },
    )


def _messages(connection: Connection, *, told: bool = True) -> dict[str, bytes]:
    """The query of each part; what it says of a fact but its value is a comment where nobody wants to be told."""
    shared = {"so": b"", "end": b""} if told else {"so": b"/*", "end": b"*/"}
    shared["ours"] = wire.message(connection, "_catalog_ours")
    for part in SHARED:
        shared[part] = wire.message(connection, f"_catalog_{part}", **shared)
    return {part: wire.message(connection, f"_catalog_{part}", **shared) for part in PARTS}


def _begin(connection: Connection, settings: Settings) -> bytes:
    exact = wire.message(connection, "archive_format")  # or a default would be spelt as the role likes it
    limits = look_limits(connection, settings)
    return wire.message(connection, "catalog_begin", format=exact, limits=limits)


def _failure(connection: Connection, error: psycopg.Error) -> SqlrailError:
    if not connection.closed:
        connection.rollback()
    return failure(connection, "the catalog cannot be read", "the catalog was being read", error)


def look_limits(connection: Connection, settings: Settings) -> bytes:
    """What goes behind the BEGIN of a transaction that only looks."""
    text = wire.message(connection, "look_limits", lock_timeout=milliseconds(settings.lock_timeout))
    is_17 = connection.info.server_version >= 170000
    return text + (wire.message(connection, "limits_17", transaction_timeout=0) if is_17 else b"")


def _shared(found: Object, like: Catalog | None) -> Object:
    """The same, of the parts of the one that it is like."""
    twin = like.objects.get(found.key) if like else None
    return twin._replace(address=found.address) if twin and twin[1:] == found[1:] else found


def _object(row: tuple[Any, ...], version: int) -> Object:
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
    for key, it in list(catalog.objects.items()):
        if it.home and catalog.objects.keys().isdisjoint(it.home):
            del catalog.objects[key]


def _add_comment(
    catalog: Catalog, by_address: dict[str, Object], address: str, text: str, literal: str,
    relation: str | None, column: str | None, not_null: str | None,
) -> None:  # fmt: skip
    on = by_address.get(address)
    if on is not None and not_null is not None:
        on, address = _not_null(on, not_null), f"{not_null}/{address}"
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


def _not_null(on: Object, name: str) -> Object:
    """The constraint that a column or a domain may not be null, which is no object of its own."""
    home, kind = on.within or on.name, "constraint" if on.within else "domain constraint"
    what = f"CONSTRAINT {name} ON {'' if on.within else 'DOMAIN '}{home}"
    return on._replace(kind=kind, within=home, name=f"{home}.{name}", label=f"constraint {name}", what=what)


def _label(on: Object, more: str) -> str:
    return more if on.label == (on.within or on.name) else f"{on.label} {more}"


def _add_privileges(catalog: Catalog, by_address: dict[str, Object], rows: Iterable[tuple[Any, ...]]) -> None:
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


def _add_needs(catalog: Catalog, depends: Iterable[tuple[Any, ...]]) -> None:
    by_address = {it.address: key for key, it in catalog.objects.items()}
    homes = {key[1]: key for key in catalog.objects if key[0] in (*RELATIONS, "composite type")}
    needs = catalog.needs
    for key, it in catalog.objects.items():
        mine = needs.setdefault(key, {})
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
