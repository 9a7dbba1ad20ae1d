"""Columns whose type changes: what may change a value without an error is a comment in drift's SQL."""

from __future__ import annotations

import itertools
from pathlib import Path

import psycopg
import pytest
from aftermath import write
from conftest import query, run

from sqlrail.schema.casts import loses

MOMENT = "2024-02-29 12:34:56"
#: a type, and values of it that have something to lose
VALUES = {
    "smallint": ["7"], "integer": ["2147483647", "16777217"], "bigint": ["9007199254740993"],
    "numeric": ["1.23456", "0.1234567890123456789"], "numeric(10,3)": ["1.235"], "numeric(10,1)": ["1.3"],
    "real": ["1.1"], "double precision": ["0.1234567890123456", "2.5"], "money": ["1.25"],
    "text": ["x" * 70, "1"], "varchar(70)": ["x" * 70], "name": ["x"], '"char"': ["x"],
    "date": ["2024-02-29"], "timestamp": [f"{MOMENT}.123456"], "timestamptz": [f"{MOMENT}.123456+05"],
    "timestamp(0)": [MOMENT], "time": ["12:34:56.123456"], "timetz": ["12:34:56+05"], "time(3)": ["12:34:56.123"],
    "interval": ["1 mon 2 days 03:04:05.123456"], "json": ['{"a": 1, "a":  2}'], "jsonb": ['{"a": 1}'],
    "inet": ["10.0.0.1/8"], "cidr": ["10.0.0.0/8"], "boolean": ["true"], "bytea": ["\\x01"],
    "box": ["((0,0),(1,2))"], "polygon": ["((0,0),(1,2),(3,1))"], "point": ["(1,2)"], "circle": ["<(0,0),1>"],
}  # fmt: skip
TEXTS = ("text", "varchar(70)", "name", '"char"')


def test_no_cast_that_changes_a_value_is_taken_for_one_that_does_not(any_database: str) -> None:
    """There and back again by PostgreSQL itself, for every pair of types that it casts."""
    checked, missed = 0, set()
    with psycopg.connect(any_database, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        for source, target in itertools.permutations(VALUES, 2):
            if source in TEXTS and target not in TEXTS:  # it is read, and comes back in another spelling
                continue
            for value in VALUES[source]:
                first = f"CAST('{value}' AS {source})"
                back = f"CAST(CAST({first} AS {target}) AS {source})"
                try:
                    ((same,),) = connection.execute(
                        f"SELECT {back}::text = {first}::text".encode()
                    ).fetchall()
                except psycopg.Error:  # no cast, or it refuses the value
                    continue
                checked += 1
                if not same and not loses(spelt(connection, source), spelt(connection, target)):
                    missed.add((source, target))
    assert (checked > 100, missed) == (True, set())


def spelt(connection: psycopg.Connection[tuple[object, ...]], type_: str) -> str:
    """A type as format_type() writes it."""
    table = f"of_{list(VALUES).index(type_)}"
    connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {table} (a {type_})".encode())
    text = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1"
    return str(connection.execute(text, [f"pg_temp.{table}"]).fetchall()[0][0])


@pytest.mark.promise
@pytest.mark.parametrize(
    ("source", "target", "value", "is_lost"),
    [
        ("numeric(10,3)", "numeric(10,1)", "1.235", True),
        ("double precision", "integer", "2.5", True),
        ("timestamptz", "date", "2024-01-01 12:00+00", True),
        ("json", "jsonb", '{"a": 1, "a": 2}', True),
        ("text", '"char"', "hello", True),
        ("text[]", "name[]", "{hello}", True),
        ("integer", "bigint", "7", False),
        ("numeric(10,1)", "numeric(12,3)", "1.2", False),
        ("text", "varchar(5)", "hello", False),
    ],
)
def test_a_cast_that_loses_is_a_comment_unless_it_is_asked_for(
    source: str, target: str, value: str, is_lost: bool, any_database: str, tmp_path: Path
) -> None:
    files = write(tmp_path / "files", **{"001_a": f"CREATE TABLE t (id int PRIMARY KEY, a {target})"})
    env = {"DATABASE_URL": any_database, "SQLRAIL_ENV": "test"}
    assert run("migrate", "--migrations", files, env=env).returncode == 0
    query(any_database, "DROP TABLE t")
    query(any_database, f"CREATE TABLE t (id int PRIMARY KEY, a {source})")
    query(any_database, "INSERT INTO t VALUES (1, %s)", [value])
    script = run("drift", "--print-sql", "--migrations", files, env=env).stdout
    query(any_database, script)
    assert ("-- ALTER TABLE public.t" in script) == is_lost
    kept = query(any_database, f"SELECT a::text::{source}::text FROM t")
    assert kept == query(any_database, f"SELECT %s::{source}::text", [value])
    asked = run("drift", "--print-sql", "--with-drops", "--migrations", files, env=env).stdout
    query(any_database, asked)
    assert run("drift", "--check", "--migrations", files, env=env).returncode == 0
