"""What a listener is told has a sentence for people, each kind its own."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from sqlrail.ground import events
from sqlrail.ground.events import Event
from sqlrail.ground.sentences import text
from sqlrail.ground.target import Target
from sqlrail.ground.waits import Standbys

TARGET = Target("app", "db", 5432, "shop", "18.1", "staging")
NOBODY_THERE = Standbys("FIRST 1 (one)", ())
SENTENCES: list[tuple[Event, str]] = [
    (events.Said("so it is"), "so it is"),
    (events.Noted("so it is"), "note: so it is"),
    (events.Warned("so it is"), "warning: so it is"),
    (events.Noticed("NOTICE", "hello"), "notice: hello"),
    (events.HistoryRead("001_a", 2), "at 001_a, 2 pending"),
    (events.HistoryRead(None, 0), "at no file yet, 0 pending"),
    (
        events.Ahead(("002_b", "003_c\x1b"), ("003_c\x1b",)),
        (
            "the database is ahead of this folder by 002_b, 003_c\\x1b (half done): a newer release has been here, "
            "and there is nothing to apply"
        ),
    ),
    (events.Reached(TARGET), "target: app@db:5432/shop, PostgreSQL 18.1, environment staging"),
    (
        events.WaitingForServer("app@db:5432/shop", 60.0, "the server starts"),
        "waiting for app@db:5432/shop, 60 s at the most (--wait): the server starts",
    ),
    (events.WaitingForLock("backend 7", 0.5), "waiting for backend 7, 0.5 s at the most (--lock-wait)"),
    (events.Begun("001_a\x1b"), "applying 001_a\\x1b ..."),
    (events.Applied("001_a", 1.234), "applied 001_a (1.23 s)"),
    (
        events.Applied("001_a", 0.0, (events.Orphans("a.b -> c.d", "set null", 1, 2, left=3, run=4),)),
        (
            "applied 001_a (0.00 s)\n"
            "  a.b -> c.d: 1 row set to null, 2 rows archived (run 4), 3 rows left alone"
        ),
    ),
    (
        events.TakingBack("001_a", "-- why\n\tDROP TABLE \x1b;\n"),
        (
            "001_a has no file here, and is taken back by what was kept of its rollback:\n"
            "  | -- why\n  | \tDROP TABLE \\x1b;"
        ),
    ),
    (events.RolledBack("001_a", 0.0), "rolled back 001_a (0.00 s)"),
    (events.Loaded(Path("sql/seed.sql"), 2.0), "loaded sql/seed.sql (2.00 s)"),
    (
        events.GaveWay("001_a", "canceling statement due to lock timeout.", pause=1.25),
        "001_a gave way: canceling statement due to lock timeout. It is tried again in 1.2 s.",
    ),
    (
        events.GaveWay("a batch of a.b -> c.d", "deadlock detected."),
        "a batch of a.b -> c.d gave way: deadlock detected. It is tried again.",
    ),
    (
        events.Resumed("001_a", "m/001_a.sql:3:1", 3),
        "001_a continues after m/001_a.sql:3:1, with statement 3",
    ),
    (events.DroppedIndex("i"), "dropped the invalid index i, which was left half-built"),
    (events.Progress("001_a", "at work for 3 s"), "001_a: at work for 3 s"),
    (events.ProgressEnded("001_a"), "001_a: ended"),
    (
        events.BatchCleaned("a.b -> c.d", "delete", found=3000, done=1000, cleaned=999, seconds=2.0),
        "a.b -> c.d: 1,000 of 3,000 rows, 999 deleted, 500 a second, 0:00:04 left",
    ),
    (
        events.BatchCleaned("a.b -> c.d", "set null", found=1, done=1, cleaned=1, seconds=0.0),
        "a.b -> c.d: 1 of 1 row, 1 set to null, 0 a second",
    ),
    (
        events.BatchFilled("001_a", 2, total=3000, done=1000, changed=999, now=1000, seconds=2.0),
        "001_a: pass 2: 1,000 of about 3,000 rows walked over, 999 changed, 500 a second, 0:00:04 left",
    ),
    (
        events.BatchFilled("001_a", 1, total=0, done=1000, changed=1, now=1000, seconds=2.0),
        "001_a: 1,000 rows walked over, 1 changed, 500 a second",
    ),
    (
        events.Applied("001_a", 2.0, (), events.Filled(3, 2, batches=1, passes=1, wal=100, dead=1)),
        (
            "applied 001_a (2.00 s)\n  2 rows changed, 3 walked over, in 1 batch; meanwhile the server wrote 100 B of "
            "WAL, and the table has 1 dead row, which autovacuum takes away"
        ),
    ),
    (
        events.Applied("001_a", 2.0, (), events.Filled(0, 0, batches=1, passes=2, wal=100, dead=0)),
        (
            "applied 001_a (2.00 s)\n  0 rows changed, 0 walked over, in 1 batch and 2 passes; meanwhile the server "
            "wrote 100 B of WAL"
        ),
    ),
    (
        events.WaitingForStandby(None, NOBODY_THERE),
        (
            "the commit waits for a synchronous standby (synchronous_standby_names is FIRST 1 (one); no standby is "
            "connected). It stands on this server already: Ctrl-C ends the wait, and does not take it back"
        ),
    ),
    (
        events.Unconfirmed("001_a", None),
        (
            "warning: 001_a is committed on this server, and no synchronous standby has confirmed it: it would be lost "
            "with this server. It counts as done; running again does not wait for it."
        ),
    ),
    (
        events.AnswerLost("001_a"),
        "the connection was lost while 001_a was being committed; looking what became of it",
    ),
    (
        events.CopyingRows(("public.users", "public.posts"), 2_000_000, None),
        (
            "copying the rows of public.users, public.posts (1.9 MB) into a scratch database on this server, where the "
            "pending files are tried; it is dropped afterwards"
        ),
    ),
    (
        events.CopyingRows(("public.users",), 100, "app@staging:5432/postgres"),
        (
            "copying the rows of public.users (100 B) into a scratch database on app@staging:5432/postgres, where the "
            "pending files are tried; it is dropped afterwards"
        ),
    ),
    (
        events.LeftBehind("sqlrail_scratch_1", "nobody answers."),
        "the scratch database sqlrail_scratch_1 stays behind until a later run drops it: nobody answers.",
    ),
]


@pytest.mark.parametrize(("event", "sentence"), SENTENCES, ids=[repr(event)[:40] for event, _ in SENTENCES])
def test_each_has_a_sentence(event: Event, sentence: str) -> None:
    assert text(event) == sentence


def test_none_is_without() -> None:
    assert {type(event) for event, _ in SENTENCES} == {*get_args(Event)}
