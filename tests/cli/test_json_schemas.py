"""The JSON schemas in docs/reference/json are those of the result types, and hold what they promise.

That what is printed conforms to them, conftest.py and console.py see to: in every test that has JSON printed.
"""

from __future__ import annotations

import json
import pkgutil
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any, get_args

import conforming
import json_schemas
import pytest
from conforming import flaw
from conftest import ROOT

import sqlrail
from sqlrail.cli.parser import parse
from sqlrail.cli.verb import names
from sqlrail.errors import SqlrailError
from sqlrail.files.statements import Flaw
from sqlrail.results.error import ErrorKind
from sqlrail.scratch.scene import ReachesOut

SCHEMAS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in json_schemas.FOLDER.glob("*.json")
}
#: errors that are caught before the command line
INSIDE = (Flaw, ReachesOut)
TARGET = {
    "user": "app", "host": "db", "port": 5432, "database": "app", "server_version": "18.1", "environment": None
}  # fmt: skip
STATUS = {"migrations": [], "pending": 0, "code": [], "post_apply": [], "problems": [], "target": TARGET}


def test_they_are_those_of_the_types() -> None:
    written = {path.name: path.read_text() for path in json_schemas.FOLDER.iterdir()}
    assert written == json_schemas.files(), "write them again: python tests/support/json_schemas.py"


def test_every_verb_has_one_and_so_have_errors() -> None:
    assert SCHEMAS.keys() == {*names(), "tenants", "error"}


@pytest.mark.parametrize("verb", json_schemas.EXAMPLES)
def test_what_is_given_as_an_example_can_be_called(verb: str) -> None:
    options, _ = parse([*shlex.split(json_schemas.EXAMPLES[verb]), "--json"])
    assert options.verb == verb


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_is_a_schema(name: str) -> None:
    conforming.validator(name).check_schema(SCHEMAS[name])


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_names_all_keys_and_says_what_they_are(name: str) -> None:
    for one in _objects(SCHEMAS[name]):
        assert "additionalProperties" in one
        assert [key for key, value in one.get("properties", {}).items() if not _is_explained(value)] == []


def test_the_kinds_of_errors_are_the_classes() -> None:
    for module in pkgutil.walk_packages(sqlrail.__path__, "sqlrail."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    kinds = {one.__new__(one).kind for one in _below(SqlrailError) if not issubclass(one, INSIDE)}
    assert kinds == {*get_args(ErrorKind)}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, None),
        ({"pending": None}, "$.pending: None is not of type 'integer'"),
        ({"pending": True}, "$.pending: True is not of type 'integer'"),
        ({"more": 1}, "$: Additional properties are not allowed ('more' was unexpected)"),
        (
            {"problems": [{"kind": "late", "id": "", "message": ""}]},
            "$.problems[0]: 'refuses' is a required property",
        ),
        ({"target": {**TARGET, "port": "5432"}}, "$.target.port: '5432' is not of type 'integer'"),
    ],
    ids=["nothing", "null", "yes", "more", "less", "text"],
)
def test_what_does_not_conform_is_found(change: dict[str, Any], found: str | None) -> None:
    said = flaw("status", {**STATUS, **change})
    assert (said or "").partition(".json: ")[2] == (found or "")


@pytest.mark.parametrize(
    ("name", "type_"),
    {"id": "string", "path": "string", "seconds": "number", "rows": "integer", "run": "integer"}.items(),
)
def test_what_the_page_says_of_a_name_holds_everywhere(name: str, type_: str) -> None:
    objects = [one for schema in SCHEMAS.values() for one in _objects(schema)]
    found = [one["properties"][name]["type"] for one in objects if name in one.get("properties", ())]
    assert found
    assert [it for it in found if it not in (type_, [type_, "null"])] == []


def test_no_run_loads_the_types() -> None:
    code = (
        "import sys; from pkgutil import walk_packages; import sqlrail.cli.main\n"
        "for it in walk_packages(sqlrail.cli.__path__, 'sqlrail.cli.'): __import__(it.name)\n"
        "for it in walk_packages(['sqlrail/verbs'], 'sqlrail.verbs.'): __import__(it.name)\n"
        "print(*(name for name in sys.modules if name.startswith('sqlrail.results')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "\n"


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    """All schemas of objects in a schema."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        schema = list(schema.values())
    for one in schema if isinstance(schema, list) else ():
        yield from _objects(one)


def _is_explained(key: dict[str, Any]) -> bool:
    return "description" in key or "$ref" in key or "$ref" in key.get("items", {})


def _below(error: type[SqlrailError]) -> Iterator[type[SqlrailError]]:
    for one in error.__subclasses__():
        yield from (one, *_below(one))
