"""What a run costs that finds nothing to do, in folders of some and of many files: the CPU of the process.

python bench/nothing.py [--pairs N] [--write FILE]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from statistics import median

import common
import migrate

SIZES = 4, 1000, 5000
#: as large as the files of the benchmark migrate, and sooner run
TEXT = "SELECT $$" + migrate.SMALL.partition("\n")[2] + "$$;\n"


@dataclass
class Figures:
    """Of each run: seconds of CPU in the program itself and in the system; and the peak, in bytes."""

    user: list[float] = field(default_factory=list)
    system: list[float] = field(default_factory=list)
    peak: int = 0


def cpu(command: list[str], url: str) -> tuple[float, float]:
    """Seconds of CPU that a process took, in itself and in the system."""
    process = subprocess.Popen(
        command,
        env=common.environment(url),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=tempfile.gettempdir(),
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} exited with {process.returncode}")
    return usage.ru_utime, usage.ru_stime


def _ratio(figures: Figures, of_few: Figures) -> str:
    """Of what both took in the program itself; empty where that is too little to be counted."""
    few = median(of_few.user)
    return f"{median(figures.user) / few:.2f}" if few > 0.005 else ""


def main() -> None:
    """Measures in turns, and prints the table."""
    options = common.parser(__doc__).parse_args()
    found: dict[str, dict[int, Figures]] = {}
    with common.serving() as (server, scratch):
        ready = []
        for tool in migrate.tools():
            for size in SIZES:
                files = {
                    f"{n:04}_t{n}.sql": f"-- Why there is a file {n}.\n{TEXT}" for n in range(1, size + 1)
                }
                folder = migrate.write_files(scratch / f"{tool.name}-{size}", files, tool.up, tool.down)
                url = common.database(server)
                common.run(tool.command(url, folder), url)
                ready.append((tool.name, size, tool.command(url, folder), url))
        for _ in range(options.pairs):
            for name, size, command, url in ready:
                figures = found.setdefault(name, {}).setdefault(size, Figures())
                user, system = cpu(command, url)
                figures.user.append(user)
                figures.system.append(system)
        for name, size, command, url in ready:
            peaks: list[int] = []
            common.run(command, url, peaks)
            found[name][size].peak = max(peaks)
    columns = ["", "files", "user CPU, seconds", f"÷ {SIZES[0]} files", "system CPU, seconds", "peak MB"]
    rows = [
        [
            name,
            f"{size:,}",
            f"{median(figures.user):.3f}",
            _ratio(figures, by_size[SIZES[0]]),
            f"{median(figures.system):.3f}",
            f"{figures.peak / common.MEGABYTE:.0f}",
        ]
        for name, by_size in found.items()
        for size, figures in by_size.items()
    ]
    report = HEAD.format(pairs=options.pairs) + "\n" + common.table("Everything is applied", columns, rows)
    sys.stdout.write(report)
    if options.write:
        common.write(options.write, report)


HEAD = """## Nothing to do

A run over a folder of which every file is applied: what most deployments are. It is CPU that is counted, the median of
{pairs} runs in turns, for on a busy machine the time says little. dbmate and sqlx-cli are compiled; dbmate and yoyo
look at names, so that an edited file is nothing to them; sqlrail and sqlx-cli read each file.
"""

if __name__ == "__main__":
    main()
