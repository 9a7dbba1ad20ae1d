"""What one file does to its session, the next one does not see."""

from __future__ import annotations

from pathlib import Path

import pytest
from aftermath import Heard, attempt, read, write
from conftest import query

LEFT = """
    CREATE TABLE seen AS
        SELECT 'prepared ' || name AS what FROM pg_prepared_statements WHERE from_sql
        UNION ALL SELECT 'listening to ' || pg_listening_channels();
"""


@pytest.mark.parametrize(
    "statement", ["PREPARE kept AS SELECT 1;", 'prepare "odd; name" as select 1;', "LISTEN news;"]
)
def test_what_a_file_prepares_or_listens_to_is_gone_in_the_next(
    database: str, tmp_path: Path, statement: str
) -> None:
    heard = Heard()
    error = attempt(
        database, heard, write(tmp_path / "files", **{"001_leaves": statement, "002_looks": LEFT})
    )
    assert (error, heard.applied_ids) == (None, ["001_leaves", "002_looks"])
    assert query(database, "SELECT what FROM seen") == []
    assert read(database).records == ["001_leaves", "002_looks"]
