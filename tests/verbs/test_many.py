"""Many schemas of one database: read together, worked on over kept connections, each as if it were alone."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aftermath import write
from conftest import Connect, query
from listeners import Heard
from psycopg import sql
from traces import wait_until_alone

from sqlrail.engine.backend import Backend
from sqlrail.engine.session import Session
from sqlrail.engine.store import YOYO
from sqlrail.errors import BadFile, MigrationFailed, Refused, SqlrailError, UsageError
from sqlrail.ground.settings import Settings
from sqlrail.postgres import streams, wire
from sqlrail.records.tenants import recorded
from sqlrail.verbs.apply import Migrated, migrate, status
from sqlrail.verbs.many import Many

Connection = psycopg.Connection[Any]
NAMES = ("acme", 'a"b c.d', "globex", "newt")
FILES = {
    "001_orders": "CREATE TABLE orders (id int PRIMARY KEY);\n",
    "002_rows": "-- transactional: false\nINSERT INTO orders VALUES (1);\nVACUUM orders;\n",
    "003_total": "ALTER TABLE orders ADD COLUMN total int;\n",
    "post-apply": "CREATE TABLE IF NOT EXISTS visits (id int);\nINSERT INTO visits VALUES (1);\n",
}


@pytest.fixture
def settings(any_database: str, tmp_path: Path) -> Settings:
    for name in NAMES:
        query(any_database, sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)).as_string())
    return Settings(
        database_url=any_database, migrations=write(tmp_path / "files", **FILES), environment="test"
    )


def of(settings: Settings, tenant: str, **more: Any) -> Settings:
    return replace(settings, tenant=tenant, **more)


def each(
    settings: Settings, names: tuple[str, ...] = NAMES, **how: Any
) -> dict[str, Migrated | SqlrailError]:
    """What becomes of each."""
    done: dict[str, Migrated | SqlrailError] = {}
    with Many(settings, Heard()) as many:
        many.survey(names)
        for name in names:
            try:
                done[name] = many.migrate(of(settings, name), Heard(), **how)
            except SqlrailError as exc:
                done[name] = exc
    return done


def applied(done: dict[str, Migrated | SqlrailError]) -> dict[str, list[str]]:
    return {name: [it.id for it in one.applied] for name, one in done.items() if isinstance(one, Migrated)}


@contextmanager
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """The messages that are sent meanwhile."""
    sent, send, copies_out = list[bytes](), wire.send, streams.copies_out

    def noting(connection: Any, text: bytes, answer: wire.Answer, **how: Any) -> wire.Answer:
        sent.append(text)
        return send(connection, text, answer, **how)

    def noting_copies(connection: Any, text: bytes) -> list[bytes]:
        sent.append(text)
        return copies_out(connection, text)

    with monkeypatch.context() as patch:
        patch.setattr(wire, "send", noting)
        patch.setattr(streams, "copies_out", noting_copies)
        yield sent


def connections(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """For whom each connection was opened from here on."""
    opened, connect = list[str | None](), Session.connect

    def noting(session: Session, options: str | None = None) -> Any:
        opened.append(session.settings.tenant)
        return connect(session, options)

    monkeypatch.setattr(Session, "connect", noting)
    return opened


def test_each_is_whole_and_nothing_is_done_twice(settings: Settings, any_database: str) -> None:
    ids = list(FILES)[:3]
    assert applied(each(settings)) == dict.fromkeys(NAMES, ids)
    assert applied(each(settings)) == {name: [] for name in NAMES}
    for name in NAMES:
        assert status(of(settings, name), Heard()).is_well()
        schema = sql.Identifier(name).as_string()
        for table, rows in (("orders", [(1, None)]), ("visits", [(1,)])):
            assert query(any_database, f"SELECT * FROM {schema}.{table}") == rows
    assert query(any_database, "SELECT environment FROM sqlrail.stamp") == [("test",)]


def test_who_is_up_to_date_has_no_turn_and_a_small_file_takes_two_messages(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    each(settings)
    with Many(settings, Heard()) as many, asked(monkeypatch) as sent:
        many.survey(NAMES)
        assert len(sent) == 3
        for name in NAMES:
            assert many.migrate(of(settings, name), Heard()) == Migrated((), 3)
        assert len(sent) == 3
    write(settings.migrations, **{"004_more": "ALTER TABLE orders ADD COLUMN more int;\n"})
    (settings.migrations / "post-apply.sql").unlink()
    opened = connections(monkeypatch)
    with Many(settings, Heard()) as many:
        many.survey(NAMES)
        many.migrate(of(settings, NAMES[0]), Heard())
        for name in NAMES[1:]:
            with asked(monkeypatch) as sent:
                many.migrate(of(settings, name), Heard())
            assert len(sent) == 2, sent
    assert opened == [None, NAMES[0]]


def test_what_was_done_since_the_survey_is_not_done_again(settings: Settings) -> None:
    each(settings, to="001")
    with Many(settings, Heard()) as many:
        many.survey(NAMES)
        migrate(of(settings, "acme"), Heard())
        done = many.migrate(of(settings, "acme"), Heard())
    assert [it.id for it in done.applied] == []
    assert status(of(settings, "acme"), Heard()).is_well()


def test_those_with_the_same_records_are_read_once_and_others_by_themselves(settings: Settings) -> None:
    each(settings, NAMES[:2])
    each(settings, NAMES[2:3], to="001")
    with Many(settings, Heard()) as many:
        many.survey(NAMES)
        assert [many.newest(name) for name in NAMES] == ["003_total", "003_total", "001_orders", None]


def test_one_that_fails_is_named_and_the_others_go_on(
    settings: Settings, any_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    each(settings)
    query(any_database, "ALTER TABLE globex.orders ADD COLUMN more int")
    write(settings.migrations, **{"004_more": "ALTER TABLE orders ADD COLUMN more int;\n"})
    opened = connections(monkeypatch)
    done = each(settings)
    assert isinstance(done["globex"], MigrationFailed)
    assert applied(done) == {name: ["004_more"] for name in NAMES if name != "globex"}
    assert len(opened) == 2
    assert not status(of(settings, "globex"), Heard()).is_well()


def test_what_a_survey_cannot_read_is_looked_at_alone(
    settings: Settings, any_database: str, connect: Connect
) -> None:
    each(settings)
    settings = replace(settings, lock_timeout=0.05, lock_wait=0.1)
    query(
        any_database, "UPDATE globex._yoyo_migration SET migration_id = NULL WHERE migration_id = '003_total'"
    )
    query(any_database, "DROP SCHEMA newt CASCADE; DELETE FROM acme._yoyo_version")
    other = connect(any_database, autocommit=False)
    other.execute('LOCK TABLE "a""b c.d"._yoyo_log')
    with Many(settings, Heard()) as many:
        many.survey(NAMES)
        assert [many.newest(name) for name in NAMES] == ["003_total", None, None, None]
        other.rollback()
        assert many.migrate(of(settings, NAMES[1]), Heard()).applied == ()
        with pytest.raises(SqlrailError, match="have no migration_id"):
            many.migrate(of(settings, "globex"), Heard())
        with pytest.raises(UsageError, match="no schema newt"):
            many.migrate(of(settings, "newt"), Heard())
        assert many.migrate(of(settings, "acme"), Heard()).applied == ()  # there is nothing to write
    write(settings.migrations, **{"004_more": "ALTER TABLE orders ADD COLUMN more int;\n"})
    with Many(settings, Heard()) as many:
        many.survey(NAMES[:2])
        assert [many.newest(name) for name in NAMES[:2]] == [None, "003_total"]
        with pytest.raises(Refused, match="half a history"):
            many.migrate(of(settings, "acme"), Heard())


AGAIN = """
    INSERT INTO {{0}}._yoyo_log
    SELECT md5(random()::text), migration_hash, migration_id, operation, username, hostname, '{}', {}
    FROM {{0}}._yoyo_log;
