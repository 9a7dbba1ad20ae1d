"""The files held against the records: what is applied, pending, edited, missing or late."""

from __future__ import annotations

import glob
import hashlib
import io
import os
import re
from bisect import bisect
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from yoyo.exceptions import BadMigration, MigrationConflict
from yoyo.migrations import MigrationList, read_migrations, topological_sort
from yoyo.topologicalsort import CycleError

from sqlrail.errors import BadFile, UsageError
from sqlrail.files import keys, other_tools, statements
from sqlrail.files.examine import Comment, examine, openings
from sqlrail.files.other_tools import Mark
from sqlrail.files.statements import Flaw, Piece, Reader
from sqlrail.ground.relation import Action, Relation
from sqlrail.ground.settings import seconds

BOM = b"\xef\xbb\xbf"
#: bytes that are read at a time for a checksum
BLOCK = 1 << 20
#: bytes up to which a file stays in memory from the first look to its run, instead of being read again
SMALL = 1 << 14
#: what the name of a file ends with that takes another back
ROLLBACK = ".rollback.sql"
#: a line that says something to us: its name, and its value; yoyo asks for no blank either
DIRECTIVE = re.compile(r"--\s*([a-z][a-z-]*)\s*:\s*(.*)")
#: a line of a comment that may be meant for one; and what may begin such a comment, among others
_ALMOST = re.compile(r"[-/*\s]*([A-Za-z][A-Za-z _-]{2,24}?)\s*:\s*(.*?)\s*(?:\*/)?")
_MAY_BE_DIRECTIVE = (
    rb"(?i)(?:--|/\*)[^:;]{0,400}(?:d\w*p\w*nd|trans|clean|lock|stat?\w*m|timeout|row|lint)[\w -]*:"
)
#: of 1, how much a misspelt name is like a directive's; "line" and "lint" are less
CLOSE = 0.8
#: the line by which a file that `new` has made is known, as long as there is no statement in it
DRAFT = "-- draft: this file is left out until a statement stands in it."
ONLY_SQL = "only .sql files are run; move it away, or rewrite it in SQL."
#: what leads a name: one number, with those behind its dots (1.10), or, where it is a year or a date, all that
#: follow it (20240131_02, 2024-01-31T1200)
NUMBER = re.compile(r"(?:19|20)[0-9]{2,}(?:[-_.T][0-9]+Z?(?![^\W_]))*|[0-9]+(?:\.[0-9]+(?![^\W_]))*")
_DATE = re.compile(
    r"(?:19|20)[0-9]{2}([-_.]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12][0-9]|3[01])"
    r"(?:[-_.T]?(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9])?)?(?![0-9])"
)


@dataclass(frozen=True)
class Record:
    """A migration that the database says was applied; the time is UTC, a checksum of None is unknown."""

    id: str
    hash: str
    applied_at: datetime | None
    checksum: str | None


@dataclass(frozen=True)
class Note:
    """A migration that is half done outside a transaction: what was under way, apply or rollback, and how far."""

    id: str
    operation: str
    done: int  # statements
    is_begun: bool  # the next one, which refuses a transaction

    def __str__(self) -> str:
        done = f"{self.done or 'no'} statement{'' if self.done == 1 else 's'} done"
        return f"half done outside a transaction ({done}{', the next one begun' if self.is_begun else ''})"


@dataclass(frozen=True)
class Entry:
    """A migration's state: applied, pending, edited, missing or late."""

    id: str
    state: str
    applied_at: datetime | None = None
    checksum: str | None = None


