"""The kinds of constraints that a line of cleanup may name, read from its text."""

from __future__ import annotations

from sqlrail.ground.check import Check
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.not_null import NotNull
from sqlrail.ground.relation import Relation
from sqlrail.ground.unique import Unique

#: in the order in which a text is tried
KINDS: tuple[type[Constraint], ...] = (Relation, NotNull, Unique, Check)


def parse(text: str) -> Constraint:
    """ValueError, with what may stand there, if the text is of no kind's form."""
    for kind in KINDS:
        if found := kind.read(text):
            return found
    forms = ", ".join(kind.form for kind in KINDS[:-1])
    if "->" in text:
        Relation.parse(text)
    raise ValueError(f"'{text}' is not of the form {forms} or {KINDS[-1].form}")


def parse_decided(text: str) -> Constraint:
    """The same of a text that says what becomes of the rows, but for a relation, whose key may say it."""
    found = parse(text)
    if found.said is None and found.words:
        raise ValueError(f"'{text}' does not say what becomes of such rows: add {found.words}")
    return found
