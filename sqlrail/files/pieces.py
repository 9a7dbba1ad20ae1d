r"""Hands a file of SQL out in pieces of whole statements, each of which is sent as one message.

No more is in memory than a block and the longest statement, or line of data. Where nothing in a run of statements can
need a closer look, one regular expression takes them at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Protocol

from sqlrail.files.statements import (
    BLOCK,
    EMPTY,
    FOR_PSQL,
    KEY,
    PLAIN,
    Flaw,
    Statement,
    Unclosed,
    all_statements,
    place,
    statement_at,
)

#: Bytes of SQL that fit one Query message: PQ_LARGE_MESSAGE_LIMIT (src/include/libpq/libpq.h), which is
#: MaxAllocSize - 1, less the length word and the final zero. Beyond it the server hangs up without an error.
MESSAGE_LIMIT = (2**30 - 1) - 1 - 4 - 1

_TOO_LONG = (
    "this statement has more than {:,} bytes, which is all that PostgreSQL takes at once; split it, as an INSERT of "
    "many rows into several, or load the rows with COPY … FROM stdin."
)

# Words that a statement begins with which has to be looked at by itself: it may be more than it seems to a regular
# expression, or be forbidden.
_NOTABLE = rb"(?i:CREATE|COPY|BEGIN|START|COMMIT|END|ABORT|ROLLBACK|PREPARE|SET)"

# Many others at once; most are told by their first letter.
_RUN = rb"(?:" + EMPTY + rb"(?:[DF-OQT-Zdf-oqt-z]|(?!" + _NOTABLE + rb")[A-Za-z])" + PLAIN + rb";){1,20}"

_MAY_BE_FOR_PSQL = rb"\\(?:(?:un)?restrict|(?:un)?set|echo|qecho|warn|pset|timing|encoding|c|connect)\b"


class Readable(Protocol):
    """What bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """So many at the most; none at its end."""


