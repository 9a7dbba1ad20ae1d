"""Draws docs/plan.svg: what `sqlrail plan` printed of a file that is the README's, by rich. No font is fetched.

TEST_GOLDEN=1 python -m pytest -n 0 tests/test_readme.py
"""

from __future__ import annotations

import io

from conftest import ROOT
from rich.console import Console
from rich.text import Text

PICTURE = ROOT / "docs" / "plan.svg"
#: letters in a line
WIDTH = 138
FORMAT = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">
<title>sqlrail plan</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, monospace; font-size: {char_height}px; \
line-height: {line_height}px }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def picture(command: str, printed: str) -> str:
    """The terminal's window, as a file's text."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), legacy_windows=False, _environ={})
    console.print(Text(f"$ {command}\n{printed}"))
    drawn = console.export_svg(title=command, code_format=FORMAT, unique_id="plan")
    return "\n".join(line.rstrip() for line in drawn.splitlines()) + "\n"
