"""The files of another tool as files of ours: their names, in one width, and their texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from sqlrail.adopting.tool import Key, Parts, Source, Tool
from sqlrail.errors import BadFile, Refused
from sqlrail.files.file import ROLLBACK
from sqlrail.files.statements import Flaw, all_statements, has_statement

#: digits that the number of a file has at the least
WIDTH = 3
#: what PostgreSQL does outside of a transaction only
_OUTSIDE = (
    rb"(?is)(?:CREATE\s+(?:UNIQUE\s+)?|DROP\s+)INDEX\s+CONCURRENTLY\b|VACUUM\b|REINDEX\b.*?\bCONCURRENTLY\b"
    rb"|ALTER\s+TABLE\b.*\bDETACH\s+PARTITION\b.*\bCONCURRENTLY\b"
)


@dataclass(frozen=True)
class Converted:
    """A migration as it is here."""

    source: Source
    id: str
    up: bytes
    down: bytes | None
    transactional: bool

    @property
    def key(self) -> Key:
        return self.source.key

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """The names and contents of its files."""
        yield f"{self.id}.sql", self.up
        if self.down is not None:
            yield f"{self.id}{ROLLBACK}", self.down


def ordered(tool: Tool, sources: Sequence[Source]) -> list[Source]:
    """In the order in which the tool runs them. Refused where two have one version."""
    found = sorted(sources, key=lambda source: (source.number, str(source.name)))
    for one, other in pairwise(found):
        if one.key == other.key:
            raise Refused(
                f"{one.path} and {other.path} have the same version, {one.version}: {tool.name} would run one of them "
                "only. Give one another version, or remove it. Nothing was changed."
            )
    return found


def convert(tool: Tool, sources: Sequence[Source]) -> list[Converted]:
    """All of them, in their order; BadFile, with all lines, for what cannot be said here."""
    names, found, faults = _names(sources), [], []
    for source, id_ in zip(sources, names, strict=True):
        try:
            found.append(_converted(source, id_, tool.read(source)))
        except BadFile as exc:
            faults.append(str(exc))
    if faults:
        failure = BadFile(*faults, "Nothing was changed.")
        failure.details["faults"] = faults
        raise failure
    return found


def _names(sources: Sequence[Source]) -> list[str]:
    """The ids: numbers of one width and of as many parts, so that they sort as text."""
    parts = max((len(source.number) for source in sources), default=1)
    padded = [(*source.number, *[0] * (parts - len(source.number))) for source in sources]
    widths = [max(len(str(number[part])) for number in padded) for part in range(parts)] if padded else []
    if widths:
        written = [len(it[0]) for source in sources if (it := re.match("[0-9]+", source.version))]
        widths[0] = max(widths[0], WIDTH, *written)
    heads = [
        ".".join(str(it).zfill(width) for it, width in zip(number, widths, strict=True)) for number in padded
    ]
    return [
        f"{head}_{source.name}" if source.name else head for head, source in zip(heads, sources, strict=True)
    ]


def _converted(source: Source, id_: str, parts: Parts) -> Converted:
    up, down = _trimmed(parts.up), _trimmed(parts.down or b"")
    if not up:
        up = f"-- {source.path.name} is empty.\n".encode()
    is_inside = parts.transactional and not _leaves_transaction(up) and not _leaves_transaction(down)
    if not is_inside:
        up = b"-- transactional: false\n" + up
    return Converted(source, id_, up, down if _says_something(down) else None, is_inside)


def _trimmed(text: bytes) -> bytes:
    """The text without blank lines before and behind it."""
    text = re.sub(rb"\A(?:[ \t]*\r?\n)+", b"", text).rstrip()
    return text + b"\n" if text else b""


def _says_something(text: bytes) -> bool:
    try:
        return has_statement(text)
    except Flaw:  # which is said of the file
        return True


def _leaves_transaction(text: bytes) -> bool:
    """Whether a statement in it refuses a transaction."""
    if not re.search(rb"(?i)CONCURRENTLY|VACUUM", text):
        return False
    try:
        return any(re.compile(_OUTSIDE).match(text[it.start : it.end]) for it in all_statements(text))
    except Flaw:
        return False


def write(folder: Path, converted: Sequence[Converted]) -> None:
    """Writes their files into a folder."""
    for one in converted:
        for name, text in one.texts():
            (folder / name).write_bytes(text)
