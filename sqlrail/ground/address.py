"""A database as applications name it: by a URL, by SQLAlchemy's URL object, or by an entry of Django's DATABASES."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias, TypeGuard, runtime_checkable

import psycopg
from psycopg.conninfo import make_conninfo

from sqlrail.errors import SettingsError

#: parameters of libpq's, by their names in an entry of DATABASES
_OF_DJANGO = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
#: in its OPTIONS, what is for Django and psycopg, and changes nothing for a migration
_NOT_OURS = {
    *("pool", "server_side_binding", "isolation_level", "prepare_threshold", "cursor_factory", "context"),
    "client_encoding",
}


@runtime_checkable
class Rendered(Protocol):
    """SQLAlchemy's URL, or what is like it."""

    def render_as_string(self, hide_password: bool) -> str:
        """As a URL, with the password if it is not hidden."""


Address: TypeAlias = "str | Mapping[str, Any] | Rendered"


def is_address(given: object) -> TypeGuard[Address]:
    """Whether it names one database, whether or not it does so well. SQLAlchemy's URL is a tuple as well."""
    return isinstance(given, (str, Mapping, Rendered))


def as_text(given: object) -> str:
    """What libpq or urls.read() takes; SettingsError for what names no PostgreSQL database."""
    match given:
        case None:  # a variable that nobody has set, and no reason to go to another database
            return ""
        case str():
            return given
        case Mapping():
            return _of_django(given)
        case Rendered():
            # It leaves blanks as they are, which libpq refuses.
            return given.render_as_string(hide_password=False).replace(" ", "%20")
    raise SettingsError(
        f"the URL is of the type {type(given).__name__}: give a string, SQLAlchemy's URL, or an entry of Django's "
        "DATABASES."
    )


def _of_django(entry: Mapping[str, Any]) -> str:
    engine, options = str(entry.get("ENGINE", "")), dict(entry.get("OPTIONS") or {})
    if not re.search("postg(?:res|is)", engine):
        is_of = f"its ENGINE is {engine}" if engine else "it has no ENGINE"
        raise SettingsError(
            f"the URL is no entry of Django's DATABASES for PostgreSQL: {is_of}. Give one, as in "
            '`settings.DATABASES["default"]`.'
        )
    named = {libpq: entry[name] for name, libpq in _OF_DJANGO.items() if entry.get(name)}
    if not (named.get("dbname") or options.get("service")):
        raise SettingsError("the entry of Django's DATABASES has no NAME: give it one.")
    if role := options.pop("assume_role", None):
        quoted = re.sub(r"([\\\s])", r"\\\1", str(role))
        options["options"] = f"{options.get('options', '')} -c role={quoted}".strip()
    parameters = {**named, **{name: value for name, value in options.items() if name not in _NOT_OURS}}
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    if unknown := sorted(set(parameters) - known):
        raise SettingsError(
            f"OPTIONS in Django's DATABASES has what libpq does not know: {', '.join(unknown)}."
        )
    return make_conninfo("", **parameters)
