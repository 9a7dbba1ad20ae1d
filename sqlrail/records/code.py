"""Code files held against what the database says that they have made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqlrail.files.code import Code

if TYPE_CHECKING:
    from sqlrail.results.status import CodeState

#: states of what a migrate has to make
PENDING = ("new", "edited", "dropped")


class CodeRecord(NamedTuple):
    """What a code file has made, and whether that is still there."""

    name: str
    checksum: str
    kind: str
    identity: str  # its whole name, as DROP takes it
    is_there: bool


class CodeEntry(NamedTuple):
    """A code file, or what is left of one."""

    name: str
    state: CodeState
    kind: str | None = None  # as it is in the database
    identity: str | None = None


def compare(code: Iterable[Code], records: Sequence[CodeRecord]) -> list[CodeEntry]:
    """Every code file, and what was made by one that is gone, by name."""
    recorded = {record.name: record for record in records}
    entries = []
    for each in code:
        record = recorded.pop(each.name, None)
        if record is None:
            entries.append(CodeEntry(each.name, "new"))
        else:
            entries.append(CodeEntry(each.name, _state(each, record), record.kind, record.identity))
    left = [
        CodeEntry(record.name, "missing", record.kind, record.identity)
        for record in recorded.values()
        if record.is_there
    ]
    return sorted([*entries, *left])


def pending(entries: Iterable[CodeEntry]) -> list[str]:
    """The names of those that a migrate has to make."""
    return [entry.name for entry in entries if entry.state in PENDING]


def _state(code: Code, record: CodeRecord) -> CodeState:
    if not record.is_there:
        return "dropped"
    return "applied" if code.checksum == record.checksum else "edited"
