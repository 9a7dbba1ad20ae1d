"""What a run has left behind: the story's database, what it looks like after each file, and the checks between."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import conforming
import psycopg
from conftest import ROOT, clean_environment, query, told
from listeners import Heard
from psycopg import sql

from sqlrail.errors import SqlrailError
from sqlrail.ground.settings import Settings
from sqlrail.server import local
from sqlrail.verbs.apply import migrate

FIXTURES = Path(__file__).resolve().parents[1]
MIGRATIONS = ROOT / "migrations"
IDS = sorted(path.stem for path in MIGRATIONS.glob("*.sql") if not path.stem.endswith(".rollback"))
ORPHAN = "c11ed8a9-ba3a-4c97-917e-0600e4985488"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class State:
    """All that a run may change, without times, numbers from sequences and names of machines."""

    records: list[str]
    applies: Counter[str]
    lock_rows: int
    catalog: list[str]
    rows: dict[str, list[str]]
    archive: list[tuple[Any, ...]]
    runs: list[tuple[Any, ...]]

    @property
    def content(self) -> tuple[object, ...]:
        """What the files and their pre-steps made, the records of them aside."""
        return self.catalog, self.rows, self.archive, self.runs


def read(url: str) -> State:
    with psycopg.connect(url, autocommit=True) as connection:

        def rows(statement: bytes, table: str | None = None) -> list[Any]:
            if table and connection.execute("SELECT to_regclass(%s)", [table]).fetchall() == [(None,)]:
                return []
            return connection.execute(statement).fetchall()

        catalog = sorted(line for (line,) in rows((FIXTURES / "catalog.sql").read_bytes()))
        tables = sorted({line.split(":")[0] for line in catalog})
        texts = sql.SQL("SELECT {0}::text FROM {0} ORDER BY 1")
        return State(
            [id_ for (id_,) in rows(b"SELECT migration_id FROM _yoyo_migration ORDER BY applied_at_utc, 1",
                                    "_yoyo_migration")],
            Counter(id_ for (id_,) in rows(b"SELECT migration_id FROM _yoyo_log WHERE operation = 'apply'",
                                           "_yoyo_log")),
            len(rows(b"SELECT FROM yoyo_lock", "yoyo_lock")),
            catalog,
            {name: [text for (text,) in connection.execute(texts.format(sql.Identifier(name)))] for name in tables},
            rows(b"SELECT relation, source, action, became::text, cells::text FROM sqlrail.archive "
                 b"ORDER BY 1, 2, 3, 4, 5", "sqlrail.archive"),
            rows(b"SELECT verb, migration_id, relations::text FROM sqlrail.run ORDER BY 1, 2, 3", "sqlrail.run"),
        )  # fmt: skip


def attempt(url: str, heard: Heard, migrations: Path = MIGRATIONS, **settings: Any) -> SqlrailError | None:
    """A migrate within this process; the error that it ended with, which must be one of sqlrail's own."""
    told = Settings(database_url=url, environment="development", migrations=migrations, **settings)
    try:
        migrate(told, heard)
    except SqlrailError as exc:
        ended = exc
    else:
        return None
    assert ended.applied == heard.applied_ids
    return ended


class Runner(subprocess.Popen[str]):
    """A run, of which only what is its own is heard."""

    def communicate(self, input: str | None = None, timeout: float | None = None) -> tuple[str, str]:  # noqa: A002
        out, err = super().communicate(input, timeout)
        conforming.check(list(map(str, self.args)), out)  # type: ignore[arg-type]
        return out, told(err)


def start_runner(url: str, *args: object, cwd: Path = ROOT) -> subprocess.Popen[str]:
    """`runner.py` as a child process that somebody else waits for."""
    return Runner(
        [sys.executable, ROOT / "runner.py", *map(str, args)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**clean_environment(), "DATABASE_URL": url, "APP_ENV": "development"},
    )


def reported(stdout: str) -> list[str]:
    """The migrations that a run said it had applied."""
    return re.findall(r"^applied (\S+)", stdout, re.MULTILINE)


def write(folder: Path, **files: str) -> Path:
    """A folder of migrations, one for each name."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.sql").write_text(text)
    return folder


class Tale:
    """A database that migrations will clean, as a template, and what it is after each of the files."""

    def __init__(self, server: local.Server, folder: Path, dirt: bytes, migrations: Path) -> None:
        self.server, self.migrations = server, migrations
        self.ids = sorted(
            path.stem for path in migrations.glob("*.sql") if not path.stem.endswith(".rollback")
        )
        self.template = f"story_{os.getpid()}_{next(_numbers)}"
        query(server.url, f"CREATE DATABASE {self.template}")
        with psycopg.connect(self._url(self.template), autocommit=True) as connection:
            connection.execute(dirt)
        #: the contents after 0, 1, 2, … files, from a run that nobody disturbed
        self.stages: list[tuple[object, ...]] = []
        with self.copy() as url:
            self.stages.append(read(url).content)
            for id_ in self.ids:
                write(folder, **{id_: (migrations / f"{id_}.sql").read_text()})
                error = attempt(url, Heard(), folder)
                assert error is None, error
                self.stages.append(read(url).content)

    @contextmanager
    def copy(self) -> Iterator[str]:
        name = f"{self.template}_{next(_numbers)}"
        query(self.server.url, f"CREATE DATABASE {name} TEMPLATE {self.template}")
        try:
            yield self._url(name)
        finally:
            query(self.server.url, f"DROP DATABASE {name} WITH (FORCE)")

    def check(self, url: str, told: Sequence[str]) -> list[str]:
        """Every file is wholly there or wholly absent, and what was told is there; returns what is there."""
        state = read(url)
        count = len(state.records)
        assert state.records == self.ids[:count]
        assert state.applies == Counter(state.records)
        assert state.content == self.stages[count]
        self.check_rows(state)
        assert state.lock_rows == 0
        assert set(told) <= set(state.records)
        return state.records

    def check_rows(self, state: State) -> None:
        """What holds at every stage."""

    def check_all_is_well(self, url: str) -> None:
        """The next run finishes, and all is as if nothing had happened."""
        heard = Heard()
        before = read(url).records
        error = attempt(url, heard, self.migrations)
        assert error is None, error
        assert before + heard.applied_ids == self.check(url, heard.applied_ids) == self.ids

    def _url(self, name: str) -> str:
        return self.server.url.replace("/app?", f"/{name}?")


class Story(Tale):
    """The tale that this project was made for: an orphan, and the key that it is in the way of."""

    def __init__(self, server: local.Server, folder: Path) -> None:
        super().__init__(server, folder, (FIXTURES / "orm.sql").read_bytes(), MIGRATIONS)

    def check_rows(self, state: State) -> None:
        in_place = any(ORPHAN in row for row in state.rows["usage_analytics"])
        archived = any(ORPHAN in cells for *_, cells in state.archive)
        assert in_place != archived
