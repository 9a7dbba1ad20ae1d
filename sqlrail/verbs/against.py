"""The folder held against a git ref, as a database is held against it that has applied all files of the ref."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from yoyo.migrations import MigrationList

from sqlrail.errors import BadFile
from sqlrail.files.file import ROLLBACK, File, read_file
from sqlrail.files.folder import read_files
from sqlrail.files.git import Repository
from sqlrail.files.numbering import date, number
from sqlrail.records.history import Entry, Record, compare
from sqlrail.records.problems import GONE, NEW, RUN, renamed

if TYPE_CHECKING:
    from sqlrail.results.problem import ProblemKind

#: what is no migration, of the names that begin so
POST_APPLY = "post-apply"


class Remark(NamedTuple):
    """What is not as the ref has it, with the kind that `status` would call it, and what to do."""

    kind: ProblemKind
    id: str
    line: int  # from 1; 1 where it is about the whole file
    message: str
    remedy: str


class Edited(NamedTuple):
    """A file of the ref that this folder has otherwise, and the first line that differs, from 1."""

    id: str
    line: int


@dataclass(frozen=True)
class Branch:
    """The folder as it is once the branch is merged, and how it differs from what the ref has."""

    ref: str
    folder: Path
    migrations: MigrationList
    files: dict[str, File]
    entries: list[Entry]  # of a database that has applied all that the ref has
    edited: tuple[Edited, ...]
    renamed: dict[str, str]  # new names, with the old ones
    gone: tuple[str, ...]  # those that have no new name

    @property
    def new(self) -> list[str]:
        """The migrations that the ref lacks, in yoyo's order."""
        return [entry.id for entry in self.entries if entry.state in NEW]


def read(folder: Path, ref: str) -> Branch:
    """How the folder differs from what a git ref has.

    What the ref has got since the branch left it counts as merged, and is no difference. UsageError where git cannot
    say what the ref has; BadFile where a file cannot be read.
    """
    read_files(folder)  # what is wrong with it is said of itself
    repository = Repository(folder)
    commit = repository.commit(ref)
    with tempfile.TemporaryDirectory() as made:
        theirs, before, merged = (Path(made, name) for name in ("theirs", "before", "merged"))
        for place, of in ((theirs, commit), (before, repository.parting(commit, ref))):
            place.mkdir()
            repository.write(of, place)
        merged.mkdir()
        _merge(folder, theirs, before, merged)
        try:
            migrations, files = read_files(merged)
        except BadFile as exc:  # what is wrong with both only
            raise BadFile(str(exc).replace(str(merged), str(folder))) from exc
        records = [Record(file.id, "", None, file.checksum) for file in _read_all(theirs)]
        for file in files.values():
            file.path = folder / file.path.name
        entries = compare(migrations, files, records, may_wait=False)
        edited = tuple(
            Edited(entry.id, _first_difference(theirs / f"{entry.id}.sql", files[entry.id].path))
            for entry in entries
            if entry.state == "edited"
        )
    gone = [entry for entry in entries if entry.state in GONE]
    new = [files[entry.id] for entry in entries if entry.state in NEW]
    names = renamed(gone, new)
    left = tuple(entry.id for entry in gone if entry.id not in names.values())
    return Branch(ref, folder, migrations, files, entries, edited, names, left)


def _merge(ours: Path, theirs: Path, before: Path, merged: Path) -> None:
    """Fills a folder with what a merge makes of two: what one side has left as it was before is as the other has it."""
    for name in {path.name for side in (ours, theirs) for path in side.glob("*.sql")}:
        sides = [side / name for side in (ours, theirs, before)]
        our, _, old = (read_file(path).checksum if path.is_file() else None for path in sides)
        winner = sides[1] if our == old else sides[0]
        if winner.is_file():
            (merged / name).symlink_to(winner.resolve())


def _read_all(folder: Path) -> Iterator[File]:
    for path in sorted(folder.glob("*.sql")):
        if not path.name.endswith(ROLLBACK) and not path.name.startswith(POST_APPLY):
            yield read_file(path)


def _first_difference(one: Path, other: Path) -> int:
    """The first line, from 1, in which two files differ by more than blanks at its end."""
    with one.open("rb") as first, other.open("rb") as second:
        for number, lines in enumerate(zip_longest(first, second, fillvalue=b""), 1):
            if lines[0].rstrip() != lines[1].rstrip():
                return number
    return 1


def remarks(branch: Branch) -> Iterator[Remark]:
    """What of the ref's files is not as the ref has it, and which new files are late or have another's number."""
    folder, ref = branch.folder, shlex.quote(branch.ref)
    for edited in branch.edited:
        back = _put_back(ref, folder / f"{edited.id}.sql")
        text = f"{branch.ref} has this file otherwise, and what has applied that does not apply this."
        yield Remark(
            "edited", *edited, text, f"put it back with {back}, and write a new file with what is to change"
        )
    for id_ in branch.gone:
        text = f"{branch.ref} has this file, and the branch removes it."
        yield Remark("missing", id_, 1, text, f"put it back with {_put_back(ref, folder / f'{id_}.sql')}")
    for new, old in branch.renamed.items():
        text = f"it has the content of {old}, which {branch.ref} has and the branch removes."
        yield Remark("renamed", new, 1, text, f"name it {old}.sql again")
    remedy = f"`sqlrail renumber --against {ref}` gives it a number behind the newest"
    twin = twins(branch.entries)
    last = next((entry.id for entry in reversed(branch.entries) if entry.state in RUN), "")
    for entry in branch.entries:
        if entry.id in branch.renamed:
            continue
        if entry.state == "late":
            text = f"it is new, and comes before {last}, which {branch.ref} has: it would be late."
            yield Remark("late", entry.id, 1, text, remedy)
        elif entry.id in twin:
            yield Remark("duplicate", entry.id, 1, f"it has the number of {twin[entry.id]}.", remedy)


def _put_back(ref: str, path: Path) -> str:
    return f"`git checkout {ref} -- {shlex.quote(str(path))}`"


def twins(entries: Sequence[Entry]) -> dict[str, str]:
    """New files with the number of another one, and that one: of two new ones it is the one before.

    Files of one date are none: their whole names order them.
    """
    first: dict[tuple[int, ...], str] = {}
    found = {}
    for entry in sorted(entries, key=lambda entry: entry.state in NEW):
        if not number(entry.id) or date(entry.id):
            continue
        other = first.setdefault(number(entry.id), entry.id)
        if other != entry.id and entry.state in NEW:
            found[entry.id] = other
    return found
