"""What a tool is here: how its files are known, read and ordered, and where it keeps what it has run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeAlias

from sqlrail.errors import BadFile
from sqlrail.files.content import BOM

#: what orders migrations, and tells one from another: a number in its parts, or what stands for one
Key: TypeAlias = "tuple[int | str, ...]"


class Parts(NamedTuple):
    """What a file says: how it builds, what takes that back (None: nothing does), and whether in a transaction."""

    up: bytes
    down: bytes | None = None
    transactional: bool = True


@dataclass(frozen=True)
class Source:
    """A migration in the tool's own form: a file, or two."""

    key: Key
    #: as the history calls it
    version: str
    #: what leads the name of our file, in its parts; and the rest of that
    number: tuple[int, ...]
    name: str
    path: Path
    down: Path | None = None


@dataclass(frozen=True)
class Folder:
    """A folder of files, as it lies there; it is only read."""

    path: Path

    def files(self, pattern: str = "*") -> list[Path]:
        """The files of such names, in their order; links to nowhere as well, which cannot be read."""
        return sorted(path for path in self.path.glob(pattern) if path.is_file() or not path.exists())

    def numbered(self, pattern: str) -> Iterator[tuple[Path, re.Match[str]]]:
        """The files whose whole names are as the pattern has it."""
        for path in self.files():
            if match := re.fullmatch(pattern, path.name, re.DOTALL):
                yield path, match


def number_key(version: str) -> Key:
    """The key of a version that is one number; what is none is the key of no file."""
    return (int(version),) if re.fullmatch("[0-9]{1,255}", version) else ("", version)


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One tool. Nothing in it asks a database or writes a file."""

    name: str
    #: its history: the table, columns by which that is known, and the query in sql/adopting that reads it
    table: str
    columns: frozenset[str]
    query: str
    #: its migrations, in any order; BadFile for what cannot be one of ours
    sources: Callable[[Folder], Iterable[Source]]
    #: what a migration's files say; BadFile with the line for what cannot be said here
    read: Callable[[Source], Parts]
    #: a file that no other tool has, by what is in it or by its name
    sign: Callable[[Folder], Path | None] = lambda _: None
    #: whether all of its files are known so
    is_signed: bool = True
    #: which files have to be migrations
    files: str = "*.sql"
    #: what the history's version is among the keys
    key: Callable[[str], Key] = number_key
    #: what the history keeps of a file's content; None: nothing
    digest: Callable[[bytes], str] | None = None
    #: whether its history has the last version alone, and all before it count as run
    is_watermark: bool = False
    #: numbers of the advisory locks that it holds while it runs, of a database and the schema of its history
    locks: Callable[[str, str], Sequence[int]] = lambda *_: ()
    #: names of files in which it has migrations that are code
    code: str = r"(?!)"
    #: how its own failures are mended
    mend: str = ""


def content(path: Path) -> bytes:
    """A file without its BOM; BadFile if it cannot be read."""
    return whole(path).removeprefix(BOM)


def whole(path: Path) -> bytes:
    """A file as it is; BadFile if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as exc:
        raise BadFile(f"{path} cannot be read: {exc.strerror}.") from exc


def first_with(folder: Folder, mark: bytes, pattern: str = "*.sql") -> Path | None:
    """The first file in which the mark stands."""
    search = re.compile(mark).search
    return next((path for path in folder.files(pattern) if search(content(path))), None)


def sections(text: bytes, up: bytes, down: bytes) -> tuple[bytes, bytes | None]:
    """The lines of a file's two parts, without those that begin one; what stands before the first builds too."""
    parts: list[list[bytes]] = [[], []]
    now, has_down = parts[0], False
    for line in text.splitlines(keepends=True):
        if re.match(up, line):
            now = parts[0]
        elif re.match(down, line):
            now, has_down = parts[1], True
        else:
            now.append(line)
    return b"".join(parts[0]), b"".join(parts[1]) if has_down else None


def line_of(text: bytes, offset: int) -> int:
    """The line, from 1, in which an offset in bytes lies."""
    return text.count(b"\n", 0, offset) + 1


def refused(path: Path, line: int, what: str) -> BadFile:
    """What is wrong with a file, with its place."""
    return BadFile(f"{path}:{line}: {what}")


def plain(path: Path, match: re.Match[str], down: Path | None = None) -> Source:
    """A migration whose name is a number (group 1), and the rest (group 2)."""
    digits = match[1]
    return Source((int(digits),), digits, (int(digits),), match[2], path, down)


def by_name(path: Path, name: str) -> Source:
    """A migration that the history calls by its whole name, which begins with a number. BadFile if it does not."""
    match = re.match(r"([0-9]+)[-_. ]*(.*)", name, re.DOTALL)
    if match is None:
        raise BadFile(
            f"{path}: its name does not begin with a number, so it has no place among others; rename it."
        )
    return Source((int(match[1]), match[2]), name, (int(match[1]),), match[2], path)


def name_key(version: str) -> Key:
    """The key of by_name()."""
    match = re.match(r"([0-9]+)[-_. ]*(.*)", PurePosixPath(version).name, re.DOTALL)
    return (int(match[1]), match[2]) if match else (0, version)
