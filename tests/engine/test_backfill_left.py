"""Backfills that `migrate --skip-backfills` leaves, the verb that runs them, and what waits for them meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import console
import filling
import pytest
from conftest import query
from console import Outcome, Sqlrail, catalog
from filling import EACH, FILL, ONCE, UNTIL, Place

import sqlrail as library
from sqlrail import events

place, sqlrail = filling.place, console.sqlrail

CHECK = "ALTER TABLE t ADD CONSTRAINT one CHECK (n = 1);"
LOG = "SELECT migration_id, operation FROM _yoyo_log ORDER BY created_at_utc"


class Release:
    """A folder of migrations with a backfill among them, and the command line over it."""

    def __init__(self, place: Place, sqlrail: Sqlrail) -> None:
        self.place, self._sqlrail = place, sqlrail
        self.has("001_first", "CREATE TABLE first ();")
        self.has("002_fill", ONCE + EACH)
        self.has("003_check", f"-- depends: 002_fill\n{CHECK}")
        self.has("004_other", "CREATE TABLE other ();")

    def has(self, name: str, text: str) -> None:
        self.place.write(text, name)

    def __call__(self, *words: str) -> Outcome:
        env = {"DATABASE_URL": self.place.url, "USER": "ann", "APP_ENV": "test"}
        return self._sqlrail(*words, "--migrations", str(self.place.folder), env=env)

    def json(self, *words: str) -> dict[str, Any]:
        outcome = self(*words, "--json")
        assert outcome.code == 0, outcome.err
        return outcome.document

    def applied(self, *words: str) -> list[str]:
        return [done["id"] for done in self.json(*words)["applied"]]


@pytest.fixture
def release(place: Place, sqlrail: Sqlrail) -> Release:
    return Release(place, sqlrail)


@pytest.fixture
def skipped(release: Release) -> Release:
    """The same where `migrate --skip-backfills` was called."""
    done = release.json("migrate", "--skip-backfills")
    assert [it["id"] for it in done["applied"]] == ["001_first", "004_other"]
    assert (done["left"], done["pending"], done["already_applied"]) == (["002_fill", "003_check"], 2, 0)
    assert release.place.counts() == {0: 3000}
    return release


def test_what_is_left_is_said_each_time(skipped: Release) -> None:
    again = skipped("migrate", "--skip-backfills")
    assert (again.code, again.out) == (0, "nothing to do: 2 applied, 2 pending\n")
    assert again.err == "left to `backfill`: 002_fill, 003_check\n"


@pytest.mark.parametrize("verb", ["backfill", "migrate"])
def test_it_is_done_later_with_what_depends_on_it(skipped: Release, verb: str) -> None:
    assert skipped.applied(verb) == ["002_fill", "003_check"]
    assert skipped.place.counts() == {1: 3000}
    assert skipped.json("backfill")["applied"] == []
    assert skipped("status", "--check").code == 0


def test_the_verb_runs_nothing_that_was_not_left(skipped: Release) -> None:
    """Neither a file that no migrate has applied yet, nor a backfill behind it, whose column it may make."""
    skipped.has("005_new", "CREATE TABLE new ();")
    skipped.has("006_fill", UNTIL + FILL)
    done = skipped.json("backfill")
    assert [it["id"] for it in done["applied"]] == ["002_fill", "003_check"]
    assert done["applied"][0]["backfill"]["rows_changed"] == 3000
    assert (done["left"], done["pending"]) == (["006_fill"], 2)
    again = skipped("backfill")
    assert (again.code, again.out) == (0, "nothing to do: 4 applied, 2 pending\n")
    assert again.err == "left to a later run: 006_fill; `migrate` has to apply 005_new before\n"
    assert skipped.applied("migrate", "--skip-backfills") == ["005_new"]
    assert skipped.applied("backfill") == ["006_fill"]


def test_a_late_file_keeps_nobody_from_what_was_left_before_it(skipped: Release) -> None:
    skipped.has("003_late", "CREATE TABLE late ();")
    assert skipped("migrate", "--skip-backfills").code == 3
    assert skipped.applied("backfill") == ["002_fill", "003_check"]
    assert query(skipped.place.url, "SELECT to_regclass('late')::text") == [(None,)]


def test_an_edited_file_is_refused(skipped: Release) -> None:
    skipped.has("001_first", "CREATE TABLE changed ();")
    refused = skipped("backfill")
    assert (refused.code, "001_first.sql: it is not what was applied" in refused.err) == (3, True)
    assert skipped.place.counts() == {0: 3000}


def test_it_goes_no_further_than_one(skipped: Release) -> None:
    assert skipped.applied("backfill", "--to", "002") == ["002_fill"]
    assert skipped.applied("migrate", "--skip-backfills") == ["003_check"]


def test_what_depends_on_a_backfill_that_is_done_is_left_no_longer(skipped: Release) -> None:
    assert skipped.applied("migrate", "--to", "002") == ["002_fill"]
    assert skipped.applied("migrate", "--skip-backfills") == ["003_check"]


def test_one_that_stops_goes_on_with_the_next_call(skipped: Release) -> None:
    skipped.place.query("ALTER TABLE t ADD CONSTRAINT middle CHECK (id <> 2000 OR n = 0)")
    failed = skipped("backfill", "--json", "--batch-time", "20ms", "--pause", "0")
    assert (failed.code, "run again to go on" in failed.error["message"]) == (1, True)
    walked = skipped.place.walked()
    assert 0 < walked < 2000
    shown = skipped("status").out
    assert "it is a backfill under way (" in shown
    assert "`migrate` goes on, or `backfill`, with it." in shown
    assert "003_check.sql: it waits for 002_fill; `backfill` applies both." in shown
    skipped.place.query("ALTER TABLE t DROP CONSTRAINT middle")
    assert skipped.applied("backfill") == ["002_fill", "003_check"]
    assert skipped.place.counts() == {1: 3000}


def test_status_says_what_was_left_and_what_waits_for_it(skipped: Release) -> None:
    shown = skipped("status", "--json").document
    assert {it["id"]: (it["state"], it["waits_for"]) for it in shown["migrations"]} == {
        "001_first": ("applied", []),
        "002_fill": ("pending", ["002_fill"]),
        "003_check": ("pending", ["002_fill"]),
        "004_other": ("applied", []),
    }
    folder = skipped.place.folder
    assert [(it["kind"], it["refuses"], it["message"]) for it in shown["problems"]] == [
        ("left", False, f"{folder}/002_fill.sql: it is a backfill that was left; run `backfill`."),
        ("left", False, f"{folder}/003_check.sql: it waits for 002_fill; `backfill` applies both."),
    ]
    text = skipped("status").out
    assert "pending, a backfill" in text
    assert "pending, behind 002_fill" in text
    codes = [skipped("status", "--check", *more).code for more in ((), ("--skip-backfills",))]
    assert codes == [4, 0]
    skipped.has("005_new", "CREATE TABLE new ();")
    assert skipped("status", "--check", "--skip-backfills").code == 4
    idle = skipped("status", "--skip-backfills")
    assert (idle.code, "--skip-backfills has no effect here" in idle.err) == (2, True)


def test_one_that_is_the_newest_file_is_pending_and_nothing_to_warn_of(release: Release) -> None:
    assert release.applied("migrate", "--to", "001") == ["001_first"]
    shown = release("status", "--json").document
    assert shown["problems"] == []
    assert shown["migrations"][1]["waits_for"] == ["002_fill"]


def test_an_application_leaves_them_too(release: Release) -> None:
    said: list[str] = []
    done = library.migrate(release.place.url, release.place.folder, skip_backfills=True, say=said.append)
    assert [it["id"] for it in done["applied"]] == ["001_first", "004_other"]
    assert done["left"] == ["002_fill", "003_check"]
    assert said == ["left to `backfill`: 002_fill, 003_check"]


def test_tenants_have_theirs_run(place: Place, sqlrail: Sqlrail) -> None:
    query(place.url, "CREATE SCHEMA acme; CREATE SCHEMA globex")
    release = Release(place, sqlrail)
    release.has("001_first", "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 0);")
    each = ("--each", "VALUES ('acme'), ('globex')")
    assert release("migrate", "--skip-backfills", *each).code == 0
    assert query(place.url, "SELECT n FROM acme.t UNION ALL SELECT n FROM globex.t") == [(0,), (0,)]
    done = release.json("backfill", *each)
    assert [[it["id"] for it in one["result"]["applied"]] for one in done["tenants"]] == [
        ["002_fill", "003_check"],
        ["002_fill", "003_check"],
    ]
    assert query(place.url, "SELECT n FROM acme.t UNION ALL SELECT n FROM globex.t") == [(1,), (1,)]


# An older release


@pytest.fixture
def rolled_back(skipped: Release) -> Release:
    """The older folder, where a newer release has been applied, which has left its backfills too."""
    newer = "005_newer.sql"
    skipped.has("005_newer", "CREATE TABLE newer ();")
    assert skipped.applied("migrate", "--skip-backfills") == ["005_newer"]
    (skipped.place.folder / newer).unlink()
    return skipped


def everything(release: Release) -> tuple[object, ...]:
    url = release.place.url
    return catalog(url), query(url, LOG), release.place.counts()


@pytest.mark.parametrize("words", [["migrate"], ["migrate", "--skip-backfills"], ["backfill"]], ids=" ".join)
def test_an_older_release_starts_whatever_was_left_and_changes_nothing(
    rolled_back: Release, words: list[str]
) -> None:
    before = everything(rolled_back)
    started = rolled_back(*words, "--json")
    assert started.code == 0, started.err
    assert started.err == (
        "the database is ahead of this folder by 005_newer: a newer release has been here, and there is nothing to "
        "apply; that release's `backfill` does 002_fill, 003_check\n"
    )
    done = started.document
    assert (done["applied"], done["ahead"], done["left"]) == ([], ["005_newer"], ["002_fill", "003_check"])
    assert (done["already_applied"], done["pending"]) == (2, 2)
    assert everything(rolled_back) == before


def test_an_older_release_has_nothing_to_plan(rolled_back: Release) -> None:
    planned = rolled_back("plan")
    assert (planned.code, planned.out) == (0, "nothing to plan: 2 applied, none pending\n")


def test_its_probes_let_both_pass_by_name(rolled_back: Release) -> None:
    flags = ("--allow-ahead", "--skip-backfills")
    codes = [rolled_back("status", "--check", *more).code for more in ((), flags[:1], flags[1:], flags)]
    assert codes == [4, 4, 4, 0]


def test_the_newer_release_does_what_was_left(rolled_back: Release) -> None:
    rolled_back.has("005_newer", "CREATE TABLE newer ();")
    assert rolled_back.applied("backfill") == ["002_fill", "003_check"]
    assert rolled_back.place.counts() == {1: 3000}
    (rolled_back.place.folder / "005_newer.sql").unlink()
    assert rolled_back.json("migrate")["ahead"] == ["005_newer"]
    assert rolled_back("status", "--check", "--allow-ahead").code == 0


def test_a_backfill_that_is_half_done_keeps_no_older_release_from_starting(rolled_back: Release) -> None:
    rolled_back.has("005_newer", "CREATE TABLE newer ();")
    rolled_back.place.query("ALTER TABLE t ADD CONSTRAINT middle CHECK (id <> 2000 OR n = 0)")
    assert rolled_back("backfill", "--batch-time", "20ms", "--pause", "0").code == 1
    (rolled_back.place.folder / "005_newer.sql").unlink()
    before = everything(rolled_back)
    assert rolled_back.json("migrate")["ahead"] == ["005_newer"]
    (problem,) = rolled_back.json("status")["problems"]
    assert problem["message"].endswith("the release that the database is ahead by goes on with it.")
    assert everything(rolled_back) == before


def test_a_hole_is_refused_whatever_was_left(rolled_back: Release) -> None:
    """By the time at which it was applied 004_other would be a newer release's; what was left has no time."""
    (rolled_back.place.folder / "004_other.sql").unlink()
    rolled_back.has("006_fill", ONCE + EACH)
    refused = rolled_back("migrate", "--json")
    assert refused.code == 3
    assert {it["kind"] for it in refused.error["problems"]} == {"missing"}


