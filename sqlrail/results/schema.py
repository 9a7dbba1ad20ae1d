"""The JSON of `schema`."""

from __future__ import annotations

from typing import TypedDict


class SchemaResult(TypedDict):
    """Without a file: what the files build."""

    sql: str  # statements that make it, in their order


class WrittenResult(TypedDict):
    """With a file: the one that holds now what the files build."""

    path: str  # of the file


class CheckedResult(TypedDict):
    """With --check: how that file differs from what the files build."""

    path: str  # of the file
    stale: bool  # whether it differs
    difference: str  # a unified diff; empty where there is none
