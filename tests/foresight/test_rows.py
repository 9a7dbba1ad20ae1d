"""What plan says of live rows: verdicts, numbers, keys, the way out, and what it does not know."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aftermath import write
from conftest import ROLE, as_role, needs, query
from console import Sqlrail, sqlrail
from psycopg import sql
from traces import wait_until_alone

from sqlrail.foresight.counts import Counted, Source, Unique, ask_all, duplicates, names_of_parts
from sqlrail.foresight.later import KEY, ROW
from sqlrail.ground.settings import Settings

__all__ = ["sqlrail"]  # the fixture

Checks = list[dict[str, Any]]

SCHEMA = """
CREATE TABLE users (id int PRIMARY KEY, email text, n int, v text);
CREATE TABLE orders (id int PRIMARY KEY, user_id int, a int, b int);
"""
ROWS = """
INSERT INTO users VALUES (1, 'a', 1, '1'), (2, 'b', 2, '22'), (3, 'b', 30000, '333'), (4, NULL, 40000, 'x');
INSERT INTO orders VALUES (1, 1, 1, 1), (2, 9, 1, NULL), (3, NULL, NULL, NULL), (4, 8, 2, 2);
"""


@pytest.fixture
def foreseen(any_database: str, tmp_path: Path, sqlrail: Sqlrail) -> Foreseen:
    """What plan says of a file over SCHEMA with ROWS."""
    return Foreseen(any_database, tmp_path / "files", sqlrail)


class Foreseen:
    """A live database with rows, and what plan says of files over it."""

    def __init__(self, url: str, folder: Path, sqlrail: Sqlrail) -> None:
        self.url, self.folder, self._sqlrail = url, folder, sqlrail
        folder.mkdir()

    def begin(self, schema: str = SCHEMA, rows: str = ROWS) -> None:
        write(self.folder, **{"001_schema": schema})
        self.call("migrate")
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(rows.encode())

    def document(self, *flags: str, url: str | None = None, **files: str) -> dict[str, Any]:
        write(self.folder, **files)
        return dict(self.call("plan", "--no-try", *flags, url=url))

    def checks(self, *flags: str, url: str | None = None, **files: str) -> Checks:
        """Those of all statements, in their order."""
        document = self.document(*flags, url=url, **files)
        return [check for file in document["files"] for it in file["statements"] for check in it["checks"]]

    def call(self, verb: str, *flags: str, url: str | None = None) -> Any:
        arguments = [
            "--database-url",
            url or self.url,
            "--migrations",
            str(self.folder),
            "--json",
            verb,
            *flags,
        ]
        done = self._sqlrail(*arguments, env={"APP_ENV": "test"})
        assert done.code == 0, done.all_err
        return done.document


def brief(checks: Checks) -> list[tuple[str, str, int | None, str]]:
    """Kind, verdict, rows, and the keys of the rows."""
    return [
        (it["kind"], it["verdict"], it["rows"], " ".join(",".join(key.values()) for key in it["keys"]))
        for it in checks
    ]


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("ALTER TABLE users ALTER email SET NOT NULL", [("not null", "fails", 1, "4")]),
        ("ALTER TABLE users ALTER n SET NOT NULL", [("not null", "passes", 0, "")]),
        ("ALTER TABLE users ADD CHECK (n < 100)", [("check", "fails", 2, "3 4")]),
        ("ALTER TABLE users ADD CHECK (n < 100) NOT VALID", []),
        ("ALTER TABLE users ADD UNIQUE (email)", [("unique", "fails", 1, "3")]),
        ("CREATE UNIQUE INDEX ON users (email) WHERE n < 100", [("unique", "passes", 0, "")]),
        ("CREATE UNIQUE INDEX ON users (lower(email))", [("unique", "fails", 1, "3")]),
        ("CREATE UNIQUE INDEX ON orders (b) NULLS NOT DISTINCT", [("unique", "fails", 1, "3")]),
        ("ALTER TABLE users ADD UNIQUE (email) DEFERRABLE INITIALLY DEFERRED", [("unique", "fails", 1, "3")]),
        (
            "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users",
            [("foreign key", "fails", 2, "2 4")],
        ),
        ("ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID", []),
        ("ALTER TABLE users ALTER n TYPE smallint", [("type", "fails", 1, "4")]),
        ("ALTER TABLE users ALTER n TYPE bigint", []),
        ("ALTER TABLE users ALTER v TYPE varchar(2)", [("type", "fails", 1, "3")]),
        ("ALTER TABLE users ALTER v TYPE varchar(2) USING v::varchar(2)", [("type", "passes", 0, "")]),
        ("ALTER TABLE users ALTER v TYPE int USING v::int", [("type", "fails", 1, "4")]),
        ("ALTER TABLE users ALTER n TYPE numeric(4, 0)", [("type", "fails", 2, "3 4")]),
        ("ALTER TABLE users ADD c int NOT NULL", [("not null", "fails", 4, "1 2 3 4")]),
        ("ALTER TABLE users ADD c int NOT NULL DEFAULT 1", [("not null", "passes", 0, "")]),
        (
            "CREATE TYPE st AS ENUM ('a'); ALTER TABLE users ADD c st NOT NULL DEFAULT 'a'",
            [("not null", "passes", 0, "")],
        ),
        (
            "CREATE TYPE st AS ENUM ('a'); ALTER TABLE users ADD c st NOT NULL",
            [("not null", "fails", 4, "1 2 3 4")],
        ),
        (
            "CREATE TABLE orgs (id int PRIMARY KEY); ALTER TABLE users ADD c int REFERENCES orgs",
            [("foreign key", "passes", 0, "")],
        ),
        ("ALTER TABLE users ADD c int DEFAULT 1 CHECK (c > 1)", [("check", "fails", 4, "1 2 3 4")]),
        (
            "ALTER TABLE users ADD c bigserial UNIQUE",
            [("not null", "passes", 0, ""), ("unique", "passes", 0, "")],
        ),
        (
            "ALTER TABLE users ADD c int GENERATED ALWAYS AS (100 / (n - 2)) STORED",
            [("generated", "fails", 1, "2")],
        ),
        ("ALTER TABLE orders ADD EXCLUDE USING btree (a WITH =)", [("exclusion", "fails", 1, "2")]),
        (
            "ALTER TABLE orders ADD EXCLUDE USING gist (int4range(a, b, '[]') WITH &&)",
            [("exclusion", "fails", 3, "2 3 4")],
        ),
        ("ALTER TABLE users ADD CHECK (10 / (n - 1) < 9)", [("check", "fails", 2, "1 2")]),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_what_a_statement_demands(foreseen: Foreseen, statement: str, found: list[tuple[Any, ...]]) -> None:
    foreseen.begin()
    assert brief(foreseen.checks(**{"002_x": statement})) == found


def test_what_is_said_of_rows_in_the_way(foreseen: Foreseen) -> None:
    foreseen.begin()
    text = "\n\nALTER TABLE users RENAME email TO mail;\nALTER TABLE users ALTER mail SET NOT NULL;"
    document = foreseen.document(**{"002_x": text})
    (file,) = document["files"]
    assert (file["verdict"], [it["verdict"] for it in file["statements"]]) == ("fails", ["instant", "fails"])
    assert file["statements"][1]["checks"] == [
        {
            "kind": "not null", "name": None, "relation": "public.users", "columns": ["mail"], "verdict": "fails",
            "rows": 1, "keys": [{"id": "4"}], "says": 'column "mail" of relation "users" contains null values',
            "remedy": "-- cleanup: users.email not null delete", "unless": None, "why": None, "tried": False,
        }
    ]  # fmt: skip
    with psycopg.connect(foreseen.url, autocommit=True) as connection, pytest.raises(psycopg.Error) as failed:
        connection.execute(text.encode())
    assert failed.value.diag.message_primary == file["statements"][1]["checks"][0]["says"]


def test_without_rows_nothing_is_counted(foreseen: Foreseen) -> None:
    foreseen.begin()
    document = foreseen.document("--no-rows", **{"002_x": "ALTER TABLE users ALTER email SET NOT NULL"})
    assert (document["counted"], document["files"][0]["verdict"]) == (False, "blocks")
    assert document["files"][0]["statements"][0]["checks"] == []


@pytest.mark.parametrize(
    ("ahead", "verdict", "unless"),
    [
        ("UPDATE users SET email = 'x' WHERE email IS NULL", "fails unless", "line 1"),
        ("DELETE FROM users WHERE n > 3", "fails unless", "line 1"),
        ("DO $$ BEGIN END $$", "fails unless", "line 1"),
        ("CREATE VIEW seen AS SELECT * FROM users; DELETE FROM seen", "fails unless", "line 1"),
        ("UPDATE users SET n = 1", "fails", None),
        ("INSERT INTO users VALUES (5, 'x')", "fails", None),
        ("DELETE FROM orders", "fails", None),
        ("CREATE SCHEMA s; CREATE TABLE s.users (id int); DELETE FROM s.users", "fails", None),
        ("TRUNCATE orders CASCADE", "fails", None),
        ("SELECT count(*) FROM users", "fails", None),
    ],
)
def test_what_writes_before_may_mend(
    foreseen: Foreseen, ahead: str, verdict: str, unless: str | None
) -> None:
    foreseen.begin()
    (check,) = foreseen.checks(**{"002_x": f"{ahead};\nALTER TABLE users ALTER email SET NOT NULL"})
    assert (check["verdict"], check["unless"], check["rows"]) == (verdict, unless, 1)


@pytest.mark.parametrize(
    ("ahead", "verdict"),
    [
        ("UPDATE users SET n = NULL", "unknown"),
        ("INSERT INTO users SELECT id + 9 FROM users", "unknown"),
        ("UPDATE users SET email = NULL", "passes"),
        ("DELETE FROM users WHERE id = 1", "passes"),
        ("TRUNCATE users", "passes"),
    ],
)
def test_what_writes_before_may_spoil(foreseen: Foreseen, ahead: str, verdict: str) -> None:
    foreseen.begin()
    (check,) = foreseen.checks(**{"002_x": f"{ahead};", "003_y": "ALTER TABLE users ALTER n SET NOT NULL"})
    assert check["verdict"] == verdict
    if verdict == "unknown":
        assert (check["unless"], check["rows"]) == ("002_x line 1", None)


@pytest.mark.parametrize(
    ("directive", "statement", "rows"),
    [
        (
            "-- cleanup: orders.user_id -> users.id",
            "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users",
            2,
        ),
        ("-- cleanup: users.email not null set 'x'", "ALTER TABLE users ALTER email SET NOT NULL", 1),
        ("-- cleanup: orders.a not null delete", "ALTER TABLE orders ALTER a SET NOT NULL", 1),
        ("-- cleanup: users check small delete", "ALTER TABLE users ADD CONSTRAINT small CHECK (n < 9)", 2),
        ("-- cleanup: users.email unique keep newest id", "ALTER TABLE users ADD UNIQUE (email)", 1),
    ],
)
def test_a_cleanup_of_the_file_mends_what_it_is_about(
    foreseen: Foreseen, directive: str, statement: str, rows: int
) -> None:
    foreseen.begin()
    (check,) = foreseen.checks(**{"002_x": f"{directive}\n{statement}"})
    assert (check["verdict"], check["rows"]) == ("passes", rows)
    assert check["unless"] in directive


def test_what_writes_behind_the_cleanup_may_spoil_it(foreseen: Foreseen) -> None:
    foreseen.begin()
    text = """-- cleanup: users.email not null set 'x'
        UPDATE users SET email = NULL;
        ALTER TABLE users ALTER email SET NOT NULL;
    """
    (check,) = foreseen.checks(**{"002_x": text})
    assert (check["verdict"], check["unless"]) == ("fails unless", "line 2")


def test_what_the_live_database_has_otherwise_is_judged_as_it_is_there(foreseen: Foreseen) -> None:
    foreseen.begin()
    query(foreseen.url, "ALTER TABLE users ALTER COLUMN n TYPE bigint")
    query(foreseen.url, "UPDATE users SET n = 5000000000 WHERE id = 2")
    text = "ALTER TABLE users ADD CHECK (n < 100); ALTER TABLE users ALTER n TYPE int;"
    assert brief(foreseen.checks(**{"002_x": text})) == [
        ("check", "fails", 3, "2 3 4"),
        ("type", "fails", 1, "2"),
        ("check", "fails", 3, "2 3 4"),  # made anew over the new values
    ]


def test_a_table_that_the_live_database_lacks_is_not_counted(foreseen: Foreseen) -> None:
    foreseen.begin()
    query(foreseen.url, "DROP TABLE orders")
    document = foreseen.document(**{"002_x": "ALTER TABLE orders ALTER a SET NOT NULL"})
    (file,) = document["files"]
    assert all(check["verdict"] == "unknown" for it in file["statements"] for check in it["checks"])
    assert file["verdict"] in ("unknown", "fails")


def test_partitions_that_no_file_makes_are_counted_too(foreseen: Foreseen) -> None:
    schema = (
        "CREATE TABLE days (id int NOT NULL, at date, n int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"
    )
    foreseen.begin(
        schema + "CREATE TABLE day1 PARTITION OF days FOR VALUES FROM ('2020-01-01') TO ('2020-01-02');",
        """
        CREATE TABLE day2 PARTITION OF days FOR VALUES FROM ('2020-01-02') TO ('2020-01-03');
        INSERT INTO days VALUES (1, '2020-01-01'), (2, '2020-01-02'), (4, '2020-01-02');
        INSERT INTO days VALUES (3, '2020-01-02', 1);
        """,
    )
    checks = foreseen.checks(**{"002_x": "ALTER TABLE days ALTER n SET NOT NULL"})
    assert sorted((it["relation"], it["rows"]) for it in checks) == [("public.day1", 1), ("public.day2", 2)]


def test_a_table_whose_rows_may_be_hidden_is_unknown_and_the_rest_is_judged(foreseen: Foreseen) -> None:
    foreseen.begin()
    query(foreseen.url, "ALTER TABLE users ENABLE ROW LEVEL SECURITY")
    query(foreseen.url, "ALTER TABLE users FORCE ROW LEVEL SECURITY")
    is_super = query(foreseen.url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user")[0][0]
    (hidden, judged) = foreseen.checks(
        **{
            "002_x": """
                ALTER TABLE users ALTER email SET NOT NULL;
                ALTER TABLE orders ALTER a SET NOT NULL;
            """
        }
    )
    assert judged["verdict"] == "fails"
    if is_super:  # policies are not for it
        assert hidden["verdict"] == "fails"
    else:
        assert hidden["why"] == "row-level security may hide rows of it from this role"


@needs("a role that makes roles")
def test_a_table_that_may_not_be_read_is_unknown_and_the_rest_is_judged(foreseen: Foreseen) -> None:
    foreseen.begin()
    with (
        psycopg.connect(foreseen.url, autocommit=True) as connection,
        role(connection, "reader CREATEDB") as name,
    ):
        connection.execute(
            f"""
            GRANT USAGE ON SCHEMA public, sqlrail TO {name};
            GRANT SELECT ON ALL TABLES IN SCHEMA public, sqlrail TO {name};
            REVOKE SELECT ON users FROM {name};
            """.encode()
        )
        text = """
            ALTER TABLE users ALTER email SET NOT NULL;
            ALTER TABLE orders ALTER a SET NOT NULL;
            ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users;
        """
        url = f"{foreseen.url}&options=-c%20role%3D{name}"
        checks = foreseen.checks(url=url, **{"002_x": text})
    assert [(it["verdict"], it["why"]) for it in checks] == [
        ("unknown", "no right to read it"),
        ("fails", None),
        ("unknown", "of the table that it refers to: no right to read it"),
    ]


@contextmanager
def role(connection: psycopg.Connection[Any], said: str) -> Iterator[str]:
    """The name of a role that may log in, and is dropped afterwards."""
    name, _, rights = said.partition(" ")
    connection.execute(f"CREATE ROLE {name} LOGIN {rights}".encode())
    try:
        yield name
    finally:
        connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


def test_counts_take_no_lock_that_lasts_and_write_nothing(foreseen: Foreseen) -> None:
    foreseen.begin()
    before = query(foreseen.url, "SELECT xmin::text, ctid::text FROM users ORDER BY id")
    foreseen.checks(**{"002_x": "ALTER TABLE users ALTER v TYPE int USING v::int"})
    assert query(foreseen.url, "SELECT xmin::text, ctid::text FROM users ORDER BY id") == before


@pytest.mark.promise
def test_a_count_that_takes_too_long_is_unknown(foreseen: Foreseen) -> None:
    foreseen.begin()
    text = """
        ALTER TABLE orders ADD CHECK (pg_sleep(60) IS NOT NULL);
        ALTER TABLE users ALTER email SET NOT NULL;
    """
    slow, judged = foreseen.checks("--statement-timeout", "3s", **{"002_x": text})
    assert (slow["verdict"], judged["verdict"]) == ("unknown", "fails")
    assert slow["why"] == "the count took longer than 3 s (--statement-timeout)"


def test_values_that_may_be_too_long_for_an_index_are_unknown(foreseen: Foreseen) -> None:
    foreseen.begin(
        rows="INSERT INTO users SELECT 1, string_agg(md5(n::text), '') FROM generate_series(1, 200) AS n"
    )
    (check,) = foreseen.checks(**{"002_x": "CREATE UNIQUE INDEX ON users (email)"})
    assert (check["verdict"], check["why"]) == ("unknown", "some values may be too long for an index")
    with psycopg.connect(foreseen.url) as connection, pytest.raises(psycopg.errors.ProgramLimitExceeded):
        connection.execute("CREATE UNIQUE INDEX ON users (email)")


@pytest.mark.parametrize("forget", ["DEALLOCATE ALL", "-- transactional: false\nDISCARD ALL"])
def test_a_file_that_forgets_what_its_session_had_prepared_is_seen_all_the_same(
    foreseen: Foreseen, forget: str
) -> None:
    foreseen.begin()
    head, _, forget = forget.rpartition("\n")
    text = f"{head}\nALTER TABLE users ALTER n SET NOT NULL;\n{forget};\nALTER TABLE users ALTER email SET NOT NULL"
    verdicts = [(it["columns"], it["verdict"]) for it in foreseen.checks(**{"002_x": text})]
    assert verdicts == [(["n"], "passes"), (["email"], "fails")]


def test_no_code_but_postgresqls_runs_because_plan_counts(foreseen: Foreseen) -> None:
    """A check that calls somebody's function is unknown: the function could do anything with our rights."""
    function = """
        CREATE FUNCTION good(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'it ran'; END $$;
    """
    foreseen.begin(SCHEMA + function)
    (check,) = foreseen.checks(**{"002_x": "ALTER TABLE users ADD CHECK (good(n)) "})
    assert check["verdict"] == "unknown"
    assert "function public.good(integer), and a look runs nobody's code" in check["why"]


