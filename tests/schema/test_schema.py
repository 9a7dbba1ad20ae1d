"""The schema as a file: run by psql it builds what the migrations built."""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest
from aftermath import FIXTURES
from conftest import Servers, fresh_database, majors, query, with_contrib
from console import Sqlrail, sqlrail
from samples import sample
from test_drift import BASE, DIFFERENCES

from sqlrail.ground.settings import Settings
from sqlrail.schema.catalog import read as read_catalog
from sqlrail.schema.compare import compare, outermost
from sqlrail.schema.mend import mend
from sqlrail.schema.objects import Catalog
from sqlrail.server import local
from sqlrail.verbs.drift import FILES, Drift, text_of

__all__ = ["sqlrail"]  # the fixture

ALL = pytest.mark.parametrize("major", majors(), ids=lambda major: f"pg{major}")


def look(url: str, *, privileges: bool = False) -> Catalog:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        found = read_catalog(connection, Settings())
    return found if privileges else found.without({it.key for it in found.of(["privilege"])})


def file_of(url: str) -> str:
    """The schema file, made of what the verb reads of a catalog: the same that all of it gives."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        text = text_of(read_catalog(connection, Settings(), making=True))
    assert text == text_of(look(url))
    return text


def dump(major: int, url: str) -> str:
    flags = ["--schema-only", "--no-privileges", "--dbname", url]
    command: list[str | Path] = [majors()[major] / "pg_dump", *flags]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return "\n".join(
        line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))
    )


def run_by_psql(major: int, url: str, file: Path, *flags: str) -> str:
    command: list[str | Path] = [majors()[major] / "psql", "-Xqv", "ON_ERROR_STOP=1", *flags, "-f", file, url]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stderr


@ALL
@pytest.mark.parametrize("flags", [[], ["--single-transaction"]], ids=["alone", "in one transaction"])
def test_the_file_builds_what_the_migrations_built(
    servers: Servers, major: int, flags: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "schema.sql"
    with fresh_database(servers(major)) as one, fresh_database(servers(major)) as other:
        query(one, (FIXTURES / "schema.sql").read_text())
        empty, wanted = look(other), look(one)
        file.write_text(file_of(one))
        assert "SET LOCAL" not in run_by_psql(major, other, file, *flags)
        there = look(other)
        assert compare(wanted, there) == compare(there, wanted) == []
        assert dump(major, other) == dump(major, one)
        assert file_of(other) == file_of(one)
        query(other, ";".join(it.sql for it in mend(empty, there, compare(empty, there))))
        assert compare(empty, look(other)) == []


@pytest.mark.parametrize("seed", range(sample("DRIFTS", 5)))
def test_the_file_builds_whatever_there_is(servers: Servers, seed: int, tmp_path: Path) -> None:
    some = random.Random(seed)  # noqa: S311
    major, file = some.choice([min(with_contrib()), max(with_contrib())]), tmp_path / "schema.sql"
    names = some.sample(list(DIFFERENCES), 30)
    with fresh_database(servers(major)) as one, fresh_database(servers(major)) as other:
        query(one, BASE)
        for name in names:
            with suppress(psycopg.Error):  # what is gone cannot be changed any more
                query(one, DIFFERENCES[name][1])
        wanted = look(one)
        file.write_text(file_of(one))
        run_by_psql(major, other, file, *some.choice([[], ["--single-transaction"]]))
        left = [(it.what, it.object.key, it.changes) for it in compare(wanted, look(other))]
        assert left == [], names
        assert dump(major, other) == dump(major, one), names


def test_the_file_is_a_migration(
    database: str, server: local.Server, sqlrail: Sqlrail, tmp_path: Path
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    with fresh_database(server) as other:
        query(other, (FIXTURES / "schema.sql").read_text())
        (folder / "001_schema.sql").write_text(file_of(other))
        for verb in (["migrate"], ["drift", "--check"]):
            done = sqlrail("--database-url", database, "--migrations", str(folder), *verb)
            assert done.code == 0, done.err + done.out
        assert compare(look(other), look(database)) == []
        assert query(database, "SHOW check_function_bodies") == [("on",)]


# What is made again on the way is what it was

OWNED = """
CREATE TABLE salary (id int PRIMARY KEY, who varchar(99), amount int);
CREATE DOMAIN label AS varchar(99) CHECK (VALUE <> '');
CREATE VIEW mine WITH (security_invoker = true) AS SELECT id, who FROM salary WHERE who = current_user;
COMMENT ON VIEW mine IS 'one''s own'; COMMENT ON COLUMN mine.who IS 'as current_user';
ALTER VIEW mine ALTER id SET DEFAULT 7;
CREATE MATERIALIZED VIEW sums AS SELECT who, sum(amount) FROM salary GROUP BY who;
COMMENT ON COLUMN sums.sum IS 'of all';
CREATE FUNCTION pay(number int) RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
    AS 'SELECT amount FROM salary WHERE id = $1';
