"""Backfills: one statement over all rows of a table, each row once in each pass."""

from __future__ import annotations

import re

import filling
import pytest
from conftest import ROOT, query, run
from filling import EACH, JOIN, ONCE, Place
from test_together import finish, plain_yoyo

from sqlrail.engine.backfill.run import MOST
from sqlrail.errors import MigrationFailed
from sqlrail.ground.events import BatchFilled

place, any_place = filling.place, filling.any_place


def test_each_row_is_met_once(any_place: Place) -> None:
    assert any_place.run(ONCE + EACH) is None
    assert any_place.counts() == {1: 3000}
    done = any_place.filled()
    assert (done.walked, done.changed, done.passes) == (3000, 3000, 1)
    assert done.batches > 1
    any_place.check_done()


@pytest.mark.parametrize(
    ("ddl", "head", "statement"),
    [
        (
            "CREATE TABLE c (a int, b text, n int DEFAULT 0, PRIMARY KEY (a, b))",
            "c by (a, b)",
            "UPDATE c SET n = n + 1 FROM sqlrail_batch AS k WHERE c.a = k.a AND c.b = k.b",
        ),
        (
            "CREATE TABLE c (a int, b text, n int DEFAULT 0, PRIMARY KEY (a, b))",
            "c by range of (a, b)",
            (
                "UPDATE c SET n = n + 1 FROM sqlrail_batch AS k "
                "WHERE (c.a, c.b) >= (k.first_a, k.first_b) AND (c.a, c.b) <= (k.last_a, k.last_b)"
            ),
        ),
        (
            (
                "CREATE TABLE c (a int, b text NOT NULL, n int DEFAULT 0, PRIMARY KEY (a, b)) PARTITION BY RANGE (a);"
                "CREATE TABLE c1 PARTITION OF c FOR VALUES FROM (0) TO (30); CREATE TABLE c2 PARTITION OF c DEFAULT"
            ),
            "c by (a, b)",
            "UPDATE c SET n = n + 1 FROM sqlrail_batch AS k WHERE c.a = k.a AND c.b = k.b",
        ),
        (
            (
                "CREATE TABLE c (a int NOT NULL, b text NOT NULL, n int DEFAULT 0);"
                "CREATE UNIQUE INDEX ON c (b DESC, a DESC) INCLUDE (n)"
            ),
            "c by (b, a)",
            "UPDATE c SET n = n + 1 FROM sqlrail_batch AS k WHERE c.a = k.a AND c.b = k.b",
        ),
    ],
    ids=["composite", "range", "partitions", "descending index"],
)
def test_keys_of_several_columns(place: Place, ddl: str, head: str, statement: str) -> None:
    place.query(ddl)
    place.query(
        """INSERT INTO c (a, b)
           SELECT g % 50, CASE g % 3 WHEN 0 THEN 'Ö''"\\' || g WHEN 1 THEN g || ' ' ELSE upper(md5(g::text)) END
             FROM generate_series(1, 3000) AS g"""
    )
    assert place.run(f"-- backfill: {head} once\n{statement};") is None
    assert place.counts("c") == {1: 3000}


#: types of keys, each with what makes a value of a number g
TYPES = [
    ("uuid", "md5(g::text)::uuid"),
    ("timestamptz", "'2000-01-01'::timestamptz + g * interval '1.000001 s'"),
    ("numeric", "CASE WHEN g = 1 THEN 'NaN' ELSE g / 7.0 END"),
    ("float8", "CASE WHEN g = 1 THEN 'Infinity' ELSE g / 7.0 END"),
    ("bytea", "convert_to(g::text, 'UTF8')"),
    ("char(9)", "g::text"),
    ("interval", "g * interval '1 day 1 s'"),
    ("date", "'2000-01-01'::date + g"),
    ('text COLLATE "C"', "CASE g % 2 WHEN 0 THEN 'a' ELSE 'A' END || g"),
    ("int[]", "ARRAY[g % 7, g]"),
    ("own", "g"),
    ("inet", "'10.0.0.0'::inet + g"),
]


