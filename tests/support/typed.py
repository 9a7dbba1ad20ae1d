"""A shell in a scratch project, in which the commands of a page are typed, and what the page shows is compared.

What a page supposes is its `Stage`: files, rows and commands that are there before one of its commands or blocks. With
TEST_PAGES=1 what was printed is written into the page; put the ellipses back where runs differ, and read the diff.
"""

from __future__ import annotations

import difflib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias

from blocks import Block, Command, blocks, commands
from conftest import ROOT, clean_environment, majors, query, told
from console import put
from psycopg.conninfo import conninfo_to_dict

#: the database of the pages; that of the test stands in for it
URL = "postgresql://app:secret@localhost:5432/app"
TARGET = "app@localhost:5432/app"
WRITE = os.environ.pop("TEST_PAGES", "") == "1"
#: what differs from run to run
VOLATILE = (
    (r"(?m)[ \t]+$", ""),
    (r"(?m)^(?:starting PostgreSQL .*|database: the embedded server .*\n  .*psql\b.*)\n", ""),
    (r"(?m)^\S+: (?:pass \d+: )?[\d,]+ rows walked over, .*\n", ""),
    (r"\d+\.\d\d s\b", "SECONDS s"),
    (r"in \d+ batches\b", "in N batches"),
)
#: how long a command may take, in seconds
LONGEST = 240


class Sql(NamedTuple):
    """Statements of somebody else."""

    text: str


class Into(NamedTuple):
    """The block that follows is written into this file."""

    path: str


class Run(NamedTuple):
    """The block that follows is sent to the database."""


#: a command line, files that somebody writes, or one of those above
Step: TypeAlias = "str | Mapping[str, str] | Sql | Into | Run"


@dataclass(frozen=True)
class Stage:
    """What a page supposes. Each of `before` is for the next command or block that begins so, in this order."""

    before: Sequence[tuple[str, Sequence[Step]]] = ()
    #: what holds when all has been typed: queries, and their one value as text
    after: Mapping[str, str] = field(default_factory=dict)
    #: what cannot be run here: how it begins, and why
    left: Mapping[str, str] = field(default_factory=dict)
    #: commands that end with another exit code than 0, though the page does not show what they print
    codes: Mapping[str, int] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    #: a clone with its Makefile, and not a project of somebody's
    is_clone: bool = False
    #: the server of the Makefile, and not that of the tests
    is_embedded: bool = False
    #: whether it runs in `make test` too
    is_quick: bool = False


class Shell:
    """Runs command lines in one folder; what one exports is there for the next."""

    def __init__(self, folder: Path, database: str, stage: Stage) -> None:
        self.folder, self.database = folder, database
        self.state = folder.parent / "state"
        self.env = {**clean_environment(), **self._settings(stage), **stage.env}
        self._programs(folder.parent / "bin", stage.is_embedded)
        if stage.is_clone:
            self._clone(with_migrations=stage.is_embedded)

    def _settings(self, stage: Stage) -> dict[str, str]:
        if stage.is_embedded:
            return {"SQLRAIL_ENV": "development"}
        said = {name: str(value) for name, value in conninfo_to_dict(self.database).items()}
        names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE"}
        theirs = {names[name]: value for name, value in said.items() if name in names}
        return {"DATABASE_URL": self.database, "SQLRAIL_ENV": "test", **theirs}

    def _programs(self, folder: Path, is_embedded: bool) -> None:
        newest = majors()[max(majors())]
        _script(folder / "sqlrail", f"exec '{sys.executable}' '{ROOT / 'runner.py'}' \"$@\"")
        if is_embedded:
            there = "postgresql://postgres@/app?host=$(sed -n 5p .pgdata/*/postmaster.pid)"
            _script(folder / "psql", f'exec \'{newest / "psql"}\' "{there}" "$@"')
        self.env["PATH"] = os.pathsep.join(
            map(str, (folder, newest, Path(sys.executable).parent, os.environ["PATH"]))
        )

    def _clone(self, with_migrations: bool) -> None:
        names = ["Makefile", "pyproject.toml", "runner.py", "demo.py", "sqlrail", "sql", "tests"]
        for name in [*names, *["migrations"] * with_migrations]:
            (self.folder / name).symlink_to(ROOT / name)
        _script(self.folder / ".venv" / "bin" / "python", f"exec '{sys.executable}' \"$@\"")
        (self.folder / ".venv" / ".installed").touch()

    def run(self, text: str) -> tuple[int, str]:
        """The exit code, and all that was printed, as a page shows it."""
        typed = f'[ -e "{self.state}" ] && . "{self.state}"\nset -e\n{text}\nexport -p > "{self.state}"\n'
        done = subprocess.run(
            ["bash", "-c", typed.replace(URL, self.database)],  # noqa: S607
            cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=LONGEST,
        )  # fmt: skip
        return done.returncode, re.sub(r"\w+@\S*/test_\w+", TARGET, told(done.stdout).strip("\n"))

    def do(self, step: Step, block: Block) -> None:
        """Does what a page supposes."""
        if isinstance(step, Sql):
            query(self.database, step.text)
        elif isinstance(step, Run):
            query(self.database, block.text)
        elif isinstance(step, Into):
            put({step.path: f"{block.text}\n"}, self.folder)
        elif isinstance(step, str):
            code, printed = self.run(step)
            assert code == 0, f"{step}\n{printed}"
        else:
            put(step, self.folder)


