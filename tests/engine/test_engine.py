"""The parts of the engine: each keeps what its docstring promises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest
from aftermath import write
from conftest import Connect, query
from listeners import Heard
from psycopg.pq import TransactionStatus

from sqlrail.engine import lock
from sqlrail.engine.backend import Backend
from sqlrail.engine.store import KEY, Place
from sqlrail.errors import Busy
from sqlrail.files.folder import read_files
from sqlrail.ground.settings import Settings


@pytest.fixture
def backend(any_database: str, tmp_path: Path) -> Iterator[Backend]:
    folder = write(tmp_path / "files", **{"001_a": "CREATE TABLE a ();\n"})
    with Backend(
        Settings(database_url=any_database, migrations=folder, environment="test"), Heard()
    ) as backend:
        yield backend


def test_what_was_asked_of_the_server_is_replaced_whole_and_never_changed(backend: Backend) -> None:
    before: Any = backend.server
    with pytest.raises(FrozenInstanceError):
        before.is_standby = True
    backend.look()
    assert backend.server is not before
    assert backend.server == before
    assert (before.version, before.is_pooled, before.is_standby) == (
        backend.connection.info.server_version,
        False,
        False,
    )


def test_what_the_store_composes_is_sent_by_nobody(backend: Backend, any_database: str) -> None:
    store, pid = backend.store, backend.connection.info.backend_pid
    (file,) = read_files(backend.settings.migrations)[1].values()
    last = "SELECT query_start, state, xact_start FROM pg_stat_activity WHERE pid = %s"
    before = query(any_database, last, [pid])
    composed = [
        store.opening(file, "lock", b"true"),
        store.closing(file, store.log_entry("log", file.id, None, "apply", None)),
        store.closing_outside("hash", b""),
        store.step_limits(file),
        store.history(),
        store.own_tables(),
        store.set_stamp(),
        store.rights(list(store.own_rights())),
    ]
    assert all(isinstance(text, bytes) and text for text in composed)
    assert query(any_database, last, [pid]) == before
    assert backend.connection.info.transaction_status == TransactionStatus.IDLE
    assert query(any_database, "SELECT to_regnamespace('sqlrail'), to_regclass('_yoyo_migration')") == [
        (None, None)
    ]


def test_what_the_store_knows_of_the_tables_is_replaced_whole(backend: Backend) -> None:
    before: Any = backend.store
    with pytest.raises(FrozenInstanceError):
        before.place = Place()
    with pytest.raises(FrozenInstanceError):
        before.place.has_records = True
    assert not before.place.has_all_own_tables
    assert before.own_tables()
    with backend.locked():
        backend.ask(before.own_tables())
    backend.look()
    assert backend.store.place.has_all_own_tables
    assert backend.store.own_tables() == b""
    assert not before.place.has_all_own_tables
    backend.own_tables_are_gone()
    assert backend.store.own_tables() == before.own_tables()


def test_the_runners_lock_is_never_waited_for_inside_a_transaction(
    backend: Backend, any_database: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = connect(any_database, autocommit=False)
    other.execute("SELECT pg_advisory_xact_lock(%s)", [KEY])
    patience, states = backend.runners_lock.patience(), list[TransactionStatus]()

    def sleep(_: float) -> None:
        states.append(backend.connection.info.transaction_status)
        other.rollback()

    monkeypatch.setattr(lock, "sleep", sleep)
    while not backend.runners_lock.attempt():
        assert backend.connection.info.transaction_status == TransactionStatus.INTRANS
        patience.pause(None)
    assert states == [TransactionStatus.IDLE]
    assert patience.has_waited
    backend.undo()


def test_whoever_has_no_patience_for_the_runners_lock_is_told_who_has_it_and_holds_nothing(
    backend: Backend, any_database: str, connect: Connect
) -> None:
    backend.settings = replace(backend.settings, lock_wait=0.0)
    other = connect(any_database, application_name="another", autocommit=False)
    other.execute("SELECT pg_advisory_xact_lock(%s)", [KEY])
    assert not backend.runners_lock.attempt()
    with pytest.raises(
        Busy, match=f"another .backend {other.info.backend_pid}, .* is at work on this database"
    ):
        backend.runners_lock.patience().pause(None)
    assert backend.connection.info.transaction_status == TransactionStatus.IDLE
