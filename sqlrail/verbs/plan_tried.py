"""What a trial says, statement by statement, in the plan of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlrail.foresight.attempt import Tried
from sqlrail.foresight.tried_checks import with_trial
from sqlrail.verbs.planned import VERDICTS, Planned, PlannedFile


def tell_tried(file: PlannedFile, tried: Sequence[Tried]) -> PlannedFile:
    """The plan of a file with what became of each statement; those behind one that failed are as they were."""
    told = [_told(statement, one) for statement, one in zip(file.statements, tried, strict=False)]
    statements = (*told, *file.statements[len(told) :])
    verdicts = [file.verdict, *(one.verdict for one in told)]
    return replace(file, statements=statements, verdict=max(verdicts, key=VERDICTS.index))


def _told(statement: Planned, tried: Tried) -> Planned:
    touched = next((one.relation for one in statement.touched if one.is_live), "")
    checks = with_trial(statement.checks, tried, touched)
    verdict = statement.verdict
    if tried.outcome == "fails":
        verdict = max(verdict, "fails", key=VERDICTS.index)
    return replace(statement, verdict=verdict, checks=checks, outcome=tried.outcome)