def test_a_type_of_the_same_name_that_the_file_makes_is_not_the_live_one(foreseen: Foreseen) -> None:
    foreseen.begin(
        "CREATE TYPE st AS ENUM ('a', 'b'); CREATE TABLE users (id int PRIMARY KEY, s st);",
        "INSERT INTO users VALUES (1, 'a'), (2, 'b')",
    )
    text = """
        ALTER TYPE st RENAME TO old;
        CREATE TYPE st AS ENUM ('a', 'c');
        ALTER TABLE users ALTER s TYPE st USING s::text::st;
    """
    (check,) = foreseen.checks(**{"002_x": text})
    # The value b is no label of the new type, whatever the live one of that name has.
    assert (check["verdict"], check["rows"], check["keys"]) == ("fails", 1, [{"id": "2"}])


@needs("a role that makes roles")
def test_where_a_role_may_have_one_connection_that_one_counts_all(any_database: str) -> None:
    settings = Settings(database_url=as_role(any_database))
    query(any_database, f"ALTER ROLE {ROLE} CONNECTION LIMIT 1")
    try:
        found = ask_all(settings, [lambda _: Counted(1), lambda _: Counted(2)])
    finally:
        query(any_database, f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")
    assert found == [Counted(1), Counted(2)]


def calls_of_counted(url: str, hashed: str | None) -> tuple[Counted, int]:
    """What is said of duplicates by the key counted(email), and how often the function was called for that."""
    (part,) = names_of_parts(1)
    rows = sql.SQL("(SELECT email, id AS {}, ctid AS {} FROM public.users)").format(
        sql.Identifier(KEY.format(0)), sql.Identifier(ROW)
    )
    unique = Unique(
        (sql.SQL("public.counted(email)"),),
        sql.SQL("true"),
        sql.SQL("{} IS NOT NULL").format(part),
        sql.SQL(hashed).format(part) if hashed else None,
    )
    before = calls(url)
    question = duplicates(Source(rows, "users", ("id",)), unique, hashes=hashed is not None, is_wide=True)
    (found,) = ask_all(Settings(database_url=url), [question])
    return found, calls(url) - before


def calls(url: str) -> int:
    """Of functions, by all who have left."""
    with psycopg.connect(url, autocommit=True) as connection:
        wait_until_alone(connection)
        asked = connection.execute("SELECT coalesce(sum(calls), 0)::int FROM pg_stat_user_functions")
        return int(asked.fetchall()[0][0])


@needs("ALTER DATABASE")
def test_an_expression_of_a_unique_key_is_computed_once_a_row(any_database: str) -> None:
    name = any_database.partition("/test_")[2].partition("?")[0]
    query(
        any_database,
        f"""ALTER DATABASE test_{name} SET track_functions = 'all';
        CREATE FUNCTION counted(text) RETURNS text IMMUTABLE STRICT LANGUAGE plpgsql AS 'BEGIN RETURN lower($1); END';
        CREATE TABLE users (id int PRIMARY KEY, email text);
        INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 100) AS n""",
    )
    by_hash = "hashtextextended({}, 0::bigint)"
    assert calls_of_counted(any_database, by_hash) == (Counted(0), 100)
    assert calls_of_counted(any_database, None) == (Counted(0), 100)
    query(any_database, "UPDATE users SET email = 'USER 1' WHERE id = 2")
    # Whether hashes meet, how many rows would have to go, and which: each looks once.
    assert calls_of_counted(any_database, by_hash) == (Counted(1, ({"id": "2"},)), 300)
