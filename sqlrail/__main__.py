"""Where every front door leads: runner.py, the command `sqlrail` and `python -m sqlrail`."""

import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

# Until the command line can say what an interruption stopped, it ends us without a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from sqlrail.cli import streams  # noqa: E402

streams.mend()

from sqlrail.cli.main import main  # noqa: E402


def run() -> NoReturn:
    """Runs the command line and ends the process at once."""
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what may come next
        from sqlrail.cli.completing import complete
        from sqlrail.cli.parser import parser_of

        complete(parser_of(os.environ.get("COMP_LINE", "").split()[1:]))
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # nobody reads: main() has dealt with it
            stream.flush()
    # Connections are closed and files written. Taking every module apart would be a fifth of a run with nothing to
    # do; mypy leaves in the same way.
    os._exit(code)


if __name__ == "__main__":
    run()
