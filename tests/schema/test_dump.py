"""What pg_dump writes, dropped in as the first file, builds the same database again."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import psycopg
import pytest
from conftest import Servers, clean_environment, fresh_database, majors, query, run

EVERYTHING = (Path(__file__).parents[1] / "everything.sql").read_text()
#: what the server warns of when a publication is made, in the words of either version; and that a file takes its time
SAID = r'warning: "?wal_level"? is insufficient to publish logical changes\n|000_baseline: at work for .*\n'
OURS = ("--exclude-schema=sqlrail", "--exclude-table=*yoyo*", "--exclude-table=more", "--exclude-table=after")


def dump(major: int, url: str, file: Path, *flags: str) -> None:
    """By the server's own pg_dump."""
    command: list[str | Path] = [majors()[major] / "pg_dump", "--dbname", url, "--file", file, *flags]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def without_key(file: Path) -> bytes:
    return re.sub(rb"(?m)^\\(un)?restrict .*\n", b"", file.read_bytes())


@pytest.mark.promise
@pytest.mark.parametrize(
    ("major", "rows"),
    [*((major, 1000) for major in majors()), (max(majors(), default=0), 1_000_000)],
    ids=lambda value: f"pg{value}" if value in majors() else str(value),
)
def test_a_dump_as_baseline_builds_the_same_database(
    major: int, rows: int, servers: Servers, tmp_path: Path
) -> None:
    server, files = servers(major), tmp_path / "migrations"
    files.mkdir()
    baseline, again = files / "000_baseline.sql", tmp_path / "again.sql"
    with fresh_database(server) as source, fresh_database(server) as target:
        with psycopg.connect(source, autocommit=True) as connection:
            connection.execute(EVERYTHING.replace("{rows}", str(rows)).encode())
        dump(major, source, baseline)
        (files / "001_more.sql").write_text("CREATE TABLE more AS SELECT count(*) FROM many;")
        env = {"DATABASE_URL": target, "APP_ENV": "test"}
        outcome = run("migrate", "--migrations", files, env=env, timeout=300)
        assert (outcome.returncode, re.sub(SAID, "", outcome.stderr)) == (0, "")
        assert run("status", "--check", "--migrations", files, env=env).returncode == 0
        assert query(target, "TABLE more") == [(rows,)]
        dump(major, target, again, *OURS)
        assert without_key(again).splitlines() == without_key(baseline).splitlines()


@pytest.mark.parametrize(
    "flags",
    [
        ["--inserts"],
        ["--column-inserts", "--rows-per-insert=3"],
        ["--clean", "--if-exists"],
        ["--schema-only"],
        ["--section=pre-data", "--no-owner"],
    ],
    ids=" ".join,
)
def test_other_dumps_work_too(flags: list[str], servers: Servers, tmp_path: Path) -> None:
    major, files = max(majors()), tmp_path / "migrations"
    files.mkdir()
    with fresh_database(servers(major)) as source, fresh_database(servers(major)) as target:
        with psycopg.connect(source, autocommit=True) as connection:
            connection.execute(EVERYTHING.replace("{rows}", "1000").encode())
        dump(major, source, files / "000_baseline.sql", *flags)
        (files / "001_more.sql").write_text("CREATE TABLE more AS SELECT count(*) FROM many;")
        outcome = run("migrate", "--migrations", files, env={"DATABASE_URL": target})
        assert (outcome.returncode, re.sub(SAID, "", outcome.stderr)) == (0, "")
        dump(major, target, tmp_path / "again.sql", *flags, *OURS)
        assert (
            without_key(tmp_path / "again.sql").splitlines()
            == without_key(files / "000_baseline.sql").splitlines()
        )
