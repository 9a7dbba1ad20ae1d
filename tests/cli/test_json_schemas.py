"""The JSON schemas in docs/reference/json are those of the result types, and what is printed conforms to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import console
import json_schemas
import pytest
from console import Sqlrail, put

sqlrail = console.sqlrail

FILES = {
    "001_a.sql": "CREATE TABLE parent (id int PRIMARY KEY);\nCREATE TABLE child (parent_id int);\n"
    "INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1), (2);",
    "002_b.sql": "-- cleanup: child.parent_id -> parent.id\n"
    "ALTER TABLE child ADD FOREIGN KEY (parent_id) REFERENCES parent;",
}
TYPES: dict[str, Any] = {
    "string": str, "integer": int, "number": int | float, "boolean": bool, "null": type(None), "object": dict,
    "array": list,
}  # fmt: skip


def flaws(value: Any, schema: dict[str, Any], at: str = "$") -> list[str]:
    """Where a value does not conform to a schema of the kind that is written here."""
    if choices := schema.get("anyOf"):
        found = [flaws(value, one, at) for one in choices]
        return [] if [] in found else [flaw for one in found for flaw in one]
    wanted = schema.get("type")
    if wanted and (not isinstance(value, TYPES[wanted]) or (isinstance(value, bool) and wanted != "boolean")):
        return [f"{at}: {value!r} is no {wanted}"]
    lacking = [f"{at}: there is no {name}" for name in schema.get("required", ()) if name not in value]
    inside = [(name, one) for name, one in schema.get("properties", {}).items() if name in (value or ())]
    within = [flaw for name, one in inside for flaw in flaws(value[name], one, f"{at}.{name}")]
    items = enumerate(value) if wanted == "array" else ()
    return [
        *lacking,
        *within,
        *(flaw for n, one in items for flaw in flaws(one, schema["items"], f"{at}[{n}]")),
    ]


def schema(verb: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((json_schemas.FOLDER / f"{verb}.json").read_text())
    return read


def test_they_are_those_of_the_types() -> None:
    written = {path.stem: path.read_text() for path in json_schemas.FOLDER.glob("*.json")}
    made = {verb: json_schemas.text_of(one) for verb, one in json_schemas.documents()}
    assert written == made, "write them again: python tests/support/json_schemas.py"


def test_what_is_printed_conforms(sqlrail: Sqlrail, database: str, tmp_path: Path) -> None:
    put(FILES, tmp_path)
    env = {"DATABASE_URL": database, "SQLRAIL_ENV": "test"}
    for verb, *flags in (["status"], ["migrate"], ["status"], ["migrate"], ["reset", "--yes"]):
        done = sqlrail(verb, *flags, "--json", "--migrations", str(tmp_path), env=env)
        assert (done.code, flaws(json.loads(done.out), schema(verb))) == (0, []), done.err


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ({"pending": None}, "$.pending: None is no integer"),
        ({"pending": True}, "$.pending: True is no integer"),
        ({"problems": [{"kind": "late"}]}, "$.problems[0]: there is no id"),
    ],
    ids=["null", "yes", "part"],
)
def test_what_does_not_conform_is_found(change: dict[str, Any], flaw: str) -> None:
    document = {"migrations": [], "pending": 0, "problems": []}
    assert flaws(document, schema("status")) == []
    assert flaw in flaws({**document, **change}, schema("status"))
