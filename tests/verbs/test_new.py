"""The next file: its number, its name, and that nobody else gets the same."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import console
import pytest
from conftest import ROOT, clean_environment, query
from console import Sqlrail, put

from sqlrail.files.file import DRAFT
from sqlrail.verbs import new as room

sqlrail = console.sqlrail

#: where nothing names a database, and the embedded server may not stand in
NOWHERE = {"APP_ENV": "production"}


def lay(*names: str) -> None:
    put({f"migrations/{name}": "SELECT 1" for name in names})
    Path("migrations").mkdir(exist_ok=True)


def inside() -> list[str]:
    return sorted(path.name for path in Path("migrations").iterdir())


def test_a_new_file_opens_with_its_day_and_what_it_depends_on(sqlrail: Sqlrail) -> None:
    lay("001_a.sql", "002_b.sql", "002_b.rollback.sql")
    outcome = sqlrail("new", "add users", env=NOWHERE)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        "made migrations/003_add_users.sql",
        "made migrations/003_add_users.rollback.sql",
    ]
    today = datetime.now(timezone.utc).date()
    assert Path("migrations/003_add_users.sql").read_text() == (
        f"-- {today}: say here why.\n-- depends: 002_b\n{DRAFT}\n\n"
    )
    assert Path("migrations/003_add_users.rollback.sql").read_text() == (
        f"-- {today}: undoes 003_add_users.\n{DRAFT}\n\n"
    )
    assert sqlrail("new", "more", "--json", env=NOWHERE).document == {
        "id": "004_more",
        "path": "migrations/004_more.sql",
        "rollback": "migrations/004_more.rollback.sql",
        "then": [],
    }


def test_a_new_file_is_not_applied_before_it_says_something(sqlrail: Sqlrail, database: str) -> None:
    lay("001_a.sql")
    assert sqlrail("new", "b").code == 0
    env = {"DATABASE_URL": database}
    assert [it["id"] for it in sqlrail("plan", "--json", env=env).document["files"]] == ["001_a"]
    outcome = sqlrail("migrate", env=env)
    notice = (
        "warning: migrations/002_b.sql: it is a draft without a statement, and left out until it has one.\n"
    )
    assert (outcome.code, outcome.err) == (0, notice)
    assert outcome.out.endswith("done: 1 applied now, 0 before, 1 still pending\n")
    assert sqlrail("new", "c").code == 0
    document = sqlrail("migrate", "--json", env=env).document
    assert (document["applied"], document["pending"]) == ([], 2)
    with Path("migrations/003_c.sql").open("a") as stream:
        stream.write("CREATE TABLE c ();\n")
    refused = sqlrail("migrate", env=env)
    assert (refused.code, refused.err.splitlines()) == (3, [
        "migrations/002_b.sql: it is a draft without a statement, and 003_c comes after it: fill it, or remove it.",
        "Nothing was changed.",
    ])  # fmt: skip
    assert query(database, "SELECT migration_id FROM _yoyo_migration") == [("001_a",)]
    with Path("migrations/002_b.sql").open("a") as stream:
        stream.write("CREATE TABLE b ();\n")
    assert sqlrail("migrate", env=env).code == 0
    assert query(database, "SELECT count(*) FROM _yoyo_migration") == [(3,)]
    back = sqlrail("rollback", env={**env, "APP_ENV": "development"})
    assert (back.code, "003_c.rollback.sql is a draft without a statement (fill it)" in back.err) == (3, True)


def test_a_draft_is_neither_dropped_into_a_baseline_nor_run_by_a_reset(
    sqlrail: Sqlrail, database: str
) -> None:
    lay("001_a.sql")
    assert sqlrail("new", "b").code == 0
    env = {"DATABASE_URL": database, "APP_ENV": "development"}
    refused = sqlrail("baseline", "--to", "002_b", "--accept-differences", env=env)
    assert (refused.code, "002_b.sql: it is a draft without a statement" in refused.err) == (3, True)
    assert query(database, "SELECT to_regclass('_yoyo_migration')") == [(None,)]
    assert sqlrail("migrate", env=env).code == 0
    assert sqlrail("reset", "--yes", env=env).code == 0
    assert query(database, "SELECT migration_id FROM _yoyo_migration") == [("001_a",)]


@pytest.mark.parametrize(
    ("there", "made"),
    [
        ([], "001_x"),
        (["README.md"], "001_x"),
        (["post-apply.sql"], "001_x"),
        (["001_a.sql", "007_b.sql"], "008_x"),
        (["0001_a.sql"], "0002_x"),
        (["1_a.sql", "2_b.sql"], "3_x"),
        (["09_a.sql"], "10_x"),
        (["001_a.sql", "009_b.rollback.sql"], "010_x"),
        (["001_a.sql", "002_b.SQL"], "003_x"),
        (["001_a.sql", "foo.sql"], "002_x"),
        (["002_2024.sql"], "003_x"),
        (["1.9_a.sql", "1.10_b.sql"], "1.11_x"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_the_number_is_the_next_one_and_as_wide(there: list[str], made: str, sqlrail: Sqlrail) -> None:
    lay(*there)
    outcome = sqlrail("new", "x", env=NOWHERE)
    assert (outcome.code, outcome.err, outcome.out.splitlines()[0]) == (0, "", f"made migrations/{made}.sql")


@pytest.mark.parametrize(
    ("last", "number"),
    [
        ("20240131", "20260203"),
        ("202401311200", "202602030405"),
        ("20240131120000", "20260203040506"),
        ("20240131_07", "20260203_01"),
        ("20260203_07", "20260203_08"),
        ("20260203040506", "20260203040507"),
        ("20990101000000", "20990101000001"),
        ("2024_01_31_120000", "2026_02_03_040506"),
        ("2017-01-02-113530", "2026-02-03-040506"),
        ("2017-01-02-113530-0000", "2026-02-03-040506-0001"),
        ("2026-02-03-040506-0000", "2026-02-03-040506-0001"),
        ("2024-01-31", "2026-02-03"),
        ("2024", "2025"),
    ],
)
def test_where_numbers_are_dates_the_next_one_is_today_s(last: str, number: str) -> None:
    now = datetime(2026, 2, 3, 4, 5, 6, tzinfo=timezone.utc)
    assert room.next_number(f"{last}_a", now) == number


def test_a_number_that_grows_is_said_and_stays_behind(sqlrail: Sqlrail, database: str) -> None:
    lay("998_a.sql", "999_b.sql")
    outcome = sqlrail("new", "c", env=NOWHERE)
    assert outcome.code == 0
    assert outcome.err == (
        "1000_c sorts before 999_b, for its number has a digit more: its `-- depends:` keeps it behind\n"
    )
    assert sqlrail("new", "d", env=NOWHERE).err == ""
    for name in ("1000_c", "1001_d"):
        with Path(f"migrations/{name}.sql").open("a") as stream:
            stream.write("SELECT 1;\n")
    done = sqlrail("migrate", "--json", env={"DATABASE_URL": database}).document["applied"]
    assert [it["id"] for it in done] == ["998_a", "999_b", "1000_c", "1001_d"]


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("Add Users!", "002_add_users"),
        ("add_users.sql", "002_add_users"),
        ("../../etc/passwd", "002_etc_passwd"),
        ("/absolute", "002_absolute"),
        ("a.rollback", "002_a_rollback"),
        ("a\nb\0c", "002_a_b_c"),
        ("-- depends: 001_a", "002_depends_001_a"),
        ("Größe é", "002_grosse_e"),
        ("x" * 1000, "002_" + "x" * 100),
        ("$(rm -rf ~)", "002_rm_rf"),
        ("\udcff a", "002_a"),
        ("\uff12fa", "002_2fa"),
    ],
)
def test_a_name_becomes_one_that_every_system_takes(name: str, made: str, sqlrail: Sqlrail) -> None:
    lay("001_a.sql")
    assert sqlrail("new", "--", name, env=NOWHERE).code == 0
    assert inside() == ["001_a.sql", f"{made}.rollback.sql", f"{made}.sql"]


@pytest.mark.parametrize("name", ["", " ", "..", "/", "漢字", "_"])
def test_a_name_of_which_nothing_is_left_is_an_error(name: str, sqlrail: Sqlrail) -> None:
    lay("001_a.sql")
    outcome = sqlrail("new", name, env=NOWHERE)
    assert outcome.code == 2
    assert (
        outcome.err == f"new is given '{name}': name it with letters a to z or digits, as in 'add users'.\n"
    )
    assert inside() == ["001_a.sql"]


def test_the_first_file_of_a_project_makes_its_folder(sqlrail: Sqlrail) -> None:
    outcome = sqlrail("new", "x", "--migrations", "db/files", env=NOWHERE)
    assert (outcome.code, outcome.err) == (0, "made the folder db/files\n")
    assert sorted(path.name for path in Path("db/files").iterdir()) == ["001_x.rollback.sql", "001_x.sql"]
    assert sqlrail("new", "y", "--migrations", "db/files", env=NOWHERE).err == ""


def test_a_name_that_cannot_be_makes_no_folder(sqlrail: Sqlrail) -> None:
    assert sqlrail("new", "!", env=NOWHERE).code == 2
    assert not Path("migrations").exists()


@pytest.mark.parametrize(
    ("folder", "code", "said"),
    [
        ("f", 2, "there is no folder f; name the migrations' folder with --migrations DIR.\n"),
        ("f/g", 1, "the folder f/g cannot be made: Not a directory.\n"),
    ],
)
def test_a_folder_that_cannot_be_made_is_named(folder: str, code: int, said: str, sqlrail: Sqlrail) -> None:
    Path("f").write_text("")
    outcome = sqlrail("new", "x", "--migrations", folder, env=NOWHERE)
    assert (outcome.code, outcome.err) == (code, said)


@pytest.mark.parametrize("by", ["flag", "setting"])
def test_a_new_file_begins_as_the_project_has_it(sqlrail: Sqlrail, by: str) -> None:
    put({"template.txt": "\ufeff-- ticket: \n-- lock-timeout: 1s\n\n"})
    if by == "flag":
        outcome = sqlrail("new", "x", "--template", "template.txt", env=NOWHERE)
    else:
        outcome = sqlrail("new", "x", env={**NOWHERE, "SQLRAIL_TEMPLATE": "template.txt"})
    assert outcome.code == 0, outcome.err
    lines = Path("migrations/001_x.sql").read_text().splitlines()
    assert lines[1:4] == ["-- ticket: ", "-- lock-timeout: 1s", DRAFT]


def test_what_would_decide_nothing_is_refused(sqlrail: Sqlrail) -> None:
    for flag in ("--template=x", "--phase=after"):
        outcome = sqlrail("new", "x", "--key", "a.b -> c.d", flag, env=NOWHERE)
        assert (outcome.code, "has no effect here" in outcome.err) == (2, True), outcome.err


def test_a_template_that_cannot_be_read_makes_nothing(sqlrail: Sqlrail) -> None:
    Path("bytes").write_bytes(b"\xff")
    for name, code, says in (("nowhere", 1, "cannot be read: No such file"), ("bytes", 2, "is not in UTF-8")):
        outcome = sqlrail("new", "x", "--template", name, env=NOWHERE)
        assert (outcome.code, says in outcome.err) == (code, True), outcome.err
    assert not Path("migrations").exists()


@pytest.mark.parametrize("there", [[], ["001_a.sql"], ["2024_old.sql"]], ids=str)
def test_a_timestamp_is_the_time_in_utc_whatever_numbers_are_there(
    there: list[str], sqlrail: Sqlrail
) -> None:
    lay(*there)
    before, outcome = _time(), sqlrail("new", "x", "--timestamp", env=NOWHERE)
    number = Path(outcome.out.splitlines()[0].removeprefix("made migrations/")).name.removesuffix("_x.sql")
    assert before <= number <= _time()


def test_a_timestamp_has_the_form_of_the_dates_that_are_there_and_comes_behind_them(sqlrail: Sqlrail) -> None:
    lay("20990101000000_a.sql")
    sqlrail("new", "x", "--timestamp", env=NOWHERE)
    assert "20990101000001_x.sql" in inside()


def _time() -> str:
    return f"{datetime.now(timezone.utc):%Y%m%d%H%M%S}"


def test_a_name_with_blanks_cannot_be_depended_on(sqlrail: Sqlrail) -> None:
    lay("001_a b.sql")
    assert sqlrail("new", "x", env=NOWHERE).code == 0
    assert "depends" not in Path("migrations/002_x.sql").read_text()


def test_what_cannot_be_made_leaves_nothing(sqlrail: Sqlrail, monkeypatch: pytest.MonkeyPatch) -> None:
    lay("001_a.sql")
    opened = Path.open

    def full(path: Path, *args: str, **options: str) -> object:
        if path.name.endswith("x.rollback.sql"):
            raise OSError(28, "No space left on device")
        return opened(path, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", full)
    outcome = sqlrail("new", "x", env=NOWHERE)
    assert outcome.code == 1
    assert outcome.err == "migrations/002_x.rollback.sql cannot be made: No space left on device.\n"
    assert inside() == ["001_a.sql"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_closed_to_writing_is_named(sqlrail: Sqlrail) -> None:
    lay("001_a.sql")
    Path("migrations").chmod(0o555)
    outcome = sqlrail("new", "x", env=NOWHERE)
    assert (outcome.code, outcome.err) == (1, "migrations/002_x.sql cannot be made: Permission denied.\n")


@pytest.mark.promise
def test_20_at_once_get_20_numbers(tmp_path: Path) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations/001_a.sql").write_text("SELECT 1")
    runs = [
        subprocess.Popen(
            [sys.executable, ROOT / "runner.py", "new", f"n{number}"],
            cwd=tmp_path,
            env={**clean_environment(), **NOWHERE},
            stdout=subprocess.DEVNULL,
        )
        for number in range(20)
    ]
    assert [run.wait(timeout=60) for run in runs] == [0] * 20
    names = [path.name for path in (tmp_path / "migrations").iterdir()]
    assert Counter(name[:3] for name in names) == {"001": 1, **{f"{n:03}": 2 for n in range(2, 22)}}
    assert {re.sub(r"^\d{3}_|\.rollback|\.sql$", "", name) for name in names} == {
        "a", *(f"n{n}" for n in range(20)),
    }  # fmt: skip
    # Each depends on the one before it.
    texts = {path.stem[:3]: path.read_text() for path in (tmp_path / "migrations").glob("*[0-9].sql")}
    for number in range(3, 22):
        assert re.search(f"^-- depends: {number - 1:03}_n", texts[f"{number:03}"], re.MULTILINE)


def test_a_key_is_added_not_valid_and_validated_by_itself(sqlrail: Sqlrail, database: str) -> None:
    query(
        database,
        """CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE orders (id int PRIMARY KEY, user_id int);
           INSERT INTO users VALUES (1); INSERT INTO orders VALUES (1, 1), (2, 99)""",
    )
    outcome = sqlrail(
        "new", "their user", "--key", "orders.user_id -> users.id delete", "--json", env=NOWHERE
    )
    names = [f"migrations/{name}" for name in ("001_their_user", "002_their_user_validate")]
    assert outcome.document == {
        "id": "001_their_user", "path": f"{names[0]}.sql", "rollback": f"{names[0]}.rollback.sql",
        "then": [
            {"id": "002_their_user_validate", "path": f"{names[1]}.sql", "rollback": f"{names[1]}.rollback.sql"}
        ],
    }  # fmt: skip
    env = {"DATABASE_URL": database, "USER": "ann", "APP_ENV": "test"}
    applied = sqlrail("migrate", "--json", "--to", "1", env=env).document["applied"]
    assert [it["deleted"] for it in applied[0]["cleanup"]] == [1]
    state = "SELECT convalidated, confdeltype::text FROM pg_constraint WHERE conname = 'orders_user_id_fkey'"
    assert query(database, state) == [(False, "c")]
    assert sqlrail("migrate", env=env).code == 0
    assert query(database, state) == [(True, "c")]
    assert sqlrail("rollback", "--steps", "2", "--yes", env=env).code == 0
    assert query(database, state) == []


@pytest.mark.parametrize(
    ("relation", "key"),
    [
        ("orders.user_id -> users.id", "FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;"),
        (
            's."Or ders".(a, b) -> t.users.(x, y) set null (a)',
            "FOREIGN KEY (a, b) REFERENCES t.users (x, y) ON DELETE SET NULL (a) NOT VALID;",
        ),
        ("orders.a -> users.id set default", "REFERENCES users (id) ON DELETE SET DEFAULT NOT VALID;"),
    ],
)
def test_what_is_said_of_orphans_is_the_key_s_word(relation: str, key: str, sqlrail: Sqlrail) -> None:
    assert sqlrail("new", "key", "--key", relation, env=NOWHERE).code == 0
    text = Path("migrations/001_key.sql").read_text()
    assert f"-- cleanup: {relation}\n" in text
    assert key in text


def test_a_name_that_would_be_too_long_is_cut_where_postgresql_takes_all_of_it(sqlrail: Sqlrail) -> None:
    assert sqlrail("new", "key", "--key", f"{'ö' * 30}.user_id -> users.id", env=NOWHERE).code == 0
    (name,) = re.findall("ADD CONSTRAINT (\\S+)", Path("migrations/001_key.sql").read_text())
    assert len(name.strip('"').encode()) <= 63
    assert name.strip('"').endswith("_fkey")


@pytest.mark.parametrize(
    ("relation", "why"),
    [
        ("orders.user_id", "--key: 'orders.user_id' is not of the form"),
        ('"a\nDROP TABLE b; --".c -> d.e', "--key has a character that cannot be printed"),
    ],
)
def test_a_key_that_cannot_be_read_makes_no_file(relation: str, why: str, sqlrail: Sqlrail) -> None:
    outcome = sqlrail("new", "key", "--key", relation, env=NOWHERE)
    assert (outcome.code, why in outcome.err) == (2, True)
    assert not Path("migrations").exists()
