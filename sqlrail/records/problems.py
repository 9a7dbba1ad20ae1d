"""What keeps a history from being trusted: each thing by name, with its own remedy."""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from yoyo.migrations import MigrationList

from sqlrail.errors import BadFile, Refused
from sqlrail.files import other_tools
from sqlrail.files.code import FOLDER as CODE
from sqlrail.files.code import read_code
from sqlrail.files.file import ROLLBACK, File
from sqlrail.files.folder import YOYO_DRAFT
from sqlrail.files.numbering import NUMBER, date, follows, number
from sqlrail.files.other_tools import History
from sqlrail.ground.events import Ahead
from sqlrail.records import leaving
from sqlrail.records.history import Entry, Note, Record, compare, is_newer

if TYPE_CHECKING:
    from sqlrail.results.problem import ProblemKind, ProblemResult

#: states of a migration that has a file and a record
RUN = ("applied", "edited")
#: states of one that has a file, and no record
NEW = ("pending", "late")
#: states of one that has a record, and no file
GONE = ("missing", "ahead")
#: statements that a message names
SHOWN = 3
#: names that only look like a rollback's: yoyo would run such a file as a migration
_ALMOST = re.compile(r"(?i)\.(?:rollback|down|undo)")
#: yoyo's drafts, and what is hidden and no file (those that are, yoyo takes)
_PASSED_OVER = (".", YOYO_DRAFT)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: about a migration, or about a file that is none (its path is the id then).

    One that does not refuse concerns what is applied already, or what goes on by itself: it harms nothing.
    """

    kind: ProblemKind
    id: str
    message: str
    refuses: bool = True
    was: str | None = None  # where it was renamed: the record's id

    def as_json(self) -> ProblemResult:
        """The same for scripts."""
        return {"kind": self.kind, "id": self.id, "message": self.message, "refuses": self.refuses}


def find(
    folder: Path,
    migrations: MigrationList,
    files: dict[str, File],
    records: list[Record],
    notes: Collection[Note] = (),
    histories: Collection[History] = (),
) -> tuple[list[Entry], list[Problem]]:
    """Each migration's state in yoyo's order, and all that is wrong. Reads the folder's names; asks no database."""
    entries = compare(migrations, files, records)
    run = {entry.id for entry in entries if entry.state in RUN}
    recorded = run | {entry.id for entry in entries if entry.state in GONE}
    order = [migration.id for migration in migrations]
    unsorted, unnumbered = list(_unsorted(order, files, run)), list(_unnumbered(order, files, run))
    # Their names are why they are late.
    misnamed = {id_ for _, others in unsorted for id_ in others} | {problem.id for problem in unnumbered}
    twins = list(_twins(order, files, run))
    return entries, [
        *elsewhere(order, histories),
        *_changed(folder, entries, files, misnamed),
        *drafts(order, files, run),
        *_begun(folder, entries, files, notes),
        *_left(folder, entries, notes),
        *(problem for problem in twins if problem.refuses),
        *(problem for problem, _ in unsorted),
        *_gathered(folder, unnumbered, files),
        *_strays(folder, files),
        *_undependable([file for file in files.values() if file.id not in run], recorded | files.keys()),
        *(problem for problem in twins if not problem.refuses),
    ]


def ahead(entries: Sequence[Entry], found: Sequence[Problem]) -> Ahead | None:
    """What the database is ahead of the folder by; None if it is not."""
    begun = tuple(problem.id for problem in found if problem.kind == "ahead")
    ids = dict.fromkeys([*(entry.id for entry in entries if entry.state == "ahead"), *begun])
    left = tuple(entry.id for entry in entries if entry.may_be_left)
    waiting = tuple(entry.id for entry in entries if entry.waits and not entry.may_be_left)
    return Ahead(tuple(ids), begun, left, waiting) if ids else None


def refuse(found: Sequence[Problem], allowed: Collection[str] = ()) -> None:
    """Refused, with the whole list, if anything in it refuses and is not of an allowed kind."""
    refusing = [problem for problem in found if problem.refuses and problem.kind not in allowed]
    if not refusing:
        return
    if all(problem.kind == "depends" for problem in refusing):
        raise BadFile(refusing[0].message)
    failure = Refused(*(problem.message for problem in refusing), "Nothing was changed.")
    failure.details["problems"] = [problem.as_json() for problem in refusing]
    raise failure


