"""Which queries of the release that is running a pending file breaks, makes stale, or may break.

They are prepared and planned, never run, on the scratch database: in front of the first pending file, and behind each.
A query that the first look cannot prepare is not judged. What holds is prepared, planned and answered as it was;
functions' bodies are read as words (bodies.py), and who may do what, and row security, are not looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from sqlrail.errors import BadFile
from sqlrail.foresight import bodies
from sqlrail.foresight.bodies import Body, Suspects
from sqlrail.foresight.demands import Demand, demands
from sqlrail.foresight.queries import Query
from sqlrail.ground.names import join
from sqlrail.ground.settings import Settings
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection, connect
from sqlrail.postgres.diagnostics import failure, sentence
from sqlrail.postgres.preparing import Prepared, explain, prepare
from sqlrail.scratch.shapes import Column, Shape, Shapes

if TYPE_CHECKING:
    from sqlrail.results.plan import QueriesResult, QueryResult, QueryVerdict, UnjudgedResult

#: classes of errors of the server's own: resources, operators, the system, what is internal
NOT_THE_QUERY = ("", "08", "40", "53", "54", "55", "57", "58", "XX")
#: what stands in each query that writes a table, and in some others
WRITES = re.compile(rb"(?i)\b(?:INSERT|UPDATE|DELETE|MERGE)\b")


@dataclass(frozen=True)
class Judged:
    """A query that is not as it was behind a file, and why."""

    query: Query
    verdict: QueryVerdict
    says: str

    def as_json(self) -> QueryResult:
        """The same for scripts."""
        query = self.query
        return {
            "query": query.brief,
            "place": query.place,
            "calls": query.calls,
            "verdict": self.verdict,
            "says": self.says,
        }


@dataclass
class Contract:
    """What is known of the queries: how many are judged, why others are not, and what each file does to them."""

    judged: int = 0
    unjudged: list[tuple[Query, str]] = field(default_factory=list)
    #: by the id of a file; None: what runs behind all
    files: dict[str | None, tuple[Judged, ...]] = field(default_factory=dict)

    def as_json(self) -> QueriesResult:
        """The sum for scripts."""
        code = self.files.get(None)
        told: list[UnjudgedResult] = [
            {"query": query.brief, "place": query.place, "why": why} for query, why in self.unjudged
        ]
        return {
            "judged": self.judged,
            "not_judged": told,
            "code": None if code is None else [one.as_json() for one in code],
        }


class _Write(NamedTuple):
    """A table that a query writes, how, and which columns an INSERT leaves out: by their numbers."""

    table: tuple[str, str]
    how: str
    left_out: frozenset[int] = frozenset()


class _Refusal(NamedTuple):
    """Why the server does not take a query, and whether that is for what the query is."""

    says: str
    is_about_query: bool = True


@dataclass(frozen=True)
class _Look:
    """What the server says of a query: types by their names, and what it writes."""

    parameters: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    writes: tuple[_Write, ...] = ()


class QueriesOnScratch:
    """Looks at the queries on a connection of its own to the scratch database."""

    def __init__(self, connection: Connection, queries: Sequence[Query]) -> None:
        self._connection, self.contract = connection, Contract()
        ours = [query for query in queries if query.why is None]
        self.contract.unjudged += [(query, query.why) for query in queries if query.why is not None]
        self._first: list[tuple[Query, _Look]] = []
        for query, found in zip(ours, self._look(ours, [()] * len(ours)), strict=True):
            if isinstance(found, _Look):
                self._first.append((query, found))
            else:
                self.contract.unjudged.append((query, found.says))
        if queries and not self._first:
            query, why = self.contract.unjudged[0]
            raise BadFile(f"--queries: none of its {len(queries)} can be judged; {query.place}: {why}")
        self._last: list[_Look | _Refusal] = [look for _, look in self._first]
        self._labels = self._all_labels()
        self.contract.judged = len(self._first)

    def behind(self, id_: str | None, before: Shapes, after: Shapes) -> None:
        """Judges a file that is committed, in front of which tables looked so, and behind it so."""
        queries, had = [query for query, _ in self._first], self._labels
        looks, self._labels = self._look(queries, self._types()), self._all_labels()
        gone = {name: _gone(labels, self._labels.get(name, labels)) for name, labels in had.items()}
        change = _Change(
            before, after, bodies.read(self._connection), {name: its for name, its in gone.items() if its}
        )
        told = map(change.judge, queries, self._last, looks)
        self.contract.files[id_] = tuple(one for one in told if one)
        self._last = looks

    def _all_labels(self) -> dict[str, list[str]]:
        """The labels of enums, by their types' names."""
        return dict(wire.ask(self._connection, "contract_labels"))

    def _types(self) -> list[tuple[int, ...]]:
        """What the types of each query's parameters are now, which are known by their names."""
        names = sorted({name for _, look in self._first for name in look.parameters})
        oids = dict(wire.ask(self._connection, "contract_named", names=names))
        return [tuple(oids[name] for name in look.parameters) for _, look in self._first]

    def _look(self, queries: Sequence[Query], types: Sequence[Sequence[int]]) -> list[_Look | _Refusal]:
        """What the server says of each, or why it takes it no more."""
        names = [f"sqlrail_query_{number}" for number in range(len(queries))]
        asked = [(name, query.asks, its) for name, query, its in zip(names, queries, types, strict=True)]
        try:
            return self._looked(names, asked)
        except psycopg.Error as exc:
            when = "the queries were being looked at"
            raise failure(self._connection, "the queries cannot be looked at", when, exc) from exc

    def _looked(
        self, names: Sequence[str], asked: Sequence[tuple[str, bytes, Sequence[int]]]
    ) -> list[_Look | _Refusal]:
        prepared = prepare(self._connection, asked)
        good = {name: it for name, it in zip(names, prepared, strict=True) if isinstance(it, Prepared)}
        writing = {name: WRITES.search(text) is not None for name, text, _ in asked}
        explained = explain(self._connection, [self._explaining(*it, writing[it[0]]) for it in good.items()])
        plans = dict(zip(good, explained, strict=True))
        called = self._called([*good.values()])
        wire.ask(self._connection, "contract_forget")
        found = zip(names, prepared, strict=True)
        return [_found(it, plans.get(name), called, may_write=writing[name]) for name, it in found]

    def _explaining(self, name: str, prepared: Prepared, may_write: bool) -> bytes:
        values = f"({', '.join(['NULL'] * len(prepared.parameters))})" if prepared.parameters else ""
        # What is written has to be told column by column; of what is only read that is most of the work.
        look = "contract_explain" if may_write else "contract_plan"
        return wire.message(self._connection, look, query=name.encode(), values=values.encode())

    def _called(self, prepared: Sequence[Prepared]) -> dict[tuple[int, int], str]:
        """The names of all types that are in these, by oid and modifier."""
        asked = sorted(
            {(oid, -1) for described in prepared for oid in described.parameters}
            | {(oid, modifier) for described in prepared for _, oid, modifier in described.columns}
        )
        oids, modifiers = [oid for oid, _ in asked], [modifier for _, modifier in asked]
        rows = wire.ask(self._connection, "contract_types", oids=oids, modifiers=modifiers)
        return {(oid, modifier): name for oid, modifier, name in rows}


