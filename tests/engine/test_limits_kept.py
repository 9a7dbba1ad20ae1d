"""The limits of a file's transaction are the file's, whatever is asked in it before the file runs."""

from __future__ import annotations

import threading
from pathlib import Path

from aftermath import attempt, write
from conftest import Connect
from listeners import Heard
from psycopg import errors as pg

from sqlrail.engine.store import KEY


def test_a_file_that_waited_for_the_lock_keeps_its_statement_timeout(
    database: str, tmp_path: Path, connect: Connect
) -> None:
    files = write(tmp_path, **{"001_a": "CREATE TABLE a (id int)"})
    assert attempt(database, Heard(), files) is None
    write(tmp_path, **{"002_b": "-- statement-timeout: 300ms\nSELECT pg_sleep(5)"})
    other = connect(database, autocommit=False)
    other.execute("SELECT pg_advisory_xact_lock(%s)", [KEY])
    told = threading.Event()

    class Waiting(Heard):
        def say(self, text: str) -> None:  # noqa: ARG002 - whom it waits for
            told.set()

    def let_go() -> None:
        told.wait(30)
        other.commit()

    releasing = threading.Thread(target=let_go)
    releasing.start()
    failure = attempt(database, Waiting(), files)
    releasing.join()
    assert failure is not None
    assert isinstance(failure.__cause__, pg.QueryCanceled), failure
