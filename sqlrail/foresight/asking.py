"""The query behind what an application sends: itself, or what a command runs or needs of the tables that it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise, takewhile

from sqlrail.files.statements import Token, tokens

#: what a query begins with, or a command that can be prepared as one
QUERIES = ("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "TABLE", "CALL")
#: types whose values are written with their names in front
TYPES = ("INTERVAL", "DATE", "TIME", "TIMESTAMP", "TIMESTAMPTZ", "UUID", "JSON", "JSONB", "NUMERIC")
CASTS = re.compile(rb"(?i)\b(?:%s)\s+\$" % "|".join(TYPES).encode())
PARAMETER = re.compile(rb"\$\d+")


def asked(text: bytes, words: Sequence[str]) -> bytes | None:
    """What has to hold for a statement that begins with these words; None where that is not known."""
    if words[:1] and words[0] in QUERIES:
        return _cast(text, [*tokens(text)]) if CASTS.search(text) else text
    found = [*tokens(text)]
    match tuple(words):
        case ("DECLARE", *_):
            return _behind(text, found, "FOR")
        case ("COPY", *_):
            return _copied(text, found)
        case ("REFRESH", "MATERIALIZED", "VIEW", *_):
            is_concurrent = len(found) > 3 and found[3].word == "CONCURRENTLY"
            return b"SELECT FROM " + _until(text, found[3 + is_concurrent :], ("WITH", ";"))
    return None


def _cast(text: bytes, found: Sequence[Token]) -> bytes:
    """With casts in the place of types in front of parameters: of a literal pg_stat_statements makes INTERVAL $1."""
    parts, at = list[bytes](), 0
    for type_, sign in pairwise(found):
        if type_.word in TYPES and (value := PARAMETER.match(text, sign.start)):
            parts += [text[at : type_.start], value[0], b"::", type_.text]
            at = value.end()
    return b"".join([*parts, text[at:]])


def _behind(text: bytes, found: Sequence[Token], word: str) -> bytes | None:
    return next((text[one.end :] for one in found if one.word == word), None)


def _copied(text: bytes, found: Sequence[Token]) -> bytes | None:
    """COPY's own query, or one that reads its columns, or writes what it reads."""
    rest = found[2:] if found[1:2] and found[1].word == "BINARY" else found[1:]
    if rest[:1] and rest[0].word == "(":
        return _within(text, rest)
    table = _until(text, rest, ("(", "FROM", "TO"))
    if not table:
        return None
    rest = [one for one in rest if one.start >= rest[0].start + len(table)]
    listed = _within(text, rest) if rest[:1] and rest[0].word == "(" else b""
    way = next(
        (one.word for one in rest if one.word in ("FROM", "TO") and one.start >= rest[0].start + len(listed)),
        "",
    )
    reads = b"SELECT " + (listed or b"*") + b" FROM " + table
    if way == "TO":
        return reads
    columns = b"(" + listed + b") " if listed else b""
    answers = b"" if listed else b" RETURNING *"  # whoever names no columns gives all, in their order
    return b"INSERT INTO " + table + b" " + columns + b"OVERRIDING SYSTEM VALUE " + reads + answers


def _until(text: bytes, found: Sequence[Token], words: Sequence[str]) -> bytes:
    """The text of the tokens in front of any of these words."""
    before = [*takewhile(lambda one: one.word not in words, found)]
    return text[before[0].start : before[-1].end] if before else b""


def _within(text: bytes, found: Sequence[Token]) -> bytes:
    """What stands between the parenthesis that comes first, and its other one."""
    depth = 0
    for one in found:
        depth += {"(": 1, ")": -1}.get(one.word, 0)
        if not depth:
            return text[found[0].end : one.start]
    return b""
