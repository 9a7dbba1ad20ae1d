"""dbmate: `<digits>_name.sql`, in two sections. https://github.com/amacneil/dbmate"""

from __future__ import annotations

import re

from sqlrail.adopting.tool import Folder, Parts, Source, Tool, content, first_with, plain, refused, sections

_UP = rb"--\s*migrate:up(?:\s|\Z)"
_DOWN = rb"--\s*migrate:down(?:\s|\Z)"
_OUTSIDE = rb"(?m)^--\s*migrate:(?:up|down)\s(?:[^\n]*\s)?transaction:false(?:\s|\Z)"


def _sources(folder: Folder) -> list[Source]:
    return [plain(*it) for it in folder.numbered(r"([0-9]+)_?(.*)\.sql")]


def _read(source: Source) -> Parts:
    text = content(source.path)
    if not re.search(rb"(?m)^" + _UP, text):
        raise refused(source.path, 1, "it has no line `-- migrate:up`, without which dbmate does not run it.")
    return Parts(*sections(text, _UP, _DOWN), not re.search(_OUTSIDE, text))


TOOL = Tool(
    name="dbmate",
    table="schema_migrations",
    columns=frozenset({"version"}),
    query="adopt_dbmate",
    sources=_sources,
    read=_read,
    sign=lambda folder: first_with(folder, rb"(?m)^" + _UP),
)