@dataclass
class File:
    """A migration's file, and what its leading comment says. Timeouts are seconds; None is the run's own."""

    id: str
    path: Path
    checksum: str = ""
    depends: tuple[str, ...] = ()
    transactional: bool = True
    cleanup: tuple[Relation, ...] = ()
    lock_timeout: float | None = None
    statement_timeout: float | None = None
    row_security: bool = False  # whether policies may hide rows from its statements
    flaws: list[tuple[int, str]] = field(default_factory=list)  # line and message
    doubts: list[tuple[int, str]] = field(default_factory=list)  # line and text of its leading comment
    lead: int = 0  # bytes of the leading comment
    is_draft: bool = False
    was_run: bool = False  # says a record
    blanks: tuple[tuple[int, int], ...] = ()  # what the runner takes the place of, set by check()
    notices: tuple[str, ...] = ()  # what is passed over, set by check()
    small: bytes | None = None  # the content, where it is no more than SMALL
    state: tuple[int, ...] = ()  # of the file when its checksum was made

    @property
    def is_rollback(self) -> bool:
        return self.path.name.endswith(ROLLBACK)

    @property
    def directives(self) -> dict[str, Callable[[File, str], None]]:
        """What its leading comment may say."""
        return _ROLLBACK_DIRECTIVES if self.is_rollback else _DIRECTIVES

    def at(self, line: int, column: int = 1) -> str:
        """A place in the file, for messages."""
        return f"{self.path}:{line}:{column}"

    def pieces(self, size: int = statements.BLOCK) -> Generator[Piece, None, Piece]:
        """The file as it is sent, see statements.Reader; BadFile if it is no longer what was checked.

        Returns what is behind the last piece.
        """
        with self._open() as stream:
            reader = Reader(_Blanked(stream, self.blanks) if self.blanks else stream, size)
            yield from reader
            return reader.rest

    def relations(self) -> list[Relation]:
        """Those of its cleanups, which follow the key that the file itself adds where the database has none yet.

        BadFile where a directive says another thing than that key.
        """
        if not self.cleanup:
            return []
        found = list(keys.added(self.content().decode(errors="replace")))
        return [self._following(relation, found) for relation in self.cleanup]

    def _following(self, relation: Relation, found: list[keys.Key]) -> Relation:
        words = {Action(key.action, key.sets) for key in found if key.action and _is_of(key, relation)}
        if relation.said is None and len(words) == 1:
            return replace(relation, otherwise=words.pop())
        if words and relation.said not in words:
            of_key, said = " and ".join(sorted(map(str, words))), relation.said
            raise BadFile(
                f"{self.path}: cleanup: {relation} {said or ''}".rstrip()
                + f" is not what the file's own key does to "
                f"orphans ({of_key}); say the same, or leave it to the key."
            )
        return relation

    def check(self) -> None:
        """BadFile, with all its lines, for anything that must not reach the database."""
        check([self])

    def faults(self) -> list[str]:
        """All that must not reach the database, each with its place."""
        said = [(number, 1, text) for number, text in [*self.flaws, *_misspelt(self)]]
        with self._stream() as stream:
            start = stream.tell()
            found = examine(stream, transactional=self.transactional, wants=_wants)
            wrong = [*found.flaws, *self._foreign(found.comments), *_misplaced(self, found.comments)]
            for flaw in wrong:
                stream.seek(start)
                said.append((*statements.place_in(stream, flaw.offset), flaw.message))
            places = []
            for offset, text in found.notices:
                stream.seek(start)
                places.append(f"{self.at(*statements.place_in(stream, offset))}: {text}")
        self.blanks, self.notices = found.blanks, tuple(places)
        faults = [f"{self.at(line, column)}: {text}" for line, column, text in sorted(said)]
        if self.cleanup and not self.transactional:
            faults.append(
                f"{self.path}: a cleanup is one transaction with its file, and this is `-- transactional: false`; "
                "declare it in a file of its own, before this one."
            )
        try:
            self.relations()
        except BadFile as exc:
            faults.append(str(exc))
        return faults

    def _foreign(self, comments: Collection[Comment]) -> Iterator[Flaw]:
        """What makes it another tool's file. A rollback is only in danger of what does not take back."""
        found = [] if self.was_run else [*other_tools.marks(comments)]
        if self.is_rollback:
            found = [mark for mark in found if not mark.takes_back] if len(found) > 1 else []
        for mark in found[:1]:
            yield Flaw(mark.offset, other_tools.advice(mark))

    def taken_back(self) -> tuple[Mark, str, list[str]] | None:
        """Another tool's mark, with its place, behind which stands what takes the file back; and what that drops."""
        with self._stream() as stream:
            start = stream.tell()
            if not _may_hold_mark(stream):
                return None
            stream.seek(start)
            found = examine(stream, transactional=False, wants=other_tools.may_be_mark)
            mark = next((it for it in other_tools.marks(found.comments) if it.takes_back), None)
            if mark is None:
                return None
            stream.seek(start)
            place = statements.place_in(stream, mark.offset)
            stream.seek(start)
            return mark, self.at(*place), [*_destructive(Reader(stream), mark.offset)]

    def line(self, number: int) -> bytes:
        """One of its lines, from 1; empty behind the last."""
        with self._open() as stream:
            return next(islice(stream, number - 1, None), b"")

    def content(self) -> bytes:
        """All of it behind its BOM."""
        with self._stream() as stream:
            return stream.read()

    @contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        """The file behind its BOM, the same before and after as when its checksum was made; places its flaws."""
        with self._stream() as stream:
            start = stream.tell()
            try:
                yield stream
            except Flaw as flaw:
                stream.seek(start)
                place = statements.place_in(stream, flaw.offset)
                raise BadFile(f"{self.at(*place)}: {flaw.message}") from None

    @contextmanager
    def _stream(self) -> Iterator[BinaryIO]:
        if self.small is not None:
            yield io.BytesIO(self.small)
            return
        with _reading(self.path) as stream:
            start, state = stream.tell(), _state(stream)
            if state != self.state:
                if checksum(stream) != self.checksum:
                    raise BadFile(self._changed)
                self.state = state
                stream.seek(start)
            yield stream
            if _state(stream) != self.state:
                raise BadFile(self._changed)

    @property
    def _changed(self) -> str:
        return f"{self.path} changed while the run was under way; run again."


