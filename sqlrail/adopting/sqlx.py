"""sqlx: `<digits>_name.sql`, or `.up.sql` and `.down.sql`. https://github.com/launchbadge/sqlx"""

from __future__ import annotations

import hashlib
from zlib import crc32

from sqlrail.adopting.golang_migrate import pairs, read_pair
from sqlrail.adopting.tool import Folder, Parts, Source, Tool, plain

#: at the very beginning of a file, see sqlx-core/src/migrate
_OUTSIDE = b"-- no-transaction"


def _sources(folder: Folder) -> list[Source]:
    simple = folder.numbered(r"([0-9]+)_(.*)(?<!\.up)(?<!\.down)\.sql")
    return [*pairs(folder), *(plain(path, match) for path, match in simple)]


def _read(source: Source) -> Parts:
    up, down, _ = read_pair(source)
    return Parts(up, down, not (up.startswith(_OUTSIDE) or (down or b"").startswith(_OUTSIDE)))


def _locks(database: str, _: str) -> list[int]:
    return [0x3D32AD9E * crc32(database.encode())]


TOOL = Tool(
    name="sqlx",
    table="_sqlx_migrations",
    columns=frozenset({"version", "installed_on", "success", "checksum"}),
    query="adopt_sqlx",
    sources=_sources,
    read=_read,
    is_signed=False,
    digest=lambda text: hashlib.sha384(text).hexdigest(),
    locks=_locks,
    mend="mend the database, and remove or repeat that row",
)
