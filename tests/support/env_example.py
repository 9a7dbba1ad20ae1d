"""Writes .env.example, which shows every setting that the environment may hold, from the table in ground/settings.py.

python tests/support/env_example.py
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from sqlrail.ground.settings import SETTINGS, Setting

FILE = Path(__file__).resolve().parents[2] / ".env.example"
HEAD = """\
# Copy to .env. The environment goes before this file; nothing in it is interpolated. Durations take a unit: ms, s, min,
# h, d.

# Which database. In user name and password write % as %25, @ as %40, : as %3A, / as %2F, ? as %3F, # as %23.
# Without it libpq's own PGHOST, PGSERVICE, PGPASSFILE and so on count; without those, in development and test, the
# embedded server in .pgdata.
#DATABASE_URL=postgresql://app:secret@localhost:5432/app
"""


def text() -> str:
    """All of the file."""
    return "\n".join([HEAD, *(_entry(row) for row in SETTINGS.values() if not row.is_of_one_run)])


def _entry(row: Setting) -> str:
    lines = textwrap.wrap(row.note, 118, break_on_hyphens=False)
    value = row.default if row.example is None else row.example
    return "".join(f"# {line}\n" for line in lines) + f"#{row.variable}={value}\n"


if __name__ == "__main__":
    FILE.write_text(text())
