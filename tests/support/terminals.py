"""A run at a terminal, and somebody who answers it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress

from conftest import ROOT, clean_environment
from waiting import PATIENCE


def at_a_terminal(
    *arguments: object, env: Mapping[str, str], prompt: str = "", answer: str = ""
) -> tuple[int, str]:
    """The exit code and all that the terminal shows; the answer is typed, once, when it shows the prompt."""
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, ROOT / "runner.py", *map(str, arguments)],
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env={**clean_environment(), "TERM": "xterm", **env},
        ) as process:  # fmt: skip
            os.close(theirs)
            shown, left = b"", answer.encode()
            with suppress(OSError):  # what a terminal says when its last user has left
                while select.select([ours], [], [], PATIENCE)[0]:
                    shown += os.read(ours, 1 << 16)
                    if left and prompt.encode() in shown:
                        os.write(ours, left)
                        left = b""
            if left:  # it never asked, and may wait
                process.kill()
            return process.wait(PATIENCE), shown.decode()
    finally:
        os.close(ours)
