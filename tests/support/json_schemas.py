"""Writes docs/reference/json, the schemas of what `--json` prints: of each verb what its function in cli/commands says
that it returns, and of failures what errors.py does. The types lie in sqlrail/results, or beside the verb's result.

python tests/support/json_schemas.py
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import pkgutil
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from sqlrail import results, verbs
from sqlrail.cli.verb import Verb, load, names
from sqlrail.results.error import ErrorDocument
from sqlrail.results.target import TargetResult
from sqlrail.results.tenants import TenantsResult

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference" / "json"
#: what every verb prints that fails
ERROR = "error"
#: what verbs print for each of many tenants
TENANTS = "tenants"
#: exit codes other than 0 and that of --check with which a verb prints its result
ALSO = {"cleanup": ["3"]}
EXAMPLES = {
    "migrate": "migrate",
    "backfill": "backfill",
    "status": "status --check",
    "plan": "plan --check",
    "cleanup": "cleanup --dry-run",
    "restore": "restore 3",
    "archive": "archive list",
    "reset": "reset --yes",
    "rollback": "rollback --steps 2",
    "baseline": "baseline --to 042",
    "adopt": "adopt db/migrations --dry-run",
    "drift": "drift --check",
    "doctor": "doctor --check",
    "schema": "schema --schema-file schema.sql --check",
    "stamp": "stamp staging --name app",
    "repair": "repair --yes",
    "init": "init --dry-run",
    "new": "new 'add users'",
    "renumber": "renumber --dry-run",
    "widen": "widen users.id",
    "lint": "lint --all --check",
    "tenant": "tenant add acme",
    "create": "create",
    "drop": "drop --yes",
    "stop": "stop",
    "completion": "completion bash",
}
NAMES: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each verb and the schema of its document; at last the ones of many tenants, and of errors."""
    for name in names():
        verb = load(name)
        yield name, _schema(f"sqlrail {name} --json", *returned(verb), reached=_reached(verb))
    yield TENANTS, _schema("sqlrail VERB --each --json", TenantsResult, reached={True, False})
    yield ERROR, _schema("sqlrail VERB --json, where it fails", ErrorDocument, reached={True, False})


def returned(verb: Verb) -> tuple[Any, ...]:
    """The types of the documents that a verb may return."""
    _, document, _ = get_args(get_type_hints(verb.run, localns=_types())["return"])
    return get_args(document) if _is_union(document) else (document,)


@cache
def _types() -> dict[str, Any]:
    """All types of results by their names: whoever names them imports them for the type checker alone."""
    modules = [
        import_module(f"{room.__name__}.{it.name}")
        for room in (results, verbs)
        for it in pkgutil.iter_modules(room.__path__)
    ]
    return {name: one for module in modules for name, one in inspect.getmembers(module, is_typeddict)}


def _reached(verb: Verb) -> set[bool]:
    """Whether a run of the verb reaches a database: always, never, or as its flags have it."""
    flags = (
        argparse.Namespace(all=every, files=[], ref="main" if every else None) for every in (True, False)
    )
    return {verb.needs_database(options) for options in flags}


def _schema(title: str, *types: Any, reached: set[bool]) -> dict[str, Any]:
    """The schema of a document that is of one of the types, and says where the run was."""
    parts: dict[str, Any] = {}
    wholes = [_object(one, parts) for one in types]
    for whole in wholes:
        if True in reached:
            whole["properties"]["target"] = schema_of(TargetResult, parts)
        if False not in reached:
            whole["required"].append("target")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    body = wholes[0] if len(wholes) == 1 else {"oneOf": wholes}
    return {**head, **body, **({"$defs": dict(sorted(parts.items()))} if parts else {})}


def schema_of(type_: Any, parts: dict[str, Any]) -> dict[str, Any]:
    """The schema of a type; that of a dictionary goes into the parts, once."""
    if is_typeddict(type_):
        if type_.__name__ not in parts:
            parts[type_.__name__] = _object(type_, parts)
        return {"$ref": f"#/$defs/{type_.__name__}"}
    if _is_union(type_):
        return _any_of([schema_of(one, parts) for one in get_args(type_)])
    origin, inner = get_origin(type_), get_args(type_)
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is list:
        return {"type": "array", "items": schema_of(inner[0], parts)}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(inner[1], parts)}
    return {"type": NAMES[type_]} if type_ is not object else {}


def _is_union(type_: Any) -> bool:
    return get_origin(type_) in (UnionType, Union)


