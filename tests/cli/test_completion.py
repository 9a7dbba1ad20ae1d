"""Completion: what a shell is answered, and that bash, zsh and fish read what `completion` prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, clean_environment, run

BASH = shutil.which("bash") or "/bin/bash"
#: asks bash itself, as a Tab does
ASK = """
eval "$(sqlrail completion bash)"
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMPREPLY=()
read -ra COMP_WORDS <<< "$1"
[[ $1 == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_python_argcomplete sqlrail "" ""
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "my project" / "migrations"
    folder.mkdir(parents=True)
    for name in (
        "001_users.sql",
        "001_users.rollback.sql",
        "002_it's $(touch gone).sql",
        "003_\x1b[31m.sql",
        "notes.txt",
    ):
        (folder / name).touch()
    return folder.parent


def answered(line: str, cwd: Path, **env: str) -> list[str]:
    """What a shell is answered that asks what completes the line."""
    answer = cwd / "answer"
    subprocess.run(
        [sys.executable, ROOT / "runner.py"], check=True, cwd=cwd, stdin=subprocess.DEVNULL,
        env={
            **clean_environment(), "_ARGCOMPLETE": "1", "_ARGCOMPLETE_SHELL": "fish", "_ARGCOMPLETE_IFS": "\n",
            "_ARGCOMPLETE_SUPPRESS_SPACE": "1", "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
            "COMP_LINE": line, "COMP_POINT": str(len(line.encode())), **env,
        },
    )  # fmt: skip
    words = [word.partition("\t")[0] for word in answer.read_text().split("\n")]
    answer.unlink()
    return [word for word in words if word]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sqlrail mi", ["migrate"]),
        ("sqlrail migrate --allow-l", ["--allow-late"]),
        ("sqlrail --js", ["--json"]),
        ("sqlrail stamp st", ["staging"]),
        ("sqlrail completion ", ["bash", "zsh", "fish"]),
        ("sqlrail migrate --to 001", ["001_users"]),
        ("sqlrail rollback --to 001", ["001_users"]),
        ("sqlrail repair 001", ["001_users"]),
        ("sqlrail --migrations mig", ["migrations/"]),
        ("sqlrail migrate --lock-timeout ", []),
        ("sqlrail restore ", []),
    ],
)
def test_what_may_come_next(project: Path, line: str, expected: list[str]) -> None:
    assert sorted(answered(line, project)) == sorted(expected)


def test_migrations_are_those_of_the_folder_that_is_named(project: Path) -> None:
    (project / "migrations").rename(project / "other")
    assert answered("sqlrail migrate --to 001", project) == []
    assert answered("sqlrail migrate --to 001", project, SQLRAIL_MIGRATIONS="other") == ["001_users"]
    assert answered("sqlrail --migrations other migrate --to 001", project) == ["001_users"]


def test_no_name_reaches_a_terminal_that_could_tell_it_what_to_do(project: Path) -> None:
    assert len(answered("sqlrail migrate --to 00", project)) == 2


def test_bash_itself_completes_and_runs_nothing_of_a_name(project: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def asked(line: str) -> list[str]:
        done = subprocess.run(
            [BASH, "-c", ASK, "bash", line], capture_output=True, text=True, check=True, cwd=project,
            env={**clean_environment(), "PATH": path},
        )  # fmt: skip
        return [word.strip() for word in done.stdout.splitlines()]

    assert asked("sqlrail roll") == ["rollback"]
    assert len(asked("sqlrail migrate --to 00")) == 2
    assert not (project / "gone").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_reads_its_script(shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    script = run("completion", shell).stdout
    assert "sqlrail" in script
    assert subprocess.run([shell, "-n"], input=script, text=True, check=False).returncode == 0
