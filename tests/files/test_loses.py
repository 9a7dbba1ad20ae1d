"""The directive `-- loses: NAME because …`: what it reads, and what it leaves to prose."""

from __future__ import annotations

from pathlib import Path

import pytest
from aftermath import write

from sqlrail.files.file import read_file
from sqlrail.ground.loses import Loses


@pytest.mark.parametrize(
    ("said", "names", "because"),
    [
        ("users because nobody reads it", ("users",), "nobody reads it"),
        ("public.users because x", ("public", "users"), "x"),
        ("Users.Legacy  because  two  words ", ("users", "legacy"), "two  words"),
        ('public."My Table"."a.b" because because', ("public", "My Table", "a.b"), "because"),
        ('"because" because x', ("because",), "x"),
        ("because because x", ("because",), "x"),
        ('"a""b".c because it is -- gone', ('a"b', "c"), "it is -- gone"),
    ],
)
def test_it_reads_names_as_sql_does(said: str, names: tuple[str, ...], because: str) -> None:
    assert Loses.parse(said) == Loses(names, because)


def test_outer_names_may_be_left_out_and_the_last_may_not() -> None:
    column = ("public", "users", "legacy")
    assert all(Loses(names, "x").is_about(column, 2) for names in (column[1:], column))
    assert Loses(("legacy",), "x").is_about(column)
    assert not any(
        Loses(names, "x").is_about(column, 2)
        for names in (
            ("legacy",),
            ("users",),
            ("public", "users"),
            ("other", "users", "legacy"),
            ("a", *column),
        )
    )


def test_a_file_may_say_several_and_prose_that_is_like_it_stays_prose(tmp_path: Path) -> None:
    head = "-- closes: #12\n-- Closes: users\n-- loses: a because x\n--loses: b.c because y: z\n"
    folder = write(tmp_path, **{"001_x": f"{head}SELECT 1"})
    file = read_file(folder / "001_x.sql")
    assert file.faults() == []
    assert file.loses == (Loses(("a",), "x"), Loses(("b", "c"), "y: z"))
