"""Where in its file a statement failed, and why, in one paragraph."""

from __future__ import annotations

import re
from contextlib import suppress

import psycopg
from psycopg import errors as pg

from sqlrail.errors import BadFile, MigrationFailed, Refused, SqlrailError
from sqlrail.files import keys, statements
from sqlrail.files.file import File
from sqlrail.files.pieces import Piece
from sqlrail.files.statements import Statement
from sqlrail.ground.names import NAME, plain
from sqlrail.ground.relation import Relation
from sqlrail.postgres.diagnostics import is_of_a_right, remedy, sentence

#: bytes of a statement that tell what it needs
_ENOUGH = 10_000
# What of a COPY … FROM stdin tells its fields apart
_COPY = (
    rf"(?i)COPY\s+(?:(?:{NAME})\s*\.\s*)*(?P<table>{NAME})\s*"
    rf"(?:\((?P<columns>(?:\s|,|{NAME})*)\)\s*)?FROM\s+STDIN\s*(?P<options>[^\s;]*)"
)


def failure(
    file: File, piece: Piece, error: psycopg.Error, completed: int | None, stands: str, ahead: int = 0
) -> SqlrailError:
    """What people read of a statement that failed: where, why, and what stands.

    completed: how many statements of the piece ended well, None for all; ahead: characters of ours before the piece.
    """
    from sqlrail.orphans.guards import GUARD

    line, column, late = _find(file, piece, error, completed, ahead)
    said = f"{sentence(error, values=True)}{remedy(error)} {stands}"
    text = f"{file.at(line, column)}: {'at commit: ' if late else ''}{said}"
    if isinstance(error, pg.ForeignKeyViolation) and _may_declare_cleanup(file):
        text += (
            f" Rows without a parent can be archived and deleted first: `-- cleanup: {_relation(file, error)}`"
            " in the file's leading comment; then look with `plan`."
        )
    found: SqlrailError = Refused(text) if error.sqlstate == GUARD else MigrationFailed(text)
    found.__cause__ = error
    found.details["place"] = file.place(line, column)
    if is_of_a_right(error) and 0 <= (completed or 0) < len(piece.statements):
        statement = piece.statements[completed or 0]
        found.statement = piece.text[statement.start : statement.end][:_ENOUGH].decode(errors="ignore")
    return found


def _may_declare_cleanup(file: File) -> bool:
    return file.transactional and not file.cleanup and not file.is_rollback


def _relation(file: File, error: psycopg.Error) -> str:
    """What a cleanup would name: the one key that the file adds to the table, or its form."""
    with suppress(BadFile):  # which is no longer what was run
        added = keys.added(file.content().decode(errors="replace"))
        found = [key for key in added if key.keys and key.child[-1] == error.diag.table_name]
        if len(found) == 1:
            return str(Relation(found[0].child, found[0].columns, found[0].parent, found[0].keys))
    return "child.column -> parent.key"


def _find(
    file: File, piece: Piece, error: psycopg.Error, completed: int | None, ahead: int
) -> tuple[int, int, bool]:
    """Line and column of an error in a file, and whether it came after the file's last statement.

    The server gives a position for errors of parsing and analysis only. Others belong to the statement after
    the piece's `completed` ones (None: all of them); in a DO block the context names the line, counted from the line
    of its quote, and in the data of a COPY the line of the data.
    """
    position, parts, context = error.diag.statement_position, piece.statements, error.diag.context or ""
    if position and completed is not None:
        return *piece.place(statements.offset_of(piece.text, int(position) - ahead)), False
    if completed is None or completed >= len(parts):
        return *piece.place(parts[-1].end if parts else 0), True
    statement = parts[completed]
    if statement.data is not None and (found := _find_in_data(file, piece, statement, context)):
        return *found, False
    offset = statement.start
    inner = re.findall(r"inline_code_block\D+(\d+)", context.rpartition("\n")[2])
    if statement.words[:1] == ("DO",) and inner:
        offset = _find_in_body(piece.text, statement, int(inner[0])) or offset
    return *piece.place(offset), False


def _find_in_body(text: bytes, statement: Statement, line: int) -> int | None:
    """Where a line of a DO's quoted body begins, counted from the line of its quote; comments may hold quotes too."""
    quotes = re.compile(rb"(?s)--[^\n]*|/\*.*?\*/|(\$\w*\$|')")
    for match in quotes.finditer(text, statement.start, statement.end):
        if match[1]:
            offset = text.rfind(b"\n", 0, match.start()) + 1
            for _ in range(line - 1):
                offset = text.find(b"\n", offset, statement.end) + 1 or offset  # it may spell its line ends
            return re.compile(rb"[^\S\n]*").match(text, offset).end()  # type: ignore[union-attr]
    return None


def _find_in_data(file: File, piece: Piece, statement: Statement, context: str) -> tuple[int, int] | None:
    """Line and column of an error in the data of a COPY; the column where its field begins, else 1.

    Of the context only the table's name, numbers and column names count: its words may be of any language.
    """
    copy = re.compile(_COPY).match(piece.text[statement.start :].decode())
    if not copy:
        return None
    found = re.findall(rf"(?m)^(?:COPY )?{re.escape(plain(copy['table']))}\D*?(\d+)(.*)", context)
    if not found:
        return None
    line, field = piece.data_line + int(found[-1][0]) - 1, found[-1][1]
    names = [plain(name) for name in re.findall(NAME, copy["columns"] or "")]
    named = [name for name in names if re.match(rf"\W*\S+ {re.escape(name)}\W", field)]
    if not named or copy["options"]:
        return line, 1
    with suppress(BadFile):
        fields = file.line(line).decode(errors="replace").split("\t")
        number = names.index(max(named, key=len))  # "a b" looks like "a" at first
        return line, len("\t".join([*fields[:number], ""])) + 1
    return line, 1
