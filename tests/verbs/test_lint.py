"""The verb lint: what it finds and where, what may stand and why, which files it takes, and how it says so."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import console
import psycopg
import pytest
from conftest import ROOT, clean_environment, majors, query, run
from console import Outcome, Sqlrail, put
from test_dump import EVERYTHING, dump

from sqlrail.files import squawk
from sqlrail.files.file import SMALL, read_file
from sqlrail.files.squawk import OFF, Squawk
from sqlrail.verbs.lint import Finding, check

sqlrail = console.sqlrail

DROP = "-- lint: ignore ban-drop-table because nobody reads it"
OUTSIDE = "-- transactional: false\n"
#: one message and one piece, and many
FILLING = "INSERT INTO t VALUES (1, 'é\n');\n" * 60_000


def case(id_: str, *values: object) -> object:
    return pytest.param(*values, id=id_)


def places(content: str | bytes, folder: Path, name: str = "001_a.sql") -> list[str]:
    """What is found in a file, as line:column rule."""
    put({name: content}, folder)
    return [f"{one.line}:{one.column} {one.rule}" for one in check([read_file(folder / name)], 18)]


@pytest.fixture
def env(database: str) -> dict[str, str]:
    return {"DATABASE_URL": database}


# what is found


FOUND = [
    case("nothing", "CREATE TABLE t (id bigint PRIMARY KEY, a text);", []),
    case("an index on a table of the same file", "CREATE TABLE t (a text); CREATE INDEX i ON t (a);", []),
    case("an index on another", "SELECT 1;\nCREATE INDEX i ON t (a);", ["2:1 require-concurrent-index-creation"]),
    case("CONCURRENTLY in a transaction, by itself", "CREATE INDEX CONCURRENTLY i ON t (a)",
         ["1:14 ban-concurrent-index-creation-in-transaction"]),
    case("CONCURRENTLY outside", OUTSIDE + "CREATE INDEX CONCURRENTLY i ON t (a)", []),
    case("a key, said once", "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u (b);",
         ["1:19 adding-foreign-key-constraint"]),
    case("a unique constraint, which cannot be NOT VALID", "ALTER TABLE t ADD CONSTRAINT f UNIQUE (a);",
         ["1:19 disallowed-unique-constraint"]),
    case("a check", "ALTER TABLE t ADD CONSTRAINT f CHECK (a > 1);", ["1:15 constraint-missing-not-valid"]),
    case("what every run has: a lock_timeout", "ALTER TABLE t ADD COLUMN a text;", []),
    case("what is noted as it is done", OUTSIDE + "CREATE TABLE t (); CREATE TABLE u ();", []),
    case("a transaction that is never ended", OUTSIDE + "BEGIN;\nSELECT 1;", ["2:1 ban-uncommitted-transaction"]),
    case("characters, not bytes", "SELECT 'é日';/* é */ DROP TABLE t;", ["1:21 ban-drop-table"]),
    case("BOM and CRLF", b"\xef\xbb\xbf-- \xc3\xa9\r\n\r\nDROP TABLE t;\r\n", ["3:1 ban-drop-table"]),
    case("lines end in CR", "SELECT 1; -- one\rDROP TABLE t;\r", ["1:18 ban-drop-table"]),
    case("in pieces", "SELECT 1;\n" + FILLING + "SELECT 'é'; DROP TABLE t;", ["120002:13 ban-drop-table"]),
    case("COPY's data are no statements", "\\restrict x\nCOPY t FROM stdin;\nDROP TABLE t;\n-- lint: x\n\\.\n"
         "DROP TABLE u;\n\\unrestrict x\n", ["6:1 ban-drop-table"]),
    case("squawk's own comments count not", "-- squawk-ignore-file\n-- squawk-ignore\nDROP TABLE t;",
         ["3:1 ban-drop-table"]),
    case("nor does its own about transactions", "-- squawk-disable-assume-in-transaction\nCREATE TABLE t (a text);\n"
         "CREATE INDEX i ON t (a)", []),
]  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), FOUND)
def test_what_is_dangerous_is_found_where_it_stands(
    content: str | bytes, expected: list[str], tmp_path: Path
) -> None:
    assert places(content, tmp_path) == expected


def test_every_finding_names_a_safer_way(tmp_path: Path) -> None:
    statements = [
        "DROP TABLE t", "ALTER TABLE t DROP COLUMN a", "ALTER TABLE t RENAME TO u", "ALTER VIEW v RENAME TO w",
        "ALTER TABLE t ALTER COLUMN a TYPE bigint", "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
        "ALTER TABLE t ADD COLUMN b serial PRIMARY KEY", "ALTER TABLE t ADD COLUMN c text NOT NULL",
        "ALTER TABLE t ADD COLUMN d float DEFAULT random()", "CREATE TABLE u (a char(3), b varchar(9), c timestamp)",
        "CREATE DOMAIN d AS text CHECK (value <> '')", "TRUNCATE t CASCADE", f"CREATE TABLE {'x' * 70} ()",
        "DROP INDEX i", "REINDEX TABLE t", "ALTER TABLE t DETACH PARTITION p", "ALTER TYPE e ADD VALUE 'x'",
        "UPDATE t SET a = 1, a = 2", "ALTER TABLE t ALTER COLUMN a DROP NOT NULL", "DROP DATABASE d",
    ]  # fmt: skip
    put({"001_a.sql": ";\n".join(statements)}, tmp_path)
    found = check([read_file(tmp_path / "001_a.sql")], 18)
    assert {one.line for one in found} == {*range(1, len(statements) + 1)}
    assert [one for one in found if not one.remedy or squawk.DOCS in one.remedy] == []


def test_the_rules_that_are_named_here_are_squawk_s() -> None:
    program = Squawk(None)
    assert [rule for rule in (*OFF, *squawk._REMEDIES, *squawk._SAID_BETTER) if not program.knows(rule)] == []
    assert not program.knows("no-such-rule")


# what it cannot read


def test_a_statement_that_squawk_cannot_read_is_one_notice_and_the_rest_is_linted(tmp_path: Path) -> None:
    content = (
        "DROP TABLE a;\nPREPARE transaction AS SELECT 1;\nDROP TABLE b; PREPARE transaction AS SELECT 2;\n"
    )
    put({"001_a.sql": content}, tmp_path)
    found = check([read_file(tmp_path / "001_a.sql")], 18)
    assert [(one.line, one.column, one.rule) for one in found] == [
        (1, 1, "ban-drop-table"), (2, 1, "not-linted"), (3, 1, "ban-drop-table"),
    ]  # fmt: skip
    assert found[1].message.startswith("squawk cannot read this statement and 1 more of this file")


def test_a_file_that_squawk_comes_to_grief_over_is_a_notice(sqlrail: Sqlrail) -> None:
    put({"001_a.sql": f"{DROP}\nDROP TABLE t;\nSELECT {'(' * 50_000}1{')' * 50_000};"})
    outcome = sqlrail("lint", "001_a.sql", "--check", "--json")
    assert (outcome.code, outcome.document["findings"]) == (0, [])
    (notice,) = outcome.document["notices"]
    assert (notice["line"], notice["rule"]) == (2, "not-linted")
    assert notice["message"].startswith("squawk cannot read this file")


def test_a_dump_is_linted_in_spite_of_what_is_not_sql_in_it(tmp_path: Path, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(EVERYTHING.replace("{rows}", "10").encode())
        connection.execute("CREATE TABLE last (a char(3))")
    dump(max(majors()), database, tmp_path / "001_a.sql")
    found = check([read_file(tmp_path / "001_a.sql")], 18)
    lines = (tmp_path / "001_a.sql").read_text().splitlines()
    found_here = {lines[one.line - 1][one.column - 1 :] for one in found if one.rule == "ban-char-field"}
    assert "character(3)" in found_here
    assert [one for one in found if one.is_notice] == []


EVENT = "CREATE TABLE %s (id bigint, at date) PARTITION BY RANGE (at);"
SINCE_18 = {
    "a virtual column": ("ALTER TABLE t ADD COLUMN v bigint GENERATED ALWAYS AS (a + 1) VIRTUAL;", []),
    "virtual, unsaid": (
        "ALTER TABLE t ADD COLUMN v bigint NOT NULL GENERATED ALWAYS AS (upper('STORED'));",
        [],
    ),
    "a stored one": (
        "ALTER TABLE t ADD COLUMN v bigint GENERATED ALWAYS AS (a + 1) /* or VIRTUAL */ STORED;",
        ["1:35 adding-field-with-default"],
    ),
    "of both": (
        "ALTER TABLE t ADD COLUMN v bigint GENERATED ALWAYS AS (1) VIRTUAL, ADD COLUMN w bigint DEFAULT random();",
        ["1:96 adding-field-with-default"],
    ),
    "a key that is not enforced": ("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (b) NOT ENFORCED;", []),
    "a column's": ("ALTER TABLE t ADD COLUMN a bigint REFERENCES u (b) NOT ENFORCED;", []),
    "a check that is not enforced": ("ALTER TABLE t ADD CHECK (a > 0) NOT ENFORCED;", []),
    "one of each": (
        "ALTER TABLE t ADD CHECK (a > 0) NOT ENFORCED, ADD CHECK (a < 9);",
        ["1:47 constraint-missing-not-valid"],
    ),
    "enforced again": ("ALTER TABLE t ALTER CONSTRAINT k ENFORCED;", ["1:1 constraint-missing-not-valid"]),
    "enforced no more": ("ALTER TABLE t ALTER CONSTRAINT k NOT ENFORCED;", ["1:34 ban-drop-constraint"]),
    "ignored": (
        "-- lint: ignore constraint-missing-not-valid because it is small\nALTER TABLE t ALTER CONSTRAINT k ENFORCED;",
        [],
    ),
    "a name for NOT NULL": ("ALTER TABLE t ADD CONSTRAINT n NOT NULL a NOT VALID;", []),
    "a temporal key": (
        "ALTER TABLE t ADD FOREIGN KEY (a, PERIOD d) REFERENCES u (a, PERIOD d) NOT VALID;",
        [],
    ),
    "old and new": ("UPDATE t SET a = 1 WHERE id = 1 RETURNING old.a, new.a;", []),
}


@pytest.mark.parametrize(("content", "expected"), [*SINCE_18.values()], ids=[*SINCE_18])
def test_what_came_with_18_is_read_and_said_as_it_is(
    content: str, expected: list[str], tmp_path: Path
) -> None:
    assert places(content, tmp_path) == expected


@pytest.mark.parametrize(
    "constraint",
    [
        "EXCLUDE USING gist (d WITH &&)",
        "UNIQUE (id, d WITHOUT OVERLAPS)",
        "PRIMARY KEY (id, d WITHOUT OVERLAPS)",
    ],
)
def test_where_there_is_no_safer_way_it_names_none(constraint: str, tmp_path: Path) -> None:
    put({"001_a.sql": f"ALTER TABLE t ADD CONSTRAINT k {constraint};"}, tmp_path)
    (one,) = check([read_file(tmp_path / "001_a.sql")], 18)
    assert one.remedy.startswith("there is no other way to add this one")


def last(folder: Path, *texts: str, version: int | None = 18) -> list[Finding]:
    """What is found in the last of some files."""
    names = [f"{number:03}_a.sql" for number, _ in enumerate(texts)]
    put(dict(zip(names, texts, strict=True)), folder)
    found = check([read_file(folder / name) for name in names], version)
    return [one for one in found if one.path.name == names[-1]]


PARTITIONED = {
    "by its name": (EVENT % "event", "event"),
    "with its schema": (EVENT % "s.event", "s.event"),
    "its schema once": (EVENT % "s.event", "event"),
    "in other letters": (EVENT % "Event", "EVENT"),
    "quoted": (EVENT % '"My Event"', '"My Event"'),
    "a partition that has some": (
        "CREATE TABLE event PARTITION OF e FOR VALUES IN ('x') -- so\nPARTITION /* and */ BY LIST (kind);", "event"
    ),
    "renamed": (EVENT % "event_new" + "ALTER TABLE event_new RENAME TO event;", "event"),
    "in the way of another": ("CREATE TABLE event (); ALTER TABLE event RENAME TO old;" + EVENT % "event", "event"),
    "which is there": (EVENT % "event" + "CREATE TABLE IF NOT EXISTS event (id bigint);", "event"),
    "if it is not there": (EVENT.replace("TABLE", "TABLE IF NOT EXISTS") % "event", "event"),
}  # fmt: skip
WHOLE = {
    "another table": (EVENT % "events", "event"),
    "of another schema": (EVENT % "s.event", "t.event"),
    "in other letters": (EVENT % '"Event"', "event"),
    "a partition": (EVENT % "e" + "CREATE TABLE event PARTITION OF e FOR VALUES FROM (1) TO (2);", "event"),
    "a window": ("CREATE TABLE event AS SELECT count(*) OVER (PARTITION BY range (a)) FROM t;", "event"),
    "a string": ("CREATE TABLE event (a text DEFAULT ') PARTITION BY RANGE (');", "event"),
    "a comment": ("CREATE TABLE event (a text /* ) PARTITION BY RANGE (a */);", "event"),
    "made anew": (EVENT % "event" + "DROP TABLE event; CREATE TABLE event (id bigint);", "event"),
    "renamed": (EVENT % "event" + "ALTER TABLE event RENAME TO e; ALTER TABLE f RENAME TO event;", "event"),
}


@pytest.mark.parametrize(("made", "name"), [*PARTITIONED.values()], ids=[*PARTITIONED])
def test_no_index_is_asked_for_concurrently_on_a_partitioned_table(
    made: str, name: str, tmp_path: Path
) -> None:
    (one,) = last(tmp_path, made, "SELECT 1", f"CREATE INDEX i ON {name} (at);")
    assert one.rule == "require-concurrent-index-creation"
    assert "CONCURRENTLY is not possible on a partitioned table" in one.message
    assert "CREATE INDEX ON ONLY" in one.remedy
    assert "ATTACH PARTITION" in one.remedy
    for statement in (f"CREATE INDEX i ON ONLY {name} (at)", f"CREATE INDEX ON ONLY {name} USING btree (at)"):
        assert last(tmp_path, made, statement) == []


@pytest.mark.parametrize(("made", "name"), [*WHOLE.values()], ids=[*WHOLE])
def test_it_is_asked_for_on_every_other(made: str, name: str, tmp_path: Path) -> None:
    (one,) = last(tmp_path, made, f"CREATE INDEX i ON {name} (at);")
    assert one.remedy.startswith("CREATE INDEX CONCURRENTLY")


def test_what_a_partitioned_table_cannot_have_is_named_by_no_remedy(tmp_path: Path) -> None:
    made = EVENT % "event" + "CREATE INDEX event_at ON event (at); CREATE INDEX other_at ON other (at);"
    assert last(tmp_path, made, "DROP INDEX event_at") == []
    assert last(tmp_path, made, "DROP INDEX IF EXISTS public.event_at") == []
    (one,) = last(tmp_path, made, "DROP INDEX event_at, other_at")
    assert one.rule == "require-concurrent-index-deletion"
    key = "ALTER TABLE event ADD FOREIGN KEY (id) REFERENCES t (id);"
    remedies = [last(tmp_path, made, key, version=major)[0].remedy for major in (17, None, 18)]
    assert [remedy.startswith("before PostgreSQL 18") for remedy in remedies] == [True, True, False]
    for text in ("ADD CONSTRAINT k UNIQUE (at)", "ADD PRIMARY KEY (id, at)"):
        (one,) = last(tmp_path, made, f"ALTER TABLE ONLY event {text};")
        assert "ALTER TABLE ONLY the partitioned table ADD CONSTRAINT here" in one.remedy


STEPS = {
    "an index": ("CREATE INDEX i ON ONLY event (at)", "CREATE INDEX CONCURRENTLY {0}_i ON {0} (at)", ""),
    "a unique constraint": (
        "ALTER TABLE ONLY event ADD CONSTRAINT i UNIQUE (at)", "CREATE UNIQUE INDEX CONCURRENTLY {0}_i ON {0} (at)",
        "ALTER TABLE {0} ADD CONSTRAINT {0}_i UNIQUE USING INDEX {0}_i",
    ),
    "a primary key": (
        "ALTER TABLE ONLY event ADD CONSTRAINT i PRIMARY KEY (at)",
        "CREATE UNIQUE INDEX CONCURRENTLY {0}_i ON {0} (at)",
        "ALTER TABLE {0} ADD CONSTRAINT {0}_i PRIMARY KEY USING INDEX {0}_i",
    ),
}  # fmt: skip


@pytest.mark.parametrize("steps", [*STEPS.values()], ids=[*STEPS])
def test_what_it_names_for_a_partitioned_table_works(any_database: str, steps: tuple[str, ...]) -> None:
    query(any_database, "CREATE TABLE event (id bigint, at date NOT NULL) PARTITION BY RANGE (at)")
    parts = ["event_1", "event_2"]
    for number, part in enumerate(parts, 24):
        query(
            any_database,
            f"CREATE TABLE {part} PARTITION OF event FOR VALUES FROM ('20{number}-01-01') TO ('20{number}-12-31')",
        )
    query(any_database, steps[0])
    for part in parts:
        for step in filter(None, steps[1:]):
            query(any_database, step.format(part))
        query(any_database, f"ALTER INDEX i ATTACH PARTITION {part}_i")
    assert query(any_database, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass") == [
        (True,)
    ]


def test_a_partitioned_table_s_key_takes_over_those_of_its_partitions(any_database: str) -> None:
    query(any_database, "CREATE TABLE users (id int PRIMARY KEY)")
    query(any_database, "CREATE TABLE event (by int, at int) PARTITION BY LIST (at)")
    query(any_database, "CREATE TABLE event_1 PARTITION OF event FOR VALUES IN (1)")
    key = "ADD CONSTRAINT k FOREIGN KEY (by) REFERENCES users (id)"
    query(any_database, f"ALTER TABLE event_1 {key} NOT VALID; ALTER TABLE event_1 VALIDATE CONSTRAINT k")
    query(any_database, f"ALTER TABLE event {key}")
    keys = "SELECT conrelid::regclass::text, convalidated, conparentid > 0 FROM pg_constraint WHERE contype = 'f'"
    assert sorted(query(any_database, keys)) == [("event", True, False), ("event_1", True, True)]


def test_what_the_database_has_partitioned_is_known_to_lint_and_plan(
    sqlrail: Sqlrail, env: dict[str, str], database: str
) -> None:
    query(database, "CREATE TABLE event (id bigint, at date) PARTITION BY RANGE (at)")
    put(
        {
            "migrations/001_a.sql": "CREATE INDEX i ON event (at)",
            "elsewhere/9_a.sql": "CREATE INDEX i ON event (at)",
        }
    )
    for arguments in (["lint"], ["lint", "elsewhere/9_a.sql"]):
        (one,) = sqlrail(*arguments, "--json", env=env).document["findings"]
        assert "ON ONLY" in one["remedy"]
    put({"migrations/001_a.sql": EVENT % "other", "migrations/002_a.sql": "CREATE INDEX i ON other (at)"})
    for arguments in (["lint", "migrations/002_a.sql"], ["lint", "--all"]):
        (one,) = sqlrail(*arguments, "--json").document["findings"]
        assert "ON ONLY" in one["remedy"]
    put({"migrations/002_a.sql": "DROP INDEX j"})
    query(database, "CREATE INDEX j ON event (at)")
    assert sqlrail("lint", "--check", env=env).code == 0


def test_plan_knows_what_is_partitioned(sqlrail: Sqlrail, env: dict[str, str]) -> None:
    put({"migrations/001_a.sql": EVENT % "event"})
    assert sqlrail("migrate", env=env).code == 0
    put({"migrations/002_a.sql": "CREATE INDEX i ON event (at);\nCREATE INDEX j ON ONLY event (id);"})
    planned = sqlrail("plan", "--json", env=env)
    (file,) = planned.document["files"]
    (one,) = file["findings"]
    assert "CREATE INDEX ON ONLY" in one["remedy"]


# what may stand


IGNORED = [
    case("the statement below", f"DROP TABLE a;\n{DROP}\nDROP TABLE b;", ["1:1 ban-drop-table"]),
    case("and only that", f"SELECT 1;\n{DROP}\nDROP TABLE b;DROP TABLE c;", ["3:14 ban-drop-table"]),
    case("other comments between", f"SELECT 1;\n  {DROP}\n-- DROP\n/* TABLE */\n\nDROP TABLE b;", []),
    case("several of one statement", f"SELECT 1;\n{DROP}\n-- lint: ignore ban-drop-column because of it\n"
         "ALTER TABLE t DROP COLUMN a;", ["2:1 unused-ignore"]),
    case("all of a statement's", f"SELECT 1;\n{DROP}\nDROP TABLE a,\n  b;", []),
    case("the whole file", f"-- Why.\n{DROP}\n\nDROP TABLE a;\nSELECT 1;\nDROP TABLE b;", []),
    case("the first statement, below a block comment", f"/* Why. */\n{DROP}\nDROP TABLE a;\nDROP TABLE b;",
         ["4:1 ban-drop-table"]),
    case("not another rule", f"{DROP}\nDROP SCHEMA a;", ["1:1 unused-ignore", "2:1 ban-drop-schema"]),
    case("nothing, in a file", f"{DROP}\nSELECT 1;", ["1:1 unused-ignore"]),
    case("nothing, for nothing follows", f"SELECT 1;\n{DROP}\n", ["2:1 unused-ignore"]),
    case("nothing, behind COPY's data", f"COPY t FROM stdin;\n1\n\\.\n{DROP}\n", ["4:1 unused-ignore"]),
    case("nothing, for it is in a string", f"SELECT '\n{DROP}\n';\nDROP TABLE a;", ["4:1 ban-drop-table"]),
    case("below what cannot be read", f"SELECT 1;\n{DROP}\nPREPARE transaction AS SELECT 1;", ["3:1 not-linted"]),
    case("in pieces", FILLING + f"SELECT 1;\n{DROP}\nDROP TABLE a;\n" + FILLING + "DROP TABLE b;",
         ["240004:1 ban-drop-table"]),
    case("CRLF", f"SELECT 1;\r\n{DROP}\r\nDROP TABLE b;\r\n", []),
]  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), IGNORED)
def test_what_may_stand_is_said_for_a_statement_or_a_file(
    content: str, expected: list[str], tmp_path: Path
) -> None:
    assert places(content, tmp_path) == expected


def test_ignoring_a_rule_that_is_off_says_why_it_is_off(sqlrail: Sqlrail) -> None:
    put({"001_a.sql": "-- lint: ignore prefer-robust-stmts because it runs once\nSELECT 1"})
    assert (
        "1:1: unused-ignore: prefer-robust-stmts is ignored, and the rule is off: a file that fails is"
        in (sqlrail("lint", "001_a.sql").out)
    )


BAD = [
    ("ignore ban-drop-table", "say why, as in `-- lint: ignore ban-drop-table because …`."),
    ("ignore ban-drop-table because ", "say why, as in `-- lint: ignore ban-drop-table because …`."),
    ("ignore no-such-rule because I can", "squawk has no rule 'no-such-rule'; "),
    ("ignore because I can", "write ignore, one rule, and why, as in "),
    ("ignore a-b,c-d because I can", "write ignore, one rule, and why, as in "),
    ("off", "write ignore, one rule, and why, as in "),
    ("", "write ignore, one rule, and why, as in "),
]


@pytest.mark.parametrize("lines", [1, 3], ids=["leading", "within"])
@pytest.mark.parametrize(("value", "message"), BAD, ids=[value or "empty" for value, _ in BAD])
def test_a_directive_that_is_wrong_is_an_error_with_its_line(
    lines: int, value: str, message: str, sqlrail: Sqlrail
) -> None:
    put({"001_a.sql": "SELECT 1;\n" * (lines - 1) + f"-- lint: {value}\nDROP TABLE t;"})
    outcome = sqlrail("lint", "001_a.sql")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"001_a.sql:{lines}:1: lint: {message}")


def test_a_directive_behind_a_statement_is_about_which_one(sqlrail: Sqlrail) -> None:
    put({"001_a.sql": f"DROP TABLE a; {DROP}\nDROP TABLE b;"})
    outcome = sqlrail("lint", "001_a.sql")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == (
        "001_a.sql:1:15: lint: put it on a line of its own, above the statement that it is about.\n"
    )


def test_migrate_takes_a_directive_with_its_reason_and_no_other(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    put({"migrations/001_a.sql": "-- lint: ignore ban-drop-table\nCREATE TABLE t ()"})
    outcome = sqlrail("migrate", env=env)
    assert outcome.code == 2
    assert outcome.err.startswith("migrations/001_a.sql:1:1: lint: say why")
    put({"migrations/001_a.sql": f"{DROP}\nCREATE TABLE t ()"})
    put({"migrations/001_a.rollback.sql": f"{DROP}\nDROP TABLE t"})
    assert sqlrail("migrate", env=env).code == 0
    assert query(database, "SELECT to_regclass('t')::text") == [("t",)]
    assert sqlrail("rollback", "--yes", env=env).code == 0
    assert query(database, "SELECT to_regclass('t')::text") == [(None,)]


# which files


def test_pending_files_are_linted_for_the_major_of_their_server(
    sqlrail: Sqlrail, env: dict[str, str]
) -> None:
    put({f"migrations/{number}_a.sql": f"DROP TABLE IF EXISTS t{number}" for number in ("001", "003")})
    assert sqlrail("migrate", env=env).code == 0
    nothing = sqlrail("lint", "--check", env=env)
    assert (nothing.code, nothing.out) == (0, "nothing to lint\n")
    put({"migrations/002_a.sql": "DROP TABLE late", "migrations/004_a.sql": "DROP TABLE u"})
    put({"migrations/post-apply.sql": "DROP TABLE w"})
    document = sqlrail("lint", "--json", env=env).document
    found = [(one["id"], one["path"], one["rule"]) for one in document["findings"]]
    assert found == [
        (id_, f"migrations/{id_}.sql", "ban-drop-table") for id_ in ("002_a", "004_a", "post-apply")
    ]
    assert document["linted"] == 3
    assert document["server_major"] == max(majors())
    assert len(sqlrail("lint", "--all", "--json", env=env).document["findings"]) == 5


def test_given_files_are_linted_whatever_is_pending(sqlrail: Sqlrail) -> None:
    put({"elsewhere/001_a.sql": f"{OUTSIDE}DROP INDEX CONCURRENTLY i;"})
    put({"elsewhere/001_a.rollback.sql": "CREATE INDEX CONCURRENTLY i ON t (a);"})
    outcome = sqlrail("lint", "elsewhere/001_a.sql", "elsewhere/001_a.rollback.sql", "--json")
    assert outcome.document == {"findings": [], "notices": [], "linted": 2, "server_major": None}
    put({"elsewhere/001_a.sql": "DROP TABLE t"})
    document = sqlrail("lint", "elsewhere/001_a.rollback.sql", "--json").document
    assert [one["rule"] for one in document["findings"]] == ["ban-concurrent-index-creation-in-transaction"]


@pytest.mark.parametrize(
    "env",
    [{}, {"DATABASE_URL": "postgresql://a@127.0.0.1:1/a"}, {"APP_ENV": "production"}],
    ids=["none", "dead", "not named"],
)
def test_without_a_database_it_names_the_way_without_one(env: dict[str, str], sqlrail: Sqlrail) -> None:
    put({"migrations/001_a.sql": "DROP TABLE t"})
    pending = sqlrail("lint", env=env)
    assert pending.code in (1, 2)
    assert pending.err.endswith(" `lint --all` and `lint --against REF` need none.\n")
    every = sqlrail("lint", "--all", "--json", env=env)
    assert (every.code, every.document["server_major"], len(every.document["findings"])) == (0, None, 1)
    warning = "warning: what the server's major allows is not known: cannot connect to a@127.0.0.1:1/a"
    assert every.err.startswith(warning) if "DATABASE_URL" in env else every.err == ""
    assert "need none" not in sqlrail("status", env=env).err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--all", "001_a.sql"), "--all is every file of the folder: say that, or name files."),
        (("001_b.sql",), "001_b.sql cannot be read: No such file or directory."),
        (("001_a.sql", "--format", "github", "--json"), "--format has no effect here: --json is another form"),
        (("bad.sql",), "bad.sql:1:8: this string is never closed."),
        (("migrations",), "migrations: only .sql files are run"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_wrong_usage_is_told(arguments: tuple[str, ...], message: str, sqlrail: Sqlrail) -> None:
    put({"001_a.sql": "SELECT 1", "bad.sql": "SELECT 'a", "migrations/001_a.sql": "SELECT 1"})
    outcome = sqlrail("lint", *arguments)
    text = outcome.error["message"] if "--json" in arguments else outcome.err
    assert (outcome.code, text[: len(message)]) == (2, message)


def test_the_shipped_migrations_are_clean(sqlrail: Sqlrail) -> None:
    outcome = sqlrail("lint", "--all", "--check", "--migrations", str(ROOT / "migrations"))
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("no findings in ")


# how it is said


HOSTILE = "a'\"; rm -rf,%0A::error::x\n.sql"


def outcome_of(sqlrail: Sqlrail, *arguments: str) -> Outcome:
    put({"001_a.sql": "DROP TABLE t;\nDROP INDEX i;", HOSTILE: "DROP TABLE t", "-x.sql": "DROP TABLE t"})
    return sqlrail("lint", *arguments)


def test_findings_are_text_file_by_file(sqlrail: Sqlrail) -> None:
    outcome = outcome_of(sqlrail, "--check", "--", "001_a.sql", "-x.sql")
    assert (outcome.code, outcome.err) == (4, "")
    lines = outcome.out.splitlines()
    assert [line.split(": ")[:2] for line in lines if line and line[0] != " "] == [
        ["001_a.sql:1:1", "ban-drop-table"],
        ["001_a.sql:2:1", "require-concurrent-index-deletion"],
        ["-x.sql:1:1", "ban-drop-table"],
        ["3 findings in 2 files"],
    ]
    assert lines[3] == (
        "    safer: DROP INDEX CONCURRENTLY, in a file that begins with `-- transactional: false`"
    )
    assert [number for number, line in enumerate(lines) if not line] == [4, 7]


def test_findings_alone_are_no_failure(sqlrail: Sqlrail) -> None:
    assert outcome_of(sqlrail, "001_a.sql").code == 0


def test_annotations_of_hostile_names_stay_one_line_each(sqlrail: Sqlrail) -> None:
    outcome = outcome_of(sqlrail, "--format", "github", "--check", "--", HOSTILE, "-x.sql")
    first, second, last = outcome.out.splitlines()
    assert outcome.code == 4
    assert first.startswith(
        "::warning file=a'\"; rm -rf%2C%250A%3A%3Aerror%3A%3Ax%0A.sql,line=1,col=1,title=ban-drop-table::Dropping"
    )
    assert second.startswith("::warning file=-x.sql,line=1,col=1,title=ban-drop-table::Dropping")
    assert second.endswith(" Safer: first release the application that does without it, then run this")
    assert last == "2 findings in 2 files"


def test_squawk_is_the_one_beside_python_whatever_the_folder_and_path_offer(tmp_path: Path) -> None:
    put({"001_a.sql": "DROP TABLE t", "squawk": "#!/bin/sh\ntouch taken\necho '[]'\n"}, tmp_path)
    (tmp_path / "squawk").chmod(0o755)
    hostile = {
        "PATH": f"{tmp_path}:.:{clean_environment()['PATH']}",
        "GITHUB_ACTIONS": "true",
        "RUST_LOG": "trace",
    }
    done = run("lint", "001_a.sql", "--check", cwd=tmp_path, env=hostile)
    assert (done.returncode, done.stderr) == (4, "")
    assert done.stdout.startswith("001_a.sql:1:1: ban-drop-table: ")
    assert not (tmp_path / "taken").exists()


def test_without_squawk_it_says_what_to_install(
    sqlrail: Sqlrail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put({"001_a.sql": "SELECT 1"})
    monkeypatch.setattr(sysconfig, "get_path", lambda *_: str(tmp_path))
    outcome = sqlrail("lint", "001_a.sql")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "squawk, the linter, is not installed here: pip install 'sqlrail[lint]'.\n"
    (tmp_path / "squawk").write_text("no program")
    assert sqlrail("lint", "001_a.sql").err == f"{tmp_path}/squawk does not run: Permission denied.\n"


# the project's own rules


def test_a_configuration_counts_in_the_working_folder_only(sqlrail: Sqlrail, tmp_path: Path) -> None:
    name = "below/001_a.sql"
    put({name: "DROP TABLE t; CREATE TABLE u (a int);"})

    def found(configuration: str) -> set[str]:
        put({".squawk.toml": configuration})
        return {one["rule"] for one in sqlrail("lint", name, "--json").document["findings"]}

    assert found('excluded_rules = ["ban-drop-table"]\nexcluded_paths = ["*"]') == {"prefer-bigint-over-int"}
    both = {"ban-drop-table", "prefer-bigint-over-int"}
    assert found("assume_in_transaction = false") == both
    assert found('included_rules = ["require-table-schema"]') == {*both, "require-table-schema"}
    done = run("lint", "001_a.sql", "--json", cwd=tmp_path / "below")
    assert "require-table-schema" not in done.stdout


def test_a_configuration_that_squawk_does_not_take_is_an_error(sqlrail: Sqlrail) -> None:
    put({"001_a.sql": "SELECT 1", ".squawk.toml": 'excluded_rules = ["no-such-rule"]'})
    outcome = sqlrail("lint", "001_a.sql")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(".squawk.toml: squawk does not take it: ")
    assert "no-such-rule" in outcome.err


def test_a_large_file_s_rows_are_left_out(tmp_path: Path) -> None:
    rows = "INSERT INTO t (a, a) VALUES (1, 'é');" * 40_000
    assert len(rows) > SMALL
    assert places(f"SELECT 1;\n{rows} DROP TABLE t;", tmp_path) == [f"2:{len(rows) + 2} ban-drop-table"]


def test_a_run_that_lints_nothing_loads_nothing_of_it() -> None:
    loaded = "import sys, sqlrail.verbs.apply; sys.exit('sqlrail.verbs.lint' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, check=False).returncode == 0
