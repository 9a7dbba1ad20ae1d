"""The JSON of a verb for each of many tenants."""

from __future__ import annotations

from typing import TypedDict

from sqlrail.results.error import ErrorResult
from sqlrail.results.target import TargetResult


class TenantPartResult(TypedDict, total=False):
    """What is not there of every tenant."""

    result: dict[str, object]  # what the verb prints for one; not there where it failed
    like: str  # plan: name of the tenant for whom it was rehearsed, where that stands for this one too
    error: ErrorResult  # why it failed
    target: TargetResult  # its database; not there where it was not reached, or did not have to be


class TenantResult(TenantPartResult):
    """What became of one tenant."""

    name: str  # as the query or the file names it
    exit_code: int  # that the verb would have ended with, had it been for this one alone
    seconds: float  # wall time


class TotalsResult(TypedDict):
    """How many tenants there are of each kind."""

    all: int  # whatever became of them
    done: int  # 0
    failed: int  # with the exit code 1, 2 or that of a signal
    refused: int  # 3
    with_findings: int  # 4: a --check has found something
    without_turn: int  # of the names in not_begun


class TenantsResult(TypedDict):
    """What a verb with `--each` or `--each-database` did."""

    tenants: list[TenantResult]  # in the order in which they were named
    shared: dict[str, object] | None  # what the verb prints for the files of --shared
    not_begun: list[str]  # names of tenants that did not have their turn
    held: str | None  # why no other tenant was begun; null: all were
    versions: dict[str, list[str]]  # names by the newest migration that is applied, where that is known
    totals: TotalsResult
