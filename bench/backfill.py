"""What a backfill costs beside one plain UPDATE and beside other tools', and how long a writer of its rows waits.

python bench/backfill.py [--rows N] [--pairs N] [--write FILE]
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from statistics import median

import common
import fillers
import psycopg

HEAD = """## backfill

A column of {rows:,} rows is filled, while a session changes one row after the other, {pace:g} ms apart: by one plain
UPDATE, by a file with `-- backfill:` that says `once`, without pauses between its batches, and as others do it, in
batches of {size:,} rows by the range of the key, each a transaction of its own ({pairs} pairs). The worst wait is the
longest of any of these writes. The others keep no count of what is done: killed, they begin again.
"""
TABLE = (
    "CREATE TABLE users (id bigint PRIMARY KEY, email text, lower text, seen int)",
    "INSERT INTO users SELECT n, 'User' || n || '@Example.org' FROM generate_series(1, %s) AS n",
    "VACUUM ANALYZE users",
    "CHECKPOINT",
)
SET = "UPDATE users SET lower = lower(email)"
#: what is measured beside the plain UPDATE: the line of the file, and its condition
WAYS = {
    "by id": "users.id = b.id",
    "by range of id": "users.id BETWEEN b.first_id AND b.last_id",
}
WRITE = "UPDATE users SET seen = 1 WHERE id = %s"


def template(server: common.Server, rows: int) -> str:
    """The name of a database with the table, which is copied for each run."""
    url = common.database(server)
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in TABLE:
            connection.execute(statement.encode(), [rows] if "%s" in statement else None)
        return str(connection.info.dbname)


def tools(folder: Path) -> list[common.Tool]:
    """The plain UPDATE, and the backfills; each is called with a URL."""
    plain = "import os, psycopg; psycopg.connect(os.environ['DATABASE_URL'], autocommit=True).execute('{}')"
    made = [common.Tool("one plain UPDATE", lambda _: [common.PYTHON, "-c", plain.format(SET)])]
    for number, (line, condition) in enumerate(WAYS.items()):
        files = folder / f"files{number}"
        files.mkdir()
        text = f"-- backfill: users {line} once\n{SET} FROM sqlrail_batch AS b WHERE {condition};\n"
        (files / "001_fill.sql").write_text(text)
        runner = [common.PYTHON, str(common.ROOT / "runner.py"), "--migrations", str(files)]
        command = [*runner, "migrate", "--pause", "0", "--max-lag", "0"]
        made.append(common.Tool(f"`-- backfill: users {line}`", lambda _, command=command: command))
    return made + [common.Tool(name, command) for name, command in fillers.there(folder)]


def measure(server: common.Server, tool: common.Tool, name: str, rows: int) -> tuple[float, float]:
    """Seconds of a run on a fresh copy, and of the worst wait of a write."""
    url = common.database(server, name)

    def somebody() -> list[object]:
        return [random.randint(1, rows)]  # noqa: S311

    with common.writer(url, {WRITE: somebody}) as waits:
        seconds = common.run(tool.command(url), url)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT FROM users WHERE lower IS NULL LIMIT 1").fetchone() is None
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {url.partition('?')[0].rpartition('/')[2]} WITH (FORCE)".encode())
    return seconds, max(waits)


def main() -> None:
    """Measures in turns, and prints the table."""
    parser = common.parser(__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    options = parser.parse_args()
    worst: dict[str, list[float]] = {}
    with common.serving(max_wal_size="16GB") as (server, folder):
        name, made = template(server, options.rows), tools(folder)
        for _ in range(options.pairs):
            floor = 0.0
            for tool in made:
                seconds, wait = measure(server, tool, name, options.rows)
                floor = floor or seconds
                tool.seconds.append(seconds)
                tool.ratios.append(seconds / floor)
                worst.setdefault(tool.name, []).append(wait)
    rows = [
        [
            it.name,
            f"{median(it.ratios):.2f}",
            f"{median(it.seconds):.1f}",
            f"{1000 * median(worst[it.name]):,.0f}",
        ]
        for it in made
    ]
    columns = ["", "÷ plain UPDATE", "seconds", "worst wait, ms"]
    report = HEAD.format(rows=options.rows, pairs=options.pairs, pace=1000 * common.PACE, size=fillers.SIZE)
    report += "\n" + common.table(f"{options.rows:,} rows", columns, rows)
    sys.stdout.write(report)
    if options.write:
        common.write(options.write, report)


if __name__ == "__main__":
    main()