CREATE FUNCTION raise(number int) RETURNS void LANGUAGE sql SECURITY DEFINER AS 'SELECT NULL';
REVOKE EXECUTE ON FUNCTION pay, raise FROM PUBLIC; GRANT EXECUTE ON FUNCTION pay, raise TO pg_monitor;
GRANT SELECT (who) ON mine TO PUBLIC; GRANT SELECT ON sums TO pg_monitor WITH GRANT OPTION;
CREATE TABLE named (label label);
"""
GIVEN = "".join(
    f"ALTER {what} OWNER TO {{role}};"
    for what in ("VIEW mine", "MATERIALIZED VIEW sums", "FUNCTION pay", "FUNCTION raise", "DOMAIN label")
)
RIGHTS = """
    SELECT relname, relowner::regrole::text, relacl::text, reloptions::text
      FROM pg_class WHERE relname IN ('mine', 'sums')
    UNION ALL
    SELECT proname, proowner::regrole::text, proacl::text, proconfig::text
      FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT typname, typowner::regrole::text, NULL, NULL FROM pg_type WHERE typname = 'label' AND typtype = 'd'
    UNION ALL
    SELECT attrelid::regclass::text, attname, attacl::text, col_description(attrelid, attnum)
      FROM pg_attribute WHERE attrelid IN ('mine'::regclass, 'sums'::regclass) AND attnum > 0
    ORDER BY 1, 2
