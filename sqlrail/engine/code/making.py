"""What code files make, dropped with what leans on it and made again, in the transaction that is open."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, NoReturn

import psycopg
from psycopg import errors as pg

from sqlrail.engine.code.carried import Fact, Target, options, others, owners
from sqlrail.engine.code.catalog import Catalog
from sqlrail.engine.code.leaning import Address, Leaning
from sqlrail.engine.retry import PASSING, KnowsMore
from sqlrail.engine.session import Session
from sqlrail.engine.transactional import failure
from sqlrail.errors import Refused
from sqlrail.files.code import FOLDER, Code, circle_of
from sqlrail.files.file import File
from sqlrail.files.keys import names
from sqlrail.files.pieces import Piece
from sqlrail.ground.words import printable
from sqlrail.postgres.wire import Answer
from sqlrail.records.code import CodeRecord, compare, pending, renamed

#: names that are said one by one
SHOWN = 3
#: what keeps a statement from being run before another
NOT_YET = (pg.UndefinedTable, pg.UndefinedFunction, pg.UndefinedObject)
#: why a routine cannot be replaced where it is: what it returns or how its arguments are called is not as before
IN_THE_WAY = (pg.InvalidFunctionDefinition, pg.WrongObjectType)


class Knows:
    """What earlier tries have shown."""

    def __init__(self) -> None:
        self.later: list[str] = []  # names of files that come as late as they can
        self.drops: set[str] = set()  # names of routines that cannot be replaced where they are
        self.strangers: set[str] = (
            set()
        )  # names of files that make another thing than those of that name before


class Choice(NamedTuple):
    """A code file to be made, and the text that takes its place where that cannot be."""

    code: Code
    instead: Code | None = None


class Making:
    """Drops, makes, carries over and records, in this order; the commit is its caller's."""

    def __init__(self, session: Session, code: Sequence[Code], knows: Knows, stands: str) -> None:
        """code: the folder's; stands: what an error says that was kept."""
        self._session, self._store, self._knows, self._stands = session, session.store, knows, stands
        self.catalog = Catalog(session)
        self.code = {each.name: each for each in code}
        self.records: dict[str, CodeRecord] = {}
        self.pending: list[str] = []  # names of the folder's that are to be made
        self.dropped = Leaning((), frozenset(), ())
        self._renamed: dict[str, str] = {}  # names as they are now, and as they were
        self._before: dict[str, set[Fact]] = {}
        self._given: dict[str, list[str]] = {}  # options, as files gave them
        self._set: dict[Address, list[str]] = {}  # options of whatever is there
        self._now: dict[str, tuple[int, int, Target]] = {}
        self.made: list[Code] = []
        self.at: Code | None = None  # what is being made

    def look(self) -> None:
        """Reads, under the lock, what was made and what is to be."""
        self._session.ask(self._store.message("ours"))
        if not self._store.place.reads_code:
            self.pending = [*self.code]
            return
        self.records = self.catalog.records()
        self.pending = pending(compare(self.code.values(), [*self.records.values()]))
        self._renamed = renamed(self.code.values(), self.records.values(), self._knows.strangers)
        for new, old in self._renamed.items() if self._store.place.has_code else ():
            self.catalog.ask("rename_code", new=new, old=old)
            self.records[new] = self.records.pop(old)._replace(name=new)
        self._given = dict(self.catalog.ask("code_options"))

    # Dropping

    def is_there(self, name: str) -> bool:
        """Whether what a file has made was there at the look."""
        return name in self.records and self.records[name].is_there

    def own_name(self, name: str) -> str:
        """The name of what a file has made, in lower case, without its schema or its table."""
        return names(re.split(r"\(| on ", self.records[name].identity)[0])[-1].lower()

    def replaces(self, name: str) -> bool:
        """Whether a file makes what is there another without dropping it: its dependents stay as they are."""
        each, record = self.code[name], self.records[name]
        is_alike = each.replaces and each.is_routine and each.kind == record.kind
        return is_alike and name not in self._knows.drops

    def gone(self) -> set[str]:
        """Names of what was there at the look, and was dropped since by somebody else."""
        now = self.catalog.records()
        return {
            name
            for name in self.records
            if self._is_as_before(name) and not (name in now and now[name].is_there)
        }

    def find_leaning(self, there: Collection[str], roots: Collection[str]) -> Leaning:
        """What is dropped with the roots, which are among those that are there and are made again."""
        every = self.catalog.find(there)
        self.dropped = self.catalog.leaning([every[name] for name in roots], self.records)
        before = {**every, **self.catalog.find(self.dropped.names)}
        facts = self.catalog.facts(before.values())
        self._before = {name: self._to_carry(name, facts[address]) for name, address in before.items()}
        return self.dropped

    def drop(self) -> None:
        """Drops what was found."""
        self.catalog.write(f"DROP {item}" for item in self.dropped.order)

    def _to_carry(self, name: str, facts: set[Fact]) -> set[Fact]:
        """What is said of a view means nothing for a function."""
        is_kept = name not in self.code or self.code[name].kind == self.records[name].kind
        return facts if is_kept else {fact for fact in facts if fact.what == "owner"}

    # Making

    def make(self, choices: Sequence[Choice]) -> None:
        """All of these, in this order, with what was said of them, and their records."""
        new = [each for each, _ in choices if each.name not in self.records and each.replaces]
        if new:  # each may take the place of what no code file has made
            self._set = {(class_, id_): set_ for class_, id_, set_ in self.catalog.ask("code_set")}
        self.made = [each for each, _ in choices]
        for number, (each, instead) in enumerate(choices):
            self.at = each
            if instead is None or not self._is_made(each):
                self.made[number] = self.at = instead or each
                self._create(self.at)
            self._take_in(self.at)
        self.at = None
        self._carry()
        self._record()

    def _is_made(self, each: Code) -> bool:
        """Makes it, or leaves no trace."""
        self._session.ask(b"SAVEPOINT sqlrail_code")
        _, answer = self._send(each)
        if answer.error is None:
            self._session.ask(b"RELEASE SAVEPOINT sqlrail_code")
        elif isinstance(answer.error, PASSING) or self._session.connection.closed:
            self._fail(each, answer)
        else:
            self._session.ask(b"ROLLBACK TO SAVEPOINT sqlrail_code; RELEASE SAVEPOINT sqlrail_code")
        return answer.error is None

    def _create(self, each: Code) -> None:
        _, answer = self._send(each)
        if answer.error is not None:
            self._learn(each, answer.error)
            self._fail(each, answer)

    def _send(self, each: Code) -> tuple[bytes, Answer]:
        theirs, answer = self._store.message("theirs"), Answer()
        answer.ahead = 1
        return theirs, self._session.send(theirs + piece_of(each.file).text, answer)

    def _fail(self, each: Code, answer: Answer) -> NoReturn:
        """Says why it cannot be made."""
        ahead = len(self._store.message("theirs"))
        failed = failure(
            self._session, each.file, piece_of(each.file), answer, ahead=ahead, stands=self._stands
        )
        if isinstance(failed.__cause__, NOT_YET) and (circle := circle_of(each.name, self.made)):
            failed.args = (f"{failed} These name each other: {', '.join(circle)}.",)
        raise failed

    def _take_in(self, each: Code) -> None:
        """Finds what a file has made."""
        class_, id_, identity = self.catalog.made(each.kind) or (0, 0, "pg_temp")
        place, name = each.file.at(1), each.name
        if identity.startswith("pg_temp"):
            raise Refused(f"{place}: what it makes would be gone with the session. {self._stands}")
        if other := self._made_by_another(each, identity):
            raise Refused(
                f"{place}: {FOLDER}/{other}.sql makes {each.kind} {printable(identity)} too. {self._stands}"
            )
        if name in self._renamed and self.records[name].identity != identity:
            self._knows.strangers.add(name)
            raise KnowsMore
        if self._is_as_before(name) and self.records[name].identity != identity:
            self._knows.drops.add(name)
            raise KnowsMore
        self._now[name] = class_, id_, Target(each.kind, identity)

    def _made_by_another(self, each: Code, identity: str) -> str | None:
        """The name of another code file that makes the same."""
        made = {name: (it[2].kind, it[2].identity) for name, it in self._now.items()}
        there = {name for name in self.code if self._is_as_before(name)} - self._now.keys()
        made |= {name: (self.records[name].kind, self.records[name].identity) for name in there - {each.name}}
        return next((name for name, it in made.items() if it == (each.kind, identity)), None)

    def _is_as_before(self, name: str) -> bool:
        """Whether what it made was not dropped."""
        return self.is_there(name) and name not in self.dropped.names

    def _learn(self, each: Code, error: psycopg.Error) -> None:
        """Whether another try mends it."""
        name = each.name
        if isinstance(error, IN_THE_WAY) and self._is_as_before(name):
            self._knows.drops.add(name)
            raise KnowsMore
        if isinstance(error, NOT_YET) and name not in self._knows.later and circle_of(name, self.made):
            self._knows.later.append(name)
            raise KnowsMore

    # Carrying over

    def _carry(self) -> None:
        said_of = self._now.keys() & self._before.keys()
        may_lose = {
            name for name, (class_, id_, _) in self._now.items() if (class_, id_) in self._set
        } - said_of
        now: Mapping[str, set[Fact]] = {}
        for statements in (owners, others):
            now = self._facts(said_of | may_lose)
            said: list[str] = []
            for name in said_of:
                said += statements(self._now[name][2], self._before[name], now[name])
            self.catalog.write(said)
        for name, facts in now.items():
            before = options(self._before[name]) if name in said_of else self._set[self._now[name][:2]]
            self._check_options(name, before, options(facts))

    def _check_options(self, name: str, before: Iterable[str], now: Iterable[str]) -> None:
        """Refused where somebody has set an option that no file gives: nobody would see it go."""
        lost = {*before} - {*self._given.get(name, [])} - {*now}
        if lost:
            target = self._now[name][2]
            raise Refused(
                f"{paths(self._session, [name])}: {target.kind} {printable(target.identity)} has "
                f"{', '.join(sorted(lost))}, which no code file has given it: write it into the file, or take it back "
                f"by hand. {self._stands}"
            )

    def _record(self) -> None:
        facts, text = self._facts(self._now), b""
        for each in self.made:
            target = self._now[each.name][2]
            what = {"kind": target.kind, "identity": target.identity, "checksum": each.checksum}
            given = {"content": each.content.hex(), "options": options(facts[each.name])}
            text += self._store.message("record_code", file=each.name, **given, **what)
        made = {(target.kind, target.identity) for _, _, target in self._now.values()}
        gone = [
            name
            for name, it in self.records.items()
            if name not in self.code and name not in self._now
            if not it.is_there or (it.kind, it.identity) in made
        ]
        self._session.ask(text + self._store.message("forget_code", names=gone))

    def _facts(self, names: Iterable[str]) -> Mapping[str, set[Fact]]:
        """What is said of what was made."""
        places = {name: self._now[name][:2] for name in names}
        found = self.catalog.facts(places.values())
        return {name: found[place] for name, place in places.items()}


def some(described: Sequence[str]) -> str:
    """The first of what is described, and how many more there are."""
    more = f" and {len(described) - SHOWN} more" if described[SHOWN:] else ""
    return f"{', '.join(printable(text) for text in described[:SHOWN])}{more}"


def place_of(session: Session) -> Path:
    """The folder of the code files."""
    return session.settings.migrations / FOLDER


def paths(session: Session, names: Iterable[str]) -> str:
    """Code files, as errors name them."""
    return ", ".join(f"{place_of(session) / name}.sql:1:1" for name in sorted(names))


def piece_of(file: File) -> Piece:
    """All of a code file."""
    with closing(file.pieces()) as pieces:
        return next(pieces)
