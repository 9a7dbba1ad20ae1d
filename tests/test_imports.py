"""What sqlrail imports is what its package asks for: what another package brings along may not be there."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from conftest import ROOT

#: modules of what pyproject's dependencies name, and what is imported where only who has it calls
NEEDED = {"argcomplete", "dotenv", "psycopg", "rich", "yoyo"}
OPTIONAL = {("django", "testing/django.py"), ("pytest", "testing/plugin.py")}


def test_each_package_that_is_imported_is_asked_for() -> None:
    found = set[tuple[str, str]]()
    for path in (ROOT / "sqlrail").rglob("*.py"):
        for name in imported(ast.parse(path.read_text(encoding="utf-8"))):
            if name not in sys.stdlib_module_names and name not in NEEDED and name != "sqlrail":
                found.add((name, path.relative_to(ROOT / "sqlrail").as_posix()))
    assert found == OPTIONAL


def imported(node: ast.AST) -> Iterator[str]:
    """The first names of what is imported, wherever but for the type checker alone."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module.partition(".")[0]
    for child in ast.iter_child_nodes(node):
        yield from imported(child)
