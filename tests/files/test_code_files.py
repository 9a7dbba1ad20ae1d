"""Code files as they are read: what each makes, what it names, and the order that follows."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlrail.errors import BadFile
from sqlrail.files.code import Code, circle_of, in_order, read_code, read_stored
from sqlrail.files.file import check_files


def code(*texts: str) -> tuple[Code, ...]:
    """Code files a, b, c and so on."""
    names = "abcdefgh"
    return read_stored(Path("migrations"), {names[at]: text.encode() for at, text in enumerate(texts)})


@pytest.mark.parametrize(
    ("text", "kind", "replaces", "makes"),
    [
        ("CREATE VIEW v AS SELECT 1", "view", False, b"v"),
        ('create or replace view app."My ""V" as select 1', "view", True, b'my "v'),
        ("CREATE RECURSIVE VIEW app.db.v (n) AS SELECT 1", "view", False, b"v"),
        ("-- why\nCREATE /* it */ OR REPLACE\nFUNCTION\nF(int) RETURNS int RETURN 1", "function", True, b"f"),
        ("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END", "function", False, b"f"),
        ("CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1; SELECT 2'", "procedure", False, b"p"),
        ("CREATE CONSTRAINT TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION f()", "trigger", False, None),
        ("CREATE POLICY p ON a;\n-- the end", "policy", False, None),
    ],
)
def test_what_a_file_makes_is_read_from_its_head(
    text: str, kind: str, replaces: bool, makes: bytes | None
) -> None:
    (each,) = code(text)
    check_files([each])
    assert (each.kind, each.replaces, [*each.makes]) == (kind, replaces, [makes] if makes else [])


@pytest.mark.parametrize("text", ["CREATE VIEW", "CREATE VIEW v", "CREATE OR REPLACE FUNCTION x."])
def test_what_ends_too_soon_is_for_the_server_to_refuse(text: str) -> None:
    assert in_order(code(text, "CREATE VIEW w AS SELECT 1"))


def test_each_comes_behind_what_it_names() -> None:
    files = code(
        "CREATE VIEW v1 AS TABLE \"V2\" -- not v5",
        'CREATE VIEW "V2" AS SELECT f(\'an odd "\') FROM v3',
        "CREATE VIEW v3 AS SELECT 1",
        "CREATE FUNCTION f(text) RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM v3 $$",
        "CREATE VIEW v5 AS SELECT 1 AS v1",
        "CREATE TRIGGER f AFTER INSERT ON a EXECUTE FUNCTION f()",
    )  # fmt: skip
    assert [each.name for each in in_order(files)] == ["c", "d", "b", "a", "e", "f"]


def test_of_a_circle_routines_come_first_and_what_is_late_last() -> None:
    files = code(
        "CREATE VIEW v AS SELECT f()",
        "CREATE FUNCTION f() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM v); END'",
        "CREATE VIEW w AS TABLE v",
    )
    assert [each.name for each in in_order(files)] == ["b", "a", "c"]
    assert [each.name for each in in_order(files, ["b"])] == ["a", "c", "b"]
    assert (circle_of("a", files), circle_of("c", files)) == (["a", "b"], [])


def test_only_files_of_sql_are_read(tmp_path: Path) -> None:
    assert read_code(tmp_path) == ()
    (tmp_path / "code" / "deeper").mkdir(parents=True)
    for name in ("v.sql", "v.md", "deeper/w.sql"):
        (tmp_path / "code" / name).write_text("CREATE VIEW v AS SELECT 1")
    assert [each.name for each in read_code(tmp_path)] == ["v"]
    (tmp_path / "code" / "v.rollback.sql").write_text("DROP VIEW v")
    with pytest.raises(BadFile, match="has no rollback"):
        check_files(read_code(tmp_path))


def test_a_folder_of_that_name_that_has_none_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    for name, text in {
        "001_a.sql": "CREATE TABLE a ()",
        "b.sql": "it's not SQL",
        "c.rollback.sql": "",
    }.items():
        (tmp_path / "code" / name).write_text(text)
    assert read_code(tmp_path) == ()
    (tmp_path / "code" / "v.sql").write_text("CREATE VIEW v AS SELECT 1")
    assert len(read_code(tmp_path)) == 4
