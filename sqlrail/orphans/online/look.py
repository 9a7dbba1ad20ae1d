"""Finds the orphans of an online cleanup, each into a table of its own that its batches work off."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import NamedTuple

import psycopg
from psycopg import sql

from sqlrail.batches.patience import Patience
from sqlrail.ground.constraint import Constraint
from sqlrail.orphans import guards, kinds, survey
from sqlrail.orphans.cleaned import Cleaned
from sqlrail.orphans.composer import Composer
from sqlrail.orphans.online.session import OnlineSession, opening
from sqlrail.orphans.online.tally import Tally
from sqlrail.orphans.session import message


class Found(NamedTuple):
    """What a look has put into a table of its own."""

    work: sql.Identifier
    rows: int


@dataclass
class Look:
    """Looks at all relations before the first batch, and at one again later."""

    session: OnlineSession
    tally: Tally
    patience: Patience

    def first(self) -> dict[Constraint, Found]:
        """Finds the orphans of all relations, and weighs them before anything is kept; nothing where there are none."""
        self.session.ask(opening(self.session))
        found: dict[Constraint, Found] = {}
        reasons = []
        for one in list(self.tally.done.values()):
            work, rows, refusals = self._stage(one, 0)
            found[one.relation] = Found(work, rows)
            self.tally.put(replace(one, orphans=rows))
            if refusals:
                reasons.append((one.relation, refusals))
        if reasons:
            raise guards.refusal(*reasons[0])
        if not any(it.rows for it in found.values()):
            self.session.undo()
            return {}
        self.tally.keep(*(it.work for it in found.values()))
        answer = self.session.ask(message(self.session, "online_run", actor=self.session.settings.actor))
        run = answer[-1][0]
        for relation, it in found.items():
            self.tally.put(replace(self.tally.done[relation], run=run if it.rows else None))
        self.session.ask(self.tally.note(run=run) + b"COMMIT")
        self.tally.begin(run)
        return {relation: it for relation, it in found.items() if it.rows}

    def again(self, relation: Constraint, may_have_more: bool) -> Found:
        """Finds what has become an orphan of a relation, or could not be deleted before."""
        return self.patience.patiently(f"the look at {relation}", lambda: self._find(relation, may_have_more))

    def _find(self, relation: Constraint, may_have_more: bool) -> Found:
        one, before = self.tally.done[relation], self.tally.done[relation].left
        found = survey.describe(self.session, relation, opening(self.session))
        if found.skipped or found.refusals:
            raise self.tally.refusal(relation, [found.skipped] if found.skipped else found.refusals)
        self.tally.check_identity(one, found.facts)
        work, rows, refusals = self._stage(found, one.cleaned)
        new = max(0, rows - before)
        most, share = self.session.settings.max_rows, self.session.settings.max_share
        if not may_have_more and new > most and new > share * one.orphans:
            refusals = [f"{new} more {kinds.of(relation).newcomers}"]
        if refusals:
            raise self.tally.refusal(relation, refusals)
        self.tally.put(replace(one, orphans=one.orphans + new, facts=found.facts, run=self.tally.id))
        self.tally.keep(work)
        self.session.ask(self.tally.note() + b"COMMIT")
        return Found(work, rows)

    def _stage(self, one: Cleaned, cleaned: int) -> tuple[sql.Identifier, int, list[str]]:
        """Finds a relation's orphans and puts them into a table; its name, their number, and what refuses them."""
        part = Composer(self.session, one.relation, one.facts)
        name = f"online_{one.facts.child_oid}_{secrets.token_hex(4)}"
        work = sql.Identifier("sqlrail", name)
        text = part("archive_format")
        text += part(part.online.find, staging=sql.SQL("UNLOGGED TABLE {}").format(work))
        enough = part.enough(sql.SQL("(orphans + {})").format(cleaned))
        text += part("online_weigh", work=work, earlier=cleaned, enough=enough) + part("archive_format_off")
        try:
            rows, found, has_parents = self.session.ask(text)[-1]
        except psycopg.Error as exc:
            raise self.tally.refusal(one.relation, [guards.reason(exc, one.relation)]) from exc
        # Rows that were deleted count among those that are there, and those that were changed are there.
        total, rows = found + cleaned, None if rows is None else rows + (0 if one.facts.sets else cleaned)
        return work, found, list(guards.weigh(self.session.settings, one.relation, total, rows, has_parents))
