"""The same functions for an event loop: each runs in a thread, and is interrupted there when its task is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from sqlrail.api import one
from sqlrail.postgres.stopping import stoppable

P = ParamSpec("P")
R = TypeVar("R")


def awaited(function: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """The function as one that is awaited, while the loop does other things.

    `say` and `listener` are called by the loop, in their order. When its task is cancelled, the statement at work is
    cancelled, its transaction is rolled back, and the task ends as soon as that is done; what was committed stays.
    """

    @wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> R:
        loop = asyncio.get_running_loop()
        for name in {"say", "listener"} & {*kwargs}:
            kwargs[name] = _called_by(loop, cast("Callable[..., object]", kwargs[name]))
        with stoppable() as stop:
            work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                stop.ask()
                await _end(work)
                raise

    return run


async def _end(work: asyncio.Future[Any]) -> None:
    """Waits until the thread has come to its end, however often somebody is cancelled who waits for it."""
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:  # that has been asked for
            continue
    work.exception()  # nobody asks for it any more


def _called_by(loop: asyncio.AbstractEventLoop, told: Callable[..., object]) -> Callable[..., None]:
    def tell(*args: object) -> None:
        loop.call_soon_threadsafe(told, *args)

    return tell


migrate = awaited(one.migrate)
status = awaited(one.status)
plan = awaited(one.plan)
drift = awaited(one.drift)
cleanup = awaited(one.cleanup)
rollback = awaited(one.rollback)
wait = awaited(one.wait)
