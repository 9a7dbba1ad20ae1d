"""The examples of deployments: what each of them runs works, in the order of a release."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, clean_environment, needs, query

EXAMPLES = ROOT / "examples"
#: a key whose orphans nobody has looked for
UNTRUSTED = (
    "ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers ON DELETE CASCADE NOT VALID"
)


def documents(name: str) -> list[Any]:
    return [*yaml.safe_load_all((EXAMPLES / name).read_text())]


def of_github(job: str) -> list[str]:
    (document,) = documents("ci/github.yml")
    return [
        step["run"] for step in document["jobs"][job]["steps"] if step.get("run", "").startswith("sqlrail")
    ]


def of_gitlab(job: str) -> list[str]:
    (document,) = documents("ci/gitlab.yml")
    return list(document[job]["script"])


def of_kubernetes(kind: str, containers: str) -> list[str]:
    (document,) = [each for each in documents("kubernetes/migrate.yaml") if each["kind"] == kind]
    return [
        shlex.join(["sqlrail", *each["args"]]) for each in document["spec"]["template"]["spec"][containers]
    ]


def of_image() -> list[str]:
    """The image's entry point and its command."""
    text = (EXAMPLES / "container" / "Dockerfile").read_text()
    parts = re.findall(r"(?m)^(?:ENTRYPOINT|CMD) (\[.*\])$", text)
    return [shlex.join(word for part in parts for word in json.loads(part))]


def of_systemd(unit: str) -> list[str]:
    read = configparser.ConfigParser(interpolation=None)
    read.optionxform = str  # type: ignore[assignment, method-assign]
    read.read(EXAMPLES / "systemd" / f"{unit}.service")
    return [read["Service"]["ExecStart"].rpartition("/bin/")[2]]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A folder of somebody's, with migrations."""
    folder = shutil.copytree(EXAMPLES / "pipeline", tmp_path / "project")
    yield folder
    _run("sqlrail stop", folder)


def _run(command: str, folder: Path, **env: str) -> str:
    """What it prints; the shell runs it, as it will there."""
    bins = shlex.quote(str(Path(sys.executable).parent))
    done = subprocess.run(
        ["/bin/sh", "-c", f'PATH={bins}:"$PATH"; {command}'],
        cwd=folder, env={**clean_environment(), **env}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@needs("CREATEDB")
def test_a_release_by_the_examples(project: Path, database: str) -> None:
    production = {"DATABASE_URL": database, "SQLRAIL_ENV": "production"}
    staging = {"DATABASE_URL": database, "SQLRAIL_ENV": "staging", "SQLRAIL_SCRATCH": "embedded"}
    for command in (*of_github("plan"), *of_gitlab("plan")):
        _run(command, project, **staging)
    assert "2 pending" in (project / "plan.md").read_text()
    (image,), (job,) = of_image(), of_kubernetes("Job", "containers")
    assert image == job
    assert "applied 001_orders" in _run(job, project, **production)
    for command in (*of_gitlab("migrate"), *of_kubernetes("Deployment", "initContainers")):
        _run(command, project, **production)
    query(database, UNTRUSTED)
    for unit in ("sqlrail-cleanup", "sqlrail-purge"):
        for command in of_systemd(unit):
            _run(command, project, **production)
    assert query(database, "SELECT count(*)::int FROM _yoyo_migration") == [(2,)]


def test_an_older_version_that_comes_back_starts(project: Path, database: str) -> None:
    production = {"DATABASE_URL": database, "SQLRAIL_ENV": "production"}
    (job,), (check,) = of_kubernetes("Job", "containers"), of_kubernetes("Deployment", "initContainers")
    _run(job, project, **production)
    for file in (project / "migrations").glob("002_*"):
        file.unlink()
    assert "ahead" in _run(check, project, **production)


def test_the_hook_finds_what_is_dangerous(project: Path) -> None:
    (document,) = documents("ci/pre-commit.yaml")
    (hook,) = document["repos"][0]["hooks"]
    for file in sorted((project / "migrations").glob("*.sql")):
        name = str(file.relative_to(project))
        if re.search(hook["files"], name) and not re.search(hook["exclude"], name):
            _run(f"{hook['entry']} {name}", project)
    (project / "migrations" / "003_bad.sql").write_text("ALTER TABLE orders DROP COLUMN id;\n")
    with pytest.raises(AssertionError, match="ban-drop-column"):
        _run(f"{hook['entry']} migrations/003_bad.sql", project)


def test_the_application_waits_for_the_migrations() -> None:
    (document,) = documents("container/compose.yaml")
    assert (
        document["services"]["app"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    )
    assert set(document["services"]) == {"database", "migrate", "app"}


@pytest.mark.parametrize("timer", sorted((EXAMPLES / "systemd").glob("*.timer")), ids=lambda path: path.stem)
def test_each_timer_has_its_service(timer: Path) -> None:
    assert timer.with_suffix(".service").exists()
