"""A collation whose library has changed under the indexes: what they do not find is no orphan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import Connect
from test_actions import clean_by
from test_cleanup import archive, clean, contents

from sqlrail.errors import Refused

Connection = psycopg.Connection[Any]

MAILS = "pets.mail -> owners.mail"
TABLES = """
    CREATE TABLE owners (mail text{0} PRIMARY KEY, number int UNIQUE NOT NULL);
    CREATE TABLE pets (id int PRIMARY KEY, mail text{0}, number int);
    INSERT INTO owners VALUES ('a', 1); INSERT INTO pets VALUES (1, 'a', 1), (2, 'b', 2);
"""


@pytest.fixture
def stale(database: str, connect: Connect) -> Connection:
    """A database whose own collation was recorded under another version."""
    connection = connect(database)
    connection.execute("UPDATE pg_database SET datcollversion = '0.1' WHERE datname = current_database()")
    return connection


@pytest.mark.parametrize("way", ["cleanup", "online", "printed", "pre-step"])
def test_a_key_in_the_databases_collation_is_refused_where_that_is_stale(
    way: str, stale: Connection, database: str, tmp_path: Path
) -> None:
    stale.execute(TABLES.format("").encode())
    before = contents(stale)
    with pytest.raises(
        Refused, match=r"default collation of the database .* had version 0.1 .* REFRESH COLLATION VERSION"
    ):
        clean_by(way, stale, database, tmp_path, MAILS)
    assert (contents(stale), archive(stale)) == (before, [])


def test_a_key_of_numbers_is_cleaned_all_the_same(stale: Connection, database: str) -> None:
    stale.execute(TABLES.format("").encode())
    clean(database, "pets.number -> owners.number")
    assert stale.execute("SELECT id FROM pets").fetchall() == [(1,)]


@pytest.mark.parametrize("place", ["column", "key", "index", "cascade", "array", "range"])
def test_a_collation_of_a_columns_own_is_refused_where_that_is_stale(
    place: str, any_database: str, connect: Connect
) -> None:
    connection = connect(any_database)
    connection.execute(TABLES.format("").encode())
    connection.execute(
        """CREATE COLLATION site FROM "C"; UPDATE pg_collation SET collversion = '0.1' WHERE collname = 'site'"""
    )
    connection.execute({
        "column": "ALTER TABLE pets ALTER mail TYPE text COLLATE site",
        "key": "ALTER TABLE owners ALTER mail TYPE text COLLATE site",
        "index": "ALTER TABLE owners DROP CONSTRAINT owners_pkey; ALTER TABLE owners ALTER mail SET NOT NULL;"
                 "CREATE UNIQUE INDEX ON owners (mail COLLATE site)",
        "cascade": "CREATE TABLE toys (pet text COLLATE site); ALTER TABLE pets ADD name text COLLATE site UNIQUE;"
                   "ALTER TABLE toys ADD FOREIGN KEY (pet) REFERENCES pets (name) ON DELETE CASCADE",
        "array": "UPDATE pg_database SET datcollversion = '0.1' WHERE datname = current_database();"
                 "ALTER TABLE pets ALTER mail TYPE text[] USING ARRAY[mail];"
                 "ALTER TABLE owners ALTER mail TYPE text[] USING ARRAY[mail]",
        "range": "CREATE TYPE mails AS RANGE (subtype = text, collation = site);"
                 "ALTER TABLE pets ALTER mail TYPE mails USING mails(mail, mail, '[]');"
                 "ALTER TABLE owners ALTER mail TYPE mails USING mails(mail, mail, '[]')",
    }[place].encode())  # fmt: skip
    before = contents(connection)
    with pytest.raises(Refused, match=r"had version 0.1 when its indexes were made"):
        clean(any_database, MAILS)
    assert contents(connection) == before


def test_a_collation_that_is_as_it_was_is_no_hindrance(any_database: str, connect: Connect) -> None:
    connection = connect(any_database)
    connection.execute("""CREATE COLLATION site FROM "C" """)
    connection.execute(TABLES.format(" COLLATE site").encode())
    clean(any_database, MAILS)
    assert connection.execute("SELECT id FROM pets").fetchall() == [(1,)]
