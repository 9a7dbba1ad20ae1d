"""Code files, run in one transaction: what they make is made again together with what leans on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors as pg

from sqlrail.engine.code.carried import Fact, Target, options, others, owners
from sqlrail.engine.code.leaning import Leaning, leaning
from sqlrail.engine.opening import Opener
from sqlrail.engine.operation import Operation
from sqlrail.engine.pipeline import Closing, Pipeline
from sqlrail.engine.retry import Retry
from sqlrail.engine.session import Session
from sqlrail.engine.transactional import Opened, failure
from sqlrail.errors import Refused, SqlrailError
from sqlrail.files.code import FOLDER, Code, circle_of, in_order, read_stored
from sqlrail.files.file import File
from sqlrail.files.pieces import Piece
from sqlrail.ground.words import printable
from sqlrail.postgres.giving_way import Tries
from sqlrail.postgres.wire import Answer
from sqlrail.records.code import CodeRecord, compare, pending

#: what keeps a statement from being run before another
NOT_YET = (pg.UndefinedTable, pg.UndefinedFunction, pg.UndefinedObject)
#: why a routine cannot be replaced where it is: what it returns or how its arguments are called is not as before
IN_THE_WAY = (pg.InvalidFunctionDefinition, pg.WrongObjectType)
#: names that are said one by one
SHOWN = 3
_NOTHING = "Nothing of the code files was kept."


class CodeRun:
    """Runs the code files that are new, edited or dropped, behind all migrations, and those that lean on them.

    All of it is committed together with its records, or nothing.
    """

    def __init__(
        self,
        session: Session,
        opener: Opener,
        pipeline: Pipeline,
        retry: Retry,
        operation: Operation,
        starts: Callable[[str], None],
        look_again: Callable[[File], bool],
    ) -> None:
        """starts: takes in what runs; look_again: reads the history under the lock, false if nothing is to be run."""
        self._session, self._opener, self._pipeline = session, opener, pipeline
        self._retry, self._operation = retry, operation
        self._starts, self._look_again = starts, look_again

    def run(self, code: Sequence[Code]) -> tuple[str, ...]:
        """Until nothing of these is pending; the names of those that were made."""
        session, knows = self._session, _Knows()
        tries, limit = Tries(time.monotonic() + session.settings.retry_for), session.store.lock_timeout(None)
        file = _together(session, code)
        while True:
            self._starts(FOLDER)
            session.under_way(limit=limit)
            opened = self._opener.open(None, file)
            try:
                made = self._attempt(code, opened, knows, tries)
            except _KnowsMore:
                session.undo()
            except SqlrailError as exc:
                session.undo()
                self._retry.give_way(exc, file, opened.started, tries)
            else:
                return made

    def _attempt(self, code: Sequence[Code], opened: Opened, knows: _Knows, tries: Tries) -> tuple[str, ...]:
        """The names of those that were made; _KnowsMore if it has to be tried once more."""
        session = self._session
        with session.translating(f"{_place(session)} cannot be run", "code files were being run", _NOTHING):
            goes_on = self._look_again(_together(session, code))
            attempt = _Attempt(session, code, knows)
            if not goes_on or not attempt.look():
                session.undo()
                return ()
            attempt.make()
        file, last = _together(session, attempt.made), attempt.made[-1].file
        record = self._operation.record(session.store, file, "", marks=False)
        text = self._operation.guard(session.store) + session.store.ending(file)
        text += (b"%d" % opened.transaction).join(record) + b"COMMIT;\n"
        self._starts(file.id)
        self._pipeline.owe(Closing(file, None, text, _piece(last), (), False, opened.started, tries))
        answer, undone = self._pipeline.deliver()
        if undone is not None:
            session.raise_if_lost(f"{file.id} was being committed", certain=False, error=answer.error)
            raise failure(session, last, _piece(last), answer, at_commit=True, stands=_NOTHING)
        session.is_at(session.store.place.with_own_tables())
        return tuple(each.name for each in attempt.made)


def _place(session: Session) -> Path:
    return session.settings.migrations / FOLDER


def _together(session: Session, code: Sequence[Code]) -> File:
    """What stands for all of them, in the log and where it is told what was applied."""
    names = [f"{FOLDER}/{each.name}" for each in code]
    more = f" and {len(names) - SHOWN} more" if names[SHOWN:] else ""
    checksums = sha256("".join(each.checksum for each in code).encode()).hexdigest()
    return File(f"{', '.join(names[:SHOWN])}{more}", _place(session), f"sha256:{checksums}")


def _piece(file: File) -> Piece:
    """All of a code file."""
    with closing(file.pieces()) as pieces:
        return next(pieces)


class _KnowsMore(Exception):
    """The order of the files, or what is dropped in front of them, has to be another."""


class _Knows:
    """What earlier tries have shown."""

    def __init__(self) -> None:
        self.later: list[str] = []  # names of files that come as late as they can
        self.drops: set[str] = set()  # names of routines that cannot be replaced where they are


class _Attempt:
    """One try, in the transaction that is open."""

    def __init__(self, session: Session, code: Sequence[Code], knows: _Knows) -> None:
        self._session, self._store, self._knows = session, session.store, knows
        self._folder = session.settings.migrations
        self._code = {each.name: each for each in code}
        self._records: dict[str, CodeRecord] = {}
        self._pending: list[str] = []
        self._dropped = Leaning((), frozenset(), ())
        self._before: dict[str, set[Fact]] = {}
        self._given: dict[str, list[str]] = {}  # options, as files gave them
        self._now: dict[str, tuple[int, int, Target]] = {}
        self.made: list[Code] = []

    def look(self) -> bool:
        """Whether anything is pending, under the lock."""
        self._session.ask(self._store.message("ours"))
        if self._store.place.reads_code:
            rows = self._ask("code_records", code_objects=self._store.message("_code_objects"))
            self._records = {record.name: record for record in (CodeRecord(*row) for row in rows)}
            self._given = dict(self._ask("code_options"))
        self._pending = pending(compare(self._code.values(), [*self._records.values()]))
        return bool(self._pending)

    def make(self) -> None:
        """All of it, but for the commit."""
        self._make_own_tables()
        self._drop()
        names = {*self._pending, *self._dropped.names}
        gone = names - self._code.keys()
        kept = {}
        if gone:
            kept = {name: bytes.fromhex(text) for name, text in self._ask("code_contents") if name in gone}
        chosen = [self._code[name] for name in names & self._code.keys()]
        self.made = in_order([*chosen, *read_stored(self._folder, kept)], self._knows.later)
        for each in self.made:
            self._make_one(each)
        self._carry()
        self._record()

    def _make_own_tables(self) -> None:
        if text := self._session.own_tables():
            self._session.ask(text)
        elif not self._store.place.has_code:
            raise Refused(
                "what code files have made is kept in sqlrail.code, which is not there or another role's: let the "
                "owner of the schema sqlrail run this migrate. A role that has SELECT on it sees whether there is "
                "anything to run. Nothing was changed."
            )

    # Dropping

    def _drop(self) -> None:
        there = [name for name in self._pending if name in self._records and self._records[name].is_there]
        every = self._find(there)
        roots = [name for name in there if name in self._knows.drops or not self._replaces(name)]
        made = {(record.kind, record.identity): record.name for record in self._records.values()}
        if roots:
            self._dropped = leaning(self._ask("code_leaning", **_addresses(every, roots)), made)
        if self._dropped.outside:
            named = ", ".join(printable(text) for text in self._dropped.outside[:SHOWN])
            more = f" and {len(self._dropped.outside) - SHOWN} more" if self._dropped.outside[SHOWN:] else ""
            raise Refused(
                f"{self._paths(roots)}: {named}{more} would have to be dropped as well, and no code file makes that: "
                f"make it in a code file of its own, or drop it in a numbered file. {_NOTHING}"
            )
        before = {**every, **self._find([*self._dropped.names])}
        facts = self._facts(before)
        self._before = {name: self._to_carry(name, facts[address]) for name, address in before.items()}
        self._write(f"DROP {item}" for item in self._dropped.order)

    def _replaces(self, name: str) -> bool:
        """Whether a file makes what is there another without dropping it: its dependents stay as they are."""
        each, record = self._code[name], self._records[name]
        return each.replaces and each.is_routine and each.kind == record.kind

    # Making

    def _make_one(self, each: Code) -> None:
        piece, theirs, answer = _piece(each.file), self._store.message("theirs"), Answer()
        answer.ahead = 1
        self._session.send(theirs + piece.text, answer)
        if answer.error is not None:
            self._learn(each, answer.error)
            failed = failure(self._session, each.file, piece, answer, ahead=len(theirs), stands=_NOTHING)
            raise self._failed(failed, each)
        made = self._store.message("code_made", kind=each.kind)
        rows = self._session.ask(self._store.message("ours") + made)
        class_, id_, identity = rows[0] if rows else (0, 0, "pg_temp")
        place = each.file.at(1)
        if identity.startswith("pg_temp"):
            raise Refused(f"{place}: what it makes would be gone with the session. {_NOTHING}")
        if other := self._made_by_another(each, identity):
            raise Refused(
                f"{place}: {FOLDER}/{other}.sql makes {each.kind} {printable(identity)} too. {_NOTHING}"
            )
        if self._may_drop(each.name) and self._records[each.name].identity != identity:
            self._knows.drops.add(each.name)
            raise _KnowsMore
        self._now[each.name] = class_, id_, Target(each.kind, identity)

    def _made_by_another(self, each: Code, identity: str) -> str | None:
        """The name of another code file that makes the same."""
        made = {name: (it[2].kind, it[2].identity) for name, it in self._now.items()}
        there = {name for name in self._code if self._may_drop(name)} - self._now.keys()
        made |= {
            name: (self._records[name].kind, self._records[name].identity) for name in there - {each.name}
        }
        return next((name for name, it in made.items() if it == (each.kind, identity)), None)

    def _may_drop(self, name: str) -> bool:
        """Whether what it made is there as before."""
        return name in self._records and self._records[name].is_there and name not in self._dropped.names

    def _learn(self, each: Code, error: psycopg.Error) -> None:
        """Whether another try mends it."""
        if isinstance(error, IN_THE_WAY) and self._may_drop(each.name):
            self._knows.drops.add(each.name)
            raise _KnowsMore
        if (
            isinstance(error, NOT_YET)
            and each.name not in self._knows.later
            and circle_of(each.name, self.made)
        ):
            self._knows.later.append(each.name)
            raise _KnowsMore

    def _failed(self, failed: SqlrailError, each: Code) -> SqlrailError:
        if isinstance(failed.__cause__, NOT_YET) and (circle := circle_of(each.name, self.made)):
            failed.args = (f"{failed} These name each other: {', '.join(circle)}.",)
        return failed

    # Carrying over

    def _carry(self) -> None:
        for statements in (owners, others):
            now = self._facts({name: it[:2] for name, it in self._now.items() if name in self._before})
            said: list[str] = []
            for name, before in self._before.items():
                class_, id_, target = self._now[name]
                said += statements(target, before, now[class_, id_])
            self._write(said)
        for name, before in self._before.items():
            self._check_options(name, options(before), options(now[self._now[name][:2]]))

    def _check_options(self, name: str, before: Collection[str], now: Collection[str]) -> None:
        """Refused where somebody has set an option since that the file does not give: nobody would see it go."""
        lost = {*before} - {*self._given.get(name, [])} - {*now}
        if lost:
            target = self._now[name][2]
            raise Refused(
                f"{self._paths([name])}: {target.kind} {printable(target.identity)} has {', '.join(sorted(lost))}, "
                f"which no code file has given it: write it into the file, or take it back by hand. {_NOTHING}"
            )

    def _record(self) -> None:
        facts = self._facts({name: it[:2] for name, it in self._now.items()})
        text = b""
        for each in self.made:
            class_, id_, target = self._now[each.name]
            what = {"kind": target.kind, "identity": target.identity, "checksum": each.checksum}
            text += self._store.message(
                "record_code",
                file=each.name,
                content=each.content.hex(),
                options=options(facts[class_, id_]),
                **what,
            )
        gone = [name for name, it in self._records.items() if not it.is_there and name not in self._code]
        self._session.ask(text + self._store.message("forget_code", names=gone))

    def _to_carry(self, name: str, facts: set[Fact]) -> set[Fact]:
        """What is said of a view means nothing for a function."""
        is_kept = name not in self._code or self._code[name].kind == self._records[name].kind
        return facts if is_kept else {fact for fact in facts if fact.what == "owner"}

    # Asking

    def _ask(self, name: str, **parts: Any) -> list[tuple[Any, ...]]:
        return self._session.ask(self._store.message(name, **parts))

    def _find(self, names: Sequence[str]) -> dict[str, tuple[int, int]]:
        if not names:
            return {}
        rows = self._ask("code_found", names=names, code_objects=self._store.message("_code_objects"))
        return {name: (class_, id_) for name, class_, id_ in rows}

    def _facts(self, places: dict[str, tuple[int, int]]) -> dict[tuple[int, int], set[Fact]]:
        found: dict[tuple[int, int], set[Fact]] = {place: set() for place in places.values()}
        for class_, id_, *fact in self._ask("code_facts", **_addresses(places, places)) if places else []:
            found[class_, id_].add(Fact(*fact))
        return found

    def _write(self, statements: Iterable[str]) -> None:
        if texts := list(statements):
            text = "".join(f"{text};\n" for text in texts).encode()
            self._session.ask(self._store.message("writes") + text + self._store.message("ours"))

    def _paths(self, names: Iterable[str]) -> str:
        return ", ".join(f"{_place(self._session) / name}.sql:1:1" for name in sorted(names))


def _addresses(places: Mapping[str, tuple[int, int]], names: Collection[str]) -> dict[str, list[int]]:
    """Where these are, as queries take it."""
    found = [places[name] for name in names]
    return {"classes": [class_ for class_, _ in found], "ids": [id_ for _, id_ in found]}
