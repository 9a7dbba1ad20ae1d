"""The verb restore: archived rows go back where they were, each to the letter, or stay and it is said why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import psycopg
from psycopg import errors as pg

from sqlrail.engine.backend import Backend
from sqlrail.engine.retry import PASSING
from sqlrail.errors import DatabaseFailed, Refused
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.events import Listener
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import counted
from sqlrail.orphans.restoring.look import is_constraint
from sqlrail.orphans.restoring.put_back import put_back
from sqlrail.orphans.restoring.restored import Restore


def restore(
    settings: Settings,
    listener: Listener,
    run: int,
    relation: Constraint | None = None,
    *,
    force: bool = False,
) -> Restore:
    """Puts the archived rows of a run back in one transaction, itself a run.

    Rows whose parent is there again, or all that no key forbids with force. Refused has changed nothing.
    """
    with Backend(settings, listener) as backend:
        if not backend.has_archive:
            raise Refused(f"there is no run {run}: {backend.database} has no archive.")
        with _explaining(run, backend):
            with backend.locked():
                _refuse_others(backend, run)
                wanted = _find(backend, run, relation)
                if isinstance(wanted, Restore):
                    return wanted
                if backend.ask(backend.message("restore_packed", run=run)) == [(False,)]:
                    return put_back(backend, run, wanted, force=force)
                unpack = backend.message("restore_unpack", run=run, is_pack=backend.message("_is_pack"))
                backend.ask(unpack)
            # It is committed: what a refusal asks to be put right by hand is there, a row each.
            with backend.locked():
                wanted = _find(backend, run, relation)
                return wanted if isinstance(wanted, Restore) else put_back(backend, run, wanted, force=force)


@contextmanager
def _explaining(run: int, backend: Backend) -> Iterator[None]:
    try:
        yield
    except DatabaseFailed as exc:
        cause = exc.__cause__
        if not isinstance(cause, psycopg.Error):
            raise
        what, failure = f"the restore of run {run}", partial(backend.failure, error=cause)
        when = f"{what} was under way"
        if isinstance(cause, PASSING):
            stands = (
                f"A table or a row was in use, or for longer than {backend.settings.lock_timeout:g} s "
                "(--lock-timeout). Nothing was changed; run again."
            )
            raise backend.with_blockers(failure(f"{what} gave way", when, stands=stands)) from cause
        if isinstance(cause, pg.InsufficientPrivilege):
            stands = (
                "It needs a role that may read and empty the archive, and write the tables without a policy that "
                "hides rows. Nothing was changed."
            )
            raise failure(f"{what} is refused", when, stands=stands, kind=Refused) from cause
        raise failure(f"{what} failed", when, stands="Nothing was changed.") from cause


def _refuse_others(backend: Backend, run: int) -> None:
    """Refused where it is for a tenant, and the rows are another's."""
    if backend.settings.tenant is None:
        return
    if others := [source for (source,) in backend.ask(backend.message("restore_others", run=run))]:
        raise Refused(
            f"run {run} is not of {backend.settings.tenant}: it has archived rows of {', '.join(others)}. "
            "Nothing was changed."
        )


def _find(backend: Backend, run: int, relation: Constraint | None) -> str | Restore | None:
    """The relation as the archive spells it, None for all, or the end of a restore with nothing to do."""
    found = backend.ask(backend.message("run", run=run))
    if not found:
        raise Refused(f"there is no run {run}: `archive list` shows the runs. Nothing was changed.")
    verb, relations, logged, of, later, is_replica = found[0]
    if verb not in ("migrate", "cleanup") and not relations:
        origin = " and ".join(f"run {each}" for each in of or ())
        raise Refused(
            f"run {run} is itself a {verb}{f' of {origin}' if origin else ''}, and has nothing in the archive. "
            f"What is left of {origin or 'other runs'} is restored by that number. Nothing was changed."
        )
    named = None if relation is None else str(relation)
    unread = [text for text in relations or () if not is_constraint(text)]
    is_pack = backend.message("_is_pack")
    look = backend.message("restore_spoilt", run=run, relation=named, unread=unread, is_pack=is_pack)
    spoilt = backend.ask(look)
    if spoilt:
        ((ids, remedy),) = spoilt
        raise Refused(
            f"the restore of run {run} is refused: {counted(len(ids), 'row')} of the archive "
            f"({', '.join(map(str, ids))}) {'are' if len(ids) > 1 else 'is'} not as a cleanup writes them, a relation "
            f"and an object of cells. Put right what was changed by hand, or give them up: {remedy}. "
            "Nothing was changed."
        )
    if is_replica:
        raise Refused(
            "the restore is refused: session_replication_role is replica, so no foreign key acts. Nothing was changed."
        )
    if not relations or (str(relation) in (logged or ()) and str(relation) not in relations):
        past, of_run = (
            ", ".join(later or ()),
            f"run {run}" if relation is None else f"{relation} from run {run}",
        )
        return Restore(
            None, run, notes=(f"the archive holds no row of {of_run}{past and f' any more ({past})'}",)
        )
    if relation is None:
        return None
    if str(relation) not in relations:  # a slip of the hand
        raise Refused(
            f"the archive holds no row of {relation} from run {run}, but of {', '.join(relations)}. "
            "Nothing was changed."
        )
    return str(relation)
