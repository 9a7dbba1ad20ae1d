"""What a file is before anything of it is sent: what forbids to send it, and what the run passes over."""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from sqlrail.files import statements
from sqlrail.files.pieces import Piece, Reader
from sqlrail.files.statements import BLOCK, Flaw, Statement, is_transaction_control

_OWN_TRANSACTION = (
    "{} is not for the file to say: the runner begins and ends its transaction. Remove it; where statements "
    "have to commit on their own, begin the file with `-- transactional: false`."
)
# Settings by which PostgreSQL reads what comes later in the file, each with the beginnings of the values under which
# it reads that as we do, and the way out.
_READ_BY = {
    "STANDARD_CONFORMING_STRINGS": (
        rb"on|t|y|1|d",
        "the file is read with standard_conforming_strings on; write backslash escapes as E'…', and remove this.",
    ),
    "CLIENT_ENCODING": (
        rb"utf-?8|unicode|sql_ascii|d",
        "the file is read as UTF-8; remove this, or dump with `pg_dump --encoding=UTF8`.",
    ),
}
_READ_BY["NAMES"] = _READ_BY["CLIENT_ENCODING"]
_UTF16 = rb"\xff\xfe|\xfe\xff|[^\0]\0[^\0]\0|\0[^\0]\0[^\0]"
_TOO_LATE = (
    "{} leads to another database, and there are statements in front of it; a run is connected to one: split the file, "
    "or remove the line."
)
_PASSED_OVER = "{} is passed over: the run stays in the database that it is connected to"
_TAKEN_OVER = "the runner takes the place of BEGIN and COMMIT around the file"
EMPTY_FILE = "the file holds no statement"
_NO_STATEMENT = "no statement is in it, only a comment: nothing is run"
# Any but that of the runner's transaction.
_ISOLATION = (
    rb"(?i)SET\s+(?:TRANSACTION\s+ISOLATION\s+LEVEL\s+|(?:(?:LOCAL|SESSION)\s+)?TRANSACTION_ISOLATION\s*(?:=|\s+TO\b)\s*'?)"
    rb"(?:SERIALIZABLE|REPEATABLE|READ\s+UN)"
)
_TOO_LATE_FOR_ISOLATION = (
    "PostgreSQL takes another isolation level before the first query only, and the runner's come first. Remove it; "
    "LOCK TABLE keeps others from writing meanwhile."
)
_PLAIN_BEGIN = rb"(?i)(?:BEGIN(?:\s+(?:WORK|TRANSACTION))?|START\s+TRANSACTION)\s*;?"
_PLAIN_COMMIT = rb"(?i)(?:COMMIT|END)(?:\s+(?:WORK|TRANSACTION))?\s*;?"


class Comment(NamedTuple):
    """A comment outside literals and bodies; the offset is in bytes from the file's beginning."""

    offset: int
    text: bytes
    #: whether statements stand in front of it, and behind it, and whether it is within one
    is_behind: bool
    is_ahead: bool
    is_within: bool


class _Control(NamedTuple):
    """A statement that begins or ends a transaction."""

    start: int
    end: int
    text: bytes
    words: tuple[str, ...]
    is_first: bool
    is_last: bool


@dataclass
class Examined:
    """What is to be known of a file; offsets are in bytes from its beginning."""

    flaws: list[Flaw] = field(default_factory=list)
    #: from where to where BEGIN and COMMIT stand around the whole file
    blanks: tuple[tuple[int, int], ...] = ()
    #: what the run passes over, each with its place
    notices: list[tuple[int, str]] = field(default_factory=list)
    #: those that were asked for
    comments: list[Comment] = field(default_factory=list)
    has_statement: bool = False


def examine(
    stream: BinaryIO, *, transactional: bool = True, wants: Callable[[bytes, int], object] = lambda *_: False
) -> Examined:
    """Reads a file through, which stands behind its BOM.

    Its comments are looked at closely, all those of a piece in which wants(text, offset) says yes to one of them.
    """
    start, looking = stream.tell(), _Look(transactional, wants)
    try:
        _read_through(stream)
        stream.seek(start)
        looking.read(stream)
    except Flaw as flaw:
        looking.found.flaws.append(flaw)
    looking.found.flaws.sort(key=lambda flaw: flaw.offset)
    return looking.found


