"""What a project needs around its migrations: made where it is missing, and nothing of the project's is touched."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import console
import pytest
from conftest import ROOT, clean_environment
from console import Sqlrail, put

sqlrail = console.sqlrail

MADE = [
    "migrations/AGENTS.md",
    "sqlrail.mk",
    "Makefile",
    ".env.example",
    ".gitignore",
    "tests/test_migrations.py",
    ".github/workflows/migrations.yml",
]
#: where nothing names a database, and the embedded server may not stand in
NOWHERE = {"APP_ENV": "production"}


def there() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def test_it_makes_all_of_it_and_a_second_time_nothing(sqlrail: Sqlrail) -> None:
    done = sqlrail("init", "--json", env=NOWHERE)
    assert done.code == 0
    assert done.document == {
        "dry_run": False, "made": MADE, "kept": [], "next": ["sqlrail new 'add users'", "sqlrail status"]
    }  # fmt: skip
    before = there()
    assert sorted(before) == sorted(MADE)
    again = sqlrail("init", "--json").document
    assert (again["made"], [kept["add"] for kept in again["kept"]]) == ([], [[]] * len(MADE))
    assert there() == before


def test_what_is_there_is_kept_and_what_it_lacks_is_said(sqlrail: Sqlrail) -> None:
    mine = {
        "Makefile": "all:\n",
        ".gitignore": ".env\n",
        ".env.example": "PORT=1\n",
        "tests/test_migrations.py": "x",
        ".gitlab-ci.yml": "include:\n  - local: other.yml\n",
        "db/001_a.sql": "SELECT 1;\n",
    }
    put(mine)
    done = sqlrail("init", "--migrations", "db")
    assert done.code == 0
    assert done.out.splitlines() == [
        "made db/AGENTS.md",
        "made sqlrail.mk",
        "made .gitlab/migrations.yml",
        "kept Makefile; add to it:",
        "  include sqlrail.mk",
        "kept .env.example; add to it:",
        "  SQLRAIL_MIGRATIONS=db",
        "kept .gitignore; add to it:",
        "  .pgdata/",
        "kept tests/test_migrations.py",
        "kept .gitlab-ci.yml; add to it:",
        "  include: .gitlab/migrations.yml",
        "next:",
        "  sqlrail status",
    ]
    assert {name: Path(name).read_text() for name in mine} == mine
    put({".gitlab-ci.yml": "include:\n  - local: '.gitlab/migrations.yml'\n"})
    assert "kept .gitlab-ci.yml\n" in sqlrail("init", "--migrations", "db").out


def test_a_dry_run_makes_nothing(sqlrail: Sqlrail) -> None:
    done = sqlrail("init", "--dry-run")
    assert done.out.splitlines()[: len(MADE)] == [f"would make {name}" for name in MADE]
    assert there() == {}


def test_another_tools_files_are_led_to_adopt(sqlrail: Sqlrail) -> None:
    put({"db/migrations/20240101_a.sql": "-- migrate:up\nSELECT 1;\n"})
    assert "  sqlrail adopt db/migrations --dry-run\n" in sqlrail("init", "--dry-run").out
    before = there()
    done = sqlrail("init", "--migrations", "db/migrations")
    assert done.code == 2
    assert "sqlrail adopt db/migrations --migrations db/migrations_sql" in done.err
    assert there() == before


@pytest.mark.parametrize("name", ["a folder", "$(shell id)", "a:b", "../out", "/out", "a\nb", "ä"])
def test_a_name_that_make_or_ci_would_read_is_refused(sqlrail: Sqlrail, name: str) -> None:
    done = sqlrail("init", "--migrations", name)
    assert (done.code, there()) == (2, {})
    assert "name a folder below this one" in done.err


@pytest.mark.parametrize("is_link", [False, True])
def test_where_one_file_cannot_be_made_none_is(sqlrail: Sqlrail, is_link: bool) -> None:
    Path(".github").symlink_to("nowhere") if is_link else Path(".github").touch()
    done = sqlrail("init")
    assert (done.code, "\n" in done.err.rstrip()) == (1, False)
    assert ".github/workflows/migrations.yml cannot be made" in done.err
    assert sqlrail("init", "--json").error["kind"] == "file_failed"
    assert [path.name for path in Path().rglob("*")] == [".github"]


def test_what_it_makes_works(sqlrail: Sqlrail, database: str, tmp_path: Path) -> None:
    """The targets, and the test, in a project that has one file."""
    assert sqlrail("init").code == 0
    put({"migrations/001_a.sql": "CREATE TABLE a (id bigint PRIMARY KEY);\n"})
    make = shutil.which("make")
    assert make
    environment = clean_environment() | {
        "DATABASE_URL": database,
        "SQLRAIL_TEST_DATABASE_URL": database,
        "SQLRAIL_ENV": "test",
        "SQLRAIL": f"'{sys.executable}' '{ROOT / 'runner.py'}'",
    }
    for words, code in (["db-migrate"], 0), (["db-check"], 0), (["db-new", "NAME=add b"], 0), ([], 0):
        done = subprocess.run([make, *words], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
    assert "001_a" in done.stdout
    assert Path("migrations/002_add_b.rollback.sql").exists()
    for name in "migrations/002_add_b.sql", "migrations/002_add_b.rollback.sql":
        Path(name).unlink()
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "1 passed" in tested.stdout
