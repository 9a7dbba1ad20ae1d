"""The verb tenant: a schema for a new one, at the version that the files build."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from psycopg import errors as pg
from psycopg import sql

from sqlrail.engine.backend import Backend
from sqlrail.errors import Refused, SqlrailError
from sqlrail.files.file import check_files
from sqlrail.files.folder import read_files
from sqlrail.ground.events import Listener
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import printable
from sqlrail.verbs.apply import Migrated, migrate

if TYPE_CHECKING:
    from sqlrail.results.tenant import TenantAddedResult


@dataclass(frozen=True)
class Added:
    """A new tenant, and what was applied there."""

    name: str
    migrated: Migrated

    def as_json(self) -> TenantAddedResult:
        """The same for scripts."""
        return {"name": self.name, **self.migrated.as_json()}


def add(settings: Settings, listener: Listener, name: str, to: str | None = None) -> Added:
    """Makes the schema and applies the files in it, so that its records are as those of every other tenant.

    Refused, with nothing changed, where the schema is there. A file that fails leaves the files before it applied, as
    everywhere.
    """
    migrations, files = read_files(settings.migrations)
    check_files(files.values())  # before there is a schema
    check_files(migrations.code)
    with Backend(settings, listener) as backend:
        try:
            backend.look_up("create_tenant", schema=sql.Identifier(name))
        except SqlrailError as exc:
            if isinstance(exc.__cause__, pg.DuplicateSchema):
                raise Refused(
                    f'the schema "{printable(name)}" is there: `migrate --each` applies what is pending in it. Nothing '
                    "was changed."
                ) from exc
            raise
    return Added(name, migrate(replace(settings, tenant=name), listener, to=to))