def _is_of(key: keys.Key, relation: Relation) -> bool:
    """Whether a file's key is the relation's: a schema or the parent's columns count where both have them."""
    tables = ((key.child, relation.child), (key.parent, relation.parent))
    if any(one[-1] != other[-1] or (len(one) == len(other) and one != other) for one, other in tables):
        return False
    if not key.keys:
        return set(key.columns) == set(relation.columns)
    return set(zip(key.columns, key.keys, strict=False)) == set(
        zip(relation.columns, relation.keys, strict=True)
    )


class _Blanked:
    """A stream to read from, with blanks in some places, counted in bytes from where it stands."""

    def __init__(self, stream: BinaryIO, blanks: Collection[tuple[int, int]]) -> None:
        self._stream, self._blanks, self._at = stream, blanks, 0

    def read(self, size: int = -1) -> bytes:
        block = bytearray(self._stream.read(size))
        for start, end in self._blanks:
            first, last = max(start - self._at, 0), min(end - self._at, len(block))
            if first < last:
                block[first:last] = re.sub(rb"[^\n\r]", b" ", block[first:last])
        self._at += len(block)
        return bytes(block)


def check(files: Iterable[File]) -> None:
    """BadFile, with all that is wrong with any of them, each with its place."""
    faults: list[str] = []
    for file in files:
        try:
            faults += file.faults()
        except BadFile as exc:
            faults.append(str(exc))
    if faults:
        failure = BadFile(*faults)
        failure.details["faults"] = faults
        raise failure


@contextmanager
def _reading(path: Path) -> Iterator[BinaryIO]:
    """The file, open behind its BOM; BadFile if it cannot be read."""
    try:
        with path.open("rb") as stream:
            if stream.read(len(BOM)) != BOM:
                stream.seek(0)
            yield stream
    except OSError as exc:
        raise BadFile(f"{path} cannot be read: {exc.strerror}.") from exc


def _state(stream: BinaryIO) -> tuple[int, ...]:
    """What changes when the file does: a second checksum would take longer than the reading."""
    status = os.fstat(stream.fileno())
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def checksum(stream: BinaryIO) -> str:
    """sha256 over the content as an editor on any system would leave it, from where the stream stands.

    Line ends, trailing blanks and missing last newlines do not count: git and editors change them unasked.
    """
    digest, blanks = hashlib.sha256(), b""
    # Block by block: a large file is never whole in memory.
    while block := stream.read(BLOCK):
        block = blanks + block
        text = block.rstrip(b" \t\r\n")
        blanks = block[len(text) :]
        if any(blank in text for blank in (b" \n", b"\t\n", b"\r\n")):
            text = re.sub(rb"[ \t\r]+(?=\n)", b"", text)
        digest.update(text)
    return "sha256:" + digest.hexdigest()


