"""The list of a folder's migrations is the one that yoyo makes, name by name."""

from __future__ import annotations

import glob
from pathlib import Path

import pytest
from yoyo.migrations import MigrationList, read_migrations

from sqlrail.errors import BadFile
from sqlrail.files.folder import read_files

NAMES = [
    "010_ten.sql", "9_nine.sql", "002 with a blank.sql", "003_a.b.sql", ".004_hidden.sql", "005_ö.sql", "006_UP.SQL",
    "002 with a blank.rollback.sql", "post-apply.sql", "post-apply-2.sql", "_tmp_yoyonew_x.sql", "readme.md", ".sql",
    "007.up.sql", "008_x.sql~",
]  # fmt: skip


def told(migrations: MigrationList) -> list[list[tuple[str, str]]]:
    return [[(it.id, it.path) for it in each] for each in (migrations, migrations.post_apply)]


def test_it_is_yoyo_s(tmp_path: Path) -> None:
    folder = tmp_path / "m[1]"
    (folder / "011_folder.sql").mkdir(parents=True)
    for name in NAMES:
        (folder / name).write_text("SELECT 1")
    (folder / "012_link.sql").symlink_to(folder / "010_ten.sql")
    (folder / "013_nowhere.sql").symlink_to(folder / "nothing.sql")
    expected = told(read_migrations(glob.escape(str(folder))))
    found, files = read_files(folder)
    assert told(found) == expected
    assert len(expected[0]) == 8
    assert {str(file.path) for file in files.values()} == {path for each in expected for _, path in each}


def test_what_yoyo_takes_and_is_no_sql_is_told(tmp_path: Path) -> None:
    (tmp_path / "001_a.py").touch()
    with pytest.raises(BadFile, match=r"only \.sql files are run"):
        read_files(tmp_path)
    (tmp_path / "001_a.sql").touch()
    with pytest.raises(BadFile, match=r"001_a\.py: only .sql files are run"):
        read_files(tmp_path)