def _changed(
    folder: Path, entries: list[Entry], files: dict[str, File], misnamed: set[str]
) -> Iterator[Problem]:
    new = [entry.id for entry in entries if entry.state in NEW]
    missing = [entry for entry in entries if entry.state == "missing"]
    names = renamed(missing, [files[id_] for id_ in new])
    last = next((entry.id for entry in reversed(entries) if entry.state in RUN), None)
    is_ahead = any(entry.state == "ahead" for entry in entries)  # and nothing is to be applied
    for entry in entries:
        if entry.state == "applied":  # of which there may be thousands
            continue
        path = folder / f"{entry.id}.sql"
        if entry.state == "edited":
            yield Problem(
                "edited", entry.id,
                f"{path}: it is not what was applied; put its content back, or accept today's with "
                f"`repair {shlex.quote(entry.id)}`.",
            )  # fmt: skip
        elif old := names.get(entry.id):
            yield Problem(
                "renamed", entry.id,
                f"{path}: it has the content of {old}, which was applied and is gone; rename it back to {old}.sql, or "
                f"move the record to the new name with `repair {shlex.quote(entry.id)}`.",
                was=old,
            )  # fmt: skip
        elif entry.state == "late" and entry.id not in misnamed and not is_ahead:
            yield Problem(
                "late", entry.id,
                f"{path}: it is new, and comes before {last}, which is applied; give it a higher number, or run it "
                "all the same with `migrate --allow-late`.",
            )  # fmt: skip
        elif entry.state == "missing" and entry.id not in names.values():
            guess = next((id_ for id_ in new if id_ not in names and _is_like(id_, entry.id)), None)
            hint = f" ({guess} may be it, renamed and edited)" if guess else ""
            yield Problem(
                "missing", entry.id,
                f"{path}: it was applied, and is gone; put it back{hint}, take its record out with "
                f"`repair --forget {shlex.quote(entry.id)}`, or let it pass with --allow-missing.",
            )  # fmt: skip


def _begun(
    folder: Path, entries: list[Entry], files: dict[str, File], notes: Collection[Note]
) -> Iterator[Problem]:
    """What is half done outside a transaction: it has to be gone on with, under its name and in its way.

    Where the folder is an older release's, that is the newer one's to do.
    """
    for note in notes:
        file, path = files.get(note.id), folder / f"{note.id}.sql"
        if file is None and is_newer(note, entries):
            what = "its rollback is" if note.operation == "rollback" else "it is"
            text = f"{what} {note}, and it is ahead of this folder; the release that has its file goes on with it."
            yield Problem("ahead", note.id, f"{path}: {text}", refuses=False)
            continue
        forget = (
            f"undo by hand what is done, and drop its checkpoints with `repair --forget {shlex.quote(note.id)}`, "
            "to begin at the first statement again."
        )
        forget_backfill = (
            f"drop its checkpoint with `repair --forget {shlex.quote(note.id)}`: what is done stays, and counts as not "
            "done."
        )
        refuses = True
        if note.operation == "rollback":
            text = (
                f"its rollback is {note}; finish it with `rollback`, or put back by hand what is undone, and drop its "
                f"checkpoints with `repair --forget {shlex.quote(note.id)}`."
            )
        elif file is None:
            like = next((id_ for id_ in files if _is_like(id_, note.id)), None)
            hint = f" ({like} may be it, renamed)" if like else ""
            text = f"it is {note}, and is gone; put it back under that name{hint}, or {forget}"
        elif note.operation == "backfill" and file.backfill:
            text, refuses = f"it is {note}; {_who_goes_on(entries)} with it.", False
        elif note.operation == "backfill":
            text = (
                f"it is {note}, but no longer says `-- backfill: …`; put that line back, or {forget_backfill}"
            )
        elif file.transactional or file.backfill:
            text = (
                f"it is {note}, but no longer says `-- transactional: false`; put that line back, or {forget}"
            )
        else:
            text, refuses = f"it is {note}; `migrate` continues after that.", False
        yield Problem("begun", note.id, f"{path}: {text}", refuses)


