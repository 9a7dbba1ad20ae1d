"""Applications of three ORMs, each the way its users write it: what their sync leaves, and the way out of it.

Each takes steps as words: make, fill, key (how this ORM adds a key that is missing), start (what the application does
at each start from then on), write, stray and read.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from conftest import clean_environment, fresh_database, query, run
from test_seed import ORPHAN

from sqlrail.server.local import Server

pytestmark = pytest.mark.promise

HERE = Path(__file__).parents[1]
CLIENTS = HERE / "clients"
MIGRATIONS = HERE.parent / "migrations"
FAILURE = 'insert or update on table "usage_analytics" violates foreign key constraint "usage_analytics_user_id_fkey"'
DETAIL = f'Key (user_id)=({ORPHAN}) is not present in table "users".'
ADA, GRACE = [[f"{name}@example.org"] * 2 for name in ("ada", "grace")]
#: seconds for npm, which waits for minutes where there is no network
PATIENCE = 120
INSTALL = (
    "ci",
    "--engine-strict",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    "--fetch-retries=0",
    "--fetch-timeout=20000",
)

App = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def node() -> str:
    """Node, with the packages of the application installed beside it: once, until the lock file changes."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        pytest.skip("node and npm are not installed")
    folder = CLIENTS / "sequelize"
    lock, installed = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        try:
            subprocess.run(
                [npm, *INSTALL], cwd=folder, capture_output=True, text=True, check=True, timeout=PATIENCE
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm does not install Sequelize within {PATIENCE} s")
        except subprocess.CalledProcessError as exc:
            if "EUSAGE" in exc.stderr:  # the lock file is not package.json's
                raise
            pytest.skip(f"npm cannot install Sequelize: {' '.join(exc.stderr.split())[:100]}")
        os.utime(installed)
    return found


def start(url: str, *command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60,
        env={**clean_environment(), "DATABASE_URL": url, "NODE_NO_WARNINGS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip


@pytest.fixture
def sequelize(node: str, database: str) -> App:
    return partial(start, database, node, CLIENTS / "sequelize" / "app.js")


@pytest.fixture(params=["sequelize", "sqlalchemy", "django"])
def app(request: pytest.FixtureRequest, database: str) -> App:
    if request.param == "sequelize":
        return partial(request.getfixturevalue("sequelize"), "was")
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return partial(start, database, sys.executable, CLIENTS / request.param / "app.py")


def ok(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def shape(url: str) -> list[str]:
    """Every column, constraint and index."""
    return sorted(line for (line,) in query(url, (HERE / "catalog.sql").read_text()))


def keys_of(url: str) -> list[str]:
    """The names of the key that the story is about."""
    child = "conrelid = 'usage_analytics'::regclass AND contype = 'f'"
    return [name for (name,) in query(url, f"SELECT conname FROM pg_constraint WHERE {child}")]


def names_of_unique(url: str) -> list[str]:
    return [
        line.split()[2] for line in shape(url) if line.startswith("users: CONSTRAINT") and "UNIQUE" in line
    ]


def leave_an_orphan(app: App, url: str) -> None:
    """What the ORM made, without the key, and then an account is deleted."""
    ok(app("make", "fill"))
    for key in keys_of(url):
        query(url, f"ALTER TABLE usage_analytics DROP CONSTRAINT {key}")
    query(url, f"DELETE FROM users WHERE id = '{ORPHAN}'")


def with_what_sync_left(folder: Path) -> Path:
    """The shipped migrations, and the one that clears away what sync left."""
    shutil.copytree(MIGRATIONS, folder, dirs_exist_ok=True)
    shutil.copy(CLIENTS / "sequelize" / "005_what_sync_left.sql", folder)
    return folder


def migrate(url: str, *more: str | Path) -> str:
    return ok(run("migrate", *more, env={"DATABASE_URL": url, "APP_ENV": "production"}))


def test_an_orm_that_fails_on_the_key_is_got_out_of_by_migrate(app: App, database: str) -> None:
    leave_an_orphan(app, database)
    failed = app("key")
    assert failed.returncode == 1
    said = re.sub("user_id_[0-9a-f]{8}_fk_users_id", "user_id_fkey", failed.stderr)  # Django's name for it
    assert f"{FAILURE}\nDETAIL:  {DETAIL}" in said

    assert "usage_analytics.user_id -> users.id: 1 row deleted, 1 row archived (run 1)" in migrate(database)
    assert query(database, "SELECT cells->>'user_id' FROM sqlrail.archive") == [(ORPHAN,)]
    taken_over = shape(database)
    assert json.loads(ok(app(*["start"] * 10, "write", "read"))) == [ADA, GRACE]
    assert shape(database) == taken_over
    assert keys_of(database) == ["usage_analytics_user_id_fkey"]
    refused = app("stray")
    assert refused.returncode == 1
    assert DETAIL in refused.stderr


def test_a_start_with_alter_that_is_killed_leaves_no_key(sequelize: App, database: str) -> None:
    """How the story began: what was deleted from then on left its events behind."""
    ok(sequelize("was", "make", "fill"))
    assert keys_of(database) == ["usage_analytics_user_id_fkey"]
    assert sequelize("was", "killed").returncode == -signal.SIGKILL
    assert keys_of(database) == []
    query(database, f"DELETE FROM users WHERE id = '{ORPHAN}'")
    assert (
        sequelize("was", "alter").stderr
        == f"SequelizeForeignKeyConstraintError: {FAILURE}\nDETAIL:  {DETAIL}\n"
    )


def test_a_start_with_alter_adds_a_constraint_unless_the_model_names_it(
    sequelize: App, database: str, tmp_path: Path
) -> None:
    ok(sequelize("was", "make", "alter", "alter"))
    assert names_of_unique(database) == ["users_email_key", "users_email_key1", "users_email_key2"]
    migrate(database, "--migrations", with_what_sync_left(tmp_path))
    mended = shape(database)
    ok(sequelize("mended", *["alter"] * 10, "write"))
    assert shape(database) == mended
    assert names_of_unique(database) == ["users_email_key"]

    ok(sequelize("was", "alter"))
    undone = {line for line in mended if line not in shape(database)}
    assert {line for line in undone if line.startswith("users: ")} == {
        "users: created_at timestamp with time zone DEFAULT now()",
        "users: updated_at timestamp with time zone DEFAULT now()",
    }
    assert names_of_unique(database) == ["users_email_key", "users_email_key1"]


def test_a_schema_of_one_s_own_begins_with_a_dump(
    sequelize: App, database: str, server: Server, tmp_path: Path
) -> None:
    app = partial(sequelize, "was")
    leave_an_orphan(app, database)
    environment = {"DATABASE_URL": database, "APP_ENV": "production"}
    dump = [str(server.bin / "pg_dump"), "--schema-only", "--no-owner", database]
    (tmp_path / "001_as_it_was.sql").write_text(
        subprocess.run(dump, capture_output=True, text=True, check=True).stdout
    )
    ok(run("baseline", "--to", "001", "--migrations", tmp_path, env=environment))
    (tmp_path / "002_usage_analytics_key.sql").write_text(
        "-- Events are their user's.\n"
        "-- depends: 001_as_it_was\n"
        "-- cleanup: usage_analytics.user_id -> users.id\n"
        "ALTER TABLE usage_analytics ADD FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE;\n"
    )
    before = shape(database)
    assert "1 row deleted, 1 row archived (run 1)" in migrate(database, "--migrations", tmp_path)
    key = (
        "usage_analytics: CONSTRAINT usage_analytics_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) "
        "ON DELETE CASCADE"
    )
    assert shape(database) == sorted([*before, key])
    assert json.loads(ok(app("write", "read"))) == [ADA, GRACE]


def test_a_drift_against_the_mended_models_finds_nothing(
    sequelize: App, node: str, database: str, server: Server, tmp_path: Path
) -> None:
    ok(sequelize("was", "make", "alter"))
    migrate(database, "--migrations", with_what_sync_left(tmp_path))

    def compared_with(form: str) -> tuple[int, str]:
        with fresh_database(server) as other:
            ok(start(other, node, CLIENTS / "sequelize" / "app.js", form, "make"))
            done = run("drift", "--check", "--against", other, env={"DATABASE_URL": database})
        return done.returncode, done.stdout

    code, out = compared_with("mended")
    assert (code, out[:22]) == (0, "no difference between ")
    code, out = compared_with("was")
    assert code == 4
    assert "  constraint usage_analytics_user_id_fkey: " in out
    assert "  id default: the other database does not have it\n" in out
