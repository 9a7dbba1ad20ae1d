"""Whether a file that gave way is tried again."""

from __future__ import annotations

import psycopg
from psycopg import errors as pg

from sqlrail.engine.session import Session
from sqlrail.errors import SqlrailError
from sqlrail.files.file import File
from sqlrail.ground.events import GaveWay, Warned
from sqlrail.postgres.diagnostics import sentence
from sqlrail.postgres.giving_way import Tries, Watch

#: what a second try may mend
PASSING = (pg.LockNotAvailable, pg.DeadlockDetected, pg.SerializationFailure)
#: how PostgreSQL refuses to change or drop what something leans on
LEANED_ON = (pg.FeatureNotSupported, pg.DependentObjectsStillExist)


class KnowsMore(Exception):
    """A try has shown what another has to do otherwise: the transaction is begun anew, at once."""


def with_blockers(failure: SqlrailError, watch: Watch, tries: int = 1) -> SqlrailError:
    """The failure with who was in the way, where that was the cause, for people and for scripts."""
    times = f" It was tried {tries} times (--retry-for)." if tries > 1 else ""
    failure.args = (f"{failure}{watch.said()}{times}{watch.remedy()}",)
    failure.details["blockers"] = watch.as_json()
    return failure


class Retry:
    """Pauses before another try, outside a transaction, or lets the failure go on with who was in the way."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._is_warned = False

    def give_way(self, failure: SqlrailError, file: File, started: float, tries: Tries) -> None:
        """Pauses before another try, or raises the failure: one that no second try mends, or there is no time."""
        cause = failure.__cause__
        if not isinstance(cause, PASSING):
            raise failure
        pause = tries.pause(started)
        if pause is None:
            self._warn_of_autovacuum(cause, file)
            raise with_blockers(failure, self._session.watch, tries.number)
        watch = self._session.watch
        self._session.tell(
            GaveWay(file.id, f"{sentence(cause)}{watch.said()}", watch.lock, watch.blockers, pause)
        )
        self._warn_of_autovacuum(cause, file)
        self._session.rest(pause)

    def _warn_of_autovacuum(self, cause: psycopg.Error, file: File) -> None:
        """Says, once, that a wait too short for PostgreSQL to look at never makes autovacuum give way."""
        store = self._session.store
        limit, needed = store.lock_timeout(file), store.server.deadlock_timeout
        if isinstance(cause, pg.LockNotAvailable) and 0 < limit <= needed and not self._is_warned:
            self._is_warned = True
            self._session.tell(
                Warned(
                    f"a lock_timeout of {limit:g} s is not above the server's deadlock_timeout of {needed:g} s, "
                    "so that an autovacuum in the way is never cancelled; set a longer one (--lock-timeout, or "
                    "`-- lock-timeout:` in the file)"
                )
            )
