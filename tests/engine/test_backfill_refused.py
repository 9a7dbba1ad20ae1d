"""Backfills that are refused, with nothing changed."""

from __future__ import annotations

from pathlib import Path

import filling
import pytest
from filling import EACH, JOIN, ONCE, Place

from sqlrail.errors import BadFile, Refused
from sqlrail.files.file import read_file

place = filling.place


def test_a_file_that_runs_after_each_migrate_is_none(place: Place) -> None:
    place.write(ONCE + EACH, "post-apply")
    failed = place.run("CREATE TABLE a ();")
    assert isinstance(failed, BadFile)
    assert "post-apply.sql: a file that runs after each migrate cannot be a backfill" in str(failed)
    place.check_untouched()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("-- backfill: t\n" + EACH, ":1:1: backfill: 't' is not of the form table by column"),
        ("-- backfill: t by (id, id)\n" + EACH, ":1:1: backfill: 't by (id, id)' names a column twice"),
        ("-- until: SELECT 0\nSELECT 1;", ":1:1: until: there is no `-- backfill:`"),
        (ONCE + ONCE + EACH, ":2:1: backfill: a file says it once"),
        (ONCE + "-- transactional: false\n" + EACH, ":2:1: a backfill is many transactions as it is"),
        (
            ONCE + "-- cleanup: t.n not null delete\n" + EACH,
            ":2:1: a cleanup is one transaction with its file",
        ),
        (ONCE + "-- until: SELECT 0\n" + EACH, ":2:1: until: `once` is one pass"),
        ("-- backfill: t by id\n-- until: DELETE FROM t\n" + EACH, ":2:1: until: write one SELECT"),
        ("-- backfill: t by id\n-- until: SELECT 1; SELECT 2\n" + EACH, ":2:1: until: write one SELECT"),
        (ONCE + "UPDATE t SET n = 1;", ":2:1: it does not name sqlrail_batch"),
        (ONCE + "UPDATE t SET n = 1 -- sqlrail_batch\n;", ":2:1: it does not name sqlrail_batch"),
        (ONCE + EACH + "\nSELECT 1;", ":3:1: a backfill is one statement, and this is another"),
        (ONCE + f"BEGIN; {EACH} COMMIT;", ":2:1: each batch is a transaction of the runner's"),
        (ONCE + "DO $$ BEGIN PERFORM 1 FROM sqlrail_batch; END $$;", ":2:1: a backfill is one UPDATE"),
        (
            ONCE + f"UPDATE t SET id = t.id + 1, n = 1 {JOIN};",
            ":2:1: it changes id, which its batches are taken by",
        ),
        (ONCE + f"UPDATE public.t SET (n, id) = (1, 2) {JOIN};", ":2:1: it changes id"),
    ],
)
def test_bad_files_are_refused_before_anything_runs(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "001_fill.sql"
    path.write_text(text)
    with pytest.raises(BadFile) as raised:
        read_file(path).check()
    assert f"001_fill.sql{why}" in str(raised.value)


def test_no_file_runs_where_one_is_bad(place: Place) -> None:
    place.write("CREATE TABLE before ();", "000_before")
    failed = place.run(ONCE + "UPDATE t SET n = 1;")
    assert isinstance(failed, BadFile)
    assert failed.exit_code == 2
    place.check_untouched()


@pytest.mark.parametrize(
    ("ddl", "head", "why"),
    [
        ("CREATE VIEW v AS TABLE t", "v by id", "public.v is a view"),
        ("CREATE TABLE v (id int, n int)", "v by id", "no primary key and no unique index is on exactly id"),
        ("CREATE TABLE v (id int UNIQUE, n int)", "v by id", "with NOT NULL for each column"),
        (
            "CREATE TABLE v (id int NOT NULL, n int); CREATE UNIQUE INDEX ON v (id) WHERE n > 1", "v by id",
            "no primary key and no unique index",
        ),
        ("CREATE TABLE v (id int, a int, PRIMARY KEY (id, a))", "v by (a, id)", "exactly a, id, in this order"),
        ("CREATE TABLE v (id int PRIMARY KEY); CREATE TABLE w () INHERITS (v)", "v by id", "inherit from it"),
    ],
    ids=["view", "no key", "null", "partial", "order", "heirs"],
)  # fmt: skip
def test_what_cannot_be_walked_over_is_refused(place: Place, ddl: str, head: str, why: str) -> None:
    place.query(ddl)
    refused = place.run(
        f"-- backfill: {head} once\nUPDATE v SET n = 1 FROM sqlrail_batch AS b WHERE v.id = b.id;"
    )
    assert isinstance(refused, Refused), refused
    assert why in str(refused)
    assert "001_fill.sql:1:1: the backfill is refused" in str(refused)
    place.check_untouched()


@pytest.mark.parametrize(
    ("head", "why"),
    [("nothing by id", "there is no table nothing"), ("t by nothing", "public.t has no column nothing")],
)
def test_names_that_lead_nowhere(place: Place, head: str, why: str) -> None:
    failed = place.run(f"-- backfill: {head}\n{EACH}")
    assert isinstance(failed, BadFile)
    assert f"001_fill.sql:1:1: backfill: {why}" in str(failed)
    place.check_untouched()


def test_rows_that_a_policy_hides_are_not_passed_over(place: Place) -> None:
    place.query("ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY")
    place.query(
        """DO $$ BEGIN
           IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'walker') THEN CREATE ROLE walker LOGIN; END IF;
           EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO walker', current_database());
           GRANT ALL ON t TO walker; GRANT ALL ON SCHEMA public TO walker;
           END $$"""
    )
    url, place.url = place.url, place.url.replace("postgres@", "walker@")
    refused = place.run(ONCE + EACH)
    place.url = url
    assert isinstance(refused, Refused), refused
    assert "row-level security hides rows of public.t from this role" in str(refused)
    place.check_untouched()


def test_a_statement_that_would_do_rows_twice_is_refused(place: Place) -> None:
    refused = place.run(f"-- backfill: t by id\n{EACH}")
    assert isinstance(refused, Refused), refused
    assert (
        "001_fill.sql:2:1: it has changed 500 rows of its first batch, and run once more it changed 500"
        in str(refused)
    )
    assert "Nothing of 001_fill was done" in str(refused)
    place.check_untouched()


def test_a_plan_that_reads_the_whole_table_for_each_batch_is_refused(place: Place) -> None:
    place.query(
        "CREATE TABLE big AS SELECT g AS t_id, repeat('x', 1000) AS x FROM generate_series(1, 10000) AS g"
    )
    counted = "UPDATE t SET n = (SELECT count(*) FROM big WHERE t_id = t.id)"
    refused = place.run(f"{ONCE}{counted} {JOIN};")
    assert isinstance(refused, Refused), refused
    assert "001_fill.sql:2:1: it would read all of public.big (1" in str(refused)
    place.check_untouched()
    place.query("CREATE INDEX ON big (t_id)")
    assert place.run() is None
    assert place.counts() == {1: 3000}


def test_partitions_that_are_read_for_each_batch_count_together(place: Place) -> None:
    place.query(
        """CREATE TABLE big (id int PRIMARY KEY, t_id int, x text) PARTITION BY RANGE (id);
           CREATE TABLE big1 PARTITION OF big FOR VALUES FROM (0) TO (3000);
           CREATE TABLE big2 PARTITION OF big FOR VALUES FROM (3000) TO (6000) PARTITION BY RANGE (id);
           CREATE TABLE big3 PARTITION OF big2 DEFAULT;
           CREATE TABLE big4 PARTITION OF big DEFAULT;
           INSERT INTO big SELECT g, g, repeat('x', 1000) FROM generate_series(1, 9000) AS g"""
    )
    refused = place.run(f"{ONCE}UPDATE t SET n = (SELECT count(*) FROM big WHERE t_id = t.id) {JOIN};")
    assert isinstance(refused, Refused), refused
    assert "it would read all of public.big (10 MB) for each batch" in str(refused)
    place.check_untouched()
