"""From one branch to another: what the folder lacks is taken back by what was kept, then what it has is applied, and
the database ends as the folder's files build it; or nothing is changed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import console
import pytest
from branches import commit, git
from conftest import query
from console import Outcome, Sqlrail, catalog, put

sqlrail = console.sqlrail

#: what both branches have
TRUNK = {
    "001_users.sql": "CREATE TABLE users (id int PRIMARY KEY, name text);",
    "001_users.rollback.sql": "DROP TABLE users;",
    "002_orders.sql": "CREATE TABLE orders (id int PRIMARY KEY, user_id int);",
    "002_orders.rollback.sql": "DROP TABLE orders;",
}
OURS = {
    "003_plan.sql": "-- depends: 002_orders\nALTER TABLE users ADD plan text;",
    "003_plan.rollback.sql": "ALTER TABLE users DROP plan;",
    "004_tags.sql": "-- depends: 003_plan\nCREATE TABLE tags (id int);",
    "004_tags.rollback.sql": "DROP TABLE tags;",
}
THEIRS = {
    "003_notes.sql": "CREATE TABLE notes (id int);",
    "003_notes.rollback.sql": "DROP TABLE notes;",
}
RECORDS = "SELECT migration_id FROM _yoyo_migration ORDER BY applied_at_utc, migration_id"


def check_out(*parts: Mapping[str, str]) -> None:
    """Makes the folder that of a branch."""
    shutil.rmtree("migrations", ignore_errors=True)
    put({f"migrations/{name}": text for part in parts for name, text in part.items()})


@pytest.fixture
def env(database: str) -> dict[str, str]:
    return {"DATABASE_URL": database, "USER": "ann", "APP_ENV": "development"}


@pytest.fixture
def at_ours(sqlrail: Sqlrail, database: str, env: dict[str, str]) -> Sqlrail:
    """The command line, where our branch was applied and has rows, and theirs is checked out."""
    check_out(TRUNK, OURS)
    assert sqlrail("migrate", env=env).code == 0
    query(database, "INSERT INTO users VALUES (1, 'Ada', 'free'); INSERT INTO tags VALUES (1), (2)")
    check_out(TRUNK, THEIRS)
    return sqlrail


def recorded(url: str) -> list[str]:
    return [id_ for (id_,) in query(url, RECORDS)]


def all_is_well(sqlrail: Sqlrail, env: Mapping[str, str]) -> bool:
    checked, drifted = sqlrail("status", "--check", env=env), sqlrail("drift", "--check", env=env)
    assert (checked.code, drifted.code) == (0, 0), checked.out + checked.err + drifted.out + drifted.err
    return True


def refused(done: Outcome, url: str, before: set[str], *said: str, code: int = 3) -> None:
    """Whether a switch was refused, saying that, and has changed nothing."""
    assert done.code == code, done.out + done.err
    for text in said:
        assert text in done.err, done.err
    assert catalog(url) == before


def test_what_the_branch_lacks_is_taken_back_and_what_it_has_is_applied(
    at_ours: Sqlrail, database: str, env: dict[str, str]
) -> None:
    done = at_ours("switch", env=env)
    assert done.code == 0, done.err
    assert done.err == (
        "004_tags has no file here, and is taken back by what was kept of its rollback:\n"
        "  | DROP TABLE tags;\n"
        "003_plan has no file here, and is taken back by what was kept of its rollback:\n"
        "  | ALTER TABLE users DROP plan;\n"
        "to do: take back 004_tags, 003_plan; apply 003_notes\n"
    )
    assert done.out.splitlines()[-1] == "done: 2 rolled back, 1 applied now, 2 before"
    assert recorded(database) == ["001_users", "002_orders", "003_notes"]
    assert query(database, "SELECT id, name FROM users") == [(1, "Ada")]
    assert all_is_well(at_ours, env)
    check_out(TRUNK, OURS)
    assert at_ours("switch", env=env).code == 0
    assert all_is_well(at_ours, env)
    again = at_ours("switch", env=env)
    assert (again.out, again.err) == ("nothing to do: 4 applied\n", "")


def test_in_json(at_ours: Sqlrail, env: dict[str, str]) -> None:
    done = at_ours("switch", "--json", env=env).document
    assert [(it["id"], it["stored"]) for it in done["rolled_back"]] == [
        ("004_tags", True),
        ("003_plan", True),
    ]
    assert ([it["id"] for it in done["applied"]], done["still_applied"]) == (["003_notes"], 2)


def test_a_dry_run_says_what_is_lost_and_changes_nothing(
    at_ours: Sqlrail, database: str, env: dict[str, str]
) -> None:
    before = catalog(database)
    done = at_ours("switch", "--dry-run", env=env)
    assert done.code == 0, done.err
    assert done.out == (
        "would roll back 004_tags\n"
        "  loses table public.tags: 2 rows (dropped)\n"
        "would roll back 003_plan\n"
        "  loses column public.users.plan: 1 row (dropped)\n"
        "would apply 003_notes\n"
        "dry run: 2 would be rolled back, 1 would be applied, 2 would stay applied\n"
    )
    assert "  | DROP TABLE tags;\n" in done.err
    assert catalog(database) == before
    shown = at_ours("switch", "--dry-run", "--no-rows", "--json", env=env).document
    assert [(it["id"], it["losses"][0]["rows"]) for it in shown["would_roll_back"]] == [
        ("004_tags", None), ("003_plan", None),
    ]  # fmt: skip
    assert (shown["dry_run"], shown["would_apply"]) == (True, ["003_notes"])


@pytest.mark.parametrize(
    ("setting", "stamp", "said"),
    [
        ("production", "development", "APP_ENV is production"),
        ("staging", "development", "APP_ENV is staging"),
        (None, "development", "APP_ENV is not set"),
        ("development", "production", "stamped production"),
        ("development", "staging", "stamped staging"),
        ("development", None, "has no stamp"),
    ],
)
def test_it_is_for_development_and_tests_only_by_setting_and_by_stamp(
    setting: str | None, stamp: str | None, said: str, at_ours: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(
        database,
        "DELETE FROM sqlrail.stamp" if stamp is None else f"UPDATE sqlrail.stamp SET environment = '{stamp}'",
    )
    before = catalog(database)
    own = {name: value for name, value in env.items() if name != "APP_ENV"} | (
        {"APP_ENV": setting} if setting else {}
    )
    refused(at_ours("switch", env=own), database, before, said)
    assert recorded(database)[-1] == "004_tags"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE sqlrail.rollback SET content = 'DROP TABLE users'", "is not what was written"),
        ("DELETE FROM sqlrail.rollback", "nothing is kept to take 004_tags back"),
        ("GRANT INSERT ON sqlrail.rollback TO PUBLIC", "PUBLIC may write"),
    ],
)
def test_what_cannot_be_trusted_is_not_run(
    statement: str, said: str, at_ours: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(database, statement)
    before = catalog(database)
    refused(at_ours("switch", env=env), database, before, said, "`reset`")
    assert len(recorded(database)) == 4


def test_what_had_no_rollback_is_named(sqlrail: Sqlrail, database: str, env: dict[str, str]) -> None:
    check_out(TRUNK, {name: text for name, text in OURS.items() if name != "003_plan.rollback.sql"})
    assert sqlrail("migrate", env=env).code == 0
    check_out(TRUNK)
    before = catalog(database)
    refused(sqlrail("switch", env=env), database, before, "nothing is kept to take 003_plan back", "`reset`")


def test_a_rollback_outside_a_transaction_is_refused(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    outside = {
        "003_index.sql": "-- transactional: false\nCREATE INDEX CONCURRENTLY i ON users (name);",
        "003_index.rollback.sql": "DROP INDEX CONCURRENTLY i;",
    }
    check_out(TRUNK, outside)
    assert sqlrail("migrate", env=env).code == 0
    check_out(TRUNK)
    before = catalog(database)
    refused(sqlrail("switch", env=env), database, before, "003_index", "outside a transaction", "--stored")


def test_what_is_half_done_is_refused(sqlrail: Sqlrail, database: str, env: dict[str, str]) -> None:
    half = {"003_half.sql": "-- transactional: false\nCREATE TABLE half (id int);\nSELECT 1 / 0;"}
    check_out(TRUNK, half)
    assert sqlrail("migrate", env=env).code == 1
    check_out(TRUNK, THEIRS)
    before = catalog(database)
    refused(sqlrail("switch", env=env), database, before, "003_half is half done", "repair --forget 003_half")


def test_an_edited_file_is_taken_back_by_what_was_kept_and_applied_anew(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    check_out(TRUNK, THEIRS)
    assert sqlrail("migrate", env=env).code == 0
    query(database, "INSERT INTO users VALUES (1, 'Ada')")
    edited = {
        "003_notes.sql": "CREATE TABLE notes2 (id int);",
        "003_notes.rollback.sql": "DROP TABLE notes2;",
    }
    check_out(TRUNK, edited)
    done = sqlrail("switch", env=env)
    assert done.code == 0, done.err
    assert done.err.startswith(
        "003_notes was edited since it was applied, and is taken back by what was kept of its rollback:\n"
        "  | DROP TABLE notes;\n"
    )
    assert query(database, "SELECT to_regclass('notes'), to_regclass('notes2')::text") == [(None, "notes2")]
    assert query(database, "SELECT count(*) FROM users") == [(1,)]
    assert all_is_well(sqlrail, env)


def test_one_in_the_middle_goes_alone_where_nothing_depends_on_it(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    later = {"005_later.sql": "CREATE TABLE later (id int);", "005_later.rollback.sql": "DROP TABLE later;"}
    check_out(TRUNK, OURS, later)
    assert sqlrail("migrate", env=env).code == 0
    query(database, "INSERT INTO later VALUES (1)")
    check_out(TRUNK, THEIRS, later)
    done = sqlrail("switch", env=env)
    assert done.code == 0, done.err
    assert query(database, "SELECT count(*) FROM later") == [(1,)]
    assert recorded(database) == ["001_users", "002_orders", "005_later", "003_notes"]
    assert all_is_well(sqlrail, env)


def test_one_in_the_middle_on_which_another_depends_is_refused(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    check_out(TRUNK, OURS)
    assert sqlrail("migrate", env=env).code == 0
    check_out(TRUNK, OURS, {"003_plan.sql": "-- depends: 002_orders\nALTER TABLE users ADD plan int;"})
    before = catalog(database)
    said = "004_tags depends on 003_plan, which was edited since it was applied, and would stay"
    refused(sqlrail("switch", env=env), database, before, said, "`reset`")


def test_what_leans_on_it_without_saying_so_is_found_by_the_rehearsal(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    view = {
        "005_view.sql": "CREATE VIEW v AS SELECT plan FROM users;",
        "005_view.rollback.sql": "DROP VIEW v;",
    }
    check_out(TRUNK, OURS, view)
    assert sqlrail("migrate", env=env).code == 0
    check_out(TRUNK, THEIRS, view)
    before = catalog(database)
    refused(
        sqlrail("switch", env=env),
        database,
        before,
        "its rehearsal failed",
        "view v depends on column plan",
        "`reset`",
    )


def test_an_end_that_is_not_what_the_files_build_is_refused_unless_it_is_accepted(
    at_ours: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(database, "ALTER TABLE users ADD by_hand int")
    before = catalog(database)
    done = at_ours("switch", env=env)
    refused(
        done,
        database,
        before,
        "public.users by_hand: the files do not build it",
        "--accept-differences",
    )
    assert at_ours("switch", "--accept-differences", env=env).code == 0
    assert at_ours("status", "--check", env=env).code == 0


def test_a_rollback_that_leaves_something_is_found(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    check_out(
        TRUNK, {**THEIRS, "003_notes.sql": "CREATE TABLE notes (id int); COMMENT ON TABLE users IS 'ours';"}
    )
    assert sqlrail("migrate", env=env).code == 0
    check_out(TRUNK)
    before = catalog(database)
    refused(sqlrail("switch", env=env), database, before, "comment")


def test_another_name_loses_no_rows(sqlrail: Sqlrail, database: str, env: dict[str, str]) -> None:
    check_out(TRUNK, THEIRS)
    assert sqlrail("migrate", env=env).code == 0
    check_out(TRUNK, {name.replace("003", "009"): text for name, text in THEIRS.items()})
    before = catalog(database)
    refused(
        sqlrail("switch", env=env), database, before, "has the content of 003_notes", "`repair 009_notes`"
    )
    assert sqlrail("repair", "--yes", "009_notes", env=env).code == 0
    assert sqlrail("switch", env=env).code == 0
    assert all_is_well(sqlrail, env)


def test_another_folder_takes_nothing_back(sqlrail: Sqlrail, database: str, env: dict[str, str]) -> None:
    check_out(TRUNK)
    assert sqlrail("migrate", env=env).code == 0
    check_out(THEIRS)
    before = catalog(database)
    refused(
        sqlrail("switch", env=env), database, before, "nothing of what is applied is known", "2 migrations"
    )


def test_a_file_that_fails_is_found_by_the_rehearsal(
    at_ours: Sqlrail, database: str, env: dict[str, str]
) -> None:
    put({"migrations/004_bad.sql": "\nSELECT * FROM nowhere;"})
    before = catalog(database)
    refused(at_ours("switch", env=env), database, before, "004_bad.sql:2:15", "nowhere")


def test_without_a_scratch_database_it_is_refused(
    at_ours: Sqlrail, database: str, env: dict[str, str]
) -> None:
    before = catalog(database)
    elsewhere = ("--scratch", "postgresql://127.0.0.1:1/postgres")
    refused(at_ours("switch", *elsewhere, env=env), database, before, "--scratch", code=1)


# code files


def test_code_files_follow(sqlrail: Sqlrail, database: str, env: dict[str, str]) -> None:
    code = {"code/plans.sql": "CREATE VIEW plans AS SELECT plan FROM users;"}
    both = {"code/names.sql": "CREATE VIEW names AS SELECT name, plan FROM users;"}
    theirs = {"code/names.sql": "CREATE VIEW names AS SELECT name FROM users;"}
    check_out(TRUNK, OURS, code, both)
    assert sqlrail("migrate", env=env).code == 0
    check_out(TRUNK, THEIRS, theirs)
    shown = sqlrail("switch", "--dry-run", "--json", env=env).document
    assert (shown["would_drop_code"], shown["would_run_code"]) == (["names", "plans"], ["names"])
    done = sqlrail("switch", env=env)
    assert done.code == 0, done.err
    assert query(database, "SELECT to_regclass('plans')") == [(None,)]
    assert all_is_well(sqlrail, env)
    check_out(TRUNK, OURS, code, both)
    assert sqlrail("switch", env=env).code == 0
    assert all_is_well(sqlrail, env)


def test_a_code_file_alone_is_taken_back(sqlrail: Sqlrail, env: dict[str, str]) -> None:
    check_out(TRUNK, {"code/names.sql": "CREATE VIEW names AS SELECT name FROM users;"})
    assert sqlrail("migrate", env=env).code == 0
    check_out(TRUNK)
    done = sqlrail("switch", env=env)
    assert (done.code, done.out) == (0, "done: 0 rolled back, 0 applied now, 2 before\n"), done.err
    assert all_is_well(sqlrail, env)


def test_what_else_leans_on_a_code_file_is_in_its_way(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    check_out(TRUNK, {"code/names.sql": "CREATE VIEW names AS SELECT name FROM users;"})
    assert sqlrail("migrate", env=env).code == 0
    query(database, "CREATE MATERIALIZED VIEW m AS SELECT * FROM names")
    check_out(TRUNK)
    before = catalog(database)
    refused(
        sqlrail("switch", env=env), database, before, "code/names", "materialized view public.m leans on it"
    )


# git


@pytest.fixture
def repository(at_ours: Sqlrail) -> Sqlrail:
    """The same in a repository of git, of which theirs is the last commit."""
    git("init", "-q", "-b", "theirs")
    commit({})
    return at_ours


def test_a_clean_work_tree_passes(repository: Sqlrail, env: dict[str, str]) -> None:
    put({"README": "not a migration"})
    done = repository("switch", env=env)
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"005_new.sql": "SELECT 1"}, "migrations/005_new.sql:1:1: not tracked"),
        ({"code/new.sql": "CREATE VIEW v AS SELECT 1"}, "migrations/code/new.sql:1:1: not tracked"),
        (
            {"003_notes.sql": "CREATE TABLE notes (id int);\nSELECT 1;"},
            "migrations/003_notes.sql:1:1: not committed",
        ),
        ({"003_notes.rollback.sql": None}, "migrations/003_notes.rollback.sql:1:1: removed"),
    ],
    ids=["untracked", "code", "modified", "removed"],
)
def test_what_is_not_committed_is_refused_with_its_line(
    files: dict[str, str | None], said: str, repository: Sqlrail, database: str, env: dict[str, str]
) -> None:
    for name, text in files.items():
        if text is None:
            Path("migrations", name).unlink()
        else:
            put({f"migrations/{name}": text})
    before = catalog(database)
    done = repository("switch", env=env)
    refused(done, database, before, said, "--allow-dirty")
    assert len(done.err.splitlines()) == 1
    assert repository("switch", "--allow-dirty", env=env).code == 0


def test_what_is_half_merged_is_refused_at_the_first_mark(
    repository: Sqlrail, database: str, env: dict[str, str]
) -> None:
    git("checkout", "-q", "-b", "other")
    commit({"migrations/003_notes.sql": "CREATE TABLE notes (id bigint);"})
    git("checkout", "-q", "theirs")
    commit({"migrations/003_notes.sql": "CREATE TABLE notes (id smallint);"})
    with suppress(AssertionError):  # git tells of the conflict by its exit code
        git("merge", "other")
    before = catalog(database)
    refused(repository("switch", env=env), database, before, "migrations/003_notes.sql:1:1: half merged")


def test_from_branch_to_branch_and_back(sqlrail: Sqlrail, database: str, env: dict[str, str]) -> None:
    git("init", "-q", "-b", "ours")
    check_out(TRUNK, OURS)
    commit({})
    git("checkout", "-q", "-b", "theirs")
    check_out(TRUNK, THEIRS)
    commit({})
    for branch in ("ours", "theirs", "ours"):
        git("checkout", "-q", branch)
        done = sqlrail("migrate" if not recorded_any(database) else "switch", env=env)
        assert done.code == 0, done.err
        assert all_is_well(sqlrail, env)


def recorded_any(url: str) -> bool:
    return query(url, "SELECT to_regclass('_yoyo_migration') IS NOT NULL") == [(True,)]
