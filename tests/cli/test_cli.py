"""What the command line promises to people and scripts: output, JSON, exit codes, and what is left alone."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import console
import pytest
from conftest import ROOT, Connect, clean_environment, query, told
from console import Sqlrail, catalog, put

from sqlrail import __version__
from sqlrail.cli import flags
from sqlrail.cli.verb import load, names
from sqlrail.engine.store import KEY
from sqlrail.ground.settings import SETTINGS

sqlrail = console.sqlrail

FILES = {
    "migrations/001_a.sql": "CREATE TABLE parent (id int PRIMARY KEY);\nCREATE TABLE child (parent_id int);\n",
    "migrations/002_b.sql": "INSERT INTO parent VALUES (1);\nINSERT INTO child VALUES (1), (2), (2), (NULL);\n",
}
KEYED = {
    "migrations/003_c.sql": "-- cleanup: child.parent_id -> parent.id\n"
    "ALTER TABLE child ADD FOREIGN KEY (parent_id) REFERENCES parent;\n"
}
CHECKSUM = re.compile("sha256:[0-9a-f]{64}")


@pytest.fixture
def env(database: str) -> dict[str, str]:
    return {"DATABASE_URL": database}


def child(*args: str, env: dict[str, str], **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, ROOT / "runner.py", *args],
        env={**clean_environment(), **env},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


# status


def test_status_of_an_empty_database_shows_everything_pending_and_writes_nothing(
    sqlrail: Sqlrail, database: str
) -> None:
    put(FILES)
    before = catalog(database)
    # PostgreSQL itself would refuse to write.
    outcome = sqlrail(
        "status", env={"DATABASE_URL": database, "PGOPTIONS": "-c default_transaction_read_only=on"}
    )
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        "migration  state    applied at (UTC)",
        "001_a      pending",
        "002_b      pending",
        "0 applied, 2 pending",
    ]
    assert catalog(database) == before


def test_status_tells_every_state_apart(sqlrail: Sqlrail, database: str, env: dict[str, str]) -> None:
    put({**FILES, "migrations/003_c.sql": "SELECT 1", "migrations/004_d.sql": "SELECT 1"})
    assert sqlrail("migrate", env=env).code == 0
    put({"migrations/002_b.sql": "SELECT 2", "migrations/0035_late.sql": "SELECT 1"})
    put({"migrations/005_e.sql": "SELECT 1"})
    Path("migrations/003_c.sql").unlink()
    document = sqlrail("status", "--json", env=env).document
    assert {each["id"]: each["state"] for each in document["migrations"]} == {
        "001_a": "applied",
        "002_b": "edited",
        "003_c": "missing",
        "0035_late": "late",
        "004_d": "applied",
        "005_e": "pending",
    }
    assert document["pending"] == 2
    for each in document["migrations"]:
        assert {"id", "state", "applied_at", "checksum"} <= each.keys()
        assert CHECKSUM.fullmatch(each["checksum"])
        assert (each["applied_at"] is None) == (each["state"] in ("pending", "late"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", document["migrations"][0]["applied_at"])
    assert query(database, "SELECT count(*) FROM _yoyo_migration") == [(4,)]


@pytest.mark.parametrize("flags", [(), ("--json",)], ids=["plain", "json"])
def test_check_exits_4_until_everything_is_applied_and_intact(
    flags: tuple[str, ...], sqlrail: Sqlrail, env: dict[str, str]
) -> None:
    put(FILES)
    assert sqlrail("status", *flags, env=env).code == 0
    assert sqlrail("status", "--check", *flags, env=env).code == 4
    assert sqlrail("migrate", env=env).code == 0
    assert sqlrail("status", "--check", *flags, env=env).code == 0
    put({"migrations/002_b.sql": "SELECT 'edited'"})
    assert sqlrail("status", "--check", *flags, env=env).code == 4
    assert sqlrail("status", *flags, env=env).code == 0


@pytest.mark.parametrize(
    "verb",
    [("--json", "status", "--check"), ("status", "--check", "--json"), ("status", "--json", "--check")],
)
def test_flags_stand_before_or_behind_the_verb(
    verb: tuple[str, ...], sqlrail: Sqlrail, env: dict[str, str]
) -> None:
    put({"elsewhere/001_a.sql": "SELECT 1"})
    for arguments in (("--migrations", "elsewhere", *verb), (*verb, "--migrations", "elsewhere")):
        outcome = sqlrail(*arguments, env=env)
        assert (outcome.code, outcome.document["pending"]) == (4, 1)


# migrate


def test_migrate_says_what_it_applied_on_stdout(sqlrail: Sqlrail, env: dict[str, str]) -> None:
    put({**FILES, **KEYED})
    outcome = sqlrail("migrate", env=env)
    assert (outcome.code, outcome.err) == (0, "")
    assert re.sub(r"\d+\.\d\d s", "_ s", outcome.out).splitlines() == [
        "applied 001_a (_ s)",
        "applied 002_b (_ s)",
        "applied 003_c (_ s)",
        "  child.parent_id -> parent.id: 2 rows deleted, 2 rows archived (run 1)",
        "done: 3 applied now, 0 before",
    ]


def test_migrate_in_json_is_one_document(sqlrail: Sqlrail, env: dict[str, str]) -> None:
    put(FILES)
    assert sqlrail("migrate", env=env).code == 0
    put(KEYED)
    outcome = sqlrail("migrate", "--json", env=env)
    assert (outcome.code, outcome.err) == (0, "")
    document = outcome.document
    assert document["already_applied"] == 2
    (applied,) = document["applied"]
    assert applied["id"] == "003_c"
    assert isinstance(applied["seconds"], float)
    (relation,) = applied["cleanup"]
    assert relation.items() >= {
        "child": "child", "column": "parent_id", "parent": "parent", "key": "id",
        "orphans": 2, "deleted": 2, "archived": 2,
    }.items()  # fmt: skip


def test_a_second_migrate_has_nothing_to_do_takes_no_lock_and_writes_nothing(
    sqlrail: Sqlrail, database: str, env: dict[str, str], connect: Connect
) -> None:
    put({**FILES, **KEYED})
    env["APP_ENV"] = "test"
    assert sqlrail("migrate", env=env).code == 0
    tables = ["_yoyo_migration", "_yoyo_log", "_yoyo_version", "yoyo_lock", "sqlrail.stamp", "sqlrail.run"]
    rows = "SELECT ctid, xmin, t::text FROM {} AS t"
    before = catalog(database), [query(database, rows.format(table)) for table in tables]
    other = connect(database, autocommit=False)
    other.execute("SELECT pg_advisory_lock(%s)", [KEY])
    other.execute(
        f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE".encode()
    )  # it lets nobody in but readers
    blocked = {**env, "PGOPTIONS": "-c lock_timeout=1s"}
    outcome = sqlrail("migrate", "--lock-wait=0", env=blocked)
    assert (outcome.code, outcome.out, outcome.err) == (0, "nothing to do: 3 applied, 0 pending\n", "")
    document = sqlrail("migrate", "--json", "--lock-wait=0", env=blocked).document
    assert (document["applied"], document["already_applied"]) == ([], 3)
    other.rollback()
    assert (catalog(database), [query(database, rows.format(table)) for table in tables]) == before


def test_another_runner_s_lock_is_waited_for_only_so_long(
    sqlrail: Sqlrail, database: str, env: dict[str, str], connect: Connect
) -> None:
    put(FILES)
    other = connect(database)
    other.execute("SELECT pg_advisory_lock(%s)", [KEY])
    before = catalog(database)
    outcome = sqlrail("migrate", "--lock-wait=100ms", "--json", env=env)
    assert (outcome.code, outcome.error["kind"]) == (1, "busy")
    assert "is at work on this database; gave up after 0.1 s (--lock-wait)." in outcome.error["message"]
    assert outcome.err.startswith("waiting for ")
    assert catalog(database) == before


# cleanup


@pytest.fixture
def orphaned(sqlrail: Sqlrail, database: str, env: dict[str, str]) -> str:
    """A database with a declared relation, and two orphans that came after it was migrated."""
    put({**FILES, **KEYED})
    assert sqlrail("migrate", env=env).code == 0
    query(database, "ALTER TABLE child DROP CONSTRAINT child_parent_id_fkey")
    query(database, "INSERT INTO child VALUES (7), (8)")
    return database


def test_a_dry_run_counts_and_changes_nothing(sqlrail: Sqlrail, orphaned: str, env: dict[str, str]) -> None:
    before = catalog(orphaned), query(orphaned, "SELECT ctid, xmin, parent_id FROM child")
    plain = sqlrail("cleanup", "--dry-run", env=env)
    assert (plain.code, plain.err) == (0, "")
    assert plain.out.splitlines() == [
        "child.parent_id -> parent.id: 2 rows of 4 (50.00%) would be archived and deleted",
        "  2 keys are missing",
        "  for example 1 row with parent_id 7",
        "  for example 1 row with parent_id 8",
        "  1 row without a key, which stays",
        "dry run: nothing was changed",
    ]
    document = sqlrail("cleanup", "--dry-run", "--json", env=env).document
    assert (document["run"], document["dry_run"]) == (None, True)
    assert document["relations"][0].items() >= {"orphans": 2, "deleted": 0, "archived": 0}.items()
    assert (catalog(orphaned), query(orphaned, "SELECT ctid, xmin, parent_id FROM child")) == before


def test_cleanup_in_json_names_its_run(sqlrail: Sqlrail, orphaned: str, env: dict[str, str]) -> None:
    document = sqlrail("cleanup", "--json", env=env).document
    assert document.keys() >= {"run", "dry_run", "relations"}
    assert document["dry_run"] is False
    assert query(orphaned, "SELECT count(*) FROM sqlrail.archive WHERE run = %s", [document["run"]]) == [(2,)]
    assert document["relations"][0].items() >= {
        "child": "child", "column": "parent_id", "parent": "parent", "key": "id",
        "orphans": 2, "deleted": 2, "archived": 2,
    }.items()  # fmt: skip
    again = sqlrail("cleanup", "--json", env=env)
    assert (again.code, again.document["run"]) == (0, None)


def test_a_refused_cleanup_exits_3_and_has_deleted_nothing(
    sqlrail: Sqlrail, orphaned: str, env: dict[str, str]
) -> None:
    before = query(orphaned, "SELECT ctid, xmin, parent_id FROM child")
    outcome = sqlrail("cleanup", "--json", "--max-rows=0", "--max-share=0.1", env=env)
    assert (outcome.code, outcome.error["kind"]) == (3, "refused")
    assert "2 of 4 rows are orphans" in outcome.error["message"]
    assert query(orphaned, "SELECT ctid, xmin, parent_id FROM child") == before


# the others


@pytest.mark.parametrize("flags", [(), ("--name", "another")], ids=["no name", "a wrong name"])
def test_a_stamp_that_was_not_confirmed_by_name_is_refused(
    flags: tuple[str, ...], sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    before = catalog(database)
    outcome = sqlrail("stamp", "development", *flags, "--json", env=env)
    assert (outcome.code, outcome.error["kind"]) == (3, "refused")
    assert catalog(database) == before


def test_a_reset_that_nothing_allows_is_refused(sqlrail: Sqlrail, database: str, env: dict[str, str]) -> None:
    put(FILES)
    assert sqlrail("migrate", env=env).code == 0
    before = catalog(database)
    for more in ({}, {"APP_ENV": "production"}, {"APP_ENV": "test"}):
        outcome = sqlrail("reset", "--yes", "--json", env={**env, **more})
        assert (outcome.code, outcome.error["kind"]) == (3, "refused")
        assert outcome.error["message"].endswith("Nothing was changed.")
    assert catalog(database) == before


def test_stop_has_nothing_to_stop_where_no_server_was_started(sqlrail: Sqlrail) -> None:
    outcome = sqlrail("stop", "--json")
    assert (outcome.code, outcome.document) == (0, {"stopped": False})
    assert not Path(".pgdata").exists()


# help, pipes, colours


@pytest.mark.parametrize("verb", ["", *names()])
def test_every_verb_explains_itself(verb: str, sqlrail: Sqlrail) -> None:
    outcome = sqlrail(*verb.split(), "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"usage: sqlrail {verb}".rstrip())
    assert "--database-url" in outcome.out
    assert outcome.out.isascii()


def test_every_setting_with_a_flag_has_it_in_some_verb() -> None:
    parser = argparse.ArgumentParser(conflict_handler="resolve")
    flags.add_common(parser)
    for name in names():
        load(name).add_arguments(parser)
    there = {word for word in parser.format_help().split() if word.startswith("--")}
    assert {row.flag for row in SETTINGS.values() if row.metavar} - there == set()


def test_the_version_is_the_package_s(sqlrail: Sqlrail) -> None:
    assert sqlrail("--version").out == f"sqlrail {__version__}\n"


@pytest.mark.parametrize("verb", ["status", "migrate", "--help"])
def test_there_is_no_colour_where_there_is_no_terminal(
    verb: str, sqlrail: Sqlrail, env: dict[str, str]
) -> None:
    put(FILES)
    outcome = sqlrail(verb, env={**env, "FORCE_COLOR": "1", "COLORTERM": "truecolor", "TERM": "xterm"})
    assert outcome.code == 0
    assert "\x1b" not in outcome.out + outcome.err


def test_an_id_is_shown_to_the_letter(sqlrail: Sqlrail, env: dict[str, str]) -> None:
    ids = ["001_[bold]x", "002_:smile:", "003_é", "004_" + "long_" * 20]
    put({f"migrations/{each}.sql": "SELECT 1" for each in ids})
    assert [line.split()[0] for line in sqlrail("status", env=env).out.splitlines()[1:-1]] == ids


def test_a_reader_that_goes_away_sees_no_traceback(tmp_path: Path, env: dict[str, str]) -> None:
    put(FILES, tmp_path)
    for verb in (("status",), ("status", "--json"), ("--help",)):
        reading, writing = os.pipe()
        os.close(reading)
        with (
            os.fdopen(writing, "wb") as nobody,
            child(*verb, env=env, cwd=tmp_path, stdout=nobody) as process,
        ):
            _, said = process.communicate(timeout=60)
        assert "Traceback" not in said
        assert "Exception" not in said
        assert "bug" not in said


@pytest.mark.promise
@pytest.mark.parametrize("stream", ["a pipe without a reader", "a full disk"])
@pytest.mark.parametrize(
    ("verb", "code"),
    [(("status", "--migrations", "nowhere"), 2), (("stamp", "development"), 3), (("status", "--check"), 1)],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_failure_keeps_its_exit_code_where_its_document_cannot_be_written(
    stream: str, verb: tuple[str, ...], code: int, tmp_path: Path, database: str, env: dict[str, str]
) -> None:
    put(FILES, tmp_path)
    if stream == "a full disk" and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    if code == 1:
        env = {"DATABASE_URL": database.replace("postgres@", "no_such_role@")}
    before = catalog(database)
    if stream == "a full disk":
        writing = os.open("/dev/full", os.O_WRONLY)
    else:
        reading, writing = os.pipe()
        os.close(reading)
    with (
        os.fdopen(writing, "wb") as nobody,
        child(*verb, "--json", env=env, cwd=tmp_path, stdout=nobody) as process,
    ):
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (code, "")
    assert catalog(database) == before


@pytest.mark.parametrize("verb", ["status", "migrate"])
def test_a_closed_stdout_is_no_error(verb: str, tmp_path: Path, env: dict[str, str]) -> None:
    put(FILES, tmp_path)
    closed: dict[str, Any] = {"preexec_fn": lambda: os.close(1)}
    with child(verb, env=env, cwd=tmp_path, **closed) as process:
        _, said = process.communicate(timeout=60)
    assert (process.returncode, told(said)) == (0, "")


def test_what_a_module_opens_while_it_is_loaded_does_not_become_stdout(
    tmp_path: Path, env: dict[str, str]
) -> None:
    """As the loading of ctypes does with Python 3.14; the file may be closed at any time."""
    put(FILES, tmp_path)
    opens = """
        import sys
        from pathlib import Path

        class Opens:
            def find_spec(self, name, path=None, target=None):
                if name == "psycopg":
                    self.kept = Path(__file__).open("rb", buffering=0)

        sys.meta_path.insert(0, Opens())
    """
    put({"sitecustomize.py": dedent(opens)}, tmp_path / "site")
    closed: dict[str, Any] = {"preexec_fn": lambda: os.close(1)}
    with child(
        "status", env={**env, "PYTHONPATH": str(tmp_path / "site")}, cwd=tmp_path, **closed
    ) as process:
        _, said = process.communicate(timeout=60)
    assert (process.returncode, told(said)) == (0, "")


def test_a_reader_that_goes_away_leaves_every_file_whole(
    sqlrail: Sqlrail, tmp_path: Path, database: str, env: dict[str, str]
) -> None:
    put({f"migrations/{number:03}_t.sql": f"CREATE TABLE t{number} ()" for number in range(1, 6)})
    reading, writing = os.pipe()
    os.close(reading)
    with (
        os.fdopen(writing, "wb") as nobody,
        child("migrate", env=env, cwd=tmp_path, stdout=nobody) as process,
    ):
        _, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    recorded = {int(name[:3]) for (name,) in query(database, "SELECT migration_id FROM _yoyo_migration")}
    made = {
        int(name[1:])
        for (name,) in query(database, "SELECT relname FROM pg_class WHERE relname ~ '^t[0-9]$'")
    }
    assert recorded == made
    assert sqlrail("migrate", env=env).code == 0


def test_talk_goes_to_stderr_and_only_results_to_stdout(sqlrail: Sqlrail, env: dict[str, str]) -> None:
    put({"migrations/001_a.sql": "DO $$ BEGIN RAISE WARNING 'careful'; RAISE NOTICE 'hush'; END $$"})
    outcome = sqlrail("migrate", "--json", env=env)
    assert outcome.err == "warning: careful\n"
    assert [each["id"] for each in outcome.document["applied"]] == ["001_a"]


def test_the_runner_can_be_called_from_any_folder(tmp_path: Path, env: dict[str, str]) -> None:
    put({"a/001_a.sql": "SELECT 1"}, tmp_path)
    with child("status", "--migrations", "a", env=env, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        out, said = process.communicate(timeout=60)
    assert (process.returncode, told(said)) == (0, "")
    assert "001_a" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "plan --json --format markdown",
            "--format has no effect here: --json is another form of the output, choose one.",
        ),
        (
            "lint --json --format github",
            "--format has no effect here: --json is another form of the output, choose one.",
        ),
        ("cleanup --print-sql --dry-run", "--dry-run has no effect here: --print-sql only prints."),
        ("cleanup --batch-time 1s", "--batch-time has no effect here: it is for --online."),
        ("cleanup --pause-file f", "--pause-file has no effect here: it is for --online."),
        ("drift --with-drops", "--with-drops has no effect here: it is for --print-sql and --write."),
        ("lint --all migrations/001_a.sql", "--all is every file of the folder: say that, or name files."),
        ("archive list --older-than rubbish", "--older-than has no effect here: it is for purge."),
        ("archive list --yes", "--yes has no effect here: it is for purge."),
        ("migrat", "argument VERB: invalid choice: 'migrat'"),
        ("migrate --allow-lat", "there is no flag --allow-lat; did you mean --allow-late?"),
        ("migrate --pause-fil x", "there is no flag --pause-fil; did you mean --pause-file?"),
    ],
)
def test_a_flag_that_would_decide_nothing_is_wrong_usage(words: str, said: str, sqlrail: Sqlrail) -> None:
    put({"migrations/001_a.sql": "SELECT 1"})
    done = sqlrail(*words.split(), env={"DATABASE_URL": "postgresql://localhost:1/d"})
    assert done.code == 2
    assert said in done.out + done.err


def test_a_verb_that_is_misspelt_is_guessed(sqlrail: Sqlrail) -> None:
    assert "; did you mean migrate? See `sqlrail --help`" in sqlrail("migrat").err
    assert "did you mean" not in sqlrail("frobnicate").err


def test_a_long_file_is_heard_of_where_there_is_no_terminal(sqlrail: Sqlrail, database: str) -> None:
    put({"migrations/001_a.sql": "SELECT pg_sleep(2.5)"})
    done = sqlrail("migrate", env={"DATABASE_URL": database})
    assert (done.code, re.sub(r"\d+", "N", done.err)) == (0, "N_a: at work for N s\n")


@pytest.mark.parametrize(("flags", "said"), [((), ""), (("--verbose",), "notice: look\ninfo: here\n")])
def test_notices_are_said_where_they_are_asked_for(
    flags: tuple[str, ...], said: str, sqlrail: Sqlrail, database: str
) -> None:
    put(
        {"migrations/001_a.sql": "DO $$BEGIN RAISE NOTICE 'look'; RAISE INFO 'here'; RAISE DEBUG 'no'; END$$"}
    )
    done = sqlrail("migrate", *flags, env={"DATABASE_URL": database})
    assert (done.code, done.err) == (0, said)


def test_each_verb_names_the_database_that_it_works_on(sqlrail: Sqlrail, any_database: str) -> None:
    put({"migrations/001_a.sql": "CREATE TABLE a (id int PRIMARY KEY);"})
    facts = """
        SELECT current_user::text, current_setting('port')::int, current_database()::text, split_part(version(), ' ', 2)
    """
    ((user, port, name, version),) = query(any_database, facts)
    another = any_database.replace(f"/{name}?", "/postgres?")
    for environment, words in (
        ("test", "migrate"), (None, "status"), ("staging", "plan"), ("production", "cleanup"), ("test", "doctor"),
        ("test", "drift"), ("test", "schema"), ("test", "archive list"), ("test", "lint"), ("test", "reset --yes"),
        ("test", "repair"), ("test", f"stamp test --name {name}"), ("test", f"drift --against {another}"),
    ):  # fmt: skip
        env = {"DATABASE_URL": any_database, **({"SQLRAIL_ENV": environment} if environment else {})}
        done = sqlrail(*words.split(), env=env)
        lines = [line for line in done.all_err.splitlines() if line.startswith("target: ")]
        assert len(lines) == 1, words
        assert re.fullmatch(
            rf"target: {user}@\S+:{port}/{name}, PostgreSQL {version}, environment {environment or 'unknown'}",
            lines[0],
        ), words
        document = sqlrail(*words.split(), "--json", env=env)
        assert json.loads(document.out)["target"] | {"host": ""} == {
            "user": user, "host": "", "port": port, "database": name, "server_version": version,
            "environment": environment,
        }, words  # fmt: skip
        assert "target: " not in document.all_err


def test_a_verb_that_reaches_no_database_names_none(sqlrail: Sqlrail) -> None:
    put({"migrations/001_a.sql": "SELECT 1;"})
    for words in (
        ("new", "b"),
        ("lint", "--all"),
        ("status", "--database-url", "postgresql://nobody@127.0.0.1:9/x"),
    ):
        assert "target" not in sqlrail(*words).all_err
        assert "target" not in json.loads(sqlrail(*words, "--json").out)


def test_a_file_that_goes_by_itself_is_said_before_it_runs(sqlrail: Sqlrail, database: str) -> None:
    put({
        "migrations/001_a.sql": "CREATE TABLE a (id int);",
        "migrations/002_b.sql": "CREATE TABLE b (id int);",
        "migrations/003_c.sql": "SELECT pg_sleep(0.2);",
        "migrations/004_d.sql": "CREATE TABLE d (id int);",
        "migrations/005_e.sql": "-- transactional: false\nCREATE INDEX CONCURRENTLY ON d (id);",
        "migrations/006_f.sql": "SELECT 1 / 0;",
    })  # fmt: skip
    done = sqlrail("migrate", env={"DATABASE_URL": database})
    begun = re.findall(r"(?m)^applying (\S+) \.\.\.$", done.all_err)
    assert {"001_a", "004_d", "005_e"} <= set(begun)
    assert begun == sorted(set(begun))
    assert done.code == 1
    quiet = sqlrail("migrate", "--json", env={"DATABASE_URL": database})
    assert "applying" not in quiet.all_err


def test_small_files_that_go_together_are_not_said_one_by_one(sqlrail: Sqlrail, database: str) -> None:
    put({f"migrations/{number:03}_a.sql": "SELECT 1;" for number in range(100)})
    done = sqlrail("migrate", env={"DATABASE_URL": database})
    assert len(re.findall("(?m)^applied ", done.out)) == 100
    assert done.all_err.count("applying ") < 50
