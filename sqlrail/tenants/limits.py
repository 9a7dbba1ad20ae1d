"""In what order tenants have their turn, and how many at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlrail.errors import UsageError
from sqlrail.ground.words import guess
from sqlrail.tenants.tenant import Tenant


@dataclass(frozen=True)
class Limits:
    """How careful a round is."""

    canaries: tuple[str, ...] = ()  # have their turn first, one after the other
    waves: tuple[int, ...] = ()  # how many come then, and behind those, before all others
    parallel: int = 4  # at once
    max_failed: int | None = None  # with so many that failed, no other one is begun


def steps(tenants: Sequence[Tenant], limits: Limits) -> Iterator[tuple[Tenant, ...]]:
    """Which tenants have their turn together: the next ones are begun when all of these are done, and none failed.

    UsageError where a canary is none of them.
    """
    canaries = [_of_name(name, tenants) for name in dict.fromkeys(limits.canaries)]
    rest = [tenant for tenant in tenants if tenant not in canaries]
    yield from ((canary,) for canary in canaries)
    for size in limits.waves:
        yield tuple(rest[:size])
        rest = rest[size:]
    yield tuple(rest)


def _of_name(name: str, tenants: Sequence[Tenant]) -> Tenant:
    found = [it for it in tenants if it.name == name] or [
        it for it in tenants if it.name.endswith(f"/{name}")
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"--canary is '{name}': {found[0].name} and {found[1].name} end so; give a whole name."
        )
    end = guess(name, [tenant.name for tenant in tenants])
    raise UsageError(f"--canary is '{name}': no tenant has that name{end}")
