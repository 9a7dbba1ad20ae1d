"""Small files that go in one message with the closing in front of them: nothing is different but the round trips."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aftermath import attempt, read, write
from conftest import Connect, fresh_database, open_folder, query
from listeners import Heard, Reacting
from proxy import Proxy, Sender
from samples import CUTS
from waiting import wait_for, watching

from sqlrail.engine import lost, opening, store
from sqlrail.errors import ConnectionFailed, ConnectionLost, SqlrailError
from sqlrail.files import examine
from sqlrail.files.folder import read_files
from sqlrail.postgres import wire
from sqlrail.server.local import Server

Connection = psycopg.Connection[Any]

TABLES = {
    f"{n:03}_t{n}": f"CREATE TABLE t{n} (id int);\nINSERT INTO t{n} VALUES ({n});\n" for n in range(1, 21)
}


@pytest.fixture
def db(database: str, connect: Connect) -> Connection:
    return connect(database)


@pytest.fixture(autouse=True)
def _slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "QUICK", 60.0)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The messages of all runs, as they are sent."""
    messages: list[bytes] = []
    send = wire.send

    def listen(connection: Any, text: bytes, *rest: Any, **more: Any) -> wire.Answer:
        messages.append(text)
        return send(connection, text, *rest, **more)

    monkeypatch.setattr(wire, "send", listen)
    return messages


def run(url: str, folder: Path, **files: str) -> tuple[SqlrailError | None, list[str]]:
    heard = Heard()
    error = attempt(url, heard, write(folder / "files", **files))
    assert read(url).records == heard.applied_ids
    return error, heard.applied_ids


def test_a_small_file_costs_a_round_trip(database: str, tmp_path: Path, sent: list[bytes]) -> None:
    error, applied = run(database, tmp_path, **TABLES)
    assert (error, applied) == (None, list(TABLES))
    assert len([text for text in sent if b"INSERT INTO t" in text]) == 20
    first = next(number for number, text in enumerate(sent) if b"INSERT INTO t1 " in text)
    assert len(sent) - first == 21  # the last closing goes alone


def test_behind_a_slow_file_each_goes_by_itself(
    database: str, tmp_path: Path, sent: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "QUICK", 0.05)
    files = {
        "001_slow": "SELECT pg_sleep(0.06)",
        "002_next": "CREATE TABLE next ()",
        "003_last": "CREATE TABLE last ()",
    }
    error, applied = run(database, tmp_path, **files)
    assert (error, applied) == (None, list(files))
    assert [text for text in sent if b"CREATE TABLE next" in text] == [b"CREATE TABLE next ()"]


def test_who_looks_at_the_server_sees_which_file_is_at_work(
    db: Connection, database: str, tmp_path: Path
) -> None:
    looks = "CREATE TABLE seen AS SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    error, _ = run(database, tmp_path, **{"001_first": "SELECT 1", "002_löoks\nDROP TABLE": looks})
    assert error is None
    ((text,),) = db.execute("SELECT query FROM seen").fetchall()
    assert text.startswith("-- '002_l\\xf6oks\\nDROP TABLE'\nSET CONSTRAINTS")


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("SELECT 1;\n\tSELEC 2;", "2:2", 'syntax error at or near "SELEC"'),
        ("SELECT 1;\nSELECT 'é', nothing;", "2:13", 'column "nothing" does not exist'),
        ("SELECT 1;\n\n  SELECT 1/0;\nSELECT 2;", "3:3", "division by zero"),
        ("SELECT 1 AS ready;\nSELECT 1/0;", "2:1", "division by zero"),
        ("DO $$\nBEGIN\n  RAISE 'no';\nEND $$;", "3:3", "no"),
        ("CREATE TABLE c (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO c VALUES (1), (1);", "2:31",
         'at commit: duplicate key value violates unique constraint "c_pkey"'),
    ],
)  # fmt: skip
def test_an_error_has_its_place_and_takes_nothing_else_with_it(
    database: str, tmp_path: Path, text: str, place: str, what: str
) -> None:
    files = {
        "001_é": "CREATE TABLE é ()",
        "002_é": "CREATE TABLE é2 ()",
        "003_wrong": text,
        "004_never": "SELECT 1",
    }
    error, applied = run(database, tmp_path, **files)
    assert str(error).startswith(f"{tmp_path}/files/003_wrong.sql:{place}: {what}")
    assert applied == ["001_é", "002_é"]
    assert query(database, "SELECT count(*) FROM pg_class WHERE relname IN ('é', 'é2', 'c')") == [(2,)]


