"""The verbs drift and schema: differences found, named and mended; nothing changed; and the schema as a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from aftermath import FIXTURES
from conftest import Servers, fresh_database, majors
from console import sqlrail

from sqlrail import report
from sqlrail.catalog import Catalog
from sqlrail.catalog import read as read_catalog
from sqlrail.drift import FILES, Drift
from sqlrail.mend import compare, mend, outermost
from sqlrail.settings import Settings

__all__ = ["sqlrail"]  # the fixture

BASE, *_PARTS = re.split(r"^-- # ", (FIXTURES / "differences.sql").read_text(), flags=re.MULTILINE)
#: by name: what the summary says where it was done to the database, and what does it
DIFFERENCES = {
    name: (says, text)
    for name, says, text in (re.split(r"\n(?:-- > )?", part, maxsplit=2) for part in _PARTS)
}
SCRATCHES = "SELECT datname FROM pg_database WHERE datname ~ '^sqlrail_scratch'"
HOSTILE = 'Od"d %s\n\r; DROP TABLE keep; -- 日本'


class Bench:
    """A database with the base schema, which each single difference is made in and mended again."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        self.run(BASE)
        self.base = self.read()

    def run(self, text: str) -> None:
        with self.connection.transaction():
            self.connection.execute(text.encode())

    def read(self) -> Catalog:
        found = read_catalog(self.connection, Settings())
        return found.without({it.key for it in found.of(["privilege"])})

    def mend(self, wanted: Catalog, there: Catalog) -> list[str]:
        """Runs what is printed, all of it in one transaction."""
        statements = [one.sql for one in mend(wanted, there, compare(wanted, there))]
        self.run(";\n".join(statements))
        return statements


@contextmanager
def bench(servers: Servers, major: int) -> Iterator[Bench]:
    with fresh_database(servers(major)) as url:
        one = Bench(url)
        with closing(one.connection):
            yield one


@pytest.fixture(scope="module")
def benches(servers: Servers) -> Iterator[dict[int, Bench]]:
    oldest, newest = min(majors()), max(majors())
    with bench(servers, oldest) as one, bench(servers, newest) as other:
        yield {oldest: one, newest: other}


def lines(wanted: Catalog, there: Catalog, **more: Any) -> list[str]:
    """The summary without its last two lines."""
    found = compare(wanted, there)
    text = report.drift_text(Drift("here", more.get("words", FILES), tuple(outermost(found)), ()))
    return [line.strip() for line in text.splitlines()[:-2]]


@pytest.mark.parametrize("name", DIFFERENCES)
@pytest.mark.parametrize("major", [min(majors()), max(majors())], ids=lambda major: f"pg{major}")
def test_a_difference_is_found_named_and_mended_both_ways(
    name: str, major: int, benches: dict[int, Bench]
) -> None:
    says, text = DIFFERENCES[name]
    one = benches[major]
    try:
        one.run(text)
        changed = one.read()
        summary = lines(one.base, changed)
        assert any(says in line for line in summary), summary
        assert compare(changed, changed) == []
        back = one.mend(one.base, changed)
        assert compare(one.base, one.read()) == [], back
        forth = one.mend(changed, one.base)
        assert compare(changed, one.read()) == [], forth
        one.mend(one.base, changed)
    except BaseException:
        one.run(
            "DROP SCHEMA IF EXISTS other, public CASCADE; CREATE SCHEMA public; DROP EXTENSION IF EXISTS btree_gist"
        )
        one.run(BASE)
        raise


def test_there_are_sixty_differences_and_more() -> None:
    assert len(DIFFERENCES) >= 100
