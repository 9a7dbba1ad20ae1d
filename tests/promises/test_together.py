"""Many runners at once, runners beside plain yoyo, and runners beside other people's work."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from aftermath import read, reported, start_runner, write
from conftest import Connect, clean_environment, next_said, query, run
from listeners import Heard
from waiting import PATIENCE, wait_for, watching

from sqlrail.engine.backend import Backend
from sqlrail.engine.store import KEY
from sqlrail.errors import Busy
from sqlrail.ground.settings import Settings
from sqlrail.server import local

pytestmark = pytest.mark.promise

FEW = {
    f"{number:03}_t{number}": (f"-- depends: {number - 1:03}_t{number - 1}\n" if number > 1 else "")
    + f"CREATE TABLE t{number} (id int PRIMARY KEY);\n"
    for number in range(1, 6)
}


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Five files, each with its way back. One that ran twice would fail."""
    back = {f"{id_}.rollback": f"DROP TABLE {id_[4:]};\n" for id_ in FEW}
    return write(tmp_path / "few", **FEW, **back)


def plain_yoyo(url: str, verb: str, files: Path, *flags: str) -> subprocess.Popen[str]:
    uri = re.sub(r"^postgresql://", "postgresql+psycopg://", url)
    options = [*flags, "--batch", "--no-config-file", "--database", uri]
    return subprocess.Popen(
        [sys.executable, "-m", "yoyo", verb, *options, *([] if verb == "break-lock" else [files])],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**clean_environment(), "USER": "yoyo"},
    )


def finish(*processes: subprocess.Popen[str]) -> list[tuple[int, str, str]]:
    return [
        (each.returncode, *output) for each in processes if (output := each.communicate(timeout=2 * PATIENCE))
    ]


def yoyo(url: str, verb: str, files: Path, *flags: str) -> str:
    code, out, talk = finish(plain_yoyo(url, verb, files, *flags))[0]
    assert code == 0, talk
    return out


def check_each_file_ran_once(url: str) -> None:
    state = read(url)
    assert sorted(state.records) == [*FEW]
    assert state.applies == dict.fromkeys(FEW, 1)
    assert set(state.rows) == {id_[4:] for id_ in FEW}
    assert state.lock_rows == 0


def test_of_20_runners_at_once_each_file_is_run_by_one(database: str, few: Path) -> None:
    done = finish(*(start_runner(database, "migrate", "--migrations", few) for _ in range(20)))
    assert [(code, talk) for code, _, talk in done if code] == []
    assert Counter(id_ for _, out, _ in done for id_ in reported(out)) == dict.fromkeys(FEW, 1)
    check_each_file_ran_once(database)


@pytest.fixture
def held(
    server: local.Server, database: str, tmp_path: Path, connect: Connect
) -> Iterator[subprocess.Popen[str]]:
    """A runner in the middle of its file, until the test ends."""
    query(database, "CREATE TABLE gate (id int)")
    keeper = connect(database, autocommit=False)
    keeper.execute("LOCK TABLE gate")
    files = write(
        tmp_path / "held",
        **{"001_held": "-- lock-timeout: 2min\nCREATE TABLE made (id int);\nLOCK TABLE gate;\n"},
    )
    with watching(server, database) as watch:
        runner = start_runner(database, "migrate", "--migrations", files)
        watch.wait_until_there("wait_event_type = 'Lock'")
        yield runner
        assert runner.poll() is None
        keeper.rollback()
        code, out, talk = finish(runner)[0]
        assert (code, reported(out)) == (0, ["001_held"]), talk


def build_index_concurrently(url: str, connect: Connect) -> None:
    query(url, "CREATE TABLE theirs (id int)")
    connection = connect(url)
    connection.execute("SET statement_timeout = '30s'")
    connection.execute("CREATE INDEX CONCURRENTLY theirs_idx ON theirs (id)")
    assert query(url, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'theirs_idx'::regclass") == [
        (True,)
    ]


