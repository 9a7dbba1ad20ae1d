"""Connections to the database."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from sqlrail.errors import ConnectionFailed, Interrupted, WrongDatabase
from sqlrail.ground.events import Listener, WaitingForServer, nobody
from sqlrail.ground.settings import Settings
from sqlrail.ground.target import Identity, Mark, Target
from sqlrail.ground.words import masked
from sqlrail.postgres import stopping

if TYPE_CHECKING:  # why a connection failed is asked where one did
    from sqlrail.postgres.unreachable import Failure

#: seconds between two tries to connect: the first, and the most
PAUSES = (0.1, 1.0)
#: a peer that is gone is noticed after 30 s of silence and three questions, 5 s apart; what we sent, after as long
KEEPALIVES = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 45_000,
}

Connection = psycopg.Connection[tuple[Any, ...]]
#: the name of the database in which a statement runs
CURRENT = sql.SQL("pg_catalog.current_database()")


class TenantConnection(Connection):
    """A connection on which names lead to the schema of one tenant after the other."""

    #: what each transaction of ours begins with, see lead.sql
    lead: bytes = b""


def connect(
    settings: Settings,
    options: str | None = None,
    listener: Listener = nobody,
    name: str = "sqlrail",
) -> Connection:
    """A connection in autocommit mode, with libpq's options if given; ConnectionFailed says where to and why not.

    The connection string goes to libpq as it is. Statements are never prepared behind our back: a pooler in
    transaction mode would not find them again. What time may mend is waited for, settings.wait seconds at the most,
    and said once. Raises WrongDatabase where settings.mark is not found, and what settings.claims raises.
    """
    try:
        connection = _connect(settings, options, listener, name)
    except Interrupted as exc:
        exc.args = (f"interrupted while connecting to {target(settings)}.",)
        raise
    if isinstance(connection, TenantConnection):
        from sqlrail.postgres.tenant import lead

        lead(connection, settings)
    if settings.mark:
        _prove(connection, settings.mark, settings.url_origin)
    else:
        told(settings, connection)
    return connection


def told(settings: Settings, connection: Connection) -> None:
    """Tells whoever wants to know which database is meant that it was reached."""
    if settings.database_url in (settings.against or "", settings.scratch or ""):
        return
    if settings.reached:
        settings.reached(_reached(settings, connection))
    if settings.claims:
        _claim(settings.claims, connection)


def _claim(claims: Callable[[Identity], object], connection: Connection) -> None:
    """Tells which database the connection leads to; it is closed where nobody may go on with it."""
    from sqlrail.postgres.wire import ask

    try:
        claims(Identity(*ask(connection, "database_identity", database=CURRENT)[0]))
    except BaseException:
        connection.close()
        raise


def _reached(settings: Settings, connection: Connection) -> Target:
    info = connection.info
    version = (info.parameter_status("server_version") or "?").split()[0]
    return Target(info.user, info.host, info.port, info.dbname, version, settings.environment)


def _prove(connection: Connection, mark: Mark, url: str) -> None:
    """WrongDatabase if the connection does not lead to the database that it names; it is closed then."""
    from sqlrail.postgres.wire import ask

    try:
        database, token = ask(connection, "mark")[0]
        if (database, token) != (mark.database, mark.token):
            raise WrongDatabase(
                f"the connection to {mark.database} leads to {database}: a pooler or server leads every name to one "
                f"database. Name the server itself in {url}. Nothing was changed there."
            )
    except BaseException:
        connection.close()
        raise


def _connect(settings: Settings, options: str | None, listener: Listener, name: str) -> Connection:
    deadline, pause, waiting = time.monotonic() + settings.wait, PAUSES[0], False
    while True:
        left = max(2, round(deadline - time.monotonic())) if waiting else None
        conninfo = make_conninfo(settings.database_url or "", **_given(settings, options, left, name))
        try:
            kind = Connection if settings.tenant is None else TenantConnection
            return kind.connect(conninfo, autocommit=True, prepare_threshold=None)
        except psycopg.Error as exc:
            failure = _explain(settings, conninfo, exc)
        if not failure.passes or time.monotonic() + pause > deadline:
            raise _failed(settings, failure, waiting)
        if not waiting:
            why = masked(failure.what or failure.words, settings.secrets)
            listener(WaitingForServer(masked(target(settings), settings.secrets), settings.wait, why))
            waiting = True
        stopping.sleep(pause)
        pause = min(pause * 2, PAUSES[1])


def _given(settings: Settings, options: str | None, left: int | None, name: str) -> dict[str, Any]:
    """What of libpq's parameters we set: a dead peer is noticed within a minute, unless the URL says otherwise."""
    given = conninfo_to_dict(settings.database_url or "")
    parameters: dict[str, Any] = {name: value for name, value in KEEPALIVES.items() if name not in given}
    parameters |= {
        "client_encoding": "UTF8",
        "fallback_application_name": f"{name} {settings.host}:{os.getpid()}"[:63],
    }
    if settings.connect_timeout is not None:
        parameters["connect_timeout"] = min(settings.connect_timeout, left or settings.connect_timeout)
    if options is not None:
        parameters["options"] = options
    if settings.password_command is not None and not given.get("password"):
        parameters["password"] = _printed(settings, settings.password_command)
    return parameters


