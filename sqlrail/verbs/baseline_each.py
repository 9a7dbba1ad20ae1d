"""The verb baseline for many schemas of one database."""

from __future__ import annotations

from yoyo.migrations import MigrationList

from sqlrail.engine.backend import Backend
from sqlrail.ground.events import Listener
from sqlrail.ground.settings import Settings
from sqlrail.schema.catalog import read
from sqlrail.schema.objects import Catalog
from sqlrail.verbs.baseline import (
    Baselined,
    Comparison,
    as_far_as_possible,
    baseline,
    comparison_of,
    ending_there,
)
from sqlrail.verbs.many import Many
from sqlrail.verbs.models import Models


class BaselineOfMany:
    """baseline() for one after the other: what the files build is built once."""

    def __init__(self, many: Many) -> None:
        self._models = Models(many.settings, many.listener, many.names, privileges=True)

    def baseline(
        self,
        settings: Settings,
        listener: Listener,
        to: str,
        *,
        accept_differences: bool = False,
        allow_other_history: bool = False,
    ) -> Baselined:
        """Records the files in the schema that the settings name."""
        return baseline(
            settings, listener, to, accept_differences=accept_differences,
            allow_other_history=allow_other_history, compared=self._compared,
        )  # fmt: skip

    def _compared(self, backend: Backend, wanted: MigrationList) -> Comparison:
        tenant = str(backend.settings.tenant)

        def compare() -> Comparison:
            model = self._models.of(ending_there(wanted), backend.files)
            there = read(backend.connection, backend.settings, schemas=[tenant])
            return comparison_of(_within(model.of(tenant, there), tenant), _within(there, tenant))

        return as_far_as_possible(compare)


def _within(catalog: Catalog, schema: str) -> Catalog:
    """What lies in the schema."""
    return catalog.without({it.key for it in catalog.objects.values() if it.schema != schema})
