"""The database that a run works on: what is told of it, and whether it may be destroyed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sqlrail.results.target import Environment, TargetResult


#: those of libpq's variables that say which database is meant
NAMING = ("PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE")


@dataclass(frozen=True)
class Mark:
    """What tells a database that we made from every other: a server or a pooler may lead all names to one."""

    database: str
    token: str


class Identity(NamedTuple):
    """What a database has in common with no other, however it was reached."""

    server_started_at: str  # in seconds, to a millionth
    oid: int


class Target(NamedTuple):
    """The database that a run works on."""

    user: str
    host: str
    port: int
    database: str
    server_version: str
    environment: Environment | None  # None is unknown

    def as_json(self) -> TargetResult:
        """The same for scripts."""
        return {
            "user": self.user,
            "host": self.host,
            "port": self.port,
            "database": self.database,
            "server_version": self.server_version,
            "environment": self.environment,
        }

    def __str__(self) -> str:
        where = f"{self.user}@{self.host}:{self.port}/{self.database}"
        return f"{where}, PostgreSQL {self.server_version}, environment {self.environment or 'unknown'}"


def is_expendable(name: str | None) -> bool:
    """Whether what is in a database of that environment may be lost; None is unknown, and may not."""
    return name in ("development", "test")


def may_be_production(name: str | None) -> bool:
    """Whether an environment counts as production where something is destroyed; None is unknown, and does."""
    return name in (None, "production")
