"""The JSON of `lint`."""

from __future__ import annotations

from typing import TypedDict


class RemarkResult(TypedDict):
    """What is dangerous at a place in a file, or could not be linted."""

    line: int  # of the file, from 1; 1 where it is about the whole file
    column: int  # in characters, from 1
    #: a name of squawk's, unused-ignore or not-linted; with --against also late, duplicate, edited, renamed or missing
    rule: str
    message: str  # what is dangerous about it, or is not as the ref has it
    remedy: str  # the safer way, or what to do


class LintFindingResult(RemarkResult):
    """That with the file."""

    id: str  # of the migration
    path: str  # of the file


class LintedResult(TypedDict):
    """What `lint` found."""

    findings: list[LintFindingResult]
    notices: list[LintFindingResult]  # what could not be linted
    linted: int  # files that were looked at; with --against the new ones
    server_major: int | None  # null: no server was asked
