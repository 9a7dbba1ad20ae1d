"""Connections to the database, and the hiding of secrets in all that is said about them."""

from __future__ import annotations

import os
import re
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from sqlrail.errors import ConnectionFailed
from sqlrail.settings import Settings

Connection = psycopg.Connection[tuple[Any, ...]]


def connect(settings: Settings, options: str | None = None) -> Connection:
    """A connection in autocommit mode, with libpq's options if given; ConnectionFailed says where to and why not.

    The connection string goes to libpq as it is. Statements are never prepared behind our back: a pooler in
    transaction mode would not find them again.
    """
    parameters: dict[str, Any] = {
        "client_encoding": "UTF8",
        "fallback_application_name": f"sqlrail {settings.host}:{os.getpid()}"[:63],
    }
    if settings.connect_timeout is not None:
        parameters["connect_timeout"] = settings.connect_timeout
    if options is not None:
        parameters["options"] = options
    conninfo = make_conninfo(settings.database_url or "", **parameters)
    try:
        return psycopg.connect(conninfo, autocommit=True, prepare_threshold=None)
    except psycopg.Error as exc:
        lines = [line.strip() for line in hide(str(exc), settings).splitlines()]
        reason = "; ".join(line for line in lines if line)
        reason += "" if reason.endswith((".", "?")) else "."
        named = "DATABASE_URL" if settings.database_url else "PGHOST and so on"
        raise ConnectionFailed(
            f"cannot connect to {target(settings)}: {reason} Check what {named} says, and that the server runs."
        ) from None


def target(settings: Settings) -> str:
    """Where a connection goes, as user@host:port/database without the password."""
    part, given = _parameters(settings), conninfo_to_dict(settings.database_url or "")
    if part["service"] and not (given.get("host") or given.get("hostaddr")):
        return f"service {part['service']}"
    host = part["host"] or part["hostaddr"] or "the local socket"
    return hide(f"{part['user']}@{host}:{part['port']}/{part['dbname'] or part['user']}", settings)


def _parameters(settings: Settings) -> dict[str, str]:
    """What libpq makes of the connection string and its own variables."""
    given = conninfo_to_dict(settings.database_url or "")
    defaults = {option.keyword.decode(): option.val or b"" for option in psycopg.pq.Conninfo.get_defaults()}
    return {name: str(given.get(name) or default.decode()) for name, default in defaults.items()}


def hide(text: str, settings: Settings) -> str:
    """The text without any password of ours in it."""
    for secret in settings.secrets:
        # One that is short or a plain word is hidden as a word only: as a piece of others, as in 001_users for
        # "users", it would blot out the message.
        word = len(secret) < 4 or re.fullmatch(r"[a-z]+", secret)
        pattern = rf"(?<!\w){re.escape(secret)}(?!\w)" if word else re.escape(secret)
        text = re.sub(pattern, "***", text)
    return text
