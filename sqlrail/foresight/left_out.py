"""Files that are not tried to their end, and those behind them that this keeps from being tried."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlrail.files.file import File
from sqlrail.foresight.copying import Name
from sqlrail.ground.names import join
from sqlrail.scratch.scene import Scene

#: what to do about a file that fails
MEND_FIRST = "mend that first, then plan again"


class LeftOut:
    """A file behind one of them is tried only where both have nothing in common that is known."""

    def __init__(self, rehearsed: Scene, touched: Mapping[str, Collection[Name]]) -> None:
        """touched: relations by file, which may become more."""
        self.reasons: dict[str, str] = {}
        self._rehearsed, self._touched = rehearsed, touched
        self._ids, self._failing = set[str](), set[str]()
        self._by_table: dict[Name, str] = {}
        self._last: str | None = None  # behind which nothing can be told

    def __bool__(self) -> bool:
        return bool(self._ids)

    def add(self, file: File, why: str | None, *, is_last: bool = False) -> None:
        """Takes in a file; why: None where its statements say it."""
        self._ids.add(file.id)
        if why:
            self.reasons[file.id] = why
        else:
            self._failing.add(file.id)
        if is_last or self._changes_more_than_tables(file):
            self._last = self._last or file.id
        for name in self._touched[file.id]:
            self._by_table.setdefault(name, file.id)

    def keeping_back(self, file: File) -> str | None:
        """Why a file cannot be tried without those before it; None if it can."""
        if self._last:
            return f"it is behind {self._last}, which {self._is(self._last)}"
        if needed := sorted(self._ids.intersection(file.depends)):
            return f"it depends on {needed[0]}, which {self._is(needed[0])}"
        for name in sorted(self._touched[file.id]):
            if name in self._by_table:
                other = self._by_table[name]
                return f"it is behind {other}, which works on {join(*name)} as well and {self._is(other)}"
        return None

    def _is(self, id_: str) -> str:
        return f"fails: {MEND_FIRST}" if id_ in self._failing else "is not tried to its end"

    def _changes_more_than_tables(self, file: File) -> bool:
        """Whether it changes functions, types and the like, which others use without a lock; or nobody knows."""
        seen = self._rehearsed.seen.get(file.id)
        return seen is None or any(one.objects or one.note for one in seen)
