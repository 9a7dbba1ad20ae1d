"""drift and schema against pg_dump -s: time and memory, and how they grow with the tables.

`python bench/catalog.py [--tables N] [--pairs N] [--write FILE]`. drift holds one database against a copy of it, and
against one with a few differences; its floor is one `pg_dump -s` of it. schema builds the tables from files and prints
them: its floor is psql that runs the same files, and `pg_dump -s`. Each way runs in turns with its floor; a ratio is
the median over the pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import common
import psycopg
from common import PYTHON, ROOT, Server, Tool, database, run

BATCH = 500  # tables a file
# A key, a key to the table before it, a check, defaults, two more indexes.
TABLE = """
CREATE TABLE t{n} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parent_id bigint REFERENCES t{before} ON DELETE CASCADE,
    name text NOT NULL DEFAULT 'none' CHECK (name <> ''),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON t{n} (parent_id);
CREATE INDEX ON t{n} (lower(name)) WHERE created_at > '2024-01-01';
"""
# The key that leads to the table goes, and comes back, with the type of its column.
CHANGES = """
ALTER TABLE t{n} ALTER id TYPE int, ADD COLUMN more text;
COMMENT ON COLUMN t{n}.name IS 'of something';
DROP INDEX t{n}_lower_idx;
"""
#: a table's lock each is what pg_dump holds at once; the default makes room for 6,400 in all
LOCKS = 1024


class Load:
    """So many tables: the files that build them, a database that has them, its copy, and one with a few differences."""

    def __init__(self, server: Server, folder: Path, tables: int) -> None:
        self.tables, self.files = tables, folder / f"files_{tables}"
        self.files.mkdir()
        for first in range(0, tables, BATCH):
            numbers = range(first, min(first + BATCH, tables))
            text = "".join(TABLE.format(n=n, before=max(n - 1, 0)) for n in numbers)
            (self.files / f"{first // BATCH + 1:03}_tables.sql").write_text(text)
        self.url = database(server)
        self.build(self.url)
        name = psycopg.conninfo.conninfo_to_dict(self.url)["dbname"]
        self.copy, self.changed = (database(server, str(name)) for _ in range(2))
        with psycopg.connect(self.changed, autocommit=True) as connection:
            connection.execute(CHANGES.format(n=tables // 2).encode())

    def build(self, url: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            for file in sorted(self.files.iterdir()):
                connection.execute(file.read_bytes())
            connection.execute("VACUUM ANALYZE")


def dump(server: Server, url: str) -> list[str]:
    return [str(server.bin / "pg_dump"), "-s", url]


@contextmanager
def empty(server: Server) -> Iterator[str]:
    """The URL of a database that is gone afterwards."""
    url = database(server)
    try:
        yield url
    finally:
        with psycopg.connect(server.url, autocommit=True) as connection:
            name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
            connection.execute(f"DROP DATABASE {name} (FORCE)".encode())


def floor(server: Server, load: Load, tool: Tool) -> float:
    """Seconds of pg_dump; before schema's also those of psql with the files."""
    if not tool.name.endswith("schema"):
        return run(dump(server, load.url), load.url)
    psql = [str(server.bin / "psql"), "-X", "-q"]
    with empty(server) as url:
        files = [flag for file in sorted(load.files.iterdir()) for flag in ("-f", str(file))]
        return run([*psql, *files, url], url) + run(dump(server, url), url)


def ways() -> list[Tool]:
    """As a user would call them."""
    ours = [PYTHON, str(ROOT / "runner.py")]
    return [
        Tool("sqlrail drift", lambda load: [*ours, "drift", "--check", "--against", load.copy]),
        Tool("sqlrail drift, a few differences", lambda load: [*ours, "drift", "--against", load.changed]),
        Tool("sqlrail schema", lambda load: [*ours, "schema", "--migrations", str(load.files)]),
    ]


def measure(server: Server, load: Load, tool: Tool, pairs: int) -> None:
    """Fills in the figures; the database of schema is an empty one's, for it looks at the files alone."""
    peaks: list[int] = []
    try:
        for _ in range(pairs):
            least = floor(server, load, tool)
            tool.seconds.append(run(tool.command(load), load.url, peaks))
            tool.ratios.append(tool.seconds[-1] / least)
        tool.peak = max(peaks)
    except (RuntimeError, psycopg.Error) as exc:
        tool.fail(exc)


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument(
        "--tables", type=int, default=10_000, help="of the table of ratios; a tenth and the double too"
    )
    options = parser.parse_args()
    sizes = [options.tables // 100, options.tables // 10, options.tables, options.tables * 2]
    report, grown = [HEAD.format(pairs=options.pairs)], list[list[str]]()
    with common.serving(max_locks_per_transaction=str(LOCKS)) as (server, folder):
        before: dict[str, float] = {}
        for tables in sizes:
            load, tools = Load(server, folder, tables), ways()
            for tool in tools:
                measure(server, load, tool, options.pairs)
                grown.append([tool.name, f"{tables:,}", *tool.row()[1:]])
                took = median(tool.seconds or [0])
                if before.get(tool.name):
                    times = tables / sizes[sizes.index(tables) - 1]
                    grown[-1].append(f"{took / before[tool.name] / times:.2f}")
                before[tool.name] = took
                print(grown[-1], flush=True)
    columns = ["", "tables", "÷ floor", "seconds", "peak MB", "time's growth ÷ tables'"]
    report.append(
        common.table("Tables with keys and indexes", columns, sorted(grown, key=lambda row: row[0]))
    )
    print(report[-1], flush=True)
    if options.write:
        common.write(options.write, "\n".join(report))


HEAD = """## catalog

`drift --against` holds a database against its copy, and finds no difference, or against one with a few; its floor is
one `pg_dump -s`, which is one process, while drift has a session on each database, and both work at once. `schema`
builds the tables of its files on a scratch database; its floor is psql with the same files, and `pg_dump -s`. Each
table has an identity, a primary key, a foreign key, a check, defaults and two more indexes; {pairs} pairs. The server
has a higher max_locks_per_transaction, which pg_dump needs.
"""

if __name__ == "__main__":
    main()
