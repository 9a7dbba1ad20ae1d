"""The front door for Python: `python runner.py VERB`, the same as the installed command `sqlrail VERB`."""

from sqlrail.__main__ import run

if __name__ == "__main__":
    run()
