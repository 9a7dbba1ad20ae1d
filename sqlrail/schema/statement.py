"""A statement that mends a difference."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, without its semicolon, and whether running it loses data; or what no statement can do, and why."""

    sql: str
    loses: bool = False
    is_by_hand: bool = False
