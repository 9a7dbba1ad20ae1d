"""The verb renumber: new files that come too early, or have a number twice, get numbers behind the newest."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from sqlrail.engine.backend import Backend
from sqlrail.errors import Refused
from sqlrail.files import renaming
from sqlrail.files.file import File
from sqlrail.files.folder import read_files
from sqlrail.files.numbering import NUMBER, number
from sqlrail.files.renaming import Renaming
from sqlrail.ground.events import Listener
from sqlrail.ground.settings import Settings
from sqlrail.records import problems
from sqlrail.records.history import Entry
from sqlrail.verbs import against
from sqlrail.verbs.new import alone, next_number

if TYPE_CHECKING:
    from sqlrail.results.problem import ProblemKind
    from sqlrail.results.renumber import RenumberedResult

#: what numbers can mend, or does not concern them
MENDED: tuple[ProblemKind, ...] = ("late", "duplicate", "draft")


@dataclass(frozen=True)
class Renumbered:
    """Which migrations have another number, and whether a run before had begun with that."""

    folder: Path
    renaming: Renaming
    is_finished: bool = False  # what was interrupted
    is_dry: bool = False

    def files(self, id_: str) -> Iterator[tuple[Path, Path]]:
        """The paths, before and after, of a migration's files; the id is the old one."""
        new = self.renaming.ids[id_]
        for was, name in self.renaming.names.items():
            if was.startswith(f"{id_}.") and name == new + was[len(id_) :]:
                yield self.folder / was, self.folder / name

    def as_json(self) -> RenumberedResult:
        """The same for scripts."""
        return {
            "renumbered": [
                {
                    "was": old,
                    "id": new,
                    "files": [{"was": str(was), "path": str(path)} for was, path in self.files(old)],
                }
                for old, new in self.renaming.ids.items()
            ],
            "rewritten": [str(self.folder / name) for name in self.renaming.depending],
            "finished": self.is_finished,
            "dry_run": self.is_dry,
        }


@dataclass(frozen=True)
class _Folder:
    """The files, and which of them nobody has applied."""

    path: Path
    files: Mapping[str, File]
    entries: Sequence[Entry]
    whose: str  # who has the others

    @property
    def new(self) -> list[str]:
        """Those that nobody has applied, in yoyo's order."""
        return [entry.id for entry in self.entries if entry.state in problems.NEW]

    @property
    def moving(self) -> list[str]:
        """The new files from the first one that is out of place: those behind it keep their place behind it."""
        misplaced = {entry.id for entry in self.entries if entry.state == "late"} | {
            *against.twins(self.entries)
        }
        new = self.new
        first = next((place for place, id_ in enumerate(new) if id_ in misplaced), len(new))
        return new[first:]


def renumber(
    settings: Settings, listener: Listener, *, ref: str | None = None, dry_run: bool = False
) -> Renumbered:
    """Renames new files that are late or have another's number, and those behind them, all of them or none.

    New is what the database has no record of or, with the name of a git ref, what that lacks; the database is not asked
    then. Refused where nobody can know what is new. With dry_run it only says what it would do.
    """
    folder = settings.migrations
    if not folder.is_dir():
        read_files(folder)
    with alone(folder):
        if not dry_run and (interrupted := renaming.finish(folder)):
            return Renumbered(folder, interrupted, is_finished=True)
        found = _of_branch(folder, ref) if ref is not None else _of_database(settings, listener)
        wanted = _renaming(found)
        if wanted.ids and not dry_run:
            renaming.carry_out(folder, wanted)
    return Renumbered(folder, wanted, is_dry=dry_run)


def _of_database(settings: Settings, listener: Listener) -> _Folder:
    migrations, files = read_files(settings.migrations)
    with Backend(settings, listener, files) as backend:
        backend.raise_if_old()
        records, notes = backend.records, backend.notes
        entries, wrong = problems.find(
            settings.migrations, migrations, files, records, notes, backend.other_histories()
        )
    if not records:
        raise Refused(
            "this database has no record of any file, and another one may have them all: name the database that is "
            "furthest ahead, or say with --against REF what counts as applied. Nothing was changed."
        )
    problems.refuse(wrong, MENDED)
    found = _Folder(settings.migrations, files, entries, "the database")
    for note in notes:
        if note.id in found.moving:
            raise Refused(f"{files[note.id].path}: it is {note}; finish it first. Nothing was changed.")
    return found


def _of_branch(folder: Path, ref: str) -> _Folder:
    branch = against.read(folder, ref)
    if branch.renamed:
        new, old = next(iter(branch.renamed.items()))
        raise Refused(
            f"{folder / new}.sql: it has the content of {old}, which {ref} has and this folder has not; rename it "
            "back. Nothing was changed."
        )
    return _Folder(folder, branch.files, branch.entries, ref)


def _renaming(found: _Folder) -> Renaming:
    moving, everything = found.moving, [entry.id for entry in found.entries]
    _refuse_depending(found, moving)
    staying = [id_ for id_ in everything if id_ not in moving]
    ids = _numbered(moving, staying)
    if not {*ids.values()}.isdisjoint(everything):  # one of the names is taken
        ids = _numbered(moving, everything)
    for new in ids.values():
        if before := next((id_ for id_ in staying if new < id_), None):
            raise Refused(
                f"{new} would come before {before}, for names sort as text and not as numbers: give the new files "
                "their names by hand. Nothing was changed."
            )
    names = {
        name: new + name[len(old) :]
        for old, new in ids.items()
        for name in renaming.files_of(found.path, old, everything)
    }
    depending = [it.path.name for it in found.files.values() if not ids.keys().isdisjoint(it.depends)]
    as_now = {name: name for name in depending}
    return Renaming(ids, as_now | names, [names.get(name, name) for name in depending])


def _refuse_depending(found: _Folder, moving: Collection[str]) -> None:
    for entry in found.entries:
        file = found.files.get(entry.id)
        if file is None or entry.state in problems.NEW:
            continue
        for name in file.depends:
            if name in moving:
                raise Refused(
                    f"{file.at(file.lines['depends'][0])}: {found.whose} has this file, and it depends on {name}, "
                    "which would get another name. Nothing was changed."
                )


def _numbered(moving: Sequence[str], behind: Sequence[str]) -> dict[str, str]:
    """The migrations with the ids that they get behind others; those that have them already are left out."""
    last = max((id_ for id_ in behind if number(id_)), key=number, default=None)
    now, found = datetime.now(timezone.utc), {}
    for id_ in moving:
        match = NUMBER.match(id_)
        rest = id_[match.end() :] if match else f"_{id_}"
        last = found[id_] = f"{next_number(last, now)}{rest}"
    return {old: new for old, new in found.items() if old != new}
