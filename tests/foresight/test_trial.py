"""The trial of a plan: what it says of a file is what a migrate then does, and the live database is only read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from aftermath import attempt, write
from conftest import Servers, as_role, fresh_database, majors, needs, query
from listeners import Heard
from no_rows import refusal_of_no_rows

from sqlrail.errors import MigrationFailed
from sqlrail.foresight.trial import FEW_ON_THEIR_SERVER, Consent
from sqlrail.ground.settings import Settings
from sqlrail.verbs.plan import plan
from sqlrail.verbs.planned import Plan

pytestmark = needs("a role that may make databases")

SCRATCHES = "SELECT datname FROM pg_database WHERE datname ~ '^sqlrail_scratch'"
OUTSIDE = "-- transactional: false\n"


class Case(NamedTuple):
    """What applied files have made, the rows that have come since, and what is pending; on these majors."""

    tables: str
    rows: str
    pending: str
    says: str | None = None  # that it fails so, or in words that begin so; None: it passes
    majors: range = range(15, 99)
    may_be_early: bool = False  # some minors refuse it of an empty table too, and so in the rehearsal


USERS = "CREATE TABLE users (id int PRIMARY KEY, email text, n int)"
POSTS = f"{USERS}; CREATE TABLE posts (id serial PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE)"
TEN = "INSERT INTO users SELECT n, 'a' || n % 5, n FROM generate_series(1, 10) AS n"
PARTED = (
    "CREATE TABLE p (id int NOT NULL, at int NOT NULL, x int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at); "
    "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); "
    "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20)"
)
ALL_KINDS = r"""
    CREATE SCHEMA "Other";
    CREATE TYPE "Other".mood AS ENUM ('a, "b"', '\');
    CREATE TYPE pair AS (m "Other".mood, n float);
    CREATE TABLE "Other"."My %s ""t"" x" (
        "A b" "Other".mood[], p pair, x bytea, j json, f float4, t timestamptz, i interval, m money, n numeric,
        r regclass, c text
    )
"""
ALL_VALUES = r"""
    INSERT INTO "Other"."My %s ""t"" x" VALUES (
        ARRAY['\', NULL]::"Other".mood[], ('\', 0.1::float + 0.2), '\x0001', '{"a" :1}', 1e-40, '0001-01-01 BC',
        '-1 month 3 days', '1.50', 'NaN', '"Other"."My %s ""t"" x"', E'a\tb\n\\.\n\\N'
    ), (NULL, NULL, '', NULL, 'Infinity', 'infinity', NULL, NULL, NULL, NULL, '')
"""
CASES = {
    # Files that mend first, and those that spoil
    "deletes what is doubled": Case(USERS, TEN, "DELETE FROM users WHERE id > 5; ALTER TABLE users ADD UNIQUE (email)"),
    "leaves what is doubled": Case(
        USERS, TEN, "DELETE FROM users WHERE id > 6; ALTER TABLE users ADD UNIQUE (email)",
        'could not create unique index "users_email_key"',
    ),
    "fills nulls": Case(
        USERS, f"{TEN}; UPDATE users SET n = NULL WHERE id = 3",
        "UPDATE users SET n = 0 WHERE n IS NULL; ALTER TABLE users ALTER n SET NOT NULL",
    ),
    "makes nulls": Case(
        USERS, TEN, "UPDATE users SET n = nullif(n, 7); ALTER TABLE users ALTER n SET NOT NULL",
        'column "n" of relation "users" contains null values',
    ),
    "in a block": Case(
        USERS, TEN,
        "DO $$ BEGIN UPDATE users SET email = id::text; END $$; CREATE UNIQUE INDEX ON users (email)",
    ),
    "inserts what is there": Case(
        USERS, TEN, "INSERT INTO users VALUES (11), (10)",
        'duplicate key value violates unique constraint "users_pkey"',
    ),
    # Tables that empty ones do not lead to
    "a parent that only rows ask for": Case(
        f"{POSTS}; CREATE TABLE source (u int)", f"{TEN}; INSERT INTO source VALUES (3), (4)",
        "INSERT INTO posts (user_id) SELECT u FROM source",
    ),
    "a parent that is not there": Case(
        f"{POSTS}; CREATE TABLE source (u int)", f"{TEN}; INSERT INTO source VALUES (3), (40)",
        "INSERT INTO posts (user_id) SELECT u FROM source",
        'insert or update on table "posts" violates foreign key constraint "posts_user_id_fkey"',
    ),
    "children that hold it": Case(
        f"{POSTS}; CREATE TABLE likes (post_id int REFERENCES posts)",
        f"{TEN}; INSERT INTO posts (user_id) VALUES (1), (2); INSERT INTO likes VALUES (1)",
        "DELETE FROM users WHERE id = 2; DELETE FROM users WHERE id = 1",
        'update or delete on table "posts" violates foreign key constraint "likes_post_id_fkey" on table "likes"',
    ),
    "a trigger's table": Case(
        f"{USERS}; CREATE TABLE audit (id int UNIQUE); "
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO audit VALUES (OLD.id); RETURN NULL; END $$; "
        "CREATE TRIGGER note AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION note()",
        f"{TEN}; INSERT INTO audit VALUES (9)",
        "DELETE FROM users WHERE id < 9; DELETE FROM users",
        'duplicate key value violates unique constraint "audit_id_key"',
    ),
    # Types
    "labels of before": Case(
        "CREATE TYPE st AS ENUM ('a', 'b'); CREATE TABLE t (s st)", "INSERT INTO t VALUES ('a'), ('b')",
        "ALTER TYPE st RENAME TO old; CREATE TYPE st AS ENUM ('a'); ALTER TABLE t ALTER s TYPE st USING s::text::st",
        "invalid input value for enum st: …",
    ),
    "cut by a cast": Case(
        USERS, "INSERT INTO users VALUES (1, 'long')",
        "ALTER TABLE users ALTER email TYPE varchar(3) USING email::varchar(3)",
    ),
    "not cut without": Case(
        USERS, "INSERT INTO users VALUES (1, 'long')", "ALTER TABLE users ALTER email TYPE varchar(3)",
        "value too long for type character varying(3)",
    ),
    "constraints made anew": Case(
        "CREATE TABLE t (n numeric NOT NULL CHECK (n > 0))", "INSERT INTO t VALUES (0.4)",
        "ALTER TABLE t ALTER n TYPE int", 'check constraint "t_n_check" of relation "t" is violated by some row',
    ),
    "a new value that is null": Case(
        "CREATE TABLE t (n int NOT NULL)", "INSERT INTO t VALUES (5)",
        "ALTER TABLE t ALTER n TYPE text USING nullif(n::text, '5')",
        'column "n" of relation "t" contains null values',
    ),
    "a default against its domain": Case(
        f"{USERS}; CREATE DOMAIN positive AS int CHECK (VALUE > 0)", TEN,
        "ALTER TABLE users ADD COLUMN p positive DEFAULT 0",
        'value for domain positive violates check constraint "positive_check"', may_be_early=True,
    ),
    "a domain's new check": Case(
        "CREATE DOMAIN d AS int; CREATE TABLE t (n d)", "INSERT INTO t VALUES (-1)",
        "ALTER DOMAIN d ADD CHECK (VALUE > 0)",
        'column "n" of table "t" contains values that violate the new constraint',
    ),
    "an expression that divides": Case(
        "CREATE TABLE t (n int)", "INSERT INTO t VALUES (0)",
        "ALTER TABLE t ADD m int GENERATED ALWAYS AS (1 / n) STORED", "division by zero",
    ),
    # Partitions
    "attached outside": Case(
        f"{PARTED}; CREATE TABLE late (id int NOT NULL, at int NOT NULL, x int)", "INSERT INTO late VALUES (1, 19)",
        "ALTER TABLE p ATTACH PARTITION late FOR VALUES FROM (20) TO (30)",
        'partition constraint of relation "late" is violated by some row',
    ),
    "attached with doubles": Case(
        f"{PARTED}; CREATE TABLE late (id int NOT NULL, at int NOT NULL, x int)",
        "INSERT INTO late VALUES (1, 20), (1, 20)",
        "ALTER TABLE p ATTACH PARTITION late FOR VALUES FROM (20) TO (30)",
        'could not create unique index "late_pkey"',
    ),
    "attached by hash": Case(
        "CREATE TABLE h (id int) PARTITION BY HASH (id); CREATE TABLE h0 (id int)",
        "INSERT INTO h0 SELECT generate_series(1, 20)",
        "ALTER TABLE h ATTACH PARTITION h0 FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
        'partition constraint of relation "h0" is violated by some row',
    ),
    "a hash of what has another number elsewhere": Case(
        "CREATE TYPE e AS ENUM ('a', 'b', 'c', 'd', 'e', 'f', 'g'); CREATE TABLE h (m e, n int) PARTITION BY HASH (m); "
        "CREATE TABLE h0 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 0); "
        "CREATE TABLE h1 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
        "INSERT INTO h SELECT m, 1 FROM unnest(enum_range(NULL::e)) AS m; INSERT INTO h VALUES ('b', NULL)",
        "ALTER TABLE h ALTER n SET NOT NULL", 'column "n" of relation "h',
    ),
    "all partitions": Case(
        PARTED, "INSERT INTO p VALUES (1, 1, 1), (2, 11, NULL)", "ALTER TABLE p ALTER x SET NOT NULL",
        'column "x" of relation "p2" contains null values',
    ),
    "rows that move": Case(
        PARTED, "INSERT INTO p VALUES (1, 1, 1), (1, 11, 1)", "UPDATE p SET at = at + 10 WHERE at = 1",
        'duplicate key value violates unique constraint "p2_pkey"',
    ),
    "a key of a partitioned table": Case(
        f"{USERS}; {PARTED}; ALTER TABLE p ADD FOREIGN KEY (x) REFERENCES users",
        f"{TEN}; INSERT INTO p VALUES (1, 1, 1), (2, 11, 2)", "UPDATE p SET x = 20 WHERE id = 2",
        'insert or update on table "p2" violates foreign key constraint "p_x_fkey"',
    ),
    "a key to a partitioned table": Case(
        f"{PARTED}; CREATE TABLE c (id int, at int, FOREIGN KEY (id, at) REFERENCES p)",
        "INSERT INTO p VALUES (1, 1), (2, 11); INSERT INTO c VALUES (2, 11)", "DELETE FROM p",
        'update or delete on table "p2" violates foreign key constraint "c_id_at_',
    ),
    "inherited": Case(
        "CREATE TABLE a (n int); CREATE TABLE b () INHERITS (a)", "INSERT INTO b VALUES (-1)",
        "ALTER TABLE a ADD CHECK (n > 0)", 'check constraint "a_n_check" of relation "b" is violated by some row',
    ),
    # Constraints that were never checked
    "a check that is violated": Case(
        f"{USERS}; ALTER TABLE users ADD CONSTRAINT c CHECK (n > 2) NOT VALID",
        f"ALTER TABLE users DROP CONSTRAINT c; {TEN}; ALTER TABLE users ADD CONSTRAINT c CHECK (n > 2) NOT VALID",
        "ALTER TABLE users VALIDATE CONSTRAINT c", 'check constraint "c" of relation "users" is violated by some row',
    ),
    "a check that is mended": Case(
        f"{USERS}; ALTER TABLE users ADD CONSTRAINT c CHECK (n > 2) NOT VALID",
        f"ALTER TABLE users DROP CONSTRAINT c; {TEN}; ALTER TABLE users ADD CONSTRAINT c CHECK (n > 2) NOT VALID",
        "UPDATE users SET n = 3 WHERE n < 3; ALTER TABLE users VALIDATE CONSTRAINT c",
    ),
    "a key over orphans": Case(
        f"{USERS}; CREATE TABLE c (u int); ALTER TABLE c ADD CONSTRAINT k FOREIGN KEY (u) REFERENCES users NOT VALID",
        f"ALTER TABLE c DROP CONSTRAINT k; {TEN}; INSERT INTO c VALUES (1), (99); "
        "ALTER TABLE c ADD CONSTRAINT k FOREIGN KEY (u) REFERENCES users NOT VALID",
        "ALTER TABLE c VALIDATE CONSTRAINT k", 'insert or update on table "c" violates foreign key constraint "k"',
    ),
    "a key whose orphans are cleaned": Case(
        f"{USERS}; CREATE TABLE c (u int)", f"{TEN}; INSERT INTO c VALUES (1), (99)",
        "-- cleanup: c.u -> users.id delete\nALTER TABLE c ADD FOREIGN KEY (u) REFERENCES users",
    ),
    "a null that is not yet refused": Case(
        f"{USERS}; ALTER TABLE users ADD CONSTRAINT c NOT NULL n NOT VALID",
        "ALTER TABLE users DROP CONSTRAINT c; INSERT INTO users VALUES (1); "
        "ALTER TABLE users ADD CONSTRAINT c NOT NULL n NOT VALID",
        "ALTER TABLE users VALIDATE CONSTRAINT c", 'column "n" of relation "users" contains null values', range(18, 99),
    ),
    "empty ranges": Case(
        "CREATE TABLE t (id int4range, at tsrange NOT NULL)", "INSERT INTO t VALUES ('[1,2)', 'empty')",
        "ALTER TABLE t ADD PRIMARY KEY (id, at WITHOUT OVERLAPS)",
        'empty WITHOUT OVERLAPS value found in column "at" in relation "t"', range(18, 99),
    ),
    "an exclusion": Case(
        "CREATE TABLE t (at tsrange)", "INSERT INTO t VALUES ('[2020-01-01,2020-01-03)'), ('[2020-01-02,2020-01-04)')",
        "ALTER TABLE t ADD EXCLUDE USING gist (at WITH &&)", 'could not create exclusion constraint "t_at_excl"',
    ),
    # What has to be there as it was
    "numbers go on": Case(
        "CREATE TABLE t (id serial PRIMARY KEY, x int); "
        "CREATE TABLE u (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, x int)",
        "INSERT INTO t (x) VALUES (1), (2); INSERT INTO u (x) VALUES (1), (2)",
        "INSERT INTO t (x) SELECT x FROM u; INSERT INTO u (x) SELECT x FROM t",
    ),
    "what is generated": Case(
        "CREATE TABLE t (n int, m int GENERATED ALWAYS AS (n * 2) STORED)", "INSERT INTO t VALUES (1), (1)",
        "CREATE UNIQUE INDEX ON t (m)", 'could not create unique index "t_m_idx"',
    ),
    "circles": Case(
        "CREATE TABLE a (id int PRIMARY KEY, b int, self int REFERENCES a); "
        "CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a); ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b",
        "INSERT INTO a VALUES (1, NULL, 2), (2, NULL, 1); INSERT INTO b VALUES (1, 1); UPDATE a SET b = 1 WHERE id = 1",
        "UPDATE a SET self = NULL; DELETE FROM a WHERE id = 2; DELETE FROM b",
        'update or delete on table "b" violates foreign key constraint "a_b_fkey" on table "a"',
    ),
    "triggers that always fire": Case(
        f"{USERS}; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$; "
        "CREATE TRIGGER f BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION f(); "
        "ALTER TABLE users ENABLE ALWAYS TRIGGER f",
        f"ALTER TABLE users DISABLE TRIGGER f; {TEN}; ALTER TABLE users ENABLE ALWAYS TRIGGER f",
        "INSERT INTO users SELECT id + 10 FROM users", "an error of the database's own code (SQLSTATE P0001)",
    ),
    "seeds that are gone": Case(
        f"{POSTS}; {TEN}; INSERT INTO posts (user_id) VALUES (1)", "UPDATE users SET n = 1",
        "ALTER TABLE users ADD UNIQUE (n)", 'could not create unique index "users_n_key"',
    ),
    "policies for the owner too": Case(
        f"{USERS}; ALTER TABLE users ENABLE ROW LEVEL SECURITY", TEN, "ALTER TABLE users ADD UNIQUE (email)",
        'could not create unique index "users_email_key"',
    ),
    "names and values of all kinds": Case(
        ALL_KINDS, ALL_VALUES,
        'CREATE TABLE twin AS TABLE "Other"."My %s ""t"" x"; ALTER TABLE twin ADD CHECK (x IS NULL)',
        'check constraint "twin_x_check" of relation "twin" is violated by some row',
    ),
    # Outside a transaction, and at its end
    "concurrently": Case(
        USERS, TEN, f"{OUTSIDE}CREATE UNIQUE INDEX CONCURRENTLY ON users (email)",
        'could not create unique index "users_email_idx"',
    ),
    "concurrently, mended": Case(
        USERS, TEN, f"{OUTSIDE}UPDATE users SET email = id; CREATE UNIQUE INDEX CONCURRENTLY ON users (email)",
    ),
    "at commit": Case(
        f"{USERS}; CREATE TABLE c (u int REFERENCES users DEFERRABLE INITIALLY DEFERRED)",
        f"{TEN}; INSERT INTO c VALUES (1)", "DELETE FROM users",
        'at commit: update or delete on table "users" violates foreign key constraint "c_u_fkey" on table "c"',
    ),
}  # fmt: skip


@pytest.fixture(
    scope="module",
    params=[pytest.param(min(majors()), marks=pytest.mark.promise), max(majors())] if majors() else [],
    ids=lambda it: f"pg{it}",
)
def major(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def url(servers: Servers, major: int) -> Iterator[str]:
    server = servers(major)
    with fresh_database(server) as url:
        yield url
        assert query(server.url, SCRATCHES) == []


@pytest.fixture
def owned(url: str) -> Iterator[str]:
    """The same database for a role that is no superuser, and may make others."""
    name = url.rpartition("/")[2].partition("?")[0]
    query(url, f"GRANT CREATE ON DATABASE {name} TO PUBLIC")
    its = as_role(url)
    query(url, "ALTER ROLE migrator CREATEDB")
    yield its
    query(url, "ALTER ROLE migrator NOCREATEDB")


def planned(
    url: str,
    files: Path,
    heard: Heard | None = None,
    *,
    consent: Consent = FEW_ON_THEIR_SERVER,
    **settings: Any,
) -> Plan:
    told = Settings(database_url=url, environment="test", migrations=files, **settings)
    return plan(told, heard or Heard(), consent=consent)


def lived_in(url: str, folder: Path, tables: str, rows: str) -> Path:
    """A database in which a file has made tables, and rows have come."""
    files = write(folder / "files", **{"001_tables": tables})
    assert attempt(url, Heard(), files) is None
    query(url, rows)
    return files


@pytest.mark.parametrize("name", CASES)
def test_what_it_says_is_what_happens(url: str, major: int, tmp_path: Path, name: str) -> None:
    assert_it_happens(url, major, tmp_path, CASES[name])


#: those in which keys or triggers would act on what is copied
ACTING = [
    name for name, case in CASES.items() if re.search("REFERENCES|TRIGGER|NOT VALID|POLICY", case.tables)
]


@pytest.mark.promise
@pytest.mark.parametrize("name", ACTING)
def test_so_it_is_for_a_role_that_may_not_keep_keys_from_acting(
    owned: str, major: int, tmp_path: Path, name: str
) -> None:
    assert_it_happens(owned, major, tmp_path, CASES[name])


def assert_it_happens(url: str, major: int, folder: Path, case: Case) -> None:
    tables, rows, pending, says, on, may_be_early = case
    if major not in on:
        pytest.skip("that major knows nothing of it")
    is_early = may_be_early and refusal_of_no_rows(url, tables, pending)
    files = lived_in(url, folder, tables, rows)
    if is_early:
        with pytest.raises(MigrationFailed, match=re.escape(says or "")):
            planned(url, write(files, **{"002_pending": pending}))
        return
    (file,) = planned(url, write(files, **{"002_pending": pending})).files
    outcomes = [one.outcome for one in file.statements]
    failed = attempt(url, Heard(), files)
    if says is None:
        assert (failed, set(outcomes)) == (None, {"passes"})
        return
    assert isinstance(failed, MigrationFailed)
    assert isinstance(failed.__cause__, psycopg.Error)
    assert outcomes[-1] == "fails"
    assert set(outcomes[:-1]) <= {"passes"}
    (check,) = (one for one in file.statements[-1].checks if one.verdict == "fails")
    assert (check.says or "").startswith(says)
    assert says == check.says or check.says == failed.__cause__.diag.message_primary
    assert (check.tried, file.verdict in ("fails", "loses data")) == (True, True)
