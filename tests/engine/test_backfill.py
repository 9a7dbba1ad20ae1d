"""Backfills: one statement over all rows of a table, each row once in each pass, however runs end."""

from __future__ import annotations

import random
import re
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aftermath import attempt, read, start_runner
from conftest import ROOT, Connect, fresh_database, open_folder, query, run
from listeners import Heard
from proxy import Proxy, Sender
from samples import CUTS, sample
from test_together import finish, plain_yoyo
from waiting import PATIENCE, wait_for, watching

from sqlrail.engine import lost
from sqlrail.engine.backfill.run import MOST
from sqlrail.errors import (
    BadFile,
    Busy,
    ConnectionFailed,
    ConnectionLost,
    MigrationFailed,
    Refused,
    SqlrailError,
)
from sqlrail.files.file import read_file
from sqlrail.ground.events import Applied, BatchFilled, Filled, GaveWay
from sqlrail.server import local

#: runners that are killed
KILLS = sample("BACKFILL_KILLS", 4)
JOIN = "FROM sqlrail_batch AS b WHERE t.id = b.id"
ONCE = "-- backfill: t by id once\n"
EACH = f"UPDATE t SET n = n + 1 {JOIN};"
#: small batches, one after the other
QUICK = {"batch_time": 0.02, "pause": 0.0, "max_lag": 0.0}


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


# What it does


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


def test_until_says_when_it_is_done(place: Place) -> None:
    head = "-- backfill: t by id\n-- until: SELECT count(*) FROM t WHERE done IS NULL\n"
    assert place.run(f"{head}UPDATE t SET done = true {JOIN} AND done IS NULL;") is None
    assert place.filled().passes == 1
    place.check_done()


def test_until_that_never_comes_true_fails(place: Place) -> None:
    head = "-- backfill: t by id\n-- until: SELECT count(*) FROM t WHERE n = 0\n"
    failed = place.run(f"{head}UPDATE t SET done = true {JOIN} AND done IS NULL;")
    assert isinstance(failed, MigrationFailed)
    assert "001_fill.sql:2:1: a whole pass over public.t changed no row, and `until` still gives 3000" in str(
        failed
    )
    assert read(place.url).records == []


UNTIL = "-- backfill: t by id\n-- until: SELECT count(*) FROM t WHERE done IS NULL\n"
FILL = f"UPDATE t SET done = true {JOIN} AND done IS NULL;"


def test_it_goes_on_when_what_kept_until_from_coming_true_is_gone(place: Place) -> None:
    """Though a whole pass of the run before has changed nothing; on a table that is empty too."""
    place.query("CREATE TABLE kept AS SELECT 1 AS n; DELETE FROM t")
    head = UNTIL.replace("FROM t", "FROM kept").replace("done IS NULL", "n > 0")
    for _ in range(2):
        failed = place.run(head + FILL)
        assert isinstance(failed, MigrationFailed)
        assert "a whole pass over public.t changed no row, and `until` still gives 1" in str(failed)
    place.query("INSERT INTO t SELECT * FROM generate_series(1, 3000); DELETE FROM kept")
    place.query(
        """CREATE FUNCTION waits() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
           CREATE TRIGGER waits BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION waits();
           INSERT INTO kept VALUES (1)"""
    )
    assert isinstance(place.run(), MigrationFailed)
    place.query("DROP TRIGGER waits ON t")
    assert isinstance(place.run(), MigrationFailed)
    assert place.query("SELECT count(*) FROM t WHERE done") == [(3000,)]
    place.query("DELETE FROM kept")
    assert place.run() is None
    place.check_done()


def test_an_until_that_gives_way_is_asked_again(place: Place, connect: Connect) -> None:
    holder = connect(place.url, autocommit=False)
    holder.execute("SELECT pg_advisory_xact_lock(7)")
    head = UNTIL.replace("count(*) FROM t WHERE done", "pg_advisory_xact_lock_shared(7)::text")
    place.write(head + FILL)
    failed = place.run(lock_timeout=1.0, retry_for=0.2)
    assert failed is not None
    assert "001_fill.sql:2:1: until failed: canceling statement due to lock timeout" in str(failed)
    assert "Gave up after 0.2 s (--retry-for)" in str(failed)
    assert f"backend {holder.info.backend_pid}" in str(failed)
    assert "3,000 rows walked over" in str(failed)
    with ThreadPoolExecutor() as pool:
        running = pool.submit(place.run, lock_timeout=0.1)
        wait_for(
            lambda: any(isinstance(event, GaveWay) for event in place.heard.events), "an until that gives way"
        )
        holder.rollback()
        assert running.result(PATIENCE) is None
    place.check_done()


