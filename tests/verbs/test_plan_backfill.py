"""What `plan` says of a pending backfill: rows by the statistics, batches and time by a sample that is rolled back."""

from __future__ import annotations

from typing import Any

import console
import filling
import pytest
from conftest import Connect
from console import Outcome, Sqlrail, catalog
from filling import EACH, FILL, JOIN, ONCE, UNTIL, Place

from sqlrail.ground.events import Applied
from sqlrail.verbs.plan_fills import Fill

place, sqlrail = filling.place, console.sqlrail

#: what tells a row version that was written from one that was there before, whatever became of it
VERSIONS = "SELECT min(xmin::text::int), max(xmin::text::int), max(xmax::text::int) FROM t"
NOTHING = {"done": 0, "batches": None, "seconds": None, "sampled": 0, "why": None}


class Plans:
    """The command line's plan of a place's one pending file."""

    def __init__(self, place: Place, sqlrail: Sqlrail) -> None:
        self.place, self._sqlrail = place, sqlrail

    def __call__(self, *words: str, text: str = ONCE + EACH) -> Outcome:
        self.place.write(text)
        env = {"DATABASE_URL": self.place.url, "USER": "ann", "APP_ENV": "test"}
        folder = str(self.place.folder)
        return self._sqlrail("plan", "--no-try", "--migrations", folder, *words, env=env)

    def fill(self, *words: str, text: str = ONCE + EACH) -> dict[str, Any]:
        outcome = self(*words, "--json", text=text)
        assert outcome.code == 0, outcome.err
        (file,) = outcome.document["files"]
        found = file["backfill"]
        assert isinstance(found, dict)
        return found


@pytest.fixture
def plan(place: Place, sqlrail: Sqlrail) -> Plans:
    place.query("ANALYZE t")
    return Plans(place, sqlrail)


def test_rows_are_told_and_nothing_is_run(plan: Plans) -> None:
    before = catalog(plan.place.url), plan.place.query(VERSIONS)
    assert plan.fill() == {"table": "public.t", "rows": 3000, **NOTHING}
    assert (catalog(plan.place.url), plan.place.query(VERSIONS)) == before
    assert (
        "  backfill of public.t: about 3,000 rows; `plan --sample` says for how long, by batches that it rolls back\n"
        in plan().out
    )


def test_a_backfill_walks_over_its_table_and_is_not_instant(plan: Plans) -> None:
    checked = plan("--check", "--json")
    (file,) = checked.document["files"]
    assert (checked.code, file["verdict"]) == (4, "scans")
    assert [it["scanned"] for it in file["statements"][0]["relations"] if it["relation"] == "public.t"] == [
        True
    ]
    plan.place.query("TRUNCATE t")
    assert plan("--check").code == 0


def test_a_sample_is_rolled_back(plan: Plans) -> None:
    before = catalog(plan.place.url)
    found = plan.fill("--sample", "--batch-time", "2s", "--pause", "0")
    assert (found["rows"], found["done"], found["why"]) == (3000, 0, None)
    assert 1 <= found["sampled"] <= 3
    assert 1 <= found["batches"] <= 10
    assert 0 < found["seconds"] < 60
    assert catalog(plan.place.url) == before
    assert plan.place.counts() == {0: 3000}
    assert " went back\n" in plan("--sample").out


def test_a_sample_says_how_long_the_run_takes(plan: Plans) -> None:
    """A trigger makes each row cost as much as no machine's speed changes."""
    plan.place.query(
        """CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN PERFORM pg_sleep(0.0002); RETURN NEW; END';
           CREATE TRIGGER slow BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION slow()"""
    )
    found = plan.fill("--sample", "--batch-time", "50ms", "--pause", "10ms")
    assert plan.place.run(batch_time=0.05, pause=0.01) is None
    batches = plan.place.filled().batches
    assert batches / 5 < found["batches"] < batches * 5
    (took,) = (event.seconds for event in plan.place.heard.events if isinstance(event, Applied))
    assert took / 5 < found["seconds"] < took * 5


