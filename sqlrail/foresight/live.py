"""The live database's own: what it has and no applied file makes, or lacks, is built into the scratch database as well.

A pending file then meets there what it will meet on the live database: tables that are there already, names that are
taken, views that lean on a column.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import psycopg

from sqlrail.engine.backend import Backend
from sqlrail.errors import MigrationFailed
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import counted
from sqlrail.postgres.connect import connect
from sqlrail.postgres.diagnostics import sentence
from sqlrail.schema.compare import Difference
from sqlrail.schema.mend import mend
from sqlrail.schema.sides import Choice, Sides
from sqlrail.scratch.shared import run_all

#: what reaches beyond the database, or what no statement of a file meets
LEFT_OUT = (
    "access method", "comment", "event trigger", "extension", "foreign data wrapper", "other", "privilege",
    "publication", "published schema", "published table", "server", "statistics",
)  # fmt: skip
#: statements that are named where several fail
SHOWN = 3


class Likened(NamedTuple):
    """How many objects of a scratch database were made as the live one has them, and which could not be."""

    differences: int = 0
    failed: tuple[str, ...] = ()

    def notes(self) -> Iterator[str]:
        """What people have to know of it."""
        if self.failed:
            more = f", and {len(self.failed) - SHOWN} more" if len(self.failed) > SHOWN else ""
            yield (
                f"the live database differs from what the applied files build (`drift` shows how), and in "
                f"{counted(len(self.failed), 'place')} the rehearsal could not follow it: "
                f"{'; '.join(self.failed[:SHOWN])}{more}"
            )


def liken(backend: Backend, settings: Settings, left_out: Collection[str] = LEFT_OUT) -> Likened:
    """Makes the schema of a scratch database, on which the applied files are built, that of the live one.

    left_out: kinds of objects that are not made.
    """
    # A connection of its own, for the reader has it load values otherwise.
    with closing(connect(settings)) as live, closing(connect(backend.settings)) as scratch:
        compared = Sides(live, scratch, settings, _choice(settings)).compared()
    if compared is None:
        return Likened()
    wanted, there, found = compared
    found = [one for one in found if _counts(one, left_out)]
    failed = tuple(run_all(backend.connection, mend(wanted, there, found, keep_privileges=True)))
    return Likened(len(found), failed)


def _choice(settings: Settings) -> Choice:
    """All of it; of a tenant what lies in its schema."""
    return Choice() if settings.tenant is None else Choice([settings.tenant])


class Failure(NamedTuple):
    """Where a file fails on the live database as it is, and the server's sentence."""

    path: str
    place: tuple[int, int]
    sentence: str

    @property
    def at(self) -> str:
        """The place, without the folder of the file."""
        line, column = self.place
        return f"{Path(self.path).name}:{line}:{column}"

    @classmethod
    def of(cls, error: MigrationFailed) -> Failure | None:
        """None where nobody knows the place."""
        place, cause = error.details.get("place"), error.__cause__
        if place is None or not isinstance(cause, psycopg.Error):
            return None
        return cls(place["path"], (place["line"], place["column"]), sentence(cause))


def _counts(one: Difference, left_out: Collection[str]) -> bool:
    """Whether a file may meet it; a schema that only the scratch database has stands in for an extension's."""
    return one.kind not in left_out and (one.what, one.kind) != ("extra", "schema")
