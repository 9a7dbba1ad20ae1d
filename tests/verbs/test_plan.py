"""The verb plan: what each statement locks, scans and rewrites, without a write to the live database."""

from __future__ import annotations

import re
import signal
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from aftermath import MIGRATIONS, attempt, start_runner, write
from conftest import FAST, Connect, Servers, fresh_database, majors, open_folder, query
from console import Outcome, Sqlrail, catalog, put, sqlrail
from listeners import Heard
from psycopg import sql
from waiting import PATIENCE, wait_for

from sqlrail.cli.render import plan as render
from sqlrail.errors import DatabaseFailed, MigrationFailed, Refused
from sqlrail.files.file import File
from sqlrail.files.folder import read_files
from sqlrail.foresight.trial import Consent
from sqlrail.ground.settings import Settings
from sqlrail.scratch import rehearsal, scene, scratch
from sqlrail.scratch.built import built
from sqlrail.scratch.scene import ReachesOut, Scene
from sqlrail.scratch.seen import ask
from sqlrail.server import local
from sqlrail.server.place import find_place, within_reach
from sqlrail.verbs import apply
from sqlrail.verbs.plan import _Judge
from sqlrail.verbs.plan import plan as made
from sqlrail.verbs.planned import Plan, Planned, PlannedFile

__all__ = ["sqlrail"]  # the fixture

SCRATCHES = "SELECT datname FROM pg_database WHERE datname ~ '^sqlrail_scratch'"
AE, EX, SRE, SH, SUE = (
    "ACCESS EXCLUSIVE",
    "EXCLUSIVE",
    "SHARE ROW EXCLUSIVE",
    "SHARE",
    "SHARE UPDATE EXCLUSIVE",
)
RE, RS, AS = "ROW EXCLUSIVE", "ROW SHARE", "ACCESS SHARE"

# What the documentation says, https://www.postgresql.org/docs/18/explicit-locking.html and the pages of the commands

SCHEMA = """
CREATE TABLE p (id int PRIMARY KEY, n int);
CREATE TABLE t (
    id int NOT NULL, n int, v varchar(10), w varchar(10), x text, j int DEFAULT 1, e text, at timestamp, pid int,
    CONSTRAINT t_v_proof CHECK (v IS NOT NULL), CONSTRAINT t_j CHECK (j > 0)
);
ALTER TABLE t ADD CONSTRAINT t_check CHECK (n > 0) NOT VALID;
CREATE INDEX t_n ON t (n);
CREATE UNIQUE INDEX t_id ON t (id);
CREATE INDEX t_x ON t (x);
ALTER TABLE t ADD CONSTRAINT t_fkey FOREIGN KEY (pid) REFERENCES p NOT VALID;
ALTER TABLE t ADD CONSTRAINT t_fkey2 FOREIGN KEY (pid) REFERENCES p;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER t_trigger BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();
CREATE TYPE mood AS ENUM ('fine');
CREATE TABLE moody (m mood);
CREATE DOMAIN positive AS int;
CREATE TABLE d (n positive);
CREATE UNLOGGED TABLE u (id int);
CREATE TABLE c (id int);
CREATE INDEX c_id ON c (id);
ALTER TABLE c CLUSTER ON c_id;
CREATE VIEW view AS SELECT id FROM c;
CREATE MATERIALIZED VIEW mv AS SELECT id FROM c;
CREATE UNIQUE INDEX mv_id ON mv (id);
CREATE TABLE parent (id int NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE part1 PARTITION OF parent FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE part2 PARTITION OF parent FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
CREATE TABLE late (id int NOT NULL, at date NOT NULL);
CREATE TABLE proven (id int NOT NULL, at date NOT NULL, CHECK (at >= '2023-01-01' AND at < '2024-01-01'));
CREATE TABLE other (id int) PARTITION BY LIST (id);
CREATE TABLE rest PARTITION OF other DEFAULT;
CREATE TABLE one (id int);
CREATE SEQUENCE s;
"""


class Case(NamedTuple):
    """A statement with what it does to each relation: the lock, and whether it `scans` or `rewrites`."""

    statement: str
    does: dict[str, str]
    majors: range = range(15, 99)
    outside: bool = False


def case(statement: str, *, since: int = 15, until: int = 98, outside: bool = False, **does: str) -> Case:
    return Case(statement, does, range(since, until + 1), outside)


