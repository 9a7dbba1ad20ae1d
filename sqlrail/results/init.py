"""The JSON of `init`."""

from __future__ import annotations

from typing import TypedDict


class KeptResult(TypedDict):
    """A file that was there already, and was left as it is."""

    path: str  # of the file
    add: list[str]  # lines that it does not have yet, and that somebody should add


class InitResult(TypedDict):
    """What was made in the working folder, and what was there."""

    dry_run: bool  # whether it only said what it would do
    made: list[str]  # paths of files
    kept: list[KeptResult]
    next: list[str]  # commands to type
