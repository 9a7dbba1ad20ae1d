"""What one file does to its session, the next one does not see."""

from __future__ import annotations

from pathlib import Path

import pytest
from aftermath import attempt, read, write
from conftest import query
from listeners import Heard

from sqlrail.errors import MigrationFailed
from sqlrail.files import examine

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


@pytest.mark.parametrize(
    "end", ["COMMIT", "COMMIT; BEGIN", "COMMIT AND CHAIN", "ROLLBACK", "ROLLBACK; BEGIN"]
)
def test_a_file_that_gets_past_the_scanner_and_ends_its_transaction_is_not_recorded(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(examine, "is_transaction_control", lambda *_: False)
    files = {
        "001_ends": f"CREATE TABLE a ();\n{end};\nCREATE TABLE b ();\n",
        "002_next": "CREATE TABLE c ();\n",
    }
    error = attempt(database, Heard(), write(tmp_path / "files", **files))
    assert isinstance(error, MigrationFailed)
    assert str(error) == (
        f"{tmp_path}/files/001_ends.sql: it ended the transaction that it ran in, so it was not recorded. "
        "What it did may have been kept."
    )
    state = read(database)
    assert (state.records, state.applies, state.lock_rows) == ([], {}, 0)
    assert query(database, "SELECT to_regclass('c')") == [(None,)]