def _printed(settings: Settings, command: str) -> str:
    from sqlrail.postgres.password import printed  # few need it

    part = _parameters(settings)
    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}
    try:
        return printed(command, {variable: part[name] for variable, name in names.items()})
    except ConnectionFailed as exc:
        text = f"cannot connect to {target(settings)}: {exc}"
        raise ConnectionFailed(masked(text, settings.secrets)) from None


def _explain(settings: Settings, conninfo: str, error: psycopg.Error) -> Failure:
    from sqlrail.postgres.unreachable import explain

    part = _parameters(settings)
    return explain(conninfo, error, part["user"], part["dbname"] or part["user"], settings.url_origin)


def _failed(settings: Settings, failure: Failure, waited: bool) -> ConnectionFailed:
    where = f"cannot connect to {target(settings)}"
    if waited and failure.passes:
        where += f", and gave up after {settings.wait:g} s (--wait)"
    if failure.what is None:
        named = settings.url_origin if settings.database_url else "PGHOST and so on"
        text = f"{where}: {failure.words}. Check what {named} says, and that the server runs."
    else:
        text = f"{where}: {failure.what} ({failure.words}). {failure.remedy}"
    if failure.passes and not settings.wait:
        text += " `status --wait 60s` waits for it."
    failed = ConnectionFailed(masked(text, settings.secrets))
    failed.is_full = failure.is_full
    return failed


def target(settings: Settings) -> str:
    """Where a connection goes, as user@host:port/database without the password."""
    part, given = _parameters(settings), conninfo_to_dict(settings.database_url or "")
    if part["service"] and not (given.get("host") or given.get("hostaddr")):
        return f"service {part['service']}"
    host = part["host"] or part["hostaddr"] or "the local socket"
    return f"{part['user']}@{host}:{part['port']}/{part['dbname'] or part['user']}"


def database_of(settings: Settings) -> str:
    """The name of the database that a connection asks for; a service may name another."""
    part = _parameters(settings)
    return part["dbname"] or part["user"]


def place(settings: Settings) -> str:
    """Which database that is, as host/name, with the port where it is not PostgreSQL's own; whoever it is for."""
    part, given = _parameters(settings), conninfo_to_dict(settings.database_url or "")
    if part["service"] and not (given.get("host") or given.get("hostaddr")):
        return f"service {part['service']}{'/' if part['dbname'] else ''}{part['dbname']}"
    host = part["host"] or part["hostaddr"] or "localhost"
    port = f":{part['port']}" if part["port"] != "5432" else ""
    return f"{host}{port}/{part['dbname'] or part['user']}"


def _parameters(settings: Settings) -> dict[str, str]:
    """What libpq makes of the connection string and its own variables."""
    given = conninfo_to_dict(settings.database_url or "")
    defaults = {option.keyword.decode(): option.val or b"" for option in psycopg.pq.Conninfo.get_defaults()}
    return {name: str(given.get(name) or default.decode()) for name, default in defaults.items()}
