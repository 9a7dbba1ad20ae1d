"""Backfills of tables that Citus keeps on other nodes: each row once, whatever is killed and wherever it lies."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aftermath import read, start_runner
from cluster import Cluster, node
from conftest import run
from filling import EACH, FILL, JOIN, ONCE, UNTIL, Place
from psycopg.conninfo import make_conninfo
from samples import sample
from test_backfill import TYPES
from test_citus_fire import settle, unhurried
from waiting import PATIENCE, wait_for

from sqlrail.engine.backfill import milestones
from sqlrail.errors import MigrationFailed, Refused
from sqlrail.ground.events import BatchFilled

pytestmark = pytest.mark.promise
unhurried = unhurried

#: runners that are killed
KILLS = sample("CITUS_BACKFILL_KILLS", 6)
#: times that a server is, in the middle of a run
SERVER_KILLS = sample("CITUS_SERVER_KILLS", 2)
SERVER_ROWS = 100_000
RANGE = "-- backfill: t by range of id once\n"
BETWEEN = "UPDATE t SET n = n + 1 FROM sqlrail_batch AS b WHERE t.id BETWEEN b.first_id AND b.last_id;"
#: where the rows of a table may be
PLACES = {
    "distributed": "SELECT create_distributed_table('t', 'id')",
    "reference": "SELECT create_reference_table('t')",
    "single shard": "SELECT create_distributed_table('t', NULL)",
    "citus local": "SELECT citus_add_local_table_to_metadata('t')",
    "local": "SELECT 1",
}


class Spread(Place):
    """A table on the nodes of a cluster."""

    def __init__(self, citus: Cluster, folder: Path, rows: int = 3000, kind: str = "distributed") -> None:
        super().__init__(citus.url, folder, rows)
        self.citus = citus
        self.query(PLACES[kind])

    def go(self, statement: str) -> list[tuple[Any, ...]]:
        """One statement, which may be for other nodes."""
        return self.citus.rows(statement)


@pytest.fixture
def place(citus: Cluster, tmp_path: Path) -> Spread:
    return Spread(citus, tmp_path / "files")


@pytest.mark.parametrize("text", [ONCE + EACH, RANGE + BETWEEN], ids=["by key", "by range"])
@pytest.mark.parametrize("kind", PLACES)
def test_each_row_is_met_once_wherever_it_lies(citus: Cluster, tmp_path: Path, kind: str, text: str) -> None:
    place = Spread(citus, tmp_path / "files", kind=kind)
    assert place.run(text) is None
    assert place.counts() == {1: 3000}
    done = place.filled()
    assert (done.walked, done.changed, done.passes) == (3000, 3000, 1)
    assert done.batches > 1
    place.check_done()


@pytest.mark.parametrize(
    ("distributed", "head", "statement"),
    [
        (
            "SELECT create_distributed_table('c', 'a')",
            "c by (a, b)",
            "UPDATE c SET n = n + 1 FROM sqlrail_batch AS k WHERE c.a = k.a AND c.b = k.b",
        ),
        (
            "SELECT create_distributed_table('c', 'b')",
            "c by range of (a, b)",
            (
                "UPDATE c SET n = n + 1 FROM sqlrail_batch AS k "
                "WHERE (c.a, c.b) >= (k.first_a, k.first_b) AND (c.a, c.b) <= (k.last_a, k.last_b)"
            ),
        ),
        (
            "SELECT create_distributed_table('c', 'a', shard_count => 32)",
            "c by (a, b)",
            "WITH k AS (SELECT a, b FROM sqlrail_batch) UPDATE c SET n = n + 1 FROM k WHERE c.a = k.a AND c.b = k.b",
        ),
    ],
    ids=["composite", "range", "through a query"],
)
def test_keys_of_several_columns(place: Spread, distributed: str, head: str, statement: str) -> None:
    place.query("CREATE TABLE c (a int, b text, n int DEFAULT 0, PRIMARY KEY (a, b))")
    place.go(distributed)
    place.query(
        """INSERT INTO c (a, b)
           SELECT g % 50, CASE g % 3 WHEN 0 THEN 'Ö''"\\' || g WHEN 1 THEN g || ' ' ELSE upper(md5(g::text)) END
             FROM generate_series(1, 3000) AS g"""
    )
    assert place.run(f"-- backfill: {head} once\n{statement};") is None
    assert place.counts("c") == {1: 3000}


@pytest.mark.parametrize("type_", ["uuid", "timestamptz", "float8", "bytea", 'text COLLATE "C"'])
def test_keys_of_types_that_nodes_spell_by_their_settings(place: Spread, type_: str) -> None:
    value = dict(TYPES)[type_]
    place.query(f"CREATE TABLE k (id {type_} PRIMARY KEY, n int DEFAULT 0)")
    place.go("SELECT create_distributed_table('k', 'id')")
    cast = type_.partition(" COLLATE")[0]
    place.query(f"INSERT INTO k SELECT ({value})::{cast} FROM generate_series(1, 1500) AS g")
    assert (
        place.run(f"{ONCE}{EACH}".replace("t by", "k by").replace("t.", "k.").replace("UPDATE t", "UPDATE k"))
        is None
    )
    assert place.counts("k") == {1: 1500}


def test_a_table_of_a_sharded_schema(place: Spread) -> None:
    place.query("CREATE SCHEMA shop; CREATE TABLE shop.t (id int PRIMARY KEY, n int DEFAULT 0)")
    place.go("SELECT citus_schema_distribute('shop')")
    place.go("INSERT INTO shop.t SELECT generate_series(1, 3000)")
    assert place.run(f"-- backfill: shop.t by id once\nUPDATE shop.t AS t SET n = n + 1 {JOIN};") is None
    assert place.counts("shop.t") == {1: 3000}


def test_partitions_on_other_nodes(place: Spread) -> None:
    place.query("CREATE TABLE c (a int, b int, n int DEFAULT 0, PRIMARY KEY (a, b)) PARTITION BY RANGE (b)")
    for statement in (
        "CREATE TABLE c1 PARTITION OF c FOR VALUES FROM (0) TO (1000)",
        "CREATE TABLE c2 PARTITION OF c FOR VALUES FROM (1000) TO (9000)",
        "SELECT create_distributed_table('c', 'a')",
        "INSERT INTO c SELECT g % 100, g FROM generate_series(1, 3000) AS g",
    ):
        place.go(statement)
    equal = "c.a = b.a AND c.b = b.b"
    assert (
        place.run(
            f"-- backfill: c by (a, b) once\nUPDATE c SET n = n + 1 FROM sqlrail_batch AS b WHERE {equal};"
        )
        is None
    )
    assert place.counts("c") == {1: 3000}


@pytest.mark.parametrize("text", [ONCE + EACH, RANGE + BETWEEN], ids=["by key", "by range"])
def test_shards_hand_over_a_few_keys_and_then_those_of_the_batch(
    place: Spread, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How far a batch goes is about so many rows, and no row is between two batches."""
    monkeypatch.setattr(milestones, "HANDED_OVER", 0)
    place.go("INSERT INTO t SELECT * FROM generate_series(3001, 30000)")
    assert place.run(text, batch_time=0.5) is None
    assert place.counts() == {1: 30_000}
    done = place.filled()
    assert (done.walked, done.passes) == (30_000, 1)
    seen = [event.done for event in place.heard.events if isinstance(event, BatchFilled)]
    assert 350 < seen[0] < 650
    place.check_done()


