"""Flags, environment and .env, or an application's arguments, become one frozen Settings.

Nothing else reads a setting from os.environ. (local.py takes from it what its server is started with, less all that
names another server.)
"""

from __future__ import annotations

import os
import re
import shlex
import socket
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from sqlrail.errors import SettingsError
from sqlrail.ground import urls
from sqlrail.ground.address import Address, as_text
from sqlrail.ground.settings import EMBEDDED, SETTINGS, Settings
from sqlrail.ground.target import NAMING
from sqlrail.ground.values import CHECKS, ENVIRONMENTS
from sqlrail.ground.words import guess

if TYPE_CHECKING:
    from sqlrail.results.target import Environment

#: what frameworks call them in APP_ENV
SHORT_FORMS: dict[str, Environment] = {
    **{name: name for name in ENVIRONMENTS},
    **dict.fromkeys(("dev", "local"), "development"),
    "testing": "test",
    **dict.fromkeys(("stage", "stg"), "staging"),
    **dict.fromkeys(("prod", "live"), "production"),
}

#: a URL for whoever has given none
EXAMPLE = "postgresql://user@host:5432/name"
#: folders above this one in which a .env is looked for, to be named
UPWARDS = 3
#: for the pytest plugin alone; an application under test that reads its settings beside it must not stumble over it
TESTS = "SQLRAIL_TEST_DATABASE_URL"


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
    looked_in = None if flags.get("env_file") else folder
    embedded = need_database and not named and _may_be_embedded(environment, asked, looked_in, problems)
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


def given(address: Address, directory: str | os.PathLike[str], **values: Any) -> Settings:
    """The settings of an application, from arguments alone; every bad one is named in the one SettingsError."""
    problems: list[str] = []
    url = as_text(address)
    read_url = urls.read(url, "the URL", problems)
    parameters = read_url.parameters
    urls.check_parameters(parameters, "the URL", os.environ, problems)
    read = {**values, "migrations": directory}
    for name, value in read.items():
        try:
            read[name] = CHECKS[SETTINGS[name].reader](value)
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


def checked(name: str, value: Any) -> Any:
    """A setting that an application has given behind the others; SettingsError says what is wrong with it."""
    try:
        return CHECKS[SETTINGS[name].reader](value)
    except (TypeError, ValueError) as exc:
        raise SettingsError(f"{name} is {value!r}: {exc}.") from exc


def of_database(settings: Settings, url: str, origin: str, problems: list[str]) -> Settings:
    """The same settings for another database; what is wrong with its URL is added to problems."""
    read_url = urls.read(url, origin, problems)
    parameters = read_url.parameters
    urls.check_parameters(parameters, origin, os.environ, problems)
    timeout_given = "connect_timeout" in parameters or os.environ.get("PGCONNECT_TIMEOUT")
    return replace(
        settings,
        database_url=read_url.text,
        url_origin=origin,
        is_named=True,
        embedded=False,
        connect_timeout=None if timeout_given else Settings.connect_timeout,
        secrets=_secrets(((url, parameters),), os.environ),
        warnings=(),
        notes=read_url.notes,
    )


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
    there = ", ".join(variables)
    return f"{name} is not a setting{guess(name, variables)} There are: {there}. Take it out: `unset {name}`."


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


def _may_be_embedded(
    environment: _Environment, asked: bool, looked_in: Path | None, problems: list[str]
) -> bool:
    if environment.name in ("development", "test") and (environment.is_plain or asked):
        return True
    is_unknown = environment.said == Settings.environment_said
    if asked and is_unknown:
        return True
    problems.append(
        f"no database is named: `export DATABASE_URL={EXAMPLE}`, or, for the embedded server, "
        "`export SQLRAIL_ENV=development`."
        if is_unknown or environment.name in ("development", "test")
        else f"no database is named, and the embedded server does not stand in where {environment.said}: "
        f"`export DATABASE_URL={EXAMPLE}`."
    )
    if looked_in is not None and (unread := _unread(looked_in)):
        problems.append(
            f"{unread} is read where it is named: `status --env-file {shlex.quote(str(unread))}`."
        )
    return False


def _unread(folder: Path) -> Path | None:
    """A file of settings that somebody may have meant, where there is none in the folder."""
    if (folder / ".env").is_file():
        return None
    beside = [folder / f".env.{name}" for name in ("local", *ENVIRONMENTS)]
    above = [folder / ("../" * levels) / ".env" for levels in range(1, UPWARDS + 1)]
    return next((path for path in (*beside, *above) if path.is_file()), None)


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