class _Look:
    def __init__(self, transactional: bool, wants: Callable[[bytes, int], object]) -> None:
        self.transactional, self.wants = transactional, wants
        self.found = Examined()
        self.controls: list[_Control] = []
        self.last = -1  # where the first statement of the last piece that has one begins
        self.is_begun = False  # by anything but settings
        self.has_comment = False

    def read(self, stream: BinaryIO) -> None:
        """All of it."""
        reader = Reader(stream)
        for piece in reader:
            self._connects(reader)
            self._piece(piece)
        self._connects(reader)
        self._piece(reader.rest)
        self._judge_controls()
        found = self.found
        found.comments = [it._replace(is_ahead=it.is_ahead or it.offset < self.last) for it in found.comments]
        if not found.has_statement and not found.flaws:
            if self.has_comment:
                found.notices.append((0, _NO_STATEMENT))
            else:
                found.flaws.append(Flaw(0, EMPTY_FILE))

    def _connects(self, reader: Reader) -> None:
        for offset, text in reader.connects:
            if self.is_begun:
                self.found.flaws.append(Flaw(offset, _TOO_LATE.format(text)))
            else:
                self.found.notices.append((offset, _PASSED_OVER.format(text)))
        reader.connects.clear()

    def _piece(self, piece: Piece) -> None:
        text, first = piece.text, statements.first_offset(piece.text)
        self.has_comment = self.has_comment or bool(text[:first].strip(b"; \t\r\n\f\v"))
        if any(self.wants(text, at) for at in openings(text)):
            self.found.comments += _comments(piece, self.found.has_statement)
        if first == len(text):
            return
        if self.controls:
            self.controls[-1] = self.controls[-1]._replace(is_last=False)
        self.last = piece.offset + first
        for statement in piece.notable:
            self._statement(piece, statement)
        self.is_begun = self.is_begun or not statements.only_settings(text)
        self.found.has_statement = True

    def _statement(self, piece: Piece, statement: Statement) -> None:
        start, end = statement.start, statement.end
        if self.transactional and is_transaction_control(statement.words):
            is_first = not self.is_begun and statements.only_settings(piece.text[:start])
            is_last = statements.first_offset(piece.text, end) == len(piece.text)
            place = piece.offset + start, piece.offset + end
            self.controls.append(_Control(*place, piece.text[start:end], statement.words, is_first, is_last))
        elif message := _forbidden(piece.text, statement, self.transactional):
            self.found.flaws.append(Flaw(piece.offset + start, message))

    def _judge_controls(self) -> None:
        """One plain pair around the whole file is for the runner; all else is not for the file to say."""
        if _is_around(self.controls):
            self.found.blanks = tuple((it.start, it.end) for it in self.controls)
            self.found.notices.append((self.controls[0].start, _TAKEN_OVER))
            return
        for it in self.controls:
            two = it.words[1:2] in (("TRANSACTION",), ("PREPARED",))
            self.found.flaws.append(Flaw(it.start, _OWN_TRANSACTION.format(" ".join(it.words[: 1 + two]))))


def _is_around(controls: list[_Control]) -> bool:
    if len(controls) != 2:
        return False
    begin, commit = controls
    plain = re.fullmatch(_PLAIN_BEGIN, begin.text) and re.fullmatch(_PLAIN_COMMIT, commit.text)
    return begin.is_first and commit.is_last and bool(plain)


def openings(text: bytes) -> Iterator[int]:
    """Where a comment may begin, unless it is in a literal."""
    for mark in (b"--", b"/*"):
        at = text.find(mark)
        while at >= 0:
            yield at
            at = text.find(mark, at + 2)


def _comments(piece: Piece, is_behind: bool) -> Iterator[Comment]:
    parts = piece.statements
    starts = [statement.start for statement in parts]
    for offset, text in statements.all_comments(piece.text):
        number = bisect_right(starts, offset)
        before = parts[number - 1] if number else None
        is_within = before is not None and offset < before.end
        if before is None or not is_within or not statements.has_body(before):
            yield Comment(
                piece.offset + offset, text, is_behind or number > 0, number < len(parts), is_within
            )


def _read_through(stream: BinaryIO) -> None:
    """Flaw for a byte that cannot be sent; what is wrong with the statements counts after that."""
    decoder, offset = codecs.getincrementaldecoder("utf-8")(), 0
    while block := stream.read(BLOCK):
        if not offset and re.compile(_UTF16).match(block):
            raise Flaw(0, "the file is UTF-16; save it as UTF-8.")
        if (nul := block.find(b"\0")) >= 0:
            raise Flaw(offset + nul, "PostgreSQL would read no further than this NUL byte; remove it.")
        _decode(decoder, block, offset)
        offset += len(block)
    _decode(decoder, b"", offset)


def _decode(decoder: codecs.IncrementalDecoder, block: bytes, offset: int) -> None:
    pending, _ = decoder.getstate()
    if block.isascii() and block and not pending:  # which copies nothing
        return
    try:
        decoder.decode(block, final=not block)
    except UnicodeDecodeError as exc:
        wrong = f"byte 0x{exc.object[exc.start]:02x} is not UTF-8; save the file as UTF-8."
        raise Flaw(offset - len(pending) + exc.start, wrong) from None


def _forbidden(text: bytes, statement: Statement, transactional: bool) -> str | None:
    """What keeps a statement out of a file, whether or not the runner owns the transaction."""
    words = statement.words
    if transactional and re.compile(_ISOLATION).match(text, statement.start, statement.end):
        return _TOO_LATE_FOR_ISOLATION
    if not transactional and words[:2] == ("PREPARE", "TRANSACTION") and words[2:3] != ("AS",):
        return "a prepared transaction would keep the checkpoints of this file locked; use BEGIN and COMMIT."
    setting = next((word for word in words[1:3] if word in _READ_BY), None) if words[:1] == ("SET",) else None
    if setting is None:
        return None
    good, message = _READ_BY[setting]
    value = (
        rb"(?is).*?" + setting.encode() + rb"(?:\.|(?:\s*=|\s+TO\b|\s(?!\s*TO\b))\s*['\"]?(?:" + good + rb"))"
    )
    return None if re.compile(value).match(text, statement.start, statement.end) else message
