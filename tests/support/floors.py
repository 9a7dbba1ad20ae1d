"""Draws docs/floors.svg, the rooms of sqlrail and their floors, from .importlinter and the rooms' docstrings.

python tests/support/floors.py
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from configparser import ConfigParser
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "floors.svg"
#: pixels; of a letter, the widest that the text's font has on average
WIDTH, MARGIN, GAP, LINE, LETTER = 760, 10, 10, 18, 7.2


def floors() -> list[list[str]]:
    """The rooms' names, from the highest floor to the lowest; rooms of one floor stand side by side."""
    contract = ConfigParser()
    contract.read(ROOT / ".importlinter")
    layers = contract["importlinter:contract:floors"]["layers"]
    return [re.findall(r"\w+", line) for line in layers.strip().splitlines()]


def purpose(room: str) -> str:
    """The first paragraph of a room's docstring."""
    home = ROOT / "sqlrail" / room
    file = home / "__init__.py" if home.is_dir() else home.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(file.read_text()))
    assert docstring, f"{file} does not say what it is for"
    return " ".join(docstring.split("\n\n")[0].split())


def picture() -> str:
    """The drawing, as a file's text."""
    shapes: list[str] = []
    top = MARGIN
    for rooms in floors():
        width = (WIDTH - 2 * MARGIN - GAP * (len(rooms) - 1)) / len(rooms)
        texts = [textwrap.wrap(purpose(room), int((width - 2 * GAP) / LETTER)) for room in rooms]
        height = LINE * (max(map(len, texts)) + 1) + 2 * GAP
        for number, (room, lines) in enumerate(zip(rooms, texts, strict=True)):
            shapes += _box(MARGIN + number * (width + GAP), top, width, height, room, lines)
        top += height + GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}"'
    )
    style = 'font-family="sans-serif" font-size="13" fill="#222"'
    ground = f'<rect width="{WIDTH}" height="{top}" fill="#fff"/>'
    return "\n".join([f"{head} {style}>", "<title>The rooms of sqlrail</title>", ground, *shapes, "</svg>\n"])


def _box(left: float, top: int, width: float, height: int, room: str, lines: list[str]) -> Iterator[str]:
    yield (
        f'<rect x="{left:g}" y="{top}" width="{width:g}" height="{height}" rx="4" fill="#f2f5f9" stroke="#8798ab"/>'
    )
    for number, line in enumerate([room, *lines], 1):
        weight = ' font-weight="bold"' if number == 1 else ""
        yield f'<text x="{left + GAP:g}" y="{top + GAP - 4 + LINE * number}"{weight}>{escape(line)}</text>'


if __name__ == "__main__":
    PICTURE.write_text(picture())
