"""Databases named as applications name them: SQLAlchemy's and Django's own objects lead where they lead those."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import query
from console import put
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import create_engine, make_url

import sqlrail as library
from sqlrail.errors import SettingsError, SqlrailError
from sqlrail.ground.address import as_text

DJANGO: dict[str, Any] = {"ENGINE": "django.db.backends.postgresql", "NAME": "app"}
AWKWARD = "p@ss:w/rd#%' \\"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put({"001_a.sql": "CREATE TABLE a (id int);\n"}, tmp_path)
    return tmp_path


def django(url: str, **more: Any) -> dict[str, Any]:
    part = conninfo_to_dict(url)
    names = {"NAME": "dbname", "USER": "user", "HOST": "host", "PORT": "port"}
    return {**DJANGO, **{name: part[libpq] for name, libpq in names.items()}, "CONN_MAX_AGE": 60, **more}


def test_an_engine_s_url_and_an_entry_of_databases_lead_there(folder: Path, database: str) -> None:
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg://"))
    assert [one["id"] for one in library.migrate(engine.url, folder)["applied"]] == ["001_a"]
    assert (
        library.status(django(database, OPTIONS={"pool": True, "sslmode": "prefer"}), folder)["pending"] == 0
    )
    assert library.each([engine.url], folder).status()["totals"]["all"] == 1
    assert library.each(engine.url, folder, schemas=["public"]).status()["totals"]["all"] == 1


def test_django_s_role_is_the_one_that_works(folder: Path, database: str) -> None:
    query(database, 'CREATE ROLE "the one" NOLOGIN')
    query(database, 'GRANT CREATE ON SCHEMA public TO "the one"')
    query(database, f'GRANT CREATE ON DATABASE {conninfo_to_dict(database)["dbname"]} TO "the one"')
    try:
        entry = django(database, OPTIONS={"assume_role": "the one", "options": "-c work_mem=8MB"})
        with psycopg.connect(as_text(entry)) as connection:
            row = connection.execute("SELECT current_user, current_setting('work_mem')").fetchone()
        assert row == ("the one", "8MB")
        library.migrate(entry, folder)
        assert query(database, "SELECT tableowner FROM pg_tables WHERE tablename = 'a'") == [("the one",)]
    finally:
        query(database, 'DROP OWNED BY "the one"; DROP ROLE "the one"')


@pytest.mark.parametrize("given", [
    make_url("postgresql+asyncpg://h/d").set(username="u", password=AWKWARD),
    {**DJANGO, "USER": "u", "PASSWORD": AWKWARD, "HOST": "h", "PORT": ""},
], ids=["SQLAlchemy", "Django"])  # fmt: skip
def test_a_password_of_any_signs_arrives_and_is_in_no_message(given: Any) -> None:
    with pytest.raises(SqlrailError) as failed:
        library.wait(given, 0)
    assert "p@ss" not in str(failed.value)
    text = as_text(given)
    if "://" in text:
        text = text.replace("+asyncpg", "")
    assert conninfo_to_dict(text)["password"] == AWKWARD


WRONG: dict[str, tuple[Any, str]] = {
    "all of DATABASES": ({"default": DJANGO}, r'it has no ENGINE\. Give one, as in `settings\.DATABASES\["default"\]`'),
    "another database": ({"ENGINE": "django.db.backends.sqlite3", "NAME": "x"}, r"its ENGINE is .*\.sqlite3"),
    "no name": ({**DJANGO, "NAME": ""}, "has no NAME"),
    "no parameter of libpq": ({**DJANGO, "OPTIONS": {"sslmod": "x"}}, "what libpq does not know: sslmod"),
    "SQLAlchemy's URL of another database": (make_url("mysql://h/d"), "must begin with postgresql://"),
    "an engine": (create_engine("postgresql+psycopg://h/d"), "of the type Engine: give a string, SQLAlchemy's URL"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "said"), WRONG.values(), ids=WRONG)
def test_what_names_no_database_is_refused(given: Mapping[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=said):
        library.status(given, tmp_path)
