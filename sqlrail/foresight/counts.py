"""Asks the live database how many rows are in the way: read-only, in one snapshot, on several connections at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg import sql

from sqlrail.errors import ConnectionFailed, ConnectionLost, DatabaseFailed, SqlrailError
from sqlrail.foresight.later import KEY, ROW
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import milliseconds
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection, connect
from sqlrail.postgres.diagnostics import failure, lost, sentence
from sqlrail.schema.catalog import look_limits

#: keys that are shown of the rows in the way
MOST = 5
#: seconds for one count where no --statement-timeout says otherwise
LIMIT = 60.0
#: connections that count at once, at the most, and those that have to stay free for others
AT_ONCE, FREE = 4, 10
#: pages of a table between two subtransactions
STEP = 64
#: bytes of values that an index row takes whatever the server makes of them (a third of a page, less what it needs)
LONG = 2500


@dataclass(frozen=True)
class Counted:
    """Rows in the way, with keys of some; why they could not be counted, or in which state a value did not fit."""

    rows: int | None = None
    keys: tuple[dict[str, str], ...] = ()
    why: str | None = None
    state: str | None = None
    are_many: bool = False  # there are rows in the way, and to count them takes too long


@dataclass(frozen=True)
class Source:
    """Rows as they are asked about: a subselect, its name, and the columns of the primary key."""

    rows: sql.Composable
    name: str
    key: tuple[str, ...]

    @property
    def parts(self) -> dict[str, object]:
        """The parts of a question that are about the rows and their keys."""
        own = [sql.Identifier(KEY.format(n)) for n, _ in enumerate(self.key)]
        texts = [sql.SQL("{}::text").format(it) for it in own]
        return {
            "rows": self.rows,
            "alias": sql.Identifier(self.name),
            "keys": sql.SQL("ARRAY[{}]::text[]").format(sql.SQL(", ").join(texts)),
            "order": sql.SQL(", ").join(own or [sql.Identifier(ROW)]),
            "most": MOST,
        }


@dataclass(frozen=True)
class Unique:
    """A key of which no two rows may have the same: its parts, and which rows have one.

    hashed: a number that equal ones have in common, which sorts faster; only where some have it too they are compared.
    """

    parts: tuple[sql.Composable, ...]
    condition: sql.Composable  # of rows
    filled: sql.Composable  # of the parts, by their names
    hashed: sql.Composable | None

    @property
    def names(self) -> list[sql.Composable]:
        """By which the parts are called once they are computed."""
        return names_of_parts(len(self.parts))

    @property
    def as_parts(self) -> dict[str, object]:
        """The parts of a question."""
        shown = [sql.SQL("{} AS {}").format(*it) for it in zip(self.parts, self.names, strict=True)]
        listed = {"parts": sql.SQL(", ").join(shown), "names": sql.SQL(", ").join(self.names)}
        return {**listed, "condition": self.condition, "filled": self.filled}


def names_of_parts(number: int) -> list[sql.Composable]:
    """By which so many parts of a key are called."""
    return [sql.Identifier(f"sqlrail part {n}") for n in range(number)]


#: asks over a connection; the errors are the server's
Question = Callable[["Asker"], Counted]


def rows_where(source: Source, condition: sql.Composable) -> Question:
    """Counts rows one by one."""
    return lambda asker: asker.counted(source, "count_in_the_way", "keys_in_the_way", condition=condition)


def unless_none(question: Question, why: str) -> Question:
    """Where there are no such rows, none is in the way; what some mean is not known."""

    def ask(asker: Asker) -> Counted:
        found = question(asker)
        return Counted(why=why) if found.rows else found

    return ask


def rows_refused(source: Source, expression: sql.Composable, pages: int | None) -> Question:
    """Counts rows for which an expression is false, or fails. Pages: the table's; None where rows cannot be tried."""
    count = rows_where(source, sql.SQL("NOT ({})").format(expression))
    if pages is None:
        return count
    parts = _parts(sql.SQL("({})").format(expression), sql.SQL("boolean"), pages)

    def ask(asker: Asker) -> Counted:
        try:
            return count(asker)
        except pg.DataError:
            asker.go_on()
            return asker.unfit(source, **parts, refusing=asker.message("_refusing"))

    return ask


