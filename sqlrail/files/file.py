"""A migration's file: what it says, what is wrong with it, and its statements."""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from sqlrail.errors import BadFile
from sqlrail.files import other_tools, statements
from sqlrail.files.content import BLOCK, Blanked, checksum, read_small, reading, state_of
from sqlrail.files.directives import (
    DIRECTIVE,
    DIRECTIVES,
    ROLLBACK_DIRECTIVES,
    Directives,
    may_be_directive,
    misplaced,
    misspelt,
    obey,
)
from sqlrail.files.examine import EMPTY_FILE, Comment, examine, openings
from sqlrail.files.other_tools import Mark
from sqlrail.files.pieces import Piece, Reader
from sqlrail.files.statements import Flaw

if TYPE_CHECKING:
    from sqlrail.ground.constraint import Constraint
    from sqlrail.results.error import PlaceResult

#: bytes up to which a file stays in memory from the first look to its run, instead of being read again
SMALL = 1 << 14
#: what the name of a file ends with that takes another back
ROLLBACK = ".rollback.sql"
#: the line by which a file that `new` has made is known, as long as there is no statement in it
DRAFT = "-- draft: this file is left out until a statement stands in it."
ONLY_SQL = "only .sql files are run; move it away, or rewrite it in SQL."


@dataclass
class File(Directives):
    """A migration's file, and what its leading comment says."""

    id: str
    path: Path
    checksum: str = ""
    flaws: list[tuple[int, str]] = field(default_factory=list)  # line and message
    doubts: list[tuple[int, str]] = field(default_factory=list)  # line and text of its leading comment
    lines: dict[str, list[int]] = field(default_factory=dict)  # of its directives, by their names
    lead: int = 0  # bytes of the leading comment
    is_draft: bool = False
    was_run: bool = False  # says a record
    blanks: tuple[tuple[int, int], ...] = ()  # what the runner takes the place of, set by check_files()
    notices: tuple[str, ...] = ()  # what is passed over, set by check_files()
    small: bytes | None = None  # the content, where it is no more than SMALL
    state: tuple[int, ...] = ()  # of the file when its checksum was made
    found: list[str] | None = None  # what is wrong with it, set by check_files()

    @property
    def is_rollback(self) -> bool:
        return self.path.name.endswith(ROLLBACK)

    @property
    def directives(self) -> Collection[str]:
        """What its leading comment may say."""
        return ROLLBACK_DIRECTIVES if self.is_rollback else DIRECTIVES

    def at(self, line: int, column: int = 1) -> str:
        """A place in the file, for messages."""
        return f"{self.path}:{line}:{column}"

    def place(self, line: int, column: int) -> PlaceResult:
        """The same for scripts."""
        return {"path": str(self.path), "line": line, "column": column}

    def pieces(self, size: int = statements.BLOCK) -> Generator[Piece, None, Piece]:
        """The file as it is sent, see pieces.Reader; BadFile if it is no longer what was checked.

        Returns what is behind the last piece.
        """
        with self._open() as stream:
            reader = Reader(Blanked(stream, self.blanks) if self.blanks else stream, size)
            yield from reader
            return reader.rest

    def relations(self) -> list[Constraint]:
        """What its cleanups name. Relations follow the key that the file itself adds where the database has none yet.

        So do checks. BadFile where a directive says another thing than that key.
        """
        if not self.cleanup:
            return []
        from sqlrail.files import cleanups

        return cleanups.of_file(self.cleanup, self.path, self.content(), self._open)

    def makes(self, table: tuple[str, ...]) -> bool:
        """Whether it makes a table of that name itself."""
        from sqlrail.files import checks

        with self._open() as stream:
            return checks.makes(Reader(stream), table)

    def line_of(self, one: Constraint) -> int:
        """The line of the cleanup that names it."""
        return self.lines["cleanup"][self.cleanup.index(one)]

    def line_depending(self, name: str) -> int:
        """The line that says that it depends on another one."""
        lines = self.lines["depends"]
        return next((line for line in lines if name.encode() in self.line(line).split()), lines[0])

    def check(self) -> None:
        """BadFile, with all its lines, for anything that must not reach the database."""
        check_files([self])

    def faults(self) -> list[str]:
        """All that must not reach the database, each with its place.

        It is looked for once: what is sent is known to be the same, see _stream.
        """
        if self.found is None:
            self.found = self._look_for_faults()
        return self.found

    def _look_for_faults(self) -> list[str]:
        wrong_lines = [*self.flaws, *misspelt(self.doubts, self.directives), *self._batched_lines()]
        said = [(number, 1, text) for number, text in wrong_lines]
        with self._stream() as stream:
            start = stream.tell()
            found = examine(stream, transactional=self.transactional, wants=_wants)
            flaws = found.flaws
            if self.backfill and (found.has_statement or not flaws):
                stream.seek(start)
                flaws = self._batched_flaws(flaws, stream)
            wrong = [*flaws, *self._foreign(found.comments), *misplaced(self.lead, found.comments)]
            for flaw in wrong:
                stream.seek(start)
                said.append((*statements.place_in(stream, flaw.offset), self._told(flaw)))
            places = []
            for offset, text in found.notices:
                stream.seek(start)
                places.append(f"{self.at(*statements.place_in(stream, offset))}: {text}")
        self.blanks, self.notices = found.blanks, tuple(places)
        faults = [f"{self.at(line, column)}: {text}" for line, column, text in sorted(said)]
        if self.cleanup and not self.transactional and not self.backfill:
            faults.append(
                f"{self.path}: a cleanup is one transaction with its file, and this is `-- transactional: false`; "
                "declare it in a file of its own, before this one."
            )
        try:
            self.relations()
        except BadFile as exc:
            faults.append(str(exc))
        return faults

    def _told(self, flaw: Flaw) -> str:
        if flaw.message != EMPTY_FILE:
            return flaw.message
        return f"{EMPTY_FILE}: write one, or take it away, `rm {shlex.quote(str(self.path))}`."

    def _batched_lines(self) -> Iterator[tuple[int, str]]:
        if self.backfill or self.until:  # most files have none
            from sqlrail.files import backfills

            yield from backfills.lines(self)

    def _batched_flaws(self, found: Collection[Flaw], stream: BinaryIO) -> list[Flaw]:
        """What is wrong with the statement of a backfill; where it cannot be read, what was found says so."""
        from sqlrail.files import backfills

        try:
            own = list(backfills.flaws(self, iter(Reader(stream))))
        except Flaw:
            return list(found)
        places = {flaw.offset for flaw in own}
        return [*own, *(flaw for flaw in found if flaw.offset not in places)]

    def _foreign(self, comments: Collection[Comment]) -> Iterator[Flaw]:
        """What makes it another tool's file. A rollback is only in danger of what does not take back."""
        found = [] if self.was_run else [*other_tools.marks(comments)]
        if self.is_rollback:
            found = [mark for mark in found if not mark.takes_back] if len(found) > 1 else []
        for mark in found[:1]:
            yield Flaw(mark.offset, other_tools.advice(mark))

    def taken_back(self) -> tuple[Mark, str, list[str]] | None:
        """Another tool's mark, with its place, behind which stands what takes the file back; and what that drops."""
        with self._stream() as stream:
            start = stream.tell()
            if not _may_hold_mark(stream):
                return None
            stream.seek(start)
            found = examine(stream, transactional=False, wants=other_tools.may_be_mark)
            mark = next((it for it in other_tools.marks(found.comments) if it.takes_back), None)
            if mark is None:
                return None
            stream.seek(start)
            place = statements.place_in(stream, mark.offset)
            stream.seek(start)
            return mark, self.at(*place), [*_destructive(Reader(stream), mark.offset)]

    def line(self, number: int) -> bytes:
        """One of its lines, from 1; empty behind the last."""
        with self._open() as stream:
            return next(islice(stream, number - 1, None), b"")

    def content(self) -> bytes:
        """All of it behind its BOM."""
        with self._stream() as stream:
            return stream.read()

    @contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        """The file behind its BOM, the same before and after as when its checksum was made; places its flaws."""
        with self._stream() as stream:
            start = stream.tell()
            try:
                yield stream
            except Flaw as flaw:
                stream.seek(start)
                place = statements.place_in(stream, flaw.offset)
                raise BadFile(f"{self.at(*place)}: {flaw.message}") from None

    @contextmanager
    def _stream(self) -> Iterator[BinaryIO]:
        if self.small is not None:
            yield io.BytesIO(self.small)
            return
        with reading(self.path) as stream:
            start, state = stream.tell(), state_of(stream)
            if state != self.state:
                if checksum(stream) != self.checksum:
                    raise BadFile(self._changed)
                self.state = state
                stream.seek(start)
            yield stream
            if state_of(stream) != self.state:
                raise BadFile(self._changed)

    @property
    def _changed(self) -> str:
        return f"{self.path} changed while the run was under way; run again."


