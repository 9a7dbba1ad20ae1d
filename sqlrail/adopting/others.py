"""Tools whose migrations are code, or of a form of their own: recognised, and led through a dump and a baseline."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlrail.adopting.tool import Folder, content

PAGE = "docs/adopt.md"


@dataclass(frozen=True)
class Other:
    """A tool, by the names of its files and by what stands in one of them."""

    name: str
    files: str
    says: bytes = b""


OTHERS = (
    Other("Alembic", r".*\.py", rb"(?m)^down_revision\b"),
    Other("Django", r".*\.py", rb"\bmigrations\.Migration\b"),
    Other("Knex", r".*\.[cm]?[jt]s", rb"(?s)\bknex\b.*\b(?:up|down)\b|\b(?:up|down)\b.*\bknex\b"),
    Other("Rails", r".*\.rb", rb"\bActiveRecord::Migration\b"),
    Other("Liquibase", r".*\.sql", rb"(?im)^\s*--\s*liquibase\s+formatted\s+sql"),
    Other("Liquibase", r".*\.(?:xml|ya?ml|json)", rb"databaseChangeLog"),
    Other("Sqitch", r"sqitch\.plan"),
)


def found_in(folder: Folder) -> Iterator[tuple[Other, Path]]:
    """Each of them that has a file in the folder, or in a folder within, with that file."""
    files = [*folder.files(), *folder.files("*/*")]
    for other in OTHERS:
        named = (path for path in files if re.fullmatch(other.files, path.name))
        if path := next((path for path in named if re.search(other.says, content(path))), None):
            yield other, path


def way(target: Path) -> list[str]:
    """The commands that lead any database to files of ours."""
    folder = shlex.quote(str(target))
    file = shlex.quote(str(target / "001_schema.sql"))
    return [
        f"  mkdir -p {folder}",
        f'  pg_dump --schema-only --no-owner --no-privileges "$DATABASE_URL" > {file}',
        f"  sqlrail baseline --migrations {folder} --to 001",
    ]
