"""Flags, environment and .env become one frozen Settings; nothing else reads a setting from os.environ.

(local.py takes from it what its server is started with, less all that names another server.)
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import quote, unquote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict

from sqlrail.errors import SettingsError
from sqlrail.ground import urls
from sqlrail.ground.words import guess

if TYPE_CHECKING:
    from sqlrail.results.target import Environment, TargetResult

ENVIRONMENTS: tuple[Environment, ...] = ("development", "test", "staging", "production")
#: what frameworks call them in APP_ENV
SHORT_FORMS: dict[str, Environment] = {
    **{name: name for name in ENVIRONMENTS},
    **dict.fromkeys(("dev", "local"), "development"),
    "testing": "test",
    **dict.fromkeys(("stage", "stg"), "staging"),
    **dict.fromkeys(("prod", "live"), "production"),
}
#: what may become of a statement that was cut off
INTERRUPTED = ("again", "done")
#: those of libpq's variables that say which database is meant
NAMING = ("PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE")
#: the server that makes scratch databases where it is to be ours, and none that a URL names
EMBEDDED = "embedded"
#: for the pytest plugin alone; an application under test that reads its settings beside it must not stumble over it
TESTS = "SQLRAIL_TEST_DATABASE_URL"
UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
#: PostgreSQL keeps its timeouts in a signed 32-bit number of milliseconds
LONGEST = 2_147_483.0
#: a hundred years: what is older than more is nothing
OLDEST = 36_500 * 86400.0

T = TypeVar("T")


@dataclass(frozen=True)
class Mark:
    """What tells a database that we made from every other: a server or a pooler may lead all names to one."""

    database: str
    token: str


class Target(NamedTuple):
    """The database that a run works on."""

    user: str
    host: str
    port: int
    database: str
    server_version: str
    environment: Environment | None  # None is unknown

    def as_json(self) -> TargetResult:
        """The same for scripts."""
        return {
            "user": self.user,
            "host": self.host,
            "port": self.port,
            "database": self.database,
            "server_version": self.server_version,
            "environment": self.environment,
        }

    def __str__(self) -> str:
        where = f"{self.user}@{self.host}:{self.port}/{self.database}"
        return f"{where}, PostgreSQL {self.server_version}, environment {self.environment or 'unknown'}"


def seconds(text: str) -> float:
    """A duration such as 500ms, 5s, 10min or 1h, in seconds; ValueError says what is wrong with it.

    A bare number is refused: PostgreSQL would take it for milliseconds, most people for seconds.
    """
    value = _duration(text, "500ms, 5s or 10min")
    if value > LONGEST:
        raise ValueError("the longest duration that PostgreSQL takes is 596h")
    return value


def age(text: str) -> float:
    """An age such as 12h or 30d, in seconds; ValueError says what is wrong with it."""
    value = _duration(text, "12h or 30d")
    if value > OLDEST:
        raise ValueError("the greatest age is 36500d")
    return value


def _duration(text: str, examples: str) -> float:
    match = re.fullmatch(rf"([0-9]+(?:\.[0-9]+)?)\s*({'|'.join(UNITS)})", text.strip())
    if text.strip() == "0":
        return 0.0
    if match is None:
        raise ValueError(f"write a number with its unit, as in {examples}")
    return float(match[1]) * UNITS[match[2]]


def share(text: str) -> float:
    """A share between 0 and 1, given as 0.1 or 10%."""
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ValueError("write a share between 0 and 1, as in 0.1 or 10%")
    return value


def count(text: str) -> int:
    """A whole number of rows, 0 or more."""
    if not re.fullmatch(r"[0-9]{1,18}", text.strip()):
        raise ValueError("write a whole number, 0 or more")
    return int(text)


def switch(text: str) -> bool:
    """A yes or a no."""
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off", ""):
        return False
    raise ValueError("write 1 or 0")


def some_seconds(text: str) -> float:
    """A duration that is not 0, in seconds."""
    value = seconds(text)
    if not value:
        raise ValueError("write a duration above 0, as in 200ms")
    return value


def folder(text: str) -> Path:
    """A folder's path."""
    # An empty one would be the working folder, whatever lies there.
    if not text.strip():
        raise ValueError("name a folder")
    return Path(text)


