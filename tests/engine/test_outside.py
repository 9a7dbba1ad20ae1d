"""Files outside a transaction: each statement noted as it is done, and the next run continues after the last note."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
import samples
from aftermath import attempt, read, reported, start_runner
from conftest import Connect, needs, next_said, open_folder, query, run
from listeners import Heard
from proxy import Proxy, Sender
from samples import CUTS
from servers import kill_server, own_server
from test_pooler import pooled as pooled
from test_together import plain_yoyo
from waiting import PATIENCE, wait_for, watching

from sqlrail.engine import lost
from sqlrail.engine.steps import Index
from sqlrail.errors import BadFile, Busy, MigrationFailed, Refused, SqlrailError
from sqlrail.server import local

HEAD = "-- transactional: false\n"
#: runners that are killed
KILLS = samples.KILLS // 4
FIRST = "It runs outside a transaction: its first statement is done and stays, and the next run continues after it."
NONE = "It runs outside a transaction; no statement of it is done yet."


def stand(number: int) -> str:
    return (
        f"It runs outside a transaction: its first {number} statements are done and stay, and the next run continues "
        "after them."
    )


class Place:
    """A database and a folder of migrations; the first one is `file`."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder, self.file = url, folder, folder / "001_a.sql"
        self.heard = Heard()
        folder.mkdir(exist_ok=True)

    def write(self, text: str, name: str = "001_a", head: str = HEAD) -> None:
        (self.folder / f"{name}.sql").write_bytes((head + text).encode())

    def run(self, text: str | None = None, **settings: Any) -> SqlrailError | None:
        """Migrates, after writing the file if there is a text; the error that it ended with."""
        if text is not None:
            self.write(text)
        self.heard = Heard()
        return attempt(self.url, self.heard, self.folder, **settings)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        return query(self.url, statement)

    def counts(self) -> dict[int, int]:
        return dict(self.query("SELECT n, count(*)::int FROM log GROUP BY n ORDER BY n"))

    def invalid(self) -> list[str]:
        return [
            name
            for (name,) in self.query(
                "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid ORDER BY 1"
            )
        ]

    def done(self) -> int | None:
        """Statements that are noted; None if nothing is."""
        if not self.query("SELECT to_regclass('sqlrail.progress')")[0][0]:
            return None
        return next((done for (done,) in self.query("SELECT done FROM sqlrail.progress")), None)

    def check_recorded(self, *ids: str) -> None:
        """The files are recorded once, and nothing else is left of their runs."""
        state = read(self.url)
        expected = list(ids or ("001_a",))
        assert state.records == expected
        assert state.applies == dict.fromkeys(expected, 1)
        assert (state.lock_rows, self.done(), self.invalid()) == (0, None, [])
        assert self.query("SELECT DISTINCT left(comment, 7) FROM _yoyo_log WHERE operation = 'apply'") == [
            ("sha256:",)
        ]
        assert self.run() is None
        assert self.heard.applied_ids == []

    def check_not_recorded(self, done: int | None) -> None:
        state = read(self.url)
        assert (state.records, state.lock_rows, self.done()) == ([], 0, done)


@pytest.fixture
def place(database: str, tmp_path: Path) -> Place:
    return Place(database, tmp_path / "files")


@pytest.fixture
def any_place(any_database: str, tmp_path: Path) -> Place:
    return Place(any_database, tmp_path / "files")


@pytest.fixture
def runners() -> Iterator[Executor]:
    """Where a runner runs while the test goes on."""
    with ThreadPoolExecutor() as pool:
        yield pool


def insert(*numbers: int) -> str:
    return "".join(f"INSERT INTO log VALUES ({number});\n" for number in numbers)


LOG = "CREATE TABLE log (n int);\n"
TWICE = "CREATE TABLE t (a int);\nINSERT INTO t VALUES (1), (1);\n"


# What is done


def test_each_statement_commits_on_its_own_and_the_file_is_recorded_once(
    any_place: Place, connect: Connect, runners: Executor
) -> None:
    any_place.query("CREATE TABLE gate (id int)")
    keeper = connect(any_place.url, autocommit=False)
    keeper.execute("LOCK TABLE gate IN ROW EXCLUSIVE MODE")
    any_place.write(f"{LOG}{insert(1, 2)}LOCK TABLE gate;\n{insert(3)}")
    ended = runners.submit(any_place.run)
    wait_for(lambda: any_place.query("SELECT to_regclass('log')")[0][0], "it has begun")
    wait_for(lambda: any_place.counts() == {1: 1, 2: 1}, "others see what is done")
    assert (any_place.done(), read(any_place.url).records, read(any_place.url).lock_rows) == (3, [], 1)
    keeper.rollback()
    assert ended.result() is None
    assert any_place.heard.applied_ids == ["001_a"]
    assert any_place.counts() == {1: 1, 2: 1, 3: 1}
    any_place.check_recorded()


@needs("a superuser, for ALTER SYSTEM")
def test_what_refuses_a_transaction_runs_as_well(any_place: Place) -> None:
    text = """
        CREATE TABLE t (a int);
        CREATE INDEX CONCURRENTLY t_idx ON t (a);
        REINDEX TABLE CONCURRENTLY t;
        VACUUM (ANALYZE) t;
        ALTER SYSTEM SET log_min_messages = 'warning';
        ALTER SYSTEM RESET log_min_messages;
        CREATE DATABASE another_%s;
        DROP DATABASE another_%s;
        CREATE PROCEDURE p() LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2); END $$;
        CALL p();
        DO $$ BEGIN INSERT INTO t VALUES (3); COMMIT; INSERT INTO t VALUES (4); END $$;
        DROP INDEX CONCURRENTLY t_idx;
        ALTER TYPE mood ADD VALUE 'so-so';
        CHECKPOINT;
        DISCARD ALL;
    """.replace("%s", str(time.time_ns()))
    any_place.query("CREATE TYPE mood AS ENUM ('sad', 'happy')")
    assert any_place.run(text) is None
    assert any_place.query("SELECT a FROM t ORDER BY a") == [(1,), (2,), (3,), (4,)]
    any_place.check_recorded()


# What fails

LONG = "-- é\n" + LOG + "".join(f"/* ü */ INSERT INTO log VALUES ({n});\n" for n in range(1, 1200))


def test_a_record_that_cannot_be_committed_says_what_stands(place: Place) -> None:
    assert place.run("CREATE TABLE a ();") is None
    place.query(
        """CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE disk_full; END';
           CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON _yoyo_migration INITIALLY DEFERRED
           FOR EACH ROW EXECUTE FUNCTION fails()"""
    )
    place.write("CREATE TABLE b ();", "002_b")
    failed = place.run()
    assert isinstance(failed, MigrationFailed), failed
    assert str(failed).endswith(
        "002_b.sql:1:1: at commit: disk_full. It runs outside a transaction: its statements are done and stay; "
        "run again to have that recorded."
    )
    assert place.query("SELECT to_regclass('b')::text") == [("b",)]
    place.query("DROP TRIGGER fails ON _yoyo_migration")
    assert place.run() is None
    assert read(place.url).records == ["001_a", "002_b"]


