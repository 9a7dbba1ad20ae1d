r"""Where statements begin and end in a file of SQL, as PostgreSQL's own lexer and grammar see it.

Works on the file's bytes (UTF-8, without BOM). One regular expression takes a whole plain statement at once,
50 MB a second; only what is left (block comments, dollar quotes, routines, rules, COPY) is looked at token by
token. The rules are those of src/backend/parser/scan.l and gram.y of PostgreSQL 18 with
`standard_conforming_strings` on; what PostgreSQL rejects anyway may be cut differently here. Patterns are
compiled where they are first used, and kept by `re`: a run with nothing to do needs none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from sqlrail.errors import BadFile

#: Bytes of SQL that fit one Query message: PQ_LARGE_MESSAGE_LIMIT (src/include/libpq/libpq.h), which is
#: MaxAllocSize - 1, less the length word and the final zero. Beyond it the server hangs up without an error.
MESSAGE_LIMIT = (2**30 - 1) - 1 - 4 - 1

_NAME = rb"[A-Za-z_\x80-\xff][\w$\x80-\xff]*"
# What can neither end a statement nor hide its end; %b: what the caller wants to see as well. An e before a
# quote makes it an escape string, unless it ends a name; a $ in a name is part of it. Bounded, since `re`
# remembers each turn.
_CALM = rb"""[^;'"$/\\%b-]*"""
_QUIET = (
    _CALM + rb"(?:(?:"
    rb"(?<![eE])'[^']*(?:''[^']*){0,99}'(?!')"
    rb"|(?<=[^\w$\x80-\xff][eE])'[^'\\]*(?:(?:''|\\(?s:.))[^'\\]*){0,99}'(?![\s'-])"
    rb"""|"[^"]*"(?!")|-(?!-)|/(?!\*)|(?<=[\w$\x80-\xff])\$|\$(?=[0-9])"""
    rb")" + _CALM + rb"){0,500}"
)
_PLAIN = _QUIET.replace(b"%b", b"")
_CAREFUL = _QUIET.replace(b"%b", rb"().A-Za-z_\x80-\xff")
_TOKEN = rb"[;().]|" + _NAME
# The end of the comment is spelled out, or backtracking would find words inside it.
_BLANKS = rb"\s*(?:--[^\n\r]*(?:[\n\r]|\Z)\s*)*"
_EMPTY = _BLANKS.replace(rb"\s", rb"[\s;]")
_WORDS = _NAME + rb"(?:\s+" + _NAME + rb"){0,3}\s*"
_SIMPLE = _EMPTY + rb"(?!(?i:CREATE|COPY))(" + _WORDS + rb")" + _PLAIN + rb"(;)?"
_OPENING = (
    rb"""(?s)(?P<line>--[^\n\r]*)|(?P<comment>/\*)|(?P<escape>(?<=[eE])(?<![\w$\x80-\xff][eE])')"""
    rb"""|(?P<string>')|(?P<name>")|(?P<dollar>\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*)?\$)|(?P<psql>\\)|."""
)
# What counts within. An escape string goes on after a line end, and is still an escape string then.
_WITHIN = {
    "comment": rb"/\*|\*/",
    "escape": rb"(?s)\\.|''|'[ \t\f\v]*(?:--[^\n\r]*)?[\n\r](?:\s|--[^\n\r]*[\n\r])*'|'",
    "string": rb"''|'",
    "name": rb'""|"',
}
_NAMES = {
    "comment": "comment (they nest: each /* needs a */ of its own)",
    "escape": "string",
    "name": "quoted name",
    "dollar": "dollar-quoted string",
}
_TOO_LONG = "the file has {:,} bytes and PostgreSQL takes {:,} at once; split it into several numbered files."
_OWN_TRANSACTION = (
    "{} is not for the file to say: the runner begins and ends its transaction. Remove it; where statements "
    "have to commit on their own, begin the file with `-- transactional: false`."
)
_COPY_UNSUPPORTED = "COPY … FROM stdin is not supported here; use INSERT, or load the data by another path."
# Before a statement that is not the first stands a semicolon or the end of a comment.
_SUSPECT = (
    rb"[;\n\r/][ \t\f\v]*(?=[\\BSCEARPbscearp])"
    rb"(?i:\\|(?:BEGIN|START|COMMIT|END|ABORT|ROLLBACK|PREPARE|COPY)(?![\w$\x80-\xff]))"
)
#: Bytes up to which a file is always read whole, in at most some ten milliseconds.
_SMALL = 2**20


class Flaw(BadFile):
    """The file cannot be run as it stands."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset, self.message = offset, message  # the offset in bytes, for place()


class Statement(NamedTuple):
    #: byte offset of the first token
    start: int
    #: byte offset past the semicolon, or past the last token where the file ends without one
    end: int
    #: up to four words that it begins with, upper case: keywords, and names that are not quoted
    words: tuple[str, ...]
    #: span of the lines that follow a COPY … FROM stdin, without the closing `\.`
    data: tuple[int, int] | None = None


def split(text: bytes) -> Iterator[Statement]:
    """Yields the statements that PostgreSQL finds, without empty ones; raises Flaw where its lexer fails."""
    simple, at = re.compile(_SIMPLE), 0
    while True:
        match = simple.match(text, at)
        if match and match[2] and text[match.end(1)] not in b"-/":  # a comment may hold up the next word
            at = match.end()
            yield Statement(match.start(1), at, _upper(match[1]))
            continue
        start = _skip(text, at, _EMPTY)
        if start == len(text):
            return
        words = _first_words(text, start)
        at, copies = _end(text, start, words)
        data = _copy_lines(text, at) if copies else None
        yield Statement(start, at, words, data)
        if data:  # The line after them is `\.`.
            at = text.find(b"\n", data[1]) + 1 or len(text)


@lru_cache(1024)
def _upper(words: bytes) -> tuple[str, ...]:
    return tuple(words.upper().decode(errors="replace").split())


def _first_words(text: bytes, at: int) -> tuple[str, ...]:
    words: tuple[str, ...] = ()
    while len(words) < 4 and (match := re.compile(_WORDS).match(text, at)):
        words += _upper(match[0])
        at = _skip(text, match.end(), _BLANKS)
    return words[:4]


def _skip(text: bytes, at: int, blanks: bytes) -> int:
    """The offset past blanks and comments."""
    while (match := re.compile(blanks).match(text, at)) and text.startswith(b"/*", match.end()):
        at = _past(text, match.end())
    return match.end() if match else at


def _end(text: bytes, start: int, words: tuple[str, ...]) -> tuple[int, bool]:
    """Where a statement ends, and whether it is COPY … FROM stdin."""
    kind = _kind(words)
    routine, copy = kind in ("FUNCTION", "PROCEDURE"), kind == "COPY"
    depth, body, copies, before = 0, False, False, b""
    for end, token in _tokens(text, start, _CAREFUL if routine or copy or kind == "RULE" else _PLAIN):
        word = token.upper()
        if not word or (word == b";" and not depth and not body):
            return end, copies
        if word in b"()":
            depth = max(0, depth + (1 if word == b"(" else -1))
        elif not depth:
            copies |= copy and (before, word) == (b"FROM", b"STDIN")
            body |= routine and (before, word) == (b"BEGIN", b"ATOMIC")
            # END also closes a CASE and may be a label; the grammar ends the body only here.
            body &= not (word == b"END" and before in (b";", b"ATOMIC"))
        before = word
    raise AssertionError("an empty token is the last")


def _kind(words: tuple[str, ...]) -> str:
    """The first word; of CREATE and CREATE OR REPLACE the one that follows."""
    skipped = 3 if words[:3] == ("CREATE", "OR", "REPLACE") else words[:1] == ("CREATE",)
    return "".join(words[skipped : skipped + 1])


def _tokens(text: bytes, at: int, quiet: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields (end, token) of what `quiet` and literals leave; then, without a token, the last end."""
    run, token, last = re.compile(quiet), re.compile(_TOKEN), at
    while at < len(text):
        if (match := run.match(text, at)) and match[0]:
            last = at + len(match[0].rstrip()) if not match[0].isspace() else last
            at = match.end()
        elif match := token.match(text, at):
            last = at = match.end()
            yield at, match[0]
        else:
            comment = text.startswith((b"--", b"/*"), at)
            at = _past(text, at)
            last = last if comment else at
    yield last, b""


def _past(text: bytes, at: int) -> int:
    """The offset past the literal or comment that begins at `at`; raises Flaw if it never ends."""
    opening = re.compile(_OPENING).match(text, at)
    assert opening
    what = opening.lastgroup
    if what == "psql":
        raise _meta_command(text, at)
    if what is None or what == "line":
        return opening.end()
    if what == "dollar":
        if (end := text.find(opening[0], opening.end())) >= 0:
            return end + len(opening[0])
    else:
        depth = 1
        for match in re.compile(_WITHIN[what]).finditer(text, opening.end()):
            depth += {b"/*": 1, b"*/": -1, b"'": -1, b'"': -1}.get(match[0], 0)
            if not depth:
                return match.end()
    raise Flaw(at - (what == "escape"), f"this {_NAMES.get(what, what)} is never closed.")


def _meta_command(text: bytes, at: int) -> Flaw:
    command = re.split(rb"\s", text[at : at + 64], maxsplit=1)[0].decode(errors="replace")
    return Flaw(at, f"{command} is a command of psql, which PostgreSQL does not know; remove it.")


def _copy_lines(text: bytes, at: int) -> tuple[int, int]:
    """The span of the lines behind COPY … FROM stdin, up to `\\.` or the end of the file."""
    rest = re.compile(rb"[ \t]*(?:--[^\n]*)?\r?(?:\n|\Z)").match(text, at)
    if not rest:
        raise Flaw(at, "the data of COPY … FROM stdin begin on the next line; this one has to end here.")
    closing = re.compile(rb"^\\\.\r?$", re.MULTILINE).search(text, rest.end())
    return rest.end(), closing.start() if closing else len(text)


def place(text: bytes, offset: int) -> tuple[int, int]:
    """Line and column of a byte offset, both from 1; columns are characters, and a tab is one."""
    line = text.rfind(b"\n", 0, offset) + 1
    return text.count(b"\n", 0, offset) + 1, len(text[line:offset].decode(errors="replace")) + 1


def offset_of(text: bytes, position: int) -> int:
    """The byte offset of diag.statement_position: characters from 1, counted over the whole message."""
    return position - 1 if text.isascii() else len(text.decode(errors="replace")[: position - 1].encode())


def is_transaction_control(words: tuple[str, ...]) -> bool:
    """Whether a statement begins, ends or hands over a transaction; what savepoints do stays within one."""
    match words:
        case ("BEGIN" | "COMMIT" | "END" | "ABORT", *_) | ("START", "TRANSACTION", *_):
            return True
        case ("ROLLBACK", "TO", *_) | ("ROLLBACK", "WORK" | "TRANSACTION", "TO", *_):
            return False
        case ("PREPARE", "TRANSACTION", "AS", *_):  # a prepared statement of that name
            return False
    return words[:1] == ("ROLLBACK",) or words[:2] == ("PREPARE", "TRANSACTION")


def check(text: bytes, *, transactional: bool = True) -> Flaw | None:
    """The first thing that forbids to send the file, found before anything of it has run.

    In a large file whose statements begin with harmless words only, what is never closed is left to
    PostgreSQL's parser: it reads the whole message first, says the same and runs nothing.
    """
    if (nul := text.find(b"\0")) >= 0:
        return Flaw(nul, "PostgreSQL would read no further than this NUL byte; remove it.")
    if len(text) > MESSAGE_LIMIT:
        return Flaw(MESSAGE_LIMIT, _TOO_LONG.format(len(text), MESSAGE_LIMIT))
    try:
        if not text.isascii():  # which copies nothing
            text.decode()
        harmless = transactional and len(text) > _SMALL and not re.compile(_SUSPECT).search(text)
        statement = None
        for statement in split(text):
            if transactional and (flaw := _forbidden(statement)):
                return flaw
            if harmless:  # _SUSPECT has looked at all but the first
                break
    except UnicodeDecodeError as exc:
        return Flaw(exc.start, f"byte 0x{text[exc.start]:02x} is not UTF-8; save the file as UTF-8.")
    except Flaw as flaw:
        return flaw
    return None if statement else Flaw(0, "the file holds no statement.")


def _forbidden(statement: Statement) -> Flaw | None:
    """What keeps a statement out of a transaction that the runner owns."""
    if is_transaction_control(statement.words):
        two = statement.words[1:2] in (("TRANSACTION",), ("PREPARED",))
        return Flaw(statement.start, _OWN_TRANSACTION.format(" ".join(statement.words[: 1 + two])))
    return Flaw(statement.start, _COPY_UNSUPPORTED) if statement.data else None
