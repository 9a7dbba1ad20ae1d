"""What a rollback would lose of the live rows: its files rehearsed on a scratch database with the live schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from yoyo.migrations import Migration

from sqlrail.engine.backend import Backend
from sqlrail.errors import SqlrailError
from sqlrail.files.file import File
from sqlrail.files.folder import Migrations
from sqlrail.foresight.judged import Loss
from sqlrail.foresight.live import liken
from sqlrail.foresight.losses import Losses
from sqlrail.ground.events import Listener
from sqlrail.ground.settings import Settings
from sqlrail.scratch.built import built, make_code
from sqlrail.scratch.provided import of_database
from sqlrail.scratch.rehearsal import ByStatement, Rehearsal
from sqlrail.scratch.scene import Scene
from sqlrail.scratch.seen import DONE

OF_A_TENANT = "it is rehearsed for a database, and not for one of its schemas"


@dataclass(frozen=True)
class Foreseen:
    """What a rollback file would lose; unknown says why that is not all of it."""

    losses: tuple[Loss, ...] = ()
    unknown: str | None = None


def foresee(
    settings: Settings, listener: Listener, files: Sequence[File], live: Backend, *, is_counted: bool
) -> list[Foreseen]:
    """What each of these rollback files would lose, which run in this order. The live database is only read.

    Nothing is raised for what cannot be said: without a scratch database that is all of it.
    """
    if settings.tenant is not None:
        return [Foreseen(unknown=OF_A_TENANT) for _ in files]
    try:
        with _scene(settings, listener, files, live) as (scene, unlike):
            ended = _rehearse(scene, files)
            losses = Losses(scene, files, settings, is_counted=is_counted)
    except SqlrailError as exc:
        return [Foreseen(unknown=str(exc)) for _ in files]
    ended = ended or _Ended(len(files), "")
    return [
        Foreseen(
            tuple(loss for statement in losses.of(file.id) for loss in statement),
            ended.why if number >= ended.at else _note(scene, file) or unlike,
        )
        for number, file in enumerate(files)
    ]


@dataclass(frozen=True)
class _Ended:
    """Which file the rehearsal did not get past, counted from 0, and why."""

    at: int
    why: str


@contextmanager
def _scene(
    settings: Settings, listener: Listener, files: Sequence[File], live: Backend
) -> Iterator[tuple[Scene, str | None]]:
    """A scratch database that has the live one's schema, and what could not be made as it is there."""
    to_run = {file.id: ByStatement(**vars(file)) for file in files}
    with built(settings, listener, to_run, Migrations(), of_database(settings)) as made:
        failed = liken(made.backend, settings).failed
        make_code(live, made.backend)
        unlike = f"the scratch database is not in all like the live one: {failed[0]}" if failed else None
        yield Scene(made, {}), unlike


def _rehearse(scene: Scene, files: Sequence[File]) -> _Ended | None:
    """Runs them; where that came to an end before the last."""
    try:
        left_out = Rehearsal(scene).rehearse(Migrations(map(unloaded, files)))
    except SqlrailError as exc:
        return _Ended(max(len(scene.seen) - 1, 0), str(exc))
    return _Ended(len(scene.seen), left_out) if left_out else None


def unloaded(file: File) -> Migration:
    """yoyo's migration for a rollback file: there is nothing to load."""
    made = Migration(file.id, str(file.path), None)
    made.steps = []
    return made


def _note(scene: Scene, file: File) -> str | None:
    """Why nothing is known of one of a file's statements."""
    return next((one.note for one in scene.seen[file.id] if one.note and one.note != DONE), None)
