"""Random histories of a project: the files as they were written, their deployments, and which folders a release had.

A file may be late, outside a transaction, depend on others, wait for the end of the deployment, or be a backfill, which
may be left. Releases edit their code files, and have a post-apply file each; the first of them may have been recorded
by a baseline.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Collection, Mapping
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from aftermath import write
from conftest import query

import sqlrail as library
from sqlrail.errors import MigrationFailed
from sqlrail.files.code import FOLDER
from sqlrail.ground.events import nobody
from sqlrail.ground.reading import given
from sqlrail.results.status import Phase
from sqlrail.verbs.baseline import baseline

#: a file that a newer release has left half done
HALF_DONE = "-- transactional: false\nCREATE TABLE z (n int);\nSELECT 1 / 0;\n"
#: the line of one that waits for the end of the deployment
AFTER = "-- phase: after\n"
PHASES: tuple[Phase | None, ...] = (None, "before")
#: what reads a table, with the transactions that wrote its rows
TABLES = """
    SELECT format('SELECT %1$L, md5(string_agg(concat_ws('' '', xmin, t), '','' ORDER BY t::text)) FROM %1$s AS t',
                  c.oid::regclass)
      FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
     WHERE relkind = 'r' AND nspname IN ('public', 'sqlrail') ORDER BY c.oid::regclass::text
