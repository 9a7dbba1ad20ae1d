"""What a history says of the files, without a server: watermarks, baselines, repeatable files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from sqlrail.adopting import dbmate, flyway, golang_migrate, node_pg_migrate
from sqlrail.adopting.converting import ordered
from sqlrail.adopting.history import Row, check_contents, runs
from sqlrail.adopting.recognising import TOOLS, History, histories, sources
from sqlrail.adopting.tool import Folder, Tool
from sqlrail.errors import BadFile, Refused
from sqlrail.files.other_tools import KINDS, TAKEN_OVER

NOON = datetime(2024, 5, 6, 12)


def row(version: str, kept: str | None = None, *, is_watermark: bool = False) -> Row:
    return Row(version, NOON, None, is_watermark, kept)


def run_of(tool: Tool, folder: Path, names: list[str], *rows: Row) -> list[str]:
    """The names of the files that have run, in their order."""
    for name in names:
        (folder / name).write_text(f"SELECT '{name}';\n")
    found = ordered(tool, sources(tool, Folder(folder)))
    history = History(tool, "public")
    run = runs(history, rows, found)
    check_contents(history, run, found)
    return [source.path.name for source in found if source.key in run]


def test_all_up_to_the_one_version_of_golang_migrate_have_run(tmp_path: Path) -> None:
    names = ["1_a.up.sql", "2_b.up.sql", "10_c.up.sql"]
    assert run_of(golang_migrate.TOOL, tmp_path, names, row("2", is_watermark=True)) == names[:2]


def test_a_version_of_golang_migrate_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="it has 3, of which there is no file"):
        run_of(golang_migrate.TOOL, tmp_path, ["1_a.up.sql", "4_b.up.sql"], row("3", is_watermark=True))


@pytest.mark.parametrize("version", ["abc", "\u00b2", "9" * 5000])
def test_a_version_that_is_no_number_has_no_file(tmp_path: Path, version: str) -> None:
    with pytest.raises(Refused, match="of which there is no file"):
        run_of(dbmate.TOOL, tmp_path, ["1_a.sql"], row("1"), row(version))


def test_a_baseline_of_flyway_needs_no_file_and_stands_for_those_up_to_it(tmp_path: Path) -> None:
    names = ["V1__a.sql", "V1.5__b.sql", "V2__c.sql", "V3__d.sql"]
    assert run_of(flyway.TOOL, tmp_path, names, row("1.9", is_watermark=True), row("2")) == names[:3]


def test_a_repeatable_file_that_has_changed_since_is_refused(tmp_path: Path) -> None:
    assert flyway.TOOL.digest is not None
    names = ["V1__a.sql", "R__view.sql"]
    kept = flyway.TOOL.digest(b"SELECT 'R__view.sql';\n")
    assert run_of(flyway.TOOL, tmp_path, names, row("1"), row("more/R__view.sql", kept)) == names
    with pytest.raises(Refused, match=r"R__view\.sql was changed since"):
        run_of(flyway.TOOL, tmp_path, names, row("1"), row("R__view.sql", "1"))


def test_a_file_that_has_run_and_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "V1__a.sql").symlink_to(tmp_path / "gone.sql")
    with pytest.raises(BadFile, match=r"V1__a\.sql cannot be read: No such file"):
        run_of(flyway.TOOL, tmp_path, [], row("1", "7"))


def test_a_repeatable_file_that_ran_before_a_pending_version_waits_for_that(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"it does not have .*V2__b\.sql, though it has .*R__view\.sql"):
        run_of(flyway.TOOL, tmp_path, ["V1__a.sql", "V2__b.sql", "R__view.sql"], row("1"), row("R__view.sql"))


def test_names_of_node_pg_migrate_are_those_of_its_files(tmp_path: Path) -> None:
    names = ["1700000000000_a.sql", "1700000000000_b.sql", "1700000000001_a.sql"]
    assert (
        run_of(node_pg_migrate.TOOL, tmp_path, names, row("1700000000000_a"), row("1700000000000_b"))
        == names[:2]
    )


def test_what_status_says_of_a_history_names_adopt_where_that_takes_it_over() -> None:
    assert {kind.table for kind in KINDS if kind.tool in TAKEN_OVER} == {tool.table for tool in TOOLS}


def test_a_table_is_whose_columns_it_has() -> None:
    tables = [("a", "schema_migrations", ["version"]), ("b", "schema_migrations", ["version", "dirty"])]
    assert [(it.tool.name, it.schema) for it in histories(tables)] == [
        ("dbmate", "a"),
        ("golang-migrate", "b"),
    ]
    assert histories([("a", "goose_db_version", ["id"])]) == []
