"""Whether a database may be destroyed: what reset and drop ask before they do anything."""

from __future__ import annotations

import os
import socket
import time
from typing import NoReturn

from sqlrail.engine.backend import Backend
from sqlrail.errors import Refused
from sqlrail.ground.settings import Settings
from sqlrail.ground.target import is_expendable

#: seconds that whoever has just closed a connection gets to be gone
LEAVING = 0.5


def raise_unless_named_so(settings: Settings, verb: str) -> None:
    """Refused unless the settings call the database one for development or tests."""
    if not is_expendable(settings.environment):
        refuse(
            verb,
            f"{settings.environment_said}, and it must say development or test (SQLRAIL_ENV goes before it)",
        )


def raise_unless_expendable(backend: Backend, settings: Settings, verb: str) -> None:
    """Refused unless settings and stamp call it expendable, its server is on this machine, and nobody else is in it."""
    raise_unless_named_so(settings, verb)
    raise_unless_stamped_so(backend, settings, verb)
    raise_unless_here(backend, verb)
    raise_unless_alone(backend, verb)


def raise_unless_stamped_so(backend: Backend, settings: Settings, verb: str) -> None:
    """Refused unless the database itself says that it is one for development or tests."""
    if backend.stamp is None:
        refuse(
            verb,
            "the database has no stamp, so nobody has said what it is; if it may be emptied, "
            f"`stamp {settings.environment}` says so first",
        )
    if not is_expendable(backend.stamp):
        refuse(
            verb,
            f"the database is stamped {backend.stamp}; if it is a copy, `stamp {settings.environment}` says so first",
        )


def raise_unless_here(backend: Backend, verb: str) -> None:
    """Refused unless its server is on this machine."""
    with socket.socket(fileno=os.dup(backend.connection.pgconn.socket)) as connected:
        if not is_local(connected):
            refuse(verb, f"the server, at {connected.getpeername()[0]}, is not on this machine")


def raise_unless_alone(backend: Backend, verb: str) -> None:
    """Refused while anybody else is connected to it."""
    until = time.monotonic() + LEAVING
    while (others := backend.ask(backend.message("others"))) and time.monotonic() < until:
        time.sleep(0.02)
    if others:
        pid, user, application, address, state = others[0]
        about = [user and f"user {user}", application, address and f"from {address}", state]
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        who = f"backend {pid}" if pid else "a prepared transaction"
        refuse(
            verb,
            f"somebody else is connected: {who} ({', '.join(a for a in about if a)}){more}; end that first",
        )


def refuse(verb: str, reason: str) -> NoReturn:
    """Raises Refused: nothing was changed."""
    raise Refused(f"{verb} is refused: {reason}. Nothing was changed.")


def is_local(connected: socket.socket) -> bool:
    """Whether the other end is on this machine: behind a socket file, or at an address that is one of ours.

    Asked of the connection itself: PGHOSTADDR leads elsewhere than the host that libpq names.
    """
    if connected.family == socket.AF_UNIX:
        return True
    with socket.socket(connected.family, socket.SOCK_STREAM) as probe:
        try:
            # Only an address of this machine can be bound.
            probe.bind((connected.getpeername()[0], 0))
        except OSError:
            return False
    return True
