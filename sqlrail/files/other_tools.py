"""What other migration tools leave behind: marks in their files, folders of their form, tables of their histories."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from sqlrail.files.examine import Comment

PAGE = "docs/other-tools.md"
OTHER = "another tool"
#: where tools keep their files unless told otherwise
USUAL = (
    "db/migrations",
    "migrations",
    "prisma/migrations",
    "src/main/resources/db/migration",
    "sql/migrations",
)
#: versions of a history that are held against the files
MOST = 10_000

# What begins a comment of each tool's, behind its dashes. A rollback's text after Liquibase's mark is itself a comment.
MARKS = {
    "dbmate": rb"migrate\s*:\s*(?:up|down)\b",
    "goose": rb"\+\s*goose\b",
    "sql-migrate": rb"\+\s*migrate\b",
    "micrate": rb"\+\s*micrate\b",
    "rambler": rb"rambler\s+(?:up|down)\b",
    "tern": rb"create\s+above\s*/\s*drop\s+below\b",
    "MyBatis Migrations": rb"(?://\s*)?@UNDO\b",
    "Liquibase": rb"liquibase\s+formatted\s+sql\b|changeset\s+\S+:\S+|liquibase\s+rollback\b",
    "Atlas": rb"atlas:txtar\b|(?:checks|down)\.sql\s*--",
    "Play evolutions": rb"!(?:Ups|Downs)\b",
}
# Words that people write as well: a mark only where statements stand in front of it and behind it.
_HEADINGS = {
    "node-pg-migrate": rb"down\s+migration",
    OTHER: rb"(?:migrat(?:e|ion)\W*)?(?:down|undo|rollback|revert)s?(?:\s+(?:script|section|part))?",
}
_DASHES = rb"(?i)(?:--|/\*)[-=*#\s]*"
_MARK = _DASHES + rb"(?:" + b"|".join(rb"(?P<t%d>%b)" % each for each in enumerate(MARKS.values())) + rb")"
_HEADING = (
    _DASHES
    + rb"[@+!:\[<(]*\s*(?:"
    + b"|".join(rb"(?P<t%d>%b)" % each for each in enumerate(_HEADINGS.values()))
    + rb")[\s\])>:.=*#+@/-]*"
)
# What either begins with, with little to try.
_MAY_BE = (
    _DASHES
    + rb"[@+!:\[<(/]*\s*(?:migrat|goose|micrate|rambler|create\s+above|down|undo|rollback|revert|liquibase|changeset"
    + rb"|atlas|checks\.sql|ups)"
)
_BACK = rb"(?i)\b(?:downs?|undo|rollback|revert|drop\s+below|down\.sql)\b"


class Mark(NamedTuple):
    """A comment by which another tool parts a file; the offset is in bytes."""

    tool: str
    offset: int
    text: str
    takes_back: bool  # what stands behind it


def may_be_mark(text: bytes, at: int) -> bool:
    """Whether the comment at an offset has to be looked at."""
    return bool(re.compile(_MAY_BE).match(text, at))


def marks(comments: Iterable[Comment]) -> Iterator[Mark]:
    """Those of the comments by which another tool parts the file."""
    for comment in comments:
        text = comment.text.strip()
        if match := re.match(_MARK, text):
            tool = [*MARKS][int((match.lastgroup or "t0")[1:])]
        elif (
            (match := re.fullmatch(_HEADING, text))
            and comment.is_behind
            and comment.is_ahead
            and not comment.is_within
        ):
            tool = [*_HEADINGS][int((match.lastgroup or "t0")[1:])]
        else:
            continue
        first = text.split(b"\n")[0].strip().decode(errors="replace")
        yield Mark(tool, comment.offset, first, bool(re.search(_BACK, first.encode())))


def advice(mark: Mark) -> str:
    """Why a file with such a mark is not run, and what to do."""
    whose = mark.tool if mark.tool != OTHER else f"{OTHER}, as it seems"
    return (
        f"`{mark.text}` is a mark of {whose}, and means nothing here: all of the file would be run, what takes it back "
        f"included. Move that part into a .rollback.sql beside it, and remove the marks; {PAGE} says how to switch."
    )


#: what a migration is called in tools that give it a folder of its own
_IN_FOLDERS = {"migration.sql": "Prisma", "up.sql": "Diesel"}


def names_of(id_: str, ids: Collection[str]) -> str | None:
    """The tool that gives files such a name, among those of the other files."""
    if re.match(r"(?:[VUB][0-9][0-9._]*|R)__", id_):
        return "Flyway"
    return "golang-migrate" if id_.endswith(".down") and f"{id_.removesuffix('.down')}.up" in ids else None


def folder_of(folder: Path) -> str | None:
    """The tool that has a folder of migrations in such a form; None where it says nothing, or cannot be read."""
    try:
        within = sorted(path for path in folder.iterdir() if path.is_dir())
        if (folder / "sqitch.plan").exists() or {"deploy", "revert"} <= {path.name for path in within}:
            return "Sqitch"
        return next((tool for path in within if (tool := migration_of(path))), None)
    except OSError:
        return None


def migration_of(folder: Path) -> str | None:
    """The tool whose migration a folder is."""
    return next((tool for name, tool in _IN_FOLDERS.items() if (folder / name).is_file()), None)


@dataclass(frozen=True)
class Kind:
    """A table in which a tool keeps what it has run."""

    tool: str
    table: str
    #: columns that tell it from others' tables of that name
    has: frozenset[str] = frozenset()
    #: the column that says what was run; None where it says nothing of files
    column: str | None = None


def _kind(line: str) -> Kind:
    tool, _, rest = line.partition(": ")
    table, *columns = rest.split()
    return Kind(tool, table, frozenset(columns), columns[0] if columns else None)


#: a line each: the tool, its table, the column that has the versions, and others that tell the table from other tools'
_KINDS = """
golang-migrate: schema_migrations version dirty
Ecto: schema_migrations version inserted_at
Supabase: schema_migrations version statements
dbmate or Rails: schema_migrations version
goose: goose_db_version version_id
sql-migrate: gorp_migrations id
node-pg-migrate: pgmigrations name
Flyway: flyway_schema_history version
Flyway or pgmigrate: schema_version version description
tern: schema_version version
MyBatis Migrations: changelog id applied_at
Liquibase: databasechangelog filename
Diesel: __diesel_schema_migrations version
Prisma: _prisma_migrations migration_name
sqlx: _sqlx_migrations version
refinery: refinery_schema_history version
Sqitch: changes change change_id
graphile-migrate: migrations filename previous_hash
postgres-migrations: migrations id hash
TypeORM: migrations name timestamp
Laravel: migrations migration batch
Knex: knex_migrations name
Sequelize: SequelizeMeta name
Drizzle: __drizzle_migrations
Atlas: atlas_schema_revisions version
Play evolutions: play_evolutions id
Bun: bun_migrations name
Pop: schema_migration version
Morph: db_migrations version
rambler: migrations migration
Entity Framework: __EFMigrationsHistory MigrationId
Django: django_migrations
Alembic: alembic_version
"""
KINDS = tuple(_kind(line) for line in _KINDS.strip().splitlines())
#: names of such tables, and schemas of the tools' own in which they lie, beside those of the search_path
TABLES = sorted({kind.table for kind in KINDS})
SCHEMAS = (
    "sqitch", "supabase_migrations", "drizzle", "graphile_migrate", "atlas_schema_revisions", "hdb_catalog"
)  # fmt: skip


class Table(NamedTuple):
    """A table that may be a tool's history."""

    schema: str
    name: str
    columns: list[str]

    @property
    def kind(self) -> Kind | None:
        """The tool whose history it is."""
        there = set(self.columns)
        return next((it for it in KINDS if it.table == self.name and it.has <= there), None)


