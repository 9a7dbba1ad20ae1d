"""The files of another tool as files of ours: their names, in one width, and their texts."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from sqlrail.adopting.tool import Key, Parts, Source, Tool
from sqlrail.errors import BadFile, Refused
from sqlrail.files.directives import is_heard, may_be_directive
from sqlrail.files.examine import examine
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
    _refuse_one_name(found)
    return found


def _refuse_one_name(converted: Sequence[Converted]) -> None:
    there: dict[str, Converted] = {}
    for one in converted:
        for name, _ in one.texts():
            if other := there.get(name):
                raise Refused(
                    f"{other.source.path} and {one.source.path} would both become {name}; rename one of them, and in "
                    "the history too, where that has its name. Nothing was changed."
                )
            there[name] = one


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
        f"{head}_{_named(source.name)}" if source.name else head
        for head, source in zip(heads, sources, strict=True)
    ]


def _named(name: str) -> str:
    """The name, where it would not be that of a rollback: `a.rollback` becomes `a_rollback`."""
    end = ROLLBACK.removesuffix(".sql")
    return f"{name.removesuffix(end)}_{end[1:]}" if name.endswith(end) else name


def _converted(source: Source, id_: str, parts: Parts) -> Converted:
    up, down = _unheard(_trimmed(parts.up)), _unheard(_trimmed(parts.down or b""))
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


def _unheard(text: bytes) -> bytes:
    """The text, whose comments say nothing to us: a bracket opens before what looks like a directive."""
    said, behind = [], 0
    for comment in examine(io.BytesIO(text), transactional=False, wants=may_be_directive).comments:
        lines = comment.text.decode(errors="surrogateescape").splitlines(keepends=True)
        quiet = "".join(_bracketed(line) if is_heard(line.strip()) else line for line in lines)
        said += [text[behind : comment.offset], quiet.encode(errors="surrogateescape")]
        behind = comment.offset + len(comment.text)
    return b"".join([*said, text[behind:]])


def _bracketed(line: str) -> str:
    return re.sub(r"\A[-/*\s]*", r"\g<0>(", line, count=1)


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
