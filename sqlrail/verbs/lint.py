"""The verb lint: what squawk finds in files, less what a `-- lint: ignore RULE because …` says why it may stand.

What in a file is not SQL (COPY's data, psql's keys) squawk gets blank, so that its lines stay the file's. So does it a
statement that it cannot read, which one notice of the file then names.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from sqlrail.engine.backend import Backend
from sqlrail.errors import BadFile, ConnectionFailed, SqlrailError, UsageError
from sqlrail.files import distributed, fitting, squawk
from sqlrail.files.directives import DIRECTIVE, ignored_rule
from sqlrail.files.distributed import Distributed, Placed
from sqlrail.files.file import ROLLBACK, File, check_files, read_file
from sqlrail.files.fitting import Partitioned
from sqlrail.files.folder import read_files
from sqlrail.files.keys import squeezed
from sqlrail.files.pieces import Piece
from sqlrail.files.squawk import OFF, SYNTAX, Remark, Squawk
from sqlrail.files.statements import BLOCK, Statement, comments, place
from sqlrail.ground.events import Listener, Warned
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import printable
from sqlrail.postgres import wire
from sqlrail.records import history
from sqlrail.records.code import compare as compare_code
from sqlrail.records.code import pending as pending_code
from sqlrail.verbs import against
from sqlrail.verbs.against import Branch

if TYPE_CHECKING:
    from sqlrail.results.lint import LintedResult, LintFindingResult, RemarkResult

#: our own rules
UNUSED, UNREAD = "unused-ignore", "not-linted"


@dataclass(frozen=True)
class Finding:
    """What is dangerous at a place in a file, and the safer way; line and column from 1, in characters."""

    id: str
    path: Path
    line: int
    column: int
    rule: str
    message: str
    remedy: str

    @property
    def is_notice(self) -> bool:
        """Whether it only says what was not linted: that is nobody's mistake."""
        return self.rule == UNREAD

    def remark(self) -> RemarkResult:
        """What it says of a place in its file, for scripts."""
        return {
            "line": self.line,
            "column": self.column,
            "rule": self.rule,
            "message": self.message,
            "remedy": self.remedy,
        }

    def as_json(self) -> LintFindingResult:
        """The same with its file."""
        return {"id": self.id, "path": str(self.path), **self.remark()}


@dataclass(frozen=True)
class Linted:
    """What was found in how many files, for which major of the server; None where no server says."""

    findings: tuple[Finding, ...]
    files: int
    version: int | None

    @property
    def is_clean(self) -> bool:
        return all(finding.is_notice for finding in self.findings)

    def as_json(self) -> LintedResult:
        """The same for scripts; a version of null is no server's. Notices are what could not be linted."""
        return {
            "findings": [one.as_json() for one in self.findings if not one.is_notice],
            "notices": [one.as_json() for one in self.findings if one.is_notice],
            "linted": self.files,
            "server_major": self.version,
        }


@dataclass(frozen=True)
class Known:
    """What is known of tables before a file: it grows by what the files make."""

    partitioned: Partitioned = field(default_factory=Partitioned)
    distributed: Distributed = field(default_factory=Distributed)


@dataclass
class _Ignore:
    """A rule that is ignored, for a statement by its number, or for the whole file."""

    rule: str
    offset: int
    statement: int | None
    is_used: bool = False

    def covers(self, remark: Remark, statement: int) -> bool:
        return self.rule == remark.rule and self.statement in (None, statement)


@dataclass
class _Text:
    """A file as squawk gets it: each statement on the line and in the column where the file has it."""

    file: File
    text: bytes
    statements: list[Statement]
    starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.starts = [statement.start for statement in self.statements]

    def number(self, offset: int) -> int:
        """The number of the statement at an offset, or before it."""
        return max(0, bisect_right(self.starts, offset) - 1)

    def gaps(self) -> Iterator[tuple[int, int]]:
        """What lies before each statement, and behind the last."""
        at = 0
        for statement in self.statements:
            yield at, statement.start
            at = statement.data or statement.end
        yield at, len(self.text)

    def without(self, numbers: Collection[int]) -> bytes:
        """The text with some statements blank."""
        parts, at = [], 0
        for statement in (self.statements[number] for number in sorted(numbers)):
            blank = re.sub(rb"[^\n]", b" ", self.text[statement.start : statement.end])
            parts += [self.text[at : statement.start], blank]
            at = statement.end
        return b"".join([*parts, self.text[at:]])

    def finding(self, offset: int, rule: str, message: str, remedy: str) -> Finding:
        line, column = place(self.text, offset)
        return Finding(self.file.id, self.file.path, line, column, rule, message, remedy)

    def squeezed(self, number: int) -> str:
        """A statement, squeezed."""
        statement = self.statements[number]
        return squeezed(self.text[statement.start : statement.end].decode())

    def flaw(self, offset: int, message: str) -> BadFile:
        return BadFile(f"{self.file.at(*place(self.text, offset))}: lint: {message}")