def test_keys_of_many_types(place: Place) -> None:
    place.query("CREATE DOMAIN own AS bigint")
    for number, (type_, value) in enumerate(TYPES, 1):
        place.query(f"CREATE TABLE k{number} (id {type_} PRIMARY KEY, n int DEFAULT 0)")
        cast = type_.partition(" COLLATE")[0]
        place.query(f"INSERT INTO k{number} SELECT ({value})::{cast} FROM generate_series(1, 700) AS g")
        statement = f"UPDATE k{number} AS k SET n = n + 1 FROM sqlrail_batch AS b WHERE k.id = b.id;"
        place.write(f"-- backfill: k{number} by id once\n{statement}", f"{number:03}_k")
    assert place.run() is None
    assert [place.counts(f"k{number}") for number in range(1, len(TYPES) + 1)] == [{1: 700}] * len(TYPES)


def test_passes_go_on_until_one_changes_nothing(place: Place) -> None:
    """Without `once`, rows that come behind its back are found by the next pass."""
    place.query(
        """CREATE FUNCTION born() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           INSERT INTO t VALUES (-1) ON CONFLICT DO NOTHING; RETURN NULL; END $$;
           CREATE TRIGGER born AFTER UPDATE ON t FOR EACH STATEMENT EXECUTE FUNCTION born()"""
    )
    assert place.run(f"-- backfill: t by id\nUPDATE t SET done = true {JOIN} AND done IS NULL;") is None
    assert place.query("SELECT count(*) FROM t WHERE done IS NULL") == [(0,)]
    assert place.filled().passes > 1
    assert place.filled().wal < 10_000_000
    place.check_done()


def test_the_page_says_what_works(place: Place) -> None:
    page = (ROOT / "docs" / "backfill.md").read_text()
    (file,) = re.findall(r"```\n-- migrations/(\w+)\.sql\n(.*?)```", page, re.DOTALL)
    place.query("CREATE TABLE users (id int PRIMARY KEY, email text, lower text)")
    place.query("INSERT INTO users SELECT n, 'User' || n FROM generate_series(1, 900) AS n")
    place.write(file[1], file[0])
    assert place.run() is None
    assert place.filled().passes == 2
    assert place.query("SELECT count(*) FROM users WHERE lower = 'user' || id") == [(900,)]


def test_an_empty_table_is_done_and_its_statement_was_looked_at(place: Place) -> None:
    place.query("TRUNCATE t")
    failed = place.run(f"-- backfill: t by id\nUPDATE t SET nowhere = 1 {JOIN};")
    assert isinstance(failed, MigrationFailed)
    assert "001_fill.sql:2:14" in str(failed)
    assert place.run(ONCE + EACH) is None
    place.check_done()


def test_later_files_wait_for_it_and_it_tells_how_far_it_is(place: Place) -> None:
    place.write("ALTER TABLE t ADD CHECK (n = 1);", "002_check")
    assert place.run(ONCE + EACH) is None
    assert place.heard.applied_ids == ["001_fill", "002_check"]
    last = [event for event in place.heard.events if isinstance(event, BatchFilled)][-1]
    assert 0 < last.done < 3000
    assert last.changed == last.done


def test_a_rehearsal_fills_the_rows_that_files_make(place: Place) -> None:
    """As a check in a later file wants it."""
    place.query("DROP TABLE t")
    place.write(
        "CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t VALUES (1), (2);", "000_t"
    )
    join = "FROM sqlrail_batch AS b WHERE t.id BETWEEN b.first_id AND b.last_id"
    place.write(f"-- backfill: t by range of id once\nUPDATE t SET n = 1 {join};")
    place.write("ALTER TABLE t ADD CHECK (n = 1);", "002_check")
    planned = run("--database-url", place.url, "--migrations", place.folder, "plan")
    assert planned.returncode == 0, planned.stderr


def test_plain_yoyo_does_not_take_it_for_done(place: Place) -> None:
    place.write(ONCE + EACH)
    ((code, out, err),) = finish(plain_yoyo(place.url, "apply", place.folder))
    assert code
    assert "sqlrail_batch" in out + err
    place.check_untouched()


# What is done for a batch


def test_a_batch_goes_along_the_index_of_a_large_table(place: Place) -> None:
    """Reading all of it once would be thought cheaper, sorted or hashed, and is not: there are many batches."""
    place.query(
        """CREATE TABLE big (id int PRIMARY KEY, n int, x text);
           INSERT INTO big SELECT g, 0, repeat('x', 1000) FROM generate_series(1, 10000) AS g; ANALYZE big"""
    )
    failed = place.run(
        "-- backfill: big by id once\nUPDATE big SET n = n + 1 FROM sqlrail_batch AS b WHERE big.id = b.id;"
    )
    assert failed is None
    assert place.counts("big") == {1: 10000}


