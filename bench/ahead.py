"""Whether a release that is rolled back starts, with sqlrail and with its peers, and whether a hole is told from that.

python bench/ahead.py [--histories N] [--replicas N] [--write FILE]. Each tool runs as a process of its own, as its
documentation says that a deployment calls it.
"""

from __future__ import annotations

import importlib.util
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import common
import fillers
import migrate
from common import PYTHON

from sqlrail.server import local

HEAD = """## ahead

Random histories ({histories}) of three to five migrations are applied, a table each. Each older release starts, with
the first one, two, … of the files in its folder: one process of it, and {replicas} at once. They start if they exit
with 0 and the database is as before. That is worth something only where a hole is told from it: of the folders with
which a tool starts, the newest one too, each file in the middle is taken out, and each file edited; what is counted is
how often it fails then. Alembic and Django miss a file by the one that names it as the one before.
"""
NODE = fillers.KNEX.with_name("node-pg-migrate") / "bin" / "node-pg-migrate.js"
ALEMBIC = """
from alembic import op

revision = {id!r}
down_revision = {before!r}

def upgrade():
    op.execute({sql!r})
"""
DJANGO = """
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = {before!r}
    operations = [migrations.RunSQL({sql!r})]
"""


class File(NamedTuple):
    """A migration: its name, that of the one before it, and what it runs."""

    id: str
    before: str | None
    sql: str


@dataclass
class Tool:
    """A tool, how it is called with a URL and a folder, and how it writes a migration; then what became of its runs."""

    name: str
    command: Callable[..., list[str]]
    written: Callable[[File], tuple[str, str]]  # path and text
    beside: dict[str, str] = field(default_factory=dict)  # other files of the folder, by their paths
    alone: list[bool] = field(default_factory=list)  # whether one process of an older release started
    together: list[bool] = field(default_factory=list)  # whether several did
    taken_out: list[bool] = field(default_factory=list)  # whether it failed
    edited: list[bool] = field(default_factory=list)

    def lay(self, folder: Path, files: Collection[File]) -> Path:
        """The folder, anew, with these."""
        shutil.rmtree(folder, ignore_errors=True)
        for name, text in [*self.beside.items(), *map(self.written, files)]:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return folder

    def starts(self, url: str, folder: Path, replicas: int) -> bool:
        """Whether so many processes exit with 0 that start at once."""
        running = [
            subprocess.Popen(
                self.command(url, folder), env=common.environment(url), stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, cwd=tempfile.gettempdir(),
            )
            for _ in range(replicas)
        ]  # fmt: skip
        codes = [process.wait() for process in running]
        return not any(codes)

    def row(self) -> list[str]:
        """Of how many each was so."""
        kinds = self.alone, self.together, self.taken_out, self.edited
        return [self.name, *(f"{sum(found)} of {len(found)}" if found else "" for found in kinds)]


def tools() -> list[Tool]:
    """Ours, and the peers that are installed."""
    found = [_of_sql(tool) for tool in migrate.tools()]
    for tool in migrate.tools():
        if tool.name == "sqlx-cli":
            found.append(_of_sql(tool))
            found[-1].name = "sqlx-cli --ignore-missing"
            found[-1].command = lambda url, folder, tool=tool: [
                *tool.command(url, folder),
                "--ignore-missing",
            ]
    if NODE.exists():
        found.append(
            Tool("node-pg-migrate", _node, lambda file: (f"{file.id}.sql", f"-- Up Migration\n{file.sql}"))
        )
    if importlib.util.find_spec("alembic"):
        found.append(
            Tool(
                "Alembic",
                lambda _, folder: [PYTHON, "-m", "alembic", "-c", str(folder / "alembic.ini"), "upgrade", "head"],
                lambda file: (f"env/versions/{file.id}.py", ALEMBIC.format(**file._asdict())),
                {"alembic.ini": "[alembic]\nscript_location = %(here)s/env\n", "env/env.py": fillers.ALEMBIC_ENV,
                 "env/script.py.mako": ""},
            )
        )  # fmt: skip
    if importlib.util.find_spec("django"):
        found.append(
            Tool(
                "Django",
                lambda _, folder: [
                    PYTHON, "-m", "django", "migrate", "--settings", "of_people", "--pythonpath", str(folder)],
                _of_django,
                {"people/__init__.py": "", "people/migrations/__init__.py": "",
                 "of_people.py": fillers.DJANGO_SETTINGS},
            )
        )  # fmt: skip
    return found


