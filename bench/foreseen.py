"""What plan, and what other tools, say of files that live rows are in the way of: the same cases in one run.

`python bench/foreseen.py [--cases N] [--seed N] [--write FILE]`. Each case is a database with live rows and one pending
file, out of those that the tests generate (tests/support/cases.py). Each tool looks at it in its own best mode that
leaves the database alone, as a process of its own; then the file runs on a copy, which tells who was right.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import common
import psycopg
from common import PYTHON, ROOT, Server, database

sys.path.insert(0, str(ROOT / "tests" / "support"))

from cases import Case, cases

RUNNER = [PYTHON, str(ROOT / "runner.py"), "--json"]
BINS = Path(PYTHON).parent
PEERS = BINS.parent / "peers" / "node_modules" / ".bin"
TABLES = "SELECT count(*) FROM pg_catalog.pg_class WHERE relnamespace <> ALL ('{11,99}'::oid[])"
ALEMBIC = """\
import os, sqlalchemy
from alembic import context
url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
context.configure(url=url, literal_binds=True)
with context.begin_transaction():
    context.run_migrations()
"""
REVISION = """\
from alembic import op
revision, down_revision = "1", None
def upgrade():
    op.execute({text!r})
"""


@dataclass
class Tool:
    """Who looks at a pending file: how it is called, and what its answer says of the file."""

    name: str
    mode: str
    command: Callable[[str, Path], list[str]]
    verdict: Callable[[int, str], str] = lambda code, _: "fails" if code else "passes"
    write: Callable[[Path, Case], None] = lambda folder, case: _write(folder / f"{case.id}.sql", case.text)
    said: Counter[tuple[str, bool]] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    made: set[str] = field(default_factory=set)  # what it left in the databases

    def row(self, failed: int, passed: int) -> list[str]:
        """The cells of its row."""
        foreseen, undecided = (
            self.said["fails", True],
            self.said["unknown", True] + self.said["unknown", False],
        )
        wrong = self.said["fails", False]
        return [
            self.name,
            self.mode,
            f"{foreseen} of {failed}",
            f"{wrong} of {passed}",
            str(undecided),
            ", ".join(self.made),
            f"{median(self.seconds):.2f}",
        ]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _sectioned(up: str, name: str = "20260101000000_{}.sql") -> Callable[[Path, Case], None]:
    return lambda folder, case: _write(folder / name.format(case.id), up + case.text)


def _for_alembic(folder: Path, case: Case) -> None:
    _write(folder / "env.py", ALEMBIC)
    _write(folder / "alembic.ini", f"[alembic]\nscript_location = {folder}\n")
    _write(folder / "versions" / "1_pending.py", REVISION.format(text=case.text.replace(":", r"\:")))


def _planned(code: int, out: str) -> str:
    """What plan says of the last file, which is the pending one."""
    if code:
        return "failed"
    statements = json.loads(out)["files"][-1]["statements"]
    verdicts = {check["verdict"] for it in statements for check in it["checks"]}
    return next(
        (it for it in ("fails",) if it in verdicts),
        "unknown" if verdicts & {"unknown", "fails unless"} else "passes",
    )


def tools(major: int) -> list[Tool]:
    """Ours, and the peers that are installed beside this Python."""

    def plan(*flags: str) -> Callable[[str, Path], list[str]]:
        return lambda url, folder: [
            *RUNNER,
            "--database-url",
            url,
            "--migrations",
            str(folder),
            "plan",
            *flags,
        ]

    squawk = [str(BINS / "squawk"), f"--pg-version={major}", "--assume-in-transaction",
              "--exclude=require-lock-timeout,require-statement-timeout,prefer-robust-stmts"]  # fmt: skip
    found = [
        Tool("sqlrail", "plan --no-try", plan("--no-try"), _planned),
        Tool("sqlrail", "plan", plan(), _planned),
        Tool("squawk", "lint", lambda _, folder: [*squawk, *map(str, folder.glob("*.sql"))]),
        Tool("alembic", "upgrade head --sql", lambda _, folder: [
            str(BINS / "alembic"), "-c", str(folder / "alembic.ini"), "upgrade", "head", "--sql"], write=_for_alembic),
        Tool("node-pg-migrate", "up --dry-run", lambda _, folder: [
            str(PEERS / "node-pg-migrate"), "up", "--dry-run", "--migrations-dir", str(folder)],
            write=_sectioned("-- Up Migration\n")),
        Tool("sqlx-cli", "migrate run --dry-run", lambda url, folder: [
            str(BINS / "sqlx"), "migrate", "run", "--dry-run", "--source", str(folder),
            "--database-url", url.replace("@/", "@localhost/")], write=_sectioned("")),
        Tool("dbmate", "status", lambda url, folder: [
            str(BINS / "dbmate"), "--url", url.replace("?host=", "?socket=").replace("&port=5432", "&sslmode=disable"),
            "--no-dump-schema", "--migrations-dir", str(folder), "status"], write=_sectioned("-- migrate:up\n")),
    ]  # fmt: skip
    return [tool for tool in found if Path(tool.command("", Path())[0]).exists()]


def called(command: list[str], url: str) -> tuple[int, str]:
    """Exit code and stdout of a process that knows this database and no settings."""
    environment = {"PATH": "/usr/bin:/bin", "DATABASE_URL": url, "APP_ENV": "test", "NODE_NO_WARNINGS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout + done.stderr * bool(done.returncode)


def live(server: Server, case: Case, folder: Path) -> str:
    """The URL of a database with the case's live rows, whose applied files are in the folder."""
    url = database(server)
    migrate = [*RUNNER, "--database-url", url, "--migrations", str(folder), "migrate"]
    _write(folder / "0001_made.sql", case.made + "\n")
    code, out = called(migrate, url)
    assert not code, out
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(case.rows.encode())
    if case.late:
        _write(folder / "0002_late.sql", case.late + "\n")
        code, out = called(migrate, url)
        assert not code, out
    return url


