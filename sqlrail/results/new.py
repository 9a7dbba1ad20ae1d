"""The JSON of `new`."""

from __future__ import annotations

from typing import TypedDict


class FilesResult(TypedDict):
    """The two files of a migration that was made."""

    id: str  # of the migration
    path: str  # of the migration's file
    rollback: str  # path of the file that takes it back


class NewResult(FilesResult):
    """What was made; `then` is empty but for --key, whose second migration validates the key."""

    then: list[FilesResult]  # the migrations behind it