DEFERRED = (
    "CREATE TABLE p (id int PRIMARY KEY);\n"
    "CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED);\n"
)


@pytest.mark.parametrize(
    ("text", "at", "message", "done"),
    [
        ("SELECT 1 / 0;", "2:1", f"division by zero. {NONE}", None),
        ("SELECT 1;\n  SELECT 1 / 0;", "3:3", f"division by zero. {FIRST}", 1),
        (f"{LOG}SELECT 'äöü' ; SELEC 1;", "3:16", f'syntax error at or near "SELEC". {stand(2)}', 2),
        (LONG.replace("(1000)", "(1 / 0)"), "1003:9", f"division by zero. {stand(1000)}", 1000),
        (LONG.replace("(1000)", "(1 / 0.0)").replace("(1001)", "('é', x)"), "1003:9",
         f"division by zero. {stand(1000)}", 1000),
        (LONG.replace("(1000)", "(\n'é', x)"), "1004:6", f'column "x" does not exist. {stand(1000)}', 1000),
        ("SELECT 1;\nDO $$\nBEGIN\n    RAISE 'no';\nEND\n$$;", "5:5", f"no. {FIRST}", 1),
        (f"{DEFERRED}INSERT INTO c VALUES (1);", "4:26", None, 2),
        ("CREATE TABLE t (a int);\nCOPY t FROM stdin;\n1\nx\n\\.\n", "5:1",
         f'invalid input syntax for type integer: "x". {FIRST}', 1),
        (f"{LOG}BEGIN;\nINSERT INTO log VALUES (1);\nSELECT 1 / 0;\nCOMMIT;", "5:1", f"division by zero. {FIRST}", 1),
        (f"{DEFERRED}BEGIN;\nINSERT INTO c VALUES (1);\nCOMMIT;", "6:1", None, 2),
        (f"{LOG}{insert(1)}BEGIN;\n{insert(2)}", "",
         f"the last transaction that it begins is never ended; add COMMIT. {stand(2)}", 2),
        ("VACUUM nowhere;", "2:1", None, 0),
        ("CREATE INDEX CONCURRENTLY i ON nowhere (a);", "2:1", None, 0),
    ],
    ids=["the first", "the second", "of two on a line", "the 1001st", "not the one behind it", "its column", "in a DO",
         "at its commit", "in data", "in a block", "at a block's commit", "a block never ended",
         "that refuses a transaction", "that refuses it, and has no table"],
)  # fmt: skip
def test_a_failure_names_the_statement_and_what_is_done(
    place: Place, text: str, at: str, message: str | None, done: int | None
) -> None:
    error = place.run(text)
    assert isinstance(error, MigrationFailed)
    where = f"{place.file}:{at}: " if at else f"{place.file}: "
    assert str(error).startswith(where), error
    if message is not None:
        assert str(error) == where + message
    place.check_not_recorded(done)
    assert place.query("SELECT count(*) FROM pg_stat_activity WHERE application_name ~ 'sqlrail'"
                       " AND datname = current_database() AND backend_type = 'client backend'"
                       " AND state <> 'idle'") == [(0,)]  # fmt: skip


@pytest.mark.parametrize("many", [3, 450], ids=["few", "many"])
def test_the_next_run_goes_on_from_the_statement_that_failed_and_runs_nothing_twice(
    any_place: Place, many: int
) -> None:
    text = LOG + insert(*range(many)) + "INSERT INTO log VALUES (1 / {});\n" + insert(many)
    for _ in range(2):
        assert isinstance(any_place.run(text.format(0)), MigrationFailed)
        assert any_place.counts() == dict.fromkeys(range(many), 1)
        any_place.check_not_recorded(many + 1)
    assert any_place.run(text.format(f"1 - {many} - 2")) is None
    assert any_place.heard.said == [
        f"001_a continues after {any_place.file}:{many + 2}:1, with statement {many + 2}"
    ]
    assert any_place.counts() == dict.fromkeys([*range(many + 1), -many - 1], 1)
    any_place.check_recorded()


def test_a_block_lands_with_its_note_or_not_at_all_and_is_run_again_from_its_begin(place: Place) -> None:
    text = (
        f"{LOG}BEGIN;\n{insert(1)}SAVEPOINT s;\n{insert(9)}ROLLBACK TO s;\n{insert(2)}%sCOMMIT;\n{insert(3)}"
    )
    assert isinstance(place.run(text % "SELECT 1 / 0;\n"), MigrationFailed)
    assert place.counts() == {}
    place.check_not_recorded(1)
    assert place.run(text % "") is None
    assert place.counts() == {1: 1, 2: 1, 3: 1}
    place.check_recorded()


def test_a_block_that_rolls_back_has_done_nothing_and_the_file_goes_on(place: Place) -> None:
    assert (
        place.run(f"{LOG}BEGIN;\n{insert(1)}ROLLBACK;\n{insert(2)}START TRANSACTION;\nABORT;\n{insert(3)}")
        is None
    )
    assert place.counts() == {2: 1, 3: 1}
    place.check_recorded()


def test_a_chain_is_taken_up_again_in_a_transaction_of_the_same_kind(place: Place) -> None:
    text = (
        f"{LOG}BEGIN ISOLATION LEVEL SERIALIZABLE;\n{insert(1)}COMMIT AND CHAIN;\n{insert(2)}%s"
        "CREATE TABLE level AS SELECT current_setting('transaction_isolation') AS level;\nCOMMIT;\n"
    )
    assert isinstance(place.run(text % "SELECT 1 / 0;\n"), MigrationFailed)
    assert place.counts() == {1: 1}
    place.check_not_recorded(4)
    assert place.run(text % "") is None
    assert place.counts() == {1: 1, 2: 1}
    assert place.query("SELECT level FROM level") == [("serializable",)]
    place.check_recorded()


# What was changed in between


@pytest.mark.parametrize(
    ("before", "after"),
    [(insert(1), insert(7)), (LOG, LOG.replace("int", "int8")), ("x\n\\.", "y\n\\."), (LOG, ""),
     (LOG, f"{LOG}SELECT 1;\n")],
    ids=["the last", "the first", "data", "one taken out", "one put in"],
)  # fmt: skip
def test_a_done_part_that_was_changed_is_refused_before_anything_runs(
    place: Place, before: str, after: str
) -> None:
    text = f"{LOG}CREATE TABLE t (a text);\nCOPY t FROM stdin;\nx\n\\.\n{insert(1)}SELECT 1 / 0;\n{insert(2)}"
    place.run(text)
    error = place.run(text.replace(before, after, 1).replace("1 / 0", "1"))
    assert isinstance(error, BadFile)
    assert str(error) == (
        f"{place.file}: 4 of its statements are done, and that part of the file was changed since. "
        "Put it back as it was; what comes after it may be changed. To begin at the first statement again, undo by "
        "hand what is done, and drop its checkpoints with `repair --forget 001_a`."
    )
    assert place.counts() == {1: 1}
    place.check_not_recorded(4)
    assert place.run(text.replace("1 / 0", "1")) is None
    place.check_recorded()


