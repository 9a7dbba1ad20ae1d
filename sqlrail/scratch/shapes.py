"""What tables look like at a moment of the rehearsal: columns, constraints, indexes, partition bounds.

Columns are known by their numbers, which a rename or another type leaves as they are; constraints and indexes by their
oids, which are new where PostgreSQL makes them anew. Expressions name whatever is not PostgreSQL's own with its schema.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from psycopg import errors as pg
from psycopg import sql
from psycopg.pq import TransactionStatus

from sqlrail.engine.store import Store
from sqlrail.ground.names import NAME, plain
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection
from sqlrail.scratch.seen import LOCKS, MODES, Held, States, ask, tables_of

#: what a statement begins with that leaves the catalog as it is
PLAIN = (
    "INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "TRUNCATE", "SET", "RESET", "SHOW", "LOCK", "ANALYZE", "VACUUM",
    "COMMENT", "GRANT", "REVOKE", "SAVEPOINT", "RELEASE", "VALUES", "EXPLAIN", "NOTIFY", "LISTEN", "DECLARE", "FETCH",
    "CLOSE", "BEGIN", "START", "CHECKPOINT", "SECURITY", "DISCARD", "REFRESH", "PREPARE", "DEALLOCATE",
)  # fmt: skip
#: what may change tables that its text does not name
FAR = {"TYPE", "DOMAIN", "FUNCTION", "PROCEDURE", "ROUTINE", "EXTENSION", "SCHEMA", "OWNED"}
#: the weakest lock under which a table's shape is changed
CHANGING = MODES.index("SHARE UPDATE EXCLUSIVE")

T = TypeVar("T")


def made(type_: type[T], said: Mapping[str, Any]) -> T:
    """Of what the catalog says; lists become tuples, those of objects of the given type."""
    return type_(**{it.name: _frozen(it.type, said[it.name]) for it in fields(type_)})  # type: ignore[arg-type]


def _frozen(type_: Any, value: Any) -> Any:
    if not isinstance(value, list):
        return value
    inner = {"tuple[Lean, ...]": Lean, "tuple[DomainCheck, ...]": DomainCheck}.get(type_)
    return tuple(made(inner, one) for one in value) if inner else tuple(value)


@dataclass(frozen=True)
class Lean:
    """A type, function, operator or the like, not PostgreSQL's own, on which something leans."""

    catalog: str
    oid: int
    name: str  # with its schema
    kind: str | None  # of a type: e for an enum, d for a domain …
    state: str | None  # of a type: what it is made of
    labels: tuple[str, ...]  # of an enum
    extension: bool


@dataclass(frozen=True)
class DomainCheck:
    """A check of a column's domain, or of one below it."""

    oid: int
    name: str
    domain: str
    expression: str
    validated: bool
    leans: tuple[Lean, ...]


@dataclass(frozen=True)
class Column:
    """A column; its base is its type's, behind domains, and its modifier such as a length."""

    number: int
    name: str
    type: str
    type_oid: int
    modifier: int
    kind: str
    base: int
    collation: str | None  # None: the database's own, or none
    not_null: bool
    default: str | None  # or what generates it
    generated: str  # s stored, v virtual, or empty
    identity: str
    leans: tuple[Lean, ...]
    domains: tuple[DomainCheck, ...]
    domain_not_null: bool


@dataclass(frozen=True)
class Constraint:
    """A constraint; its kind is pg_constraint's contype: c, f, p, u, x."""

    oid: int
    kind: str
    name: str
    definition: str
    expression: str | None
    validated: bool
    enforced: bool
    columns: tuple[int, ...]
    index: int
    foreign: int  # the other table, 0 where there is none
    foreign_columns: tuple[int, ...]
    match: str
    period: bool
    of_partition: bool  # it repeats, for a partition that is referenced, what another says
    operators: tuple[str, ...]
    leans: tuple[Lean, ...]


@dataclass(frozen=True)
class Index:
    """An index; its keys are names or expressions, their attributes 0 where they are expressions."""

    oid: int
    name: str
    unique: bool
    valid: bool
    primary: bool
    excludes: bool
    method: str
    nulls_equal: bool
    predicate: str | None
    attributes: tuple[int, ...]
    keys: tuple[str, ...]
    collations: tuple[str | None, ...]
    types: tuple[int, ...]
    usual: bool  # whether its operator classes find equal what = does
    leans: tuple[Lean, ...]