class Shown(NamedTuple):
    """What a page shows below a command, and what was printed."""

    command: Command
    printed: tuple[str, ...]

    @property
    def is_so(self) -> bool:
        return bool(re.fullmatch(_pattern(self.command.shown or ()), _steady("\n".join(self.printed)) + "\n"))


def typed(page: Path, stage: Stage, shell: Shell) -> Iterator[Shown]:
    """Types the commands of a page, and yields what was printed where the page shows that."""
    waiting, left = [*stage.before], {*stage.left}
    for block in blocks(page):
        for command in commands(block) if block.has_commands else [Command(block.text)]:
            if waiting and command.text.startswith(waiting[0][0]):
                _, steps = waiting.pop(0)
                for step in steps:
                    shell.do(step, block)
            if block.path:
                put({block.path: f"{block.text}\n"}, shell.folder)
            if begins := {it for it in stage.left if command.text.startswith(it)}:
                left -= begins
            elif block.has_commands:
                yield from _typed(command, stage, shell)
    assert (waiting, left) == ([], set()), "the page has no such command or block any more"


def _typed(command: Command, stage: Stage, shell: Shell) -> Iterator[Shown]:
    code, printed = shell.run(command.text)
    if command.shown is None:
        expected = next((it for begin, it in stage.codes.items() if command.text.startswith(begin)), 0)
        assert code == expected, f"{command.text}\n{printed}"
    else:
        yield Shown(command, tuple(printed.split("\n")))


def rewritten(page: Path, shown: Sequence[Shown]) -> None:
    """Writes into a page what was printed."""
    lines = page.read_text().splitlines()
    for it in reversed(shown):
        if not it.is_so:
            lines[it.command.begins : it.command.begins + len(it.command.shown or ())] = it.printed
    page.write_text("\n".join(lines) + "\n")


def differences(shown: Sequence[Shown]) -> str:
    """Where a page shows what was not printed."""
    found = [line for it in shown if not it.is_so for line in (f"$ {it.command.text}", *_difference(it))]
    return "\n".join(found)


def _difference(shown: Shown) -> list[str]:
    return [
        *difflib.unified_diff(shown.command.shown or (), shown.printed, "the page", "printed", lineterm="")
    ]


def _pattern(shown: Sequence[str]) -> str:
    """A pattern of what is shown: an ellipsis stands for anything in its line; alone, for lines."""
    lines = _steady("\n".join(shown)).split("\n")
    parts = [r"(?:.*\n)*?" if line.strip() == "…" else f"{_line(line)}\n" for line in lines]
    return "".join(parts)


def _line(line: str) -> str:
    return ".*?".join(re.escape(part) for part in line.split("…"))


def _steady(text: str) -> str:
    """The text without trailing blanks, what the embedded server says in each run, and how long something took."""
    for pattern, instead in VOLATILE:
        text = re.sub(pattern, instead, text)
    return text


def _script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
