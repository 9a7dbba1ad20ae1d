"""One file in one transaction with its cleanup and its record."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import psycopg

from sqlrail.engine import explain
from sqlrail.engine.news import News
from sqlrail.engine.operation import Operation
from sqlrail.engine.pipeline import Closing
from sqlrail.engine.session import Session
from sqlrail.errors import BadFile, MigrationFailed, Refused, SqlrailError, UsageError
from sqlrail.files.file import File
from sqlrail.files.pieces import Piece
from sqlrail.ground.check import Check
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.events import Said
from sqlrail.ground.relation import Relation
from sqlrail.postgres.giving_way import Tries
from sqlrail.postgres.wire import Answer

if TYPE_CHECKING:
    from sqlrail.engine.code.around import Around
    from sqlrail.orphans.ahead import Taken
    from sqlrail.orphans.cleaned import Cleaned
    from sqlrail.orphans.placed import Placed

#: settings by which the server reads a file's next piece, and their values under which it reads it as we do
READ_BY = {b"standard_conforming_strings": (b"on",), b"client_encoding": (b"UTF8", b"SQL_ASCII")}


@dataclass(frozen=True)
class Ending:
    """What ends a file's transaction, composed before that one's number is known."""

    ahead: bytes
    record: tuple[bytes, ...]  # around the number

    def text(self, transaction: int) -> bytes:
        """What is to be sent."""
        return self.ahead + (b"%d" % transaction).join(self.record) + b"COMMIT;\n"


@dataclass(frozen=True)
class Sent:
    """A file that went with its opening."""

    piece: Piece
    answer: Answer
    ahead: int  # characters in front of it
    ending: Ending
    may_reach_out: bool  # of its tenant's schema, says the server: it has to be guarded


@dataclass(frozen=True)
class Opened:
    """A file's transaction, under the lock."""

    transaction: int
    is_done: bool  # by somebody else, or by ourselves before the answer was lost
    waited: bool
    started: float
    sent: Sent | None = None


def misread_by(session: Session) -> str | None:
    """The setting by which the server would read a text in another way than we do."""
    for name, good in READ_BY.items():
        if (session.connection.pgconn.parameter_status(name) or good[0]) not in good:
            return name.decode()
    return None


def failure(
    session: Session,
    file: File,
    piece: Piece,
    answer: Answer,
    *,
    at_commit: bool = False,
    ahead: int = 0,
    stands: str = "",
) -> SqlrailError:
    """The error that people read for a file that failed: where, what, and what stands, nothing unless it is said."""
    session.raise_if_lost(f"{file.id} was being applied", error=answer.error)
    error = answer.error
    assert error is not None
    stands = stands or f"Nothing of {file.id} was kept."
    completed = None if at_commit else answer.completed
    return explain.failure(file, piece, error, completed, stands, ahead - answer.shift)


