"""The front door for Python: `python runner.py VERB`, the same as the installed command `sqlrail VERB`."""

import signal

# Until the command line can say what an interruption stopped, it ends us without a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from sqlrail.cli import main  # noqa: E402

if __name__ == "__main__":
    raise SystemExit(main())
