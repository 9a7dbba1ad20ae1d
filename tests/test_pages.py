"""The pages for whoever works on sqlrail name what is there: files, rooms, decisions, and the picture of the floors."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import env_example
import floors
import pytest
import reference
from conftest import ROOT

from sqlrail.files.file import File
from sqlrail.postgres import wire

DECISIONS = ROOT / "docs" / "decisions"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
#: folders of the repository; what else lies there is made, or somebody's own
FOLDERS = ("bench", "docs", "examples", "migrations", "sql", "sqlrail", "tests")
PAGES = [
    *ROOT.glob("CONTRIBUTING.md"), ARCHITECTURE, *sorted(DECISIONS.glob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
]  # fmt: skip


@cache
def files() -> list[str]:
    inside = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.*")]
    return [f"/{path.relative_to(ROOT)}" for path in (*ROOT.iterdir(), *inside)]


@cache
def code() -> str:
    return "".join(
        path.read_text() for path in (*(ROOT / "sqlrail").rglob("*.py"), *(ROOT / "tests").rglob("*.py"))
    )


def test_the_picture_of_the_floors_is_that_of_the_code() -> None:
    assert floors.PICTURE.read_text() == floors.picture(), "draw it again: python tests/support/floors.py"


def test_every_room_has_its_line() -> None:
    lines = re.findall(r"^\| `([a-z]+)` \|", ARCHITECTURE.read_text(), re.MULTILINE)
    assert lines == [room for rooms in floors.floors() for room in rooms]


def test_every_decision_is_in_the_list() -> None:
    listed = re.findall(r"\]\((\d{4}-\S+\.md)\)", (DECISIONS / "README.md").read_text())
    assert listed == sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=str)
def test_no_link_is_dead(page: Path) -> None:
    linked = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text())
    assert [link for link, _ in linked if not (page.parent / link).exists()] == []
    headed = [(page.parent / link if link else page, head) for link, head in linked if head]
    assert [head for where, head in headed if head not in anchors(where)] == []


def anchors(page: Path) -> set[str]:
    """What a page's headings are called in a link."""
    heads = re.findall(r"(?m)^#+ +(.+)$", page.read_text())
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    named = re.findall(r"`([\w./-]+\.(?:py|sql|md|toml|txt))`", text)
    assert [name for name in named if not any(path.endswith(f"/{name}") for path in files())] == []
    links = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []
    constants = re.findall(r"`(_?[A-Z]{4,}(?:_[A-Z]+)*)`", text)
    assert [name for name in constants if not re.search(rf"\b{name}\b", code())] == []


def named_in(page: str, pattern: str) -> set[str]:
    return set(re.findall(pattern, (ROOT / page).read_text(), re.MULTILINE))


def test_the_example_of_settings_is_that_of_the_table() -> None:
    assert env_example.FILE.read_text() == env_example.text(), (
        "write it again: python tests/support/env_example.py"
    )


@pytest.mark.parametrize(("name", "text"), reference.pages().items(), ids=reference.pages())
def test_the_reference_is_that_of_the_code(name: str, text: str) -> None:
    assert (reference.FOLDER / name).read_text() == text, "write it again: python tests/support/reference.py"


def test_every_check_of_doctor_has_its_line() -> None:
    assert {*wire.names("doctor_"), *wire.names("cluster_")} - named_in(
        "docs/doctor.md", r"^\| `(\w+)` \|"
    ) == set()


def test_every_directive_has_its_line() -> None:
    there = set(File("001_a", Path("001_a.sql")).directives)
    assert named_in("docs/how-it-works.md", r"^\| `-- ([\w-]+):") == there
