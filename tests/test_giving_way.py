"""A file that meets somebody's lock gives way, is tried again as a whole, and lands once the lock is gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from aftermath import PATIENCE, reported, start_runner, wait_for, watching
from conftest import Connect, query

from sqlrail import local
from sqlrail.backend import Applied
from sqlrail.errors import MigrationFailed
from sqlrail.migrate import Migrated, migrate
from sqlrail.settings import Settings

FIRST = "CREATE TABLE first (id int);\nALTER TABLE busy ADD COLUMN added int;\n"


class Releasing:
    """Lets go of the lock in the way as soon as somebody is said to have given way."""

    def __init__(self, keeper: psycopg.Connection[object]) -> None:
        self.keeper = keeper
        self.said: list[str] = []

    def say(self, text: str) -> None:
        if "gave way" in text:
            self.said.append(text)
            self.keeper.rollback()

    def applied(self, done: Applied) -> None:
        """Nobody has to be told."""


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