def file(text: str) -> Path:
    """A file's path."""
    if not text.strip():
        raise ValueError("name a file")
    return Path(text)


def names(text: str) -> tuple[str, ...]:
    """Names separated by commas; one with a comma or a quote in it is in double quotes, as listed() writes it."""
    found = re.findall(r'\s*(?:"((?:[^"]|"")+)"\s*|([^,]+))(?:,|$)', text)
    return tuple(
        quoted.replace('""', '"') or plain.strip() for quoted, plain in found if quoted or plain.strip()
    )


def listed(name: str) -> str:
    """A name as it is written in a list that is separated by commas."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"' if re.search(r'[",]|^\s|\s$', name) else name


def environment(text: str) -> Environment:
    """An environment's name."""
    for name in ENVIRONMENTS:
        if name == text:
            return name
    raise ValueError(f"use one of {', '.join(ENVIRONMENTS)}")


def is_expendable(name: str | None) -> bool:
    """Whether what is in a database of that environment may be lost; None is unknown, and may not."""
    return name in ("development", "test")


def may_be_production(name: str | None) -> bool:
    """Whether an environment counts as production where something is destroyed; None is unknown, and does."""
    return name in (None, "production")


def interrupted(text: str) -> str:
    """What to do with a statement that was cut off."""
    if text not in INTERRUPTED:
        raise ValueError("write again, to run that statement once more, or done, to continue after it")
    return text


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
    says: str = "",  # its help, where {default} stands for the default
    *,
    name: str = "",  # where it is not the field's
    note: str = "",
    example: str | None = None,
    is_of_one_run: bool = False,
    is_secret: bool = False,  # it may hold a password
) -> T:
    """A field of Settings that people set."""
    told = says.format(default=default)
    row = Setting(name, reader, default, metavar, told, note or told, example, is_of_one_run)
    value = None if default is None else reader(default)
    made: T = field(default=value, repr=not is_secret, metadata={"setting": row})  # type: ignore[assignment]
    return made


