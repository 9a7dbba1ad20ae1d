"""One message out, its answers in as they come: the simple query protocol, with nothing kept that nobody reads."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, Protocol

import psycopg
from psycopg import pq, sql
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result

from sqlrail.errors import DatabaseFailed
from sqlrail.postgres import stopping
from sqlrail.postgres.connect import Connection, TenantConnection
from sqlrail.postgres.diagnostics import sentence

#: seconds that a cancelled statement gets to end before the connection is given up
GRACE = 5.0
#: seconds after which it is cancelled once more
AGAIN = 1.0
#: seconds in which all of a notice comes in
PATIENCE = 1.0
COMMAND_OK, TUPLES_OK = int(pq.ExecStatus.COMMAND_OK), int(pq.ExecStatus.TUPLES_OK)
SINGLE_TUPLE = int(pq.ExecStatus.SINGLE_TUPLE)
PIPELINE_OFF = int(pq.PipelineStatus.OFF)


class Waiting(Protocol):
    """Whoever wants to know that an answer keeps us waiting."""

    every: float  # seconds

    def tick(self) -> None:
        """So much time has gone by once more."""

    def stop(self) -> None:
        """The answer is there."""


class Answer:
    """What came back for one message. It fills up as results arrive, so that an interrupted one still tells.

    Where keep is false, rows and tags are dropped as they come, but for the last row; where it is the first column's
    name of a result, those behind that result are, and only they are counted.
    """

    def __init__(self, keep: bool | bytes = True) -> None:
        self.keep = keep
        self.ahead = 0  # results in front, of statements that nobody asks about
        self.results: list[pq.abc.PGresult] = []
        self.last: pq.abc.PGresult | None = None  # row of what is dropped
        self.completed = 0  # statements that ended well, those that rules added not counted
        self.taken_in = 0  # the same, whatever is dropped or not counted
        self.shift = 0  # characters in front of the text by which the server gives the place of the error
        self.error: psycopg.Error | None = None
        self.connection: Connection | None = None

    def add(self, result: pq.abc.PGresult) -> None:
        """Takes in what a statement gave, whole or a row of it."""
        self.taken_in += result.status != SINGLE_TUPLE
        if self.ahead:
            self.ahead -= result.status != SINGLE_TUPLE
            return
        if result.status != SINGLE_TUPLE:
            self.completed += bool(result.command_status)
        if self.keep:
            self.results.append(result)
        elif result.status == SINGLE_TUPLE:
            self.last = result
        if result.status == TUPLES_OK and result.nfields and result.fname(0) == self.keep:
            self.keep, self.completed = False, 0

    def _rows(self, result: pq.abc.PGresult) -> list[tuple[Any, ...]]:
        transformer = Transformer(self.connection)  # dates are read by the connection's datestyle
        transformer.set_pgresult(result)
        return transformer.load_rows(0, result.ntuples, tuple)

    @property
    def tables(self) -> list[list[tuple[Any, ...]]]:
        """The rows of each result."""
        return [self._rows(result) for result in self.results]

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """The rows of all results, one after the other."""
        return [row for table in self.tables for row in table]

    def row(self, number: int) -> tuple[Any, ...]:
        """The row of a result that has one; -1 is the last result."""
        return self._rows(self.results[number])[0]

    def last_row(self) -> tuple[Any, ...]:
        """The last one of what is dropped."""
        assert self.last is not None
        return self._rows(self.last)[0]

    @property
    def committed(self) -> bool:
        # COMMIT of a failed transaction is answered ROLLBACK.
        return any(result.command_status == b"COMMIT" for result in self.results)

    @property
    def recorded(self) -> bool:
        """Whether the statement in front of the COMMIT wrote its row."""
        tags = [result.command_status for result in self.results]
        return tags[tags.index(b"COMMIT") - 1] == b"INSERT 0 1"


@cache
def _files() -> dict[str, str]:
    """Where each file of sql/ lies, by its name, which only one of its rooms has."""
    package = Path(__file__).parent.parent
    folder = package / "sql" if (package / "sql").is_dir() else package.parent / "sql"
    found = ((room, name) for room, _, names in os.walk(folder) for name in names)
    return {name.removesuffix(".sql"): f"{room}/{name}" for room, name in found if name.endswith(".sql")}


def names(beginning: str) -> list[str]:
    """What there is in sql/ whose name begins so: the rest of the names."""
    return [name.removeprefix(beginning) for name in _files() if name.startswith(beginning)]


@cache
def _template(name: str, commented: bool) -> list[tuple[bytes, str | None]]:
    """The text of the file of that name in sql/ in pieces, each with the name of the {part} behind it."""
    lines = Path(_files()[name]).read_text(encoding="utf-8").splitlines()
    # The comments are for people; a thousand files need not carry them over the network a thousand times.
    text = "\n".join(line for line in lines if commented or not line.lstrip().startswith("--"))
    # A fragment stands within a line of something else.
    end = "" if name.startswith("_") else "\n"
    return [(piece.encode(), part) for piece, part, _, _ in Formatter().parse(text + end)]


def message(connection: Connection | None, name: str, *, commented: object = False, **parts: Any) -> bytes:
    """The text of <name>.sql with its {parts} filled in, and with its comments where people will read it.

    Composables and bytes, which are messages themselves, go in as they are, all else as literals; {lead} is the
    connection's, where no other is given.
    """
    (text,) = message_around(connection, name, None, commented=commented, **parts)
    return text


def message_around(
    connection: Connection | None, name: str, gap: str | None, *, commented: object = False, **parts: Any
) -> tuple[bytes, ...]:
    """The same where one part is not known yet: the texts that it joins, or one where the file has no such part."""
    texts: list[bytes] = []
    text: list[bytes] = []
    for piece, slot in _template(name, bool(commented)):
        # A message that fills a line of its own has brought that line's end.
        is_ended = piece.startswith(b"\n") and bool(text) and text[-1].endswith(b"\n")
        text.append(piece[1:] if is_ended else piece)
        if slot is not None and slot == gap:
            texts.append(b"".join(text))
            text = []
        elif slot == "lead" and slot not in parts:
            text += _lead(connection)
        elif slot is not None:
            part = parts[slot]
            if not isinstance(part, bytes):
                part = (part if isinstance(part, sql.Composable) else sql.Literal(part)).as_bytes(connection)
            text.append(part)
    return (*texts, b"".join(text))


def _lead(connection: Connection | None) -> list[bytes]:
    """What leads names to a tenant's schema, where there is one."""
    return [connection.lead] if isinstance(connection, TenantConnection) and connection.lead else []


