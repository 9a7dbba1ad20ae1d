"""Many tenants: one run over all schemas or databases against a loop that runs a tool once for each.

`python bench/tenants.py [--pairs N] [--sizes N,N] [--looped N] [--django N] [--databases N] [--write FILE]`. A tool
that is looped is a process a tenant, and runs over a few, in turns with one run over all. All schemas behind the first
one are copies of it, made by the server.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import NamedTemporaryFile
from urllib.parse import quote

import common
import djangos
import psycopg
from common import MEGABYTE, PYTHON, ROOT, Server, database, run
from psycopg import sql

#: what each tenant has before
FILES = {
    f"{n:04}_t{n}.sql": f"CREATE TABLE t{n} (id int PRIMARY KEY, name varchar(20) NOT NULL);\n"
    for n in range(1, 5)
} | {f"{n:04}_c{n}.sql": f"ALTER TABLE t{n % 4 + 1} ADD COLUMN c{n} int;\n" for n in range(5, 21)}
QUERY = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'tenant%' ORDER BY nspname"
#: over how many schemas one run is held against loops, at the most, and how many runs of a loop a pair has
AGAINST, TURNS = 1000, 3
#: makes a schema as another one is: tables with their keys, and what is recorded
COPY = """
    DO $$
    DECLARE it record;
    BEGIN
        EXECUTE format('CREATE SCHEMA %I', {0});
        FOR it IN SELECT relname FROM pg_class WHERE relnamespace = {1}::regnamespace AND relkind = 'r' LOOP
            EXECUTE format('CREATE TABLE %I.%I (LIKE %I.%I INCLUDING ALL)', {0}, it.relname, {1}, it.relname);
            EXECUTE format('INSERT INTO %I.%I SELECT * FROM %I.%I', {0}, it.relname, {1}, it.relname);
        END LOOP;
    END $$
"""


@dataclass
class Looped:
    """A tool that knows one tenant at a time: how it is called for a schema, and what its files begin and end with."""

    name: str
    command: Callable[[str, str, Path], list[str]]
    up: str = ""
    down: str = ""
    url: str = ""
    folder: Path = Path()
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"idle": [], "busy": []})
    ratios: dict[str, list[float]] = field(default_factory=lambda: {"idle": [], "busy": []})

    def turn(self, kind: str, names: list[str], ours: float) -> None:
        """Runs for each of them; ours: seconds that one run over all has just taken, a tenant."""
        taken = median(run(self.command(self.url, name, self.folder), self.url) for name in names)
        self.seconds[kind].append(taken)
        self.ratios[kind].append(taken / ours)


def looped() -> list[Looped]:
    """Ours, as if there were no --each, and the peers that are installed beside this Python."""
    bins = Path(PYTHON).parent
    found = [
        Looped("sqlrail, looped", lambda url, schema, folder: [
            PYTHON, str(ROOT / "runner.py"), "migrate", "--new-schema", "--migrations", str(folder), "--database-url",
            f"{url}&options=-csearch_path%3D{schema}"]),
        Looped("dbmate, looped", lambda url, schema, folder: [
            str(bins / "dbmate"), "--url",
            url.replace("?host=", "?socket=").replace("&port=5432", f"&sslmode=disable&search_path={schema}"),
            "--no-dump-schema", "--migrations-dir", str(folder), "migrate"],
            up="-- migrate:up\n", down="-- migrate:down\n"),
        Looped("sqlx-cli, looped", lambda url, schema, folder: [
            str(bins / "sqlx"), "migrate", "run", "--database-url",
            f"{url.replace('@/', '@localhost/')}&options={quote(f'-csearch_path={schema}')}", "--source", str(folder)]),
    ]  # fmt: skip
    return [tool for tool in found if Path(tool.command("", "", Path())[0]).exists()]


def write_files(folder: Path, files: dict[str, str], tool: Looped | None = None) -> Path:
    """A folder with the files, as the tool wants them."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text((tool.up if tool else "") + text + (tool.down if tool else ""))
    return folder


def more(number: int) -> dict[str, str]:
    """One file behind all others, another one for each number."""
    return {f"{100 + number:04}_more.sql": f"ALTER TABLE t1 ADD COLUMN more{number} int;\n"}


