"""sqlrail in an application: what its functions return and raise, and that they leave nothing behind in the process."""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import console
import pytest
from conftest import ROOT, Connect, clean_environment, fresh_database, query
from console import Sqlrail, catalog, put
from waiting import wait_until_blocked

import sqlrail as library
from sqlrail import events
from sqlrail.engine.store import KEY
from sqlrail.errors import (
    BadFile,
    Busy,
    ConnectionFailed,
    MigrationFailed,
    Refused,
    SettingsError,
    SqlrailError,
    UsageError,
)
from sqlrail.server import local

sqlrail = console.sqlrail

FILES = {
    "001_a.sql": "CREATE TABLE parent (id int PRIMARY KEY);\nCREATE TABLE child (parent_id int);\n"
    "INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1), (2);",
    "002_b.sql": "-- cleanup: child.parent_id -> parent.id\n"
    "ALTER TABLE child ADD FOREIGN KEY (parent_id) REFERENCES parent;",
}
REPLICAS = 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(FILES, tmp_path / "m")
    return tmp_path / "m"


def process(code: str, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    """Python in a process of its own, with the arguments in sys.argv."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


# what it returns


def test_it_returns_what_the_json_of_the_verbs_holds(
    sqlrail: Sqlrail, server: local.Server, database: str, folder: Path
) -> None:
    with fresh_database(server) as other:
        here = library.migrate(database, folder)
        there = sqlrail(
            "migrate", "--json", "--migrations", str(folder), env={"DATABASE_URL": other}
        ).document
        assert [done["id"] for done in here["applied"]] == ["001_a", "002_b"]
        assert here["applied"][1]["cleanup"][0]["deleted"] == 1
        for each in (*here["applied"], *there["applied"]):
            each["seconds"] = 0.0
        assert json.loads(json.dumps(here)) == there
        shown = sqlrail(
            "status", "--json", "--migrations", str(folder), env={"DATABASE_URL": database}
        ).document
        assert json.loads(json.dumps(library.status(database, str(folder)))) == shown
    assert query(database, "TABLE child") == [(1,)]


def test_a_second_call_has_nothing_to_do(database: str, folder: Path) -> None:
    assert library.migrate(database, folder, to="001")["pending"] == 1
    assert [done["id"] for done in library.migrate(database, folder)["applied"]] == ["002_b"]
    before = catalog(database)
    assert library.migrate(database, folder) == {
        "applied": [], "already_applied": 2, "pending": 0, "left": [], "waiting": [], "taken_over": [],
        "allowed": {"late": [], "missing": []}, "ahead": [], "code": [], "post_apply": [],
        "code_pending": 0,
    }  # fmt: skip
    assert catalog(database) == before


def test_what_the_arguments_say_counts(database: str, folder: Path) -> None:
    named = ", ".join(
        f"current_setting('{name}') AS {name}" for name in ("lock_timeout", "statement_timeout")
    )
    put({"003_c.sql": f"CREATE TABLE s AS SELECT {named}"}, folder)
    library.migrate(database, folder, environment="staging", lock_timeout=3, statement_timeout=90.5)
    assert query(database, "TABLE s") == [("3s", "90500ms")]
    assert query(database, "SELECT environment FROM sqlrail.stamp") == [("staging",)]


def test_late_and_missing_files_pass_where_that_is_said(database: str, folder: Path) -> None:
    put({"004_d.sql": "SELECT 4", "005_e.sql": "SELECT 5"}, folder)
    library.migrate(database, folder)
    (folder / "004_d.sql").unlink()
    put({"003_late.sql": "SELECT 3"}, folder)
    with pytest.raises(Refused) as refused:
        library.migrate(database, folder)
    assert sorted(problem["kind"] for problem in refused.value.details["problems"]) == ["late", "missing"]
    said: list[str] = []
    done = library.migrate(database, folder, allow_late=True, allow_missing=True, say=said.append)
    assert done["allowed"] == {"late": ["003_late"], "missing": ["004_d"]}
    assert len(said) == 2


# what it raises


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"directory": "nowhere"}, UsageError, "there is no folder nowhere"),
        ({"directory": ""}, SettingsError, "migrations is '': name a folder."),
        ({"url": None}, SettingsError, "the URL is empty"),
        ({"url": ""}, SettingsError, "the URL is empty"),
        ({"url": "localhost"}, SettingsError, "the URL must begin with postgresql://"),
        ({"url": 5432}, SettingsError, "the URL is of the type int: give a string"),
        ({"directory": None}, SettingsError, "migrations is None: give the folder's path"),
        ({"lock_timeout": "5s"}, SettingsError, "lock_timeout is '5s': give seconds as a number"),
        ({"max_share": True}, SettingsError, "max_share is True: give a share"),
        ({"allow_triggers": [1]}, SettingsError, "allow_triggers is [1]: give a list of names"),
        ({"environment": 1}, SettingsError, "environment is 1: give one of"),
        (
            {"url": "mysql://a:geheim@b/c"},
            SettingsError,
            "the URL must begin with postgresql:// or postgres://, not ",
        ),
        (
            {"url": "postgresql://a:geheim@127.0.0.1:1/b"},
            ConnectionFailed,
            "cannot connect to a@127.0.0.1:1/b: ",
        ),
        ({"lock_wait": -1}, SettingsError, "lock_wait is -1: give seconds"),
        ({"lock_timeout": float("nan")}, SettingsError, "lock_timeout is nan: give seconds"),
        ({"max_share": 10}, SettingsError, "max_share is 10: give a share between 0 and 1."),
        ({"environment": "prod"}, SettingsError, "environment is 'prod': give one of development, "),
        ({"interrupted": "maybe"}, SettingsError, "interrupted is 'maybe': give one of again, done."),
        ({"allow_triggers": "log"}, SettingsError, "allow_triggers is 'log': give a list of names."),
        ({"to": "009"}, UsageError, "--to is '009'"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_what_is_wrong_is_raised_and_says_no_password(
    arguments: dict[str, Any], kind: type[SqlrailError], message: str, database: str, folder: Path
) -> None:
    before = catalog(database)
    with pytest.raises(kind) as raised:
        library.migrate(**{"url": database, "directory": folder, **arguments})
    assert str(raised.value).startswith(message)
    assert "geheim" not in f"{raised.value!r} {raised.value.__cause__!r} {vars(raised.value)}"
    assert catalog(database) == before


def test_a_file_that_fails_says_what_was_committed_before_it(database: str, folder: Path) -> None:
    put({"003_c.sql": "CREATE TABLE c ();\nSELECT 1/0;"}, folder)
    with pytest.raises(MigrationFailed) as raised:
        library.migrate(database, folder)
    assert raised.value.applied == ["001_a", "002_b"]
    assert str(raised.value).startswith(f"{folder}/003_c.sql:2:1: ")
    assert [entry["state"] for entry in library.status(database, folder)["migrations"]] == [
        "applied", "applied", "pending",
    ]  # fmt: skip
    put({"003_c.sql": "SELECT 'never closed"}, folder)
    with pytest.raises(BadFile):
        library.migrate(database, folder)
    assert query(database, "SELECT to_regclass('c')") == [(None,)]


def test_whom_it_waits_for_is_said_and_not_printed(
    database: str, folder: Path, connect: Connect, capfd: pytest.CaptureFixture[str]
) -> None:
    connect(database).execute("SELECT pg_advisory_lock(%s)", [KEY])
    said: list[str] = []
    with pytest.raises(Busy):
        library.migrate(database, folder, lock_wait=1.0, say=said.append)
    assert [line.split(" for ")[0] for line in said] == ["waiting"]
    assert capfd.readouterr() == ("", "")


def test_what_happens_is_told_as_facts(any_database: str, folder: Path, connect: Connect) -> None:
    library.migrate(any_database, folder)
    put({"003_c.sql": "ALTER TABLE child ADD COLUMN more int;"}, folder)
    keeper = connect(any_database, autocommit=False)
    keeper.execute("LOCK TABLE child IN ACCESS SHARE MODE")
    told: list[events.Event] = []

    def hear(event: events.Event) -> None:
        if not isinstance(event, events.Warned):
            told.append(event)
        if isinstance(event, events.GaveWay) and event.blockers:
            keeper.rollback()

    library.migrate(any_database, folder, lock_timeout=0.5, listener=hear)
    reached, history, begun, *others, applied = told
    assert isinstance(reached, events.Reached)
    assert reached.target.database == keeper.info.dbname
    assert history == events.HistoryRead("002_b", 1)
    assert begun == events.Begun("003_c")
    last = [event for event in others if isinstance(event, events.GaveWay)][-1]
    assert (last.what, last.waited_for) == ("003_c", "ACCESS EXCLUSIVE on public.child")
    assert [(who.pid, who.holds) for who in last.blockers] == [(keeper.info.backend_pid, ("ACCESS SHARE",))]
    assert last.pause is not None
    assert isinstance(applied, events.Applied)
    assert applied.id == "003_c"


def test_a_password_is_in_no_fact(database: str, folder: Path) -> None:
    put({"001_a.sql": "DO $$ BEGIN RAISE WARNING 'it is geheim-4711X'; END $$"}, folder)
    (folder / "002_b.sql").unlink()
    told: list[events.Event] = []
    said: list[str] = []
    library.migrate(f"{database}&password=geheim-4711X", folder, say=said.append, listener=told.append)
    assert events.Noticed("WARNING", "it is ***") in told
    assert said == ["warning: it is ***"]


# what it leaves of the process


def state() -> dict[str, object]:
    """What of a process a library has to leave alone."""
    folder, root = Path("/proc/self/fd"), logging.getLogger()
    opened = [path.readlink() for path in folder.iterdir() if path.exists()] if folder.exists() else []
    return {
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)],
        "environment": dict(os.environ),
        "folder": Path.cwd(),
        "threads": threading.enumerate(),
        "logging": (root.handlers[:], root.level),
        "descriptors": opened,
    }


def test_nothing_is_printed_and_the_process_is_as_it_was(
    database: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    library.status(database, folder)
    before = state()
    put({"003_c.sql": "DO $$ BEGIN RAISE WARNING 'careful'; END $$"}, folder)
    said: list[str] = []
    library.migrate(database, folder, say=said.append)
    assert said == ["warning: careful"]
    library.status(database, folder)
    put({"004_d.sql": "SELECT 1/0"}, folder)
    with pytest.raises(MigrationFailed):
        library.migrate(database, folder)
    assert state() == before
    assert capfd.readouterr() == ("", "")


def test_threads_may_migrate_at_once(server: local.Server, tmp_path: Path) -> None:
    # Folders with the same ids, which yoyo's own registry would mix up.
    with ExitStack() as undo:
        urls = [undo.enter_context(fresh_database(server)) for _ in range(3)]
        for number in range(3):
            put({"001_a.sql": f"CREATE TABLE t{number} ()", "002_b.sql": "-- depends: 001_a\nSELECT 1"},
                tmp_path / str(number))  # fmt: skip
        with ThreadPoolExecutor(6) as pool:
            calls = [
                pool.submit(library.migrate, url, tmp_path / str(n))
                for n, url in enumerate(urls)
                for _ in range(2)
            ]
            applied = [[done["id"] for done in call.result(60)["applied"]] for call in calls]
        for n, url in enumerate(urls):
            assert sorted(applied[2 * n] + applied[2 * n + 1]) == ["001_a", "002_b"]
            assert query(url, "SELECT relname FROM pg_class WHERE relname ~ '^t[0-9]$'") == [(f"t{n}",)]


@pytest.mark.promise
def test_twenty_replicas_start_at_once_and_each_file_runs_once(database: str, tmp_path: Path) -> None:
    files = {f"{n:03}_t.sql": f"CREATE TABLE t{n} ();\nSELECT pg_sleep(0.02)" for n in range(1, 6)}
    files["006_i.sql"] = (
        "-- transactional: false\nCREATE TABLE i (n int);\nCREATE INDEX CONCURRENTLY ON i (n);"
    )
    put(files, tmp_path)
    code = (
        "import sys, sqlrail; sys.stdin.readline()\n"
        "print(*[done['id'] for done in sqlrail.migrate(*sys.argv[1:])['applied']])"
    )
    replicas = [process(code, database, tmp_path, stdin=subprocess.PIPE) for _ in range(REPLICAS)]
    for replica in replicas:
        assert replica.stdin
        replica.stdin.write("go\n")
        replica.stdin.flush()
    outcomes = [replica.communicate(timeout=120) for replica in replicas]
    assert [replica.returncode for replica in replicas] == [0] * REPLICAS, outcomes
    assert {err for _, err in outcomes} == {""}
    applied = [id_ for out, _ in outcomes for id_ in out.split()]
    assert sorted(applied) == sorted(name.removesuffix(".sql") for name in files)
    assert query(database, "SELECT count(*), count(DISTINCT migration_id) FROM _yoyo_migration") == [(6, 6)]


def test_an_interrupted_application_keeps_whole_files_only(
    database: str, folder: Path, connect: Connect
) -> None:
    put({"003_c.sql": "CREATE TABLE c ();\nSELECT pg_advisory_xact_lock(42);"}, folder)
    connect(database).execute("SELECT pg_advisory_lock(42)")
    code = (
        "import sys, sqlrail\ntry:\n    sqlrail.migrate(*sys.argv[1:], lock_timeout=60)\n"
        "except KeyboardInterrupt:\n    print('mine')"
    )
    replica = process(code, database, folder)
    wait_until_blocked(connect(database))
    replica.send_signal(signal.SIGINT)
    assert replica.communicate(timeout=60) == ("mine\n", "")
    assert [entry["state"] for entry in library.status(database, folder)["migrations"]] == [
        "applied", "applied", "pending",
    ]  # fmt: skip
    assert query(database, "SELECT to_regclass('c')") == [(None,)]


def test_importing_it_loads_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules); import sqlrail; sqlrail.__version__\n"
        "print(*sorted(name for name in set(sys.modules) - before))\n"
        "assert sqlrail.errors.Refused and callable(sqlrail.migrate) and callable(sqlrail.status)\n"
        "assert sqlrail.events.GaveWay.__name__ == 'GaveWay'\n"
        "assert sqlrail.migrate is sqlrail.migrate; import sqlrail.cli.main; assert callable(sqlrail.migrate)\n"
        "assert not hasattr(sqlrail, 'nothing')"
    )
    child = process(code)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (0, "")
    assert not {"psycopg", "yoyo", "rich", "sqlrail.engine.backend"} & {*out.split()}


def test_its_types_are_told() -> None:
    assert (ROOT / "sqlrail" / "py.typed").exists()


def _without_times(document: Any) -> Any:
    return json.loads(
        re.sub(r'"(seconds|applied_at|database|token)": ("[^"]*"|[\d.e-]+)', r'"\1": 0', json.dumps(document))
    )


@pytest.mark.parametrize(
    ("function", "words"),
    [
        pytest.param(lambda url: library.status(url, "m"), "status", id="status"),
        pytest.param(lambda url: library.plan(url, "m"), "plan", id="plan"),
        pytest.param(lambda url: library.plan(url, "m", counts=False), "plan --no-rows", id="plan, no rows"),
        pytest.param(lambda url: library.drift(url, "m"), "drift", id="drift"),
        pytest.param(
            lambda url: library.drift(url, "m", pending=True), "drift --pending", id="drift, pending"
        ),
        pytest.param(lambda url: library.cleanup(url, "m", dry_run=True), "cleanup --dry-run", id="cleanup"),
        pytest.param(
            lambda url: library.cleanup(url, "m", ["child.parent_id -> parent.id delete"], dry_run=True),
            "cleanup --dry-run --relation 'child.parent_id -> parent.id delete'",
            id="cleanup of one",
        ),
    ],
)
def test_a_function_returns_what_its_verb_prints(
    sqlrail: Sqlrail, database: str, folder: Path, function: Any, words: str
) -> None:
    library.migrate(database, folder, to="001")
    printed = sqlrail(
        *shlex.split(words), "--json", "--migrations", "m", env={"DATABASE_URL": database}
    ).document
    assert _without_times(function(database)) == _without_times(printed)


def test_what_is_cleaned_and_what_is_taken_back(database: str, folder: Path) -> None:
    library.migrate(database, folder, to="001")
    (relation,) = library.cleanup(database, folder, ["child.parent_id -> parent.id delete"])["relations"]
    assert (relation["deleted"], relation["archived"]) == (1, 1)
    put({"001_a.rollback.sql": "DROP TABLE child, parent;\n"}, folder)
    with pytest.raises(Refused, match="--yes"):
        library.rollback(database, folder, environment="production")
    done = library.rollback(database, folder, environment="production", yes=True)
    assert ([each["id"] for each in done["rolled_back"]], done["still_applied"]) == (["001_a"], 0)
    with pytest.raises(UsageError, match="is no relation"):
        library.cleanup(database, folder, ["nonsense"])


def test_it_waits_until_the_database_answers(database: str) -> None:
    assert library.wait(database, 5)["environment"] is None
    heard = list[events.Event]()
    with pytest.raises(ConnectionFailed, match=r"gave up after 0\.3 s"):
        library.wait("postgresql://nobody@127.0.0.1:1/nowhere", 0.3, listener=heard.append)
    assert isinstance(heard[0], events.WaitingForServer)
    with pytest.raises(SettingsError, match="wait"):
        library.wait(database, -1)
