"""Many statements of others prepared on a connection of ours, and described or explained, in a round trip for many."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection

#: statements that go in one round trip
TOGETHER = 200
_Send = Callable[[pq.abc.PGconn], object]


class Prepared(NamedTuple):
    """What the server says of a statement: the types of its parameters, and its columns."""

    parameters: tuple[int, ...]  # oids
    columns: tuple[tuple[str, int, int], ...]  # name, type's oid and modifier


def prepare(
    connection: Connection, statements: Sequence[tuple[str, bytes, Sequence[int]]]
) -> list[Prepared | psycopg.Error]:
    """Prepares statements, each under its name, its first parameters being of these types (0: as the server finds).

    PostgreSQL takes one statement for each, and nothing is run.
    """
    return [_described(result) for result in _each(connection, [_preparing(*one) for one in statements])]


def explain(connection: Connection, texts: Sequence[bytes]) -> list[bytes | psycopg.Error]:
    """The single value that each of these statements gives."""
    results = _each(connection, [_asking(text) for text in texts])
    return [_failure(result) or result.get_value(0, 0) or b"" for result in results]


def _asking(text: bytes) -> _Send:
    return lambda pgconn: pgconn.send_query_params(text, None)


def _preparing(name: str, text: bytes, types: Sequence[int]) -> _Send:
    def send(pgconn: pq.abc.PGconn) -> None:
        pgconn.send_prepare(name.encode(), text, list(types))
        pgconn.send_describe_prepared(name.encode())

    return send


def _described(result: pq.abc.PGresult) -> Prepared | psycopg.Error:
    if error := _failure(result):
        return error
    return Prepared(
        tuple(map(result.param_type, range(result.nparams))),
        tuple(
            ((result.fname(n) or b"").decode(errors="replace"), result.ftype(n), result.fmod(n))
            for n in range(result.nfields)
        ),
    )


def _failure(result: pq.abc.PGresult) -> psycopg.Error | None:
    return error_from_result(result) if result.status == pq.ExecStatus.FATAL_ERROR else None


def _each(connection: Connection, sends: Sequence[_Send]) -> Iterator[pq.abc.PGresult]:
    """Of what each sends the error, or else the last result."""
    rest = iter(sends)
    while some := list(islice(rest, TOGETHER)):
        pgconn = connection.pgconn
        pgconn.enter_pipeline_mode()
        for send in some:
            send(pgconn)
            pgconn.pipeline_sync()
        wire.flush(pgconn)
        for _ in some:
            yield _one(pgconn)
        pgconn.exit_pipeline_mode()


def _one(pgconn: pq.abc.PGconn) -> pq.abc.PGresult:
    """Reads up to the end of a group."""
    found: pq.abc.PGresult | None = None
    while True:
        while pgconn.is_busy():
            wire.wait(pgconn, select.POLLIN)
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            if pgconn.status != pq.ConnStatus.OK:
                raise psycopg.OperationalError("the connection is lost")
        elif result.status == pq.ExecStatus.PIPELINE_SYNC:
            assert found is not None
            return found
        elif found is None or found.status != pq.ExecStatus.FATAL_ERROR:
            found = result