def _any_of(choices: list[dict[str, Any]]) -> dict[str, Any]:
    """In the short form where there is one."""
    if all(choice.keys() == {"type"} for choice in choices):
        return {"type": [choice["type"] for choice in choices]}
    if choices[0].keys() == {"enum"} and choices[1:] == [{"type": "null"}]:
        return {"enum": [*choices[0]["enum"], None]}
    return {"anyOf": choices}


def _object(type_: Any, parts: dict[str, Any]) -> dict[str, Any]:
    """The schema of a dictionary: its keys, those that are always there, and no others."""
    types = get_type_hints(type_, localns=_types())
    comments = dict(_comments(type_))
    keys = {
        name: {**schema_of(one, parts), **({"description": comments[name]} if name in comments else {})}
        for name, one in types.items()
    }
    return {
        "description": " ".join((inspect.getdoc(type_) or "").split()),
        "type": "object",
        "properties": keys,
        "required": [name for name in types if name in type_.__required_keys__],
        "additionalProperties": False,
    }


def _comments(type_: Any) -> Iterator[tuple[str, str]]:
    """What is said of each key: behind it, or on the line above."""
    source = inspect.getsource(type_)
    lines = source.splitlines()
    (written,) = ast.parse(source).body
    assert isinstance(written, ast.ClassDef)
    # At run time the type of a dictionary does not know which others it extends.
    for base in (vars(sys.modules[type_.__module__])[ast.unparse(name)] for name in written.bases):
        if is_typeddict(base):
            yield from _comments(base)
    for field in written.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            assert field.lineno == field.end_lineno, (
                f"{field.target.id} goes over several lines: shorten its comment"
            )
            above, behind = (
                lines[field.lineno - 2].strip(),
                lines[field.lineno - 1][field.end_col_offset :].strip(),
            )
            if text := behind or (above if above.startswith("#:") else ""):
                yield field.target.id, text.lstrip("#: ")


def files() -> dict[str, str]:
    """The folder's files by their names."""
    schemas = dict(documents())
    texts = {
        f"{name}.json": json.dumps(one, indent=2, ensure_ascii=False) + "\n" for name, one in schemas.items()
    }
    return {**texts, "README.md": _index()}


def _index() -> str:
    """The folder's page, with the lines of its tables as they are now."""
    tables = iter(["\n".join(map(_line, names())), "\n".join(_several_meanings())])
    return re.sub(
        r"(?s)(?<=\|---\|\n).*?(?=\n\n)", lambda _: next(tables), (FOLDER / "README.md").read_text()
    )


def _several_meanings() -> Iterator[str]:
    """The lines of the table of keys whose values are not of one kind everywhere."""
    meanings: dict[str, dict[str, dict[str, None]]] = {}
    for verb, document in documents():
        parts = {verb: document, **document.get("$defs", {})}
        for name, key, value in ((name, *item) for name, part in parts.items() for item in _keys(part)):
            where = f"`{verb}`" if name == verb else f"{name}"
            meanings.setdefault(key, {}).setdefault(_kind(value), {})[where] = None
    for key, kinds in sorted(meanings.items()):
        if len(kinds) > 1:
            told = "; ".join(f"{kind} in {', '.join(places)}" for kind, places in kinds.items())
            yield f"| `{key}` | {told} |"


def _keys(part: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in part.get("oneOf", [part]):
        yield from one.get("properties", {}).items()


def _kind(schema: dict[str, Any]) -> str:
    """What a script has to expect of a value, apart from null."""
    if "anyOf" in schema:
        return next(_kind(one) for one in schema["anyOf"] if one != {"type": "null"})
    if "enum" in schema:
        return "a text"
    if "$ref" in schema or schema["type"] == "object":
        return "an object"
    if schema["type"] == "array":
        return f"a list of {_kind(schema['items']).split()[-1]}s"
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    words = {"string": "a text", "integer": "a number", "number": "a number", "boolean": "true or false"}
    return words[types[0]]


def _line(name: str) -> str:
    """A verb's line in the table: what it prints, the exit codes beside which it does, and a call."""
    verb = load(name)
    said = " ".join(inspect.cleandoc(one.__doc__) for one in returned(verb))
    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    codes = ["0", *ALSO.get(name, ()), *(["4"] if "--check" in parser.format_help() else [])]
    return f"| [{name}]({name}.json) | {said} | {', '.join(codes)} | `sqlrail {EXAMPLES.get(name, name)} --json` |"


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text)
