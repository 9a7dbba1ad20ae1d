"""How a database differs, as text."""

from __future__ import annotations

from sqlrail.verbs.drift import Drift


def text(result: Drift, *, of_many: bool = False) -> str:
    """The differences, table by table, and what to do about them. of_many: the database is named elsewhere."""
    if not result.differences or of_many:
        return result.told(named=not of_many)
    if result.made:
        return "\n".join(
            [result.told(), *(f"made {file.path}: read it before you run it" for file in result.made)]
        )
    return f"{result.told()}\n--print-sql prints what makes the database the same"
