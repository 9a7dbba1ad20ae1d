"""A file that meets somebody's lock gives way, is tried again as a whole, and lands once the lock is gone."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aftermath import attempt, read, reported, start_runner, write
from conftest import FAST, Connect, fresh_database, next_said, query
from console import Sqlrail
from console import sqlrail as sqlrail
from hypothesis import given
from hypothesis import strategies as st
from listeners import Heard
from servers import own_server
from test_pooler import pooled as pooled
from waiting import PATIENCE, wait_for, watching

from sqlrail.errors import MigrationFailed
from sqlrail.ground.events import Applied, Begun, Event, HistoryRead, Progress, ProgressEnded
from sqlrail.ground.settings import Settings
from sqlrail.postgres import giving_way
from sqlrail.postgres.giving_way import shortened
from sqlrail.server import local
from sqlrail.verbs.apply import Migrated, migrate

FIRST = "CREATE TABLE first (id int);\nALTER TABLE busy ADD COLUMN added int;\n"


class Releasing(Heard):
    """Lets go of the lock in the way as soon as somebody is said to have given way; remembers that only."""

    def __init__(self, keeper: psycopg.Connection[object]) -> None:
        super().__init__()
        self.keeper = keeper

    def say(self, text: str) -> None:
        if "gave way" in text:
            super().say(text)
            self.keeper.rollback()


class Naming(Releasing):
    """The same once it was named; a look may come too late on a slow machine."""

    def say(self, text: str) -> None:
        if "in the way was" in text:
            super().say(text)


Run = Callable[..., Migrated]


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    query(database, "CREATE TABLE busy (id int)")
    (tmp_path / "001_first.sql").write_text(FIRST)
    (tmp_path / "002_second.sql").write_text("CREATE TABLE second (id int);\n")
    return Settings(database_url=database, environment="test", migrations=tmp_path, lock_timeout=0.2)


def test_a_file_lands_once_the_lock_in_its_way_is_gone(
    database: str, settings: Settings, connect: Connect
) -> None:
    keeper = connect(database, autocommit=False)
    keeper.execute("LOCK TABLE busy IN ACCESS SHARE MODE")
    listener = Releasing(keeper)
    assert [done.id for done in migrate(settings, listener).applied] == ["001_first", "002_second"]
    assert listener.said[0].startswith("001_first gave way: canceling statement due to lock timeout.")


def test_a_file_whose_closing_gave_way_is_run_again_and_in_its_order(
    database: str, settings: Settings, connect: Connect
) -> None:
    _apply_one_before(settings, Releasing(connect(database)))
    (settings.migrations / "003_third.sql").write_text("CREATE TABLE third (id int);\n")
    keeper = connect(database, autocommit=False)
    keeper.execute("LOCK TABLE _yoyo_log IN SHARE MODE")
    listener = Releasing(keeper)
    assert [done.id for done in migrate(settings, listener).applied] == [
        "001_first",
        "002_second",
        "003_third",
    ]
    assert listener.said[0].startswith("001_first gave way: canceling statement due to lock timeout.")
    rows = query(
        database, "SELECT migration_id FROM _yoyo_log WHERE operation = 'apply' ORDER BY created_at_utc"
    )
    assert rows == [("000_before",), ("001_first",), ("002_second",), ("003_third",)]


def test_a_file_that_gives_way_is_tried_again_though_nobody_reads_what_is_said(
    server: local.Server, database: str, settings: Settings, connect: Connect
) -> None:
    keeper = connect(database, autocommit=False)
    keeper.execute("LOCK TABLE busy IN ACCESS SHARE MODE")
    with watching(server, database) as watch:
        runner = start_runner(
            database, "migrate", "--lock-timeout", "200ms", "--migrations", settings.migrations
        )
        assert runner.stdout
        assert runner.stderr
        runner.stderr.close()
        watch.wait_until_there("wait_event_type = 'Lock'")
        wait_for(lambda: watch.backends("state = 'idle'") or runner.poll() is not None, "it has given way")
        keeper.rollback()
        with runner.stdout:
            out = runner.stdout.read()
        assert (runner.wait(PATIENCE), reported(out)) == (0, ["001_first", "002_second"])
    assert query(database, "SELECT count(added) FROM busy") == [(0,)]


def _apply_one_before(settings: Settings, listener: Releasing) -> None:
    (settings.migrations / "000_before.sql").write_text("SELECT 1;\n")
    migrate(settings, listener, to="000_before")


@pytest.mark.parametrize("lock", ["busy IN ACCESS SHARE MODE", "_yoyo_log IN SHARE MODE"])
def test_a_file_that_meets_a_lock_for_too_long_fails_and_leaves_nothing(
    database: str, settings: Settings, connect: Connect, lock: str
) -> None:
    _apply_one_before(settings, Releasing(connect(database)))
    keeper = connect(database, autocommit=False)
    keeper.execute(f"LOCK TABLE {lock}".encode())
    with pytest.raises(MigrationFailed, match=r"001_first\.sql:2:\d+: .*lock timeout"):
        migrate(replace(settings, retry_for=0.0), Releasing(connect(database)))
    keeper.rollback()
    assert query(database, "SELECT to_regclass('first'), to_regclass('second')") == [(None, None)]
    assert query(database, "SELECT count(*) FROM yoyo_lock") == [(0,)]


def test_an_error_that_no_second_try_mends_is_not_tried_again(
    database: str, settings: Settings, connect: Connect
) -> None:
    (settings.migrations / "001_first.sql").write_text("SELECT 1 / 0;\n")
    listener = Releasing(connect(database))
    with pytest.raises(MigrationFailed, match="division by zero"):
        migrate(settings, listener)
    assert listener.said == []


# Who is in the way


@pytest.fixture
def role(database: str, connect: Connect) -> Iterator[str]:
    """The database for a role that owns the table, and may not see what others do."""
    administrator = connect(database)
    administrator.execute(
        "CREATE ROLE onlooker LOGIN; ALTER TABLE busy OWNER TO onlooker; GRANT ALL ON SCHEMA public TO onlooker"
    )
    yield database.replace("postgres@", "onlooker@")
    administrator.execute(
        "REASSIGN OWNED BY onlooker TO postgres; DROP OWNED BY onlooker; DROP ROLE onlooker"
    )


@pytest.fixture
def keeper(any_database: str, connect: Connect, tmp_path: Path) -> psycopg.Connection[Any]:
    """A connection that has read the table, on each major."""
    query(any_database, "CREATE TABLE busy (id int, note text)")
    write(tmp_path / "files", **{"001_first": FIRST})
    keeper = connect(any_database, autocommit=False, application_name="a report")
    keeper.execute("SELECT id, 'hunter2', 4711 FROM busy -- hunter2")
    return keeper


def test_whoever_is_in_the_way_is_named_and_what_he_holds_but_no_literal(
    any_database: str, keeper: psycopg.Connection[Any], tmp_path: Path
) -> None:
    listener = Naming(keeper)
    settings = Settings(database_url=any_database, migrations=tmp_path / "files", lock_timeout=0.3)
    assert [done.id for done in migrate(settings, listener).applied] == ["001_first"]
    assert re.fullmatch(
        r"001_first gave way: canceling statement due to lock timeout\. It waited for ACCESS EXCLUSIVE on "
        rf"public\.busy, and in the way was backend {keeper.info.backend_pid} \(a report, user {keeper.info.user}, "
        r"idle in transaction, its transaction begun \d+ s ago, last query: SELECT id, \?, \? FROM busy\), which holds "
        r"ACCESS SHARE\. It is tried again in \d\.\d s\.",
        listener.said[0],
    )


def test_when_it_gives_up_people_and_scripts_are_told_who_was_in_the_way_and_nothing_was_changed(
    database: str, settings: Settings, connect: Connect, sqlrail: Sqlrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(giving_way, "BACKOFF", (0.01, 0.02))
    keeper = connect(database, autocommit=False)
    keeper.execute("INSERT INTO busy VALUES (4711)")
    arguments = ["--migrations", str(settings.migrations), "--lock-timeout", "700ms", "--retry-for", "2s"]
    done = sqlrail("migrate", "--json", *arguments, env={"DATABASE_URL": database})
    assert (done.code, done.error["sqlstate"]) == (1, "55P03")
    (blocker,) = done.error["blockers"]
    assert (blocker["pid"], blocker["user"], blocker["state"], blocker["query"], blocker["holds"]) == (
        keeper.info.backend_pid, keeper.info.user,
        "idle in transaction", "INSERT INTO busy VALUES (?)", ["ROW EXCLUSIVE"],
    )  # fmt: skip
    assert blocker["waited_for"] == "ACCESS EXCLUSIVE on public.busy"
    assert blocker["transaction_seconds"] < PATIENCE
    assert "4711" not in done.out.replace(str(blocker["pid"]), "")
    assert re.search(
        r"It was tried [2-9] times \(--retry-for\)\. Run again when that has ended, or end it: SELECT "
        rf"pg_terminate_backend\({blocker['pid']}\)\.",
        done.error["message"],
    )
    assert query(database, "SELECT to_regclass('first')") == [(None,)]
    assert query(database, "SELECT count(*) FROM _yoyo_migration") == [(0,)]
    keeper.rollback()


def test_a_role_that_may_not_see_more_names_the_backend_and_the_right_that_it_lacks(
    database: str, settings: Settings, connect: Connect, role: str
) -> None:
    keeper = connect(database, autocommit=False)
    keeper.execute("SELECT 'hunter2' FROM busy")
    listener = Naming(keeper)
    assert migrate(replace(settings, database_url=role), listener).applied
    assert (
        f"in the way was backend {keeper.info.backend_pid} (user {keeper.info.user}, more is for roles with "
        "pg_read_all_stats), which holds ACCESS SHARE."
    ) in listener.said[0]


def test_where_there_is_no_second_connection_it_says_so_and_lands_nevertheless(
    database: str, settings: Settings, connect: Connect, role: str
) -> None:
    keeper = connect(database, autocommit=False)
    keeper.execute("ALTER ROLE onlooker CONNECTION LIMIT 1")
    keeper.commit()
    keeper.execute("LOCK TABLE busy IN ACCESS SHARE MODE")
    listener = Releasing(keeper)
    assert migrate(replace(settings, database_url=role), listener).applied
    assert "Who was in the way is not known: there was no second connection to look from." in listener.said[0]


def test_behind_a_pooler_whoever_is_in_the_way_is_named_too(
    pooled: str, database: str, settings: Settings, connect: Connect
) -> None:
    keeper = connect(database, autocommit=False)
    keeper.execute("LOCK TABLE busy IN ACCESS SHARE MODE")
    listener = Naming(keeper)
    done = migrate(replace(settings, database_url=pooled, lock_timeout=0.5), listener)
    assert [each.id for each in done.applied] == ["001_first", "002_second"]
    assert f"in the way was backend {keeper.info.backend_pid} (" in listener.said[0]


def test_a_prepared_transaction_in_the_way_is_named_with_what_ends_it(tmp_path: Path) -> None:
    options = {**FAST, "max_prepared_transactions": "2"}
    with own_server(options) as server, fresh_database(server) as url:
        query(url, "CREATE TABLE busy (id int)")
        query(url, "BEGIN; INSERT INTO busy VALUES (1); PREPARE TRANSACTION 'nobody''s'")
        files = write(tmp_path / "files", **{"001_first": FIRST})
        error = attempt(url, Heard(), files, lock_timeout=1.0, retry_for=0.0)
        query(url, "ROLLBACK PREPARED 'nobody''s'")
    assert re.search(r"in the way was the prepared transaction 'nobody's', begun \d+ s ago\.", str(error))
    assert str(error).endswith("or end it: ROLLBACK PREPARED 'nobody''s'.")


def test_a_row_that_somebody_has_written_and_not_committed_is_known_by_its_table(
    database: str, settings: Settings, connect: Connect
) -> None:
    query(database, "INSERT INTO busy VALUES (1)")
    (settings.migrations / "001_first.sql").write_text("UPDATE busy SET id = 2;\n")
    keeper = connect(database, autocommit=False)
    keeper.execute("DELETE FROM busy")
    listener = Naming(keeper)
    migrate(settings, listener)
    assert (
        "It waited for the end of a transaction that wrote a row of public.busy, and in the way was backend "
        f"{keeper.info.backend_pid} ("
    ) in listener.said[0]
    assert "holds" not in listener.said[0]


def test_a_cleanup_that_gives_way_says_for_whom(database: str, connect: Connect, sqlrail: Sqlrail) -> None:
    query(database, "CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1)")
    query(database, "CREATE TABLE orders (user_id int); INSERT INTO orders VALUES (2)")
    keeper = connect(database, autocommit=False)
    keeper.execute("INSERT INTO orders VALUES (1)")
    arguments = ["--relation", "orders.user_id -> users.id", "--lock-timeout", "700ms"]
    Path("migrations").mkdir()
    Path("migrations/001_a.sql").write_text("SELECT 1;\n")
    done = sqlrail("cleanup", "--json", *arguments, env={"DATABASE_URL": database})
    assert (done.code, done.error["kind"]) == (1, "database_failed")
    assert [blocker["pid"] for blocker in done.error["blockers"]] == [keeper.info.backend_pid]
    assert "which holds ROW EXCLUSIVE" in done.error["message"]
    keeper.rollback()
    assert query(database, "SELECT count(*) FROM orders") == [(1,)]


def test_a_run_that_nobody_disturbs_has_one_connection_and_no_thread(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, connect: Connect, database: str
) -> None:
    started: list[object] = []
    monkeypatch.setattr("sqlrail.postgres.giving_way.threading.Thread", lambda **how: started.append(how))
    patient = replace(settings, lock_timeout=60.0)  # on a slow machine too no statement is late
    assert len(migrate(patient, Releasing(connect(database))).applied) == 2
    assert started == []


# What is shown of others' queries


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("SELECT 'a''b', E'a\\nb', U&'x', $$c$$, $q$d$e$q$ FROM t1", "SELECT ?, ?, ?, ?, ? FROM t1"),
        ("select 1, -2.5e3, .5, a1, $1 -- five", "select ?, -?, ?, a1, $1"),
        ("UPDATE t /* a /* b */ c */ SET\n  a = 'x'", "UPDATE t SET a = ?"),
        ("SELECT 'it ends nowhere", "SELECT ?"),
        ("SELECT $x$it ends nowhere$x", "SELECT ?"),
        ("SELECT /* it ends nowhere", "SELECT"),
        ("SELECT 'c:\\', 'who knows what ends here'", "SELECT ?"),
        ("SELECT 'c:\\\\', 5", "SELECT ?, ?"),
        ('SELECT "a""b", "odd \'name" FROM a$b$c', 'SELECT "a""b", "odd \'name" FROM a$b$c'),
        ("SET LOCAL my.password TO hunter2", "SET LOCAL my.password TO ?"),
        ("SET a = hunter2; SELECT 1", "SET a = ?"),
        ("SELECT \x1b[2J\x07a", "SELECT \\x1b[?\\x07a"),
        (f"SELECT {'a' * 200}", f"SELECT {'a' * 92}…"),
    ],
    ids=["strings", "numbers", "comments", "string cut", "dollars cut", "comment cut", "backslash", "backslashes",
         "names", "set", "set and more", "escapes", "long"],
)  # fmt: skip
def test_a_query_is_shown_without_its_literals(query: str, shown: str) -> None:
    assert shortened(query) == shown


HIDING = [
    "'{}'", "E'{}'", "e'a\\'{}'", "'a''{}'", "'a\\\\{}'", "$${}$$", "$a${}$a$", "-- {}\n", "/* {} */", "/* /* */ {} */",
    "'{}\n'", "U&'{}'", "N'{}'",
]  # fmt: skip
PLAIN = [
    " ",
    "SELECT",
    "a.b",
    '"q"',
    "(",
    ")",
    ",",
    "=",
    "$1",
    "1",
    "-",
    "/",
    "x$y",
    "::",
    "\n",
    ";",
    "e",
    "u&",
    '"',
]


@given(
    st.lists(st.one_of(st.sampled_from(PLAIN), st.sampled_from([f" {it} " for it in HIDING])), max_size=12),
    st.integers(0, 120),
)
def test_no_piece_of_a_literal_or_comment_is_shown_wherever_a_query_is_cut(
    parts: list[str], end: int
) -> None:
    whole, quotes = "", 0
    for part in parts:
        if quotes % 2 and part != '"':  # within a name: what looks like a literal is none
            continue
        if part == "-" and whole.endswith("-"):  # a comment, which would swallow the beginning of a literal
            continue
        quotes += part == '"'
        whole += part.format("hunter2")
    assert "hun" not in shortened(whole[:end])


# What is tried again besides


def test_a_deadlock_is_tried_again_and_the_other_is_named(
    database: str, settings: Settings, connect: Connect
) -> None:
    query(database, "CREATE TABLE other (id int)")
    (settings.migrations / "001_first.sql").write_text("LOCK TABLE busy;\nLOCK TABLE other;\n")
    keeper = connect(database, autocommit=False)
    keeper.execute("SET deadlock_timeout = '1h'")  # it is ours that looks
    keeper.execute("LOCK TABLE other")
    listener = Heard()
    with ThreadPoolExecutor(1) as threads:
        ended = threads.submit(migrate, replace(settings, lock_timeout=20.0), listener)
        wait_for(lambda: query(database, "SELECT pid FROM pg_locks WHERE NOT granted"), "the runner waits")
        keeper.execute("LOCK TABLE busy")
        keeper.rollback()
        assert len(ended.result().applied) == 2
    assert listener.said[0].startswith("001_first gave way: deadlock detected. Process ")
    assert f"blocked by process {keeper.info.backend_pid}." in listener.said[0]


def test_a_serialization_failure_is_tried_again(
    database: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(giving_way, "BACKOFF", (0.01, 0.02))
    query(database, "CREATE SEQUENCE tries")
    (settings.migrations / "001_first.sql").write_text(
        "DO $$ BEGIN IF nextval('tries') < 4 THEN RAISE SQLSTATE '40001'; END IF; END $$;\n"
    )
    listener = Heard()
    assert len(migrate(settings, listener).applied) == 2
    assert [said.split(":")[0] for said in listener.said] == ["001_first gave way"] * 3


def test_no_try_is_begun_that_would_take_longer_than_the_time_left(
    database: str, settings: Settings, connect: Connect
) -> None:
    keeper = connect(database, autocommit=False)
    keeper.execute("LOCK TABLE busy")
    (settings.migrations / "001_first.sql").write_text("SELECT pg_sleep(1);\nALTER TABLE busy ADD a int;\n")
    began = time.monotonic()
    error = attempt(database, heard := Heard(), settings.migrations, lock_timeout=0.1, retry_for=2.5)
    # The first has taken 1.1 s and the pause is 0.5 s at the least: it would end after more than the 2.5 s.
    assert time.monotonic() - began < 2.5
    assert isinstance(error, MigrationFailed)
    assert not any("gave way" in said for said in heard.said)
    keeper.rollback()


def test_a_lock_timeout_that_autovacuum_never_gives_way_to_is_warned_of_once(
    database: str, settings: Settings, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(giving_way, "BACKOFF", (0.01, 0.02))
    keeper = connect(database, autocommit=False)
    keeper.execute("LOCK TABLE busy")
    attempt(database, heard := Heard(), settings.migrations, lock_timeout=0.1, retry_for=1.0)
    warnings = [said for said in heard.said if said.startswith("warning")]
    assert len(heard.said) > len(warnings) + 1
    assert len(warnings) == 1
    assert "a lock_timeout of 0.1 s is not above the server's deadlock_timeout of 1 s" in warnings[0]
    query(database, f"ALTER DATABASE {keeper.info.dbname} SET deadlock_timeout = '50ms'")
    attempt(database, heard := Heard(), settings.migrations, lock_timeout=0.1, retry_for=0.0)
    assert heard.said == []
    keeper.rollback()


# Readers and writers meanwhile


class Traffic:
    """Sessions that read and write a table as fast as they can, each with the longest that it waited, in seconds."""

    def __init__(self, url: str) -> None:
        self.url, self.over = url, threading.Event()
        self.longest: dict[str, float] = {}
        self.counts: dict[str, int] = {}

    def run(self, name: str, statement: str) -> None:
        self.longest[name], self.counts[name] = 0.0, 0
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self.over.is_set():
                began = time.monotonic()
                connection.execute(statement.encode())
                self.longest[name] = max(self.longest[name], time.monotonic() - began)
                self.counts[name] += 1
                time.sleep(0.002)  # sleep: the load is one statement after the other, with a pause


@pytest.mark.promise
def test_a_long_query_in_the_way_of_an_alter_holds_up_nobody_and_the_alter_lands_once_it_has_ended(
    database: str, settings: Settings, connect: Connect
) -> None:
    query(database, "INSERT INTO busy SELECT generate_series(1, 100)")
    reporter = connect(database, application_name="the long report")
    traffic, listener = Traffic(database), Heard()
    statements = {
        "reader": "SELECT count(*) FROM busy",
        "other reader": "SELECT max(id) FROM busy",
        "writer": "UPDATE busy SET id = id WHERE id = 1",
        "other writer": "INSERT INTO busy VALUES (0)",
    }

    def report() -> None:
        with pytest.raises(psycopg.errors.QueryCanceled):
            reporter.execute("SELECT count(*), pg_sleep(60), 'hunter2' FROM busy")

    with ThreadPoolExecutor(len(statements) + 2) as threads:
        running = [threads.submit(traffic.run, *each) for each in statements.items()]
        reporting = threads.submit(report)
        wait_for(
            lambda: query(database, "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'"),
            "it runs",
        )
        migrated = threads.submit(migrate, replace(settings, lock_timeout=0.5), listener)
        wait_for(lambda: len(listener.said) > 2, "it has given way twice, and warned once")
        before = dict(traffic.counts)
        reporter.cancel_safe()
        reporting.result()
        assert [done.id for done in migrated.result().applied] == ["001_first", "002_second"]
        wait_for(lambda: all(traffic.counts[name] > before[name] for name in before), "all go on")
        traffic.over.set()
        for each in running:
            each.result()
    assert {name: wait for name, wait in traffic.longest.items() if wait > 0.5 + 1} == {}
    named = (
        rf"in the way was backend {reporter.info.backend_pid} \(the long report, user {reporter.info.user}, active, "
        r"its transaction begun \d+ s ago, its query: SELECT count\(\*\), pg_sleep\(\?\), \? FROM busy\), which holds "
        r"ACCESS SHARE"
    )
    assert any(re.search(named, said) for said in listener.said)
    assert query(database, "SELECT count(*) FROM busy WHERE id = 0") == [(traffic.counts["other writer"],)]


# What waits as long as it takes


WAITING = "-- transactional: false\nCREATE INDEX CONCURRENTLY i ON busy (id);\n"


def test_an_index_built_concurrently_tells_whom_it_waits_for_and_how_far_it_is(
    any_database: str, keeper: psycopg.Connection[Any], tmp_path: Path
) -> None:
    keeper.execute("INSERT INTO busy VALUES (4711)")
    files = write(tmp_path / "files", **{"001_first": WAITING})
    shown: list[Event] = []

    def hear(event: Event) -> None:
        if not isinstance(event, HistoryRead):
            shown.append(event)
        if isinstance(event, Progress):
            keeper.rollback()

    settings = Settings(database_url=any_database, migrations=files)
    assert len(migrate(settings, hear).applied) == 1
    assert shown[:1] == [Begun("001_first")]
    del shown[0]
    assert isinstance(shown[0], Progress)
    assert (shown[0].name, shown[0].done, shown[0].total) == ("001_first", 0, 1)
    assert re.fullmatch(
        r"CREATE INDEX CONCURRENTLY on public\.busy: waiting for writers before build, 0 of 1, waiting for the end of "
        rf"a transaction: backend {keeper.info.backend_pid} \(a report, user {keeper.info.user}, "
        r"idle in transaction, its transaction begun \d+ s ago, last query: INSERT INTO busy VALUES \(\?\)\)",
        shown[0].text,
    )
    assert [*map(type, shown[-2:])] == [ProgressEnded, Applied]
    assert read(any_database).records == ["001_first"]


def test_without_a_terminal_the_wait_of_an_index_is_a_line(
    database: str, settings: Settings, connect: Connect
) -> None:
    (settings.migrations / "001_first.sql").write_text(WAITING)
    keeper = connect(database, autocommit=False)
    keeper.execute("INSERT INTO busy VALUES (1)")
    runner = start_runner(database, "migrate", "--migrations", settings.migrations)
    assert runner.stderr
    said = next_said(runner)
    assert said.startswith(
        "001_first: CREATE INDEX CONCURRENTLY on public.busy: waiting for writers before build, 0 of 1"
    )
    keeper.rollback()
    out, _ = runner.communicate(timeout=PATIENCE)
    assert (runner.returncode, reported(out)) == (0, ["001_first", "002_second"])


# Limits of the role or the database


LIMITS = {
    "statement_timeout": "300ms",
    "idle_in_transaction_session_timeout": "250ms",
    "idle_session_timeout": "260ms",
    "transaction_timeout": "350ms",
}


def test_the_limits_of_a_role_and_a_database_neither_end_a_run_nor_are_changed(
    any_database: str, connect: Connect, tmp_path: Path
) -> None:
    administrator = connect(any_database)
    targets = itertools.cycle(["ROLE postgres", f"DATABASE {administrator.info.dbname}"])
    limits = {
        (name, next(targets)): limit
        for name, limit in LIMITS.items()
        if name != "transaction_timeout" or administrator.info.server_version >= 170000
    }
    query(any_database, "CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1)")
    query(any_database, "CREATE TABLE orders (user_id int); INSERT INTO orders VALUES (2)")
    query(
        any_database,
        """CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
                           $$ BEGIN PERFORM pg_sleep(0.4); RETURN OLD; END $$""",
    )
    query(any_database, "CREATE TRIGGER slow BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION slow()")
    files = write(tmp_path / "files", **{
        "001_slow": "SELECT pg_sleep(0.4);\n",
        "002_gives_way": "CREATE TABLE made ();\nALTER TABLE users ADD COLUMN a int;\n",
        "003_cleans": "-- cleanup: orders.user_id -> users.id\nSELECT 1;\n",
        "004_outside": "-- transactional: false\nSELECT pg_sleep(0.4);\n"
                       "CREATE INDEX CONCURRENTLY i ON orders (user_id);\n"
                       "BEGIN;\nSELECT pg_sleep(0.4);\nCOMMIT;\nALTER TABLE aside ADD COLUMN a int;\n",
    })  # fmt: skip
    query(any_database, "CREATE TABLE aside ()")
    keepers = {table: connect(any_database, autocommit=False) for table in ("users", "aside")}
    said: list[str] = []

    class Releasing(Heard):
        def say(self, text: str) -> None:
            said.append(text)
            keepers["aside" if text.startswith("004") else "users"].rollback()

    try:
        for (name, target), limit in limits.items():
            administrator.execute(f"ALTER {target} SET {name} = '{limit}'".encode())
        for table, keeper in keepers.items():  # they are from before, and have no limits
            keeper.execute(f"LOCK TABLE {table} IN ACCESS SHARE MODE".encode())
        settings = Settings(
            database_url=any_database, migrations=files, lock_timeout=0.3, allow_triggers=("slow",)
        )
        assert len(migrate(settings, Releasing()).applied) == 4
        assert [line.split(":")[0] for line in said] == [
            "002_gives_way gave way",
            "warning",
            "004_outside gave way",
        ]
        with psycopg.connect(any_database) as connection:
            for (name, _), limit in limits.items():
                assert connection.execute(f"SHOW {name}".encode()).fetchall() == [(limit,)]
    finally:
        for name, target in limits:
            administrator.execute(f"ALTER {target} RESET {name}".encode())
    assert query(any_database, "SELECT count(*) FROM orders") == [(0,)]
    assert query(any_database, "SELECT count(*) FROM sqlrail.archive") == [(1,)]