"""


class Release(NamedTuple):
    """What is in a folder beside the migrations."""

    code: dict[str, str]
    post_apply: str


class Project(NamedTuple):
    """What was written: the migrations, in that order, and the releases, each with how many of them it has."""

    files: dict[str, str]
    releases: list[tuple[int, Release]]

    def lay(self, folder: Path, ids: Collection[str], release: Release | None = None) -> Path:
        """A folder with these migrations, their rollbacks, and what the release, or else the last one, has beside."""
        code, post_apply = release or self.releases[-1][1]
        shutil.rmtree(folder, ignore_errors=True)
        write(folder, **{id_: self.files[id_] for id_ in ids})
        write(folder, **{f"{id_}.rollback": way_back(id_, self.files[id_]) for id_ in ids})
        write(folder, **{"post-apply": post_apply})
        write(folder / FOLDER, **code)
        return folder


def project(rng: random.Random) -> Project:
    """One of two to six migrations, in one to as many releases."""
    files = files_of(rng)
    sizes = [*sorted(rng.sample(range(1, len(files)), rng.randint(0, len(files) - 1))), len(files)]
    releases, code = list[tuple[int, Release]](), dict[str, str]()
    for number, size in enumerate(sizes):
        code = edited(rng, code, [*files][:size], files)
        posted = f"CREATE TABLE IF NOT EXISTS posted (n int);\nINSERT INTO posted VALUES ({number});\n"
        releases.append((size, Release(code, posted)))
    return Project(files, releases)


def files_of(rng: random.Random) -> dict[str, str]:
    """Migrations in the order in which they are written."""
    numbers = rng.sample(range(1, 99), rng.randint(2, 6))
    if rng.random() < 0.6:
        numbers.sort()
    files = dict[str, str]()
    for number in numbers:
        id_ = f"{number:03}_{rng.choice('abc')}"
        if rng.random() < 0.2:
            files[id_] = f"{AFTER}CREATE TABLE t{number} (n int);\nINSERT INTO t{number} VALUES ({number});\n"
            continue
        earlier = [it for it, text in files.items() if it < id_ and AFTER not in text]
        # One backfill a table: what takes a second one back would empty what the first one has filled.
        filled = "".join(text for text in files.values() if "-- backfill:" in text)
        tables = [it for it in earlier if "CREATE TABLE" in files[it] and f"-- depends: {it}\n" not in filled]
        if tables and rng.random() < 0.2:
            files[id_] = backfill(rng.choice(tables))
            continue
        depends = f"-- depends: {rng.choice(earlier)}\n" if earlier and rng.random() < 0.4 else ""
        is_outside = rng.random() < 0.2
        outside = "-- transactional: false\n" if is_outside else ""
        index = f"CREATE INDEX CONCURRENTLY ON t{number} (filled);\n" if is_outside else ""
        files[id_] = (
            f"{depends}{outside}CREATE TABLE t{number} (n int PRIMARY KEY, filled int);\n"
            f"INSERT INTO t{number} VALUES ({number}), (100);\n{index}"
        )
    return files


def backfill(of: str) -> str:
    """A migration that fills the table of another one."""
    table = f"t{int(of[:3])}"
    return (
        f"-- depends: {of}\n-- backfill: {table} by n\n"
        f"UPDATE {table} SET filled = b.n FROM sqlrail_batch AS b WHERE {table}.n = b.n AND filled IS NULL;\n"
    )


def way_back(id_: str, text: str) -> str:
    """The rollback of a migration."""
    if "-- backfill:" in text:
        return text.splitlines()[-1].partition(" SET")[0] + " SET filled = NULL;\n"
    return f"DROP TABLE t{int(id_[:3])} CASCADE;\n"


def edited(
    rng: random.Random, code: Mapping[str, str], ids: Collection[str], files: Mapping[str, str]
) -> dict[str, str]:
    """Code files over the tables of these migrations: those that were there, some of them edited, and more.

    A view begins with its table: without it a rollback of its release would leave it, as each code file that is gone.
    """
    tables = [f"t{int(id_[:3])}" for id_ in ids if files[id_].count("filled int")]
    texts = {"one": "CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT {}';\n"}
    texts |= {
        f"of_{table}": f"CREATE VIEW of_{table} AS SELECT n, {{}} AS it FROM {table};\n" for table in tables
    }
    last = f"of_t{int([*ids][-1][:3])}"
    wanted = [name for name in texts if name in code or not code or (rng.random() < 0.5 and name == last)]
    return {
        name: code[name] if name in code and rng.random() < 0.6 else texts[name].format(rng.randrange(99))
        for name in wanted
    }


class History(NamedTuple):
    """What was written and deployed, as the database has it in the end."""

    project: Project
    by_time: list[str]  # in the order in which they were recorded
    left: list[str]  # backfills, and what depends on one
    waiting: list[str]  # for the end of the deployment
    half_done: str | None  # the file that is

    def is_older(self, ids: Collection[str]) -> bool:
        """Whether a release had these of the recorded files, with all of what was left, or without, and no others.

        What waits may be in any folder, or not.
        """
        ids = {*ids} - {*self.waiting}
        recorded = [id_ for id_ in self.by_time if id_ in ids]
        gone = [id_ for id_ in self.by_time if id_ not in ids]
        if not recorded:
            return False
        if not gone:
            return {*self.left} <= ids
        if max(ids) < min(gone):
            return True
        return len(recorded) == len(ids) and recorded == self.by_time[: len(recorded)]

    def ahead_of(self, ids: Collection[str]) -> set[str]:
        return {*self.by_time} - {*ids} | ({self.half_done} if self.half_done else set())

    def older(self) -> set[frozenset[str]]:
        """Every folder that a release may have had."""
        sizes = range(1, len(self.by_time) + 1)
        found = {frozenset(order[:size]) for size in sizes for order in (self.by_time, sorted(self.by_time))}
        # Of a backfill that was left there is no record: only its number says where it belongs.
        found |= {ids | {id_ for id_ in self.left if id_ < max(ids)} for ids in found}
        found |= {frozenset([*self.by_time, *self.left])}
        found |= {ids | {*self.waiting} for ids in found}
        return {ids for ids in found if self.is_older(ids)}

    def holes(self) -> list[tuple[str, ...]]:
        """Folders that no release had, with some of the files that were recorded."""
        return [
            (*ids, *more)
            for size in range(1, len(self.by_time))
            for ids in combinations(self.by_time, size)
            for more in {(), (*self.left,), (*self.waiting,)}
            if not self.is_older([*ids, *more])
        ]


def deployed(url: str, tmp_path: Path, rng: random.Random) -> History:
    """Writes a project, and deploys its releases; the first of them may be a baseline."""
    made = project(rng)
    ids = [*made.files]
    first = made.releases[0][0]
    if len(made.releases) > 1 and rng.random() < 0.3:
        record(url, made, ids[:first], tmp_path / "baseline")
    for size, release in made.releases:
        folder = made.lay(tmp_path / f"release-{size}", ids[:size], release)
        skips, phase = rng.random() < 0.5, rng.choice(PHASES)
        library.migrate(url, folder, allow_late=True, skip_backfills=skips, phase=phase)
    rows = query(url, "SELECT migration_id FROM _yoyo_migration ORDER BY applied_at_utc, migration_id")
    by_time = [id_ for (id_,) in rows]
    waiting = [id_ for id_ in ids if id_ not in by_time and AFTER in made.files[id_]]
    left = [id_ for id_ in ids if id_ not in [*by_time, *waiting]]
    half_done = None
    if not waiting and rng.random() < 0.4:
        # Beside what was left there is no telling by its time.
        half_done = f"{999 if left else rng.randint(1, 199):03}_z"
        folder = write(made.lay(tmp_path / "half", ids), **{half_done: HALF_DONE})
        with pytest.raises(MigrationFailed):
            library.migrate(url, folder, allow_late=True, skip_backfills=skips)
    return History(made, by_time, left, waiting, half_done)


def record(url: str, made: Project, ids: list[str], folder: Path) -> None:
    """Makes by hand what these make, and records them by a baseline."""
    for id_ in ids:
        for statement in made.files[id_].split(";\n") if "-- backfill:" not in made.files[id_] else ():
            query(url, statement)
    baseline(given(url, made.lay(folder, ids)), nobody, max(ids), accept_differences=True)


def digest(url: str) -> object:
    """Everything that a start could have changed, to the transactions that wrote each row."""
    with psycopg.connect(url, autocommit=True) as connection:
        texts = connection.execute(TABLES.encode()).fetchall()
        rows = [connection.execute(text.encode()).fetchall() for (text,) in texts]
        views = connection.execute(
            b"SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' ORDER BY 1"
        )
        return rows, views.fetchall()
