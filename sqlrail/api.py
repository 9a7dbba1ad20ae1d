"""sqlrail for applications: `migrate` and `status` as functions that return what the JSON of the verbs holds.

They print nothing, end nothing, install no signal handler, keep nothing between two calls, and may be called from any
thread. What they are told is in their arguments; what a URL leaves open libpq takes from its own variables and files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlrail.errors import Bug, SqlrailError
from sqlrail.ground.settings import Settings, given
from sqlrail.ground.words import masked

if TYPE_CHECKING:
    from sqlrail.engine.backend import Applied
    from sqlrail.ground.results import MigrateResult, StatusResult


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
) -> MigrateResult:
    """Applies what is pending in a folder; does nothing, and writes nothing, where all of it is applied.

    Any number of processes and machines may call it at once: one of them applies a file, the others wait for it,
    `lock_wait` seconds at the most. The arguments are the command line's: durations are seconds, a share is between 0
    and 1, `environment` is APP_ENV. `say` is called with each line of talk, such as whom it waits for.

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
        return apply.migrate(settings, Talk(settings, say), to=to, allowed=allowed).as_json()


def status(
    url: str, directory: str | os.PathLike[str], *, say: Callable[[str], object] = lambda _: None
) -> StatusResult:
    """The state of every migration, and what is wrong with the history; changes nothing.

    Raises errors.SqlrailError, or one of its subclasses.
    """
    from sqlrail.verbs import apply

    settings = given(url, directory)
    with _hiding(settings):
        return apply.status(settings, Talk(settings, say)).as_json()


class Talk:
    """A listener that hands talk on, without passwords."""

    def __init__(self, settings: Settings, say: Callable[[str], object]) -> None:
        self.settings, self._say = settings, say

    def say(self, text: str) -> None:
        self._say(masked(text, self.settings.secrets))

    def applied(self, done: Applied) -> None:
        """The result has it."""


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