def _who_goes_on(entries: Sequence[Entry]) -> str:
    if any(entry.state == "ahead" for entry in entries):
        return "the release that the database is ahead by goes on"
    return "`migrate` goes on, or `backfill`,"


def _left(folder: Path, entries: Sequence[Entry], notes: Collection[Note]) -> Iterator[Problem]:
    """Backfills that others were applied behind, and what waits for them; of one that is under way there is a line."""
    if any(entry.state == "ahead" for entry in entries):
        return
    last = max((n for n, entry in enumerate(entries) if entry.state in RUN), default=-1)
    skipped = {entry.id for entry in entries[: last + 1] if entry.id in entry.waits_for}
    due, _, first = leaving.left(entries)
    under_way = {note.id for note in notes}
    for entry in entries:
        if skipped.isdisjoint(entry.waits_for) or entry.id in under_way:
            continue
        before = "" if entry.id in due else f", when `migrate` has applied {first}"
        if entry.id in skipped:
            text = f"it is a backfill that was left; run `backfill`{before}."
        else:
            text = f"it waits for {', '.join(entry.waits_for)}; `backfill` applies both{before}."
        yield Problem("left", entry.id, f"{folder / entry.id}.sql: {text}", refuses=False)


def renamed(missing: list[Entry], new: list[File]) -> dict[str, str]:
    """New names with their old ones, where the content is the same and it cannot be anybody else's."""
    pairs = [(file.id, entry.id) for entry in missing for file in new if file.checksum == entry.checksum]
    # Of several with one content (SELECT 1) those that look alike belong together.
    alike = [(id_, old) for id_, old in pairs if _is_like(id_, old)]
    names = {name for pair in _unambiguous(alike) for name in pair}
    rest = [pair for pair in pairs if not names & {*pair}]
    return dict(_unambiguous(alike) + _unambiguous(rest))


