"""The cleanup against a brute-force oracle: random tables, keys and rows; the same rows go, the same rows stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from conftest import fresh_database, majors
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from samples import EXAMPLES
from test_cleanup import settings

from sqlrail.ground.events import nobody
from sqlrail.ground.relation import Relation
from sqlrail.orphans import indexed, placed
from sqlrail.server.local import Server
from sqlrail.verbs import cleanup as room

pytestmark = pytest.mark.promise

Connection = psycopg.Connection[Any]
Row = dict[str, int | None]


@dataclass(frozen=True)
class Link:
    """A relation, or a foreign key where it has an action; its columns are its own, c1 and so on."""

    number: int
    child: int
    parent: int
    pair: bool = False
    action: str | None = None
    becomes: str = "delete"  # of its orphans, where it is a relation

    @property
    def columns(self) -> list[str]:
        return [f"c{self.number}a", f"c{self.number}b"][: 1 + self.pair]

    @property
    def keys(self) -> list[str]:
        return ["x", "y"] if self.pair else ["id"]

    def __str__(self) -> str:
        return f"zoo.t{self.child}.({', '.join(self.columns)}) -> zoo.t{self.parent}.({', '.join(self.keys)})"

    def refers(self, child: Row, parent: Row) -> bool:
        return [child[column] for column in self.columns] == [parent[key] for key in self.keys]


@dataclass(frozen=True)
class Zoo:
    """Tables t0 and so on with their rows by id, and what refers to what. No table gets empty: row 0 is safe."""

    links: list[Link]
    rows: list[dict[int, Row]]
    partitioned: frozenset[int]

    @property
    def relations(self) -> list[Link]:
        return [link for link in self.links if not link.action]

    @property
    def keys(self) -> list[Link]:
        return [link for link in self.links if link.action]


#: what somebody says of orphans; the columns' default is 0, the row that is safe
BECOMES = ["delete", "delete", "set null", "set default"]


@st.composite
def zoos(draw: st.DrawFn) -> Zoo:
    size = draw(st.integers(1, 4))
    table = st.integers(0, size - 1)
    links = [
        Link(
            number, draw(table), draw(table), pair=draw(st.booleans()), becomes=draw(st.sampled_from(BECOMES))
        )
        for number in range(draw(st.integers(1, 4)))
    ]
    for number in range(10, 10 + draw(st.integers(0, 3))):
        action = draw(st.sampled_from(["CASCADE", "SET NULL"]))
        child, parent = draw(table), draw(table)
        if action == "SET NULL" or child > parent:  # a circle of cascades is refused
            links.append(Link(number, child, parent, action=action))
    rows: list[dict[int, Row]] = []
    for number in range(size):
        columns = [column for link in links if link.child == number for column in link.columns]
        rows.append({0: {"id": 0, "x": 0, "y": 0, **dict.fromkeys(columns)}})
        for id_ in draw(st.sets(st.integers(1, 12), max_size=10)):
            values = {column: draw(st.none() | st.integers(0, 12)) for column in columns}
            for link in links:  # a pair that often meets one
                if (
                    link.child == number
                    and link.pair
                    and values[link.columns[0]] is not None
                    and draw(st.booleans())
                ):
                    values[link.columns[1]] = values[link.columns[0]]
            rows[-1][id_] = {"id": id_, "x": id_, "y": id_, **values}
    for key in _looked_at_again(links):
        for row in rows[key.child].values():
            if row[key.columns[0]] not in rows[key.parent]:
                row[key.columns[0]] = None
    whole = {link.parent for link in links if link.pair}
    partitioned = draw(st.sets(table)) - whole if max(majors()) >= 18 else set()
    return Zoo(links, rows, frozenset(partitioned))


def _looked_at_again(links: list[Link]) -> list[Link]:
    """The keys of tables whose rows two keys may set to null: PostgreSQL checks a row again that is changed twice."""
    setting = Counter(
        link.child
        for link in links
        if link.action == "SET NULL" or not (link.action or link.becomes == "delete")
    )
    return [link for link in links if link.action and setting[link.child] > 1]


def build(connection: Connection, zoo: Zoo) -> None:
    text = ["DROP SCHEMA IF EXISTS zoo CASCADE; CREATE SCHEMA zoo;"]
    for number, rows in enumerate(zoo.rows):
        columns = list(rows[0])
        split = number in zoo.partitioned
        types = ", ".join(
            f"{column} int{' NOT NULL' if column in ('x', 'y') else ''} DEFAULT 0" for column in columns
        )
        text.append(
            f"CREATE TABLE zoo.t{number} ({types}, PRIMARY KEY (id){'' if split else ', UNIQUE (y, x)'})"
        )
        if split:
            text[-1] += " PARTITION BY RANGE (id)"
            for low, high in ((0, 5), (5, 20)):
                text.append(
                    f"; CREATE TABLE zoo.t{number}_{low} PARTITION OF zoo.t{number} FOR VALUES FROM ({low}) TO ({high})"
                )
        values = ", ".join(
            f"({', '.join('NULL' if it is None else str(it) for it in row.values())})"
            for row in rows.values()
        )
        text.append(f"; INSERT INTO zoo.t{number} VALUES {values};")
    text += [
        f"ALTER TABLE zoo.t{key.child} ADD FOREIGN KEY ({key.columns[0]}) REFERENCES zoo.t{key.parent} "
        f"ON DELETE {key.action} NOT VALID;"
        for key in zoo.keys
    ]
    text += [f"CREATE INDEX ON zoo.t{link.child} ({link.columns[0]});" for link in zoo.links]
    connection.execute("".join(text).encode())
    if connection.execute("SELECT to_regclass('sqlrail.run')").fetchall() != [(None,)]:
        connection.execute("TRUNCATE sqlrail.run, sqlrail.archive RESTART IDENTITY")


def expect(zoo: Zoo) -> list[dict[int, Row]]:
    """What is left when orphans are deleted, or set, one by one until there is none."""
    rows = [{id_: dict(row) for id_, row in table.items()} for table in zoo.rows]
    while found := find_orphan(zoo, rows):
        link, id_ = found
        if link.becomes == "delete":
            delete(zoo, rows, link.child, id_)
        else:
            rows[link.child][id_] |= dict.fromkeys(link.columns, 0 if link.becomes == "set default" else None)
    return rows


def find_orphan(zoo: Zoo, rows: list[dict[int, Row]]) -> tuple[Link, int] | None:
    for link in zoo.relations:
        for id_, row in rows[link.child].items():
            if None not in [row[column] for column in link.columns] and not any(
                link.refers(row, parent) for parent in rows[link.parent].values()
            ):
                return link, id_
    return None


def delete(zoo: Zoo, rows: list[dict[int, Row]], table: int, id_: int) -> None:
    gone = rows[table].pop(id_)
    for key in zoo.keys:
        if key.parent != table:
            continue
        for child_id, child in list(rows[key.child].items()):
            if key.refers(child, gone) and key.action == "SET NULL":
                child[key.columns[0]] = None
            elif key.refers(child, gone) and child_id in rows[key.child]:
                delete(zoo, rows, key.child, child_id)


def read(connection: Connection, zoo: Zoo) -> list[dict[int, Row]]:
    return [
        {
            row["id"]: row
            for (row,) in connection.execute(f"SELECT to_jsonb(t) FROM zoo.t{number} AS t".encode())
        }
        for number, _ in enumerate(zoo.rows)
    ]


@pytest.fixture(scope="module")
def url(server: Server) -> Iterator[str]:
    with fresh_database(server) as url:
        yield url


@hypothesis_settings(max_examples=EXAMPLES, deadline=None)
@given(zoo=zoos(), printed=st.booleans(), are_big=st.booleans(), are_vacuumed=st.booleans())
def test_the_same_rows_go_and_the_same_rows_stay(
    url: str, zoo: Zoo, printed: bool, are_big: bool, are_vacuumed: bool
) -> None:
    """Also where a look has placed the orphans, as it does in big tables, or noted their keys."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placed, "BIG", 0 if are_big else placed.BIG)
        patch.setattr(indexed, "WRITTEN", 1e9 if are_vacuumed else indexed.WRITTEN)
        same_rows_go_and_stay(url, zoo, printed=printed)


