"""Answers that are read while they come in, and never held as a whole: rows of a result, lines of a COPY."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result

from sqlrail.postgres.connect import Connection
from sqlrail.postgres.wire import COMMAND_OK, TUPLES_OK, Answer, cancel, copied, flush, results

#: bytes of a COPY that are handed on together
COPY_BLOCK = 1 << 16
#: rows of a result that are held at once; a libpq before 17 holds them all
CHUNK = 1000


def stream(connection: Connection, text: bytes) -> Generator[Iterator[tuple[Any, ...]], None, None]:
    """Sends one message and gives the rows of each of its results, while they come in; raises the server's error.

    Whoever stops before the last has to close it.
    """
    pgconn = connection.pgconn
    with _read_to_the_end(connection):
        pgconn.send_query(text)
        if pq.version() >= 170000:
            pgconn.set_chunked_rows_mode(CHUNK)
        flush(pgconn)
        found = _good(pgconn)
        for result in found:
            if result.status != COMMAND_OK:
                rows = _rows(connection, result, found)
                yield rows
                for _ in rows:  # which nobody wanted
                    pass


def copy_out(connection: Connection, text: bytes) -> Generator[bytes, None, None]:
    """Sends a message with one COPY … TO stdout and gives its lines, in blocks, while they come in.

    Raises the server's error. Whoever stops before the last block has to close it.
    """
    with _read_to_the_end(connection):
        for lines in _copies(connection.pgconn, text):
            yield from _blocks(lines)


def copies_out(connection: Connection, text: bytes) -> list[bytes]:
    """Sends a message with several COPY … TO stdout: the data of each. Raises the server's error."""
    with _read_to_the_end(connection):
        return [b"".join(lines) for lines in _copies(connection.pgconn, text)]


@contextmanager
def _read_to_the_end(connection: Connection) -> Iterator[None]:
    """What is left half-way is cancelled, so that the connection can be used again."""
    try:
        yield
    except psycopg.Error:
        raise
    except BaseException:
        cancel(connection, Answer(keep=False))
        raise


def _rows(
    connection: Connection, result: pq.abc.PGresult, more: Iterator[pq.abc.PGresult]
) -> Iterator[tuple[Any, ...]]:
    """Those of one statement, whose result comes in pieces, or as one."""
    transformer = Transformer(connection)
    while True:
        transformer.set_pgresult(result)
        for first in range(0, result.ntuples, CHUNK):
            yield from transformer.load_rows(first, min(first + CHUNK, result.ntuples), tuple)
        if result.status == TUPLES_OK:  # what comes last
            return
        result = next(more)


def _good(pgconn: pq.abc.PGconn) -> Iterator[pq.abc.PGresult]:
    """The results of a message; raises the server's error when all has come."""
    error = None
    for result in results(pgconn, None, None):
        if result.status == pq.ExecStatus.FATAL_ERROR:
            error = error or error_from_result(result)
        elif error is None:
            yield result
    if error:
        raise error


def _copies(pgconn: pq.abc.PGconn, text: bytes) -> Iterator[Iterator[memoryview]]:
    pgconn.send_query(text)
    flush(pgconn)
    for result in _good(pgconn):
        if result.status == pq.ExecStatus.COPY_OUT:
            yield copied(pgconn)


def _blocks(lines: Iterator[memoryview]) -> Iterator[bytes]:
    block = bytearray()
    for line in lines:
        block += line
        if len(block) >= COPY_BLOCK:
            yield bytes(block)
            block.clear()
    yield bytes(block)
