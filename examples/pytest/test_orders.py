"""Tests with a database each: migrated, empty, and gone when the test ends.

Without a server of your own the embedded one is used. SQLRAIL_TEST_DATABASE_URL names another.
"""

from collections.abc import Iterator

import psycopg
import pytest


@pytest.fixture
def connection(sqlrail_database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(sqlrail_database, autocommit=True) as connection:
        yield connection


def place_order(connection: psycopg.Connection, customer: str) -> int:
    """What is tested: it would lie in the application."""
    row = connection.execute(
        "WITH placed AS (INSERT INTO customers (name) VALUES (%s) RETURNING id)"
        " INSERT INTO orders (customer_id) SELECT id FROM placed RETURNING id",
        [customer],
    ).fetchone()
    assert row
    return row[0]


def test_the_first_order_has_the_first_number(connection: psycopg.Connection) -> None:
    assert place_order(connection, "Ada") == 1


def test_it_does_not_see_what_another_test_has_written(connection: psycopg.Connection) -> None:
    assert place_order(connection, "Grace") == 1


def test_an_order_needs_a_customer(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute("INSERT INTO orders (customer_id) VALUES (1)")