@contextmanager
def reading(settings: Settings, queries: Sequence[Query]) -> Iterator[QueriesOnScratch]:
    """Settings that lead to the scratch database, as it is in front of the first pending file."""
    with closing(connect(settings)) as connection:
        wire.ask(connection, "contract_settings")
        yield QueriesOnScratch(connection, queries)


def _found(
    prepared: Prepared | psycopg.Error,
    plan: bytes | psycopg.Error | None,
    called: Mapping[tuple[int, int], str],
    *,
    may_write: bool,
) -> _Look | _Refusal:
    for one in (prepared, plan):
        if isinstance(one, psycopg.Error):
            return _Refusal(sentence(one), (one.sqlstate or "")[:2] not in NOT_THE_QUERY)
    assert isinstance(prepared, Prepared)
    assert isinstance(plan, bytes)
    return _Look(
        tuple(called[oid, -1] for oid in prepared.parameters),
        tuple((name, called[oid, modifier]) for name, oid, modifier in prepared.columns),
        tuple(write for root in _plans(plan) for write in _writes(root)) if may_write else (),
    )


def _plans(explained: bytes) -> list[Mapping[str, Any]]:
    """Those of a query: where rules rewrite it there may be none, several, or a command among them."""
    return [each["Plan"] for each in json.loads(explained) if "Plan" in each]


