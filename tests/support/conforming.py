"""Holds what `--json` prints against the schemas in docs/reference/json."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from sqlrail.cli import main as cli
from sqlrail.cli.parser import parse
from sqlrail.cli.talk import print_result
from sqlrail.cli.verb import names

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference" / "json"

#: in the place of a tenant's, which is not told twice
TARGET = {
    "user": "app", "host": "db", "port": 5432, "database": "app", "server_version": "18.1", "environment": None
}  # fmt: skip


@cache
def validator(name: str) -> Any:
    """For the documents of a verb, or for errors."""
    return Draft202012Validator(json.loads((FOLDER / f"{name}.json").read_text()))


def flaw(verb: str, document: Mapping[str, Any]) -> str | None:
    """Where a document that a verb printed is not as its schema says, or, if the verb failed, the schema of errors.

    That of many tenants is of a schema of its own, and in it what is of each.
    """
    name = next((kind for kind in ("error", "tenants") if kind in document), verb)
    for tenant in document.get("tenants", ()):
        if "result" in tenant and (found := flaw(verb, {"target": TARGET, **tenant["result"]})):
            return f"{tenant['name']}: {found}"
    error = best_match(validator(name).iter_errors(document))
    return f"{name}.json: {error.json_path}: {error.message}" if error else None


def check(words: Sequence[object], text: str) -> None:
    """Fails if a run of these words has printed another document than it should; one that was killed printed none."""
    if "--json" in words and text:
        verb = next((str(word) for word in words if word in names()), "error")
        assert flaw(verb, json.loads(text)) is None


class Printed:
    """What the command line prints in this process, in whatever thread; it must not see the flaws, which are kept."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.flaws: list[str] = []
        self._asked = threading.local()
        patch.setattr(cli, "parse", self.parse)
        patch.setattr(cli, "print_result", self.print_result)

    def parse(self, words: Sequence[str]) -> Any:
        self._asked.verb = "error"
        options, verb = parse(words)
        self._asked.verb = options.verb
        return options, verb

    def print_result(self, result: Mapping[str, object] | str) -> None:
        if not isinstance(result, str) and (found := flaw(self._asked.verb, json.loads(json.dumps(result)))):
            self.flaws.append(found)
        print_result(result)
