"""goose: `<digits>_name.sql`, in two sections, with statements between marks. https://github.com/pressly/goose"""

from __future__ import annotations

import re

from sqlrail.adopting.tool import Folder, Parts, Source, Tool, content, first_with, plain, refused
from sqlrail.files.statements import all_statements

_MARK = rb"--\s*\+goose\s+(.*?)\s*\Z"
#: of crc64 over "goose", see lock/postgres in its source
_LOCK = 5887940537704921958


def _sources(folder: Folder) -> list[Source]:
    return [plain(*it) for it in folder.numbered(r"([0-9]+)_(.*)\.sql")]


def _read(source: Source) -> Parts:
    return _Reading(source).parts()


class _Reading:
    """One file, line by line: marks are whole lines, and what stands between two of a block goes as one message."""

    def __init__(self, source: Source) -> None:
        self.path = source.path
        self.lines: dict[str, list[bytes]] = {"": []}  # behind each mark; behind none stand comments alone
        self.section = ""
        self.block: list[bytes] | None = None
        self.begun = 0  # the line where the block begins
        self.transactional = True
        for number, line in enumerate(content(source.path).splitlines(keepends=True), 1):
            if mark := re.fullmatch(_MARK, line.rstrip(b"\r\n")):
                self._take(mark[1].decode(errors="replace").upper(), number)
            else:
                (self.lines[self.section] if self.block is None else self.block).append(line)

    def _take(self, mark: str, number: int) -> None:
        if mark in ("UP", "DOWN") and self.block is None:
            self.section = mark
            self.lines.setdefault(mark, [])
        elif mark == "STATEMENTBEGIN" and self.block is None:
            self.block, self.begun = [], number
        elif mark == "STATEMENTEND" and self.block is not None:
            self.lines[self.section] += _ended(b"".join(self.block))
            self.block = None
        elif mark == "NO TRANSACTION":
            self.transactional = False
        elif mark.startswith("ENVSUB"):
            what = "goose fills in variables of the environment here (ENVSUB); write what they stand for."
            raise refused(self.path, number, what)
        else:
            raise refused(self.path, number, f"goose knows no mark `+goose {mark}` in this place.")

    def parts(self) -> Parts:
        """What was read."""
        if self.block is not None:
            raise refused(
                self.path, self.begun, "this StatementBegin has no StatementEnd, without which goose fails."
            )
        if "UP" not in self.lines:
            raise refused(self.path, 1, "it has no line `-- +goose Up`, without which goose does not run it.")
        down = self.lines.get("DOWN")
        up = b"".join([*self.lines[""], *self.lines["UP"]])
        return Parts(up, None if down is None else b"".join(down), self.transactional)


def _ended(text: bytes) -> list[bytes]:
    """A block with the semicolon that ends it, which goose does without."""
    *_, end = [0, *(statement.end for statement in all_statements(text))]
    return [text] if text[:end].endswith(b";") or not end else [text[:end], b";", text[end:]]


TOOL = Tool(
    name="goose",
    table="goose_db_version",
    columns=frozenset({"id", "version_id", "is_applied", "tstamp"}),
    query="adopt_goose",
    sources=_sources,
    read=_read,
    sign=lambda folder: first_with(folder, rb"(?mi)^--\s*\+goose\s+up\s*$"),
    locks=lambda *_: (_LOCK,),
    code=r"[0-9]+_.*(?<!_test)\.go",
)
