"""Code files held against what the database says that they have made."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqlrail.files.code import ROUTINES, Code

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
    code = [*code]
    recorded = {record.name: record for record in records}
    for old in renamed(code, records).values():
        del recorded[old]
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


def renamed(
    code: Iterable[Code], records: Iterable[CodeRecord], strangers: Collection[str] = ()
) -> dict[str, str]:
    """Names of files that are new, and of those that are gone and have made the same: its text, or a thing of its name.

    strangers: names of files that are known to make something else.
    """
    code = [*code]
    recorded = {record.name: record for record in records}
    names = {each.name for each in code}
    gone = {name: record for name, record in recorded.items() if record.is_there and name not in names}
    if not gone:
        return {}
    new = {each.name: each for each in code if each.name not in recorded and not each.faults()}
    found: dict[str, str] = {}
    for is_same in (_has_its_text, _has_its_name):
        for name in sorted(new.keys() - found.keys() - {*strangers}):
            olds = [old for old, record in gone.items() if is_same(new[name], record)]
            if len(olds) == 1:
                found[name] = olds[0]
                del gone[olds[0]]
    return found


def pending(entries: Iterable[CodeEntry]) -> list[str]:
    """The names of those that a migrate has to make."""
    return [entry.name for entry in entries if entry.state in PENDING]


def _state(code: Code, record: CodeRecord) -> CodeState:
    if not record.is_there:
        return "dropped"
    return "applied" if code.checksum == record.checksum else "edited"


def _has_its_text(code: Code, record: CodeRecord) -> bool:
    return code.checksum == record.checksum


def _has_its_name(code: Code, record: CodeRecord) -> bool:
    """Whatever its schema is: what it makes will tell."""
    identity = record.identity.partition("(")[0] if record.kind in ROUTINES else record.identity
    last = re.findall(r'"(?:[^"]|"")+"|[^."]+', identity)[-1:]
    return code.kind == record.kind and {_plain(name) for name in last} == {
        name.decode(errors="replace") for name in code.makes
    }


def _plain(name: str) -> str:
    return name.strip('"').replace('""', '"').lower()
