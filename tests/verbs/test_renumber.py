"""The verb renumber: which files get which numbers, what goes with them, and that it is all of them or none."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import console
import pytest
from branches import begin, commit, git, on_main
from conftest import clean_environment, query
from console import Outcome, Sqlrail, put

from sqlrail.files.folder import RENAMING

sqlrail = console.sqlrail

NOWHERE = {"APP_ENV": "production"}
#: ends the process, as a kill does, before the Nth time that it renames or removes a file
KILLED = """
import os, sys
left = int(sys.argv.pop(1))
def watch(event, arguments):
    global left
    if event in ("os.rename", "os.remove") and "migrations" in str(arguments[0]):
        left -= 1
        if left < 0:
            os._exit(9)
sys.addaudithook(watch)
from sqlrail.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def inside() -> dict[str, str]:
    """The files of the folder with what they say."""
    return {path.name: path.read_text() for path in sorted(Path("migrations").iterdir())}


def in_folder(files: dict[str, str | None]) -> dict[str, str | bytes | None]:
    return {f"migrations/{name}": text for name, text in files.items()}


def renumber(sqlrail: Sqlrail, *flags: str) -> Outcome:
    return sqlrail("renumber", "--against", "main", "--json", *flags, env=NOWHERE)


def case(id_: str, *values: object) -> object:
    return pytest.param(*values, id=id_)


TIME = "<time>"
FOLDERS = [
    case("nothing is out of place", ["001_a", "002_b"], ["003_c"], ["003_c"]),
    case("late", ["001_a", "003_c"], ["002_b"], ["004_b"]),
    case("a number twice", ["001_a", "002_b"], ["002_c"], ["003_c"]),
    case("twice in the branch", ["001_a"], ["002_b", "002_c", "003_d"], ["002_b", "003_c", "004_d"]),
    case("those behind stay behind", ["001_a", "004_d"], ["003_x", "005_e", "006_f"], ["005_x", "006_e", "007_f"]),
    case("names that are taken", ["001_a", "005_x"], ["005_fix", "006_fix"], ["007_fix", "008_fix"]),
    case("digits as the folder has them", ["0099_a", "0100_b"], ["0100_c"], ["0101_c"]),
    case("parts behind dots", ["1.1_a", "1.2_b"], ["1.2_c"], ["1.3_c"]),
    case("timestamps", ["20240101000000_a", "20240301000000_b"], ["20240201000000_c"], [f"{TIME}_c"]),
]  # fmt: skip


@pytest.mark.parametrize(("main", "branch", "expected"), FOLDERS)
def test_new_files_get_numbers_behind_the_newest(
    main: list[str], branch: list[str], expected: list[str], sqlrail: Sqlrail
) -> None:
    begin(in_folder({f"{id_}.sql": f"SELECT '{id_}';\n" for id_ in main}))
    commit(in_folder({f"{id_}.sql": f"SELECT '{id_}';\n" for id_ in branch}))
    outcome = renumber(sqlrail)
    assert outcome.code == 0, outcome.err
    now = inside()
    # In their order, each with its content.
    names = [name for name in now if now[name].split("'")[1] in branch]
    assert [re.sub(r"^20[0-9]{12}", TIME, name) for name in names] == [f"{id_}.sql" for id_ in expected]
    assert [now[name].split("'")[1] for name in names] == branch
    assert sqlrail("lint", "--against", "main", "--check", env=NOWHERE).code == 0
    assert renumber(sqlrail).document["renumbered"] == []


#: a branch that main has overtaken, with all that goes with a file
OVERTAKEN: dict[str, str | None] = {
    "003_x.sql": "-- depends: 002_b\nSELECT 'x';\n",
    "003_x.rollback.sql": "SELECT 'no x';\n",
    "003_x.md": "why\n",
    "004_y.sql": "-- why.\n--depends:\t003_x  002_b\r\nSELECT 'y';\n",
    "004_y.rollback.sql": "SELECT 'no y';\n",
    "post-apply.sql": "-- depends: 004_y\nSELECT 'grants';\n",
}
AFTERWARDS = {
    "001_a.sql": "SELECT 'a';\n",
    "002_b.sql": "SELECT 'b';\n",
    "003_c.sql": "SELECT 'c';\n",
    "004_x.md": "why\n",
    "004_x.rollback.sql": "SELECT 'no x';\n",
    "004_x.sql": "-- depends: 002_b\nSELECT 'x';\n",
    "005_y.rollback.sql": "SELECT 'no y';\n",
    "005_y.sql": "-- why.\n--depends:\t004_x  002_b\r\nSELECT 'y';\n",
    "post-apply.sql": "-- depends: 005_y\nSELECT 'grants';\n",
}


