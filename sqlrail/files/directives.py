"""What a file may say to us in its leading comment, as `-- depends: 001_users`, and what looks like that and is not."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from sqlrail.files.examine import Comment
from sqlrail.files.numbering import number
from sqlrail.files.statements import Flaw
from sqlrail.ground.relation import Relation
from sqlrail.ground.settings import seconds

#: a line that says something to us: its name, and its value; yoyo asks for no blank either
DIRECTIVE = re.compile(r"--\s*([a-z][a-z-]*)\s*:\s*(.*)")
#: a line of a comment that may be meant for one; and what may begin such a comment, among others
_ALMOST = re.compile(r"[-/*\s]*([A-Za-z][A-Za-z _-]{2,24}?)\s*:\s*(.*?)\s*(?:\*/)?")
_MAY_BE_DIRECTIVE = (
    rb"(?i)(?:--|/\*)[^:;]{0,400}(?:d\w*p\w*nd|trans|clean|lock|stat?\w*m|timeout|row|lint)[\w -]*:"
)
#: of 1, how much a misspelt name is like a directive's; "line" and "lint" are less
CLOSE = 0.8


@dataclass(kw_only=True)
class Directives:
    """What the directives of a file say. Timeouts are seconds; None is the run's own."""

    depends: tuple[str, ...] = ()
    transactional: bool = True
    cleanup: tuple[Relation, ...] = ()
    lock_timeout: float | None = None
    statement_timeout: float | None = None
    row_security: bool = False  # whether policies may hide rows from its statements


def _meant(line: str) -> tuple[str, bool] | None:
    """Which directive a line of a comment may mean, and whether its value is one that this could have."""
    match = _ALMOST.fullmatch(line)
    if match is None:
        return None
    from difflib import get_close_matches

    said = re.sub("[ _]+", "-", match[1]).casefold()
    for name in get_close_matches(said, DIRECTIVES, 1, CLOSE):
        try:
            DIRECTIVES[name](Directives(), match[2])
        except ValueError:
            return name, False
        return name, name != "depends" or (bool(match[2]) and all(map(number, match[2].split())))
    return None


def misspelt(doubts: Iterable[tuple[int, str]], known: Collection[str]) -> Iterator[tuple[int, str]]:
    """Lines of the leading comment that look like a directive, and would count as none of the known ones."""
    for line, text in doubts:
        meant, plain = _meant(text), DIRECTIVE.fullmatch(text)
        if meant is None or not (meant[1] or plain):  # prose, as in `-- Clean up: what is old`
            continue
        name = meant[0]
        if name not in known:
            there = ", ".join(known)
            yield line, f"'{name}' is not a directive of a rollback (there are {there}); remove it."
        else:
            yield (
                line,
                (
                    f"this is no directive, and looks like one: write `-- {name}: …`, or word the comment otherwise."
                ),
            )


def misplaced(lead: int, comments: Collection[Comment]) -> Iterator[Flaw]:
    """Directives behind the leading comment, which has so many bytes: there they would count as none."""
    for comment in comments:
        if comment.offset < lead and comment.text.startswith(b"--"):
            continue
        for line in comment.text.decode(errors="replace").splitlines():
            meant = _meant(line.strip())
            if meant is None or not meant[1]:
                continue
            name = meant[0]
            if name == "lint" and DIRECTIVE.fullmatch(line.strip()):  # which stands above its statement
                continue
            yield Flaw(
                comment.offset,
                f"a directive counts only at the head of the file, in lines that begin with --, before anything else: "
                f"put `-- {name}: …` there, or write it otherwise.",
            )


def may_be_directive(text: bytes, at: int) -> bool:
    """Whether the comment at an offset may be meant for one."""
    return bool(re.compile(_MAY_BE_DIRECTIVE).match(text, at))


def _depends(said: Directives, value: str) -> None:
    said.depends += tuple(value.split())


def _row_security(said: Directives, value: str) -> None:
    if value.lower() not in ("on", "off"):
        raise ValueError(f"'{value}' is neither on nor off")
    said.row_security = value.lower() == "on"


def _transactional(said: Directives, value: str) -> None:
    if value.lower() not in ("true", "false"):
        raise ValueError(f"'{value}' is neither true nor false")
    said.transactional = value.lower() == "true"


def _cleanup(said: Directives, value: str) -> None:
    said.cleanup += (Relation.parse(value),)


def _lock_timeout(said: Directives, value: str) -> None:
    said.lock_timeout = seconds(value)


def _statement_timeout(said: Directives, value: str) -> None:
    said.statement_timeout = seconds(value)


def ignored_rule(value: str) -> str:
    """The rule that `-- lint: ignore RULE because …` is about; ValueError says what is wrong with it."""
    match = re.fullmatch(r"ignore\s+([a-z][a-z0-9-]*)(?:\s+because(\s+\S.*)?)?", value)
    if match is None:
        raise ValueError("write ignore, one rule, and why, as in `-- lint: ignore ban-drop-table because …`")
    if match[2] is None:
        raise ValueError(f"say why, as in `-- lint: ignore {match[1]} because …`")
    return match[1]


def _lint(_: Directives, value: str) -> None:
    ignored_rule(value)  # which rules there are, the linter knows, and obeys


DIRECTIVES: dict[str, Callable[[Directives, str], None]] = {
    "depends": _depends,
    "transactional": _transactional,
    "cleanup": _cleanup,
    "lock-timeout": _lock_timeout,
    "statement-timeout": _statement_timeout,
    "row-security": _row_security,
    "lint": _lint,
}
#: A rollback is run as its migration was, transactional or not, and in the reverse order: so yoyo has it.
ROLLBACK_DIRECTIVES = {
    name: DIRECTIVES[name] for name in ("lock-timeout", "statement-timeout", "row-security", "lint")
}
