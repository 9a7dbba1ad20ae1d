"""Takes away, one at a time, what keeps a name of ours from leading to somebody's look-alike; each must be caught.

python tests/support/unqualified.py [NUMBER]    all of them, or so many chosen at random, against PostgreSQL 18
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
#: sent where names lead to where a file's do
THEIRS = (
    "_applied", "_recorded", "deallocate", "finish", "lock", "lock_or_fail", "log", "note", "ours", "record",
    "unrecord",
)  # fmt: skip
#: an operator, or the schema of a function or of a type
QUALIFIED = re.compile(r"OPERATOR\(pg_catalog\.(\S+?)\)|(?<=::)pg_catalog\.|pg_catalog\.(?=\w+\(|text;)")
#: what has all names of a message lead to PostgreSQL's own
OURS = re.compile(r'[\w.]+\((?:[\w.]+, )?"ours"\)')


class Removal(NamedTuple):
    file: str
    start: int
    end: int
    instead: str

    def __str__(self) -> str:
        text = (ROOT / self.file).read_text()
        line = text.count("\n", 0, self.start) + 1
        return f"{self.file}:{line}: {text[self.start : self.end]}"


def removals() -> Iterator[Removal]:
    """Each place, with what stands there once it is taken away."""
    for name in THEIRS:
        (path,) = (ROOT / "sql").rglob(f"{name}.sql")
        file = str(path.relative_to(ROOT))
        for match in QUALIFIED.finditer((ROOT / file).read_text()):
            yield Removal(file, match.start(), match.end(), match[1] or "")
    for path in sorted((ROOT / "sqlrail").rglob("*.py")):
        for match in OURS.finditer(path.read_text()):
            yield Removal(str(path.relative_to(ROOT)), match.start(), match.end(), 'b""')


def is_caught(removal: Removal) -> bool:
    """Whether the test of look-alikes fails without it."""
    with TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("sqlrail", "sql", "tests", "migrations", "runner.py", "pyproject.toml"):
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, copy / name)
        path = copy / removal.file
        text = path.read_text()
        path.write_text(text[: removal.start] + removal.instead + text[removal.end :])
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-qx", "-p", "no:cacheprovider", "-k", "pg18",
             "tests/postgres/test_lookalikes.py"],
            cwd=copy, env={**os.environ, "PYTHONPATH": folder}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    return done.returncode == 1


def main() -> int:
    """Says what was not caught; 1 if anything was not."""
    chosen = list(removals())
    if len(sys.argv) > 1:
        chosen = random.sample(chosen, int(sys.argv[1]))
    missed = [removal for removal in chosen if not is_caught(removal)]
    sys.stdout.write(
        f"{len(chosen) - len(missed)} of {len(chosen)} were caught\n" + "".join(f"{it}\n" for it in missed)
    )
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
