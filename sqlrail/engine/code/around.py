"""What code files have made, dropped in front of a file that changes what it leans on, and made again behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg

from sqlrail.engine.code.making import Choice, Knows, Making, some
from sqlrail.engine.code.touched import Changes
from sqlrail.engine.retry import LEANED_ON, PASSING, KnowsMore
from sqlrail.engine.session import Session
from sqlrail.errors import Refused, SqlrailError
from sqlrail.files.code import FOLDER, Code, in_order, read_stored
from sqlrail.files.file import File


class Around:
    """A file's further tries, a transaction each: what is in its way is dropped, it is run, and all that is made again.

    It is made by the text by which it was made before; where that is not possible any more, by what its file says now;
    and where that needs others that are pending, all of these are made with it.
    """

    def __init__(self, session: Session, code: Sequence[Code], file: File, refused: SqlrailError) -> None:
        """code: the folder's, none where they have to wait; refused: how the file's first try ended."""
        self._session, self._file, self._refused = session, file, refused
        self._code = [each for each in code if not each.faults()]
        self._changes, self._knows = Changes.of(file), Knows()
        self._by_name = False  # whatever columns the file names
        self._is_whole = False  # with all code files that are pending
        self._is_over = False  # there is nothing more to drop
        self._runs = False  # it is the file that is running
        self._roots: frozenset[str] = frozenset()  # names of what the last try has dropped first,
        self._vain: frozenset[str] = frozenset()  # and of what has not helped
        self._making = self._begin()

    @classmethod
    def of(cls, session: Session, code: Sequence[Code], file: File, failure: SqlrailError) -> Around | None:
        """None where the file has failed for another reason, or nothing is recorded of code files."""
        if not isinstance(failure.__cause__, LEANED_ON) or not session.store.place.has_code:
            return None
        return cls(session, code, file, failure)

    def mends(self, failure: SqlrailError) -> bool:
        """Takes in how a try ended; whether another one is to be made at once."""
        if failure is self._refused:
            return not self._is_over
        is_by_file = self._runs and isinstance(failure.__cause__, psycopg.Error)
        if not is_by_file or self._session.connection.closed or isinstance(failure.__cause__, PASSING):
            return False
        if not isinstance(failure.__cause__, LEANED_ON):
            failure.args = (
                f"{failure} In front of it {self._named} was dropped, to be made again behind it.",
            )
            return False
        is_first, self._by_name = not self._by_name, True
        self._refused, self._vain = failure, self._roots
        self._is_over = not is_first
        return is_first

    # In the transaction of the file

    def drop(self) -> tuple[str, ...]:
        """Drops what may be in the way, in front of the file; the names of its code files.

        Raises how the file was refused where there is nothing more to drop.
        """
        self._runs = False
        with self._translating():
            making = self._making = self._begin()
            making.look()
            roots = self._find_roots(making)
            there = {*roots}
            if self._is_whole:
                there |= {name for name in making.pending if making.is_there(name)}
                roots |= {name for name in there - roots if not making.replaces(name)}
            if outside := making.find_leaning(there, roots).outside:
                raise self._refuse(outside)
            making.drop()
        self._runs = True
        return tuple(sorted(making.dropped.names))

    def make(self) -> tuple[str, ...]:
        """Makes it again, behind the file and what ends it; the names in their order."""
        self._runs = False
        making = self._making
        try:
            with self._translating():
                making.make(self._choose())
        except SqlrailError as exc:
            if isinstance(exc.__cause__, PASSING) or isinstance(exc, Refused) or making.at is None:
                raise
            if making.pending and not self._is_whole:
                self._is_whole = True
                raise KnowsMore from exc
            exc.args = (f"{exc}{self._advice(making.at)}",)
            raise
        return tuple(each.name for each in making.made)

    def _begin(self) -> Making:
        return Making(self._session, self._code, self._knows, f"Nothing of {self._file.id} was kept.")

    def _find_roots(self, making: Making) -> set[str]:
        edges = making.catalog.edges()
        found = self._changes.meet(edges, by_name=self._by_name)
        if not found and not self._by_name:
            self._by_name = True
            found = self._changes.meet(edges, by_name=True)
        if not found or found == self._vain:
            self._is_over = True
            raise self._refused
        self._roots = found
        return {*found}

    def _choose(self) -> list[Choice]:
        """What is made again, each by the text that comes first, and the one that takes its place."""
        making, names = self._making, {*self._making.dropped.names}
        if self._is_whole:
            gone = making.gone()
            names |= {*making.pending, *(gone & making.code.keys())}
        stored = read_stored(self._session.settings.migrations, making.catalog.contents(names))
        before = {each.name: each for each in stored}
        now = {name: making.code[name] for name in names & making.code.keys()}
        if self._is_whole:
            return [Choice(each) for each in in_order((before | now).values(), self._knows.later)]
        other = {name: each for name, each in now.items() if each.checksum != before[name].checksum}
        return [Choice(each, other.get(each.name)) for each in in_order(before.values(), self._knows.later)]

    # What is said

    @property
    def _named(self) -> str:
        return ", ".join(f"{FOLDER}/{name}" for name in sorted(self._making.dropped.names))

    @contextmanager
    def _translating(self) -> Iterator[None]:
        failed = f"{self._file.path}: what code files have made cannot be made again behind it"
        stands = f"Nothing of {self._file.id} was kept."
        with self._session.translating(failed, f"{self._file.id} was being applied", stands):
            yield

    def _refuse(self, outside: Sequence[str]) -> Refused:
        return Refused(
            f"{self._file.path}: PostgreSQL refuses what it changes under {self._named}, which would be dropped in "
            f"front of it and made again behind it; but {some(outside)} would have to be dropped as well, and no code "
            f"file makes that. Drop it in a numbered file in front of this one. Nothing of {self._file.id} was kept."
        )

    def _advice(self, each: Code) -> str:
        name, record = f"{FOLDER}/{each.name}", self._making.records.get(each.name)
        said = f" {self._file.path} changes what {name} leans on, so that it is made again behind that; "
        if each.name in self._making.code:
            return f"{said}what it was made by before does not fit any more, nor does its file: edit that."
        drop = f"DROP {record.kind.upper()} IF EXISTS {record.identity};" if record else "DROP"
        return (
            f"{said}its file is gone, and what it was made by does not fit any more: begin {self._file.id} with "
            f"`{drop}` if it is not needed."
        )