def duplicates(source: Source, unique: Unique, *, hashes: bool, is_wide: bool) -> Question:
    """Counts the rows that would have to go for a key to be unique; is_wide: values may be too long for an index."""
    sizes = [sql.SQL("pg_column_size({})").format(name) for name in unique.names]
    size = sql.SQL(" + ").join(sizes) if is_wide else sql.SQL("0")
    asked = {**unique.as_parts, "size": size, "limit": LONG}

    def ask(asker: Asker) -> Counted:
        if unique.hashed:
            (same,) = asker.numbers("count_same_hashes", source, **asked, hashed=unique.hashed)
            if not same:
                return Counted(0)
        rows, too_long = asker.numbers("count_duplicates", source, **asked, hashes="on" if hashes else "off")
        if too_long and not rows:
            return Counted(why="some values may be too long for an index")
        return Counted(rows, asker.keys("keys_of_duplicates", source, **unique.as_parts) if rows else ())

    return ask


def overlaps(
    source: Source,
    condition: sql.Composable,
    parts: Sequence[sql.Composable],
    span: sql.Composable,
    each: Question,
) -> Question:
    """Whether ranges overlap; where some do, each is compared with the others."""
    shown = sql.SQL(", ").join(parts or [sql.SQL("true")])

    def ask(asker: Asker) -> Counted:
        if asker.numbers("count_overlaps", source, condition=condition, parts=shown, span=span) == (0,):
            return Counted(0)
        try:
            return each(asker)
        except pg.QueryCanceled:
            asker.go_on()
            return Counted(are_many=True)

    return ask


def unfit(
    source: Source, expression: sql.Composable, type_: sql.Composable, pages: int, *, is_array: bool
) -> Question:
    """Counts the values that cannot be assigned to a type."""
    value = "sqlrail_value[1]" if is_array else "sqlrail_value"
    parts = _parts(expression, type_, pages, value)
    return lambda asker: asker.unfit(source, **parts, refusing=b"")


def _parts(
    expression: sql.Composable, type_: sql.Composable, pages: int, value: str = "sqlrail_value"
) -> dict[str, object]:
    own = {"expression": expression, "type": type_, "value": sql.SQL(value)}
    return {**own, "pages": max(pages, 1), "step": STEP}


class Asker:
    """A connection in its transaction."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self.connection, self.settings = connection, settings

    def counted(self, source: Source, count: str, keys: str, **parts: object) -> Counted:
        """The number that one question gives, and where that is not 0 the keys that another does."""
        (rows,) = self.numbers(count, source, **parts)
        return Counted(rows, self.keys(keys, source, **parts) if rows else ())

    def numbers(self, count: str, source: Source, **parts: object) -> tuple[int, ...]:
        """The numbers that a question gives."""
        return self._rows(count, **source.parts, **parts)[0]

    def keys(self, file: str, source: Source, **parts: object) -> tuple[dict[str, str], ...]:
        """The primary keys that a question gives."""
        if not source.key:
            return ()
        found = self._rows(file, **source.parts, **parts)
        return tuple(dict(zip(source.key, key, strict=True)) for (key,) in found)

    def unfit(self, source: Source, **parts: object) -> Counted:
        """The same of values that have to be tried."""
        ((rows, state, places),) = self._rows("count_unfit", **source.parts, **parts)[0]
        condition = sql.SQL("{} = ANY ({}::tid[])").format(sql.Identifier(ROW), sql.Literal(places))
        keys = self.keys("keys_in_the_way", source, condition=condition) if rows else ()
        return Counted(rows, keys, state=state)

    def answer(self, question: Question) -> Counted:
        """What a question gives; why it gives nothing."""
        try:
            return question(self)
        except psycopg.Error as exc:
            if self.connection.closed:
                raise lost("rows were being counted", exc) from exc
            self.go_on()
            return Counted(why=_why(exc, self.settings))

    def go_on(self) -> None:
        """Behind a question that failed."""
        wire.send(self.connection, self.message("count_failed"), wire.Answer())

    def message(self, name: str) -> bytes:
        """The text of <name>.sql."""
        return wire.message(self.connection, name)

    def _rows(self, file: str, /, **parts: object) -> list[tuple[Any, ...]]:
        count = wire.message(self.connection, file, **parts)
        answer = wire.send(
            self.connection, wire.message(self.connection, "count_within", count=count), wire.Answer()
        )
        if answer.error is not None:
            raise answer.error
        return answer.rows


def _why(error: psycopg.Error, settings: Settings) -> str:
    """Why a count failed, without a word of the server's that may hold a value."""
    match error:
        case pg.QueryCanceled():
            return f"the count took longer than {limit_of(settings):g} s (--statement-timeout)"
        case pg.LockNotAvailable():
            return f"the table was in use for longer than {settings.lock_timeout:g} s (--lock-timeout)"
        case pg.InsufficientPrivilege():
            return "no right to read all of it"
        case pg.DataError() | pg.IntegrityError():
            return f"PostgreSQL cannot compute it for a row ({error.sqlstate})"
    return f"PostgreSQL does not understand it by itself: {sentence(error)}"


