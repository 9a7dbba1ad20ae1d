"""How long cleanups keep writers waiting, against the build before a cleanup looked ahead of its locks.

`python bench/locked.py [--children N] [--parents N] [--orphans N] [--against COMMIT] [--pairs N] [--write FILE]`. Each
way runs in turns with the older build, on a copy of the same database, beside a session that writes.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import cleanup
import common
from cleanup import Load

#: the build that looked for orphans under its locks
BEFORE = "84665d1"
RELATION = "child.user_id -> parent.id"
KEY = "ALTER TABLE child ADD CONSTRAINT its_parent FOREIGN KEY (user_id) REFERENCES parent ON DELETE CASCADE"
#: the files of each way; the verb cleanup has none
WAYS = {
    "cleanup": {},
    "pre-step and key in one file": {"001_key": f"-- cleanup: {RELATION}\n{KEY};"},
    "pre-step and key NOT VALID, VALIDATE in its own file": {
        "001_key": f"-- cleanup: {RELATION}\n{KEY} NOT VALID;",
        "002_valid": "ALTER TABLE child VALIDATE CONSTRAINT its_parent;",
    },
}
#: what the older build does in the place of a way
INSTEAD = {"pre-step and key NOT VALID, VALIDATE in its own file": "pre-step and key in one file"}
#: what no way can do without: the places of the orphans are known, their pages have been gone to
AHEAD = """
BEGIN;
CREATE TABLE found AS
SELECT c.ctid AS tid FROM child AS c WHERE NOT EXISTS (SELECT FROM parent AS p WHERE p.id = c.user_id);
CREATE TABLE kept (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, cells jsonb);
COMMIT;
BEGIN;
SELECT count(*)
  FROM (SELECT FROM child WHERE ctid = ANY (ARRAY(SELECT tid FROM found)) FOR UPDATE) AS gone_to;
ROLLBACK
"""
LOCKED = """
BEGIN;
LOCK TABLE child, parent IN SHARE ROW EXCLUSIVE MODE;
WITH gone AS (DELETE FROM child WHERE ctid = ANY (ARRAY(SELECT tid FROM found)) RETURNING child)
INSERT INTO kept (cells) SELECT to_jsonb(child) FROM gone;
{key}
COMMIT
"""
FLOOR = """
import os, psycopg
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    for statement in {statements!r}:
        connection.execute(statement)
"""


def build(commit: str, folder: Path) -> Path:
    """The program of a commit, unpacked."""
    folder.mkdir()
    git = [shutil.which("git") or "git", "archive", "--format=tar", commit]
    made = subprocess.run(git, cwd=common.ROOT, capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(made.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder / "runner.py"


def command(program: Path, way: str, folder: Path, load: Load) -> list[str]:
    """How a build is called for a way; so many orphans must be allowed by number."""
    called, allowed = [common.PYTHON, str(program)], ["--max-rows", str(load.orphans)]
    if not WAYS[way]:
        return [*called, "cleanup", "--relation", RELATION, *allowed]
    files = folder / way.replace(" ", "_")
    files.mkdir(exist_ok=True)
    for name, text in WAYS[way].items():
        (files / f"{name}.sql").write_text(text)
    return [*called, "--migrations", str(files), "migrate", *allowed]


def floor(way: str) -> list[str]:
    """How the least that a way can do is called."""
    key, *others = WAYS[way].values() or [""]
    statements = [AHEAD, LOCKED.format(key=key), *others]
    return [common.PYTHON, "-c", FLOOR.format(statements=statements)]


def measure(server: common.Server, called: Sequence[str], load: Load) -> tuple[float, float]:
    """Seconds of a run, and of the longest wait of a write beside it, which is the time under the locks."""
    with cleanup.copy(server, load) as url:
        with cleanup.writer(url, load) as waits:
            seconds = common.run([*called], url)
        cleanup.check(url, load)
    return seconds, max(waits)


def figures(turns: Sequence[Sequence[tuple[float, float]]]) -> list[str]:
    """The cells of a way: the seconds of a run, those under locks, and what they are of the older build's."""
    cells = []
    for part in (0, 1):
        cells.append(median(now[part] for _, now, _ in turns))
        cells.append(median(now[part] / before[part] for before, now, _ in turns))
    cells.append(median(least[1] / before[1] for before, _, least in turns))
    return [f"{cell:.2f}" for cell in cells]


def main() -> None:
    """Measures in turns, and prints the table."""
    parser = common.parser(__doc__)
    parser.add_argument("--children", type=int, default=10_000_000)
    parser.add_argument("--parents", type=int, default=1_000_000)
    parser.add_argument("--orphans", type=int, default=100_000)
    parser.add_argument("--against", default=BEFORE, metavar="COMMIT")
    options = parser.parse_args()
    rows = []
    with common.serving(max_wal_size="16GB") as (server, folder):
        load = cleanup.fill(server, options.children, options.parents, options.orphans)
        older = build(options.against, folder / "older")
        for way in WAYS:
            calls = [
                command(older, INSTEAD.get(way, way), folder, load),
                command(common.ROOT / "runner.py", way, folder, load),
                floor(way),
            ]
            turns = [[measure(server, called, load) for called in calls] for _ in range(options.pairs)]
            rows.append([way, *figures(turns)])
            print(rows[-1], turns, flush=True)
    columns = ["", "seconds", "÷ before", "under locks", "÷ before", "floor ÷ before"]
    report = HEAD.format(before=options.against, pairs=options.pairs)
    report += "\n" + common.table(str(load), columns, rows)
    print(report)
    if options.write:
        common.write(options.write, report)


HEAD = """## Time under locks

Each way beside the same way of the build at {before}, which looked for orphans under its locks, in
turns, on a copy of the same database, while a session writes rows of the child, 10 ms apart ({pairs} pairs). Under
locks is its longest wait. The last way is held against the one before it, whose place it takes. The floor is bare SQL
that looks as the older build does, goes to the orphans' pages, and under the locks only deletes and keeps these rows,
and makes the key. A cleanup deletes them ahead of its locks; under these it looks for parents of their keys, reads the
table once for what came since its look, and counts the parents.

The tables are as VACUUM leaves them, so the look reads the indexes of both columns alone. Each row that goes is locked
first, and deleted and archived at 100,000 places far apart, which is most of what is left.
"""

if __name__ == "__main__":
    main()
