"""An application that is rolled back starts: random histories, every older folder of each, several replicas at once."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import combinations
from pathlib import Path
from threading import Barrier
from typing import Any, NamedTuple

import pytest
from aftermath import write
from conftest import fresh_database, open_folder, query
from console import catalog
from proxy import Proxy, Sender
from samples import CUTS, EXAMPLES, HISTORIES, IS_WIDE, STARTS
from waiting import watching

import sqlrail as library
from sqlrail.engine import lost
from sqlrail.errors import MigrationFailed, Refused, SqlrailError
from sqlrail.ground.events import Applied, Event, nobody
from sqlrail.ground.reading import given
from sqlrail.server import local
from sqlrail.verbs.baseline import baseline
from sqlrail.verbs.rollback import Rollback, rollback

pytestmark = pytest.mark.promise

SEEDS = random.Random().sample(range(10**6), HISTORIES) if IS_WIDE else range(HISTORIES)  # noqa: S311
#: what a newer release has left half done
HALF_DONE = {"999_z": "-- transactional: false\nCREATE TABLE z (n int);\nSELECT 1 / 0;\n"}
#: what reads a table, with the transactions that wrote its rows
TABLES = """
    SELECT format('SELECT %1$L, md5(string_agg(concat_ws('' '', xmin, t), '','' ORDER BY t::text)) FROM %1$s AS t',
                  c.oid::regclass)
      FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
     WHERE relkind = 'r' AND nspname IN ('public', 'sqlrail') ORDER BY c.oid::regclass::text
