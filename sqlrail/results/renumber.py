"""The JSON of `renumber`."""

from __future__ import annotations

from typing import TypedDict


class MovedFileResult(TypedDict):
    """A file of a migration that has another name now."""

    was: str  # path of the file before
    path: str  # path of the file as it is now, or would be


class RenumberedMigrationResult(TypedDict):
    """A migration that has another number now."""

    was: str  # its id before
    id: str  # the new one
    files: list[MovedFileResult]  # its own, its rollback's, and what else has its name


class RenumberedResult(TypedDict):
    """What `renumber` did, or with --dry-run would do."""

    renumbered: list[RenumberedMigrationResult]  # in their order
    rewritten: list[str]  # paths, as they are now, of the files whose `-- depends:` name the new ids
    finished: bool  # whether it has only finished what was interrupted before
    dry_run: bool  # whether nothing was renamed
