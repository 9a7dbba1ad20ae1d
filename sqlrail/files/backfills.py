"""The one statement of a file with `-- backfill:`, and what forbids to run it batch by batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sqlrail.errors import BadFile
from sqlrail.files import statements
from sqlrail.files.pieces import Piece
from sqlrail.files.statements import Flaw, Statement, Token, is_transaction_control, tokens
from sqlrail.ground.backfill import BATCH, Backfill
from sqlrail.ground.names import join, plain

if TYPE_CHECKING:
    from sqlrail.files.file import File

#: what a statement that changes rows begins with
CHANGES = ("UPDATE", "INSERT", "DELETE", "MERGE", "WITH")
#: what a question begins with
ASKS = ("SELECT", "WITH", "VALUES")
#: what other directives there are that a backfill goes without
WITHOUT = {
    "transactional": "a backfill is many transactions as it is; take this line out.",
    "cleanup": "a cleanup is one transaction with its file, and a backfill is many; declare it in a file of its own, "
    "before this one.",
}


def statement(file: File) -> Piece:
    """The one that it runs for each batch."""
    return next(piece for piece in file.pieces(1) if piece.statements)


def checksum(file: File) -> str:
    """Of all that decides what is done with a batch: comments and `until` do not."""
    piece = statement(file)
    words = [str(file.backfill), *_words(piece, piece.statements[0])]
    return f"sha256:{hashlib.sha256(chr(0).join(words).encode()).hexdigest()}"


def _words(piece: Piece, one: Statement) -> list[str]:
    return [token.text.decode(errors="replace") for token in _tokens(piece, one) if token.text != b";"]


def _tokens(piece: Piece, one: Statement) -> list[Token]:
    return list(tokens(piece.text[one.start : one.end]))


def lines(file: File) -> Iterator[tuple[int, str]]:
    """What is wrong with its directives, each with its line."""
    if file.backfill is None:
        yield from (
            (line, "until: there is no `-- backfill:` that it could be of.") for line in _at(file, "until")
        )
        return
    for name in ("backfill", "until"):
        for line in _at(file, name)[1:]:
            yield line, f"{name}: a file says it once; write a file of its own for each backfill."
    for name, text in WITHOUT.items():
        for line in _at(file, name)[:1]:
            yield line, text
    if file.until is not None:
        yield from ((_at(file, "until")[0], text) for text in _wrong_with_until(file.until, file.backfill))


def _at(file: File, name: str) -> list[int]:
    return file.lines.get(name, [])


def _wrong_with_until(text: str, backfill: Backfill) -> Iterator[str]:
    try:
        found = list(statements.all_statements(text.encode()))
    except Flaw as flaw:
        yield f"until: {flaw.message}"
        return
    if len(found) != 1 or found[0].words[:1] not in [(word,) for word in ASKS]:
        yield "until: write one SELECT that gives 0 or false when all is done."
    elif backfill.is_once:
        yield "until: `once` is one pass, and this may take more; take one of the two out."


def flaws(file: File, pieces: Iterator[Piece]) -> Iterator[Flaw]:
    """What is wrong with its statements."""
    backfill, count = file.backfill, 0
    assert backfill is not None
    for piece in pieces:
        for one in piece.statements:
            count += 1
            if text := _wrong_with(backfill, piece, one, count):
                yield Flaw(piece.offset + one.start, text)


def _wrong_with(backfill: Backfill, piece: Piece, one: Statement, number: int) -> str | None:
    if is_transaction_control(one.words):
        return "each batch is a transaction of the runner's; remove it."
    if number > 1:
        return "a backfill is one statement, and this is another: put it into a file of its own."
    if one.words[:1] not in [(word,) for word in CHANGES] or one.data is not None:
        return "a backfill is one UPDATE, INSERT, DELETE or MERGE."
    words = _tokens(piece, one)
    if not any(word.is_name and plain(word.text.decode(errors="replace")) == BATCH for word in words):
        return (
            f"it does not name {BATCH}, the table of the batch, and would be run over all rows for each batch. "
            f"{_join(backfill)}"
        )
    if changed := [name for name in _assigned(words, backfill.table) if name in backfill.key]:
        return (
            f"it changes {join(changed[0])}, which its batches are taken by: a row would be met again under its new "
            "key. Take another key."
        )
    return None


def _join(backfill: Backfill) -> str:
    """How the statement joins the batch."""
    table = join(backfill.table[-1])
    if backfill.by_range:
        first, last = ([f"b.{join(f'{end}_{name}')}" for name in backfill.key] for end in ("first", "last"))
        key = [f"{table}.{join(name)}" for name in backfill.key]
        whole, low, high = (", ".join(it) for it in (key, first, last))
        where = (
            f"{whole} BETWEEN {low} AND {high}"
            if len(key) == 1
            else f"({whole}) BETWEEN ({low}) AND ({high})"
        )
    else:
        where = " AND ".join(f"{table}.{join(name)} = b.{join(name)}" for name in backfill.key)
    return f"Write … FROM {BATCH} AS b WHERE {where}."


def _assigned(words: Sequence[Token], table: tuple[str, ...]) -> Iterator[str]:
    """The columns that an UPDATE of that table sets, as far as its text says."""
    if not words or words[0].word != "UPDATE" or not _updates(words, table):
        return
    depth, is_target, within = 0, False, False
    for at, word in enumerate(words):
        depth += {b"(": 1, b")": -1}.get(word.text, 0)
        if depth == 0 and word.word == "SET" and not within:
            within = is_target = True
        elif depth == 0 and word.word in ("FROM", "WHERE", "RETURNING"):
            return
        elif within and word.text == b"=" and depth == 0:
            is_target = False
        elif within and word.text == b"," and depth == 0:
            is_target = True
        elif is_target and word.is_name and at:
            yield plain(word.text.decode(errors="replace"))


def _updates(words: Sequence[Token], table: tuple[str, ...]) -> bool:
    names = [plain(word.text.decode(errors="replace")) for word in words[1:5] if word.is_name]
    return table[-1] in names


def check_unchanged(file: File, noted: str, done: str) -> None:
    """BadFile if what is half done is not what the file says now; done: what is, for the message."""
    if checksum(file) != noted:
        raise BadFile(
            f"{file.path}: it is half done ({done}), and was changed since. Put its statement and `-- backfill:` "
            "back as they were, or give the new ones a file of their own behind it. To begin at the first row again "
            f"drop its checkpoint with `repair --forget {file.id}`: the rows that are done are done twice then."
        )
