"""What an id that becomes bigint costs beside ALTER TABLE … TYPE bigint, and how long it keeps an application waiting.

python bench/widen.py [--rows N] [--pairs N] [--write FILE]
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from statistics import median

import common
import psycopg

HEAD = """## An id that becomes bigint

The id of {rows:,} users, and the columns of three tables with a foreign key to it, {children:,} rows in all, become
bigint while a session reads and writes these tables, {pace:g} ms apart: by one ALTER TABLE for each in a transaction,
and by the files that `widen` writes, without pauses between batches ({pairs} pairs). The worst wait is the longest of
any of these statements; none of them fails.
"""
CHILDREN = {"posts": 1.0, "orders": 0.5, "logins": 0.5}  # rows for each user
TABLES = (
    "CREATE TABLE users (id serial PRIMARY KEY, name text, seen int)",
    "CREATE VIEW people AS SELECT id, name FROM users",
    "INSERT INTO users (name) SELECT 'user ' || n FROM generate_series(1, %s) AS n",
)
CHILD = (
    "CREATE TABLE {} (id bigserial PRIMARY KEY, user_id int NOT NULL REFERENCES users, title text)",
    "CREATE INDEX ON {} (user_id)",
    "INSERT INTO {} (user_id, title) SELECT 1 + n %% %s, 'title' FROM generate_series(1, %s) AS n",
)
INSERT = "INSERT INTO {} (user_id) VALUES (%s)"
WRITES = (
    "UPDATE users SET seen = 1 WHERE id = %s",
    *map(INSERT.format, CHILDREN),
    "SELECT name FROM people WHERE id = %s",
)
#: locked in the order of who reads and writes them, or it would meet deadlocks
PLAIN = "; ".join(
    [
        "DROP VIEW people",
        f"LOCK TABLE {', '.join([*CHILDREN, 'users'])}",
        *(f"ALTER TABLE {name} ALTER user_id TYPE bigint" for name in CHILDREN),
        "ALTER TABLE users ALTER id TYPE bigint",
        "CREATE VIEW people AS SELECT id, name FROM users",
    ]
)
#: users, and a file for each table that is filled
FILLED = f"{2 + 1 + len(CHILDREN):03}"


def template(server: common.Server, rows: int) -> str:
    """The name of a database with the tables, which is copied for each run."""
    url = common.database(server)
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in TABLES:
            connection.execute(statement.encode(), [rows] if "%s" in statement else None)
        for name, share in CHILDREN.items():
            for statement in CHILD:
                parameters = [rows, int(rows * share)] if "%s" in statement else None
                connection.execute(statement.format(name).encode(), parameters)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
        return str(connection.info.dbname)


def steps(folder: Path) -> list[list[tuple[str, list[str]]]]:
    """Of each way the commands, with what they are called in the table."""
    plain = (
        "import os, psycopg; psycopg.connect(os.environ['DATABASE_URL']).execute('{}').connection.commit()"
    )
    runner = [common.PYTHON, str(common.ROOT / "runner.py"), "--migrations", str(folder)]
    migrate = [*runner, "migrate", "--pause", "0", "--max-lag", "0"]
    return [
        [("ALTER TABLE … TYPE bigint", [common.PYTHON, "-c", plain.format(PLAIN)])],
        [
            ("", [*runner, "migrate"]),
            ("", [*runner, "widen", "users.id"]),
            ("`widen`: columns and batches", [*migrate, "--to", FILLED]),
            ("`widen`: indexes, swap and the rest", migrate),
        ],
    ]


def measure(
    server: common.Server, way: list[tuple[str, list[str]]], name: str, rows: int
) -> dict[str, tuple[float, float]]:
    """Of each command, on one fresh copy: its seconds, and those of the worst wait meanwhile."""
    url = common.database(server, name)
    found = {}

    def somebody() -> list[object]:
        return [random.randint(1, rows)]  # noqa: S311

    for step, command in way:
        with common.writer(url, dict.fromkeys(WRITES, somebody)) as waits:
            seconds = common.run(command, url)
        if step:
            found[step] = seconds, max(waits)
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO users (id) VALUES (%s)", [1 << 40])
        for child in CHILDREN:
            connection.execute(INSERT.format(child).encode(), [1 << 40])
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {url.partition('?')[0].rpartition('/')[2]} WITH (FORCE)".encode())
    return found


def main() -> None:
    """Measures in turns, and prints the table."""
    parser = common.parser(__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    options = parser.parse_args()
    took: dict[str, list[tuple[float, float, float]]] = {}
    with common.serving(max_wal_size="16GB") as (server, folder):
        name = template(server, options.rows)
        for pair in range(options.pairs):
            files, floor = folder / f"files{pair}", 0.0
            files.mkdir()
            (files / "001_base.sql").write_text("SELECT;\n")
            for way in steps(files):
                for step, (seconds, wait) in measure(server, way, name, options.rows).items():
                    floor = floor or seconds
                    took.setdefault(step, []).append((seconds / floor, seconds, 1000 * wait))
    columns = ["", "÷ ALTER TABLE", "seconds", "worst wait, ms"]
    rows = []
    for step, figures in took.items():
        ratio, seconds, wait = (median(its) for its in zip(*figures, strict=True))
        rows.append([step, f"{ratio:.2f}", f"{seconds:.1f}", f"{wait:,.0f}"])
    children = int(options.rows * sum(CHILDREN.values()))
    report = HEAD.format(rows=options.rows, children=children, pairs=options.pairs, pace=1000 * common.PACE)
    report += "\n" + common.table(f"{options.rows:,} users", columns, rows)
    sys.stdout.write(report)
    if options.write:
        common.write(options.write, report)


if __name__ == "__main__":
    main()
