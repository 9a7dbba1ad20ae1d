"""The commands in the blocks of a page, in their order, with what the page shows that they print."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: what a line of a block without `$` begins with, if that block has commands
PROGRAMS = (
    "sqlrail",
    "make",
    "export",
    "pip",
    "mkdir",
    "psql",
    "pg_dump",
    "git",
    "pytest",
    "for",
    "docker",
    "kubectl",
)
#: languages of blocks that may have commands
SHELL = ("", "sh", "console")
#: the first line of a file that a page shows, with its path
FILE = re.compile(r"-- ((?:migrations/|code/)[\w./-]+\.sql)\b")


@dataclass(frozen=True)
class Block:
    """What stands between two fences; lines count from 0, the first is that behind the fence."""

    language: str
    lines: tuple[str, ...]
    begins: int

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def path(self) -> str | None:
        """Of the file that it shows; None where it shows none."""
        match = FILE.match(self.text)
        return match and re.sub(r"\Acode/", "migrations/code/", match[1])

    @property
    def has_commands(self) -> bool:
        """Whether somebody is to type what stands there."""
        return self.language in SHELL and any(
            line.startswith("$ ") or re.match(rf"(?:{'|'.join(PROGRAMS)})\s", line) for line in self.lines
        )


@dataclass(frozen=True)
class Command:
    """What is typed, and the lines that the page shows below it (None: none), the first of them on that line."""

    text: str
    shown: tuple[str, ...] | None = None
    begins: int = 0


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page."""
    lines = page.read_text().splitlines()
    fences = [number for number, line in enumerate(lines) if line.lstrip().startswith("```")]
    for begin, end in zip(fences[::2], fences[1::2], strict=True):
        indent = len(lines[begin]) - len(lines[begin].lstrip())
        inside = tuple(line[indent:] for line in lines[begin + 1 : end])
        yield Block(lines[begin].strip(" `"), inside, begin + 1)


def commands(block: Block) -> Iterator[Command]:
    """What is typed: behind each `$`, or else each line; it goes on as long as the shell wants more."""
    is_session = any(line.startswith("$ ") for line in block.lines)
    at = 0
    while at < len(block.lines):
        end = at + 1
        while end < len(block.lines) and not _is_whole(_typed(block.lines[at:end])):
            end += 1
        text, begins = _typed(block.lines[at:end]), block.begins + end
        at = end
        if not is_session:
            yield Command(text)
            continue
        while at < len(block.lines) and not block.lines[at].startswith("$ "):
            at += 1
        shown = block.lines[end:at]
        yield Command(text, shown or None, begins)


def _typed(lines: tuple[str, ...]) -> str:
    return "\n".join(lines).removeprefix("$ ")


def _is_whole(text: str) -> bool:
    """Whether the shell would run it, and not wait for more lines."""
    return not subprocess.run(["bash", "-nc", text], capture_output=True, check=False).returncode  # noqa: S607