@dataclass(frozen=True)
class Settings:
    """What a run is told. Durations are seconds, shares are between 0 and 1.

    A field with a setting() is a row of the table, in the order of .env.example: SQLRAIL_<NAME> sets it, and --<name>
    with the verbs that call flags.add() for it. The rest is worked out by read() and given().
    """

    # one of ENVIRONMENTS; None is unknown, and treated as production
    environment: Environment | None = setting(
        None, environment, name="env", example="development",
        note="Which environment: development, test, staging or production; without it what APP_ENV says. Unset counts "
        "as production where something is destroyed.",
    )  # fmt: skip
    # no database is named, and the embedded server may stand in
    embedded: bool = setting(
        "0", switch,
        note="1: the embedded server may stand in where no environment is named either, as it does for the Makefile.",
    )  # fmt: skip
    migrations: Path = setting("migrations", folder, "DIR", "the folder of the files (default: {default})")
    seed: Path = setting(
        "sql/seed.sql", file, "FILE",
        "then load rows to work with, of this file (else SQLRAIL_SEED's, else {default})",
        note="reset --seed: the rows that it loads",
    )  # fmt: skip
    wait: float = setting(
        "0", seconds, "TIME", "how long to wait until the database answers (default: {default})"
    )
    lock_wait: float = setting(
        "60s", seconds, "TIME", "how long to wait for another runner (default: {default})"
    )
    lock_timeout: float = setting("2s", seconds, "TIME", "longest wait for one lock (default: {default})")
    statement_timeout: float = setting(
        "0", seconds, "TIME", "longest time for one statement (default: {default}, none)"
    )
    retry_for: float = setting(
        "10min", seconds, "TIME", "how long a file that gave way is tried (default: {default})"
    )
    idle_timeout: float = setting(
        "10min", seconds, "TIME", "how long a runner that was stopped keeps its locks (default: {default})",
        note="how long a runner that was stopped (Ctrl-Z, a paused container) keeps its locks; 0: until somebody "
        "ends it",
    )  # fmt: skip
    max_share: float = setting("10%", share, "F", "share of a table that may be orphans (default: {default})")
    max_rows: int = setting(
        "1000", count, "N", "orphans that may go whatever their share of the table (default: {default})"
    )
    allow_triggers: tuple[str, ...] = setting(
        "", names, "NAMES", "triggers that may fire, separated by commas; may be given several times",
        note="triggers that may fire, separated by commas",
    )  # fmt: skip
    batch_time: float = setting(
        "200ms", some_seconds, "TIME", "how long a batch may take (default: {default})",
        note="cleanup --online: how long a batch may take",
    )  # fmt: skip
    pause: float = setting(
        "100ms", seconds, "TIME", "between two batches (default: {default})",
        note="cleanup --online: the pause between two batches",
    )  # fmt: skip
    pause_file: Path | None = setting(
        None, file, "FILE", "wait as long as this file is there",
        note="cleanup --online: wait as long as this file is there", example="sqlrail.pause",
    )  # fmt: skip
    max_lag: float = setting(
        "1.5s", seconds, "TIME", "wait while a replica is further behind (default: {default}; 0: never)",
        note="cleanup --online: wait while a replica is further behind; 0: never",
    )  # fmt: skip
    interrupted: str | None = setting(
        None, interrupted, "again|done",
        "what to do with a statement outside a transaction that was cut off, and may have taken effect",
        is_of_one_run=True,
    )  # fmt: skip
    against: str | None = setting(
        None, str, "URL", "compare with another database instead of the files (or SQLRAIL_AGAINST)",
        note="drift: compare with another database instead of the files",
        example="postgresql://app:secret@localhost:5432/other", is_secret=True,
    )  # fmt: skip
    scratch: str | None = setting(
        None, str, f"{EMBEDDED}|URL",
        "the server on which the scratch database is made (or SQLRAIL_SCRATCH; default: the database's own)",
        note="plan, drift, schema, baseline: the server on which the scratch database is made, embedded or a URL; "
        "without it the database's own",
        example=EMBEDDED, is_secret=True,
    )  # fmt: skip
    schema_file: Path | None = setting(
        None, file, "FILE", "where the schema that the files build is kept (or SQLRAIL_SCHEMA_FILE)",
        note="where migrate, reset and schema keep the schema that the files build", example="schema.sql",
    )  # fmt: skip
    retention: float = setting(
        "90d", age, "TIME", "how long the archive may keep rows (default: {default})",
        note="doctor: how long the archive may keep what cleanups deleted",
    )  # fmt: skip

    database_url: str | None = field(
        default=None, repr=False
    )  # None: libpq's variables, or the embedded server
    environment_said: str = "APP_ENV is not set"  # where that comes from
    is_named: bool = False  # something says which database is meant
    home: Path = Path(".pgdata")
    connect_timeout: int | None = 10  # None: the URL or PGCONNECT_TIMEOUT says
    new_schema: bool = False  # the first schema of the search_path has a history of its own
    actor: str = "unknown"
    host: str = "unknown"
    mark: Mark | None = field(default=None, repr=False)  # what each connection has to find where it leads
    secrets: tuple[str, ...] = field(default=(), repr=False)
    reached: Callable[[Target], object] | None = (
        field(  # told of each connection to the database that is meant
            default=None, repr=False, compare=False
        )
    )
    notices: bool = False  # whether the server's are said too, and not only its warnings
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # how something that was given was read


#: by their field in Settings
SETTINGS: dict[str, Setting] = {
    it.name: row._replace(name=row.name or it.name)
    for it in fields(Settings)
    if (row := it.metadata.get("setting"))
}


