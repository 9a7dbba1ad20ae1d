"""What the server that answers is like."""

from __future__ import annotations

from dataclasses import dataclass

from sqlrail.postgres.connect import Connection

#: what the limits_*.sql that a server may understand set
MORE_LIMITS: dict[str, dict[str, str | int]] = {
    "limits_linux": {"client_connection_check_interval": "1s"},
    "limits_tcp": {
        "tcp_keepalives_idle": 1,
        "tcp_keepalives_interval": 1,
        "tcp_keepalives_count": 2,
        "tcp_user_timeout": "2s",
    },
    "limits_17": {"transaction_timeout": 0},
}


@dataclass(frozen=True)
class Server:
    """What was asked of the server once: it is replaced whole when that is asked again, and never changed."""

    database: str
    version: int  # as libpq numbers it: 180001
    is_pooled: bool  # a session of the server's is not ours alone
    is_standby: bool
    deadlock_timeout: float  # seconds
    more_limits: tuple[str, ...]  # those of MORE_LIMITS that this server understands
    citus: int | None = None  # the group of this node of Citus: 0 is the coordinator's

    @classmethod
    def read(
        cls,
        connection: Connection,
        database: str,
        notices_dead_clients: bool,
        pid: int,
        is_standby: bool,
        deadlock_timeout: float,
        citus: int | None,
    ) -> Server:
        """From the last columns of look.sql, and what the connection knows by itself."""
        version, is_socket = connection.info.server_version, connection.pgconn.host.startswith(b"/")
        limits = {
            "limits_linux": notices_dead_clients and version >= 140000,
            "limits_tcp": notices_dead_clients and not is_socket,
            "limits_17": version >= 170000,
        }
        return cls(
            database,
            version,
            pid != connection.info.backend_pid,  # a pooler gives its clients numbers of its own
            is_standby,
            deadlock_timeout,
            tuple(name for name, fits in limits.items() if fits),
            citus,
        )

    @property
    def is_citus(self) -> bool:
        """Whether tables may lie on other nodes."""
        return self.citus is not None


#: until it has answered
NOT_ASKED = Server("", 0, False, False, 0.0, ())
