"""node-pg-migrate's SQL files: `<digits>_name.sql`, in two sections. https://github.com/salsita/node-pg-migrate"""

from __future__ import annotations

import re

from sqlrail.adopting.tool import (
    Folder,
    Parts,
    Source,
    Tool,
    by_name,
    content,
    first_with,
    line_of,
    name_key,
    refused,
    sections,
)

_UP = rb"[^\S\n]*--[\s-]*(?i:up\s+migration)"
_DOWN = rb"[^\S\n]*--[\s-]*(?i:down\s+migration)"
#: PG_MIGRATE_LOCK_ID in its runner
_LOCK = 7241865325823964


def _sources(folder: Folder) -> list[Source]:
    return [by_name(path, path.stem) for path in folder.files("*.sql") if not path.name.startswith(".")]


def _read(source: Source) -> Parts:
    text = content(source.path)
    up, down = (re.search(rb"(?m)^" + mark, text) for mark in (_UP, _DOWN))
    if down and not up:
        raise refused(
            source.path,
            line_of(text, down.end()),
            "there is no `-- Up Migration` besides, so node-pg-migrate has run what stands behind this mark as well; "
            "write that one above what builds.",
        )
    # It does not run what stands in front of both.
    return Parts(*sections(text[min(it.start() for it in (up, down) if it) :] if up else text, _UP, _DOWN))


TOOL = Tool(
    name="node-pg-migrate",
    table="pgmigrations",
    columns=frozenset({"id", "name", "run_on"}),
    query="adopt_node_pg_migrate",
    sources=_sources,
    read=_read,
    sign=lambda folder: first_with(folder, rb"(?m)^(?:" + _UP + rb"|" + _DOWN + rb")"),
    is_signed=False,
    key=name_key,
    locks=lambda *_: (_LOCK,),
    code=r"[0-9]+[-_].*\.(?:[cm]?[jt]s)",
)
