"""The verb init: what a project needs around its migrations. What is there is kept as it is."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlrail.adopting.recognising import look, usual
from sqlrail.errors import FileFailed, SqlrailError, UsageError
from sqlrail.verbs.new import create

if TYPE_CHECKING:
    from sqlrail.results.init import InitResult

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Part:
    """A file of the project's, and the lines that one which is there already needs of it."""

    path: Path
    text: str
    needs: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Those of the lines whose last word is none of the file's on disk."""
        there = self.path.read_text(encoding="utf-8", errors="replace") if self.needs else ""
        words = re.split(r"[\s'\"]+", there)
        return tuple(line for line in self.needs if line.split()[-1] not in words)


@dataclass(frozen=True)
class Kept:
    """A file that was there, with the lines that it should get."""

    path: Path
    add: tuple[str, ...]


@dataclass(frozen=True)
class Initial:
    """What was made, or would be, what was there, and what to type next."""

    is_dry_run: bool
    made: tuple[Path, ...]
    kept: tuple[Kept, ...]
    next: tuple[str, ...]

    def as_json(self) -> InitResult:
        """The same for scripts."""
        return {
            "dry_run": self.is_dry_run,
            "made": [str(path) for path in self.made],
            "kept": [{"path": str(kept.path), "add": [*kept.add]} for kept in self.kept],
            "next": [*self.next],
        }


def init(folder: Path, *, dry_run: bool = False) -> Initial:
    """Makes what the working folder lacks: all of it, or nothing. folder: of the migrations, from there.

    UsageError if the folder is another tool's, or its name cannot stand in a Makefile.
    """
    if ".." in folder.parts or not re.fullmatch(r"[\w.-]+(/[\w.-]+)*", str(folder), re.ASCII):
        raise UsageError(
            f"--migrations is {str(folder)!r}: name a folder below this one in letters, digits, '.', '_' and '-', "
            "for it stands in a Makefile and in a job of CI."
        )
    others = [path for path in usual(Path()) if _is_of_another_tool(path)]
    if folder in others:
        raise UsageError(
            f"{folder} has another tool's files, which are taken over into a folder of their own:",
            f"  sqlrail init --migrations {folder}_sql",
            f"  sqlrail adopt {folder} --migrations {folder}_sql",
        )
    parts = [*_parts(folder)]
    missing = {part.path: part.text for part in parts if not part.path.exists()}
    try:
        kept = tuple(Kept(part.path, part.missing) for part in parts if part.path not in missing)
    except OSError as exc:
        raise FileFailed(f"{exc.filename} cannot be read: {exc.strerror}.") from exc
    if not dry_run:
        create(missing)
    return Initial(dry_run, tuple(missing), kept, tuple(_next(folder, others)))


def _parts(folder: Path) -> Iterator[Part]:
    def text(name: str) -> str:
        return (TEMPLATES / name).read_text(encoding="utf-8").replace("@MIGRATIONS@", str(folder))

    yield Part(folder / "AGENTS.md", text("AGENTS.md"))
    yield Part(Path("sqlrail.mk"), text("sqlrail.mk"))
    yield Part(Path("Makefile"), text("Makefile"), ("include sqlrail.mk",))
    yield Part(Path(".env.example"), text("env.example"), (f"SQLRAIL_MIGRATIONS={folder}",))
    yield Part(Path(".gitignore"), text("gitignore"), (".env", ".pgdata/"))
    yield Part(Path("tests/test_migrations.py"), text("test_migrations.py.txt"))
    if Path(".gitlab-ci.yml").exists():
        job = ".gitlab/migrations.yml"
        yield Part(Path(job), text("gitlab.yml"))
        yield Part(Path(".gitlab-ci.yml"), "", (f"include: {job}",))
    else:
        yield Part(Path(".github/workflows/migrations.yml"), text("github.yml"))


def _is_of_another_tool(path: Path) -> bool:
    try:
        return bool(look(path, path).signed)
    except SqlrailError:  # a mixture, code, or nobody's: `adopt` says which
        return False


def _next(folder: Path, others: list[Path]) -> Iterator[str]:
    for other in others:
        yield f"sqlrail adopt {shlex.quote(str(other))} --dry-run"
    if not others and not any(folder.glob("*.sql")):
        yield "sqlrail new 'add users'"
    yield "sqlrail status"