@dataclass(frozen=True)
class Shape:
    """A table; fires is whether a write to it runs triggers or rules, fills whether these may change a new row."""

    oid: int
    schema: str
    name: str
    kind: str  # r, or p for a partitioned one
    bound: str | None
    is_default: bool  # of its whole: the partition of what no other takes
    parents: tuple[int, ...]
    fires: bool
    fills: bool
    columns: Mapping[int, Column]
    constraints: Mapping[int, Constraint]
    indexes: Mapping[int, Index]

    @classmethod
    def of(cls, oid: int, said: Mapping[str, Any]) -> Shape:
        """Of what _plan_shapes.sql says of it."""
        columns = {it["number"]: made(Column, it) for it in said["columns"]}
        constraints = {it["oid"]: made(Constraint, it) for it in said["constraints"]}
        indexes = {it["oid"]: made(Index, it) for it in said["indexes"]}
        rest = {key: said[key] for key in ("schema", "name", "kind", "bound", "is_default", "fires", "fills")}
        return cls(
            oid,
            parents=tuple(said["parents"]),
            columns=columns,
            constraints=constraints,
            indexes=indexes,
            **rest,
        )

    @property
    def names(self) -> Iterator[str]:
        """By which a statement may mean it: its own, and its indexes'."""
        yield self.name
        yield from (one.name for one in self.indexes.values())

    @property
    def others(self) -> Iterator[int]:
        """Tables that it is a part of, or that its keys are about."""
        yield from self.parents
        yield from (one.foreign for one in self.constraints.values() if one.foreign)


#: None is a table that is not there any more
Shapes = dict[int, Shape | None]


def names_in(text: str) -> set[str]:
    """All names that a text may hold, as the catalog has them."""
    return {plain(name) for name in re.findall(NAME, text)}


class _Where:
    """Which tables a name may mean, and which belong to another: so that no statement has to ask them all."""

    def __init__(self) -> None:
        self.by_name: defaultdict[str, set[int]] = defaultdict(set)
        self.parts: defaultdict[int, set[int]] = defaultdict(set)

    def learn(self, shape: Shape) -> None:
        for name in shape.names:
            self.by_name[name].add(shape.oid)
        for other in shape.others:
            self.parts[other].add(shape.oid)

    def forget(self, shape: Shape) -> None:
        for name in shape.names:
            self.by_name[name].discard(shape.oid)
        for other in shape.others:
            self.parts[other].discard(shape.oid)

    def all_below(self, oids: set[int]) -> set[int]:
        """These, their partitions and children, and the tables whose keys are about any of them."""
        found, new = set(oids), set(oids)
        while new:
            new = {below for oid in new for below in self.parts.get(oid, ())} - found
            found |= new
        return found


