"""The verb drift for many schemas of one database."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from sqlrail.ground.events import Listener
from sqlrail.ground.settings import Settings
from sqlrail.postgres.connect import connect, target
from sqlrail.schema.catalog import read
from sqlrail.schema.compare import outermost
from sqlrail.schema.mend import mend
from sqlrail.schema.sides import Choice
from sqlrail.verbs.drift import FILES, Drift, Result, building, chosen, chosen_code
from sqlrail.verbs.many import Many
from sqlrail.verbs.models import Model, Models


class DriftOfMany:
    """drift() for one after the other: what files build is built once for all who have run the same."""

    def __init__(self, many: Many, choice: Choice, *, pending: bool = False) -> None:
        self._many, self._choice, self._pending = many, choice, pending
        self._models = Models(many.settings, many.listener, many.names, privileges=choice.privileges)

    def drift(self, settings: Settings, listener: Listener) -> Drift:
        """Compares the schema that the settings name with what its applied files build, or all files."""
        entries, migrations, files = self._many.entries(settings, listener)
        migrations = chosen(entries, listener, migrations, files, self._pending)
        with self._many.at(settings, listener) as (backend, folder):
            code = chosen_code(backend, folder, pending=self._pending) if folder.code else ()
        with building():
            model = self._models.of(migrations, files, code)
        ids = tuple(migration.id for migration in migrations)
        return Drift(target(settings), FILES, *self._compared(settings, model), ids)

    def _compared(self, settings: Settings, model: Model) -> Result:
        tenant = str(settings.tenant)
        if self._models.is_alike(tenant, model):
            return (), ()
        with closing(connect(settings)) as connection:
            there = read(connection, settings, schemas=[tenant])
        choice = replace(self._choice, schemas=[tenant])
        wanted, there, found = choice.differences(model.of(tenant, there), there)
        return tuple(outermost(found)), tuple(
            mend(wanted, there, found, keep_privileges=not choice.privileges)
        )