"""


@ALL
def test_what_is_made_again_has_the_owner_the_rights_and_the_comments_that_it_had(
    servers: Servers, major: int, role: str
) -> None:
    files = (
        OWNED.replace("varchar(99)", "text")
        .replace("number int", "nr int", 1)
        .replace("raise(number int)", "raise(number bigint)")
    )
    with fresh_database(servers(major)) as one, fresh_database(servers(major)) as other:
        query(one, files.format(role=role))
        query(other, (OWNED + GIVEN).format(role=role))
        before = query(other, RIGHTS)
        wanted, there = look(one), look(other, privileges=True)
        found = [it for it in compare(wanted, there) if it.kind != "privilege"]
        assert {it.object.name for it in found} >= {
            "public.mine",
            "public.sums",
            "public.pay(integer)",
            "public.raise(bigint)",
        }
        query(other, ";".join(it.sql for it in mend(wanted, there, found, keep_privileges=True)))
        assert query(other, RIGHTS) == before
        assert compare(wanted, look(other)) == []


@pytest.fixture
def role(servers: Servers, major: int) -> Iterator[str]:
    """A role without rights, for the whole server."""
    name, url = f"weak_{os.getpid()}", servers(major).url
    query(url, f"CREATE ROLE {name}")
    yield name
    query(url, f"DROP ROLE {name}")


# What is printed runs, and leaves nothing but what is said to be for hands

#: by name: what the files build, and what was done to the database; rows in keep stay what they are
CHANGES = {
    "parts of indexes and keys of other names": (
        """CREATE TABLE part (id int NOT NULL, k int) PARTITION BY LIST (id);
           CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1) PARTITION BY LIST (k);
           CREATE TABLE part_1_1 PARTITION OF part_1 FOR VALUES IN (1);
           CREATE TABLE part_2 PARTITION OF part FOR VALUES IN (2);
           CREATE TABLE leads (id int PRIMARY KEY);
           CREATE INDEX part_k ON part (k);
           ALTER TABLE part ADD UNIQUE (id, k), ADD FOREIGN KEY (k) REFERENCES leads""",
        """DROP INDEX part_k; CREATE INDEX part_k ON ONLY part (k); CREATE INDEX k2 ON part_2 (k);
           CREATE INDEX k1 ON part_1 (k); ALTER INDEX part_k ATTACH PARTITION k1;
           ALTER INDEX part_k ATTACH PARTITION k2;
           ALTER TABLE part_1 RENAME CONSTRAINT part_1_id_k_key TO u1;
           ALTER TABLE part_2 RENAME CONSTRAINT part_k_fkey TO f2""",
    ),
    "a partition too many under a key that leads to the whole": (
        """CREATE TABLE whole (id int, at int, PRIMARY KEY (id, at)) PARTITION BY LIST (at);
           CREATE TABLE whole_1 PARTITION OF whole FOR VALUES IN (1) PARTITION BY LIST (id);
           CREATE TABLE leads (id int, at int, FOREIGN KEY (id, at) REFERENCES whole)""",
        """CREATE TABLE whole_2 PARTITION OF whole FOR VALUES IN (2);
           CREATE TABLE whole_1_1 PARTITION OF whole_1 FOR VALUES IN (1)""",
    ),
    "an index of another name on a table that is made again": (
        "CREATE TABLE t (id int, at int) PARTITION BY LIST (id); CREATE INDEX wanted_name ON t (at)",
        "DROP TABLE t; CREATE TABLE t (id int, at int); CREATE INDEX other_name ON t (at)",
    ),
    "types without a cast": (
        """CREATE DOMAIN small AS smallint; CREATE DOMAIN yes AS boolean;
           CREATE TABLE keep (id int, a boolean, b int, c boolean[], d yes, e small, f date);
           INSERT INTO keep VALUES (1, true, 7, '{t,f}', true, 3, '2024-01-01')""",
        """ALTER TABLE keep ALTER a TYPE bigint USING 1, ALTER b TYPE oid USING 7, ALTER c TYPE bigint[] USING '{1,0}',
           ALTER d TYPE numeric USING 1, ALTER e TYPE numeric USING 3,
           ALTER f TYPE timestamptz USING '2024-01-01 12:00'""",
    ),
    "an enum in parents and their children": (
        """CREATE TYPE st AS ENUM ('a', 'b');
           CREATE TABLE part (id int, st st) PARTITION BY LIST (id);
           CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
           CREATE TABLE keep (id int, st st DEFAULT 'a'); CREATE TABLE child (more st) INHERITS (keep);
           INSERT INTO keep VALUES (1, 'b'); INSERT INTO child VALUES (2, 'a', 'b')""",
        "ALTER TYPE st ADD VALUE 'c'",
    ),
    "a published table that is made again": (
        """CREATE TABLE t (id int, at int) PARTITION BY LIST (id); CREATE PUBLICATION p FOR TABLE t;
           CREATE TABLE u (id text); CREATE PUBLICATION q FOR TABLE u WHERE (id > 'a')""",
        """DROP TABLE t; CREATE TABLE t (id int, at int); ALTER PUBLICATION p ADD TABLE t;
           ALTER PUBLICATION q DROP TABLE u; ALTER TABLE u ALTER id TYPE varchar(9);
           ALTER PUBLICATION q ADD TABLE u WHERE (id > 'a')""",
    ),
    "a comment on a view that is made again": (
        "CREATE TABLE t (id int); CREATE VIEW v AS SELECT id FROM t; COMMENT ON COLUMN v.id IS 'number'",
        "ALTER TABLE t ADD more int; CREATE OR REPLACE VIEW v AS SELECT id, more FROM t",
    ),
}  # fmt: skip
BY_HAND = {
    "public.byst.st is in the partition key": (
        "CREATE TYPE st AS ENUM ('a'); CREATE TABLE byst (st st) PARTITION BY LIST (st); CREATE TABLE t (id int)",
        "ALTER TYPE st ADD VALUE 'b'; DROP TABLE t",
    ),
    "public.t.id is in the partition key": (
        "CREATE TABLE t (id int) PARTITION BY RANGE (id); CREATE TABLE u (id int)",
        "DROP TABLE t; CREATE TABLE t (id bigint) PARTITION BY RANGE (id); CREATE TABLE keep (id int)",
    ),
    "public.keep.homes is of this type": (
        """CREATE TYPE place AS (street text, number int); CREATE TYPE home AS (place place, since date);
           CREATE TABLE keep (id int, homes home[]); CREATE TABLE t (id int)""",
        """ALTER TABLE keep DROP homes; ALTER TYPE place ALTER ATTRIBUTE number TYPE bigint;
           ALTER TABLE keep ADD homes home[]; DROP TABLE t""",
    ),
    "public.keep.pair is of this type, and its fields come in another order": (
        """CREATE TYPE st AS ENUM ('a'); CREATE TYPE pair AS (one st, other st);
           CREATE TABLE keep (id int, pair pair)""",
        "ALTER TYPE st ADD VALUE 'b'; ALTER TYPE pair DROP ATTRIBUTE one; ALTER TYPE pair ADD ATTRIBUTE one st",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
@ALL
def test_what_is_printed_runs_and_a_second_look_finds_nothing(
    servers: Servers, major: int, name: str, tmp_path: Path
) -> None:
    files, change = CHANGES[name]
    with fresh_database(servers(major)) as one, fresh_database(servers(major)) as other:
        query(one, files)
        query(other, files)
        query(other, change)
        print_and_run(major, one, other, tmp_path)
        assert compare(look(one), look(other)) == []
        if "keep" in files:
            rows = "SELECT keep::text FROM keep ORDER BY id"
            assert query(other, rows) == query(one, rows)


@pytest.mark.parametrize("says", BY_HAND)
@ALL
def test_what_no_statement_can_do_is_said_and_the_rest_runs(
    servers: Servers, major: int, says: str, tmp_path: Path
) -> None:
    files, change = BY_HAND[says]
    with fresh_database(servers(major)) as one, fresh_database(servers(major)) as other:
        query(one, files)
        query(other, files)
        query(other, change)
        text = print_and_run(major, one, other, tmp_path)
        assert re.search(f"^-- by hand only: .*{re.escape(says)}", text, re.MULTILINE)
        left = compare(look(one), look(other))
        assert len(left) == text.count("-- by hand only: ")


def print_and_run(major: int, wanted: str, there: str, folder: Path) -> str:
    found = compare(look(wanted), look(there))
    statements = mend(look(wanted), look(there), found)
    text = Drift("here", FILES, tuple(outermost(found)), tuple(statements)).script(with_drops=True)
    file = folder / "mend.sql"
    file.write_text(text)
    run_by_psql(major, there, file, "--single-transaction")
    return text
