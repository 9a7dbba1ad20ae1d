"""The engine as verbs use it: a session, what the database says was run, and what runs files in it.

A file costs two round trips at the most: the opening, and the file alone in a message. Its closing travels in front
of the next file's opening, and behind a file that was quick a small one goes with them: a round trip each. A large
file, or one with COPY data, goes in several messages (pieces.Reader), the next one read while the server works.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from yoyo.migrations import MigrationList

from sqlrail.engine.lock import RunnersLock
from sqlrail.engine.news import Applied, News
from sqlrail.engine.recorded import Recorded
from sqlrail.engine.retry import with_blockers
from sqlrail.engine.session import Session, check_node, check_pooler
from sqlrail.engine.store import IN_ANY
from sqlrail.engine.tables import Tables
from sqlrail.engine.yoyo import YoyoBackend
from sqlrail.errors import SqlrailError
from sqlrail.files import other_tools, rights
from sqlrail.files.file import File
from sqlrail.ground.events import Event, Listener
from sqlrail.ground.settings import Settings
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection
from sqlrail.postgres.diagnostics import is_of_a_right
from sqlrail.postgres.giving_way import Watch
from sqlrail.records.code import CodeRecord
from sqlrail.records.history import Note, Record
from sqlrail.records.post_apply import PostApplyRun

if TYPE_CHECKING:  # where nothing is to be run, it need not be loaded
    from sqlrail.engine.kept import Kept, Known
    from sqlrail.engine.operation import Operation
    from sqlrail.engine.runner import Runner
    from sqlrail.results.target import Environment


class Backend(AbstractContextManager["Backend"]):
    """One database for one verb: it puts the parts of the engine together, and closes the connection at its end.

    Its methods repeat those of the parts on purpose: a verb, and the orphans' statements, which take it for their
    Session, need not know which part answers, and a part can be divided without a change in any verb. It adds that
    what was denied is reported with the GRANT that gives it.
    """

    def __init__(
        self,
        settings: Settings,
        listener: Listener,
        files: dict[str, File] | None = None,
        kept: Kept | None = None,
        known: Known | None = None,
    ) -> None:
        """kept: a connection that outlives it; known: what would be looked for otherwise."""
        self.settings, self.listener, self.files = settings, listener, files or {}
        self.news = News(listener)
        self.session = session = Session(settings, self.news.tell, kept)
        self.failure, self.translating, self.raise_if_lost = (
            session.failure,
            session.translating,
            session.raise_if_lost,
        )
        self.recorded = Recorded(self.session)
        self.runners_lock = RunnersLock(self.session)
        self.yoyo = YoyoBackend(self.session, self.recorded)
        self.tables = Tables(self.session, self.recorded, self.runners_lock, self.yoyo)
        try:
            if known is None:
                self.recorded.look()
            else:
                self.recorded.take_in(known)
            if kept is None:
                check_pooler(self.session)
            check_node(self.session)
        except BaseException as exc:
            self.__exit__(type(exc), exc, None)
            raise

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: object) -> None:
        failure = exc
        if isinstance(exc, psycopg.Error):
            failure = self.failure("the database refused", "the database was being asked", exc)
        if isinstance(failure, SqlrailError) and is_of_a_right(failure.__cause__):
            failure.args = (f"{failure}{self._remedy(failure.statement)}",)
        self.session.close()
        if failure is not None and failure is not exc:
            raise failure from exc

    def _remedy(self, statement: str | None) -> str:
        """What grants a right that was denied to a statement of a file, or to ours."""
        store = self.session.store
        wanted = list(store.own_rights() if statement is None else rights.of_statement(statement))
        if not self.connection.closed:
            self.undo()
        asked = wire.send_ours(self.connection, store.rights(wanted))
        return rights.sentence([grant for (grant,) in asked.rows])

    # Files

    def runner(self, operation: Operation, files: Mapping[str, File] | None = None) -> Runner:
        """What runs files, these or the backend's own, for an operation."""
        from sqlrail.engine.parts import Parts
        from sqlrail.engine.runner import Runner

        parts = Parts(self.session, self.recorded, self.runners_lock, self.news)
        return Runner(parts, files or self.files, operation)

    def to_apply(self, migrations: MigrationList) -> MigrationList:
        """Those that are not recorded, in yoyo's order."""
        return self.yoyo.to_apply(migrations)

    @property
    def done(self) -> list[Applied]:
        """What this run has committed."""
        return self.news.done

    def tell(self, event: Event) -> None:
        self.news.tell(event)

    # The session

    @property
    def connection(self) -> Connection:
        return self.session.connection

    @property
    def database(self) -> str:
        return self.session.server.database

    @property
    def is_pooled(self) -> bool:
        return self.session.server.is_pooled

    def ask(self, text: bytes) -> list[tuple[Any, ...]]:
        return self.session.ask(text)

    def look_up(self, name: str, **parts: Any) -> list[tuple[Any, ...]]:
        return self.session.look_up(name, **parts)

    def copy_out(self, name: str, **parts: Any) -> list[bytes]:
        return self.session.copy_out(name, **parts)

    @property
    def watch(self) -> Watch:
        return self.session.watch

    def undo(self) -> None:
        self.session.undo()

    def own_tables(self) -> bytes:
        return self.session.own_tables()

    def own_tables_are_gone(self) -> None:
        """Told by whoever has just emptied the database, the schema sqlrail included."""
        self.session.is_at(self.session.store.place.without_own_tables())

    def raise_if_standby(self) -> None:
        self.session.raise_if_standby()

    def with_blockers(self, failure: SqlrailError) -> SqlrailError:
        return with_blockers(failure, self.session.watch)

    # The texts of its statements

    def message(self, name: str, **parts: Any) -> bytes:
        return self.session.store.message(name, **parts)

    def limits(self, file: File | None) -> bytes:
        return self.session.store.limits(file)

    def log_entry(self, id_: str, hash_: str | None, operation: str, comment: str | None) -> bytes:
        return self.session.store.log_entry(id_, hash_, operation, comment)

    def record(self, file: File, hash_: str, operation: str) -> bytes:
        """What writes a record, whatever transaction it is sent in."""
        return IN_ANY.join(self.session.store.record("record", file.id, hash_, operation, file.checksum))

    # What the database says was run

    @property
    def records(self) -> list[Record]:
        return self.recorded.records

    @property
    def post_apply(self) -> list[PostApplyRun]:
        return self.recorded.post_apply

    @property
    def notes(self) -> list[Note]:
        return self.recorded.notes

    @property
    def stamp(self) -> Environment | None:
        return self.recorded.stamp

    @property
    def lacks_stamp(self) -> bool:
        return self.recorded.lacks_stamp

    def look(self) -> None:
        self.recorded.look()

    def read_history(self) -> None:
        self.recorded.read_history()

    def raise_if_old(self) -> None:
        self.recorded.raise_if_old()

    def read_code(self) -> list[CodeRecord]:
        return self.recorded.read_code()

    def read_code_texts(self) -> dict[str, bytes]:
        return self.recorded.read_code_texts()

    def other_histories(self) -> list[other_tools.History]:
        return self.recorded.other_histories()

    # Where that is

    @property
    def schema(self) -> str | None:
        return self.session.store.place.schema

    @property
    def target(self) -> str | None:
        return self.session.store.place.target

    @property
    def migration_table(self) -> str:
        return self.session.store.names.records

    @property
    def log_table(self) -> str:
        return self.session.store.names.log

    @property
    def has_records(self) -> bool:
        return self.session.store.place.has_records

    @property
    def is_old(self) -> bool:
        return self.session.store.place.is_old

    @property
    def has_own_tables(self) -> bool:
        return self.session.store.place.has_own_tables

    @property
    def has_all_own_tables(self) -> bool:
        return self.session.store.place.has_all_own_tables

    @property
    def has_rollbacks(self) -> bool:
        return self.session.store.place.has_rollbacks

    @property
    def keeps_rollbacks(self) -> bool:
        return self.session.store.place.keeps_rollbacks

    @property
    def has_archive(self) -> bool:
        return self.session.store.place.has_archive

    # Under the lock

    def prepare(self) -> None:
        self.tables.prepare()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """A transaction under the runners' lock, committed at the end or rolled back with the exception."""
        self.prepare()
        with self.runners_lock.transaction("the transaction"):
            yield

    def stamping(self) -> bytes:
        return self.tables.stamping()
