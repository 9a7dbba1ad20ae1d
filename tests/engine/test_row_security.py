"""Rows that a policy hides from a migration's role: an error, unless the file means no more than it may see."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from aftermath import read, write
from conftest import as_role, needs, query, run

pytestmark = needs("a role of its own")
OWNED = """
    CREATE TABLE tenant (id int PRIMARY KEY);
    CREATE TABLE note (id int PRIMARY KEY, tenant_id int, text text);
    INSERT INTO tenant VALUES (1), (2);
    INSERT INTO note VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 9, 'orphan');
    ALTER TABLE note ENABLE ROW LEVEL SECURITY;
    ALTER TABLE note FORCE ROW LEVEL SECURITY;
    CREATE POLICY own ON note USING (tenant_id = 1);
"""
FILL = "UPDATE note SET text = upper(text);\n"
KEY = "ALTER TABLE note ADD CONSTRAINT k FOREIGN KEY (tenant_id) REFERENCES tenant;\n"


@pytest.fixture
def owner(any_database: str) -> str:
    """The database by its tables' owner, whom a policy of FORCE ROW LEVEL SECURITY hides rows from."""
    url = as_role(any_database)
    with psycopg.connect(url) as connection:
        connection.execute(OWNED)
    return url


def migrate(url: str, files: Path) -> tuple[int, str]:
    done = run("migrate", "--migrations", files, env={"DATABASE_URL": url, "SQLRAIL_ENV": "test"})
    return done.returncode, done.stderr


def texts(url: str) -> list[str]:
    administrator = url.replace("migrator@", "postgres@")
    return [text for (text,) in query(administrator, "SELECT text FROM note ORDER BY id")]


@pytest.mark.parametrize("text", [FILL, KEY, f"-- transactional: false\n{FILL}", "DELETE FROM note;\n"],
                         ids=["a backfill", "a key", "outside a transaction", "a delete"])  # fmt: skip
def test_rows_that_a_policy_hides_are_an_error_and_not_passed_over(
    text: str, owner: str, tmp_path: Path
) -> None:
    files = write(tmp_path / "files", **{"001_a": text})
    code, said = migrate(owner, files)
    assert code == 1
    assert f"{files}/001_a.sql:{1 + text.startswith('--')}:1: " in said
    assert "row-level security policy" in said
    assert "`-- row-security: on` in its leading comment" in said
    assert "GRANT" not in said
    assert read(owner).records == []
    assert texts(owner) == ["a", "b", "orphan"]


def test_a_file_may_say_that_it_means_what_its_role_may_see(owner: str, tmp_path: Path) -> None:
    files = write(tmp_path / "files", **{"001_a": f"-- row-security: on\n{FILL}", "002_b": FILL})
    code, said = migrate(owner, files)
    assert code == 1
    assert "002_b.sql:1:1" in said  # it holds for its own file only
    assert read(owner).records == ["001_a"]
    assert texts(owner) == ["A", "b", "orphan"]


def test_the_same_goes_for_a_rollback_and_outside_a_transaction(owner: str, tmp_path: Path) -> None:
    lead = "-- row-security: on\n"
    files = write(
        tmp_path / "files",
        **{
            "001_a": f"-- transactional: false\n{lead}{FILL}",
            "001_a.rollback": f"{lead}UPDATE note SET text = 'x';\n",
        },
    )
    assert migrate(owner, files)[0] == 0
    assert texts(owner) == ["A", "b", "orphan"]
    env = {"DATABASE_URL": owner, "SQLRAIL_ENV": "test"}
    done = run("rollback", "--migrations", files, env=env)
    assert done.returncode == 0, done.stderr
    assert texts(owner) == ["x", "b", "orphan"]


def test_a_role_that_policies_let_pass_needs_to_say_nothing(any_database: str, tmp_path: Path) -> None:
    query(any_database, "CREATE TABLE note (id int, text text)")
    query(any_database, "ALTER TABLE note ENABLE ROW LEVEL SECURITY")
    query(any_database, "INSERT INTO note VALUES (1, 'a')")
    files = write(tmp_path / "files", **{"001_a": FILL})
    assert migrate(any_database, files)[0] == 0
    assert texts(any_database) == ["A"]


def test_another_word_is_an_error_with_its_line(database: str, tmp_path: Path) -> None:
    files = write(tmp_path / "files", **{"001_a": "-- row-security: maybe\nSELECT 1;\n"})
    code, said = migrate(database, files)
    assert (code, "001_a.sql:1:1: row-security: 'maybe' is neither on nor off." in said) == (2, True)