def read_files(folder: Path) -> tuple[MigrationList, dict[str, File]]:
    """yoyo's list of the folder's migrations, in its order, and our reading of each by id."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}; name the migrations' folder with --migrations DIR.")
    # yoyo globs its argument: a folder named m[1] would be an empty list.
    try:
        migrations = read_migrations(glob.escape(str(folder)))
    except UnicodeEncodeError as exc:
        raise BadFile(f"{folder}: the name {exc.object!a} is not UTF-8; rename that file.") from exc
    except MigrationConflict as exc:  # 001_x.sql and 001_x.py
        raise BadFile(f"{folder / f'{exc}.py'}: {ONLY_SQL}") from exc
    except OSError as exc:
        raise BadFile(f"{folder} cannot be read: {exc.strerror}.") from exc
    if not migrations:
        if tool := other_tools.folder_of(folder):
            raise UsageError(
                f"{folder} has the form of {tool}, which is not read here; {other_tools.PAGE} leads over."
            )
        raise UsageError(f"{folder} holds no migration; the first would be {folder / '001_name.sql'}.")
    everything = [*migrations, *migrations.post_apply]
    files = {migration.id: read_file(Path(migration.path)) for migration in everything}
    by_id = {migration.id: migration for migration in everything}
    for migration in everything:
        _load(migration, files[migration.id], by_id)
    try:
        ordered = list(topological_sort(migrations))
    except BadMigration as exc:
        raise BadFile(f"{folder}: {exc}.") from exc
    except CycleError as exc:  # what yoyo 9.0.0 lets through
        circle = ", ".join(sorted({migration.id for migration in exc.args[1]}))
        raise BadFile(f"{folder}: what they say they depend on runs in a circle: {circle}.") from exc
    return MigrationList(ordered, migrations.post_apply), files


def _load(migration: Any, file: File, by_id: dict[str, Any]) -> None:
    # What yoyo's own load() would set, without sqlparse (2 s for 1,000 small files) and without its
    # registry of ids, which mixes up folders. A list of steps is how yoyo sees that a migration is loaded.
    migration.steps = []
    migration.use_transactions = file.transactional
    # Those without a file may have a record: problems.py knows.
    migration._depends = {by_id[name] for name in file.depends if name in by_id}


def read_file(path: Path) -> File:
    """One file, and what its leading comment says; what is wrong with that, File.check() raises."""
    if path.suffix != ".sql":
        raise BadFile(f"{path}: {ONLY_SQL}")
    try:
        path.stem.encode()
    except UnicodeEncodeError:
        raise BadFile(
            f"{str(path)!a}: the name is not UTF-8, and could not be recorded; rename it."
        ) from None
    file = File(id=path.stem, path=path)
    with _reading(path) as stream:
        start = stream.tell()
        is_draft = False
        for number, line in enumerate(stream, 1):
            text = line.strip().decode(errors="replace")
            if text and not text.startswith("--"):
                break
            file.lead += len(line)
            is_draft |= text == DRAFT
            if match := DIRECTIVE.fullmatch(text):
                _obey(file, number, match[1], match[2].strip())
            elif ":" in text:
                file.doubts.append((number, text))
        stream.seek(start)
        file.state = _state(stream)
        if file.state[1] <= SMALL:
            file.small = stream.read()
        file.checksum = checksum(stream if file.small is None else io.BytesIO(file.small))
    file.is_draft = is_draft and file.small is not None and not statements.has_statement(file.small)
    return file


def _obey(file: File, line: int, name: str, value: str) -> None:
    if directive := file.directives.get(name):
        try:
            directive(file, value)
        except ValueError as exc:
            file.flaws.append((line, f"{name}: {exc}."))
    else:
        file.doubts.append((line, f"-- {name}: {value}"))


def _meant(file: File, line: str) -> tuple[str, bool] | None:
    """Which directive a line of a comment may mean, and whether its value is one that this could have."""
    match = _ALMOST.fullmatch(line)
    if match is None:
        return None
    from difflib import get_close_matches

    said = re.sub("[ _]+", "-", match[1]).casefold()
    for name in get_close_matches(said, _DIRECTIVES, 1, CLOSE):
        try:
            _DIRECTIVES[name](File(file.id, file.path), match[2])
        except ValueError:
            return name, False
        return name, name != "depends" or (bool(match[2]) and all(map(number, match[2].split())))
    return None


def _misspelt(file: File) -> Iterator[tuple[int, str]]:
    """Lines of the leading comment that look like a directive, and would count as none."""
    for line, text in file.doubts:
        meant, plain = _meant(file, text), DIRECTIVE.fullmatch(text)
        if meant is None or not (meant[1] or plain):  # prose, as in `-- Clean up: what is old`
            continue
        name = meant[0]
        if name not in file.directives:
            there = ", ".join(file.directives)
            yield line, f"'{name}' is not a directive of a rollback (there are {there}); remove it."
        else:
            yield (
                line,
                (
                    f"this is no directive, and looks like one: write `-- {name}: …`, or word the comment otherwise."
                ),
            )


def _misplaced(file: File, comments: Collection[Comment]) -> Iterator[Flaw]:
    """Directives behind the leading comment, where they would count as none."""
    for comment in comments:
        if comment.offset < file.lead and comment.text.startswith(b"--"):
            continue
        for line in comment.text.decode(errors="replace").splitlines():
            meant = _meant(file, line.strip())
            if meant is None or not meant[1]:
                continue
            name = meant[0]
            if name == "lint" and DIRECTIVE.fullmatch(line.strip()):  # which stands above its statement
                continue
            yield Flaw(
                comment.offset,
                f"a directive counts only at the head of the file, in lines that begin with --, before anything else: "
                f"put `-- {name}: …` there, or write it otherwise.",
            )


def _may_hold_mark(stream: BinaryIO) -> bool:
    before = b""
    while block := stream.read(BLOCK):
        text = before[-100:] + block
        if any(other_tools.may_be_mark(text, at) for at in openings(text)):
            return True
        before = block
    return False


def _destructive(pieces: Iterable[Piece], offset: int) -> Iterator[str]:
    """The statements behind a place that drop or delete, each on one line."""
    for piece in pieces:
        for statement in piece.statements if piece.offset + len(piece.text) > offset else ():
            text = piece.text[statement.start : statement.end]
            drops = statement.words[0] in ("DROP", "DELETE", "TRUNCATE") or (
                statement.words[0] == "ALTER" and re.search(rb"(?i)\bDROP\b", text)
            )
            if drops and piece.offset + statement.start > offset:
                yield statements.brief(text, 80)


def _wants(text: bytes, at: int) -> bool:
    """Whether the comment at an offset has to be looked at."""
    return other_tools.may_be_mark(text, at) or bool(re.compile(_MAY_BE_DIRECTIVE).match(text, at))


def _depends(file: File, value: str) -> None:
    file.depends += tuple(value.split())


def _row_security(file: File, value: str) -> None:
    if value.lower() not in ("on", "off"):
        raise ValueError(f"'{value}' is neither on nor off")
    file.row_security = value.lower() == "on"


def _transactional(file: File, value: str) -> None:
    if value.lower() not in ("true", "false"):
        raise ValueError(f"'{value}' is neither true nor false")
    file.transactional = value.lower() == "true"


def _cleanup(file: File, value: str) -> None:
    file.cleanup += (Relation.parse(value),)


def _lock_timeout(file: File, value: str) -> None:
    file.lock_timeout = seconds(value)


def _statement_timeout(file: File, value: str) -> None:
    file.statement_timeout = seconds(value)


def ignored_rule(value: str) -> str:
    """The rule that `-- lint: ignore RULE because …` is about; ValueError says what is wrong with it."""
    match = re.fullmatch(r"ignore\s+([a-z][a-z0-9-]*)(?:\s+because(\s+\S.*)?)?", value)
    if match is None:
        raise ValueError("write ignore, one rule, and why, as in `-- lint: ignore ban-drop-table because …`")
    if match[2] is None:
        raise ValueError(f"say why, as in `-- lint: ignore {match[1]} because …`")
    return match[1]


def _lint(_: File, value: str) -> None:
    ignored_rule(value)  # which rules there are, the linter knows, and obeys


_DIRECTIVES: dict[str, Callable[[File, str], None]] = {
    "depends": _depends,
    "transactional": _transactional,
    "cleanup": _cleanup,
    "lock-timeout": _lock_timeout,
    "statement-timeout": _statement_timeout,
    "row-security": _row_security,
    "lint": _lint,
}
#: A rollback is run as its migration was, transactional or not, and in the reverse order: so yoyo has it.
_ROLLBACK_DIRECTIVES = {
    name: _DIRECTIVES[name] for name in ("lock-timeout", "statement-timeout", "row-security", "lint")
}


def read_rollback(file: File) -> File | None:
    """The file that takes a migration's back; None if there is none."""
    path = file.path.with_name(f"{file.id}{ROLLBACK}")
    return read_file(path) if path.exists() else None


