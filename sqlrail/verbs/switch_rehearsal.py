"""A switch rehearsed on a scratch database, and held against what the folder's files build on another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlrail.engine.backend import Backend
from sqlrail.engine.code import dropping
from sqlrail.errors import BadFile, MigrationFailed, Refused, SqlrailError
from sqlrail.files.file import File
from sqlrail.files.folder import Migrations
from sqlrail.foresight.live import LEFT_OUT, Likened, liken
from sqlrail.foresight.losses import Losses
from sqlrail.ground.events import Listener
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import printable
from sqlrail.postgres.connect import Connection
from sqlrail.schema.compare import Difference, outermost
from sqlrail.schema.sides import Choice, Sides
from sqlrail.scratch.built import built, make_code
from sqlrail.scratch.provided import NONE, Provided, of_database
from sqlrail.scratch.rehearsal import ByStatement, Rehearsal
from sqlrail.scratch.scene import Scene
from sqlrail.scratch.scratch import NoScratch
from sqlrail.verbs.drift import FILES, build, lines_of
from sqlrail.verbs.rollback_losses import Foreseen, unloaded
from sqlrail.verbs.switch_look import RESET, Looked

#: what a rehearsal does not make, and so does not compare: what reaches beyond the database, or is no rows' or query's
NOT_MADE = tuple(kind for kind in LEFT_OUT if kind not in ("comment", "extension", "statistics"))


@dataclass(frozen=True)
class Rehearsed:
    """What would be lost of the live rows, for each text in its order; and how the end differs from a new build."""

    losses: tuple[Foreseen, ...]
    differences: tuple[str, ...]


def rehearse(
    live: Backend, listener: Listener, looked: Looked, *, asks_losses: bool, is_counted: bool
) -> Rehearsed:
    """Refused where a statement of it fails; the live database is only read. asks_losses: whether these are said."""
    try:
        return _rehearse(live, listener, looked, asks_losses=asks_losses, is_counted=is_counted)
    except NoScratch as exc:
        raise NoScratch(f"switch is rehearsed first, on a scratch database. {exc} {RESET}.") from exc
    except (BadFile, MigrationFailed, Refused) as exc:
        raise _failed(exc) from exc


def _failed(exc: SqlrailError) -> Refused:
    failure = Refused(f"switch is refused, for its rehearsal failed: {exc} {RESET}. Nothing was changed.")
    failure.details.update(exc.details)
    return failure


def _rehearse(
    live: Backend, listener: Listener, looked: Looked, *, asks_losses: bool, is_counted: bool
) -> Rehearsed:
    settings, ways = live.settings, [*looked.ways.files.values()]
    due = [looked.files[migration.id] for migration in looked.due]
    to_run = {**looked.files, **{file.id: ByStatement(**vars(file)) for file in (*ways, *due)}}
    with built(settings, listener, to_run, Migrations(), of_database(settings)) as made:
        likened = liken(made.backend, settings, NOT_MADE)
        make_code(live, made.backend)
        if looked.goes.order:
            dropping.drop(made.backend, looked.goes, looked.forgotten)
        scene = Scene(made, {})
        left_out = Rehearsal(scene).rehearse(_in_order(looked, ways))
        found = [left_out] if left_out else [*_differences(settings, listener, looked, made.connection)]
        losses = _losses(scene, ways, settings, likened, is_counted=is_counted) if asks_losses else ()
    return Rehearsed(tuple(losses), tuple(found))


def _in_order(looked: Looked, ways: Sequence[File]) -> Migrations:
    """What is run: the ways back, what is due, and what is behind that."""
    behind = looked.migrations.post_apply if looked.runs_post_apply else ()
    return Migrations([*map(unloaded, ways), *looked.due], behind, looked.migrations.code)


def _differences(settings: Settings, listener: Listener, looked: Looked, end: Connection) -> Iterator[str]:
    """How the end differs from what the folder's files build anew."""

    def look(new: Connection, provided: Sequence[Provided]) -> list[Difference]:
        keys = {(item.kind, item.name) for item in provided}
        unknown = {("extension", item.name) for item in provided if item.kind == NONE}
        sides = Sides(new, end, settings, Choice(), keys, unknown).compared()
        return [] if sides is None else [one for one in sides[2] if one.kind not in NOT_MADE]

    every = looked.migrations.replace(it for it in looked.migrations if not looked.files[it.id].is_draft)
    for one in outermost(build(settings, listener, every, looked.files, look, looked.migrations.code)):
        yield from (f"{printable(one.home)} {line}" for line in lines_of(one, FILES))


def _losses(
    scene: Scene, ways: Sequence[File], settings: Settings, likened: Likened, *, is_counted: bool
) -> Iterator[Foreseen]:
    losses = Losses(scene, ways, settings, is_counted=is_counted)
    unlike = next(likened.notes(), None)
    for file in ways:
        yield Foreseen(tuple(loss for statement in losses.of(file.id) for loss in statement), unlike)
