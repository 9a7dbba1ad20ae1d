"""What says when a backfill is done: `until`, and what becomes of one that cannot be asked, or never comes true."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import filling
from aftermath import read
from conftest import Connect
from filling import FILL, JOIN, UNTIL, Place
from waiting import PATIENCE, wait_for

from sqlrail.errors import MigrationFailed
from sqlrail.ground.events import GaveWay

place = filling.place


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
