"""What squawk says, fitted to what it does not know: which tables are partitioned, and what PostgreSQL 18 brought.

A partitioned table takes no index CONCURRENTLY, no constraint by USING INDEX, and before 18 no key that is NOT VALID.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from sqlrail.files.keys import names
from sqlrail.files.squawk import LATER, OUTSIDE, Remark
from sqlrail.ground.names import NAME, Name, is_same

_NAMED = rf"({NAME}(?: \. {NAME})*)"
_TABLE = re.compile(
    rf"(?i)CREATE (?:(?:GLOBAL|LOCAL|UNLOGGED|TEMP|TEMPORARY) )*TABLE (IF NOT EXISTS )?{_NAMED} "
)
_PARTITIONED = re.compile(
    r"(?i)(?<!\( )\bPARTITION BY (?:RANGE|LIST|HASH) \("
)  # a window's is in parentheses
_INDEX = re.compile(
    rf"(?i)CREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?(?:(?:IF NOT EXISTS )?({NAME}) )?ON (ONLY )?{_NAMED}"
)
_DROPPED = re.compile(rf"(?i)DROP INDEX (?:IF EXISTS )?({_NAMED}(?: , {_NAMED})*)")
_ALTERED = re.compile(rf"(?i)ALTER (?:TABLE|INDEX) (?:IF EXISTS )?(?:ONLY )?{_NAMED}(?: RENAME TO ({NAME}))?")
_ENFORCED = re.compile(rf"(?i) ALTER CONSTRAINT {NAME} ENFORCED\b")
_NOT_VALID, _KEY = "constraint-missing-not-valid", "adding-foreign-key-constraint"
_UNIQUE = ("disallowed-unique-constraint", "adding-serial-primary-key-field")
_INDEX_MESSAGE = (
    "An index is built on every partition, which blocks updates of all of them, and CONCURRENTLY is not possible on a "
    "partitioned table."
)
_INDEX_REMEDY = (
    "CREATE INDEX ON ONLY the partitioned table here, which builds nothing; then, "
    f"{OUTSIDE}, CREATE INDEX CONCURRENTLY on each partition, and ALTER INDEX ... ATTACH PARTITION for each"
)
_UNIQUE_REMEDY = (
    "ALTER TABLE ONLY the partitioned table ADD CONSTRAINT here, which builds nothing; then, "
    f"{OUTSIDE}, for each partition CREATE UNIQUE INDEX CONCURRENTLY, ADD CONSTRAINT ... USING INDEX, and ALTER INDEX "
    "... ATTACH PARTITION"
)
_KEY_REMEDY = (
    "before PostgreSQL 18 a partitioned table's key cannot be NOT VALID: add it NOT VALID to each partition, VALIDATE "
    "CONSTRAINT in the next file, and add it to the table in the one after that, which takes theirs over"
)
_NO_OTHER_WAY = (
    "there is no other way to add this one: do it while the table is small, or its writers can wait"
)
_ENFORCED_MESSAGE = "Enforcing a constraint reads every row, and blocks writes to the table meanwhile."


class Partitioned:
    """The tables and indexes that are known to be partitioned."""

    def __init__(self, known: Iterable[Name] = ()) -> None:
        self._known = set(known)

    def __contains__(self, name: Name) -> bool:
        """Whether one is: a schema tells two apart only where both are said."""
        return any(is_same(it, name) for it in self._known)

    def __len__(self) -> int:
        return len(self._known)

    def learn(self, statement: str) -> None:
        """Takes in what a statement, squeezed, makes, and what gets another name."""
        if made := _TABLE.match(statement):
            if not made[1]:
                self._forget(names(made[2]))
            if _PARTITIONED.search(statement):
                self._known.add(names(made[2]))
        elif (index := _INDEX.match(statement)) and index[1] and names(index[3]) in self:
            self._known.add((*names(index[3])[:-1], *names(index[1])))
        elif (altered := _ALTERED.match(statement)) and altered[2] and names(altered[1]) in self:
            self._forget(names(altered[1]))
            self._known.add((*names(altered[1])[:-1], *names(altered[2])))

    def _forget(self, name: Name) -> None:
        self._known = {it for it in self._known if not is_same(it, name)}


def fitted(
    remark: Remark, statement: str, part: str, partitioned: Partitioned, major: int | None
) -> Remark | None:
    """The remark as it holds for a part of a statement, both squeezed; None where it does not."""
    if remark.rule == "adding-field-with-default" and _is_virtual(part):
        return None  # a virtual column is worked out when it is read
    if remark.rule in (_NOT_VALID, _KEY) and re.search(r"(?i)\bNOT ENFORCED\b", part):
        return None  # no row is looked at
    if remark.rule in (_NOT_VALID, *_UNIQUE) and re.search(r"(?i)\b(?:WITHOUT OVERLAPS|EXCLUDE)\b", part):
        return replace(remark, remedy=_NO_OTHER_WAY)
    if remark.rule == "require-concurrent-index-creation":
        return _of_index(remark, statement, partitioned)
    if remark.rule == "require-concurrent-index-deletion":
        dropped = _DROPPED.match(statement)
        is_possible = dropped is None or any(names(it) not in partitioned for it in dropped[1].split(" , "))
        return remark if is_possible else None
    altered = _ALTERED.match(statement)
    if altered is None or names(altered[1]) not in partitioned:
        return remark
    if remark.rule in _UNIQUE:
        return replace(remark, remedy=_UNIQUE_REMEDY)
    return replace(remark, remedy=_KEY_REMEDY) if remark.rule == _KEY and (major or 0) < 18 else remark


def _is_virtual(part: str) -> bool:
    return bool(re.match(r"(?i)GENERATED ALWAYS AS\b(?!.*\bSTORED$)", part))


def _of_index(remark: Remark, statement: str, partitioned: Partitioned) -> Remark | None:
    index = _INDEX.match(statement)
    if index is None or names(index[3]) not in partitioned:
        return remark
    return None if index[2] else replace(remark, message=_INDEX_MESSAGE, remedy=_INDEX_REMEDY)


def overlooked(statement: str, start: int, end: int) -> Iterable[Remark]:
    """What squawk does not say of a statement, by a rule of its own."""
    if _ALTERED.match(statement) and _ENFORCED.search(statement):
        remedy = f"drop it, {LATER}"
        yield Remark(start, end, _NOT_VALID, _ENFORCED_MESSAGE, remedy)
