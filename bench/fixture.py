"""What a database of its own costs a test: whole runs of pytest with sqlrail's fixture, and with others'.

`python bench/fixture.py [--pairs N] [--tests N] [--files N] [--write FILE]`. The files make a table each.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import NamedTuple

import common
from common import PYTHON, ROOT, Server
from psycopg.conninfo import conninfo_to_dict

from sqlrail.testing.server import FAST, MEMORY

TABLE = "CREATE TABLE t{n} (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, at timestamptz);\n"
#: writes into a file how many seconds each test's setting up and tearing down took
CONFTEST = """
import json, os
import pytest

took = {}

def pytest_runtest_logreport(report):
    if report.when != "call":
        took[report.nodeid] = took.get(report.nodeid, 0) + report.duration

def pytest_sessionfinish():
    with open("took.json", "w") as file:
        json.dump([*took.values()][1:], file)  # the first one makes the template
"""
BODY = """
import time
import pytest

@pytest.mark.parametrize("n", range({tests}))
def test_it(n{fixture}):
    time.sleep({seconds})
"""
POSTGRESQL = """
from pathlib import Path
from pytest_postgresql import factories

files = [Path(file) for file in {files!r}]
server = factories.postgresql_noproc(host={host!r}, port=5432, user="postgres", dbname="peer", load=files)
database = factories.postgresql("server")
"""
#: an application whose one migration runs the same files, and knows their tables
DJANGO = """
from pathlib import Path
from django.db import migrations, models

def table(number):
    key = [("id", models.AutoField(primary_key=True))]
    return migrations.CreateModel(f"T{{number}}", key, options={{"db_table": f"t{{number}}"}})

class Migration(migrations.Migration):
    operations = [
        migrations.RunSQL(file.read_text(), state_operations=[table(int(file.stem[:4]))])
        for file in sorted(Path({folder!r}).iterdir())
    ]
"""
DJANGO_SETTINGS = """
from django.conf import settings

def pytest_configure():
    database = dict(ENGINE="django.db.backends.postgresql", NAME="app", USER="postgres", HOST={host!r})
    settings.configure(INSTALLED_APPS=["peer"], DATABASES=dict(default=database))
"""


class Way(NamedTuple):
    """A fixture that is measured: how tests ask for it, and what has to be in its folder and its configuration."""

    name: str
    fixture: str
    plugins: list[str] = []  # noqa: RUF012 - never changed
    settings: str = ""
    conftest: str = ""
    more: dict[str, str] = {}  # noqa: RUF012 - other files, by path


@dataclass
class Took:
    """What a way's runs took: seconds of a whole run, and milliseconds that the fixture cost each test."""

    runs: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    failed: str = ""


def ways(server: Server, files: list[Path]) -> list[Way]:
    """Ours, as it was before databases were made ahead, and the peers that are installed beside this Python."""
    ours = ["sqlrail.testing.plugin"]
    host = conninfo_to_dict(server.url)["host"]
    peer = POSTGRESQL.format(host=host, files=[str(file) for file in files])
    django = ["pytest_django.plugin"]
    application = {
        "peer/__init__.py": "",
        "peer/migrations/__init__.py": "",
        "peer/migrations/0001_all.py": DJANGO.format(folder=str(files[0].parent)),
    }
    setup = DJANGO_SETTINGS.format(host=host), application
    found = [
        Way("no fixture", ""),
        Way("sqlrail, made when asked for", ", sqlrail_database", ours, "sqlrail_ahead = 0"),
        Way("sqlrail", ", sqlrail_database", ours),
        Way("sqlrail, sqlrail_reset", ", sqlrail_database", ours, "sqlrail_reset = true"),
        Way("pytest-postgresql", ", database", ["pytest_postgresql.plugin"], conftest=peer),
        Way("pytest-django: db, a rollback", ", db", django, "", *setup),
        Way("pytest-django: transactional_db, TRUNCATE", ", transactional_db", django, "", *setup),
    ]
    return [way for way in found if all(find_spec(plugin.split(".")[0]) for plugin in way.plugins)]


def measure(way: Way, folder: Path, url: str, took: Took, seconds: float, tests: int) -> None:
    """One run of pytest over so many tests, each of which takes so many seconds by itself."""
    for name, text in way.more.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "conftest.py").write_text(CONFTEST + way.conftest)
    (folder / "pytest.ini").write_text(f"[pytest]\n{way.settings}\n")
    (folder / "test_it.py").write_text(BODY.format(tests=tests, fixture=way.fixture, seconds=seconds))
    plugins = [word for plugin in way.plugins for word in ("-p", plugin)]
    command = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugins]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "SQLRAIL_"))}
    environ |= {
        "SQLRAIL_TEST_DATABASE_URL": url,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(ROOT),
    }
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    took.runs.append(time.perf_counter() - started)
    if done.returncode:
        took.failed = f"fails: {done.stdout.strip().splitlines()[-1][-60:]}"
        return
    took.costs += [1000 * cost for cost in json.loads((folder / "took.json").read_text())]


def compare(server: Server, scratch: Path, options: object, seconds: float) -> list[list[str]]:
    """The rows of a table: each way in turn, so many times."""
    tests, pairs, number = (getattr(options, name) for name in ("tests", "pairs", "files"))
    migrations = scratch / "tests" / "migrations"
    migrations.mkdir(parents=True, exist_ok=True)
    for n in range(number):
        (migrations / f"{n:04}_t.sql").write_text(TABLE.format(n=n))
    found = ways(server, sorted(migrations.iterdir()))
    taken = {way.name: Took() for way in found}
    for way in found[1:]:  # the template is there
        measure(way, migrations.parent, server.url, Took(), 0, 1)
    for _ in range(pairs):
        for way in found:
            if not taken[way.name].failed:
                measure(way, migrations.parent, server.url, taken[way.name], seconds, tests)
    before = taken[found[1].name].runs
    return [[way.name, *row(taken[way.name], before)] for way in found]


def row(took: Took, before: list[float]) -> list[str]:
    """The cells of a way: its run, how many times as fast as before, and what a test paid."""
    if took.failed:
        return [took.failed]
    costs = sorted(took.costs)
    times = median(old / new for old, new in zip(before, took.runs, strict=True))
    shares = [f"{costs[int(share * (len(costs) - 1))]:.2f}" for share in (0.5, 0.9, 0.99)]
    return [f"{median(took.runs):.2f}", f"{times:.2f}", *shares]


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--tests", type=int, default=200, help="of a run")
    parser.add_argument("--files", type=int, default=200, help="migrations, each of which makes a table")
    options = parser.parse_args()
    report = [HEAD.format(**vars(options))]
    with common.serving(str(MEMORY) if MEMORY.is_dir() else tempfile.gettempdir(), **FAST) as (
        server,
        scratch,
    ):
        for seconds in (0.0, 0.03):
            rows = compare(server, scratch, options, seconds)
            columns = ["", "seconds", "times as fast", "a test paid, ms", "p90", "p99"]
            report.append(common.table(f"Tests that take {1000 * seconds:.0f} ms", columns, rows))
            print(report[-1], flush=True)
    if options.write:
        common.write(options.write, "\n".join(report))


HEAD = """## fixture

Runs of pytest over {tests} tests with a database each, from {files} migrations with a table each; {pairs} pairs, on a
server in memory with the settings of the fixture's own. What a test paid is what setting up and tearing down took
around it, without the first test's template; how many times as fast is against the fixture where none is made ahead.
"""

if __name__ == "__main__":
    main()
