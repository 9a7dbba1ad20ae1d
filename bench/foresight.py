"""plan's look at live rows against the statements themselves: what it costs, and how long a writer waits meanwhile.

`python bench/foresight.py [--rows N] [--pairs N] [--write FILE]`. Of each kind a file is pending on the same big table.
plan runs in turns with the statement itself, which is rolled back: what its counts take is in the server's log, and the
ratio is to the statement's own seconds. Last, a session writes meanwhile.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import common
import psycopg
from cleanup import milliseconds
from common import PYTHON, ROOT, Server, database, run

TABLES = """
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE t (
    id bigint PRIMARY KEY, number int, name text, code text, digits text, p_id int, note text, at timestamptz
);
CREATE TABLE whole (LIKE t) PARTITION BY RANGE (id);
CREATE TABLE spans (id bigint PRIMARY KEY, during int4range);
CREATE DOMAIN short AS text;
CREATE TYPE code AS ENUM ('a', 'b', 'c', 'd');
"""
# Neighbours are strangers: 2654435761 is prime to every number of rows below it.
ROWS = """
INSERT INTO p SELECT generate_series(1, {parents});
INSERT INTO t SELECT n, n * 2654435761 % {rows}, md5(n::text), chr(97 + (n % 4)::int), n::text, 1 + n % {parents},
       'a note of some twenty bytes', timestamptz '2026-01-01' + n * interval '1 s'
  FROM generate_series(1::bigint, {rows}) AS n;
