"""Every command that a page or an example tells people to type is one: its verb and its flags are there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

from sqlrail.cli.parser import parse
from sqlrail.cli.verb import names

PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(path for path in (ROOT / "examples").rglob("*") if path.is_file() and "cache" not in str(path)),
    *(ROOT / "sqlrail/verbs/templates").iterdir(),
    ROOT / "Makefile",
]
#: what stands for the words that a page writes for a value
VALUES = {"RUN": "1", "ENVIRONMENT": "test"}
#: up to what ends a command on its line
COMMAND = re.compile(
    rf"(?:\bsqlrail|\brunner\.py|\$\(SQLRAIL\)|\$\(RUNNER\)) ((?:{'|'.join(names())}) "
    r"(?:'[^'\n]*'|\"[^\"\n]*\"|[^\n`|;&>#)'\"])*)"
)
TARGET = re.compile(r"(?m)(?:^|[`$] ?)make ([a-z][\w-]*)(?=[`\n]| [A-Z#])")


def commands(page: Path) -> Iterator[str]:
    """Those without an ellipsis or something of make's; what a page writes for a value is one."""
    text = re.sub(r"(?m)`[^`\n]*\n[^`\n]*`", lambda code: code[0].replace("\n", " "), page.read_text())
    for command in COMMAND.findall(text):
        if not re.search(r"…|\.\.\.|\$\(|\[", command):
            yield re.sub(r"\b(RUN|ENVIRONMENT)\b", lambda word: VALUES[word[0]], command.rstrip(" \\"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_command_can_be_typed(page: Path) -> None:
    for command in commands(page):
        parse(shlex.split(command))


def test_there_are_some() -> None:
    assert sum(len([*commands(page)]) for page in PAGES) > 80


def test_each_target_is_there() -> None:
    makefiles = [path.read_text() for path in PAGES if path.name == "Makefile"]
    there = {
        name
        for text in makefiles
        for line in re.findall(r"(?m)^([a-z][\w -]*):", text)
        for name in line.split()
    }
    for page in PAGES:
        if page.suffix == ".md":
            assert {*TARGET.findall(page.read_text())} - there == set(), page