def test_an_until_that_fails_says_where(place: Place) -> None:
    failed = place.run(UNTIL.replace("done IS NULL", "1 / n > 0") + FILL)
    assert isinstance(failed, MigrationFailed), failed
    assert "001_fill.sql:2:1: until: division by zero" in str(failed)
    assert "It is a backfill: 3,000 rows walked over and 3,000 changed" in str(failed)
    assert "each once in each pass, and that stays; run again to go on." in str(failed)
    assert place.run(UNTIL + FILL) is None
    assert place.filled().walked == 3000
    place.check_done()


def test_an_until_that_means_nothing_is_found_before_the_first_batch(place: Place) -> None:
    failed = place.run(UNTIL.replace("done IS", "gone IS") + FILL)
    assert isinstance(failed, MigrationFailed), failed
    assert '001_fill.sql:2:1: until: column "gone" does not exist' in str(failed)
    assert "Nothing of 001_fill was done." in str(failed)
    assert place.query("SELECT count(*) FROM t WHERE done") == [(0,)]
    assert place.run(UNTIL + FILL) is None
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


def test_it_is_left_to_a_later_run_with_what_depends_on_it(place: Place) -> None:
    place.write("-- depends: 001_fill\nALTER TABLE t ADD CONSTRAINT one CHECK (n = 1);", "002_check")
    place.write("-- depends: 002_check\nCREATE TABLE behind ();", "003_behind")
    place.write("CREATE TABLE other ();", "004_other")
    assert place.run(ONCE + EACH, skip_backfills=True) is None
    assert place.heard.applied_ids == ["004_other"]
    assert place.counts() == {0: 3000}
    assert place.run() is None
    assert place.heard.applied_ids == ["001_fill", "002_check", "003_behind"]
    assert place.counts() == {1: 3000}


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


def test_a_batch_has_no_more_rows_than_plans_are_good_for(place: Place) -> None:
    place.query("CREATE TABLE batches (rows bigint)")
    place.query("INSERT INTO t SELECT * FROM generate_series(3001, 100000)")
    taken = "-- backfill: t by range of id once\nINSERT INTO batches SELECT rows FROM sqlrail_batch;"
    assert place.run(taken, batch_time=60.0) is None
    assert place.query("SELECT max(rows), sum(rows)::int FROM batches") == [(MOST, 100_000)]


def test_what_all_batches_have_written_of_wal_is_said(place: Place) -> None:
    place.query("CHECKPOINT")
    ((began,),) = place.query("SELECT pg_current_wal_insert_lsn() - '0/0'")
    assert place.run(ONCE + EACH) is None
    ((ended,),) = place.query("SELECT pg_current_wal_insert_lsn() - '0/0'")
    done = place.filled()
    assert done.batches > 2
    assert (ended - began) / 2 < done.wal < ended - began


# What is refused, with nothing changed


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


# What ends it in the middle


def stop_in_the_middle(place: Place) -> None:
    """Fails at a row in the second half."""
    place.query("ALTER TABLE t ADD CONSTRAINT middle CHECK (id <> 2000 OR n = 0)")
    failed = place.run(ONCE + EACH)
    assert isinstance(failed, MigrationFailed), failed
    assert "001_fill.sql:2:1" in str(failed)
    assert "each once in each pass, and that stays;" in str(failed)
    assert "run again to go on" in str(failed)
    noted = place.noted()
    assert noted is not None
    assert place.counts() == {0: 3000 - noted["changed"], 1: noted["changed"]}
    assert 0 < noted["changed"] < 2000


def test_the_next_run_goes_on(place: Place) -> None:
    stop_in_the_middle(place)
    shown = run("--database-url", place.url, "--migrations", place.folder, "status")
    assert "it is a backfill under way (" in shown.stdout
    place.query("ALTER TABLE t DROP CONSTRAINT middle")
    assert place.run() is None
    assert place.counts() == {1: 3000}
    place.check_done()


def test_a_text_that_was_changed_half_way_is_refused(place: Place) -> None:
    stop_in_the_middle(place)
    before = place.counts()
    failed = place.run(ONCE + EACH.replace("+ 1", "+ 2"))
    assert isinstance(failed, BadFile), failed
    assert "it is half done" in str(failed)
    assert "`repair --forget 001_fill`" in str(failed)
    assert place.counts() == before
    place.query("ALTER TABLE t DROP CONSTRAINT middle")
    assert place.run(f"-- why it is done\n{ONCE}-- only a comment\n{EACH}") is None
    assert place.counts() == {1: 3000}


@pytest.mark.parametrize("text", [None, "UPDATE t SET n = 1;"], ids=["gone", "plain"])
def test_a_file_that_is_half_done_is_missed(place: Place, text: str | None) -> None:
    stop_in_the_middle(place)
    if text is None:
        (place.folder / "001_fill.sql").rename(place.folder / "002_other.sql")
    refused = place.run(text)
    assert isinstance(refused, Refused)
    assert "it is a backfill under way" in str(refused)


