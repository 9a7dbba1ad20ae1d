"""Flyway: `V1.2__name.sql`, `U1.2__name.sql` and `R__name.sql`, in all sub-folders. https://documentation.red-gate.com/flyway"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from zlib import crc32

from sqlrail.adopting.tool import Folder, Key, Parts, Source, Tool, content, line_of, refused
from sqlrail.errors import BadFile

_VERSIONED = r"([VUB])([0-9]+(?:[._][0-9]+)*)__(.*)\.sql"
_REPEATABLE = r"R__(.*)\.sql"
_OUTSIDE = rb"(?im)^(?:--\s*flyway:)?\s*executeInTransaction\s*=\s*false\s*$"
_PLACEHOLDER = rb"\$\{[^}\r\n]*\}"


def _numbers(version: str) -> tuple[int, ...]:
    """The version's parts; 1.0 is 1."""
    parts = [int(part) for part in re.split("[._]", version)]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return tuple(parts)


def _key(version: str) -> Key:
    return (
        _numbers(version)
        if re.fullmatch(r"[0-9]+(?:[._][0-9]+)*", version)
        else ("R", PurePosixPath(version).name)
    )


def _sources(folder: Folder) -> list[Source]:
    files = folder.files("**/*.sql")
    versioned = [(path, it) for path in files if (it := re.fullmatch(_VERSIONED, path.name, re.DOTALL))]
    undo = {_numbers(it[2]): path for path, it in versioned if it[1] == "U"}
    if based := next((path for path, it in versioned if it[1] == "B"), None):
        raise BadFile(
            f"{based}: a baseline migration stands for all before it; move it away, or those that it stands for."
        )
    found = [
        Source(_numbers(it[2]), it[2], _numbers(it[2]), it[3], path, undo.get(_numbers(it[2])))
        for path, it in versioned
        if it[1] == "V"
    ]
    last = max((source.number[0] for source in found), default=0)
    repeatable = sorted(
        (path for path in files if re.fullmatch(_REPEATABLE, path.name)), key=lambda path: path.name
    )
    # They run behind all others, by their names.
    return [*found, *(_repeatable(path, last + number) for number, path in enumerate(repeatable, 1))]


def _repeatable(path: Path, number: int) -> Source:
    return Source(("R", path.name), path.name, (number,), path.stem.removeprefix("R__"), path)


def _read(source: Source) -> Parts:
    up, down = content(source.path), None if source.down is None else content(source.down)
    beside = source.path.with_name(f"{source.path.name}.conf")
    said = up + (content(beside) if beside.is_file() else b"")
    for path, text in ((source.path, up), (source.down, down)):
        if path and text and (found := re.search(_PLACEHOLDER, text)):
            what = found[0].decode(errors="replace")
            raise refused(
                path,
                line_of(text, found.start()),
                f"{what} is a placeholder of Flyway's; write what it stands for, and where the file has "
                "run, `flyway repair` takes its new checksum.",
            )
    return Parts(up, down, not re.search(_OUTSIDE, said))


def _digest(text: bytes) -> str:
    """CRC-32 over the lines without their ends, as a Java int."""
    number = crc32(b"".join(re.split(rb"\r\n|\r|\n", text)))
    return str(number - 2**32 if number >= 2**31 else number)


def _sign(folder: Folder) -> Path | None:
    form = f"{_VERSIONED}|{_REPEATABLE}"
    return next((path for path in folder.files("**/*.sql") if re.fullmatch(form, path.name, re.DOTALL)), None)


TOOL = Tool(
    name="Flyway",
    table="flyway_schema_history",
    columns=frozenset({"installed_rank", "version", "script", "type", "checksum", "installed_on", "success"}),
    query="adopt_flyway",
    sources=_sources,
    read=_read,
    sign=_sign,
    files="**/*.sql",
    key=_key,
    digest=_digest,
    code=r"[VUR][0-9._]*__.*\.(?:java|kt|class|py|sh|ps1)",
    mend="`flyway repair`",
)