def test_a_batch_waits_for_no_disk_and_compiles_nothing_and_the_record_waits(place: Place) -> None:
    name = query(place.url, "SELECT current_database()")[0][0]
    place.query(f"ALTER DATABASE {name} SET jit = on; ALTER DATABASE {name} SET synchronous_commit = on")
    place.query("CREATE TABLE recorded (waits text)")
    assert place.run("ALTER TABLE t ADD jit text, ADD waits text;") is None
    place.query(
        """CREATE FUNCTION notes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           INSERT INTO public.recorded VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$;
           CREATE TRIGGER notes AFTER INSERT ON _yoyo_migration FOR EACH ROW EXECUTE FUNCTION notes()"""
    )
    settings = "jit = current_setting('jit'), waits = current_setting('synchronous_commit')"
    place.write(f"{ONCE}UPDATE t SET {settings} {JOIN};", "002_fill")
    assert place.run() is None
    assert place.query("SELECT DISTINCT jit, waits FROM t") == [("off", "off")]
    assert place.query("SELECT waits FROM recorded") == [("on",)]
    place.query(
        """CREATE TRIGGER notes AFTER UPDATE ON sqlrail.progress FOR EACH ROW EXECUTE FUNCTION notes();
           TRUNCATE recorded; DROP TRIGGER notes ON _yoyo_migration"""
    )
    place.write(ONCE + EACH, "003_fill")
    assert place.run() is None
    # Each batch notes itself right in front of its COMMIT.
    assert place.query("SELECT DISTINCT waits FROM recorded") == [("off",)]


def test_a_batch_has_no_more_rows_than_plans_are_good_for(place: Place) -> None:
    place.query("CREATE TABLE batches (rows bigint)")
    place.query("INSERT INTO t SELECT * FROM generate_series(3001, 100000)")
    taken = "-- backfill: t by range of id once\nINSERT INTO batches SELECT rows FROM sqlrail_batch;"
    assert place.run(taken, batch_time=60.0) is None
    assert place.query("SELECT max(rows), sum(rows)::int FROM batches") == [(MOST, 100_000)]


def test_a_batch_that_takes_too_long_is_given_up_for_a_smaller_one(place: Place) -> None:
    place.query("DELETE FROM t WHERE id > 2000")
    place.query(
        "CREATE FUNCTION slow(id int) RETURNS int LANGUAGE plpgsql AS "
        "$$ BEGIN IF id > 500 THEN PERFORM pg_sleep(0.001); END IF; RETURN 1; END $$"
    )
    assert place.run(f"{ONCE}UPDATE t SET n = n + public.slow(t.id) {JOIN};", batch_time=0.3) is None
    assert place.counts() == {1: 2000}
    ((most,),) = place.query(
        "SELECT max(rows)::int FROM (SELECT count(*) FROM t GROUP BY xmin::text) AS batch (rows)"
    )
    assert most <= 750  # and not 1,500 rows, which took more than a second


@pytest.mark.parametrize(("own", "limits"), [(0.0, {"0", "2s"}), (1.0, {"1s"}), (5.0, {"5s", "2s"})])
def test_the_first_batch_alone_has_no_limit_but_the_file_s(
    place: Place, own: float, limits: set[str]
) -> None:
    place.query("ALTER TABLE t ADD waits text")
    text = f"{ONCE}UPDATE t SET waits = current_setting('statement_timeout') {JOIN};"
    assert place.run(text, batch_time=2.0, statement_timeout=own) is None
    assert {waits for (waits,) in place.query("SELECT DISTINCT waits FROM t")} == limits


def test_what_all_batches_have_written_of_wal_is_said(place: Place) -> None:
    place.query("CHECKPOINT")
    ((began,),) = place.query("SELECT pg_current_wal_insert_lsn() - '0/0'")
    assert place.run(ONCE + EACH) is None
    ((ended,),) = place.query("SELECT pg_current_wal_insert_lsn() - '0/0'")
    done = place.filled()
    assert done.batches > 2
    assert (ended - began) / 2 < done.wal < ended - began