def test_a_rollback_waits_for_its_end(place: Place) -> None:
    stop_in_the_middle(place)
    place.write("CREATE TABLE a ();", "000_a")
    place.write("DROP TABLE a;", "000_a.rollback")
    assert isinstance(place.run(), MigrationFailed)
    refused = run("--database-url", place.url, "--migrations", place.folder, "rollback", "--yes")
    assert refused.returncode == 3
    assert "001_fill is a backfill under way" in refused.stderr


def test_forgotten_it_begins_at_the_first_row(place: Place) -> None:
    stop_in_the_middle(place)
    ((twice,),) = place.query("SELECT count(*)::int FROM t WHERE n = 1")
    run("--database-url", place.url, "--migrations", place.folder, "repair", "--forget", "001_fill", "--yes")
    assert place.noted() is None
    place.query("ALTER TABLE t DROP CONSTRAINT middle")
    assert place.run() is None
    assert place.counts() == {1: 3000 - twice, 2: twice}
    place.check_done()


def test_a_checkpoint_that_is_dropped_meanwhile_is_missed(place: Place, connect: Connect) -> None:
    blocker = connect(place.url)
    blocker.execute("BEGIN")
    blocker.execute("SELECT FROM t WHERE id = 2000 FOR UPDATE")
    with ThreadPoolExecutor() as pool:
        running = pool.submit(place.run, ONCE + EACH)
        place.wait_for_a_batch(-1)
        place.query("DELETE FROM sqlrail.progress")
        failed = running.result(PATIENCE)
    assert isinstance(failed, Busy), failed
    assert failed.exit_code == 1
    assert "the checkpoint of 001_fill was dropped by somebody while it was at work" in str(failed)
    blocker.rollback()
    ((twice,),) = place.query("SELECT count(*)::int FROM t WHERE n = 1")
    assert place.run() is None
    assert place.counts() == {1: 3000 - twice, 2: twice}
    place.check_done()


def test_a_lost_connection_says_what_stands(place: Place, connect: Connect) -> None:
    blocker = connect(place.url)
    blocker.execute("BEGIN")
    blocker.execute("SELECT FROM t WHERE id = 2000 FOR UPDATE")
    with ThreadPoolExecutor() as pool:
        running = pool.submit(place.run, ONCE + EACH)
        wait_for(
            lambda: any(isinstance(event, GaveWay) for event in place.heard.events), "a batch that gives way"
        )
        place.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name LIKE 'sqlrail%'"
        )
        failed = running.result(PATIENCE)
    assert isinstance(failed, ConnectionLost), failed
    assert "It is a backfill: at least " in str(failed)
    blocker.rollback()
    assert place.run() is None
    assert place.counts() == {1: 3000}


def test_a_record_that_cannot_be_committed_says_what_stands(place: Place) -> None:
    assert place.run("CREATE TABLE first ();") is None
    place.query(
        """CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE disk_full; END';
           CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON _yoyo_migration INITIALLY DEFERRED
           FOR EACH ROW EXECUTE FUNCTION fails()"""
    )
    place.write(ONCE + EACH, "002_fill")
    failed = place.run()
    assert isinstance(failed, MigrationFailed), failed
    assert (
        "002_fill.sql:1:1: at commit: disk_full. It is a backfill: 3,000 rows walked over and 3,000"
        in str(failed)
    )
    assert "was kept" not in str(failed)
    place.query("DROP TRIGGER fails ON _yoyo_migration")
    assert place.run() is None
    assert place.counts() == {1: 3000}
    place.check_done("001_fill", "002_fill")


