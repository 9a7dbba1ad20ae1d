"""Cleanup and restore on a cluster of Citus against a brute-force oracle: random tables, wherever they lie, random
relations and rows; the same rows go or are set, the same stay, and all come back to the letter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import cluster as clusters
import psycopg
import pytest
from cluster import Cluster
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from psycopg import sql
from samples import CITUS_EXAMPLES
from test_citus_cleanup import as_psql
from test_cleanup import settings
from test_online import run as online
from test_oracle import BECOMES, Link, Zoo, expect, read
from test_restore import reasons, restore
from test_restore_random import TYPES

from sqlrail.ground.events import nobody
from sqlrail.ground.relation import Relation
from sqlrail.verbs import cleanup as room

pytestmark = pytest.mark.promise

Connection = psycopg.Connection[Any]

#: where a table lies whole, on one node or on each: it may have any unique key there
WHOLE = {
    "reference": "create_reference_table('{}')",
    "single shard": "create_distributed_table('{}', NULL, colocate_with => 'none')",
    "citus local": "citus_add_local_table_to_metadata('{}')",
    "local": "1",
}


@dataclass(frozen=True)
class Spread:
    """A zoo, where each of its tables lies, and what else its rows have."""

    zoo: Zoo
    places: list[str]  # one of WHOLE, or the column that says on which node a row lies
    types: list[str]  # of the columns v0 and so on
    values: list[dict[int, list[str | None]]]  # by table and row


@st.composite
def spreads(draw: st.DrawFn) -> Spread:
    size = draw(st.integers(2, 4))
    table = st.integers(0, size - 1)
    links = [
        Link(number, draw(table), draw(table), pair=draw(st.booleans()))
        for number in range(draw(st.integers(1, 3)))
    ]
    places = [draw(st.sampled_from(_places(number, links))) for number in range(size)]
    links = [
        replace(link, becomes=draw(st.sampled_from(BECOMES))) if _is_settable(places[link.child]) else link
        for link in links
    ]
    types = draw(st.lists(st.sampled_from(sorted(TYPES)), min_size=1, max_size=3))
    rows = [_rows(draw, number, links, places[number]) for number in range(size)]
    values = [{id_: [draw(st.none() | TYPES[it]) for it in types] for id_ in table} for table in rows]
    return Spread(Zoo(links, rows, frozenset()), places, types, values)


def _places(number: int, links: list[Link]) -> list[str]:
    """Where a table may lie: a unique key has the column by which it is spread."""
    kinds = {link.pair for link in links if link.parent == number}
    columns = ["id"] if kinds == {False} else ["x"] if kinds == {True} else []
    if not kinds:
        columns = ["id", *(link.columns[0] for link in links if link.child == number)]
    return [*columns, *columns, *WHOLE]


def _is_settable(place: str) -> bool:
    """Whether a table has a primary key, and columns of its links may be set."""
    return place in WHOLE or place == "id"


def _rows(draw: st.DrawFn, number: int, links: list[Link], place: str) -> dict[int, dict[str, int | None]]:
    """A table's rows by id. Row 0 is safe; what says on which node a row lies is never null."""
    mine = [link for link in links if link.child == number]
    columns = [column for link in mine for column in link.columns]
    rows: dict[int, dict[str, int | None]] = {}
    for id_ in [0, *sorted(draw(st.sets(st.integers(1, 12), max_size=10)))]:
        values = {column: draw(st.none() | st.integers(0, 12)) if id_ else None for column in columns}
        for link in mine:  # a pair that often meets one
            if link.pair and values[link.columns[0]] is not None and draw(st.booleans()):
                values[link.columns[1]] = values[link.columns[0]]
        if place in values and values[place] is None:
            values[place] = 0
        rows[id_] = {"id": id_, "x": id_, "y": id_, **values}
    return rows


