"""Migrations under five applications: those that break one are found, and few others are said to."""

from __future__ import annotations

from pathlib import Path

import pytest
from applications import APPLICATIONS, Application
from conftest import Servers, fresh_database, majors
from console import Sqlrail, sqlrail
from contracts import EACH, Outcome, Stage
from samples import sample

__all__ = ["sqlrail"]  # the fixture

#: migrations of each application: all of them by hand
NUMBER = sample("CONTRACTS", 10)
#: the oldest and the newest
MAJORS = sorted({min(majors()), max(majors())})


def tried(
    application: Application, number: int, major: int, servers: Servers, sqlrail: Sqlrail, folder: Path
) -> list[Outcome]:
    def call(*words: str) -> tuple[int, str]:
        called = sqlrail(*words, env={"APP_ENV": "test"})
        return called.code, called.out or called.all_err

    with fresh_database(servers(major)) as url:
        stage = Stage(application, url, folder / application.name, call)
        migrations = stage.migrations(EACH)[:number]
        return [*stage.outcomes(migrations)]


def wrong(outcomes: list[Outcome]) -> tuple[list[Outcome], list[Outcome]]:
    """Those that break an application and of which plan says nothing; and those that it says so of, and that do not."""
    missed = [one for one in outcomes if one.breaks and not one.says("breaks", "may break")]
    return missed, [one for one in outcomes if not one.breaks and one.says("breaks")]


@pytest.mark.promise
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("application", APPLICATIONS, ids=lambda one: one.name)
@pytest.mark.parametrize("major", MAJORS, ids=lambda major: f"pg{major}")
def test_what_breaks_an_application_is_found(
    application: Application, major: int, servers: Servers, sqlrail: Sqlrail, tmp_path: Path
) -> None:
    outcomes = tried(application, NUMBER, major, servers, sqlrail, tmp_path)
    broken = [one for one in outcomes if one.breaks]
    missed, false = wrong(outcomes)
    assert len(missed) <= 0.05 * len(broken), missed
    assert len(false) <= 0.02 * (len(outcomes) - len(broken)), false
    if NUMBER >= EACH:
        assert len(outcomes) / 3 < len(broken) < len(outcomes) * 2 / 3
        assert sum(one.says("breaks") for one in broken) >= 0.9 * len(broken)


@pytest.mark.parametrize("application", APPLICATIONS, ids=lambda one: one.name)
def test_some_of_what_breaks_an_application_is_found(
    application: Application, servers: Servers, sqlrail: Sqlrail, tmp_path: Path
) -> None:
    outcomes = tried(application, 4, max(majors()), servers, sqlrail, tmp_path)
    assert wrong(outcomes) == ([], [])


def test_each_application_asks_in_its_own_way() -> None:
    texts = [one.text.split()[0].upper() for application in APPLICATIONS for one in application.sent]
    assert set(texts) >= {
        b"SELECT",
        b"INSERT",
        b"UPDATE",
        b"DELETE",
        b"MERGE",
        b"WITH",
        b"COPY",
        b"DECLARE",
        b"CALL",
    }
