"""docs/plan.svg, the picture in README.md, is what `plan` prints; test_typed.py types the page's commands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import plan_picture
import pytest
from conftest import ROOT, majors, needs, query
from console import Outcome, Sqlrail, put
from console import sqlrail as sqlrail
from test_golden import MAJOR, WRITE

PAGE = (ROOT / "README.md").read_text()
FILES = {
    f"migrations/{name}": text
    for name, text in re.findall(r"(?s)```sql\n-- migrations/(\S+)\n(.*?)```", PAGE)
}

FIRST = {
    "migrations/001_shop.sql": """\
CREATE TABLE users (id bigint PRIMARY KEY);
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id bigint NOT NULL,
    total numeric, note text);
"""
}
ROWS = """
    INSERT INTO users SELECT generate_series(1, 400);
    INSERT INTO orders (user_id, total, note)
        SELECT 1 + n % 400, nullif(n, 300 * (n / 300)), 'as agreed' FROM generate_series(1, 20000) AS n;
    ANALYZE
"""
PLANNED = {
    "migrations/003_totals.sql": """\
ALTER TABLE orders ALTER total SET NOT NULL;
ALTER TABLE orders DROP COLUMN note;
CREATE INDEX ON orders (user_id);
"""
}

pytestmark = [
    needs("the rights of an owner"),
    pytest.mark.skipif(
        max(majors(), default=0) != MAJOR, reason=f"the page's sizes are of PostgreSQL {MAJOR}"
    ),
]


@pytest.fixture
def shop(sqlrail: Sqlrail, database: str, tmp_path: Path) -> str:
    """What an ORM's sync left: orders, and no key to their users."""
    put(FIRST, tmp_path)
    assert _run(sqlrail, database, "sqlrail migrate").code == 0
    query(database, ROWS)
    put(FILES, tmp_path)
    return database


def _run(sqlrail: Sqlrail, database: str, command: str) -> Outcome:
    return sqlrail(*shlex.split(command)[1:], env={"DATABASE_URL": database, "SQLRAIL_ENV": "test"})


def test_the_picture_is_what_plan_prints(sqlrail: Sqlrail, shop: str, tmp_path: Path) -> None:
    assert _run(sqlrail, shop, "sqlrail migrate").code == 0
    query(shop, "ANALYZE")
    put(PLANNED, tmp_path)
    drawn = plan_picture.picture("sqlrail plan", _run(sqlrail, shop, "sqlrail plan").out)
    if WRITE:
        plan_picture.PICTURE.write_text(drawn)
    assert plan_picture.PICTURE.read_text() == drawn, plan_picture.__doc__
