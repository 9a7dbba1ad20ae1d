"""How far a backfill is, as its checkpoint has it: written in the transaction of each batch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from psycopg.types.json import Jsonb

from sqlrail.ground.backfill import how_far


@dataclass(frozen=True)
class State:
    """Counts are rows; keys are texts, a value for each column."""

    passes: int = 1  # this one counted
    after: tuple[str, ...] | None = None  # the last key that is done in this pass
    upto: tuple[str, ...] | None = None  # the last key of this pass
    seen: int = 0  # in this pass
    changed_now: int = 0  # in this pass
    walked: int = 0
    changed: int = 0
    batches: int = 0
    is_through: bool = False  # this pass
    wal: int = 0  # bytes that the server wrote while batches were at work, for whomever

    @classmethod
    def read(cls, noted: dict[str, Any] | None) -> State | None:
        """None where no pass has begun."""
        if noted is None:
            return None
        keys = {name: noted[name] and tuple(noted[name]) for name in ("after", "upto")}
        return cls(**{**noted, **keys})

    def noted(self) -> Jsonb:
        """As the checkpoint holds it."""
        return Jsonb(asdict(self))

    def beyond(self, rows: int, changed: int, after: tuple[str, ...] | None, *, is_last: bool) -> State:
        """The same behind one more batch."""
        return replace(
            self, after=after or self.after, seen=self.seen + rows, changed_now=self.changed_now + changed,
            walked=self.walked + rows, changed=self.changed + changed, batches=self.batches + 1,
            is_through=is_last,
        )  # fmt: skip

    def anew(self, upto: tuple[str, ...] | None) -> State:
        """The same where another pass begins."""
        return replace(
            self,
            passes=self.passes + 1,
            after=None,
            upto=upto,
            seen=0,
            changed_now=0,
            is_through=upto is None,
        )

    def __str__(self) -> str:
        return how_far(self.walked, self.changed, self.passes)