def test_awkward_keys_are_told_by_shards(place: Spread, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milestones, "HANDED_OVER", 0)
    place.query("CREATE TABLE c (a timestamptz, b text, n int DEFAULT 0, PRIMARY KEY (a, b))")
    place.go("SELECT create_distributed_table('c', 'b')")
    # Sessions on workers write times as nobody here reads them.
    set_on_workers(place.citus, "SET datestyle = 'SQL, DMY'")
    try:
        place.query(
            """INSERT INTO c (a, b)
               SELECT '2000-01-31'::timestamptz + g % 70 * interval '1.000001 s',
                      CASE g % 3 WHEN 0 THEN 'Ö''"\\%s' ELSE '' END || g
                 FROM generate_series(1, 20000) AS g"""
        )
        equal = "c.a = b.a AND c.b = b.b"
        statement = f"UPDATE c SET n = n + 1 FROM sqlrail_batch AS b WHERE {equal};"
        assert place.run(f"-- backfill: c by (a, b) once\n{statement}", batch_time=0.1) is None
    finally:
        set_on_workers(place.citus, "RESET datestyle")
    assert place.counts("c") == {1: 20_000}


def set_on_workers(citus: Cluster, text: str) -> None:
    for url in citus.workers:
        with closing(citus.connect(url)) as db:
            name = db.info.dbname
            db.execute("SET citus.enable_ddl_propagation = off")
            db.execute(f"ALTER DATABASE {name} {text}".encode())


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO o (id, n) SELECT t.id, t.n FROM t JOIN sqlrail_batch AS b ON b.id = t.id",
        "INSERT INTO o (id, n) SELECT b.id, 0 FROM sqlrail_batch AS b ON CONFLICT DO NOTHING",
        "INSERT INTO here (id, n) SELECT t.id, t.n FROM t JOIN sqlrail_batch AS b ON b.id = t.id",
        "UPDATE t SET n = r.n FROM sqlrail_batch AS b JOIN r ON r.id = b.id WHERE t.id = b.id",
        "UPDATE t SET n = o.n FROM sqlrail_batch AS b, o WHERE t.id = b.id AND o.id = t.id",
        "UPDATE t SET n = 0 WHERE EXISTS (SELECT 1 FROM sqlrail_batch AS b WHERE b.id = t.id)",
        "UPDATE t SET n = 0 WHERE id IN (SELECT id FROM sqlrail_batch)",
        "DELETE FROM t USING sqlrail_batch AS b WHERE t.id = b.id",
        "UPDATE r SET n = b.id FROM sqlrail_batch AS b WHERE r.id = b.id",
        "UPDATE here SET n = 0 FROM sqlrail_batch AS b WHERE here.id = b.id",
    ],
)
def test_forms_of_statements(place: Spread, statement: str) -> None:
    for name, where in {"o": "distributed", "r": "reference", "here": "local"}.items():
        place.go(f"CREATE TABLE {name} (id int PRIMARY KEY, n int)")
        place.go(PLACES[where].replace("'t'", f"'{name}'"))
        if not statement.startswith(f"INSERT INTO {name} "):
            place.go(f"INSERT INTO {name} SELECT g, 7 FROM generate_series(1, 3000) AS g")
    assert place.run(f"{ONCE}{statement};") is None
    assert place.filled().changed == 3000
    place.check_done()


