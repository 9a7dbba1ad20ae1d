"""What ends a backfill in the middle, and what goes on with it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import filling
import psycopg
import pytest
from aftermath import attempt
from conftest import Connect, open_folder, run
from filling import EACH, JOIN, ONCE, QUICK, Place
from listeners import Heard
from waiting import PATIENCE, wait_for

from sqlrail.errors import BadFile, Busy, ConnectionLost, MigrationFailed, Refused
from sqlrail.ground.events import GaveWay
from sqlrail.server import local

place = filling.place


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
