"""The story that the project exists for: a deployment that fails, and the one command that mends it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import Connect, run
from psycopg import sql
from traces import traces

ORPHAN = "c11ed8a9-ba3a-4c97-917e-0600e4985488"
ADD_KEY = """
    ALTER TABLE usage_analytics ADD CONSTRAINT usage_analytics_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
"""
TABLES = (
    "users", "subscriptions", "sessions", "user_behaviors", "analytics_reports", "onboarding_steps",
    "onboarding_answers", "usage_analytics",
)  # fmt: skip

Connection = psycopg.Connection[Any]


@pytest.fixture
def deployed(any_database: str, connect: Connect) -> Connection:
    """The database as the ORM left it, the event of a deleted user in it."""
    connection = connect(any_database)
    connection.execute((Path(__file__).parent / "orm.sql").read_bytes())
    return connection


def rows(connection: Connection) -> dict[str, list[Any]]:
    """Every row but the orphan's, with its place and the transaction that wrote it."""
    read = sql.SQL("SELECT ctid, xmin, {0}::text FROM {0} WHERE {0}::text NOT LIKE {1} ORDER BY id")
    return {
        table: connection.execute(read.format(sql.Identifier(table), f"%{ORPHAN}%")).fetchall()
        for table in TABLES
    }


def migrate(url: str, *more: str) -> str:
    done = run("migrate", *more, env={"DATABASE_URL": url, "APP_ENV": "production"})
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_adding_the_key_fails_as_the_deployment_did(deployed: Connection) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation) as caught:
        deployed.execute(ADD_KEY)
    diag = caught.value.diag
    assert diag.message_primary == (
        'insert or update on table "usage_analytics" violates foreign key constraint "usage_analytics_user_id_fkey"'
    )
    assert diag.message_detail == f'Key (user_id)=({ORPHAN}) is not present in table "users".'


def test_migrate_alone_mends_the_deployment(deployed: Connection, any_database: str) -> None:
    before = rows(deployed)
    assert sum(map(len, before.values())) == 11
    out = migrate(any_database)
    assert "usage_analytics.user_id -> users.id: 1 row deleted, 1 row archived (run 1)" in out
    assert out.endswith("done: 4 applied now, 0 before\n")
    key = deployed.execute(
        """SELECT pg_get_constraintdef(oid), convalidated FROM pg_constraint
            WHERE conrelid = 'usage_analytics'::regclass AND conname = 'usage_analytics_user_id_fkey'"""
    ).fetchall()
    assert key == [("FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE", True)]
    assert rows(deployed) == before
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        deployed.execute(
            "INSERT INTO usage_analytics (id, user_id, event_type) VALUES (gen_random_uuid(), %s, 'x')",
            [ORPHAN],
        )


def test_the_orphan_is_in_the_archive_with_every_cell(deployed: Connection, any_database: str) -> None:
    migrate(any_database)
    assert deployed.execute(
        "SELECT run, relation, source, action, cells FROM sqlrail.archive"
    ).fetchall() == [
        (
            1,
            "usage_analytics.user_id -> users.id",
            "public.usage_analytics",
            "orphan",
            {
                "id": "7b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a03",
                "user_id": ORPHAN,
                "event_type": "login",
                "event_data": '{"method": "google"}',
                "session_id": "s2",
                "ip_address": None,
                "user_agent": "Mozilla/5.0",
                "created_at": "2024-03-05 18:20:00+00",
            },
        )
    ]
    assert deployed.execute("SELECT id, verb, migration_id FROM sqlrail.run").fetchall() == [
        (1, "migrate", "004_usage_analytics")
    ]


def test_a_second_run_says_that_there_is_nothing_to_do(deployed: Connection, any_database: str) -> None:
    migrate(any_database)
    before = traces(deployed)
    assert migrate(any_database) == "nothing to do: 4 applied, 0 pending\n"
    assert traces(deployed) == before


def test_the_cleanup_alone_makes_way_for_the_key(deployed: Connection, any_database: str) -> None:
    """As whoever has to stay with the ORM would do it."""
    before = rows(deployed)
    environment = {"DATABASE_URL": any_database, "APP_ENV": "production"}
    done = run("cleanup", env=environment)
    assert (done.returncode, done.stderr) == (0, "usage_analytics.user_id -> users.id: 1 orphan\n")
    assert "usage_analytics.user_id -> users.id: 1 row deleted, 1 row archived (run 1)" in done.stdout
    deployed.execute(ADD_KEY)
    assert rows(deployed) == before
    assert run("cleanup", env=environment).stdout.endswith("no orphans\n")
