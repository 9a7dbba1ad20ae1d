"""While plan looks at live rows, nobody else notices: no write, no number of a transaction, no lock but a reader's."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cases import cases
from conftest import FAST, Servers, majors, open_folder
from console import Sqlrail, sqlrail
from stage import Stage
from traces import traces

from sqlrail.server import local

__all__ = ["sqlrail"]  # the fixture

# The slow rows make sure that somebody who looks sees it at work.
SLOW = "CREATE TABLE slow (id int PRIMARY KEY, n int);"
SLOW_ROWS = "INSERT INTO slow SELECT n, n FROM generate_series(1, 20) AS n"
PENDING = "ALTER TABLE slow ADD CHECK (pg_sleep(0.01)::text = '' AND n > 1);\n"
LOCKS = """
SELECT l.relation::regclass::text, l.mode FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
 WHERE d.datname = current_database() AND l.locktype IN ('relation', 'tuple', 'page') AND l.pid <> pg_backend_pid()
UNION ALL
SELECT 'transaction', backend_xid::text FROM pg_stat_activity
 WHERE datname = current_database() AND backend_xid IS NOT NULL
"""
POSITION = "SELECT pg_current_wal_insert_lsn()"


@contextmanager
def sampled(connection: psycopg.Connection[Any]) -> Iterator[set[tuple[str, str]]]:
    """Looks again and again at what others hold in the database."""
    found: set[tuple[str, str]] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            found.update(connection.execute(LOCKS.encode()).fetchall())

    session = threading.Thread(target=look)
    session.start()
    try:
        yield found
    finally:
        done.set()
        session.join()


@contextmanager
def quiet_server(major: int) -> Iterator[str]:
    """A server that writes nothing by itself; the URL of its database."""
    options = {**FAST, "wal_level": "minimal", "max_wal_senders": "0"}
    with open_folder() as folder:
        try:
            yield local.start(folder / "pg", bin=majors()[major], options=options).url
        finally:
            local.stop(folder / "pg")


@pytest.mark.parametrize("major", [min(majors()), max(majors())], ids=lambda it: f"pg{it}")
@pytest.mark.skipif(len(majors()) < 2, reason="needs two servers")
def test_the_live_database_is_only_read(
    major: int, servers: Servers, tmp_path: Path, sqlrail: Sqlrail
) -> None:
    # Another server has the scratch database: all that the live one writes is for the live database.
    (other,) = {min(majors()), max(majors())} - {major}
    chosen = random.Random(major).sample(list(cases(min(majors()))), 12)  # noqa: S311 - the same at each run
    with quiet_server(major) as url, psycopg.connect(url, autocommit=True) as watcher:
        stage = Stage(url, tmp_path / "files", chosen, sqlrail, SLOW)
        (stage.folder / "100000_slow.sql").write_text(PENDING)
        watcher.execute(SLOW_ROWS)
        # What a reader of new rows may note about them is noted already.
        watcher.execute("VACUUM (FREEZE)")
        watcher.execute("CHECKPOINT")
        before = traces(watcher), watcher.execute(POSITION).fetchall()
        with sampled(watcher) as held:
            files = stage.plan("--scratch", servers(other).url)
        after = traces(watcher), watcher.execute(POSITION).fetchall()
    assert {check["verdict"] for it in files["100000_slow"]["statements"] for check in it["checks"]} == {
        "fails"
    }
    assert ("slow", "AccessShareLock") in held
    assert {mode for _, mode in held} == {"AccessShareLock"}
    assert after == before
