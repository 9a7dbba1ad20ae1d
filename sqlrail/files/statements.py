r"""Where statements begin and end in a file of SQL, as PostgreSQL's own lexer and grammar see it.

`Reader` in pieces.py hands a file out in pieces of whole statements, `examine` says what forbids to send it; neither
ever holds more than a block and the longest statement. Both work on bytes (UTF-8, without BOM). One regular
expression takes plain statements at once, 150 MB a second; only what is left (block comments, dollar quotes,
routines, rules, COPY) is looked at token by token. The rules are those of src/backend/parser/scan.l and gram.y of
PostgreSQL 18 with `standard_conforming_strings` on; what PostgreSQL rejects anyway may be cut differently here.
Patterns are compiled where they are first used, and kept by `re`: a run with nothing to do needs none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO, NamedTuple

from sqlrail.errors import BadFile
from sqlrail.ground.words import printable

#: bytes that are read at a time, and that a piece has at the most where its statements are no longer
BLOCK = 1 << 20
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
PLAIN = _QUIET.replace(b"%b", b"")
_CAREFUL = _QUIET.replace(b"%b", rb"().A-Za-z_\x80-\xff")
_TOKEN = rb"[;().]|" + _NAME
# The end of the comment is spelled out, or backtracking would find words inside it.
_BLANKS = rb"\s*(?:--[^\n\r]*(?:[\n\r]|\Z)\s*)*"
EMPTY = _BLANKS.replace(rb"\s", rb"[\s;]")
_WORDS = _NAME + rb"(?:\s+" + _NAME + rb"){0,3}\s*"
_SIMPLE = EMPTY + rb"(?!(?i:CREATE|COPY))(" + _WORDS + rb")" + PLAIN + rb"(;)?"
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
_PSQL = "is a command of psql, which PostgreSQL does not know; remove it."
_NONE_BEGUN = "\\. ends the data of COPY … FROM stdin, and none have begun; look at the statement before it."
# What is for psql alone, on a line of its own: the key that pg_dump writes around its output; how psql shows things,
# and stops at an error; and the database that it connects to.
FOR_PSQL = (
    rb"\\(?:(?:un)?restrict(?:[ \t]+[^\s\\]*)?"
    rb"|(?:un)?set[ \t]+(?:ON_ERROR_STOP|ECHO|ECHO_HIDDEN|QUIET|VERBOSITY|SHOW_CONTEXT)\b[^\n\r\\]*"
    rb"|(?:echo|qecho|warn|pset|timing)(?:[ \t][^\n\r\\`]*)?"
    rb"|encoding[ \t]+'?(?i:utf-?8|unicode)'?"
    rb"|(?P<connect>c(?:onnect)?[ \t]+(?:-reuse-previous=on[ \t]+)?"
    rb"""(?:"[^"\n\r]*"|'[^'\n\r]*'|[^\s\\'"-][^\s\\'"]*)))"""
    rb"[ \t]*\r?(?:\n|\Z)"
)
KEY = ("\\",)
# The bytes that begin no character.
_CONTINUATION = bytes(range(0x80, 0xC0))


