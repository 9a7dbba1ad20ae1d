"""Whoever may create in a schema of the search_path gets nothing run: our names lead to PostgreSQL's own."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import psycopg
import pytest
from conftest import ROOT, Servers, fresh_database, majors, needs
from lookalikes import CAUGHT, CHAPTERS, plant, reaching, scene, tell
from told import flaws, told

Planted = Callable[[int], str]
pytestmark = needs("a superuser's rights")


@pytest.fixture(scope="module")
def planted(servers: Servers) -> Iterator[Planted]:
    """The URL of a database with look-alikes on the server of a major."""
    with ExitStack() as cleanup:

        @cache
        def url_of(major: int) -> str:
            url = cleanup.enter_context(fresh_database(servers(major)))
            plant(url)
            return url

        yield url_of


@pytest.fixture(params=majors(), ids=lambda major: f"pg{major}")
def major(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def hostile(major: int, planted: Planted) -> str:
    return planted(major)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 = 1",
        "SELECT count(*) FROM (VALUES (1)) AS v",
        "SELECT now()",
        "SELECT 1 IN (1)",
        "SELECT 'a'::text",
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = 0 AND relname ~ 'a')",
        "TABLE pg_class",
        "SET search_path = pg_catalog, information_schema; SELECT format('%I', 'a'::pg_catalog.name)",
    ],
)
def test_a_statement_of_somebodys_own_meets_one(hostile: str, text: str) -> None:
    with scene(hostile) as made, pytest.raises(psycopg.Error, match=CAUGHT):
        made.run(text)


def test_every_file_of_sql_is_sent_by_a_chapter() -> None:
    hint = "have it sent in a chapter of tests/support/lookalikes.py, then python tests/support/told.py"
    assert flaws(told()) == [], hint
    assert list(told()) == list(CHAPTERS)


@pytest.mark.promise
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_statement_of_ours_meets_one(hostile: str, chapter: str, major: int) -> None:
    with reaching() as places:
        tell(chapter, hostile)
    if major == max(majors()):  # others have statements of their own
        assert set(told()[chapter]) <= places


@pytest.mark.promise
def test_one_is_met_where_a_qualification_is_taken_away(planted: Planted) -> None:
    seed = random.randrange(10**6)  # noqa: S311
    script = [sys.executable, str(ROOT / "tests" / "support" / "unqualified.py")]
    where = ["--url", planted(max(majors())), "--sample", "20", "--seed", str(seed)]
    done = subprocess.run([*script, *where], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"seed {seed}\n{done.stdout}{done.stderr}"