def test_what_is_done_is_known_without_a_sample(plan: Plans) -> None:
    plan.place.query("ALTER TABLE t ADD CONSTRAINT middle CHECK (id <> 2000 OR n = 0)")
    assert plan.place.run(ONCE + EACH) is not None
    noted = plan.place.noted()
    assert noted is not None
    found = plan.fill()
    assert (found["done"], found["sampled"]) == (noted["walked"], 0)
    left = -(-(3000 - noted["walked"]) // (noted["walked"] // noted["batches"]))
    assert (found["batches"], found["seconds"]) == (left, pytest.approx(left * 0.3))
    assert f"{noted['walked']:,} of them walked over already, in about" in plan().out
    # A sample goes on where it is, and stops at the same row.
    assert "middle" in plan.fill("--sample", "--batch-time", "20ms")["why"]
    assert plan.place.noted() == noted


def test_rows_that_nobody_has_counted_are_unknown(place: Place, sqlrail: Sqlrail) -> None:
    plan = Plans(place, sqlrail)
    assert plan.fill() == {"table": "public.t", "rows": None, **NOTHING}
    for words in ([], ["--sample"]):
        assert "backfill of public.t: rows not counted; `ANALYZE public.t` estimates them" in plan(*words).out
    sampled = plan.fill("--sample")
    assert (sampled["rows"], sampled["batches"]) == (None, None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"-- backfill: t by id\n{EACH}", "run once more it changed 500 of them again"),
        (f"{ONCE}UPDATE t SET n = 7 {JOIN};", 'violates check constraint "few"'),
        (UNTIL + FILL.replace("done IS NULL", "true"), "it changed 500 of them again"),
    ],
    ids=["twice", "fails", "until"],
)
def test_a_sample_finds_what_the_first_batch_would(plan: Plans, text: str, why: str) -> None:
    plan.place.query("ALTER TABLE t ADD CONSTRAINT few CHECK (n < 7)")
    assert plan.fill(text=text)["why"] is None
    assert why in plan.fill("--sample", text=text)["why"]
    assert plan.place.counts() == {0: 3000}


def test_what_pending_files_make_is_not_there_yet(plan: Plans) -> None:
    plan.place.write("CREATE TABLE new (id int PRIMARY KEY, n int); ALTER TABLE t ADD w int;", "000_new")
    plan.place.write(f"{ONCE}UPDATE t SET w = 1 {JOIN};", "002_w")
    told = plan(
        "--sample",
        "--json",
        text=ONCE.replace("t by", "new by") + EACH.replace("t ", "new ").replace("t.", "new."),
    )
    fills = [file["backfill"] for file in told.document["files"]]
    assert fills[0] is None
    assert (fills[1]["table"], fills[1]["rows"]) == ("new", None)
    assert "there is no table new" in fills[1]["why"]
    assert 'column "w" of relation "t" does not exist' in fills[2]["why"]


def test_a_sample_gives_way_to_whoever_has_its_rows(plan: Plans, connect: Connect) -> None:
    blocker = connect(plan.place.url, autocommit=False)
    blocker.execute("SELECT FROM t WHERE id = 7 FOR UPDATE")
    why = plan.fill("--sample", "--batch-time", "2s")["why"]
    assert "canceling statement due to lock timeout" in why
    assert f"backend {blocker.info.backend_pid}" in why
    blocker.rollback()


def test_no_rows_means_no_sample(plan: Plans) -> None:
    refused = plan("--sample", "--no-rows")
    assert (refused.code, "--sample has no effect here" in refused.err) == (2, True)


def test_a_table_without_rows_takes_no_time() -> None:
    assert Fill("t", is_there=True, rows=0).is_work is False
    assert Fill("t", is_there=True, rows=None).is_work is True
    assert Fill("t").is_work is False