def read(
    flags: Mapping[str, str | None],
    environ: MutableMapping[str, str] | None = None,
    folder: Path = Path(),
    *,
    need_database: bool = True,
) -> Settings:
    """Settings from flags, then the environment, then .env, then defaults.

    Every bad value is named in the one SettingsError. What .env says of libpq's own variables (PGHOST and
    so on) is put into the environment, where libpq looks for it.
    """
    environ = os.environ if environ is None else environ
    problems: list[str] = []
    from_file = _read_env_file(flags.get("env_file"), folder, problems)
    merged = {**from_file, **environ}
    values = _read_own(flags, merged, problems)
    environment = _read_environment(values.pop("environment", None), merged)
    others = {name: _read_other(name, values, problems) for name in ("against", "scratch")}
    # An empty flag is a variable that a script lost, and no reason to go to another database.
    url, origin = flags.get("database_url"), "--database-url"
    if url is None:
        url, origin = merged.get("DATABASE_URL"), "DATABASE_URL"
    read_url = urls.read(url, origin, problems)
    parameters = read_url.parameters
    urls.check_parameters(parameters, origin, merged, problems)
    named = url is not None or any(merged.get(name) for name in NAMING)
    asked = bool(values.pop("embedded", False))
    embedded = need_database and not named and _may_be_embedded(environment, asked, problems)
    if problems:
        raise SettingsError(*problems)
    outside = url is not None and url != from_file.get("DATABASE_URL")
    for name, value in from_file.items():
        # A .env that names another place must not lead a URL from outside there.
        if name.startswith("PG") and not (outside and name in NAMING):
            environ.setdefault(name, value)
    if embedded:  # what is meant for another server, PGSSLMODE say, would keep libpq from ours
        for name in [name for name in environ if name.startswith("PG")]:
            del environ[name]
    timeout_given = "connect_timeout" in parameters or merged.get("PGCONNECT_TIMEOUT")
    warnings = []
    on_the_command_line = [("DATABASE_URL", origin == "--database-url", parameters)]
    for name, other in others.items():
        on_the_command_line.append((f"SQLRAIL_{name.upper()}", flags.get(name) is not None, other.parameters))
    for instead, is_flag, its in on_the_command_line:
        if is_flag and its.get("password"):
            warnings.append(
                f"a password on the command line can be read in the process list; use {instead} or PGPASSFILE."
            )
    passwords = [(url, parameters), *((values.get(name), it.parameters) for name, it in others.items())]
    return Settings(
        database_url=read_url.text,
        environment=environment.name or ("development" if embedded else None),
        environment_said=environment.said,
        is_named=named,
        embedded=embedded,
        home=folder / ".pgdata",
        connect_timeout=None if timeout_given else 10,
        actor=_actor(merged),
        host=socket.gethostname(),
        secrets=_secrets(passwords, merged),
        warnings=tuple(warnings),
        notes=(*read_url.notes, *(note for it in others.values() for note in it.notes)),
        **values,
    )


def test_database_url() -> str | None:
    """The server for tests, where the environment names one."""
    return os.environ.get(TESTS)


def given(url: str, directory: str | os.PathLike[str], **values: Any) -> Settings:
    """The settings of an application, from arguments alone; every bad one is named in the one SettingsError."""
    problems: list[str] = []
    # None is a variable that nobody has set, and no reason to go to another database.
    if url is not None and not isinstance(url, str):
        raise SettingsError(f"the URL is of the type {type(url).__name__}: give a string.")
    read_url = urls.read(url or "", "the URL", problems)
    parameters = read_url.parameters
    urls.check_parameters(parameters, "the URL", os.environ, problems)
    read = {**values, "migrations": directory}
    for name, value in read.items():
        try:
            read[name] = _CHECKS[SETTINGS[name].reader](value)
        except (TypeError, ValueError) as exc:
            problems.append(f"{name} is {value!r}: {exc}.")
    if problems:
        raise SettingsError(*problems)
    timeout_given = "connect_timeout" in parameters or os.environ.get("PGCONNECT_TIMEOUT")
    return Settings(
        database_url=read_url.text,
        is_named=True,
        connect_timeout=None if timeout_given else Settings.connect_timeout,
        actor=_actor(os.environ),
        host=socket.gethostname(),
        secrets=_secrets(((url, parameters),), os.environ),
        **read,
    )


