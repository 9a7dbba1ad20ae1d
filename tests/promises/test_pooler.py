"""Through PgBouncer in transaction mode, where the next transaction of a session is somebody else's."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import psycopg
import pytest
from aftermath import read, reported, start_runner, write
from conftest import Connect, needs, open_folder, query, run
from waiting import PATIENCE, wait_for

from sqlrail.server import local

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
POOL = 3
pytestmark = [
    pytest.mark.promise,
    pytest.mark.system,
    needs("a superuser, for the roles that its files take on"),
]
#: what an application would see of a file that went before it in the same session
SEEN = """
    SELECT current_user::text, session_user::text, current_setting('search_path'), current_setting('lock_timeout'),
           current_setting('statement_timeout'), current_setting('default_transaction_isolation'),
           current_setting('client_connection_check_interval'), to_regclass('pg_temp.leaked')::text,
           (SELECT count(*) FROM pg_cursors), (SELECT count(*) FROM pg_prepared_statements WHERE from_sql),
           (SELECT count(*) FROM pg_listening_channels()),
           (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())
"""
LEAKY = """
SET search_path = pg_catalog;
SET statement_timeout = '2min';
SET default_transaction_isolation = 'serializable';
CREATE TEMP TABLE leaked (id int);
SELECT pg_advisory_lock(4242);
DECLARE leaked CURSOR WITH HOLD FOR SELECT 1;
PREPARE leaked AS SELECT 1;
LISTEN leaked;
CREATE TABLE public.made (id int);
SET ROLE pg_monitor;
"""


@pytest.fixture
def pooled(server: local.Server, database: str) -> Iterator[str]:
    """The database by way of a pool of three sessions."""
    with pooler(server, database) as url:
        yield url


@contextmanager
def pooler(
    server: local.Server, database: str, server_socket: str = "", only: str = "", **options: object
) -> Iterator[str]:
    """The database by way of PgBouncer, in transaction mode unless told otherwise; a test without it is skipped.

    With `only`, every name leads to that database.
    """
    if PGBOUNCER is None:
        pytest.skip("PgBouncer is not installed")
    host = database.partition("?host=")[2].partition("&")[0]
    with open_folder() as folder, ExitStack() as cleanup:
        owner = server.data.stat().st_uid
        account: dict[str, Any] = {}
        if os.geteuid() == 0:
            # PgBouncer refuses to run as root, and the server lets its own account in.
            account = {"user": owner, "group": server.data.stat().st_gid, "extra_groups": []}
        sockets = folder / "sockets"
        sockets.mkdir(mode=0o700)
        os.chown(sockets, owner, -1)
        settings = folder / "pgbouncer.ini"
        told = {"pool_mode": "transaction", "default_pool_size": POOL, **options}
        settings.write_text(
            f"[databases]\n* = host={server_socket or unquote(host)} port=5432 user={urlsplit(database).username}"
            f"{f' dbname={only}' if only else ''}\n"
            f"[pgbouncer]\nlisten_addr =\nlisten_port = 5432\nunix_socket_dir = {sockets}\nauth_type = any\n"
            "max_client_conn = 100\nignore_startup_parameters = extra_float_digits\n"
            + "".join(f"{name} = {value}\n" for name, value in told.items())
        )
        settings.chmod(0o644)
        log = cleanup.enter_context((folder / "log").open("wb"))
        process = subprocess.Popen([PGBOUNCER, settings], stdout=log, stderr=log, cwd="/", **account)
        cleanup.callback(process.wait, PATIENCE)
        cleanup.callback(process.kill)
        url = database.replace(host, quote(str(sockets), safe=""))
        wait_for(lambda: process.poll() is not None or listens(sockets / ".s.PGSQL.5432"), "PgBouncer is up")
        assert process.poll() is None, (folder / "log").read_text()
        yield url


def listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def what_is_seen(url: str) -> set[tuple[Any, ...]]:
    """What the application sees, in every session of the pool."""
    with ExitStack() as cleanup:
        seen, pids = set(), set()
        for _ in range(POOL):
            # In a transaction each, all at once: that takes every session of the pool.
            connection = cleanup.enter_context(psycopg.connect(url, prepare_threshold=None))
            seen.add(connection.execute(SEEN).fetchall()[0])
            pids.update(connection.execute("SELECT pg_backend_pid()").fetchall())
        assert len(pids) == POOL
        return seen


def test_of_20_runners_on_a_pool_of_3_sessions_each_file_is_run_by_one(pooled: str, tmp_path: Path) -> None:
    few = {f"{number:03}_t{number}": f"CREATE TABLE t{number} (id int);\n" for number in range(1, 6)}
    files = write(tmp_path / "files", **few)
    runners = [start_runner(pooled, "migrate", "--migrations", files) for _ in range(20)]
    done = [(*each.communicate(timeout=2 * PATIENCE), each.returncode) for each in runners]
    assert [(code, talk) for _, talk, code in done if code] == []
    assert Counter(id_ for out, _, _ in done for id_ in reported(out)) == dict.fromkeys(few, 1)
    state = read(pooled)
    assert (sorted(state.records), state.applies, state.lock_rows) == ([*few], dict.fromkeys(few, 1), 0)


def test_the_application_sees_nothing_of_what_a_file_did_to_its_session(
    pooled: str, database: str, tmp_path: Path, connect: Connect
) -> None:
    before = what_is_seen(pooled)
    assert len(before) == 1
    query(database, "CREATE TABLE gate (id int)")
    keeper = connect(database, autocommit=False)
    keeper.execute("LOCK TABLE gate")
    files = write(
        tmp_path / "files",
        **{
            "001_leaky": f"-- lock-timeout: 1min\n{LEAKY}RESET ROLE;\nLOCK TABLE public.gate;\nSET ROLE pg_monitor;\n"
        },
    )
    runner = start_runner(pooled, "migrate", "--migrations", files)
    wait_for(lambda: waits(database), "the runner is in its file")
    for _ in range(2 * POOL):
        with psycopg.connect(pooled, prepare_threshold=None) as connection:
            assert set(connection.execute(SEEN).fetchall()) == before
    keeper.rollback()
    out, talk = runner.communicate(timeout=PATIENCE)
    assert (runner.returncode, reported(out)) == (0, ["001_leaky"]), talk
    assert what_is_seen(pooled) == before
    assert advisory_locks(database) == []


def test_the_application_sees_nothing_of_a_file_that_failed(
    pooled: str, database: str, tmp_path: Path
) -> None:
    before = what_is_seen(pooled)
    files = write(tmp_path / "files", **{"001_leaky": f"{LEAKY}SELECT 1 / 0;\n"})
    done = run("migrate", "--migrations", files, env={"DATABASE_URL": pooled})
    assert (done.returncode, done.stdout) == (1, "")
    assert "division by zero" in done.stderr
    assert what_is_seen(pooled) == before
    assert advisory_locks(database) == []
    assert (read(database).records, read(database).rows) == ([], {})


def test_the_application_sees_nothing_of_a_runner_that_was_killed(
    pooled: str, database: str, tmp_path: Path
) -> None:
    before = what_is_seen(pooled)
    files = write(tmp_path / "files", **{"001_leaky": f"{LEAKY}SELECT pg_catalog.pg_sleep(60);\n"})
    runner = start_runner(pooled, "migrate", "--migrations", files)
    wait_for(lambda: sleeps(database), "the runner is in its file")
    runner.kill()
    runner.communicate(timeout=PATIENCE)
    wait_for(
        lambda: not sleeps(database) and not advisory_locks(database), "its statement has ended", seconds=5
    )
    assert what_is_seen(pooled) == before
    assert (read(database).records, read(database).rows) == ([], {})
    write(files, **{"001_leaky": LEAKY})
    again = run("migrate", "--migrations", files, env={"DATABASE_URL": pooled})
    assert (again.returncode, reported(again.stdout)) == (0, ["001_leaky"])
    assert what_is_seen(pooled) == before
    assert read(database).rows == {"made": []}


def test_letters_stay_what_they_are_on_the_way_to_a_database_of_another_encoding(
    pooled: str, database: str, tmp_path: Path
) -> None:
    name = urlsplit(database).path[1:]
    latin = f"{name}_latin1"
    query(
        database,
        f"CREATE DATABASE {latin} TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'",
    )
    try:
        # What the first leaves behind would be met by the second's closing, and by the third.
        few = {
            "001_a": "SELECT 1;",
            "002_b": "SELECT 1;",
            "003_c": "CREATE TABLE c AS SELECT 'é'::text AS letter;",
        }
        done = run(
            "migrate",
            "--migrations",
            write(tmp_path / "files", **few),
            env={"DATABASE_URL": pooled.replace(f"/{name}?", f"/{latin}?")},
        )
        assert (done.returncode, reported(done.stdout)) == (0, [*few]), done.stderr
        there = database.replace(f"/{name}?", f"/{latin}?")
        assert query(there, "SELECT length(letter), ascii(letter) FROM c") == [(1, 0xE9)]
    finally:
        query(database, f"DROP DATABASE {latin} WITH (FORCE)")


def waits(url: str) -> bool:
    return bool(query(url, "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                           " AND wait_event_type = 'Lock'"))  # fmt: skip


def sleeps(url: str) -> bool:
    return bool(query(url, "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                           " AND wait_event = 'PgSleep'"))  # fmt: skip


def advisory_locks(url: str) -> list[Any]:
    return query(url, "SELECT pid, objid FROM pg_locks WHERE locktype = 'advisory' AND database ="
                      " (SELECT oid FROM pg_database WHERE datname = current_database())")  # fmt: skip


def test_rollback_and_baseline_go_through_the_pool(pooled: str, database: str, tmp_path: Path) -> None:
    files = write(
        tmp_path / "files",
        **{"001_a": "CREATE TABLE a (id int);\n", "002_b": "CREATE TABLE b (id int);\n"},
        **{
            "001_a.rollback": "DROP TABLE a;\n",
            "002_b.rollback": f"{LEAKY}RESET ROLE;\nDROP TABLE public.b;\n",
        },
    )
    environment = {"DATABASE_URL": pooled, "APP_ENV": "development"}

    def sqlrail(*words: str) -> str:
        done = run(*words, "--migrations", files, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    before = what_is_seen(pooled)
    sqlrail("migrate")
    assert sqlrail("rollback").startswith("rolled back 002_b")
    assert what_is_seen(pooled) == before
    query(database, "DELETE FROM _yoyo_migration")
    assert sqlrail("baseline", "--to", "1").startswith("recorded 001_a\n")
    assert read(database).records == ["001_a"]
    assert query(database, "SELECT datname FROM pg_database WHERE datname ~ '^sqlrail_scratch'") == []


def test_in_session_mode_all_is_as_it_was(server: local.Server, database: str, tmp_path: Path) -> None:
    files = write(
        tmp_path / "files",
        **{
            "001_a": "CREATE TABLE a (id int);\n",
            "002_b": "-- transactional: false\nCREATE INDEX CONCURRENTLY a_id ON a (id);\n",
        },
    )
    with pooler(server, database, pool_mode="session") as url:
        done = run("migrate", "--migrations", files, env={"DATABASE_URL": url})
        assert (done.returncode, reported(done.stdout)) == (0, ["001_a", "002_b"]), done.stderr
    assert read(database).records == ["001_a", "002_b"]


@pytest.mark.parametrize("verb", ["migrate", "status", "cleanup", "archive list", "rollback --yes"])
def test_a_pooler_of_statements_is_refused_before_anything_runs(
    verb: str, server: local.Server, database: str
) -> None:
    with pooler(server, database, pool_mode="statement") as url:
        done = run(
            *verb.split(), "--wait", "30s", env={"DATABASE_URL": url, "APP_ENV": "development"}, timeout=20
        )
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("this connection goes through a pooler that allows no transactions: ")
    assert "pool_mode" in done.stderr
    state = read(database)
    assert (state.records, state.catalog) == ([], [])


def test_a_pooler_whose_server_is_down_is_told_from_a_server_that_is_down(
    server: local.Server, database: str
) -> None:
    with pooler(server, database, server_socket="/nowhere", server_login_retry=1) as url:
        done = run("status", env={"DATABASE_URL": f"{url}&connect_timeout=2"})
        assert done.returncode == 1
        assert re.search("pooler answers, and the server behind|A pooler whose server is down", done.stderr)
    with pooler(
        server, database, server_socket="/nowhere", query_wait_timeout=1, client_login_timeout=2
    ) as url:
        done = run("status", env={"DATABASE_URL": url})
        assert done.returncode == 1
        assert (
            "the pooler has no connection to its server: none is free, or that server is down ("
            in done.stderr
        )


def test_a_database_that_the_pooler_does_not_know(server: local.Server, database: str) -> None:
    with pooler(server, database) as url:
        name = url.partition("?")[0].rpartition("/")[2]
        done = run(
            "status", "--wait", "20s", env={"DATABASE_URL": url.replace(f"/{name}?", "/nothing?")}, timeout=15
        )
    assert done.returncode == 1
    assert "there is no database nothing on that server (" in done.stderr


def test_a_pool_that_is_used_up_says_so(server: local.Server, database: str, connect: Connect) -> None:
    with pooler(server, database, default_pool_size=1, query_wait_timeout=1) as url:
        holder = connect(url, autocommit=False, prepare_threshold=None)
        holder.execute("SELECT 1")
        done = run("status", env={"DATABASE_URL": url})
        assert (done.returncode, done.stdout) == (1, "")
        assert "query_wait_timeout" in done.stderr
        holder.rollback()
        assert run("status", env={"DATABASE_URL": url}).returncode == 0


def test_a_plan_does_not_hang_and_says_what_it_cannot_see(pooled: str, database: str, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "files",
        **{
            "001_t": "CREATE TABLE t (id int); INSERT INTO t VALUES (1);",
            "002_x": "ALTER TABLE t ADD a int; CREATE INDEX ON t (a);",
            "003_y": "-- transactional: false\nCREATE INDEX CONCURRENTLY ON t (id);",
        },
    )
    assert run("migrate", "--to", "1", "--migrations", folder, env={"DATABASE_URL": pooled}).returncode == 0
    done = run("plan", "--json", "--migrations", folder, env={"DATABASE_URL": pooled})
    assert done.returncode == 0, done.stderr
    inside, outside = json.loads(done.stdout)["files"]
    assert [[it["lock"] for it in one["relations"]] for one in inside["statements"]] == [
        ["ACCESS EXCLUSIVE"],
        [None],
    ]
    assert [(one["verdict"], one["note"]) for one in outside["statements"]] == [
        ("scans", "its locks are not seen through a pooler")
    ]
    assert query(database, "SELECT datname FROM pg_database WHERE datname ~ '^sqlrail_scratch'") == []


def test_tenants_through_a_pool_of_5_are_worked_on_as_without_one(
    server: local.Server, database: str, tmp_path: Path
) -> None:
    names = [f"tenant {number}" for number in range(12)]
    for name in names:
        query(database, f'CREATE SCHEMA "{name}"')
    files = write(
        tmp_path / "files",
        **{
            "001_a": "CREATE TABLE a (id int);\n",
            "002_b": "-- transactional: false\nINSERT INTO a VALUES (1);\nBEGIN;\nINSERT INTO a VALUES (2);\nCOMMIT;\n",
            "003_c": "INSERT INTO a VALUES (3);\n",
        },
    )
    each = ("--each", "SELECT nspname FROM pg_namespace WHERE nspname ~ '^tenant'", "--migrations", files)
    with pooler(server, database, default_pool_size=5) as pooled:
        env = {"DATABASE_URL": pooled, "APP_ENV": "test"}
        before = what_is_seen(pooled)
        done = run("migrate", *each, "--parallel", "4", env=env)
        assert done.returncode == 0, done.stderr
        for name in names:
            assert query(database, f'SELECT id FROM "{name}".a ORDER BY id') == [(1,), (2,), (3,)]
        assert query(database, "SELECT to_regclass('public.a'), to_regclass('public._yoyo_log')") == [
            (None, None)
        ]
        assert what_is_seen(pooled) == before
        assert advisory_locks(database) == []
        write(files, **{"004_d": "-- transactional: false\nVACUUM a;\n"})
        done = run("migrate", *each, env=env)
        assert done.returncode == 3
        assert (
            "004_d.sql:2:1: this connection goes through a pooler, where names can lead to tenant 0"
            in done.stderr
        )
    assert run("migrate", *each, env={"DATABASE_URL": database, "APP_ENV": "test"}).returncode == 0


def test_a_name_that_a_pooler_leads_elsewhere_is_neither_made_nor_dropped(
    server: local.Server, database: str, tmp_path: Path
) -> None:
    with pooler(server, database, only=database.rpartition("?")[0].rpartition("/")[2]) as pooled:
        elsewhere = pooled.replace(database.rpartition("?")[0].rpartition("/")[2], "somewhere_else")
        done = run("create", "--migrations", tmp_path, env={"DATABASE_URL": elsewhere, "APP_ENV": "test"})
        assert (done.returncode, "Nothing was changed." in done.stderr) == (3, True), done.stderr
        assert "a pooler or a list of hosts leads elsewhere" in done.stderr
        assert query(database, "SELECT datname FROM pg_database WHERE datname = 'somewhere_else'") == []
        query(database, "CREATE DATABASE somewhere_else")
        done = run(
            "drop", "--yes", "--migrations", tmp_path, env={"DATABASE_URL": elsewhere, "APP_ENV": "test"}
        )
        assert done.returncode == 3, done.stderr
        query(database, "DROP DATABASE somewhere_else")
