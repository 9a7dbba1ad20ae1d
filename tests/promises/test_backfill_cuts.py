"""Each row once, wherever a connection is cut and whatever is killed."""

from __future__ import annotations

import random
import signal
from contextlib import closing
from pathlib import Path

import filling
import pytest
from aftermath import read, start_runner
from conftest import fresh_database, open_folder
from filling import EACH, ONCE, UNTIL, Place
from proxy import Proxy, Sender
from samples import CUTS, sample
from waiting import PATIENCE, watching

from sqlrail.engine import lost
from sqlrail.errors import ConnectionFailed, ConnectionLost
from sqlrail.server import local

#: runners that are killed
KILLS = sample("BACKFILL_KILLS", 4)

place = filling.place


@pytest.mark.promise
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("sender", ["client", "server"])
@pytest.mark.parametrize("again", [False, True], ids=["for good", "once"])
def test_each_row_once_wherever_the_connection_is_cut(
    server: local.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sender: Sender, again: bool
) -> None:
    """A run ends in one of the errors that say so, or goes on; the next one finishes it."""
    monkeypatch.setattr(lost, "RECONNECT", 0.0)
    said = set()
    for number in range(CUTS[sender] // 2 * again, 10_000, CUTS[sender]):
        with fresh_database(server) as url, open_folder() as sockets, watching(server, url) as watch:
            place = Place(url, tmp_path / "files", rows=1200)
            with closing(Proxy(sockets, url, sender=sender, cut_after=number, again=again)) as proxy:
                place.url = proxy.url
                failed = place.run(UNTIL.replace("done IS NULL", "n = 0") + EACH.replace(";", " AND n = 0;"))
                was_cut, place.url = proxy.was_cut.is_set(), url
            watch.wait_until_gone()
            if failed is None:
                assert read(url).records == ["001_fill"]
            else:
                assert isinstance(failed, (ConnectionFailed, ConnectionLost)), (number, failed)
                assert failed.exit_code == 1
                said.add("It is a backfill: at least " in str(failed))
                assert place.run() is None, number
            assert place.counts() == {1: 1200}, number
            place.check_done()
        if not was_cut:
            break
    assert said == {False, True}


@pytest.mark.promise
def test_each_row_once_whatever_is_killed(server: local.Server, place: Place) -> None:
    """Runners are killed at any instant, two at a time."""
    rows = 10_000 * KILLS
    place.query(f"INSERT INTO t SELECT * FROM generate_series(3001, {rows})")
    place.write(ONCE + EACH)
    arguments = ("--migrations", place.folder, "migrate", "--batch-time", "20ms", "--pause", "0")
    chance = random.Random(KILLS)  # noqa: S311 - the same ones each time
    killed = 0
    while killed < KILLS and read(place.url).records == []:
        with watching(server, place.url) as watch:
            two = [start_runner(place.url, *arguments) for _ in range(2)]
            place.wait_for_a_batch(place.walked())
            watch.let_run(chance.uniform(0, 0.2))
            for each in two:
                each.send_signal(signal.SIGKILL)
                each.communicate(timeout=PATIENCE)
            killed += 2
    assert set(place.counts()) <= {0, 1}
    assert place.run(batch_time=0.2) is None
    assert place.counts() == {1: rows}
    place.check_done()
