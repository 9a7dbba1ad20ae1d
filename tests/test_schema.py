"""The schema as a file: run by psql it builds what the migrations built."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from aftermath import FIXTURES
from conftest import Servers, fresh_database, majors, query

from sqlrail.catalog import Catalog
from sqlrail.catalog import read as read_catalog
from sqlrail.drift import text_of
from sqlrail.mend import compare, mend
from sqlrail.settings import Settings

ALL = pytest.mark.parametrize("major", majors(), ids=lambda major: f"pg{major}")
#: options stand in a table in the order in which they were set
OPTIONS = re.compile(r"(?<=^WITH \().*(?=\);$)", re.MULTILINE)


def look(url: str, *, privileges: bool = False) -> Catalog:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        found = read_catalog(connection, Settings())
    return found if privileges else found.without({it.key for it in found.of(["privilege"])})


def dump(major: int, url: str) -> str:
    flags = ["--schema-only", "--no-privileges", "--dbname", url]
    command: list[str | Path] = [majors()[major] / "pg_dump", *flags]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    text = OPTIONS.sub(lambda found: ", ".join(sorted(found[0].split(", "))), text)
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
        file.write_text(text_of(wanted))
        assert "SET LOCAL" not in run_by_psql(major, other, file, *flags)
        there = look(other)
        assert compare(wanted, there) == compare(there, wanted) == []
        assert dump(major, other) == dump(major, one)
        assert text_of(there) == text_of(wanted)
        query(other, ";".join(it.sql for it in mend(empty, there, compare(empty, there))))
        assert compare(empty, look(other)) == []


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
