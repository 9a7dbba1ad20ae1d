"""Where the records are: a search_path other than when they were made runs nothing again and passes nothing over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aftermath import write
from conftest import query, run
from psycopg import sql

from sqlrail.engine import elsewhere
from sqlrail.engine.backend import Backend
from sqlrail.ground.events import nobody
from sqlrail.ground.reading import given

FILES = {
    "001_a": "CREATE TABLE item (id int PRIMARY KEY);\nINSERT INTO item VALUES (1);\n",
    "002_b": "SELECT 2;\n",
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return write(tmp_path / "files", **FILES)


def by(url: str, path: str) -> str:
    return f"{url}&options=-csearch_path%3D{path}"


def migrate(url: str, path: str, files: Path, *more: str, verb: str = "migrate") -> tuple[int, str]:
    env = {"DATABASE_URL": by(url, path), "SQLRAIL_ENV": "test"}
    done = run(verb, "--migrations", files, *more, env=env)
    return done.returncode, done.stdout + done.stderr


def tables(url: str) -> list[Any]:
    """Schemas with the table that the first file makes."""
    return [
        schema
        for (schema,) in query(url, "SELECT schemaname FROM pg_tables WHERE tablename = 'item' ORDER BY 1")
    ]


def make(url: str, *schemas: str) -> None:
    for schema in schemas:
        query(url, sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)).as_string())


@pytest.mark.parametrize("path", ["public", "other,public"])
def test_files_that_are_recorded_in_another_schema_do_not_run_again(
    path: str, any_database: str, files: Path
) -> None:
    make(any_database, "app", "other")
    assert migrate(any_database, "app", files)[0] == 0
    code, said = migrate(any_database, path, files)
    assert code == 3
    assert "2 of these migrations (001_a …) are recorded in the schema app" in said
    assert f"leads to {path.split(',')[0]}, where they would all run again" in said
    assert "--new-schema" in said
    assert tables(any_database) == ["app"]
    code, said = migrate(any_database, path, files, "--check", verb="status")
    assert (code, "recorded in the schema app" in said) == (4, True)


def test_an_empty_schema_in_front_of_the_records_does_not_count_as_migrated(
    any_database: str, files: Path
) -> None:
    make(any_database, "newt")
    assert migrate(any_database, "public", files)[0] == 0
    code, said = migrate(any_database, "newt,public", files)
    assert code == 3
    assert "in public, but files would write to newt, which comes before it and is empty" in said
    assert "nothing to do" not in said
    code, said = migrate(any_database, "newt,public", files, "--new-schema")
    assert code == 0, said
    assert tables(any_database) == ["newt", "public"]
    for path in ("newt,public", "public"):
        code, said = migrate(any_database, path, files)
        assert (code, "nothing to do: 2 applied" in said) == (0, True), said


def test_a_schema_with_tables_in_front_of_the_records_is_somebody_s_way(database: str, files: Path) -> None:
    """As where a migration has made the schema, and a role's search_path begins with it."""
    assert migrate(database, "public", files)[0] == 0
    make(database, "app")
    query(database, "CREATE TABLE app.orders (id int)")
    assert migrate(database, "app,public", files)[0] == 0


def test_several_schemas_with_records_are_tenants(database: str, files: Path) -> None:
    make(database, "one", "two", "three")
    assert migrate(database, "one", files)[0] == 0
    assert migrate(database, "two", files, "--new-schema")[0] == 0
    code, said = migrate(database, "three", files)
    assert code == 0
    assert "note: three has no records yet; others have: one, two" in said
    assert tables(database) == ["one", "three", "two"]
    assert "note" not in migrate(database, "three", files)[1]


def test_other_files_records_in_another_schema_are_nobody_s_business(
    database: str, files: Path, tmp_path: Path
) -> None:
    make(database, "jobs")
    others = write(tmp_path / "others", **{"001_jobs": "CREATE TABLE jobs (id int)"})
    assert migrate(database, "jobs", others)[0] == 0
    code, said = migrate(database, "public", files)
    assert (code, "jobs" in said) == (0, False), said


def test_two_sets_of_records_on_a_path_that_writes_to_neither_are_named(database: str, files: Path) -> None:
    make(database, "one", "two", "front")
    assert migrate(database, "one", files)[0] == 0
    assert migrate(database, "two", files, "--new-schema")[0] == 0
    query(database, "CREATE TABLE front.orders (id int)")
    code, said = migrate(database, "front,one,two", files)
    assert code == 3
    assert (
        "there are records in one and two, all on the search_path of this connection, and none in front"
        in said
    )
    assert migrate(database, "one,two", files)[0] == 0


def test_names_that_have_to_be_quoted_are_found(database: str, files: Path) -> None:
    make(database, "My App")
    assert migrate(database, "%22My%5C%20App%22", files)[0] == 0
    code, said = migrate(database, "public", files)
    assert (code, "recorded in the schema My App" in said) == (3, True), said


def test_a_publication_of_all_tables_is_warned_of_before_the_first_write(
    any_database: str, files: Path
) -> None:
    query(any_database, "CREATE PUBLICATION everything FOR ALL TABLES")
    query(any_database, "CREATE PUBLICATION of_none")
    code, said = migrate(any_database, "public", files)
    assert code == 0
    assert "warning: everything publishes ALL TABLES" in said
    assert "of_none" not in said
    write(files, **{"003_c": "SELECT 3;"})
    assert "publishes" not in migrate(any_database, "public", files)[1]


def test_records_that_another_runner_has_made_since_are_where_they_belong(database: str, files: Path) -> None:
    with Backend(given(database, files, environment="test"), nobody) as backend:
        assert migrate(database, "public", files)[0] == 0
        assert elsewhere.find(backend, [*FILES]) == []
