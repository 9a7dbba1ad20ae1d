"""Code files, the folder code/ beside the migrations: each makes one view, function, procedure, trigger or policy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import dropwhile, islice
from pathlib import Path
from typing import NamedTuple

from sqlrail.errors import BadFile
from sqlrail.files import statements
from sqlrail.files.file import File, read_file, read_text

#: the one folder within that of the migrations that is read
FOLDER = "code"
#: what a code file may make
ROUTINES = ("function", "procedure")
OF_TABLES = ("trigger", "policy")  # which stand on a table, or a view
KINDS = ("view", *ROUTINES, *OF_TABLES)
#: what else may stand in front of the kind
_BEFORE = {"RECURSIVE": "VIEW", "CONSTRAINT": "TRIGGER"}
_NAME, _QUOTED = rb"[A-Za-z_\x80-\xff][\w$\x80-\xff]*", rb'"(?:[^"]|"")+"'
_OTHER = (
    "a code file is one CREATE [OR REPLACE] of a view, function, procedure, trigger or policy; {} belongs in a "
    "numbered file."
)
_SECOND = "a code file makes one thing, and this is a second statement; put it into a file of its own."
_DIRECTIVE = "a code file has no directives; what it needs is found by names."


class _Head(NamedTuple):
    """How the one statement of a code file begins."""

    kind: str
    replaces: bool


class Code:
    """A code file."""

    def __init__(self, file: File) -> None:
        self.file = file

    @property
    def name(self) -> str:
        return self.file.id

    @property
    def checksum(self) -> str:
        return self.file.checksum

    @property
    def kind(self) -> str:
        """What it makes, once it was checked."""
        return self._head.kind

    @property
    def replaces(self) -> bool:
        """Whether it says OR REPLACE."""
        return self._head.replaces

    @cached_property
    def content(self) -> bytes:
        return self.file.content()

    @property
    def is_one(self) -> bool:
        """Whether it begins as one does; what is wrong with it besides, faults() say."""
        try:
            return any(_head(first.words) for first in islice(statements.all_statements(self.content), 1))
        except BadFile:
            return False

    @cached_property
    def _head(self) -> _Head:
        (first,) = statements.all_statements(self.content)
        head = _head(first.words)
        assert head is not None
        return head

    @property
    def is_routine(self) -> bool:
        return self.kind in ROUTINES

    @cached_property
    def makes(self) -> frozenset[bytes]:
        """The name that others need it by, in lower case, without its schema; none of a trigger or a policy."""
        if not self.is_routine and self.kind != "view":
            return frozenset()
        behind = dropwhile(lambda token: token.word != self.kind.upper(), statements.tokens(self.content))
        texts = [token.text for token in islice(behind, 1, 6)]
        while texts[1:2] == [b"."]:
            del texts[:2]
        return frozenset(_plain(text) for text in texts[:1])

    @cached_property
    def words(self) -> frozenset[bytes]:
        """All names that stand in it, bodies of functions included, in lower case."""
        return names_in(self.content)

    def faults(self) -> list[str]:
        """All that must not reach the database, each with its place."""
        found = self.file.faults()
        return found or [f"{self.file.at(line, column)}: {text}" for line, column, text in self._flaws()]

    def _flaws(self) -> Iterator[tuple[int, int, str]]:
        if self.file.is_rollback:
            yield 1, 1, "a code file has no rollback: the file as it was before takes it back."
        for lines in self.file.lines.values():
            yield lines[0], 1, _DIRECTIVE
        every = list(statements.all_statements(self.content))
        places = [self._place(statement.start) for statement in every]
        if not every:
            yield 1, 1, "the file holds no statement."
        elif _head(every[0].words) is None:
            text = statements.brief(self.content[every[0].start : every[0].end], 60)
            yield *places[0], _OTHER.format(f"`{text}`")
        for place in places[1:2]:
            yield *place, _SECOND

    def _place(self, offset: int) -> tuple[int, int]:
        return statements.place(self.content, offset)


def names_in(text: bytes) -> frozenset[bytes]:
    """All names that stand in a text of SQL, strings included and comments left out, in lower case."""
    for offset, comment in reversed(list(statements.all_comments(text))):
        text = text[:offset] + b" " * len(comment) + text[offset + len(comment) :]
    return frozenset(_plain(word) for pattern in (_NAME, _QUOTED) for word in re.findall(pattern, text))


def _plain(name: bytes) -> bytes:
    return name.strip(b'"').replace(b'""', b'"').lower()


def _head(words: Sequence[str]) -> _Head | None:
    if words[:1] != ("CREATE",):
        return None
    replaces = tuple(words[1:3]) == ("OR", "REPLACE")
    rest = [*words[3 if replaces else 1 :], ""]
    kind = _BEFORE.get(rest[0], rest[0]).lower()
    return _Head(kind, replaces) if kind in KINDS else None


def read_code(folder: Path) -> tuple[Code, ...]:
    """The code files of a folder of migrations, by name; BadFile for one that cannot be read.

    None where not a single file begins as one does: the folder is for something else then, as sub-folders are.
    """
    place = folder / FOLDER
    if not place.is_dir():
        return ()
    try:
        paths = sorted(path for path in place.iterdir() if path.suffix == ".sql" and path.is_file())
    except OSError as exc:
        raise BadFile(f"{place} cannot be read: {exc.strerror}.") from exc
    found = tuple(Code(file) for file in map(read_file, paths) if not file.is_draft)
    return found if any(each.is_one for each in found) else ()


def read_stored(folder: Path, contents: Mapping[str, bytes]) -> tuple[Code, ...]:
    """The same of texts, by their names, that a database has kept."""
    return tuple(
        Code(read_text(name, folder / FOLDER / f"{name}.sql", text))
        for name, text in sorted(contents.items())
    )


def by_path(code: Iterable[Code]) -> dict[str, File]:
    """Their files, by names that no migration has."""
    return {f"{FOLDER}/{each.name}": each.file for each in code}


def in_order(code: Iterable[Code], later: Sequence[str] = ()) -> list[Code]:
    """Each behind those that it names, as far as that is possible: what calls each other comes by name.

    Triggers and policies, which nobody names, come behind all: they lock a table, which who reads a view locks last.

    later: names of those that come as late as they can, the first of them first.
    """
    by_name = {each.name: each for each in sorted(code, key=lambda each: _rank(each, later))}
    left = {name: _named_by(each, by_name) for name, each in by_name.items()}
    ordered: list[Code] = []
    while left:
        free = [name for name, named in left.items() if not named & left.keys()]
        for name in free or [_first_of_circle(left)]:
            del left[name]
            ordered.append(by_name[name])
    return sorted(ordered, key=lambda each: each.kind in OF_TABLES)


def circle_of(name: str, code: Iterable[Code]) -> list[str]:
    """The names of those that name each other with one of them, in a circle; none where it is in none."""
    by_name = {each.name: each for each in code}
    named = {other: _named_by(each, by_name) for other, each in by_name.items()}
    circle = [other for other in _reach(name, named) if name in _reach(other, named)]
    return sorted(circle) if len(circle) > 1 else []


def _rank(each: Code, later: Sequence[str]) -> tuple[int, int, str]:
    late = later.index(each.name) + 1 if each.name in later else 0
    return late, 0 if each.is_routine else 1, each.name


def _named_by(each: Code, among: Mapping[str, Code]) -> set[str]:
    return {name for name, other in among.items() if name != each.name and other.makes & each.words}


def _first_of_circle(named: Mapping[str, set[str]]) -> str:
    """The first of those that name each other, and nothing else."""
    return next(name for name in named if all(name in _reach(other, named) for other in _reach(name, named)))


def _reach(name: str, named: Mapping[str, set[str]]) -> set[str]:
    """What is named by it, and by that, and so on, and itself."""
    reached, found = {name}, [name]
    while found:
        more = (named[found.pop()] & named.keys()) - reached
        reached |= more
        found += more
    return reached