"""


class History(NamedTuple):
    """What was written and deployed, as the database has it in the end."""

    files: dict[str, str]  # in the order in which they were written
    by_time: list[str]  # in the order in which they were recorded
    is_half_done: bool

    def is_older(self, ids: Collection[str]) -> bool:
        """Whether a release had these files and no others."""
        orders = (self.by_time, sorted(self.by_time))
        return bool(ids) and any({*order[: len(ids)]} == {*ids} for order in orders)

    def ahead_of(self, ids: Collection[str]) -> set[str]:
        return {*self.files} - {*ids} | {*(HALF_DONE if self.is_half_done else ())}

    def holes(self, rng: random.Random) -> Iterator[tuple[str, ...]]:
        """Folders that no release had, in a random order."""
        subsets = [
            ids for size in range(1, len(self.files)) for ids in combinations(self.files, size)
            if not self.is_older(ids)
        ]  # fmt: skip
        yield from rng.sample(subsets, len(subsets))


def files_of(rng: random.Random) -> dict[str, str]:
    """Files in the order in which they are written: some come late, are outside a transaction, or depend on others."""
    numbers = rng.sample(range(1, 99), rng.randint(2, 6))
    if rng.random() < 0.6:
        numbers.sort()
    files = dict[str, str]()
    for number in numbers:
        id_ = f"{number:03}_{rng.choice('abc')}"
        earlier = [it for it in files if it < id_]
        depends = f"-- depends: {rng.choice(earlier)}\n" if earlier and rng.random() < 0.4 else ""
        outside = "-- transactional: false\n" if rng.random() < 0.2 else ""
        made = f"CREATE TABLE t{number} (n int);\nINSERT INTO t{number} VALUES ({number});\n"
        files[id_] = f"{depends}{outside}{made}"
    return files


def deployed(url: str, tmp_path: Path, rng: random.Random) -> History:
    """Writes a history, and deploys it in some steps; the first of them may be a baseline."""
    files = files_of(rng)
    ids = [*files]
    steps = sorted(rng.sample(range(1, len(ids)), rng.randint(0, len(ids) - 1)))
    if steps and rng.random() < 0.3:
        first = ids[: steps[0]]
        for id_ in first:
            query(url, files[id_])
        folder = laid(tmp_path / "baseline", files, first)
        baseline(given(url, folder), nobody, max(first), accept_differences=True)
    for step in [*steps, len(ids)]:
        library.migrate(url, laid(tmp_path / f"step-{step}", files, ids[:step]), allow_late=True)
    is_half_done = rng.random() < 0.4
    if is_half_done:
        folder = laid(tmp_path / "half", files | HALF_DONE, [*files, *HALF_DONE])
        with pytest.raises(MigrationFailed):
            library.migrate(url, folder)
    rows = query(url, "SELECT migration_id FROM _yoyo_migration ORDER BY applied_at_utc, migration_id")
    return History(files, [id_ for (id_,) in rows], is_half_done)


def laid(folder: Path, files: Mapping[str, str], ids: Collection[str]) -> Path:
    """A folder with these of the files."""
    return write(folder, **{id_: files[id_] for id_ in ids})


def digest(url: str) -> object:
    """Everything that a start could have changed, to the transactions that wrote each row."""
    return catalog(url), [query(url, text) for (text,) in query(url, TABLES)]


def started(url: str, folder: Path) -> list[dict[str, Any]]:
    """What replicas are told that start at the same time."""
    together = Barrier(STARTS)

    def start(_: int) -> dict[str, Any]:
        together.wait()
        return dict(library.migrate(url, folder))

    with ThreadPoolExecutor(STARTS) as replicas:
        return [*replicas.map(start, range(STARTS))]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_older_release_starts_and_every_hole_is_refused(
    seed: int, database: str, tmp_path: Path
) -> None:
    rng = random.Random(seed)  # noqa: S311
    history = deployed(database, tmp_path, rng)
    assert sorted(history.by_time) == sorted(history.files)
    before = digest(database)
    sizes = range(1, len(history.files) + 1)
    older = {frozenset(order[:size]) for size in sizes for order in (history.by_time, sorted(history.files))}
    for number, ids in enumerate(older):
        folder = laid(tmp_path / f"older-{number}", history.files, ids)
        for done in started(database, folder):
            assert (done["applied"], done["already_applied"], done["pending"]) == ([], len(ids), 0), ids
            assert set(done["ahead"]) == history.ahead_of(ids), ids
        assert digest(database) == before, ids
    for number, hole in enumerate([*history.holes(rng)][:EXAMPLES]):
        with pytest.raises(Refused) as refused:
            library.migrate(database, laid(tmp_path / f"hole-{number}", history.files, hole))
        assert "missing" in {it["kind"] for it in refused.value.details["problems"]}, hole
        assert digest(database) == before, hole


@pytest.mark.parametrize("seed", SEEDS)
def test_replicas_of_an_older_release_start_while_a_newer_one_migrates(
    seed: int, database: str, tmp_path: Path
) -> None:
    rng = random.Random(seed)  # noqa: S311
    files = dict(sorted(files_of(rng).items()))
    newer = laid(tmp_path / "newer", files, files)
    older = laid(tmp_path / "older", files, [*files][: rng.randint(1, len(files) - 1)])
    with ThreadPoolExecutor(len(files)) as replicas:
        starts = list[Future[Any]]()

        def start_one(event: Event) -> None:
            if isinstance(event, Applied):
                starts.append(replicas.submit(library.migrate, database, older))

        done = [library.migrate(database, newer, listener=start_one), *(start.result() for start in starts)]
    assert sorted(it["id"] for one in done for it in one["applied"]) == [*files]
    assert done[-1]["ahead"]  # it began when all was applied
    log = "SELECT migration_id FROM _yoyo_log WHERE operation = 'apply' ORDER BY created_at_utc"
    assert query(database, log) == [(id_,) for id_ in files]


@pytest.mark.parametrize("seed", SEEDS)
def test_an_older_release_that_was_edited_or_has_more_does_not_start(
    seed: int, database: str, tmp_path: Path
) -> None:
    rng = random.Random(seed)  # noqa: S311
    history = deployed(database, tmp_path, rng)
    before = digest(database)
    ids = history.by_time[: rng.randint(1, len(history.files) - 1)]
    edited = history.files | {(id_ := rng.choice(ids)): f"{history.files[id_]}SELECT 1;\n"}
    more = history.files | {"500_new": "CREATE TABLE new ();\n"}
    for name, files, its in (("edited", edited, ids), ("more", more, [*ids, "500_new"])):
        with pytest.raises(Refused):
            library.migrate(database, laid(tmp_path / name, files, its))
        assert digest(database) == before, (name, its)


# taken back from the older folder


def with_ways_back(files: Mapping[str, str]) -> dict[str, str]:
    """The same files, each with a rollback."""
    return {
        name: text
        for id_, made in files.items()
        for name, text in ((id_, made), (f"{id_}.rollback", f"DROP TABLE t{int(id_[:3])};\n"))
    }


def releases(tmp_path: Path, rng: random.Random) -> tuple[Path, Path, str]:
    """An older folder and a newer one, and the last migration of the older one."""
    files = dict(sorted(files_of(rng).items()))
    ids = [*files][: rng.randint(1, len(files) - 1)]
    everything = with_ways_back(files)
    older = laid(tmp_path / "older", everything, [name for name in everything if name[:5] in ids])
    return older, laid(tmp_path / "newer", everything, everything), ids[-1]


def dumped(url: str) -> str:
    """What pg_dump says, but for the log, which has become longer."""
    program = local.find_binaries() / "pg_dump"
    options = ["--restrict-key=x", "--exclude-table-data=_yoyo_log"]
    return subprocess.run([program, *options, url], capture_output=True, text=True, check=True).stdout


def go_back(url: str, older: Path, to: str) -> Rollback:
    return rollback(given(url, older, environment="test"), nobody, to=to, yes=True, stored=True)


def kept(url: str) -> list[tuple[Any, ...]]:
    """The records for which nothing is kept, and what is kept for none."""
    return query(
        url,
        "SELECT migration_id, content FROM _yoyo_migration AS m FULL JOIN sqlrail.rollback AS r"
        " ON r.migration_hash = m.migration_hash WHERE r.migration_hash IS NULL OR m.migration_hash IS NULL",
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_the_older_folder_takes_back_what_the_newer_one_has_applied(
    seed: int, database: str, tmp_path: Path
) -> None:
    older, newer, last = releases(tmp_path, random.Random(seed))  # noqa: S311
    library.migrate(database, older, environment="test")
    before = dumped(database)
    for _ in range(2):
        done = library.migrate(database, newer, environment="test")
        assert kept(database) == []
        assert [it.id for it in go_back(database, older, last).rolled_back] == [
            it["id"] for it in reversed(done["applied"])
        ]
        assert dumped(database) == before


@pytest.mark.parametrize("sender", ["client", "server"])
def test_a_cut_after_any_message_leaves_what_is_kept_beside_its_record(
    sender: Sender, server: local.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost, "RECONNECT", 0.0)
    older, newer, last = releases(tmp_path, random.Random(5))  # noqa: S311
    number, was_cut = 1, True
    while was_cut:
        with fresh_database(server) as url, open_folder() as folder, watching(server, url) as watch:
            library.migrate(url, older, environment="test")
            before = dumped(url)
            with closing(Proxy(folder, url, sender=sender, cut_after=number, again=False)) as proxy:
                with suppress(SqlrailError):
                    library.migrate(proxy.url, newer, environment="test")
                    go_back(proxy.url, older, last)
                was_cut = proxy.was_cut.is_set()
            watch.wait_until_gone()
            assert kept(url) == []
            go_back(url, older, last)
            assert dumped(url) == before
        number += CUTS[sender]
