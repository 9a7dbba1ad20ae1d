"""The Makefile, with a stand-in for Python that notes what it is asked to do: no package index is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

STAND_IN = """#!/bin/sh
echo "$*" >> calls
case "$*" in
    "-c import sys"*) test "$BROKEN" != old ;;
    "-c import ensurepip, venv") test "$BROKEN" != ensurepip ;;
    "-m venv --clear .venv")
        rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python
        test "$BROKEN" != venv && touch .venv/pip ;;
    "-c import pip") test -e .venv/pip ;;
    "-m pip install"*) test "$BROKEN" != pip ;;
    demo.py | runner.py*) echo "embedded=$SQLRAIL_EMBEDDED $*" ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "a project, with 'quotes'"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    python = folder / "stand in"
    python.write_text(STAND_IN)
    python.chmod(0o755)
    return folder


def make(project: Path, *args: str, broken: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "PYTHON=./stand in", *args],  # noqa: S607
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "BROKEN": broken, **environment},
    )


def calls(project: Path, beginning: str) -> list[str]:
    """What the stand-in was asked to do since the last look."""
    noted = project / "calls"
    lines = noted.read_text().splitlines() if noted.exists() else []
    noted.unlink(missing_ok=True)
    return [line for line in lines if line.startswith(beginning)]


def test_make_alone_prints_the_targets_and_installs_nothing(project: Path) -> None:
    done = make(project)
    assert done.returncode == 0
    verbs = ("migrate", "status", "plan", "cleanup", "restore", "rollback", "reset", "drift", "doctor", "schema",
             "repair", "new", "lint", "create", "drop", "stop")  # fmt: skip
    for target in (*(f"db-{verb}" for verb in verbs), "demo", "test", "test-all", "lint", "bench"):
        assert f"\n  {target} " in done.stdout
    assert calls(project, "") == []
    assert not (project / ".venv").exists()


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["db-migrate"], "runner.py migrate"),
        (["db-migrate", "ARGS=--json --to '003 x'"], "runner.py migrate --json --to 003 x"),
        (["db-status"], "runner.py status"),
        (["db-plan", "ARGS=--check"], "runner.py plan --check"),
        (["db-drift"], "runner.py drift"),
        (
            ["db-drift", "ORM=npx 'a b' \"c\" $$HOME;", "ARGS=--check"],
            "runner.py drift --orm npx 'a b' \"c\" $HOME; --check",
        ),
        (["db-doctor"], "runner.py doctor"),
        (["db-doctor", "ARGS=--write 'mend it'"], "runner.py doctor --write mend it"),
        (["db-schema", "ARGS=--schema-file schema.sql"], "runner.py schema --schema-file schema.sql"),
        (["db-cleanup"], "runner.py cleanup"),
        (["db-cleanup", "DRY_RUN=1"], "runner.py cleanup --dry-run"),
        (["db-cleanup", "DRY_RUN=True"], "runner.py cleanup --dry-run"),
        (["db-cleanup", "DRY_RUN=0"], "runner.py cleanup"),
        (["db-cleanup", "DRY_RUN="], "runner.py cleanup"),
        (["db-restore", "RUN=3"], "runner.py restore 3"),
        (["db-restore", "RUN=3", "ARGS=--force"], "runner.py restore 3 --force"),
        (["db-rollback"], "runner.py rollback"),
        (["db-switch", "ARGS=--dry-run"], "runner.py switch --dry-run"),
        (["db-rollback", "ARGS=--steps 2 --yes"], "runner.py rollback --steps 2 --yes"),
        (["db-reset"], "runner.py reset --yes"),
        (["db-repair"], "runner.py repair"),
        (["db-repair", "ARGS=002_x --yes"], "runner.py repair 002_x --yes"),
        (["db-new", "NAME=add 'users' $$(id)"], "runner.py new add 'users' $(id)"),
        (["db-new", "NAME=x", "ARGS=--json"], "runner.py new x --json"),
        (["db-lint"], "runner.py lint"),
        (["db-lint", "ARGS=--all --check"], "runner.py lint --all --check"),
        (["db-stop"], "runner.py stop"),
        (["demo"], "demo.py"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_db_target_runs_its_verb_and_prints_nothing_else(
    project: Path, args: list[str], expected: str
) -> None:
    done = make(project, *args)
    assert (done.returncode, done.stdout) == (0, f"embedded=1 {expected}\n")


def test_a_name_that_was_not_given_here_is_not_taken(project: Path) -> None:
    done = make(project, "db-new", NAME="machine")
    assert (done.returncode, done.stdout) == (0, "embedded=1 runner.py new \n")


def test_a_second_run_installs_nothing(project: Path) -> None:
    make(project, "db-status")
    assert len(calls(project, "-m pip install")) == 1
    make(project, "db-status")
    assert calls(project, "") == ["runner.py status"]


#: what every run of the tests has: all cores, a file with one worker
WORKERS = "-n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder"


def test_all_tests_are_those_of_a_change_and_those_that_are_slow_by_design(project: Path) -> None:
    make(project, "test-all", "ARGS=-k x")
    assert calls(project, "-m pytest") == [f"-m pytest {WORKERS} -k x"]


def test_the_test_tools_are_added_once_and_bring_the_rest(project: Path) -> None:
    make(project, "test", "ARGS=-k x")
    assert calls(project, "-m p")[-1] == f"-m pytest {WORKERS} -m not promise -k x"
    make(project, "lint")
    make(project, "db-status")
    assert calls(project, "-m pip install") == []


def test_a_changed_pyproject_is_installed_again(project: Path) -> None:
    make(project, "db-status")
    calls(project, "")
    later = (project / ".venv" / ".installed").stat().st_mtime + 1
    os.utime(project / "pyproject.toml", (later, later))
    make(project, "db-status")
    assert len(calls(project, "-m pip install")) == 1


@pytest.mark.parametrize("broken", ["pip", "venv"])
def test_an_interrupted_installation_is_repaired(project: Path, broken: str) -> None:
    assert make(project, "db-status", broken=broken).returncode != 0
    assert calls(project, "runner.py") == []
    done = make(project, "db-status")
    assert (done.returncode, done.stdout) == (0, "embedded=1 runner.py status\n")
    assert len(calls(project, "-m pip install")) == 1


def test_an_environment_whose_python_is_gone_is_made_again(project: Path) -> None:
    make(project, "db-status")
    python = project / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    calls(project, "")
    assert make(project, "db-status").returncode == 0
    assert len(calls(project, "-m pip install")) == 1


@pytest.mark.parametrize(
    ("broken", "expected"),
    [("old", "too old"), ("ensurepip", "apt install python3-venv")],
)
def test_a_python_that_will_not_do_is_named_in_one_line(project: Path, broken: str, expected: str) -> None:
    done = make(project, "db-status", broken=broken)
    sentence, *rest = done.stderr.splitlines()
    assert done.returncode != 0
    assert expected in sentence
    assert [line for line in rest if not line.startswith("make: ***")] == []
    assert not (project / ".venv").exists()


def test_a_missing_python_is_named_in_one_line(project: Path) -> None:
    done = make(project, "db-status", "PYTHON=python9")
    assert done.returncode != 0
    assert done.stderr.startswith("python9 does not run: install Python 3.10 or newer")
