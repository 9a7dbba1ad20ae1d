"""The database's URL, as libpq reads it and as others write it; what is wrong with one is said without quoting it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
#: URLs of other libraries that begin otherwise: a driver behind a plus (SQLAlchemy), PostGIS (Django, Rails), JDBC
SCHEMES = r"(?:jdbc:)?(?:postgres|postgresql|postgis|pgsql|psql)(?:\+[a-z0-9_]+)?://"
#: parameters of libraries that libpq does not know, and that change nothing for a migration: sizes of pools and caches
_NOT_OURS = {
    *("pgbouncer", "connection_limit", "pool_timeout", "socket_timeout", "statement_cache_size"),  # Prisma
    *("prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback"),  # SQLAlchemy
    *("pool_max_conns", "pool_min_conns", "pool_max_conn_lifetime", "pool_max_conn_lifetime_jitter"),  # pgx
    *("pool_max_conn_idle_time", "pool_health_check_period", "default_query_exec_mode"),
    *("statement_cache_capacity", "description_cache_capacity"),
    *("binary_parameters", "disable_prepared_binary_result"),  # lib/pq
    *("pool", "prepared_statements", "encoding", "checkout_timeout", "reaping_frequency"),  # Rails
    *("conn_max_age", "conn_health_checks"),  # Django
    "uselibpqcompat",  # node-postgres
    *("preparethreshold", "tcpkeepalive", "rewritebatchedinserts"),  # JDBC
}
#: how a schema is named where libpq wants a setting of the session
_SCHEMAS = ("schema", "currentschema", "search_path")


@dataclass(frozen=True)
class Url:
    """What libpq is given, its parameters, and how they were read where they were somebody else's."""

    text: str | None = field(default=None, repr=False)
    parameters: dict[str, Any] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()


def read(given: str | None, origin: str, problems: list[str]) -> Url:
    """A URL or key/value string of libpq's, or one that another library takes; what is wrong is added to problems."""
    if given is None:
        return Url()
    if problem := _problem(given):
        problems.append(f"{origin} {problem}")
        return Url(given)
    url = given if "://" not in given else _as_libpq(given, origin)
    text, notes = (url, ()) if isinstance(url, str) else url
    try:
        return Url(text, dict(conninfo_to_dict(text)), notes)
    except psycopg.ProgrammingError:
        # libpq's own message quotes the piece that it stumbled over, which is often the password.
        problems.append(f"{origin} {_unparsed(text)}")
        return Url(given)


def _problem(given: str) -> str | None:
    if not given.strip():
        return "is empty: give it a URL, or unset it."
    if given != given.strip():
        return "has a blank or a line end before or after it: remove that."
    if "\0" in given:
        return "has a NUL in it, where libpq would end it: remove that."
    if re.match(r"[a-z_]+\s*=", given):
        return None
    if not re.match(SCHEMES, given, re.IGNORECASE):
        scheme = re.match(r"[a-z0-9+:]+(?=://)", given)
        return f"must begin with postgresql:// or postgres://{f', not {scheme[0]}://' if scheme else ''}."
    authority, _, rest = given.split("://", 1)[1].partition("/")
    if authority.count("@") > 1 or "@" in rest.partition("?")[0]:
        return "has an @ too many: in the user name and the password write @ as %40, / as %2F, : as %3A."
    return None


def _as_libpq(given: str, origin: str) -> tuple[str, tuple[str, ...]]:
    """Another library's URL as libpq's, with what was done to it in one sentence."""
    head, _, query = given.partition("?")
    scheme, rest = head.split("://", 1)
    kept, translated, read_as, left = list[str](), list[str](), list[str](), list[str]()
    if scheme not in ("postgres", "postgresql"):
        read_as.append(f"{scheme}:// as postgresql://")
        scheme = "postgresql"
    settings = list[str]()
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        known = name.lower()
        if known in _NOT_OURS or known.startswith("x-"):  # golang-migrate's own
            left.append(name)
        elif known in _SCHEMAS:
            settings.append(_search_path(unquote(value), many=known != "schema"))
            read_as.append(f"{name} as the search_path")
        elif ours := _translated(known, value):
            translated.append(ours)
            read_as.append(f"{name} as {ours.partition('=')[0]}")
        else:
            kept.append(pair)
    kept = _strictest_last([*kept, *translated])
    if settings:
        kept = _with_options(kept, settings)
    url = f"{scheme}://{rest}" + (f"?{'&'.join(kept)}" if kept else "")
    done = [f"reads {', '.join(read_as)}"] if read_as else []
    done += [f"leaves out {', '.join(left)}"] if left else []
    return url, (f"{origin} is another library's: this {' and '.join(done)}",) if done else ()