@pytest.fixture
def overtaken(sqlrail: Sqlrail) -> Sqlrail:
    begin(in_folder({"001_a.sql": "SELECT 'a';\n", "002_b.sql": "SELECT 'b';\n"}))
    commit(in_folder(OVERTAKEN))
    on_main(in_folder({"003_c.sql": "SELECT 'c';\n"}))
    git("merge", "--quiet", "--no-edit", "main")
    return sqlrail


def read_raw() -> dict[str, str]:
    return {path.name: path.read_bytes().decode() for path in sorted(Path("migrations").iterdir())}


def test_rollbacks_sidecars_and_what_depends_on_them_follow(overtaken: Sqlrail) -> None:
    before = read_raw()
    dry = renumber(overtaken, "--dry-run").document
    assert read_raw() == before
    Path("migrations/003_x.sql").chmod(0o600)
    Path("migrations/004_y.sql").chmod(0o640)
    outcome = renumber(overtaken).document
    assert outcome == {**dry, "dry_run": False}
    assert read_raw() == AFTERWARDS
    modes = [oct(Path(f"migrations/{name}.sql").stat().st_mode & 0o777) for name in ("004_x", "005_y")]
    assert modes == ["0o600", "0o640"]
    assert [(it["was"], it["id"]) for it in outcome["renumbered"]] == [("003_x", "004_x"), ("004_y", "005_y")]
    assert [Path(it["was"]).name for it in outcome["renumbered"][0]["files"]] == [
        "003_x.md", "003_x.rollback.sql", "003_x.sql",
    ]  # fmt: skip
    assert outcome["rewritten"] == ["migrations/005_y.sql", "migrations/post-apply.sql"]


@pytest.mark.promise
def test_it_is_all_or_nothing_wherever_it_is_killed(overtaken: Sqlrail) -> None:
    before = read_raw()
    words = ("renumber", "--against", "main")
    for number in range(50):
        for name in [*read_raw()]:
            Path("migrations", name).unlink()
        put({f"migrations/{name}": text for name, text in before.items()})
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(number), *words],
            env=clean_environment() | NOWHERE, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            break
        assert done.returncode == 9, done.stderr
        if Path("migrations", RENAMING).exists():
            # Nobody applies what is half renamed.
            refused = overtaken("lint", "--all", "--json", env=NOWHERE)
            assert (refused.code, refused.error["kind"]) == (2, "bad_file")
            assert "`renumber` finishes it" in refused.error["message"]
            assert renumber(overtaken, "--dry-run").code == 2
        outcome = renumber(overtaken)
        assert outcome.code == 0, outcome.out
        now = read_raw()
        assert {name: text for name, text in now.items() if not name.startswith(".")} == AFTERWARDS
        assert RENAMING not in now
    assert number > 8
    assert read_raw() == AFTERWARDS


def test_a_file_that_cannot_be_renamed_leaves_all_as_it_was(overtaken: Sqlrail) -> None:
    before = read_raw()
    # Its new content would be written there first.
    Path("migrations/.005_y.sql.unfinished").mkdir()
    outcome = renumber(overtaken)
    assert (outcome.code, outcome.error["kind"]) == (1, "file_failed")
    assert "Nothing was changed." in outcome.error["message"]
    Path("migrations/.005_y.sql.unfinished").rmdir()
    assert read_raw() == before


def test_a_name_that_is_taken_refuses(overtaken: Sqlrail) -> None:
    Path("migrations/004_x.md").write_text("of somebody\n")
    before = read_raw()
    outcome = renumber(overtaken)
    assert (outcome.code, outcome.error["kind"]) == (3, "refused")
    assert "004_x.md is there already" in outcome.error["message"]
    assert read_raw() == before


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", "{}", '"x"', '{"ids": [], "names": {}, "depending": []}',
        '{"ids": {}, "names": {"../x.txt": "y"}, "depending": []}',
        '{"ids": {}, "names": {"001_a.sql": "/tmp/y"}, "depending": []}',
    ],
)  # fmt: skip
def test_what_nobody_has_written_is_not_finished(text: str, overtaken: Sqlrail) -> None:
    Path("x.txt").write_text("mine\n")
    put({f"migrations/{RENAMING}": text})
    before = read_raw()
    outcome = renumber(overtaken)
    assert (outcome.code, outcome.error["kind"]) == (2, "bad_file")
    assert "remove it" in outcome.error["message"]
    assert read_raw() == before
    assert Path("x.txt").exists()


def test_what_the_ref_s_files_depend_on_keeps_its_name(sqlrail: Sqlrail) -> None:
    begin(in_folder({"001_a.sql": "SELECT 1;\n", "003_c.sql": "-- depends: 002_b\nSELECT 3;\n"}))
    commit(in_folder({"002_b.sql": "SELECT 2;\n", "003_d.sql": "SELECT 4;\n", "002_late.sql": "SELECT 5;\n"}))
    outcome = renumber(sqlrail)
    assert (outcome.code, outcome.error["kind"]) == (3, "refused")
    assert outcome.error["message"].startswith(
        "migrations/003_c.sql:1:1: main has this file, and it depends on 002_b"
    )