def _unambiguous(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    times = Counter(name for pair in pairs for name in pair)
    return [pair for pair in pairs if times[pair[0]] == times[pair[1]] == 1]


def _is_like(one: str, other: str) -> bool:
    """Whether the names have the same number, or are the same behind it."""
    rests = {NUMBER.sub("", id_, count=1).casefold() for id_ in (one, other)}
    return number(one) == number(other) != () or len(rests) == 1


def elsewhere(order: Sequence[str], histories: Collection[History]) -> Iterator[Problem]:
    """Histories of other tools, in a database that has none of ours; those that name our files refuse."""
    for history in histories:
        named = history.of(order)
        text = f"{history.table} is the history of {history.tool}; what it says was run is nothing to this folder."
        if named:
            last = shlex.quote(named[-1])
            names = last if len(named) == 1 else f"{len(named)} of these files, {named[0]} to {last}"
            text = (
                f"{history.table} is the history of {history.tool}, and names {names}, of which there is no record of "
                f"ours: as it seems they have run here. {_recorded_by(history)}`baseline --to {last} "
                "--allow-other-history` records them; "
                f"`migrate --allow-other-history` would run them once more ({other_tools.PAGE})."
            )
        yield Problem("other-history", history.table, text, refuses=bool(named))


def _recorded_by(history: History) -> str:
    if not history.is_taken_over:
        return ""
    return f"`adopt DIR`, with the folder of {history.tool}, records them with their times; without that folder, "


def foreign(files: dict[str, File]) -> Iterator[Problem]:
    """Files that were run, and hold another tool's part that takes them back: it was run with them."""
    for file in files.values():
        if not file.was_run or not (found := _taken_back(file)):
            continue
        mark, place, dropped = found
        what = f"what it drops may be gone: {'; '.join(dropped[:SHOWN])}" if dropped else "it drops nothing"
        more = f" and {len(dropped) - SHOWN} more" if dropped[SHOWN:] else ""
        text = (
            f"{place}: `{mark.text}` is a mark of {mark.tool}, and this file is recorded as applied. If it was run, "
            f"and not only recorded, so was the part after the mark, and {what}{more} ({other_tools.PAGE})."
        )
        yield Problem("foreign", file.id, text, refuses=False)


def _taken_back(file: File) -> tuple[other_tools.Mark, str, list[str]] | None:
    try:
        return file.taken_back()
    except BadFile:  # what cannot be read was not run as it is
        return None


def drafts(order: list[str], files: dict[str, File], run: Collection[str] = ()) -> Iterator[Problem]:
    """Files that `new` has made and nobody has filled; those with another pending one behind them refuse."""
    pending = [id_ for id_ in order if id_ not in run]
    for place, id_ in enumerate(pending):
        if not files[id_].is_draft:
            continue
        behind = next((other for other in pending[place:] if not files[other].is_draft), None)
        text = (
            f"it is a draft without a statement, and {behind} comes after it: fill it, or remove it."
            if behind
            else "it is a draft without a statement, and left out until it has one."
        )
        yield Problem("draft", id_, f"{files[id_].path}: {text}", refuses=behind is not None)


def _twins(order: list[str], files: dict[str, File], run: set[str]) -> Iterator[Problem]:
    groups: dict[tuple[int, ...], list[str]] = {}
    for id_ in order:
        if (value := number(id_)) and not _almost_rollback(id_):
            groups.setdefault(value, []).append(id_)
    for group in groups.values():
        # The applied ones keep their number.
        first, *others = sorted(group, key=lambda id_: id_ not in run)
        for id_ in others:
            alike = _head(id_) == _head(first)
            case = ", and differs from it by case only" if id_.casefold() == first.casefold() else ""
            if alike and not case:
                remedy = f"their whole names order them, {min(id_, first)} before {max(id_, first)}."
            elif id_ in run:
                remedy = "both are applied; to tell them apart rename one, and let `repair` move its record."
            else:
                remedy = "give it one of its own."
            message = f"{files[id_].path}: it has the number of {first}{case}; {remedy}"
            if not (alike and {id_, first} <= run):
                yield Problem("duplicate", id_, message, refuses=id_ not in run and not (alike and not case))


def _unsorted(order: list[str], files: dict[str, File], run: set[str]) -> Iterator[tuple[Problem, list[str]]]:
    """Files that run after one with a higher number only because names sort as text, with those others."""
    ids = [id_ for id_ in order if number(id_)]
    highest = ids[0] if ids else ""
    for place, id_ in enumerate(ids):
        if not follows(highest, id_):
            highest = id_
            continue
        before = [other for other in ids[:place] if follows(other, id_) and other < id_]
        if before:
            before.sort(key=lambda other: other in run)
            yield _out_of_order(id_, before[0], files, run), before


def _out_of_order(id_: str, other: str, files: dict[str, File], run: set[str]) -> Problem:
    padded = _padded(id_, other)
    if other not in run:
        move = ", and let `repair` move its record," if id_ in run else ""
        named = f"name it {padded}.sql{move} or " if padded != id_ else ""  # in nothing but its order
        remedy = f"{named}add `-- depends: {id_}` to {other}."
    elif id_ in run:
        remedy = f"both are applied; to mend it name it {padded}.sql, and let `repair` move its record."
    else:
        remedy = "that one is applied already: give this one a higher number."
    message = (
        f"{files[id_].path}: {other} comes before it, for names sort as text and not as numbers; {remedy}"
    )
    return Problem("order", id_, message, refuses=not {id_, other} <= run)


def _padded(id_: str, like: str) -> str:
    days = [re.sub("[^0-9]", "", date(name)) for name in (id_, like)]
    if days[0] and len(days[0]) == len(days[1]):  # written as the other's is
        digits = iter(days[0])
        return re.sub("[0-9]", lambda _: next(digits), date(like)) + id_[len(date(id_)) :]
    head, rest = _as_wide(_head(id_), _head(like)), id_[len(_head(id_)) :]
    return head + (_as_wide(rest, like[len(_head(like)) :]) if number(id_) == number(like) else rest)


def _as_wide(text: str, like: str) -> str:
    widths = [len(part) for part in re.findall("[0-9]+", like)]
    return re.sub("[0-9]+", lambda part: part[0].zfill(widths.pop(0) if widths else 0), text)


def _head(id_: str) -> str:
    match = NUMBER.match(id_)
    return match[0] if match else ""


def _unnumbered(order: list[str], files: dict[str, File], run: set[str]) -> Iterator[Problem]:
    for id_ in order:
        path = files[id_].path
        if _almost_rollback(id_):
            yield Problem(
                "rollback",
                id_,
                f"{path}: it would run as a migration; a rollback's name ends in {ROLLBACK}: rename it.",
                refuses=id_ not in run,
            )
        elif not number(id_):
            remedy = (
                "it is applied; give it one, and let `repair` move its record, or all that is new will be late."
                if id_ in run
                else f"give it one, or move it out of {path.parent}."
            )
            what = (
                "it is hidden, and plain yoyo would run it all the same"
                if id_[0] == "."
                else "its name does not begin with a number"
            )
            message = f"{path}: {what}; {remedy}"
            yield Problem("pattern", id_, message, refuses=id_ not in run)


def _gathered(folder: Path, found: list[Problem], files: dict[str, File]) -> Iterator[Problem]:
    """What is wrong with names, in one where another tool gives such names."""
    groups: dict[str, list[str]] = {}
    for problem in found:
        tool = other_tools.names_of(problem.id, files) if problem.refuses else None
        if tool is None:
            yield problem
        else:
            groups.setdefault(tool, []).append(problem.id)
    for tool, ids in groups.items():
        more = f" and {len(ids) - 1} more" if ids[1:] else ""
        text = (
            f"{folder}: {ids[0]}.sql{more} have names of {tool}, by which they would run in another order, or as "
            f"migrations though they take others back; {other_tools.PAGE} says how to switch."
        )
        yield Problem("form", str(folder), text.replace(" have names", " has a name") if not more else text)


def _almost_rollback(id_: str) -> bool:
    return "." in id_ and bool(_ALMOST.fullmatch(Path(id_).suffix))


def _strays(folder: Path, files: dict[str, File]) -> Iterator[Problem]:
    """What lies in the folder as if it were a migration, and is not read as one."""
    with os.scandir(folder) as listing:
        inside = sorted(
            (entry for entry in listing if not entry.name.startswith(_PASSED_OVER)),
            key=lambda entry: entry.name,
        )
    for entry in inside:
        if entry.name.endswith(ROLLBACK):
            id_ = entry.name.removesuffix(ROLLBACK)
            if id_ not in files:
                path = folder / entry.name
                yield Problem(
                    "rollback",
                    str(path),
                    f"{path}: a rollback without its migration {id_}.sql; name it as its migration is named, "
                    "or remove it.",
                )
        elif entry.name.lower().endswith(".sql"):
            if entry.name.removesuffix(".sql") not in files:
                path = folder / entry.name
                reason = (
                    "it is not a file"
                    if entry.name.endswith(".sql")
                    else "only names that end in .sql are read"
                )
                yield Problem(
                    "unread",
                    str(path),
                    f"{path}: it is not read, for {reason}; rename it, or move it away.",
                )
        elif entry.is_dir() and (entry.name != CODE or not read_code(folder)):
            yield from _below(folder / entry.name)


def _below(folder: Path) -> Iterator[Problem]:
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:  # whatever is in it, nobody here can run it
        return
    numbered = [name for name in names if NUMBER.match(name) and name.lower().endswith(".sql")]
    tool = other_tools.migration_of(folder)
    if folder.name == CODE and any(name.endswith(".sql") for name in names) and not numbered:
        text = f"{folder}: nothing in it is run, for no file there begins with CREATE of what a code file may make."
        yield Problem("folder", str(folder), text, refuses=False)
    if numbered or tool:
        remedy = (
            f"{other_tools.PAGE} says how to switch from {tool}." if tool else "move it up if it is to run."
        )
        what = numbered[0] if numbered else f"a migration of {tool}"
        text = f"{folder}: it holds {what}, which is not read, for sub-folders are not; {remedy}"
        yield Problem("folder", str(folder), text, refuses=False)


def _undependable(files: list[File], known: set[str]) -> Iterator[Problem]:
    for file in files:
        for name in file.depends:
            if name not in known:
                yield Problem(
                    "depends",
                    file.id,
                    f"{file.path}: it depends on {name}, and there is no such migration beside it.",
                )
