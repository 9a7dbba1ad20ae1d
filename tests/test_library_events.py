"""What applications are told: each event has a name in sqlrail.events, and a row of the page."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import get_args

import pytest
from conftest import ROOT

from sqlrail import events
from sqlrail.ground.events import Event

TOLD = get_args(Event)


@pytest.mark.parametrize("kind", TOLD, ids=lambda kind: kind.__name__)
def test_the_page_has_each_with_its_fields(kind: type) -> None:
    page = (ROOT / "docs" / "library.md").read_text()
    assert f"`{kind.__name__}({', '.join(inspect.signature(kind).parameters)})`" in page


def test_all_of_them_can_be_imported() -> None:
    assert [kind for kind in TOLD if getattr(events, kind.__name__, None) is not kind] == []


@pytest.mark.parametrize(
    "line",
    [
        "import sqlrail.aio",
        "from sqlrail.aio import migrate",
        "from sqlrail.events import Applied",
        "from sqlrail.errors import Refused",
        "import sqlrail; sqlrail.aio.migrate, sqlrail.events.Applied, sqlrail.errors.Refused",
    ],
)
def test_a_module_is_imported_as_modules_are(line: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", line], check=True)
