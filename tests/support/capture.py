"""What the applications of tests/clients make and send, as PostgreSQL's log has it: in tests/foresight/applications.

python tests/support/capture.py [APPLICATION...]    runs them on PostgreSQL 15, and writes both files of each anew

APPLICATION.made.sql is a dump of what its steps make and fill leave; APPLICATION.queries.sql has what its step work
sends then, as `plan --queries` reads it, with the values of parameters, or a COPY's lines, in a comment ahead of each.
It needs node with the packages of tests/clients/sequelize, django, sqlalchemy and asyncpg, and pg_dump.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "support")]

from conftest import FAST, clean_environment, majors, open_folder  # noqa: E402

from sqlrail.server import local  # noqa: E402

CLIENTS, FILES = ROOT / "tests" / "clients", ROOT / "tests" / "foresight" / "applications"
APPLICATIONS = {
    "sequelize": ["node", str(CLIENTS / "sequelize" / "app.js"), "was"],
    **{
        name: [sys.executable, str(CLIENTS / name / "app.py")]
        for name in ("sqlalchemy", "django", "plain", "asyncpg")
    },
}
LOG = {"logging_collector": "on", "log_destination": "jsonlog", "log_statement": "all", "log_timezone": "UTC"}
#: what drivers ask for themselves, and what only goes with other statements
OF_THE_DRIVER = re.compile(
    r"(?is)pg_catalog|pg_type|set_config|^(begin|commit|rollback|savepoint|release|set|show|fetch|move|close|start|deallocate)\b"
)
#: the log has no lines of a COPY
LINES = {"stock_moves": "tea\t20\tdelivery\ncup\t5\t\\N\n", "views": "1\t2026-01-05\t4\n"}


def main() -> None:
    FILES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or APPLICATIONS:
        with open_folder() as folder:
            server = local.start(folder / "pg", bin=majors()[min(majors())], options={**FAST, **LOG})
            try:
                capture(name, server)
            finally:
                local.stop(folder / "pg")


def capture(name: str, server: local.Server) -> None:
    """Runs an application in the server's own database."""
    run(name, server.url, "make", "fill")
    dump = subprocess.run(
        [
            server.bin / "pg_dump",
            *["--no-owner", "--no-privileges", "--rows-per-insert=50", "--column-inserts"],
            server.url,
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (FILES / f"{name}.made.sql").write_text(plain(dump))
    (log,) = (server.data / "log").glob("*.json")
    before = len(lines(log))
    run(name, server.url, "work")
    sent = [statement for line in lines(log)[before:] for statement in sent_by(line)]
    (FILES / f"{name}.queries.sql").write_text("\n".join(sent))
    print(f"{name}: {len(sent)} statements")  # noqa: T201


def run(name: str, url: str, *steps: str) -> None:
    environment = {**clean_environment(), "DATABASE_URL": url, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([*APPLICATIONS[name], *steps], env=environment, check=True, timeout=60)


def plain(dump: str) -> str:
    """Without what only psql, or a server of this major, takes."""
    kept = [
        line
        for line in dump.splitlines()
        if line and not line.startswith(("--", "\\", "SET ", "SELECT pg_catalog.set_config"))
    ]
    return "\n".join(["SET LOCAL check_function_bodies = false;", *kept]) + "\n"


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def sent_by(line: dict[str, Any]) -> Iterator[str]:
    """What an application has sent, with a comment that has its values."""
    found = re.fullmatch(r"(?s)(?:statement|execute [^:]*): (.*)", line.get("message", ""))
    if not found or OF_THE_DRIVER.search(found[1]):
        return
    text = found[1].strip().rstrip(";")
    given = (line.get("detail") or "").partition(": ")[2]
    copied = re.match(r'(?i)COPY (?:"?\w+"?\.)?"?(\w+)"?.* FROM STDIN', text)
    if copied:
        given = f"lines {json.dumps(LINES[copied[1]])}"
    comment = f"-- {given}\n" if given else ""
    assert "\n" not in given
    yield f"{comment}{text};\n"


if __name__ == "__main__":
    main()
