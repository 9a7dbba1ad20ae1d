"""Types that ALTER TABLE gives a column without a look at any row: the catalog alone changes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlrail.files.draft import Draft
from sqlrail.schema.objects import Object
from sqlrail.widening.facts import Facts
from sqlrail.widening.files import QUICK, comment, script
from sqlrail.widening.linted import accepted
from sqlrail.widening.target import Target, Way

#: what hangs on a column and is none of it read, nor made anew
UNTOUCHED = ("default", "comment", "option", "privilege", "index", "constraint", "replica identity")
#: types of one family of operators, so that an index of the one is one of the other
ALIKE = {"text", "character varying"}
#: an index of columns alone
PLAIN = re.compile(r"USING \w+ \([^()]*\)(?: INCLUDE \([^()]*\))?")
#: the digits of a second where a type names none
FINEST = 6


def is_instant(facts: Facts, target: Target, way: Way | None) -> bool:
    """Whether PostgreSQL keeps the rows and the indexes as they are."""
    (first, *others), old, new = facts.columns, facts.columns[0].modifier, target.modifier
    if (
        way is None
        or way.how != "b"
        or others
        or target.is_domain
        or first.is_generated
        or (facts.indexes and first.collation != target.collation)
        or facts.catalog.objects[first.address].inherited
    ):
        return False
    base, was = _base(target.name), _base(first.type)
    if new != -1 and (base != was or not _holds_more(base, old, new)):
        return False
    for obj in facts.objects(first):
        if obj.kind not in UNTOUCHED or _is_check(obj):
            return False
    if any(obj.kind not in UNTOUCHED[:4] or _is_check(obj) for obj in _of_heirs(facts)):
        return False
    return first.relkind in ("r", "p") and all(
        PLAIN.fullmatch(index.definition) and (base == was or {base, was} <= ALIKE) for index in facts.indexes
    )


def _is_check(obj: Object) -> bool:
    return str(obj.facts.get(None, (None,))[0]).startswith("CHECK ")


def _of_heirs(facts: Facts) -> Iterator[Object]:
    """What partitions and heirs have of their own that depends on the column."""
    catalog, first = facts.catalog, facts.columns[0]
    tables = [first.table]
    for parent in tables:
        tables += (table for table, links in catalog.links.items() if ("link", f"{table} {parent}") in links)
    for table in tables[1:]:
        for key, _ in catalog.dependents.get(("column", f"{table}.{first.spelt}"), ()):
            if not catalog.objects[key].inherited:
                yield catalog.objects[key]


def draft(facts: Facts, target: Target) -> Draft:
    """The one file that there is to write."""
    column = facts.columns[0]
    alter = f"ALTER TABLE {column.table} ALTER COLUMN {column.spelt} TYPE"
    statements = [f"{alter} {target.name}"]
    why = f"PostgreSQL keeps the rows as they are: a {column.type} is a {target.name} on disk."
    back = f"This may write the whole table anew, and fails where a value is no {column.type}."
    directives = QUICK + accepted(statements, "no row is read or written")
    undoes = f"{comment(back)}{QUICK}\n{script([f'{alter} {column.type}'])}"
    name = f"widen {column.table_name} {column.name} type"
    return Draft(name, f"{comment(why)}{directives}", script(statements), undoes)


def _base(type_: str) -> str:
    return re.sub(r"\([\d,-]*\)", "", type_)


def _holds_more(base: str, old: int, new: int) -> bool:
    """Whether a length is one that values of the other have: see the planner's support functions for such casts."""
    if base in ("character varying", "bit varying"):
        return 0 <= old <= new
    if base == "numeric":
        same_scale = (old - 4) & 0xFFFF == (new - 4) & 0xFFFF
        return old >= 0 and same_scale and (old - 4) >> 16 <= (new - 4) >> 16
    if base.startswith("time"):
        return new >= FINEST or 0 <= old <= new
    return False
