"""Whom a statement or a commit of ours waits for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sqlrail.ground.values import names
from sqlrail.ground.words import lasting, printable

if TYPE_CHECKING:
    from sqlrail.results.error import BlockerResult


class Blocker(NamedTuple):
    """Somebody who is in the way. What this role may not know is None, as is the pid of a prepared transaction."""

    pid: int | None
    kind: str | None  # the server's own word for it: client backend, autovacuum worker
    prepared: str | None  # its name, where it is a prepared transaction
    application: str | None
    user: str | None
    state: str | None
    transaction_seconds: float | None
    query: str | None
    waits: bool  # for a lock itself
    holds: tuple[str, ...]  # modes; empty where it is only ahead in the queue
    is_hidden: bool

    def as_json(self, waited_for: str) -> BlockerResult:
        """The same for scripts, with the lock that it was in the way of."""
        return {
            "pid": self.pid,
            "kind": self.kind,
            "prepared": self.prepared,
            "application": self.application,
            "user": self.user,
            "state": self.state,
            "transaction_seconds": self.transaction_seconds,
            "query": self.query,
            "waits": self.waits,
            "holds": list(self.holds),
            "is_hidden": self.is_hidden,
            "waited_for": waited_for,
        }

    def __str__(self) -> str:
        age = "" if self.transaction_seconds is None else f", begun {lasting(self.transaction_seconds)} ago"
        if self.pid is None:
            return f"the prepared transaction '{printable(self.prepared or '?')}'{age}"
        who = self.kind if self.kind not in (None, "client backend") else printable(self.application or "")
        parts = [who, self.user and f"user {printable(self.user)}"]
        if self.is_hidden:
            parts.append("more is for roles with pg_read_all_stats")
        else:
            transaction = age and f"its transaction{age.replace(',', '')}"
            parts += [self.state, transaction, "waiting itself" if self.waits else None]
            if self.query:
                parts.append(f"{'its query' if self.state == 'active' else 'last query'}: {self.query}")
        return f"backend {self.pid} ({', '.join(str(part) for part in parts if part)})"


class Standbys(NamedTuple):
    """What a commit waits for: the server's setting of who has to confirm it, and the standbys that are connected."""

    setting: str
    connected: tuple[str, ...]

    def __str__(self) -> str:
        wanted = names(re.sub(r"(?i)^\s*(?:(?:FIRST|ANY)\s+)?\d+\s*\((.*)\)\s*$", r"\1", self.setting))
        connected = [name.lower() for name in self.connected]
        missing = [name for name in wanted if name != "*" and name.lower() not in connected]
        here = f"connected: {', '.join(self.connected)}" if connected else "no standby is connected"
        gone = f"; not connected: {', '.join(missing)}" if missing and connected else ""
        return printable(f"synchronous_standby_names is {self.setting}; {here}{gone}")