def test_passes_go_on_until_one_changes_nothing(place: Spread) -> None:
    assert place.run(UNTIL + FILL) is None
    assert place.go("SELECT count(*) FROM t WHERE done") == [(3000,)]
    place.write(f"-- backfill: t by id\nUPDATE t SET n = 1 {JOIN} AND n = 0;", "002_one")
    assert place.run() is None
    assert place.filled().passes == 2
    place.write("-- backfill: t by id\n" + EACH, "003_each")
    failed = place.run()
    assert isinstance(failed, Refused)
    assert "run once more it changed 500 of them again" in str(failed)
    assert place.counts() == {1: 3000}


# What is refused, and fails


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{ONCE}UPDATE t SET nowhere = 1 {JOIN};", '001_fill.sql:2:14: column "nowhere"'),
        (f"{ONCE}UPDATE t SET n = 1 / (t.id - t.id) {JOIN};", "001_fill.sql:2:1: division by zero"),
        (f"{ONCE}UPDATE t SET n = random() {JOIN};", "001_fill.sql:2:1: functions used in UPDATE queries"),
    ],
    ids=["no such column", "at a row", "volatile"],
)
def test_a_wrong_statement_fails_with_its_place_and_nothing_is_done(
    place: Spread, text: str, why: str
) -> None:
    failed = place.run(text)
    assert isinstance(failed, MigrationFailed)
    assert why in str(failed)
    place.check_untouched()
    assert place.run(ONCE + EACH) is None
    assert place.counts() == {1: 3000}


