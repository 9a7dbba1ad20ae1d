"""What a server says of a statement where there are no rows; some minors ask of empty tables what others do not."""

from __future__ import annotations

import psycopg


def refusal_of_no_rows(url: str, tables: str, statement: str) -> psycopg.Error | None:
    """How the statement fails on tables that have just been made; None if it passes. Nothing is left."""
    with psycopg.connect(url) as connection:
        try:
            connection.execute(tables.encode())
            connection.execute(statement.encode())
        except psycopg.Error as exc:
            return exc
        finally:
            connection.rollback()
    return None
