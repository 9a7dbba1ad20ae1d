"""Runs files for an operation, one after the other, and settles what each leaves owed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from yoyo.migrations import MigrationList

from sqlrail.engine.leftovers import CutOff
from sqlrail.engine.lost import LostAnswer
from sqlrail.engine.opening import Opener
from sqlrail.engine.operation import Operation
from sqlrail.engine.outside import OutsideRun
from sqlrail.engine.parts import Parts
from sqlrail.engine.pipeline import Closing, Pipeline
from sqlrail.engine.retry import KnowsMore, Retry
from sqlrail.engine.transactional import TransactionalRun, failure
from sqlrail.engine.yoyo import YoyoBackend
from sqlrail.errors import Interrupted, SqlrailError
from sqlrail.files.code import Code
from sqlrail.files.file import File
from sqlrail.ground.events import Begun
from sqlrail.postgres.giving_way import Tries
from sqlrail.postgres.wire import Answer

if TYPE_CHECKING:
    from sqlrail.engine.code.around import Around


class Runner:
    """Runs each file until it is done or has failed for good; what is said of a file at the end is what stands."""

    def __init__(self, parts: Parts, files: Mapping[str, File], operation: Operation) -> None:
        self._parts = parts
        session, recorded, lock, news = parts
        self._session, self._recorded, self._news = session, recorded, news
        self._files, self._operation = files, operation
        self._pipeline, self._retry = Pipeline(session, news), Retry(session)
        self._opener = Opener(session, lock, self._pipeline, self._deliver, files, operation)
        self._lost = LostAnswer(session, recorded, news, operation)
        self._yoyo = YoyoBackend(session, recorded, self._run_one)
        self._running: str | None = None
        self._code: Sequence[Code] = ()
        self._cut_off = CutOff(session)

    # What verbs ask for

    def apply(self, migrations: MigrationList, code: Sequence[Code] = ()) -> None:
        """Runs each in yoyo's order; its commit travels with what comes next, and all are answered at the end.

        code: files of which something may have to be made again with one of these.
        """
        self._code = code
        self._opener.expect(dict(pairwise(migrations)))
        with self._telling_what_stands():
            self._yoyo.apply_migrations_only(migrations)
            self._close()

    def run_post_apply(self, migrations: MigrationList) -> None:
        """Runs the files that run behind them."""
        with self._telling_what_stands():
            self._yoyo.run_post_apply(migrations)
            self._close()

    def run_code(self, code: Sequence[Code]) -> tuple[str, ...]:
        """Runs the code files that are pending, and those that lean on them; returns the names of what was made."""
        if not code:
            return ()
        from sqlrail.engine.code.run import CodeRun  # many folders have none

        with self._telling_what_stands():
            self._close()
            parts = self._session, self._opener, self._pipeline, self._retry, self._operation
            return CodeRun(*parts, self._starts, self._look_again).run(code)

    def roll_back(self, migrations: MigrationList, code: Sequence[Code] = ()) -> None:
        """Runs the way back of each, in that order; code: see apply."""
        self._code = code
        self._opener.expect(dict(pairwise(migrations)))
        with self._telling_what_stands():
            self._yoyo.rollback_migrations(migrations)
            self._close()

    def run_unrecorded(self, migration: Any) -> None:
        """Runs one file that leaves no record."""
        with self._telling_what_stands():
            self._run_one(migration, False)
            self._close()

    def say_if_untold(self) -> None:
        """Tells that --interrupted decided nothing: it may have been meant for another database."""
        self._cut_off.say_if_untold()

    # One file

    def _run_one(self, migration: Any, marks: bool) -> None:
        self._run(migration, marks, Tries(time.monotonic() + self._session.settings.retry_for))

    def _run(self, migration: Any, marks: bool, tries: Tries) -> None:
        file = self._files[migration.id]
        run = self._run_in_transaction if file.transactional else self._run_outside
        if file.backfill and self._operation.fills:
            run = self._run_backfill
        if not run(file, migration, marks, tries):
            self._operation.found_done(migration.id)

    def _run_in_transaction(self, file: File, migration: Any, marks: bool, tries: Tries) -> bool:
        """False if it was done already."""
        run = TransactionalRun(self._session, self._news, self._operation, file, migration, marks=marks)
        around = self._foresee(file)
        while True:
            self._starts(file.id)
            if around:
                around.begin()
            may_go_with = marks and around is None
            opened = (
                self._opener.open_with(run, file, migration) if may_go_with else None
            ) or self._opener.open(migration.hash, file)
            if opened.is_done:
                self._session.undo()
                return False
            try:
                if opened.waited and marks and not self._look_again(file):
                    self._session.undo()
                    return False
                if opened.sent is None:
                    self._news.tell(Begun(file.id))
                following = partial(self._opener.compose_following, migration)
                self._pipeline.owe(run.run(opened, tries, following, around))
                return True
            except KnowsMore:
                self._session.undo()
            except SqlrailError as exc:
                self._session.undo()
                around = self._go_on(file, around, exc, opened.started, tries)

    def _go_on(
        self, file: File, around: Around | None, failure: SqlrailError, started: float, tries: Tries
    ) -> Around | None:
        """What goes around the next try, at once or behind a pause; raises the failure where none mends it."""
        if around is None or around.was_plain(failure):
            around = self._around(file, failure)
        if around is None or not around.mends(failure):
            self._retry.give_way(failure, file, started, tries)
        return None if around is None or around.is_spent else around

    def _foresee(self, file: File) -> Around | None:
        """What is to go around a file from the first, for tried alone it might have a reader end in a deadlock."""
        place = self._session.store.place
        if not (place.has_code and place.has_made_code):
            return None
        from sqlrail.engine.code.around import Foreseen  # many databases have none

        return Foreseen.of(self._session, self._code, file)

    def _around(self, file: File, failure: SqlrailError) -> Around | None:
        """What may let a file run that was refused for the sake of what code files have made."""
        if not self._session.store.place.has_code:
            return None
        from sqlrail.engine.code.around import AfterRefusal

        return AfterRefusal.of(self._session, self._code, file, failure)

    def _starts(self, name: str | None) -> None:
        self._running = name
        self._session.under_way(name=name or "")

    def _look_again(self, file: File) -> bool:
        """Another runner had the lock, and may have changed the history; False if nothing is to be run any more."""
        self._recorded.look_again()
        goes_on = self._operation.look_again()
        if not file.cleanup:
            self._session.send(self._session.store.message("theirs"), Answer())
        return goes_on

    def _run_outside(self, file: File, migration: Any, marks: bool, tries: Tries) -> bool:
        """Runs a file statement by statement on a connection of its own, while this one holds the lock."""
        self._close()
        self._starts(None)
        limit = self._session.store.lock_timeout(None)
        self._session.under_way(backend=None, limit=limit)
        run = OutsideRun(
            self._parts, self._retry, self._cut_off, self._operation, file, migration, marks=marks
        )
        return run.run(tries, self._finish)

    def _run_backfill(self, file: File, migration: Any, marks: bool, tries: Tries) -> bool:
        """Runs a file's statement batch by batch, without the lock, which is held for its beginning and its record."""
        from sqlrail.engine.backfill.filling import Filling  # few files need it

        self._close()
        self._starts(None)
        filling = Filling(self._parts, self._opener, self._operation, file, migration, marks=marks)
        return filling.run(tries, self._finish)

    def _finish(self, closing: Closing) -> None:
        self._pipeline.owe(closing)
        self._close()

    # What is owed

    def _close(self) -> None:
        self._deliver(b"")

    def _deliver(self, text: bytes, *, keep: bool | bytes = True, **how: Any) -> Answer:
        """Sends what is owed, and the text behind it; a file whose commit gave way is run again first."""
        while True:
            answer, undone = self._pipeline.deliver(text, keep=keep, **how)
            if undone is None:
                return answer
            self._settle(undone, answer)
            if keep is not True:
                return answer

    def _settle(self, closing: Closing, answer: Answer) -> None:
        """Runs the file of a closing that gave way again, or finds out what became of a COMMIT without answer."""
        session, file = self._session, closing.file
        if session.connection.closed:
            self._lost.look_for(closing, self._is_committed)
            self._pipeline.confirm(closing)
            return
        session.undo()
        if answer.keep is True:  # else it may be what came behind that failed, so each is sent by itself
            failed = failure(session, file, closing.piece, answer, at_commit=True, stands=closing.stands)
            self._retry.give_way(failed, file, closing.started, closing.tries)
        running = self._running
        self._run(closing.migration, closing.marks, closing.tries)
        self._starts(running)

    def _is_committed(self, hash_: str) -> bool:
        # The old backend, should it still be at work, holds the lock: what is seen under the lock is final.
        opened = self._opener.open(hash_)
        self._session.undo()
        return opened.is_done

    # What stands

    @contextmanager
    def _telling_what_stands(self) -> Iterator[None]:
        try:
            yield
        except Interrupted as exc:
            unconfirmed = str(exc) if self._session.is_unconfirmed else ""
            self._pipeline.land()
            self._pipeline.drop()
            self._session.undo()
            exc.args = (self._interrupted(unconfirmed or str(exc), is_known=bool(unconfirmed)),)
            raise
        finally:
            self._pipeline.drop()
            self._news.catch_up()

    def _interrupted(self, said: str, *, is_known: bool) -> str:
        """What an interrupted run leaves; whether it is known what became of a commit that was under way."""
        running = self._running
        if running is None:
            return said
        if self._news.is_last(running):
            return said if is_known else f"interrupted: {running} is committed."
        if is_known:
            return f"{said} Nothing of {running} was kept."
        if self._session.connection.closed:
            return "interrupted, and the connection broke: `status` says what was committed."
        return f"interrupted: {running} was cancelled and rolled back; nothing of it was kept."
