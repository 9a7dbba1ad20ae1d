"""What the verb adopt has taken over, or would."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlrail.adopting.converting import Converted
from sqlrail.adopting.history import Run
from sqlrail.adopting.recognising import History

if TYPE_CHECKING:
    from sqlrail.results.adopt import AdoptedMigration, AdoptedResult


@dataclass(frozen=True)
class Taken:
    """A migration of the other tool's, what it is here, and that it has run, if it has."""

    converted: Converted
    run: Run | None

    @property
    def id(self) -> str:
        return self.converted.id

    def as_json(self, folder: Path) -> AdoptedMigration:
        """The same for scripts; folder: where its files are."""
        names = [str(folder / name) for name, _ in self.converted.texts()]
        at = self.run and self.run.at
        return {
            "id": self.id,
            "version": self.converted.source.version,
            "state": "applied" if self.run else "pending",
            "applied_at": at.isoformat() if at else None,
            "source": str(self.converted.source.path),
            "path": names[0],
            "rollback": names[1] if names[1:] else None,
            "transactional": self.converted.transactional,
        }


@dataclass(frozen=True)
class Adopted:
    """All of them, the history that has them, and the folder that they become."""

    history: History
    source: Path
    folder: Path
    taken: tuple[Taken, ...]
    dry_run: bool = False
    written: bool = False
    recorded: bool = False
    edited: tuple[str, ...] = ()  # ids
    differences: tuple[str, ...] = ()

    @property
    def converted(self) -> list[Converted]:
        """What they are here."""
        return [one.converted for one in self.taken]

    @property
    def run(self) -> list[Taken]:
        """Those that have run."""
        return [one for one in self.taken if one.run]

    def as_json(self) -> AdoptedResult:
        """The same for scripts."""
        return {
            "tool": self.history.tool.name,
            "history": self.history.table,
            "dry_run": self.dry_run,
            "written": self.written,
            "recorded": self.recorded,
            "edited": list(self.edited),
            "migrations": [one.as_json(self.folder) for one in self.taken],
            "pending": len(self.taken) - len(self.run),
            "differences": list(self.differences),
        }
