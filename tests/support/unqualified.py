"""Takes away, one at a time, what keeps a name of ours from leading to a look-alike; each must be noticed.

python tests/support/unqualified.py [--sample NUMBER]    all of them, or so many, on the newest PostgreSQL

Noticed: the look-alike is met, or a command does not end as it does where nothing is taken away. What counts: a name's
schema in a file that is sent where names lead to where a file's do (THEIRS); where pg_catalog comes first, between
{writes} and {ours}, that of what is chosen by the types it is given; and each line from which names lead to pg_catalog
alone. No other is needed: without a sample those go at once, and none may be met.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import random
import re
import shutil
import sys
import threading
import time
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "support")]

from conftest import FAST, majors, open_folder  # noqa: E402
from lookalikes import CHAPTERS, plant, reaching, tell  # noqa: E402
from told import untold  # noqa: E402

from sqlrail.server import local  # noqa: E402

#: sent where names lead to where a file's do
THEIRS = (
    "_applied", "_attempt", "_attempt_tenant", "_behind", "_locked_outside", "_recorded", "_rollback_gone",
    "_rollback_kept", "_tenant_oid",
    "_writes_functions", "_writes_types", "as_file_end", "count_violations", "deallocate", "finish", "lead", "lock",
    "lock_or_fail", "log", "may_reach_out", "note", "online_take", "ours", "own_before", "plan_limit",
    "preview_violations", "record", "rollback", "unrecord",
)  # fmt: skip
#: parts of statements that write rows
WITHIN = ("_duplicate_met", "_duplicate_rows", "_restore_grown", "_restore_grown_array")
#: an operator, or the schema in front of another name; of one that a text spells, another's number is no error
QUALIFIED = re.compile(r"OPERATOR\(pg_catalog\.(\S+?)\)|(?<!')pg_catalog\.(?=[\w\"])")
#: the same of what is chosen by the types that it is given: all else is found in pg_catalog, where that comes first
CHOSEN = re.compile(r"OPERATOR\(pg_catalog\.(\S+?)\)|pg_catalog\.(?=\w+\()")
#: rooms whose SQL stands in files, which are sent as they are
WRITTEN = ("widening",)
#: what takes a cluster of Citus
ELSEWHERE = ("nodes",)
#: what is held against what PostgreSQL says, and sent to nobody
COMPARED = re.compile(r"^EQUALS, OVERLAPS = .*", re.MULTILINE)
#: from where pg_catalog comes first, see writes.sql, to where there is nothing else
WRITES = re.compile(r"\{writes\}.*?\{ours\}", re.DOTALL)
#: what has all names of a message lead to PostgreSQL's own: in Python, and in SQL
OURS = re.compile(r'[\w.]+\((?:[\w.]+, )?"ours"\)')
FROM_HERE = re.compile(r"(?<=\n)(?:\{ours\}|SET LOCAL search_path = (?:''|pg_catalog);)\n")
#: what stands in Python for a message
NOTHING = 'b""'
FORK = multiprocessing.get_context("fork")
#: how a process ends that has met a look-alike, or in which a command ended otherwise than in the story as it is
NOTICED = 3
COMMENT = re.compile(r"^--.*$", re.MULTILINE)


class Removal(NamedTuple):
    """A place, and what stands there once it is taken away."""

    file: str
    start: int
    end: int
    instead: str = ""

    @property
    def _text(self) -> str:
        return (ROOT / self.file).read_text()

    def is_reached(self, places: Container[str]) -> bool:
        """Whether it may be, by what reaches these places: where a part of a statement is put in, nobody knows."""
        if self.file.endswith(".py"):
            return self.instead != NOTHING or f"{self.file}:{self.line}" in places
        return self.file in places

    @property
    def line(self) -> int:
        return self._text.count("\n", 0, self.start) + 1

    def done(self) -> str:
        """The file's text without it."""
        return self._text[: self.start] + self.instead + self._text[self.end :]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self._text[self.start : self.end].strip()}"


def removals() -> Iterator[Removal]:
    """All of them."""
    for path in sorted((ROOT / "sql").rglob("*.sql")):
        if path.stem not in untold():  # what no chapter sends meets nothing in any
            yield from _in_sql(str(path.relative_to(ROOT)), path.read_text())
    for path in sorted((ROOT / "sqlrail").rglob("*.py")):
        if path.parent.name not in WRITTEN and path.stem not in ELSEWHERE:
            yield from _in_python(str(path.relative_to(ROOT)), path.read_text())


def _in_sql(file: str, text: str) -> Iterator[Removal]:
    text = COMMENT.sub(lambda match: " " * len(match[0]), text)
    if Path(file).stem in THEIRS:
        found = [*QUALIFIED.finditer(text)]
    else:
        spans = [(0, len(text))] if Path(file).stem in WITHIN else [it.span() for it in WRITES.finditer(text)]
        found = [it for span in spans for it in CHOSEN.finditer(text, *span)]
        found += FROM_HERE.finditer(text) if "{writes}" in text or "{ours}" not in text else ()
    for match in found:
        yield Removal(file, *match.span(), (match.re.groups and match[1]) or "")


