"""migrate against the floor and the peers: wall time, peak memory and round trips, as ratios in one run.

`python bench/migrate.py [--pairs N] [--write FILE]`. Each tool runs in turns with the floor, on a database of its own,
as a process of its own; a ratio is the median over the pairs, so that what else the machine does falls on both.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import quote

import common
import psycopg
from common import MEGABYTE, PYTHON, ROOT, Server, database, run


@dataclass
class Tool(common.Tool):
    """A runner, called with a database's URL and a folder of its files; up makes a file its kind."""

    up: str = ""
    down: str = ""
    trips: int | None = None


def tools() -> list[Tool]:
    """Ours, and the peers that are installed beside this Python."""
    bins = Path(PYTHON).parent
    found = [
        Tool("sqlrail", lambda _, folder: [PYTHON, str(ROOT / "runner.py"), "migrate", "--migrations", str(folder)]),
        Tool("yoyo", lambda url, folder: [
            PYTHON, "-m", "yoyo", "apply", "--batch", "--no-config-file", "--database",
            url.replace("postgresql://", "postgresql+psycopg://"), str(folder)]),
        Tool("dbmate", lambda url, folder: [
            str(bins / "dbmate"), "--url",
            url.replace("?host=", "?socket=").replace("&port=5432", "&sslmode=disable"),
            "--no-dump-schema", "--migrations-dir", str(folder), "migrate"],
            up="-- migrate:up\n", down="-- migrate:down\n"),
        Tool("sqlx-cli", lambda url, folder: [
            str(bins / "sqlx"), "migrate", "run", "--database-url", url.replace("@/", "@localhost/"),
            "--source", str(folder)]),
    ]  # fmt: skip
    return [tool for tool in found if Path(tool.command("", Path())[0]).exists()]


def compare(
    server: Server, tool: Tool, folder: Path, floor: list[str], pairs: int, before: bool
) -> list[float]:
    """Fills in the tool's figures; returns the floor's seconds. before: applied once, unmeasured, on each database.

    The databases stay until the end: on ext4 new files cost more for seconds after thousands were deleted.
    """
    floors = []

    def prepared() -> str:
        url = database(server)
        if before:
            run(tool.command(url, folder), url)
        return url

    try:
        url = prepared()
        for number in range(pairs):
            # What changes nothing is measured on one database, both sides alike.
            floor_url = url if before else database(server)
            url = url if before or not number else database(server)
            floors.append(run([PYTHON, str(ROOT / "bench" / "floor.py"), *floor], floor_url))
            tool.seconds.append(run(tool.command(url, folder), url))
            tool.ratios.append(tool.seconds[-1] / floors[-1])
        with counted(prepared()) as (proxied, trips):
            peaks: list[int] = []
            run(tool.command(proxied, folder), proxied, peaks)
            tool.trips, tool.peak = trips(), max(peaks)
    except RuntimeError as exc:
        tool.fail(exc)
    return floors


@contextmanager
def counted(url: str) -> Iterator[tuple[str, Callable[[], int]]]:
    """The URL of a socket that passes everything on, and what tells how often the server said: ready for more."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    target = psycopg.conninfo.conninfo_to_dict(url)["host"]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / ".s.PGSQL.5432"))
    listener.listen()
    ready: list[int] = []

    def accept() -> None:
        while True:
            try:
                client = listener.accept()[0]
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{target}/.s.PGSQL.5432")
            threading.Thread(target=_pump, args=(client, server, None), daemon=True).start()
            threading.Thread(target=_pump, args=(server, client, ready), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield url.replace(quote(str(target), safe=""), quote(str(folder), safe="")), lambda: len(ready)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        shutil.rmtree(folder)


def _pump(source: socket.socket, sink: socket.socket, ready: list[int] | None) -> None:
    """Passes bytes on; notes each ReadyForQuery among the server's messages (a letter, a length, a body)."""
    pending = bytearray()
    with suppress(OSError):
        while chunk := source.recv(1 << 16):
            sink.sendall(chunk)
            if ready is None or chunk == b"N":  # the answer to a request for TLS is no message
                continue
            pending += chunk
            while len(pending) >= 5 and len(pending) > (size := int.from_bytes(pending[1:5], "big")):
                if pending[:1] == b"Z":
                    ready.append(1)
                del pending[: size + 1]
        sink.shutdown(socket.SHUT_WR)


