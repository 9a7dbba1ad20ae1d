"""Prisma: a folder a migration, `<digits>_name/migration.sql`. https://www.prisma.io/docs/orm/prisma-migrate"""

from __future__ import annotations

import hashlib

from sqlrail.adopting.golang_migrate import read_pair
from sqlrail.adopting.tool import Folder, Source, Tool, by_name, name_key

#: of its schema engine
_LOCK = 72707369


def _sources(folder: Folder) -> list[Source]:
    return [_source(folder, path.parent.name) for path in folder.files("*/migration.sql")]


def _source(folder: Folder, name: str) -> Source:
    home = folder.path / name
    found = by_name(home / "migration.sql", name)
    down = home / "down.sql"
    return Source(found.key, name, found.number, found.name, found.path, down if down.is_file() else None)


TOOL = Tool(
    name="Prisma",
    table="_prisma_migrations",
    columns=frozenset({"migration_name", "started_at", "finished_at", "rolled_back_at", "checksum"}),
    query="adopt_prisma",
    sources=_sources,
    read=read_pair,
    sign=lambda folder: next(iter(folder.files("*/migration.sql")), None),
    key=name_key,
    digest=lambda text: hashlib.sha256(text).hexdigest(),
    locks=lambda *_: (_LOCK,),
    mend="`prisma migrate resolve`",
)
