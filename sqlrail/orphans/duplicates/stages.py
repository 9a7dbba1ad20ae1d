"""The queries that find, one on top of the other, which rows go and which say something else; none of them writes.

A look strings them together in one statement; a cleanup keeps each answer in a table of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from psycopg import sql

from sqlrail.ground.unique import Unique
from sqlrail.orphans.duplicates.facts import Facts, Index, Key
from sqlrail.orphans.expressions import column_of, joined, matches, numbered, table
from sqlrail.orphans.session import Session, message


class Stage(NamedTuple):
    """A query, and the name under which those behind it know its answer."""

    name: str
    query: bytes


@dataclass(frozen=True)
class Found:
    """Names of answers."""

    stages: Sequence[Stage]
    gone: dict[int, str]  # rows that go, by table
    referring: dict[int, str]  # rows that refer to them, by the key's number
    pointed: dict[int, str]  # rows that will say something else, by table
    circular: Sequence[int]  # keys whose rows come back to a table that has had its turn


class Finder:
    """Composes the queries; names are made by what is given, for a table of ours or for a part of one statement."""

    def __init__(
        self, session: Session, wanted: Unique, facts: Facts, named: Callable[[str], sql.Composable]
    ) -> None:
        self.session, self.wanted, self.facts, self.named = session, wanted, facts, named
        self.stages: list[Stage] = []
        self.gone: dict[int, str] = {}
        self.referring: dict[int, str] = {}

    def find(self) -> Found:
        """All of them, each behind those that it asks."""
        self._find_first()
        circular = []
        for child in _in_turn(self.facts):
            deciding = [n for n, key in enumerate(self.facts.keys) if self._decides(key, child)]
            self._refer(child)
            early = self._point(f"early_{self._number(child)}", child, deciding)
            self._meet(child, early)
        for n, key in enumerate(self.facts.keys):
            if n not in self.referring:
                if key["child"] in self.gone and self.facts.decides(key):
                    circular.append(n)
                self._add_referring(n, key)
        pointed = {
            child: self._point(f"pointed_{self._number(child)}", child) for child in self.facts.children
        }
        return Found(self.stages, self.gone, self.referring, pointed, circular)

    def _decides(self, key: Key, child: int) -> bool:
        return key["child"] == child and self.facts.decides(key) and key["of"] in self.gone

    def _number(self, table: int) -> int:
        return list(self.facts.tables).index(str(table))

    def _fragment(self, name: str, **parts: Any) -> bytes:
        return message(self.session, name, **parts)

    def _add(self, name: str, query: bytes) -> str:
        self.stages.append(Stage(name, query))
        return name

    # what goes at first

    def _find_first(self) -> None:
        wanted, facts = self.wanted, self.facts
        columns = [column_of("c", column) for column in wanted.columns]
        keys = self._referred(facts.table)
        query = self._fragment(
            "_duplicate_rows",
            table=table(facts.of(facts.table)),
            columns=joined(", ", columns),
            present=all_there(columns),
            order=self._order(),
            **_carrying(*2 * [[column_of("c", key) for key in keys]]),
        )
        self.gone[facts.table] = self._add(f"gone_{self._number(facts.table)}", query)

    def _order(self) -> sql.Composable:
        wanted, primary = self.wanted, self.facts.of(self.facts.table)["primary_key"]
        first, last = ("DESC NULLS LAST", "DESC") if wanted.keeps_newest else ("ASC NULLS FIRST", "ASC")
        parts = [sql.SQL("{} {}").format(column_of("c", wanted.by), sql.SQL(first))]
        parts += [sql.SQL("{} {}").format(column_of("c", column), sql.SQL(last)) for column in primary]
        return joined(", ", parts)

    def _referred(self, of: int) -> list[str]:
        """The columns of a table that keys refer to."""
        return list(dict.fromkeys(name for key in self.facts.keys if key["of"] == of for name in key["keys"]))

    # what refers to it

    def _refer(self, child: int) -> None:
        for n, key in enumerate(self.facts.keys):
            if self._decides(key, child):
                self._add_referring(n, key)

    def _add_referring(self, n: int, key: Key) -> None:
        referred = self._referred(key["of"])
        old, new = ([column_of("gone", f"{letter}{referred.index(name) + 1}") for name in key["keys"]]
                    for letter in "gk")  # fmt: skip
        values = (
            sql.SQL(", {}::{} AS {}").format(value, sql.SQL(type_), sql.Identifier(f"v{m}"))
            for m, (value, type_) in enumerate(zip(new, key["types"], strict=True), 1)
        )
        query = self._fragment(
            "_duplicate_referring",
            values=joined("", values),
            gone=self.named(self.gone[key["of"]]),
            child=table(self.facts.of(key["child"])),
            matches=matches(old, key["operators"], [column_of("c", column) for column in key["columns"]]),
        )
        self.referring[n] = self._add(f"referring_{n}", query)

    # what it says then

    def _point(self, name: str, child: int, only: Sequence[int] | None = None) -> str:
        numbers = [
            n for n, key in enumerate(self.facts.keys) if key["child"] == child and n in self.referring
        ]
        numbers = [n for n in numbers if only is None or n in only]
        columns = pointed_columns(self.facts, child)
        values = (
            sql.SQL(", {} AS {}").format(self._value(column, type_, numbers), sql.Identifier(f"v{m}"))
            for m, (column, type_) in enumerate(columns.items(), 1)
        )
        places = (self._fragment("_duplicate_place", rows=self.named(self.referring[n])) for n in numbers)
        keys = (
            self._fragment(
                "_duplicate_by_key", rows=self.named(self.referring[n]), alias=sql.Identifier(f"key_{n}")
            )
            for n in numbers
        )
        query = self._fragment(
            "_duplicate_pointed",
            values=joined("", values),
            places=b" UNION ".join(places),
            child=table(self.facts.of(child)),
            keys=b"\n".join(keys),
            stays=self._stays(child, "place") if child in self.gone else sql.SQL("true"),
        )
        return self._add(name, query)

    def _value(self, column: str, type_: str, numbers: Iterable[int]) -> sql.Composable:
        by_key = (
            sql.SQL(" WHEN {0}.part IS NOT NULL THEN {0}.{1}").format(
                sql.Identifier(f"key_{n}"),
                sql.Identifier(f"v{self.facts.keys[n]['columns'].index(column) + 1}"),
            )
            for n in numbers
            if column in self.facts.keys[n]["columns"]
        )
        own = sql.SQL("{}::{}").format(column_of("c", column), sql.SQL(type_))
        cases = joined("", by_key)
        return sql.SQL("CASE{} ELSE {} END").format(cases, own) if cases.as_string() else own

    def _stays(self, table: int, row: str) -> bytes:
        return self._fragment("_duplicate_stays", gone=self.named(self.gone[table]), row=sql.Identifier(row))

    # what goes in turn

    def _meet(self, child: int, early: str) -> None:
        number = self._number(child)
        for n, index in enumerate(self.facts.indexes_of(child)):
            met = self._add(f"met_{number}_{n}", self._met(index, early))
            earlier = self.gone.get(child)
            if earlier is None:
                self.gone[child] = met
                continue
            referred = numbered("k", self._referred(child))
            olds = [sql.SQL(", one.{}").format(name) for name in numbered("g", referred)]
            news = [
                sql.SQL(", CASE WHEN next.part IS NULL THEN one.{0} ELSE next.{0} END AS {0}").format(name)
                for name in referred
            ]
            merged = self._fragment(
                "_duplicate_merged",
                gone=self.named(earlier),
                met=self.named(met),
                merged=joined("", [*olds, *news]),
                carried=joined(
                    "", (sql.SQL(", {}").format(name) for name in [*numbered("g", referred), *referred])
                ),
            )
            self.gone[child] = self._add(f"gone_{number}_{n}", merged)

    def _met(self, index: Index, early: str) -> bytes:
        facts, child = self.facts, index["table"]
        described, referred = facts.of(child), self._referred(child)
        names = [f"u{n}" for n, _ in enumerate(index["expressions"], 1)]
        equal = (
            _equal(left, how, right, nulls_equal=index["nulls_equal"])
            for left, how, right in zip(
                [column_of("changed", name) for name in names],
                index["operators"],
                [column_of("seen", name) for name in names],
                strict=True,
            )
        )
        stays = self._stays(child, "seen") if child in self.gone else sql.SQL("true")
        parts = {
            "changed": self._seen(index, self._as_pointed(child, early), numbered("sqlrail_g", referred)),
            "there": self._seen(
                index,
                sql.SQL("{} AS c").format(table(described)),
                [column_of("c", name) for name in referred],
            ),
            "equal": joined(" AND ", equal),
            "stays": stays,
            "is_unchanged": self._fragment(
                "_duplicate_stays", gone=self.named(early), row=sql.Identifier("seen")
            ),
            "indexed": joined(", ", (column_of("c", name) for name in names)),
            "order": joined(
                ", ", (column_of("c", f"p{n}") for n, _ in enumerate(described["primary_key"], 1))
            )
            if described["primary_key"]
            else sql.SQL("part, tid"),
        }
        olds, news = ([column_of("c", f"{letter}{n}") for n, _ in enumerate(referred, 1)] for letter in "gk")
        return self._fragment("_duplicate_met", **parts, **_carrying(olds, news))

    def _seen(self, index: Index, rows: sql.Composable | bytes, referred: Sequence[sql.Composable]) -> bytes:
        expressions = [sql.SQL("({})").format(sql.SQL(it)) for it in index["expressions"]]
        collated = [
            sql.SQL("{} COLLATE {}").format(it, sql.Identifier(*how[4:])) if all(how[4:]) else it
            for it, how in zip(expressions, index["operators"], strict=True)
        ]
        primary = [column_of("c", name) for name in self.facts.of(index["table"])["primary_key"]]
        now = [column_of("c", name) for name in self._referred(index["table"])]
        columns = [
            *map(sql.SQL(", {} AS {}").format, collated, numbered("u", collated)),
            *map(sql.SQL(", {} AS {}").format, primary, numbered("p", primary)),
            *map(sql.SQL(", {} AS {}").format, referred, numbered("g", referred)),
            *map(sql.SQL(", {} AS {}").format, now, numbered("k", now)),
        ]
        present = [] if index["nulls_equal"] else [all_there(expressions)]
        present += [sql.SQL("({})").format(sql.SQL(index["predicate"]))] if index["predicate"] else []
        return self._fragment(
            "_duplicate_seen",
            columns=joined("", columns),
            rows=rows,
            present=joined(" AND ", present) if present else sql.SQL("true"),
        )

    def _as_pointed(self, child: int, early: str) -> bytes:
        described, pointed = self.facts.of(child), list(pointed_columns(self.facts, child))
        columns = [
            sql.SQL(", v.{} AS {}").format(
                sql.Identifier(f"v{pointed.index(name) + 1}"), sql.Identifier(name)
            )
            if name in pointed
            else sql.SQL(", {}").format(column_of("c", name))
            for name in described["columns"]
        ]
        referred = self._referred(child)
        olds = [column_of("c", name) for name in referred]
        columns += map(sql.SQL(", {} AS {}").format, olds, numbered("sqlrail_g", referred))
        return self._fragment(
            "_duplicate_as_pointed",
            columns=joined("", columns),
            pointed=self.named(early),
            child=table(described),
        )


def pointed_columns(facts: Facts, child: int) -> dict[str, str]:
    """The columns of a table that keys may have say something else, each with its type."""
    return {
        column: type_
        for key in facts.keys
        if key["child"] == child
        for column, type_ in zip(key["columns"], key["types"], strict=True)
    }


def all_there(values: Sequence[sql.Composable]) -> sql.Composable:
    """Whether none of the values is null."""
    # IS NOT NULL means another thing of a composite.
    return joined(" AND ", map(sql.SQL("{} IS DISTINCT FROM NULL").format, values))


def _carrying(olds: Sequence[sql.Composable], news: Sequence[sql.Composable]) -> dict[str, sql.Composable]:
    """What keys refer to, of each row that goes and of the one that stays, within a window and outside of it."""
    names, kept = numbered("g", olds), numbered("k", news)
    inner = [
        sql.SQL(", {} AS {}, pg_catalog.first_value({}) OVER same AS {}").format(old, name, new, stays)
        for old, name, new, stays in zip(olds, names, news, kept, strict=True)
    ]
    return {
        "carrying": joined("", inner),
        "carried": joined("", (sql.SQL(", {}").format(name) for name in [*names, *kept])),
    }


def _equal(
    left: sql.Composable, how: Sequence[str], right: sql.Composable, *, nulls_equal: bool
) -> sql.Composable:
    same = matches([left], [[*how[:4], None, None]], [right])  # type: ignore[list-item]
    if not nulls_equal:
        return same
    return sql.SQL("({0} OR pg_catalog.num_nulls({1}, {2}) = 2)").format(same, left, right)


def _in_turn(facts: Facts) -> list[int]:
    """Tables that lose rows in turn: each behind those whose keys decide about its rows, unless in a circle."""
    waiting = [oid for oid in facts.affected if oid != facts.table]
    done, ordered = {facts.table}, list[int]()
    while waiting:
        free = [
            oid
            for oid in waiting
            if all(
                key["of"] in done
                for key in facts.keys
                if key["child"] == oid and key["of"] != oid and facts.decides(key)
            )
        ]
        chosen = free or waiting[:1]  # a circle begins anywhere
        ordered += chosen
        done.update(chosen)
        waiting = [oid for oid in waiting if oid not in chosen]
    return ordered
