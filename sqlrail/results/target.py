"""Where a run was."""

from __future__ import annotations

from typing import Literal, TypedDict

Environment = Literal["development", "test", "staging", "production"]


class TargetResult(TypedDict):
    """The database that the run worked on."""

    user: str  # the role
    host: str  # or the folder of a socket
    port: int  # of the server
    database: str  # its name
    server_version: str  # as the server says it: 18.1
    environment: Environment | None  # of APP_ENV or SQLRAIL_ENV; null: unknown, and treated as production
