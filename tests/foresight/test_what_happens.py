"""What plan says about pending files and live rows is what happens, on hundreds of generated cases."""

from __future__ import annotations

import os
import random
from pathlib import Path

import psycopg
import pytest
from cases import Case, cases, kinds
from conftest import Servers, fresh_database, majors
from console import Sqlrail, sqlrail
from stage import Stage, differences, is_undecided, offenders

__all__ = ["sqlrail"]  # the fixture

WHATS = sorted({kind.what or "rows written" for kind in kinds()})
#: of a change's cases so many are tried, others at each run
SAMPLE = 60
SEED = int(os.environ.get("SQLRAIL_TEST_SEED") or random.SystemRandom().randrange(1 << 30))


def of_what(what: str, major: int) -> list[Case]:
    return [case for case in cases(major) if (case.kind.what or "rows written") == what]


def disagree(url: str, folder: Path, chosen: list[Case], sqlrail: Sqlrail) -> list[str]:
    """Where plan is wrong, a text each that has all to see it again."""
    stage = Stage(url, folder, chosen, sqlrail)
    planned, happened = stage.plan(), stage.happens()
    found = []
    with psycopg.connect(url, autocommit=True) as connection:
        for case in chosen:
            offending = offenders(connection, case) if happened[case.id].failed and not case.writes else None
            for difference in differences(case, planned[case.id], happened[case.id], offending):
                found.append(
                    f"{case.name}: {difference}\n{case.made}\n{case.rows}\n{case.late}\n{case.earlier}\n{case.text}"
                )
    assert [
        case.name for case in chosen if case.is_obvious and happened[case.id].failed != case.is_obstructed
    ] == []
    undecided = [case.name for case in chosen if is_undecided(planned[case.id]) and not case.writes]
    assert len(undecided) <= len(chosen) // 100, undecided
    return found


@pytest.mark.promise
@pytest.mark.parametrize("major", [min(majors()), max(majors())], ids=lambda it: f"pg{it}")
@pytest.mark.parametrize("what", WHATS)
def test_what_plan_says_happens(
    what: str, major: int, servers: Servers, tmp_path: Path, sqlrail: Sqlrail
) -> None:
    with fresh_database(servers(major)) as url:
        assert disagree(url, tmp_path / "files", of_what(what, major), sqlrail) == []


def test_what_plan_says_of_some_happens(database: str, tmp_path: Path, sqlrail: Sqlrail) -> None:
    chosen = random.Random(SEED).sample(list(cases(max(majors()))), SAMPLE)  # noqa: S311
    assert disagree(database, tmp_path / "files", chosen, sqlrail) == [], f"SQLRAIL_TEST_SEED={SEED}"
