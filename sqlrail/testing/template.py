"""Databases for tests: a folder is migrated once, into a template, and each test gets a copy of it.

A template's name holds a hash of the files, so that it is right as long as it is there. Runs and workers agree by
advisory locks in the database that the URL names: one of them makes a template, and while one of them lives it stays. A
copy's name holds the number of its run, which that holds the same way: what a killed run has left, a later one drops.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from psycopg import sql
from psycopg.conninfo import make_conninfo

from sqlrail import __version__
from sqlrail.engine.backend import Backend
from sqlrail.errors import DatabaseFailed, Refused, UsageError
from sqlrail.files.code import FOLDER
from sqlrail.files.file import ROLLBACK
from sqlrail.ground.events import nobody
from sqlrail.ground.reading import given
from sqlrail.ground.target import is_expendable
from sqlrail.ground.urls import SCHEMES
from sqlrail.postgres.connect import Connection, connect
from sqlrail.postgres.wire import ask, command
from sqlrail.scratch import scratch
from sqlrail.scratch.confined import without_subscriptions
from sqlrail.testing.copies import Copies, Plan
from sqlrail.testing.reset import raise_if_impossible
from sqlrail.testing.seen import Seen
from sqlrail.verbs.apply import migrate

#: what the advisory locks are for: making a template, using it, and being a run
MAKE, USE, RUN = (int.from_bytes(name, "big") for name in (b"srtm", b"srtu", b"srtr"))
#: seconds between two tries for a lock
POLL = 0.05
#: templates that nobody uses, and stay nevertheless: other branches'
SPARE = 3
#: the usual: bytes of copies that are done with, on a disk, and how many are made ahead
HEAP, AHEAD = 1 << 30, 4


class Way(NamedTuple):
    """How copies are made."""

    heap: int = HEAP  # bytes of copies that are done with, from which on they are dropped
    ahead: int = AHEAD  # copies that are ready before a test asks for one
    resets: bool = False  # whether one that is done with is made as it was, where that can be done
    seen: Seen | None = None  # what takes the queries that are sent to them


class Template:
    """What the files of a folder build, and this run's copies of it. For one thread."""

    def __init__(self, url: str, directory: Path, connection: Connection, way: Way) -> None:
        self._url, self._directory, self._connection = url, directory, connection
        self._way = way
        # Advisory locks are of one database: runs that hold theirs in another are none of our business.
        self._group = hashlib.sha256(connection.info.dbname.encode()).hexdigest()[:8]
        self._content = _content(directory)
        self._run = secrets.randbits(31)
        while not self._try("try_hold", RUN, self._run):
            self._run = secrets.randbits(31)
        self._copies: Copies

    @property
    def name(self) -> str:
        return self._name("template", self._content)

    def make(self) -> None:
        """Makes it where it is not there, and sees to it that it stays for as long as the connection does."""
        if self._way.resets:
            raise_if_impossible(self._connection)
        if self._way.seen:
            self._way.seen.find(self._connection)
        self._drop_leftovers()
        number = _number(self._content)
        self._hold("try_hold", MAKE, number)
        self._hold("try_share", USE, number)
        if self.name not in [name for name, _, _ in self._databases()]:
            self._build()
        ask(self._connection, "let_go", space=MAKE, number=number)
        is_durable, size = ask(self._connection, "template_facts", template=self.name)[0]
        # By way of the log it takes no checkpoint; where nothing waits for the disk, copying files is twice as fast.
        strategy = "WAL_LOG" if is_durable else "FILE_COPY"
        way = self._way
        ahead = min(way.ahead, 2 * way.heap // size)
        plan = Plan(self.name, strategy, ahead, way.heap // size, way.resets, way.seen)
        self._copies = Copies(
            given(self._url, self._directory), self._connection, self._name("test", self._run), plan
        )

    @contextmanager
    def copy(self) -> Iterator[str]:
        """The URL of a database like the template, for as long as the context lasts."""
        name, process = self._copies.take(), os.getpid()
        try:
            yield database_url(self._url, name)
        finally:
            if os.getpid() == process:
                self._copies.give_back(name)

    def close(self) -> None:
        """Drops this run's copies."""
        self._copies.close()

    def _build(self) -> None:
        place = scratch.look(self._connection)
        if not place.may_create:
            raise UsageError(
                f"tests need a role that may create databases: ALTER ROLE {place.role} CREATEDB."
            )
        building = self._name("building", self._content)
        try:
            command(self._connection, "drop_scratch", database=sql.Identifier(building))
            scratch.create(self._connection, building, place)
            self._migrate(building)
            ask(self._connection, "end_connections", database=building, timeout=0)
            names = {"building": sql.Identifier(building), "template": sql.Identifier(self.name)}
            ask(self._connection, "finish_template", **names)
        except BaseException:
            self._drop(building)
            raise

    def _migrate(self, building: str) -> None:
        there = scratch.marked(given(self._url, self._directory, environment="test"), building)
        scratch.mark(self._connection, there)
        with closing(connect(there)) as connection:
            if not ask(connection, "is_empty")[0][0]:
                raise UsageError("tests need a server on which a new database is empty.")
        migrate(there, nobody, confine=without_subscriptions)

    def _drop_leftovers(self) -> None:
        """Drops what killed runs have left, and templates that nobody uses any more."""
        spare = SPARE
        for name, kind, key in self._databases():
            if key == self._content:
                continue
            if kind == "template" and spare:
                spare -= 1
                continue
            space, number = (RUN, int(key)) if kind == "test" else (USE, _number(key))
            if self._try("try_hold", space, number):
                self._drop(name)
                ask(self._connection, "let_go", space=space, number=number)

    def _databases(self) -> list[tuple[str, str, str]]:
        """Names of databases, what they are, and of which content or run."""
        names = [name for (name,) in ask(self._connection, "test_databases", group=self._group)]
        return [(name, name.split("_")[1], name.split("_")[3]) for name in names]

    def _name(self, kind: str, *parts: object) -> str:
        return "_".join(map(str, ("sqlrail", kind, self._group, *parts)))

    def _try(self, name: str, space: int, number: int) -> bool:
        return bool(ask(self._connection, name, space=space, number=number)[0][0])

    def _hold(self, name: str, space: int, number: int) -> None:
        while not self._try(name, space, number):
            time.sleep(POLL)

    def _drop(self, name: str) -> bool:
        try:
            scratch.drop(self._connection, name)
        except DatabaseFailed:  # a later run drops it
            return False
        return True


@contextmanager
def template(url: str, directory: Path, way: Way = Way()) -> Iterator[Template]:  # noqa: B008 - never changed
    """What the files of a folder build, on the server of the URL; made if it is not there.

    Copies that are done with are dropped once they have more bytes than the way's `heap`, and at the end; so many are
    made `ahead`, as far as they have no more than twice as many.
    Raises errors.SqlrailError: Refused where the URL's own database is stamped staging or production, UsageError where
    its role may not create databases, or reset them where the way says so.
    """
    connection, process = _connect(url, directory), os.getpid()
    try:
        made = Template(url, directory, connection, way)
        made.make()
        try:
            yield made
        finally:
            if os.getpid() == process:
                made.close()
    finally:
        # A fork that ends closes what is open in it, and the connection is its parent's.
        if os.getpid() == process:
            connection.close()


def database_url(url: str, name: str) -> str:
    """The URL with another database in it, in the form that it has: a driver behind a plus is the tests' own."""
    match = re.fullmatch(rf"(?i)({SCHEMES}[^/?]*)(?:/[^?]*)?(?:\?(.*))?", url, re.DOTALL)
    if match is None:
        return make_conninfo(url, dbname=name)
    parts = [part for part in (match[2] or "").split("&") if part and not part.startswith("dbname=")]
    return f"{match[1]}/{name}" + (f"?{'&'.join(parts)}" if parts else "")


def _connect(url: str, directory: Path) -> Connection:
    settings = given(url, directory)
    with Backend(settings, nobody) as backend:
        if backend.stamp is not None and not is_expendable(backend.stamp):
            raise Refused(
                f"tests are refused: {backend.database} is stamped {backend.stamp}. Name a server for tests in "
                "SQLRAIL_TEST_DATABASE_URL. Nothing was changed."
            )
    return connect(settings)


def _content(directory: Path) -> str:
    digest = hashlib.sha256(__version__.encode())
    for path in sorted([*directory.glob("*.sql"), *directory.glob(f"{FOLDER}/*.sql")]):
        if path.is_file() and not path.name.endswith(ROLLBACK):
            digest.update(
                os.fsencode(path.relative_to(directory)) + b"\0" + hashlib.sha256(path.read_bytes()).digest()
            )
    return digest.hexdigest()[:32]


def _number(content: str) -> int:
    return int(content[:8], 16) >> 1  # what an advisory lock takes
