"""How large the next batch is."""

from __future__ import annotations

from dataclasses import dataclass

#: rows of the first batch
FIRST = 500
#: how many times as large the next batch may be
GROWTH = 4


@dataclass
class Pace:
    """How many rows the next batch takes, so that it takes about `aim` seconds.

    What a batch takes whatever its rows (planning over hundreds of partitions, a slow disk) is told by two batches of
    different sizes. Where that is the most of it, fewer rows would only make more batches of the same time.
    """

    aim: float
    rows: int
    _fixed: float = 0.0
    _last: tuple[int, float] | None = None
    _most: float = float("inf")

    def took(self, rows: int, seconds: float) -> None:
        """A batch of so many rows took so many seconds."""
        last = self._last
        if last is None or not 0.8 < rows / last[0] < 1.25:
            if last is not None:
                slope = max(0.0, (seconds - last[1]) / (rows - last[0]))
                self._fixed = max(0.0, min(seconds, last[1]) - slope * min(rows, last[0]))
            self._last = rows, seconds
        fixed = min(self._fixed, seconds)
        wanted = max(self.aim, 2 * fixed) - fixed
        factor = min(GROWTH, max(1 / GROWTH, wanted / max(seconds - fixed, 1e-6)))
        self._most *= 1.1
        self.rows = max(1, int(min(rows * factor, self._most)))

    def failed(self, rows: int, *, too_long: bool) -> None:
        """A batch of so many rows was rolled back: half of them. Where it was too long, more only little by little."""
        self.rows = max(1, rows // 2)
        if too_long:
            self._most = float(self.rows)