def test_what_cannot_be_is_refused_before_anything_is_changed(place: Spread) -> None:
    failed = place.run(
        f"{ONCE}MERGE INTO t USING sqlrail_batch AS b ON t.id = b.id WHEN MATCHED THEN UPDATE SET n = 1;"
    )
    assert isinstance(failed, Refused)
    assert "write an UPDATE, or INSERT … ON CONFLICT" in str(failed)
    place.check_untouched()


@pytest.mark.parametrize("text", ["t.id + 0 = b.id", "t.id % 2 = b.id % 2"])
def test_a_statement_that_reads_all_shards_for_each_batch_is_refused(place: Spread, text: str) -> None:
    place.go("INSERT INTO t (id) SELECT g FROM generate_series(3001, 300000) AS g")
    failed = place.run(f"{ONCE}UPDATE t SET n = n + 1 FROM sqlrail_batch AS b WHERE {text};")
    assert isinstance(failed, Refused)
    assert "it would read all of public.t (" in str(failed)
    assert read(place.url).records == []


def test_its_progress_is_of_the_rows_of_all_shards(place: Spread) -> None:
    place.go("ANALYZE t")
    assert place.run(ONCE + EACH) is None
    told = [event for event in place.heard.events if isinstance(event, BatchFilled)]
    assert {event.total for event in told} == {3000}


def test_plan_says_how_many_rows_and_for_how_long(place: Spread) -> None:
    place.go("ANALYZE t")
    place.write(ONCE + EACH)
    place.write("ALTER TABLE t ADD CHECK (n < 2);", "002_check")
    planned = run("--database-url", place.url, "--migrations", place.folder, "plan", "--sample")
    assert planned.returncode == 0, planned.stderr
    assert "backfill of public.t: about 3,000 rows, in about " in planned.stdout
    place.check_untouched()


def test_a_role_that_may_not_settle_what_is_in_doubt_is_refused_until_it_may(place: Spread) -> None:
    role = f"filler_{os.getpid()}"
    database = place.citus.rows("SELECT current_database()")[0][0]
    place.go(f"CREATE ROLE {role} LOGIN")
    try:
        place.go(f"GRANT ALL ON t TO {role}")
        place.go(f"GRANT ALL ON SCHEMA public TO {role}")
        place.go(f"GRANT CREATE ON DATABASE {database} TO {role}")
        place.url = make_conninfo(place.url, user=role)
        failed = place.run(ONCE + EACH)
        assert isinstance(failed, Refused)
        assert "GRANT EXECUTE ON FUNCTION recover_prepared_transactions()" in str(failed)
        for url in (place.citus.url, *place.citus.workers):
            place.citus.rows(f"GRANT EXECUTE ON FUNCTION recover_prepared_transactions() TO {role}", url)
        assert place.run() is None
        assert place.counts() == {1: 3000}
    finally:
        place.citus.empty()
        for url in (*place.citus.workers, place.citus.url):
            with place.citus.connect(url) as db:
                db.execute("SET citus.enable_ddl_propagation = off")
                db.execute(f"DROP OWNED BY {role}".encode())
                db.execute(f"DROP ROLE {role}".encode())


# Others


def test_a_batch_keeps_nobody_else_from_other_rows(place: Spread) -> None:
    """While it is at work single rows are written, and many rows of all shards."""
    place.write(f"{ONCE}UPDATE t SET n = n + 1 {JOIN} AND t.id <= 100;")
    with closing(place.citus.connect()) as holder, holder.transaction():
        holder.execute("UPDATE t SET n = n WHERE id = 50")
        runner = start_runner(place.url, "--migrations", place.folder, "migrate", "--batch-time", "10s")
        with closing(place.citus.connect()) as other:
            waits = "SELECT * FROM citus_lock_waits"
            wait_for(lambda: other.execute(waits).rowcount > 0, "the batch waits for the row")
            other.execute("SET lock_timeout = '1s'")
            other.execute("UPDATE t SET done = true WHERE id = 2000")
            other.execute("UPDATE t SET done = true WHERE id > 1000")
            assert other.execute(waits).rowcount > 0
    told, _ = runner.communicate(timeout=PATIENCE)
    assert runner.returncode == 0, told
    assert place.counts() == {0: 2900, 1: 100}


