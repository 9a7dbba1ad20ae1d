"""A report in one file for people who approve: it fetches nothing and runs nothing, and shows every name as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from html import escape
from pathlib import Path

from sqlrail.ground.target import Target
from sqlrail.ground.words import Script, printable, visible

STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
#: classes of the style, by what is to be done about it
BAD, SLOW, GOOD = "bad", "slow", "good"


def page(title: str, target: Target | None, parts: Iterable[str]) -> Script:
    """The file; the parts are made by the functions below, in their order."""
    now = f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"
    return Script(
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{_text(title)}</h1>\n"
        + "\n".join(filter(None, [paragraph(f"{target}, {now}" if target else now), *parts]))
        + "\n</body>\n</html>"
    )


def heading(text: str, badge: str, kind: str) -> str:
    """What a part is of, and how bad that is: one of the classes."""
    return f'<h2>{_text(text)}<span class="badge {kind}">{_text(badge)}</span></h2>'


def paragraph(text: str) -> str:
    """A sentence."""
    return f"<p>{_text(text)}</p>"


def points(lines: Iterable[str], kind: str = "") -> str:
    """A list; nothing where there is no line."""
    items = "".join(f"<li>{_text(line)}</li>" for line in lines)
    return f'<ul class="{kind}">{items}</ul>' if items else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, which a narrow screen moves sideways; nothing where there is no row."""
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>\n" for row in rows)
    head = "".join(f"<th>{_text(each)}</th>" for each in heads)
    return f'<div class="wide"><table><tr>{head}</tr>\n{body}</table></div>' if body else ""


def listing(name: str, text: str) -> str:
    """A file's text, folded."""
    return f"<details><summary>{_text(name)}</summary><pre>{escape(visible(text))}</pre></details>"


def _text(text: str) -> str:
    return escape(printable(text))
