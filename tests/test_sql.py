"""Our own SQL: each file says what it is for, is whole statements or a fragment, has a name of its own, and is used."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from sqlrail.postgres import wire

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ROOT / "sql"
#: a user's: rows for development
SEED = ROOMS / "seed.sql"
FILES = sorted(path for path in ROOMS.rglob("*.sql") if path != SEED)
each = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOMS)))


@each
def test_a_file_says_first_what_it_is_for(path: Path) -> None:
    assert re.match(r" *-- \S", path.read_text())


@each
def test_whole_statements_end_in_a_semicolon_and_fragments_begin_with_an_underscore(path: Path) -> None:
    # {ours} is ours.sql, which ends in one.
    assert path.name.startswith("_") or path.read_text().endswith((";\n", ";\n{ours}\n"))


def test_names_are_unique_over_all_rooms() -> None:
    assert [name for name, count in Counter(path.name for path in FILES).items() if count > 1] == []
    assert set(wire._files()) == {path.stem for path in (*FILES, SEED)}


def test_every_file_is_used() -> None:
    code = "".join(path.read_text() for path in (ROOT / "sqlrail").rglob("*.py"))
    said = set(re.findall(r"""["'](\w+)["']""", code))
    assert [path.stem for path in FILES if said.isdisjoint(_ways_to_say(path.stem))] == []


def _ways_to_say(name: str) -> list[str]:
    """What stands in the code that sends a file: its name, or the rest of a name that is put together."""
    if name.startswith("doctor_"):  # a check is asked for by being there
        return ["doctor_"]
    if name.startswith("_provider_"):  # of which the catalog says the rest
        return ["_rules"]
    return [name, *(name.removeprefix(begin) for begin in ("_catalog_", "limits_"))]


def test_every_room_is_on_the_map() -> None:
    said = set(re.findall(r"\]\((\w+(?:\.sql)?)\)", (ROOMS / "README.md").read_text()))
    assert said == {path.name for path in ROOMS.iterdir()} - {"README.md"}
