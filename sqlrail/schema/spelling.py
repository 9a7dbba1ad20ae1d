"""How servers spell what they keep as trees: one expression in several ways, which mean the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

#: what is in parentheses or brackets, with these; or a word
Tree = str | list["Tree"]


def normal(text: str) -> tuple[str, ...]:
    """The words of an expression, or of a statement with some, as a server spells it that has read its own spelling.

    A dump that was loaded has another spelling than the database that it comes from: there `(ARRAY[a, b])::text[]`
    has become `ARRAY[(a)::text, (b)::text]`, and `((a AND b) AND c)` has become `(a AND b AND c)`.
    """
    if "ARRAY[" not in text and " AND " not in text and " OR " not in text:
        return (text,)
    words = (word for word in _words(text) if not word.isspace())
    return tuple(_flat(_joined(_bare(_cast_inside(_tree(words))))))


def _words(text: str) -> list[str]:
    return [match[0] for match in _WORDS.finditer(text)]


def _tree(words: Iterator[str], opening: str = "") -> list[Tree]:
    found: list[Tree] = [opening] if opening else []
    for word in words:
        if word in ("(", "["):
            found.append(_tree(words, word))
        else:
            found.append(word)
            if opening and word in (")", "]"):
                break
    return found


def _flat(tree: Tree) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
        return
    for part in tree:
        yield from _flat(part)


def _cast_inside(tree: list[Tree]) -> list[Tree]:
    """With the cast of each array to another type at each of its elements."""
    found: list[Tree] = []
    parts = [_cast_inside(part) if isinstance(part, list) else part for part in tree]
    number = 0
    while number < len(parts):
        array = _array(parts[number : number + 2])
        start = number + (1 if array and isinstance(parts[number], list) else 2)
        if array and (end := _end_of_array_type(parts, start)):
            found += _cast(array, parts[start + 1 : end - 1])
            number = end
        else:
            found.append(parts[number])
            number += 1
    return found


def _array(parts: list[Tree]) -> list[Tree]:
    """ARRAY and its elements in brackets, where these come now, or all of it in parentheses."""
    first = parts[0]
    if isinstance(first, list):
        return first[1:3] if first[:2] == ["(", "ARRAY"] and len(first) == 4 else []
    return parts if first == "ARRAY" and isinstance(parts[-1], list) else []


def _end_of_array_type(parts: list[Tree], start: int) -> int:
    """Where behind `::` a type ends that is one of arrays; 0 where there is none."""
    if parts[start : start + 1] != ["::"]:
        return 0
    for number in range(start + 1, len(parts)):
        if parts[number] == ["[", "]"]:
            return number + 1
        if not _is_of_type(parts[number]):
            return 0
    return 0


def _is_of_type(part: Tree) -> bool:
    """Whether the name of a type may have it: a word, a length in parentheses, brackets."""
    if isinstance(part, list):
        return part == ["[", "]"] or part[0] == "("
    return re.fullmatch(r'[\w$.]+|".*"', part, re.DOTALL) is not None


def _cast(array: list[Tree], type_: list[Tree]) -> list[Tree]:
    """ARRAY and its elements in brackets, with a cast at each of them."""
    elements: list[Tree] = ["["]
    for number, element in enumerate(_split(array[1][1:-1], ",")):
        inner = _cast(element, type_) if element[:1] == ["ARRAY"] else [["(", *element, ")"], "::", *type_]
        elements += [*[","][: bool(number)], *inner]
    return ["ARRAY", [*elements, "]"]]


def _split(parts: list[Tree] | str, at: str) -> list[list[Tree]]:
    found: list[list[Tree]] = [[]]
    for part in parts:
        if part == at:
            found.append([])
        else:
            found[-1].append(part)
    return [one for one in found if one]


def _bare(tree: list[Tree]) -> list[Tree]:
    """Without the parentheses around a word, or a cast of one, that is cast."""
    parts = [_bare(part) if isinstance(part, list) else part for part in tree]
    found: list[Tree] = []
    for part, after in zip(parts, [*parts[1:], ""], strict=True):
        found += part[1:-1] if after == "::" and _is_word(part) else [part]
    return found


def _is_word(part: Tree) -> bool:
    """Whether it is `(word)` or `(word::type)`."""
    if isinstance(part, str) or part[0] != "(" or len(part) < 3:
        return False
    return len(part) == 3 or (part[2] == "::" and all(map(_is_of_type, part[3:-1])))


def _joined(tree: list[Tree]) -> list[Tree]:
    """Without the parentheses around what AND joins inside of what AND joins; the same of OR."""
    parts = [_joined(part) if isinstance(part, list) else part for part in tree]
    for joint in ("AND", "OR"):
        if operands := _operands(parts, joint):
            flat = [
                inner for one in operands for inner in (len(one) == 1 and _operands(one[0], joint)) or [one]
            ]
            parts = ["(", *[part for one in flat for part in (joint, *one)][1:], ")"]
    return parts


def _operands(tree: Tree, joint: str) -> list[list[Tree]]:
    """What is joined by it, and nothing else, in parentheses; none where it is something else."""
    if (
        isinstance(tree, str)
        or tree[:1] != ["("]
        or joint not in tree
        or {"AND", "OR"} <= set(map(str, tree))
    ):
        return []
    return _split(tree[1:-1], joint)


def with_columns(text: str, names: Mapping[str, str]) -> str:
    """The definition of an index with other columns, by those that it has now; all as SQL spells them.

    What else may have a column's name there has its place: a method behind USING, a type behind ::, a function in
    front of its arguments.
    """
    words, before, said = _words(text), "", list[str]()
    for number, word in enumerate(words):
        after = next((it for it in words[number + 1 :] if not it.isspace()), "")
        is_column = before not in (".", "::", "USING", "COLLATE") and after not in ("(", ".", "FROM")
        said.append(names.get(word, word) if is_column else word)
        before = before if word.isspace() else word
    return "".join(said)


def as_since_16(definition: str) -> str:
    """A view's definition as servers since 16 write it: no prefix before the columns where it reads from one table.

    Up to 15 pg_get_viewdef() writes SELECT t.a FROM t; what is in a subquery has its prefix everywhere.
    """
    words = _words(definition)
    alias = _only_source(words)
    kept: list[str] = []
    groups: list[bool] = []  # the open parentheses, each with whether it holds a query
    before, numbers = "", iter(range(len(words)))
    for number in numbers:
        word, after = words[number], words[number + 1 : number + 4]
        if word == "(":
            groups.append(_is_query(words[number + 1 :]))
        elif word == ")":
            groups.pop()
        is_prefix = word == alias and after[:1] == ["."] and after[1:2] != ["*"] and after[2:] != ["("]
        if is_prefix and not any(groups) and before not in (".", "::") and (groups or before != "FROM"):
            next(numbers)  # the dot
            continue
        kept.append(word)
        before = before if word.isspace() else word
    return "".join(kept)


_WORDS = re.compile(
    r"""E'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$\w*\$).*?\1|[^\W\d][\w$]*|::|\s+|.""",
    re.DOTALL,
)
_BEHIND_FROM = {"WHERE", "GROUP", "HAVING", "WINDOW", "ORDER", "LIMIT", "OFFSET", "FETCH", "TABLESAMPLE"}
_TOGETHER = {"UNION", "INTERSECT", "EXCEPT", "JOIN", ","}


def _is_query(words: list[str]) -> bool:
    return next((word for word in words if not word.isspace()), "") in ("SELECT", "VALUES", "WITH")


def _only_source(words: list[str]) -> str | None:
    """What the outermost query calls the one table that it reads from; None where there are more, or a UNION."""
    depth, outer = 0, list[str]()
    for number, word in enumerate(words):
        depth -= word == ")"
        if depth == 0 and not word.isspace():
            outer.append(
                "JOIN"
                if word == "(" and outer[-1:] == ["FROM"] and not _is_query(words[number + 1 :])
                else word
            )
        depth += word == "("
    if "FROM" not in outer:
        return None
    behind = outer[outer.index("FROM") + 1 :]
    end = next((number for number, word in enumerate(behind) if word in _BEHIND_FROM), len(behind))
    if _TOGETHER.intersection([*behind[:end], *(word for word in behind if word != ",")]):
        return None
    return next((word for word in reversed(behind[:end]) if word not in "()"), None)
