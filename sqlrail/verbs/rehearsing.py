"""The rehearsal of a plan: on what the applied files build, made like the live database as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from yoyo.migrations import MigrationList

from sqlrail.errors import BadFile, MigrationFailed, MissingPrerequisite, Refused
from sqlrail.files.code import Code, by_path
from sqlrail.files.file import File
from sqlrail.foresight.contract import Contract, QueriesOnScratch, reading
from sqlrail.foresight.live import Failure, Likened, liken
from sqlrail.foresight.queries import Query
from sqlrail.ground.events import Listener
from sqlrail.ground.settings import Settings
from sqlrail.scratch.built import Built, built
from sqlrail.scratch.provided import Provided, with_what_is_lacking
from sqlrail.scratch.rehearsal import ByStatement, Rehearsal
from sqlrail.scratch.scene import Scene
from sqlrail.scratch.scratch import NoScratch


class Rehearsed(NamedTuple):
    """The pending files rehearsed on a server of this major, as far as they came: fails is where they end."""

    scene: Scene
    likened: Likened
    major: int
    provided: Sequence[Provided]
    left_out: str | None = None
    fails: Failure | None = None
    contract: Contract | None = None


@dataclass
class Rehearsing:
    """Rehearses pending files; files has all of the folder, noted how many statements of each are done already."""

    settings: Settings
    listener: Listener
    files: Mapping[str, File]
    applied: MigrationList
    pending: Any
    due: Sequence[File]
    noted: dict[str, int]
    queries: Sequence[Query] = ()
    code: Sequence[Code] = ()  # as it has made what the live database has
    tries: list[Rehearsed] = field(default_factory=list)

    def run(self) -> Rehearsed:
        """What was seen; MigrationFailed where a file fails by itself, not by what the live database has."""
        try:
            return self._run(is_like=self.is_whole)
        except MigrationFailed as exc:
            fails = Failure.of(exc)
            if not self._is_by_a_file(fails) or not self.tries or not self.tries[-1].likened.differences:
                raise
        done = self.tries[-1]._replace(fails=fails)
        try:
            self._run(is_like=False)
        except MigrationFailed as again:
            if Failure.of(again) == fails:
                raise
        return done

    def _is_by_a_file(self, fails: Failure | None) -> bool:
        """Not by one of the code files behind them."""
        return fails is not None and fails.path in [str(file.path) for file in self.due]

    @property
    def is_whole(self) -> bool:
        """Whether no file is half done: the live database has what it did, and it is rehearsed from its beginning."""
        return self.noted.keys().isdisjoint(file.id for file in self.due)

    @contextmanager
    def build(self, its: Settings, provided: Sequence[Provided]) -> Iterator[Built]:
        """A scratch database, made by these settings, on which the pending files can run."""
        with self._build(its, provided, is_like=self.is_whole) as (made, _):
            yield made

    def _run(self, *, is_like: bool) -> Rehearsed:
        build, ids = partial(self._rehearse, is_like=is_like), [file.id for file in self.due]
        return with_what_is_lacking(
            self.settings, self.listener, {**self.files, **by_path(self.code)}, build, pending=ids
        )

    def _rehearse(self, provided: Sequence[Provided], is_like: bool) -> Rehearsed:
        with self._build(self.settings, provided, is_like=is_like) as (made, likened):
            major = made.connection.info.server_version // 10000
            looks = self._reading(made) if self.queries else nullcontext()
            with looks as queries:
                done = Rehearsed(Scene(made, self.noted), likened, major, provided)
                self.tries.append(done._replace(contract=queries.contract) if queries else done)
                rehearsal = Rehearsal(done.scene, queries.behind) if queries else Rehearsal(done.scene)
                return self.tries[-1]._replace(left_out=rehearsal.rehearse(self.pending))

    def _reading(self, made: Built) -> AbstractContextManager[QueriesOnScratch]:
        if made.backend.is_pooled:
            raise MissingPrerequisite(
                "--queries: the scratch database is reached through a pooler, where no prepared statement is found "
                "again. Name a server itself by --scratch."
            )
        return reading(made.backend.settings, self.queries)

    @contextmanager
    def _build(
        self, its: Settings, provided: Sequence[Provided], *, is_like: bool
    ) -> Iterator[tuple[Built, Likened]]:
        by_statement = {file.id: ByStatement(**vars(file)) for file in self.due}
        with _built(
            its, self.listener, {**self.files, **by_statement}, self.applied, provided, self.code
        ) as made:
            yield made, liken(made.backend, self.settings) if is_like else Likened()


@contextmanager
def _built(
    settings: Settings,
    listener: Listener,
    files: dict[str, File],
    applied: MigrationList,
    provided: Sequence[Provided],
    code: Sequence[Code],
) -> Iterator[Built]:
    with ExitStack() as stack:
        try:
            made = stack.enter_context(built(settings, listener, files, applied, provided, code))
        except NoScratch as exc:
            raise NoScratch(f"plan needs a scratch database. {exc}") from exc
        except (BadFile, MigrationFailed, Refused) as exc:
            raise MigrationFailed(
                f"plan needs a scratch database, and what is applied does not build on one: {exc}"
            ) from exc
        yield made
