"""The examples run as they stand, each in a copy of its folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, clean_environment, needs, query

Example = Callable[..., subprocess.CompletedProcess[str]]

APPLIED = "SELECT migration_id FROM _yoyo_migration ORDER BY 1"
FILES = [("001_orders",), ("002_orders_by_customer",)]


@pytest.fixture
def example(tmp_path: Path) -> Example:
    """Runs a command in a copy of an example."""

    def run(name: str, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        folder = shutil.copytree(ROOT / "examples" / name, tmp_path / name, dirs_exist_ok=True)
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        env = {**clean_environment(), "PATH": path, "PYTHONPATH": str(ROOT), **environment}
        return subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120
        )

    return run


def test_the_application_migrates_when_it_starts_and_not_again(example: Example, database: str) -> None:
    first = example("application", sys.executable, "app.py", DATABASE_URL=database)
    assert (first.returncode, first.stderr.count("applied 00")) == (0, 2), first.stderr
    assert query(database, APPLIED) == FILES
    second = example("application", sys.executable, "app.py", DATABASE_URL=database)
    assert (second.returncode, second.stderr) == (0, "ready, 0 orders\n")


def test_the_application_does_not_start_on_a_database_that_it_cannot_migrate(
    example: Example, database: str
) -> None:
    query(database, "CREATE TABLE orders ()")
    done = example("application", sys.executable, "app.py", DATABASE_URL=database)
    assert done.returncode == 1
    assert re.search(r"not started: \S*migrations/001_orders\.sql:\d+:\d+: ", done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert query(database, "SELECT to_regclass('customers')") == [(None,)]


@needs("CREATEDB")
def test_the_tests_have_a_database_each(example: Example, database: str) -> None:
    done = example(
        "pytest", sys.executable, "-m", "pytest", "-q", "-p", "sqlrail.testing.plugin",
        SQLRAIL_TEST_DATABASE_URL=database, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
    )  # fmt: skip
    assert (done.returncode, "3 passed" in done.stdout) == (0, True), done.stdout + done.stderr


@pytest.mark.promise
@needs("CREATEDB")
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_the_pipeline_checks_deploys_and_verifies(example: Example, database: str) -> None:
    def make(target: str) -> subprocess.CompletedProcess[str]:
        runner = f"'{sys.executable}' '{ROOT / 'runner.py'}'"
        return example("pipeline", "make", target, f"SQLRAIL={runner}", DATABASE_URL=database)

    checked = make("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert query(database, "SELECT to_regclass('_yoyo_migration')") == [(None,)]
    deployed = make("deploy")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    assert query(database, APPLIED) == FILES
    assert make("verify").returncode == 0
    query(database, "ALTER TABLE orders ADD COLUMN by_hand text")
    found = make("verify")
    assert (found.returncode != 0, "by_hand" in found.stdout) == (True, True), found.stdout + found.stderr
