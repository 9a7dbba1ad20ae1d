"""Files against records: whatever cannot be trusted is named with its way out, before anything is changed."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import console
import pytest
from conftest import ROOT, Connect, clean_environment, next_said, query, told
from console import Outcome, Sqlrail, catalog, put
from terminals import at_a_terminal

from sqlrail.engine.backend import Backend
from sqlrail.engine.store import KEY
from sqlrail.errors import Refused
from sqlrail.files import content
from sqlrail.files.content import checksum
from sqlrail.files.folder import read_files
from sqlrail.ground.events import nobody
from sqlrail.ground.settings import Settings
from sqlrail.records import problems
from sqlrail.records.history import Record
from sqlrail.verbs import apply, repair

sqlrail = console.sqlrail

Files = Mapping[str, str | bytes | None]
A, B, C = "CREATE TABLE a ();", "CREATE TABLE b ();", "CREATE TABLE c ();"
ONE: Files = {"001_a.sql": A}
TWO: Files = {**ONE, "002_b.sql": B}
THREE: Files = {**TWO, "003_c.sql": C}
LOG = "SELECT migration_id, operation, comment FROM _yoyo_log ORDER BY created_at_utc"


def lay(files: Files) -> None:
    """Writes files below migrations, and removes those without a content."""
    put({f"migrations/{name}": text for name, text in files.items() if text is not None})
    for name in [name for name, text in files.items() if text is None]:
        Path("migrations", name).unlink()


def plain_yoyo(url: str, verb: str, *flags: str) -> None:
    uri = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)
    words = ["-m", "yoyo", verb, *flags, "--batch", "--no-config-file", "--database", uri, "migrations"]
    subprocess.run([sys.executable, *words], check=True, capture_output=True, env=clean_environment())


@pytest.fixture
def env(database: str) -> dict[str, str]:
    return {"DATABASE_URL": database, "USER": "ann"}


@dataclass(frozen=True)
class Case:
    """Files that were applied, what became of them, and what is said of it: kind, id and message in a row."""

    id: str
    applied: Files
    then: Files
    said: list[tuple[str, str, str]]
    harmless: list[tuple[str, str, str]] = field(default_factory=list)


def m(name: str, text: str) -> str:
    return f"migrations/{name}.sql: {text}"


def edited(id_: str) -> tuple[str, str, str]:
    text = f"it is not what was applied; put its content back, or accept today's with `repair {id_}`."
    return "edited", id_, m(id_, text)


def missing(id_: str, hint: str = "") -> tuple[str, str, str]:
    text = (
        f"it was applied, and is gone; put it back{hint}, take its record out with `repair --forget {id_}`, "
        "or let it pass with --allow-missing."
    )
    return "missing", id_, m(id_, text)


def late(id_: str, last: str) -> tuple[str, str, str]:
    text = (
        f"it is new, and comes before {last}, which is applied; give it a higher number, or run it all the same "
        "with `migrate --allow-late`."
    )
    return "late", id_, m(id_, text)


def renamed(new: str, old: str) -> tuple[str, str, str]:
    text = (
        f"it has the content of {old}, which was applied and is gone; rename it back to {old}.sql, or move the record "
        f"to the new name with `repair {new}`."
    )
    return "renamed", new, m(new, text)


def duplicate(id_: str, first: str, case: str = "") -> tuple[str, str, str]:
    return "duplicate", id_, m(id_, f"it has the number of {first}{case}; give it one of its own.")


def twin(id_: str, first: str, order: str) -> tuple[str, str, str]:
    return "duplicate", id_, m(id_, f"it has the number of {first}; their whole names order them, {order}.")


def order(id_: str, other: str, remedy: str) -> tuple[str, str, str]:
    text = f"{other} comes before it, for names sort as text and not as numbers; {remedy}"
    return "order", id_, m(id_, text)


def pattern(id_: str, remedy: str = "give it one, or move it out of migrations.") -> tuple[str, str, str]:
    return (
        "pattern",
        id_,
        m(id_, f"its name does not begin with a number; {remedy}"),
    )


def unread(name: str, reason: str) -> tuple[str, str, str]:
    path = f"migrations/{name}"
    return "unread", path, f"{path}: it is not read, for {reason}; rename it, or move it away."


def lone(id_: str) -> tuple[str, str, str]:
    path = f"migrations/{id_}.rollback.sql"
    text = f"a rollback without its migration {id_}.sql; name it as its migration is named, or remove it."
    return "rollback", path, f"{path}: {text}"


def almost(id_: str) -> tuple[str, str, str]:
    text = "it would run as a migration; a rollback's name ends in .rollback.sql: rename it."
    return "rollback", id_, m(id_, text)


def form(names: str, tool: str) -> tuple[str, str, str]:
    text = (
        f"migrations: {names} of {tool}, by which they would run in another order, or as migrations though they take "
        "others back; docs/other-tools.md says how to switch."
    )
    return "form", "migrations", text


def below(folder: str, name: str) -> tuple[str, str, str]:
    path = f"migrations/{folder}"
    text = f"it holds {name}, which is not read, for sub-folders are not; move it up if it is to run."
    return "folder", path, f"{path}: {text}"


CASE_ONLY = ", and differs from it by case only"
ONLY_SQL = "only names that end in .sql are read"

CASES = [
    Case("edited", TWO, {"001_a.sql": "CREATE TABLE a (id int);"}, [edited("001_a")]),
    Case("edited in a comment only", TWO, {"001_a.sql": f"-- Why\n{A}"}, [edited("001_a")]),
    Case("edited to nothing", TWO, {"001_a.sql": ""}, [edited("001_a")]),
    Case("two edited", TWO, {"001_a.sql": f"{A} ", "002_b.sql": B + A, "001_a.rollback.sql": "x"},
         [edited("002_b")]),
    Case("swapped", TWO, {"001_a.sql": B, "002_b.sql": A}, [edited("001_a"), edited("002_b")]),
    Case("edited, with a name that a shell would part", {"001_it's b.sql": A}, {"001_it's b.sql": B},
         [("edited", "001_it's b", m("001_it's b", "it is not what was applied; put its content back, or accept "
           """today's with `repair '001_it'"'"'s b'`."""))]),
    Case("missing, the first", TWO, {"001_a.sql": None}, [missing("001_a")]),
    Case("missing, and another waits", TWO, {"002_b.sql": None, "003_c.sql": C}, [missing("002_b")]),
    Case("missing, and its rollback is there", TWO, {"002_b.sql": None, "002_b.rollback.sql": "x"},
         [lone("002_b")]),
    Case("missing, and named by depends", TWO, {"002_b.sql": None, "003_c.sql": f"-- depends: 002_b\n{C}"},
         [missing("002_b")]),
    Case("renamed and edited", TWO, {"002_b.sql": None, "002_c.sql": C},
         [missing("002_b", " (002_c may be it, renamed and edited)")]),
    Case("late", {"001_a.sql": A, "003_c.sql": C}, {"002_b.sql": B}, [late("002_b", "003_c")]),
    Case("late, the very first", {"002_b.sql": B}, {"001_a.sql": A}, [late("001_a", "002_b")]),
    Case("two late", {"001_a.sql": A, "004_d.sql": C}, {"002_b.sql": B, "003_c.sql": "SELECT 3"},
         [late("002_b", "004_d"), late("003_c", "004_d")]),
    Case("late by depends", TWO, {"003_c.sql": C, "002_b.sql": f"-- depends: 003_c\n{B}"},
         [late("003_c", "002_b"), edited("002_b")]),
    Case("renamed", TWO, {"002_b.sql": None, "002_better.sql": B}, [renamed("002_better", "002_b")]),
    Case("renamed to a higher number", TWO, {"002_b.sql": None, "005_b.sql": B}, [renamed("005_b", "002_b")]),
    Case("renamed to a lower number", THREE, {"002_b.sql": None, "000_b.sql": B}, [renamed("000_b", "002_b")]),
    Case("renamed, and line ends changed", TWO, {"002_b.sql": None, "002_x.sql": f"{B}\r\n"},
         [renamed("002_x", "002_b")]),
    Case("renamed by case only", TWO, {"002_b.sql": None, "002_B.sql": B}, [renamed("002_B", "002_b")]),
    Case("two renamed", TWO, {"001_a.sql": None, "002_b.sql": None, "001_x.sql": A, "002_y.sql": B},
         [renamed("001_x", "001_a"), renamed("002_y", "002_b")]),
    Case("two of one content renamed", {"001_a.sql": "SELECT 1", "002_b.sql": "SELECT 1"},
         {"001_a.sql": None, "002_b.sql": None, "001_x.sql": "SELECT 1", "002_y.sql": "SELECT 1"},
         [renamed("001_x", "001_a"), renamed("002_y", "002_b")]),
    Case("one of two of one content gone, it cannot be told where to",
         {"001_a.sql": "SELECT 1", "002_b.sql": "SELECT 1"},
         {"001_a.sql": None, "002_b.sql": None, "003_x.sql": "SELECT 1"}, [missing("001_a"), missing("002_b")]),
    Case("duplicate with another width", {}, {"007_a.sql": A, "7_b.sql": B}, [duplicate("7_b", "007_a")]),
    Case("one number, and the names in two orders", {}, {"007_step9.sql": A, "007_step10.sql": B},
         [order("007_step9", "007_step10", "name it 007_step09.sql or add `-- depends: 007_step9` to 007_step10.")],
         [twin("007_step9", "007_step10", "007_step10 before 007_step9")]),
    Case("one number, and a late name", {"007_b.sql": A}, {"007_a.sql": B}, [late("007_a", "007_b")],
         [twin("007_a", "007_b", "007_a before 007_b")]),
    Case("1.10 and 1.9", {}, {"1.9_a.sql": A, "1.10_b.sql": B},
         [order("1.9_a", "1.10_b", "name it 1.09_a.sql or add `-- depends: 1.9_a` to 1.10_b.")]),
    Case("dates with dashes and without", {}, {"20240130120000_a.sql": A, "2024-01-31-120000_b.sql": B},
         [order("20240130120000_a", "2024-01-31-120000_b",
                "name it 2024-01-30-120000_a.sql or add `-- depends: 20240130120000_a` to 2024-01-31-120000_b.")]),
    Case("names that differ by case only", {}, {"001_a.sql": A, "001_A.sql": B},
         [duplicate("001_a", "001_A", CASE_ONLY)]),
    Case("9 and 10", {}, {"9_a.sql": A, "10_b.sql": B},
         [order("9_a", "10_b", "name it 09_a.sql or add `-- depends: 9_a` to 10_b.")]),
    Case("9 and 10, and 9 is applied", {"9_a.sql": A}, {"10_b.sql": B},
         [order("9_a", "10_b",
                "name it 09_a.sql, and let `repair` move its record, or add `-- depends: 9_a` to 10_b.")]),
    Case("9 and 10, and 10 is applied", {"10_b.sql": B}, {"9_a.sql": A},
         [order("9_a", "10_b", "that one is applied already: give this one a higher number.")]),
    Case("1000 behind 999", {}, {"999_a.sql": A, "1000_b.sql": B},
         [order("999_a", "1000_b", "name it 0999_a.sql or add `-- depends: 999_a` to 1000_b.")]),
    Case("no number", {}, {**ONE, "foo.sql": B}, [pattern("foo")]),
    Case("no number, in another alphabet", {}, {**ONE, "٠٠٢_b.sql": B}, [pattern("٠٠٢_b")]),
    Case("post_apply is not post-apply", {}, {**ONE, "post_apply.sql": B}, [pattern("post_apply")]),
    Case("hidden", ONE, {"._002_b.sql": B}, [("pattern", "._002_b", m("._002_b",
         "it is hidden, and plain yoyo would run it all the same; give it one, or move it out of migrations."))]),
    Case("capital suffix", {}, {**ONE, "002_b.SQL": B}, [unread("002_b.SQL", ONLY_SQL)]),
    Case("rollback with a capital suffix", {}, {**ONE, "001_a.rollback.SQL": B},
         [unread("001_a.rollback.SQL", ONLY_SQL)]),
    Case("folder with a file's name", {}, {**ONE, "002_b.sql/x": ""}, [unread("002_b.sql", "it is not a file")]),
    Case("rollback alone", {}, {**ONE, "005_x.rollback.sql": "DROP TABLE x"}, [lone("005_x")]),
    Case("rollback that differs from its migration by case", {}, {**ONE, "001_A.rollback.sql": "x"}, [lone("001_A")]),
    Case("Rollback", {}, {**ONE, "001_a.Rollback.sql": "x"}, [almost("001_a.Rollback")]),
    Case("down", {}, {**ONE, "001_a.down.sql": "x"}, [almost("001_a.down")]),
    Case("golang-migrate's names", {},
         {"001_a.up.sql": A, "001_a.down.sql": "x", "002_b.up.sql": B, "002_b.down.sql": "x"},
         [form("001_a.down.sql and 1 more have names", "golang-migrate")]),
    Case("Flyway's names", {}, {"V1__a.sql": A, "V1.1__b.sql": B, "R__v.sql": C},
         [form("R__v.sql and 2 more have names", "Flyway")]),
    Case("one of Flyway's names", {}, {**ONE, "V2__b.sql": B}, [form("V2__b.sql has a name", "Flyway")]),
    Case("a sub-folder's number, and an error beside", TWO, {"001_a.sql": B, "old/000_x.sql": "x"},
         [edited("001_a")],
         [below("old", "000_x.sql")]),
    Case("everything at once", THREE,
         {"001_a.sql": B, "002_b.sql": None, "003_c.sql": None, "004_c.sql": C, "000_late.sql": "SELECT 1",
          "000_x.sql": "SELECT 2", "foo.sql": "SELECT 3", "9_x.rollback.sql": ""},
         [late("000_late", "001_a"), late("000_x", "001_a"), edited("001_a"), missing("002_b"),
          renamed("004_c", "003_c"), pattern("foo"), lone("9_x")],
         [twin("000_x", "000_late", "000_late before 000_x")]),
]  # fmt: skip