CASES = [
    # Columns
    case("ALTER TABLE t ADD COLUMN a int", t=AE),
    case("ALTER TABLE t ADD COLUMN a int DEFAULT 1 NOT NULL", t=AE),
    case("ALTER TABLE t ADD COLUMN a timestamptz DEFAULT now()", t=AE),
    case("ALTER TABLE t ADD COLUMN a float DEFAULT random()", t=f"{AE} rewrites"),
    case("ALTER TABLE t ADD COLUMN a int GENERATED ALWAYS AS IDENTITY", t=f"{AE} rewrites"),
    case("ALTER TABLE t ADD COLUMN a serial", t=f"{AE} rewrites"),
    case("ALTER TABLE t ADD COLUMN a int GENERATED ALWAYS AS (n * 2) STORED", t=f"{AE} rewrites"),
    case("ALTER TABLE t ADD COLUMN a int GENERATED ALWAYS AS (n * 2) VIRTUAL", since=18, t=AE),
    case("ALTER TABLE t ADD COLUMN a int CHECK (a > 0)", t=f"{AE} scans"),
    case("ALTER TABLE t ADD COLUMN a int REFERENCES p", t=AE, p=SRE),
    case("ALTER TABLE t ADD COLUMN a int UNIQUE", t=f"{AE} scans"),
    case("ALTER TABLE t DROP COLUMN e", t=AE),
    case("ALTER TABLE t ALTER COLUMN n SET DEFAULT 2", t=AE),
    case("ALTER TABLE t ALTER COLUMN j DROP DEFAULT", t=AE),
    case("ALTER TABLE t ALTER COLUMN n SET NOT NULL", t=f"{AE} scans"),
    case("ALTER TABLE t ALTER COLUMN v SET NOT NULL", t=AE),
    case("ALTER TABLE t ALTER COLUMN id DROP NOT NULL", t=AE),
    case("ALTER TABLE t ALTER COLUMN w TYPE varchar(20)", t=AE),
    case("ALTER TABLE t ALTER COLUMN w TYPE text", t=AE),
    case("ALTER TABLE t ALTER COLUMN w TYPE varchar(5)", t=f"{AE} rewrites"),
    # A check of its own is verified again.
    case("ALTER TABLE t ALTER COLUMN v TYPE varchar(20)", t=f"{AE} scans"),
    case("ALTER TABLE t ALTER COLUMN e TYPE varchar", t=AE),
    case("ALTER TABLE t ALTER COLUMN x TYPE varchar", t=AE),
    case("ALTER TABLE t ALTER COLUMN n TYPE bigint", t=f"{AE} rewrites"),
    case("ALTER TABLE t ALTER COLUMN e TYPE jsonb USING e::jsonb", t=f"{AE} rewrites"),
    case(
        "SET LOCAL timezone = 'Europe/Berlin'; ALTER TABLE t ALTER COLUMN at TYPE timestamptz",
        t=f"{AE} rewrites",
    ),
    case("SET LOCAL timezone = 'UTC'; ALTER TABLE t ALTER COLUMN at TYPE timestamptz", t=AE),
    case("ALTER TABLE t ALTER COLUMN n SET STATISTICS 500", t=SUE),
    case("ALTER TABLE t ALTER COLUMN n SET (n_distinct = 5)", t=SUE),
    case("ALTER TABLE t ALTER COLUMN x SET STORAGE EXTERNAL", t=AE),
    case("ALTER TABLE t ALTER COLUMN x SET COMPRESSION pglz", t=AE),
    # Constraints
    case("ALTER TABLE t ADD CHECK (n > 1)", t=f"{AE} scans"),
    case("ALTER TABLE t ADD CHECK (n > 1) NOT VALID", t=AE),
    case("ALTER TABLE t VALIDATE CONSTRAINT t_check", t=f"{SUE} scans"),
    case("ALTER TABLE t ADD CONSTRAINT nn NOT NULL n NOT VALID", since=18, t=AE),
    case("ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES p", t=f"{SRE} scans", p=SRE),
    case("ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES p NOT VALID", t=SRE, p=SRE),
    case("ALTER TABLE t VALIDATE CONSTRAINT t_fkey", t=f"{SUE} scans", p=RS),
    case("ALTER TABLE t DROP CONSTRAINT t_fkey2", t=AE, p=AE),
    case("ALTER TABLE t ADD PRIMARY KEY (id)", t=f"{AE} scans"),
    case("ALTER TABLE t ADD PRIMARY KEY USING INDEX t_id", t=AE),
    case("ALTER TABLE t ADD UNIQUE (e)", t=f"{AE} scans"),
    case("ALTER TABLE t ADD UNIQUE USING INDEX t_id", t=AE),
    case("ALTER TABLE t ADD EXCLUDE USING btree (id WITH =)", t=f"{AE} scans"),
    case("ALTER TABLE t RENAME CONSTRAINT t_j TO t_k", t=AE),
    case("ALTER DOMAIN positive ADD CHECK (VALUE > 0)", d=f"{SH} scans"),
    case("ALTER DOMAIN positive ADD CHECK (VALUE > 0) NOT VALID"),
    # The table
    case("ALTER TABLE t RENAME COLUMN n TO m", t=AE),
    case("ALTER TABLE t RENAME TO tt", t=AE),
    case("CREATE SCHEMA elsewhere; ALTER TABLE t SET SCHEMA elsewhere", t=AE),
    case("ALTER TABLE t OWNER TO CURRENT_USER", t=AE),
    case("ALTER TABLE t SET (fillfactor = 90)", t=SUE),
    case("ALTER TABLE t SET (autovacuum_enabled = off)", t=SUE),
    case("ALTER TABLE t SET WITHOUT CLUSTER", t=SUE),
    case("ALTER TABLE t CLUSTER ON t_n", t=SUE),
    case("ALTER TABLE u SET LOGGED", u=f"{AE} rewrites"),
    case("ALTER TABLE c SET UNLOGGED", c=f"{AE} rewrites"),
    case("ALTER TABLE t ENABLE ROW LEVEL SECURITY", t=AE),
    case("CREATE POLICY mine ON t USING (true)", t=AE),
    case("ALTER TABLE t REPLICA IDENTITY FULL", t=AE),
    case("ALTER TABLE t DISABLE TRIGGER t_trigger", t=SRE),
    case("CREATE TRIGGER more BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()", t=SRE),
    case("DROP TRIGGER t_trigger ON t", t=AE),
    case("CREATE RULE r AS ON INSERT TO u DO NOTHING", u=AE),
    case("CREATE STATISTICS st ON n, id FROM t", t=SUE),
    case("COMMENT ON TABLE t IS 'a'", t=SUE),
    case("COMMENT ON COLUMN t.n IS 'a'", t=SUE),
    # The documentation does not say; it changed in 18.
    case("GRANT SELECT ON t TO PUBLIC", until=17),
    case("GRANT SELECT ON t TO PUBLIC", since=18, t=AS),
    case("LOCK TABLE t IN SHARE MODE", t=SH),
    case("TRUNCATE u", u=AE),
    case("DROP TABLE u", u=AE),
    case("CLUSTER c", c=f"{AE} rewrites"),
    case("ANALYZE t", t=SUE),
    # Indexes
    case("CREATE INDEX ON t (e)", t=f"{SH} scans"),
    case("CREATE UNIQUE INDEX ON t (id) WHERE n > 0", t=f"{SH} scans"),
    case("CREATE INDEX ON ONLY parent (id)", parent=SH),
    case("CREATE INDEX ON parent (id)", parent=SH, part1=f"{SH} scans", part2=f"{SH} scans"),
    case("CREATE INDEX CONCURRENTLY more ON t (e)", outside=True, t=f"{SUE} scans"),
    case("DROP INDEX t_n", t=AE),
    case("REINDEX INDEX t_n", t=f"{SH} scans", t_n=AE),
    case("REINDEX INDEX CONCURRENTLY t_n", outside=True, t=f"{SUE} scans"),
    case("REINDEX TABLE c", c=f"{SH} scans", c_id=AE),
    case("REINDEX TABLE CONCURRENTLY c", outside=True, c=f"{SUE} scans"),
    case("ALTER INDEX t_n RENAME TO t_m", t_n=SUE),
    case("ALTER INDEX t_n SET (fillfactor = 80)", t_n=SUE),
    # Partitions
    case(
        "CREATE TABLE part3 PARTITION OF parent FOR VALUES FROM ('2022-01-01') TO ('2023-01-01')", parent=AE
    ),
    case(
        "ALTER TABLE parent ATTACH PARTITION late FOR VALUES FROM ('2023-01-01') TO ('2024-01-01')",
        parent=SUE,
        late=f"{AE} scans",
    ),
    case(
        "ALTER TABLE parent ATTACH PARTITION proven FOR VALUES FROM ('2023-01-01') TO ('2024-01-01')",
        parent=SUE,
        proven=AE,
    ),
    case(
        "ALTER TABLE other ATTACH PARTITION one FOR VALUES IN (1)",
        other=SUE,
        one=f"{AE} scans",
        rest=f"{AE} scans",
    ),
    case("ALTER TABLE parent DETACH PARTITION part1", parent=AE, part1=AE),
    case("ALTER TABLE parent DETACH PARTITION part1 CONCURRENTLY", outside=True, parent=SUE, part1=AE),
    case("ALTER TABLE parent ADD COLUMN a int", parent=AE, part1=AE, part2=AE),
    # Everything else
    case("ALTER TYPE mood ADD VALUE 'better'"),
    case("CREATE VIEW w AS SELECT id FROM t", t=AS),
    case("CREATE OR REPLACE VIEW view AS SELECT id FROM c", c=AS, view=AE),
    case("DROP VIEW view", view=AE),
    case("CREATE TABLE copy AS SELECT * FROM t", t=f"{AS} scans"),
    case("CREATE TABLE child (id int REFERENCES p)", p=SRE),
    case("REFRESH MATERIALIZED VIEW mv", mv=f"{AE} rewrites", c=f"{AS} scans"),
    case("REFRESH MATERIALIZED VIEW CONCURRENTLY mv", mv=f"{EX} scans", c=f"{AS} scans"),
    case("ALTER SEQUENCE s RESTART", s=SRE),
    case("VACUUM t", outside=True, t=f"{SUE} scans"),
    case("VACUUM FULL t", outside=True, t=f"{AE} rewrites"),
    case("DROP INDEX CONCURRENTLY t_n", outside=True, t=SUE),
    case("INSERT INTO u SELECT 1", u=RE),
    case("UPDATE u SET id = 1", u=f"{RE} scans"),
    case("DELETE FROM u", u=f"{RE} scans"),
    case("SELECT * FROM u FOR UPDATE", u=f"{RS} scans"),
    case("COPY u FROM stdin;\n1\n\\.", u=RE),
]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


def plan(url: str, files: Path, **settings: Any) -> Plan:
    """A plan within this process."""
    told = Settings(database_url=url, environment="test", migrations=files, **settings)
    return made(told, Heard(), consent=Consent(asked=False))


def does(statement: Planned) -> dict[str, str]:
    """What it does, as the cases have it."""
    return {
        one.relation.removeprefix("public."): " ".join(
            filter(None, [one.lock, "rewrites" if one.rewritten else "scans" if one.scanned else None])
        )
        for one in statement.touched
    }


class TakenBack(rehearsal.Rehearsal):
    """Keeps no file, so that each is rehearsed on the schema as it was."""

    def ends(self, file: File) -> None:  # noqa: ARG002
        raise ReachesOut


@pytest.mark.parametrize("major", majors(), ids=lambda major: f"pg{major}")
def test_each_statement_locks_scans_and_rewrites_as_the_documentation_says(
    servers: Servers, major: int, tmp_path: Path
) -> None:
    cases = {
        f"{number:03}_case": it for number, it in enumerate(CASES, 2) if major in it.majors and not it.outside
    }
    write(tmp_path, **{"001_schema": SCHEMA}, **{name: it.statement for name, it in cases.items()})
    migrations, files = read_files(tmp_path)
    files |= {name: rehearsal.ByStatement(**vars(files[name])) for name in cases}
    found: dict[str, object] = {}
    with (
        fresh_database(servers(major)) as url,
        built(Settings(database_url=url), Heard(), files, migrations[:1]) as built_here,
    ):
        for migration in migrations[1:]:
            statement = cases[migration.id].statement
            there = Scene(built_here, {})
            judge = _Judge(there.watched, {}, there.objects)
            try:
                TakenBack(there).rehearse(migrations.replace([migration]))
                found[statement] = does(
                    judge.file(files[migration.id], there.seen[migration.id]).statements[-1]
                )
            except (MigrationFailed, Refused) as exc:
                found[statement] = str(exc)
    assert found == {it.statement: it.does for it in cases.values()}