class Piece:
    """Whole statements of a file, to be sent as one message; where its last is COPY … FROM stdin, data follow."""

    def __init__(
        self,
        text: bytes,
        offset: int = 0,
        line: int = 1,
        column: int = 1,
        data: Iterator[bytes] | None = None,
        notable: list[Statement] | None = None,
    ) -> None:
        #: The statements with the blanks and comments before them. Of a COPY … FROM stdin the whole last line.
        self.text = text
        #: where its first byte stands in the file: in bytes, and line and column, both from 1, in characters
        self.offset, self.line, self.column = offset, line, column
        #: The lines of the COPY … FROM stdin that the piece ends with, in blocks of whole lines, without the closing
        #: `\\.`; to be read before the next piece is asked for. They begin on line `data_line`.
        self.data = data
        self._notable = notable

    @property
    def notable(self) -> list[Statement]:
        """Those of its statements that may be forbidden, among others."""
        return self.statements if self._notable is None else self._notable

    @cached_property
    def statements(self) -> list[Statement]:
        """Its statements, by offset in `text`; scanned when first asked for."""
        return list(all_statements(self.text))

    @property
    def data_line(self) -> int:
        """The file's line on which the data begin."""
        return self.line + self.text.count(b"\n")

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column in the file of a byte offset in `text`."""
        return place(self.text, offset, self.line, self.column)


class Reader:
    """Hands out a stream of SQL, which stands behind its BOM, as pieces of whole statements.

    A piece ends where it has `size` bytes or some more, a size of 1 makes pieces of one statement, and behind each
    COPY … FROM stdin, whose lines are `piece.data`. A file of less than a block goes as one piece, and is not even
    scanned, where size allows it and nothing in it can need another; a file without a statement is one piece. Lines
    that are for psql alone belong to no piece. No more is in memory than a block and the longest statement, or line
    of data. Raises Flaw where a statement cannot be sent; what is wrong with the bytes themselves, examine() says.
    """

    def __init__(self, stream: Readable, size: int = BLOCK, block: int = BLOCK) -> None:
        self._stream, self._size, self._block = stream, size, block
        self._window, self._at, self._ended = b"", 0, False  # what was read, and how much of it handed out
        self._offset, self._line, self._column = 0, 1, 1  # in the file, of what is handed out next
        #: psql's commands to connect elsewhere that were passed over, each with its byte offset
        self.connects: list[tuple[int, str]] = []

    def __iter__(self) -> Iterator[Piece]:
        if self._is_one_message():
            yield self._piece(len(self._window))
            return
        is_first = True
        while True:
            end, notable, stop = self._gather()
            if end > self._at:
                piece = self._piece(end, notable, self._lines() if stop and stop.data == end else None)
                is_first = False
                yield piece
                for _ in piece.data or ():  # what nobody has read
                    pass
            elif stop:  # for psql
                self._pass_over(stop)
            elif self._ended:
                if is_first:  # the server takes a comment as well
                    yield self._piece(len(self._window))
                return
            else:
                self._read()

    @property
    def rest(self) -> Piece:
        """What is behind the last piece, once that was handed out: comments, if anything."""
        return Piece(self._window[self._at :], self._offset, self._line, self._column)

    def _pass_over(self, command: Statement) -> None:
        match = re.compile(FOR_PSQL).match(self._window, command.start)
        if match and match["connect"]:
            text = f"\\{match['connect'].decode(errors='replace')}"
            self.connects.append((self._offset + command.start - self._at, text))
        self._take(command.end)

    def _gather(self) -> tuple[int, list[Statement], Statement | None]:
        """How far the next piece goes, its notable statements, and the one that it stops at, which may be its last."""
        end = self._at
        notable: list[Statement] = []
        while end - self._at < self._size:
            if (run := self._run(end)) > end:
                end = run
                continue
            statement = self._next(end)
            if statement is None or statement.words == KEY or not self._fits(statement, end):
                return end, notable, statement
            notable.append(statement.moved(-self._at))
            end = statement.data or statement.end
            if statement.data is not None:
                return end, notable, statement
        return end, notable, None

    def _is_one_message(self) -> bool:
        self._read()
        if len(self._window) < min(self._block, self._size, MESSAGE_LIMIT + 1):
            self._read()
        text = self._window.lower() if self._ended else b""
        return self._ended and b"stdin" not in text and not re.compile(_MAY_BE_FOR_PSQL).search(text)

    def _run(self, at: int) -> int:
        """The end of statements that need not be looked at one by one; where there are none, the offset itself."""
        if self._size == 1 or len(self._window) > min(2 * self._block, MESSAGE_LIMIT):
            return at
        match = re.compile(_RUN).match(self._window, at)
        return match.end() if match else at

    def _next(self, at: int) -> Statement | None:
        """The statement at an offset in the window; None where it does not end there, or there is no more."""
        try:
            return statement_at(self._window, at, self._ended)
        except Flaw as flaw:
            if isinstance(flaw, Unclosed) and not self._ended:
                return None
            raise Flaw(self._offset + flaw.offset - self._at, flaw.message) from None

    def _fits(self, statement: Statement, end: int) -> bool:
        """Whether the statement goes into the piece that has come to `end`; Flaw if it goes into none."""
        fits = statement.end - self._at <= MESSAGE_LIMIT
        if not fits and end == self._at:
            raise Flaw(self._offset + statement.start - self._at, _TOO_LONG.format(MESSAGE_LIMIT))
        return fits

    def _lines(self) -> Iterator[bytes]:
        closing = re.compile(rb"(?m)^\\\.\r?$\n?")
        while True:
            whole = len(self._window) if self._ended else self._window.rfind(b"\n", self._at) + 1
            if match := closing.search(self._window, self._at, max(whole, self._at)):
                if match.start() > self._at:
                    yield self._take(match.start())
                self._take(match.end())
                return
            if whole > self._at:
                yield self._take(whole)
            if self._ended:
                return
            self._read()

    def _piece(
        self, end: int, notable: list[Statement] | None = None, data: Iterator[bytes] | None = None
    ) -> Piece:
        offset, line, column = self._offset, self._line, self._column
        return Piece(self._take(end), offset, line, column, data, notable)

    def _take(self, end: int) -> bytes:
        """Hands out the window up to an offset."""
        text = self._window[self._at : end]
        self._line, self._column = place(text, len(text), self._line, self._column)
        self._offset += len(text)
        self._at = end
        return text

    def _read(self) -> None:
        """Reads more, twice as much each time that a statement does not end: its scans stay linear in all."""
        rest = self._window[self._at :]
        if len(rest) > MESSAGE_LIMIT:
            blanks = len(rest) - len(rest.lstrip())
            raise Flaw(self._offset + blanks, _TOO_LONG.format(MESSAGE_LIMIT))
        block = self._stream.read(max(self._block, min(len(rest), MESSAGE_LIMIT + 1 - len(rest))))
        self._window, self._at, self._ended = rest + block, 0, not block
