"""Many tenants: one run over all schemas or databases against a loop that runs a tool once for each.

`python bench/tenants.py [--sizes N,N] [--looped N] [--databases N] [--write FILE]`. A tool that is looped is a process
a tenant; sqlrail's own run is measured for each size, on a database of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import NamedTemporaryFile
from urllib.parse import quote

import common
import psycopg
from common import MEGABYTE, PYTHON, ROOT, Server, database, run

#: what each tenant has before
FILES = {
    f"{n:04}_t{n}.sql": f"CREATE TABLE t{n} (id int PRIMARY KEY, name text NOT NULL);\n" for n in range(1, 21)
}
MORE = {"0021_more.sql": "ALTER TABLE t1 ADD COLUMN more int;\n"}
QUERY = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'tenant%' ORDER BY nspname"


@dataclass
class Looped:
    """A tool that knows one tenant at a time: how it is called for a schema, and what its files begin and end with."""

    name: str
    command: Callable[[str, str, Path], list[str]]
    up: str = ""
    down: str = ""


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


def each(url: str, folder: Path) -> list[str]:
    """One run of ours over all schemas."""
    runner = [PYTHON, str(ROOT / "runner.py"), "migrate", "--migrations", str(folder)]
    return [*runner, "--database-url", url, "--each", QUERY]


def write_files(folder: Path, files: dict[str, str], tool: Looped | None = None) -> Path:
    """A folder with the files, as the tool wants them."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text((tool.up if tool else "") + text + (tool.down if tool else ""))
    return folder


def schemas(url: str, number: int) -> list[str]:
    """The names of so many new, empty schemas."""
    names = [f"tenant{n:05}" for n in range(number)]
    with psycopg.connect(url, autocommit=True) as connection:
        for name in names:
            connection.execute(f"CREATE SCHEMA {name}".encode())
    return names


def loop(server: Server, tool: Looped, folder: Path, number: int) -> list[float]:
    """Seconds that a tenant takes with nothing to do, and with one file, by the median."""
    url, seconds = database(server), list[float]()
    names = schemas(url, number)
    write_files(folder, FILES, tool)
    for name in names:
        run(tool.command(url, name, folder), url)
    for more in ({}, MORE):
        write_files(folder, more, tool)
        seconds.append(median(run(tool.command(url, name, folder), url) for name in names))
    return seconds


def ours(server: Server, folder: Path, number: int, pairs: int) -> tuple[list[float], int]:
    """The same for one run over so many schemas, and its peak bytes."""
    url, peaks, files = database(server), list[int](), dict(FILES)
    schemas(url, number)
    run(each(url, write_files(folder, files)), url)
    idle = median(run(each(url, folder), url, peaks) for _ in range(pairs))
    busy = []
    for pair in range(pairs):
        write_files(folder, {f"{21 + pair:04}_more.sql": f"ALTER TABLE t1 ADD COLUMN more{pair} int;\n"})
        busy.append(run(each(url, folder), url, peaks))
    return [idle / number, median(busy) / number], max(peaks)


@contextmanager
def listed(server: Server, number: int) -> Iterator[str]:
    """A file with the URLs of so many new databases."""
    with NamedTemporaryFile("w", suffix=".urls") as file:
        file.writelines(f"{database(server)}\n" for _ in range(number))
        file.flush()
        yield file.name


def databases(server: Server, folder: Path, number: int) -> list[float]:
    """Seconds for one file over so many databases, one after the other and four at a time."""
    seconds = []
    with listed(server, number) as file:
        command = [
            PYTHON,
            str(ROOT / "runner.py"),
            "migrate",
            "--migrations",
            str(folder),
            "--each-database",
            file,
        ]
        run([*command, "--parallel", "4"], server.url)
        for parallel in (1, 4):
            write_files(folder, {f"9{parallel}_more.sql": f"ALTER TABLE t1 ADD COLUMN by{parallel} int;\n"})
            started = time.perf_counter()
            run([*command, "--parallel", str(parallel)], server.url)
            seconds.append(time.perf_counter() - started)
    return seconds


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--sizes", default="10,100,1000", help="how many schemas a run of ours is over")
    parser.add_argument("--looped", type=int, default=20, help="how many a tool is looped over")
    parser.add_argument("--databases", type=int, default=50)
    options = parser.parse_args()
    rows = []
    with common.serving(max_locks_per_transaction="1024") as (server, scratch):
        for tool in looped():
            folder = scratch / tool.name.split(",")[0]
            try:
                idle, busy = loop(server, tool, folder, options.looped)
            except RuntimeError as exc:
                rows.append([tool.name, f"fails: {str(exc).splitlines()[-1][-60:]}"])
            else:
                rows.append([tool.name, str(options.looped), f"{idle * 1000:.1f}", f"{busy * 1000:.1f}"])
            print(rows[-1], flush=True)
        for number in map(int, options.sizes.split(",")):
            (idle, busy), peak = ours(server, scratch / f"ours{number}", number, options.pairs)
            figures = [f"{idle * 1000:.2f}", f"{busy * 1000:.2f}", f"{peak / MEGABYTE:.0f}"]
            rows.append(["sqlrail --each", str(number), *figures])
            print(rows[-1], flush=True)
        columns = ["", "tenants", "nothing to do, ms a tenant", "one file, ms a tenant", "peak MB"]
        report = [HEAD, common.table("Schemas of one database, 20 files each", columns, rows)]
        one, four = databases(server, write_files(scratch / "databases", FILES), options.databases)
    cells = [
        f"{one * 1000 / options.databases:.1f}",
        f"{four * 1000 / options.databases:.1f}",
        f"{four / one:.2f}",
    ]
    columns = ["databases", "one by one, ms each", "four at a time, ms each", "ratio"]
    report.append(common.table("A database each, one file", columns, [[str(options.databases), *cells]]))
    print(report[-1])
    if options.write:
        common.write(options.write, "\n".join(report))


HEAD = """## tenants

A loop runs a process for each tenant, connecting included; a run over all of them is one process. Times are divided by
the number of tenants.
"""

if __name__ == "__main__":
    main()
