"""What plan says of migrations under applications that are running, and what squawk says of the same files.

`python bench/contract.py [--each N] [--seed N] [--majors N ...] [--write FILE]`. The migrations are those that the
tests generate (tests/support/breaking.py), over five applications. Each also runs on the application's database, and
then all that the application sends: what ran before and fails now, it breaks.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

import common
from common import PYTHON, ROOT

sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "tests" / "support"))

from applications import APPLICATIONS
from conftest import FAST, majors
from contracts import EACH, SEED, Outcome, Stage

from sqlrail.cli import main as cli
from sqlrail.server import local

#: squawk's rules about what those find no more, or are refused, who still use a table as it was
RULES = {
    "ban-drop-column", "ban-drop-table", "ban-drop-database", "ban-drop-not-null", "renaming-column", "renaming-table",
    "changing-column-type", "adding-required-field", "adding-not-nullable-field",
}  # fmt: skip
QUERIES = 2000
Said = Counter[tuple[str, bool]]  # what a tool says, and whether a migration breaks the application


def call(*words: str) -> tuple[int, str]:
    """The command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(words)
    return code, out.getvalue() or err.getvalue()


def plans(outcome: Outcome) -> str:
    return next((one for one in ("breaks", "may break") if outcome.says(one)), "")


def squawks(outcome: Outcome, major: int) -> str:
    """Whether squawk warns of the file by any of the rules."""
    command = [str(Path(PYTHON).parent / "squawk"), f"--pg-version={major}", "--reporter=json"]
    done = subprocess.run(command, input=outcome.migration.text, capture_output=True, text=True, check=False)
    return "breaks" if RULES & {one["rule_name"] for one in json.loads(done.stdout)} else ""


def judged(each: int, seed: int, major: int) -> dict[str, Said]:
    """What both say of the migrations, on a server of a major."""
    os.environ["APP_ENV"] = "test"
    said: dict[str, Said] = {"plan --queries": Counter(), "squawk": Counter()}
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        folder = Path(name)
        folder.chmod(0o711)
        server = local.start(folder / "pg", bin=majors()[major], options=FAST)
        try:
            for application in APPLICATIONS:
                stage = Stage(application, common.database(server), folder / application.name, call)
                for outcome in stage.outcomes(stage.migrations(each, seed)):
                    said["plan --queries"][plans(outcome), outcome.breaks] += 1
                    said["squawk"][squawks(outcome, major), outcome.breaks] += 1
        finally:
            local.stop(folder / "pg")
    return said


def row(major: int, name: str, said: Said) -> list[str]:
    broken = sum(number for (_, breaks), number in said.items() if breaks)
    whole = sum(number for (_, breaks), number in said.items() if not breaks)
    found, doubted = said["breaks", True], said["may break", True]
    return [
        name,
        str(major),
        f"{found} of {broken}",
        str(doubted),
        f"{(found + doubted) / broken:.2f}",
        f"{said['breaks', False]} of {whole}",
        str(said["may break", False]),
    ]


def measured(pairs: int) -> list[list[str]]:
    """What so many queries of an application add to a plan of one file."""
    os.environ["APP_ENV"] = "test"
    application = next(one for one in APPLICATIONS if one.name == "plain")
    with common.serving(**FAST) as (server, folder):
        stage = Stage(application, common.database(server), folder / application.name, call)
        (migration, *_) = stage.migrations(1)
        texts = [one.text.decode() for one in application.sent if one.lines is None]
        many = [f"{texts[number % len(texts)]} /* {number} */" for number in range(QUERIES)]
        took: dict[int, list[tuple[float, float]]] = {1: [], QUERIES: []}
        for number in [1, *(1, QUERIES) * pairs]:  # the first one loads the modules
            (folder / "queries.sql").write_text(";\n".join(many[:number]))
            started = time.perf_counter(), _cpu(server.pid)
            stage.plan(migration, folder / "queries.sql")
            took[number].append((time.perf_counter() - started[0], _cpu(server.pid) - started[1]))
    more = [
        [with_all[at] - with_one[at] for with_one, with_all in zip(took[1][1:], took[QUERIES], strict=True)]
        for at in (0, 1)
    ]
    return [[f"{QUERIES:,}", *(f"{median(one):.2f}" for one in more), f"{min(more[0]):.2f}"]]


def _cpu(postmaster: int) -> float:
    """CPU seconds of this process, and of a server and all the processes that it has had."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            fields = stat.read_text().rpartition(")")[2].split()
            if stat.parent.name == str(postmaster):
                ticks += sum(map(int, fields[11:15]))  # with those of its children that have ended
            elif int(fields[1]) == postmaster:
                ticks += sum(map(int, fields[11:13]))
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--each", type=int, default=EACH, help="migrations of each application")
    parser.add_argument("--seed", type=int, default=SEED, help="which ones")
    parser.add_argument("--majors", type=int, nargs="+", default=sorted({min(majors()), max(majors())}))
    options = parser.parse_args()
    with ProcessPoolExecutor(len(options.majors)) as pool:
        found = list(pool.map(partial(judged, options.each, options.seed), options.majors))
    pairs = zip(options.majors, found, strict=True)
    rows = [row(major, name, its) for major, said in pairs for name, its in said.items()]
    columns = [
        "",
        "PostgreSQL",
        "breaking: said so",
        "said to be possible",
        "found",
        "harmless: said to break",
        "said to be possible",
    ]
    title = f"{len(APPLICATIONS) * options.each} migrations under {len(APPLICATIONS)} applications"
    more = ["queries", "seconds more", "CPU seconds more", "the least seconds"]
    tables = [
        common.table(title, columns, rows),
        common.table("What queries cost", more, measured(options.pairs)),
    ]
    report = "\n".join([HEAD, *tables])
    print(report, flush=True)
    if options.write:
        common.write(options.write, report)


HEAD = """## contract

Applications of Sequelize, SQLAlchemy and Django, and two with SQL by hand, over psycopg and over asyncpg; the tests
generate migrations of their databases, half of them of kinds that break somebody who still uses what was there. Each
runs on the database with its rows, and then all statements of the application, with the values and types that its
driver sends: one that ran before and fails now is broken. squawk reads the file alone, and cannot know whether anybody
uses what goes; counted are its rules about columns, tables and types that go, change or are required. CPU seconds are
those of the client and the server together; the 2,000 are those of the shop over psycopg, joins, windows and common
table expressions among them, each looked at in front of the file and behind it.
"""

if __name__ == "__main__":
    main()
