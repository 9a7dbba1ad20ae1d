"""Databases that tests have used, made as they were: by the next test they are like new ones, or they are new ones."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import psycopg
import pytest
from conftest import fresh_database, query
from console import put
from psycopg.conninfo import conninfo_to_dict
from test_ahead import UNITTEST, is_at_work, kinds, run
from test_pytest_plugin import HOLDING, finish, left, replicating, start
from waiting import wait_for

from sqlrail.errors import UsageError
from sqlrail.server import local
from sqlrail.testing.template import Template, Way, template

replicating = replicating

FILES = {
    "001_tables.sql": """
        CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
        CREATE TABLE orders (id serial PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, at timestamptz);
        CREATE TABLE plans (code text PRIMARY KEY, price int NOT NULL);
        INSERT INTO plans VALUES ('free', 0), ('paid', 10);
        CREATE TABLE log (n int, y int) PARTITION BY RANGE (y);
        CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (1) TO (2);
        CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM (2) TO (3);
        CREATE TABLE "odd; name" ("a %s {x}" int);
        CREATE SEQUENCE apart START 5;
        SELECT setval('apart', 40, false);
        CREATE MATERIALIZED VIEW prices AS SELECT sum(price) AS all FROM plans;
        CREATE UNIQUE INDEX ON prices ("all");
    """,
    "002_guards.sql": """
        CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'never deleted'; END $$;
        CREATE TABLE kept (n int);
        CREATE TRIGGER forbid BEFORE DELETE ON kept FOR EACH ROW EXECUTE FUNCTION forbid();
        CREATE TABLE watched (n int);
        CREATE TABLE watching (n int);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO watching VALUES (old.n); RETURN old; END $$;
        CREATE TRIGGER note AFTER DELETE ON watched FOR EACH ROW EXECUTE FUNCTION note();
        ALTER TABLE watched ENABLE ALWAYS TRIGGER note;
    """,
}
#: what a test does to its database, where that can be taken back
WRITES = {
    "nothing": [],
    "rows with a key between them": [
        "INSERT INTO users (name) VALUES ('a'), ('b')", "INSERT INTO orders (user_id) SELECT id FROM users",
    ],
    "rows beside those of the files": ["INSERT INTO plans VALUES ('gold', 100)"],
    "rows beside, changed several times": [
        "INSERT INTO plans VALUES ('gold', 100)", "UPDATE plans SET price = 5 WHERE code = 'gold'",
        "DELETE FROM plans WHERE code = 'gold'", "INSERT INTO plans VALUES ('gold', 7)",
    ],
    "rows in partitions": ["INSERT INTO log VALUES (1, 1), (2, 2)", "UPDATE log SET y = 2 WHERE y = 1"],
    "a row that no trigger lets go": ["INSERT INTO kept VALUES (1)"],
    "odd names": ['INSERT INTO "odd; name" VALUES (1)'],
    "sequences": ["SELECT nextval('apart'), nextval('orders_id_seq')", "SELECT setval('apart', 9, false)"],
    "what is rolled back": [
        "BEGIN; DROP TABLE orders; UPDATE plans SET price = 3; CREATE TABLE x (); DELETE FROM plans; ROLLBACK",
    ],
    "a table of its own that it drops": ["CREATE TABLE mine (n int)", "DROP TABLE mine"],
    "ANALYZE and VACUUM": ["INSERT INTO users (name) VALUES ('a')", "ANALYZE", "VACUUM"],
    "locks": ["SELECT pg_advisory_lock(1)", "SELECT * FROM plans FOR UPDATE"],
}  # fmt: skip
#: the same, where it cannot
USED_UP = {
    "a row of the files changed": ["UPDATE plans SET price = 1 WHERE code = 'paid'"],
    "a row of the files written once more": ["UPDATE plans SET price = price WHERE code = 'paid'"],
    "a row of the files deleted": ["DELETE FROM plans WHERE code = 'free'"],
    "as many rows for those of the files": ["DELETE FROM plans", "INSERT INTO plans VALUES ('a', 1), ('b', 2)"],
    "rows whose deletion is always noted": ["INSERT INTO watched VALUES (1)"],
    "a materialized view": [
        "INSERT INTO plans VALUES ('gold', 100)", "REFRESH MATERIALIZED VIEW CONCURRENTLY prices",
    ],
    "a record": ["DELETE FROM _yoyo_log"],
    "TRUNCATE": ["TRUNCATE plans"],
    "TRUNCATE of an empty table": ["TRUNCATE log"],
    "a table": ["CREATE TABLE mine ()"],
    "a temporary table, whose schema stays": ["CREATE TEMP TABLE mine ()"],
    "a table gone": ["DROP TABLE orders"],
    "a table gone and made again": ["DROP TABLE watching", "CREATE TABLE watching (n int)"],
    "a column": ["ALTER TABLE users ADD COLUMN age int"],
    "a default": ["ALTER TABLE users ALTER COLUMN name SET DEFAULT 'x'"],
    "a function": ["CREATE OR REPLACE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN old; END'"],
    "a function's setting": ["ALTER FUNCTION note() SET work_mem = '1MB'"],
    "a trigger that is off": ["ALTER TABLE kept DISABLE TRIGGER forbid"],
    "a comment": ["COMMENT ON TABLE users IS 'x'"],
    "a privilege": ["GRANT SELECT ON users TO PUBLIC"],
    "a privilege by default": ["ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC"],
    "a schema": ["CREATE SCHEMA mine"],
    "a label": ["CREATE TYPE mine AS ENUM ('a')"],
    "an extension": ["CREATE EXTENSION IF NOT EXISTS plpgsql", "DROP EXTENSION plpgsql CASCADE"],
    "a sequence's step": ["ALTER SEQUENCE apart INCREMENT 2"],
    "a sequence gone": ["DROP SEQUENCE apart"],
    "statistics": ["CREATE STATISTICS mine ON n, y FROM log"],
    "a large object": ["SELECT lo_from_bytea(0, 'x')"],
    "a setting of the database": ["ALTER DATABASE {name} SET work_mem = '1MB'"],
    "a limit": ["ALTER DATABASE {name} CONNECTION LIMIT 5"],
    "being a template": ["ALTER DATABASE {name} IS_TEMPLATE true"],
    "a privilege on the database": ["GRANT CREATE ON DATABASE {name} TO PUBLIC"],
    "counters set back": ["UPDATE plans SET price = 3; SELECT pg_stat_force_next_flush()", "SELECT pg_stat_reset()"],
    "a counter set back": ["SELECT pg_stat_reset_single_table_counters('plans'::regclass)"],
    "very many rows": ["INSERT INTO users (name) SELECT repeat('x', 100) FROM generate_series(1, 200000)"],
}  # fmt: skip


def everything(url: str) -> str:
    """What pg_dump says, and where the sequences are, which for some of them it does not."""
    done = subprocess.run(
        [local.find_binaries() / "pg_dump", "--restrict-key=x", url],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout + str(query(url, "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1"))


def identity(url: str) -> int:
    return int(query(url, "SELECT oid FROM pg_database WHERE datname = current_database()")[0][0])


def use(url: str, statements: list[str]) -> None:
    name = conninfo_to_dict(url)["dbname"]
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.replace("{name}", f'"{name}"').encode())


@contextmanager
def resetting(url: str, folder: Path, ahead: int = 0, files: dict[str, str] = FILES) -> Iterator[Template]:
    """On whose server nothing but the template is in the end."""
    put(files, folder)
    with template(url, folder, Way(ahead=ahead, resets=True)) as made:
        yield made
    assert kinds(url) == ["template"]


@pytest.fixture(scope="module")
def made(server: local.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Template]:
    """For one test after the other: what one has used is reset, or not, when the next copy is made."""
    with fresh_database(server) as url, resetting(url, tmp_path_factory.mktemp("files")) as template:
        yield template


@pytest.mark.parametrize("what", WRITES)
def test_what_a_test_has_written_is_taken_back(what: str, made: Template) -> None:
    with made.copy() as first:
        new, one = everything(first), identity(first)
        use(first, WRITES[what])
    with made.copy() as second:
        assert identity(second) == one
        assert everything(second) == new


@pytest.mark.parametrize("what", USED_UP)
def test_a_database_that_cannot_be_made_as_it_was_is_not_used_again(what: str, made: Template) -> None:
    with made.copy() as first:
        one = identity(first)
        use(first, USED_UP[what])
    with made.copy() as second:
        assert identity(second) != one


@pytest.mark.parametrize("what", HOLDING)
def test_what_holds_a_database_uses_it_up(replicating: local.Server, what: str, tmp_path: Path) -> None:
    files = {"001_a.sql": "CREATE TABLE t (n int)"}
    with fresh_database(replicating) as url, resetting(url, tmp_path, files=files) as made:
        with made.copy() as first:
            one = identity(first)
            use(first, HOLDING[what])
        with made.copy() as second:
            assert identity(second) != one


def test_who_has_kept_the_url_of_an_earlier_test_comes_nowhere(tmp_path: Path, database: str) -> None:
    with resetting(database, tmp_path) as made:
        with made.copy() as first:
            leaked = psycopg.connect(first)
            leaked.execute("INSERT INTO users (name) VALUES ('never committed')")
        with made.copy() as second:
            with pytest.raises(psycopg.OperationalError, match="does not exist"):
                psycopg.connect(first)
            assert query(second, "TABLE users") == []
            leaked.close()


@pytest.mark.promise
def test_whatever_tests_do_the_next_one_finds_what_the_first_one_found(tmp_path: Path, database: str) -> None:
    cases = [*WRITES.values(), *USED_UP.values()]
    with resetting(database, tmp_path, ahead=2) as made:
        with made.copy() as first:
            new = everything(first)
        for statements in cases:
            with made.copy() as url:
                assert everything(url) == new
                use(url, statements)
        assert is_at_work()
    assert not is_at_work()


def test_what_the_files_leave_in_sequences_is_there_again(tmp_path: Path, database: str) -> None:
    with resetting(database, tmp_path) as made:
        for _ in range(3):
            with made.copy() as url:
                assert query(url, "SELECT nextval('apart'), nextval('orders_id_seq')") == [(40, 1)]


def test_a_role_that_cannot_is_told(tmp_path: Path, database: str) -> None:
    role = f"maker_{os.getpid()}"
    query(database, f"CREATE ROLE {role} LOGIN CREATEDB")
    put(FILES, tmp_path)
    try:
        url = database.replace("postgres@", f"{role}@")
        with (
            pytest.raises(UsageError, match=f"needs a superuser, and {role} is none"),
            template(url, tmp_path, Way(resets=True)),
        ):
            pass
        assert left(database) == []
    finally:
        query(database, f"DROP ROLE {role}")


def test_a_server_that_counts_nothing_is_told(tmp_path: Path, database: str) -> None:
    put(FILES, tmp_path)
    name = conninfo_to_dict(database)["dbname"]
    query(database, f'ALTER DATABASE "{name}" SET track_counts = off')
    with pytest.raises(UsageError, match="track_counts"), template(database, tmp_path, Way(resets=True)):
        pass
    assert left(database) == []


# how it is asked for


@pytest.fixture
def project(tmp_path: Path) -> Path:
    put({"migrations/001_a.sql": "CREATE TABLE t (n int PRIMARY KEY)"}, tmp_path)
    put({"pytest.ini": "[pytest]\nsqlrail_reset = true\n"}, tmp_path)
    return tmp_path


def test_it_is_asked_for_in_pytest_s_configuration(project: Path, database: str) -> None:
    put(
        {
            "test_it.py": dedent("""
                import psycopg, pytest

                seen, urls = set(), set()

                @pytest.mark.parametrize("n", range(20))
                def test_it(sqlrail_database, n):
                    with psycopg.connect(sqlrail_database) as connection:
                        assert connection.execute("TABLE t").fetchall() == []
                        connection.execute("INSERT INTO t VALUES (1)")
                        named = "SELECT oid FROM pg_database WHERE datname = current_database()"
                        seen.add(connection.execute(named).fetchone())
                        urls.add(sqlrail_database)

                def test_they_were_fewer():
                    assert len(seen) < len(urls) == 20
            """)
        },
        project,
    )
    assert "21 passed" in finish(start(project, url=database))
    assert kinds(database) == ["template"]


def test_a_test_case_asks_for_it_by_its_class(project: Path, database: str) -> None:
    cases = UNITTEST.replace("(WithDatabase):", "(WithDatabase):\n    sqlrail_reset = True\n")
    put({"test_it.py": cases}, project)
    assert "Ran 6 tests" in run(project, database, "-m", "unittest", "test_it")
    assert kinds(database) == ["template"]


@pytest.mark.promise
def test_a_run_that_is_killed_leaves_nothing_to_those_behind_it(project: Path, database: str) -> None:
    put(
        {
            "test_it.py": dedent("""
                import os, signal, pytest

                @pytest.mark.parametrize("n", range(12))
                def test_it(sqlrail_database, n):
                    if n == 10:
                        os.kill(os.getpid(), signal.SIGKILL)
            """)
        },
        project,
    )
    start(project, url=database).communicate(timeout=60)
    put({"test_it.py": "def test_it(sqlrail_database): pass"}, project)

    def is_tidy() -> bool:
        finish(start(project, url=database))
        return kinds(database) == ["template"]

    wait_for(is_tidy, "the server has seen that its client is gone, and a later run has dropped them")
