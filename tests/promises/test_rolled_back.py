"""An application that is rolled back starts: random histories, every older folder of each, several replicas at once."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from threading import Barrier
from typing import Any, NamedTuple

import histories
import pytest
from aftermath import write
from conftest import fresh_database, open_folder, query
from histories import History, Project, Release, deployed, digest
from proxy import Proxy, Sender
from samples import CUTS, EXAMPLES, HISTORIES, IS_WIDE, STARTS
from waiting import watching

import sqlrail as library
from sqlrail.engine import lost
from sqlrail.errors import Refused, SqlrailError
from sqlrail.ground.events import Applied, Event, nobody
from sqlrail.ground.reading import given
from sqlrail.server import local
from sqlrail.verbs.rollback import Rollback, rollback

pytestmark = pytest.mark.promise

SEEDS = random.Random().sample(range(10**6), HISTORIES) if IS_WIDE else range(HISTORIES)  # noqa: S311


def started(url: str, folder: Path, *, is_newest: bool) -> list[dict[str, Any]]:
    """What replicas are told that start at the same time."""
    together = Barrier(STARTS)

    def start(_: int) -> dict[str, Any]:
        together.wait()
        newest: dict[str, Any] = {"skip_backfills": True, "phase": "before", "allow_late": True}
        return dict(library.migrate(url, folder, **(newest if is_newest else {})))

    with ThreadPoolExecutor(STARTS) as replicas:
        return [*replicas.map(start, range(STARTS))]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_older_release_starts(seed: int, any_database: str, tmp_path: Path) -> None:
    rng = random.Random(seed)  # noqa: S311
    history = deployed(any_database, tmp_path, rng)
    before = digest(any_database), dumped(any_database)
    for number, ids in enumerate(history.older()):
        recorded = {*history.by_time} & ids
        is_newest = len(recorded) == len(history.by_time)
        release = None if is_newest else rng.choice(history.project.releases)[1]
        folder = history.project.lay(tmp_path / f"older-{number}", ids, release)
        for done in started(any_database, folder, is_newest=is_newest):
            found = done["applied"], done["code"], done["already_applied"], done["pending"]
            assert found == ([], [], len(recorded), len(ids) - len(recorded)), ids
            assert set(done["ahead"]) == history.ahead_of(ids), ids
        assert digest(any_database) == before[0], ids
    assert dumped(any_database) == before[1]


class Hole(NamedTuple):
    """A folder that no release had: the files of a history, with these others, or without where there is no text."""

    ids: Collection[str]
    kinds: tuple[str, ...] = ("missing",)  # of problems, one of which it is
    changed: Mapping[str, str | None] = {}

    def lay(self, history: History, folder: Path, rng: random.Random) -> Path:
        history.project.lay(folder, self.ids, rng.choice(history.project.releases)[1])
        for id_ in [id_ for id_, text in self.changed.items() if text is None]:
            (folder / f"{id_}.sql").unlink()
        return write(folder, **{id_: text for id_, text in self.changed.items() if text is not None})


def holes(history: History, rng: random.Random) -> list[Hole]:
    """Files taken out; and of older folders each file edited, or renamed, and one more in them."""
    made, files = [Hole(ids) for ids in history.holes()], history.project.files
    for ids in history.older():
        recorded = [id_ for id_ in history.by_time if id_ in ids]
        for id_ in recorded:
            made.append(Hole(ids, ("edited",), {id_: f"{files[id_]}-- edited\n"}))
            for name in (f"{id_}x", f"{rng.randrange(100, 900)}_renamed"):
                made.append(Hole(ids, ("renamed", "missing"), {id_: None, name: files[id_]}))
        if len(recorded) < len(history.by_time):
            for name in ("000_new", f"{rng.randrange(100, 900)}_new", "2000_new"):
                made.append(Hole(ids, changed={name: "CREATE TABLE new ();\n"}))
    return made


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_hole_is_refused(seed: int, any_database: str, tmp_path: Path) -> None:
    rng = random.Random(seed)  # noqa: S311
    history = deployed(any_database, tmp_path, rng)
    before = digest(any_database), dumped(any_database)
    every = holes(history, rng)
    for hole in rng.sample(every, min(EXAMPLES, len(every))):
        with pytest.raises(Refused) as refused:
            library.migrate(any_database, hole.lay(history, tmp_path / "hole", rng))
        assert refused.value.exit_code == 3
        assert {it["kind"] for it in refused.value.details["problems"]} & {*hole.kinds}, hole
        assert digest(any_database) == before[0], hole
    assert dumped(any_database) == before[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_replicas_of_an_older_release_start_while_a_newer_one_migrates(
    seed: int, database: str, tmp_path: Path
) -> None:
    rng = random.Random(seed)  # noqa: S311
    made = Project(dict(sorted(histories.files_of(rng).items())), [])
    ids = [*made.files]
    size = rng.randint(1, len(ids) - 1)
    code = histories.edited(rng, {}, ids[:size], made.files)
    newest = histories.edited(rng, code, ids, made.files)
    older = made.lay(tmp_path / "older", ids[:size], Release(code, "SELECT 1"))
    newer = made.lay(tmp_path / "newer", ids, Release(newest, "SELECT 1"))
    with ThreadPoolExecutor(len(ids)) as replicas:
        starts = list[Future[Any]]()

        def start_one(event: Event) -> None:
            if isinstance(event, Applied) and event.id in ids:
                starts.append(replicas.submit(library.migrate, database, older))

        done = [library.migrate(database, newer, listener=start_one), *(start.result() for start in starts)]
    assert sorted(it["id"] for one in done for it in one["applied"]) == ids
    assert done[-1]["ahead"]  # it began when all was applied
    log = "SELECT migration_id FROM _yoyo_log WHERE operation = 'apply' ORDER BY created_at_utc"
    assert [id_ for (id_,) in query(database, log) if id_ in ids] == ids
    states = {it["name"]: it["state"] for it in library.status(database, newer)["code"]}
    assert states == dict.fromkeys(newest, "applied")


# taken back from the older folder


def dumped(url: str, *without: str) -> str:
    """What pg_dump says, but for the log, which is longer now, and rows of these; rows are sorted."""
    program = local.find_binaries() / "pg_dump"
    options = ["--restrict-key=x", *(f"--exclude-table-data={name}" for name in ("_yoyo_log", *without))]
    done = subprocess.run([program, *options, url], capture_output=True, text=True, check=True)
    rows = re.compile(r"(?ms)(?<= FROM stdin;\n).*?(?=^\\\.$)")
    return rows.sub(lambda found: "".join(sorted(found[0].splitlines(keepends=True))), done.stdout)


def go_back(url: str, older: Path, to: str) -> Rollback:
    return rollback(given(url, older, environment="test"), nobody, to=to, yes=True, stored=True)


def kept(url: str, without: Collection[str] = ()) -> list[tuple[Any, ...]]:
    """The records for which nothing is kept, and what is kept for none."""
    return query(
        url,
        "SELECT migration_id, content FROM _yoyo_migration AS m FULL JOIN sqlrail.rollback AS r"
        " ON r.migration_hash = m.migration_hash WHERE (r.migration_hash IS NULL OR m.migration_hash IS NULL)"
        " AND (migration_id = ANY (%s)) IS NOT TRUE",
        [[*without]],
    )


#: a post-apply file
POSTED = "CREATE TABLE IF NOT EXISTS posted (n int);\nINSERT INTO posted VALUES (1);\n"
#: what is recorded of the code files whose views and functions are there
MADE = """
    SELECT name, checksum, content FROM sqlrail.code WHERE to_regclass(name) IS NOT NULL OR name = 'one' ORDER BY name