def lint(
    settings: Settings,
    listener: Listener,
    paths: Sequence[Path] = (),
    *,
    every: bool = False,
    ref: str | None = None,
) -> Linted:
    """Lints the files at the paths, every file of the folder, or those that the database says are pending.

    With the name of a git ref it is those that this lacks, and the findings of against.py come with them.
    """
    if paths and every:
        raise UsageError("--all is every file of the folder: say that, or name files.")
    if ref is not None and (paths or every):
        raise UsageError(
            "--against chooses the files, those that are new: leave out --all and the names of files."
        )
    squawk.find()  # before a database is asked
    if ref is not None:
        return _against(settings, ref)
    if paths:
        files = [_read(path) for path in paths]
        version, known = _server(settings, listener)
        _learn_before(known, settings.migrations, files)
    elif every:
        migrations, by_id = read_files(settings.migrations)
        check_files(migrations.code)
        files = [*by_id.values(), *(each.file for each in migrations.code)]
        version, known = _server(settings, listener)[0], Known()  # a file is what it was before the next one
    else:
        files, version, known = _pending(settings, listener)
    return Linted(check(files, version, known), len(files), version)


def _against(settings: Settings, ref: str) -> Linted:
    branch = against.read(settings.migrations, ref)
    files, known = [branch.files[id_] for id_ in branch.new], Known()
    _learn_before(known, settings.migrations, files)
    findings = (*_compared(branch), *check(files, None, known))
    return Linted(tuple(sorted(findings, key=lambda found: found.path)), len(files), None)


def _compared(branch: Branch) -> Iterator[Finding]:
    """What of the ref's files is not as the ref has it, and which new file comes too early."""
    for remark in against.remarks(branch):
        path = branch.folder / f"{remark.id}.sql"
        yield Finding(
            remark.id, path, remark.line, 1, remark.kind, printable(remark.message), printable(remark.remedy)
        )


def _read(path: Path) -> File:
    file = read_file(path)
    migration = path.with_name(f"{path.name.removesuffix(ROLLBACK)}.sql")
    if file.is_rollback and migration.exists():
        file.transactional = read_file(migration).transactional  # as yoyo has it
    return file


def _learn_before(known: Known, folder: Path, files: Sequence[File]) -> None:
    """Takes in what the folder's files make that come before these."""
    given = {file.path.resolve() for file in files}
    with suppress(SqlrailError):  # what is wrong there is not asked
        everything = read_files(folder)[1].values()
        for file in takewhile(lambda it: it.path.resolve() not in given, everything):
            _learn(known, _compose(file))


def _server(settings: Settings, listener: Listener) -> tuple[int | None, Known]:
    if not settings.is_named:
        return None, Known()
    try:
        with Backend(settings, listener) as backend:
            return _major(backend), known_of(backend)
    except ConnectionFailed as exc:
        listener(Warned(f"what the server's major allows is not known: {exc}"))
        return None, Known()


def _pending(settings: Settings, listener: Listener) -> tuple[list[File], int, Known]:
    migrations, files = read_files(settings.migrations)
    with Backend(settings, listener) as backend:
        entries = history.compare(migrations, files, backend.records)
        ids = [entry.id for entry in entries if entry.state in ("pending", "late")]
        ids += [migration.id for migration in migrations.post_apply if ids]
        check_files(migrations.code)
        names = pending_code(compare_code(migrations.code, backend.read_code()))
        code = [each.file for each in migrations.code if each.name in names]
        return [*(files[id_] for id_ in ids), *code], _major(backend), known_of(backend)


def _major(backend: Backend) -> int:
    return int(backend.connection.info.server_version) // 10000


def known_of(backend: Backend) -> Known:
    """What is partitioned and, on Citus, distributed in a database."""
    partitioned = Partitioned(wire.ask(backend.connection, "partitioned"))
    rows = wire.ask(backend.connection, "distributed") if backend.session.server.is_citus else []
    return Known(partitioned, Distributed(Placed((schema, table), column) for schema, table, column in rows))


def check(files: Iterable[File], version: int | None, known: Known | None = None) -> tuple[Finding, ...]:
    """What is dangerous in the files, one after the other, on a server of that major.

    What is known before them grows by what they make. BadFile for a file that could not be run, or ignores a rule
    without a reason; MissingPrerequisite without squawk.
    """
    program = Squawk(version)
    known = known or Known()
    return tuple(finding for file in files for finding in _check(program, file, version, known))


def _check(program: Squawk, file: File, version: int | None, known: Known) -> list[Finding]:
    file.check()
    text = _compose(file)
    ignores = list(_ignores(program, text))
    remarks, unread = _ask(program, text)
    on_citus = _learn(known, text)
    remarks = [*_fitted(text, remarks, known.partitioned, version), *_overlooked(text), *on_citus]
    found = []
    for remark in remarks:
        covering = [ignore for ignore in ignores if ignore.covers(remark, text.number(remark.start))]
        for ignore in covering:
            ignore.is_used = True
        if not covering:
            found.append(text.finding(remark.start, remark.rule, remark.message, remark.remedy))
    unsure = {*unread, None} if unread else unread
    found += [_unused(text, it) for it in ignores if not it.is_used and it.statement not in unsure]
    if unread:
        found.append(_not_linted(text, unread))
    return sorted(found, key=lambda one: (one.line, one.column, one.rule))