def _within(highest: float, what: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= highest:
            raise ValueError(f"give {what}")
        return value

    return check


def _path(value: Any) -> str:
    if not isinstance(value, str | os.PathLike):
        raise TypeError("give the folder's path")
    return os.fsdecode(value)


def _several(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not all(isinstance(name, str) for name in value):
        raise TypeError("give a list of names")
    return tuple(value)


def _one_of(names: tuple[str, ...]) -> Callable[[str | None], str | None]:
    def check(value: str | None) -> str | None:
        if value is not None and value not in names:
            raise ValueError(f"give one of {', '.join(names)}")
        return value

    return check


#: by how it is read as text: how it is checked when an application gives it as a value
_CHECKS: dict[Callable[[str], Any], Callable[[Any], Any]] = {
    folder: lambda value: folder(_path(value)),
    environment: _one_of(ENVIRONMENTS),
    interrupted: _one_of(INTERRUPTED),
    seconds: _within(LONGEST, "seconds as a number, 596 hours at the most"),
    share: _within(1, "a share between 0 and 1"),
    count: _within(10**18, "a number of rows, 0 or more"),
    names: _several,
}


def environment_for(connection: psycopg.Connection[Any], settings: Settings) -> dict[str, str]:
    """Our own environment for a child process, with DATABASE_URL leading to the database of the connection.

    The URL is one that drivers without libpq read too: a folder with a socket in it is a parameter, and no host.
    """
    info, given = connection.info, conninfo_to_dict(settings.database_url or "")
    is_socket = info.host.startswith("/")
    password = f":{quote(info.password, safe='')}" if info.password else ""
    host = "localhost" if is_socket else f"[{info.host}]" if ":" in info.host else info.host
    ours = ("host", "hostaddr", "port", "user", "password", "dbname", "connect_timeout", "client_encoding")
    more = {name: str(value) for name, value in given.items() if name not in ours}
    query = urlencode({"host": info.host} | more if is_socket else more, quote_via=quote)
    url = (
        f"postgresql://{quote(info.user, safe='')}{password}@{host}:{info.port}/{quote(info.dbname, safe='')}"
    )
    # PGHOSTADDR would lead elsewhere, whatever the URL says.
    rest = {name: value for name, value in os.environ.items() if name not in NAMING}
    return {**rest, "DATABASE_URL": f"{url}?{query}" if query else url}


def _read_env_file(named: str | None, folder: Path, problems: list[str]) -> dict[str, str]:
    path = folder / ".env" if named is None else Path(named)
    if not path.is_file():
        if named is not None:
            problems.append(f"--env-file: there is no file '{named}'.")
        return {}
    from dotenv.parser import parse_stream

    values: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for binding in parse_stream(stream):
                text = binding.original.string
                # A binding begins with the blank lines before it.
                line = binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
                if binding.error:
                    problems.append(f"{path.name}:{line}: not a line of the form NAME=value.")
                elif "\0" in text:
                    problems.append(f"{path.name}:{line}: a NUL byte cannot be in a setting.")
                elif binding.key is not None and binding.value is not None:
                    values[binding.key] = binding.value
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8"
        problems.append(f"{path.name} cannot be read: {reason}.")
    return values


def _read_own(
    flags: Mapping[str, str | None], merged: Mapping[str, str], problems: list[str]
) -> dict[str, Any]:
    variables = [row.variable for row in SETTINGS.values() if not row.is_of_one_run]
    for name in merged:
        if name.startswith("SQLRAIL_") and name not in (*variables, TESTS):
            problems.append(_no_setting(name, variables))
    values: dict[str, Any] = {}
    for name, row in SETTINGS.items():
        text, origin = flags.get(row.name), row.flag
        if text is None and not row.is_of_one_run:
            text, origin = merged.get(row.variable), row.variable
        if text is None:
            continue
        try:
            values[name] = row.reader(text)
        except ValueError as exc:
            problems.append(f"{origin} is '{text}': {exc}.")
    return values


def _read_other(name: str, values: dict[str, Any], problems: list[str]) -> urls.Url:
    """Another database's URL, which is put among the values as libpq reads it."""
    given = values.get(name)
    if name == "scratch" and given == EMBEDDED:
        return urls.Url()
    if name == "scratch" and given and given.isalpha():
        problems.append(f"--scratch is '{given}': it must be {EMBEDDED}, or the URL of another server.")
        return urls.Url()
    # An empty one is a variable that a script lost; beside the database is where it must not go instead.
    other = urls.read(given, f"--{name}", problems)
    urls.check_parameters(other.parameters, f"--{name}", {}, problems)
    if other.text is not None:
        values[name] = other.text
    return other


def _no_setting(name: str, variables: Iterable[str]) -> str:
    flag = next((row.flag for row in SETTINGS.values() if row.is_of_one_run and row.variable == name), None)
    if flag is not None:
        return (
            f"{name} is not a setting, for it would hold for later statements too: say {flag} in the run that it "
            "is for."
        )
    return f"{name} is not a setting{guess(name, variables)} There are: {', '.join(variables)}."


class _Environment(NamedTuple):
    """Which environment this is, what said so, and whether it was said by one of the four names."""

    name: Environment | None
    said: str
    is_plain: bool = True


def _read_environment(ours: Environment | None, merged: Mapping[str, str]) -> _Environment:
    """SQLRAIL_ENV's, else what APP_ENV means: frameworks fill that, with names of their own."""
    if ours is not None:
        return _Environment(ours, f"SQLRAIL_ENV is {ours}")
    given = merged.get("APP_ENV")
    if not given:
        return _Environment(None, Settings.environment_said)
    name = SHORT_FORMS.get(given.strip().lower())
    return _Environment(name, f"APP_ENV is {given}", given == name)


def _may_be_embedded(environment: _Environment, asked: bool, problems: list[str]) -> bool:
    if environment.name in ("development", "test") and (environment.is_plain or asked):
        return True
    is_unknown = environment.said == Settings.environment_said
    if asked and is_unknown:
        return True
    problems.append(
        "no database is named: set DATABASE_URL (postgresql://user@host:5432/name). "
        + (
            "For the embedded server set SQLRAIL_ENV=development."
            if is_unknown or environment.name in ("development", "test")
            else f"The embedded server does not stand in where {environment.said}."
        )
    )
    return False


def _actor(merged: Mapping[str, str]) -> str:
    # Not getpass.getuser(): it raises for a uid without a passwd entry, as in many containers.
    name = next((merged[name] for name in ("LOGNAME", "USER", "USERNAME") if merged.get(name)), None)
    # What is not UTF-8 in it could not be sent to the database.
    return (name or f"uid {os.getuid()}").encode(errors="replace").decode()


def _secrets(
    urls: Iterable[tuple[str | None, Mapping[str, Any]]], merged: Mapping[str, str]
) -> tuple[str, ...]:
    """Every spelling of every password, longest first, for hiding them."""
    found = {merged[name] for name in ("PGPASSWORD", "PGSSLPASSWORD") if merged.get(name)}
    for url, parameters in urls:
        found |= {str(parameters[name]) for name in ("password", "sslpassword") if parameters.get(name)}
        found |= {match for match in re.findall(r"://[^:/@]*:([^@/]*)@", url or "") if match}
        found |= {match for match in re.findall(r"[?&](?:ssl)?password=([^&]*)", url or "") if match}
    return tuple(sorted(found | {unquote(secret) for secret in found}, key=len, reverse=True))
