"""Files that are larger than memory should be: in pieces, disturbed in every way, wholly there or wholly absent."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aftermath import attempt, read, start_runner, write
from conftest import Connect, open_folder, query
from listeners import Heard
from proxy import Proxy
from samples import sample
from waiting import PATIENCE, watching

from sqlrail.errors import BadFile, ConnectionLost
from sqlrail.files import pieces
from sqlrail.files.folder import read_files
from sqlrail.postgres import wire
from sqlrail.server import local

pytestmark = pytest.mark.promise

MEGABYTE = 1 << 20
#: megabytes of a file that has to be streamed
LARGE = sample("LARGE", 100)
#: bytes that a run with such a file may take more than a run with none
ROOM = 25 * MEGABYTE
ROW = "é" * 500
FILLING = "SELECT 'é filling';\n" * 60_000
SLOW_TRIGGER = """CREATE TABLE slow (a int);
CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
CREATE TRIGGER sleep BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION sleep();
"""


def rows_of(url: str, table: str) -> int:
    ((number,),) = query(url, f"SELECT count(*) FROM {table}")
    assert isinstance(number, int)
    return number


def tables(url: str) -> list[str]:
    return [name for (name,) in query(url, "SELECT relname FROM pg_class WHERE relkind = 'r'"
                                           " AND relnamespace = 'public'::regnamespace AND relname !~ 'yoyo'"
                                           " ORDER BY 1")]  # fmt: skip


def inserts(number: int) -> Iterator[str]:
    yield "CREATE UNLOGGED TABLE big (a int, b text);\n"
    for n in range(number):
        yield f"INSERT INTO big VALUES ({n}, '{ROW}');\n"


def copied(number: int) -> Iterator[str]:
    yield "CREATE UNLOGGED TABLE big (a int, b text);\nCOPY big (a, b) FROM stdin;\n"
    for n in range(number):
        yield f"{n}\t{ROW}\n"
    yield "\\.\n"


def peak(url: str, folder: Path) -> int:
    """The most bytes that a migrate of the folder holds in memory."""
    runner, found = start_runner(url, "migrate", "--migrations", folder), 0
    while runner.returncode is None:
        # Not ru_maxrss: that begins with the memory of whoever started the process.
        status = Path(f"/proc/{runner.pid}/status").read_text()
        found = max(
            [
                found,
                *(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")),
            ]
        )
        with suppress(subprocess.TimeoutExpired):
            runner.wait(0.005)
    out, talk = runner.communicate()
    assert (runner.returncode, talk) == (0, ""), out
    return found


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells what a process takes")
@pytest.mark.parametrize("lines", [inserts, copied], ids=["INSERTs", "COPY"])
def test_a_large_file_streams_in_little_memory(
    lines: Callable[[int], Iterator[str]], database: str, tmp_path: Path
) -> None:
    idle = peak(database, write(tmp_path / "files", **{"001_first": "CREATE TABLE first (id int);"}))
    number = LARGE * MEGABYTE // len((ROW + "INSERT INTO big VALUES (, '');\n").encode())
    with (tmp_path / "files" / "002_big.sql").open("w") as file:
        file.writelines(lines(number))
    assert peak(database, tmp_path / "files") - idle < ROOM
    assert rows_of(database, "big") == number


def test_a_statement_that_is_larger_than_a_piece_arrives_whole(database: str, tmp_path: Path) -> None:
    rows = ",\n".join(f"({n}, '{ROW}')" for n in range(5000))
    files = write(tmp_path / "files", **{
        "001_big": f"CREATE TABLE big (a int, b text);\n{FILLING}INSERT INTO big VALUES\n{rows};\n"
                   f"COPY big FROM stdin;\n1\t{ROW * 3000}\n\\.\nSELECT 1;"})  # fmt: skip
    assert attempt(database, Heard(), files) is None
    assert query(database, "SELECT count(*), max(length(b)) FROM big") == [(5001, 1_500_000)]


def test_a_statement_that_no_message_can_hold_is_refused_before_anything_runs(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "MESSAGE_LIMIT", 2 * MEGABYTE)
    many = "".join(f"SELECT '{ROW}';\n" for _ in range(3000))
    files = write(tmp_path / "files", **{
        "001_first": "CREATE TABLE first ();",
        "002_big": f"{many} SELECT 'é', '{'x' * MEGABYTE * 2}';\n{many}",
    })  # fmt: skip
    error = attempt(database, Heard(), files)
    assert isinstance(error, BadFile)
    assert str(error) == (
        f"{files}/002_big.sql:3001:2: this statement has more than 2,097,152 bytes, which is all that PostgreSQL takes "
        "at once; split it, as an INSERT of many rows into several, or load the rows with COPY … FROM stdin."
    )
    assert tables(database) == []
    (files / "002_big.sql").write_text(many + many)
    assert attempt(database, Heard(), files) is None


def test_a_quote_that_is_never_closed_far_down_is_named_before_anything_runs(
    database: str, tmp_path: Path
) -> None:
    files = write(tmp_path / "files", **{"001_big": f"CREATE TABLE first ();\n{FILLING}SELECT 'é', 'x;\n"})
    error = attempt(database, Heard(), files)
    assert isinstance(error, BadFile)
    assert str(error) == f"{files}/001_big.sql:60002:13: this string is never closed."
    assert query(database, "SELECT to_regclass('yoyo_lock')") == [(None,)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("lines", [1, 3_000_000], ids=["all sent", "more than fits the socket"])
def test_an_interrupted_copy_ends_at_once_and_leaves_nothing(
    number: signal.Signals, lines: int, server: local.Server, database: str, tmp_path: Path
) -> None:
    data = "1\n" * lines
    files = write(tmp_path / "files", **{
        "001_first": "CREATE TABLE first (id int);",
        "002_slow": f"{SLOW_TRIGGER}COPY slow FROM stdin;\n{data}\\.\n"})  # fmt: skip
    with watching(server, database) as watch:
        runner = start_runner(database, "migrate", "--migrations", files)
        watch.wait_until_there("wait_event = 'PgSleep'")
        runner.send_signal(number)
        _, talk = runner.communicate(timeout=10)
        watch.wait_until_gone(seconds=1)
    assert runner.returncode == 128 + number
    assert "002_slow was cancelled and rolled back; nothing of it was kept." in talk
    assert "Traceback" not in talk
    state = read(database)
    assert (state.records, state.lock_rows, tables(database)) == (["001_first"], 0, ["first"])


def test_a_backend_that_is_ended_in_a_copy_leaves_nothing(
    server: local.Server, database: str, tmp_path: Path, connect: Connect
) -> None:
    files = write(
        tmp_path / "files", **{"001_slow": SLOW_TRIGGER + "COPY slow FROM stdin;\n" + "1\n" * 3_000_000}
    )
    with watching(server, database) as watch:
        runner = start_runner(database, "migrate", "--migrations", files)
        watch.wait_until_there("wait_event = 'PgSleep'")
        connect(database).execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        )
        _, talk = runner.communicate(timeout=PATIENCE)
    assert runner.returncode == 1
    assert talk.endswith("the connection was lost while 001_slow was being applied; nothing of it was kept. "
                         "Run again once the database answers: that is safe.\n")  # fmt: skip
    assert tables(database) == []


def test_a_copy_that_is_cut_anywhere_is_wholly_there_or_wholly_absent(
    server: local.Server, database: str, tmp_path: Path
) -> None:
    files = write(tmp_path / "files", **{
        "001_copy": FILLING + "CREATE TABLE c (a int);\nCOPY c FROM stdin;\n" + "1\n" * 2_000_000 + "\\.\nSELECT 1;",
        "002_next": "CREATE TABLE next (a int);"})  # fmt: skip
    with open_folder() as folder:
        for cut_after in itertools.count(2):
            through = Proxy(folder, database, cut_after=cut_after)
            heard = Heard()
            error = attempt(through.url, heard, files)
            through.close()
            with watching(server, database) as watch:
                watch.wait_until_gone()
            state = read(database)
            assert heard.applied_ids == state.records
            assert (rows_of(database, "c") if "c" in tables(database) else 0) == 2_000_000 * bool(
                state.records
            )
            if not through.was_cut.is_set():
                break
            assert error is None or isinstance(error, ConnectionLost) or "was lost" in str(error)
            query(database, "DROP TABLE IF EXISTS c, next")
            query(
                database,
                "DO $$ BEGIN DELETE FROM _yoyo_migration; EXCEPTION WHEN undefined_table THEN END $$",
            )
    assert cut_after > 10


def test_a_file_in_pieces_that_gives_way_begins_again_at_its_beginning(
    database: str, tmp_path: Path, connect: Connect
) -> None:
    query(database, "CREATE TABLE busy (a int)")
    files = write(tmp_path / "files", **{
        "001_big": f"CREATE TABLE c (a int);\n{FILLING}COPY c FROM stdin;\n1\n2\n\\.\nALTER TABLE busy ADD b int;\n"
                   "COPY c FROM stdin;\n3\n\\.\n"})  # fmt: skip
    keeper = connect(database, autocommit=False)
    keeper.execute("LOCK TABLE busy IN ACCESS SHARE MODE")

    class Releasing(Heard):
        def say(self, text: str) -> None:
            super().say(text)
            keeper.rollback()

    heard = Releasing()
    assert attempt(database, heard, files, lock_timeout=0.2) is None
    assert heard.said[0].startswith("001_big gave way: ")
    assert query(database, "SELECT a FROM c ORDER BY a") == [(1,), (2,), (3,)]


@pytest.mark.parametrize("change", ["appended", "cut short", "rewritten", "replaced"])
def test_a_file_that_changes_while_it_runs_is_refused_and_leaves_nothing(
    change: str, database: str, tmp_path: Path
) -> None:
    text = f"CREATE TABLE c (a int);\nDO $$ BEGIN RAISE WARNING 'now'; END $$;\n{FILLING * 3}INSERT INTO c VALUES (1);"
    files = write(tmp_path / "files", **{"001_big": text})
    path = files / "001_big.sql"

    class Changing(Heard):
        def say(self, text_: str) -> None:
            super().say(text_)
            if change == "appended":
                with path.open("a") as file:
                    file.write("\nINSERT INTO c VALUES (2);")
            elif change == "cut short":
                os.truncate(path, len(FILLING.encode()) * 2)
            elif change == "rewritten":
                path.write_text(text.replace("(1)", "(2)"))
            else:
                path.with_suffix(".new").write_text(text.replace("(1)", "(2)"))
                path.with_suffix(".new").replace(path)

    error = attempt(database, heard := Changing(), files)
    assert heard.said == ["warning: now"]
    assert isinstance(error, BadFile)
    assert str(error) == f"{path} changed while the run was under way; run again."
    assert (tables(database), read(database).records) == ([], [])


def test_a_file_that_changed_since_it_was_checked_is_not_run(tmp_path: Path) -> None:
    write(tmp_path, **{"001_big": FILLING})
    file = read_files(tmp_path)[1]["001_big"]
    file.check()
    os.utime(file.path)
    assert sum(1 for _ in file.pieces()) > 1  # touched, and the same
    write(tmp_path, **{"001_big": FILLING + "SELECT 2;"})
    with pytest.raises(BadFile, match="changed while the run was under way"):
        next(file.pieces())


# What wire.send does with a COPY


@pytest.fixture
def connection(database: str, connect: Connect) -> psycopg.Connection[Any]:
    connection = connect(database)
    connection.execute("CREATE TABLE t (a int, b text)")
    return connection


def send(connection: psycopg.Connection[Any], data: Iterator[bytes] | None) -> wire.Answer:
    return wire.send(connection, b"COPY t FROM stdin", wire.Answer(), data=data)


def test_data_are_no_longer_sent_once_the_server_has_answered(
    connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "PATIENCE", 0.2)
    answer = send(connection, itertools.repeat(b"one\tx\n" * 1000))
    assert isinstance(answer.error, psycopg.errors.InvalidTextRepresentation)
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_notices_are_not_taken_for_the_end(
    connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "PATIENCE", 0.05)
    connection.execute("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
                       " $$BEGIN RAISE NOTICE '%', repeat('x', 5000); RETURN NEW; END$$;"
                       "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()")  # fmt: skip

    def slowly() -> Iterator[bytes]:
        for _ in range(100):
            time.sleep(0.005)  # sleep: a slow source is what is tried
            yield b"1\tx\n" * 100

    assert send(connection, slowly()).error is None
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (10_000,)


def test_a_source_that_fails_fails_the_copy(connection: psycopg.Connection[Any]) -> None:
    def failing() -> Iterator[bytes]:
        yield b"1\tx\n"
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        send(connection, failing())
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_a_copy_without_data_says_so(connection: psycopg.Connection[Any]) -> None:
    answer = send(connection, None)
    assert isinstance(answer.error, psycopg.errors.QueryCanceled)
    assert answer.error.diag.message_primary == "COPY from stdin failed: there are no data for it"
    assert send(connection, iter(())).error is None
