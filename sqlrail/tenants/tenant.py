"""A tenant, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlrail.errors import SqlrailError
from sqlrail.ground.events import Event
from sqlrail.ground.settings import Settings
from sqlrail.ground.target import Target


class Tenant(NamedTuple):
    """One of many: its name, which no other has, and the settings of its database."""

    name: str
    settings: Settings
    schema: str | None = None  # of the database that is the tenant's; None: all of it is


class Done(NamedTuple):
    """What a verb has returned for one tenant."""

    document: Mapping[str, object]  # its JSON
    code: int = 0  # that it would end with
    text: str = ""  # for people


class Outcome(NamedTuple):
    """What became of a tenant: what its verb returned, or why it did not."""

    tenant: Tenant
    seconds: float
    done: Done | None
    error: SqlrailError | None  # which says no password
    version: str | None = None  # the newest file that is applied; None: nobody has looked, or none is
    target: Target | None = None  # None: its database was not reached
    like: str | None = None  # the name of another one, whose result it is

    @property
    def exit_code(self) -> int:
        """That of the verb, had it been for this tenant alone."""
        return self.error.exit_code if self.error else self.done.code if self.done else 0


# What happens in a round, in the thread that looks on


class Told(NamedTuple):
    """Something that happened while a verb was at work for a tenant."""

    name: str
    event: Event


class Started(NamedTuple):
    """A tenant's turn has come."""

    name: str


class PutOff(NamedTuple):
    """A tenant gave way to somebody, and has its turn again at the end."""

    name: str
    error: SqlrailError


class Narrowed(NamedTuple):
    """The server has no connection for another one at once: so many are at work from here on."""

    parallel: int
    error: SqlrailError


class Held(NamedTuple):
    """No other tenant is begun, and why."""

    why: str


class Joined(NamedTuple):
    """Tenants that were made meanwhile."""

    names: tuple[str, ...]


class Ended(NamedTuple):
    """A tenant's turn is over."""

    outcome: Outcome


Happening = Started | Told | PutOff | Narrowed | Held | Joined | Ended
