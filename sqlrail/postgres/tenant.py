"""Where names lead on a connection for tenants: to the schema of one, and behind it to what is shared."""

from __future__ import annotations

from psycopg import sql

from sqlrail.ground.settings import Settings
from sqlrail.postgres.connect import TenantConnection
from sqlrail.postgres.wire import message


def lead(connection: TenantConnection, settings: Settings) -> None:
    """From the next transaction of ours on, names lead to the settings' tenant."""
    own = sql.Identifier(str(settings.tenant)).as_string(connection)
    if settings.shared_path is None:
        path = message(connection, "_behind", own=own)
    else:
        behind = [sql.Identifier(schema).as_string(connection) for schema in settings.shared_path]
        path = sql.Literal(", ".join([own, *behind])).as_bytes(connection)
    connection.lead = message(connection, "lead", tenant=settings.tenant, path=path)
