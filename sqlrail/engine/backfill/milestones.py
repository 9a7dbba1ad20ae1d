"""How far the next batch goes where its rows are in many shards, of which any may have the next keys."""

from __future__ import annotations

from sqlrail.engine.backfill.walk import Key, Walk
from sqlrail.engine.session import Session

#: milestones of a batch: it has as many rows as it is to have, within a tenth or so
PARTS = 32
#: batches that the shards are asked for at once: each is asked on a new connection
AHEAD = 32
#: keys that all shards together may hand over for a batch without that
HANDED_OVER = 20_000


class Milestones:
    """Keys ahead of the walk, between two of which there are about so many rows of all shards."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._keys: list[Key] = []  # in their order
        self._each = 1

    def end(self, walk: Walk, after: Key | None, upto: Key | None, size: int) -> tuple[str, ...] | None:
        """The key up to which there are about so many rows; None where shards can be asked for as many."""
        if upto is None or walk.shards == 1 or size * walk.shards <= HANDED_OVER:
            return None
        if found := self._picked(walk, after, upto, size):
            return found
        self._ask(walk, after, upto, size)
        return self._picked(walk, after, upto, size, is_new=True)

    def _picked(
        self, walk: Walk, after: Key | None, upto: Key, size: int, *, is_new: bool = False
    ) -> tuple[str, ...] | None:
        wanted = max(1, size // self._each)
        if len(self._keys) < (1 if is_new else wanted):
            return None
        found = self._session.ask(walk.milestone(self._keys, after, upto, wanted))
        if not found:
            return None
        key, left = found[-1]
        self._keys = self._keys[len(self._keys) - left :]
        return tuple(key) if is_new or left >= wanted else None

    def _ask(self, walk: Walk, after: Key | None, upto: Key, size: int) -> None:
        self._each = max(1, size // PARTS)
        most = max(2, AHEAD * PARTS // walk.shards)  # of each shard
        text = walk.milestones(after, upto, self._each, most)
        self._keys = [tuple(row[0]) for row in self._session.ask(text)] if text else []
