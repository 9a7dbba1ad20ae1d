"""The scratch database in which pending files are rehearsed: what is watched in it, and what sessions say of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlrail.errors import (
    Refused,
)
from sqlrail.files.file import File
from sqlrail.files.pieces import Piece
from sqlrail.ground.settings import Settings
from sqlrail.postgres.connect import Connection
from sqlrail.scratch import doomed, using
from sqlrail.scratch.built import Built
from sqlrail.scratch.confined import is_about_subscriptions
from sqlrail.scratch.doomed import Doomed
from sqlrail.scratch.seen import (
    LOCKS,
    MISSING,
    SHARED,
    Address,
    Held,
    Locks,
    Seen,
    State,
    States,
    Watched,
    ask,
    source,
    strongest,
)
from sqlrail.scratch.shapes import Snapshots
from sqlrail.scratch.using import Using


class ReachesOut(Refused):
    """The file has changed what the whole server has."""


def reaches_out(file: File) -> ReachesOut:
    return ReachesOut(
        f"{file.id} changes what the whole server has, such as a role: it was rehearsed and taken back, and what comes "
        "after it can be rehearsed once it is applied"
    )


class Scene:
    """What was there before the first pending file, which is watched, and nothing else; what was seen is kept here."""

    def __init__(self, built: Built, noted: dict[str, int]) -> None:
        """noted: of files outside a transaction so many statements are done already."""
        self.backend, self.store = built.backend, built.backend.session.store
        self.missing, self.noted = built.missing, noted
        self.seen: dict[str, list[Seen]] = {}
        self.code: tuple[str, ...] = ()  # names of the code files that ran behind all
        #: those that were dropped in front of a file and made again behind it, by the file's id
        self.parted: dict[str, tuple[str, ...]] = {}
        self.watched = self.relations(self.connection)
        tables = [oid for oid, it in self.watched.items() if it.kind in ("r", "p")]
        self.snapshots = Snapshots(self.store, self.connection, tables, is_pooled=self.is_pooled)
        (rows,) = ask(self.connection, self.store.message("plan_objects"))
        self.objects: dict[Address, tuple[str, str]] = {
            (catalog, oid): (kind, name) for catalog, oid, kind, name in rows
        }

    @property
    def connection(self) -> Connection:
        return self.backend.connection

    @property
    def settings(self) -> Settings:
        return self.backend.settings

    @property
    def is_pooled(self) -> bool:
        return self.backend.is_pooled

    def raise_if_lost(self, when: str, connection: Connection) -> None:
        self.backend.raise_if_lost(when, connection)

    def relations(self, connection: Connection) -> dict[int, Watched]:
        """Those that are there, by oid."""
        (rows,) = ask(
            connection, self.store.message("plan_relations", bookkeeping=self.store.message("_bookkeeping"))
        )
        return {oid: Watched(*row) for oid, *row in rows}

    def states(self, connection: Connection) -> States:
        """Of all that is watched, as seen from a session."""
        if not self.watched:
            return {}
        (rows,) = ask(connection, self.store.message("plan_look", watched=list(self.watched)))
        return {oid: State._make((*state, strongest(modes))) for oid, *state, modes in rows}

    def held(self, connection: Connection) -> Held:
        """What the transaction of a session holds, where there was anything before."""
        if not self.watched and not self.objects:
            return Held()
        text = self.store.message("plan_held", newest=max(self.watched, default=0))
        ((found,),) = ask(connection, text)
        return Held(*(frozenset(filter(None, text.split(","))) for text in found))

    def objects_in(self, items: Iterable[str]) -> Locks:
        """The strongest lock on each object that is watched, of what is held."""
        found: Locks = {}
        for item in items:
            catalog, oid, mode = item.split(":")
            if (one := (int(catalog), int(oid))) in self.objects:
                found[one] = max(LOCKS[mode], found.get(one, -1))
        return found

    def using(self, connection: Connection, piece: Piece) -> Mapping[str, Using]:
        """What a statement that is about to run makes new values of columns by, where it says so."""
        if not piece.statements or piece.statements[0].words[:2] != ("ALTER", "TABLE"):
            return {}
        return using.look(connection, self.store, source(piece))

    def doomed(self, connection: Connection, piece: Piece) -> Doomed:
        """Which rows a statement that is about to run takes away, and which values it overwrites."""
        if not piece.statements:
            return Doomed()
        return doomed.look(connection, self.store, piece.statements[0].words, source(piece))

    def changes_server(self, connection: Connection) -> bool:
        """Whether the session's transaction has changed what the whole server has."""
        ((is_changed,),) = ask(
            connection, self.store.message("plan_shared", shared=self.store.message("_shared"))
        )[-1]
        return bool(is_changed)

    def keep(self, file: File, seen: Seen) -> None:
        """Keeps what was seen of a statement."""
        self.seen[file.id].append(seen)

    def passed_over(self, piece: Piece) -> str | None:
        """Why a piece is not sent; None if it is."""
        if any(is_about_subscriptions(one.words, b"") for one in piece.statements):
            # It would use up what a publisher keeps for the real one, and keep the scratch database from being dropped.
            return SHARED
        return MISSING if self.lacks(piece) else None

    def add_notice(self, file: File, text: str) -> None:
        """Says more about the statement that was seen last."""
        last = self.seen[file.id].pop()
        self.keep(file, last._replace(notices=(*last.notices, text)))

    def add_note(self, file: File, text: str) -> None:
        """Says why nothing is known of the statement that was seen last."""
        self.keep(file, self.seen[file.id].pop()._replace(note=text))

    def lacks(self, piece: Piece) -> bool:
        """Whether a statement is about something that is not there."""
        return any(
            self.missing.is_what(one.words, piece.text[one.start : one.end]) for one in piece.statements
        )
