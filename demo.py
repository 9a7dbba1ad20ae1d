"""The story, told on a scratch database that is dropped at the end: `make demo`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg

from sqlrail.cli.render import archive as archive_text
from sqlrail.cli.render import migrate as migrate_text
from sqlrail.cli.render import restore as restore_text
from sqlrail.cli.render import status as status_text
from sqlrail.cli.talk import Talk
from sqlrail.errors import Interrupted, SqlrailError
from sqlrail.ground.reading import read
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import masked
from sqlrail.postgres.connect import connect
from sqlrail.scratch.scratch import scratch
from sqlrail.server import local
from sqlrail.verbs import archive
from sqlrail.verbs.apply import migrate, status
from sqlrail.verbs.restore import restore

ROOT = Path(__file__).resolve().parent
#: what sync({ alter: true }) sends at each start of the application
ADD_KEY = """\
ALTER TABLE usage_analytics ADD CONSTRAINT usage_analytics_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE"""
KEPT = (
    "SELECT relation, cells->>'user_id' AS user_id, cells->>'event_type' AS event_type FROM sqlrail.archive"
)
SIGN_UP = """\
INSERT INTO users (id, email, password_hash)
    VALUES ('c11ed8a9-ba3a-4c97-917e-0600e4985488', 'back@example.org', '!')"""


def main() -> int:
    """Tells it on the database that is named, or on the embedded server; returns the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    settings = Settings()
    try:
        settings = read({})
        with _server(settings) as there, scratch(there, Talk(as_json=False)) as elsewhere:
            _tell(replace(elsewhere, environment="test", migrations=ROOT / "migrations"))
    except SqlrailError as exc:
        print(masked(str(exc), settings.secrets), file=sys.stderr)
        return exc.exit_code
    except psycopg.Error as exc:
        print(masked(f"the database failed: {exc}", settings.secrets), file=sys.stderr)
        return 1
    except BrokenPipeError:  # nobody is listening any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    print("\nThe scratch database is gone. docs/orm.md has the way out for a database of yours.")
    return 0


def _interrupt(number: int, _: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(number)


@contextmanager
def _server(settings: Settings) -> Iterator[Settings]:
    """The server that is named, or else the embedded one, left as it was found: running or not."""
    if not settings.embedded:
        yield settings
        return
    server = local.start(settings.home, listener=Talk(as_json=False))
    try:
        yield replace(settings, database_url=server.url, embedded=False)
    finally:
        if server.started:
            local.stop(settings.home)


def _tell(settings: Settings) -> None:
    with closing(connect(settings)) as connection:
        _scene("What years of sync({ alter: true }) left", "psql -f tests/orm.sql")
        connection.execute((ROOT / "tests" / "orm.sql").read_bytes())
        events, gone = connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE user_id NOT IN (SELECT u.id FROM users u)) FROM usage_analytics"
        ).fetchall()[0]
        print(f"{events} events in usage_analytics, {gone} of a user who is gone")

        _scene("The next deployment", f'psql -c "{ADD_KEY}"')
        try:
            connection.execute(ADD_KEY)
        except psycopg.errors.ForeignKeyViolation as exc:
            print(f"ERROR:  {exc.diag.message_primary}\nDETAIL:  {exc.diag.message_detail}")

        _scene("The way out", "sqlrail migrate")
        print(migrate_text.text(migrate(settings, Talk(as_json=False))))

        _scene("Nothing is lost", f'sqlrail archive list\n$ psql -c "{KEPT}"')
        print(archive_text.text(archive.list_runs(settings, Talk(as_json=False)), None))
        _print_rows(connection.execute(KEPT))

        _scene("Should the user come back, so does the event", f'psql -c "{SIGN_UP}"\n$ sqlrail restore 1')
        connection.execute(SIGN_UP)
        print(restore_text.text(restore(settings, Talk(as_json=False), 1)))

        _scene("And the schema is what the files say", "sqlrail status")
        print(status_text.text(status(settings, Talk(as_json=False)), None))


def _scene(title: str, command: str) -> None:
    print(f"\n== {title}\n\n$ {command}", flush=True)


def _print_rows(cursor: psycopg.Cursor[Any]) -> None:
    for row in cursor:
        print(" | ".join(row))


if __name__ == "__main__":
    sys.exit(main())