def test_whoever_is_in_its_way_is_named_by_its_own_lock_timeout(
    db: Connection, database: str, tmp_path: Path, connect: Connect
) -> None:
    db.execute("CREATE TABLE busy ()")
    keeper = connect(database, autocommit=False)
    keeper.execute("LOCK TABLE busy IN ACCESS SHARE MODE")
    alter = "-- lock-timeout: 500ms\nALTER TABLE busy ADD a int"
    files = write(tmp_path / "files", **{"001_quick": "SELECT 1", "002_alter": alter})
    error = attempt(database, heard := Heard(), files, lock_timeout=60.0, retry_for=0.0)
    assert f"in the way was backend {keeper.info.backend_pid} (" in str(error)
    assert heard.applied_ids == ["001_quick"]


def test_a_file_that_fails_after_its_opening_is_run_once(
    db: Connection, database: str, tmp_path: Path
) -> None:
    db.execute("CREATE SEQUENCE runs")
    wrong = "SELECT nextval('runs');\nSELECT 1/0;"
    run(database, tmp_path, **{"001_first": "SELECT nextval('runs')", "002_wrong": wrong})
    assert db.execute("SELECT last_value FROM runs").fetchall() == [(2,)]


def test_a_closing_that_fails_is_told_of_its_own_file(database: str, tmp_path: Path) -> None:
    late = (
        "CREATE TABLE c (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO c VALUES (1), (1);"
    )
    error, applied = run(
        database, tmp_path, **{"001_a": "SELECT 1", "002_late": late, "003_next": "SELECT 1"}
    )
    assert f"{tmp_path}/files/002_late.sql:2:31: at commit: duplicate key" in str(error)
    assert applied == ["001_a"]


def test_settings_by_which_the_next_file_would_be_misread_do_not_reach_it(
    db: Connection, database: str, tmp_path: Path
) -> None:
    files = {
        "001_set": "SELECT set_config('standard_conforming_strings', 'off', false)",
        "002_read": "CREATE TABLE read AS SELECT 'a\\' AS text, 'b' AS more",
        "003_set": "SELECT set_config('client_encoding', 'LATIN1', false)",
        "004_read": "INSERT INTO read VALUES ('é', 'b')",
    }
    error, applied = run(database, tmp_path, **files)
    assert (error, applied) == (None, list(files))
    assert db.execute("SELECT text, more FROM read").fetchall() == [("a\\", "b"), ("é", "b")]


def test_what_somebody_else_applied_at_the_last_moment_is_not_run_again(
    db: Connection, database: str, tmp_path: Path
) -> None:
    db.execute("CREATE SEQUENCE runs")
    files = {"001_a": "SELECT 1", "002_b": "SELECT nextval('runs')", "003_c": "CREATE TABLE c ()"}
    folder = write(tmp_path / "files", **files)
    hashes = {migration.id: migration.hash for migration in read_files(folder)[0]}
    files["001_a"] = f"INSERT INTO _yoyo_migration VALUES ('{hashes['002_b']}', '002_b', now())"
    error = attempt(database, heard := Heard(), write(folder, **files))
    assert (error, heard.applied_ids) == (None, ["001_a", "003_c"])
    assert db.execute("SELECT is_called, to_regclass('c')::text FROM runs").fetchall() == [(False, "c")]