def _pieces(file: File) -> Iterator[Piece]:
    rest = yield from file.pieces()
    yield rest


def _compose(file: File) -> _Text:
    text, line = bytearray(), 1
    statements: list[Statement] = []
    # No rule looks at rows: those of a large file would cost twenty times their size.
    is_large = file.small is None and file.state[1] > BLOCK
    for piece in _pieces(file):
        text += b"\n" * (piece.line - line)
        at = 0
        for statement in piece.statements:
            text += piece.text[at : statement.start]
            content = piece.text[statement.start : statement.end]
            at = statement.end
            if is_large and statement.words[:1] == ("INSERT",):
                *lines, last = content.decode().split("\n")
                text += b"\n" * len(lines) + b" " * len(last)
                continue
            by = len(text) - statement.start
            statements.append(statement.moved(by))
            text += content
        text += piece.text[at:]
        line = piece.line + piece.text.count(b"\n")
    return _Text(file, bytes(text), statements)


def _ask(program: Squawk, text: _Text) -> tuple[list[Remark], set[int]]:
    """What squawk says of a text, and the numbers of the statements that it cannot read."""
    transactional, unread = text.file.transactional, set[int]()
    remarks = program.ask(text.text, transactional=transactional)
    if remarks and (unread := {text.number(it.start) for it in remarks if it.rule == SYNTAX}):
        remarks = program.ask(text.without(unread), transactional=transactional)
    if remarks is None or any(remark.rule == SYNTAX for remark in remarks):
        return [], {*range(len(text.statements))}
    return remarks, unread


def _learn(known: Known, text: _Text) -> list[Remark]:
    """Takes in what a file makes; what Citus refuses of it."""
    if known.partitioned or re.search(rb"(?i)\bPARTITION\b", text.text):
        for number, statement in enumerate(text.statements):
            if {"TABLE", "INDEX"}.intersection(statement.words):
                known.partitioned.learn(text.squeezed(number))
    known.distributed.begin()
    return [
        remark
        for statement in text.statements
        if distributed.WORDS.issuperset(statement.words[:1])
        for remark in known.distributed.learn(
            text.text[statement.start : statement.end].decode(),
            statement.start,
            statement.end,
            transactional=text.file.transactional,
        )
    ]


def _fitted(
    text: _Text, remarks: list[Remark], partitioned: Partitioned, version: int | None
) -> Iterator[Remark]:
    for remark in remarks:
        statement = text.squeezed(text.number(remark.start)) if text.statements else ""
        part = squeezed(text.text[remark.start : remark.end].decode(errors="replace"))
        if fits := fitting.fitted(remark, statement, part, partitioned, version):
            yield fits


def _overlooked(text: _Text) -> Iterator[Remark]:
    for number, statement in enumerate(text.statements):
        if statement.words[:2] == ("ALTER", "TABLE"):
            yield from fitting.overlooked(text.squeezed(number), statement.start, statement.end)


def _ignores(program: Squawk, text: _Text) -> Iterator[_Ignore]:
    for number, (at, end) in enumerate(text.gaps()):
        leading = number == 0
        for offset, comment in comments(text.text, at, end):
            begins_line = not text.text[text.text.rfind(b"\n", 0, offset) + 1 : offset].strip()
            leading &= comment.startswith(b"--") and not text.text[at:offset].strip()
            at = offset + len(comment)
            match = DIRECTIVE.fullmatch(comment.decode().strip())
            if match is None or match[1] != "lint":
                continue
            if not begins_line:
                raise text.flaw(offset, "put it on a line of its own, above the statement that it is about.")
            try:
                rule = ignored_rule((match[2] or "").strip())
            except ValueError as exc:
                raise text.flaw(offset, f"{exc}.") from None
            if not (rule in distributed.RULES or program.knows(rule)):
                raise text.flaw(offset, f"squawk has no rule '{rule}'; {squawk.DOCS}rules lists them.")
            yield _Ignore(rule, offset, None if leading else number)


def _unused(text: _Text, ignore: _Ignore) -> Finding:
    reason = f"the rule is off: {OFF[ignore.rule]}" if ignore.rule in OFF else "it finds nothing here"
    return text.finding(ignore.offset, UNUSED, f"{ignore.rule} is ignored, and {reason}.", "remove the line")


def _not_linted(text: _Text, unread: set[int]) -> Finding:
    first, *others = sorted(unread)
    if len(unread) == len(text.statements):
        what = "squawk cannot read this file"
    else:
        more = f" and {len(others)} more of this file" if others else ""
        what = f"squawk cannot read this statement{more}"
    message = f"{what}, which says nothing of whether PostgreSQL can."
    return text.finding(text.starts[first], UNREAD, message, "read it yourself")
