"""What a file drops that views may lean on, by its text."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlrail.files.drops import Drop, drops_of
from sqlrail.files.file import read_text

CASES: dict[str, tuple[str, set[Drop]]] = {
    "a column": ("ALTER TABLE a DROP COLUMN c", {Drop("a", "c")}),
    "without the word": ("alter table if exists only a * drop if exists c restrict;", {Drop("a", "c")}),
    "several, with others": (
        "ALTER TABLE s.a ADD x numeric(1, 2) DEFAULT 'a, DROP y', DROP b, ALTER z DROP DEFAULT, /* of old */ DROP c",
        {Drop("a", "b"), Drop("a", "c")},
    ),
    "quoted": ('ALTER TABLE "S"."A" DROP "The ""c"""', {Drop("a", 'the "c"')}),
    "a constraint": ("ALTER TABLE a DROP CONSTRAINT IF EXISTS k", {Drop("a", constraint="k")}),
    "tables": ("DROP TABLE IF EXISTS a, s.b RESTRICT", {Drop("a"), Drop("b")}),
    "views and foreign tables": (
        "DROP VIEW v; DROP MATERIALIZED VIEW m; DROP FOREIGN TABLE f; ALTER FOREIGN TABLE g DROP c",
        {Drop("v"), Drop("m"), Drop("f"), Drop("g", "c")},
    ),
    "a table that has got another name": (
        "ALTER TABLE a RENAME TO b; ALTER TABLE b RENAME TO c; CREATE TABLE a (); DROP TABLE c",
        {Drop("a")},
    ),
    "a column that has got another name": (
        """ALTER TABLE a RENAME TO b; ALTER TABLE b RENAME COLUMN c TO d; ALTER TABLE b RENAME d TO e;
           ALTER TABLE b RENAME CONSTRAINT k TO l; ALTER TABLE b ADD c int, DROP e""",
        {Drop("a", "c")},
    ),
    "with all that leans on it": ("ALTER TABLE a DROP c CASCADE; DROP TABLE b", set()),
    "beside a key": (
        "ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES b ON DELETE CASCADE, DROP c",
        {Drop("a", "c")},
    ),
    "beside data": ("COPY a FROM stdin;\n1\n\\.\nALTER TABLE a DROP c;", {Drop("a", "c")}),
    "nothing that a view needs": (
        """ALTER TABLE a ALTER c DROP NOT NULL, ALTER c DROP DEFAULT, ALTER c DROP IDENTITY, ALTER c DROP EXPRESSION;
           DROP INDEX i; DROP FUNCTION f; ALTER TABLE a RENAME c TO d; COMMENT ON TABLE a IS 'DROP TABLE a'""",
        set(),
    ),
    "what is put together": ("DO $$ BEGIN EXECUTE 'DROP TABLE a'; END $$", set()),
}


@pytest.mark.parametrize(("text", "found"), CASES.values(), ids=CASES)
def test_what_a_file_drops_is_read_from_its_text(text: str, found: set[Drop]) -> None:
    assert drops_of(read_text("001_a", Path("001_a.sql"), text.encode())) == found
