"""How long a backfill would take, by a few of its batches, each of which is rolled back."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import NamedTuple

import psycopg

from sqlrail.batches.pace import FIRST, Pace
from sqlrail.batches.patience import Patience
from sqlrail.engine.backfill.batches import Batches
from sqlrail.engine.backfill.checkpoint import State
from sqlrail.engine.backfill.run import MOST
from sqlrail.engine.backfill.table import Table
from sqlrail.engine.backfill.walk import Walk
from sqlrail.engine.session import Session
from sqlrail.files.file import File
from sqlrail.ground.words import milliseconds

#: batches: by two of different sizes it is known what each takes whatever its rows, and the third is of the right size
BATCHES = 3


class Sample(NamedTuple):
    """What a batch is like that takes as long as it may."""

    rows: int
    seconds: float
    batches: int  # by which it was found


def sample(session: Session, file: File, hash_: str, table: Table, state: State) -> Sample:
    """Runs some batches, each behind the one before, and rolls each back; state: how far the backfill is.

    SqlrailError where the statement fails, gives way, or is refused as it would be in a run.
    """
    assert file.backfill is not None
    session.raise_if_standby()
    batches, pace = Batches(session, file, hash_, b""), Pace(session.settings.batch_time, FIRST)
    walk = Walk(session.store, table, file.backfill)
    for number in range(1, BATCHES + 1):
        before, began = state.seen, time.monotonic()
        state = _rolled_back(session, batches, walk, state, pace.rows, file)
        rows, seconds = state.seen - before, time.monotonic() - began
        if state.is_through:
            return Sample(rows, seconds, number)
        pace.took(rows, seconds)
        pace.rows = min(pace.rows, MOST)
    return Sample(pace.rows, seconds * pace.rows / rows, BATCHES)


def _rolled_back(
    session: Session, batches: Batches, walk: Walk, state: State, size: int, file: File
) -> State:
    """How far it would be behind one more batch."""
    store, what = session.store, f"a sample of {file.id}"
    patience = Patience(session, session.tell, ()).longest
    session.under_way(name=file.id, limit=patience)
    text = store.message("begin") + store.limits(file) + store.message("ours")
    try:
        batches.look(walk)
        session.ask(text + store.message("lock_limit", lock_timeout=milliseconds(patience)))
        done, _ = batches.run(walk, replace(state, upto=state.upto or _last(session, walk)), size)
    except psycopg.Error as exc:
        session.raise_if_lost(f"{what} was under way", error=exc)
        raise session.failure(f"{what} failed", f"{what} was under way", exc, session.watch.said()) from exc
    finally:
        session.undo()
    return done


def _last(session: Session, walk: Walk) -> tuple[str, ...] | None:
    found = session.ask(walk.last())
    return tuple(found[-1][0]) if found else None
