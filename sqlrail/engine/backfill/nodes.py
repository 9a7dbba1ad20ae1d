"""A backfill where Citus keeps rows on other nodes: where they are, and what is in doubt between two nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import psycopg
from psycopg import sql

from sqlrail.engine.session import Session
from sqlrail.engine.store import Store
from sqlrail.errors import Refused
from sqlrail.files import backfills
from sqlrail.files.file import File
from sqlrail.orphans.guards import GUARD
from sqlrail.postgres.diagnostics import sentence


class Nodes(NamedTuple):
    """Where the rows of a table are; the last three say what may be written to, None where nothing may be."""

    kind: str  # distributed, reference, single shard, citus local or local
    shards: int  # 0 of a local table
    rows: int  # about how many, as the shards have counted them; 0 where they have not
    refusals: list[str]  # why what is in doubt cannot be settled
    table: str | None  # with its schema, quoted
    column: str | None
    type: str | None

    @property
    def is_spread(self) -> bool:
        """Whether rows are in several places, so that the next ones may be in any."""
        return self.kind == "distributed" and self.shards > 1

    def refuses(self, file: File) -> Iterator[str]:
        """What a backfill of this table cannot do."""
        yield from self.refusals
        merges = backfills.statement(file).statements[0].words[:1] == ("MERGE",)
        if merges and self.kind not in ("local", "citus local"):
            yield "Citus does not merge the batch into a table on other nodes; write an UPDATE, or INSERT … ON CONFLICT"

    def two_phases(self, store: Store) -> bytes:
        """What makes the nodes commit with the checkpoint, see backfill_two_phases.sql."""
        if self.table is None or self.column is None or self.type is None:
            return b""
        parts = {
            "table": sql.SQL(self.table),
            "column": sql.Identifier(self.column),
            "type": sql.SQL(self.type),
        }
        return store.ddl("backfill_two_phases", **parts)


def ask(session: Session, table: int) -> Nodes | None:
    """Where a table is, by its OID; None without Citus."""
    if not session.server.is_citus:
        return None
    unsettled = session.store.message("_nodes_unsettled")
    return Nodes(*session.look_up("backfill_nodes", table=table, unsettled=unsettled)[0])


def settle(session: Session, file: File) -> None:
    """Ends what a killed runner or node has left in doubt; Refused where a node does not answer."""
    try:
        session.ask(opening(session, file) + session.store.message("nodes_recover"))
    except psycopg.Error as exc:
        if exc.sqlstate != GUARD:
            raise
        session.undo()
        raise Refused(f"{file.path}: {sentence(exc)} {exc.diag.message_hint}") from exc
    session.undo()


def opening(session: Session, file: File) -> bytes:
    """Opens a transaction in which nodes are asked."""
    return session.store.message("begin") + session.store.limits(file) + session.store.message("ours")


def told(name: str, type_: str) -> sql.Composable:
    """What a value of a column is told as by a session with settings of its own: JSON has one form of times."""
    value = sql.SQL("t.{}").format(sql.Identifier(name))
    is_time = type_.startswith(("timestamp", "date"))
    return value if is_time else sql.SQL("pg_catalog.concat({})").format(value)