def test_runners_that_wait_for_the_lock_do_not_hang_an_index_built_concurrently(
    database: str, few: Path, connect: Connect
) -> None:
    # In a session, so that the holder itself is in no transaction.
    connect(database).execute("SELECT pg_advisory_lock(%s)", [KEY])
    waiting = [start_runner(database, "migrate", "--migrations", few) for _ in range(3)]
    for each in waiting:
        assert each.stderr is not None
        assert next_said(each).startswith("waiting for")
    build_index_concurrently(database, connect)
    for each in waiting:
        assert each.poll() is None
        each.kill()
    finish(*waiting)
    assert read(database).records == []


def test_a_runner_that_waits_for_a_table_hangs_an_index_built_concurrently_for_its_lock_timeout_only(
    server: local.Server, database: str, tmp_path: Path, connect: Connect
) -> None:
    query(database, "CREATE TABLE gate (id int)")
    keeper = connect(database, autocommit=False)
    keeper.execute("LOCK TABLE gate")
    files = write(tmp_path / "files", **{"001_held": "CREATE TABLE made (id int);\nLOCK TABLE gate;\n"})
    with watching(server, database) as watch:
        runner = start_runner(database, "migrate", "--migrations", files)
        watch.wait_until_there("wait_event_type = 'Lock'")
        build_index_concurrently(database, connect)
        assert runner.poll() is None
    keeper.rollback()
    code, out, talk = finish(runner)[0]
    assert (code, reported(out)) == (0, ["001_held"])
    assert "001_held gave way" in talk


