"""The table of settings, a field each, and the frozen Settings that a run is told; reading.py fills them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from sqlrail.ground.target import Identity, Mark, Target
from sqlrail.ground.values import (
    age,
    count,
    environment,
    file,
    folder,
    interrupted,
    names,
    phase,
    seconds,
    share,
    some_seconds,
    switch,
)

if TYPE_CHECKING:
    from sqlrail.results.status import Phase
    from sqlrail.results.target import Environment

#: what some of them are for
ONLINE = "cleanup --online, backfills"
#: the server that makes scratch databases where it is to be ours, and none that a URL names
EMBEDDED = "embedded"

#: what becomes of files with a backfill, and of those that depend on one
Backfills = Literal["run", "skip", "only"]

T = TypeVar("T")


class Setting(NamedTuple):
    """A row of the table of settings: how what is said for it is read, and what --help and .env.example tell of it."""

    name: str
    reader: Callable[[str], Any]  # ValueError says what is wrong with a text
    default: str | None  # as somebody would say it
    metavar: str | None  # None: there is no flag
    help: str
    note: str  # what .env.example has in the place of the help
    example: str | None  # what .env.example has where there is no default, or none that helps
    is_of_one_run: bool  # in the environment it would hold for later ones

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        return f"SQLRAIL_{self.name.upper()}"


def setting(
    default: str | None,
    reader: Callable[[str], T],
    metavar: str | None = None,
    says: str = "",  # its help; the default is told behind it, or where {default} stands
    *,
    name: str = "",  # where it is not the field's
    verb: str = "",  # that it is for, where .env.example has to say so
    note: str = "",
    example: str | None = None,
    is_of_one_run: bool = False,
    is_secret: bool = False,  # it may hold a password
) -> T:
    """A field of Settings that people set."""
    told = says if default in (None, "") or "{default}" in says else f"{says} (default: {{default}})"
    told = told.format(default=default)
    note = note or (f"{verb}: {says}" if verb else told)
    row = Setting(name, reader, default, metavar, told, note, example, is_of_one_run)
    value = None if default is None else reader(default)
    made: T = field(default=value, repr=not is_secret, metadata={"setting": row})  # type: ignore[assignment]
    return made


@dataclass(frozen=True)
class Settings:
    """What a run is told. Durations are seconds, shares are between 0 and 1.

    A field with a setting() is a row of the table, in the order of .env.example: SQLRAIL_<NAME> sets it, and --<name>
    with the verbs that call flags.add() for it. The rest is worked out by read() and given().
    """

    # fmt: off
    # one of ENVIRONMENTS; None is unknown, and treated as production
    environment: Environment | None = setting(
        None, environment, name="env", example="development",
        note="Which environment: development, test, staging or production; without it what APP_ENV says. Unset counts "
        "as production where something is destroyed.",
    )
    # no database is named, and the embedded server may stand in
    embedded: bool = setting(
        "0", switch,
        note="1: the embedded server may stand in where no environment is named either, as it does for the Makefile.",
    )
    migrations: Path = setting("migrations", folder, "DIR", "the folder of the files")
    seed: Path = setting(
        "sql/seed.sql", file, "FILE", "then load rows to work with, of this file (else SQLRAIL_SEED's, else {default})",
        note="reset --seed: the rows that it loads",
    )
    password_command: str | None = setting(
        None, str, "COMMAND", "prints the password, for each connection whose URL has none",
        note="a command that prints the password, for each connection whose URL has none; PGHOST, PGPORT, PGUSER and "
        "PGDATABASE say for which",
        example="aws rds generate-db-auth-token --hostname $PGHOST --port $PGPORT --username $PGUSER",
        is_secret=True,
    )
    wait: float = setting("0", seconds, "TIME", "how long to wait until the database answers")
    lock_wait: float = setting("60s", seconds, "TIME", "how long to wait for another runner")
    lock_timeout: float = setting("2s", seconds, "TIME", "longest wait for one lock")
    statement_timeout: float = setting(
        "0", seconds, "TIME", "longest time for one statement (default: {default}, none)"
    )
    retry_for: float = setting("10min", seconds, "TIME", "how long a file that gave way is tried")
    idle_timeout: float = setting(
        "10min", seconds, "TIME", "how long a runner that was stopped keeps its locks",
        note="how long a runner that was stopped (Ctrl-Z, a paused container) keeps its locks; 0: until somebody "
        "ends it",
    )
    max_share: float = setting("10%", share, "F", "share of a table that a cleanup may take")
    max_rows: int = setting("1000", count, "N", "rows that a cleanup may take whatever their share of the table")
    allow_triggers: tuple[str, ...] = setting(
        "", names, "NAMES", "triggers that may fire, separated by commas; may be given several times",
        note="triggers that may fire, separated by commas",
    )
    batch_time: float = setting("200ms", some_seconds, "TIME", "how long a batch may take", verb=ONLINE)
    pause: float = setting("100ms", seconds, "TIME", "the pause between two batches", verb=ONLINE)
    pause_file: Path | None = setting(
        None, file, "FILE", "wait as long as this file is there", verb=ONLINE, example="sqlrail.pause"
    )
    max_lag: float = setting("1.5s", seconds, "TIME", "wait while a replica is further behind; 0: never", verb=ONLINE)
    interrupted: str | None = setting(
        None, interrupted, "again|done",
        "what to do with a statement outside a transaction that was cut off, and may have taken effect",
        is_of_one_run=True,
    )
    phase: Phase | None = setting(
        None, phase, "before|after",
        "of a deployment: before leaves files that say `-- phase: after`, and after runs these alone",
        is_of_one_run=True,
    )
    against: str | None = setting(
        None, str, "URL", "compare with another database instead of the files (or SQLRAIL_AGAINST)", is_secret=True,
        note="drift: compare with another database instead of the files",
        example="postgresql://app:secret@localhost:5432/other",
    )
    scratch: str | None = setting(
        None, str, f"{EMBEDDED}|URL",
        "the server on which the scratch database is made (or SQLRAIL_SCRATCH; default: the database's own)",
        note="plan, drift, schema, baseline, migrate --phase: the server on which the scratch database is made, "
        "embedded or a URL; without it the database's own",
        example=EMBEDDED, is_secret=True,
    )
    schema_file: Path | None = setting(
        None, file, "FILE", "where the schema that the files build is kept (or SQLRAIL_SCHEMA_FILE)",
        note="where migrate, reset and schema keep the schema that the files build", example="schema.sql",
    )
    template: Path | None = setting(
        None, file, "FILE", "begin the file as this one does, with what each of yours says (or SQLRAIL_TEMPLATE)",
        note="new: the file whose text each new file begins with", example="migrations/template.txt",
    )
    retention: float = setting(
        "90d", age, "TIME", "how long the archive may keep rows",
        note="doctor: how long the archive may keep what cleanups deleted",
    )
    # fmt: on

    database_url: str | None = field(default=None, repr=False)  # None: libpq's, or the embedded server
    url_origin: str = "DATABASE_URL"  # where it stands, for whoever is to change it
    environment_said: str = "APP_ENV is not set"  # where that comes from
    is_named: bool = False  # something says which database is meant
    home: Path = Path(".pgdata")
    connect_timeout: int | None = 10  # None: the URL or PGCONNECT_TIMEOUT says
    tenant: str | None = None  # the schema that is worked on; None: where the search_path leads to
    # schemas behind it, in the order of the search_path; None: the search_path that the role has anyway
    shared_path: tuple[str, ...] | None = None
    backfills: Backfills = (
        "run"  # skip: they are left to a later run, and what depends on them; only: nothing else
    )
    new_schema: bool = False  # the first schema of the search_path has a history of its own
    actor: str = "unknown"
    host: str = "unknown"
    mark: Mark | None = field(default=None, repr=False)  # what each connection has to find where it leads
    secrets: tuple[str, ...] = field(default=(), repr=False)
    # told of each connection to the database that is meant
    reached: Callable[[Target], object] | None = field(default=None, repr=False, compare=False)
    # told which database that is; what it raises ends the connection
    claims: Callable[[Identity], object] | None = field(default=None, repr=False, compare=False)
    notices: bool = False  # whether the server's are said too, and not only its warnings
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # how something that was given was read


#: by their field in Settings
SETTINGS: dict[str, Setting] = {
    it.name: row._replace(name=row.name or it.name)
    for it in fields(Settings)
    if (row := it.metadata.get("setting"))
}