def schemas(url: str, names: list[str], like: str = "") -> None:
    """Makes these schemas: empty, or as another one is."""
    with psycopg.connect(url, autocommit=True) as connection:
        for name in names:
            made = (
                sql.SQL(COPY).format(name, like)
                if like
                else sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name))
            )
            connection.execute(made)


class Ours:
    """One run over all schemas of a database that grows."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.url, self.folder, self.made, self.files = database(server), write_files(folder, FILES), 0, 0
        self.peaks: list[int] = []
        self._command = [PYTHON, str(ROOT / "runner.py"), "migrate", "--migrations", str(folder)]
        self._command += ["--database-url", self.url, "--each", QUERY]

    def grow(self, size: int) -> None:
        """Makes more schemas, up to so many; the first one is migrated."""
        names = [f"tenant{n:05}" for n in range(self.made, size)]
        if not self.made:
            schemas(self.url, names[:1])
            self._run()
            names = names[1:]
        schemas(self.url, names, "tenant00000")
        self.made = size

    def idle(self) -> float:
        """Seconds a tenant with nothing to do."""
        return self._run() / self.made

    def busy(self) -> float:
        """Seconds a tenant with one file."""
        self.files += 1
        write_files(self.folder, more(self.files))
        return self._run() / self.made

    def _run(self) -> float:
        return run(self._command, self.url, self.peaks)


def against(ours: Ours, tools: list[Looped], names: list[str], pairs: int) -> None:
    """One run over all in turns with each tool over a few."""
    for pair in range(pairs):
        some = [names[(pair * TURNS + n) % len(names)] for n in range(TURNS)]
        idle = ours.idle()
        for tool in tools:
            tool.turn("idle", some, idle)
        busy = ours.busy()
        for tool in tools:
            write_files(tool.folder, more(ours.files), tool)
            tool.turn("busy", names, busy)


def prepared(server: Server, scratch: Path, names: list[str]) -> list[Looped]:
    """The tools whose loop works here, each with a database of its own in which these tenants have all files."""
    tools = []
    for tool in looped():
        tool.url, tool.folder = database(server), write_files(scratch / tool.name.split(",")[0], FILES, tool)
        schemas(tool.url, names)
        try:
            for name in names:
                run(tool.command(tool.url, name, tool.folder), tool.url)
        except RuntimeError as exc:
            print(tool.name, str(exc).splitlines()[-1], flush=True)
        else:
            tools.append(tool)
    return tools


def over_schemas(server: Server, scratch: Path, sizes: list[int], number: int, pairs: int) -> Iterator[str]:
    """The tables for schemas: loops against one run, and how one run grows."""
    tools = prepared(server, scratch, [f"looped{n}" for n in range(number)])
    ours, rows, peers = Ours(server, scratch / "ours"), list[list[str]](), list[list[str]]()
    beside = max((size for size in sizes if size <= AGAINST), default=sizes[0])
    for size in sizes:
        ours.grow(size)
        ours.peaks.clear()
        if size == beside:
            against(ours, tools, [f"looped{n}" for n in range(number)], pairs)
        runs = 1 if size > AGAINST else pairs
        idle, busy = (median(turn() for _ in range(runs)) for turn in (ours.idle, ours.busy))
        figures = [f"{idle * 1000:.2f}", f"{busy * 1000:.2f}", f"{max(ours.peaks) / MEGABYTE:.0f}"]
        rows.append([f"{size:,}", *figures])
        print("sqlrail --each", rows[-1], flush=True)
    for tool in tools:
        cells = [
            (f"{median(tool.seconds[kind]) * 1000:.1f}", f"{median(tool.ratios[kind]):.1f}")
            for kind in tool.ratios
        ]
        peers.append([tool.name, *cells[0], *cells[1]])
        print(peers[-1], flush=True)
    columns = ["", "nothing to do, ms a tenant", "÷ one run", "one file, ms a tenant", "÷ one run"]
    if peers:
        yield common.table(
            f"Loops over {number} schemas ÷ `--each` over {beside:,}, 20 files each", columns, peers
        )
    columns = ["schemas", "nothing to do, ms a tenant", "one file, ms a tenant", "peak MB"]
    yield common.table("One run over all, `--each`", columns, rows)


def over_djangos(server: Server, scratch: Path, number: int) -> Iterator[str]:
    """The table for django-tenants beside ours, over as many schemas, each once; none where it is not installed."""
    if not djangos.is_there():
        return
    ours = Ours(server, scratch / "beside")
    ours.grow(number)
    theirs = djangos.Project(database(server), scratch / "django", len(FILES))
    theirs.begin()
    schemas(theirs.url, [f"tenant{n:05}" for n in range(1, number)], "tenant00000")
    theirs.enter_copies([f"tenant{n:05}" for n in range(1, number)])
    turns = ours.idle(), theirs.idle() / number, ours.busy(), theirs.busy(1) / number
    row = [f"{number:,}"]
    for mine, its in (turns[:2], turns[2:]):
        row += [f"{mine * 1000:.2f}", f"{its * 1000:.1f}", f"{its / mine:.1f}"]
    columns = ["schemas", "nothing to do: sqlrail, ms a tenant", "django-tenants", "ratio",
               "one file: sqlrail, ms a tenant", "django-tenants", "ratio"]  # fmt: skip
    print(row, flush=True)
    yield common.table("django-tenants, 20 migrations", columns, [row])


@contextmanager
def listed(server: Server, number: int, template: str) -> Iterator[str]:
    """A file with the URLs of so many copies of a database."""
    with NamedTemporaryFile("w", suffix=".urls") as file:
        with psycopg.connect(server.url, autocommit=True) as connection:
            for n in range(number):
                copied = "CREATE DATABASE {} TEMPLATE {} STRATEGY wal_log"
                names = sql.Identifier(f"each_{n}"), sql.Identifier(template)
                connection.execute(sql.SQL(copied).format(*names))
        file.writelines(f"{server.url.replace('/app?', f'/each_{n}?')}\n" for n in range(number))
        file.flush()
        yield file.name


def over_databases(server: Server, folder: Path, number: int, pairs: int) -> Iterator[str]:
    """The table for one file over so many databases, one after the other and four at a time, in turns."""
    first, write, turns = database(server), write_files, list[tuple[float, float]]()
    command = [PYTHON, str(ROOT / "runner.py"), "migrate", "--migrations", str(write(folder, FILES))]
    run([*command, "--database-url", first], first)
    with listed(server, number, first.split("/")[-1].split("?")[0]) as file:
        for pair in range(pairs):
            seconds = []
            for parallel in (1, 4):
                write(folder, more(2 * pair + parallel // 4))
                seconds.append(
                    run([*command, "--each-database", file, "--parallel", str(parallel)], server.url)
                )
            turns.append((seconds[0], seconds[1]))
    one, four = (median(turn[n] for turn in turns) * 1000 / number for n in (0, 1))
    ratio = median(four / one for one, four in turns)
    columns = ["databases", "one by one, ms each", "four at a time, ms each", "ratio"]
    print([number, one, four, ratio], flush=True)
    yield common.table(
        "A database each, one file", columns, [[str(number), f"{one:.1f}", f"{four:.1f}", f"{ratio:.2f}"]]
    )


def main() -> None:
    parser = common.parser(__doc__)
    parser.set_defaults(pairs=3)
    parser.add_argument("--sizes", default="10,100,1000,5000", help="how many schemas a run of ours is over")
    parser.add_argument("--looped", type=int, default=10, help="how many a tool is looped over")
    parser.add_argument("--django", type=int, default=300, help="how many schemas django-tenants has")
    parser.add_argument("--databases", type=int, default=200)
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    with common.serving() as (server, scratch):
        report = [HEAD]
        report += over_schemas(server, scratch, sizes, options.looped, options.pairs)
        if options.django:
            report += over_djangos(server, scratch, options.django)
        if options.databases:
            report += over_databases(server, scratch / "databases", options.databases, options.pairs)
        # Nothing of it is kept: what ends it well writes a hundred thousand files, which takes minutes.
        os.kill(server.pid, signal.SIGQUIT)
    if options.write:
        common.write(options.write, "\n".join(report))


HEAD = """## tenants

A loop runs a process for each tenant, connecting included; a run over all of them is one process. Times are divided by
the number of tenants. A loop is over a few, as if each of a thousand took what these take; it goes in turns with one
run over all, and the ratio is the median of the pairs. A database is a connection and its CPU on both sides, so that
on two cores four at a time can take half as long at best, and less only where a disk or a network is waited for.
"""

if __name__ == "__main__":
    main()
