"""What code files have made, dropped in front of a file that changes what it leans on, and made again behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import psycopg

from sqlrail.engine.code.catalog import as_edges, code_edges
from sqlrail.engine.code.making import Choice, Knows, Making, some
from sqlrail.engine.code.touched import Changes, Edge
from sqlrail.engine.retry import LEANED_ON, PASSING, KnowsMore
from sqlrail.engine.session import Session
from sqlrail.errors import Interrupted, Refused, SqlrailError
from sqlrail.files.code import FOLDER, Code, in_order, read_stored
from sqlrail.files.drops import Drop, drops_of
from sqlrail.files.file import File


class Around(ABC):
    """A file's tries, a transaction each: what is in its way is dropped, it is run, and all that is made again.

    It is made by the text by which it was made before; where that is not possible any more, by what its file says now;
    and where that needs others that are pending, all of these are made with it.
    """

    #: it is not to be tried like this any more
    is_spent = False

    def __init__(self, session: Session, code: Sequence[Code], file: File) -> None:
        """code: the folder's, none where they have to wait."""
        self._session, self._file = session, file
        self._code = [each for each in code if not each.faults()]
        self._changes, self._knows = Changes.of(file), Knows()
        self._is_whole = False  # with all code files that are pending
        self._runs = False  # it is the file that is running
        self._making = self._begin()

    def begin(self) -> None:
        """A try begins."""
        self._runs = False

    @abstractmethod
    def mends(self, failure: SqlrailError) -> bool:
        """Takes in how a try ended; whether another one is to be made at once."""

    def was_plain(self, failure: SqlrailError) -> bool:  # noqa: ARG002
        """Whether the try that ended so was one of the file alone."""
        return False

    # In the transaction of the file

    def drop(self) -> tuple[str, ...]:
        """Drops what may be in the way, in front of the file; the names of its code files.

        None where the file is to be run alone, and names lead to where its own do.
        """
        self._runs = False
        with self._translating():
            making = self._making = self._begin()
            making.look()
            roots = self.find_roots(making)
            there = {*roots}
            if self._is_whole:
                there |= {name for name in making.pending if making.is_there(name)}
                roots |= {name for name in there - roots if not making.replaces(name)}
            outside = making.find_leaning(there, roots).outside
            if not self.is_to_drop(making):
                return ()
            if outside:
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

    def is_to_drop(self, making: Making) -> bool:  # noqa: ARG002
        """Whether what was found is."""
        return True

    @abstractmethod
    def find_roots(self, making: Making) -> set[str]:
        """The names of the code files that are in the way by themselves."""

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


class AfterRefusal(Around):
    """The further tries of a file that was refused for the sake of what leans on what it changes."""

    def __init__(self, session: Session, code: Sequence[Code], file: File, refused: SqlrailError) -> None:
        """refused: how the file's first try ended."""
        super().__init__(session, code, file)
        self._refused = refused
        self._by_name = False  # whatever columns the file names
        self._is_over = False  # there is nothing more to drop
        self._roots: frozenset[str] = frozenset()  # names of what the last try has dropped first,
        self._vain: frozenset[str] = frozenset()  # and of what has not helped

    @classmethod
    def of(
        cls, session: Session, code: Sequence[Code], file: File, failure: SqlrailError
    ) -> AfterRefusal | None:
        """None where the file has failed for another reason."""
        return cls(session, code, file, failure) if isinstance(failure.__cause__, LEANED_ON) else None

    def mends(self, failure: SqlrailError) -> bool:
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

    def find_roots(self, making: Making) -> set[str]:
        """Raises how the file was refused where there is nothing more to drop."""
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


class Foreseen(Around):
    """The first tries of a file that drops a table, or a part of one, on which views of code files lean.

    Tried alone it would lock the table and then the views, to be refused: whoever reads one of these locks them the
    other way round, and might be the one that a deadlock ends. Where that is not what it comes to, it is tried alone.
    """

    def __init__(self, session: Session, code: Sequence[Code], file: File, drops: frozenset[Drop]) -> None:
        super().__init__(session, code, file)
        self._drops = drops
        self._has_dropped = False  # something, in this try

    @classmethod
    def of(cls, session: Session, code: Sequence[Code], file: File) -> Foreseen | None:
        """None where the file drops nothing on which a view may lean."""
        drops = drops_of(file)
        return cls(session, code, file, drops) if drops else None

    def begin(self) -> None:
        super().begin()
        self._has_dropped = False

    def mends(self, failure: SqlrailError) -> bool:
        """Tried alone it may come to another end: that is the one that counts."""
        cause = failure.__cause__
        is_final = isinstance(failure, Interrupted) or self._session.connection.closed
        self.is_spent = not is_final and not isinstance(cause, PASSING)
        return self.is_spent

    def was_plain(self, failure: SqlrailError) -> bool:
        return not self._has_dropped and not isinstance(failure.__cause__, PASSING)

    def drop(self) -> tuple[str, ...]:
        with self._translating():
            if not self._met(self._look_at_edges()):
                return ()
        self._has_dropped = True
        return super().drop()

    def _look_at_edges(self) -> list[Edge]:
        """In one message, behind which names lead to where the file's own do."""
        store = self._session.store
        rows = self._session.ask(store.message("ours") + code_edges(store) + store.message("theirs"))
        return as_edges(rows)

    def _met(self, edges: Iterable[Edge]) -> set[str]:
        return {edge.name for edge in edges for drop in self._drops if edge.is_met_by_drop(drop)}

    def find_roots(self, making: Making) -> set[str]:
        edges = making.catalog.edges()
        return self._met(edges) | self._changes.meet(edges, by_name=False)

    def is_to_drop(self, making: Making) -> bool:
        """Not what the file itself names: it may drop that, or do more with it."""
        named = self._changes.every - {drop.table for drop in self._drops}
        self._has_dropped = named.isdisjoint(making.own_name(name) for name in making.dropped.names)
        if not self._has_dropped:
            self._session.ask(self._session.store.message("theirs"))
        return self._has_dropped