def named(connection: Connection, name: object) -> bytes:
    """The expression, in a message of ours, of the table that a name, or an expression of one, leads to."""
    return message(connection, "_named", written=name)


def ask(connection: Connection, name: str, **parts: Any) -> list[tuple[Any, ...]]:
    """Sends <name>.sql, filled in, and returns its rows; DatabaseFailed with the server's reason."""
    return ask_all(connection, [message(connection, name, **parts)])


def begin_to_ask(connection: Connection, name: str, **parts: Any) -> Callable[[], list[tuple[Any, ...]]]:
    """The same in two steps: it sends, and what it returns waits for the rows. Nothing is sent in between."""
    text, answer = in_ours(connection, message(connection, name, **parts))
    with _filling(answer, connection):
        connection.pgconn.send_query(text)
        flush(connection.pgconn)

    def read() -> list[tuple[Any, ...]]:
        with _filling(answer, connection):
            _collect(connection, answer)
        return _told(answer)

    return read


def ask_all(connection: Connection, texts: Iterable[bytes]) -> list[tuple[Any, ...]]:
    """The same of several messages, sent as one: the rows of all."""
    return _told(send_ours(connection, b"".join(texts)))


def command(connection: Connection, name: str, **parts: Any) -> None:
    """The same for a statement that goes alone: it refuses a transaction, or makes something along the search_path."""
    _told(send(connection, message(connection, name, **parts), Answer()))


def _told(answer: Answer) -> list[tuple[Any, ...]]:
    if answer.error is not None:
        raise DatabaseFailed(sentence(answer.error)) from answer.error
    return answer.rows