def compare(migrations: MigrationList, files: dict[str, File], records: list[Record]) -> list[Entry]:
    """Each migration's state, in yoyo's order; a record without a file stands where its name sorts.

    Each file is told whether it has a record: what is asked of one that is still to run is not asked of it.
    """
    applied = {record.id: record for record in records}
    last = max((n for n, migration in enumerate(migrations) if migration.id in applied), default=-1)
    entries = []
    for number, migration in enumerate(migrations):
        record, file = applied.pop(migration.id, None), files[migration.id]
        file.was_run = record is not None
        if record is None:
            entries.append(Entry(file.id, "late" if number < last else "pending", None, file.checksum))
        else:
            intact = record.checksum in (None, file.checksum)
            entries.append(
                Entry(file.id, "applied" if intact else "edited", record.applied_at, record.checksum)
            )
    for record in sorted(applied.values(), key=lambda record: record.id):
        place = bisect([entry.id for entry in entries], record.id)
        entries.insert(place, Entry(record.id, "missing", record.applied_at, record.checksum))
    return entries


def number(id_: str) -> tuple[int, ...]:
    """The number that leads a migration's name, in its parts; empty where there is none."""
    match = NUMBER.match(id_[:255])  # no file's name is longer
    return tuple(int(part) for part in re.findall("[0-9]+", match[0])) if match else ()