SMALL = """-- Why there is a table {n}.
CREATE TABLE t{n} (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    parent_id uuid REFERENCES t{n} (id) ON DELETE CASCADE,
    name varchar(255) NOT NULL UNIQUE,
    data jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz
);
CREATE INDEX ON t{n} (parent_id);
CREATE INDEX ON t{n} (created_at);
COMMENT ON TABLE t{n} IS 'table {n}';
"""


def small_files(number: int) -> dict[str, str]:
    """Files of a table with its keys and indexes each, as most migrations are."""
    return {f"{n:04}_t{n}.sql": SMALL.format(n=n) for n in range(1, number + 1)}


def big_file(megabytes: int) -> dict[str, str]:
    """One file of INSERTs, a row each."""
    row = "INSERT INTO big VALUES ({}, 'a row of some seventy bytes, as data files have them');\n"
    rows = "".join(row.format(n) for n in range(megabytes * MEGABYTE // len(row.format(100_000))))
    return {"0001_big.sql": f"CREATE TABLE big (id bigint, name text);\n{rows}"}


def write_files(folder: Path, files: dict[str, str], up: str = "", down: str = "") -> Path:
    """A folder with the files, each between what the tool wants to see first and last."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(up + text + down)
    return folder


def table(title: str, tried: list[Tool], floors: list[float], per: int) -> str:
    """The figures in Markdown; per is the number of files, for the round trips of each."""
    rows = [["floor", "1", f"{median(floors):.2f}"]]
    rows += [tool.row(str(tool.trips), f"{(tool.trips or 0) / per:.1f}" if per else "") for tool in tried]
    return common.table(title, ["", "÷ floor", "seconds", "peak MB", "round trips a run", "a file"], rows)


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--files", type=int, default=1000, help="small files in the second table")
    parser.add_argument("--megabytes", type=int, default=15, help="the size of the big file")
    options = parser.parse_args()
    shipped = {path.name: path.read_text() for path in sorted((ROOT / "migrations").glob("*.sql"))
               if not path.name.endswith(".rollback.sql")}  # fmt: skip
    loads: list[tuple[str, dict[str, str], bool, int]] = [
        ("Nothing to do, the four shipped files", shipped, True, 0),
        (f"{options.files} small files", small_files(options.files), False, options.files),
        (f"One file of {options.megabytes} MB of INSERTs", big_file(options.megabytes), False, 1),
    ]
    report = [HEAD.format(pairs=options.pairs)]
    with common.serving() as (server, scratch):
        for number, (title, files, before, per) in enumerate(loads):
            tried, floors = tools(), []
            for tool in tried:
                folder = write_files(scratch / f"{number}-{tool.name}", files, tool.up, tool.down)
                plain = write_files(scratch / f"{number}-{tool.name}-floor", files)
                floors += compare(
                    server,
                    tool,
                    folder,
                    [] if before else [str(plain)],
                    options.pairs * (7 if before else 1),
                    before,
                )
            report.append(table(title, tried, floors, per))
            print(report[-1], flush=True)
    if options.write:
        common.write(options.write, "\n".join(report))


HEAD = """## migrate

The floor is psycopg alone: one connection, one message a file with its record and its COMMIT in it (for nothing to
do: one query). Each run has an empty database; {pairs} pairs (seven times as many for nothing to do). A round trip is a
wait for the server to be ready for more, those of connecting included.
"""

if __name__ == "__main__":
    main()