def test_a_pending_file_beside_what_was_left_is_no_older_release(rolled_back: Release) -> None:
    rolled_back.has("004_other2", "CREATE TABLE other2 ();")
    refused = rolled_back("migrate", "--json")
    assert refused.code == 3
    assert "missing" in {it["kind"] for it in refused.error["problems"]}


def test_an_older_release_leaves_what_a_newer_one_has_left_meanwhile(
    release: Release, tmp_path: Path
) -> None:
    """It was at work when the newer one came, and had not begun its backfill."""
    url, older, newer = release.place.url, release.place.folder, tmp_path / "newer"
    newer.mkdir()
    for file in older.glob("*.sql"):
        (newer / file.name).write_text(file.read_text())
    (newer / "005_newer.sql").write_text("CREATE TABLE newer ();")

    def overtake(event: events.Event) -> None:
        if isinstance(event, events.Applied) and event.id == "001_first":
            library.migrate(url, newer, skip_backfills=True)

    done = library.migrate(url, older, listener=overtake)
    assert [it["id"] for it in done["applied"]] == ["001_first"]
    assert (done["ahead"], done["left"]) == (["005_newer"], ["002_fill", "003_check"])
    assert (done["already_applied"], done["pending"]) == (1, 2)
    assert release.place.counts() == {0: 3000}