def test_data_that_were_changed_after_the_last_done_statement_are_refused_too(place: Place) -> None:
    text = "CREATE TABLE t (a text);\nCOPY t FROM stdin;\nx\n\\.\nSELECT 1 / 0;\n"
    place.run(text)
    assert isinstance(place.run(text.replace("x", "y")), BadFile)
    assert place.run(text.replace("1 / 0", "1")) is None
    assert place.query("SELECT a FROM t") == [("x",)]


def test_fewer_statements_than_are_done_are_refused(place: Place) -> None:
    place.run(f"{LOG}{insert(1)}SELECT 1 / 0;\n")
    error = place.run(LOG)
    assert isinstance(error, BadFile)
    assert "2 of its statements are done, and that part of the file was changed since" in str(error)
    place.check_not_recorded(2)


def test_comments_line_ends_and_what_comes_behind_may_be_changed(place: Place) -> None:
    text = f"{LOG}INSERT INTO log\nVALUES (1);\n{insert(2)}SELECT 1 / 0;\n"
    place.run(text)
    place.check_not_recorded(3)
    changed = f"/* new */\n{LOG}INSERT INTO log  \nVALUES (1) ;\n-- new\n{insert(2)}{insert(3)}".replace(
        "\n", "\r\n"
    )
    assert place.run(changed) is None
    assert place.counts() == {1: 1, 2: 1, 3: 1}
    place.check_recorded()


# Indexes


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("CREATE INDEX CONCURRENTLY i ON t (a)", ("create", "i", "t")),
        ("create unique index concurrently if not exists MixedCase on only S.T using btree (a)",
         ("create", "mixedcase", "S . T")),
        ('CREATE INDEX /* -- */ CONCURRENTLY "a""--b  c" -- x\n ON "S"."t /* */" (a)',
         ("create", 'a"--b  c', '"S" . "t /* */"')),
        ("CREATE INDEX CONCURRENTLY ON db.public.t(a)", ("create", "", "db . public . t")),
        ("CREATE INDEX CONCURRENTLY on_it ON t (a)", ("create", "on_it", "t")),
        (f"CREATE INDEX {'é' * 40} ON t (a)", ("create", "é" * 31, "t")),
        ("CREATE INDEX ÄB ON t (a)", ("create", "Äb", "t")),
        ("DROP INDEX CONCURRENTLY IF EXISTS public.\"I\" CASCADE", ("drop", "I", 'public . "I"')),
        ("REINDEX (VERBOSE, TABLESPACE x) TABLE CONCURRENTLY t", ("reindex", "", "t")),
        ("REINDEX INDEX i", ("reindex", "", "i")),
        ("REINDEX SCHEMA CONCURRENTLY public", ("reindex", "", None)),
        ("DROP INDEX i", None),
        ("CREATE TABLE t (a int)", None),
    ],
    ids=lambda value: value[:50] if isinstance(value, str) else "",
)  # fmt: skip
def test_it_is_read_from_a_statement_what_it_does_to_which_index(
    text: str, index: tuple[str, ...] | None
) -> None:
    assert Index.of(text) == index


NAMES = [
    ("i ON t (a)", "i"),
    ('"Mixed ""i""" ON public."T x" (a)', '"Mixed ""i"""'),
    ("IF NOT EXISTS I ON ONLY t (a)", "i"),
    ("ON t (a)", "t_a_idx"),
]


@pytest.mark.parametrize(("name", "left"), NAMES, ids=["plain", "quoted", "if not exists", "unnamed"])
def test_an_index_that_could_not_be_built_is_named_and_dropped_and_built_on_the_rerun(
    any_place: Place, name: str, left: str
) -> None:
    table = '"T x"' if "T x" in name else "t"
    text = TWICE.replace("t ", f"{table} ") + f"CREATE UNIQUE INDEX CONCURRENTLY {name};\n"
    error = any_place.run(text)
    assert isinstance(error, MigrationFailed)
    assert str(error).startswith(f"{any_place.file}:4:1: could not create unique index")
    plain = 'Mixed "i"' if "Mixed" in name else left
    assert str(error).endswith(f"{stand(2)} It left {plain} invalid, which the next run drops.")
    assert any_place.invalid() == [left]
    any_place.check_not_recorded(2)
    error = any_place.run()  # nothing was mended
    assert isinstance(error, MigrationFailed)
    assert any_place.invalid() == [left]
    any_place.query(f"DELETE FROM {table} WHERE ctid = '(0,1)'")
    assert any_place.run() is None
    assert any_place.query(
        f"SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = '{table}'::regclass"
    ) == [(left,)]
    any_place.check_recorded()


def test_an_index_that_somebody_left_invalid_under_that_name_is_not_taken_for_done(
    place: Place, connect: Connect
) -> None:
    for statement in TWICE.split(";\n")[:2]:
        place.query(statement)
    with pytest.raises(psycopg.errors.UniqueViolation):
        connect(place.url).execute("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)")
    place.query("DELETE FROM t WHERE ctid = '(0,1)'")
    assert place.run("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a);") is None
    assert "dropped the invalid index i, which was left half-built" in place.heard.said
    place.check_recorded()


def test_nothing_is_recorded_while_an_index_of_the_file_is_invalid(place: Place, connect: Connect) -> None:
    assert isinstance(
        place.run(f"{TWICE}CREATE INDEX CONCURRENTLY i ON t (a);\nSELECT 1 / 0;"), MigrationFailed
    )
    connection = connect(place.url)
    connection.execute("DROP INDEX i")
    with pytest.raises(psycopg.errors.UniqueViolation):  # somebody builds it anew, and fails
        connection.execute("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)")
    error = place.run(f"{TWICE}CREATE INDEX CONCURRENTLY i ON t (a);\n")
    assert isinstance(error, MigrationFailed)
    assert str(error) == (
        f"{place.file}: the index i is invalid, so the file is not recorded. Build it again with REINDEX INDEX "
        f"CONCURRENTLY, and run again. {stand(3)}"
    )
    place.check_not_recorded(3)
    place.query("DELETE FROM t WHERE ctid = '(0,1)'")
    place.query("REINDEX INDEX CONCURRENTLY i")
    assert place.run() is None
    place.check_recorded()


@pytest.mark.parametrize(
    "statement",
    ["CREATE UNIQUE INDEX CONCURRENTLY theirs ON nowhere (a);", "CREATE UNIQUE INDEX CONCURRENTLY theirs ON t (a);",
     "CREATE UNIQUE INDEX CONCURRENTLY ON t (a);", "DROP INDEX CONCURRENTLY theirs;"],
    ids=["on no table", "of the same name", "unnamed", "to drop"],
)  # fmt: skip
def test_an_invalid_index_of_somebody_else_is_left_alone(
    place: Place, connect: Connect, statement: str
) -> None:
    connection = connect(place.url)
    for prefix in ("", "other."):
        connection.execute("CREATE SCHEMA IF NOT EXISTS other")
        for part in TWICE.replace("t ", f"{prefix}t ").split(";\n")[:2]:
            connection.execute(part.encode())
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute("CREATE UNIQUE INDEX CONCURRENTLY theirs ON other.t (a)")
    for _ in range(2):
        assert isinstance(place.run(statement), MigrationFailed)
        assert "other.theirs" in place.invalid()
    query(place.url, "DROP INDEX IF EXISTS other.theirs")


