"""What a statement that was cut off in its middle left, and whether it took effect."""

from __future__ import annotations

from typing import Any

from psycopg import errors as pg
from psycopg import sql

from sqlrail.engine.checkpoints import Checkpoints
from sqlrail.engine.session import Session
from sqlrail.engine.steps import REPEATABLE, Detached, Found, Index, Step
from sqlrail.errors import Refused
from sqlrail.ground.events import DroppedIndex, Said, Warned
from sqlrail.postgres import wire
from sqlrail.postgres.connect import Connection


class CutOff:
    """What --interrupted decides about a statement that was cut off, of which only people can say what became of it."""

    def __init__(self, session: Session) -> None:
        self._session, self._told = session, session.settings.interrupted
        self._was_needed = False

    def is_done(self, place: str, stands: str) -> bool:
        """Whether it counts as done; Refused if nobody has said so."""
        if self._told is None:
            raise Refused(
                f"{place}: it was running when the last run was cut off, and may have taken effect or not. Look, "
                "and run again with --interrupted done, to continue after it, or --interrupted again, to run it once "
                f"more. {stands}"
            )
        self._was_needed = True
        becomes = "counts as done" if self._told == "done" else "runs again"
        self._session.tell(Said(f"{place}: it was cut off, and {becomes} as told"))
        return self._told == "done"

    def say_if_untold(self) -> None:
        """Tells that it decided nothing: it may have been meant for another database."""
        if self._told and not self._was_needed:
            self._session.tell(
                Said(f"--interrupted {self._told} was not needed: no statement here was cut off")
            )


class Leftovers:
    """Finds and drops the invalid indexes that are a cut-off statement's; those that were there before it stay."""

    def __init__(self, session: Session, worker: Connection, notes: Checkpoints, cut_off: CutOff) -> None:
        self._session, self._worker, self._notes, self._cut_off = session, worker, notes, cut_off

    def announce(self, step: Step, index: Index | None) -> dict[str, Any]:
        """Writes, before a statement that refuses a transaction, what tells its leftovers from others'."""
        tables = self._tables(index)
        there = self._indexes_of(tables)
        announced = {
            "statement": step.digest,
            "index": index,
            "tables": tables,
            "indexes": [found.oid for found in there],
            "invalid": [found.oid for found in there if not found.valid],
            "failed": False,
        }
        self._notes.announce(announced)
        return announced

    def left(self, announced: dict[str, Any]) -> list[Found]:
        """The indexes that a statement left half-built."""
        if not announced["index"]:
            return []
        index, there = Index(*announced["index"]), self._indexes_of(announced["tables"])
        new = [found for found in there if not found.valid and found.oid not in announced["invalid"]]
        return [found for found in new if index.concerns(found)]

    def refuse_outside(self, index: Index | None) -> None:
        """Refused where the file is a tenant's, and the index that of another schema's table; no COMMIT guards that."""
        tenant = self._session.settings.tenant
        tables = None if tenant is None else self._tables(index)
        if not tables:
            return
        if others := [name for (name,) in self._notes.ask("outside", tables=tables)]:
            raise Refused(
                f"{self._notes.place}: it changes {', '.join(others)}, outside of the schema {tenant}. What tenants "
                "share is for files of its own (--shared); what only a tenant has must be there first. "
                + self._notes.stands
            )

    def invalid(self, index: Index) -> list[Found]:
        """The invalid indexes that a statement may have made, or is about to."""
        there = self._indexes_of(self._tables(index))
        return [found for found in there if not found.valid and index.concerns(found)]

    def is_settled(self, announced: dict[str, Any], step: Step) -> bool:
        """Whether the statement that was cut off took effect; what it left half-built is dropped."""
        self.drop(self.left(announced))
        is_it = announced["statement"] == step.digest
        if is_it and (detached := step.detached):
            return self._is_detached(detached)
        if announced["failed"] or not is_it:
            return False
        index = Index(*announced["index"]) if announced["index"] else None
        if index and index.verb == "create":
            there = self._indexes_of(announced["tables"])
            new = [found for found in there if found.valid and found.oid not in announced["indexes"]]
            return any(index.concerns(found) for found in new)
        if index and index.verb == "drop":
            return not self._tables(index)
        if step.words[0] in REPEATABLE:
            return False
        return self._cut_off.is_done(self._notes.place, self._notes.stands)

    def _is_detached(self, detached: Detached) -> bool:
        """Whether a partition is detached: by now, where the first half of that was done."""
        parent, partition = self._named(detached.parent), self._named(detached.partition)
        rows = self._notes.ask("detaching", parent=parent, partition=partition)
        if not rows:
            return True
        ((is_pending, finalize),) = rows
        if is_pending:
            answer = wire.send(self._worker, finalize.encode(), wire.Answer())
            self._notes.raise_if_lost(
                f"the detaching of {detached.partition} was being finished; whether it is"
            )
            if answer.error is not None:
                raise self._notes.failure(
                    f"{self._notes.place}: it was cut off half-way, and cannot be finished", answer.error
                )
            self._session.tell(Said(f"{self._notes.place}: it was cut off half-way, and is finished now"))
        return bool(is_pending)

    def drop(self, invalid: list[Found]) -> None:
        """Drops invalid indexes, and says so; DatabaseFailed where one cannot be."""
        for found in invalid:
            name = sql.Identifier(found.schema, found.name).as_string(self._worker)
            # Not every node of Citus has come to make its part of it.
            text = f"DROP INDEX CONCURRENTLY IF EXISTS {name}"
            answer = wire.send(self._worker, text.encode(), wire.Answer())
            self._notes.raise_if_lost(f"the invalid index {name} was being dropped; whether it is gone")
            if answer.error is None:
                self._session.tell(DroppedIndex(found.name))
            elif isinstance(answer.error, pg.InsufficientPrivilege) and found.schema == "pg_toast":
                self._session.tell(
                    Warned(
                        f"the invalid index {name}, which was left half-built, is for a superuser to drop. "
                        "Until then it makes writing slower, and does no other harm."
                    )
                )
            else:
                raise self._notes.failure(
                    f"the invalid index {name}, which an earlier run left, cannot be dropped",
                    answer.error,
                    "Drop it, and run again.",
                )

    def _named(self, name: str) -> bytes:
        return wire.named(self._worker, name)

    def _tables(self, index: Index | None) -> list[int] | None:
        """The tables whose indexes a statement may touch; None is all."""
        if index is None:
            return []
        if index.object is None:
            return None
        tables: list[int] | None = self._notes.ask("tables_of", named=self._named(index.object))[0][0]
        return tables

    def _indexes_of(self, tables: list[int] | None) -> list[Found]:
        if tables == []:
            return []
        return [Found(*row) for row in self._notes.ask("indexes", tables=tables)]
