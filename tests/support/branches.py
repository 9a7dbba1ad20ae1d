"""A git repository of a test, and what it needs of git."""

from __future__ import annotations

import subprocess
from pathlib import Path
from shutil import which

from conftest import clean_environment
from console import put

OF_TESTS = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
_NAMED = ("-c", "user.name=tests", "-c", "user.email=tests@localhost", "-c", "commit.gpgsign=false")


def git(*words: str, folder: Path | None = None) -> str:
    """What a command of git prints; it has to succeed."""
    done = subprocess.run(
        [str(which("git")), *_NAMED, *words],
        cwd=folder,
        env=clean_environment() | OF_TESTS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def commit(files: dict[str, str | bytes | None]) -> None:
    """Writes files, removes those of None, and commits that."""
    for name in [name for name, text in files.items() if text is None]:
        Path(name).unlink()
    put({name: text for name, text in files.items() if text is not None})
    git("add", "--all")
    git("commit", "--quiet", "--message", "of a test")


def begin(files: dict[str, str | bytes | None]) -> None:
    """A repository whose branch main has these files, and a branch `topic` of it that is checked out."""
    git("init", "--quiet", "--initial-branch=main")
    commit(files)
    git("checkout", "--quiet", "-b", "topic")


def on_main(files: dict[str, str | bytes | None]) -> None:
    """Commits these to main, and goes back to `topic`."""
    git("checkout", "--quiet", "main")
    commit(files)
    git("checkout", "--quiet", "topic")