@pytest.mark.parametrize("instead", ["CREATE INDEX CONCURRENTLY i ON t (a);", "SELECT 1;", ""],
                         ids=["another index", "something else", "nothing"])  # fmt: skip
def test_a_statement_that_left_an_index_invalid_may_be_changed_and_the_index_goes(
    place: Place, instead: str
) -> None:
    place.run(f"{TWICE}CREATE UNIQUE INDEX CONCURRENTLY i ON t (a);\n")
    assert place.invalid() == ["i"]
    assert place.run(f"{TWICE}{instead}\n") is None
    assert place.heard.said[-1] == "dropped the invalid index i, which was left half-built"
    place.check_recorded()


# Killed in the middle

ROWS = "CREATE TABLE t (a text PRIMARY KEY, b text);\nINSERT INTO t SELECT n, n FROM generate_series(1, 9) AS n;\n"


def in_the_way(place: Place, connect: Connect, statement: str) -> psycopg.Connection[Any]:
    """An open transaction that holds up whoever waits for those that see the table."""
    keeper = connect(place.url, autocommit=False)
    keeper.execute(statement.encode())
    return keeper


def kill_in(server: local.Server, place: Place, condition: str) -> None:
    """Kills a runner when one of its backends is where the condition says, and waits until none is left."""
    with watching(server, place.url) as watch:
        runner = start_runner(place.url, "migrate", "--migrations", place.folder)
        watch.wait_until_there(condition)
        runner.kill()
        runner.communicate(timeout=PATIENCE)
        watch.wait_until_gone(seconds=10)


WAITS = "wait_event_type = 'Lock' AND query ILIKE '%%%%CONCURRENTLY%%%%'"


@pytest.mark.promise
@pytest.mark.parametrize(
    ("before", "statement", "left", "names"),
    [
        ("", "CREATE INDEX CONCURRENTLY i ON t (b);", 1, ["i"]),
        ("", "CREATE INDEX CONCURRENTLY ON t (b);", 1, ["t_b_idx"]),
        ("CREATE INDEX i ON t (b);\n", "REINDEX INDEX CONCURRENTLY i;", 1, ["i"]),
        pytest.param("CREATE INDEX i ON t (b);\n", "REINDEX (VERBOSE) TABLE CONCURRENTLY public.t;", 3, ["i"],
                     marks=needs("a superuser, for the index of a TOAST table")),
        pytest.param("CREATE INDEX i ON t (b);\n", "REINDEX SCHEMA CONCURRENTLY public;", 3, ["i"],
                     marks=needs("the schema's owner")),
        ("CREATE INDEX i ON t (b);\n", "DROP INDEX CONCURRENTLY i;", 1, []),
    ],
    ids=["create", "unnamed", "reindex index", "reindex table", "reindex schema", "drop"],
)  # fmt: skip
def test_the_next_run_after_a_kill_finishes_what_was_held_up_and_leaves_no_invalid_index(
    server: local.Server,
    place: Place,
    connect: Connect,
    before: str,
    statement: str,
    left: int,
    names: list[str],
) -> None:
    text = f"{ROWS}{before}{LOG}{insert(1)}{statement}\n{insert(2)}"
    place.write(text.partition(LOG)[0] + LOG + "SELECT 1 / 0;\n")
    place.run()
    place.write(text)
    keeper = in_the_way(place, connect, "INSERT INTO t VALUES ('held')")
    kill_in(server, place, WAITS)
    assert (len(place.invalid()), place.counts()) == (left, {1: 1})
    keeper.rollback()
    began = time.monotonic()
    assert place.run() is None
    assert time.monotonic() - began < 3
    assert place.counts() == {1: 1, 2: 1}
    assert place.query("SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 't'::regclass"
                       " AND NOT indisprimary") == [(name,) for name in names]  # fmt: skip
    place.check_recorded()


def test_what_only_a_superuser_may_drop_is_said_and_nobody_has_to_wait_for_one(
    server: local.Server, place: Place, connect: Connect
) -> None:
    administrator = connect(place.url)
    administrator.execute("CREATE ROLE owner LOGIN")
    try:
        administrator.execute(f"GRANT CREATE ON DATABASE {administrator.info.dbname} TO owner".encode())
        administrator.execute("GRANT ALL ON SCHEMA public TO owner")
        theirs = Place(place.url.replace("postgres@", "owner@"), place.folder)
        theirs.run(f"{ROWS}SELECT 1 / 0;\n")
        keeper = in_the_way(place, connect, "INSERT INTO t VALUES ('held')")
        theirs.write(f"{ROWS}REINDEX TABLE CONCURRENTLY t;\n")
        kill_in(server, theirs, WAITS)
        keeper.rollback()
        (toast,) = (name for name in place.invalid() if name.startswith("pg_toast."))
        assert theirs.run() is None
        assert place.invalid() == [toast]
        said = [text for text in theirs.heard.said if "for a superuser" in text]
        assert [text.split(",")[0].replace('"', "") for text in said] == [
            f"warning: the invalid index {toast}"
        ]
        place.query(f"DROP INDEX CONCURRENTLY {toast}")
        place.check_recorded()
    finally:
        administrator.execute("REASSIGN OWNED BY owner TO postgres")
        administrator.execute("DROP OWNED BY owner")
        administrator.execute("DROP ROLE owner")


def test_an_index_that_was_built_and_not_noted_is_not_built_again(
    server: local.Server, place: Place, connect: Connect
) -> None:
    place.run(f"{ROWS}SELECT 1 / 0;\n")
    # The note waits for the table of notes, and the index is built by then.
    place.write(f"{ROWS}CREATE INDEX CONCURRENTLY i ON t (b);\n{LOG}")
    keeper = in_the_way(place, connect, "INSERT INTO t VALUES ('held')")
    notes = connect(place.url, autocommit=False)
    with watching(server, place.url) as watch:
        runner = start_runner(place.url, "migrate", "--migrations", place.folder)
        watch.wait_until_there(WAITS)
        notes.execute("LOCK TABLE sqlrail.progress IN EXCLUSIVE MODE")
        keeper.rollback()
        watch.wait_until_there("wait_event_type = 'Lock' AND query LIKE '%%sqlrail.progress%%'")
        runner.kill()
        runner.communicate(timeout=PATIENCE)
        watch.wait_until_gone(seconds=10)
        notes.rollback()
    before = place.query("SELECT 'i'::regclass::oid")
    assert (place.done(), place.invalid()) == (2, [])
    assert place.run() is None
    assert place.query("SELECT 'i'::regclass::oid") == before
    place.check_recorded()


