"""What the pages say of REVOKE: a tool that has lost its right runs nothing, whoever owns the table."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import test_adopt
from conftest import as_role, clean_environment, needs, query
from console import put
from test_adopt import LATER, PROJECTS, REAL

from sqlrail.adopting.recognising import TOOLS

pytestmark = [pytest.mark.promise, needs("a role of its own")]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


#: a file that is new when the right is gone; what it makes must not stay
NEW = {
    "dbmate": {"20240104000000_new.sql": test_adopt.OF_DBMATE(LATER.replace("later", "new"), "")},
    "sqlx": {"20240104000000_new.up.sql": LATER.replace("later", "new"), "20240104000000_new.down.sql": "SELECT 1;\n"},
    "node-pg-migrate": {"1700000000004_new.sql": test_adopt.OF_NODE(LATER.replace("later", "new"), "")},
}  # fmt: skip


@pytest.mark.parametrize("tool", NEW)
def test_a_tool_that_has_lost_its_right_runs_nothing(tool: str, database: str) -> None:
    program = {"node-pg-migrate": test_adopt.NODE}.get(tool, test_adopt.BIN / tool)
    if not program.exists():
        pytest.skip(f"{tool} is not installed: make .venv/.installed-peers")
    url = as_role(database)
    # The index would be made outside of the transaction, in which a file of node-pg-migrate's always is.
    put({it: text.replace("CONCURRENTLY ", "") for it, text in PROJECTS[tool].files.items()}, Path("old"))
    REAL[tool](url)
    (table,) = [it.table for it in TOOLS if it.name == tool]
    query(url, f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {table} FROM {_role(url)}")
    REAL[tool](url)  # nothing to do, and so no reason to fail
    put(NEW[tool], Path("old"))
    with pytest.raises(AssertionError, match=r"permission denied|aclcheck_error"):
        REAL[tool](url)
    assert query(url, "SELECT to_regclass('later') IS NOT NULL, to_regclass('new')") == [(True, None)]


def _role(url: str) -> str:
    return str(query(url, "SELECT current_user")[0][0])


REVISION = """
from alembic import op

revision, down_revision = {revision!r}, {before!r}


def upgrade():
    op.execute("CREATE TABLE {table} ()")
"""
ENVIRONMENT = """
import os

from alembic import context
from sqlalchemy import create_engine

url = os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:", 1)
with create_engine(url).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""


def test_alembic_too(database: str) -> None:
    pytest.importorskip("alembic")
    url = as_role(database)
    put({
        "alembic.ini": "[alembic]\nscript_location = theirs\npath_separator = os\n",
        "theirs/env.py": ENVIRONMENT,
        "theirs/versions/1_a.py": REVISION.format(revision="1", before=None, table="later"),
    })  # fmt: skip
    assert _upgrade(url).returncode == 0
    query(url, f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON alembic_version FROM {_role(url)}")
    assert _upgrade(url).returncode == 0
    put({"theirs/versions/2_b.py": REVISION.format(revision="2", before="1", table="new")})
    done = _upgrade(url)
    assert (done.returncode, "permission denied for table alembic_version" in done.stderr) == (1, True), done
    assert query(url, "SELECT to_regclass('later') IS NOT NULL, to_regclass('new')") == [(True, None)]


def _upgrade(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"], capture_output=True, text=True, check=False, timeout=60,
        env={**clean_environment(), "DATABASE_URL": url, "PATH": os.environ["PATH"]},
    )  # fmt: skip
