"""The JSON of `reset`."""

from __future__ import annotations

from sqlrail.results.migrate import MigrateResult


class ResetResult(MigrateResult):
    """What `reset` applied from zero."""

    seed: str | None  # path of the file whose rows were loaded
