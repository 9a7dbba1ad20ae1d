"""Roles that may not do everything: what is missing is named, and the documented smallest rights are enough."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from aftermath import FIXTURES, IDS, attempt, read, write
from conftest import AS_ROLE, ROOT, Connect, as_role, query
from console import Sqlrail
from console import sqlrail as sqlrail
from listeners import Heard

from sqlrail.errors import SqlrailError

pytestmark = pytest.mark.skipif(AS_ROLE, reason="it makes the role itself")
#: tests of the main suite that run as the role with the smallest rights each time; with TEST_ROLE=1 all do
SAMPLE = ("engine/test_session.py", "verbs/test_archive.py")
NAME = 'odd ";role'
GRANTEE = '"odd "";role"'
OUTSIDE = "-- transactional: false\nSELECT 1;\n"


@pytest.fixture
def odd(database: str, connect: Connect) -> Iterator[str]:
    """The database for a role with a hostile name, which may do next to nothing in it."""
    administrator = connect(database)
    administrator.execute(f"CREATE ROLE {GRANTEE} LOGIN; CREATE ROLE app_owner".encode())
    yield database.replace("postgres@", f"{quote(NAME, safe='')}@")
    for role in (GRANTEE, "app_owner"):
        administrator.execute(f"REASSIGN OWNED BY {role} TO postgres; DROP OWNED BY {role}".encode())
        administrator.execute(f"DROP ROLE {role}".encode())


def fail(url: str, folder: Path, text: str) -> SqlrailError:
    error = attempt(url, Heard(), write(folder / "files", **{"001_a": text}))
    assert error is not None
    return error


def granted(error: object) -> str:
    """The statements that the error says would mend it."""
    before, _, grants = str(error).strip().partition(" Its owner or an administrator can run: `")
    assert before.endswith(". docs/privileges.md lists all that such a role needs.")
    return grants.removesuffix("`.")


# What is missing


def test_a_role_that_may_not_make_tables_is_told_the_grant_and_after_it_the_run_goes_through(
    database: str, odd: str, tmp_path: Path
) -> None:
    error = fail(odd, tmp_path, "CREATE TABLE a ();\n")
    assert str(error).startswith("yoyo's tables cannot be made: permission denied for schema public.")
    assert granted(error) == f"GRANT CREATE ON SCHEMA public TO {GRANTEE}"
    query(database, granted(error))
    assert attempt(odd, Heard(), tmp_path / "files") is None
    assert read(database).records == ["001_a"]


STATEMENTS = {
    "a table's owner": ("ALTER TABLE busy ADD x int;", "GRANT app_owner TO {}"),
    "a superuser's table": ("ALTER TABLE IF EXISTS ONLY public.theirs ADD x int;",
                            "ALTER TABLE public.theirs OWNER TO {}"),
    "a superuser's index": ("DROP INDEX theirs_i;", "ALTER TABLE public.theirs OWNER TO {}"),
    "an index on a table": ("CREATE INDEX /* ON other */ ON busy (id);", "GRANT app_owner TO {}"),
    "a key to a table": ("CREATE TABLE c (id int REFERENCES busy (id));",
                         "GRANT REFERENCES ON TABLE public.busy TO {}"),
    "rows": ("INSERT INTO busy VALUES (1);", "GRANT INSERT ON TABLE public.busy TO {}"),
    "a schema": ("CREATE TABLE \"Closed\".c (id int);", 'GRANT USAGE, CREATE ON SCHEMA "Closed" TO {}'),
    "a database": ("CREATE SCHEMA mine;", "GRANT CREATE ON DATABASE {database} TO {}"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "grant"), STATEMENTS.values(), ids=STATEMENTS)
def test_a_right_that_a_file_s_statement_lacks_is_named_with_its_grant_and_nothing_was_kept(
    database: str, odd: str, connect: Connect, tmp_path: Path, text: str, grant: str
) -> None:
    administrator = connect(database)
    administrator.execute(f"GRANT USAGE, CREATE ON SCHEMA public TO {GRANTEE}".encode())
    administrator.execute(
        """CREATE TABLE busy (id int PRIMARY KEY); ALTER TABLE busy OWNER TO app_owner;
           CREATE TABLE theirs (id int); CREATE INDEX theirs_i ON theirs (id); CREATE SCHEMA "Closed" """
    )
    error = fail(odd, tmp_path, f"CREATE TABLE kept ();\n{text}\n")
    assert isinstance(error.__cause__, psycopg.errors.InsufficientPrivilege)
    assert f"{tmp_path}/files/001_a.sql:2:" in str(error)
    grant = grant.replace("{database}", administrator.info.dbname).format(GRANTEE)
    assert granted(error) == grant
    assert read(database).records == []
    assert query(database, "SELECT to_regclass('kept')") == [(None,)]
    administrator.execute(grant.encode())
    assert attempt(odd, Heard(), tmp_path / "files") is None


def test_a_right_that_words_do_not_tell_is_named_by_the_server_and_the_list_by_us(
    database: str, odd: str, tmp_path: Path
) -> None:
    query(database, f"GRANT USAGE, CREATE ON SCHEMA public TO {GRANTEE}")
    error = fail(odd, tmp_path, "SELECT pg_read_file('/etc/passwd');\n")
    assert "permission denied for function pg_read_file." in str(error)
    assert str(error).endswith(" docs/privileges.md lists what a role needs that migrates.")


def test_a_schema_of_ours_that_the_role_may_not_use_asks_for_a_grant_and_not_for_another_schema(
    database: str, odd: str, tmp_path: Path
) -> None:
    query(database, f"GRANT USAGE, CREATE ON SCHEMA public TO {GRANTEE}")
    error = fail(odd, tmp_path, OUTSIDE)
    assert (error.exit_code, granted(error)) == (3, f"CREATE SCHEMA sqlrail AUTHORIZATION {GRANTEE}")
    write(tmp_path / "other", **{"000_other": OUTSIDE})
    assert attempt(database, Heard(), tmp_path / "other") is None  # the administrator's makes the schema
    query(database, f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {GRANTEE}")
    query(database, "DELETE FROM _yoyo_migration")
    error = fail(odd, tmp_path, OUTSIDE)
    assert error.exit_code == 3
    assert granted(error) == (
        f"GRANT USAGE, CREATE ON SCHEMA sqlrail TO {GRANTEE}; GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE "
        f"sqlrail.archive, sqlrail.progress, sqlrail.run, sqlrail.stamp TO {GRANTEE}"
    )
    query(database, granted(error))
    assert attempt(odd, Heard(), tmp_path / "files") is None


def test_notes_that_the_role_may_not_read_ask_for_the_grant(database: str, odd: str, tmp_path: Path) -> None:
    query(database, f"GRANT USAGE, CREATE ON SCHEMA public TO {GRANTEE}")
    query(database, f"CREATE SCHEMA sqlrail AUTHORIZATION {GRANTEE}")
    write(tmp_path / "files", **{"001_a": OUTSIDE})
    assert attempt(odd, Heard(), tmp_path / "files") is None
    query(
        database,
        f"ALTER TABLE sqlrail.progress OWNER TO postgres; REVOKE ALL ON sqlrail.progress FROM {GRANTEE}",
    )
    write(tmp_path / "files", **{"002_b": OUTSIDE})
    error = attempt(odd, Heard(), tmp_path / "files")
    assert error is not None
    assert granted(error) == f"GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE sqlrail.progress TO {GRANTEE}"


def test_records_that_the_role_may_not_read_are_named_with_the_grant(
    database: str, odd: str, tmp_path: Path, sqlrail: Sqlrail
) -> None:
    write(tmp_path / "migrations", **{"001_a": "SELECT 1;\n"})
    assert attempt(database, Heard(), tmp_path / "migrations") is None
    done = sqlrail("status", env={"DATABASE_URL": odd})
    assert done.code == 1
    assert done.err.startswith(
        "the database refused: permission denied for table _yoyo_migration. docs/privileges.md lists all "
    )
    assert query(database, "SELECT migration_id FROM _yoyo_migration") == [("001_a",)]
    query(database, granted(done.err))
    done = sqlrail("status", "--check", env={"DATABASE_URL": odd})
    assert (done.code, done.out.splitlines()[-1]) == (0, "1 applied, 0 pending")


# What is enough


@pytest.mark.parametrize("last", [1, 2], ids=["the schema made for it", "CREATE on the database"])
def test_the_documented_rights_are_enough_to_migrate_clean_up_and_go_back(
    any_database: str, sqlrail: Sqlrail, last: int
) -> None:
    url = as_role(any_database, last)
    try:
        env = {"DATABASE_URL": url, "APP_ENV": "test"}
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute((FIXTURES / "orm.sql").read_bytes())
        flags, name = ["--migrations", str(ROOT / "migrations")], url.partition("?")[0].rpartition("/")[2]
        assert sqlrail("migrate", *flags, env=env).code == 0
        assert read(any_database).records == IDS
        assert len(read(any_database).archive) == 1
        query(url, "ALTER TABLE usage_analytics DROP CONSTRAINT usage_analytics_user_id_fkey")
        for verb in (["status", "--check"], ["cleanup", "--dry-run"], ["archive", "list"], ["cleanup", "--online"],
                     ["restore", "1", "--force"], ["archive", "purge", "--older-than", "1h", "--yes"],
                     ["rollback", "--steps", "1", "--yes"], ["stamp", "staging", "--name", name]):  # fmt: skip
            done = sqlrail(*verb, *flags, env=env)
            assert done.code == 0, (verb, done.err)
    finally:
        query(any_database, "REASSIGN OWNED BY migrator TO postgres")
        query(any_database, "DROP OWNED BY migrator")


@pytest.mark.promise
def test_a_role_with_the_documented_rights_passes_a_sample_of_the_main_tests() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"tests/{name}" for name in SAMPLE)],
        cwd=ROOT, env={**os.environ, "TEST_ROLE": "1"}, capture_output=True, text=True, check=False,
        timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
