"""The JSON of `tenant`."""

from __future__ import annotations

from sqlrail.results.migrate import MigrateResult


class TenantAddedResult(MigrateResult):
    """What `tenant add` made: the schema of a tenant, with what its files build."""

    name: str  # of the schema
