"""What is seen of a statement: what it locks, scans and rewrites, and how a session is asked for that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlrail.files import statements
from sqlrail.files.pieces import Piece
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection
from sqlrail.postgres.diagnostics import failure

if TYPE_CHECKING:
    from sqlrail.results.plan import LockMode
    from sqlrail.scratch.doomed import Doomed
    from sqlrail.scratch.shapes import Shapes
    from sqlrail.scratch.using import Using

#: https://www.postgresql.org/docs/current/explicit-locking.html, the weakest first
MODES: tuple[LockMode, ...] = (
    "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE",
    "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE",
)  # fmt: skip
#: as pg_locks has them
LOCKS = {f"{mode.title().replace(' ', '')}Lock": place for place, mode in enumerate(MODES)}
#: characters of a statement that are kept
TEXT = 120
#: bytes of it in which names and expressions are looked for
SOURCE = 1 << 16
#: what the note of a statement begins with that was not run
UNSEEN = "not rehearsed: "
MISSING = "it is about a role or an extension that is missing where the scratch database lies"
DONE = "done already"
SHARED = "it is about the whole server, which a scratch database shares with the real one"
OWNED = "what a role owns in the live database, it need not own in another"


class Watched(NamedTuple):
    """A relation that was there before the first pending file."""

    schema: str
    name: str
    kind: str
    table: int | None  # an index's


class State(NamedTuple):
    filenode: int
    #: scans by all sessions, and those that the one which looks has not told yet
    told: int
    untold: int
    #: the strongest lock, by its place in MODES; -1 is none
    lock: int

    @property
    def scans(self) -> int:
        return self.told + self.untold


States = dict[int, State]
Changes = dict[int, tuple[State, State]]
#: a catalog's oid, and that of the object in it
Address = tuple[int, int]
Locks = dict[Address, int]


class Seen(NamedTuple):
    """A statement, and what it has changed and locked.

    The locks that its transaction has behind it: None where these are those in front of it and its own.
    """

    text: str
    place: tuple[int, int]
    changes: Changes
    objects: Locks
    locks: dict[int, int] | None = None
    note: str | None = None
    #: what it was sent as, and the tables that look otherwise behind it
    source: str = ""
    shapes: Shapes = {}  # noqa: RUF012 - never changed
    using: Mapping[str, Using] = {}
    is_back: bool = False
    doomed: Doomed | None = None
    #: what the server told: what is there already, and what goes along
    notices: tuple[str, ...] = ()

    @property
    def is_unseen(self) -> bool:
        """Whether it was not run, so that nobody knows what it does."""
        return (self.note or "").startswith(UNSEEN)


def compare(before: States, after: States) -> Changes:
    """What was locked further, scanned or rewritten."""
    return {
        oid: (before[oid], now)
        for oid, now in after.items()
        if now.lock > before[oid].lock
        or (now.filenode, now.scans) != (before[oid].filenode, before[oid].scans)
    }


def locks_of(states: States) -> dict[int, int]:
    return {oid: state.lock for oid, state in states.items() if state.lock >= 0}


class Held(NamedTuple):
    """What a transaction holds, an item a lock; see sql/scratch/plan_held.sql."""

    relations: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()


def strongest(modes: Iterable[str]) -> int:
    return max((LOCKS.get(mode, -1) for mode in modes), default=-1)


def takes_back(words: tuple[str, ...]) -> bool:
    """Whether a statement undoes others, to a savepoint or all, and does nothing of its own."""
    return words[:1] in (("ROLLBACK",), ("ABORT",))


def is_about_owned(words: tuple[str, ...]) -> bool:
    """Whether a statement drops whatever belongs to a role."""
    return words[:2] == ("DROP", "OWNED")


def brief(piece: Piece) -> str:
    start, end, *_ = piece.statements[0]
    return statements.brief(piece.text[start:end], TEXT)


def source(piece: Piece) -> str:
    """The piece's first statement, of a long one the beginning."""
    start, end, *_ = piece.statements[0]
    return piece.text[start : min(end, start + SOURCE)].decode(errors="replace")


def ask(connection: Connection, text: bytes) -> list[list[tuple[Any, ...]]]:
    """The tables that a message of ours returns while a file is rehearsed."""
    return tables_of(connection, wire.send(connection, text, wire.Answer()))


def tables_of(connection: Connection, answer: wire.Answer) -> list[list[tuple[Any, ...]]]:
    """What an answer to such a message holds."""
    if answer.error is None:
        return answer.tables
    raise failure(connection, "the rehearsal cannot be watched", "a file was being rehearsed", answer.error)
