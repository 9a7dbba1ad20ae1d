"""What became of archived rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlrail.results.archive import Archived
    from sqlrail.results.restore import LeftResult, RestoredResult, RestoreResult


@dataclass(frozen=True)
class Left:
    """Rows of one table that stay in the archive for one reason; samples are the keys of a few of them."""

    source: str
    action: Archived
    reason: str
    rows: int
    samples: tuple[dict[str, str | None], ...] = ()

    def as_json(self) -> LeftResult:
        """The same for scripts."""
        return {
            "table": self.source,
            "action": self.action,
            "reason": self.reason,
            "rows": self.rows,
            "samples": list(self.samples),
        }


@dataclass(frozen=True)
class Restored:
    """What became of a relation's archived rows, those of cascades included."""

    relation: str
    restored: int
    left: int
    reasons: tuple[Left, ...] = ()

    def as_json(self) -> RestoredResult:
        """The same for scripts."""
        return {
            "relation": self.relation,
            "restored": self.restored,
            "left": self.left,
            "reasons": [left.as_json() for left in self.reasons],
        }


@dataclass(frozen=True)
class Restore:
    """What a restore of the run `of` did; a run of None put nothing back."""

    run: int | None
    of: int
    relations: tuple[Restored, ...] = ()
    #: what else there is to know: values whose column is gone, sequences that are behind
    notes: tuple[str, ...] = ()

    def as_json(self) -> RestoreResult:
        """The same for scripts: `of` is the run whose rows these are, `run` the restore's own."""
        return {
            "run": self.run,
            "of": self.of,
            "relations": [one.as_json() for one in self.relations],
            "notes": list(self.notes),
        }