#: those whose history `adopt` takes over
TAKEN_OVER = frozenset(
    {"dbmate or Rails", "golang-migrate", "goose", "sqlx", "Flyway", "node-pg-migrate", "Prisma"}
)


@dataclass(frozen=True)
class History:
    """Another tool's history, and what it says was run."""

    tool: str
    table: str
    versions: tuple[str, ...] = ()

    @property
    def is_taken_over(self) -> bool:
        """Whether `adopt` takes it over, with the tool's own folder."""
        return self.tool in TAKEN_OVER

    def of(self, ids: Collection[str]) -> list[str]:
        """Those of the migrations that it names, by their numbers or by their whole names."""
        said = {form for version in self.versions for form in _said(version)}
        return [id_ for id_ in ids if not said.isdisjoint(_forms(id_))]


def _said(version: str) -> set[object]:
    """What a version of a history may call a file: by its number alone, or by its name."""
    name = re.sub(r"(?:\.up|\.tx)?\.(?:sql|js|ts|py|go|rb|php)\Z", "", PurePosixPath(version).name).casefold()
    number = re.fullmatch(r"[0-9]+(?:[-_.T][0-9]+)*", name)
    return _numbers(name) if number else {*filter(None, [name])}


def _forms(id_: str) -> set[object]:
    """What a history may call a file: its number, its name, or its name without the number."""
    match = re.match(r"[0-9]+(?:[-_.T][0-9]+)*", id_)
    head = match[0] if match else ""
    return {*_numbers(head), id_.casefold(), id_[len(head) :].lstrip("_-. ").casefold()} - {""}


def _numbers(head: str) -> set[object]:
    parts = re.findall("[0-9]+", head)
    return {tuple(int(part) for part in parts), int("".join(parts))} if parts else set()
