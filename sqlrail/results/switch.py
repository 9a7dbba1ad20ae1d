"""The JSON of `switch`."""

from __future__ import annotations

from typing import TypedDict

from sqlrail.results.migrate import AppliedResult
from sqlrail.results.rollback import RolledBackResult, WouldRollBackResult


class SwitchResult(TypedDict):
    """What `switch` took back and applied."""

    rolled_back: list[RolledBackResult]  # the newest first
    applied: list[AppliedResult]  # in their order
    still_applied: int  # migrations that were applied before, and stayed
    code_dropped: list[str]  # names of code files: what they had made was dropped
    code: list[str]  # names of the code files that were run
    dry_run: bool  # whether nothing was to be changed
    would_roll_back: list[WouldRollBackResult]  # of a dry run, the newest first
    would_apply: list[str]  # of a dry run: ids, in their order
    would_drop_code: list[str]  # of a dry run: names of code files
    would_run_code: list[str]  # of a dry run: names of code files