INSERT INTO spans SELECT n, int4range(n * 10, n * 10 + 5) FROM generate_series(1, {rows} / 20) AS n;
"""
KINDS = {
    "not null": "ALTER TABLE t ALTER note SET NOT NULL",
    "check": "ALTER TABLE t ADD CHECK (number >= 0 AND note <> '')",
    "foreign key": "ALTER TABLE t ADD FOREIGN KEY (p_id) REFERENCES p",
    "unique int": "ALTER TABLE t ADD UNIQUE (number)",
    "unique text": "ALTER TABLE t ADD UNIQUE (name)",
    "unique int and text": "CREATE UNIQUE INDEX ON t (p_id, name)",
    "unique expression": "CREATE UNIQUE INDEX ON t (lower(name))",
    "unique int of some": "CREATE UNIQUE INDEX ON t (number) WHERE code = 'a'",
    "exclusion, 20th part of the rows": "ALTER TABLE spans ADD EXCLUDE USING gist (during WITH &&)",
    "type text to int": "ALTER TABLE t ALTER digits TYPE int USING digits::int",
    "type text to varchar": "ALTER TABLE t ALTER name TYPE varchar(40)",
    "enum": "ALTER TABLE t ALTER code TYPE code USING code::code",
    "domain": "ALTER TABLE t ALTER note TYPE short; ALTER DOMAIN short ADD CHECK (length(VALUE) < 100)",
    "partition": "ALTER TABLE whole ATTACH PARTITION t FOR VALUES FROM (1) TO (1000000000)",
    "generated": "ALTER TABLE t ADD part int GENERATED ALWAYS AS (number / p_id) STORED",
}
INSERT = "INSERT INTO t (id, number, name, code, digits, p_id) VALUES (%s, 1 - %s, %s, 'a', '1', 1)"
UPDATE = "UPDATE t SET at = now() WHERE id = %s"


@dataclass
class Kind:
    """A pending file; what counting for it takes, and what its statement takes."""

    name: str
    statement: str
    folder: Path
    counts: list[float] = field(default_factory=list)  # seconds
    statements: list[float] = field(default_factory=list)

    def measure(self, url: str, log: Path) -> None:
        """One round: the statement, and plan."""
        with psycopg.connect(url) as connection:
            started = time.perf_counter()
            connection.execute(self.statement.encode())
            self.statements.append(time.perf_counter() - started)
            connection.rollback()
        before = log.stat().st_size
        run(plan(self.folder), url)
        self.counts.append(counting(log, before))

    def row(self) -> list[str]:
        """The cells of its row."""
        ratio = median(count / took for count, took in zip(self.counts, self.statements, strict=True))
        return [self.name, f"{ratio:.2f}", f"{median(self.counts):.2f}", f"{median(self.statements):.2f}"]


def plan(folder: Path) -> list[str]:
    return [PYTHON, str(ROOT / "runner.py"), "--migrations", str(folder), "plan", "--no-try"]


def counting(log: Path, start: int) -> float:
    """The seconds of all counts that the server has logged since, on whatever connection."""
    with log.open() as entries:
        entries.seek(start)
        found = re.findall(
            r"duration: ([\d.]+) ms +statement: [^\n]*\n?\s*SAVEPOINT sqlrail_count", entries.read()
        )
    assert found, "plan has counted nothing"
    return sum(map(float, found)) / 1000


def fill(server: Server, folder: Path, rows: int) -> str:
    """The URL of a database with the rows, made by the file in the folder."""
    url = database(server)
    folder.mkdir()
    (folder / "0001_tables.sql").write_text(TABLES)
    run([PYTHON, str(ROOT / "runner.py"), "--migrations", str(folder), "migrate"], url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(ROWS.format(rows=rows, parents=rows // 10).encode())
        connection.execute("VACUUM (FREEZE, ANALYZE)")
        connection.execute("CHECKPOINT")
    return url


def kinds(made: Path, folder: Path) -> Iterator[Kind]:
    """Each with a folder in which its file is pending."""
    for number, (name, statement) in enumerate(KINDS.items()):
        own = folder / f"kind-{number}"
        own.mkdir()
        (own / "0001_tables.sql").write_bytes((made / "0001_tables.sql").read_bytes())
        (own / "0002_pending.sql").write_text(f"{statement};\n")
        yield Kind(name, statement, own)


@contextmanager
def writing(url: str, rows: int, numbers: Iterator[int]) -> Iterator[list[float]]:
    """A session that inserts a row, updates another, and so on: the seconds that each write took."""

    def next_row() -> list[object]:
        number = next(numbers)
        return [number, number, str(number)]

    with common.writer(url, {INSERT: next_row, UPDATE: lambda: [next(numbers) - rows]}) as waits:
        yield waits


def waits(url: str, tried: list[Kind], rows: int) -> Iterator[list[str]]:
    """What a writer waits for, alone and beside plan."""
    numbers = iter(range(rows + 1, 2 * rows))
    with writing(url, rows, numbers) as alone:
        time.sleep(20)
    yield ["nobody, for 20 s", *milliseconds(alone)]
    with writing(url, rows, numbers) as beside:
        for kind in tried:
            run(plan(kind.folder), url)
    yield [f"plan, {len(tried)} times", *milliseconds(beside)]


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000, help="of the table")
    options = parser.parse_args()
    report = [HEAD.format(pairs=options.pairs)]
    with common.serving(log_min_duration_statement="0") as (server, scratch):
        url = fill(server, scratch / "made", options.rows)
        tried = list(kinds(scratch / "made", scratch))
        for kind in tried:
            for _ in range(options.pairs):
                kind.measure(url, scratch / "pg" / "log")
        columns = ["", "÷ the statement", "counting, seconds", "the statement, seconds"]
        report.append(common.table(f"{options.rows:,} rows", columns, [kind.row() for kind in tried]))
        print(report[-1], flush=True)
        columns = ["beside", "write p50 ms", "p99", "worst"]
        report.append(common.table("A writer meanwhile", columns, list(waits(url, tried, options.rows))))
        print(report[-1], flush=True)
    if options.write:
        common.write(options.write, "\n".join(report))


HEAD = """## foresight

What `plan` pays for its verdicts on live rows: the seconds of its counts as the server's log has them, as a ratio to
those of the statement that it foresees, run in turns with it and rolled back; {pairs} rounds. All rows are clean, and
the table is in the system's cache. A type that changes rewrites the table, and a unique key builds its index: counting
does neither. The writer inserts a row and updates another in turn, with a pause of 10 ms between.
"""

if __name__ == "__main__":
    main()
