"""Servers of a test's own: on TCP, with rules and settings of its choice, in whatever state it brings them into."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from conftest import FAST
from waiting import wait_for

from sqlrail.server import local
from sqlrail.server.place import account_of, find_place, within_reach

#: few connections, so that their table is soon full; a standby may not have fewer than its primary ever had
SMALL = {**FAST, "max_connections": "8", "shared_buffers": "4MB"}
#: who may come in, over TCP and by the socket
RULES = """
local all,replication all trust
host all,replication postgres 127.0.0.1/32 trust
host all,replication app 127.0.0.1/32 trust
host all guarded 127.0.0.1/32 scram-sha-256
hostssl all secret 127.0.0.1/32 trust
hostssl all app 127.0.0.1/32 trust
host all ident 127.0.0.1/32 ident
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass
class Postmaster:
    """A server that is a child of this process; its data lie in `folder`, its socket too."""

    folder: Path
    bin: Path
    port: int = field(default_factory=free_port)
    options: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    def url(self, role: str = "postgres", database: str = "app", **parameters: object) -> str:
        """By TCP."""
        more = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"postgresql://{role}@127.0.0.1:{self.port}/{database}?{more}"

    def launch(self, **options: str) -> Postmaster:
        """Starts it, and does not wait."""
        settings = {
            **SMALL,
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "hba_file": str(self.folder / "rules"),
            **self.options,
            **options,
        }
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        owner = self.data.stat()
        root = os.geteuid() == 0
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.bin / "postgres", "-D", self.data, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"LC_ALL": "C", **self.environment},
                user=owner.st_uid if root else None,
                group=owner.st_gid if root else None,
                extra_groups=[] if root else None,
            )
        return self

    def start(self, **options: str) -> Postmaster:
        """Starts it, and waits until it answers."""
        self.launch(**options)
        wait_for(self.answers, f"it is up: {self.log}")
        return self

    def answers(self) -> bool:
        assert self.process
        assert self.process.poll() is None, self.log
        with suppress(psycopg.OperationalError):
            psycopg.connect(self.url("postgres", "postgres", sslmode="disable")).close()
            return True
        return False

    def stop(self, number: int = signal.SIGQUIT) -> None:
        if self.process:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-2000:]

    def rules(self, text: str) -> None:
        (self.folder / "rules").write_text(text)

    def copy(self, folder: Path) -> Postmaster:
        """Another one with the same data; this one has to be stopped."""
        folder.mkdir(mode=0o755)
        subprocess.run(["/bin/cp", "-a", self.data, folder / "data"], check=True)
        shutil.copy(self.folder / "rules", folder / "rules")
        os.chown(folder, self.data.stat().st_uid, self.data.stat().st_gid)
        return Postmaster(folder, self.bin, options=dict(self.options), environment=dict(self.environment))

    def put(self, name: str, text: str = "") -> None:
        """A file in the data folder, which the server may remove."""
        path = self.data / name
        path.write_text(text)
        os.chown(path, self.data.stat().st_uid, self.data.stat().st_gid)


def make(folder: Path, binaries: Path) -> Postmaster:
    """A new server with the database `app`, not started."""
    home = folder / "home"
    local.start(home, bin=binaries, options=SMALL)
    local.stop(home)
    place = find_place(home)
    reachable = within_reach(binaries, place)
    made = folder / "made"
    made.mkdir(mode=0o755)
    account = account_of(os.geteuid()) if os.geteuid() else place.account
    os.chown(made, account.pw_uid, account.pw_gid)
    place.data.rename(made / "data")
    (made / "rules").write_text(RULES)
    return Postmaster(made, reachable)


@contextmanager
def running(server: Postmaster, options: Mapping[str, str] | None = None) -> Iterator[Postmaster]:
    """Up inside the block, and gone behind it."""
    try:
        yield server.start(**(options or {}))
    finally:
        server.stop()
