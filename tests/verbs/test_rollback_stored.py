"""A rollback without its file: by what was kept when the migration was applied, and only if that is still the same."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from pathlib import Path

import console
import pytest
from aftermath import attempt
from conftest import fresh_database, open_folder, query
from console import Sqlrail, catalog, put
from listeners import Heard
from proxy import Proxy
from test_together import yoyo

from sqlrail.files.kept import LIMIT
from sqlrail.ground.events import TakingBack
from sqlrail.server import local

sqlrail = console.sqlrail

FILES = {
    "001_a.sql": "CREATE TABLE a (n int)",
    "001_a.rollback.sql": "DROP TABLE a",
    "002_b.sql": "-- depends: 001_a\nCREATE TABLE b (n int)",
    "002_b.rollback.sql": "-- lock-timeout: 3s\nDROP TABLE b; -- é\n",
    "003_c.sql": "-- transactional: false\nCREATE INDEX CONCURRENTLY c ON a (n);",
    "003_c.rollback.sql": "\ufeffDROP INDEX CONCURRENTLY c;",
}
KEPT = "SELECT migration_hash, transactional, depends, content FROM sqlrail.rollback ORDER BY migration_hash"


def release(number: int, more: dict[str, str] | None = None) -> None:
    """Makes the folder of a release: the files up to a number."""
    shutil.rmtree("migrations", ignore_errors=True)
    files = FILES | (more or {})
    put({f"migrations/{name}": text for name, text in files.items() if int(name[:3]) <= number})


@pytest.fixture
def env(database: str) -> dict[str, str]:
    return {"DATABASE_URL": database, "USER": "ann", "APP_ENV": "test"}


@pytest.fixture
def rolled_back(sqlrail: Sqlrail, env: dict[str, str]) -> Sqlrail:
    """The command line, where all files were applied and the folder has the first one."""
    release(3)
    assert sqlrail("migrate", env=env).code == 0
    release(1)
    return sqlrail


def test_an_older_folder_takes_back_what_a_newer_one_has_applied(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    release(1)
    assert sqlrail("migrate", env=env).code == 0
    before = catalog(database)
    release(3)
    assert sqlrail("migrate", env=env).code == 0
    release(1)
    done = sqlrail("rollback", "--stored", "--to", "001", env=env)
    assert done.code == 0, done.err
    assert done.err.startswith(
        "003_c has no file here, and is taken back by what was kept of its rollback:\n"
        "  | DROP INDEX CONCURRENTLY c;\n"
        "002_b has no file here, and is taken back by what was kept of its rollback:\n"
        "  | -- lock-timeout: 3s\n"
        "  | DROP TABLE b; -- é\n"
    )
    assert catalog(database) == before
    assert len(query(database, KEPT)) == 1
    started = sqlrail("migrate", "--json", env=env)
    assert (started.document["applied"], started.document["ahead"]) == ([], [])


def test_in_json_it_is_said_of_which(rolled_back: Sqlrail, env: dict[str, str]) -> None:
    done = rolled_back("rollback", "--stored", "--steps", "3", "--json", env=env)
    assert [(it["id"], it["stored"]) for it in done.document["rolled_back"]] == [
        ("003_c", True), ("002_b", True), ("001_a", False),
    ]  # fmt: skip


def test_without_the_flag_it_is_refused_and_the_flag_is_named(
    rolled_back: Sqlrail, database: str, env: dict[str, str]
) -> None:
    before = catalog(database)
    refused = rolled_back("rollback", env=env)
    assert (refused.code, "003_c is ahead of this folder" in refused.err) == (3, True)
    assert "--stored" in refused.err
    assert catalog(database) == before


def test_what_is_here_is_taken_from_its_file(sqlrail: Sqlrail, database: str, env: dict[str, str]) -> None:
    release(3)
    assert sqlrail("migrate", env=env).code == 0
    put({"migrations/003_c.rollback.sql": "DROP INDEX CONCURRENTLY c; COMMENT ON TABLE a IS 'by the file'"})
    assert sqlrail("rollback", "--stored", env=env).code == 0
    assert query(database, "SELECT obj_description('a'::regclass)") == [("by the file",)]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE sqlrail.rollback SET content = 'DROP TABLE a'", "is not what was written"),
        ("UPDATE sqlrail.rollback SET transactional = NOT transactional", "is not what was written"),
        ("UPDATE sqlrail.rollback SET depends = '{}'", "is not what was written"),
        ("UPDATE sqlrail.rollback SET depends = '{003_c}'", "is not what was written"),
        ("UPDATE _yoyo_log SET comment = 'kept:0' WHERE operation = 'kept'", "is not what was written"),
        ("UPDATE _yoyo_log SET comment = NULL WHERE operation = 'kept'", "is not what was written"),
        ("DELETE FROM _yoyo_log WHERE operation = 'kept'", "nothing is kept to take 002_b back"),
        ("TRUNCATE sqlrail.rollback", "nothing is kept to take 002_b back"),
        ("DROP TABLE sqlrail.rollback", "nothing is kept to take 002_b back"),
        ("UPDATE _yoyo_migration SET applied_at_utc = now()", "nothing is kept to take 002_b back"),
        ("GRANT INSERT ON sqlrail.rollback TO PUBLIC", "PUBLIC may write"),
        ("GRANT UPDATE (content) ON sqlrail.rollback TO pg_monitor", "pg_monitor may write"),
        ("GRANT TRIGGER ON sqlrail.rollback TO pg_monitor", "pg_monitor may write"),
        ("ALTER TABLE sqlrail.rollback OWNER TO pg_monitor", "pg_monitor may write"),
        ("ALTER SCHEMA sqlrail OWNER TO pg_monitor", "pg_monitor may write"),
    ],
)  # fmt: skip
def test_what_somebody_has_had_a_hand_in_is_not_run(
    statement: str, said: str, rolled_back: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(database, statement)
    before = catalog(database)
    refused = rolled_back("rollback", "--stored", "--steps", "2", env=env)
    assert (refused.code, said in refused.err) == (3, True), refused.err
    assert catalog(database) == before
    assert query(database, "SELECT count(*) FROM _yoyo_migration") == [(3,)]


def test_who_may_only_read_it_is_in_nobody_s_way(
    rolled_back: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(database, "GRANT SELECT ON sqlrail.rollback TO pg_monitor")
    assert rolled_back("rollback", "--stored", env=env).code == 0


def test_it_is_as_private_as_the_archive(rolled_back: Sqlrail, database: str, env: dict[str, str]) -> None:
    query(database, "DROP SCHEMA sqlrail CASCADE; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC")
    release(3, {"003_d.sql": "SELECT 1", "003_d.rollback.sql": "SELECT 2"})
    assert rolled_back("migrate", "--stamp", env=env).code == 0
    acl = "SELECT a.grantee FROM pg_class AS c, aclexplode(relacl) AS a WHERE c.oid = 'sqlrail.rollback'::regclass"
    assert query(database, f"{acl} AND a.grantee <> c.relowner") == []


def test_what_was_applied_anew_is_not_taken_back_by_what_was_kept_before(
    rolled_back: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(database, "CREATE TABLE before AS SELECT * FROM sqlrail.rollback")
    release(3)
    assert rolled_back("rollback", "--steps", "1", env=env).code == 0
    Path("migrations/003_c.rollback.sql").unlink()
    assert rolled_back("migrate", env=env).code == 0
    query(database, "INSERT INTO sqlrail.rollback SELECT * FROM before ON CONFLICT DO NOTHING")
    release(1)
    refused = rolled_back("rollback", "--stored", env=env)
    assert (refused.code, "nothing is kept to take 003_c back" in refused.err) == (3, True)


@pytest.mark.parametrize(("more", "is_kept"), [(0, True), (1, False)])
def test_what_is_too_large_is_not_kept_and_that_is_said(
    more: int, is_kept: bool, sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    text = "DROP TABLE d; -- "
    release(3, {"003_d.sql": "CREATE TABLE d ()", "003_d.rollback.sql": text.ljust(LIMIT + more, "x")})
    done = sqlrail("migrate", env=env)
    assert done.code == 0
    said = "the rollback of 003_d is larger than 256 kB, and is not kept in the database"
    assert (said in done.err) is not is_kept
    assert query(database, "SELECT max(length(content)) > 200000 FROM sqlrail.rollback") == [(is_kept,)]


def test_a_rollback_that_is_not_fit_to_run_keeps_nobody_from_migrating(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    bad = {"003_d.sql": "SELECT 1", "003_d.rollback.sql": "-- lock-timeout: soon\nCOMMIT; SELECT '"}
    release(3, bad)
    assert sqlrail("migrate", env=env).code == 0
    release(2)
    refused = sqlrail("rollback", "--stored", env=env)
    assert refused.code == 2
    assert "sqlrail.rollback/003_d.rollback.sql:1:1: lock-timeout" in refused.err
    assert query(database, "SELECT count(*) FROM _yoyo_migration") == [(4,)]


def test_bytes_that_are_no_text_are_kept_as_they_are_and_reach_no_terminal(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    release(3, {"003_d.sql": "SELECT 1"})
    Path("migrations/003_d.rollback.sql").write_bytes(b"SELECT '\xff\x00\x1b[31m'")
    assert sqlrail("migrate", env=env).code == 0
    kept = query(
        database, "SELECT content FROM sqlrail.rollback WHERE position('\\x1b'::bytea IN content) > 0"
    )
    assert kept == [(b"SELECT '\xff\x00\x1b[31m'",)]
    release(2)
    refused = sqlrail("rollback", "--stored", env=env)
    assert refused.code == 2
    assert "\x1b" not in refused.err + refused.out


def test_hostile_names(sqlrail: Sqlrail, database: str, env: dict[str, str]) -> None:
    names = ["004_; DROP TABLE a; --", "004_'\"{x}%s$$", "004_é \u202e", "004_\x1b[31m"]
    more = {f"{name}.sql": f"CREATE TABLE t{n} ()" for n, name in enumerate(names)}
    more |= {f"{name}.rollback.sql": f"DROP TABLE t{n}" for n, name in enumerate(names)}
    release(4, more)
    assert sqlrail("migrate", env=env).code == 0
    release(3)
    done = sqlrail("rollback", "--stored", "--to", "003_c", env=env)
    assert done.code == 0, done.err
    assert "\x1b" not in done.err + done.out
    assert query(database, "SELECT count(*) FROM pg_class WHERE relname ~ '^t[0-9]$'") == [(0,)]


def test_what_stays_and_depends_on_what_goes_is_named(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    release(3, {"003_d.sql": "-- depends: 002_b\nSELECT 1", "003_d.rollback.sql": "SELECT 1"})
    assert sqlrail("migrate", env=env).code == 0
    query(
        database,
        "UPDATE _yoyo_migration SET applied_at_utc = applied_at_utc - interval '1 day' WHERE migration_id = '003_d'",
    )
    query(
        database,
        "UPDATE _yoyo_log SET created_at_utc = created_at_utc - interval '1 day' WHERE migration_id = '003_d'",
    )
    release(1)
    before = catalog(database)
    refused = sqlrail("rollback", "--stored", "--steps", "2", env=env)
    assert (refused.code, "003_d depends on 002_b, and would stay" in refused.err) == (3, True)
    assert catalog(database) == before


def test_in_production_it_takes_a_yes_too(rolled_back: Sqlrail, database: str, env: dict[str, str]) -> None:
    query(database, "UPDATE sqlrail.stamp SET environment = 'production'")
    assert rolled_back("rollback", "--stored", env=env).code == 3
    assert rolled_back("rollback", "--stored", "--yes", env=env).code == 0


def test_the_table_of_an_older_sqlrail_is_made_when_there_is_something_to_apply(
    rolled_back: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(
        database,
        "DROP TABLE sqlrail.rollback; COMMENT ON TABLE sqlrail.archive IS 'the tables of sqlrail are of version 3'",
    )
    assert rolled_back("migrate", env=env).code == 0
    assert query(database, "SELECT to_regclass('sqlrail.rollback')") == [(None,)]
    release(3, {"003_d.sql": "CREATE TABLE d ()", "003_d.rollback.sql": "DROP TABLE d"})
    assert rolled_back("migrate", env=env).code == 0
    release(3)
    assert rolled_back("rollback", "--stored", env=env).code == 0
    assert query(database, "SELECT to_regclass('d')") == [(None,)]


def test_a_table_that_somebody_has_dropped_is_made_again(
    rolled_back: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(database, "DROP TABLE sqlrail.rollback; DELETE FROM sqlrail.stamp")
    release(3, {"003_d.sql": "CREATE TABLE d ()", "003_d.rollback.sql": "DROP TABLE d"})
    assert rolled_back("migrate", "--stamp", env=env).code == 0
    assert len(query(database, KEPT)) == 1


def test_a_role_without_the_table_migrates(sqlrail: Sqlrail, database: str, env: dict[str, str]) -> None:
    role = f"plain_{os.getpid()}"
    query(database, f"CREATE ROLE {role} LOGIN; GRANT CREATE, USAGE ON SCHEMA public TO {role}")
    try:
        release(1)
        assert sqlrail("migrate", env=env).code == 0
        query(
            database,
            "DROP TABLE sqlrail.rollback; COMMENT ON TABLE sqlrail.archive IS 'of version 3';"
            f"GRANT USAGE, CREATE ON SCHEMA sqlrail TO {role}; ALTER TABLE a OWNER TO {role};"
            f"GRANT ALL ON ALL TABLES IN SCHEMA public, sqlrail TO {role}; DELETE FROM sqlrail.stamp",
        )
        release(3)
        theirs = env | {"DATABASE_URL": database.replace("postgres@", f"{role}@")}
        done = sqlrail("migrate", "--stamp", env=theirs)
        assert done.code == 0, done.err
        assert query(database, "SELECT to_regclass('sqlrail.rollback'), environment FROM sqlrail.stamp") == [
            (None, "test")
        ]
    finally:
        query(database, f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_table_that_is_another_role_s_is_left_alone(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    role = f"plain_{os.getpid()}"
    query(database, f"CREATE ROLE {role} LOGIN; GRANT CREATE, USAGE ON SCHEMA public TO {role}")
    try:
        release(1)
        assert sqlrail("migrate", env=env).code == 0
        query(
            database,
            f"GRANT USAGE ON SCHEMA sqlrail TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA public, sqlrail TO {role};"
            f"ALTER TABLE a OWNER TO {role}",
        )
        release(3)
        theirs = env | {"DATABASE_URL": database.replace("postgres@", f"{role}@")}
        assert sqlrail("migrate", env=theirs).code == 0
        assert len(query(database, KEPT)) == 1
        release(1)
        refused = sqlrail("rollback", "--stored", env=env)
        assert (refused.code, f"{role} may write" in refused.err) == (3, True)
        refused = sqlrail("rollback", "--stored", env=theirs)
        assert (refused.code, "which is another role's (let its owner run this" in refused.err) == (3, True)
    finally:
        query(database, f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_it_costs_no_message(server: local.Server, tmp_path: Path) -> None:
    with_ways_back = {f"00{n}_t.sql": f"CREATE TABLE t{n} ()" for n in range(1, 9)}
    put(with_ways_back, tmp_path / "without")
    put(
        with_ways_back | {f"00{n}_t.rollback.sql": f"DROP TABLE t{n}" for n in range(1, 9)}, tmp_path / "with"
    )
    counts = []
    for name in ("without", "with"):
        with fresh_database(server) as url, open_folder() as folder, closing(Proxy(folder, url)) as proxy:
            assert attempt(proxy.url, Heard(), tmp_path / name) is None
            assert query(url, "SELECT count(*) FROM sqlrail.rollback") == [(8 if name == "with" else 0,)]
            counts.append(proxy.counts["client"])
    assert counts[0] == counts[1]


EACH = ("--each", "SELECT unnest(ARRAY['one', 'two'])")


@pytest.fixture
def of_tenants(sqlrail: Sqlrail, database: str, env: dict[str, str]) -> Sqlrail:
    """The command line, where all files were applied in two schemas and the folder has the first one."""
    query(database, "CREATE SCHEMA one; CREATE SCHEMA two")
    release(3)
    assert sqlrail("migrate", *EACH, env=env).code == 0
    release(1)
    return sqlrail


def taken_back(url: str) -> list[bool]:
    """Of each schema whether the files behind the first are gone, with all that was kept of them."""
    its = []
    for name in ("one", "two"):
        left = query(url, f"SELECT migration_id FROM {name}._yoyo_migration ORDER BY 1")
        kept = query(url, f"SELECT count(*) FROM sqlrail.rollback WHERE records_in = '{name}'")
        tables = query(url, f"SELECT to_regclass('{name}.a') IS NULL, to_regclass('{name}.b') IS NULL")
        is_back = left == [("001_a",)]
        assert (kept, tables) == ([(1 if is_back else 3,)], [(False, is_back)])
        its.append(is_back)
    return its


def test_of_each_tenant_what_was_kept_takes_it_back(
    of_tenants: Sqlrail, database: str, env: dict[str, str]
) -> None:
    done = of_tenants("rollback", "--stored", "--to", "001", *EACH, "--json", env=env)
    assert done.code == 0, done.err
    assert [
        [(it["id"], it["stored"]) for it in tenant["result"]["rolled_back"]]
        for tenant in done.document["tenants"]
    ] == [[("003_c", True), ("002_b", True)]] * 2
    assert taken_back(database) == [True, True]
    assert of_tenants("migrate", *EACH, env=env).code == 0
    release(3)
    assert of_tenants("migrate", *EACH, env=env).code == 0
    assert taken_back(database) == [False, False]


def test_what_was_kept_of_one_tenant_is_nothing_to_another(
    of_tenants: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(database, "UPDATE sqlrail.rollback SET content = 'DROP TABLE two.a' WHERE records_in = 'one'")
    done = of_tenants("rollback", "--stored", "--to", "001", *EACH, env=env)
    assert (done.code, "is not what was written" in done.err + done.out) == (3, True), done.err
    assert taken_back(database) == [False, True]


def test_listeners_are_told_the_text(database: str, tmp_path: Path) -> None:
    from sqlrail.ground.reading import given
    from sqlrail.verbs.rollback import rollback

    put(FILES, tmp_path / "new")
    put({name: text for name, text in FILES.items() if name < "003"}, tmp_path / "old")
    heard = Heard()
    assert attempt(database, heard, tmp_path / "new") is None
    told: list[object] = []
    rollback(given(database, tmp_path / "old", environment="test"), told.append, stored=True, yes=True)
    assert [it for it in told if isinstance(it, TakingBack)] == [
        TakingBack("003_c", "DROP INDEX CONCURRENTLY c;")
    ]


def test_plain_yoyo_goes_on_with_the_same_database(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    release(2)
    assert sqlrail("migrate", env=env).code == 0
    assert yoyo(database, "list", Path("migrations")).count("A  ") == 2
    yoyo(database, "rollback", Path("migrations"), "--all")
    yoyo(database, "apply", Path("migrations"))
    release(1)
    refused = sqlrail("rollback", "--stored", env=env)  # what plain yoyo applied is another application
    assert (refused.code, "nothing is kept to take 002_b back" in refused.err) == (3, True)


def test_a_role_that_does_not_own_what_is_kept_is_told_so(
    rolled_back: Sqlrail, database: str, env: dict[str, str]
) -> None:
    if not query(database, "SELECT FROM pg_roles WHERE rolname = 'kept_reads'"):
        query(database, "CREATE ROLE kept_reads")
    query(database, "GRANT USAGE ON SCHEMA sqlrail TO kept_reads")
    query(database, "GRANT SELECT ON ALL TABLES IN SCHEMA public, sqlrail TO kept_reads")
    env = {**env, "DATABASE_URL": f"{database}&options=-c%20role%3Dkept_reads"}
    refused = rolled_back("rollback", "--stored", "--to", "001", env=env)
    assert refused.code == 3
    assert refused.err == (
        "rollback is refused: what is kept to take migrations back is in sqlrail.rollback, which is another role's "
        "(let its owner run this, or use the files of the release). Nothing was rolled back.\n"
    )
