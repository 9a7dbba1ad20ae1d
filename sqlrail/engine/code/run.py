"""Code files, run in one transaction: what they make is made again together with what leans on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from hashlib import sha256

from sqlrail.engine.code.making import (
    SHOWN,
    Choice,
    Knows,
    Making,
    paths,
    piece_of,
    place_of,
    some,
)
from sqlrail.engine.opening import Opener
from sqlrail.engine.operation import Operation
from sqlrail.engine.pipeline import Closing, Pipeline
from sqlrail.engine.retry import KnowsMore, Retry
from sqlrail.engine.session import Session
from sqlrail.engine.transactional import Opened, failure
from sqlrail.errors import Refused, SqlrailError
from sqlrail.files.code import FOLDER, Code, in_order, read_stored
from sqlrail.files.file import File
from sqlrail.postgres.giving_way import Tries

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
        session, knows = self._session, Knows()
        tries, limit = Tries(time.monotonic() + session.settings.retry_for), session.store.lock_timeout(None)
        file = _together(session, code)
        while True:
            self._starts(FOLDER)
            session.under_way(limit=limit)
            opened = self._opener.open(None, file)
            try:
                made = self._attempt(code, opened, knows, tries)
            except KnowsMore:
                session.undo()
            except SqlrailError as exc:
                session.undo()
                self._retry.give_way(exc, file, opened.started, tries)
            else:
                return made

    def _attempt(self, code: Sequence[Code], opened: Opened, knows: Knows, tries: Tries) -> tuple[str, ...]:
        """The names of those that were made; KnowsMore if it has to be tried once more."""
        session = self._session
        with session.translating(f"{place_of(session)} cannot be run", "code files were being run", _NOTHING):
            goes_on = self._look_again(_together(session, code))
            making = Making(session, code, knows, _NOTHING)
            if not goes_on or not self._is_pending(making):
                session.undo()
                return ()
            self._make(making, knows)
        file, last = _together(session, making.made), making.made[-1].file
        record = self._operation.record(session.store, file, "", marks=False)
        text = self._operation.guard(session.store) + session.store.ending(file)
        text += (b"%d" % opened.transaction).join(record) + b"COMMIT;\n"
        self._starts(file.id)
        self._pipeline.owe(Closing(file, None, text, piece_of(last), (), False, opened.started, tries))
        answer, undone = self._pipeline.deliver()
        if undone is not None:
            session.raise_if_lost(f"{file.id} was being committed", certain=False, error=answer.error)
            raise failure(session, last, piece_of(last), answer, at_commit=True, stands=_NOTHING)
        session.is_at(session.store.place.with_own_tables())
        return tuple(each.name for each in making.made)

    def _is_pending(self, making: Making) -> bool:
        making.look()
        return bool(making.pending)

    def _make(self, making: Making, knows: Knows) -> None:
        """All of it, but for the commit."""
        self._make_own_tables()
        there = [name for name in making.pending if making.is_there(name)]
        roots = [name for name in there if not making.replaces(name)]
        if outside := making.find_leaning(there, roots).outside:
            raise Refused(
                f"{paths(self._session, roots)}: {some(outside)} would have to be dropped as well, and no code file "
                f"makes that: make it in a code file of its own, or drop it in a numbered file. {_NOTHING}"
            )
        making.drop()
        names = {*making.pending, *making.dropped.names}
        kept = making.catalog.contents(names - making.code.keys())
        chosen = [making.code[name] for name in names & making.code.keys()]
        stored = read_stored(self._session.settings.migrations, kept)
        making.make([Choice(each) for each in in_order([*chosen, *stored], knows.later)])

    def _make_own_tables(self) -> None:
        if text := self._session.own_tables():
            self._session.ask(text)
        elif not self._session.store.place.has_code:
            raise Refused(
                "what code files have made is kept in sqlrail.code, which is not there or another role's: let the "
                "owner of the schema sqlrail run this migrate. A role that has SELECT on it sees whether there is "
                "anything to run. Nothing was changed."
            )


def _together(session: Session, code: Sequence[Code]) -> File:
    """What stands for all of them, in the log and where it is told what was applied."""
    names = [f"{FOLDER}/{each.name}" for each in code]
    more = f" and {len(names) - SHOWN} more" if names[SHOWN:] else ""
    checksums = sha256("".join(each.checksum for each in code).encode()).hexdigest()
    return File(f"{', '.join(names[:SHOWN])}{more}", place_of(session), f"sha256:{checksums}")
