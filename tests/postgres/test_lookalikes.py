"""Whoever may create in a schema of the search_path gets nothing run: our names lead to PostgreSQL's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import Connect
from console import Sqlrail, put
from console import sqlrail as sqlrail

from sqlrail.engine.store import KEY
from sqlrail.postgres import wire
from sqlrail.testing.template import template

Connection = psycopg.Connection[Any]
Safe = Callable[..., str]
LOOKALIKES = (Path(__file__).parents[1] / "lookalikes.sql").read_bytes()
#: what every look-alike answers
CAUGHT = ("shell type", "violates check constraint")
#: one schema to write to, one where somebody else may create, and only then PostgreSQL's own
PATH = "public, information_schema, pg_catalog"

FILES = {
    "migrations/001_tables.sql": """
        CREATE TABLE users (id int PRIMARY KEY);
        CREATE TABLE orders (id int PRIMARY KEY, user_id int, note varchar);
        CREATE TABLE lines (id int PRIMARY KEY, order_id int REFERENCES orders ON DELETE CASCADE);
        CREATE TABLE pets (id int PRIMARY KEY, user_id int);
        CREATE TABLE heaps (id int);
        CREATE TABLE nodes (id int PRIMARY KEY, up int);
    """,
    "migrations/001_tables.rollback.sql": "DROP TABLE nodes, heaps, pets, lines, orders, users",
    "migrations/002_key.sql": """-- cleanup: orders.user_id -> users.id
        ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;
    """,
    "migrations/002_key.rollback.sql": "ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey",
    "migrations/003_pets.sql": """
        ALTER TABLE pets ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL NOT VALID;
    """,
    "migrations/003_pets.rollback.sql": "ALTER TABLE pets DROP CONSTRAINT pets_user_id_fkey",
    "migrations/004_index.sql": """-- transactional: false
        CREATE INDEX CONCURRENTLY orders_user_id ON orders (user_id);
        REINDEX TABLE CONCURRENTLY orders;
    """,
    "migrations/004_index.rollback.sql": "DROP INDEX CONCURRENTLY orders_user_id",
    "migrations/post-apply.sql": "GRANT SELECT ON orders TO PUBLIC",
}  # fmt: skip
ROWS = """
    INSERT INTO users VALUES (1), (2);
    INSERT INTO orders SELECT n, n % 4 FROM generate_series(1, 40) AS n;
    INSERT INTO lines SELECT n, n FROM generate_series(1, 40) AS n;
    INSERT INTO pets SELECT n, n % 4 FROM generate_series(1, 8) AS n;
    INSERT INTO nodes VALUES (1, 0), (2, 1), (11, 10), (12, 11), (13, NULL);
