"""Our own SQL: each file says what it is for, is whole statements or a fragment, has a name of its own, and is used."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from sqlrail.postgres import wire

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ROOT / "sql"
#: a user's: rows for development
SEED = ROOMS / "seed.sql"
FILES = sorted(path for path in ROOMS.rglob("*.sql") if path != SEED)
each = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOMS)))


@each
def test_a_file_says_first_what_it_is_for(path: Path) -> None:
    assert re.match(r" *-- \S", path.read_text())


@each
def test_whole_statements_end_in_a_semicolon_and_fragments_begin_with_an_underscore(path: Path) -> None:
    # {ours} is ours.sql, {writes} writes.sql, {lead} lead.sql, and {has_read} stands in its place: they end in one.
    assert path.name.startswith("_") or path.read_text().endswith(
        (";\n", ";\n{ours}\n", "{ours}\n{writes}\n", ";\n{lead}\n", ";\n{has_read}\n")
    )


def test_names_are_unique_over_all_rooms() -> None:
    assert [name for name, count in Counter(path.name for path in FILES).items() if count > 1] == []
    assert set(wire._files()) == {path.stem for path in (*FILES, SEED)}


def test_every_file_is_used() -> None:
    code = "".join(path.read_text() for path in (ROOT / "sqlrail").rglob("*.py"))
    said = set(re.findall(r"""["'](\w+)["']""", code))
    assert [path.stem for path in FILES if said.isdisjoint(_ways_to_say(path.stem))] == []


def _ways_to_say(name: str) -> list[str]:
    """What stands in the code that sends a file: its name, or the rest of a name that is put together."""
    for checks in ("doctor_", "cluster_"):  # a check is asked for by being there
        if name.startswith(checks):
            return [checks]
    if name.startswith("_provider_"):  # of which the catalog says the rest
        return ["_rules"]
    return [name, *(name.removeprefix(begin) for begin in ("_catalog_", "limits_"))]


def test_every_room_is_on_the_map() -> None:
    said = set(re.findall(r"\]\((\w+(?:\.sql)?)\)", (ROOMS / "README.md").read_text()))
    assert said == {path.name for path in ROOMS.iterdir()} - {"README.md"}


# Fragments are put together, never cut out of something larger

#: what returns text of ours
TEXTS = {
    "message", "_message", "message_around", "named", "ddl", "question", "about", "limits", "opening", "begin",
    "ending", "closing", "closing_outside", "log_entry",
}  # fmt: skip
#: what keeps it text of ours
SAME = {"decode", "encode", "join", "format"}
#: what cuts into it
CUTS = {
    "replace", "removesuffix", "removeprefix", "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines",
    "partition", "rpartition", "translate",
}  # fmt: skip
#: what re cuts it with
RE_CUTS = {"sub", "subn", "split", "findall", "finditer", "search", "match", "fullmatch"}


class Surgery(ast.NodeVisitor):
    """Finds where code cuts into text of ours: lines, in one function after the other."""

    def __init__(self) -> None:
        self.found: list[int] = []
        self.ours = set[str]()

    def is_ours(self, node: ast.AST | None) -> bool:
        match node:
            case ast.Name(id=name):
                return name in self.ours
            case ast.Call(func=ast.Name(id=name)) if name in TEXTS:
                return True
            case ast.Call(func=ast.Attribute(attr=name)) | ast.Attribute(attr=name) if name in TEXTS:
                return True
            case ast.Call(func=ast.Attribute(value=text, attr=name), args=args) if name in SAME | CUTS:
                return self.is_ours(text) or any(map(self.is_ours, args))
            case ast.BinOp(left=left, right=right):
                return self.is_ours(left) or self.is_ours(right)
            case ast.IfExp(body=one, orelse=other):
                return self.is_ours(one) or self.is_ours(other)
            case ast.JoinedStr() | ast.List() | ast.Tuple() | ast.Starred() | ast.FormattedValue():
                return any(map(self.is_ours, ast.iter_child_nodes(node)))
            case ast.ListComp(elt=text) | ast.GeneratorExp(elt=text):
                return self.is_ours(text)
            case ast.Subscript(value=text):
                return self.is_ours(text)
        return False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.ours = set()
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        for target in node.targets:
            self._take_in(target, node.value)

    def _take_in(self, target: ast.expr, value: ast.expr) -> None:
        match target, value:
            case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
                for each, its in zip(targets, values, strict=True):
                    self._take_in(each, its)
            case ast.Tuple(elts=targets), _:
                for each in targets:
                    self._take_in(each, value)
            case ast.Name(id=name), _ if self.is_ours(value):
                self.ours.add(name)

    def visit_Call(self, node: ast.Call) -> None:
        match node.func:
            case ast.Attribute(value=ast.Name(id="re"), attr=name) if name in RE_CUTS and any(
                map(self.is_ours, node.args)
            ):
                self.found.append(node.lineno)
            case ast.Attribute(value=text, attr=name) if name in CUTS and self.is_ours(text):
                self.found.append(node.lineno)
        self.generic_visit(node)

    def _visit_comprehension(
        self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp
    ) -> None:
        known = self.ours  # what its own names hide
        own = {it.id for each in node.generators for it in ast.walk(each.target) if isinstance(it, ast.Name)}
        self.ours = known - own
        self.generic_visit(node)
        self.ours = known

    visit_ListComp = visit_GeneratorExp = visit_SetComp = visit_DictComp = _visit_comprehension  # noqa: N815

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if self.is_ours(node.value):
            self.found.append(node.lineno)
        self.generic_visit(node)


def surgery(code: str) -> list[int]:
    finder = Surgery()
    finder.visit(ast.parse(code))
    return finder.found


@pytest.mark.parametrize(
    "code",
    [
        "message(session, 'relation').strip().removesuffix(b';')",
        "wire.message(connection, 'ours').rstrip()",
        "def f(self):\n    text = self.message('x', a=1)\n    return text.decode().split('\\n')",
        "re.sub(b'x', b'', b''.join([message(s, 'x'), b';']))",
        "(self.message('x') if y else b'').replace(b'\\0', b'1')",
        "message(s, 'x')[:-1]",
        "re.findall(r'SET LOCAL (\\w+)', session.store.limits(file).decode())",
        "def f(self):\n    piece, text = sent.piece, sent.closing\n    return text.replace(NUL, b'1')",
        "def f(self):\n    (text,) = store.message_around('x', 'y')\n    return text.strip()",
    ],
)
def test_a_cut_into_text_of_ours_is_found(code: str) -> None:
    assert surgery(code)


@pytest.mark.parametrize("path", sorted((ROOT / "sqlrail").rglob("*.py")), ids=lambda path: path.stem)
def test_nobody_cuts_into_text_of_ours(path: Path) -> None:
    assert surgery(path.read_text()) == []
