"""Cleanups and files on a cluster of Citus while others write through its coordinator and a worker, and while a runner
or one of its servers is killed: no row is lost, none is there twice, and the next run ends what was begun.

TEST_OPERATIONS is how many operations the writers do in all, TEST_KILLS how many are killed.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cluster import Cluster, node
from conftest import ROOT, clean_environment
from samples import CITUS_KILLS, CITUS_OPERATIONS
from test_citus_cleanup import RELATION
from test_cleanup import apply, clean, ids
from test_online import run as online
from test_restore import restore
from test_under_fire import ACTIONS, DEFAULT, Connection, Traffic, now
from waiting import PATIENCE, wait_for

from sqlrail.errors import DatabaseFailed, MigrationFailed
from sqlrail.orphans import composer, nodes

pytestmark = pytest.mark.promise

SESSIONS = 4
CHILDREN = "orders.user_id -> users.id"


# Fire


class Spread(Traffic):
    """Sessions of which every other one writes through a worker."""

    def __init__(self, cluster: Cluster, *, moves: bool) -> None:
        super().__init__(cluster.url, ["id"], ["user_id"])
        self.worker, self.moves = cluster.workers[0], moves

    def url_of(self, number: int) -> str:
        return self.worker if number % 2 else self.url

    def move(self, connection: Connection, key: int, parent: int) -> int:
        if self.moves:
            return super().move(connection, key, parent)
        # What says on which node a row lies cannot be changed.
        with connection.transaction():
            gone = self.execute(connection, f"DELETE FROM orders WHERE id = {key}")
            if gone:
                self.execute(connection, f"INSERT INTO orders VALUES ({key}, %s)", parent)
                self.written[key] = parent
        return gone

    def names_it_still(self, connection: Connection, key: int) -> int:
        # Nodes end a transaction one after the other: who only reads may still see what is deleted already.
        return self.execute(
            connection, f"SELECT 1 FROM orders WHERE id = {key} AND user_id = %s FOR UPDATE", key
        )


@pytest.mark.parametrize("form", ["together", "packed", "apart", "of a reference table"])
def test_no_row_goes_whose_parent_is_committed(
    citus: Cluster, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if form == "packed":
        monkeypatch.setattr(nodes, "PACKED", 1)
        monkeypatch.setattr(composer, "BY_DELETION", 0)
    with closing(citus.connect()) as db:
        db.execute("CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE orders (id int, user_id int)")
        reference = form == "of a reference table"
        parent = "create_reference_table('users')" if reference else "create_distributed_table('users', 'id')"
        db.execute(f"SELECT {parent}".encode())
        column = "user_id" if form in ("together", "packed") else "id"
        db.execute(f"SELECT create_distributed_table('orders', '{column}')".encode())
        db.execute("INSERT INTO users VALUES (1)")
        traffic = Spread(citus, moves=column == "id")
        deleted, gave_way = clean_beside(traffic, citus, tmp_path, f"{CHILDREN} delete")
        left = set(ids(db))
        archived = archived_ids(db)
        is_packed = db.execute("SELECT FROM sqlrail.archive WHERE action LIKE '% packed'").rowcount > 0
    assert is_packed == (form == "packed")
    assert traffic.safe - left == set()
    assert left.isdisjoint(archived)
    assert traffic.dropped.isdisjoint(archived)
    assert left | set(archived) | traffic.dropped == {*traffic.written}
    assert len(archived) == len(set(archived)), f"{gave_way} gave way"
    assert len(archived) == deleted > 0


@pytest.mark.parametrize("action", ["set null", "set default"])
@pytest.mark.parametrize("form", ["apart", "of a reference table"])
def test_no_row_is_set_whose_parent_is_committed_and_all_come_back(
    citus: Cluster, tmp_path: Path, form: str, action: str
) -> None:
    with closing(citus.connect()) as db:
        db.execute(
            f"""CREATE TABLE users (id int PRIMARY KEY);
            CREATE TABLE orders (id int PRIMARY KEY, user_id int DEFAULT {DEFAULT})""".encode()
        )
        reference = form == "of a reference table"
        parent = "create_reference_table('users')" if reference else "create_distributed_table('users', 'id')"
        db.execute(f"SELECT {parent}".encode())
        db.execute("SELECT create_distributed_table('orders', 'id')")
        db.execute(f"INSERT INTO users VALUES (1), ({DEFAULT})".encode())
        traffic = Spread(citus, moves=True)
        changed, gave_way = clean_beside(traffic, citus, tmp_path, f"{CHILDREN} {action}")
        there = {id_: parent for id_, parent in traffic.written.items() if id_ not in traffic.dropped}
        archived = archived_ids(db)
        assert len(archived) == len(set(archived)) == changed > 0, f"{gave_way} gave way"
        assert traffic.dropped.isdisjoint(archived)
        left = now(db)
        becomes = dict.fromkeys(set(archived) - traffic.safe, ACTIONS[action])
        assert left == there | becomes
        db.execute("CREATE TABLE named AS SELECT DISTINCT (cells->>'user_id')::int FROM sqlrail.archive")
        db.execute("INSERT INTO users SELECT * FROM named ON CONFLICT DO NOTHING")
        for (run,) in db.execute("SELECT DISTINCT run FROM sqlrail.archive ORDER BY run DESC").fetchall():
            restore(citus.url, run)
        assert now(db) == there


def archived_ids(db: Connection) -> list[int]:
    """The ids of the rows in the archive, those in packs too."""
    found = db.execute(
        """SELECT cells ->> 'id' FROM sqlrail.archive WHERE action NOT LIKE '% packed' UNION ALL
        SELECT jsonb_array_elements_text(cells -> 0 -> 'id') FROM sqlrail.archive WHERE action LIKE '% packed'"""
    )
    return [int(id_ or 0) for (id_,) in found]


def clean_beside(traffic: Spread, citus: Cluster, folder: Path, said: str) -> tuple[int, int]:
    """Cleans in each way while others write, and once more at the end: how many rows, and how often it gave way."""
    threads = [threading.Thread(target=traffic.run, args=[number]) for number in range(1, SESSIONS + 1)]
    for thread in threads:
        thread.start()
    cleaned, runs, gave_way = 0, 0, 0
    more: dict[str, Any] = {"max_rows": 1_000_000}
    while not traffic.failures and (traffic.operations < CITUS_OPERATIONS / 3 or runs < 3):
        try:
            way = (runs + gave_way) % 3
            if way == 0:
                found = clean(citus.url, said, lock_timeout=1.0, **more).relations
            elif way == 1:
                found = online(citus.url, said, lock_timeout=1.0, **more).relations
            else:
                step = {f"_{runs:03}_{gave_way:03}": f"-- cleanup: {said}\nSELECT 1;"}
                found = tuple(one for it in apply(citus.url, folder, **step).applied for one in it.cleanup)
            cleaned, runs = cleaned + sum(one.cleaned for one in found), runs + 1
        except (DatabaseFailed, MigrationFailed):
            gave_way += 1
    traffic.over.set()
    for thread in threads:
        thread.join()
    assert traffic.failures == []
    return cleaned + clean(citus.url, said, **more).relations[0].cleaned, gave_way


# Kills

FILE = f"""-- cleanup: {RELATION} delete
ALTER TABLE shop.child ADD CONSTRAINT has_parent FOREIGN KEY (parent_id) REFERENCES shop.parent (id);
UPDATE shop.child SET note = 'seen';
"""
VERBS = {
    "cleanup": ["cleanup", "--relation", RELATION],
    "packed": ["cleanup", "--relation", RELATION],
    "online": ["cleanup", "--online", "--pause", "0s", "--relation", RELATION],
    "migrate": ["migrate"],
    "set null": ["cleanup", "--relation", f"{RELATION} set null"],
    "set null online": ["cleanup", "--online", "--pause", "0s", "--relation", f"{RELATION} set null"],
}
#: rows, and how many of them are orphans: those of a cleanup that packs them are many
LOADS = {"packed": (36_000, 12_000)}
LOAD = (12_000, 4_000)


def build(db: Connection, verb: str) -> None:
    db.execute(
        """CREATE SCHEMA shop; CREATE TABLE shop.parent (id int PRIMARY KEY);
        CREATE TABLE shop.child (id int, parent_id int, note text)"""
    )
    db.execute("SELECT create_distributed_table('shop.parent', 'id')")
    if "set" in verb:  # which the column cannot be that says where a row lies
        db.execute("ALTER TABLE shop.child ADD PRIMARY KEY (id)")
    column = "id" if "set" in verb else "parent_id"
    db.execute(f"SELECT create_distributed_table('shop.child', '{column}')".encode())
    many, orphans = LOADS.get(verb, LOAD)
    db.execute(f"INSERT INTO shop.parent SELECT generate_series(1, {many - orphans})".encode())
    db.execute(f"INSERT INTO shop.child SELECT n, n FROM generate_series(1, {many}) AS n".encode())


def start(citus: Cluster, folder: Path, verb: str) -> subprocess.Popen[str]:
    more = {"DATABASE_URL": citus.url, "SQLRAIL_ENV": "development", "SQLRAIL_MAX_SHARE": "50%"}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "runner.py"), *VERBS[verb]], cwd=folder, text=True,
        env={**clean_environment(), **more}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def is_at_work(db: Connection) -> bool:
    mine = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name ~ '^sqlrail'"
    return db.execute(mine.encode()).rowcount > 0


@pytest.fixture
def unhurried(citus: Cluster) -> Iterator[None]:
    """A coordinator that takes its time to write what it need not have written: a crash loses it."""
    node(citus.url)
    with closing(citus.connect()) as db:
        for statement in ("ALTER SYSTEM SET wal_writer_delay = '10s'", "SELECT pg_reload_conf()"):
            db.execute(statement.encode())
    yield
    with closing(citus.connect()) as db:
        for statement in ("ALTER SYSTEM RESET wal_writer_delay", "SELECT pg_reload_conf()"):
            db.execute(statement.encode())


@pytest.mark.usefixtures("unhurried")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("victim", ["runner", "worker", "coordinator"])
def test_the_next_run_ends_what_a_killed_one_began(
    citus: Cluster, tmp_path: Path, victim: str, verb: str
) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "001_key.sql").write_text(FILE)
    chance, ends = random.Random(f"{victim} {verb}"), []  # noqa: S311 - the same ones each time
    longest = 2.0 if "online" in verb else 1.2
    for _ in range(max(2, CITUS_KILLS // 5)):
        citus.empty()
        with closing(citus.connect()) as db:
            build(db, verb)
        ends.append(kill(citus, tmp_path, verb, victim, chance.uniform(0, longest)))
        check(citus, tmp_path, verb)
    # Without one of its nodes nothing can be settled, which is refused.
    assert set(ends) <= {"runner": {0, -signal.SIGKILL}, "worker": {0, 1, 3}, "coordinator": {0, 1}}[victim]


def kill(citus: Cluster, folder: Path, verb: str, victim: str, instant: float) -> int:
    """Kills somebody so many seconds after a runner has connected; how that ended."""
    server = node(citus.workers[0] if victim == "worker" else citus.url)
    runner = start(citus, folder, verb)
    with closing(citus.connect()) as db:
        wait_for(lambda: is_at_work(db) or runner.poll() is not None, "the runner has begun")
    time.sleep(instant)  # sleep: the instant is what is tried
    if victim == "runner":
        runner.kill()
    else:
        server.kill()
    told, _ = runner.communicate(timeout=PATIENCE)
    assert "Traceback" not in told
    if victim != "runner":
        server.start()
    return runner.returncode


def check(citus: Cluster, folder: Path, verb: str) -> None:
    """The next run ends with all orphans in the archive, each once, and all others where they were."""
    settle(citus)
    runner = start(citus, folder, verb)
    told, _ = runner.communicate(timeout=PATIENCE)
    assert runner.returncode == 0, told
    many, orphans = LOADS.get(verb, LOAD)
    with closing(citus.connect()) as db:
        there = db.execute("SELECT id FROM shop.child WHERE parent_id IS NOT NULL ORDER BY id").fetchall()
        assert there == [(id_,) for id_ in range(1, many - orphans + 1)]
        assert len(ids(db, "shop.child")) == (many if "set" in verb else many - orphans)
        assert sorted(archived_ids(db)) == list(range(many - orphans + 1, many + 1))
        is_packed = db.execute("SELECT FROM sqlrail.archive WHERE action LIKE '% packed'").rowcount > 0
        assert is_packed == (verb == "packed")
        if verb == "migrate":
            assert db.execute("SELECT count(*) FROM shop.child WHERE note = 'seen'").fetchall() == [
                (many - orphans,)
            ]
            assert db.execute("SELECT count(*) FROM _yoyo_migration").fetchall() == [(1,)]


def settle(citus: Cluster) -> None:
    """Until every node answers the coordinator, and what the dead one held is free."""
    with closing(citus.connect()) as db:
        wait_for(lambda: not is_at_work(db), "the dead runner's backend has left")

        def all_answer() -> bool:
            with suppress(psycopg.Error):
                return (
                    db.execute("SELECT FROM run_command_on_all_nodes('SELECT 1') WHERE NOT success").rowcount
                    == 0
                )
            return False

        wait_for(all_answer, "every node answers")