CALLS = """CREATE PROCEDURE p() LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO log VALUES (1);
    COMMIT;
    PERFORM pg_sleep(%s);
    INSERT INTO log VALUES (2);
END $$;
"""


@pytest.mark.parametrize(
    ("told", "counts"), [("again", {1: 2, 2: 1, 3: 1}), ("done", {1: 1, 3: 1})], ids=["again", "done"]
)
def test_a_call_that_was_cut_off_is_for_people_to_judge(
    server: local.Server, place: Place, told: str, counts: dict[int, int]
) -> None:
    place.write(f"{LOG}{CALLS % 60}CALL p();\n{insert(3)}")
    kill_in(server, place, "wait_event = 'PgSleep'")
    place.query((CALLS % 0).replace("CREATE", "CREATE OR REPLACE"))
    for _ in range(2):
        error = place.run()
        assert isinstance(error, Refused)
        assert str(error) == (
            f"{place.file}:10:1: it was running when the last run was cut off, and may have taken effect or not. Look, "
            "and run again with --interrupted done, to continue after it, or --interrupted again, to run it once more. "
            f"{stand(2)}"
        )
        place.check_not_recorded(2)
        assert place.counts() == {1: 1}
    assert place.run(interrupted=told) is None
    assert place.counts() == counts
    place.check_recorded()


def test_that_it_decided_nothing_is_said_of_interrupted(place: Place) -> None:
    assert place.run(f"{LOG}{insert(1)}", interrupted="done") is None
    assert place.heard.said == ["--interrupted done was not needed: no statement here was cut off"]
    assert place.run() is None
    assert place.heard.said == []


def test_a_call_that_failed_by_itself_was_not_cut_off(place: Place) -> None:
    calls = CALLS.replace("PERFORM pg_sleep(%s)", "PERFORM 1 / %s")
    error = place.run(f"{LOG}{calls % 0}CALL p();\n")
    assert isinstance(error, MigrationFailed)
    assert str(error) == f"{place.file}:10:1: division by zero. {stand(2)}"
    place.query((calls % 1).replace("CREATE", "CREATE OR REPLACE"))
    assert place.run() is None
    assert place.counts() == {1: 2, 2: 1}
    place.check_recorded()


@pytest.mark.parametrize("statement", ["VACUUM t;", "REINDEX TABLE CONCURRENTLY t;", "ANALYZE t;"])
def test_what_can_run_twice_without_harm_runs_again_by_itself(
    server: local.Server, place: Place, connect: Connect, statement: str
) -> None:
    place.run(f"{ROWS}SELECT 1 / 0;\n")
    keeper = in_the_way(place, connect, "LOCK TABLE t IN SHARE MODE")
    place.write(
        f"{ROWS}-- lock-timeout: is for the leading comment only\n{statement}\n",
        head=f"{HEAD}-- lock-timeout: 1min\n",
    )
    kill_in(server, place, "wait_event_type = 'Lock'")
    keeper.rollback()
    assert place.run() is None
    place.check_recorded()


# What a file sets


def test_what_a_file_sets_lasts_for_it_and_is_set_again_when_it_goes_on_and_ends_with_it(
    place: Place, connect: Connect
) -> None:
    connect(place.url).execute("CREATE ROLE weak NOLOGIN")
    try:
        place.query("CREATE SCHEMA aside")
        place.query("GRANT USAGE, CREATE ON SCHEMA aside TO weak")
        text = (
            "SELECT pg_catalog.set_config('search_path', '', false);\n"
            "SET ROLE weak;\nCREATE TABLE aside.made ();\nSET search_path = aside;\n"
            "BEGIN;\nSET search_path = nowhere;\nROLLBACK;\nBEGIN;\nSET work_mem = '1MB';\nCOMMIT;\n"
            "CREATE TABLE told AS SELECT current_setting('work_mem') AS work_mem, current_user::text AS by;\n%s"
            "CREATE TABLE more AS SELECT * FROM told;\n"
            "INSERT INTO more SELECT current_setting('work_mem'), current_user;\n"
            "CREATE INDEX CONCURRENTLY more_idx ON more (by);\n"
        )
        assert isinstance(place.run(text % "SELECT 1 / 0;\n"), MigrationFailed)
        place.check_not_recorded(11)
        place.write("CREATE TABLE here AS SELECT current_user::text AS by;\n", "002_b")
        assert place.run(text % "") is None
        assert place.query("SELECT * FROM aside.more") == [("1MB", "weak")] * 2
        assert place.query("SELECT * FROM public.here") == [("postgres",)]
        assert (
            place.query("SELECT tableowner FROM pg_tables WHERE tablename ~ '^(made|told|more)$'")
            == [("weak",)] * 3
        )
        place.check_recorded("001_a", "002_b")
    finally:
        place.query("DROP OWNED BY weak")
        place.query("DROP ROLE weak")


def test_a_role_that_is_taken_on_for_good_does_not_reach_the_notes(place: Place) -> None:
    place.query("CREATE ROLE other NOLOGIN")
    try:
        place.query(f"GRANT CREATE ON DATABASE {place.url.split('?')[0].rpartition('/')[2]} TO other")
        assert (
            place.run("SET SESSION AUTHORIZATION other;\nCREATE SCHEMA theirs;\nSELECT 1;\nSELECT 2;") is None
        )
        assert place.query("SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'theirs'") == [
            ("other",)
        ]
        place.check_recorded()
    finally:
        place.query("DROP OWNED BY other")
        place.query("DROP ROLE other")


# Cut and killed everywhere

STORY = {
    "001_log": (
        "",
        "CREATE TABLE log (n int);\nCREATE TABLE t (a int, b int);\nINSERT INTO t VALUES (1, 1);\n",
    ),
    "002_outside": (
        HEAD,
        insert(1, 2)
        + "CREATE INDEX CONCURRENTLY t_a ON t (a);\nSET work_mem = '1MB';\n"
        + f"BEGIN;\n{insert(3)}COMMIT AND CHAIN;\n{insert(4)}COMMIT;\n"
        + "COPY log FROM stdin;\n5\n\\.\n"
        + "REINDEX TABLE CONCURRENTLY t;\nCREATE INDEX CONCURRENTLY ON t (b);\nDROP INDEX CONCURRENTLY t_a;\n"
        + insert(6),
    ),
    "003_inside": ("", insert(7)),
    "004_outside": (HEAD, f"VACUUM t;\n{insert(8, 9)}"),
}
ALL = dict.fromkeys(range(1, 10), 1)


def write_story(place: Place) -> None:
    for name, (head, text) in STORY.items():
        place.write(text, name, head)


def check_story(place: Place) -> None:
    """The next run finishes; what took effect took effect once, and what is done is what was noted."""
    counts = place.counts() if place.query("SELECT to_regclass('log')")[0][0] else {}
    assert set(counts.values()) <= {1}
    assert [*counts] == [*ALL][: len(counts)]
    error = place.run()
    assert error is None, error
    assert place.counts() == ALL
    assert {name for (name,) in place.query("SELECT indexrelid::regclass::text FROM pg_index"
                                            " WHERE indrelid = 't'::regclass")} == {"t_b_idx"}  # fmt: skip
    place.check_recorded(*STORY)


