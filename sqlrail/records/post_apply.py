"""Files that run behind the migrations held against how each was run last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlrail.files.file import File

if TYPE_CHECKING:
    from sqlrail.results.status import PostApplyState


class PostApplyRun(NamedTuple):
    """How such a file was run last."""

    hash: str
    entry: str  # of the log
    checksum: str | None  # None is unknown: plain yoyo has run it


class PostApplyEntry(NamedTuple):
    """Such a file: applied as it is, edited since, or nobody knows."""

    id: str
    state: PostApplyState


def compare(
    migrations: Iterable[Any], files: Mapping[str, File], runs: Iterable[PostApplyRun]
) -> list[PostApplyEntry]:
    """Each of these of yoyo's migrations, in their order."""
    checksums = {run.hash: run.checksum for run in runs}
    return [PostApplyEntry(it.id, _state(files[it.id], checksums.get(it.hash))) for it in migrations]


def edited(entries: Iterable[PostApplyEntry]) -> list[str]:
    """The ids of those that a migrate has to run, though nothing else is to be run."""
    return [entry.id for entry in entries if entry.state == "edited"]


def _state(file: File, checksum: str | None) -> PostApplyState:
    if checksum is None:
        return "unknown"
    return "applied" if checksum == file.checksum else "edited"
