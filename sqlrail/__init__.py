"""A PostgreSQL migration runner: plain SQL files, applied by yoyo, on guard rails.

`migrate`, `status`, `plan`, `drift`, `cleanup`, `rollback`, `wait` and, for many tenants, `each` are for applications,
raise what is in `errors`, and tell a listener what is in `events`; those of `aio` are awaited. docs/library.md tells
more. They are loaded when first asked for: importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlrail import aio, errors, events
    from sqlrail.api import Tenants, cleanup, drift, each, migrate, migrate_each, plan, rollback, status, wait

__version__ = "0.1.0"
__all__ = [
    "Tenants", "__version__", "aio", "cleanup", "drift", "each", "errors", "events", "migrate", "migrate_each", "plan",
    "rollback", "status", "wait",
]  # fmt: skip
MODULES = ("aio", "errors", "events")


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return import_module(f"{__name__}.{name}")
    if name in __all__:
        return getattr(import_module("sqlrail.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
