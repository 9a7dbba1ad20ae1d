"""The queries of the release that is running: where they are read from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from sqlrail.errors import BadFile, FileFailed, MissingPrerequisite, SqlrailError
from sqlrail.files.statements import Flaw, all_statements, brief, place
from sqlrail.foresight.asking import asked
from sqlrail.ground.settings import Settings
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection
from sqlrail.schema.catalog import look_limits

#: the source that is the database itself
SEEN = "pg_stat_statements"
#: in the place of all those that the role may not see, and the way to them
HIDDEN = b"those of other roles"
SHOW = "they are hidden from this role: GRANT pg_read_all_stats to it"
#: characters of a query that people read
SHOWN = 60


@dataclass(frozen=True)
class Query:
    """A query, with parameters `$1`, `$2`; where it was read, and how often it was called (None: not known).

    asks is what is looked at: the query itself, or that of a command; why says of what is no query why there is none.
    """

    text: bytes
    place: str
    calls: int | None = None
    why: str | None = None
    asks: bytes = b""

    @classmethod
    def of(cls, text: bytes, place: str, calls: int | None = None) -> Query:
        """Of what an application may have sent: a command that runs none is none."""
        first = next(iter(all_statements(text)), None)
        return cls.of_words(text, first.words if first else (), place, calls)

    @classmethod
    def of_words(cls, text: bytes, words: tuple[str, ...], place: str, calls: int | None = None) -> Query:
        """The same of a statement that is known to begin with these words."""
        asks = asked(text, words)
        return cls(text, place, calls, None if asks else "it is a command, not a query", asks or b"")

    @property
    def brief(self) -> str:
        """Its beginning in one line, without what its literals hold."""
        return brief(self.text, SHOWN)


def read(source: str, connection: Connection, settings: Settings) -> list[Query]:
    """Those of a file, or those that pg_stat_statements has seen in the database."""
    return seen(connection, settings) if source == SEEN else of_file(Path(source))


def of_file(path: Path) -> list[Query]:
    """Those of a file of SQL, one behind the other; BadFile where it cannot be read as that, or has none."""
    try:
        text = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as exc:
        raise FileFailed(f"--queries: {path} cannot be read: {exc.strerror}.") from exc
    if (at := text.find(b"\0")) >= 0:
        raise _flawed(path, text, Flaw(at, "a NUL byte cannot be in a query."))
    try:
        text.decode()
        found = dict(_placed(text))
    except UnicodeDecodeError as exc:
        raise _flawed(path, text, Flaw(exc.start, "this is not UTF-8.")) from exc
    except Flaw as flaw:
        raise _flawed(path, text, flaw) from None
    if not found:
        raise BadFile(
            f"--queries: no query is in {path}. Write the application's, each with a semicolon at its end."
        )
    return [Query.of_words(query, words, f"{path}:{line}") for query, (words, line) in found.items()]


def _placed(text: bytes) -> Iterator[tuple[bytes, tuple[tuple[str, ...], int]]]:
    """Each statement with its first words and its line; what COPY would take from a client is not there."""
    at, line = 0, 1
    for statement in all_statements(text):
        line += text.count(b"\n", at, statement.start)
        at = statement.start
        yield text[at : statement.end].rstrip(b"; \t\r\n"), (statement.words, line)


def _flawed(path: Path, text: bytes, flaw: Flaw) -> BadFile:
    line, column = place(text, flaw.offset)
    return BadFile(f"--queries: {path}:{line}:{column}: {flaw.message}")


def seen(connection: Connection, settings: Settings) -> list[Query]:
    """Those of pg_stat_statements; MissingPrerequisite where it is not there, or has seen none."""
    limits = look_limits(connection, settings)
    schema = wire.ask(connection, "contract_view", limits=limits)
    if not schema:
        raise MissingPrerequisite(
            f"--queries {SEEN}: that extension is not in this database: CREATE EXTENSION {SEEN}, and let the "
            "application run for a while; or give a file of its queries: --queries FILE."
        )
    try:
        rows = wire.ask(
            connection, "contract_statements", limits=limits, view=sql.Identifier(schema[0][0], SEEN)
        )
    except SqlrailError as exc:
        raise MissingPrerequisite(f"--queries {SEEN}: it cannot be read: {exc}") from exc
    if not rows:
        raise MissingPrerequisite(
            f"--queries {SEEN}: it has seen none in this database yet. Let the application run for a while, or give a "
            "file: --queries FILE."
        )
    return [
        Query(HIDDEN, SEEN, calls, SHOW) if text is None else Query.of(text.encode(), SEEN, calls)
        for text, calls in rows
    ]