class Flaw(BadFile):
    """The file cannot be run as it stands."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset, self.message = offset, message  # the offset in bytes from the file's beginning


class Unclosed(Flaw):
    """A literal or comment that does not end where the text does."""


class Statement(NamedTuple):
    #: byte offset of the first token
    start: int
    #: byte offset past the semicolon, or past the last token where the file ends without one
    end: int
    #: up to four words that it begins with, upper case: keywords, and names that are not quoted
    words: tuple[str, ...]
    #: byte offset of the lines that follow a COPY … FROM stdin
    data: int | None = None

    def moved(self, by: int) -> Statement:
        """The same statement in a text that begins elsewhere."""
        data = None if self.data is None else self.data + by
        return Statement(self.start + by, self.end + by, self.words, data)


def all_statements(text: bytes) -> Iterator[Statement]:
    at = 0
    while statement := statement_at(text, at, True):
        yield statement
        at = statement.data or statement.end


def statement_at(text: bytes, at: int, ended: bool) -> Statement | None:
    """The next statement, without empty ones, or psql's key; None where there is none, or not all of it.

    Raises Flaw where PostgreSQL's lexer fails, Unclosed where more text could help it.
    """
    match = re.compile(_SIMPLE).match(text, at)
    if match and match[2] and text[match.end(1)] not in b"-/":  # a comment may hold up the next word
        return Statement(match.start(1), match.end(), _upper(match[1]))
    start = _skip(text, at, EMPTY)
    if start == len(text):
        return None
    if text.startswith(b"\\", start):
        return _key(text, start, ended)
    words = _first_words(text, start)
    end, closed, copies = _end(text, start, words)
    # Only a semicolon says that no more belongs to it, and a line end that COPY's data begin.
    if not ended and (not closed or (copies and text.find(b"\n", end) < 0)):
        return None
    return Statement(start, end, words, _data(text, end) if copies else None)


def _key(text: bytes, at: int, ended: bool) -> Statement | None:
    match = re.compile(FOR_PSQL).match(text, at)
    if not ended and text.find(b"\n", at) < 0:
        return None
    if not match:
        raise _meta_command(text, at)
    return Statement(at, match.end(), KEY)


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


def _end(text: bytes, start: int, words: tuple[str, ...]) -> tuple[int, bool, bool]:
    """Where a statement ends, whether by a semicolon, and whether it is COPY … FROM stdin."""
    kind = _kind(words)
    routine, copy = kind in ("FUNCTION", "PROCEDURE"), kind == "COPY"
    depth, body, copies, before = 0, False, False, b""
    for end, token in _tokens(text, start, _CAREFUL if routine or copy or kind == "RULE" else PLAIN):
        word = token.upper()
        if not word or (word == b";" and not depth and not body):
            return end, bool(word), copies
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
    raise Unclosed(at - (what == "escape"), f"this {_NAMES.get(what, what)} is never closed.")


def _meta_command(text: bytes, at: int) -> Flaw:
    command, *rest = re.split(rb"\s", text[at : at + 64], maxsplit=1)
    flaw = Flaw if rest or len(text) > at + 64 else Unclosed
    if command == rb"\.":
        return flaw(at, _NONE_BEGUN)
    return flaw(at, f"{command.decode(errors='replace')} {_PSQL}")


def _data(text: bytes, at: int) -> int:
    """Where the lines behind COPY … FROM stdin begin."""
    rest = re.compile(rb"[ \t]*(?:--[^\n]*)?\r?(?:\n|\Z)").match(text, at)
    if not rest:
        raise Flaw(at, "the data of COPY … FROM stdin begin on the next line; this one has to end here.")
    return rest.end()


def place(text: bytes, offset: int, line: int = 1, column: int = 1) -> tuple[int, int]:
    """Line and column of a byte offset in a text that begins at a line and column; columns are characters."""
    start = text.rfind(b"\n", 0, offset) + 1
    characters = len(text[start:offset].translate(None, _CONTINUATION))
    lines = text.count(b"\n", 0, start)
    return line + lines, characters + (1 if lines else column)


def place_in(stream: BinaryIO, offset: int) -> tuple[int, int]:
    """Line and column of a byte offset from where a stream stands."""
    line, column = 1, 1
    while offset > 0 and (block := stream.read(min(BLOCK, offset))):
        line, column = place(block, len(block), line, column)
        offset -= len(block)
    return line, column


def all_comments(text: bytes) -> Iterator[tuple[int, bytes]]:
    """Every comment of whole statements, literals left out, each with its byte offset."""
    run, at = re.compile(PLAIN), 0
    while at < len(text):
        if (match := run.match(text, at)) and match[0]:
            at = match.end()
            continue
        end = _past(text, at)
        if text.startswith((b"--", b"/*"), at):
            yield at, text[at:end]
        at = end


class Token(NamedTuple):
    """A name, a literal or a sign, with the text that it stands in and its byte offsets there."""

    source: bytes
    start: int
    end: int

    @property
    def text(self) -> bytes:
        return self.source[self.start : self.end]

    @property
    def word(self) -> str:
        """In upper case; of a quoted name or a literal it has quotes, and is no word."""
        return self.text.upper().decode(errors="replace")

    @property
    def is_name(self) -> bool:
        return bool(re.compile(rb'"|' + _NAME).match(self.text))


def tokens(text: bytes) -> Iterator[Token]:
    """All that stands in whole statements but blanks and comments."""
    blank, name, at = re.compile(rb"\s+"), re.compile(_NAME), 0
    while at < len(text):
        if match := blank.match(text, at):
            at = match.end()
            continue
        match = name.match(text, at)
        end = match.end() if match else _past(text, at)
        if not text.startswith((b"--", b"/*"), at):
            yield Token(text, at, end)
        at = end


def only_settings(text: bytes) -> bool:
    """Whether whole statements do nothing to a database, nor to one transaction: those at the head of a dump."""
    own = (
        rb"(?i:SET\s+(?!LOCAL\b|TRANSACTION\b|SESSION\s+CHARACTERISTICS\b)|SELECT\s+pg_catalog\.set_config\b)"
    )
    settings = rb"(?:" + EMPTY + own + PLAIN + rb";)*" + EMPTY
    return bool(re.compile(settings).fullmatch(text))


def first_offset(text: bytes, at: int = 0) -> int:
    """Where the next statement begins, or the text ends."""
    return _skip(text, at, EMPTY)


def has_statement(text: bytes) -> bool:
    """Whether there is any in a text; one that cannot be read counts as one."""
    try:
        return first_offset(text) < len(text)
    except Flaw:
        return True


def has_body(statement: Statement) -> bool:
    """Whether a statement makes a routine, which may have statements within."""
    return _kind(statement.words) in ("FUNCTION", "PROCEDURE")


def comments(text: bytes, at: int, end: int) -> Iterator[tuple[int, bytes]]:
    """The comments between two statements, each with its byte offset."""
    opening = re.compile(rb"--|/\*")
    while match := opening.search(text, at, end):
        at = _past(text, match.start())
        yield match.start(), text[match.start() : at]


def offset_of(text: bytes, position: int) -> int:
    """The byte offset of diag.statement_position: characters from 1, counted over the whole message."""
    return position - 1 if text.isascii() else len(text.decode(errors="replace")[: position - 1].encode())


def brief(text: bytes, limit: int) -> str:
    """A statement on one line of so many characters at the most; what its literals hold may be a secret: left out."""
    shown: list[str] = []
    at = 0
    while at < len(text) and len(shown) <= 2 * limit:
        opening = re.compile(_OPENING).match(text, at)
        end = _past(text, at)
        kind = opening and opening.lastgroup
        if kind in ("line", "comment"):
            shown.append(" ")
        elif kind in ("string", "escape"):
            shown.append("'…'")
        elif kind == "dollar":
            shown.append("$$…$$")
        else:
            while end < len(text) and text[end] in _CONTINUATION:
                end += 1
            shown.append(text[at:end].decode(errors="replace"))
        at = end
    line = printable(" ".join("".join(shown).split()).rstrip("; "))
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


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