def date(id_: str) -> str:
    """The date that leads a migration's name, with its time if it has one, and as it is written; else empty."""
    match = _DATE.match(id_)
    return match[0] if match else ""


def follows(one: str, other: str) -> bool:
    """Whether a migration's number is higher than another's, and, where they share one, the rest of its name.

    A day, and a time of that day, are in either order.
    """
    days = ["".join(re.findall("[0-9]+", date(id_))) for id_ in (one, other)]
    shorter = min(map(len, days))
    if shorter and days[0][:shorter] != days[1][:shorter]:  # with dashes or without
        return days[0][:shorter] > days[1][:shorter]
    if shorter and len(days[0]) != len(days[1]):
        return False
    if shorter:
        return (_behind_date(one), _natural(one)) > (_behind_date(other), _natural(other))
    return (number(one), _natural(one)) > (number(other), _natural(other))


def _behind_date(id_: str) -> tuple[int, ...]:
    match = NUMBER.match(id_)
    return tuple(map(int, re.findall("[0-9]+", match[0][len(date(id_)) :]))) if match else ()


def _natural(id_: str) -> list[str | int]:
    """What is behind the number, as people sort it: numbers as such."""
    rest = NUMBER.sub("", id_[:255], count=1)
    return [int(part) if part.isdecimal() else part for part in re.split("([0-9]+)", rest)]


def up_to(migrations: MigrationList, to: str | None) -> MigrationList:
    """Those up to one that is named as for resolve(), or all."""
    if to is None:
        return migrations
    order = [migration.id for migration in migrations]
    return migrations.replace(list(migrations)[: order.index(resolve(to, order, "--to")) + 1])


def resolve(given: str, ids: Collection[str], origin: str) -> str:
    """The migration that is meant by its name, its file, or its number alone where no other has it; else UsageError."""
    name = Path(given).name.removesuffix(".sql")
    if given in ids or name in ids:
        return given if given in ids else name
    found = [id_ for id_ in ids if NUMBER.fullmatch(given) and number(id_) == number(given)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{origin} is '{given}': {' and '.join(found)} have that number; give a whole name.")
    from difflib import get_close_matches

    near = [id_ for id_ in ids if name and name in id_][:3] or get_close_matches(name, ids, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else "`status` lists them."
    raise UsageError(f"{origin} is '{given}': there is no migration of that name; {hint}")
