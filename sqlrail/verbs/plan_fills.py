"""What plan says of a backfill: how many rows, in how many batches, and for how long."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from yoyo.migrations import get_migration_hash

from sqlrail.engine.backend import Backend
from sqlrail.engine.backfill.checkpoint import State
from sqlrail.engine.backfill.table import Table, ask
from sqlrail.errors import ConnectionLost, SqlrailError
from sqlrail.files.file import File
from sqlrail.ground.constraint import names_in
from sqlrail.ground.settings import Settings
from sqlrail.verbs.plan_look import look

if TYPE_CHECKING:
    from sqlrail.results.plan import FillResult


@dataclass(frozen=True)
class Fill:
    """The first pass of a backfill over the live table: rows and batches are about so many, seconds with the pauses.

    None is not known: rows that nobody has counted, or of a table that is not there yet; batches and seconds where no
    batch was run. why: what keeps it from being known.
    """

    table: str
    is_there: bool = False  # in the live database
    rows: int | None = None
    done: int = 0
    batches: int | None = None
    seconds: float | None = None
    sampled: int = 0  # batches that were rolled back to find it out
    why: str | None = None

    @property
    def left(self) -> int | None:
        """Rows that the pass has still to walk over."""
        return None if self.rows is None else max(0, self.rows - self.done)

    @property
    def is_work(self) -> bool:
        """Whether there may be a row to walk over: there is a table, and it is not known to be empty."""
        return self.is_there and self.left != 0

    def by(self, rows: int, seconds: float, settings: Settings, sampled: int = 0) -> Fill:
        """The same by what a batch is like."""
        if self.left is None:
            return replace(self, sampled=sampled)
        batches = -(-self.left // max(1, rows))
        return replace(
            self, batches=batches, seconds=round(batches * (seconds + settings.pause), 3), sampled=sampled
        )

    def as_json(self) -> FillResult:
        """The same for scripts."""
        return {
            "table": self.table,
            "rows": self.rows,
            "done": self.done,
            "batches": self.batches,
            "seconds": self.seconds,
            "sampled": self.sampled,
            "why": self.why,
        }


def look_at_backfills(live: Backend, due: Iterable[File], *, samples: bool) -> dict[str, Fill]:
    """What there is to say of each file with a backfill; samples: some of its batches are run, and rolled back."""
    states = {note.id: State.read(note.backfill) for note in live.notes if note.backfill}
    return {
        file.id: _of(live, file, states.get(file.id) or State(), samples=samples)
        for file in due
        if file.backfill
    }


def _of(live: Backend, file: File, state: State, *, samples: bool) -> Fill:
    assert file.backfill is not None
    session, fill = live.session, Fill(str(file.backfill).partition(" by ")[0], done=state.seen)
    try:
        table = ask(session, file)
        # Estimates grow with a table's pages, and so with the dead rows of what is done.
        is_counted = state.batches or table.nodes  # by its shards
        rows = (table.rows or None) if is_counted else _rows(live, table)
        fill = replace(fill, table=table.name, is_there=True, rows=rows)
        if samples:
            return _sampled(live, file, table, state, fill)
    except ConnectionLost:
        raise
    except SqlrailError as exc:
        return replace(fill, why=str(exc))
    if not state.batches:
        return fill
    return fill.by(state.walked // state.batches, session.settings.batch_time, session.settings)


def _sampled(live: Backend, file: File, table: Table, state: State, fill: Fill) -> Fill:
    from sqlrail.engine.backfill.sample import sample

    found = sample(live.session, file, get_migration_hash(file.id), table, state)
    return fill.by(found.rows, found.seconds, live.settings, found.batches)


def _rows(live: Backend, table: Table) -> int | None:
    schema, name = names_in(table.name)
    rows = look(live.connection, live.settings, "plan_live", schemas=[schema], names=[name])
    return rows[0][1] if rows else None
