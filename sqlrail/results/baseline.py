"""The JSON of `baseline`."""

from __future__ import annotations

from typing import TypedDict


class BaselinedResult(TypedDict):
    """What `baseline` recorded as applied."""

    baselined: list[str]  # ids, in their order
    compared: bool  # whether the database was held against what these files build
    differences: list[str]  # what the database lacks or has otherwise, and --accept-differences let pass
    notes: list[str]  # differences that harm nothing
    more_tables: int  # that the database has and the files do not build
    more_columns: int  # that the database has and the files do not build, in tables that they do
    more_others: int  # other objects that the database has and the files do not build