def _translated(name: str, value: str) -> str | None:
    if name == "applicationname":
        return f"application_name={value}"
    if name == "sslmode" and value == "no-verify":  # node-postgres
        return "sslmode=require"
    if name == "sslaccept":  # Prisma
        return "sslmode=verify-full" if value == "strict" else "sslmode=require"
    if name == "ssl" and value in (*SSL_MODES, "false", "0"):  # libpq takes ssl=true alone
        return f"sslmode={value if value in SSL_MODES else 'disable'}"
    return None


def _strictest_last(pairs: list[str]) -> list[str]:
    """Of two of one name libpq takes the last; what another library may leave unchecked must not undo an sslmode."""
    if sum(_strictness(pair) >= 0 for pair in pairs) < 2:
        return pairs
    return sorted(pairs, key=_strictness)


def _strictness(pair: str) -> int:
    name, _, value = pair.partition("=")
    mode = "require" if (name, value) == ("ssl", "true") else unquote(value) if name == "sslmode" else ""
    return SSL_MODES.index(mode) if mode in SSL_MODES else -1


def _search_path(value: str, *, many: bool) -> str:
    path = value if many else sql.Identifier(value).as_string()
    return "-c search_path=" + re.sub(r"([\\\s])", r"\\\1", path)


def _with_options(kept: list[str], settings: list[str]) -> list[str]:
    others = [pair for pair in kept if not pair.startswith("options=")]
    given = [unquote(pair.partition("=")[2]) for pair in kept if pair.startswith("options=")]
    return [*others, f"options={quote(' '.join([*given, *settings]), safe='')}"]


def _unparsed(text: str) -> str:
    if unknown := _unknown_parameter(text):
        return f"has a parameter that libpq does not know: {unknown}."
    if "://" not in text:
        return "cannot be parsed: write name=value with blanks between, values with blanks in single quotes."
    return (
        "cannot be parsed. In the user name and the password write % as %25, @ as %40, : as %3A, / as %2F, ? as %3F, "
        "# as %23 and a space as %20; the port is a number; parameters behind the ? are libpq's."
    )


def _unknown_parameter(text: str) -> str | None:
    """The first name of a parameter that libpq does not know, unless it may be a piece of a password."""
    query = text.partition("?")[2] if "://" in text else text
    if "@" in query or "password" in query:
        return None
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()} | {"ssl"}
    found = re.findall(r"(?:^|[&\s])([A-Za-z_]+)\s*=", query)
    return next((name for name in found if name not in known), None)


def check_parameters(
    parameters: Mapping[str, Any], origin: str, environ: Mapping[str, str], problems: list[str]
) -> None:
    """Adds what libpq would refuse of a URL, or of its own variables in its place."""
    for name, variable, right, hint in (
        ("port", "PGPORT", lambda v: all(re.fullmatch(r"(0*[1-9][0-9]{0,4})?", p) and int(p or 1) < 65536
                                         for p in v.split(",")), "a port is a number from 1 to 65535"),
        ("connect_timeout", "PGCONNECT_TIMEOUT", lambda v: re.fullmatch(r"-?[0-9]{1,9}", v), "write whole seconds"),
        ("sslmode", "PGSSLMODE", lambda v: v in SSL_MODES, f"use one of {', '.join(SSL_MODES)}"),
    ):  # fmt: skip
        value, place = parameters.get(name), f"{name} in {origin}"
        if value is None:
            value, place = environ.get(variable), variable
        if value and not right(str(value)):
            # Where the host was forgotten, what stands in the port's place is the password: never quoted.
            is_harmless = name != "port" and re.fullmatch(r"[\w.-]{1,20}", str(value))
            problems.append(f"{place}{f' is {value!r}' if is_harmless else ' is wrong'}: {hint}.")