def test_two_runners_share_the_batches(place: Spread) -> None:
    place.go("INSERT INTO t SELECT * FROM generate_series(3001, 20000)")
    place.write(ONCE + EACH)
    arguments = ("--migrations", place.folder, "migrate", "--batch-time", "50ms", "--pause", "0")
    two = [start_runner(place.url, *arguments) for _ in range(2)]
    ended = [(each.communicate(timeout=PATIENCE), each.returncode) for each in two]
    assert [code for _, code in ended] == [0, 0], ended
    assert place.counts() == {1: 20_000}
    place.check_done()


# Kills


def test_each_row_once_whatever_runner_is_killed(place: Spread) -> None:
    """Runners are killed at any instant, two at a time."""
    rows = 10_000 * KILLS
    place.go(f"INSERT INTO t SELECT * FROM generate_series(3001, {rows})")
    place.write(ONCE + EACH)
    arguments = ("--migrations", place.folder, "migrate", "--batch-time", "50ms", "--pause", "0")
    chance = random.Random(KILLS)  # noqa: S311 - the same ones each time
    killed = 0
    while killed < KILLS and read(place.url).records == []:
        before = place.walked()
        two = [start_runner(place.url, *arguments) for _ in range(2)]
        place.wait_for_a_batch(before)
        time.sleep(chance.uniform(0, 0.3))  # sleep: the instant is what is tried
        for each in two:
            each.send_signal(signal.SIGKILL)
            each.communicate(timeout=PATIENCE)
        killed += 2
    settle(place.citus)
    assert set(place.counts()) <= {0, 1}
    assert place.run(batch_time=0.2) is None
    assert place.counts() == {1: rows}
    place.check_done()


def test_a_statement_for_one_shard_is_committed_in_two_phases(citus: Cluster, tmp_path: Path) -> None:
    """In one, its node would have it before the checkpoint is there."""
    place = Spread(citus, tmp_path / "files", kind="single shard")
    of_two = "SELECT n_tup_ins FROM pg_stat_all_tables WHERE relname = 'pg_dist_transaction'"
    before = place.go(of_two)[0][0]
    assert place.run(ONCE + EACH) is None
    batches = place.filled().batches
    wait_for(lambda: place.go(of_two)[0][0] - before >= batches, "each batch was one of two phases", 15)


@pytest.mark.usefixtures("unhurried")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["distributed", "single shard"])
@pytest.mark.parametrize("victim", ["worker", "coordinator"])
def test_each_row_once_whatever_server_is_killed(
    citus: Cluster, tmp_path: Path, victim: str, kind: str
) -> None:
    place = Spread(citus, tmp_path / "files", rows=SERVER_ROWS, kind=kind)
    server = node(citus.url if victim == "coordinator" else lies_on(citus))
    place.write(ONCE + EACH)
    arguments = ("--migrations", place.folder, "migrate", "--batch-time", "10ms", "--pause", "0")
    chance = random.Random(f"{victim} {kind}")  # noqa: S311 - the same ones each time
    for _ in range(SERVER_KILLS):
        before = place.walked()
        runner = start_runner(place.url, *arguments)
        a_batch = "a batch is noted, or it was the last"
        wait_for(lambda: place.walked() != before or runner.poll() is not None, a_batch)  # noqa: B023
        time.sleep(chance.uniform(0, 0.5))  # sleep: the instant is what is tried
        server.kill()
        _, told = runner.communicate(timeout=PATIENCE)
        server.start()
        assert "Traceback" not in told
        assert runner.returncode in (0, 1, 3), told
        settle(citus)
        # Before anything is settled some rows may be neither: on no node is one done twice.
        assert set(place.counts()) <= {0, 1}
    assert place.run(batch_time=0.2) is None
    assert place.counts() == {1: SERVER_ROWS}
    place.check_done()


def lies_on(citus: Cluster) -> str:
    """The URL of a worker that has rows of the table."""
    return citus.shard("t")[1]
