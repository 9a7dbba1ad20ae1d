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
from psycopg.conninfo import conninfo_to_dict

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


#: each starts an application, and asks it how many orders there are
FRAMEWORKS = {
    "django": "import django_orders; from django.test import Client; answer = Client().get('/orders')",
    "fastapi": "import fastapi_orders; from fastapi.testclient import TestClient\n"
    "with TestClient(fastapi_orders.app) as client: answer = client.get('/orders')",
    "flask": "import flask_orders; answer = flask_orders.create_app().test_client().get('/orders')",
}  # fmt: skip


def started(example: Example, framework: str, url: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip(framework)
    part = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    code = (
        f"{FRAMEWORKS[framework]}\nfound = answer.json\n"
        "print(answer.status_code, found() if callable(found) else found)"
    )
    return example(
        "frameworks", sys.executable, "-c", code, DATABASE_URL=url,
        DB_NAME=part["dbname"], DB_USER=part["user"], DB_HOST=part["host"], DB_PORT=part["port"],
    )  # fmt: skip


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_framework_s_application_migrates_when_it_starts_and_not_again(
    framework: str, example: Example, database: str
) -> None:
    for _ in range(2):
        done = started(example, framework, database)
        assert (done.returncode, done.stdout) == (0, "200 {'orders': 0}\n"), done.stderr
    assert query(database, APPLIED) == FILES
    assert query(database, "SELECT count(*) FROM _yoyo_log WHERE operation = 'apply'") == [(2,)]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_framework_s_application_does_not_start_on_a_database_that_it_cannot_migrate(
    framework: str, example: Example, database: str
) -> None:
    query(database, "CREATE TABLE orders ()")
    done = started(example, framework, database)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(r"MigrationFailed: \S*migrations/001_orders\.sql:\d+:\d+: ", done.stderr), done.stderr


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
