"""What a switch to the folder as it is now comes to: what is taken back, what is applied, and what forbids it."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from yoyo.migrations import MigrationList

from sqlrail.engine import elsewhere
from sqlrail.engine.backend import Backend
from sqlrail.engine.code import dropping
from sqlrail.engine.code.leaning import Leaning
from sqlrail.errors import Refused
from sqlrail.files import git
from sqlrail.files.file import File, check_files
from sqlrail.files.folder import Migrations
from sqlrail.ground.words import counted, printable
from sqlrail.records import code as code_records
from sqlrail.records import post_apply, problems
from sqlrail.records.code import CodeEntry
from sqlrail.records.history import Entry, Record, compare
from sqlrail.verbs import ways_back
from sqlrail.verbs.ways_back import Ways

#: what is always a way out
RESET = "`reset` builds the database from this folder, and keeps no rows"
#: files that are named where many are not committed
SHOWN = 5


@dataclass(frozen=True)
class Looked:
    """What is taken back, newest first, by which texts; and what is applied behind what both have."""

    migrations: Migrations
    files: Mapping[str, File]
    going: Sequence[Record]
    edited: Collection[str]  # ids of those of them that have a file of another content
    stays: Sequence[Record]
    ways: Ways
    due: MigrationList
    is_late: bool  # something that is applied comes before what stays
    code: Sequence[CodeEntry]
    runs_post_apply: bool  # behind all that
    goes: Leaning  # what code files have made and is dropped
    forgotten: Sequence[str]  # names of those of them that the folder has no more

    @property
    def takes_back(self) -> bool:
        """Whether it is more than a migrate."""
        return bool(self.going or self.goes.order or self.is_late)

    @property
    def code_due(self) -> list[str]:
        """Names of the code files that are run behind it."""
        here = {each.name for each in self.migrations.code}
        return sorted({*code_records.pending(self.code), *self.goes.names} & here)


def refuse_uncommitted(folder: Path) -> None:
    """Refused where files are not as git has them: they would be lost from sight with the next change of branches."""
    found = git.uncommitted(folder)
    if not found:
        return
    places = [f"{it.path}:{it.line}:1: {it.how}" for it in found[:SHOWN]]
    more = f"; and {len(found) - SHOWN} more" if found[SHOWN:] else ""
    raise Refused(
        f"switch is refused: {'; '.join(places)}{more}. Commit or stash that first, or take the folder as it is with "
        "--allow-dirty. Nothing was changed."
    )


def look(backend: Backend, migrations: Migrations) -> Looked:
    """Refused, with all reasons, where that cannot be done; what the files themselves must not say is an error."""
    files, records = backend.files, backend.records
    backend.raise_if_old()
    problems.refuse(elsewhere.find(backend, files))
    _refuse_begun(backend)
    entries = compare(migrations, files, records)
    edited = {entry.id for entry in entries if entry.state == "edited"}
    lacking = {entry.id for entry in entries if entry.state in problems.GONE}
    _refuse_renamed(entries, files)
    going = [record for record in reversed(records) if record.id in lacking | edited]
    stays = [record for record in records if record.id not in lacking | edited]
    _refuse_foreign(records, stays)
    here = {id_: file for id_, file in files.items() if id_ not in edited}
    ways, obstacles = ways_back.look(backend, going, here, (), stored=True)
    obstacles += _unfit(ways, edited)
    obstacles += _left_behind(going, stays, files, edited)
    if obstacles:
        edits = (
            f"Put back what was edited since it was applied ({', '.join(sorted(edited))}), or "
            if edited
            else ""
        )
        raise Refused(f"switch is refused: {'; '.join(obstacles)}. {edits}{RESET}. Nothing was changed.")
    left, found = problems.find(backend.settings.migrations, migrations, files, stays)
    problems.refuse(found, ["late"])
    due = migrations.replace(
        it for it in migrations if it.id not in {one.id for one in stays} and not files[it.id].is_draft
    )
    for migration in due:
        files[migration.id].was_run = False
    check_files([*ways.files.values(), *(files[it.id] for it in (*due, *migrations.post_apply))])
    check_files(migrations.code)
    code = code_records.compare(migrations.code, backend.read_code())
    goes, forgotten = _dropped(backend, code, going)
    is_late = any(entry.state == "late" for entry in left)
    behind = post_apply.edited(post_apply.compare(migrations.post_apply, files, backend.post_apply))
    made_again = {*code_records.pending(code), *goes.names} & {each.name for each in migrations.code}
    runs = bool(due or made_again or behind)
    return Looked(migrations, files, going, edited, stays, ways, due, is_late, code, runs, goes, forgotten)


def _refuse_begun(backend: Backend) -> None:
    if backend.notes:
        note = backend.notes[0]
        what = "the rollback of " if note.operation == "rollback" else ""
        raise Refused(
            f"switch is refused: {what}{note.id} is {note}. Finish that from the folder that has its file, or undo "
            f"by hand what is done, and drop its checkpoints with `repair --forget {shlex.quote(note.id)}`. Nothing "
            "was changed."
        )


def _refuse_renamed(entries: Sequence[Entry], files: Mapping[str, File]) -> None:
    """What has only another name here loses no rows where its record is moved."""
    gone = [entry for entry in entries if entry.state in problems.GONE]
    new = [files[entry.id] for entry in entries if entry.state in problems.NEW]
    if names := problems.renamed(gone, new):
        told = "; ".join(f"{files[id_].path} has the content of {old}" for id_, old in names.items())
        said = " ".join(shlex.quote(id_) for id_ in names)
        raise Refused(
            f"switch is refused: {told}, which was applied and has no file here. Move the record to the new name with "
            f"`repair {said}`, which keeps the rows, and run again. Nothing was changed."
        )


def _refuse_foreign(records: Sequence[Record], stays: Sequence[Record]) -> None:
    if records and all(record.checksum is None for record in stays):
        raise Refused(
            "switch is refused: nothing of what is applied is known to be in this folder, and all of it would be taken "
            f"back ({counted(len(records), 'migration')}). If it is the right folder, {RESET}. Nothing was changed."
        )


def _unfit(ways: Ways, edited: Collection[str]) -> Iterator[str]:
    for id_, way in ways.files.items():
        if not way.transactional:
            why = "was edited" if id_ in edited else "has no file here"
            back = "" if id_ in edited else ": take it back by itself, with `rollback --stored`"
            yield f"{id_} {why}, and its rollback runs outside a transaction, which can be left half done{back}"


def _left_behind(
    going: Sequence[Record], stays: Sequence[Record], files: Mapping[str, File], edited: Collection[str]
) -> Iterator[str]:
    ids = {record.id for record in going}
    for record in stays:
        for name in sorted(ids.intersection(files[record.id].depends)):
            why = "was edited since it was applied" if name in edited else "has no file here"
            yield f"{record.id} depends on {name}, which {why}, and would stay applied without it"


def _dropped(
    backend: Backend, code: Sequence[CodeEntry], going: Sequence[Record]
) -> tuple[Leaning, list[str]]:
    """What has to go of what code files have made, and the names of those without a file.

    What was edited goes too where migrations are taken back, which it may keep from being: it is made again. Where
    something else leans on that, it is left, to be replaced where it is.
    """
    forgotten = [entry.name for entry in code if entry.state == "missing"]
    edited = [entry.name for entry in code if entry.state == "edited" and going]
    goes = dropping.what_goes(backend, [*forgotten, *edited])
    if goes.outside and edited:
        goes = dropping.what_goes(backend, forgotten)
    if goes.outside:
        names = ", ".join(f"code/{name}" for name in forgotten)
        raise Refused(
            f"switch is refused: {names} made what has no file here, and {printable(', '.join(goes.outside))} leans on "
            f"it, which no code file makes: drop that by hand. {RESET}. Nothing was changed."
        )
    return goes, forgotten