def test_a_runner_that_got_the_lock_in_between_is_waited_for(
    db: Connection, database: str, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits in line, so that it has the lock as soon as the first file is committed."""
    send, other = wire.send, connect(database)
    blocker = threading.Thread(target=other.execute, args=["SELECT pg_advisory_lock(%s)", [store.KEY]])

    def send_late(connection: Any, text: bytes, *rest: Any, **more: Any) -> wire.Answer:
        if b"AS ready" in text and not blocker.ident:
            blocker.start()
            waits = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            wait_for(lambda: db.execute(waits).rowcount, "the other waits in line")
        return send(connection, text, *rest, **more)

    monkeypatch.setattr(wire, "send", send_late)
    heard = Reacting(lambda: other.execute("SELECT pg_advisory_unlock_all()"))
    error = attempt(database, heard, write(tmp_path / "files", **dict(list(TABLES.items())[:3])))
    blocker.join()
    assert (error, heard.applied_ids) == (None, ["001_t1", "002_t2", "003_t3"])
    assert [text.startswith("waiting for ") for text in heard.said] == [True]


def test_a_lock_row_of_yoyo_that_came_in_between_is_waited_for(
    db: Connection, database: str, tmp_path: Path
) -> None:
    """The first file writes it, so that it is there as soon as that is committed."""
    row = "INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 4711)"
    heard = Reacting(lambda: db.execute("DELETE FROM yoyo_lock"))
    error = attempt(
        database, heard, write(tmp_path / "files", **{"001_row": row, "002_next": "CREATE TABLE n ()"})
    )
    assert (error, heard.applied_ids) == (None, ["001_row", "002_next"])
    assert heard.said == [
        "waiting for yoyo (process 4711, says its lock row), 60 s at the most (--lock-wait)"
    ]


def test_a_file_that_gets_past_the_scanner_and_ends_its_transaction_is_not_recorded(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examine, "is_transaction_control", lambda *_: False)
    files = {"001_first": "SELECT 1", "002_ends": "SELECT 1; COMMIT; BEGIN", "003_next": "CREATE TABLE c ()"}
    error, applied = run(database, tmp_path, **files)
    assert "002_ends.sql: it ended the transaction that it ran in, so it was not recorded." in str(error)
    assert applied == ["001_first"]
    assert query(database, "SELECT to_regclass('c')") == [(None,)]


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


def cut(
    server: Server, folder: Path, files: dict[str, str], sender: Sender, number: int | None, *, again: bool
) -> Proxy:
    """Cuts a run after so many messages: each file is whole or absent, and the next run does the rest."""
    heard = Heard()
    with fresh_database(server) as url, watching(server, url) as watch:
        with closing(Proxy(folder, url, sender=sender, cut_after=number, again=again)) as proxy:
            error = attempt(proxy.url, heard, write(folder / "files", **files))
        watch.wait_until_gone()
        state = read(url)
        assert state.records == list(files)[: len(state.records)]
        assert state.rows == {f"t{n}": [f"({n})"] for n in range(1, len(state.records) + 1)}
        assert error is None or isinstance(error, (ConnectionLost, ConnectionFailed)), error
        assert heard.applied_ids == (
            state.records if error is None else state.records[: len(heard.applied_ids)]
        )
        assert attempt(url, Heard(), folder / "files") is None
        assert (read(url).records, read(url).applies) == (list(files), Counter(list(files)))
    return proxy


@pytest.mark.promise
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("again", [False, True], ids=["for good", "once"])
def test_a_cut_anywhere_leaves_each_file_whole_or_absent(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    monkeypatch.setattr(lost, "RECONNECT", 0.0)
    files = dict(list(TABLES.items())[:3])
    counts = cut(server, folder, files, "client", None, again=again).counts
    for sender, step in CUTS.items():
        for number in range(step // 2 * again, counts[sender], step):
            cut(server, folder, files, sender, number, again=again)
