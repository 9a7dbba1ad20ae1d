"""Writes docs/reference/json/VERB.json, the schemas of what `--json` prints, from the types in ground/results.py.

python tests/support/json_schemas.py
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

from sqlrail.ground import results
from sqlrail.ground.settings import Target

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference" / "json"
NAMES: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    NoneType: "null",
    dict: "object",
}


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each verb whose result has a type, and the schema of its document. Keys may be added, and none goes away."""
    for _, type_ in sorted(inspect.getmembers(results, is_typeddict)):
        if verb := re.match(r"What `(\w+) --json` prints", inspect.getdoc(type_) or ""):
            schema = schema_of(type_)
            schema["properties"]["target"] = _object(Target)
            yield verb[1], {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schema_of(type_: Any) -> dict[str, Any]:
    """The JSON schema of a type."""
    origin, inner = get_origin(type_) or type_, get_args(type_)
    if type_ is Any:
        return {}
    if is_typeddict(type_):
        return {**_object(type_), "description": inspect.getdoc(type_)}
    if origin in (UnionType, Union):
        return {"anyOf": [schema_of(one) for one in inner]}
    if origin is list:
        return {"type": "array", "items": schema_of(inner[0])}
    return {"type": NAMES[origin]}


def _object(type_: Any) -> dict[str, Any]:
    keys = {name: schema_of(one) for name, one in get_type_hints(type_).items()}
    return {"type": "object", "properties": keys, "required": list(keys)}


def text_of(schema: dict[str, Any]) -> str:
    """A file's text."""
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    for verb, schema in documents():
        (FOLDER / f"{verb}.json").write_text(text_of(schema))
