"""The standard streams, as the command line needs them: there, and able to spell everything."""

from __future__ import annotations

import io
import os
import sys


def mend() -> None:
    """What is closed becomes /dev/null, so that no file gets its number; what cannot be spelt is escaped.

    It comes before all else: a module's loading may open a file, too, and keep it for a while.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