def _in_python(file: str, text: str) -> Iterator[Removal]:
    for match in OURS.finditer(text):
        yield Removal(file, *match.span(), NOTHING)
    for match in CHOSEN.finditer(COMPARED.sub(lambda match: " " * len(match[0]), text)):
        yield Removal(file, *match.span(), match[1] or "")


class Chapter(NamedTuple):
    """What was told once: the shortest is tried first."""

    seconds: float
    name: str
    reached: set[str]


def read(name: str, url: str) -> Chapter:
    """Tells a chapter of the story as it is."""
    started = time.monotonic()
    with reaching() as places:
        tell(name, url)
    for thread in set(threading.enumerate()) - {threading.main_thread()}:
        thread.join()  # a fork takes none with it, but whatever it has locked
    return Chapter(time.monotonic() - started, name, places)


class Copy:
    """sqlrail and its statements in a folder of their own, where something may be taken away."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        for name in ("sqlrail", "sql"):
            shutil.copytree(ROOT / name, folder / name)

    @contextmanager
    def without(self, removal: Removal) -> Iterator[None]:
        path = self.folder / removal.file
        path.write_text(removal.done())
        try:
            yield
        finally:
            shutil.copy2(ROOT / removal.file, path)

    def is_noticed(self, chapter: str) -> bool:
        """Whether a chapter meets a look-alike, or does not end as before; RuntimeError if the chapter itself fails."""
        telling = FORK.Process(target=self._tell, args=[chapter])
        telling.start()
        telling.join()
        if telling.exitcode not in (0, NOTICED):
            raise RuntimeError(f"{chapter} ended with {telling.exitcode}")
        return telling.exitcode == NOTICED

    def _tell(self, chapter: str) -> None:
        """In a process of its own, which has loaded everything but this: that is most of the time that it takes."""
        sys.dont_write_bytecode = True
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith((f"{ROOT}/sqlrail/", f"{ROOT}/tests/")):
                del sys.modules[name]
        sys.path.insert(0, str(self.folder))
        lookalikes: Any = importlib.import_module("lookalikes")
        try:
            lookalikes.tell(chapter, self.url)
        except (lookalikes.Met, AssertionError):
            sys.exit(NOTICED)


def missed(chosen: Iterable[Removal], chapters: Sequence[Chapter], url: str) -> Iterator[Removal]:
    """Those whose removal leads to no look-alike in any chapter that reaches it."""
    with TemporaryDirectory() as folder:
        copy = Copy(Path(folder), url)
        for removal in chosen:
            with copy.without(removal):
                if not any(removal.is_reached(it.reached) and copy.is_noticed(it.name) for it in chapters):
                    yield removal


def is_needed_elsewhere(url: str) -> bool:
    """Whether a look-alike is met where every other qualification is taken away, all at once."""
    with TemporaryDirectory() as folder:
        copy = Copy(Path(folder), url)
        for path in (copy.folder / "sql").rglob("*.sql"):
            if path.stem not in (*THEIRS, *WITHIN):
                path.write_text(_bare(path.read_text()))
        return any(map(copy.is_noticed, CHAPTERS))


def _bare(text: str) -> str:
    parts = re.split(rf"({WRITES.pattern})", text, flags=WRITES.flags)
    parts[::2] = [CHOSEN.sub(lambda match: match[1] or "", part) for part in parts[::2]]
    return "".join(parts)


@contextmanager
def database(url: str | None) -> Iterator[str]:
    """The URL, or that of a database with look-alikes on a server of the newest major, started for it."""
    if url is not None:
        yield url
        return
    with open_folder() as folder:
        server = local.start(folder / "pg", bin=majors()[max(majors())], options=FAST)
        try:
            plant(server.url)
            yield server.url
        finally:
            local.stop(folder / "pg")


def main() -> int:
    """Says what was not met; 1 if there is any."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", help="of a database with look-alikes, on a server of this machine")
    parser.add_argument("--sample", type=int, help="so many of them, chosen at random")
    parser.add_argument("--seed", type=int, help="of that choice")
    given = parser.parse_args()
    chosen = list(removals())
    if given.sample:
        chosen = random.Random(given.seed).sample(chosen, given.sample)  # noqa: S311
    with database(given.url) as url:
        chapters = sorted(map(read, CHAPTERS, repeat(url)))
        left = list(missed(chosen, chapters, url))
        others = not given.sample and is_needed_elsewhere(url)
    sys.stdout.write(f"{len(chosen) - len(left)} of {len(chosen)} removals were met\n")
    sys.stdout.writelines(f"not met: {it}\n" for it in left)
    sys.stdout.writelines(["others are needed as well: THEIRS or WITHIN lacks a file\n"] * others)
    return bool(left or others)


if __name__ == "__main__":
    sys.exit(main())
