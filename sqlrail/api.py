"""sqlrail for applications: `migrate`, `migrate_each` and `status` return what the JSON of the verbs holds.

They print nothing, end nothing, install no signal handler, keep nothing between two calls, and may be called from any
thread. What they are told is in their arguments; what a URL leaves open libpq takes from its own variables and files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlrail.errors import Bug, SettingsError, SqlrailError
from sqlrail.ground.events import (
    Applied,
    BatchCleaned,
    BatchFilled,
    Begun,
    Event,
    HistoryRead,
    Listener,
    Progress,
    ProgressEnded,
    Reached,
    RolledBack,
    nobody,
    without_passwords,
)
from sqlrail.ground.reading import given
from sqlrail.ground.sentences import text
from sqlrail.ground.settings import Settings
from sqlrail.ground.target import Target
from sqlrail.ground.words import masked

if TYPE_CHECKING:
    from sqlrail.results.migrate import MigrateResult
    from sqlrail.results.status import StatusResult
    from sqlrail.results.tenants import TenantsResult

#: what `say` is not told, for the result has it or an application has no bar
FACTS_ONLY = (
    Reached,
    HistoryRead,
    Begun,
    Applied,
    RolledBack,
    Progress,
    ProgressEnded,
    BatchCleaned,
    BatchFilled,
)


def migrate(
    url: str,
    directory: str | os.PathLike[str],
    *,
    environment: str | None = None,
    to: str | None = None,
    allow_late: bool = False,
    allow_missing: bool = False,
    interrupted: str | None = None,
    lock_wait: float = Settings.lock_wait,
    lock_timeout: float = Settings.lock_timeout,
    statement_timeout: float = Settings.statement_timeout,
    retry_for: float = Settings.retry_for,
    max_share: float = Settings.max_share,
    max_rows: int = Settings.max_rows,
    allow_triggers: Collection[str] = (),
    say: Callable[[str], object] = lambda _: None,
    listener: Listener = nobody,
) -> MigrateResult:
    """Applies what is pending in a folder; does nothing, and writes nothing, where all of it is applied.

    Any number of processes and machines may call it at once: one of them applies a file, the others wait for it,
    `lock_wait` seconds at the most. The arguments are the command line's: durations are seconds, a share is between 0
    and 1, `environment` is APP_ENV. `say` is called with each line that the command line would say on stderr,
    such as whom it waits for; `listener` with the same and more as facts, an object of `events` each.

    Raises errors.SqlrailError, or one of its subclasses: Refused has changed nothing, Busy has waited for nothing, and
    `applied` has the ids of what this call committed before it.
    """
    from sqlrail.verbs import apply

    settings = given(
        url, directory, environment=environment, interrupted=interrupted, lock_wait=lock_wait,
        lock_timeout=lock_timeout, statement_timeout=statement_timeout, retry_for=retry_for, max_share=max_share,
        max_rows=max_rows, allow_triggers=allow_triggers,
    )  # fmt: skip
    allowed = [kind for kind, is_allowed in (("late", allow_late), ("missing", allow_missing)) if is_allowed]
    with _hiding(settings):
        talk = _Talk(settings, say, listener)
        return apply.migrate(replace(settings, reached=talk.reached), talk, to=to, allowed=allowed).as_json()


def status(
    url: str,
    directory: str | os.PathLike[str],
    *,
    say: Callable[[str], object] = lambda _: None,
    listener: Listener = nobody,
) -> StatusResult:
    """The state of every migration, and what is wrong with the history; changes nothing.

    Raises errors.SqlrailError, or one of its subclasses.
    """
    from sqlrail.verbs import apply

    settings = given(url, directory)
    with _hiding(settings):
        talk = _Talk(settings, say, listener)
        return apply.status(replace(settings, reached=talk.reached), talk).as_json()


def migrate_each(
    url: str | Collection[str],
    directory: str | os.PathLike[str],
    *,
    schemas: str | Collection[str] | None = None,
    canaries: Collection[str] = (),
    waves: Collection[int] = (),
    parallel: int = 4,
    max_failed: int | None = None,
    environment: str | None = None,
    to: str | None = None,
    lock_wait: float = Settings.lock_wait,
    lock_timeout: float = Settings.lock_timeout,
    statement_timeout: float = Settings.statement_timeout,
    retry_for: float = Settings.retry_for,
    max_share: float = Settings.max_share,
    max_rows: int = Settings.max_rows,
    allow_triggers: Collection[str] = (),
    listener: Callable[[str, Event], object] = lambda _, __: None,
) -> TenantsResult:
    """Applies what is pending for each of many tenants, some at once, in threads of its own.

    With schemas, a query that names them or their names, these are schemas of the one database; without, `url` is a
    list of URLs, a database each. The other arguments are the command line's. `listener` is called in this thread, with
    the tenant's name and what happens there; what it raises ends the run behind the files in hand, and so does a
    KeyboardInterrupt.

    Returns what became of each, whoever failed too: `totals` says how many did. Raises errors.SqlrailError, or one of
    its subclasses, where nothing could be begun.
    """
    from sqlrail.tenants import each
    from sqlrail.tenants.limits import Limits

    limits = Limits(tuple(canaries), tuple(waves), parallel, max_failed)
    more: dict[str, Any] = {
        "environment": environment, "lock_wait": lock_wait, "lock_timeout": lock_timeout,
        "statement_timeout": statement_timeout, "retry_for": retry_for, "max_share": max_share, "max_rows": max_rows,
        "allow_triggers": allow_triggers,
    }  # fmt: skip
    if schemas is None:
        urls = [url] if isinstance(url, str) else list(url)
        return each.of_databases([given(one, directory, **more) for one in urls], limits, listener, to)
    if not isinstance(url, str):
        raise SettingsError("the schemas are of one database: give its URL, and not several.")
    settings = given(url, directory, **more)
    with _hiding(settings):
        return each.of_schemas(settings, schemas, limits, listener, to)


class _Talk:
    """A listener that hands on what happens, as facts and in sentences, without passwords."""

    def __init__(self, settings: Settings, say: Callable[[str], object], listener: Listener) -> None:
        self._secrets, self._say, self._listener = settings.secrets, say, listener
        self._is_there = False

    def __call__(self, event: Event) -> None:
        event = without_passwords(event, self._secrets)
        self._listener(event)
        if not isinstance(event, FACTS_ONLY):
            self._say(text(event))

    def reached(self, target: Target) -> None:
        """Tells of the database, once: each of our connections is told of."""
        if not self._is_there:
            self._is_there = True
            self(Reached(target))


@contextmanager
def _hiding(settings: Settings) -> Iterator[None]:
    """Errors are ours, and say no password."""
    try:
        yield
    except Exception as exc:
        failure = exc if isinstance(exc, SqlrailError) else Bug(exc)
        failure.args = (masked(str(failure), settings.secrets),)
        if failure is exc:
            raise
        raise failure from exc