class Checked(Protocol):
    """What can say all that is wrong with it."""

    def faults(self) -> list[str]:
        """Each with its place; BadFile where that is not to be known."""


def check_files(files: Iterable[Checked]) -> None:
    """BadFile, with all that is wrong with any of them, each with its place."""
    faults: list[str] = []
    for file in files:
        try:
            faults += file.faults()
        except BadFile as exc:
            faults.append(str(exc))
    if faults:
        failure = BadFile(*faults)
        failure.details["faults"] = faults
        raise failure


def read_file(path: Path) -> File:
    """One file, and what its leading comment says; what is wrong with that, File.check() raises."""
    id_ = path.name.removesuffix(".sql")
    if id_ in ("", path.name):
        raise BadFile(f"{path}: {ONLY_SQL}")
    try:
        id_.encode()
    except UnicodeEncodeError:
        raise BadFile(
            f"{str(path)!a}: the name is not UTF-8, and could not be recorded; rename it."
        ) from None
    small, state = read_small(path, SMALL)
    file = File(id=id_, path=path, small=small, state=state)
    with io.BytesIO(small) if small is not None else reading(path) as stream:
        return _with_what_it_says(file, stream)


def read_text(id_: str, path: Path, content: bytes) -> File:
    """The same of a text that lies in no file; the path is what messages call it."""
    state = (0, len(content))  # as a file of that size
    return _with_what_it_says(File(id=id_, path=path, small=content, state=state), io.BytesIO(content))