def ask_all(settings: Settings, questions: Sequence[Question]) -> list[Counted]:
    """The answers, in the order of the questions, all of one moment. DatabaseFailed if none can be asked."""
    if not questions:
        return []
    with ExitStack() as stack:
        first = stack.enter_context(closing(connect(settings)))
        _begin(first, wire.message(first, "begin_counts"), settings)
        snapshot, room = _export(first)
        askers = [Asker(first, settings)]
        for _ in range(min(len(questions), AT_ONCE, 1 + max(0, room - FREE)) - 1):
            with suppress(ConnectionFailed, ConnectionLost, DatabaseFailed):
                other = connect(replace(settings, wait=0.0))  # it is not worth a wait
                stack.enter_context(closing(other))
                _begin(other, wire.message(other, "import_counts", snapshot=snapshot), settings)
                askers.append(Asker(other, settings))
        return _answers(askers, questions)


def _answers(askers: Sequence[Asker], questions: Sequence[Question]) -> list[Counted]:
    left: SimpleQueue[int] = SimpleQueue()
    for number in range(len(questions)):
        left.put(number)
    found: dict[int, Counted] = {}

    def work(asker: Asker) -> None:
        with suppress(Empty):
            while True:
                number = left.get_nowait()
                found[number] = asker.answer(questions[number])

    with ThreadPoolExecutor(len(askers)) as pool:
        try:
            for done in [pool.submit(work, asker) for asker in askers]:
                done.result()
        except BaseException:
            with suppress(Empty):
                while True:
                    left.get_nowait()
            for asker in askers:
                with suppress(psycopg.Error):
                    asker.connection.cancel_safe(timeout=wire.GRACE)
            raise
    return [found[number] for number in range(len(questions))]


def limit_of(settings: Settings) -> float:
    """Seconds for one count."""
    return settings.statement_timeout or LIMIT


def _begin(connection: Connection, begin: bytes, settings: Settings) -> None:
    parts = {
        "ours": wire.message(connection, "ours"),
        "limits": look_limits(connection, settings),
        "limit": milliseconds(limit_of(settings)),
    }
    answer = wire.send(connection, begin + wire.message(connection, "count_settings", **parts), wire.Answer())
    if answer.error is not None:
        raise _not_counted(connection, answer.error) from answer.error


def _not_counted(connection: Connection, error: psycopg.Error) -> SqlrailError:
    return failure(connection, "the live rows cannot be counted", "rows were being counted", error)


def _export(connection: Connection) -> tuple[str, int]:
    answer = wire.send(connection, wire.message(connection, "export_counts"), wire.Answer())
    if answer.error is not None:
        raise _not_counted(connection, answer.error) from answer.error
    ((snapshot, room),) = answer.rows
    return snapshot, room