@pytest.mark.parametrize("major", majors(), ids=lambda major: f"pg{major}")
def test_so_does_each_that_refuses_a_transaction(servers: Servers, major: int, tmp_path: Path) -> None:
    cases = [it for it in CASES if it.outside]
    text = ";\n".join(
        ["-- transactional: false\nSET lock_timeout = '1ms'", *(it.statement for it in cases), ""]
    )
    with fresh_database(servers(major)) as url:
        assert attempt(url, Heard(), write(tmp_path, **{"001_schema": SCHEMA})) is None
        (file,) = plan(url, write(tmp_path, **{"002_outside": text})).files
    assert [(it.text, does(it)) for it in file.statements[1:]] == [(it.statement, it.does) for it in cases]


# Verdicts

SHOP = """
CREATE TABLE users (id int PRIMARY KEY, n int, email varchar(20));
CREATE TABLE orders (id int PRIMARY KEY, user_id int);
CREATE TABLE empty (id int);
CREATE ROLE plan_reader;
CREATE PROCEDURE nap() LANGUAGE plpgsql AS 'BEGIN COMMIT; PERFORM pg_sleep(60); END';
"""
FILLED = """
INSERT INTO users SELECT n, n, n || '@example.org' FROM generate_series(1, 1000) AS n;
INSERT INTO orders SELECT n, n + 3 FROM generate_series(1, 1000) AS n;
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return write(tmp_path / "files", **{"001_shop": SHOP})


@pytest.fixture
def shop(server: local.Server, database: str, files: Path) -> Iterator[str]:
    """A database with the first file applied, and rows in it."""
    assert attempt(database, Heard(), files) is None
    query(database, FILLED)
    query(database, "ANALYZE users")
    yield database
    assert query(server.url, SCRATCHES) == []
    query(server.url, "DROP ROLE plan_reader")


@pytest.fixture
def show(sqlrail: Sqlrail, shop: str, files: Path) -> Any:
    """Calls plan on the files in development."""

    def call(*flags: str, url: str = shop) -> Outcome:
        environment = {"DATABASE_URL": url, "APP_ENV": "development"}
        return sqlrail("plan", "--no-try", "--migrations", str(files), *flags, env=environment)

    return call


#: a file, the verdicts of its statements, and its own
VERDICTS = [
    ("ALTER TABLE users ADD COLUMN a int", "instant", "instant"),
    ("ALTER TABLE empty ALTER COLUMN id TYPE bigint", "instant", "instant"),
    ("CREATE INDEX ON empty (id)", "instant", "instant"),
    ("CREATE TABLE new (id int); CREATE INDEX ON new (id)", "instant instant", "instant"),
    ("SELECT count(*) FROM users", "scans", "scans"),
    ("SELECT count(*) FROM orders", "scans", "scans"),  # whose rows nobody has counted
    ("CREATE INDEX ON users (n)", "blocks", "blocks"),
    ("ALTER TABLE users ALTER COLUMN n TYPE bigint", "rewrites", "rewrites"),
    ("ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users", "fails", "fails"),
    # The first one's lock lasts to the end of the file.
    (
        (
            "ALTER TABLE orders ADD CONSTRAINT k FOREIGN KEY (user_id) REFERENCES users NOT VALID;"
            "ALTER TABLE orders VALIDATE CONSTRAINT k"
        ),
        "instant fails",
        "fails",
    ),
    (
        (
            "-- transactional: false\n"
            "ALTER TABLE orders ADD CONSTRAINT l FOREIGN KEY (user_id) REFERENCES users NOT VALID;"
            "ALTER TABLE orders VALIDATE CONSTRAINT l"
        ),
        "instant fails",
        "fails",
    ),
    (
        (
            "-- transactional: false\nBEGIN; ALTER TABLE empty ADD a int; SELECT count(*) FROM users; COMMIT;"
            "SELECT count(*) FROM users"
        ),
        "instant instant blocks instant scans",
        "blocks",
    ),
    ("-- transactional: false\nCREATE INDEX CONCURRENTLY ON users (n)", "scans", "scans"),
    (
        "COPY users (id, n, email) FROM stdin;\n2000\t1\tx\n\\.\nCREATE INDEX ON users (n)",
        "instant blocks",
        "blocks",
    ),
    ("TRUNCATE orders", "loses data", "loses data"),
    ("-- loses: orders because they are gone\nDROP TABLE orders", "instant", "instant"),
]


def test_the_verdict_is_the_worst_of_what_a_file_does_to_tables_with_rows(shop: str, files: Path) -> None:
    write(files, **{f"{number:03}_x": text for number, (text, _, _) in enumerate(VERDICTS, 2)})
    found = [
        (text, " ".join(one.verdict for one in file.statements), file.verdict)
        for file, (text, _, _) in zip(plan(shop, files).files, VERDICTS, strict=True)
    ]
    assert found == VERDICTS


def test_the_live_tables_rows_and_sizes_stand_beside_each_statement(shop: str, files: Path) -> None:
    query(shop, "INSERT INTO users SELECT n FROM generate_series(1001, 2000) AS n")
    query(shop, "CREATE TABLE parted (id int) PARTITION BY HASH (id)")
    query(shop, "CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 1, REMAINDER 0)")
    query(shop, "INSERT INTO parted SELECT generate_series(1, 500)")
    query(shop, "ANALYZE parted")
    write(files, **{"001_shop": SHOP + "CREATE TABLE parted (id int) PARTITION BY HASH (id);"})
    migrations = Settings(database_url=shop, migrations=files)
    query(shop, "UPDATE _yoyo_log SET comment = NULL")
    text = "ALTER INDEX users_pkey SET (fillfactor = 80); LOCK users, orders, ONLY parted;"
    write(files, **{"002_x": text})
    (file,) = made(migrations, Heard()).files
    seen = {one.relation: one for statement in file.statements for one in statement.touched}
    assert {name: (one.is_live, one.rows, one.kind) for name, one in seen.items()} == {
        "public.users": (True, seen["public.users"].rows, "table"),
        "public.users_pkey": (True, seen["public.users"].rows, "index"),
        "public.orders": (True, None, "table"),  # nobody has counted
        "public.parted": (True, 500, "partitioned table"),
    }
    # Scaled to the pages of today, as the planner does it.
    assert 1500 < (seen["public.users"].rows or 0) < 2500
    for name, one in {
        "users": "users",
        "users_pkey": "users_pkey",
        "orders": "orders",
        "parted": "parted_0",
    }.items():
        assert [(seen[f"public.{name}"].bytes,)] == query(shop, "SELECT pg_table_size(%s::regclass)", [one])


def test_a_lock_that_a_file_has_already_is_not_shown_again(shop: str, files: Path) -> None:
    text = (
        "LOCK users IN SHARE MODE; ALTER TABLE users ADD a int; CREATE INDEX ON users (n); SELECT FROM orders"
    )
    (file,) = plan(shop, write(files, **{"002_x": text, "003_y": "LOCK users IN SHARE MODE"})).files[:1]
    assert [does(one) for one in file.statements] == [
        {"users": SH}, {"users": AE}, {"users": "scans"}, {"orders": f"{AS} scans"}
    ]  # fmt: skip
    assert [one.blocks for one in file.statements] == [("writes",), ("reads", "writes"), (), ()]
    (_, other) = plan(shop, files).files
    assert does(other.statements[0]) == {"users": SH}


@pytest.mark.parametrize("outside", [False, True], ids=["in", "outside"])
def test_what_is_rolled_back_to_a_savepoint_is_forgotten(shop: str, files: Path, outside: bool) -> None:
    text = (
        f"{'-- transactional: false' if outside else ''}\n{'BEGIN;' if outside else ''}"
        "SAVEPOINT a; ALTER TABLE users ALTER n TYPE bigint; ROLLBACK TO a; SELECT count(*) FROM users; RELEASE a;"
        f"ALTER TABLE users ALTER n TYPE bigint;{'COMMIT;' if outside else ''}"
    )
    (file,) = plan(shop, write(files, **{"002_x": text})).files
    assert [(one.verdict, does(one)) for one in file.statements if does(one)] == [
        ("rewrites", {"users": f"{AE} rewrites"}),
        ("scans", {"users": f"{AS} scans"}),
        ("rewrites", {"users": f"{AE} rewrites"}),
    ]


@pytest.mark.promise
def test_what_is_looked_at_grows_with_the_file_and_not_with_its_square(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def count(*args: Any) -> Any:
        tables = ask(*args)
        asked.append(sum(map(len, tables)))
        return tables

    for module in (rehearsal, scene):
        monkeypatch.setattr(module, "ask", count)
    tables = range(100)
    files = write(
        tmp_path / "files", **{"001_tables": "".join(f"CREATE TABLE t{i} (id int);" for i in tables)}
    )
    assert attempt(database, Heard(), files) is None
    sums = []
    for number in (50, 100):
        write(files, **{"002_x": "".join(f"ALTER TABLE t{i} ADD a int;\n" for i in tables[:number])})
        (file,) = plan(database, files).files
        assert [does(one) for one in file.statements] == [{f"t{i}": AE} for i in tables[:number]]
        sums.append(sum(asked))
        asked.clear()
    assert sums[1] - sums[0] == 50


# Functions, types and so on, which DDL locks, and which it waits for

OBJECTS = """
CREATE SCHEMA s;
CREATE FUNCTION s.f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION "f, 2"() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TYPE mood AS ENUM ('fine');
CREATE DOMAIN positive AS int;
CREATE TABLE t (id int, m mood);
CREATE PUBLICATION pub FOR TABLE t;
"""
#: each statement, and what of these it locks more strongly than whatever uses it
LOCKED: dict[str, dict[str, str]] = {
    "CREATE TABLE u (m mood, n positive DEFAULT s.f(1))": {},
    'CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION "f, 2"()': {},
    "CREATE FUNCTION s.new() RETURNS int LANGUAGE sql AS 'SELECT s.f(1)'": {},
    "ALTER FUNCTION s.f(int) RENAME TO g": {"function s.f(integer)": AE},
    'DROP FUNCTION "f, 2"': {'function public."f, 2"()': AE},
    "COMMENT ON FUNCTION s.f IS 'x'": {"function s.f(integer)": SUE},
    "ALTER TYPE mood ADD VALUE 'sad'": {"type public.mood": EX},
    "DROP DOMAIN positive": {"type public.positive": AE},
    "ALTER PUBLICATION pub DROP TABLE t": {"publication pub": AE},
    "DROP SCHEMA s CASCADE": {"schema s": AE, "function s.f(integer)": AE},
    "DROP TABLE t": {},
}
OUTSIDE = """-- transactional: false
BEGIN; DROP FUNCTION s.f; SELECT 1; ROLLBACK;
DROP SCHEMA s CASCADE;
"""


def locked(one: Planned) -> dict[str, str]:
    return {f"{it.kind} {it.name}": it.lock for it in one.objects}


def test_objects_that_a_statement_locks_are_shown(any_database: str, tmp_path: Path) -> None:
    each = "".join(f"SAVEPOINT a; {text}; SELECT 1; ROLLBACK TO a;" for text in LOCKED)
    files = {"001_objects": OBJECTS, "002_x": each, "003_own": "CREATE TYPE own AS ENUM (); DROP TYPE own;"}
    write(tmp_path, **files, **{"004_outside": OUTSIDE})
    told = Settings(database_url=any_database, environment="test", migrations=tmp_path)
    apply.migrate(told, Heard(), to="001")
    inside, own, outside = made(told, Heard()).files
    assert [locked(one) for one in inside.statements[1::4]] == [*LOCKED.values()]
    assert sum(bool(one.objects) for one in inside.statements) == sum(map(bool, LOCKED.values()))
    assert [locked(one) for one in own.statements] == [{}, {}]
    schema, function = {"schema s": AE}, {"function s.f(integer)": AE}
    assert [locked(one) for one in outside.statements] == [{}, function, {}, {}, schema | function]


def plan_behind(url: str, files: Path) -> PlannedFile:
    """The plan of the second file; the first is applied."""
    told = Settings(database_url=url, environment="test", migrations=files)
    apply.migrate(told, Heard(), to="001")
    (file,) = made(told, Heard()).files
    return file


def test_whether_a_function_that_is_replaced_is_locked_is_the_server_s_word(
    any_database: str, tmp_path: Path, connect: Connect
) -> None:
    """Minor releases differ: whoever uses it in DDL waits where the plan shows the lock, and only there."""
    replaced = "CREATE OR REPLACE FUNCTION s.f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2'"
    files = write(tmp_path / "files", **{"001_objects": OBJECTS, "002_x": replaced})
    shown = [(it.name, it.lock, it.blocks) for it in plan_behind(any_database, files).statements[0].objects]
    other, user = connect(any_database, autocommit=False), connect(any_database)
    other.execute(replaced.encode())
    user.execute("SET lock_timeout = '100ms'")
    try:
        user.execute("CREATE TABLE u (n int DEFAULT s.f(1))")
        waits = False
    except psycopg.errors.LockNotAvailable:
        waits = True
    assert shown == ([("s.f(integer)", AE, "DDL that uses it")] if waits else [])


def test_objects_stand_among_what_people_and_scripts_read(files: Path, show: Any) -> None:
    write(files, **{"002_x": "CREATE TYPE mood AS ENUM ('a')"})
    done = show()
    assert "DDL" not in done.out
    write(files, **{"002_x": "DROP PROCEDURE nap(); SELECT 1"})
    lines = [re.sub(" {2,}", "  ", line).rstrip() for line in show().out.splitlines()]
    assert lines[2:4] == [
        "  1  DROP PROCEDURE nap()  blocks DDL that uses it  ACCESS EXCLUSIVE  public.nap()  procedure",
        "  1  SELECT 1",
    ]
    (file,) = show("--json").document["files"]
    assert file["verdict"] == "instant"
    assert file["statements"][0]["objects"] == [{"object": "public.nap()", "kind": "procedure", "lock": AE}]


def test_names_are_sql_s_own_and_those_of_before_the_first_file(
    database: str, tmp_path: Path, sqlrail: Sqlrail
) -> None:
    first = 'CREATE SCHEMA "Odd|One"; CREATE TABLE "Odd|One"."a ""b" (id int); CREATE TABLE y (id int);'
    files = write(tmp_path / "files", **{"001_odd": first})
    assert attempt(database, Heard(), files) is None
    write(files, **{
        "002_x": 'ALTER TABLE "Odd|One"."a ""b" RENAME TO z; ALTER TABLE "Odd|One".z SET SCHEMA public',
        "003_y": "-- transactional: false\nCREATE INDEX CONCURRENTLY ON z (id); DROP TABLE y; VACUUM;",
    })  # fmt: skip
    result = plan(database, files)
    odd = '"Odd|One"."a ""b"'
    assert [[does(one) for one in file.statements] for file in result.files] == [
        [{odd: AE}, {}],
        [{odd: f"{SUE} scans"}, {"y": AE}, {odd: f"{SUE} scans"}],
    ]
    env = {"DATABASE_URL": database, "APP_ENV": "test"}
    done = sqlrail("plan", "--migrations", str(files), "--format", "markdown", env=env)
    assert "| <code>&#34;Odd&#124;One&#34;.&#34;a &#34;&#34;b&#34;</code> | 0 rows, " in done.out


# What people and scripts read


def test_a_plan_for_eyes(shop: str, files: Path, show: Any) -> None:
    write(files, **{
        "002_x": "-- cleanup: orders.user_id -> users.id\n\n"
                 "ALTER TABLE orders ADD FOREIGN KEY (user_id)\n  REFERENCES users;\n"
                 "CREATE TABLE new (id int DEFAULT '1');",
        "003_y": "ALTER TABLE users ALTER n TYPE bigint",
    })  # fmt: skip
    query(shop, "ANALYZE orders")
    done = show()
    assert (done.code, done.err) == (0, "")
    lines = [
        re.sub(" {2,}", "  ", re.sub(r"\d+ kB", "… kB", line)).rstrip()
        for line in done.out.splitlines()
        if not re.match(r"  \d+:\d+ ", line)  # lint's
    ]
    assert lines == [
        "002_x: blocks",
        "  line  statement  does  lock  on  live",
        (
            "  1  -- cleanup: orders.user_id -> users.id  scans, blocks writes  SHARE ROW EXCLUSIVE"
            "  public.users  1,000 rows, … kB"
        ),
        "  scans, blocks writes  SHARE ROW EXCLUSIVE  public.orders  1,000 rows, … kB",
        (
            "  3  ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users  scans, under earlier locks"
            "  public.orders  1,000 rows, … kB"
        ),
        "  5  CREATE TABLE new (id int DEFAULT '…')",
        (
            "  line 3 passes behind -- cleanup: orders.user_id -> users.id: 3 rows of public.orders, id 998, 999, "
            '1000: insert or update on table "orders" violates foreign key constraint "orders_user_id_fkey"'
        ),
        "  cleanup of orders.user_id -> users.id: 3 rows of 1,000 (0.30%) would be archived and deleted",
        "003_y: rewrites",
        "  line  statement  does  lock  on  live",
        (
            "  1  ALTER TABLE users ALTER n TYPE bigint  rewrites, blocks reads and writes  ACCESS EXCLUSIVE"
            "  public.users  1,000 rows, … kB"
        ),
        f"2 pending: 1 blocks, 1 rewrites; rehearsed on PostgreSQL {max(majors())}, and nothing was changed",
    ]


def test_the_json_says_all_of_it(files: Path, show: Any) -> None:
    write(
        files,
        **{
            "002_x": "-- cleanup: orders.user_id -> users.id\nALTER TABLE users ADD a bigint;\nCREATE TABLE b ()"
        },
    )
    document = show("--json").document
    (file,) = document.pop("files")
    major = max(majors())
    assert document == {
        "already_applied": 1, "instant": False, "server_major": major, "rehearsed_major": major, "notes": [],
        "counted": True, "empty": False, "trial": {"copied": [], "bytes": 0, "not_tried": {}}, "queries": None,
        "code": [], "waiting": [],
    }  # fmt: skip
    cleanup, added, created = file.pop("statements")
    (found,) = file.pop("cleanup")
    assert (found["orphans"], found["deleted"], found["run"]) == (3, 0, None)
    assert file == {
        "id": "002_x", "path": str(files / "002_x.sql"), "transactional": True, "verdict": "blocks", "findings": [],
        "backfill": None, "queries": None, "phase": None, "says_phase": "before", "code": [],
    }  # fmt: skip
    (relation,) = added.pop("relations")
    assert relation.pop("bytes") > 0
    assert added == {
        "line": 2, "column": 1, "statement": "ALTER TABLE users ADD a bigint", "verdict": "instant",
        "blocks": ["reads", "writes"], "objects": [], "note": None, "outcome": None, "checks": [], "losses": [],
        "notices": [], "fails": None,
    }  # fmt: skip
    assert relation == {
        "relation": "public.users", "kind": "table", "lock": AE, "blocks": ["reads", "writes"],
        "scanned": False, "rewritten": False, "live": True, "rows": 1000,
    }  # fmt: skip
    assert (cleanup["line"], len(cleanup["relations"]), created["relations"]) == (1, 2, [])


def test_markdown_keeps_hostile_names_in_their_cells(files: Path, show: Any) -> None:
    name = "a|b`c</code><script>@all [x](http://y.z) _m_ *n* #1 \\| \x1b[31m\u202e"
    text = f'ALTER TABLE users ADD "{name}" int DEFAULT 1; ALTER TABLE users RENAME TO "{name}";'
    write(files, **{"002_x": text, "003_y": f'ALTER TABLE "{name}" RENAME "{name}" TO a'})
    done = show("--format", "markdown")
    assert done.code == 0
    assert "\x1b" not in done.out
    rows = [line for line in done.out.splitlines() if line.startswith("|")]
    assert [line.count("|") for line in rows] == [7] * 7
    assert not re.search(
        r"[`@#*]|<(?!/?code>)|\[|\\|_m_", re.sub(r"^#+ |&#\d+;|\*\*", "", done.out, flags=re.MULTILINE)
    )
    assert "Everything" not in done.out
    assert done.out.startswith("**2 pending: 2 instant; rehearsed on PostgreSQL ")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ALTER TABLE users ADD a int", 0),
        ("CREATE INDEX ON users (n)", 4),
        ("CREATE INDEX ON empty (id)", 0),
        ("-- transactional: false\nCREATE INDEX CONCURRENTLY ON users (n)", 4),
        ("-- cleanup: empty.id -> users.id\nSELECT 1", 4),
        ("CREATE ROLE plan_other", 0),
    ],
)
def test_check_exits_with_4_where_something_takes_longer_than_a_moment(
    files: Path, show: Any, text: str, code: int
) -> None:
    write(files, **{"002_x": text})
    assert show("--check").code == code


def test_check_counts_a_cleanup_that_would_be_refused(shop: str, files: Path, show: Any) -> None:
    query(shop, "INSERT INTO empty VALUES (1)")
    query(shop, "TRUNCATE users")
    query(shop, "TRUNCATE orders")
    write(files, **{"002_x": "-- cleanup: empty.id -> users.id\nSELECT 1"})
    done = show("--check")
    assert (done.code, "would be refused: the parent table is empty" in done.out) == (4, True)


def test_what_an_earlier_cleanup_may_leave_is_not_in_the_number_and_it_says_so(
    shop: str, files: Path, show: Any
) -> None:
    write(files, **{
        "002_x": "-- cleanup: orders.user_id -> users.id delete\n-- cleanup: orders.user_id not null delete\nSELECT 1",
        "003_y": "-- cleanup: users.n not null delete\nSELECT 1",
        "004_z": "-- cleanup: orders.user_id not null set 1\n-- cleanup: empty.id -> users.id delete\nSELECT 1",
    })  # fmt: skip
    query(shop, "UPDATE orders SET user_id = NULL WHERE id = 1; UPDATE users SET n = NULL WHERE id = 2")
    before = {
        (one["child"], one["column"], one["kind"]): one["counted_before"]
        for file in show("--json").document["files"]
        for one in file["cleanup"]
    }
    assert before == {
        ("orders", "user_id", "relation"): [],
        ("orders", "user_id", "not null"): ["002_x"],
        ("users", "n", "not null"): [],
        ("empty", "id", "relation"): ["003_y"],
    }
    lines = [line.strip() for line in show().out.splitlines() if "cleanup of" in line]
    assert [line.partition("; counted before the cleanup of ")[2] for line in lines] == [
        "", "orders.user_id -> users.id, which may leave other rows", "",
        "002_x, which may leave other rows", "003_y, which may leave other rows"]  # fmt: skip
    query(shop, "UPDATE orders SET user_id = 1 WHERE user_id IS NULL OR user_id > 900")
    query(shop, "UPDATE users SET n = 1")
    assert "counted before" not in show().out


def test_nothing_pending_needs_no_scratch_database(show: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlrail.verbs.rehearsing.built", None)
    done = show("--check")
    assert (done.code, done.out) == (0, "nothing to plan: 1 applied, none pending\n")
    assert show("--json").document["files"] == []


def test_to_and_the_flags_of_the_history_are_migrate_s(shop: str, files: Path, show: Any) -> None:
    write(files, **{"003_y": "ALTER TABLE users ADD a int"})
    assert attempt(shop, Heard(), files) is None
    write(
        files, **{"002_x": "ALTER TABLE users ADD b int", "004_z": "DROP TABLE orders", "005_z": "SELECT 1"}
    )
    done = show()
    assert (done.code, "or run it all the same with `migrate --allow-late`" in done.err) == (3, True)
    document = show("--allow-late", "--to", "4", "--json").document
    assert [file["id"] for file in document["files"]] == ["002_x", "004_z"]
    (files / "005_z.sql").unlink()
    (files / "003_y.sql").unlink()
    assert show("--allow-late").code == 3
    assert show("--allow-late", "--allow-missing").code == 0


def test_what_lint_finds_stands_with_its_file(
    shop: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(files, **{"002_x": "SELECT 1", "003_y": "SELECT 1;\n DROP TABLE orders"})
    told = Settings(database_url=shop, migrations=files)
    result = made(told, Heard())
    assert [[(it.line, it.column, it.rule) for it in file.findings] for file in result.files] == [
        [], [(2, 2, "ban-drop-table")],
    ]  # fmt: skip
    assert "  2:2 ban-drop-table: " in render.text(result, None)
    assert "<code>2&#58;2 ban-drop-table&#58; " in render.markdown(result)
    monkeypatch.setattr(sysconfig, "get_path", lambda *_: "/nowhere")
    heard = Heard()
    assert [file.findings for file in made(told, heard).files] == [(), ()]
    assert [text for text in heard.said if "squawk" in text] == [
        "squawk, the linter, is not installed here: pip install 'sqlrail[lint]'. The plan does without its findings."
    ]


def test_a_file_of_many_statements_is_cut_short_for_people_only(files: Path, show: Any) -> None:
    text = "".join(f"CREATE TABLE t{n} (id int);\n" for n in range(60)) + "DROP TABLE orders;\n"
    write(files, **{"002_x": text})
    lines = show().out.splitlines()
    assert [line.split()[:2] for line in lines[1:4]] == [
        ["61:1", "loses"],
        ["line", "statement"],
        ["61", "DROP"],
    ]
    assert lines[-3:-1] == [
        "  and 51 more findings (`lint` has them)", "  and 60 more statements (--json has them)",
    ]  # fmt: skip
    assert len(show("--json").document["files"][0]["statements"]) == 61


# What goes wrong


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("SELECT 1;\nALTER TABLE nowhere ADD a int;", "2:1", 'relation "nowhere" does not exist'),
        ("SELECT 1;\nSELECT FROM nowhere;", "2:13", 'relation "nowhere" does not exist'),
        ("SELECT 1;\nSELECT 1 / 0;", "2:1", "division by zero"),
        ("CREATE INDEX CONCURRENTLY ON users (n)", "1:1", "cannot run inside a transaction block"),
        ("-- transactional: false\nVACUUM users;\n VACUUM nowhere;", "3:2", 'relation "nowhere" does not exist'),
        ("-- transactional: false\nSELECT 1;\nSELECT 1 / 0;", "3:1", "division by zero"),
        ("COPY users FROM stdin;\n1\t2\t3\nx\t2\t3\n\\.\n", "3:1", "invalid input syntax"),
        (
            "CREATE TABLE n (id int REFERENCES users DEFERRABLE INITIALLY DEFERRED); INSERT INTO n VALUES (1);",
            "1:98", "at commit: insert or update",
        ),
    ],
)  # fmt: skip
def test_a_file_that_fails_is_told_as_migrate_would(
    shop: str, files: Path, show: Any, text: str, place: str, says: str
) -> None:
    write(files, **{"002_x": text, "003_y": "SELECT 1"})
    before = catalog(shop)
    done = show()
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"{files / '002_x.sql'}:{place}: ")
    assert says in done.err
    assert done.err.endswith("This was a rehearsal: the database itself has only been read.\n")
    assert show("--json").error["kind"] == "migration_failed"
    assert catalog(shop) == before


def test_a_file_that_may_not_run_is_told_before_anything_is_made(
    files: Path, show: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sqlrail.verbs.rehearsing.built", None)
    write(files, **{"002_x": "SELECT 1; COMMIT;"})
    done = show()
    assert (done.code, "002_x.sql:1:11: COMMIT is not for the file to say" in done.err) == (2, True)


def test_applied_files_that_do_not_build_are_named(shop: str, files: Path, show: Any) -> None:
    write(files, **{"001_shop": "SELECT FROM by_hand;", "002_x": "SELECT 1"})
    query(shop, "UPDATE _yoyo_log SET comment = NULL")
    done = show()
    assert (done.code, done.out) == (1, "")
    assert "what is applied does not build on one: " in done.err
    assert '001_shop.sql:1:13: relation "by_hand" does not exist' in done.err


def test_a_half_done_file_is_rehearsed_whole_and_judged_by_what_is_left(shop: str, files: Path) -> None:
    text = "-- transactional: false\nCREATE INDEX ON users (n);\nSELECT 1;\nSELECT 1 / (SELECT count(*) FROM empty);"
    write(files, **{"002_x": text})
    assert attempt(shop, Heard(), files) is not None
    write(files, **{"002_x": text.replace("1 / (SELECT count(*)", "1 * (SELECT count(*)")})
    (file,) = plan(shop, files).files
    assert file.verdict == "instant"
    assert [(one.note, does(one)) for one in file.statements] == [
        ("done already", {}), ("done already", {}), (None, {"empty": f"{AS} scans"})
    ]  # fmt: skip


def test_literals_are_not_shown(files: Path, show: Any) -> None:
    text = "INSERT INTO users VALUES (2001, 1, 'hush'), (2002, 2, E'hu\\'sh'); -- hush\n"
    text += "DO $x$ BEGIN /* hush */ END $x$;"
    write(files, **{"002_x": f"SELECT '{'hush' * 1000}';\n{text}"})
    for flags in ([], ["--json"], ["--format", "markdown"]):
        done = show(*flags)
        assert (done.code, "hu" in done.out.replace("The", "")) == (0, False), done.out


# What belongs to the whole server


def roles(url: str) -> list[Any]:
    return query(url, "SELECT rolname, rolconnlimit FROM pg_roles WHERE rolname ~ '^plan_' ORDER BY 1")


def test_an_applied_file_s_roles_are_left_as_they_are(shop: str, files: Path) -> None:
    query(shop, "ALTER ROLE plan_reader CONNECTION LIMIT 7")
    write(files, **{
        "001_shop": SHOP + "ALTER ROLE plan_reader CONNECTION LIMIT 1; REVOKE plan_reader FROM CURRENT_USER;\n"
                    "COMMENT ON DATABASE postgres IS 'x'; GRANT SELECT ON users TO plan_reader;"
                    + f"-- {'large ' * 5000}",
        "002_x": "GRANT SELECT ON orders TO plan_reader",
    })  # fmt: skip
    query(shop, "UPDATE _yoyo_log SET comment = NULL")
    assert plan(shop, files).is_instant
    assert roles(shop) == [("plan_reader", 7)]


def test_places_are_the_same_behind_what_is_passed_over(shop: str, files: Path, show: Any) -> None:
    for first, place in (
        ("CREATE\n\nROLE\nplan_new;", "4:23"),
        ("COPY nowhere FROM stdin;\nCREATE ROLE\n\\.\n", "1:1"),
    ):
        write(files, **{"001_shop": f"{first} SELECT FROM nowhere;", "002_x": "SELECT 1"})
        query(shop, "UPDATE _yoyo_log SET comment = NULL")
        assert f"001_shop.sql:{place}: relation " in show().err
    write(files, **{"001_shop": "CREATE ROLE plan_new"})
    assert show().code == 0
    assert roles(shop) == [("plan_reader", -1)]


def test_one_that_cannot_be_built_without_changing_them_is_refused(shop: str, files: Path, show: Any) -> None:
    text = SHOP + "DO $$ BEGIN ALTER ROLE plan_reader CONNECTION LIMIT 1; END $$;"
    write(files, **{"001_shop": text, "002_x": "SELECT 1"})
    query(shop, "UPDATE _yoyo_log SET comment = NULL")
    done = show()
    assert (done.code, "it changes what the whole server has, such as a role" in done.err) == (1, True)
    assert roles(shop) == [("plan_reader", -1)]


def test_a_pending_file_that_makes_a_role_is_rehearsed_and_taken_back(
    shop: str, files: Path, show: Any
) -> None:
    write(files, **{
        "002_x": "DO $$ BEGIN CREATE ROLE plan_new; END $$;"
                 "CREATE INDEX ON users (n); GRANT SELECT ON users TO plan_new",
        "003_y": "GRANT SELECT ON orders TO plan_new",
    })  # fmt: skip
    done = show("--check")
    assert (done.code, done.err) == (4, "")
    assert [line for line in done.out.splitlines() if line[0] != " "] == [
        "002_x: blocks",
        "003_y: unknown",
        (
            "note: 002_x changes what the whole server has, such as a role: it was rehearsed and taken back, "
            "and what comes after it can be rehearsed once it is applied"
        ),
        f"2 pending: 1 blocks, 1 unknown; rehearsed on PostgreSQL {max(majors())}, and nothing was changed",
    ]
    assert roles(shop) == [("plan_reader", -1)]


def test_outside_a_transaction_such_statements_are_left_out(shop: str, files: Path) -> None:
    text = (
        "-- transactional: false\nCREATE ROLE plan_new;\nDO $$ BEGIN CREATE ROLE plan_new; END $$;\n"
        "ALTER SYSTEM SET work_mem = '9MB';\nCREATE DATABASE plan_new;\nVACUUM users;\n"
    )
    (file,) = plan(shop, write(files, **{"002_x": text})).files
    assert [(one.note or "")[:10] for one in file.statements] == [
        "not rehear", "taken back", "not rehear", "not rehear", ""
    ]  # fmt: skip
    assert roles(shop) == [("plan_reader", -1)]
    needs = "-- transactional: false\nCREATE ROLE plan_new;\nGRANT SELECT ON users TO plan_new;"
    with pytest.raises(
        MigrationFailed, match=r'2_x.sql:3:1: role "plan_new" does not exist.* may need what they make'
    ):
        plan(shop, write(files, **{"002_x": needs}))
    text = "-- transactional: false\nBEGIN; DO $$ BEGIN CREATE ROLE plan_new; END $$; COMMIT;"
    result = plan(shop, write(files, **{"002_x": text}))
    assert len(result.notes) == 1
    assert roles(shop) == [("plan_reader", -1)]


SUBSCRIPTION = (
    "CREATE SUBSCRIPTION plan_sub CONNECTION 'dbname=x' PUBLICATION p WITH (connect = off, slot_name = NONE)"
)


@pytest.mark.parametrize("is_hidden", [False, True], ids=["as it is", "in a DO block"])
@pytest.mark.parametrize("way", ["", "-- transactional: false\n"], ids=["in a transaction", "outside"])
def test_a_subscription_is_never_made_on_a_scratch_database(
    is_hidden: bool, way: str, shop: str, files: Path
) -> None:
    # It would take over what the publisher keeps for the real one, and no database that has one can be dropped.
    text = (
        f"DO $$ BEGIN {SUBSCRIPTION}; END $$"
        if is_hidden
        else f"{SUBSCRIPTION}; UPDATE subscription SET n = 2"
    )
    text = f"CREATE TABLE subscription (n int); {text}"
    made = "SELECT datname, subname FROM pg_database LEFT JOIN pg_subscription AS s ON s.subdbid = pg_database.oid"
    before = query(shop, f"{made} ORDER BY 1")
    result = plan(shop, write(files, **{"002_x": f"{way}{text};\nCREATE INDEX ON users (n);"}))
    notes = [one.note or "" for file in result.files for one in file.statements] + list(
        map(str, result.notes)
    )
    assert len([note for note in notes if "whole server" in note]) == 1
    assert query(shop, f"{made} ORDER BY 1") == before


@pytest.mark.parametrize("way", ["", "-- transactional: false\n"], ids=["in a transaction", "outside"])
def test_what_was_not_rehearsed_is_unknown(way: str, files: Path, show: Any) -> None:
    write(files, **{"002_x": f"{way}{SUBSCRIPTION};", "003_y": "CREATE TABLE y ()"})
    done = show("--check", "--json")
    assert done.code == 4
    verdicts = [
        [file["verdict"], *(it["verdict"] for it in file["statements"])] for file in done.document["files"]
    ]
    assert verdicts == [["unknown", "unknown"], ["instant", "instant"]]
    assert "not rehearsed: it is about the whole server" in done.document["files"][0]["statements"][0]["note"]


APPLIED = {
    "in a transaction": f"{SUBSCRIPTION};",
    "outside": f"-- transactional: false\nSELECT 1;\n{SUBSCRIPTION};",
    "of a large file": f"-- transactional: false\nSELECT '{'x' * 1_100_000}';\n{SUBSCRIPTION};",
    "alone": f"-- why\n{SUBSCRIPTION}",
}


@pytest.mark.parametrize("applied", APPLIED.values(), ids=APPLIED)
def test_an_applied_file_s_subscription_is_not_made_again(
    applied: str, shop: str, files: Path, show: Any
) -> None:
    write(files, **{"000_sub": applied, "002_x": "CREATE TABLE y ()"})
    query(shop, "INSERT INTO _yoyo_migration SELECT encode(sha256('000_sub'), 'hex'), '000_sub', now()")
    done = show("--json")
    assert (done.code, [file["id"] for file in done.document["files"]]) == (0, ["002_x"]), done.err
    assert query(shop, "SELECT subname FROM pg_subscription") == []
    assert query(shop, "SELECT count(*) FROM pg_database WHERE datname LIKE 'sqlrail_scratch%'") == [(0,)]


def test_nor_is_one_in_a_do_block_kept_on_a_scratch_database(shop: str, files: Path, show: Any) -> None:
    applied = f"-- transactional: false\nSELECT 1;\nDO $$ BEGIN {SUBSCRIPTION}; END $$;"
    write(files, **{"000_sub": applied, "002_x": "CREATE TABLE y ()"})
    query(shop, "INSERT INTO _yoyo_migration SELECT encode(sha256('000_sub'), 'hex'), '000_sub', now()")
    done = show()
    assert (done.code, "it changes what the whole server has" in done.err) == (1, True), done.err
    assert query(shop, "SELECT subname FROM pg_subscription") == []


# The live database is only read

SERVER = """
    SELECT 'role ' || rolname, md5(pg_roles::text) FROM pg_roles
    UNION ALL SELECT 'database ' || datname, concat_ws(',', oid, xmin, datacl::text) FROM pg_database
    UNION ALL SELECT 'setting', concat_ws(',', setdatabase, setrole, setconfig::text) FROM pg_db_role_setting
