"""Whether values of a column come back when its type is changed back: those that do not are lost."""

from __future__ import annotations

import re
from collections.abc import Mapping

from psycopg import sql

from sqlrail.foresight.tally import Question
from sqlrail.ground.names import join
from sqlrail.scratch.shapes import Column, Lean, Shape
from sqlrail.scratch.using import Using

#: a value of the first type is one of those behind it, and comes back as it was
WIDER = {
    "smallint": {"integer", "bigint", "numeric"},
    "integer": {"bigint", "numeric", "double precision"},
    "bigint": {"numeric"},
    "real": {"double precision"},
    "date": {"timestamp without time zone"},
    "json": {"jsonb", "text"},
    "jsonb": {"json", "text"},
    "uuid": {"text"},
    "inet": {"text"},
    "cidr": {"inet", "text"},
    "boolean": {"text"},
}
#: types whose length ALTER TABLE does not cut a value to: it fails
STRINGS = {"character varying": "varchar", "character": "bpchar", "bit": "varbit", "bit varying": "varbit"}
TEXTS = {"text", "character varying", "character", '"char"', "name"}
_CAST = r'::(?:"[^"]+"|[\w.])+(?: (?:varying|precision|with(?:out)? time zone))?(?:\[\])?'
_LENGTH = re.compile(r"\s*\([\d, -]*\)")


def narrowed(
    first: Shape, before: Shape, was: Column, now: Column, using: Mapping[str, Using]
) -> Question | None:
    """What counts the live values that a statement would lose by giving a column another type; None if it loses none.

    The question is without a value where nobody can tell but by running the file.
    """
    if was.type == now.type and was.name not in using:
        return None
    how, whole = using.get(was.name), first.columns[was.number]
    if (how is None or _is_plain(how, was.name)) and (_is_label(now) or _always_fits(was.type, now.type)):
        return None
    leans = (*was.leans, *now.leans, *(how.leans if how else ()))
    if whole.type != was.type or (how and how.why) or not _is_data(leans):
        return Question("loss_values", first.schema, first.name, whole.name, is_unknown=True)
    expression = how.expression if how else sql.Identifier(was.name).as_string()
    value = f"({expression})::{_without_length(now.type)}"
    columns = tuple(
        (it.name, before.columns[number].name)
        for number, it in first.columns.items()
        if number in before.columns and before.columns[number].type == it.type
    )
    return Question(
        "loss_type",
        first.schema,
        first.name,
        was.name,
        value=value,
        old=whole.type,
        columns=columns,
        called=before.name,
    )


def _base(type_: str) -> str:
    return _LENGTH.sub("", type_)


def _without_length(type_: str) -> str:
    """The type that values get before ALTER TABLE holds them against its length, which they have to fit."""
    return STRINGS.get(_base(type_), type_)


def _always_fits(was: str, now: str) -> bool:
    old, new = _base(was), _base(now)
    if old in TEXTS and new in TEXTS:
        return True
    if new in WIDER.get(old, ()):
        return new != "numeric" or now == "numeric"
    return False


def _is_label(now: Column) -> bool:
    """Whether a text becomes the label that it is, or the statement fails."""
    return any(it.kind == "e" for it in now.leans)


def _is_plain(how: Using, column: str) -> bool:
    """Whether it is the column, cast or not."""
    bare = re.sub(_CAST, "", how.expression).strip("() ")
    return how.why is None and bare in (
        join(column),
        join(how.table, column),
    )  # servers before 16 name the table


def _is_data(leans: tuple[Lean, ...]) -> bool:
    """Whether nobody's code is run by asking: enums are data, domains are not, for their checks may be anything."""
    return all(it.catalog == "pg_type" and it.kind == "e" for it in leans)
