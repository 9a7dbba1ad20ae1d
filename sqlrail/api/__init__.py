"""sqlrail for applications: its functions, and the methods of `each`, return what the JSON of the verbs holds.

They print nothing, end nothing, install no signal handler, keep nothing between two calls, and may be called from any
thread. What they are told is in their arguments; what a URL leaves open libpq takes from its own variables and files.
"""

from __future__ import annotations

from sqlrail.api.many import Tenants, each, migrate_each
from sqlrail.api.one import cleanup, drift, migrate, plan, rollback, status, wait

__all__ = [
    "Tenants",
    "cleanup",
    "drift",
    "each",
    "migrate",
    "migrate_each",
    "plan",
    "rollback",
    "status",
    "wait",
]