class Snapshots:
    """The shapes of the tables that were there before the first pending file, kept up to date."""

    def __init__(
        self, store: Store, connection: Connection, watched: Collection[int], *, is_pooled: bool = False
    ) -> None:
        self._store, self._is_pooled = store, is_pooled
        #: before the first pending file: the tables; the newest object; what each type is made of
        self.first: dict[int, Shape] = {}
        self.newest, self.states = 0, dict[str, str]()
        if watched:
            text = store.message("plan_types", ours=store.message("ours"), state=store.message("_type_state"))
            self.newest, self.states = next(row for rows in ask(connection, text) for row in rows)
            self.first = {oid: shape for oid, shape in self._read(connection, watched).items() if shape}
        self.now: Shapes = dict(self.first)
        self._where = _Where()
        for shape in self.first.values():
            self._where.learn(shape)

    def look(self, connection: Connection, oids: Collection[int]) -> Shapes:
        """The shapes, among these tables, that are others than at the last look."""
        known = [oid for oid in oids if oid in self.first]
        found = self._read(connection, known) if known else {}
        changed = {oid: shape for oid, shape in found.items() if shape != self.now[oid]}
        self.set_back(changed)
        return changed

    def set_back(self, shapes: Shapes) -> None:
        """Takes these for what is there now."""
        for oid, shape in shapes.items():
            if before := self.now[oid]:
                self._where.forget(before)
            if shape:
                self._where.learn(shape)
        self.now |= shapes

    def concerned(self, words: tuple[str, ...], text: str, newly: set[int], held: set[int]) -> set[int]:
        """The tables whose shape a statement may have changed: newly locked by it, or locked and meant by its text."""
        if words[:1] and words[0] in PLAIN:
            return set()
        is_far = not words or words[0] not in ("ALTER", "CREATE", "DROP") or set(words[1:2]) & FAR
        names = names_in(text)
        if is_far or "cascade" in names:
            return held | newly
        named = self._where.all_below({oid for name in names for oid in self._where.by_name.get(name, ())})
        # What is done to an index alone locks no table, nor does what runs in no transaction by its end.
        is_locked = "INDEX" not in words[1:3] and "concurrently" not in names
        return newly | (named & held if is_locked else named)

    def _read(self, connection: Connection, oids: Collection[int]) -> Shapes:
        """As seen from a session, in its transaction or between two."""
        said = self._said(connection, list(oids), is_brief=not self._is_pooled)
        if leaning := [oid for oid, it in said.items() if _is_open(it)]:
            said |= self._said(connection, leaning, is_brief=False)
        return {oid: Shape.of(oid, said[oid]) if oid in said else None for oid in oids}

    def _said(self, connection: Connection, oids: list[int], *, is_brief: bool) -> dict[int, dict[str, Any]]:
        """What the catalog says of each table; brief: not on what it leans, which takes most of the time."""
        tables = self._ask(connection, oids, is_brief=is_brief)
        return {row[0]: row[1] for table in tables for row in table if len(row) == 2}

    def _ask(self, connection: Connection, oids: list[int], *, is_brief: bool) -> list[list[tuple[Any, ...]]]:
        is_within, store = mid_transaction(connection), self._store
        name = "plan_shapes_within" if is_within else "plan_shapes_between"
        ours = store.message("ours")
        if self._is_pooled:  # where the next message may meet another session
            shapes = self._question(sql.Literal(oids), is_brief=is_brief) + b";"
            return ask(connection, store.message(name, ours=ours, shapes=shapes))
        kept_as = sql.Identifier("sqlrail_brief_shapes" if is_brief else "sqlrail_shapes")
        execute = store.message("plan_shapes_execute", kept=kept_as, tables=oids)
        kept = wire.send(connection, store.message(name, ours=ours, shapes=execute), wire.Answer())
        if not isinstance(kept.error, pg.InvalidSqlStatementName):
            return tables_of(connection, kept)
        wire.send(
            connection, store.message("plan_shapes_unkept") if is_within else b"ROLLBACK", wire.Answer()
        )
        question = self._question(sql.SQL("$1"), is_brief=is_brief)
        prepare = store.message("plan_shapes_prepare", kept=kept_as, shapes=question)
        return ask(connection, store.message(name, ours=ours, shapes=prepare + execute))

    def _question(self, tables: sql.Composable, *, is_brief: bool) -> bytes:
        store = self._store

        def leans(catalog: str, expression: str) -> bytes:
            return leans_of(store, catalog, expression.encode(), is_brief=is_brief)

        of_type = b"NULL" if is_brief else store.message("_type_leaning", state=store.message("_type_state"))
        return store.message(
            "_plan_shapes",
            tables=tables,
            of_default=leans("pg_attrdef", "d.oid"),
            of_check=leans("pg_constraint", "k.oid"),
            of_constraint=leans("pg_constraint", "k.oid"),
            of_index=leans("pg_class", "x.indexrelid"),
            of_type=store.message("_type_leans", leaning=of_type),
        )


def leans_of(store: Store, catalog: str, object_: bytes, *, is_brief: bool = False) -> bytes:
    """An expression for what an object leans on; brief: null where that is anything."""
    parts: dict[str, Any] = {"catalog": catalog, "object": object_}
    state = store.message("_type_state")
    leaning = b"NULL" if is_brief else store.message("_leaning", **parts, state=state)
    return store.message("_leans", **parts, leaning=leaning)


def _is_open(said: Mapping[str, Any]) -> bool:
    """Whether it was not asked on what something of a table leans."""
    domains = [check for column in said["columns"] for check in column["domains"]]
    return any(
        it["leans"] is None for it in (*said["columns"], *domains, *said["constraints"], *said["indexes"])
    )


def locked(held: Held) -> set[int]:
    """The tables on which a transaction has a lock under which they are changed."""
    parts = (item.split(":") for item in held.relations)
    return {int(oid) for oid, mode, *_ in parts if LOCKS[mode] >= CHANGING}


def locked_by(states: States) -> set[int]:
    """The same, of what a session says of all that is watched."""
    return {oid for oid, state in states.items() if state.lock >= CHANGING}


def mid_transaction(connection: Connection) -> bool:
    """Whether the session is in a transaction, which a look leaves as it was."""
    return connection.info.transaction_status == TransactionStatus.INTRANS