def problems_of(outcome: Outcome) -> list[tuple[str, str, str, bool]]:
    return [(it["kind"], it["id"], it["message"], it["refuses"]) for it in outcome.document["problems"]]


def expected(case: Case) -> list[tuple[str, str, str, bool]]:
    return [*((*it, True) for it in case.said), *((*it, False) for it in case.harmless)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_cannot_be_trusted_is_refused_with_its_remedy_before_anything_is_changed(
    case: Case, sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    if case.applied:
        lay(case.applied)
        assert sqlrail("migrate", env=env).code == 0
    lay(case.then)
    before = catalog(database), case.applied and query(database, LOG)
    outcome = sqlrail("migrate", env=env)
    assert outcome.err.splitlines() == [*(message for _, _, message in case.said), "Nothing was changed."]
    assert (outcome.code, outcome.out) == (3, "")
    in_json = sqlrail("migrate", "--json", env=env).error
    assert (in_json["kind"], in_json["message"]) == ("refused", outcome.err.removesuffix("\n"))
    assert [it["kind"] for it in in_json["problems"]] == [kind for kind, _, _ in case.said]
    looked = sqlrail("status", "--json", env={**env, "PGOPTIONS": "-c default_transaction_read_only=on"})
    assert (looked.code, problems_of(looked)) == (0, expected(case))
    plain = sqlrail("status", "--check", env=env)
    assert plain.code == 4
    assert plain.out.splitlines()[-len(expected(case)) :] == [
        f"{'' if refuses else 'warning: '}{message}" for _, _, message, refuses in expected(case)
    ]
    assert (catalog(database), case.applied and query(database, LOG)) == before


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"9_a.sql": A, "10_b.sql": f"-- depends: 9_a\n{B}"}, id="9 and 10, in order by depends"),
        pytest.param({"20240131_01_x7k2d-a.sql": A, "20240131_02_p0qwe-b.sql": B}, id="yoyo's own names"),
        pytest.param({"2024_01_31_120000_a.sql": A, "2024_01_31_120001_b.sql": B}, id="dates in pieces"),
        pytest.param({"20240131T1200Z_a.sql": A, "20240131T1300Z_b.sql": B}, id="dates with their time"),
        pytest.param({"001_2fa.sql": A, "002_2fa.sql": B}, id="digits behind the number"),
        pytest.param({"001.sql": A, "2.sql": B}, id="numbers alone"),
        pytest.param({**TWO, "post-apply.sql": "SELECT 1", "post-apply-2.sql": "SELECT 1"}, id="post-apply"),
        pytest.param({**TWO, "001_a.rollback.sql": "x", "post-apply.sql": "SELECT 1",
                      "post-apply.rollback.sql": "x"}, id="rollbacks with their migration"),
        pytest.param({**TWO, ".002_c.sql.swp": "x", ".x": "x", "_tmp_yoyonew_x.sql": "x"}, id="drafts"),
        pytest.param({**TWO, "README.md": "x", "001_a.sql~": "x", "002_b.sql.orig": "x"}, id="other files"),
        pytest.param({**TWO, ".old/003_c.sql": "x", "seeds/people.sql": "x", "doc/003.md": "x"}, id="other folders"),
    ],
)  # fmt: skip
def test_what_only_looks_odd_is_applied_without_a_word(
    files: Files, sqlrail: Sqlrail, env: dict[str, str]
) -> None:
    lay(files)
    outcome = sqlrail("migrate", env=env)
    assert (outcome.code, outcome.err) == (0, "")
    assert sqlrail("status", "--check", env=env).code == 0


