"""What an online cleanup has found and done so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from psycopg import sql
from psycopg.types.json import Jsonb

from sqlrail.errors import Interrupted, Refused, SqlrailError
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.words import counted
from sqlrail.orphans import guards
from sqlrail.orphans.cleaned import Cleaned
from sqlrail.orphans.facts import Facts
from sqlrail.orphans.online.session import OnlineSession
from sqlrail.orphans.session import message


@dataclass
class Tally:
    """Kept in memory, and noted in each transaction that changes it; its number is None before orphans were found."""

    session: OnlineSession
    id: int | None = None
    done: dict[Constraint, Cleaned] = field(default_factory=dict)
    #: tables of what was found, which are ours to drop
    work: list[sql.Identifier] = field(default_factory=list)

    def begin(self, run: int) -> None:
        """From now on it is a run, whose row is committed."""
        self.id = run

    def put(self, *now: Cleaned) -> None:
        """What is known of relations now."""
        self.done |= {one.relation: one for one in now}

    def keep(self, *work: sql.Identifier) -> None:
        """Takes in tables of what was found."""
        self.work += work

    def lose(self, work: sql.Identifier) -> None:
        """Such a table was dropped."""
        self.work.remove(work)

    @contextmanager
    def telling_what_stands(self) -> Iterator[None]:
        """Every error says what was done before it."""
        try:
            yield
        except SqlrailError as exc:
            if self.id is not None:
                said = "interrupted." if isinstance(exc, Interrupted) else str(exc)
                exc.args = (f"{said} {self._stands()}",)
            raise

    def _stands(self) -> str:
        deleted, changed, left = (
            sum(getattr(one, it) for one in self.done.values()) for it in ("deleted", "changed", "left")
        )
        least = "at least " if self.session.connection.closed else ""
        counts = (
            counted(deleted, "row was deleted", "rows were deleted") * (deleted > 0),
            counted(changed, "row was changed", "rows were changed") * (changed > 0),
        )
        done = ", ".join(filter(None, counts))
        kept = f"{least}{done}, all in the archive as run {self.id}; " if done else ""
        return f"{kept}{left:,} of those found are left. Run again to go on."

    def refusal(self, relation: Constraint, reasons: Iterable[str]) -> Refused:
        """The error of guards that refuse a relation; what was done before stays."""
        if self.id is None:
            return guards.refusal(relation, reasons)
        return Refused(f"the cleanup of {relation} is refused: {'; '.join(reasons)}.")

    def note(self, *changed: Cleaned, run: int | None = None) -> bytes:
        """Writes all of it into the run's row, as it will be with these."""
        done = {**self.done, **{one.relation: one for one in changed}}
        relations = [
            {
                "relation": str(it.relation),
                "parent": it.facts.parent.get("name"),
                "orphans": it.orphans,
                "deleted": it.deleted,
                **({"changed": it.changed} if it.facts.sets else {}),
                "archived": it.archived,
            }
            for it in done.values()
            if it.orphans
        ]
        return message(self.session, "online_note", run=run or self.id, relations=Jsonb(relations))

    def check_identity(self, one: Cleaned, facts: Facts) -> None:
        """Refused where a name leads elsewhere, or a key has changed, since the survey."""
        # What was found are places in one table, which the guards have seen; a swap leads its name to another.
        if (facts.child_oid, facts.parent_oid) != (one.facts.child_oid, one.facts.parent_oid):
            raise self.refusal(one.relation, ["its name leads to another table than when it was surveyed"])
        if (facts.action, facts.sets) != (one.facts.action, one.facts.sets):
            raise self.refusal(one.relation, ["its key has changed since it was surveyed"])