@pytest.fixture
def small_disk(server: local.Server) -> Iterator[Path]:
    """A disk of 3 MB that the server may write to."""
    owner = server.data.stat()
    with open_folder() as folder:
        disk = folder / "disk"
        disk.mkdir()
        options = f"size=3m,mode=700,uid={owner.st_uid},gid={owner.st_gid}"
        mount = ["/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
        if not Path(mount[0]).exists() or subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("this user may not mount")
        try:
            yield disk
        finally:
            subprocess.run(["/bin/umount", disk], check=True)


def test_a_full_disk_ends_it_and_it_goes_on_where_there_is_room(place: Place, small_disk: Path) -> None:
    small = f"small_{place.query('SELECT current_database()')[0][0]}"
    place.query(f"CREATE TABLESPACE {small} LOCATION '{small_disk}'")
    try:
        place.query("ALTER TABLE t ADD x text; UPDATE t SET x = repeat('x', 500)")
        place.query("VACUUM FULL t")
        place.query(f"ALTER TABLE t SET TABLESPACE {small}")
        failed = place.run(ONCE + EACH)
        assert isinstance(failed, MigrationFailed), failed
        assert isinstance(failed.__cause__, psycopg.errors.DiskFull)
        assert "001_fill.sql:2:1: could not extend file" in str(failed)
        noted = place.noted()
        assert noted is not None
        assert f"It is a backfill: {noted['walked']:,} rows walked over" in str(failed)
        assert place.counts() == {0: 3000 - noted["changed"], 1: noted["changed"]}
        subprocess.run(["/bin/mount", "-o", "remount,size=30m", small_disk], check=True)
        assert place.run() is None
        assert place.counts() == {1: 3000}
        place.check_done()
    finally:
        place.query("DROP TABLE t")
        place.query(f"DROP TABLESPACE {small}")


def test_whoever_is_in_the_way_is_named(place: Place, connect: Connect) -> None:
    blocker = connect(place.url)
    blocker.execute("BEGIN")
    blocker.execute("SELECT FROM t WHERE id = 2000 FOR UPDATE")
    failed = place.run(ONCE + EACH, retry_for=0.5, batch_time=1.0)
    assert failed is not None
    assert f"backend {blocker.info.backend_pid}" in str(failed)
    assert "Gave up after 0.5 s (--retry-for)" in str(failed)
    assert failed.details["blockers"]
    blocker.rollback()
    assert place.run() is None
    assert place.counts() == {1: 3000}


def test_two_runners_share_it(place: Place) -> None:
    """A backend that has done the last batch gives way until the other has done one."""
    place.query(
        """ALTER TABLE t ADD pid int;
           CREATE FUNCTION take_turns() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF (SELECT pid FROM t WHERE pid IS NOT NULL ORDER BY id DESC LIMIT 1) = pg_backend_pid() THEN
              RAISE lock_not_available; END IF; RETURN NULL; END $$;
           CREATE TRIGGER turns BEFORE UPDATE ON t FOR EACH STATEMENT EXECUTE FUNCTION take_turns()"""
    )
    with ThreadPoolExecutor() as pool:
        place.write(f"{ONCE}UPDATE t SET n = n + 1, pid = pg_backend_pid() {JOIN};")
        runs = [pool.submit(attempt, place.url, Heard(), place.folder, **QUICK) for _ in range(2)]
        assert [one.result(PATIENCE) for one in runs] == [None, None]
    assert place.counts() == {1: 3000}
    assert place.query("SELECT count(DISTINCT pid) FROM t") == [(2,)]
    place.check_done()


@pytest.mark.promise
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("sender", ["client", "server"])
@pytest.mark.parametrize("again", [False, True], ids=["for good", "once"])
def test_each_row_once_wherever_the_connection_is_cut(
    server: local.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sender: Sender, again: bool
) -> None:
    """A run ends in one of the errors that say so, or goes on; the next one finishes it."""
    monkeypatch.setattr(lost, "RECONNECT", 0.0)
    said = set()
    for number in range(CUTS[sender] // 2 * again, 10_000, CUTS[sender]):
        with fresh_database(server) as url, open_folder() as sockets, watching(server, url) as watch:
            place = Place(url, tmp_path / "files", rows=1200)
            with closing(Proxy(sockets, url, sender=sender, cut_after=number, again=again)) as proxy:
                place.url = proxy.url
                failed = place.run(UNTIL.replace("done IS NULL", "n = 0") + EACH.replace(";", " AND n = 0;"))
                was_cut, place.url = proxy.was_cut.is_set(), url
            watch.wait_until_gone()
            if failed is None:
                assert read(url).records == ["001_fill"]
            else:
                assert isinstance(failed, (ConnectionFailed, ConnectionLost)), (number, failed)
                assert failed.exit_code == 1
                said.add("It is a backfill: at least " in str(failed))
                assert place.run() is None, number
            assert place.counts() == {1: 1200}, number
            place.check_done()
        if not was_cut:
            break
    assert said == {False, True}


@pytest.mark.promise
def test_each_row_once_whatever_is_killed(server: local.Server, place: Place) -> None:
    """Runners are killed at any instant, two at a time."""
    rows = 10_000 * KILLS
    place.query(f"INSERT INTO t SELECT * FROM generate_series(3001, {rows})")
    place.write(ONCE + EACH)
    arguments = ("--migrations", place.folder, "migrate", "--batch-time", "20ms", "--pause", "0")
    chance = random.Random(KILLS)  # noqa: S311 - the same ones each time
    killed = 0
    while killed < KILLS and read(place.url).records == []:
        with watching(server, place.url) as watch:
            two = [start_runner(place.url, *arguments) for _ in range(2)]
            place.wait_for_a_batch(place.walked())
            watch.let_run(chance.uniform(0, 0.2))
            for each in two:
                each.send_signal(signal.SIGKILL)
                each.communicate(timeout=PATIENCE)
            killed += 2
    assert set(place.counts()) <= {0, 1}
    assert place.run(batch_time=0.2) is None
    assert place.counts() == {1: rows}
    place.check_done()