def build(db: Connection, spread: Spread) -> None:
    for number, rows in enumerate(spread.zoo.rows):
        name, place = f"zoo.t{number}", spread.places[number]
        types = [f"{column} int DEFAULT 0" for column in rows[0]]
        types += [f"v{n} {type_}" for n, type_ in enumerate(spread.types)]
        keyed = ", PRIMARY KEY (id)" * _is_settable(place)
        keyed += ", UNIQUE (y, x)" * (place in WHOLE or place == "x")
        needed = "".join(f", ALTER {column} SET NOT NULL" for column in ("x", "y"))
        db.execute(f"CREATE TABLE {name} ({', '.join(types)}{keyed})".encode())
        db.execute(f"ALTER TABLE {name} ALTER id SET NOT NULL{needed}".encode())
        made = WHOLE.get(place, f"create_distributed_table('{{}}', '{place}')")
        db.execute(f"SELECT {made.format(name)}".encode())
        marks = ", ".join("%s" for _ in types)
        with db.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {name} VALUES ({marks})".encode(),
                [[*row.values(), *spread.values[number][id_]] for id_, row in rows.items()],
            )


def texts(db: Connection, spread: Spread) -> list[Counter[str]]:
    """All rows, as the server writes them."""
    return [
        Counter(
            row
            for (row,) in db.execute(
                sql.SQL("SELECT r::text FROM (SELECT t.* FROM {} AS t OFFSET 0) AS r").format(
                    sql.Identifier("zoo", f"t{number}")
                )
            )
        )
        for number, _ in enumerate(spread.zoo.rows)
    ]


@pytest.fixture(scope="module")
def citus() -> Iterator[Cluster]:
    with clusters.made("_random") as one:
        yield one


@pytest.mark.timeout(3600)
@hypothesis_settings(max_examples=CITUS_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(spread=spreads(), way=st.sampled_from(["cleanup", "cleanup", "online", "printed"]))
def test_the_same_rows_go_and_all_come_back(citus: Cluster, spread: Spread, way: str) -> None:
    zoo = spread.zoo
    relations = [Relation.parse(f"{link} {link.becomes}") for link in zoo.relations]
    told = settings(citus.url, max_rows=1_000_000)
    citus.empty()
    with citus.connect() as db:
        db.execute("SET client_min_messages = warning; CREATE SCHEMA zoo")
        build(db, spread)
        before = texts(db, spread)
        if way == "printed":
            as_psql(citus.url, room.print_sql(told, nobody, relations).sql)
        elif way == "online":
            named = [f"{link} {link.becomes}" for link in zoo.relations]
            online(citus.url, *named, max_rows=1_000_000)
        else:
            room.cleanup(told, nobody, relations)
        left = expect(zoo)
        assert [{id_: _plain(row) for id_, row in table.items()} for table in read(db, zoo)] == left
        if db.execute("SELECT to_regclass('sqlrail.archive')").fetchall() == [(None,)]:
            assert left == zoo.rows
            return
        runs = db.execute("SELECT DISTINCT run FROM sqlrail.archive").fetchall()
        for (run,) in runs:
            assert all(
                reason.startswith("no row of") for reason in reasons(restore(citus.url, run, force=True))
            )
        put_back_by_hand(db, zoo)
        assert texts(db, spread) == before


def put_back_by_hand(db: Connection, zoo: Zoo) -> None:
    """What the archive still has: rows without a parent, which get no old value back, and no others."""
    of_set = {str(Relation.parse(str(link))): link for link in zoo.relations if link.becomes != "delete"}
    for said, id_ in db.execute("SELECT relation, (cells->>'id')::int FROM sqlrail.archive").fetchall():
        link = of_set[said]
        row = zoo.rows[link.child][id_]
        assert not any(link.refers(row, parent) for parent in zoo.rows[link.parent].values())
        values = ", ".join(f"{column} = {row[column]}" for column in link.columns)
        db.execute(f"UPDATE zoo.t{link.child} SET {values} WHERE id = {id_}".encode())


def _plain(row: dict[str, Any]) -> dict[str, int | None]:
    return {name: value for name, value in row.items() if not name.startswith("v")}
