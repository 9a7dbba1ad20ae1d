"""What a file may say to us in its leading comment, as `-- depends: 001_users`, and what looks like that and is not."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from sqlrail.files.examine import Comment
from sqlrail.files.numbering import number
from sqlrail.files.statements import Flaw
from sqlrail.ground.values import PHASES, phase, seconds

if TYPE_CHECKING:
    from sqlrail.ground.backfill import Backfill
    from sqlrail.ground.constraint import Constraint
    from sqlrail.ground.loses import Loses
    from sqlrail.results.status import Phase

#: a line that says something to us: its name, and its value; yoyo asks for no blank either
DIRECTIVE = re.compile(r"--\s*([a-z][a-z-]*)\s*:\s*(.*)")
#: a line of a comment that may be meant for one
_ALMOST = re.compile(r"[-/*\s]*([A-Za-z][A-Za-z _-]{2,24}?)\s*:\s*(.*?)\s*(?:\*/)?")
#: of 1, how much a misspelt name is like a directive's; "line" and "lint" are less
CLOSE = 0.8
#: what is much like a directive's name, and a word of its own: `-- closes: #12`
OTHER_WORDS = ("closes", "phrase")

T = TypeVar("T")


class Directive(NamedTuple):
    """How the value of a directive is read."""

    reader: Callable[[str], Any]  # ValueError says what is wrong with a value
    #: A rollback is run as its migration was, transactional or not, and in the reverse order: so yoyo has it.
    in_rollback: bool
    alike: str  # an expression of what its misspelt names have in common; empty: its first word


def directive(default: T, reader: Callable[[str], T], *, in_rollback: bool = False, alike: str = "") -> T:
    """A field of Directives that a line sets; of a tuple, each line adds what it says."""
    made: T = field(default=default, metadata={"directive": Directive(reader, in_rollback, alike)})
    return made


def _words(value: str) -> tuple[str, ...]:
    return tuple(value.split())


def _either(yes: str, no: str) -> Callable[[str], bool]:
    def read(value: str) -> bool:
        if value.lower() not in (yes, no):
            raise ValueError(f"'{value}' is neither {yes} nor {no}")
        return value.lower() == yes

    return read


def _phase(value: str) -> Phase:
    try:
        return phase(value.lower())
    except ValueError:
        raise ValueError(f"'{value}' is neither {' nor '.join(PHASES)}") from None


# What few files say is loaded where one says it: a run with nothing to do has no time for more.
def _constraint(value: str) -> tuple[Constraint, ...]:
    from sqlrail.ground.kinds import parse_decided

    return (parse_decided(value),)


def _loses(value: str) -> tuple[Loses, ...]:
    from sqlrail.ground.loses import Loses

    return (Loses.parse(value),)


def _backfill(value: str) -> Backfill | None:
    from sqlrail.ground.backfill import Backfill

    return Backfill.parse(value)


def _question(value: str) -> str | None:
    if not value:
        raise ValueError("write one SELECT that gives 0 or false when all is done")
    return value


def ignored_rule(value: str) -> str:
    """The rule that `-- lint: ignore RULE because …` is about; ValueError says what is wrong with it."""
    match = re.fullmatch(r"ignore\s+([a-z][a-z0-9-]*)(?:\s+because(\s+\S.*)?)?", value)
    if match is None:
        raise ValueError("write ignore, one rule, and why, as in `-- lint: ignore ban-drop-table because …`")
    if match[2] is None:
        raise ValueError(f"say why, as in `-- lint: ignore {match[1]} because …`")
    return match[1]


def _rule(value: str) -> tuple[str, ...]:
    return (ignored_rule(value),)


@dataclass(kw_only=True)
class Directives:
    """What the directives of a file say, a field each: lock_timeout is what `-- lock-timeout: 5s` says.

    Timeouts are seconds; None is the run's own.
    """

    depends: tuple[str, ...] = directive((), _words, alike=r"d\w*p\w*nd")
    transactional: bool = directive(True, _either("true", "false"), alike="trans")
    # of a deployment: after the last instance of the old release, or before the new one
    phase: Phase = directive("before", _phase)
    cleanup: tuple[Constraint, ...] = directive((), _constraint, alike="clean")
    # which rows and values are meant to go: plan does not count these against the file
    loses: tuple[Loses, ...] = directive((), _loses, alike="loo?s[es]")
    # what its one statement is run over, batch by batch; and what gives 0 or false when all of it is done
    backfill: Backfill | None = directive(None, _backfill, alike="back|fill")
    until: str | None = directive(None, _question, alike="until")
    lock_timeout: float | None = directive(None, seconds, in_rollback=True, alike="lock|timeout")
    statement_timeout: float | None = directive(None, seconds, in_rollback=True, alike=r"stat?\w*m")
    # whether policies may hide rows from its statements
    row_security: bool = directive(False, _either("on", "off"), in_rollback=True)
    # which rules there are, the linter knows, and obeys
    lint: tuple[str, ...] = directive((), _rule, in_rollback=True)


DIRECTIVES: dict[str, Directive] = {
    it.name.replace("_", "-"): it.metadata["directive"] for it in fields(Directives)
}
ROLLBACK_DIRECTIVES = {name: it for name, it in DIRECTIVES.items() if it.in_rollback}
#: what may begin a comment that is meant for one, among others
_ALIKE = "|".join(it.alike or name.partition("-")[0] for name, it in DIRECTIVES.items())
_MAY_BE_DIRECTIVE = rf"(?i)(?:--|/\*)[^:;]{{0,400}}(?:{_ALIKE})[\w -]*:".encode()


def obey(said: Directives, name: str, value: str) -> None:
    """Has a directive of that name and value take effect; ValueError says what is wrong with the value."""
    attribute = name.replace("-", "_")
    before, read = getattr(said, attribute), DIRECTIVES[name].reader(value)
    setattr(said, attribute, before + read if isinstance(before, tuple) else read)


def _meant(line: str) -> tuple[str, bool] | None:
    """Which directive a line of a comment may mean, and whether its value is one that this could have."""
    match = _ALMOST.fullmatch(line)
    if match is None:
        return None
    from difflib import get_close_matches

    said = re.sub("[ _]+", "-", match[1]).casefold()
    if said in OTHER_WORDS:
        return None
    for name in get_close_matches(said, DIRECTIVES, 1, CLOSE):
        try:
            DIRECTIVES[name].reader(match[2])
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
                    f"this looks like a directive, but is not one: write `-- {name}: …`, or word the comment otherwise."
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


def is_heard(line: str) -> bool:
    """Whether a line of a comment says a directive, or looks so much like one that it would be refused."""
    plain = DIRECTIVE.fullmatch(line)
    if plain and plain[1] in DIRECTIVES:
        return True
    meant = _meant(line)
    return meant is not None and (meant[1] or plain is not None)


def may_be_directive(text: bytes, at: int) -> bool:
    """Whether the comment at an offset may be meant for one."""
    return bool(re.compile(_MAY_BE_DIRECTIVE).match(text, at))