"""
# Autovacuum analyzes what it likes, and pg_statistic, with its TOAST table, is where it writes.
OWN = """
    SELECT c.oid::regclass::text FROM pg_class AS c
     WHERE c.relkind IN ('r', 'm', 't') AND NOT c.relisshared
       AND c.oid NOT IN (SELECT unnest(ARRAY[oid, reltoastrelid]) FROM pg_class WHERE relname = 'pg_statistic')
"""
WRITTEN = f"""
    SELECT relid::regclass::text, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_all_tables
     WHERE relid::regclass::text IN ({OWN})
"""
THERE = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"


def test_the_live_database_is_only_read(any_database: str, tmp_path: Path, connect: Connect) -> None:
    shop = SHOP.replace("CREATE ROLE plan_reader;", "")
    assert attempt(any_database, Heard(), write(tmp_path, **{"001_shop": shop})) is None
    query(any_database, FILLED)
    query(any_database, "ALTER TABLE users SET (autovacuum_enabled = off)")
    query(any_database, "ALTER TABLE orders SET (autovacuum_enabled = off)")
    write(tmp_path, **{
        "002_x": "-- cleanup: orders.user_id -> users.id\n"
                 "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users;"
                 "UPDATE users SET n = 0; DROP TABLE empty; COMMENT ON TABLE users IS 'x'; CREATE TABLE new (id int)",
        "003_y": "-- transactional: false\nCREATE INDEX CONCURRENTLY ON users (n); VACUUM FULL users;"
                 "ALTER TABLE orders RENAME TO o; VACUUM; ANALYZE;",
        "004_z": "CREATE ROLE plan_never; GRANT SELECT ON users TO plan_never;"
                 "ALTER USER CURRENT_USER SET work_mem = 99",
        "post-apply": "SELECT 1",
    })  # fmt: skip
    watcher = connect(any_database)

    def look() -> list[Any]:
        # What others have counted, they tell when they leave.
        wait_for(lambda: watcher.execute(THERE).fetchall() == [(1,)], "they have left")
        rows = "SELECT '{0}', md5(string_agg(concat_ws(',', ctid, xmin, xmax), ';' ORDER BY ctid)) FROM {0}"
        tables = " UNION ALL ".join(rows.format(name) for (name,) in watcher.execute(OWN).fetchall())
        return [
            sorted(watcher.execute(text.encode()).fetchall(), key=repr) for text in (tables, SERVER, WRITTEN)
        ]

    before = look()
    result = plan(any_database, tmp_path)
    assert [file.verdict for file in result.files] == ["loses data", "rewrites", "instant", "unknown"]
    after = look()
    assert len(before[0]) > 70
    assert after == before


def test_a_plan_of_a_new_database_makes_no_tables_of_yoyo_s(database: str) -> None:
    before = catalog(database)
    result = plan(database, MIGRATIONS)
    assert (len(result.files), result.is_instant) == (4, True)
    assert catalog(database) == before


# Faults


@contextmanager
def rehearsing(server: local.Server, url: str, files: Path, text: str) -> Iterator[Any]:
    """A plan in the middle of a slow statement."""
    write(files, **{"002_x": text})
    runner = start_runner(url, "plan", "--migrations", files)
    asleep = "SELECT pid FROM pg_stat_activity WHERE datname ~ '^sqlrail_scratch' AND wait_event = 'PgSleep'"
    wait_for(lambda: query(server.url, asleep), "it rehearses")
    try:
        yield runner
    finally:
        runner.kill()
        runner.communicate()


SLOW = pytest.mark.parametrize(
    "text", ["SELECT pg_sleep(60)", "-- transactional: false\nCALL nap()"], ids=["in", "outside"]
)


@SLOW
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_an_interrupted_plan_drops_its_scratch_database(
    server: local.Server, shop: str, files: Path, text: str, number: signal.Signals
) -> None:
    with rehearsing(server, shop, files, text) as runner:
        runner.send_signal(number)
        out, talk = runner.communicate(timeout=PATIENCE)
    assert (runner.returncode, out) == (128 + number, "")
    assert "Traceback" not in talk
    assert "interrupted" in talk
    assert query(server.url, SCRATCHES) == []


@pytest.mark.promise
def test_what_a_killed_plan_left_is_dropped_by_a_later_one(
    server: local.Server, shop: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "GRACE", -1)
    with rehearsing(server, shop, files, "SELECT pg_sleep(60)") as runner:
        ((left,),) = query(server.url, SCRATCHES)
        runner.kill()
        runner.communicate(timeout=PATIENCE)
    inside = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
    wait_for(lambda: not query(server.url, inside, [left]), "it is gone")
    assert query(server.url, SCRATCHES) == [(left,)]
    plan(shop, write(files, **{"002_x": "SELECT 1"}))
    assert query(server.url, SCRATCHES) == []


@SLOW
def test_a_backend_that_dies_in_a_rehearsal_is_told_and_leaves_nothing(
    server: local.Server, shop: str, files: Path, text: str
) -> None:
    with rehearsing(server, shop, files, text) as runner:
        query(
            server.url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        )
        out, talk = runner.communicate(timeout=PATIENCE)
    assert (runner.returncode, out) == (1, "")
    assert "the connection was lost while 002_x was being" in talk, talk
    assert query(server.url, SCRATCHES) == []


def test_a_live_database_that_vanishes_meanwhile_is_told(
    server: local.Server, shop: str, files: Path, connect: Connect
) -> None:
    administrator, name = connect(server.url), sql.Identifier(connect(shop).info.dbname)
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format
    with rehearsing(server, shop, files, "SELECT pg_sleep(1)") as runner:
        administrator.execute(allow(name, sql.SQL("false")))
        out, talk = runner.communicate(timeout=PATIENCE)
    administrator.execute(allow(name, sql.SQL("true")))
    assert (runner.returncode, out) == (1, "")
    *_, stays, error = talk.splitlines()
    ((left,),) = query(server.url, SCRATCHES)
    query(server.url, f"DROP DATABASE {left} WITH (FORCE)")
    assert stays.startswith(f"the scratch database {left} stays behind until a later run drops it: ")
    assert error.startswith("cannot connect to ")


def test_a_table_that_somebody_has_locked_is_not_waited_for_long(
    shop: str, files: Path, connect: Connect
) -> None:
    write(files, **{"002_x": "ALTER TABLE users ADD a int"})
    connect(shop, autocommit=False).execute("LOCK users")
    with pytest.raises(
        DatabaseFailed, match=r"the look at the tables' sizes gave way: .* longer than 0\.1 s"
    ):
        plan(shop, files, lock_timeout=0.1)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder in which the embedded server can be made."""
    with open_folder() as folder:
        monkeypatch.chdir(folder)
        yield folder
        local.stop(folder / ".pgdata")


