"""What a verb is given by an application: what it allows, whom it tells, and how its errors are said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlrail.errors import Bug, SqlrailError, UsageError
from sqlrail.ground import events
from sqlrail.ground.events import Event, Listener, Reached, without_passwords
from sqlrail.ground.sentences import text
from sqlrail.ground.settings import Settings
from sqlrail.ground.target import Target
from sqlrail.ground.words import masked

if TYPE_CHECKING:
    from sqlrail.ground.constraint import Constraint

#: what `say` is not told, for the result has it or an application has no bar
FACTS_ONLY = (
    events.Reached,
    events.HistoryRead,
    events.Begun,
    events.Applied,
    events.RolledBack,
    events.Progress,
    events.ProgressEnded,
    events.BatchCleaned,
    events.BatchFilled,
)


def allowed_by(*, late: bool, missing: bool) -> list[str]:
    """The states of a history that are let pass."""
    return [kind for kind, is_allowed in (("late", late), ("missing", missing)) if is_allowed]


def relation_of(parse: Callable[[str], Constraint], text: str) -> Constraint:
    """The relation that a text names, in the form that `parse` reads; UsageError if it names none."""
    try:
        return parse(text)
    except ValueError as exc:
        raise UsageError(f"{text!r} is no relation: {exc}.") from exc


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
def telling(
    settings: Settings, say: Callable[[str], object], listener: Listener
) -> Iterator[tuple[Settings, _Talk]]:
    """What a verb is given."""
    with hiding(settings):
        talk = _Talk(settings, say, listener)
        yield replace(settings, reached=talk.reached), talk


@contextmanager
def hiding(settings: Settings) -> Iterator[None]:
    """Errors are ours, and say no password."""
    try:
        yield
    except Exception as exc:
        failure = exc if isinstance(exc, SqlrailError) else Bug(exc)
        failure.args = (masked(str(failure), settings.secrets),)
        if failure is exc:
            raise
        raise failure from exc
