"""A table of some rows, a folder of migrations that fill it, and what is asked of them afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aftermath import attempt, read
from conftest import query
from listeners import Heard
from waiting import wait_for

from sqlrail.errors import SqlrailError
from sqlrail.ground.events import Applied, Filled

JOIN = "FROM sqlrail_batch AS b WHERE t.id = b.id"
ONCE = "-- backfill: t by id once\n"
EACH = f"UPDATE t SET n = n + 1 {JOIN};"
#: small batches, one after the other
QUICK = {"batch_time": 0.02, "pause": 0.0, "max_lag": 0.0}
UNTIL = "-- backfill: t by id\n-- until: SELECT count(*) FROM t WHERE done IS NULL\n"
FILL = f"UPDATE t SET done = true {JOIN} AND done IS NULL;"


class Place:
    """A database with a table of some rows, and a folder of migrations."""

    def __init__(self, url: str, folder: Path, rows: int = 3000) -> None:
        self.url, self.folder, self.heard = url, folder, Heard()
        folder.mkdir(exist_ok=True)
        self.query("CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL DEFAULT 0, done boolean)")
        self.query(f"INSERT INTO t SELECT * FROM generate_series(1, {rows})")

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        return query(self.url, statement)

    def write(self, text: str, name: str = "001_fill") -> None:
        (self.folder / f"{name}.sql").write_text(text)

    def run(self, text: str | None = None, **settings: Any) -> SqlrailError | None:
        if text is not None:
            self.write(text)
        self.heard = Heard()
        return attempt(self.url, self.heard, self.folder, **(QUICK | settings))

    def counts(self, table: str = "t") -> dict[int, int]:
        return dict(self.query(f"SELECT n, count(*)::int FROM {table} GROUP BY n ORDER BY n"))

    def noted(self) -> dict[str, Any] | None:
        if not self.query("SELECT to_regclass('sqlrail.progress')")[0][0]:
            return None
        found = self.query("SELECT announced FROM sqlrail.progress WHERE operation = 'backfill'")
        return found[0][0] if found else None

    def walked(self) -> int:
        """Rows that are noted; -1 where nothing is, before its first batch and behind its last."""
        noted = self.noted()
        return noted["walked"] if noted else -1

    def wait_for_a_batch(self, before: int) -> None:
        wait_for(lambda: self.walked() != before, "a batch is noted")

    def filled(self) -> Filled:
        """What the last run has told of its one backfill."""
        (done,) = (
            event.backfill for event in self.heard.events if isinstance(event, Applied) and event.backfill
        )
        return done

    def check_done(self, *ids: str) -> None:
        assert read(self.url).records == list(ids or ("001_fill",))
        assert self.noted() is None
        assert self.run() is None
        assert self.heard.applied_ids == []

    def check_untouched(self) -> None:
        assert read(self.url).records == []
        assert self.counts() == {0: self.query("SELECT count(*)::int FROM t")[0][0]}


@pytest.fixture
def place(database: str, tmp_path: Path) -> Place:
    return Place(database, tmp_path / "files")


@pytest.fixture
def any_place(any_database: str, tmp_path: Path) -> Place:
    return Place(any_database, tmp_path / "files")
