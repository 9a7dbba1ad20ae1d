"""Tenants that are at the same version: what is said of one of them is said of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlrail.tenants.tenant import Outcome
from sqlrail.tenants.totals import Rounded


def first_of_each(looks: Sequence[Outcome]) -> list[Outcome]:
    """Of those with the same history the first. looks: what `status` found of each."""
    found: dict[object, Outcome] = {}
    for look in looks:
        if look.done:
            found.setdefault(_history(look), look)
    return list(found.values())


def like_their_leaders(looks: Rounded, led: Rounded) -> Rounded:
    """What the first of each history has got, for all that have it; who could not be looked at has failed."""
    by_name = {outcome.tenant.name: outcome for outcome in led.outcomes}
    leaders = {_history(look): look.tenant.name for look in first_of_each(looks.outcomes)}
    outcomes, left = list[Outcome](), list[str]()
    for look in looks.outcomes:
        leader = leaders[_history(look)] if look.done else ""
        if not look.done:
            outcomes.append(look)
        elif leader not in by_name:
            left.append(look.tenant.name)
        else:
            outcomes.append(_like(look, by_name[leader]))
    return replace(led, outcomes=tuple(outcomes), left=tuple(left))


def _like(look: Outcome, leader: Outcome) -> Outcome:
    if look.tenant == leader.tenant:
        return leader
    return leader._replace(
        tenant=look.tenant, target=look.target, like=leader.tenant.name, seconds=look.seconds
    )


def _history(look: Outcome) -> object:
    """What has been run, and of what content."""
    document: Any = look.done.document if look.done else {}
    return tuple((entry["id"], entry["state"], entry["checksum"]) for entry in document.get("migrations", ()))
