"""The verb cleanup --online: big live tables are cleaned in batches of their own transactions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from sqlrail.batches.interrupts import Interrupts
from sqlrail.engine.backend import Backend
from sqlrail.engine.retry import PASSING
from sqlrail.errors import Refused
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.events import Listener
from sqlrail.ground.relation import Relation
from sqlrail.ground.settings import Settings
from sqlrail.ground.unique import Unique
from sqlrail.orphans.cleaned import Cleaned
from sqlrail.orphans.online.run import Run
from sqlrail.verbs.cleanup import Cleanup, check, describe, in_order, look, say_found, say_published, wanted

#: why some are not cleaned in batches
WHOLE = (
    "which rows become duplicates when others are pointed elsewhere can only be told while nobody writes to their "
    "tables, so it is done in one transaction: clean it without --online"
)


ELSEWHERE = "its rows lie on other nodes, where only orphans go batch by batch: clean it without --online"


def cleanup(
    settings: Settings,
    listener: Listener,
    named: Sequence[Constraint] | None = None,
    *,
    every: bool = False,
    interrupts: Interrupts | None = None,
) -> Cleanup:
    """Archives and cleans the orphans of the named relations, or of all that are known, batch by batch.

    Refused, by a guard of any relation, before the first batch has changed nothing. Every error says what was deleted
    before it; all of that is in the archive under one run.
    """
    with Backend(settings, listener) as backend:
        relations = wanted(backend, named, every=every)
        left_out = _left_out(backend, relations, is_named=bool(named))
        seen = describe(backend, [one for one in relations if not isinstance(one, Unique)])
        seen = tuple(map(_by_orphans, seen))
        decided = check(seen, named)
        undecided = look(backend, [one.relation for one in seen if one not in decided], closely=False)
        if not backend.has_own_tables:
            decided = look(backend, [one.relation for one in decided], closely=False, wholly=True)
            check(decided, named)
            if any(one.orphans for one in decided):
                with backend.locked():
                    backend.ask(backend.own_tables())
                backend.look()
        done = {one.relation: replace(one, orphans=0) for one in decided}
        done |= {one.relation: one for one in (*undecided, *left_out)}
        due = [one for one in decided if not one.skipped]
        if backend.has_own_tables and due:
            run = Run(backend, listener, interrupts or Interrupts(), PASSING, partial(_tell, listener))
            done |= {one.relation: one for one in run.clean(due)}
        number = next((one.run for one in done.values() if one.run), None)
        return Cleanup(number, False, in_order(done.values(), relations))


def _by_orphans(one: Cleaned) -> Cleaned:
    """Refused where it has no key to be told by on other nodes."""
    if one.skipped or isinstance(one.relation, Relation) or not one.facts.distributed:
        return one
    return replace(one, refusals=(*one.refusals, ELSEWHERE))


def _left_out(backend: Backend, relations: Iterable[Constraint], *, is_named: bool) -> tuple[Cleaned, ...]:
    """Those that cannot be cleaned in batches, with what a look has found. Refused if they were named."""
    whole = [one for one in relations if isinstance(one, Unique)]
    if whole and is_named:
        raise Refused(f"the cleanup of {whole[0]} is refused: {WHOLE}. Nothing was changed.")
    seen = look(backend, whole, closely=False)
    return tuple(replace(one, refusals=(WHOLE, *one.refusals)) if one.orphans else one for one in seen)


def _tell(listener: Listener, seen: Iterable[Cleaned]) -> None:
    say_found(listener, seen)
    say_published(listener, seen)