@pytest.fixture
def sockets() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


def empty(place: Place) -> None:
    place.query("DROP SCHEMA public CASCADE")
    place.query("DROP SCHEMA IF EXISTS sqlrail CASCADE")
    place.query("CREATE SCHEMA public")


class OfConnection(Proxy):
    """Counts, and cuts after, the messages of one connection of the runner, by number; the others are cut with it."""

    def __init__(self, folder: Path, url: str, connection: int, **options: Any) -> None:
        self.connection = connection
        super().__init__(folder, url, **options)

    def _forward(self, sender: Sender, source: Any, target: Any, counted: bool) -> None:  # noqa: ARG002
        number = (self._sockets.index(source) // 2) + 1
        super()._forward(sender, source, target, number == self.connection)


@pytest.mark.promise
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("connection", [1, 2, 3], ids=["the lock's", "the worker's", "the second worker's"])
@pytest.mark.parametrize("sender", ["client", "server"])
def test_a_cut_after_any_message_of_any_connection_leaves_what_the_next_run_finishes(
    server: local.Server,
    place: Place,
    sockets: Path,
    monkeypatch: pytest.MonkeyPatch,
    connection: int,
    sender: Sender,
) -> None:
    monkeypatch.setattr(lost, "RECONNECT", 0.0)
    write_story(place)
    with closing(OfConnection(sockets, place.url, connection)) as proxy:
        assert attempt(proxy.url, Heard(), place.folder) is None
        messages = proxy.counts[sender]
    assert messages > 2
    step = CUTS[sender] * (3 if sender == "client" else 1)
    for number in range(0, messages - (sender == "client"), step):
        empty(place)
        with watching(server, place.url) as watch:
            with closing(
                OfConnection(
                    sockets, place.url, connection, sender=sender, cut_after=number, again=bool(number % 2)
                )
            ) as proxy:
                error = attempt(proxy.url, Heard(), place.folder)
                assert proxy.was_cut.is_set()
            assert error is None or "bug" not in str(error), error
            watch.wait_until_gone()
        check_story(place)


@pytest.mark.promise
@pytest.mark.timeout(1800)
def test_a_runner_killed_at_any_instant_leaves_what_the_next_run_finishes(
    server: local.Server, place: Place
) -> None:
    write_story(place)
    chance = random.Random(KILLS)  # noqa: S311 - the same ones each time
    killed = 0
    for _ in range(KILLS):
        empty(place)
        with watching(server, place.url) as watch:
            runner = start_runner(place.url, "migrate", "--migrations", place.folder)
            watch.let_run(chance.uniform(0, 0.4))
            runner.kill()
            runner.communicate(timeout=PATIENCE)
            killed += runner.returncode == -signal.SIGKILL
            watch.wait_until_gone()
        check_story(place)
    assert killed


@pytest.mark.promise
@pytest.mark.timeout(1800)
def test_a_server_killed_at_any_instant_leaves_what_the_next_run_finishes(tmp_path: Path) -> None:
    chance = random.Random(KILLS)  # noqa: S311 - the same ones each time
    ends = set()
    # With fsync: what is noted without waiting for the disk goes with its statement, or both stay.
    with own_server() as own:
        place = Place(own.url, tmp_path / "files")
        write_story(place)
        for _ in range(max(5, KILLS // 3)):
            empty(place)
            with watching(own, place.url) as watch:
                runner = start_runner(place.url, "migrate", "--migrations", place.folder)
                watch.let_run(chance.uniform(0, 0.4))
                kill_server(own.data.parent)
            _, talk = runner.communicate(timeout=PATIENCE)
            ends.add(runner.returncode)
            assert "bug" not in talk
            assert local.start(own.data.parent).started
            check_story(place)
    assert 1 in ends <= {0, 1}


@pytest.mark.promise
def test_a_runner_that_starts_right_behind_a_kill_waits_for_the_dead_one_s_last_statement(
    server: local.Server, place: Place, connect: Connect
) -> None:
    place.run(f"{ROWS}{LOG}SELECT 1 / 0;\n")
    keeper = in_the_way(place, connect, "INSERT INTO t VALUES ('held')")
    place.write(f"{ROWS}{LOG}{insert(1)}CREATE INDEX CONCURRENTLY i ON t (b);\n{insert(2)}")
    with watching(server, place.url) as watch:
        runner = start_runner(place.url, "migrate", "--migrations", place.folder)
        watch.wait_until_there(WAITS)
        runner.kill()
        second = start_runner(place.url, "migrate", "--migrations", place.folder)
        runner.communicate(timeout=PATIENCE)
        keeper.rollback()
        _, talk = second.communicate(timeout=PATIENCE)
    assert second.returncode == 0, talk
    assert place.counts() == {1: 1, 2: 1}
    place.check_recorded()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("statement", ["SELECT pg_sleep(60);", "CREATE INDEX CONCURRENTLY i ON t (b);"],
                         ids=["a select", "an index"])  # fmt: skip
def test_an_interrupted_runner_cancels_its_statement_says_what_is_done_and_leaves_no_lock_row(
    server: local.Server, place: Place, connect: Connect, number: signal.Signals, statement: str
) -> None:
    place.run(f"{ROWS}SELECT 1 / 0;\n")
    keeper = in_the_way(place, connect, "INSERT INTO t VALUES ('held')")
    place.write(f"{ROWS}{LOG}{statement}\n{insert(2)}")
    with watching(server, place.url) as watch:
        runner = start_runner(place.url, "migrate", "--migrations", place.folder)
        watch.wait_until_there(f"wait_event = 'PgSleep' OR {WAITS}")
        runner.send_signal(number)
        out, talk = runner.communicate(timeout=PATIENCE)
        watch.wait_until_gone(seconds=1)
    assert (runner.returncode, reported(out)) == (128 + number, [])
    assert talk.splitlines()[-1] == f"interrupted: {place.file}:5:1 was cancelled. {stand(3)}"
    place.check_not_recorded(3)
    keeper.rollback()
    place.write(f"{ROWS}{LOG}{statement.replace('60', '0')}\n{insert(2)}")
    assert place.run() is None
    place.check_recorded()


# Several at once


@pytest.mark.promise
def test_of_several_runners_at_once_each_statement_is_run_by_one(place: Place) -> None:
    write_story(place)
    runners = [start_runner(place.url, "migrate", "--migrations", place.folder) for _ in range(6)]
    done = [(*each.communicate(timeout=2 * PATIENCE), each.returncode) for each in runners]
    assert [talk for _, talk, code in done if code] == []
    assert sorted(id_ for out, _, _ in done for id_ in reported(out)) == [*STORY]
    check_story(place)


@pytest.fixture
def gate(place: Place, connect: Connect) -> psycopg.Connection[Any]:
    """What holds a runner up in the middle of `place`'s file, in CREATE INDEX CONCURRENTLY."""
    place.run(f"{ROWS}{LOG}SELECT 1 / 0;\n")
    place.write(f"{ROWS}{LOG}{insert(1)}CREATE INDEX CONCURRENTLY i ON t (b);\n{insert(2)}")
    return in_the_way(place, connect, "INSERT INTO t VALUES ('held')")


def test_a_second_runner_waits_says_for_whom_and_goes_on(
    server: local.Server, place: Place, gate: psycopg.Connection[Any]
) -> None:
    with watching(server, place.url) as watch:
        first = start_runner(place.url, "migrate", "--migrations", place.folder)
        watch.wait_until_there(WAITS)
        place.write("SELECT 1;\n", "002_b")
        late = run(
            "migrate", "--lock-wait", "0.5s", "--migrations", place.folder, env={"DATABASE_URL": place.url}
        )
        assert late.returncode == 1
        assert f":{first.pid} (backend" in late.stderr
        second = start_runner(place.url, "migrate", "--migrations", place.folder)
        assert second.stderr is not None
        said = next_said(second)
        assert said.startswith("waiting for sqlrail ")
        assert f":{first.pid} (backend" in said
    gate.rollback()
    for runner, ids in ((first, ["001_a"]), (second, ["002_b"])):
        out, talk = runner.communicate(timeout=PATIENCE)
        assert (runner.returncode, reported(out)) == (0, ids), talk
    assert place.counts() == {1: 1, 2: 1}
    place.check_recorded("001_a", "002_b")


def test_plain_yoyo_polls_meanwhile_and_hangs_no_index(
    server: local.Server, place: Place, gate: psycopg.Connection[Any]
) -> None:
    with watching(server, place.url) as watch:
        runner = start_runner(place.url, "migrate", "--migrations", place.folder)
        watch.wait_until_there(WAITS)
        other = plain_yoyo(place.url, "apply", place.folder)
        wait_for(
            lambda: place.query("SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                                " AND application_name = '' AND state = 'idle' AND query ~* 'rollback|yoyo_lock'"),
            "yoyo polls",
        )  # fmt: skip
        gate.rollback()
        out, talk = runner.communicate(timeout=PATIENCE)
        assert (runner.returncode, reported(out)) == (0, ["001_a"]), talk
        _, talk = other.communicate(timeout=PATIENCE)
        assert other.returncode == 0, talk
    assert place.counts() == {1: 1, 2: 1}
    place.check_recorded()


def test_a_runner_whose_lock_was_ended_stops_before_its_next_statement_and_another_goes_on(
    server: local.Server, place: Place, gate: psycopg.Connection[Any]
) -> None:
    with watching(server, place.url) as watch:
        first = start_runner(place.url, "migrate", "--migrations", place.folder)
        watch.wait_until_there(WAITS)
        place.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND state = 'idle in transaction' AND application_name LIKE 'sqlrail%'"
        )
        second = start_runner(place.url, "migrate", "--migrations", place.folder)
        assert second.stderr is not None
        said = next_said(second)
        assert said.startswith("waiting for the last statement of a runner that is gone (backend ")
        gate.rollback()
        _, talk = first.communicate(timeout=PATIENCE)
        assert first.returncode == 1
        assert talk.splitlines()[-1] == (
            f"the connection that holds the runners' lock was lost before {place.file}:7:1. {stand(5)}"
        )
        out, talk = second.communicate(timeout=PATIENCE)
        assert (second.returncode, reported(out)) == (0, ["001_a"]), talk
    assert place.counts() == {1: 1, 2: 1}
    place.check_recorded()


def test_a_note_that_does_not_follow_on_the_last_one_undoes_its_statement(
    server: local.Server, place: Place, connect: Connect, runners: Executor
) -> None:
    # As where a pooler hides that a runner is still at work.
    place.query("CREATE TABLE gate (id int)")
    keeper = connect(place.url, autocommit=False)
    keeper.execute("LOCK TABLE gate IN ROW EXCLUSIVE MODE")
    place.write(f"{LOG}LOCK TABLE gate;\n{insert(1)}")
    ended = runners.submit(place.run)
    with watching(server, place.url) as watch:
        watch.wait_until_there("wait_event_type = 'Lock'")
        place.query("UPDATE sqlrail.progress SET done = 2")
        keeper.rollback()
    error = ended.result()
    assert isinstance(error, Busy)
    assert str(error) == f"{place.file}:3:1 was noted by another runner in the meantime. {FIRST}"
    assert place.counts() == {}


def test_a_lock_row_with_the_number_of_a_later_process_is_that_of_a_dead_runner(
    place: Place, connect: Connect
) -> None:
    place.run(f"{LOG}SELECT 1 / 0;\n")
    pid = connect(place.url).info.backend_pid
    place.query(f"INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, '2020-01-01', -{pid})")
    assert place.run(LOG, lock_wait=0.0) is None
    place.check_recorded()


# Limits


def test_a_statement_that_meets_a_lock_gives_way_and_is_tried_again(place: Place, connect: Connect) -> None:
    place.query("CREATE TABLE busy (id int)")
    keeper = connect(place.url, autocommit=False)
    keeper.execute("LOCK TABLE busy IN ACCESS SHARE MODE")

    class Releasing(Heard):
        def say(self, text: str) -> None:
            super().say(text)
            keeper.rollback()

    place.write(f"{LOG}{insert(1)}ALTER TABLE busy ADD COLUMN a int;\n{insert(2)}")
    heard = Releasing()
    assert attempt(place.url, heard, place.folder, lock_timeout=0.2) is None
    assert heard.said[0].startswith("001_a gave way: canceling statement due to lock timeout.")
    assert place.counts() == {1: 1, 2: 1}
    place.check_recorded()


@pytest.mark.parametrize(
    ("head", "text"),
    [("", "ALTER TABLE busy ADD COLUMN a int;"), ("", "BEGIN;\nALTER TABLE busy ADD COLUMN a int;\nCOMMIT;"),
     ("-- lock-timeout: 300ms\n", "CREATE INDEX CONCURRENTLY i ON busy (id);"),
     ("-- lock-timeout: 1min\n", "SET lock_timeout = '300ms';\nCREATE INDEX CONCURRENTLY i ON busy (id);"),
     ("-- lock-timeout: 1min\n", "SET lock_timeout = '300ms';\nALTER TABLE busy ADD COLUMN a int;"),
     ("-- lock-timeout: 300ms\n", "SET lock_timeout = '1h';\nRESET lock_timeout;\nALTER TABLE busy ADD COLUMN a int;")],
    ids=["the run's", "the run's in a block", "the file's", "set, for an index", "set", "set and reset"],
)  # fmt: skip
def test_a_lock_timeout_is_obeyed(place: Place, connect: Connect, head: str, text: str) -> None:
    place.query("CREATE TABLE busy (id int)")
    keeper = connect(place.url, autocommit=False)
    keeper.execute("LOCK TABLE busy IN EXCLUSIVE MODE")
    place.write(f"{LOG}{text}\n{insert(1)}", head=HEAD + head)
    error = place.run(lock_timeout=0.3, retry_for=0.0)
    assert isinstance(error, MigrationFailed)
    assert "canceling statement due to lock timeout" in str(error)
    assert place.counts() == {}
    keeper.rollback()
    assert place.run() is None
    place.check_recorded()


def test_an_index_built_concurrently_waits_without_limit_and_the_role_s_own_limits_do_not_count(
    server: local.Server, place: Place, connect: Connect, runners: Executor
) -> None:
    administrator = connect(place.url)
    administrator.execute("CREATE ROLE hasty LOGIN")
    name = administrator.info.dbname.encode()
    try:
        administrator.execute(b"ALTER DATABASE %b OWNER TO hasty" % name)
        administrator.execute("GRANT ALL ON SCHEMA public TO hasty")
        for setting in ("lock_timeout = '100ms'", "statement_timeout = '200ms'", "default_transaction_read_only = on",
                        "default_transaction_isolation = 'repeatable read'"):  # fmt: skip
            administrator.execute(f"ALTER ROLE hasty SET {setting}".encode())
        theirs = Place(place.url.replace("postgres@", "hasty@"), place.folder)
        theirs.run(f"{ROWS}SELECT 1 / 0;\n")
        keeper = in_the_way(place, connect, "INSERT INTO t VALUES ('held')")
        theirs.write(f"{ROWS}{LOG}CREATE INDEX CONCURRENTLY i ON t (b);\nSELECT pg_sleep(0.3);\n{insert(1)}")
        with watching(server, place.url) as watch:
            ended = runners.submit(theirs.run, lock_timeout=0.2)
            watch.wait_until_there(WAITS)
            watch.wait_until_there("wait_event_type = 'Lock' AND clock_timestamp() - query_start > '0.7s'")
        keeper.rollback()
        assert ended.result() is None
        place.check_recorded()
    finally:
        administrator.execute(b"ALTER DATABASE %b OWNER TO postgres" % name)
        administrator.execute("REASSIGN OWNED BY hasty TO postgres")
        administrator.execute("DROP OWNED BY hasty")
        administrator.execute("DROP ROLE hasty")


# By way of a pooler, and the rest


def test_a_file_that_sets_nothing_goes_through_a_pooler(pooled: str, place: Place) -> None:
    text = f"{ROWS}{LOG}{insert(1, 2)}BEGIN;\nSET LOCAL work_mem = '1MB';\n{insert(3)}COMMIT;\n"
    text += "CREATE INDEX CONCURRENTLY i ON t (b);\nVACUUM t;\n"
    there = Place(pooled, place.folder)
    assert isinstance(there.run(f"{text}SELECT 1 / 0;\n"), MigrationFailed)
    assert there.run(text) is None
    assert place.counts() == {1: 1, 2: 1, 3: 1}
    place.check_recorded()


def test_a_file_that_sets_something_is_refused_behind_a_pooler(pooled: str, place: Place) -> None:
    error = Place(pooled, place.folder).run(f"{LOG}SET search_path = x;\n")
    assert isinstance(error, Refused)
    assert str(error) == (
        f"{place.file}:3:1: this connection goes through a pooler, and a SET outside a transaction would reach other "
        "clients. Use SET LOCAL between BEGIN and COMMIT, or name the server itself in DATABASE_URL. "
        f"{FIRST}"
    )
    place.check_not_recorded(1)


def test_the_lock_row_of_a_runner_that_died_behind_a_pooler_is_broken(
    pooled: str, place: Place, server: local.Server
) -> None:
    place.write(f"{LOG}{insert(1)}SELECT pg_sleep(60);\n")
    with watching(server, place.url) as watch:
        runner = start_runner(pooled, "migrate", "--migrations", place.folder)
        watch.wait_until_there("wait_event = 'PgSleep'")
        runner.kill()
        runner.communicate(timeout=PATIENCE)
    there = Place(pooled, place.folder)
    assert there.run(f"{LOG}{insert(1)}SELECT pg_sleep(0);\n{insert(2)}", lock_wait=10.0) is None
    assert place.counts() == {1: 1, 2: 1}
    place.check_recorded()


def test_a_post_apply_file_runs_outside_a_transaction_as_well_and_anew_each_time(place: Place) -> None:
    place.write(LOG)
    index = "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON log (n);\n"
    post = f"{insert(1)}{index}SELECT 1 / {{}};\n{insert(2)}"
    place.write(post.format(0), "post-apply")
    error = place.run()
    assert isinstance(error, MigrationFailed)
    assert error.applied == ["001_a"]
    assert (read(place.url).records, read(place.url).lock_rows, place.done()) == (["001_a"], 0, 2)
    assert place.run() is None  # nothing to apply
    place.write(post.format(1), "post-apply")
    place.write("SELECT 1;\n", "002_b")
    assert place.run() is None
    assert place.heard.applied_ids == ["002_b", "post-apply"]
    assert place.counts() == {1: 2, 2: 1}
    assert (place.done(), place.invalid(), read(place.url).lock_rows) == (None, [], 0)
    assert place.query("SELECT count(*) FROM _yoyo_log WHERE migration_id = 'post-apply'") == [(1,)]


def test_a_role_that_may_not_make_the_place_for_the_notes_is_refused_before_anything_runs(
    place: Place, connect: Connect
) -> None:
    administrator = connect(place.url)
    administrator.execute("CREATE ROLE modest LOGIN")
    try:
        administrator.execute("GRANT ALL ON SCHEMA public TO modest")
        place.write("CREATE TABLE first ();\n", "000_first", "")
        place.write(LOG)
        there = Place(place.url.replace("postgres@", "modest@"), place.folder)
        error = there.run()
        assert isinstance(error, Refused)
        assert "CREATE SCHEMA sqlrail AUTHORIZATION" in str(error)
        assert read(place.url).records == []
        assert place.query("SELECT to_regclass('first')") == [(None,)]
        administrator.execute("CREATE SCHEMA sqlrail AUTHORIZATION modest")
        assert there.run() is None
        place.check_recorded("000_first", "001_a")
    finally:
        administrator.execute("REASSIGN OWNED BY modest TO postgres")
        administrator.execute("DROP OWNED BY modest")
        administrator.execute("DROP ROLE modest")


def test_a_cleanup_needs_a_transaction(place: Place) -> None:
    place.write(LOG, head=f"{HEAD}-- cleanup: a.b -> c.d\n")
    error = place.run()
    assert isinstance(error, BadFile)
    assert str(error) == (
        f"{place.file}: a cleanup is one transaction with its file, and this is `-- transactional: false`; declare it "
        "in a file of its own, before this one."
    )
    assert place.query("SELECT to_regclass('log'), to_regclass('yoyo_lock')") == [(None, None)]


def test_a_database_with_an_older_schema_of_ours_gets_the_place_for_the_notes(place: Place) -> None:
    place.run(LOG)
    place.query("DROP TABLE sqlrail.progress")
    place.write(insert(1), "002_b")
    assert place.run() is None
    place.check_recorded("001_a", "002_b")