def test_a_runner_gives_up_after_the_lock_wait_and_names_the_other(
    held: subprocess.Popen[str], database: str, tmp_path: Path
) -> None:
    ((pid,),) = query(
        database,
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
    late = run(
        "migrate", "--lock-wait", "1s", "--migrations", tmp_path / "held", env={"DATABASE_URL": database}
    )
    assert (late.returncode, late.stdout) == (1, "")
    assert f"backend {pid}" in late.stderr
    assert f":{held.pid} " in late.stderr
    assert "gave up after 1 s (--lock-wait)" in late.stderr
    assert query(database, "SELECT migration_id FROM _yoyo_migration") == []


@pytest.mark.usefixtures("held")
def test_plain_yoyo_waits_for_a_runner_in_its_file(database: str, tmp_path: Path) -> None:
    other = plain_yoyo(database, "apply", tmp_path / "held")
    wait_for(
        lambda: query(
            database,
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            " AND query LIKE '%INSERT INTO \"yoyo_lock\"%'",
        ),
        "yoyo waits",
    )
    assert other.poll() is None
    assert query(database, "SELECT migration_id FROM _yoyo_migration") == []
    other.kill()
    finish(other)


@pytest.mark.parametrize("_round", range(4))
def test_runners_and_plain_yoyo_at_once_run_each_file_once(database: str, few: Path, _round: int) -> None:
    # Two plain yoyos that make their tables at the same time fail, with or without us: they exist beforehand.
    yoyo(database, "apply", few, "-r", "001_t1")
    ours, theirs = [], []
    for _ in range(3):
        ours.append(start_runner(database, "migrate", "--migrations", few))
        theirs.append(plain_yoyo(database, "apply", few))
    assert [talk for code, _, talk in finish(*ours) if code] == []
    for code, _, talk in finish(*theirs):
        # Its lock is a row, and it waits ten seconds for it.
        assert code == 0 or "LockTimeout" in talk, talk
    check_each_file_ran_once(database)


@pytest.mark.parametrize(
    "defaults",
    [
        {"default_transaction_isolation": "repeatable read"},
        {"default_transaction_isolation": "serializable", "default_transaction_read_only": "on"},
        {"default_transaction_deferrable": "on", "lock_timeout": "1ms"},
    ],
    ids=["repeatable read", "serializable and read-only", "hasty"],
)
def test_a_role_may_have_defaults_of_its_own(
    database: str, few: Path, connect: Connect, defaults: dict[str, str]
) -> None:
    administrator = connect(database)
    administrator.execute("CREATE ROLE peculiar LOGIN")
    try:
        name = administrator.info.dbname
        administrator.execute(f"ALTER DATABASE {name} OWNER TO peculiar".encode())
        for setting, value in defaults.items():
            administrator.execute(f"ALTER ROLE peculiar SET {setting} = '{value}'".encode())
        url = database.replace("postgres@", "peculiar@")
        done = finish(*(start_runner(url, "migrate", "--migrations", few) for _ in range(4)))
        assert [(code, talk) for code, _, talk in done if code] == []
        check_each_file_ran_once(database)
        # At any other level the look behind the lock would see what was there before the lock.
        write(
            few,
            **{
                "006_told": "CREATE TABLE told AS SELECT current_setting('transaction_isolation') AS level;\n"
            },
        )
        finish(start_runner(url, "migrate", "--migrations", few))
        assert query(database, "SELECT level FROM told") == [("read committed",)]
    finally:
        administrator.execute(f"ALTER DATABASE {name} OWNER TO postgres".encode())
        administrator.execute("REASSIGN OWNED BY peculiar TO postgres")
        administrator.execute("DROP OWNED BY peculiar")
        administrator.execute("DROP ROLE peculiar")


def test_a_database_that_plain_yoyo_started_goes_on_with_us_and_back(database: str, few: Path) -> None:
    environment = {"DATABASE_URL": database, "APP_ENV": "development"}

    def letters() -> str:
        return "".join(re.findall(r"^([AU]) ", yoyo(database, "list", few), re.MULTILINE))

    yoyo(database, "apply", few, "-r", "002_t2")
    assert letters() == "AAUUU"
    ours = run("migrate", "--migrations", few, env=environment)
    assert (ours.returncode, reported(ours.stdout)) == (0, [*FEW][2:])
    assert letters() == "AAAAA"
    check_each_file_ran_once(database)
    yoyo(database, "rollback", few, "-r", "004_t4")
    assert letters() == "AAAUU"
    assert set(read(database).rows) == {"t1", "t2", "t3"}
    yoyo(database, "apply", few, "-r", "004_t4")
    assert letters() == "AAAAU"
    ours = run("migrate", "--migrations", few, env=environment)
    assert (ours.returncode, reported(ours.stdout)) == (0, ["005_t5"])
    assert run("status", "--check", "--migrations", few, env=environment).returncode == 0
    assert letters() == "AAAAA"
    assert set(read(database).rows) == {id_[4:] for id_ in FEW}


def test_the_lock_row_of_a_dead_yoyo_is_waited_for_and_named_and_its_remedy_works(
    database: str, few: Path
) -> None:
    yoyo(database, "apply", few, "-r", "001_t1")
    query(database, "INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 4242)")
    late = run("migrate", "--lock-wait", "1s", "--migrations", few, env={"DATABASE_URL": database})
    assert late.returncode == 1
    assert "process 4242" in late.stderr
    assert "`yoyo break-lock`" in late.stderr
    assert (read(database).records, read(database).lock_rows) == (["001_t1"], 1)
    yoyo(database, "break-lock", few)
    assert run("migrate", "--migrations", few, env={"DATABASE_URL": database}).returncode == 0
    check_each_file_ran_once(database)


def test_the_lock_row_of_a_dead_runner_of_ours_goes_without_waiting(database: str, few: Path) -> None:
    yoyo(database, "apply", few, "-r", "001_t1")
    query(database, "INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), -4242)")
    done = run("migrate", "--lock-wait", "0", "--migrations", few, env={"DATABASE_URL": database})
    assert (done.returncode, reported(done.stdout)) == (0, [*FEW][1:]), done.stderr
    assert "waiting" not in done.stderr
    check_each_file_ran_once(database)


def test_a_lock_row_with_our_own_backend_s_pid_is_not_taken_for_ours(database: str, few: Path) -> None:
    # As from a yoyo in a container, where processes are numbered anew.
    settings = Settings(database_url=database, migrations=few, lock_wait=0.2)
    with Backend(settings, Heard()) as backend:
        backend.prepare()
        pid = backend.connection.info.backend_pid
        query(database, "INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), %s)", [pid])
        with pytest.raises(Busy, match=f"process {pid}"), backend.locked():
            pytest.fail("two are at work")
    assert query(database, "SELECT locked, pid FROM yoyo_lock") == [(1, pid)]


def test_the_tables_of_the_first_yoyo_are_upgraded_and_their_files_not_run_again(
    database: str, tmp_path: Path
) -> None:
    # That yoyo ran it with its own COMMIT; ours would refuse a file that is still to be run.
    first = "BEGIN;\nCREATE TABLE x (id int);\nCOMMIT;\n"
    files = write(tmp_path / "files", **{"001_x": first, "002_y": "CREATE TABLE y (id int);\n"})
    query(database, "CREATE TABLE _yoyo_migration (id varchar(191) PRIMARY KEY, ctime timestamp)")
    query(database, "INSERT INTO _yoyo_migration VALUES ('001_x', '2014-02-03 04:05:06')")
    query(database, "CREATE TABLE x (id int, theirs text)")
    environment = {"DATABASE_URL": database, "APP_ENV": "development"}
    looked = run("status", "--migrations", files, env=environment)
    assert (looked.returncode, looked.stdout) == (1, "")
    assert "`migrate` upgrades them" in looked.stderr
    assert query(database, "SELECT id FROM _yoyo_migration") == [("001_x",)]
    done = run("migrate", "--migrations", files, env=environment)
    assert (done.returncode, reported(done.stdout)) == (0, ["002_y"]), done.stderr
    assert done.stdout.endswith("done: 1 applied now, 1 before\n")
    state = read(database)
    assert (sorted(state.records), state.lock_rows) == (["001_x", "002_y"], 0)
    assert query(
        database, "SELECT applied_at_utc::text FROM _yoyo_migration WHERE migration_id = '001_x'"
    ) == [("2014-02-03 04:05:06",)]
    assert query(database, "SELECT count(theirs) FROM x") == [(0,)]
    assert run("status", "--check", "--migrations", files, env=environment).returncode == 0


def test_what_a_file_deferred_is_done_under_its_own_settings(database: str, tmp_path: Path) -> None:
    text = """
        CREATE SCHEMA aside;
        SET search_path = aside;
        CREATE TABLE item (id int);
        CREATE TABLE seen (id int);
        CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO seen VALUES (NEW.id); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER see AFTER INSERT ON item DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION see();
        INSERT INTO item VALUES (7);
    """
    done = run(
        "migrate",
        "--migrations",
        write(tmp_path / "files", **{"001_aside": text}),
        env={"DATABASE_URL": database},
    )
    assert (done.returncode, reported(done.stdout)) == (0, ["001_aside"]), done.stderr
    assert query(database, "SELECT id FROM aside.seen") == [(7,)]


@pytest.mark.parametrize("schema", ["a%s", "100%", "%(id)s", "a%%b"])
def test_a_schema_may_have_a_percent_sign_in_its_name(database: str, tmp_path: Path, schema: str) -> None:
    files = write(tmp_path / "files", **{"001_x": "SELECT 1;\n", "002_y": "CREATE TABLE y (id int);\n"})
    for statement in (
        f'CREATE SCHEMA "{schema}"',
        f'CREATE TABLE "{schema}"._yoyo_migration (id varchar(191) PRIMARY KEY, ctime timestamp)',
        f"""INSERT INTO "{schema}"._yoyo_migration VALUES ('001_x', '2014-02-03 04:05:06')""",
        f'ALTER ROLE CURRENT_USER IN DATABASE {database.split("?")[0].rpartition("/")[2]} SET search_path = "{schema}"',
    ):
        query(database, statement)
    done = run("migrate", "--migrations", files, env={"DATABASE_URL": database, "APP_ENV": "development"})
    assert (done.returncode, reported(done.stdout)) == (0, ["002_y"]), done.stderr
    records = f'SELECT migration_id FROM "{schema}"._yoyo_migration ORDER BY 1'
    assert query(database, records) == [("001_x",), ("002_y",)]
