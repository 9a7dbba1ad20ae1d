"""A password that a command prints: a cloud's token, made for each connection, for it is soon too old."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping

from sqlrail.errors import ConnectionFailed

#: seconds that a command may take
PATIENCE = 30
#: characters of what it said that people are shown
SHOWN = 200


def printed(command: str, where: Mapping[str, str]) -> str:
    """What the command prints, run by the shell with libpq's variables for where the connection goes.

    where: PGHOST, PGPORT, PGUSER, PGDATABASE. ConnectionFailed, without what was printed, if it is no password.
    """
    try:
        ended = subprocess.run(  # noqa: S602
            command, shell=True, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE,
            env={**os.environ, **where},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise _failed(f"took longer than {PATIENCE} s") from None
    if ended.returncode:
        said = ended.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise _failed(f"ended with {ended.returncode}: {said[0][:SHOWN]}")
    text = ended.stdout.decode(errors="replace").removesuffix("\n").removesuffix("\r")
    if not text or "\n" in text or not text.isprintable():
        raise _failed("has to print the password alone, on one line")
    return text


def _failed(what: str) -> ConnectionFailed:
    return ConnectionFailed(f"the command of --password-command (or SQLRAIL_PASSWORD_COMMAND) {what}.")