def _writes(node: Mapping[str, Any]) -> Iterator[_Write]:
    """What the node of a plan, or one below it, writes."""
    below = node.get("Plans", [])
    if node["Node Type"] == "ModifyTable":
        how = node["Operation"]
        left_out = frozenset[int]()
        if how == "Insert":
            (source,) = (one for one in below if one["Parent Relationship"] == "Outer")
            values = enumerate(source.get("Output", []), 1)
            left_out = frozenset(number for number, value in values if value.startswith("NULL::"))
        for target in node.get("Target Tables", [node]):
            yield _Write((target["Schema"], target["Relation Name"]), how, left_out)
    for one in below:
        yield from _writes(one)


@dataclass(frozen=True)
class _News:
    """What a file changes for those who write a table: what they must give now, and what is demanded of it."""

    shape: Shape
    must_give: Mapping[int, Column]
    demands: Sequence[Demand]
    fires: bool  # triggers or rules, which there were not


class _Change:
    """What a file has changed, and what it does to a query."""

    def __init__(
        self, before: Shapes, after: Shapes, found: Sequence[Body], labels: Mapping[str, Sequence[str]]
    ) -> None:
        """found: bodies of functions that are there now. labels: those that enums, by their names, have no more."""
        self._labels = labels
        self._names = {oid: (shape.schema, shape.name) for oid, shape in after.items() if shape}
        self._oids = {name: oid for oid, name in self._names.items()}
        self._news = dict(_news(before, after))
        lacking = [self._oids[name] for name, new in self._news.items() if new.must_give]
        self._suspects = Suspects(found, before, after, lacking)

    def judge(self, query: Query, was: _Look | _Refusal, now: _Look | _Refusal) -> Judged | None:
        """None where the query holds, or had been refused already."""
        if isinstance(was, _Refusal):
            return None
        if isinstance(now, _Refusal):
            return Judged(query, "breaks" if now.is_about_query else "may break", now.says)
        lacks = next(filter(None, map(self._lacks, now.writes)), None)
        if lacks and lacks[0] == "breaks":
            return Judged(query, *lacks)
        if why := self._loses_label(now.parameters) or self._suspects.run_by(
            query.asks.decode(), [self._oids.get(one.table, 0) for one in now.writes]
        ):
            return Judged(query, "may break", why)
        if was.columns != now.columns:
            return Judged(query, "stale", _differs(was.columns, now.columns))
        doubt = lacks or next(filter(None, map(self._may_refuse, now.writes)), None)
        return Judged(query, *doubt) if doubt else None

    def _loses_label(self, types: Iterable[str]) -> str | None:
        """Why a value that an application gives, of one of these types, may be none any more."""
        found = next((name for name in map(_element, types) if name in self._labels), None)
        return found and f"It takes a value of {found}, which has {', '.join(self._labels[found])} no more."

    def _lacks(self, write: _Write) -> tuple[QueryVerdict, str] | None:
        """A column that must have a value from now on, and is given none."""
        new = self._news.get(write.table)
        if new and new.must_give and write.how == "Merge":  # what it inserts is in no plan
            names = ", ".join(column.name for column in new.must_give.values())
            return "may break", f"It writes {join(*write.table)}, where rows that are new must give {names}."
        missing = sorted(write.left_out & new.must_give.keys()) if new else []
        if not new or not missing:
            return None
        column, table = new.must_give[missing[0]].name, new.shape.name
        says = f'null value in column "{column}" of relation "{table}" violates not-null constraint'
        if new.shape.fills:
            return "may break", f"{says}, unless a trigger gives one."
        return "breaks", f"{says}."

    def _may_refuse(self, write: _Write) -> tuple[QueryVerdict, str] | None:
        """Why values that are written may be refused from now on."""
        for table, new in self._news.items():
            for demand in new.demands:
                if self._is_met(write, table, demand):
                    says = f"It writes {join(*write.table)}, {_new(demand, table, write, new.shape)}."
                    return "may break", says
            if write.table == table and new.fires:
                return "may break", f"It writes {join(*table)}, where a trigger or rule is new."
        return None

    def _is_met(self, write: _Write, table: tuple[str, str], demand: Demand) -> bool:
        """Whether what is written has to fit a demand on a table: as its row, or as the row that its key names."""
        if write.table == table and write.how != "Delete":
            return True
        if demand.kind != "foreign key" or demand.constraint is None or write.how == "Insert":
            return False
        return self._names.get(demand.constraint.foreign) == write.table


