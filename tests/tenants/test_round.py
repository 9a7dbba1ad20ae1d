"""A round over tenants: in what order, how many at once, and what one of them means for the others."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence

import pytest

from sqlrail.errors import Bug, Busy, ConnectionFailed, Interrupted, MigrationFailed, UsageError
from sqlrail.ground.events import Applied, HistoryRead
from sqlrail.ground.settings import Settings
from sqlrail.tenants.limits import Limits
from sqlrail.tenants.round import Round, TenantListener
from sqlrail.tenants.tenant import (
    Done,
    Ended,
    Happening,
    Held,
    Joined,
    Narrowed,
    PutOff,
    Started,
    Tenant,
    Told,
)

NAMES = ("a", "b", "c", "d", "e", "f")


def tenants(*names: str) -> list[Tenant]:
    return [Tenant(name, Settings()) for name in names]


def fine(tenant: Tenant, listener: TenantListener) -> Done:
    del listener
    return Done({"name": tenant.name})


def failing(*names: str) -> Callable[[Tenant, TenantListener], Done]:
    def work(tenant: Tenant, listener: TenantListener) -> Done:
        if tenant.name in names:
            raise MigrationFailed(f"{tenant.name} is poisoned")
        return fine(tenant, listener)

    return work


def going(
    work: Callable[[Tenant, TenantListener], Done], names: Sequence[str] = NAMES, **limits: object
) -> tuple[Round, list[Happening]]:
    """A round that is over, and what happened in it."""
    round_ = Round(work, Limits(**limits))  # type: ignore[arg-type]
    return round_, list(round_.run(tenants(*names)))


def ended(happened: Sequence[Happening]) -> dict[str, str]:
    """Names, and the kind of error or nothing."""
    outcomes = [it.outcome for it in happened if isinstance(it, Ended)]
    return {it.tenant.name: it.error.kind if it.error else "" for it in outcomes}


def started(happened: Sequence[Happening]) -> list[str]:
    return [it.name for it in happened if isinstance(it, Started)]


@pytest.mark.parametrize("parallel", [1, 3, 20])
def test_each_has_one_turn(parallel: int) -> None:
    round_, happened = going(fine, parallel=parallel)
    assert ended(happened) == dict.fromkeys(NAMES, "")
    assert sorted(started(happened)) == list(NAMES)
    assert not round_.left


def test_no_more_are_at_work_at_once_than_may_be_and_so_many_are() -> None:
    together = threading.Barrier(3, timeout=30)  # broken, and an error, if there are never three
    at_work, most = 0, 0
    lock = threading.Lock()

    def work(tenant: Tenant, listener: TenantListener) -> Done:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        together.wait()
        with lock:
            at_work -= 1
        return fine(tenant, listener)

    _, happened = going(work, parallel=3)
    assert ended(happened) == dict.fromkeys(NAMES, "")
    assert most == 3


def test_one_that_fails_ends_none_of_the_others() -> None:
    round_, happened = going(failing("b"))
    assert ended(happened) == {**dict.fromkeys(NAMES, ""), "b": "migration_failed"}
    assert not round_.left


def test_what_is_raised_besides_our_own_errors_is_a_bug_of_that_one() -> None:
    def work(tenant: Tenant, listener: TenantListener) -> Done:
        del listener
        return Done({"name": 1 // (tenant.name != "c")})

    _, happened = going(work)
    assert ended(happened)["c"] == Bug(ValueError()).kind
    assert len(ended(happened)) == len(NAMES)


def test_canaries_go_first_each_alone() -> None:
    _, happened = going(fine, canaries=("e", "c"), parallel=4)
    assert started(happened)[:2] == ["e", "c"]
    kinds = [type(it) for it in happened[:4]]
    assert kinds == [Started, Ended, Started, Ended]


@pytest.mark.parametrize("name", ["c", "host/c"])
def test_a_canary_that_fails_keeps_all_others_from_beginning(name: str) -> None:
    names = ["host/a", "host/b", "host/c"] if "/" in name else NAMES
    round_, happened = going(failing(name), names, canaries=("c",))
    assert ended(happened) == {name: "migration_failed"}
    assert sorted([*round_.left, name]) == sorted(names)
    assert any(isinstance(it, Held) for it in happened)


def test_a_canary_that_is_no_tenant_begins_nothing() -> None:
    with pytest.raises(UsageError, match="no tenant has that name; did you mean acme"):
        going(fine, ["acme", "globex"], canaries=("acmi",))


def test_a_wave_in_which_one_fails_is_done_and_the_last() -> None:
    round_, happened = going(failing("b"), waves=(1, 2), parallel=4)
    assert ended(happened) == {"a": "", "b": "migration_failed", "c": ""}
    assert round_.left == ["d", "e", "f"]


def test_no_other_is_begun_when_so_many_have_failed() -> None:
    round_, happened = going(failing("a", "b", "c"), parallel=1, max_failed=2)
    assert ended(happened) == dict.fromkeys("ab", "migration_failed")
    assert round_.left == ["c", "d", "e", "f"]
    assert "--max-failed" in round_.held


def test_who_gives_way_has_another_turn_behind_all_others() -> None:
    tries = dict.fromkeys(NAMES, 0)

    def work(tenant: Tenant, listener: TenantListener) -> Done:
        tries[tenant.name] += 1
        if tenant.name == "a" and tries["a"] == 1:
            assert tenant.settings.lock_wait < Settings.lock_wait
            raise Busy
        return fine(tenant, listener)

    _, happened = going(work, parallel=1)
    assert ended(happened) == dict.fromkeys(NAMES, "")
    assert started(happened) == [*NAMES, "a"]
    assert [it.name for it in happened if isinstance(it, PutOff)] == ["a"]


def test_who_gives_way_twice_has_failed() -> None:
    def work(tenant: Tenant, listener: TenantListener) -> Done:
        if tenant.name == "a":
            raise Busy
        return fine(tenant, listener)

    assert ended(going(work)[1])["a"] == "busy"


def test_with_fewer_connections_than_threads_it_goes_on_with_what_there_is() -> None:
    free, lock = 2, threading.Lock()
    both = threading.Barrier(2, timeout=30)

    def work(tenant: Tenant, listener: TenantListener) -> Done:
        nonlocal free
        with lock:
            has_one = free > 0
            free -= has_one
        if not has_one:
            exc = ConnectionFailed("there is no connection left")
            exc.is_full = True
            raise exc
        if tenant.name in "ab":
            both.wait()
        with lock:
            free += 1
        return fine(tenant, listener)

    names = [str(number) for number in range(40)]
    _, happened = going(work, [*"ab", *names], parallel=8)
    assert ended(happened) == dict.fromkeys([*"ab", *names], "")
    assert [it.parallel for it in happened if isinstance(it, Narrowed)][-1:] in ([], [1], [2], [3])


def test_who_is_alone_and_gets_no_connection_has_failed() -> None:
    def work(_: Tenant, __: TenantListener) -> Done:
        exc = ConnectionFailed("there is no connection left")
        exc.is_full = True
        raise exc

    assert ended(going(work, ["a"])[1]) == {"a": "connection_failed"}


def test_who_was_made_meanwhile_has_a_turn_too() -> None:
    there = tenants("a", "b")

    def work(tenant: Tenant, listener: TenantListener) -> Done:
        if tenant.name == "b":
            there.extend(tenants("c"))
        if tenant.name == "c" and len(there) == 3:
            there.extend(tenants("d"))
        return fine(tenant, listener)

    round_ = Round(work, Limits(), lambda: there)
    happened = list(round_.run(tenants("a", "b")))
    assert list(ended(happened)) in (["a", "b", "c", "d"], ["b", "a", "c", "d"])
    assert [it.names for it in happened if isinstance(it, Joined)] == [("c",), ("d",)]


def test_a_signal_ends_it_behind_the_files_in_hand() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work(_: Tenant, listener: TenantListener) -> Done:
        listener(HistoryRead("001", 3))
        begun.set()
        assert go_on.wait(30)
        listener(Applied("002", 0.1))
        raise AssertionError("it went on with another file")

    round_ = Round(work, Limits(parallel=1))
    happened = list[Happening]()
    for it in round_.run(tenants(*NAMES)):
        happened.append(it)
        if isinstance(it, Started):
            begun.wait(30)
            round_.stop(signal.SIGTERM)
            go_on.set()
    (outcome,) = [it.outcome for it in happened if isinstance(it, Ended)]
    assert isinstance(outcome.error, Interrupted)
    assert outcome.version == "002"
    assert round_.left == [*NAMES[1:]]


def test_who_has_done_its_last_file_is_not_interrupted() -> None:
    def work(tenant: Tenant, listener: TenantListener) -> Done:
        listener(HistoryRead("001", 1))
        round_.stop(signal.SIGINT)
        listener(Applied("002", 0.1))
        return fine(tenant, listener)

    round_ = Round(work, Limits(parallel=1))
    assert ended(list(round_.run(tenants(*NAMES)))) == {"a": ""}


def test_a_second_signal_ends_it_at_once() -> None:
    for_ever = threading.Event()

    def work(tenant: Tenant, listener: TenantListener) -> Done:
        listener(HistoryRead("001", 1))
        for_ever.wait(30)
        return fine(tenant, listener)

    round_ = Round(work, Limits(parallel=2))
    for it in round_.run(tenants(*NAMES)):
        if isinstance(it, Told):
            round_.stop(signal.SIGINT)
            round_.stop(signal.SIGINT)
    for_ever.set()
    assert {*round_.in_hand} | {*round_.left} == {*NAMES}
    assert round_.in_hand


def test_for_those_with_nothing_to_do_the_verb_is_called_once_and_each_has_its_own_outcome() -> None:
    called = list[str]()

    def work(tenant: Tenant, listener: TenantListener) -> Done:
        called.append(tenant.name)
        return fine(tenant, listener)

    groups = {"a": "old", "b": "new", "c": "old", "d": "new", "f": "old"}
    round_ = Round(work, Limits(), over=lambda tenant: groups.get(tenant.name))
    happened = list(round_.run(tenants(*NAMES)))
    assert ended(happened) == dict.fromkeys(NAMES, "")
    assert sorted(called) == ["a", "b", "e"]
    outcomes = [it.outcome for it in happened if isinstance(it, Ended)]
    said = {it.tenant.name: it.done.document["name"] for it in outcomes if it.done}
    assert said == {"a": "a", "c": "a", "f": "a", "b": "b", "d": "b", "e": "e"}


def test_a_failure_is_nobody_elses_though_they_have_all_in_common() -> None:
    round_ = Round(failing("a"), Limits(), over=lambda _: "the same")
    happened = list(round_.run(tenants(*NAMES)))
    assert ended(happened) == {**dict.fromkeys(NAMES, ""), "a": "migration_failed"}
