"""Random schemas and data: clean, put some parents back, restore; a brute-force oracle says what must be there."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
import test_cleanup
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from psycopg import sql
from test_cleanup import clean
from test_restore import archived, counts, restore

pytestmark = pytest.mark.promise

Connection = psycopg.Connection[Any]
db = test_cleanup.db

often = hypothesis(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
#: a column's type, and the values it gets as text
TYPES: dict[str, st.SearchStrategy[str | None]] = {
    "text": texts,
    "varchar(8)": texts,
    "text[]": st.lists(texts | st.none(), max_size=3).map(
        lambda items: "{" + ",".join("NULL" if item is None else '"' + re.sub(r'(["\\])', r"\\\1", item) + '"'
                                     for item in items) + "}"),
    "json": st.recursive(st.none() | st.booleans() | texts, lambda inner: st.lists(inner, max_size=3)
                         | st.dictionaries(texts, inner, max_size=3), max_leaves=4)
              .map(lambda value: f" {json.dumps(value, ensure_ascii=True, indent=1)}".replace("\\u0000", "")),
    "double precision": st.floats().map(str),
    "real": st.floats(width=32).map(str),
    "numeric": st.decimals(allow_nan=False, allow_infinity=False).map(str),
    "bigint": st.integers(-(2**63), 2**63 - 1).map(str),
    "bytea": st.binary(max_size=8).map(lambda value: "\\x" + value.hex()),
    "timestamptz": st.datetimes().map(str),
    "interval": st.timedeltas().map(lambda value: f"{value.days} days {value.microseconds} microseconds"),
    "boolean": st.booleans().map(str),
}  # fmt: skip


@dataclass(frozen=True)
class Example:
    types: list[str]
    names: list[str]
    orders: list[tuple[int | None, list[str | None]]]  # the user, and the other columns
    lines: list[int | None]  # the order
    parcels: list[int]  # the line
    action: str
    users: set[int]
    later: set[int]
    partitioned: bool
    odd: bool


@st.composite
def examples(draw: st.DrawFn) -> Example:
    types = draw(st.lists(st.sampled_from(sorted(TYPES)), max_size=4))
    names = draw(
        st.lists(texts.filter(lambda name: 0 < len(name.encode()) < 60), unique=True, min_size=4, max_size=4)
    )
    taken = {"id", "user_id", "double"}
    values = [st.none() | TYPES[type_] for type_ in types]
    orders = draw(
        st.lists(st.tuples(st.none() | st.integers(1, 6), st.tuples(*values).map(list)), max_size=8)
    )
    lines = draw(st.lists(st.none() | st.integers(0, len(orders)), max_size=10))
    return Example(
        types, [name if name not in taken else name + "_" for name in names], orders, lines,
        draw(st.lists(st.integers(0, len(lines) - 1), max_size=10)) if lines else [],
        draw(st.sampled_from(["CASCADE", "SET NULL", "SET DEFAULT"])),
        draw(st.sets(st.integers(1, 6), min_size=1)), draw(st.sets(st.integers(1, 6))),
        draw(st.booleans()), draw(st.booleans()),
    )  # fmt: skip


def build(db: Connection, it: Example) -> None:
    db.execute("DROP TABLE IF EXISTS parcels, lines, orders, users")
    columns = sql.SQL("").join(
        sql.SQL(", {} " + type_).format(sql.Identifier(name))
        for name, type_ in zip(it.names, it.types, strict=False)
    )
    parts = (
        "PARTITION BY HASH (id); CREATE TABLE orders_1 PARTITION OF orders FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE orders_2 PARTITION OF orders FOR VALUES WITH (MODULUS 2, REMAINDER 1)"
    )
    db.execute(
        sql.SQL(
            "CREATE TABLE users (id int PRIMARY KEY);"
            "CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id int{columns},"
            " double int GENERATED ALWAYS AS (user_id * 2) STORED) " + (parts if it.partitioned else "")
            + "; CREATE TABLE lines (id int PRIMARY KEY,"
            " order_id int DEFAULT 0 REFERENCES orders ON DELETE " + it.action + ");"
            "CREATE TABLE parcels (id int PRIMARY KEY, line_id int NOT NULL REFERENCES lines ON DELETE CASCADE);"
        ).format(columns=columns)
    )  # fmt: skip
    nulls = ", NULL" * len(it.types)
    db.execute(f"INSERT INTO orders OVERRIDING SYSTEM VALUE VALUES (0, NULL{nulls})".encode())
    for user, values in it.orders:
        marks = "".join(f", %s::{type_}" for type_ in it.types)
        db.execute(f"INSERT INTO orders VALUES (DEFAULT, %s{marks})".encode(), [user, *values])
    db.cursor().executemany("INSERT INTO lines VALUES (%s, %s)", list(enumerate(it.lines)))
    db.cursor().executemany("INSERT INTO parcels VALUES (%s, %s)", list(enumerate(it.parcels)))
    db.cursor().executemany("INSERT INTO users VALUES (%s)", [(user,) for user in it.users])


def rows(db: Connection, table: str) -> dict[int, str]:
    whole = '"the row, a name that no column has"'
    digest = f"md5(string_agg(encode(record_send({whole}), 'hex'), ''))"
    read = f"SELECT id, {whole}::text, {digest} FROM {table} AS {whole} GROUP BY 1, 2"
    return {id_: f"{text} {digest}" for id_, text, digest in db.execute(read.encode())}


def expect(it: Example, before: dict[str, dict[int, str]], users: set[int]) -> dict[str, Any]:
    """By one look at every row: what is there when these users are."""
    orders = {0} | {n for n, (user, _) in enumerate(it.orders, 1) if user is None or user in users}
    if it.action == "CASCADE":
        lines = {n: order for n, order in enumerate(it.lines) if order is None or order in orders}
    else:
        left = None if it.action == "SET NULL" else 0
        lines = {n: order if order is None or order in orders else left for n, order in enumerate(it.lines)}
    return {
        "orders": {id_: row for id_, row in before["orders"].items() if id_ in orders},
        "lines": lines,
        "parcels": {id_: row for id_, row in before["parcels"].items() if it.parcels[id_] in lines},
    }


def look(db: Connection) -> dict[str, Any]:
    found = db.execute("SELECT id, order_id FROM lines").fetchall()
    return {"orders": rows(db, "orders"), "lines": dict(found), "parcels": rows(db, "parcels")}


def set_datestyle(db: Connection, style: str) -> None:
    set_it = sql.SQL("ALTER DATABASE {} SET datestyle = {}")
    db.execute(set_it.format(sql.Identifier(db.info.dbname), style))


@often
@given(it=examples())
def test_whatever_was_cleaned_comes_back_with_its_parents(db: Connection, database: str, it: Example) -> None:
    build(db, it)
    before = {table: rows(db, table) for table in ("orders", "parcels")}
    set_datestyle(db, "SQL, DMY" if it.odd else "ISO")
    run = clean(database, max_share=1.0).run
    assert look(db) == expect(it, before, it.users)
    if run is None:
        return
    set_datestyle(db, "ISO" if it.odd else "SQL, DMY")
    for users in (it.later - it.users, set(range(1, 7)) - it.users - it.later):
        db.cursor().executemany("INSERT INTO users VALUES (%s)", [(user,) for user in users])
        restore(database, run)
        there = {user for (user,) in db.execute("SELECT id FROM users")}
        assert look(db) == expect(it, before, there)
    assert archived(db) == 0


@often
@given(
    ups=st.lists(st.none() | st.integers(1, 14), max_size=12),
    gone=st.sets(st.integers(1, 12)),
    back=st.sets(st.integers(1, 14)),
    key=st.booleans(),
)
def test_a_table_that_refers_to_itself_comes_back_as_far_as_its_rows_reach(
    db: Connection, database: str, ups: list[int | None], gone: set[int], back: set[int], key: bool
) -> None:
    db.execute(
        "DROP TABLE IF EXISTS nodes; CREATE TABLE nodes (id int PRIMARY KEY, up int); INSERT INTO nodes VALUES (0)"
    )
    nodes = {n: up for n, up in enumerate(ups, 1) if n not in gone}
    db.cursor().executemany("INSERT INTO nodes VALUES (%s, %s)", list(nodes.items()))
    run = clean(database, "nodes.up -> nodes.id", max_share=1.0).run
    if run is None:
        return
    if key:
        db.execute("ALTER TABLE nodes ADD FOREIGN KEY (up) REFERENCES nodes")
    roots = back - set(nodes)
    db.cursor().executemany("INSERT INTO nodes VALUES (%s)", [(root,) for root in roots])
    there: dict[int, int | None] = {0: None, **nodes, **dict.fromkeys(roots)}
    while lonely := [n for n, up in there.items() if up is not None and up not in there]:
        for n in lonely:
            del there[n]
    result = restore(database, run)
    assert dict(db.execute("SELECT id, up FROM nodes").fetchall()) == there
    ((left,),) = db.execute("SELECT count(*) FROM sqlrail.archive WHERE run = %s", [run]).fetchall()
    assert (left, len(nodes) - left) == (counts(result)[1], len(set(nodes) & set(there)))


@often
@given(
    orders=st.lists(st.none() | st.integers(1, 8), max_size=12),
    users=st.sets(st.integers(1, 8), min_size=1),
    back=st.sets(st.integers(1, 8)),
    touched=st.sets(st.integers(0, 11)),
    word=st.sampled_from(["SET NULL", "SET DEFAULT"]),
    key=st.booleans(),
    partitioned=st.booleans(),
)
def test_values_that_were_set_come_back_with_their_parents_where_nobody_has_written_others(
    db: Connection, database: str, orders: list[int | None], users: set[int], back: set[int], touched: set[int],
    word: str, key: bool, partitioned: bool,
) -> None:  # fmt: skip
    db.execute("DROP TABLE IF EXISTS orders, users; CREATE TABLE users (id int PRIMARY KEY)")
    db.execute("CREATE TABLE orders (id int PRIMARY KEY, user_id int DEFAULT 0, note text)" + (
        "PARTITION BY RANGE (id); CREATE TABLE low PARTITION OF orders FOR VALUES FROM (0) TO (5);"
        "CREATE TABLE high PARTITION OF orders DEFAULT" if partitioned else ""))  # fmt: skip
    db.cursor().executemany("INSERT INTO users VALUES (%s)", [(user,) for user in {0, *users}])
    db.cursor().executemany("INSERT INTO orders VALUES (%s, %s)", list(enumerate(orders)))
    has_key = key and not partitioned  # up to 17 theirs may not be NOT VALID
    if has_key:
        db.execute(
            f"ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE {word} NOT VALID".encode()
        )
    said = "" if has_key else f" {word.lower()}"
    run = clean(database, f"orders.user_id -> users.id{said}", max_share=1.0).run
    left = None if word == "SET NULL" else 0
    now = {n: user if user is None or user in users else left for n, user in enumerate(orders)}
    assert dict(db.execute("SELECT id, user_id FROM orders").fetchall()) == now
    if run is None:
        return
    db.execute(
        "UPDATE orders SET user_id = %s, note = 'new' WHERE id = ANY (%s)", [min(users), list(touched)]
    )
    db.execute("UPDATE orders SET note = 'kept' WHERE note IS NULL")
    db.cursor().executemany("INSERT INTO users VALUES (%s)", [(user,) for user in back - users])
    restore(database, run)
    then = {n: user if user in back else now[n] for n, user in enumerate(orders)}
    then |= {n: min(users) for n in touched if n in then}
    assert dict(db.execute("SELECT id, user_id FROM orders").fetchall()) == then
    notes = {n: "new" if n in touched else "kept" for n in then}
    assert dict(db.execute("SELECT id, note FROM orders").fetchall()) == notes
