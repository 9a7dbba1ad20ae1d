"""What plan says about pending files and live rows is what happens, on hundreds of generated cases.

TEST_PARTS=12 tries all of them; TEST_SEED tries what an earlier run has tried again.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest
from cases import Case, cases
from conftest import Servers, fresh_database, majors
from console import Sqlrail, sqlrail
from copies import copy_of
from no_rows import refusal_of_no_rows
from samples import sample
from stage import Document, Happened, Offenders, Stage, differences, is_undecided, offenders

__all__ = ["sqlrail"]  # the fixture

#: the oldest and the newest
MAJORS = sorted({min(majors()), max(majors())})
#: all cases are parted into so many databases, of which a run takes some: a hundred cases each, on each major
PARTS = 12
TAKEN = sample("PARTS", 2)
#: of a change's cases so many are tried, others at each run
SAMPLE = 40
SEED = int(os.environ.get("TEST_SEED") or random.SystemRandom().randrange(1 << 30))


def disagree(url: str, folder: Path, chosen: Sequence[Case], sqlrail: Sqlrail) -> list[str]:
    """Where plan is wrong, a text each that has all to see it again."""
    early = [case for case in chosen if case.kind.early and refusal_of_no_rows(url, case.made, case.text)]
    chosen = [case for case in chosen if case not in early]
    wrong_early = [
        text for case in early for text in _early(url, folder.with_name(case.schema), case, sqlrail)
    ]
    stage = Stage(url, folder, chosen, sqlrail)
    happened = stage.happens()
    wrong = [it.name for it in chosen if it.is_obvious and happened[it.id].failed != it.is_obstructed]
    assert wrong == [], "these cases are not what they are meant to be"
    with psycopg.connect(url, autocommit=True) as connection:
        offending = {
            case.id: offenders(connection, case)
            for case in chosen
            if happened[case.id].failed and not case.writes
        }
    counted, tried = stage.plan("--no-try"), stage.trial()
    undecided = [case.name for case in chosen if is_undecided(tried[case.id])]
    assert len(undecided) <= max(1, len(chosen) / 100), undecided
    return [
        *wrong_early,
        *_told(chosen, counted, happened, offending, tried=False),
        *_told(chosen, tried, happened, offending, tried=True),
    ]


def _early(url: str, folder: Path, case: Case, sqlrail: Sqlrail) -> Iterator[str]:
    """A case that fails without rows fails in the rehearsal, as it would in a migrate."""
    with copy_of(url) as copy:
        planned, happened = Stage(copy, folder, [case], sqlrail).refusals()
    if planned != happened:
        yield f"fails at {planned}, and not at {happened}\n{case.story}"


def _told(
    chosen: Sequence[Case],
    planned: dict[str, Document],
    happened: dict[str, Happened],
    offending: dict[str, Offenders],
    *,
    tried: bool,
) -> Iterator[str]:
    for case in chosen:
        found = differences(case, planned[case.id], happened[case.id], offending.get(case.id), tried=tried)
        for difference in found:
            how = "with a trial" if tried else "by counts"
            yield f"{how}: {case.name}: {difference}\n{case.story}"


@pytest.mark.promise
@pytest.mark.parametrize("major", MAJORS, ids=lambda it: f"pg{it}")
@pytest.mark.parametrize("number", range(TAKEN))
def test_what_plan_says_happens(
    number: int, major: int, servers: Servers, tmp_path: Path, sqlrail: Sqlrail
) -> None:
    part = list(cases(major))[(SEED + number) % PARTS :: PARTS]
    with fresh_database(servers(major)) as url:
        assert disagree(url, tmp_path / "files", part, sqlrail) == [], f"TEST_SEED={SEED}"


def test_what_plan_says_of_some_happens(database: str, tmp_path: Path, sqlrail: Sqlrail) -> None:
    chosen = random.Random(SEED).sample(list(cases(max(majors()))), SAMPLE)  # noqa: S311 - to be tried again
    assert disagree(database, tmp_path / "files", chosen, sqlrail) == [], f"TEST_SEED={SEED}"


def test_there_are_enough_cases_of_each_kind() -> None:
    whats = {
        "not null",
        "check",
        "unique",
        "exclusion",
        "foreign key",
        "type",
        "domain",
        "partition",
        "generated",
    }
    for major in MAJORS:
        found = list(cases(major))
        assert len(found) >= 600
        for what in whats:
            ends = {(case.is_dirty, case.writes) for case in found if case.kind.what == what}
            assert len(ends) == 4, (major, what)
