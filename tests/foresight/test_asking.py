"""The query behind what an application sends."""

from __future__ import annotations

from pathlib import Path

import pytest
from console import put

from sqlrail.foresight.queries import Query, of_file


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("SELECT 1", "SELECT 1"),
        ("SELECT INTERVAL $1, '$2', date  $12 -- date $3", "SELECT $1::INTERVAL, '$2', $12::date -- date $3"),
        ("SELECT interval FROM t WHERE date > $1", "SELECT interval FROM t WHERE date > $1"),
        ("CALL s.p($1)", "CALL s.p($1)"),
        ('DECLARE "for" NO SCROLL CURSOR WITH HOLD FOR SELECT 1 FOR UPDATE', " SELECT 1 FOR UPDATE"),
        ("COPY (SELECT f(1), (2)) TO STDOUT", "SELECT f(1), (2)"),
        ('COPY "t"("a", b) FROM STDIN', 'INSERT INTO "t" ("a", b) OVERRIDING SYSTEM VALUE SELECT "a", b FROM "t"'),
        ("COPY BINARY t FROM STDIN", "INSERT INTO t OVERRIDING SYSTEM VALUE SELECT * FROM t RETURNING *"),
        ("COPY t (a) TO STDOUT (FORMAT csv)", "SELECT a FROM t"),
        ("copy s . t to stdout", "SELECT * FROM s . t"),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY s.v WITH DATA", "SELECT FROM s.v"),
        ("REFRESH MATERIALIZED VIEW v", "SELECT FROM v"),
        ("SET work_mem = 1", ""),
        ("COPY", ""),
        ("DECLARE c", ""),
    ],
)  # fmt: skip
def test_a_command_asks_what_it_needs(text: str, asks: str) -> None:
    query = Query.of(text.encode(), "")
    assert query.asks.decode() == asks
    assert (query.why is None) == bool(asks)


def test_what_stands_behind_a_copy_in_a_file_is_read(tmp_path: Path) -> None:
    put({"q.sql": "COPY t FROM STDIN;\n\nSELECT 1;\nSELECT\n2;SELECT 3"}, tmp_path)
    found = [(query.text.decode(), query.place.rpartition(":")[2]) for query in of_file(tmp_path / "q.sql")]
    assert found == [("COPY t FROM STDIN", "1"), ("SELECT 1", "3"), ("SELECT\n2", "4"), ("SELECT 3", "5")]
