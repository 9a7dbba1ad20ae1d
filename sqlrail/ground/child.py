"""What a child process is told of the database."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict

from sqlrail.ground.settings import Settings
from sqlrail.ground.target import NAMING


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
