"""What plan says of migrations of applications that are running, beside what then happens to these."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import breaking
import psycopg
from applications import APPLICATIONS, Application, changed
from breaking import Migration

SEED, EACH = 15, 40
Document = dict[str, Any]
#: calls the command line with these words, and gives its exit code and what it printed
Call = Callable[..., tuple[int, str]]


@dataclass(frozen=True)
class Outcome:
    """What plan said of a migration, and the errors that the application's statements then ended in."""

    migration: Migration
    said: list[Document]
    errors: dict[str, str] = field(default_factory=dict)  # by statement

    @property
    def breaks(self) -> bool:
        return bool(self.errors)

    def says(self, *verdicts: str) -> bool:
        """Whether plan says so of any query."""
        return any(one["verdict"] in verdicts for one in self.said)


class Stage:
    """A database that an application has made, in which migrations are tried in turn."""

    def __init__(self, application: Application, url: str, folder: Path, call: Call) -> None:
        self.application, self.url, self.folder = application, url, folder
        self._call = call
        folder.mkdir(parents=True)
        (folder / "0001_made.sql").write_text(application.made)
        self._called("migrate")

    def migrations(self, number: int, seed: int = SEED) -> list[Migration]:
        with self._connect() as connection:
            rng = random.Random(f"{seed} {self.application.name}")  # noqa: S311
            return breaking.migrations(self.application, connection, number, rng)

    def outcomes(self, migrations: Sequence[Migration]) -> Iterator[Outcome]:
        with self._connect() as connection:
            types = self.application.types(connection)
            with changed(connection):
                before = self.application.run(connection, types)
            for one in migrations:
                with changed(connection, one.text):
                    after = self.application.run(connection, types)
                ends = zip(self.application.sent, before, after, strict=True)
                errors = {sent.text.decode(): error for sent, was, error in ends if error and not was}
                yield Outcome(one, self.plan(one)["files"][0]["queries"], errors)

    def plan(self, migration: Migration, queries: Path | None = None) -> Document:
        """What is said of a migration, and of these queries in the place of the application's."""
        path = self.folder / "0002_pending.sql"
        path.write_text(f"{migration.text}\n")
        found = self._called("plan", "--no-rows", "--queries", str(queries or self.application.queries))
        path.unlink()
        return found

    def _called(self, *words: str) -> Document:
        code, out = self._call("--database-url", self.url, "--migrations", str(self.folder), "--json", *words)
        assert code == 0, out
        document: Document = json.loads(out)
        return document

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url, autocommit=True)


__all__ = ["APPLICATIONS", "EACH", "Outcome", "Stage"]
