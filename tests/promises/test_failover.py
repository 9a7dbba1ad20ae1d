"""A primary server and its replica, of real servers: what is said of a standby, and of a commit that a failover met."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from aftermath import attempt, read, start_runner, write
from conftest import Connect, majors, open_folder, query, run
from listeners import Heard
from postmasters import Postmaster, make, running
from proxy import Proxy
from waiting import wait_for

from sqlrail.engine import lost
from sqlrail.errors import ConnectionLost, ReadOnlyServer

pytestmark = pytest.mark.promise

FILES = {
    "001_a": "CREATE TABLE a (id int);\n",
    "002_b": "CREATE TABLE b (id int);\n",
    "003_c": "CREATE TABLE c (id int);\n",
}


@dataclass
class Pair:
    """A primary and a standby that follows it, and a folder of migrations."""

    primary: Postmaster
    standby: Postmaster
    files: Path

    def catch_up(self) -> None:
        """Waits until the standby has all that was committed."""
        upto = query(self.primary.url(), "SELECT pg_current_wal_insert_lsn()::text")[0][0]
        behind = f"SELECT pg_last_wal_replay_lsn() < '{upto}'"
        wait_for(lambda: query(self.standby.url(), behind) == [(False,)], "the standby has caught up")

    def detach(self) -> None:
        """Lets the standby fall behind from now on."""
        query(self.standby.url(), "ALTER SYSTEM SET primary_conninfo = ''")
        query(self.standby.url(), "SELECT pg_reload_conf()")
        receivers = "SELECT pid FROM pg_stat_wal_receiver"
        wait_for(lambda: not query(self.standby.url(), receivers), "it receives no more")

    def fail_over(self) -> None:
        """Kills the primary, and makes the standby one."""
        self.primary.stop(signal.SIGKILL)
        query(self.standby.url(), "SELECT pg_promote()")

    def url(self, proxy: Proxy, **more: str) -> str:
        """First the primary by way of the proxy, then the standby."""
        folders = f"{quote(str(proxy.folder), safe='')},{quote(str(self.standby.folder), safe='')}"
        rest = "".join(f"&{name}={value}" for name, value in more.items())
        return f"postgresql://postgres@/app?host={folders}&port=5432,{self.standby.port}{rest}"

    @contextmanager
    def proxied(self, database: str = "app", cut_after: int | None = None) -> Iterator[Proxy]:
        """The primary by way of a proxy that lets nobody through once it has cut."""
        here = quote(str(self.primary.folder), safe="")
        with open_folder() as folder:
            url = f"postgresql://postgres@/{database}?host={here}&port=5432"
            proxy = Proxy(folder, url, sender="server", cut_after=cut_after, again=False)
            try:
                yield proxy
            finally:
                proxy.close()

    def last_commit(self) -> int:
        """How many messages of the server go ahead of its last COMMIT, tried on a copy of the database."""
        query(self.primary.url(database="postgres"), "CREATE DATABASE trial TEMPLATE app")
        with self.proxied("trial") as proxy:
            assert attempt(proxy.url, Heard(), self.files) is None
            return proxy.commits[-1]


@pytest.fixture(scope="module")
def template() -> Iterator[Postmaster]:
    if not majors():
        pytest.skip("no PostgreSQL server is installed")
    with open_folder() as folder:
        yield make(folder, majors()[max(majors())])


@pytest.fixture
def pair(template: Postmaster, tmp_path: Path) -> Iterator[Pair]:
    with open_folder() as folder:
        primary, standby = template.copy(folder / "primary"), template.copy(folder / "standby")
        (primary.folder / ".s.PGSQL.5432").symlink_to(primary.folder / f".s.PGSQL.{primary.port}")
        standby.put("standby.signal")
        follows = f"host=127.0.0.1 port={primary.port} user=postgres"
        standby.put("postgresql.auto.conf", f"primary_conninfo = '{follows}'\n")
        with running(primary), running(standby):
            yield Pair(primary, standby, write(tmp_path / "files", **FILES))


def test_a_standby_is_read_and_not_written(pair: Pair) -> None:
    assert (
        attempt(pair.primary.url(), Heard(), write(pair.files.parent / "first", **{"001_a": FILES["001_a"]}))
        is None
    )
    pair.catch_up()
    env = {"DATABASE_URL": pair.standby.url(), "APP_ENV": "development"}
    status = run("status", "--json", "--migrations", pair.files, env=env)
    states = [it["state"] for it in json.loads(status.stdout)["migrations"]]
    assert (status.returncode, states) == (0, ["applied", "pending", "pending"])
    for verb in (
        "migrate",
        "rollback",
        "stamp test --name app",
        "baseline --to 3",
    ):
        done = run(*verb.split(), "--wait", "20s", "--migrations", pair.files, env=env, timeout=15)
        if verb in ("rollback", "baseline --to 3"):
            assert done.returncode == 3  # there is a better reason not to
            continue
        assert (done.returncode, done.stdout) == (1, ""), (verb, done.stderr)
        assert done.stderr.startswith(f"127.0.0.1:{pair.standby.port} is a standby: "), (verb, done.stderr)
        assert "target_session_attrs=read-write" in done.stderr
    assert isinstance(attempt(pair.standby.url(), Heard(), pair.files), ReadOnlyServer)
    assert read(pair.primary.url()).records == ["001_a"]


def test_of_a_primary_and_a_standby_the_one_that_can_be_written_to_is_taken(pair: Pair) -> None:
    ports = f"127.0.0.1:{pair.standby.port},127.0.0.1:{pair.primary.port}"
    url = f"postgresql://postgres@{ports}/app?target_session_attrs=read-write"
    assert attempt(url, Heard(), pair.files) is None
    assert read(pair.primary.url()).records == [*FILES]
    pair.primary.stop(signal.SIGKILL)
    done = run("migrate", "--migrations", pair.files, env={"DATABASE_URL": url})
    assert done.returncode == 1
    assert "it is a standby, and target_session_attrs wants a primary (" in done.stderr
    assert f"port {pair.standby.port} failed: session is read-only" in done.stderr
    assert f"port {pair.primary.port} failed: Connection refused" in done.stderr


def test_a_commit_that_the_replica_has_is_found_there_after_a_failover(pair: Pair) -> None:
    cut = pair.last_commit()
    with pair.proxied(cut_after=cut) as proxy:
        url = pair.url(proxy, target_session_attrs="read-write")
        runner = start_runner(url, "migrate", "--json", "--migrations", pair.files)
        assert proxy.was_cut.wait(30)
        pair.catch_up()
        pair.fail_over()
        out, talk = runner.communicate(timeout=30)
    assert runner.returncode == 0, (out, talk)
    assert "the connection was lost while 003_c was being committed; looking what became of it" in talk
    assert [it["id"] for it in json.loads(out)["applied"]] == [*FILES]
    assert read(pair.standby.url()).records == [*FILES]


def test_what_a_replica_that_lagged_behind_has_lost_is_said(pair: Pair) -> None:
    first = write(pair.files.parent / "first", **{"001_a": FILES["001_a"]})
    assert attempt(pair.primary.url(), Heard(), first) is None
    cut = pair.last_commit()
    pair.catch_up()
    pair.detach()
    with pair.proxied(cut_after=cut) as proxy:
        url = pair.url(proxy, target_session_attrs="read-write")
        runner = start_runner(url, "migrate", "--json", "--migrations", pair.files)
        assert proxy.was_cut.wait(30)
        assert read(pair.primary.url()).records == [*FILES]  # and nobody will ever know
        pair.fail_over()
        out, _ = runner.communicate(timeout=30)
    error = json.loads(out)["error"]
    assert (runner.returncode, error["kind"], error["applied"]) == (1, "connection_lost", [])
    assert "003_c was being committed. The server that answers now has nothing of it" in error["message"]
    assert (
        "It does not have 002_b either, which had been committed: a replica that lagged behind has taken"
        in error["message"]
    )
    assert read(pair.standby.url()).records == ["001_a"]
    heard = Heard()
    assert attempt(pair.standby.url(), heard, pair.files) is None
    assert heard.applied_ids == ["002_b", "003_c"]


def test_a_replica_that_lacks_all_of_it_is_no_riddle(pair: Pair) -> None:
    cut = pair.last_commit()
    pair.catch_up()
    pair.detach()
    with pair.proxied(cut_after=cut) as proxy:
        url = pair.url(proxy, target_session_attrs="read-write")
        runner = start_runner(url, "migrate", "--migrations", pair.files)
        assert proxy.was_cut.wait(30)
        pair.fail_over()
        _, talk = runner.communicate(timeout=30)
    assert runner.returncode == 1
    assert "It does not have 001_a, 002_b either, which had been committed" in talk
    assert attempt(pair.standby.url(), Heard(), pair.files) is None
    assert read(pair.standby.url()).records == [*FILES]


def test_where_only_a_standby_is_left_nothing_is_guessed(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost, "RECONNECT", 0.5)
    cut = pair.last_commit()
    with pair.proxied(cut_after=cut) as proxy:
        error = attempt(pair.url(proxy), Heard(), pair.files)
    assert isinstance(error, ConnectionLost)
    assert error.applied == ["001_a", "002_b"]
    assert str(error) == (
        "the connection was lost while 003_c was being committed, and the server that answers now is a standby. "
        "Whether it was committed, `status` will say; running again, against the primary server, is safe either way."
    )
    heard = Heard()
    assert attempt(pair.primary.url(), heard, pair.files) is None
    assert heard.applied_ids == []


def test_a_rollback_that_a_failover_has_undone_says_so(pair: Pair) -> None:
    for id_ in FILES:
        (pair.files / f"{id_}.rollback.sql").write_text(f"DROP TABLE {id_[-1]};\n")
    assert attempt(pair.primary.url(), Heard(), pair.files) is None
    words = ("rollback", "--yes", "--json", "--to", "1", "--migrations", pair.files)
    query(pair.primary.url(database="postgres"), "CREATE DATABASE trial TEMPLATE app")
    with pair.proxied("trial") as proxy:
        assert run(*words, env={"DATABASE_URL": proxy.url}).returncode == 0
        cut = proxy.commits[-1]
    pair.catch_up()
    pair.detach()
    with pair.proxied(cut_after=cut) as proxy:
        runner = start_runner(pair.url(proxy, target_session_attrs="read-write"), *words)
        assert proxy.was_cut.wait(30)
        pair.fail_over()
        out, _ = runner.communicate(timeout=30)
    error = json.loads(out)["error"]
    assert (runner.returncode, error["kind"], error["rolled_back"]) == (1, "connection_lost", [])
    assert (
        "002_b.rollback was being committed. The server that answers now has nothing of it"
        in error["message"]
    )
    assert "It does not have 003_c.rollback either, which had been committed" in error["message"]
    assert read(pair.standby.url()).records == [*FILES]


def test_a_backfill_goes_on_at_a_replica_that_lagged_behind(pair: Pair, connect: Connect) -> None:
    """Each row once there as well: a checkpoint is as old as the rows beside it."""
    files = write(
        pair.files.parent / "fill",
        **{
            "001_fill": "-- backfill: t by id once\n"
            "UPDATE t SET n = n + 1 FROM sqlrail_batch AS b WHERE t.id = b.id;\n"
        },
    )
    query(
        pair.primary.url(),
        "CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t SELECT generate_series(1, 20000)",
    )
    walked = "SELECT coalesce(max((announced->>'walked')::int), 0) FROM sqlrail.progress"
    blocker = connect(pair.primary.url())
    blocker.execute("BEGIN; SELECT FROM t WHERE id = 19999 FOR UPDATE")
    with pair.proxied() as proxy:
        url = pair.url(proxy, target_session_attrs="read-write")
        runner = start_runner(
            url, "migrate", "--json", "--migrations", files, "--batch-time", "40ms", "--max-lag", "0"
        )

        def now() -> int:
            made = query(pair.primary.url(), "SELECT to_regclass('sqlrail.progress') IS NOT NULL")[0][0]
            return int(query(pair.primary.url(), walked)[0][0]) if made else 0

        wait_for(now, "a batch is noted")
        pair.catch_up()
        pair.detach()
        behind = query(pair.standby.url(), walked)[0][0]
        wait_for(lambda: now() > behind, "the primary is ahead")
        pair.fail_over()
        out, talk = runner.communicate(timeout=30)
    assert runner.returncode == 1, (out, talk)
    error = json.loads(out)["error"]
    assert (error["kind"], error["applied"]) == ("connection_lost", [])
    assert "It is a backfill: at least " in error["message"]
    assert "run again to go on" in error["message"]
    counts = "SELECT n, count(*)::int FROM t GROUP BY n ORDER BY n"
    there = query(pair.standby.url(), walked)[0][0]
    assert behind <= there < 20000
    assert query(pair.standby.url(), counts) == [(0, 20000 - there), (1, there)]
    assert attempt(pair.standby.url(), Heard(), files) is None
    assert query(pair.standby.url(), counts) == [(1, 20000)]
    assert read(pair.standby.url()).records == ["001_fill"]
