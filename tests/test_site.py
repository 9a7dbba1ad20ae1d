"""The site of docs/: it builds without a warning, and each of its pages is reached from the first."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from conftest import ROOT


def test_it_builds_without_a_warning_and_no_link_is_dead(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-b",
        "html",
        "-d",
        str(tmp_path / "trees"),
    ]
    done = subprocess.run(
        [*command, str(ROOT / "docs"), str(tmp_path / "site")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    pages = {page: page.read_text() for page in (tmp_path / "site").rglob("*.html")}
    assert len(pages) > 30
    for page, text in pages.items():
        for link, _, head in (it.partition("#") for it in re.findall(r'href="((?!https?:)[^"]*)"', text)):
            there = (page.parent / link.partition("?")[0]).resolve() if link else page
            assert there.exists(), f"{page.name}: {link}"
            assert not head or there not in pages or f'id="{head}"' in pages[there], (
                f"{page.name}: {link}#{head}"
            )
