"""Every command in the README and in docs/ is typed, and prints what the page shows: `support/stages.py` says where."""

from __future__ import annotations

import shutil

import pytest
import typed
from blocks import blocks
from conftest import ROOT, majors, needs, open_folder, query
from stages import STAGES
from test_golden import MAJOR

PAGES = {
    str(page.relative_to(ROOT)): page for page in (*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md")))
}

pytestmark = [
    needs("the rights of an owner"),
    pytest.mark.skipif(max(majors(), default=0) != MAJOR, reason=f"the pages are of PostgreSQL {MAJOR}"),
    pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed"),
]


def test_every_page_with_commands_has_its_stage() -> None:
    with_commands = {name for name, page in PAGES.items() if any(it.has_commands for it in blocks(page))}
    assert with_commands == {*STAGES}, "say in tests/support/stages.py what the page supposes"


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=() if stage.is_quick else pytest.mark.promise) for name, stage in STAGES.items()
])  # fmt: skip
def test_each_command_does_what_the_page_shows(name: str, database: str) -> None:
    page, stage = PAGES[name], STAGES[name]
    with open_folder() as folder:
        (folder / "project").mkdir()
        shell = typed.Shell(folder / "project", database, stage)
        try:
            shown = [*typed.typed(page, stage, shell)]
        finally:
            if stage.is_embedded:
                shell.run("make db-stop")
    if typed.WRITE:
        typed.rewritten(page, shown)
        shown = []
    if found := typed.differences(shown):
        pytest.fail(found, pytrace=False)
    for statement, value in stage.after.items():
        assert [[str(it) for it in row] for row in query(database, statement)] == [[value]]
