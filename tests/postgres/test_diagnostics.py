"""What the server says is said once and in the same words by every verb, with what to do about it."""

from __future__ import annotations

import signal
from pathlib import Path

import psycopg
import pytest
from aftermath import attempt, read, start_runner, write
from conftest import Connect, query, run
from listeners import Heard
from waiting import PATIENCE, wait_for

DEFERRED = """
    CREATE TABLE shop (id int PRIMARY KEY);
    CREATE TABLE bill (id int PRIMARY KEY, shop_id int REFERENCES shop DEFERRABLE INITIALLY DEFERRED, total int);
    INSERT INTO shop VALUES (1);
    INSERT INTO bill VALUES (1, 1, NULL);
"""
GUARD = """
    CREATE FUNCTION keep_out() RETURNS event_trigger LANGUAGE plpgsql
        AS $$BEGIN RAISE insufficient_privilege USING message = 'not on a Friday'; END$$;
    CREATE EVENT TRIGGER keep_out ON ddl_command_start WHEN TAG IN ('CREATE VIEW') EXECUTE FUNCTION keep_out();
"""


@pytest.mark.parametrize(
    ("before", "text", "parts"),
    [
        pytest.param("CREATE TABLE t (id int)", "CREATE INDEX CONCURRENTLY ON t (id)",
                     ["001_a.sql:1:1: ", "which begins with `-- transactional: false`"], id="25001"),
        pytest.param("SELECT 1", "VACUUM", ["which begins with `-- transactional: false`"], id="25001 of VACUUM"),
        pytest.param("SELECT 1", "ALTER SYSTEM SET work_mem = '4MB'",
                     ["which begins with `-- transactional: false`"], id="25001 of ALTER SYSTEM"),
        pytest.param(DEFERRED, "UPDATE bill SET total = 0, shop_id = 1;\nINSERT INTO bill VALUES (2, 1, 3);\n"
                     "ALTER TABLE bill ALTER total SET NOT NULL;",
                     ["001_a.sql:3:1: ", "`SET CONSTRAINTS ALL IMMEDIATE;`"], id="55006"),
        pytest.param("SELECT 1", "SET sqlrial_no_such_setting = 0; SELECT 1",
                     ["unrecognized configuration parameter", "a dump by a newer pg_dump begins so"], id="42704"),
        pytest.param(GUARD, "CREATE VIEW v AS SELECT 1", ["not on a Friday", "The database's own code refused it: ",
                     "keep_out() line 1"], id="42501 of an event trigger"),
        pytest.param("CREATE TABLE t (id int); CREATE VIEW v AS SELECT id FROM t", "DROP TABLE t",
                     ["view v depends on table t.", "Use DROP ... CASCADE to drop the dependent objects too."],
                     id="DETAIL and HINT"),
    ],
)  # fmt: skip
def test_a_failure_says_what_to_do(
    before: str, text: str, parts: list[str], any_database: str, tmp_path: Path
) -> None:
    query(any_database, before)
    files = write(tmp_path / "files", **{"001_a": text})
    error = attempt(any_database, Heard(), files)
    for part in parts:
        assert part in str(error), error
    assert "GRANT" not in str(error)
    if "event trigger" in text:
        query(any_database, "DROP EVENT TRIGGER keep_out")


def test_two_verbs_say_the_same_of_one_failure(database: str, tmp_path: Path) -> None:
    query(database, "CREATE TABLE t (id int); CREATE VIEW v AS SELECT id FROM t")
    files = write(
        tmp_path / "files", **{"001_a": "CREATE TABLE t (id int); CREATE VIEW v AS SELECT id FROM t"}
    )
    env = {"DATABASE_URL": database, "SQLRAIL_ENV": "test"}
    assert run("baseline", "--to", "001", "--migrations", files, env=env).returncode == 0
    write(files, **{"002_b": "SELECT 1;\nDROP TABLE t;\n"})
    said = [run(verb, "--migrations", files, env=env).stderr for verb in ("migrate", "plan")]
    for text in said:
        assert (
            "002_b.sql:2:1: cannot drop table t because other objects depend on it. view v depends on table t."
            in text
        )


@pytest.fixture
def partitioned(any_database: str) -> str:
    for statement in (
        "CREATE TABLE m (id int, at date) PARTITION BY RANGE (at)",
        "CREATE TABLE m_1 PARTITION OF m FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
        "CREATE TABLE m_2 PARTITION OF m FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
    ):
        query(any_database, statement)
    return any_database


LEFT = "SELECT to_regclass('m_1'), (SELECT count(*) FROM pg_inherits WHERE inhparent = 'm'::regclass)"
AT_WORK = """
    SELECT count(*) FROM pg_stat_activity WHERE query ~ 'DETACH' AND state = 'active' AND pid <> pg_backend_pid()
"""
PENDING = "SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = 'm_1'::regclass"


@pytest.mark.parametrize("name", ["m_1", 'public . "m_1"'])
def test_a_partition_whose_detaching_was_cut_off_is_detached_by_the_next_run(
    name: str, partitioned: str, connect: Connect, tmp_path: Path
) -> None:
    detach = f"ALTER TABLE m DETACH PARTITION {name} /* by and by */ CONCURRENTLY;\n"
    text = f"-- transactional: false\n{detach}DROP TABLE m_1;\n"
    files = write(tmp_path / "files", **{"001_a": text})
    reader = connect(partitioned, autocommit=False)
    reader.execute("SELECT * FROM m")
    runner = start_runner(partitioned, "migrate", "--migrations", files)
    wait_for(lambda: query(partitioned, PENDING) == [(True,)], "its first half is done")
    runner.send_signal(signal.SIGKILL)
    runner.communicate(timeout=PATIENCE)
    wait_for(lambda: query(partitioned, AT_WORK) == [(0,)], "the server has noticed")
    reader.rollback()
    heard = Heard()
    assert attempt(partitioned, heard, files) is None
    assert any("cut off half-way, and is finished now" in line for line in heard.said)
    assert query(partitioned, LEFT) == [(None, 1)]
    assert read(partitioned).records == ["001_a"]


def test_a_partition_whose_detaching_never_began_is_detached(partitioned: str, tmp_path: Path) -> None:
    text = "-- transactional: false\nSELECT 1;\nALTER TABLE m DETACH PARTITION m_1 CONCURRENTLY;\n"
    files = write(tmp_path / "files", **{"001_a": text})
    with psycopg.connect(partitioned) as holder:
        holder.execute("LOCK TABLE m IN ACCESS EXCLUSIVE MODE")
        error = attempt(partitioned, Heard(), files, lock_timeout=0.1, retry_for=0.0, statement_timeout=1.0)
        assert error is not None
    assert attempt(partitioned, Heard(), files) is None
    assert query(partitioned, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'm'::regclass") == [(1,)]
