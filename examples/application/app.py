"""A service that brings its database up to date when it starts.

Any number of replicas may start at once: one of them applies a file, the others wait for it.

    DATABASE_URL=postgresql://app:secret@localhost:5432/app python app.py
"""

import logging
import os
import sys
from pathlib import Path

import psycopg

import sqlrail
from sqlrail.errors import SqlrailError

MIGRATIONS = Path(__file__).parent / "migrations"

log = logging.getLogger("orders")


def bring_up_to_date(url: str) -> None:
    """Applies what is pending; does nothing, and takes no lock, where nothing is."""
    # As long as the slowest file may take: the other replicas wait for it.
    done = sqlrail.migrate(url, MIGRATIONS, lock_wait=300, say=log.info)
    for migration in done["applied"]:
        log.info("applied %s in %.3f s", migration["id"], migration["seconds"])


def serve(url: str) -> None:
    """What the service is for."""
    with psycopg.connect(url) as connection:
        for (count,) in connection.execute("SELECT count(*) FROM orders"):
            log.info("ready, %s orders", count)


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    url = os.environ["DATABASE_URL"]
    try:
        bring_up_to_date(url)
    except SqlrailError as error:
        log.error("not started: %s", error)  # noqa: TRY400 - the message says what to do; a traceback adds nothing
        return error.exit_code
    serve(url)
    return 0


if __name__ == "__main__":
    sys.exit(main())
