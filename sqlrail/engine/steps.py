"""The statements of a file outside a transaction, and what can be told of each from its text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from sqlrail.files.pieces import Piece
from sqlrail.files.statements import is_transaction_control
from sqlrail.ground.names import NAME, plain

#: what can run twice without harm; of all else that was cut off only people can say what became of it
REPEATABLE = ("ANALYZE", "CHECKPOINT", "CLUSTER", "REFRESH", "REINDEX", "VACUUM")
#: bytes that an INSERT has at the most to go in one message with others
SMALL = 1 << 12
_PATH = rf"({NAME}(?: \. {NAME}){{0,2}})"
_WORD = r'"(?:[^"]|"")*"|--[^\n]*|/\*(?s:.*?)\*/|[\w$]+|[^\s]'
_INDEX = {
    "create": r"CREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?(?:IF NOT EXISTS )?"
    rf"(?:(?!ON )({NAME}) )?ON (?:ONLY )?{_PATH}",
    "drop": rf"DROP INDEX CONCURRENTLY (?:IF EXISTS )?()(?!IF EXISTS){_PATH}",
    "reindex": rf"REINDEX (?:\([^)]*\) )?()(?:(?:INDEX|TABLE) (?:CONCURRENTLY )?{_PATH}|SCHEMA|DATABASE)",
}
_DETACH = rf"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?{_PATH} DETACH PARTITION {_PATH} CONCURRENTLY"
#: what REINDEX CONCURRENTLY calls an index that is not in use yet, or no more
_REBUILT = r".*_cc(?:new|old)\d*"


class Index(NamedTuple):
    """What a statement does to indexes."""

    verb: str  # create, drop or reindex
    #: of the index that is created or dropped, as the catalog has it; empty if PostgreSQL chooses one
    name: str
    #: what leads to the table, as in SQL: its name, or that of one of its indexes; None is all
    object: str | None

    @classmethod
    def of(cls, text: str) -> Index | None:
        """None for a statement about other things."""
        tokens = [token for token in re.findall(_WORD, text) if not token.startswith(("--", "/*"))]
        for verb, pattern in _INDEX.items():
            if match := re.match(f"(?i){pattern}(?![^ ])", " ".join(tokens)):
                name, path = match[1] or "", match[2]
                if verb == "drop":
                    name = re.findall(NAME, path)[-1]
                return cls(verb, plain(name), path)
        return None

    def concerns(self, found: Found) -> bool:
        """Whether the statement may have made that index, or left it as it is."""
        if self.verb == "reindex":
            return bool(re.fullmatch(_REBUILT, found.name))
        return self.name in ("", found.name)


class Detached(NamedTuple):
    """What a statement detaches concurrently: in two transactions, of which the second may be missing."""

    parent: str  # as in SQL
    partition: str

    @classmethod
    def of(cls, text: str) -> Detached | None:
        """None for a statement about other things."""
        tokens = [token for token in re.findall(_WORD, text) if not token.startswith(("--", "/*"))]
        match = re.match(f"(?i){_DETACH}(?![^ ])", " ".join(tokens))
        return cls(match[1], match[2]) if match else None


class Found(NamedTuple):
    """An index in the database."""

    oid: int
    schema: str
    name: str
    valid: bool


@dataclass(frozen=True)
class Step:
    """A statement of the file: its number from 1, and the checksum of all up to it."""

    number: int
    piece: Piece
    text: bytes
    checksum: str
    #: the same with its data, once they are read
    checksum_behind: Callable[[], str] = str

    @property
    def words(self) -> tuple[str, ...]:
        return self.piece.statements[0].words

    @property
    def index(self) -> Index | None:
        """What it does to indexes."""
        if self.words[:1] not in (("CREATE",), ("DROP",), ("REINDEX",)):
            return None
        return Index.of(self.text.decode(errors="replace"))

    @property
    def digest(self) -> str:
        """What tells it from others, whatever is in front of it."""
        return hashlib.sha256(self.text).hexdigest()

    @property
    def detached(self) -> Detached | None:
        """What it detaches concurrently."""
        return Detached.of(self.text.decode(errors="replace"))

    @property
    def is_control(self) -> bool:
        """Whether it begins or ends a transaction."""
        return is_transaction_control(self.words) and self.words[1:2] != ("PREPARED",)

    @property
    def is_setting(self) -> bool:
        """Whether it is for the session only, and the next one has to be told again."""
        first, second, *_ = *self.words, "", ""
        if first == "SELECT":
            return bool(re.match(rb"(?i)SELECT\s+(?:pg_catalog\s*\.\s*)?set_config\s*\(", self.text))
        if first == "SET":
            return second not in ("LOCAL", "TRANSACTION", "CONSTRAINTS")
        return first in ("RESET", "DISCARD", "PREPARE", "DEALLOCATE", "LISTEN", "UNLISTEN", "LOAD")

    @property
    def is_small(self) -> bool:
        """Whether it may go in one message with others."""
        return self.words[:1] == ("INSERT",) and len(self.piece.text) < SMALL


def text_of(piece: Piece) -> bytes:
    """The statement alone, as an editor on any system would leave it."""
    statement = piece.statements[0]
    text = piece.text[statement.start : statement.end].rstrip(b"; \t\r\n")
    return re.sub(rb"[ \t\r]+(?=\n)", b"", text) if b"\n" in text else text