"""
#: what may be in yoyo's tables, {0}'s
HISTORIES = {
    "spelling": "UPDATE {0}._yoyo_migration SET migration_id = E'a\\\\N\tb\\n\nc' WHERE migration_id ~ '^001';"
    "UPDATE {0}._yoyo_log SET comment = E'sha256:\\\\\t' WHERE migration_id ~ '^002'",
    "nothing": "UPDATE {0}._yoyo_log SET comment = NULL WHERE migration_id ~ '^002'",
    "no log": "DELETE FROM {0}._yoyo_log",
    "no record": "DELETE FROM {0}._yoyo_migration",
    "later": AGAIN.format("sha256:later", "created_at_utc + interval '1 s'"),
    "earlier": AGAIN.format("sha256:earlier", "created_at_utc - interval '9 years'"),
    "no time": AGAIN.format("sha256:never", "NULL"),
}


@pytest.mark.parametrize("kind", HISTORIES)
def test_a_survey_reads_what_one_alone_would(database: str, tmp_path: Path, kind: str) -> None:
    query(database, "CREATE SCHEMA acme; CREATE SCHEMA globex")
    settings = Settings(
        database_url=database, migrations=write(tmp_path / "files", **FILES), environment="test"
    )
    each(settings, ("acme", "globex"))
    query(database, HISTORIES[kind].format("globex"))
    german = replace(settings, database_url=f"{database}&options=-cdatestyle%3Dgerman")
    with Backend(german, Heard()) as backend:
        read = dict(recorded(backend, ("acme", "globex"), YOYO.records, YOYO.log, b""))
    for name in ("acme", "globex"):
        with Backend(of(settings, name), Heard()) as alone:
            assert {*read[name].records} == {
                (record.id, record.hash, record.checksum) for record in alone.records
            }


def test_an_edited_file_is_refused_everywhere_where_it_ran(settings: Settings) -> None:
    each(settings, NAMES[:2])
    each(settings, NAMES[2:], to="001")
    write(settings.migrations, **{"003_total": "ALTER TABLE orders ADD COLUMN total bigint;\n"})
    done = each(settings)
    assert [type(done[name]) for name in NAMES] == [Refused, Refused, Migrated, Migrated]


def test_a_kept_connection_that_was_ended_is_made_again(
    settings: Settings, any_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = connections(monkeypatch)
    with Many(settings, Heard()) as many:
        many.survey(NAMES)
        for name in NAMES:
            many.migrate(of(settings, name), Heard())
            query(
                any_database,
                "SELECT pg_terminate_backend(pid, 9999) FROM pg_stat_activity "
                "WHERE application_name ~ '^sqlrail' AND datname = current_database() AND pid <> %s",
                [many.backend.connection.info.backend_pid],
            )
    assert {*NAMES} <= {*opened}


def test_several_threads_have_a_connection_each(settings: Settings, any_database: str) -> None:
    names = [f"tenant {number}" for number in range(12)]
    for name in names:
        query(any_database, f'CREATE SCHEMA "{name}"')
    with Many(settings, Heard()) as many, ThreadPoolExecutor(3) as pool:
        many.survey(names)
        done = pool.map(lambda name: many.migrate(of(settings, name), Heard()), names)
        assert [len(it.applied) for it in done] == [3] * 12
    with psycopg.connect(any_database, autocommit=True) as connection:
        wait_until_alone(connection)  # each has left
    with Many(settings, Heard()) as many:
        many.survey(names)
        assert {many.newest(name) for name in names} == {"003_total"}
        assert many.status(of(settings, names[0]), Heard()).is_well()


def test_what_one_has_run_is_still_looked_at_for_another(settings: Settings) -> None:
    files = write(
        settings.migrations.parent / "goose", **{"000_gone": "SELECT 0;\n", "001_goods": "SELECT 1;\n"}
    )
    own = replace(settings, migrations=files)
    each(own, NAMES[1:2])
    (files / "000_gone.sql").unlink()
    write(files, **{"001_goods": "-- +goose Up\nCREATE TABLE goods (id int);\n"})
    done = each(own, NAMES[:3])
    assert isinstance(done[NAMES[1]], Refused)
    for name in (NAMES[0], NAMES[2]):
        assert isinstance(done[name], BadFile)
        assert "goose" in str(done[name])
