"""A message as Citus takes it: statement by statement, in one round trip.

Citus hands the whole message on to its other nodes where a statement in it is for them, a SET LOCAL too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import psycopg
from psycopg import errors as pg

from sqlrail.files.statements import Statement, all_statements
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection
from sqlrail.postgres.wire import Answer

#: errors of another node that only a warning names
CAUSES: dict[str, type[psycopg.Error]] = {"55P03": pg.LockNotAvailable, "40P01": pg.DeadlockDetected}


def send(
    connection: Connection,
    text: bytes,
    answer: Answer,
    *,
    meanwhile: Callable[[], object] = lambda: None,
    data: Iterable[bytes] | None = None,
    **how: Any,
) -> Answer:
    """Sends a message as wire.send does; a COPY, which no row of statements may hold, goes by itself.

    An error's place is given within its statement: answer.shift says where that is in the message. That a lock is busy
    on another node may come as a warning alone, in front of an error that does not say so: it is the answer then.
    """
    warned = list[str]()

    def hear(diagnostic: psycopg.errors.Diagnostic) -> None:
        warned.append(diagnostic.sqlstate or "")

    connection.add_notice_handler(hear)
    try:
        _send(connection, text, answer, meanwhile=meanwhile, data=data, **how)
    finally:
        connection.remove_notice_handler(hear)
    if isinstance(answer.error, pg.InternalError_):
        cause = next((CAUSES[state] for state in warned if state in CAUSES), None)
        answer.error = cause(*answer.error.args, info=answer.error.pgresult) if cause else answer.error
    return answer


def _send(
    connection: Connection,
    text: bytes,
    answer: Answer,
    *,
    meanwhile: Callable[[], object],
    data: Iterable[bytes] | None,
    **how: Any,
) -> None:
    statements = list(all_statements(text))
    if len(statements) < 2:
        wire.send(connection, text, answer, meanwhile=meanwhile, data=data, **how)
        return
    rows = list(_rows(statements))
    for number, row in enumerate(rows, 1):
        texts = [text[one.start : one.data or one.end] for one in row]
        if number == len(rows):
            how |= {"meanwhile": meanwhile, "data": data}
        wire.send(connection, texts[0] if _is_copy(row[0]) else texts, answer, **how)
        if answer.error is not None:
            failed = statements[min(answer.taken_in, len(statements) - 1)]
            answer.shift = len(text[: failed.start].decode())
            return


def _rows(statements: Iterable[Statement]) -> Iterator[list[Statement]]:
    row: list[Statement] = []
    for statement in statements:
        if _is_copy(statement):
            if row:
                yield row
            yield [statement]
            row = []
        else:
            row.append(statement)
    if row:
        yield row


def _is_copy(statement: Statement) -> bool:
    return statement.words[:1] == ("COPY",)