def test_a_link_to_nothing_is_not_passed_over(sqlrail: Sqlrail, env: dict[str, str]) -> None:
    lay(ONE)
    Path("migrations/002_b.sql").symlink_to("nowhere.sql")
    outcome = sqlrail("migrate", env=env)
    assert (outcome.code, outcome.err.splitlines()[0]) == (3, unread("002_b.sql", "it is not a file")[2])


def test_what_harms_nothing_is_said_and_let_pass(sqlrail: Sqlrail, env: dict[str, str]) -> None:
    lay({**ONE, "attic/000_x.sql": "x", "seeds/1.SQL": "x"})
    outcome = sqlrail("migrate", env=env)
    assert outcome.code == 0
    assert outcome.err.splitlines() == [
        f"warning: {below('attic', '000_x.sql')[2]}",
        f"warning: {below('seeds', '1.SQL')[2]}",
    ]
    assert sqlrail("status", "--check", env=env).code == 0


def test_both_a_python_file_and_an_sql_file_of_one_name_is_an_error(
    sqlrail: Sqlrail, env: dict[str, str]
) -> None:
    lay({**ONE, "001_a.py": ""})
    outcome = sqlrail("migrate", env=env)
    text = "migrations/001_a.py: only .sql files are run; move it away, or rewrite it in SQL.\n"
    assert (outcome.code, outcome.err) == (2, text)


def test_a_pending_file_that_depends_on_nobody_is_shown_by_status(
    sqlrail: Sqlrail, env: dict[str, str]
) -> None:
    lay({**ONE, "002_b.sql": f"-- depends: 000_x\n{B}"})
    message = m("002_b", "it depends on 000_x, and there is no such migration beside it.")
    assert problems_of(sqlrail("status", "--json", env=env)) == [("depends", "002_b", message, True)]
    assert sqlrail("migrate", env=env).err == f"{message}\n"


# A database that plain yoyo started


LEGACY = {
    "007_a.sql": A,
    "007_b.sql": B,
    "9_x.sql": "SELECT 9",
    "10_y.sql": "SELECT 10",
    "11_z.down.sql": "x",
}
PADDED = "both are applied; to mend it name it 09_x.sql, and let `repair` move its record."


