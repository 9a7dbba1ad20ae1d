"""Where converted files go: into a folder that is there as a whole, or not at all."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from console import put

from sqlrail.adopting.converting import Converted
from sqlrail.adopting.placing import placed
from sqlrail.adopting.tool import Source
from sqlrail.errors import ConnectionLost, DatabaseFailed, Interrupted, Refused, SqlrailError

FILES = [
    Converted(
        Source((1,), "1", (1,), "a", Path("old/1_a.sql")), "001_a", b"SELECT 1;\n", b"SELECT 2;\n", True
    )
]


def test_the_folder_has_its_name_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "below" / "migrations"
    with placed(target, FILES) as place:
        assert not target.exists()
        assert sorted(path.name for path in place.folder.iterdir()) == ["001_a.rollback.sql", "001_a.sql"]
        place.take()
    assert [path.name for path in target.parent.iterdir()] == ["migrations"]
    assert (target / "001_a.sql").read_bytes() == b"SELECT 1;\n"
    with placed(target, FILES) as place:
        assert not place.is_new


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "migrations").mkdir()
    with placed(tmp_path / "migrations", FILES) as place:
        place.take()
    assert len([*(tmp_path / "migrations").iterdir()]) == 2


def test_what_is_no_migration_stays_where_it_is(tmp_path: Path) -> None:
    target = tmp_path / "migrations"
    put({"AGENTS.md": "read this", "more/.keep": ""}, target)
    with placed(target, FILES) as place:
        assert sorted(path.name for path in target.iterdir()) == ["AGENTS.md", "more"]
        place.take()
    assert sorted(path.name for path in target.iterdir()) == [
        "001_a.rollback.sql",
        "001_a.sql",
        "AGENTS.md",
        "more",
    ]
    assert (target / "AGENTS.md").read_text() == "read this"
    assert [path.name for path in tmp_path.iterdir()] == ["migrations"]


def test_what_is_no_migration_is_there_again_after_a_failure(tmp_path: Path) -> None:
    target = tmp_path / "migrations"
    put({"AGENTS.md": "read this"}, target)
    with pytest.raises(DatabaseFailed):
        take_and_fail(target, DatabaseFailed("no"))
    assert [path.name for path in tmp_path.rglob("*")] == ["migrations", "AGENTS.md"]
    with pytest.raises(Interrupted):
        take_and_fail(target, Interrupted(signal.SIGTERM))
    assert len([*target.iterdir()]) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["migrations"]


@pytest.mark.parametrize("name", ["9_other.sql", "9_other/migration.sql", "other.py"])
def test_a_folder_with_other_migrations_is_refused(name: str, tmp_path: Path) -> None:
    put({name: ""}, tmp_path / "migrations")
    with pytest.raises(Refused, match="has files already"), placed(tmp_path / "migrations", FILES):
        pass


def take_and_fail(target: Path, failure: SqlrailError) -> None:
    with placed(target, FILES) as place, place.or_back():
        place.take()
        raise failure


@pytest.mark.parametrize(("failure", "stays"), [
    (DatabaseFailed("no"), False),
    # It may have been committed: with the records and without the files nobody could go on.
    (ConnectionLost("gone"), True),
    (Interrupted(signal.SIGTERM), True),
], ids=lambda it: type(it).__name__)  # fmt: skip
def test_what_fails_leaves_a_folder_only_where_its_records_may_be_there(
    tmp_path: Path, failure: SqlrailError, stays: bool
) -> None:
    target = tmp_path / "migrations"
    with pytest.raises(type(failure)):
        take_and_fail(target, failure)
    assert [path.name for path in tmp_path.iterdir()] == ["migrations"][: int(stays)]
