"""The checks that a file adds to tables, and the tables that it makes, as its text says them.

A check's expression is somebody's SQL: it is cut out of the text where its parentheses say, as PostgreSQL's lexer sees
them, and never spelt anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlrail.files.pieces import Piece
from sqlrail.files.statements import Token, tokens
from sqlrail.ground.names import plain

_PATH = re.compile(rb"(?is)'((?:[^']|'')*)'")
Names = tuple[str, ...]


class Added(NamedTuple):
    """A check that ALTER TABLE adds; and what the file has set the search_path to before, as SET would have it.

    One that the file gives no name has those that PostgreSQL may give it.
    """

    table: Names
    names: frozenset[str]
    expression: str
    search_path: str | None
    is_named: bool


def added(pieces: Iterable[Piece]) -> Iterator[Added]:
    """The checks that a file adds, in its own statements and in those of a DO, but not of a function."""
    search_path: str | None = None
    for words in _statements(pieces):
        search_path = _search_path(words) or search_path
        for table, words_of_name, expression in _checks(words):
            names = {_plain(it) for it in words_of_name} or _given(table, expression)
            yield Added(table, frozenset(names), expression, search_path, bool(words_of_name))


def of_name(found: Iterable[Added], table: Names, name: str) -> Added | None:
    """The check of that name that is added to a table; one without a name only if it alone may get it."""
    fitting = [it for it in found if name in it.names and is_same(it.table, table)]
    named, others = ([it for it in fitting if it.is_named is is_named] for is_named in (True, False))
    return named[0] if named else others[0] if len(others) == 1 else None


def _given(table: Names, expression: str) -> set[str]:
    """The names that PostgreSQL may give a check: with its column where it is about one (ChooseConstraintName)."""
    columns = (_plain(it) for it in tokens(expression.encode()) if it.is_name)
    return {f"{table[-1]}_check", *(f"{table[-1]}_{column}_check" for column in columns)}


def makes(pieces: Iterable[Piece], table: Names) -> bool:
    """Whether a file makes a table of that name, or gives it to one; a schema counts where both have one."""
    return any(is_same(name, table) for words in _statements(pieces) for name in _made(words))


def is_same(one: Names, other: Names) -> bool:
    """Whether two names may mean one table."""
    return one[-1:] == other[-1:] and (len(one) != len(other) or one == other)


def _statements(pieces: Iterable[Piece]) -> Iterator[list[Token]]:
    for piece in pieces:
        yield from _split(piece.text)


def _split(text: bytes) -> Iterator[list[Token]]:
    """The statements of a text, each as its tokens, without comments; those within a DO behind it."""
    words: list[Token] = []
    for token in tokens(text):
        if token.text != b";":
            words.append(token)
            continue
        yield from _with_body(words)
        words = []
    yield from _with_body(words)


def _with_body(words: list[Token]) -> Iterator[list[Token]]:
    yield words
    if words and words[0].word == "DO":
        for token in words:
            if token.text[:1] == b"$" and (body := re.fullmatch(rb"(?s)(\$\w*\$)(.*)\1", token.text)):
                yield from _split(body[2])


def _checks(words: list[Token]) -> Iterator[tuple[Names, list[Token], str]]:
    """Of an ALTER TABLE, which may stand behind words of a body."""
    for start, token in enumerate(words):
        if token.word == "ALTER" and _word(words, start + 1) == "TABLE":
            at = _past(words, start + 2, "IF", "EXISTS")
            at = _past(words, at, "ONLY")
            table, at = _name(words, at)
            for name, expression in _added_to(words, at) if table else ():
                yield table, name, expression
            return


def _added_to(words: list[Token], at: int) -> Iterator[tuple[list[Token], str]]:
    """The name of each, if it has one, and its expression."""
    while at < len(words):
        is_named = [_word(words, at + n) for n in (0, 1)] == ["ADD", "CONSTRAINT"]
        opens = at + (4 if is_named else 2)
        if _word(words, at) == "ADD" and _word(words, opens - 1) == "CHECK" and _text(words, opens) == b"(":
            end = _closing(words, opens)
            inside = words[at].source[words[opens].end : words[end].start]
            yield words[at + 2 : at + 3] if is_named else [], inside.decode(errors="replace")
            at = end
        at += 1


def _closing(words: list[Token], at: int) -> int:
    """Where the parenthesis closes that opens there, or the last token."""
    depth = 0
    for n in range(at, len(words)):
        depth += {b"(": 1, b")": -1}.get(words[n].text, 0)
        if not depth:
            return n
    return len(words) - 1


def _search_path(words: list[Token]) -> str | None:
    """What a statement sets it to, as it stands behind SET search_path."""
    if not words:
        return None
    match [token.word for token in words[:4]]:
        case ["SET", "LOCAL" | "SESSION", "SEARCH_PATH", *_]:
            return _behind(words, 2)
        case ["SET", "SEARCH_PATH", *_]:
            return _behind(words, 1)
        case ["RESET", "SEARCH_PATH"]:
            return "TO DEFAULT"
    given = [token.text for token in words]
    for n, token in enumerate(words):
        if token.word == "SET_CONFIG" and [it.lower() for it in given[n + 1 : n + 3]] == [
            b"(",
            b"'search_path'",
        ]:
            path = _PATH.fullmatch(given[n + 4]) if n + 4 < len(given) else None
            return f"TO {path[1].decode(errors='replace') or chr(39) * 2}" if path else None
    return None


def _behind(words: list[Token], at: int) -> str | None:
    if at + 1 >= len(words):
        return None
    return words[0].source[words[at].end : words[-1].end].decode(errors="replace")


def _made(words: list[Token]) -> Iterator[Names]:
    named = [token.word for token in words]
    for n, word in enumerate(named):
        if word == "TABLE" and "CREATE" in named[:n]:
            yield _name(words, _past(words, n + 1, "IF", "NOT", "EXISTS"))[0]
        if word == "INTO" or (word == "TO" and named[n - 1 : n] == ["RENAME"]):
            yield _name(words, _past(words, n + 1, "TABLE"))[0]


def _past(words: list[Token], at: int, *skipped: str) -> int:
    there = tuple(_word(words, at + n) for n in range(len(skipped)))
    return at + len(skipped) if there == skipped else at


def _name(words: list[Token], at: int) -> tuple[Names, int]:
    """The name with dots in it that stands there, and where it ends."""
    names: list[str] = []
    while at < len(words) and words[at].is_name:
        names.append(_plain(words[at]))
        at += 1
        if _text(words, at) != b".":
            break
        at += 1
    return tuple(names), at


def _word(words: list[Token], at: int) -> str:
    return words[at].word if at < len(words) else ""


def _text(words: list[Token], at: int) -> bytes:
    return words[at].text if at < len(words) else b""


def _plain(token: Token) -> str:
    return plain(token.text.decode(errors="replace"))