def _new(demand: Demand, table: tuple[str, str], write: _Write, shape: Shape) -> str:
    """What a row that is written has to fit, as the end of a sentence about its table."""
    names = ", ".join(shape.columns[number].name for number in demand.columns)
    what = f"{demand.kind} {demand.name}" if demand.name else f"{demand.kind} of {names}"
    return f"where {what} is new" if write.table == table else f"which {what} of {join(*table)} names"


def _news(before: Shapes, after: Shapes) -> Iterator[tuple[tuple[str, str], _News]]:
    """Of each table that was there and is, by its name behind the file."""
    for oid, now in after.items():
        was = before.get(oid)
        if not was or not now or was == now:
            continue
        new = demands(_all_in_force(was), _all_in_force(now), {})
        given = {
            number: column
            for number, column in now.columns.items()
            if _must_be_given(column) and not ((old := was.columns.get(number)) and _must_be_given(old))
        }
        known, rules = _rules(was), _rules(now)
        concerning = [
            demand
            for demand in new
            if not was.columns.keys().isdisjoint(demand.columns)
            and (demand.name is None or known.get(demand.name) != rules.get(demand.name))
        ]
        yield (now.schema, now.name), _News(now, given, concerning, now.fires and not was.fires)


def _all_in_force(shape: Shape) -> Shape:
    """A table whose constraints are all valid: for what is written they are."""
    constraints = {oid: replace(one, validated=True) for oid, one in shape.constraints.items()}
    return replace(shape, constraints=constraints)


def _rules(shape: Shape) -> dict[str, object]:
    """What the constraints and indexes of a table say, by their names: a new type has them checked, and leaves them."""
    indexes = {one.name: (one.keys, one.predicate, one.nulls_equal) for one in shape.indexes.values()}
    checks = {check.name: check.expression for one in shape.columns.values() for check in one.domains}
    return {**checks, **indexes, **{one.name: one.definition for one in shape.constraints.values()}}


def _must_be_given(column: Column) -> bool:
    is_filled = column.default is not None or column.generated or column.identity
    return (column.not_null or column.domain_not_null) and not is_filled


def _gone(was: Sequence[str], now: Collection[str]) -> list[str]:
    return [one for one in was if one not in now]


def _element(type_: str) -> str:
    """The type of an array's values; another one is its own."""
    return type_.removesuffix("[]")


def _differs(was: Sequence[tuple[str, str]], now: Sequence[tuple[str, str]]) -> str:
    """How the columns of a result differ, in a sentence."""
    for (name, old), (same, new) in zip(was, now, strict=False):
        if name == same and old != new:
            return f'Column "{name}" of its result is of type {new}, and was of {old}.'
    before, after = [name for name, _ in was], [name for name, _ in now]
    changes = [f'gains column "{name}"' for name in after if name not in before]
    changes += [f'loses column "{name}"' for name in before if name not in after]
    return f"Its result {' and '.join(changes) or 'has its columns in another order'}."