def test_without_the_right_to_make_databases_the_embedded_server_stands_in(
    shop: str, show: Any, files: Path, home: Path
) -> None:
    write(files, **{"002_x": "ALTER TABLE users ALTER n TYPE bigint"})
    query(shop, "CREATE ROLE plan_modest LOGIN")
    try:
        query(shop, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO plan_modest")
        query(shop, "GRANT USAGE ON SCHEMA sqlrail TO plan_modest")
        query(shop, "GRANT SELECT ON ALL TABLES IN SCHEMA sqlrail TO plan_modest")
        done = show("--json", url=shop.replace("postgres@", "plan_modest@"))
    finally:
        query(shop, "DROP OWNED BY plan_modest")
        query(shop, "DROP ROLE plan_modest")
    assert done.code == 0, done.err
    assert done.document["files"][0]["verdict"] == "rewrites"
    assert "The role plan_modest may not create databases" in done.err
    assert (home / ".pgdata").exists()


@pytest.mark.promise
def test_a_read_only_standby_is_planned_for_on_the_embedded_server(
    tmp_path: Path, sqlrail: Sqlrail, home: Path
) -> None:
    files = write(tmp_path / "files", **{"001_shop": SHOP.replace("CREATE ROLE plan_reader;", "")})
    with a_standby(home / "standby", files) as url:
        write(files, **{"002_x": "-- cleanup: orders.user_id -> users.id\nALTER TABLE users ADD a int"})
        done = sqlrail("plan", "--json", "--migrations", str(files), env={"DATABASE_URL": url})
    assert done.code == 0, done.err
    (file,) = done.document["files"]
    assert (file["verdict"], file["cleanup"][0]["orphans"]) == ("blocks", 3)
    assert "The server is a standby, where nothing can be made" in done.err
    assert "stays behind" not in done.err
    majors_ = done.document["server_major"], done.document["rehearsed_major"]
    assert majors_ == (min(majors()), local._major(local.find_binaries()))
    assert done.document["notes"][0].endswith("and whether it is understood at all, may differ")


@contextmanager
def a_standby(home: Path, files: Path) -> Iterator[str]:
    """A server of the oldest major that is in recovery for ever: a standby whose primary is gone."""
    server = local.start(home, bin=majors()[min(majors())], options=FAST)
    assert attempt(server.url, Heard(), files) is None
    query(server.url, FILLED)
    local.stop(home)
    (server.data / "standby.signal").touch()
    place = find_place(home)
    try:
        with local._lock(place) as lock:
            assert lock is not None
            local._launch(place, within_reach(server.bin, place), FAST, lock, lambda _: None)
        wait_for(lambda: _is_standby(server.url), "the standby answers")
        yield server.url
    finally:
        local.stop(home)


def _is_standby(url: str) -> bool:
    try:
        return query(url, "SELECT pg_is_in_recovery()") == [(True,)]
    except psycopg.OperationalError:
        return False


# Connections


def sessions(url: str, server: local.Server) -> int:
    """How many there have been in a database, once nobody is connected to it."""
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    there = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
    wait_for(lambda: query(server.url, there, [name]) == [(0,)], "all have left")
    ((found,),) = query(server.url, "SELECT sessions FROM pg_stat_database WHERE datname = %s", [name])
    return int(found)


@pytest.mark.parametrize(
    ("file", "most"),
    [("CREATE TABLE b (id int)", 6), ("ALTER TABLE a ALTER n SET NOT NULL", 8)],
    ids=["nothing to count", "rows to count and to try"],
)
def test_the_looks_at_the_live_database_have_one_connection(
    file: str, most: int, sqlrail: Sqlrail, server: local.Server, database: str
) -> None:
    """Five are the history's and the rehearsal's; a count and a trial have each their own, for they take long."""
    put({"migrations/001_a.sql": "CREATE TABLE a (n int)"})
    assert sqlrail("migrate", env={"DATABASE_URL": database}).code == 0
    put({"migrations/002_b.sql": file})
    before = sessions(database, server)
    assert sqlrail("plan", env={"DATABASE_URL": database}).code == 0
    assert sessions(database, server) - before <= most