def same_rows_go_and_stay(url: str, zoo: Zoo, *, printed: bool) -> None:
    relations = [Relation.parse(f"{link} {link.becomes}") for link in zoo.relations]
    told = settings(url, max_rows=1_000_000)
    with psycopg.connect(url, autocommit=True) as connection:
        build(connection, zoo)
        if printed:
            connection.execute(room.print_sql(told, nobody, relations)[0].encode())
        else:
            done = room.cleanup(told, nobody, relations)
        left = expect(zoo)
        assert read(connection, zoo) == left
        if connection.execute("SELECT to_regclass('sqlrail.archive')").fetchall() == [(None,)]:
            assert left == zoo.rows
            return
        archive = connection.execute(
            "SELECT replace(source, 'zoo.t', '')::int, action, cells FROM sqlrail.archive ORDER BY id"
        ).fetchall()
    gone = Counter(
        (table, int(cells["id"])) for table, action, cells in archive if action in ("orphan", "cascade")
    )
    assert gone == Counter(
        (table, id_) for table, rows in enumerate(zoo.rows) for id_ in rows if id_ not in left[table]
    )
    versions = Counter((table, str(sorted(cells.items()))) for table, _, cells in archive)
    assert versions.total() == len(
        versions
    )  # a row that was changed and then deleted is there as it was both times
    first: dict[tuple[int, int], Row] = {}
    for table, _, cells in archive:
        row = {name: None if cell is None else int(cell) for name, cell in cells.items()}
        first.setdefault((table, int(cells["id"])), row)
    changed = {
        (table, id_): row
        for table, rows in enumerate(zoo.rows)
        for id_, row in rows.items()
        if left[table].get(id_) != row
    }
    assert first == changed
    if not printed:
        assert sum(one.deleted for one in done.relations) == sum(
            action == "orphan" for _, action, _ in archive
        )
        assert sum(one.archived for one in done.relations) == len(archive)
        assert room.cleanup(told, nobody, relations).run is None