def test_a_file_of_the_ref_that_the_branch_renames_is_not_new(sqlrail: Sqlrail) -> None:
    begin(in_folder({"001_a.sql": "SELECT 1;\n", "003_c.sql": "SELECT 3;\n"}))
    commit(in_folder({"001_a.sql": None, "002_a.sql": "SELECT 1;\n"}))
    outcome = renumber(sqlrail)
    assert (outcome.code, outcome.error["kind"]) == (3, "refused")
    assert "it has the content of 001_a, which main has" in outcome.error["message"]


def test_a_number_with_a_digit_more_would_come_before(sqlrail: Sqlrail) -> None:
    begin(in_folder({"998_a.sql": "SELECT 1;\n", "999_b.sql": "SELECT 3;\n"}))
    commit(in_folder({"999_c.sql": "SELECT 1;\n"}))
    outcome = renumber(sqlrail)
    assert (outcome.code, outcome.error["kind"]) == (3, "refused")
    assert "1000_c would come before 998_a" in outcome.error["message"]


# where a database says what is new


def asked(sqlrail: Sqlrail, database: str, *words: str) -> Outcome:
    return sqlrail(*words, "--json", env={"DATABASE_URL": database})


def test_what_the_database_has_no_record_of_is_renamed_and_nothing_else(
    sqlrail: Sqlrail, database: str
) -> None:
    put({"migrations/001_a.sql": "SELECT 1;\n", "migrations/003_c.sql": "SELECT 3;\n"})
    assert asked(sqlrail, database, "migrate").code == 0
    put({
        "migrations/002_b.sql": "SELECT 2;\n", "migrations/003_x.sql": "-- depends: 002_b\nSELECT 4;\n",
        "migrations/004_d.sql": "SELECT 5;\n",
    })  # fmt: skip
    assert asked(sqlrail, database, "migrate").code == 3
    outcome = asked(sqlrail, database, "renumber").document
    assert [(it["was"], it["id"]) for it in outcome["renumbered"]] == [
        ("002_b", "004_b"), ("003_x", "005_x"), ("004_d", "006_d"),
    ]  # fmt: skip
    assert inside() == {
        "001_a.sql": "SELECT 1;\n", "003_c.sql": "SELECT 3;\n", "004_b.sql": "SELECT 2;\n",
        "005_x.sql": "-- depends: 004_b\nSELECT 4;\n", "006_d.sql": "SELECT 5;\n",
    }  # fmt: skip
    done = asked(sqlrail, database, "migrate").document
    assert [it["id"] for it in done["applied"]] == ["004_b", "005_x", "006_d"]


def test_a_database_without_records_cannot_say_what_is_new(sqlrail: Sqlrail, database: str) -> None:
    put({"migrations/001_a.sql": "SELECT 1;\n", "migrations/001_b.sql": "SELECT 3;\n"})
    before = inside()
    outcome = asked(sqlrail, database, "renumber")
    assert (outcome.code, outcome.error["kind"]) == (3, "refused")
    assert "--against REF" in outcome.error["message"]
    assert inside() == before


def test_what_is_half_done_keeps_its_name(sqlrail: Sqlrail, database: str) -> None:
    put({"migrations/001_a.sql": "SELECT 1;\n"})
    assert asked(sqlrail, database, "migrate").code == 0
    put({"migrations/002_b.sql": "-- transactional: false\nCREATE TABLE b ();\nSELECT 1/0;\n"})
    assert asked(sqlrail, database, "migrate").code == 1
    put({"migrations/001_x.sql": "SELECT 3;\n"})
    before = inside()
    outcome = asked(sqlrail, database, "renumber")
    assert (outcome.code, outcome.error["kind"]) == (3, "refused")
    assert "002_b.sql: it is half done outside a transaction" in outcome.error["message"]
    assert inside() == before


def test_a_history_that_cannot_be_trusted_refuses(sqlrail: Sqlrail, database: str) -> None:
    put({"migrations/001_a.sql": "SELECT 1;\n", "migrations/003_c.sql": "SELECT 3;\n"})
    assert asked(sqlrail, database, "migrate").code == 0
    put({"migrations/003_c.sql": "SELECT 33;\n", "migrations/002_b.sql": "SELECT 2;\n"})
    before, records = inside(), query(database, "TABLE _yoyo_migration")
    outcome = asked(sqlrail, database, "renumber")
    assert (outcome.code, outcome.error["kind"]) == (3, "refused")
    assert [it["kind"] for it in outcome.error["problems"]] == ["edited"]
    assert (inside(), query(database, "TABLE _yoyo_migration")) == (before, records)
