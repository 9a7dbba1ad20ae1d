"""A verb for each of many tenants, as an application calls it."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlrail.errors import UsageError
from sqlrail.ground.events import Event, nobody
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import masked
from sqlrail.postgres.connect import place
from sqlrail.tenants.limits import Limits
from sqlrail.tenants.round import Round, TenantListener
from sqlrail.tenants.schemas import Schemas
from sqlrail.tenants.tenant import Done, Ended, Outcome, Tenant, Told
from sqlrail.tenants.totals import Rounded, in_order
from sqlrail.verbs.many import Many

if TYPE_CHECKING:
    from sqlrail.results.tenants import TenantsResult

Heard = Callable[[str, Event], object]
#: what a verb returns as JSON, and the exit code that it would end with
Answer = tuple[Mapping[str, object], int]
#: a verb for one tenant
Turn = Callable[[Settings, TenantListener], Answer]


def of_databases(settings: Sequence[Settings], limits: Limits, heard: Heard, turn: Turn) -> TenantsResult:
    """Databases, one for each of the settings. UsageError where one is named twice."""
    tenants = [Tenant(masked(place(its), its.secrets), its) for its in settings]
    counts = Counter(tenant.name for tenant in tenants)
    if twice := next((name for name, number in counts.items() if number > 1), None):
        raise UsageError(f"{twice} is named twice: write each database once.")
    if not tenants:
        raise UsageError("there is no URL, and so no tenant.")
    round_ = Round(lambda tenant, listener: Done(*turn(tenant.settings, listener)), limits)
    return _go(round_, tenants, heard)


def of_schemas(
    settings: Settings,
    schemas: str | Collection[str],
    limits: Limits,
    heard: Heard,
    turn_of: Callable[[Many], Turn],
    over: Callable[[Many, str], object] = lambda *_: None,
) -> TenantsResult:
    """Schemas of the database of the settings: those that a query names, or these.

    over: what one has in common with others, if what was read of all of them says that there is nothing to do for it.
    """
    found = Schemas(schemas, settings, nobody)
    tenants = found.tenants()
    with Many(settings, nobody) as many:
        many.survey([tenant.name for tenant in tenants])
        turn = turn_of(many)

        def work(tenant: Tenant, listener: TenantListener) -> Done:
            listener.version = many.newest(tenant.name)
            return Done(*turn(tenant.settings, listener))

        round_ = Round(work, limits, found.later, lambda tenant: over(many, tenant.name))
        return _go(round_, tenants, heard)


def _go(round_: Round, tenants: Sequence[Tenant], heard: Heard) -> TenantsResult:
    outcomes = list[Outcome]()
    happenings = round_.run(tenants)
    try:
        for happening in happenings:
            if isinstance(happening, Ended):
                outcomes.append(happening.outcome)
            elif isinstance(happening, Told):
                heard(happening.name, happening.event)
    except BaseException:
        # Whoever is in hand ends behind its file, before the connections are closed.
        round_.stop(signal.SIGINT)
        round_.drain()
        raise
    names = [tenant.name for tenant in tenants]
    return Rounded(in_order(outcomes, names), tuple(round_.left), round_.held).as_json()
