"""What files build in the schema of a tenant: built once for all who have run the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from threading import RLock
from typing import NamedTuple

from yoyo.migrations import MigrationList

from sqlrail.errors import DatabaseFailed, SqlrailError
from sqlrail.files.code import Code
from sqlrail.files.file import File
from sqlrail.ground.events import Listener
from sqlrail.ground.names import join
from sqlrail.ground.settings import Settings
from sqlrail.postgres.connect import Connection, connect
from sqlrail.schema.catalog import alike, read
from sqlrail.schema.objects import Catalog
from sqlrail.schema.renamed import renamed
from sqlrail.scratch.provided import Provided
from sqlrail.verbs.drift import build

#: the tenant in the scratch database: a name that no file has
STAND_IN = "sqlrail_any_tenant"
#: schemas that are looked at by one statement, whose planning takes longer than looking at some
CHUNK = 250


class Model(NamedTuple):
    """What files build in a tenant's schema, and what catalog.alike() says of it."""

    catalog: Catalog
    digest: str

    def of(self, tenant: str, there: Catalog) -> Catalog:
        """The same in the schema of that tenant, of which the catalog is given."""
        named = (obj.name for obj in there.of(["schema"]) if obj.schema == tenant)
        return renamed(self.catalog, STAND_IN, tenant, next(named, join(tenant)))


class Models:
    """The models of all files that tenants have run. Threads may ask at the same time: one of them builds."""

    def __init__(
        self, settings: Settings, listener: Listener, names: Sequence[str], *, privileges: bool = False
    ) -> None:
        """settings: of the database; names: all tenants that are known; privileges: whether they count."""
        self._settings = replace(settings, tenant=STAND_IN)
        self._listener, self._names, self._privileges = listener, names, privileges
        self._models: dict[object, Model | SqlrailError] = {}
        self._digests: dict[str, str] | None = None
        self._lock = RLock()

    def of(self, migrations: MigrationList, files: Mapping[str, File], code: Sequence[Code] = ()) -> Model:
        """What these files build; raises what building them raised, though it was for another tenant."""
        key = tuple(migration.id for migration in migrations), tuple((it.name, it.checksum) for it in code)
        with self._lock:
            if key not in self._models:
                self._models[key] = self._built(migrations, files, code)
            found = self._models[key]
        if isinstance(found, SqlrailError):
            raise found
        return found

    def _built(
        self, migrations: MigrationList, files: Mapping[str, File], code: Sequence[Code]
    ) -> Model | SqlrailError:
        def look(made: Connection, provided: Sequence[Provided]) -> Model:
            catalog = read(made, self._settings, schemas=[STAND_IN])
            digest = alike(made, self._settings, [STAND_IN], privileges=self._privileges)
            provided_keys = {(item.kind, item.name) for item in provided}
            return Model(catalog.without(provided_keys), digest[STAND_IN])

        try:
            return build(self._settings, self._listener, migrations, files, look, code)
        except SqlrailError as exc:
            return exc

    def is_alike(self, tenant: str, model: Model) -> bool:
        """Whether the tenant's schema has what the model has: if not, it may have so all the same."""
        return self.digest(tenant) == model.digest

    def digest(self, tenant: str) -> str | None:
        """What catalog.alike() says of a tenant's schema; None where it cannot be read now."""
        with self._lock:
            if self._digests is None:
                self._digests = self._look(self._names)
            if tenant not in self._digests:
                self._digests |= self._look([tenant])
            return self._digests.get(tenant)

    def _look(self, names: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        with closing(connect(replace(self._settings, tenant=None))) as connection:
            for start in range(0, len(names), CHUNK):
                some = names[start : start + CHUNK]
                found |= self._looked(connection, some)
        return found

    def _looked(self, connection: Connection, names: Sequence[str]) -> dict[str, str]:
        try:
            return alike(connection, self._settings, names, privileges=self._privileges)
        except DatabaseFailed:
            return {}  # somebody is in the way of one of them: each is looked at in its own turn