def send_ours(connection: Connection, text: bytes) -> Answer:
    """Sends a message of ours, whose names lead to PostgreSQL's own alone."""
    return send(connection, *in_ours(connection, text))


def in_ours(connection: Connection, text: bytes) -> tuple[bytes, Answer]:
    """A message whose names lead to PostgreSQL's own alone, see ours.sql, and what takes in the answer to it.

    Outside a transaction no default of a role ends it; a transaction keeps the limits that it has. One that begins a
    transaction says where its names lead itself, behind its BEGIN.
    """
    answer = Answer()
    if text.startswith(b"BEGIN"):
        return text, answer
    is_idle = connection.info.transaction_status == pq.TransactionStatus.IDLE
    ahead = [message(connection, name) for name in (("no_limit", "ours") if is_idle else ("ours",))]
    answer.ahead = len(ahead) + len(_lead(connection))
    return b"".join([*ahead, text]), answer


def send(
    connection: Connection,
    text: bytes | Sequence[bytes],
    answer: Answer,
    *,
    meanwhile: Callable[[], object] = lambda: None,
    data: Iterable[bytes] | None = None,
    waiting: Waiting | None = None,
) -> Answer:
    """Sends one message, does what can be done meanwhile, and reads all that comes back into the answer.

    Statements in a list, none of which is a COPY, are a message each, of which none waits for an answer to another.
    The data go to the COPY … FROM stdin in the message, block by block, until the server has answered with an error.
    An error of the server is returned in answer.error, not raised; the connection is lost if it is closed
    afterwards. When a signal handler raises in the middle, the statement is cancelled and the rest is read before the
    exception goes on, so that the answer says what was committed.
    """
    pgconn = connection.pgconn
    try:
        with _filling(answer, connection):
            if isinstance(text, bytes):
                pgconn.send_query(text)
            else:
                _send_each(pgconn, text)
            if answer.keep is not True:
                pgconn.set_single_row_mode()
            flush(pgconn)
            meanwhile()
            _collect(connection, answer, data, waiting=waiting)
    finally:
        if waiting:
            waiting.stop()
    return answer


@contextmanager
def _filling(answer: Answer, connection: Connection) -> Iterator[None]:
    """Where an answer takes in errors, and what is cut short is cancelled, see send()."""
    answer.connection = connection
    try:
        yield
    except psycopg.Error as exc:
        answer.error = answer.error or exc
    except BaseException:
        cancel(connection, answer)
        raise


def _send_each(pgconn: pq.abc.PGconn, statements: Sequence[bytes]) -> None:
    pgconn.enter_pipeline_mode()
    try:
        for statement in statements:
            pgconn.send_query_params(statement, None)
        # The snapshot of the last lasts until another takes its place; CREATE INDEX CONCURRENTLY would wait for that.
        pgconn.send_query_params(b"", None)
    finally:  # what is read comes to an end there
        pgconn.pipeline_sync()


def is_gone(connection: Connection) -> bool:
    """Whether the server has ended a connection since its last answer."""
    pgconn = connection.pgconn
    try:
        pgconn.consume_input()
        pgconn.is_busy()
        pgconn.consume_input()  # behind its last words
    except psycopg.OperationalError:
        connection.close()
    return connection.closed


def cancel(connection: Connection, answer: Answer) -> None:
    """Cancels what the server is at work on, and reads what is still to come into the answer."""
    try:
        connection.cancel_safe(timeout=GRACE)
        with suppress(psycopg.OperationalError):
            _collect(connection, answer, until=time.monotonic() + AGAIN)
            return
        # Of a commit that waits for a standby only the wait is cancelled, and what is behind it in the message runs.
        connection.cancel_safe(timeout=GRACE)
        _collect(connection, answer, until=time.monotonic() + GRACE)
    except psycopg.Error as exc:
        answer.error = answer.error or exc
        connection.close()


def flush(pgconn: pq.abc.PGconn, until: float | None = None, waiting: Waiting | None = None) -> bool:
    """Whether the server sent anything while it took what we had to send."""
    heard = False
    while pgconn.flush():
        # The server may be sending notices and wait for us to read them before it reads on.
        if wait(pgconn, select.POLLIN | select.POLLOUT, until, waiting) & select.POLLIN:
            pgconn.consume_input()
            heard = True
    return heard


