"""How large the next batch is."""

from __future__ import annotations

from dataclasses import dataclass

#: rows of the first batch
FIRST = 500
#: how many times as large the next batch may be
GROWTH = 4
#: how many times as large one of two batches has to be, if they are to tell what both take whatever their rows
APART = 2
#: of the time that a batch may take, what it is made for: some take longer than those before
ROOM = 0.8
#: batches in a row that are given up for taking too long, before one is let end: else nobody would know what it takes
GIVEN_UP = 2
#: of the time that a batch may take, what the next one may have taken if to give up the one before was of use, and how
#: many are let end if not: what takes the time is then not the rows
OF_USE, LET_END = 0.6, 20


@dataclass
class Pace:
    """How many rows the next batch takes, so that it takes `aim` seconds at the most.

    What a batch takes whatever its rows (planning over hundreds of partitions, a slow disk) is told by two batches of
    different sizes. Where that is the most of it, fewer rows would only make more batches of the same time.
    """

    aim: float
    rows: int
    _fixed: float = 0.0
    _last: tuple[int, float] | None = None
    _most: float = float("inf")
    _given_up: int = 0  # in a row
    _let_end: int = 0  # of the next ones
    _was_in_time: bool = False  # the last one that came to its end

    @property
    def limit(self) -> float | None:
        """Seconds after which the next batch is to be given up, see failed(); None: fewer rows might not be quicker."""
        may_help = self._was_in_time and self.rows > 1 and self._given_up < GIVEN_UP and not self._let_end
        return self.aim if may_help else None

    def took(self, rows: int, seconds: float) -> None:
        """A batch of so many rows took so many seconds."""
        last = self._last
        if last is None or not 1 / APART < rows / last[0] < APART:
            if last is not None:
                slope = max(0.0, (seconds - last[1]) / (rows - last[0]))
                self._fixed = max(0.0, min(seconds, last[1]) - slope * min(rows, last[0]))
            self._last = rows, seconds
        fixed = min(self._fixed, seconds)
        wanted = max(ROOM * self.aim, 2 * fixed) - fixed
        factor = min(GROWTH, max(1 / GROWTH, wanted / max(seconds - fixed, 1e-6)))
        self._most *= 1.1
        was_of_no_use = self._given_up and seconds > OF_USE * self.aim
        self._let_end = LET_END if was_of_no_use else max(0, self._let_end - 1)
        self._given_up, self._was_in_time = 0, seconds <= self.aim
        self.rows = max(1, int(min(rows * factor, self._most)))

    def failed(self, rows: int, *, too_long: bool) -> None:
        """A batch of so many rows was rolled back: half of them. Where it was too long, more only little by little."""
        self.rows = max(1, rows // 2)
        if too_long:
            self._most = float(self.rows)
            self._given_up += 1
