"""An application that is rolled back starts: its folder is an older one, and the database is ahead of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import console
import pytest
from conftest import query
from console import Sqlrail, catalog, put
from yoyo.migrations import get_migration_hash

import sqlrail as library
from sqlrail import events
from sqlrail.errors import Refused

sqlrail = console.sqlrail

FILES = {f"00{number}_{name}.sql": f"CREATE TABLE {name} ();" for number, name in enumerate("abcd", 1)}
FIRST, SECOND, THIRD, FOURTH = FILES
LINE = (
    "the database is ahead of this folder by 003_c, 004_d: a newer release has been here, and there is nothing to "
    "apply\n"
)
LOG = "SELECT migration_id, operation, comment, created_at_utc FROM _yoyo_log ORDER BY created_at_utc"


def release(*names: str, **more: str) -> Path:
    """Makes the folder of a release, with these of FILES."""
    shutil.rmtree("migrations", ignore_errors=True)
    put({f"migrations/{name}": text for name, text in ({it: FILES[it] for it in names} | more).items()})
    return Path("migrations")


def everything(url: str) -> tuple[set[str], list[tuple[Any, ...]]]:
    return catalog(url), query(url, LOG)


@pytest.fixture
def env(database: str) -> dict[str, str]:
    return {"DATABASE_URL": database, "USER": "ann", "APP_ENV": "test"}


@pytest.fixture
def rolled_back(sqlrail: Sqlrail, env: dict[str, str]) -> Sqlrail:
    """The command line, where all files were applied and the folder has the first two."""
    release(*FILES)
    assert sqlrail("migrate", env=env).code == 0
    release(FIRST, SECOND)
    return sqlrail


def test_an_older_release_starts_and_changes_nothing(
    rolled_back: Sqlrail, database: str, env: dict[str, str]
) -> None:
    before = everything(database)
    started = rolled_back("migrate", env=env)
    assert (started.code, started.err) == (0, LINE)
    assert started.out == "nothing to do: 2 applied, 0 pending, 2 ahead\n"
    in_json = rolled_back("migrate", "--json", env=env)
    assert (in_json.code, in_json.err) == (0, LINE)
    assert (in_json.document["ahead"], in_json.document["applied"]) == (["003_c", "004_d"], [])
    assert everything(database) == before


def test_status_has_a_state_for_it_and_check_is_for_probes_to_soften(
    rolled_back: Sqlrail, env: dict[str, str]
) -> None:
    shown = rolled_back("status", "--json", env=env)
    states = {it["id"]: it["state"] for it in shown.document["migrations"]}
    assert states == {"001_a": "applied", "002_b": "applied", "003_c": "ahead", "004_d": "ahead"}
    assert (shown.document["pending"], shown.document["problems"]) == (0, [])
    plain = rolled_back("status", "--check", env=env)
    assert (plain.code, plain.out.splitlines()[-1]) == (4, "2 applied, 0 pending, 2 ahead")
    assert rolled_back("status", "--check", "--allow-ahead", env=env).code == 0
    idle = rolled_back("status", "--allow-ahead", env=env)
    assert (idle.code, "--allow-ahead has no effect here" in idle.err) == (2, True)


@pytest.mark.parametrize(
    "then", [{THIRD: FILES[THIRD]}, {SECOND: "CREATE TABLE other ();"}], ids=["hole", "edited"]
)
def test_allow_ahead_lets_nothing_else_pass(
    then: dict[str, str], rolled_back: Sqlrail, env: dict[str, str]
) -> None:
    release(FIRST, **then)
    assert rolled_back("status", "--check", "--allow-ahead", env=env).code == 4


def test_the_library_starts_and_tells_it_as_a_fact(rolled_back: Sqlrail, database: str) -> None:
    del rolled_back
    told: list[events.Event] = []
    said: list[str] = []
    done = library.migrate(database, "migrations", say=said.append, listener=told.append)
    assert (done["ahead"], done["already_applied"], done["pending"]) == (["003_c", "004_d"], 2, 0)
    assert [event for event in told if isinstance(event, events.Ahead)] == [events.Ahead(("003_c", "004_d"))]
    assert said == [LINE.rstrip()]
    states = [it["state"] for it in library.status(database, "migrations")["migrations"]]
    assert states == ["applied", "applied", "ahead", "ahead"]


# What is no older release


@pytest.mark.parametrize(
    ("names", "more", "kinds"),
    [
        ((SECOND, THIRD, FOURTH), {}, ["missing"]),
        ((FIRST, THIRD), {}, ["missing", "missing"]),
        ((FIRST,), {SECOND: "CREATE TABLE other ();"}, ["edited", "missing", "missing"]),
        ((FIRST, SECOND), {"005_e.sql": "CREATE TABLE e ();"}, ["missing", "missing"]),
        ((FIRST, SECOND), {"000_z.sql": "CREATE TABLE z ();"}, ["late", "missing", "missing"]),
        ((FIRST, SECOND, THIRD), {"004_x.sql": FILES[FOURTH]}, ["renamed"]),
    ],
    ids=["first gone", "hole", "edited", "pending", "late", "renamed"],
)  # fmt: skip
def test_whatever_else_is_gone_is_refused(
    names: tuple[str, ...], more: dict[str, str], kinds: list[str], rolled_back: Sqlrail, database: str,
    env: dict[str, str],
) -> None:  # fmt: skip
    folder, before = release(*names, **more), everything(database)
    error = rolled_back("migrate", "--json", env=env).error
    assert (error["exit_code"], [it["kind"] for it in error["problems"]]) == (3, kinds)
    with pytest.raises(Refused):
        library.migrate(database, folder)
    assert everything(database) == before


def test_a_folder_without_a_file_is_no_older_release(rolled_back: Sqlrail, env: dict[str, str]) -> None:
    release(**{"post-apply.sql": "SELECT 1"})
    outcome = rolled_back("migrate", env=env)
    assert (outcome.code, "holds no migration" in outcome.err) == (2, True)


def test_the_message_of_a_hole_names_the_ways_out(rolled_back: Sqlrail, env: dict[str, str]) -> None:
    release(FIRST, THIRD, FOURTH)
    said = rolled_back("migrate", env=env).err.splitlines()[0]
    assert said == (
        "migrations/002_b.sql: it was applied, and is gone; put it back, take its record out with `repair --forget "
        "002_b`, or let it pass with --allow-missing."
    )


def test_what_a_file_depends_on_is_no_newer_release_whatever_its_number(
    sqlrail: Sqlrail, env: dict[str, str]
) -> None:
    needing = {FIRST: f"-- depends: 002_b\n{FILES[FIRST]}"}
    release(SECOND, **needing)
    assert sqlrail("migrate", env=env).code == 0
    release(**needing)
    assert sqlrail("migrate", env=env).code == 3


def test_a_late_file_of_a_newer_release_is_ahead_by_its_time(sqlrail: Sqlrail, env: dict[str, str]) -> None:
    release(FIRST, THIRD)
    assert sqlrail("migrate", env=env).code == 0
    release(FIRST, SECOND, THIRD)
    assert sqlrail("migrate", "--allow-late", env=env).code == 0
    release(FIRST, THIRD)
    assert sqlrail("migrate", "--json", env=env).document["ahead"] == ["002_b"]
    refused = sqlrail("rollback", env=env)  # and not 003_c, which has the highest number
    assert (refused.code, "002_b is ahead of this folder" in refused.err) == (3, True)


def test_of_a_baseline_the_names_decide(sqlrail: Sqlrail, database: str, env: dict[str, str]) -> None:
    query(database, "; ".join(FILES.values()))
    release(*FILES)
    assert sqlrail("baseline", "--to", "004", env=env).code == 0
    release(FIRST, SECOND)
    assert sqlrail("migrate", "--json", env=env).document["ahead"] == ["003_c", "004_d"]
    release(FIRST, THIRD)
    assert sqlrail("migrate", env=env).code == 3


def test_1000_comes_behind_999(sqlrail: Sqlrail, env: dict[str, str]) -> None:
    older, newer = {"999_a.sql": "SELECT 1"}, {"1000_b.sql": "-- depends: 999_a\nSELECT 2"}
    release(**older, **newer)
    assert sqlrail("baseline", "--to", "1000", "--accept-differences", env=env).code == 0
    release(**older)
    assert sqlrail("migrate", "--json", env=env).document["ahead"] == ["1000_b"]


def test_what_plain_yoyo_applied_is_not_taken_over_by_an_older_release(
    rolled_back: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(database, "UPDATE _yoyo_log SET comment = NULL WHERE migration_id <> '001_a'")
    before = everything(database)
    outcome = rolled_back("migrate", "--json", env=env)
    assert (outcome.document["ahead"], outcome.document["taken_over"]) == (["003_c", "004_d"], [])
    assert everything(database) == before


def test_another_projects_folder_is_no_older_release_where_nobody_knows_what_was_applied(
    rolled_back: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(database, "UPDATE _yoyo_log SET comment = NULL")
    release(**{FIRST: "CREATE TABLE other ();"})
    before = everything(database)
    assert rolled_back("migrate", env=env).code == 3
    assert rolled_back("status", "--check", "--allow-ahead", env=env).code == 4
    assert everything(database) == before


def test_a_checksum_that_a_newer_release_took_over_meanwhile_stays(
    sqlrail: Sqlrail, database: str, tmp_path: Path, env: dict[str, str]
) -> None:
    older, newer = release(FIRST), tmp_path / "newer"
    put({FIRST: f"-- a comment\n{FILES[FIRST]}", SECOND: FILES[SECOND]}, newer)
    assert sqlrail("migrate", env=env).code == 0
    query(database, "UPDATE _yoyo_log SET comment = NULL")

    def overtake(event: events.Event) -> None:
        if isinstance(event, events.HistoryRead):
            assert library.migrate(database, newer)["taken_over"] == ["001_a"]

    assert library.migrate(database, older, listener=overtake)["taken_over"] == []
    assert library.migrate(database, newer)["already_applied"] == 2


# Half done outside a transaction

HALF = "-- transactional: false\nINSERT INTO log VALUES (3);\nSELECT 1 / 0;\n"
BASE = {"001_a.sql": "CREATE TABLE log (n int);"}


@pytest.fixture
def half_done(sqlrail: Sqlrail, env: dict[str, str]) -> Sqlrail:
    """The command line, where the newest file is half done, and the folder does not have it."""
    release(**BASE, **{"003_c.sql": HALF})
    assert sqlrail("migrate", env=env).code == 1
    release(**BASE)
    return sqlrail


def test_what_a_newer_release_has_left_half_done_does_not_keep_an_older_one_from_starting(
    half_done: Sqlrail, database: str, env: dict[str, str]
) -> None:
    before = everything(database)
    started = half_done("migrate", env=env)
    assert started.code == 0
    assert started.err == LINE.replace("003_c, 004_d", "003_c (half done)")
    assert half_done("migrate", "--json", env=env).document["ahead"] == ["003_c"]
    assert everything(database) == before
    assert query(database, "TABLE log") == [(3,)]
    (problem,) = half_done("status", "--json", env=env).document["problems"]
    assert (problem["kind"], problem["refuses"]) == ("ahead", False)
    codes = [half_done("status", "--check", *more, env=env).code for more in ((), ("--allow-ahead",))]
    assert codes == [4, 0]
    release(**BASE, **{"003_c.sql": HALF.replace("1 / 0", "1")})
    assert half_done("migrate", env=env).code == 0  # the newer one goes on with it
    assert query(database, "TABLE log") == [(3,)]


FILLS = (
    "UPDATE log SET filled = 1 / (b.n - 2900) FROM sqlrail_batch AS b WHERE log.n = b.n AND filled IS NULL;"
)


@pytest.mark.parametrize("half", [HALF, f"-- backfill: log by n\n{FILLS}"], ids=["statements", "backfill"])
def test_what_is_half_done_with_a_lower_number_is_ahead_by_its_time(
    half: str, sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    older = {
        "001_a.sql": "CREATE TABLE log (n int PRIMARY KEY, filled int);",
        "003_c.sql": "INSERT INTO log SELECT generate_series(4, 3000);",
    }
    release(**older)
    assert sqlrail("migrate", env=env).code == 0
    release(**older, **{"002_b.sql": half})
    assert sqlrail("migrate", "--allow-late", env=env).code == 1
    release(**older)
    before = everything(database)
    started = sqlrail("migrate", env=env)
    assert (started.code, started.err) == (0, LINE.replace("003_c, 004_d", "002_b (half done)"))
    assert sqlrail("status", "--check", "--allow-ahead", env=env).code == 0
    assert everything(database) == before
    release(**older, **{"004_d.sql": "CREATE TABLE made ()"})
    assert sqlrail("migrate", env=env).code == 3


def test_what_was_half_done_before_the_files_of_a_folder_were_applied_is_no_newer_release(
    half_done: Sqlrail, database: str, env: dict[str, str]
) -> None:
    record = "INSERT INTO _yoyo_migration SELECT %s, '004_d', now() AT TIME ZONE 'UTC'"
    query(database, record, [get_migration_hash("004_d")])
    release(**BASE, **{"004_d.sql": "SELECT 4"})
    outcome = half_done("migrate", env=env)
    assert (outcome.code, "it is half done outside a transaction" in outcome.err) == (3, True)


def test_nothing_is_taken_back_from_below_what_a_newer_release_has_left_half_done(
    half_done: Sqlrail, database: str, env: dict[str, str]
) -> None:
    release(**BASE, **{"001_a.rollback.sql": "DROP TABLE log;"})
    outcome = half_done("rollback", env=env)
    assert (outcome.code, "`migrate`, from a folder that has its file" in outcome.err) == (3, True)
    assert query(database, "TABLE log") == [(3,)]


@pytest.mark.parametrize("name", ["002_b.sql", "004_d.sql"])
def test_no_file_is_run_beside_what_is_half_done(
    name: str, half_done: Sqlrail, database: str, env: dict[str, str]
) -> None:
    release(**BASE, **{name: "CREATE TABLE made ()"})
    outcome = half_done("migrate", env=env)
    assert (outcome.code, "it is half done outside a transaction" in outcome.err) == (3, True)
    assert query(database, "SELECT to_regclass('made')::text") == [(None,)]


# Other verbs


def test_other_verbs_say_what_they_cannot_do(
    rolled_back: Sqlrail, database: str, env: dict[str, str]
) -> None:
    before = everything(database)
    planned = rolled_back("plan", "--check", env=env)
    assert (planned.code, planned.err) == (0, LINE)
    refused = rolled_back("rollback", env=env)
    assert refused.code == 3
    assert refused.err == (
        "rollback is refused: 004_d is ahead of this folder (roll it back with the files of its release, or "
        "with --stored by what was kept of them). Nothing was rolled back.\n"
    )
    assert rolled_back("baseline", "--to", "002", env=env).code == 3
    assert rolled_back("repair", "--yes", env=env).code == 0
    named = rolled_back("repair", "004_d", env=env)
    assert (named.code, named.err) == (
        2, "repair 004_d: there is nothing to accept, it is ahead of this folder, which has no file of it.\n",
    )  # fmt: skip
    drift = rolled_back("drift", "--json", env=env)
    assert "what a newer release has made is reported as a difference: 003_c, 004_d" in drift.err
    assert sorted(it["name"] for it in drift.document["differences"]) == ["public.c", "public.d"]
    assert everything(database) == before


def test_the_record_of_a_file_that_is_gone_for_good_can_still_be_taken_out(
    rolled_back: Sqlrail, env: dict[str, str]
) -> None:
    assert rolled_back("repair", "--forget", "004", "--yes", env=env).code == 0
    assert rolled_back("migrate", "--json", env=env).document["ahead"] == ["003_c"]


def test_post_apply_files_of_an_older_release_do_not_run_after_a_newer_one(
    rolled_back: Sqlrail, database: str, env: dict[str, str]
) -> None:
    release(FIRST, SECOND, **{"post-apply.sql": "CREATE TABLE old ();"})
    assert rolled_back("migrate", env=env).code == 0
    assert query(database, "SELECT to_regclass('old')::text") == [(None,)]


def test_post_apply_files_are_left_to_a_newer_release_that_came_first(
    sqlrail: Sqlrail, database: str, tmp_path: Path
) -> None:
    del sqlrail
    newer = tmp_path / "newer"
    put({**FILES, "post-apply.sql": "CREATE TABLE new ();"}, newer)
    older = release(FIRST, SECOND, **{"post-apply.sql": "CREATE TABLE old ();"})

    def overtake(event: events.Event) -> None:
        if isinstance(event, events.Applied) and event.id == "002_b":
            library.migrate(database, newer)

    said: list[str] = []
    done = library.migrate(database, older, listener=overtake, say=said.append)
    assert [it["id"] for it in done["applied"]] == ["001_a", "002_b"]
    assert said == [
        "a newer release has applied 003_c, 004_d meanwhile: post-apply files are left to it",
    ]
    assert query(database, "SELECT to_regclass('new')::text, to_regclass('old')::text") == [("new", None)]


# Tenants


def test_of_many_tenants_each_starts_whose_database_is_ahead(
    sqlrail: Sqlrail, database: str, env: dict[str, str]
) -> None:
    query(database, "CREATE SCHEMA acme; CREATE SCHEMA globex; CREATE SCHEMA late")
    tenants = ("--each", "VALUES ('acme'), ('globex'), ('late')")
    release(FIRST, THIRD)
    assert sqlrail("migrate", *tenants, env=env).code == 0
    release(FIRST, SECOND, THIRD)
    assert sqlrail("migrate", "--allow-late", "--each", "VALUES ('late')", env=env).code == 0
    release(FIRST, THIRD, FOURTH)
    assert sqlrail("migrate", "--each", "VALUES ('acme')", env=env).code == 0
    release(FIRST, THIRD)
    rows = "SELECT migration_id, applied_at_utc FROM {}._yoyo_migration ORDER BY 2"
    before = [query(database, rows.format(name)) for name in ("acme", "globex", "late")]
    done = sqlrail("migrate", *tenants, "--json", env=env)
    assert done.code == 0
    ahead = {it["name"]: it["result"]["ahead"] for it in done.document["tenants"]}
    assert ahead == {"acme": ["004_d"], "globex": [], "late": ["002_b"]}
    assert [query(database, rows.format(name)) for name in ("acme", "globex", "late")] == before
    shown = sqlrail("status", *tenants, "--check", env=env)
    assert (shown.code, "ahead of this folder by 004_d" in shown.out) == (4, True)
    assert sqlrail("status", *tenants, "--check", "--allow-ahead", env=env).code == 0
    found = library.each(database, "migrations", schemas=["acme", "globex", "late"]).migrate()
    assert found["totals"]["failed"] == found["totals"]["refused"] == 0
    drift = library.each(database, "migrations", schemas=["acme", "late"]).drift()
    assert [it["result"]["differences"] != [] for it in drift["tenants"]] == [True, True]
