"""The JSON of `drift`."""

from __future__ import annotations

from typing import Literal, TypedDict

from sqlrail.results.doctor import MadeResult

#: what the database is compared with
Against = Literal["the files", "the other database", "the ORM"]
What = Literal["lacking", "extra", "changed", "renamed"]


class ChangeResult(TypedDict):
    """A fact of an object that is not the same."""

    #: its name, as in type or nullable; the kind of the object where it is the definition as a whole
    fact: str
    wanted: str | None  # in the files, the other database or the ORM; null: it is not set there
    found: str | None  # in the database; null: it is not set there


class DifferenceResult(TypedDict):
    """An object that the database lacks, has besides, has otherwise or by another name."""

    what: What  # of the database: what it lacks, or has extra, changed or renamed
    kind: str  # of object: table, column, constraint and so on
    table: str | None  # that the object is of; null where it is of none
    name: str  # with the schema
    was: str | None  # renamed: the name that it has in the database
    changes: list[ChangeResult]
    text: list[str]  # the lines that people read


class StatementResult(TypedDict):
    """A statement that makes the database the same, or a part of it."""

    sql: str  # without its semicolon
    loses_data: bool  # whether it does, or goes with one that does


class DriftResult(TypedDict):
    """How the database differs from what it was compared with."""

    against: Against  # what the database was compared with
    built: list[str]  # ids of the files that it was compared with
    differences: list[DifferenceResult]
    statements: list[StatementResult]  # what makes the database the same, in its order
    by_hand: list[str]  # what no statement can do, and why
    sql: str  # all that as a script; what loses data is a comment in it unless --with-drops was said
    made: list[MadeResult]  # of the statements
