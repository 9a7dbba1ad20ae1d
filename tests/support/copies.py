"""Copies of a database, for trying out on one what must not be done to the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from conftest import query
from psycopg import sql

_numbers = itertools.count(1)


@contextmanager
def copy_of(url: str) -> Iterator[str]:
    """The URL of a copy, which is dropped afterwards. The sessions on the original are ended."""
    path, _, rest = url.partition("?")
    name = path.rpartition("/")[2]
    copy = f"{name}_{next(_numbers)}"
    postgres = f"{path.removesuffix(name)}postgres?{rest}"
    query(postgres, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    with psycopg.connect(postgres, autocommit=True) as connection:
        names = [sql.Identifier(it) for it in (copy, name)]
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
    try:
        yield f"{path.removesuffix(name)}{copy}?{rest}"
    finally:
        query(postgres, f"DROP DATABASE {copy} WITH (FORCE)")
