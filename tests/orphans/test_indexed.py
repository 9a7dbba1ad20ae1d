"""A look for the orphans of a big table reads indexes alone, where that is quicker; what it finds is the same."""

from __future__ import annotations

from typing import Any

import pytest
import test_cleanup
from conftest import Connect
from test_cleanup import ORDERS, archive, clean

from sqlrail.orphans import indexed, placed
from sqlrail.orphans.indexed import Key

db = test_cleanup.db
#: a parent and its children, 20 of them without one, as VACUUM leaves them
SHOP = """
CREATE TABLE users (id {key} PRIMARY KEY);
CREATE TABLE orders (id int PRIMARY KEY, user_id {column}, filler text DEFAULT repeat('x', 200));
INSERT INTO users SELECT {value} FROM generate_series(1, 1000) AS n;
INSERT INTO orders SELECT m, {value} FROM generate_series(1, 20000) AS m, LATERAL (SELECT 1 + m % 1001 AS n) AS its;
INSERT INTO orders SELECT -m, NULL FROM generate_series(1, 10) AS m;
"""
INDEX = "CREATE INDEX ON orders (user_id)"
#: what has the server know what has been done so far
SAID = "SELECT pg_stat_force_next_flush()"
#: of what is committed: whether all see it is not told as long as a commit is not on disk
VACUUM = f"{SAID}; CHECKPOINT; VACUUM ANALYZE users; CHECKPOINT; VACUUM ANALYZE orders"
#: what is done before a look, and whether it reads indexes alone
BEFORE = {
    "an index": (f"{INDEX}; {VACUUM}", True),
    "an index of more columns": (f"CREATE INDEX ON orders (user_id, id); {VACUUM}", True),
    "an index that has the column second": (f"CREATE INDEX ON orders (id, user_id); {VACUUM}", False),
    "an index of some rows": (f"CREATE INDEX ON orders (user_id) WHERE id > 0; {VACUUM}", False),
    "an index without order": (f"CREATE INDEX ON orders USING hash (user_id); {VACUUM}", False),
    "no index": (VACUUM, False),
    "no VACUUM": (f"{INDEX}; ANALYZE", False),
    "few changes since": (f"{INDEX}; {VACUUM}; UPDATE orders SET filler = '' WHERE id = 7", True),
    "many changes since": (f"{INDEX}; {VACUUM}; UPDATE orders SET filler = '' WHERE id % 50 = 0", False),
    "many rows since": (f"{INDEX}; {VACUUM}; INSERT INTO orders SELECT generate_series(20001, 20500)", False),
    "a larger parent": (f"{INDEX}; INSERT INTO users SELECT generate_series(2001, 200000); {VACUUM}", False),
    "many parents since": (f"{INDEX}; {VACUUM}; INSERT INTO users SELECT generate_series(2001, 2100)", False),
}  # fmt: skip
#: types of the parent's key and of the column, how a number becomes one, and the arrays of the column's
TYPES = {
    "int": ("int", "int", "n", "_int4"),
    "int and bigint": ("int", "bigint", "n", "_int8"),
    "bigint and int": ("bigint", "int", "n", "_int4"),
    "uuid": ("uuid", "uuid", "md5(n::text)::uuid", "_uuid"),
    "text": ("text", "text", "'a, \"}{' || n || '\\ '", "_text"),
    "varchar": ("varchar(20)", "varchar(20)", "'ä''' || n", "_varchar"),
    "char": ("char(9)", "char(9)", "n::text", "_bpchar"),
    "numeric": ("numeric", "numeric", "n + 0.10", "_numeric"),
    "float": ("float", "float", "CASE n WHEN 7 THEN 'NaN' ELSE n / 3.0::float END", "_float8"),
    "date": ("date", "date", "date '2000-01-01' + n", "_date"),
    "timestamptz": ("timestamptz", "timestamptz", "to_timestamp(n + 0.000001)", "_timestamptz"),
    "bytea": ("bytea", "bytea", "decode(md5(n::text), 'hex')", "_bytea"),
    "interval": ("interval", "interval", "n * interval '1 day 1 second'", "_interval"),
    "inet": ("inet", "inet", "inet '10.0.0.0' + n", "_inet"),
    "a domain": ("number", "number", "n", None),
    "an array": ("int[]", "int[]", "ARRAY[n]", None),
}  # fmt: skip


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> list[Key | None]:
    """By which each look has noted orphans."""
    key, keys = indexed.key, list[Key | None]()

    def noting(*given: Any) -> Key | None:
        keys.append(key(*given))
        return keys[-1]

    monkeypatch.setattr(indexed, "key", noting)
    monkeypatch.setattr(placed, "BIG", 0)
    return keys


def prepare(connect: Connect, url: str, shop: str, before: str) -> None:
    with connect(url) as connection:
        connection.execute(
            "SET timezone = 'Asia/Tokyo'; SET datestyle = 'German'; CREATE DOMAIN number AS int"
        )
        connection.execute(shop.encode())
        for statement in f"{before}; {SAID}".split(";"):
            connection.execute(statement.encode())


def check(connect: Connect, url: str) -> None:
    """Those of number 1001 go, and no other."""
    (done,) = clean(url, ORDERS, max_share=1.0).relations
    gone = [m for m in range(1, 20001) if m % 1001 == 1000]
    assert (done.orphans, done.deleted, done.archived) == (len(gone),) * 3
    assert sorted(int(cells["id"] or 0) for *_, cells in archive(connect(url))) == gone


@pytest.mark.parametrize("what", BEFORE)
def test_indexes_are_read_alone_where_they_suffice(
    what: str, any_database: str, connect: Connect, keys: list[Key | None]
) -> None:
    before, suffices = BEFORE[what]
    prepare(connect, any_database, SHOP.format(key="int", column="int", value="n"), before)
    check(connect, any_database)
    assert keys == [Key("user_id", "_int4") if suffices else None]


@pytest.mark.parametrize("what", TYPES)
def test_keys_of_any_type_are_found_again(
    what: str, any_database: str, connect: Connect, keys: list[Key | None]
) -> None:
    key, column, value, array = TYPES[what]
    prepare(connect, any_database, SHOP.format(key=key, column=column, value=value), f"{INDEX}; {VACUUM}")
    check(connect, any_database)
    assert keys == [Key("user_id", array) if array else None]


def test_a_relation_of_several_columns_is_looked_at_in_its_tables(
    any_database: str, connect: Connect, keys: list[Key | None]
) -> None:
    shop = (
        SHOP.format(key="int", column="int", value="n")
        + "ALTER TABLE users ADD n int NOT NULL DEFAULT 1, ADD UNIQUE (id, n);"
    )
    shop += "ALTER TABLE orders ADD n int DEFAULT 1; CREATE INDEX ON orders (user_id, n)"
    prepare(connect, any_database, shop, VACUUM)
    relation = "orders.(user_id, n) -> users.(id, n)"
    (done,) = clean(any_database, relation, max_share=1.0).relations
    assert (done.deleted, keys) == (19, [None])
