"""sqlrail.aio: what is awaited does what the functions do, lets the loop go on, and ends when its task is cancelled."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from conftest import Connect, fresh_database, query
from console import put
from waiting import wait_for

import sqlrail
from sqlrail import aio, api, events
from sqlrail.errors import ConnectionFailed, MigrationFailed, Refused
from sqlrail.server import local

A = "CREATE TABLE a (id int);"
ASLEEP = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
RUNNERS = (
    "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'sqlrail%' AND datname = current_database()"
)
#: seconds in which whoever is cancelled has ended
SOON = 10.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put({"001_a.sql": A, "002_b.sql": "CREATE TABLE b (id int);\nSELECT pg_sleep(120);"}, tmp_path / "m")
    return tmp_path / "m"


async def until(url: str, look: str) -> None:
    """Waits until there is a row of that."""
    await asyncio.to_thread(wait_for, lambda: query(url, look), look)


async def cancelled(work: Coroutine[Any, Any, Any], when: Callable[[], Awaitable[None]]) -> float:
    """Seconds that it took to end when it was cancelled then."""
    task = asyncio.create_task(work)
    await when()
    started = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return time.monotonic() - started


def test_each_function_has_its_like() -> None:
    synchronous = {name for name in api.__all__ if inspect.isfunction(getattr(api, name))} - {
        "each",
        "migrate_each",
    }
    assert {
        name for name in vars(aio) if inspect.iscoroutinefunction(getattr(aio, name)) and name[0] != "_"
    } == synchronous
    for name in synchronous:
        assert inspect.signature(getattr(aio, name)) == inspect.signature(getattr(api, name))


def test_it_returns_and_raises_what_the_function_does(database: str, tmp_path: Path) -> None:
    put({"001_a.sql": A}, tmp_path)

    async def run() -> None:
        assert (await sqlrail.aio.wait(database, 1))["database"]
        done = await sqlrail.aio.migrate(database, tmp_path, environment="test")
        assert [one["id"] for one in done["applied"]] == ["001_a"]
        assert (await sqlrail.aio.status(database, tmp_path))["pending"] == 0
        with pytest.raises(Refused):
            await sqlrail.aio.rollback(database, tmp_path)
        put({"002_b.sql": "SELECT 1/0;"}, tmp_path)
        with pytest.raises(MigrationFailed, match="division by zero"):
            await sqlrail.aio.migrate(database, tmp_path)

    asyncio.run(run())


def test_the_loop_goes_on_and_is_told(server: local.Server, tmp_path: Path) -> None:
    """Of two databases that are migrated at once, in the loop's own thread and in order."""
    put({"001_a.sql": A, "002_b.sql": "SELECT pg_sleep(0.5);"}, tmp_path)
    heard, ticks = list[tuple[int, str]](), 0

    def listen(event: events.Event) -> None:
        heard.append((threading.get_ident(), type(event).__name__))

    async def run(urls: list[str]) -> None:
        nonlocal ticks
        work = asyncio.gather(
            *(aio.migrate(url, tmp_path, environment="test", listener=listen) for url in urls)
        )
        while not work.done():
            await asyncio.sleep(0.02)  # sleep: whether the loop turns is what is tried
            ticks += 1
        assert [len(done["applied"]) for done in await work] == [2, 2]

    with fresh_database(server) as one, fresh_database(server) as other:
        asyncio.run(run([one, other]))
    assert ticks > 5
    assert {thread for thread, _ in heard} == {threading.get_ident()}
    assert [name for _, name in heard].count("Applied") == 4


def test_who_is_cancelled_in_a_statement_leaves_nothing_of_its_file(database: str, folder: Path) -> None:
    async def run() -> None:
        took = await cancelled(
            aio.migrate(database, folder, environment="test"), lambda: until(database, ASLEEP)
        )
        assert took < SOON
        assert await asyncio.to_thread(query, database, ASLEEP) == []

    asyncio.run(run())
    assert query(database, "SELECT to_regclass('a') IS NULL, to_regclass('b') IS NULL") == [(False, True)]
    put({"002_b.sql": "CREATE TABLE b (id int);"}, folder)
    assert [one["id"] for one in sqlrail.migrate(database, folder)["applied"]] == ["002_b"]


def test_a_time_limit_of_the_loop_is_one(database: str, folder: Path) -> None:
    async def run() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(aio.migrate(database, folder, environment="test"), 3)

    started = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - started < SOON
    assert query(database, ASLEEP) == []


def test_who_waits_for_a_lock_or_for_another_runner_is_cancelled_there(
    database: str, folder: Path, connect: Connect
) -> None:
    sqlrail.migrate(database, folder, to="001", environment="test")
    put({"002_b.sql": "ALTER TABLE a ADD b int;"}, folder)
    holder = connect(database, autocommit=False)
    holder.execute("LOCK TABLE a")

    async def run() -> None:
        blocked = "SELECT 1 FROM pg_locks WHERE NOT granted"
        work = aio.migrate(database, folder, lock_timeout=60)
        assert await cancelled(work, lambda: until(database, blocked)) < SOON
        # Who gives way sleeps between two tries.
        gave_way = asyncio.Event()
        work = aio.migrate(database, folder, lock_timeout=0.1, retry_for=600, say=lambda _: gave_way.set())
        assert await cancelled(work, lambda: _set(gave_way)) < SOON

    asyncio.run(run())
    holder.rollback()
    assert len(sqlrail.migrate(database, folder)["applied"]) == 1


async def _set(event: asyncio.Event) -> None:
    await event.wait()


def test_who_waits_for_a_server_is_cancelled(tmp_path: Path) -> None:
    async def run() -> None:
        nowhere = f"postgresql:///app?host={tmp_path}"
        tries = asyncio.sleep(0.5)  # sleep: nobody is told of a try
        assert await cancelled(aio.wait(nowhere, 600), lambda: tries) < SOON
        with pytest.raises(ConnectionFailed):
            await aio.wait(nowhere, 0)

    asyncio.run(run())


def test_who_is_cancelled_twice_still_ends_first(database: str, folder: Path) -> None:
    async def run() -> None:
        task = asyncio.create_task(aio.migrate(database, folder, environment="test"))
        await until(database, ASLEEP)
        task.cancel()
        await asyncio.sleep(0)  # sleep: for one turn of the loop
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(query, database, ASLEEP) == []

    asyncio.run(run())


def test_nothing_is_left_in_the_process(database: str, tmp_path: Path) -> None:
    put({"001_a.sql": A}, tmp_path)

    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    async def run() -> None:
        await aio.status(database, tmp_path)
        before = open_files()
        for _ in range(5):
            await aio.status(database, tmp_path)
        assert open_files() == before

    asyncio.run(run())


def test_who_asked_has_no_part_in_another_run(database: str, folder: Path) -> None:
    """Of two tasks of one loop the one that is cancelled ends, and the other does not."""

    async def run() -> None:
        put({"002_b.sql": "SELECT pg_sleep(2);"}, folder)
        other = asyncio.create_task(aio.migrate(database, folder, environment="test"))
        await until(database, ASLEEP)
        first = await asyncio.to_thread(query, database, RUNNERS)
        another = f"SELECT 1 FROM ({RUNNERS}) AS it HAVING count(*) > {len(first)}"
        await cancelled(aio.migrate(database, folder), lambda: until(database, another))
        assert len((await other)["applied"]) == 2

    asyncio.run(run())