def wait(
    pgconn: pq.abc.PGconn, events: int, until: float | None = None, waiting: Waiting | None = None
) -> int:
    """Which of these events of its socket there is, once there is one; psycopg.OperationalError if not until then."""
    poll = select.poll()
    poll.register(pgconn.socket, events)
    asked = stopping.watch(poll)
    while waiting and until is None:
        if ready := poll.poll(waiting.every * 1000):
            return stopping.events(ready, asked)
        waiting.tick()
    ready = poll.poll(None if until is None else max(0.0, until - time.monotonic()) * 1000)
    if not ready:
        raise psycopg.OperationalError("the server does not answer")
    return stopping.events(ready, asked)


def results(
    pgconn: pq.abc.PGconn, until: float | None, waiting: Waiting | None, *, by_row: bool = False
) -> Iterator[pq.abc.PGresult]:
    """Those of a message, as they come.

    by_row: the rows of each message but the first, for which it was asked before, come one by one too.
    """
    while True:
        while pgconn.is_busy():
            wait(pgconn, select.POLLIN, until, waiting)
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            if pgconn.pipeline_status == PIPELINE_OFF or pgconn.status != pq.ConnStatus.OK:
                return
            if by_row:
                with suppress(psycopg.OperationalError):  # behind the last there is none
                    pgconn.set_single_row_mode()
        elif result.status == pq.ExecStatus.PIPELINE_SYNC:
            pgconn.exit_pipeline_mode()
            return
        else:
            yield result


def _collect(
    connection: Connection,
    answer: Answer,
    data: Iterable[bytes] | None = None,
    until: float | None = None,
    waiting: Waiting | None = None,
) -> None:
    pgconn = connection.pgconn
    for result in results(pgconn, until, waiting, by_row=answer.keep is not True):
        status = result.status
        if status in (COMMAND_OK, TUPLES_OK, SINGLE_TUPLE):
            answer.add(result)
        elif status == pq.ExecStatus.FATAL_ERROR:
            # The first one is the cause; a second only says that the connection is gone.
            answer.error = answer.error or error_from_result(result)
        elif status == pq.ExecStatus.COPY_IN:
            _feed(connection, data, until, waiting)
        elif status == pq.ExecStatus.COPY_OUT:
            for _ in copied(pgconn, until):  # which nobody wanted
                pass


def _feed(
    connection: Connection, data: Iterable[bytes] | None, until: float | None, waiting: Waiting | None
) -> None:
    """Gives the server the data that it asks for, and not all of them once it has answered.

    libpq tells of an answer only at their end. But in the middle of a COPY the server sends notices and errors, no
    more: what comes in and makes no notice within PATIENCE is an error, and what we say then is not listened to.
    """
    pgconn, unexplained = connection.pgconn, 0.0

    def explain(_: object) -> None:
        nonlocal unexplained
        unexplained = 0.0

    refusal = b"there are no data for it" if data is None else None
    connection.add_notice_handler(explain)
    try:
        for block in data or ():
            while not pgconn.put_copy_data(block):
                flush(pgconn, until, waiting)
            if flush(pgconn, until, waiting) or _has_input(pgconn):
                unexplained = unexplained or time.monotonic()
                pgconn.consume_input()
                pgconn.is_busy()  # which looks for notices
            if unexplained and time.monotonic() - unexplained > PATIENCE:
                refusal = b"the server wants no more of them"
                break
    finally:
        connection.remove_notice_handler(explain)
    pgconn.put_copy_end(refusal)
    flush(pgconn, until, waiting)


def _has_input(pgconn: pq.abc.PGconn) -> bool:
    poll = select.poll()
    poll.register(pgconn.socket, select.POLLIN)
    return bool(poll.poll(0))


def copied(pgconn: pq.abc.PGconn, until: float | None = None) -> Iterator[memoryview]:
    """The data of a COPY … TO stdout while they come in, a line at a time."""
    while True:
        size, line = pgconn.get_copy_data(1)
        if size < 0:
            return
        if size > 0:
            yield line
        else:
            wait(pgconn, select.POLLIN, until)
            pgconn.consume_input()
