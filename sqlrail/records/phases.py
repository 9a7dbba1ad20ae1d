"""Phases of a deployment: what a run of one takes of a history, what waits meanwhile, and what overtakes that."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqlrail.errors import Refused
from sqlrail.files.file import File
from sqlrail.records.history import Entry

if TYPE_CHECKING:
    from sqlrail.results.status import Phase


class Overtaking(NamedTuple):
    """Files that are to be applied although others wait in front of them; ids, in yoyo's order."""

    run: tuple[str, ...]  # all that is to be applied
    passed: tuple[str, ...]  # all that is not, and comes before the last of these
    first: tuple[str, ...]  # of what is to be applied, what comes behind a file that waits
    waiting: tuple[str, ...]  # the files that wait, and that these come behind


class Turn(NamedTuple):
    """What a run takes of a history."""

    wanted: Collection[str]  # ids
    waiting: tuple[str, ...] = ()  # that it leaves for they say `-- phase: after`
    overtaking: Overtaking | None = None


def turn(
    phase: Phase | None, entries: Sequence[Entry], files: Mapping[str, File], wanted: Collection[str]
) -> Turn:
    """What a run of a phase takes of what is wanted; all of it where no phase is named.

    Refused where a file that comes first has to be applied first, or says so itself.
    """
    if phase is None:
        return Turn(wanted)
    left = [entry for entry in entries if _is_left(entry) and not files[entry.id].is_draft]
    run = tuple(entry.id for entry in left if entry.phase == phase and entry.id in wanted)
    chosen, places = frozenset(run), {entry.id: place for place, entry in enumerate(left)}
    up_to_last = left[: places[run[-1]]] if run else []
    passed = [entry for entry in up_to_last if entry.id not in chosen]
    if phase == "after":
        first = next((entry.id for entry in passed if entry.id in wanted), None)
        if first is not None:
            _refuse_passing(first, [id_ for id_ in run if places[id_] > places[first]])
        return Turn(chosen)
    waiting = tuple(entry.id for entry in left if entry.phase == "after" and entry.id in wanted)
    _refuse_depending([files[id_] for id_ in run], {*waiting})
    overtaken = tuple(entry.id for entry in passed if entry.phase == "after")
    if not overtaken:
        return Turn(chosen, waiting)
    ahead = tuple(id_ for id_ in run if places[id_] > places[overtaken[0]])
    return Turn(chosen, waiting, Overtaking(run, tuple(entry.id for entry in passed), ahead, overtaken))


def _is_left(entry: Entry) -> bool:
    return entry.state in ("pending", "late")


def _refuse_passing(passed: str, blocked: Sequence[str]) -> None:
    raise Refused(
        f"{', '.join(blocked)} cannot be applied yet, for {passed} comes first, and is not applied: run "
        "`migrate --phase before`, and then this again. Nothing was changed."
    )


def _refuse_depending(files: Sequence[File], waiting: Collection[str]) -> None:
    for file in files:
        if name := next((name for name in file.depends if name in waiting), None):
            place = file.at(file.line_depending(name))
            raise Refused(
                f"{place}: it depends on {name}, which says `-- phase: after` and waits: take that out if {file.id} "
                "does without it, say `-- phase: after` here too, or, when the running release is gone, apply "
                f"{name} first with `migrate --phase after`. Nothing was changed."
            )