def fails(url: str, text: str) -> bool:
    """Whether PostgreSQL refuses it on these rows; nothing of it stays."""
    with psycopg.connect(url) as connection:
        try:
            connection.execute(text.encode())
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except psycopg.Error:
            return True
        finally:
            connection.rollback()
    return False


def look(tool: Tool, url: str, folder: Path, case: Case, *, failed: bool) -> None:
    """Notes what a tool says, how long it took, and whether anything is there that was not."""
    tool.write(folder, case)
    with psycopg.connect(url) as connection:
        before = connection.execute(TABLES).fetchall()
        connection.commit()
        started = time.perf_counter()
        code, out = called(tool.command(url, folder), url)
        tool.seconds.append(time.perf_counter() - started)
        if connection.execute(TABLES).fetchall() != before:
            tool.made.add("its own table")
    verdict = tool.verdict(code, out)
    if verdict == "failed":
        raise RuntimeError(f"{case.name}: {out}")
    tool.said[verdict, failed] += 1


def chosen(number: int, seed: int) -> list[Case]:
    """Cases in one file and one transaction, on a plain table."""
    fit = [
        case
        for case in cases()
        if case.shape == "plain" and not (case.earlier or case.directives) and case.kind.what != "-"
    ]
    return sorted(random.Random(seed).sample(fit, min(number, len(fit))), key=lambda case: case.id)  # noqa: S311


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--cases", type=int, default=120, help="how many databases and files")
    parser.add_argument("--seed", type=int, default=12, help="which of all that the tests have")
    options = parser.parse_args()
    ends: Counter[bool] = Counter()
    with common.serving(fsync="off") as (server, scratch):
        tried = tools(18)
        for case in chosen(options.cases, options.seed):
            folder = scratch / case.schema
            url = live(server, case, folder / "sqlrail")
            failed = fails(url, case.text)
            ends[failed] += 1
            for tool in tried:
                look(tool, url, folder / re.sub("[^a-z]", "", tool.name), case, failed=failed)
    columns = [
        "",
        "mode",
        "foreseen, of files that fail",
        "said to fail, of files that pass",
        "undecided",
        "leaves in the database",
        "seconds a file",
    ]
    rows = [tool.row(ends[True], ends[False]) for tool in tried]
    report = "\n".join([HEAD, common.table(f"{sum(ends.values())} files on live rows", columns, rows)])
    print(report, flush=True)
    if options.write:
        common.write(options.write, report)


HEAD = """## foreseen

Databases with live rows and one pending file each, out of those that the tests generate: the rows fulfil what the file
asks of them, or some do not, or the file mends or spoils them first. Every tool looks at the same ones in that mode of
its own which says most and changes no table of the application; whether a file fails is then seen by running it. A
linter reads text and no rows, so it warns of clean and dirty ones alike; the dry runs print what would run. Any of them
would find all of it on a copy of production, by failing there. (fsync off.)
"""

if __name__ == "__main__":
    main()