"""


@pytest.fixture
def own(any_database: str, connect: Connect) -> Connection:
    """A connection that is spared, to a database where others' look-alikes lie."""
    connection = connect(any_database, options="-c search_path=public")
    connection.execute(LOOKALIKES)
    connection.execute(
        psycopg.sql.SQL("ALTER DATABASE {} SET search_path = " + PATH).format(
            psycopg.sql.Identifier(connection.info.dbname)
        )
    )
    return connection


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The files of sql/ that were sent."""
    names, template = set[str](), wire._template

    def noting(name: str, commented: bool) -> Any:
        names.add(name)
        return template(name, commented)

    monkeypatch.setattr(wire, "_template", noting)
    return names


@pytest.fixture
def safe(sqlrail: Sqlrail, own: Connection, any_database: str) -> Safe:
    """Calls a verb, which ends as told and meets no look-alike, not even one whose error it passes over."""
    env = {"DATABASE_URL": any_database, "SQLRAIL_ENV": "development", "USER": "ann"}
    log = Path(own.info.host).parent / "log"

    def met() -> str:
        return "".join(
            re.findall(rf"ERROR:.*(?:{'|'.join(CAUGHT)})[^\0]*?STATEMENT:.*", log.read_text(errors="replace"))
        )

    def call(*arguments: str, code: int = 0, env: dict[str, str] = env) -> str:
        before = met()
        done = sqlrail(*arguments, env=env)
        said = done.out + done.err
        assert (done.code, met().removeprefix(before)) == (code, ""), (arguments, said)
        return said

    return call


def test_a_statement_of_somebodys_own_meets_them(
    own: Connection, any_database: str, connect: Connect
) -> None:
    assert own.execute("SELECT 1 = 1").fetchall() == [(True,)]
    for text in (
        "SELECT 1 = 1",
        "SELECT count(*) FROM (VALUES (1)) AS v",
        "SELECT now()",
        "SELECT 1 IN (1)",
        "SELECT 'a'::text",
    ):
        with pytest.raises(psycopg.Error, match="|".join(CAUGHT)):
            connect(any_database).execute(text.encode())


def test_no_verb_meets_a_look_alike(safe: Safe, own: Connection, sent: set[str]) -> None:
    put(FILES)
    safe("status")
    safe("plan")
    safe("migrate", "--to", "001")
    own.execute(ROWS.encode())
    safe("plan")
    safe("cleanup", "--dry-run", "--relation", "orders.user_id -> users.id")
    safe("migrate", "--json")
    safe("migrate")
    safe("status", "--check")
    safe("cleanup", "--dry-run")
    safe("cleanup", "--all", "--dry-run")
    safe("cleanup", "--print-sql")
    safe("cleanup")
    safe("cleanup", "--relation", "nodes.up -> nodes.id")
    own.execute("INSERT INTO nodes VALUES (1, 0), (2, 1)")
    safe("cleanup", "--online", "--relation", "nodes.up -> nodes.id")
    own.execute("INSERT INTO nodes VALUES (1, 0), (2, 1)")
    own.execute("ALTER TABLE nodes ADD FOREIGN KEY (up) REFERENCES nodes NOT VALID")
    safe("cleanup", "--online", "--relation", "nodes.up -> nodes.id")
    safe("archive", "list")
    own.execute("INSERT INTO users VALUES (0), (3)")
    safe("restore", "1")
    safe("restore", "2")
    safe("drift")
    safe("schema")
    safe("doctor")
    safe("rollback", "--steps", "3")
    own.execute("DELETE FROM users WHERE id = 3")
    own.execute("UPDATE orders SET user_id = 17 WHERE id < 6")
    safe("cleanup", "--online", "--relation", "orders.user_id -> users.id")
    safe("archive", "purge", "--older-than", "0s", "--yes")
    safe("migrate")
    for end in ("sql", "rollback.sql"):
        Path(f"migrations/003_pets.{end}").rename(f"migrations/003_cats.{end}")
    safe("repair", "--yes")
    safe("stamp", "test", "--name", own.info.dbname)
    own.close()
    safe("reset", "--yes")
    assert len(sent) > 150


def test_no_failure_meets_one(safe: Safe, own: Connection, connect: Connect, any_database: str) -> None:
    put(
        {
            "migrations/001_a.sql": "CREATE TABLE a (id int PRIMARY KEY, b int REFERENCES a)",
            "migrations/post-apply.sql": "-- transactional: false\nVACUUM a",
        }
    )
    safe("migrate")
    own.execute("BEGIN; LOCK TABLE a")
    put({"migrations/002_b.sql": "ALTER TABLE a ADD c int"})
    assert "is waited for" in safe("migrate", "--lock-timeout", "1500ms", "--retry-for", "0s", code=1) or True
    own.execute("ROLLBACK")
    put({"migrations/002_b.sql": "-- transactional: false\nCREATE UNIQUE INDEX CONCURRENTLY a_b ON a (b)"})
    own.execute("INSERT INTO a VALUES (1, 1), (2, 1)")
    safe("migrate", code=1)
    own.execute("DELETE FROM a WHERE id = 2")
    safe("migrate")
    other = connect(any_database, autocommit=False, options="-c search_path=public")
    other.execute("SELECT pg_advisory_xact_lock(%s)", [KEY])
    put({"migrations/003_c.sql": "SELECT"})
    assert "another runner" in safe("migrate", "--lock-wait", "0.1s", code=1)


def test_a_weak_role_is_told_what_it_lacks(own: Connection, any_database: str, sqlrail: Sqlrail) -> None:
    role = f"weak_{own.info.backend_pid}"
    own.execute(f"CREATE ROLE {role}".encode())
    try:
        put({"migrations/001_a.sql": "CREATE TABLE a ()"})
        done = sqlrail("migrate", env={"DATABASE_URL": f"{any_database}&options=-c%20role%3D{role}"})
        assert (done.code, "GRANT CREATE ON SCHEMA public" in done.err) == (1, True), done.err
    finally:
        own.execute(f"DROP ROLE {role}".encode())


@pytest.mark.usefixtures("own")
def test_no_template_meets_one(any_database: str, tmp_path: Path) -> None:
    put(FILES, tmp_path)
    with (
        template(any_database, tmp_path / "migrations") as made,
        made.copy() as url,
        psycopg.connect(url) as connection,
    ):
        assert connection.execute("TABLE users").fetchall() == []