"""


def built(url: str) -> object:
    """All of a database, but for how often a post-apply file was run, and when a code file."""
    return dumped(url, "sqlrail.code", "posted"), query(url, MADE)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_older_folder_takes_back_what_newer_ones_have_applied(
    seed: int, any_database: str, tmp_path: Path
) -> None:
    rng = random.Random(seed)  # noqa: S311
    files = histories.files_of(rng)
    made, code = Project(files, []), dict[str, str]()
    ids = [*files]
    baselined = ids[: rng.randint(1, len(ids) - 1)] if rng.random() < 0.3 else []
    if baselined != sorted(baselined):  # of one time: a part of them is an older release by its numbers only
        baselined = []
    folders, found = list[Path](), dict[int, object]()
    for size in range(1, len(ids) + 1):
        code = histories.edited(rng, code, ids[:size], files)
        made.releases.append((size, Release(code, POSTED)))
        folders.append(made.lay(tmp_path / f"release-{size}", ids[:size]))
        if size == len(baselined):
            histories.record(any_database, made, baselined, folders[-1])
        if size >= len(baselined):
            library.migrate(any_database, folders[-1], environment="test", allow_late=True)
            found[size] = built(any_database)
    assert kept(any_database, baselined) == []
    for size in range(len(ids) - 1, 0, -1):
        older, before = folders[size - 1], built(any_database)
        if size < len(baselined):
            with pytest.raises(Refused, match="nothing is kept"):
                go_back(any_database, older, max(ids[:size]))
            assert built(any_database) == before
            continue
        back = go_back(any_database, older, max(ids[:size]))
        assert {it.id for it in back.rolled_back} == {*back.stored} == {*ids[size:]}
        library.migrate(any_database, older)  # its code files
        assert built(any_database) == found[size], size
        assert kept(any_database, baselined) == []
        library.migrate(any_database, folders[-1], allow_late=True)


def releases(tmp_path: Path, rng: random.Random) -> tuple[Path, Path, str]:
    """An older folder and a newer one, and the last migration of the older one.

    None has a backfill: what a cut leaves of one stays, for the newer release goes on with it.
    """
    files = dict[str, str]()
    while not files or any("-- backfill:" in text for text in files.values()):
        files = histories.files_of(rng)
    made = Project(dict(sorted(files.items())), [(0, Release({}, "SELECT 1"))])
    ids = [*made.files][: rng.randint(1, len(made.files) - 1)]
    return made.lay(tmp_path / "older", ids), made.lay(tmp_path / "newer", made.files), ids[-1]


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
