"""The JSON of `lint`."""

from __future__ import annotations

from typing import TypedDict


class RemarkResult(TypedDict):
    """What is dangerous at a place in a file, or could not be linted."""

    line: int  # of the file, from 1
    column: int  # in characters, from 1
    rule: str  # a name of squawk's, or unused-ignore or not-linted
    message: str  # what is dangerous about it
    remedy: str  # the safer way


class LintFindingResult(RemarkResult):
    """That with the file."""

    id: str  # of the migration
    path: str  # of the file


class LintedResult(TypedDict):
    """What `lint` found."""

    findings: list[LintFindingResult]
    notices: list[LintFindingResult]  # what could not be linted
    linted: int  # files that were looked at
    server_major: int | None  # null: no server was asked
