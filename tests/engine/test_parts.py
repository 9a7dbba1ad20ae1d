"""The parts of the engine: each keeps what its docstring promises."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from aftermath import write
from conftest import ROOT, Connect, query
from listeners import Heard
from psycopg import errors as pg
from psycopg.pq import TransactionStatus

from sqlrail.engine import lock
from sqlrail.engine.backend import Backend
from sqlrail.engine.checkpoints import Checkpoints
from sqlrail.engine.news import Applied, News
from sqlrail.engine.operation import Apply
from sqlrail.engine.pipeline import Closing, Pipeline
from sqlrail.engine.steps import Step
from sqlrail.engine.store import KEY, Place
from sqlrail.engine.transactional import Opened, TransactionalRun
from sqlrail.engine.yoyo import YoyoBackend
from sqlrail.errors import Busy, ConnectionLost, DatabaseFailed, MigrationFailed
from sqlrail.files.folder import read_files
from sqlrail.files.pieces import Piece
from sqlrail.ground import events
from sqlrail.ground.events import Event, Said
from sqlrail.ground.settings import Settings
from sqlrail.postgres.giving_way import Tries


@pytest.fixture
def backend(any_database: str, tmp_path: Path) -> Iterator[Backend]:
    folder = write(tmp_path / "files", **{"001_a": "CREATE TABLE a ();\n"})
    with Backend(
        Settings(database_url=any_database, migrations=folder, environment="test"), Heard()
    ) as backend:
        yield backend


def test_what_was_asked_of_the_server_is_replaced_whole_and_never_changed(backend: Backend) -> None:
    before: Any = backend.session.server
    with pytest.raises(FrozenInstanceError):
        before.is_standby = True
    backend.look()
    assert backend.session.server is not before
    assert backend.session.server == before
    assert (before.version, before.is_pooled, before.is_standby) == (
        backend.connection.info.server_version,
        False,
        False,
    )


def test_what_the_store_composes_is_sent_by_nobody(backend: Backend, any_database: str) -> None:
    store, pid = backend.session.store, backend.connection.info.backend_pid
    (file,) = read_files(backend.settings.migrations)[1].values()
    last = "SELECT query_start, state, xact_start FROM pg_stat_activity WHERE pid = %s"
    before = query(any_database, last, [pid])
    composed = [
        store.opening(file, "lock", b"true"),
        store.ending(file),
        store.log_entry(file.id, None, "apply", file.checksum),
        b"1".join(store.record("record", file.id, "hash", "apply", file.checksum)),
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
    before: Any = backend.session.store
    with pytest.raises(FrozenInstanceError):
        before.place = Place()
    with pytest.raises(FrozenInstanceError):
        before.place.has_records = True
    assert not before.place.has_all_own_tables
    assert before.own_tables()
    with backend.locked():
        backend.ask(before.own_tables())
    backend.look()
    assert backend.session.store.place.has_all_own_tables
    assert backend.session.store.own_tables() == b""
    assert not before.place.has_all_own_tables
    backend.own_tables_are_gone()
    assert backend.session.store.own_tables() == before.own_tables()


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
    other = connect(any_database, application_name="another", autocommit=False)
    other.execute("SELECT pg_advisory_xact_lock(%s)", [KEY])
    busy = f"another .backend {other.info.backend_pid}, .* is at work on this database"
    with Backend(replace(backend.settings, lock_wait=0.0), Heard()) as impatient:
        assert not impatient.runners_lock.attempt()
        with pytest.raises(Busy, match=busy):
            impatient.runners_lock.patience().pause(None)
        assert impatient.connection.info.transaction_status == TransactionStatus.IDLE


# How errors are said


def test_what_the_server_refuses_leaves_as_an_error_of_ours_with_all_that_it_says(
    backend: Backend, any_database: str
) -> None:
    with pytest.raises(DatabaseFailed) as failed, Backend(backend.settings, Heard()) as another:
        another.ask(b"DO $$ BEGIN RAISE 'no' USING DETAIL = 'a detail', HINT = 'a hint'; END $$")
    assert str(failed.value) == "the database refused: no. a detail. a hint."
    assert isinstance(failed.value.__cause__, pg.RaiseException)
    said = r"it failed: division by zero\. Nothing was changed\."
    translating = backend.translating("it failed", "it was under way", "Nothing was changed.")
    with pytest.raises(DatabaseFailed, match=said), translating:
        backend.ask(b"BEGIN; CREATE TABLE made (); SELECT 1 / 0")
    assert backend.connection.info.transaction_status == TransactionStatus.IDLE
    assert query(any_database, "SELECT to_regclass('made')") == [(None,)]


def test_a_connection_that_is_lost_is_said_to_be(backend: Backend, any_database: str) -> None:
    query(any_database, "SELECT pg_terminate_backend(%s)", [backend.connection.info.backend_pid])
    said = "the connection was lost while it was under way"
    with pytest.raises(ConnectionLost, match=said), backend.translating("it failed", "it was under way"):
        backend.ask(b"SELECT 1")


# What was committed, and who has heard of it


def test_the_listener_hears_of_each_commit_once_in_order_and_before_anything_else() -> None:
    heard = list[Event]()
    news = News(heard.append)
    news.committed(Applied("001_a", 0.1))
    news.committed(Applied("002_b", 0.2))
    assert heard == []
    news.tell(Said("and so on"))
    news.catch_up()
    assert heard == [events.Applied("001_a", 0.1), events.Applied("002_b", 0.2), Said("and so on")]


def test_what_the_server_has_lost_counts_no_more_and_is_not_told_again() -> None:
    heard = list[Event]()
    news = News(heard.append)
    kept, gone = Applied("001_a", 0.1), Applied("002_b", 0.2)
    news.committed(kept)
    news.committed(gone)
    news.take_back([gone])
    news.committed(gone)
    news.catch_up()
    assert heard == [events.Applied(one.id, one.seconds) for one in (kept, gone, gone)]
    assert news.done == [kept, gone]


# The commit that is owed


def owed(backend: Backend, text: str) -> Closing:
    """The closing of the one file, with that in front of its COMMIT."""
    (file,) = read_files(backend.settings.migrations)[1].values()
    statement = f"{text}; INSERT INTO record VALUES (1); COMMIT;\n".encode()
    return Closing(file, None, statement, Piece(b""), (), True, 0.0, Tries(0.0))


@pytest.fixture
def pipeline(backend: Backend, any_database: str) -> Pipeline:
    query(any_database, "CREATE TABLE record (id int); CREATE TABLE seen (rows bigint)")
    backend.ask(b"BEGIN; CREATE TABLE made (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    return Pipeline(backend.session, backend.news)


def test_a_commit_that_is_owed_goes_before_what_is_sent_next_and_is_told_after_its_answer(
    backend: Backend, pipeline: Pipeline, any_database: str
) -> None:
    pipeline.owe(owed(backend, "SELECT 1"))
    assert backend.done == []
    assert pipeline.deliver(b"INSERT INTO seen SELECT count(*) FROM record").undone is None
    assert [done.id for done in backend.done] == ["001_a"]
    assert query(any_database, "SELECT rows FROM seen") == [(1,)]
    assert query(any_database, "SELECT to_regclass('made') IS NOT NULL") == [(True,)]


def test_one_commit_is_owed_at_the_most(backend: Backend, pipeline: Pipeline) -> None:
    pipeline.owe(owed(backend, "SELECT 1"))
    with pytest.raises(AssertionError):
        pipeline.owe(owed(backend, "SELECT 2"))
    pipeline.drop()
    pipeline.owe(owed(backend, "SELECT 3"))


def test_behind_a_commit_that_fails_nothing_is_run_and_nothing_is_told(
    backend: Backend, pipeline: Pipeline, any_database: str
) -> None:
    closing = owed(backend, "INSERT INTO made VALUES (1), (1)")
    pipeline.owe(closing)
    delivery = pipeline.deliver(b"INSERT INTO seen VALUES (0)")
    assert delivery.undone is closing
    assert isinstance(delivery.answer.error, pg.UniqueViolation)
    backend.undo()
    assert backend.done == []
    assert query(any_database, "SELECT FROM seen") == query(any_database, "SELECT FROM record") == []
    assert query(any_database, "SELECT to_regclass('made')") == [(None,)]


def test_a_file_that_ended_its_transaction_is_not_told_as_applied(
    backend: Backend, pipeline: Pipeline
) -> None:
    closing = owed(backend, "SELECT 1")
    pipeline.owe(replace(closing, text=b"COMMIT;"))
    with pytest.raises(MigrationFailed, match="it ended the transaction that it ran in"):
        pipeline.deliver(b"SELECT 1")
    assert backend.done == []


# One file


def test_a_file_that_has_run_is_not_committed_before_its_closing_is(
    backend: Backend, any_database: str
) -> None:
    migrations, files = read_files(backend.settings.migrations)
    (migration,), (file,) = migrations, files.values()
    backend.prepare()
    run = TransactionalRun(backend.session, backend.news, Apply(migrations), file, migration, marks=True)
    rows = backend.ask(b"BEGIN; SELECT txid_current()")
    closing = run.run(Opened(rows[0][0], False, False, 0.0), Tries(0.0), lambda: None)
    assert backend.connection.info.transaction_status == TransactionStatus.INTRANS
    assert closing.text.endswith(b"COMMIT;\n")
    backend.undo()
    assert query(any_database, "SELECT to_regclass('a')") == [(None,)]
    assert query(any_database, "SELECT FROM _yoyo_migration") == []


def test_a_note_that_does_not_follow_on_the_last_one_fails_and_leaves_that_one(
    backend: Backend, any_database: str, connect: Connect
) -> None:
    (file,) = read_files(backend.settings.migrations)[1].values()
    with backend.locked():
        backend.ask(backend.own_tables())
    backend.look()
    worker, key = connect(any_database), {"id": file.id, "hash": "hash", "operation": "apply"}
    first, second = (Checkpoints(backend.session, worker, file, key) for _ in range(2))
    first.note(Step(1, Piece(b""), b"", "one"))
    with pytest.raises(DatabaseFailed, match="the checkpoints of 001_a cannot be kept"):
        second.note(Step(1, Piece(b""), b"", "other"))
    worker.execute("ROLLBACK")
    assert query(any_database, "SELECT done, checksum FROM sqlrail.progress") == [(1, "one")]


# What yoyo calls


def test_yoyo_is_given_every_migration_and_runs_none_itself(backend: Backend) -> None:
    (migration,) = migrations = read_files(backend.settings.migrations)[0]
    given = list[object]()
    yoyo = YoyoBackend(backend.session, backend.recorded, lambda *it: given.append(it))
    yoyo.apply_migrations_only(migrations)
    yoyo.rollback_migrations(migrations)
    yoyo.run_post_apply(migrations)
    assert given == [(migration, True), (migration, True)]
    assert backend.connection.info.transaction_status == TransactionStatus.IDLE
    assert not yoyo.get_applied_migration_hashes()


def test_a_look_at_what_is_recorded_takes_no_lock_and_writes_nothing(
    backend: Backend, any_database: str
) -> None:
    backend.prepare()
    backend.ask(b"BEGIN; SELECT 1")
    backend.recorded.read_history()
    held = "SELECT count(*) FROM pg_locks WHERE pid = %s AND (locktype = 'advisory' OR mode <> 'AccessShareLock')"
    (kinds,) = query(
        any_database, f"{held} AND locktype <> 'virtualxid'", [backend.connection.info.backend_pid]
    )
    assert kinds == (0,)
    backend.undo()


# All of them

PACKAGE = ROOT / "sqlrail"
#: rooms whose modules use the parts
ROOMS = ("engine", "scratch", "verbs")
#: what an exception is given
GIVEN = {"args", "applied", "rolled_back", "statement"}


def test_no_class_is_longer_than_250_lines() -> None:
    long = {
        f"{path.relative_to(PACKAGE)}: {it.name}": lines
        for path in PACKAGE.rglob("*.py")
        for it in classes(path)
        if (lines := (it.end_lineno or 0) - it.lineno + 1) > 250
    }
    assert long == {}


def test_no_class_overrides_what_another_keeps_to_itself() -> None:
    modules = [
        import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for path in PACKAGE.rglob("[!_]*.py")
    ]
    overridden = {
        f"{module.__name__}.{kind.__name__}.{name}"
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and kind.__module__ == module.__name__
        for base in kind.__mro__[1:]
        if base.__module__.startswith(("sqlrail.", "yoyo."))
        for name, of_base in vars(base).items()
        if re.match("_(?!_)", name) and callable(of_base) and name in vars(kind)
    }
    assert overridden == set()


def test_nobody_sets_what_a_part_of_the_engine_has() -> None:
    own = {
        target.attr
        for path in (PACKAGE / "engine").glob("*.py")
        for it in classes(path)
        for target in assigned(it)
        if is_own(target)
    }
    set_from_outside = {
        f"{room}/{path.name}:{target.lineno} {ast.unparse(target)}"
        for room in ROOMS
        for path in (PACKAGE / room).glob("*.py")
        for target in assigned(tree(path))
        if not is_own(target) and target.attr in own - GIVEN
    }
    assert set_from_outside == set()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def classes(path: Path) -> Iterator[ast.ClassDef]:
    return (it for it in ast.walk(tree(path)) if isinstance(it, ast.ClassDef))


def assigned(part: ast.AST) -> Iterator[ast.Attribute]:
    """The attributes that are assigned to."""
    return (it for it in ast.walk(part) if isinstance(it, ast.Attribute) and isinstance(it.ctx, ast.Store))


def is_own(target: ast.Attribute) -> bool:
    return isinstance(target.value, ast.Name) and target.value.id == "self"