def _of_sql(tool: migrate.Tool) -> Tool:
    return Tool(tool.name, tool.command, lambda file: (f"{file.id}.sql", tool.up + file.sql + tool.down))


def _of_django(file: File) -> tuple[str, str]:
    before = [("people", file.before)] if file.before else []
    return f"people/migrations/{file.id}.py", DJANGO.format(before=before, sql=file.sql)


def _node(url: str, folder: Path) -> list[str]:
    # Its driver takes the socket's folder from the URL, but wants a host in front of it.
    given = f"DATABASE_URL={url.replace('@/', '@localhost/')}"
    return ["env", given, "node", str(NODE), "up", "--migrations-dir", str(folder)]


def files_of(chance: random.Random) -> list[File]:
    """A history."""
    numbers = sorted(chance.sample(range(1, 1000), chance.randint(3, 5)))
    ids = [f"{number:04}_t{number}" for number in numbers]
    return [
        File(id_, before, f"CREATE TABLE t{int(id_[:4])} (n int);\n")
        for id_, before in zip(ids, [None, *ids], strict=False)
    ]


def dumped(url: str) -> str:
    """The database, rows and all."""
    program = local.find_binaries() / "pg_dump"
    return subprocess.run(
        [program, "--restrict-key=x", url], capture_output=True, text=True, check=True
    ).stdout


def tell(tool: Tool, server: common.Server, folder: Path, files: list[File], replicas: int) -> None:
    """One history with one tool."""
    url = common.database(server)
    common.run(tool.command(url, tool.lay(folder, files)), url)
    before = dumped(url)

    def is_start(these: Collection[File], number: int = 1) -> bool:
        return tool.starts(url, tool.lay(folder, these), number) and dumped(url) == before

    for size in range(1, len(files) + 1):
        folder_of = files[:size]
        if size < len(files):
            tool.together.append(is_start(folder_of, replicas))
            tool.alone.append(tool.together[-1] or is_start(folder_of))
            if not tool.alone[-1]:
                continue
        tool.taken_out += [
            not is_start([it for it in folder_of if it is not gone]) for gone in folder_of[1:-1]
        ]
        for edited in folder_of:
            other = edited._replace(sql=edited.sql.replace("(n int)", "(n bigint)"))
            tool.edited.append(not is_start([other if it is edited else it for it in folder_of]))


def main() -> None:
    """Asks each tool the same, and prints the table."""
    parser = common.parser(__doc__)
    parser.add_argument("--histories", type=int, default=10)
    parser.add_argument("--replicas", type=int, default=8)
    options = parser.parse_args()
    chance = random.Random(options.histories)  # noqa: S311
    histories = [files_of(chance) for _ in range(options.histories)]
    made = tools()
    with common.serving(fsync="off") as (server, folder):
        for tool in made:
            for files in histories:
                tell(tool, server, folder / "files", files, options.replicas)
            sys.stderr.write(f"{tool.row()}\n")
    at_once = f"{options.replicas} at once"
    columns = ["", "older releases that start", at_once, "files taken out, told", "files edited, told"]
    report = HEAD.format(histories=options.histories, replicas=options.replicas)
    report += "\n" + common.table("Ahead, or a hole", columns, [tool.row() for tool in made])
    sys.stdout.write(report)
    if options.write:
        common.write(options.write, report)


if __name__ == "__main__":
    main()
