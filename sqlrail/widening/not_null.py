"""The migrations by which a column becomes NOT NULL: no lock is held while its rows are read."""

from __future__ import annotations

from collections.abc import Iterator

from sqlrail.files.draft import Draft
from sqlrail.ground.names import join
from sqlrail.widening.facts import Column, Facts
from sqlrail.widening.files import NOTHING, OUTSIDE, QUICK, comment, script
from sqlrail.widening.linted import accepted
from sqlrail.widening.naming import with_suffix


def refusals(facts: Facts) -> Iterator[str]:
    """The reasons against it; none where it can be done."""
    column = facts.columns[0]
    if column in facts.not_null:
        yield f"{column} is NOT NULL already"
    if column.relkind not in ("r", "p"):
        yield f"{column.table} is no table of this database's own"
    if _name(column) in column.constraints:
        yield f"the constraint {join(_name(column))} of {column.table} is there already: rename it, or drop it"


def drafts(column: Column) -> Iterator[Draft]:
    """All of them, in their order."""
    alter, check = f"ALTER TABLE {column.table}", join(_name(column))
    # A row in which a field is null is not NOT NULL, and yet a value of such a column.
    is_there = "IS DISTINCT FROM NULL" if column.is_row else "IS NOT NULL"
    adds = f"{alter} ADD CONSTRAINT {check} CHECK ({column.spelt} {is_there}) NOT VALID"
    validates, drops = f"{alter} VALIDATE CONSTRAINT {check}", f"{alter} DROP CONSTRAINT {check}"
    sets, unsets = (f"{alter} ALTER COLUMN {column.spelt} {what} NOT NULL" for what in ("SET", "DROP"))
    named = f"not null {column.table_name} {column.name}"

    def draft(step: str, why: str, directives: str, statement: str, undoes: str) -> Draft:
        directives += accepted([statement], "the column itself is NOT NULL by now")
        return Draft(f"{named} {step}", f"{comment(why)}{directives}", script([statement]), undoes)

    yield draft(
        "check", f"No row is written any more whose {column.spelt} is null.", QUICK, adds,
        f"{QUICK}\n{script([drops])}",
    )  # fmt: skip
    yield draft(
        "validate", "The rows that were there: others read and write them meanwhile.", OUTSIDE, validates,
        f"\n{script([NOTHING])}",
    )  # fmt: skip
    yield draft(
        "set", "PostgreSQL takes the check for a proof, and reads no row.", QUICK, sets,
        f"{QUICK}\n{script([unsets])}",
    )  # fmt: skip
    yield draft(
        "drop", "The check says nothing more.", OUTSIDE + QUICK, drops, f"\n{script([adds, validates])}"
    )


def _name(column: Column) -> str:
    return with_suffix(column.name, "_is_not_null")
