"""The front door for Python: `python runner.py VERB` is the same program as the installed `sqlrail VERB`."""

from sqlrail.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
