"""The verbs drift and schema: a database against what the files build, against another, or against an ORM's; and
what the files build, as one file."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from yoyo.migrations import MigrationList

from sqlrail.engine.backend import Backend
from sqlrail.errors import (
    CommandFailed,
    ConnectionFailed,
    FileFailed,
    MigrationFailed,
    UsageError,
)
from sqlrail.files.code import Code, by_path, read_stored
from sqlrail.files.draft import Draft
from sqlrail.files.file import File
from sqlrail.files.folder import Migrations, read_files
from sqlrail.ground.child import environment_for
from sqlrail.ground.events import Listener, Warned
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import counted, printable
from sqlrail.postgres.connect import Connection, connect, target
from sqlrail.records import history, problems
from sqlrail.schema.catalog import digests, read
from sqlrail.schema.compare import Difference, compare, outermost
from sqlrail.schema.mend import mend
from sqlrail.schema.objects import Catalog, Fact, Key
from sqlrail.schema.sides import Choice, Sides
from sqlrail.schema.statement import Statement
from sqlrail.scratch.built import built
from sqlrail.scratch.provided import NONE, Provided, with_what_is_lacking
from sqlrail.scratch.scratch import scratch
from sqlrail.verbs import new
from sqlrail.verbs.new import New

if TYPE_CHECKING:
    from sqlrail.results.drift import Against, DifferenceResult, DriftResult
    from sqlrail.results.schema import CheckedResult, SchemaResult, WrittenResult

Value = TypeVar("Value")
Result = tuple[tuple[Difference, ...], tuple[Statement, ...]]
#: the schema that every new database has, and its comment
PUBLIC: Key = ("schema", "public")
COMMENT: Key = ("comment", "schema public")
HEADER = """\
-- What the files in the folder of the migrations build. Written by sqlrail: do not edit, `sqlrail schema` does it.
"""


class Words(NamedTuple):
    """What the other side of a comparison is called."""

    name: Against
    says: str
    lacks: str


FILES = Words("the files", "files say", "the files do not build it")
OTHER = Words("the other database", "other database says", "the other database does not have it")
ORM = Words("the ORM", "ORM says", "the ORM does not make it")


#: characters of a value that people read beside another
LONG = 120
#: what is said of a kind where it stands below its own name
WHOLE = {"other": "by hand only"}
#: what the value of a difference says by itself
UNNAMED = (None, "type", "nullable", "valid", "enabled")


def lines_of(difference: Difference, words: Words) -> Iterator[str]:
    """What people read of a difference, below the name of its table."""
    obj = difference.object
    is_whole = obj.label == (obj.within or obj.name)
    label = WHOLE.get(obj.kind, obj.kind) if is_whole else printable(obj.label)
    if difference.what == "lacking":
        yield f"{label}: the database lacks it"
    elif difference.what == "extra":
        yield f"{label}: {words.lacks}"
    elif difference.was is not None and difference.what == "renamed":
        yield f"{label}: the database calls it {printable(difference.was.local or difference.was.name)}"
    for change in difference.changes:
        said = change.fact in UNNAMED and not is_whole
        about = label if said else change.fact if is_whole else f"{label} {change.fact}"
        values = [printable(value or "none") for value in (change.wanted, change.found)]
        if change.fact == "definition" or any(len(value) > LONG for value in values):
            yield f"{about}: not as in {words.name}"
        else:
            yield f"{about}: {words.says} {values[0]}, database says {values[1]}"


@dataclass(frozen=True)
class Drift:
    """How the database differs from what it is compared with, and what would make it the same."""

    database: str
    words: Words
    differences: tuple[Difference, ...]
    statements: tuple[Statement, ...]
    built: tuple[str, ...] = ()  # ids of the files that it was compared with
    made: tuple[New, ...] = ()  # what was written of the statements

    def as_json(self, *, with_drops: bool) -> DriftResult:
        """The same for scripts; `wanted` is the files', the other database's or the ORM's, `found` the database's."""
        return {
            "against": self.words.name,
            "built": list(self.built),
            "differences": [_difference_as_json(difference, self.words) for difference in self.differences],
            "statements": [
                {"sql": statement.sql, "loses_data": statement.loses}
                for statement in self.statements
                if not statement.is_by_hand
            ],
            "by_hand": [statement.sql for statement in self.statements if statement.is_by_hand],
            "sql": self.script(with_drops=with_drops),
            "made": [{"id": file.id, "path": str(file.path)} for file in self.made],
        }

    def told(self, *, named: bool = True) -> str:
        """The differences, table by table, and how many there are. named: says of which database."""
        lines, before = [], None
        for difference in self.differences:
            if difference.home != before:
                lines.append(printable(difference.home))
                before = difference.home
            lines += [f"  {line}" for line in lines_of(difference, self.words)]
        number = len(self.differences)
        end = counted(number, "difference") if number else "no difference"
        between = f"between {printable(self.database)} and" if named else "to"
        return "\n".join([*lines, f"{end} {between} {self._other()}"])

    def _other(self) -> str:
        if not self.built:
            return "no file: none is applied" if self.words.name == FILES.name else self.words.name
        return f"what {counted(len(self.built), 'file builds', 'files build')}, up to {self.built[-1]}"

    def script(self, *, with_drops: bool) -> str:
        """What makes the database the same; what would lose data is a comment in it, unless asked for."""
        lines = [f"-- {line}" for line in self.told().splitlines()]
        lost = sum(statement.loses for statement in self.statements)
        if lost and not with_drops:
            what = counted(
                lost,
                "statement that would lose data is a comment",
                "statements that would lose data, or go with those, are comments",
            )
            lines.append(f"-- {what}; with --with-drops they are not")
        for statement in self.statements:
            text = (
                f"-- by hand only: {printable(statement.sql)}"
                if statement.is_by_hand
                else f"{statement.sql};"
            )
            if statement.loses and not with_drops:
                # A comment ends at either, and a name may have both in it.
                text = "-- " + re.sub(r"\r\n|\n|\r", r"\g<0>-- ", text)
            lines += ["", text]
        return "\n".join(lines)


def write(settings: Settings, found: Drift, name: str, *, with_drops: bool = False) -> list[New]:
    """Writes what makes the database the same as a new migration; none where that is nothing but comments."""
    texts = [_in_file(statement, with_drops) for statement in found.statements]
    if all(text.startswith("--") for text in texts):
        return []
    return new.write(settings.migrations, [Draft(name, "", "\n".join(texts))], "sqlrail drift")


def _in_file(statement: Statement, with_drops: bool) -> str:
    why = (
        "by hand only" if statement.is_by_hand else "loses data" if statement.loses and not with_drops else ""
    )
    if not why:
        return f"{statement.sql};\n"
    # No line of it may be read as a directive, whatever names are in it.
    return f"-- {why}:\n" + "".join(f"-- | {line}\n" for line in statement.sql.splitlines())


def _difference_as_json(difference: Difference, words: Words) -> DifferenceResult:
    return {
        "what": difference.what,
        "kind": difference.kind,
        "table": difference.object.within,
        "name": difference.object.name,
        "was": difference.was.name if difference.was and difference.what == "renamed" else None,
        "changes": [
            {"fact": change.fact or difference.kind, "wanted": change.wanted, "found": change.found}
            for change in difference.changes
        ],
        "text": list(lines_of(difference, words)),
    }


def drift(
    settings: Settings,
    listener: Listener,
    choice: Choice,
    *,
    pending: bool = False,
    orm: str | None = None,
) -> Drift:
    """Compares the database with what its applied files build, or all files; or with the database settings.against.

    Or with what an ORM makes: the command `orm` is run by the shell with a scratch database in DATABASE_URL. Nothing
    of the database, nor of the other, is written.
    """
    ids: tuple[str, ...] = ()
    if settings.against is not None:
        words, result = OTHER, _against(settings, settings.against, choice)
    elif orm is not None:
        words, result = ORM, _against_orm(settings, listener, choice, orm)
    else:
        migrations, files = read_files(settings.migrations)
        migrations, code = _chosen(settings, listener, migrations, files, pending)
        ids = tuple(migration.id for migration in migrations)
        words, result = FILES, _against_files(settings, listener, choice, migrations, files, code)
    return Drift(target(settings), words, *result, ids)


def _against(settings: Settings, url: str, choice: Choice) -> Result:
    try:
        other = connect(replace(settings, database_url=url))
    except ConnectionFailed as exc:
        raise ConnectionFailed(f"--against (or SQLRAIL_AGAINST): {exc}") from exc
    with closing(other):
        return compared(other, settings, choice)


def _against_files(
    settings: Settings,
    listener: Listener,
    choice: Choice,
    migrations: MigrationList,
    files: dict[str, File],
    code: Sequence[Code],
) -> Result:
    def look(built: Connection, provided: Sequence[Provided]) -> Result:
        return compared(built, settings, choice, provided)

    with building():
        return build(settings, listener, migrations, files, look, code)


def compared(
    other: Connection, settings: Settings, choice: Choice, provided: Sequence[Provided] = ()
) -> Result:
    """How the database differs from the other one, without what is provided there, and what would mend it."""
    with closing(connect(settings)) as connection:
        keys = {(item.kind, item.name) for item in provided}
        unknown = {("extension", item.name) for item in provided if item.kind == NONE}
        sides = Sides(other, connection, settings, choice, keys, unknown).compared()
    if sides is None:
        return (), ()
    wanted, there, found = sides
    statements = mend(wanted, there, found, keep_privileges=not choice.privileges)
    return tuple(outermost(found)), tuple(statements)


def _chosen(
    settings: Settings, listener: Listener, migrations: Migrations, files: dict[str, File], pending: bool
) -> tuple[MigrationList, Sequence[Code]]:
    """The files that are applied, or all of them; says where the records and the files are not of one mind."""
    with Backend(settings, listener, files) as backend:
        backend.raise_if_old()
        entries = history.compare(migrations, files, backend.records)
        code = chosen_code(backend, migrations, pending=pending)
    return chosen(entries, listener, migrations, files, pending), code


def chosen_code(backend: Backend, migrations: Migrations, *, pending: bool) -> Sequence[Code]:
    """The code files as they were when they were run, or all as they are; of one that is gone nothing is built."""
    if pending:
        return migrations.code
    names, texts = {each.name for each in migrations.code}, backend.read_code_texts()
    return read_stored(backend.settings.migrations, {name: texts[name] for name in names & texts.keys()})


def chosen(
    entries: Sequence[history.Entry],
    listener: Listener,
    migrations: MigrationList,
    files: dict[str, File],
    pending: bool,
) -> MigrationList:
    """The same of what was read already."""
    states = {entry.id: entry.state for entry in entries}
    for state, means in (
        ("edited", "was edited since: today's content is built"),
        ("missing", "has no file any more"),
        ("ahead", "ahead of this folder: what a newer release has made is reported as a difference"),
    ):
        if ids := [id_ for id_, its in states.items() if its == state]:
            listener(Warned(f"applied, and {means}: {', '.join(ids)}"))
    for problem in problems.foreign(files):
        listener(Warned(problem.message))
    return migrations.filter(lambda migration: pending or states[migration.id] in ("applied", "edited"))


@contextmanager
def building() -> Iterator[None]:
    """Says of a file that fails within that it does so on a scratch database."""
    try:
        yield
    except MigrationFailed as exc:
        raise MigrationFailed(f"the files do not build on a scratch database: {exc}") from exc


def build_schema(
    settings: Settings, listener: Listener, migrations: MigrationList, files: Mapping[str, File]
) -> Catalog:
    """What these files build on a scratch database; raises NoScratch, and what a migrate raises."""

    def look(built: Connection, provided: Sequence[Provided]) -> Catalog:
        return read(built, settings).without({(item.kind, item.name) for item in provided})

    return build(settings, listener, migrations, files, look)


def build(
    settings: Settings,
    listener: Listener,
    migrations: MigrationList,
    files: Mapping[str, File],
    look: Callable[[Connection, Sequence[Provided]], Value],
    code: Sequence[Code] = (),
) -> Value:
    """Builds these files on a scratch database, and looks at it; what was provided there is not theirs."""

    def made_with(provided: Sequence[Provided]) -> Value:
        with built(settings, listener, files, migrations, provided, code) as made:
            return look(made.connection, provided)

    return with_what_is_lacking(settings, listener, {**files, **by_path(code)}, made_with)


def _against_orm(settings: Settings, listener: Listener, choice: Choice, command: str) -> Result:
    with scratch(settings, listener) as elsewhere:
        with closing(connect(elsewhere)) as connection:
            before = digests(settings, connection, privileges=True)
            environment = environment_for(connection, elsewhere)
        # It is the shell's, as in make; its output is talk, for stdout is the result's. The URL, and any password in
        # it, is in its environment alone.
        ended = subprocess.run(  # noqa: S602
            command, shell=True, check=False, stdin=subprocess.DEVNULL, stdout=2, env=environment
        )
        if ended.returncode:
            raise CommandFailed(
                f"the command ended with {ended.returncode}; what it said is above. Nothing was compared."
            )
        with closing(connect(elsewhere)) as connection:
            if digests(settings, connection, privileges=True) == before:
                raise CommandFailed(
                    "the command made nothing in the scratch database: it has to take the database from DATABASE_URL, "
                    "and to make its tables there. Look at which database it has worked on instead."
                )
            return compared(connection, settings, choice)


@dataclass(frozen=True)
class Schema:
    """What the files build, as SQL."""

    sql: str

    def as_json(self) -> SchemaResult:
        """The same for scripts."""
        return {"sql": self.sql}


@dataclass(frozen=True)
class Written:
    """The file that holds now what the files build."""

    path: Path

    def as_json(self) -> WrittenResult:
        """The same for scripts."""
        return {"path": str(self.path)}


@dataclass(frozen=True)
class Checked:
    """How a file differs from what the files build, as a unified diff; empty if it does not."""

    path: Path
    difference: str

    def as_json(self) -> CheckedResult:
        """The same for scripts."""
        return {"path": str(self.path), "stale": bool(self.difference), "difference": self.difference}


def write_schema(settings: Settings, listener: Listener, path: Path) -> Written:
    """Writes the schema that all files build into a file, whole or not at all."""
    text = schema(settings, listener).sql
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(path)
    except OSError as exc:
        beside.unlink(missing_ok=True)
        raise FileFailed(f"{path} cannot be written: {exc.strerror}.") from exc
    return Written(path)


def check_schema(settings: Settings, listener: Listener, path: Path) -> Checked:
    """Holds the file against the schema that all files build."""
    from difflib import unified_diff

    try:
        kept = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        kept = ""
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(
            f"{path} cannot be read: {getattr(exc, 'strerror', None) or 'it is not UTF-8'}."
        ) from exc
    built_now = schema(settings, listener).sql
    lines = unified_diff(
        kept.split("\n"), built_now.split("\n"), str(path), "what the files build", lineterm=""
    )
    return Checked(path, "\n".join(lines))


def schema(settings: Settings, listener: Listener) -> Schema:
    """The schema that all files build, as SQL: the same on every server, and whatever was there before."""
    migrations, files = read_files(settings.migrations)

    def look(built: Connection, provided: Sequence[Provided]) -> str:
        return text_of(
            read(built, settings, making=True).without({(item.kind, item.name) for item in provided})
        )

    with building():
        return Schema(build(settings, listener, migrations, files, look, migrations.code))


def text_of(wanted: Catalog) -> str:
    """What makes all that out of an empty database, but privileges."""
    wanted = wanted.without({obj.key for obj in wanted.of(["privilege"])})
    usual = Catalog({key: wanted.objects[key] for key in (PUBLIC, COMMENT) if key in wanted.objects})
    if COMMENT in usual.objects:
        usual.objects[COMMENT] = usual.objects[COMMENT]._replace(facts={None: Fact("standard public schema")})
    statements = mend(wanted, usual, compare(wanted, usual))
    others = [f"-- Not made here: {name!a}" for name in sorted(obj.name for obj in wanted.of(["other"]))]
    return "\n".join(
        [HEADER, *others, *[""][: len(others)], *(f"{statement.sql};\n" for statement in statements)]
    )