def _with_what_it_says(file: File, stream: BinaryIO) -> File:
    start = stream.tell()
    says_draft = _read_lead(file, stream)
    stream.seek(start)
    file.checksum = checksum(stream)
    file.is_draft = says_draft and _is_empty(file)
    return file


def _read_lead(file: File, stream: BinaryIO) -> bool:
    """Takes in what the leading comment says, from where the stream stands; whether it has the line of a draft."""
    is_draft = False
    for number, line in enumerate(stream, 1):
        text = line.strip().decode(errors="replace")
        if text and not text.startswith("--"):
            break
        file.lead += len(line)
        is_draft |= text == DRAFT
        if match := DIRECTIVE.fullmatch(text):
            _obey(file, number, match[1], match[2].strip())
        elif ":" in text:
            file.doubts.append((number, text))
    return is_draft


def _is_empty(file: File) -> bool:
    return file.small is not None and not statements.has_statement(file.small)


def _obey(file: File, line: int, name: str, value: str) -> None:
    if name in file.directives:
        try:
            obey(file, name, value)
            file.lines.setdefault(name, []).append(line)
        except ValueError as exc:
            file.flaws.append((line, f"{name}: {exc}."))
    else:
        file.doubts.append((line, f"-- {name}: {value}"))


def _may_hold_mark(stream: BinaryIO) -> bool:
    before = b""
    while block := stream.read(BLOCK):
        text = before[-100:] + block
        if any(other_tools.may_be_mark(text, at) for at in openings(text)):
            return True
        before = block
    return False


def _destructive(pieces: Iterable[Piece], offset: int) -> Iterator[str]:
    """The statements behind a place that drop or delete, each on one line."""
    for piece in pieces:
        for statement in piece.statements if piece.offset + len(piece.text) > offset else ():
            text = piece.text[statement.start : statement.end]
            drops = statement.words[0] in ("DROP", "DELETE", "TRUNCATE") or (
                statement.words[0] == "ALTER" and re.search(rb"(?i)\bDROP\b", text)
            )
            if drops and piece.offset + statement.start > offset:
                yield statements.brief(text, 80)


def _wants(text: bytes, at: int) -> bool:
    """Whether the comment at an offset has to be looked at."""
    return other_tools.may_be_mark(text, at) or may_be_directive(text, at)


def read_rollback(file: File) -> File | None:
    """The file that takes a migration's back; None if there is none."""
    path = file.path.with_name(f"{file.id}{ROLLBACK}")
    return read_file(path) if path.exists() else None