def test_odd_names_that_plain_yoyo_applied_are_no_dead_end(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    lay({**LEGACY, "11_z.down.sql": "SELECT 11"})
    plain_yoyo(database, "apply")
    lay({"008_a.sql": C, "attic/1.sql": "x"})
    assert sqlrail("migrate", env=env).err.splitlines() == [late("008_a", "9_x")[2], "Nothing was changed."]
    lay({"008_a.sql": None, "99_c.sql": f"-- depends: 9_x\n{C}"})
    outcome = sqlrail("migrate", env=env)
    assert outcome.code == 0
    assert outcome.err.splitlines() == [
        f"warning: {order('9_x', '10_y', PADDED)[2]}",
        f"warning: {almost('11_z.down')[2]}",
        f"warning: {below('attic', '1.sql')[2]}",
        "plain yoyo applied 007_a, 007_b, 10_y, 11_z.down, 9_x: today's content was taken over as theirs",
    ]
    assert sqlrail("status", "--check", env=env).code == 0
    Path("migrations/9_x.sql").rename("migrations/09_x.sql")
    Path("migrations/007_b.sql").rename("migrations/006_b.sql")
    assert sqlrail("repair", "--yes", env=env).code == 0
    kinds = [kind for kind, *_ in problems_of(sqlrail("status", "--json", env=env))]
    assert kinds == ["rollback", "folder"]
    assert sqlrail("migrate", env=env).out == "nothing to do: 6 applied, 0 pending\n"


def test_a_name_without_a_number_that_plain_yoyo_applied_gets_one(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    lay({**ONE, "foo.sql": B})
    plain_yoyo(database, "apply")
    remedy = "it is applied; give it one, and let `repair` move its record, or all that is new will be late."
    assert sqlrail("migrate", env=env).err.splitlines()[0] == f"warning: {pattern('foo', remedy)[2]}"
    lay({"003_c.sql": C})
    assert sqlrail("migrate", env=env).err.splitlines()[0] == late("003_c", "foo")[2]
    Path("migrations/foo.sql").rename("migrations/002_foo.sql")
    assert sqlrail("migrate", env=env).err.splitlines()[0] == renamed("002_foo", "foo")[2]
    assert sqlrail("repair", "--yes", env=env).code == 0
    outcome = sqlrail("migrate", env=env)
    assert (outcome.code, outcome.err) == (0, "")


def test_the_records_of_the_first_yoyo_are_held_against_the_files_before_they_are_upgraded(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(database, "CREATE TABLE _yoyo_migration (id varchar(191) PRIMARY KEY, ctime timestamp)")
    query(database, "INSERT INTO _yoyo_migration VALUES ('002_b', '2014-02-03 04:05:06')")
    lay(TWO)
    before = catalog(database)
    assert sqlrail("migrate", env=env).err.splitlines()[0] == late("001_a", "002_b")[2]
    assert catalog(database) == before
    outcome = sqlrail("migrate", "--allow-late", env=env)
    assert (outcome.code, outcome.document if "{" in outcome.out else None) == (0, None)
    assert query(database, "SELECT migration_id FROM _yoyo_migration ORDER BY 1") == [("001_a",), ("002_b",)]
    assert sqlrail("status", "--check", env=env).code == 0


def test_an_unknown_content_is_taken_over_and_said_even_if_there_is_nothing_to_apply(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    lay({**TWO, "002_b.rollback.sql": "DROP TABLE b;"})
    assert sqlrail("migrate", env=env).code == 0
    lay({"002_b.sql": "CREATE TABLE b (id int);"})
    assert sqlrail("status", "--check", env=env).code == 4
    plain_yoyo(database, "rollback", "-r", "002_b")
    plain_yoyo(database, "apply")
    looked = sqlrail("status", "--json", env=env).document["migrations"][1]
    assert (looked["state"], looked["checksum"]) == ("applied", None)
    outcome = sqlrail("migrate", env=env)
    assert (outcome.code, outcome.out) == (0, "nothing to do: 2 applied, 0 pending\n")
    assert outcome.err == "plain yoyo applied 002_b: today's content was taken over as theirs\n"
    assert sqlrail("migrate", env=env).err == ""
    lay({"002_b.sql": B})
    assert sqlrail("migrate", env=env).err.splitlines()[0] == edited("002_b")[2]


# What is allowed by a flag


def test_a_late_file_that_is_allowed_is_said_and_logged(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    lay({"001_a.sql": A, "003_c.sql": C})
    assert sqlrail("migrate", env=env).code == 0
    lay({"002_b.sql": B, "004_d.sql": "SELECT 4"})
    outcome = sqlrail("migrate", "--allow-late", "--json", env=env)
    assert outcome.code == 0
    assert outcome.err == "--allow-late allows this, though it comes before what is applied: 002_b\n"
    document = outcome.document
    assert [it["id"] for it in document["applied"]] == ["002_b", "004_d"]
    assert document["allowed"] == {"late": ["002_b"], "missing": []}
    operations = [(id_, operation) for id_, operation, _ in query(database, LOG)]
    assert operations == [
        ("001_a", "apply"), ("003_c", "apply"), ("002_b", "apply-late"), ("004_d", "apply"),
    ]  # fmt: skip
    again = sqlrail("migrate", "--allow-late", "--json", env=env)
    assert (again.err, again.document["allowed"]) == ("", {"late": [], "missing": []})
    assert sqlrail("status", "--check", env=env).code == 0


def test_a_missing_file_that_is_allowed_is_said_and_logged_where_something_is_applied(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    lay(TWO)
    assert sqlrail("migrate", env=env).code == 0
    lay({"001_a.sql": None})
    said = "--allow-missing allows this, though its file is gone: 001_a\n"
    before = query(database, LOG)
    idle = sqlrail("migrate", "--allow-missing", env=env)
    assert (idle.code, idle.err) == (0, said)
    assert query(database, LOG) == before
    lay({"003_c.sql": f"-- depends: 001_a\n{C}"})
    outcome = sqlrail("migrate", "--allow-missing", "--json", env=env)
    assert (outcome.code, outcome.err) == (0, said)
    assert outcome.document["allowed"] == {"late": [], "missing": ["001_a"]}
    assert outcome.document["already_applied"] == 1
    (id_, operation, comment), _ = query(database, LOG)[2:]
    assert (id_, operation, comment) == ("001_a", "missing", before[0][2])
    # The record still knows what was applied.
    lay({"001_a.sql": B})
    assert sqlrail("migrate", env=env).err.splitlines()[0] == edited("001_a")[2]
    lay({"001_a.sql": A})
    assert sqlrail("status", "--check", env=env).code == 0


@pytest.mark.parametrize(
    ("then", "kind"),
    [({"002_b.sql": "SELECT 2"}, "edited"), ({"002_b.sql": None, "003_b.sql": B}, "renamed")],
    ids=["edited", "renamed"],
)
def test_the_flags_let_nothing_else_pass(
    then: Files, kind: str, sqlrail: Sqlrail, env: dict[str, str]
) -> None:
    lay(TWO)
    assert sqlrail("migrate", env=env).code == 0
    lay(then)
    error = sqlrail("migrate", "--allow-late", "--allow-missing", "--json", env=env).error
    assert [it["kind"] for it in error["problems"]] == [kind]


# Checksums


LINES = "SELECT 1;\n  SELECT '\u00e9';\n"


@pytest.mark.parametrize(
    ("content", "same"),
    [
        pytest.param(b"\xef\xbb\xbf" + LINES.encode(), True, id="BOM"),
        pytest.param(LINES.replace("\n", "\r\n").encode(), True, id="CRLF"),
        pytest.param(LINES.replace(";", "; \t").encode(), True, id="trailing blanks"),
        pytest.param(LINES.rstrip("\n").encode(), True, id="no last newline"),
        pytest.param((LINES + "\n \n").encode(), True, id="blank lines at the end"),
        pytest.param(("\ufeff" + LINES.replace("\n", " \r\n").rstrip()).encode(), True, id="all of them"),
        pytest.param(("\n" + LINES).encode(), False, id="blank line at the beginning"),
        pytest.param(LINES.replace("\n", "\n\n").encode(), False, id="blank line in the middle"),
        pytest.param(LINES.replace("  SELECT", " SELECT").encode(), False, id="indentation"),
        pytest.param(LINES.replace("SELECT 1", "SELECT  1").encode(), False, id="blank in the middle"),
        pytest.param(LINES.replace("SELECT 1", "select 1").encode(), False, id="case"),
        pytest.param(LINES.replace("\u00e9", "e\u0301").encode(), False, id="unicode's other form"),
        pytest.param(LINES.replace(";\n", ";\r", 1).encode(), False, id="line ends of another age"),
        pytest.param(("-- why\n" + LINES).encode(), False, id="comment"),
        pytest.param((LINES + ";").encode(), False, id="semicolon"),
        pytest.param((LINES + "\f").encode(), False, id="form feed"),
        pytest.param(LINES.replace("1;", "1;\ufeff").encode(), False, id="BOM in the middle"),
    ],
)
def test_a_checksum_is_of_what_people_wrote_and_not_of_what_their_tools_left(
    content: bytes, same: bool, sqlrail: Sqlrail, env: dict[str, str]
) -> None:
    lay({"001_a.sql": LINES})
    assert sqlrail("migrate", env=env).code == 0
    lay({"001_a.sql": content})
    (entry,) = sqlrail("status", "--json", env=env).document["migrations"]
    assert entry["state"] == ("applied" if same else "edited")


@pytest.mark.parametrize("block", [1, 2, 3, 7])
def test_a_checksum_is_the_same_wherever_its_blocks_end(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"a \t\r\n\r\n b\rc  \n\n\td \n \n"
    whole = checksum(io.BytesIO(text))
    assert whole == checksum(io.BytesIO(b"a\n\n b\rc\n\n\td"))
    monkeypatch.setattr(content, "BLOCK", block)
    assert checksum(io.BytesIO(text)) == whole


# migrate --to


@pytest.mark.parametrize("to", ["002_b", "002", "2"])
def test_to_applies_everything_up_to_one(
    to: str, sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    lay({**THREE, "post-apply.sql": "CREATE TABLE IF NOT EXISTS after ()"})
    outcome = sqlrail("migrate", "--to", to, env=env)
    assert outcome.code == 0
    assert outcome.out.splitlines()[-1] == "done: 2 applied now, 0 before, 1 still pending"
    assert query(database, "SELECT migration_id FROM _yoyo_migration ORDER BY 1") == [("001_a",), ("002_b",)]
    assert query(database, "SELECT to_regclass('after') IS NULL") == [(False,)]
    again = sqlrail("migrate", "--to", to, env=env)
    assert (again.code, again.out) == (0, "nothing to do: 2 applied, 1 pending\n")
    document = sqlrail("migrate", "--to", "001_a", "--json", env=env).document
    assert (document["applied"], document["already_applied"], document["pending"]) == ([], 2, 1)


def test_to_takes_what_it_depends_on_along(sqlrail: Sqlrail, env: dict[str, str]) -> None:
    lay({"001_a.sql": f"-- depends: 003_c\n{A}", "002_b.sql": B, "003_c.sql": C, "004_d.sql": "SELECT 4"})
    document = sqlrail("migrate", "--to", "001", "--json", env=env).document
    # yoyo's order: what waits goes on as soon as it can.
    assert [it["id"] for it in document["applied"]] == ["002_b", "003_c", "001_a"]


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("003_x", "--to is '003_x': there is no migration of that name; did you mean <any>003_c<any>?"),
        ("b", "--to is 'b': there is no migration of that name; did you mean 002_b?"),
        (
            "m/02_b.sql",
            "--to is 'm/02_b.sql': there is no migration of that name; did you mean <any>002_b<any>?",
        ),
        ("004", "--to is '004': there is no migration of that name; <any>"),
        ("zzz", "--to is 'zzz': there is no migration of that name; `status` lists them."),
        ("", "--to is '': there is no migration of that name; `status` lists them."),
        ("7", "--to is '7': 007_x and 007_y have that number; give a whole name."),
    ],
)
def test_to_names_a_migration_that_is_there(
    to: str, message: str, sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    lay({**THREE, "007_x.sql": "SELECT 7", "007_y.sql": "SELECT 7"})
    outcome = sqlrail("migrate", f"--to={to}", env=env)
    assert re.fullmatch(".*".join(map(re.escape, message.split("<any>"))), outcome.err.rstrip("\n"))
    assert (outcome.code, outcome.out, catalog(database)) == (2, "", catalog(database) - {"yoyo"})
    assert query(database, "SELECT to_regclass('_yoyo_migration')") == [(None,)]


# Post-apply files


def test_post_apply_files_run_after_what_was_applied_and_are_logged_but_not_recorded(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    after = "CREATE TABLE IF NOT EXISTS times (n int); INSERT INTO times VALUES (1);"
    lay({**ONE, "post-apply.sql": after})
    runs = "SELECT count(*) FROM times"
    assert sqlrail("migrate", env=env).code == 0
    assert query(database, runs) == [(1,)]
    lay({"post-apply-2.sql": "SELECT 1"})
    assert sqlrail("migrate", env=env).out == "nothing to do: 1 applied, 0 pending\n"
    assert query(database, runs) == [(1,)]
    lay({"002_b.sql": B})
    assert [it["id"] for it in sqlrail("migrate", "--json", env=env).document["applied"]] == ["002_b"]
    assert query(database, runs) == [(2,)]
    assert [id_ for id_, _, _ in query(database, LOG)] == [
        "001_a", "post-apply", "002_b", "post-apply-2", "post-apply",
    ]  # fmt: skip
    assert query(database, "SELECT count(*) FROM _yoyo_migration") == [(2,)]
    lay({"003_c.sql": "SELECT nonsense", "post-apply.sql": after})
    assert sqlrail("migrate", env=env).code == 1
    assert query(database, runs) == [(2,)]


def test_a_runner_whose_files_another_applied_leaves_the_post_apply_files_to_that_one(
    sqlrail: Sqlrail, database: str, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lay({**ONE, "post-apply.sql": "CREATE TABLE IF NOT EXISTS times (n int); INSERT INTO times VALUES (1);"})
    prepare = Backend.prepare

    def another_is_quicker(self: Backend) -> None:
        monkeypatch.setattr(Backend, "prepare", prepare)
        apply.migrate(self.settings, nobody)
        prepare(self)

    monkeypatch.setattr(Backend, "prepare", another_is_quicker)
    assert sqlrail("migrate", env=env).code == 0
    assert query(database, "SELECT count(*) FROM times") == [(1,)]


def test_what_came_in_while_a_runner_waited_for_the_lock_is_seen_before_its_file_runs(
    sqlrail: Sqlrail, database: str, env: dict[str, str], connect: Connect
) -> None:
    lay({"001_a.sql": A, "003_c.sql": C})
    assert sqlrail("migrate", "--to", "001_a", env=env).code == 0
    lay({"002_b.sql": B})
    other = connect(database, autocommit=False)
    other.execute("SELECT pg_advisory_xact_lock(%s)", [KEY])
    with subprocess.Popen(
        [sys.executable, ROOT / "runner.py", "migrate"], stderr=subprocess.PIPE, text=True,
        env={**clean_environment(), **env},
    ) as runner:  # fmt: skip
        assert runner.stderr is not None
        assert next_said(runner).startswith("waiting for ")
        # What another checkout's runner, which knows of no 002_b, would do.
        other.execute(
            "INSERT INTO _yoyo_migration VALUES (encode(sha256('003_c'), 'hex'), '003_c', now() AT TIME ZONE 'UTC')"
        )
        other.commit()
        said = told(runner.stderr.read()).splitlines()
    assert (runner.returncode, said) == (3, [late("002_b", "003_c")[2], "Nothing was changed."])
    assert query(database, "SELECT to_regclass('b')") == [(None,)]


# repair


AT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"


def shows(text: str, *lines: str) -> bool:
    pattern = "\n".join(
        re.escape(line).replace("<at>", AT).replace("<sum>", "sha256:[0-9a-f]{64}") for line in lines
    )
    return bool(re.fullmatch(pattern, text.rstrip("\n")))


@pytest.fixture
def host() -> str:
    return os.uname().nodename


def test_repair_shows_and_asks_and_without_a_terminal_changes_nothing(
    sqlrail: Sqlrail, database: str, env: dict[str, str], host: str
) -> None:
    lay(THREE)
    assert sqlrail("migrate", env=env).code == 0
    lay({"001_a.sql": f"-- Why\n{A}", "003_c.sql": None, "003_d.sql": C})
    before = query(database, LOG)
    outcome = sqlrail("repair", env=env)
    assert (outcome.code, outcome.out) == (3, "")
    assert shows(
        outcome.err,
        f"001_a: edited; applied at <at> by ann on {host}", "  recorded <sum>", "  today    <sum>",
        f"003_d: renamed from 003_c; applied at <at> by ann on {host}", "  recorded <sum>", "  today    <sum>",
        "nothing was accepted: type yes at the prompt, or give --yes.",
    ), outcome.err  # fmt: skip
    in_json = sqlrail("repair", "--json", env=env).error["repairs"]
    assert [(it["kind"], it["id"], it["was"]) for it in in_json] == [
        ("edited", "001_a", "001_a"), ("renamed", "003_d", "003_c"),
    ]  # fmt: skip
    assert query(database, LOG) == before


def test_repair_takes_over_what_it_showed_and_logs_who_did(
    sqlrail: Sqlrail, database: str, env: dict[str, str], host: str
) -> None:
    lay(TWO)
    assert sqlrail("migrate", env=env).code == 0
    (old,) = {comment for id_, _, comment in query(database, LOG) if id_ == "001_a"}
    lay({"001_a.sql": f"-- Why\n{A}"})
    outcome = sqlrail("repair", "--yes", env={**env, "USER": "bob"})
    assert (outcome.code, outcome.err) == (0, "")
    assert shows(
        outcome.out,
        f"001_a: edited; applied at <at> by ann on {host}", f"  recorded {old}", "  today    <sum>", "accepted",
    )  # fmt: skip
    new = re.findall("sha256:[0-9a-f]{64}", outcome.out)[1]
    entry = "SELECT migration_id, comment, username, hostname FROM _yoyo_log WHERE operation = 'repair'"
    assert query(database, entry) == [("001_a", new, "bob", host)]
    assert query(
        database, "SELECT now() AT TIME ZONE 'UTC' - max(created_at_utc) < '1min' FROM _yoyo_log"
    ) == [(True,)]
    assert sqlrail("migrate", env=env).out == "nothing to do: 2 applied, 0 pending\n"
    assert sqlrail("status", "--check", env=env).code == 0
    again = sqlrail("repair", env=env)
    assert (again.code, again.out, again.err) == (0, "nothing to repair\n", "")
    assert sqlrail("repair", "--json", env=env).document == {"repaired": []}


def test_repair_moves_the_record_to_the_new_name_so_that_plain_yoyo_knows_it(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    lay(TWO)
    assert sqlrail("migrate", env=env).code == 0
    times = "SELECT applied_at_utc FROM _yoyo_migration ORDER BY 1"
    before = query(database, times)
    Path("migrations/002_b.sql").rename("migrations/002_better.sql")
    document = sqlrail("repair", "--yes", "--json", env=env).document
    (it,) = document["repaired"]
    assert (it["kind"], it["id"], it["was"], it["before"] == it["after"]) == (
        "renamed",
        "002_better",
        "002_b",
        True,
    )
    plain_yoyo(database, "apply")  # it would fail: table b is there
    assert query(database, "SELECT migration_id FROM _yoyo_migration ORDER BY 1") == [
        ("001_a",),
        ("002_better",),
    ]
    assert query(database, times) == before
    log = [(id_, operation, comment) for id_, operation, comment in query(database, LOG)][2:]
    assert log == [("002_b", "renamed", "002_better"), ("002_better", "repair", it["after"])]
    assert sqlrail("status", "--check", env=env).code == 0
    # And back again.
    Path("migrations/002_better.sql").rename("migrations/002_b.sql")
    assert sqlrail("repair", "002_b", "--yes", env=env).code == 0
    assert sqlrail("status", "--check", env=env).code == 0


@pytest.mark.parametrize("named", ["002_b", "002", "003_x"])
def test_repair_accepts_only_what_is_named(named: str, sqlrail: Sqlrail, env: dict[str, str]) -> None:
    lay(THREE)
    assert sqlrail("migrate", env=env).code == 0
    lay({"001_a.sql": B, "002_b.sql": C, "003_c.sql": None, "003_x.sql": C})
    named = "003_c" if named == "003_x" else named  # a renamed one goes by its old name, too
    assert sqlrail("repair", named, "--yes", env=env).code == 0
    left = [id_ for _, id_, *_ in problems_of(sqlrail("status", "--json", env=env))]
    assert left == [id_ for id_ in ["001_a", "002_b", "003_x"] if named[:3] != id_[:3]]


def test_repair_forgets_the_record_of_a_file_that_is_gone(
    sqlrail: Sqlrail, database: str, env: dict[str, str], host: str
) -> None:
    lay(THREE)
    assert sqlrail("migrate", env=env).code == 0
    lay({"002_b.sql": None, "003_c.sql": f"-- depends: 002_b\n{C}"})
    looked = sqlrail("repair", "--forget", "002_b", env=env)
    assert looked.code == 3
    outcome = sqlrail("repair", "--forget", "2", "--yes", env=env)
    assert outcome.code == 0
    assert shows(
        outcome.out, f"002_b: forgotten; applied at <at> by ann on {host}",
        "  its record is deleted; if the file comes back, it runs again", "accepted",
    )  # fmt: skip
    assert query(database, "SELECT migration_id FROM _yoyo_migration ORDER BY 1") == [("001_a",), ("003_c",)]
    assert query(database, LOG)[-1][:2] == ("002_b", "forget")
    assert sqlrail("repair", "--yes", env=env).code == 0  # 003_c was edited
    assert sqlrail("migrate", env=env).out == "nothing to do: 2 applied, 0 pending\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("001_a", "repair 001_a: there is nothing to accept, it is applied, and its file is intact."),
        ("003_c", "repair 003_c: there is nothing to accept, it is not applied yet."),
        ("002_b",
         "repair 002_b: there is nothing to accept, its file is gone; `repair --forget 002_b` takes its record out."),
        ("nobody", "repair is 'nobody': there is no migration of that name; `status` lists them."),
        ("--forget 001_a", "--forget 001_a: its file is there, and it is not half done; there is nothing to forget."),
        ("--forget xxxxx", "--forget is 'xxxxx': there is no migration of that name; `status` lists them."),
    ],
)  # fmt: skip
def test_repair_of_what_needs_none_is_an_error(
    words: str, message: str, sqlrail: Sqlrail, env: dict[str, str]
) -> None:
    lay(TWO)
    assert sqlrail("migrate", env=env).code == 0
    lay({"002_b.sql": None, "003_c.sql": C})
    outcome = sqlrail("repair", "--yes", *words.split(), env=env)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"{message}\n")


def test_repair_of_an_empty_database_has_nothing_to_do_and_makes_nothing(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    lay(ONE)
    outcome = sqlrail("repair", "--yes", env=env)
    assert (outcome.code, outcome.out, catalog(database) & {"_yoyo_log"}) == (0, "nothing to repair\n", set())
    assert query(database, "SELECT to_regclass('_yoyo_migration')") == [(None,)]


def test_what_changed_while_it_was_shown_is_not_accepted(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    lay(TWO)
    assert sqlrail("migrate", env=env).code == 0
    lay({"001_a.sql": B})
    before = query(database, LOG)
    settings = Settings(database_url=database, migrations=Path("migrations"))

    def edit_again(_: list[repair.Repair]) -> bool:
        lay({"001_a.sql": C})
        return True

    def repaired_by_another(_: list[repair.Repair]) -> bool:
        assert sqlrail("repair", "--yes", env=env).code == 0
        return True

    with pytest.raises(Refused, match="no longer what was shown"):
        repair.repair(settings, nobody, [], [], edit_again)
    assert query(database, LOG) == before
    with pytest.raises(Refused, match="no longer what was shown"):
        repair.repair(settings, nobody, ["001_a"], [], repaired_by_another)
    assert len(query(database, LOG)) == len(before) + 1


def test_repair_waits_for_the_runners_lock(
    sqlrail: Sqlrail, database: str, env: dict[str, str], connect: Connect
) -> None:
    lay(TWO)
    assert sqlrail("migrate", env=env).code == 0
    lay({"001_a.sql": B})
    connect(database).execute("SELECT pg_advisory_lock(%s)", [KEY])
    outcome = sqlrail("repair", "--yes", "--lock-wait=0", env=env)
    assert outcome.code == 1
    assert "--lock-wait" in outcome.err
    assert [operation for _, operation, _ in query(database, LOG)] == ["apply", "apply"]


@pytest.mark.parametrize(("answer", "code"), [("yes", 0), ("y", 3), ("", 3)])
def test_at_a_terminal_repair_is_answered_in_full(
    answer: str, code: int, sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    lay(ONE)
    assert sqlrail("migrate", env=env).code == 0
    lay({"001_a.sql": B})
    ended, shown = at_a_terminal("repair", env=env, prompt="Type yes to accept that: ", answer=f"{answer}\n")
    assert "001_a: edited" in shown
    assert (ended, shown.endswith("accepted\r\n")) == (code, code == 0)
    assert len(query(database, LOG)) == (2 if code == 0 else 1)


def test_a_reset_of_a_folder_that_cannot_be_migrated_from_drops_nothing(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    env["APP_ENV"] = "development"
    lay(TWO)
    assert sqlrail("migrate", env=env).code == 0
    lay({"02_c.sql": C})
    before: Any = catalog(database)
    outcome = sqlrail("reset", "--yes", env=env)
    assert (outcome.code, outcome.err.splitlines()[0]) == (3, duplicate("02_c", "002_b")[2])
    assert catalog(database) == before


# Half done outside a transaction

BEGUN = "-- transactional: false\nINSERT INTO a VALUES (1);\nSELECT 1 / 0;\n"
BACK = "DELETE FROM a;\nSELECT 1 / 0;\n"
HALF: Files = {
    "001_a.sql": "CREATE TABLE a (n int);",
    "001_a.rollback.sql": "DROP TABLE a;",
    "002_b.sql": BEGUN,
    "002_b.rollback.sql": BACK,
}
ROWS = "SELECT count(*)::int FROM a"


def mended(text: str) -> str:
    return text.replace("1 / 0", "1")


@pytest.fixture
def begun(sqlrail: Sqlrail, env: dict[str, str]) -> Sqlrail:
    """The command line, where 002_b is half done."""
    lay(HALF)
    assert sqlrail("migrate", env=env).code == 1
    return sqlrail


@pytest.fixture
def half_back(sqlrail: Sqlrail, env: dict[str, str]) -> Sqlrail:
    """The command line, where the rollback of 002_b is half done."""
    lay({**HALF, "002_b.sql": mended(BEGUN)})
    assert sqlrail("migrate", env=env).code == 0
    assert sqlrail("rollback", "--yes", env=env).code == 1
    return sqlrail


def test_what_is_half_done_is_shown_and_does_not_hold_up_its_own_run(
    begun: Sqlrail, database: str, env: dict[str, str]
) -> None:
    shown = begun("status", "--json", env=env)
    assert shown.document["problems"] == [
        {
            "kind": "begun", "id": "002_b", "refuses": False,
            "message": m("002_b", "it is half done outside a transaction (1 statement done); `migrate` continues after "
                                  "that."),
        }
    ]  # fmt: skip
    lay({"002_b.sql": mended(BEGUN)})
    done = begun("migrate", env=env)
    assert (done.code, "warning" in done.err) == (0, False)
    assert query(database, ROWS) == [(1,)]
    assert begun("status", "--json", env=env).document["problems"] == []


@pytest.mark.parametrize(
    ("then", "says"),
    [
        ({"002_b.sql": None, "002_b.rollback.sql": None, "002_c.sql": mended(BEGUN)},
         "and is gone; put it back under that name (002_c may be it, renamed), or "),
        ({"002_b.sql": mended(BEGUN).replace("false", "true")},
         "but no longer says `-- transactional: false`; put that line back, or "),
    ],
    ids=["renamed", "transactional"],
)  # fmt: skip
def test_what_is_half_done_is_not_begun_anew_unasked(
    then: Files, says: str, begun: Sqlrail, database: str, env: dict[str, str]
) -> None:
    lay(then)
    outcome = begun("migrate", env=env)
    assert (outcome.code, query(database, ROWS)) == (3, [(1,)])
    assert outcome.err.startswith(
        m("002_b", f"it is half done outside a transaction (1 statement done), {says}undo by hand what is done, ")
    )  # fmt: skip
    shown = begun("repair", "--forget", "002_b", "--yes", env=env)
    assert shown.code == 0
    assert shows(
        shown.out, "002_b: half done outside a transaction (1 statement done)",
        "  its checkpoints are deleted; the next run begins at its first statement", "accepted",
    )  # fmt: skip
    assert query(database, LOG)[-1] == ("002_b", "begin-anew", None)
    assert begun("migrate", env=env).code == 0
    assert query(database, ROWS) == [(2,)]


def test_nothing_is_taken_back_below_what_is_half_done(
    begun: Sqlrail, database: str, env: dict[str, str]
) -> None:
    outcome = begun("rollback", "--yes", env=env)
    assert outcome.code == 3
    assert outcome.err.startswith(
        "rollback is refused: 002_b is half done outside a transaction (1 statement"
    )
    assert query(database, ROWS) == [(1,)]


def test_nothing_is_applied_on_what_is_half_taken_back(
    half_back: Sqlrail, database: str, env: dict[str, str]
) -> None:
    lay({"003_c.sql": C})
    outcome = half_back("migrate", env=env)
    assert (outcome.code, query(database, "SELECT to_regclass('c')")) == (3, [(None,)])
    assert outcome.err.startswith(m("002_b", "its rollback is half done outside a transaction (1 statement"))
    assert half_back("status", "--check", env=env).code == 4
    lay({"002_b.rollback.sql": mended(BACK)})
    assert half_back("rollback", "--yes", env=env).code == 0
    assert half_back("migrate", env=env).code == 0
    assert query(database, ROWS) == [(1,)]


def test_what_is_half_taken_back_can_count_as_applied_again(
    half_back: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(database, "INSERT INTO a VALUES (1)")
    assert half_back("repair", "--forget", "002_b", "--yes", env=env).code == 0
    shown = half_back("status", "--json", env=env).document
    assert ([it["state"] for it in shown["migrations"]], shown["problems"]) == (["applied"] * 2, [])
    assert query(database, "SELECT comment LIKE 'sha256:%' FROM _yoyo_log ORDER BY created_at_utc")[-1] == (
        True,
    )


def test_the_notes_of_a_half_done_rollback_go_with_their_record_to_a_new_name(
    half_back: Sqlrail, database: str, env: dict[str, str]
) -> None:
    lay({**dict.fromkeys(["002_b.sql", "002_b.rollback.sql"]), "002_c.sql": mended(BEGUN)})
    lay({"002_c.rollback.sql": mended(BACK).replace("SELECT 1", "INSERT INTO a VALUES (7)")})
    assert half_back("repair", "--yes", env=env).code == 0
    query(database, "INSERT INTO a VALUES (1)")
    assert half_back("rollback", "--yes", env=env).code == 0
    assert query(database, "SELECT n FROM a ORDER BY n") == [(1,), (7,)]


def test_notes_that_plain_yoyo_went_over_count_no_longer(
    begun: Sqlrail, database: str, env: dict[str, str]
) -> None:
    lay({"002_b.sql": mended(BEGUN), "002_b.rollback.sql": mended(BACK)})
    plain_yoyo(database, "apply")
    assert query(database, ROWS) == [(2,)]
    assert begun("status", "--json", env=env).document["problems"] == []
    plain_yoyo(database, "rollback", "--revision", "002_b")
    assert query(database, ROWS) == [(0,)]
    assert begun("migrate", env=env).code == 0
    assert query(database, ROWS) == [(1,)]


def test_notes_are_of_the_schema_that_holds_the_records(sqlrail: Sqlrail, database: str) -> None:
    lay(HALF)
    query(database, "CREATE SCHEMA one")
    query(database, "CREATE SCHEMA two")
    envs = [{"DATABASE_URL": f"{database}&options=-csearch_path%3D{name}"} for name in ("one", "two")]
    assert sqlrail("migrate", env=envs[0]).code == 1
    lay({"002_b.sql": mended(BEGUN)})
    kinds = [it["kind"] for it in sqlrail("status", "--json", env=envs[1]).document["problems"]]
    assert kinds == ["elsewhere"]
    assert sqlrail("migrate", "--new-schema", env=envs[1]).code == 0
    assert sqlrail("status", "--json", env=envs[1]).document["problems"] == []
    assert sqlrail("migrate", env=envs[0]).code == 0
    assert query(database, "SELECT (SELECT count(*) FROM one.a), (SELECT count(*) FROM two.a)") == [(1, 1)]


def test_what_was_cut_off_in_its_first_statement_is_half_done_and_what_failed_there_is_not(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    lay({"001_a.sql": "-- transactional: false\nDO $$BEGIN COMMIT; PERFORM 1 / 0; END$$;\n"})
    assert sqlrail("migrate", env=env).code == 1
    assert sqlrail("status", "--json", env=env).document["problems"] == []
    query(database, """UPDATE sqlrail.progress SET announced = announced || '{"failed": false}'""")
    [problem] = sqlrail("status", "--json", env=env).document["problems"]
    assert "half done outside a transaction (no statements done, the next one begun)" in problem["message"]


def test_a_file_that_has_run_costs_few_calls(tmp_path: Path) -> None:
    """Of Python and of C, for its reading and its place in the history: a folder may hold thousands of files."""

    def calls(number: int) -> int:
        folder = tmp_path / str(number)
        folder.mkdir()
        for n in range(number):
            (folder / f"{n:03}_a.sql").write_text(f"-- Why.\nSELECT {n};\n")
        seen = 0

        def see(frame: object, event: str, argument: object) -> None:  # noqa: ARG001
            nonlocal seen
            seen += event in ("call", "c_call")

        sys.setprofile(see)
        try:
            migrations, files = read_files(folder)
            records = [Record(file.id, file.id, None, file.checksum) for file in files.values()]
            entries, found = problems.find(folder, migrations, files, records)
        finally:
            sys.setprofile(None)
        assert ({entry.state for entry in entries}, found) == ({"applied"}, [])
        return seen

    calls(1)
    assert calls(200) - calls(100) < 100 * 180
