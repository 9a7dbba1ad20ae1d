"""golang-migrate: `N_name.up.sql` and `N_name.down.sql`. https://github.com/golang-migrate/migrate"""

from __future__ import annotations

from zlib import crc32

from sqlrail.adopting.tool import Folder, Parts, Source, Tool, content, plain

#: what its database.GenerateAdvisoryLockId multiplies with
_SALT = 1486364155


def pairs(folder: Folder) -> list[Source]:
    """The migrations of which each has one file that builds, and perhaps one that takes it back."""
    downs = {int(match[1]): path for path, match in folder.numbered(r"([0-9]+)_(.*)\.down\.sql")}
    return [
        plain(path, match, downs.get(int(match[1])))
        for path, match in folder.numbered(r"([0-9]+)_(.*)\.up\.sql")
    ]


def read_pair(source: Source) -> Parts:
    """A file each, as they are."""
    return Parts(content(source.path), None if source.down is None else content(source.down))


def _locks(database: str, schema: str) -> list[int]:
    """The command names the database by its URL's path, a program by its name."""
    names = (f"{schema}\0{TOOL.table}\0{name}" for name in (database, f"/{database}"))
    return [crc32(name.encode()) * _SALT % 2**32 for name in names]


TOOL = Tool(
    name="golang-migrate",
    table="schema_migrations",
    columns=frozenset({"version", "dirty"}),
    query="adopt_golang_migrate",
    sources=pairs,
    read=read_pair,
    is_signed=False,
    is_watermark=True,
    locks=_locks,
    code=r"[0-9]+_.*\.(?:up|down)\.(?!sql\Z).*",
    mend="mend the database, then `migrate force VERSION`",
)
