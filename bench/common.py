"""What the benchmarks share: a server of their own, processes that are timed, tables in Markdown, one report."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median

import psycopg

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sqlrail.server import local  # noqa: E402 - the checkout's own, also where another is installed

PYTHON = sys.executable
MEGABYTE = 1 << 20
PACE = 0.01  # seconds between two writes
Server = local.Server
_numbers = count(1)


@dataclass
class Tool:
    """What is measured: how it is called, and what it took."""

    name: str
    command: Callable[..., list[str]]
    ratios: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    peak: int = 0  # bytes
    failed: str = ""

    def fail(self, error: Exception) -> None:
        """Takes the end of the last words for the table."""
        self.failed = f"fails: {str(error).splitlines()[-1][-60:]}"

    def row(self, *more: str) -> list[str]:
        """The cells of a table that begins with the ratio, the seconds and the megabytes."""
        if self.failed:
            return [self.name, self.failed]
        figures = f"{median(self.ratios):.2f}", f"{median(self.seconds):.2f}", f"{self.peak / MEGABYTE:.0f}"
        return [self.name, *figures, *more]


def parser(doc: str | None) -> argparse.ArgumentParser:
    """The flags that every benchmark takes; each adds its own."""
    made = argparse.ArgumentParser(description=doc)
    made.add_argument("--pairs", type=int, default=5)
    made.add_argument("--write", type=Path, help="also write the tables into their part of this file")
    return made


@contextmanager
def serving(place: str = "/tmp", **options: str) -> Iterator[tuple[Server, Path]]:  # noqa: S108
    """A fresh server, as it comes but for these settings, and a folder; both are gone afterwards."""
    scratch = Path(tempfile.mkdtemp(prefix="sqlrail-bench-", dir=place))
    scratch.chmod(0o711)
    try:
        yield local.start(scratch / "pg", options=options), scratch
    finally:
        local.stop(scratch / "pg")
        shutil.rmtree(scratch)


def database(server: Server, template: str = "template1") -> str:
    """The URL of a new database, empty or a copy of one that nobody is connected to."""
    name = f"bench_{next(_numbers)}"
    # Copying files, where they are many megabytes: it begins and ends with a checkpoint, and leaves them in the cache.
    strategy = "wal_log" if template == "template1" else "file_copy"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY {strategy}".encode())
    return server.url.replace("/app?", f"/{name}?")


def environment(url: str) -> dict[str, str]:
    """What a process finds: the database, and nothing that would set something else."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PG", "SQLRAIL_", "PYTHON"))
    }
    return kept | {"DATABASE_URL": url, "APP_ENV": "development"}


def run(command: list[str], url: str, peaks: list[int] | None = None) -> float:
    """Wall seconds of a process, and its peak bytes if asked for; RuntimeError with its last words if it fails."""
    with tempfile.TemporaryFile() as words:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment(url), stdout=words, stderr=words, cwd=tempfile.gettempdir()
        )
        while peaks is not None and process.poll() is None:
            # Not ru_maxrss: that begins with the memory of whoever started the process.
            status = Path(f"/proc/{process.pid}/status").read_text()
            peaks += [int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")]
            time.sleep(0.001)
        process.wait()
        seconds = time.perf_counter() - started
        if process.returncode:
            words.seek(0)
            raise RuntimeError(words.read().decode(errors="replace").strip()[-200:])
    return seconds


@contextmanager
def writer(url: str, writes: Mapping[str, Callable[[], Sequence[object]]]) -> Iterator[list[float]]:
    """A session that sends these statements in turn, each with its next parameters: the seconds that each write took.

    A write that is held up stands for all that would have come meanwhile: users do not wait for each other.
    """
    waits: list[float] = []
    done = threading.Event()

    def write() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not done.is_set():
                for statement, parameters in writes.items():
                    started = time.perf_counter()
                    connection.execute(statement.encode(), parameters())
                    wait = time.perf_counter() - started
                    waits.extend(wait - late * PACE for late in range(1 + int(wait / PACE)))
                    time.sleep(PACE)

    with ThreadPoolExecutor(1) as pool:
        session = pool.submit(write)
        time.sleep(1)
        waits.clear()  # those of the first second: connecting, cold catalogs
        try:
            yield waits
        finally:
            done.set()
        session.result()


def table(title: str, columns: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown; rows that are too short end in empty cells."""
    full = [row + [""] * (len(columns) - len(row)) for row in [columns, *rows]]
    head, *lines = ["|" + "".join(f" {cell} |" if cell else " |" for cell in row) for row in full]
    return "\n".join([f"### {title}", "", head, "|---" * len(columns) + "|", *lines, ""])


def write(path: Path, part: str) -> None:
    """Puts a part, from its heading on, in the place of the one of the same heading, or at the end."""
    old = path.read_text() if path.exists() else ""
    parts = {
        text.splitlines()[0]: text.rstrip()
        for text in [*re.findall(r"^## .*?(?=^## |\Z)", old, re.MULTILINE | re.DOTALL), part]
    }
    path.write_text("\n\n".join([HEAD, *parts.values()]) + "\n")


HEAD = """# Benchmarks

`make bench` makes these tables (`make bench-migrate`, `-cleanup`, `-locked`, `-catalog`, `-foresight`, `-foreseen`,
`-contract`, `-tenants`, `-fixture`, `-backfill`, `-widen`, `-nothing`, `-ahead`: one part). Each tool runs in turns
with a floor, a process a run, on the embedded server with fsync on and no setting changed; a ratio is the median of
pairs. Compare ratios, not seconds."""
