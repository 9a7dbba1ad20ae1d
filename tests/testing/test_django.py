"""Django's runner: which databases it makes, how it comes to their server, and what is left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import open_folder, query
from console import put
from psycopg.conninfo import conninfo_to_dict
from test_ahead import run
from test_pytest_plugin import FILES

from sqlrail.server import local
from sqlrail.testing.server import home_of

SETTINGS = """
SECRET_KEY, INSTALLED_APPS, TEST_RUNNER = "x", [], "sqlrail.testing.django.Runner"
SERVER = {{"ENGINE": "django.db.backends.postgresql", "USER": {user!r}, "HOST": {host!r}, "PORT": {port!r}}}
DATABASES = {{
    "default": {{
        **SERVER, "NAME": "{prefix}_main", "OPTIONS": {{"options": "-c app.told=yes"}},
        "TEST": {{"SQLRAIL_MIGRATIONS": "migrations"}},
    }},
    "other": {{**SERVER, "NAME": "{prefix}_other", "TEST": {{"SQLRAIL_MIGRATIONS": "broken"}}}},
}}
"""
TESTS = """
from django.db import connection
from django.test import TestCase
from sqlrail.testing.cases import WithDatabase
import psycopg

class One(TestCase):
    def test_it(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT told FROM said")
            self.assertEqual(cursor.fetchall(), [("yes",)])

class Two(WithDatabase, TestCase):
    def test_it(self):
        with psycopg.connect(self.database_url) as connection:
            connection.execute("INSERT INTO t VALUES (1)")

class Three(Two):
    pass
"""
OF_A_RECEIVER = """
from django.db.backends.signals import connection_created

def refuse(**_):
    raise OSError("of their own")

connection_created.connect(refuse)
"""


@pytest.fixture
def project(database: str) -> Iterator[Path]:
    """At its end nothing but templates is on the server, and no embedded one runs."""
    parts, prefix = conninfo_to_dict(database), f"django_{os.getpid()}"
    with open_folder() as folder:
        put({f"migrations/{name}": content for name, content in FILES.items()}, folder)
        said = "CREATE TABLE said AS SELECT current_setting('app.told', true) AS told"
        put({"migrations/003_said.sql": said, "broken/001_a.sql": "SELECT 1 / 0"}, folder)
        names = {name: parts[name] for name in ("user", "host", "port")}
        put({"settings.py": SETTINGS.format(**names, prefix=prefix), "test_it.py": TESTS}, folder)
        before = names_of(database)
        yield folder
        made = names_of(database) - before
        for name in made:
            query(database, f'DROP DATABASE "{name}"')
        assert {name.split("_")[1] for name in made} <= {"template"}
        if home_of(folder).exists():
            assert not local.stop(home_of(folder))
            shutil.rmtree(home_of(folder))


def names_of(url: str) -> set[str]:
    """Django's databases, and those of its own group: that of the database it connects to first."""
    found = query(
        url,
        "SELECT datname FROM pg_database WHERE datname LIKE %s"
        " OR datname LIKE 'sqlrail%%' || left(encode(sha256('postgres'), 'hex'), 8) || '%%'",
        [f"test_django_{os.getpid()}%"],
    )
    return {name for (name,) in found}


def said_by(folder: Path, *more: str) -> str:
    return run(
        folder, "", "-m", "django", "test", "--noinput", "--settings=settings", "--pythonpath=.", *more
    )


@pytest.mark.parametrize("more", [[], ["--parallel", "2"]], ids=["alone", "in parallel"])
def test_what_the_tests_use_is_made_and_nothing_is_left(more: list[str], project: Path) -> None:
    assert "Ran 3 tests" in said_by(project, *more)


def test_keepdb_keeps_no_database_and_says_so(project: Path) -> None:
    for _ in range(2):
        assert "--keepdb keeps no database here" in said_by(project, "--keepdb", "test_it.One")


def test_an_error_of_somebody_else_s_is_told_as_it_is(project: Path) -> None:
    put({"test_it.py": TESTS + OF_A_RECEIVER}, project)
    with pytest.raises(AssertionError, match="OSError: of their own") as raised:
        said_by(project, "test_it.One")
    assert "cannot be built" not in str(raised.value)