class TransactionalRun:
    """Runs a file in the transaction that is open; it does not commit.

    What its closing says is committed with the file, or with it undone: wholly there, or wholly absent.
    """

    def __init__(
        self, session: Session, news: News, operation: Operation, file: File, migration: Any, *, marks: bool
    ) -> None:
        self._session, self._news, self._operation = session, news, operation
        self._file, self._migration, self._marks = file, migration, marks

    def run(
        self, opened: Opened, tries: Tries, meanwhile: Callable[[], object], around: Around | None = None
    ) -> Closing:
        """Cleans, sends the file, unless it went with its opening, and returns what still has to be sent.

        meanwhile: what can be done while the server is at work on the file's last piece; around: what drops in front
        of the file, and makes again behind it, what would keep it from running.
        """
        file, observer = self._file, self._operation.observer
        if observer:
            observer.begins(file)
        cleanup = self._clean_all()
        if around and not self._make_way(around):
            around = None
        if file.cleanup or around:
            self._session.send(self._session.store.message("theirs"), Answer())
        if file.backfill:  # on a scratch database
            from sqlrail.engine.backfill.filling import whole_batch

            whole_batch(self._session, file)
        guard = b""
        if opened.sent is None:
            piece, ending = self._send_all(meanwhile)
        else:
            piece, ending = opened.sent.piece, opened.sent.ending
            self._check(piece, opened.sent.answer, opened.sent.ahead)
            if opened.sent.may_reach_out:
                guard = self._session.store.guarded(file)
        code = self._make_again(around, piece) if around else ()
        if observer:
            observer.ends(file)
        text = guard + ending.text(opened.transaction)
        parts = file, self._migration, text, piece, cleanup, self._marks, opened.started, tries
        return Closing(*parts, code=code)

    def _make_way(self, around: Around) -> tuple[str, ...]:
        """Drops what would keep the file from running; the names of the code files, none where nothing would."""
        dropped = around.drop()
        if dropped and self._operation.observer:
            self._operation.observer.parted(self._file, dropped)
        return dropped

    def _make_again(self, around: Around, piece: Piece) -> tuple[str, ...]:
        """What the file has set ends in front of it. The names of the code files."""
        store = self._session.store
        answer = self._session.send(store.ending(self._file) + store.message("ours"), Answer())
        if answer.error is not None:
            raise failure(self._session, self._file, piece, answer, at_commit=True)
        return around.make()

    def compose_ending(self, *, is_guarded: bool = True) -> Ending:
        """What ends its transaction; the server may be at work meanwhile. is_guarded: see Store.ending."""
        self._news.catch_up()
        store = self._session.store
        record = self._operation.record(store, self._file, self._migration.hash, marks=self._marks)
        ahead = self._operation.guard(store) + store.ending(self._file, is_guarded=is_guarded)
        return Ending(ahead, record)

    def _clean_all(self) -> tuple[Cleaned, ...]:
        """Looks for the orphans of big tables first, for from the first lock to the commit nobody writes them."""
        if not (relations := [*self._file.relations()]):
            return ()
        from sqlrail.orphans import ahead, prepare  # most files have none

        self._news.catch_up()
        session = self._session
        taken: dict[Constraint, Taken] = {}
        when = f"{self._file.id} was being applied"
        with session.translating(f"{self._file.path}: the look for orphans failed", when):
            seen = ahead.look(session, relations)
            if len(relations) == 1:  # of several, each is locked when it has its turn
                locks = prepare.lock(session, relations)
                taken = ahead.take(session, seen, locks, verb="migrate", migration=self._file.id)
        placed = {one.relation: one.placed for one in seen}
        return tuple(
            self._clean(relation, placed.get(relation), taken.get(relation)) for relation in relations
        )

    def _clean(self, relation: Constraint, placed: Placed | None, taken: Taken | None) -> Cleaned:
        from sqlrail.orphans import clean as orphans
        from sqlrail.orphans import guards

        file, session = self._file, self._session
        try:
            done = orphans.clean(
                session,
                relation,
                verb="migrate",
                migration=file.id,
                placed=taken.left if taken else placed,
                taken=taken,
            )
        except Refused as exc:
            raise Refused(f"{file.path}: {exc}") from exc
        except UsageError as exc:
            raise self._misdirected(relation, str(exc)) from exc
        except psycopg.Error as exc:
            failed, when = f"{file.path}: the cleanup of {relation} failed", f"{file.id} was being applied"
            session.raise_if_lost(when, error=exc)
            session.undo()
            stands = f"Nothing of {file.id} was kept.{guards.by_event_trigger(session, exc)}"
            raise session.failure(failed, when, exc, stands, kind=MigrationFailed) from exc
        if not isinstance(relation, Relation) and self._misses(done):
            more = f", and {file.id} adds none with ALTER TABLE" if isinstance(relation, Check) else ""
            raise self._misdirected(relation, f"{done.skipped}{more}")
        if done.archived and (text := guards.published(done.facts)):
            session.tell(Said(text))
        if self._operation.observer:
            self._operation.observer.cleaned(file, relation)
        return done

    def _misses(self, done: Cleaned) -> bool:
        """Whether a table or a column is not there that the file does not make itself."""
        facts = done.facts
        return bool(facts.absent) and not (facts.lacks_table and self._file.makes(done.relation.child))

    def _misdirected(self, one: Constraint, why: str) -> BadFile:
        file = self._file
        line = file.line_of(one)
        failure = BadFile(
            f"{file.at(line)}: cleanup: {why.rstrip('.')}. A cleanup comes before the first statement of its file. "
            f"Nothing of {file.id} was kept."
        )
        failure.details["place"] = file.place(line, 1)
        return failure

    def _send_all(self, meanwhile: Callable[[], object]) -> tuple[Piece, Ending]:
        """Sends the file piece by piece; returns the last, and what ends its transaction."""
        ending: list[Ending] = []
        with closing(self._file.pieces()) as pieces:
            following = [next(pieces)]

            def read_on() -> None:
                following.extend(islice(pieces, 1))
                if not following:
                    ending.append(self.compose_ending())
                    meanwhile()

            while following:
                piece = following.pop()
                self._send(piece, read_on)
        return piece, ending[0]

    def _send(self, piece: Piece, read_on: Callable[[], None]) -> None:
        """Sends a piece of the file, and reads on while the server works; data come before what is behind them."""
        observer = self._operation.observer
        if observer and observer.passes_over(self._file, piece):
            read_on()
            return
        if piece.offset and (name := misread_by(self._session)):
            place = piece.place(piece.statements[0].start)
            failure = MigrationFailed(
                f"{self._file.at(*place)}: the file has changed {name}, and would be "
                f"misread from here on; remove that change. Nothing of {self._file.id} was kept."
            )
            failure.details["place"] = self._file.place(*place)
            raise failure
        if piece.data is None:
            answer = self._session.send(piece.text, Answer(keep=False), meanwhile=read_on)
        else:
            answer = self._session.send(piece.text, Answer(keep=False), data=piece.data)
        self._check(piece, answer)
        if piece.data is not None:
            read_on()
        if observer:
            observer.ran(self._file, piece)

    def _check(self, piece: Piece, answer: Answer, ahead: int = 0) -> None:
        if answer.error is not None:
            raise failure(self._session, self._file, piece, answer, ahead=ahead)
