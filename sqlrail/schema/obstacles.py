"""Differences that no statement mends, and why."""

from __future__ import annotations

from collections.abc import Iterator

from sqlrail.schema.compare import Difference
from sqlrail.schema.kinds import TYPES
from sqlrail.schema.objects import Catalog, Key
from sqlrail.schema.removal import Removal, home_of, is_of_other_type


def obstacle(wanted: Catalog, there: Catalog, difference: Difference) -> str | None:
    """Why what has to be done about a difference cannot be; None where it can."""
    if difference.what == "changed" and (
        difference.kind in (*TYPES, "field") or is_of_other_type(difference)
    ):
        return next(_obstacles(Removal(wanted, there, [difference])), None)
    return None


def _obstacles(removal: Removal) -> Iterator[str]:
    there = removal.there
    for key in (
        *removal.retyped,
        *(key for key, difference in removal.altered.items() if is_of_other_type(difference)),
    ):
        obj = there.objects[key]
        if key[0] == "field" and (column := _column_of(there, home_of(there, key))):
            yield f"{column} is of this type, and has to be made again, with its values"
        if there.needs[key].get(("table", obj.within or "")) == "i":
            yield f"{obj.name} is in the partition key of a table, which has to be made again, with its rows"
    for key in removal.dropped:
        if (
            key[0] == "composite type"
            and key in removal.wanted.objects
            and _has_other_fields(removal.wanted, there, key)
            and (column := _column_of(there, key))
        ):
            yield f"{column} is of this type, and its fields come in another order"


def _column_of(there: Catalog, type_: Key) -> str | None:
    """A column whose values are of the type, or have it in them."""
    queue = [type_]
    for key in queue:  # which grows
        for dependent, _ in there.dependents.get(key, ()):
            if dependent[0] == "column":
                return dependent[1]
            if dependent[0] == "field":
                dependent = home_of(there, dependent)
            if dependent[0] in TYPES and dependent not in queue:
                queue.append(dependent)
    return None


def _has_other_fields(wanted: Catalog, there: Catalog, type_: Key) -> bool:
    """Whether its fields are not those that are wanted, one by one: rows become rows by what they are as text."""
    labels = [
        [
            obj.label
            for obj in sorted(catalog.of(["field"]), key=lambda obj: obj.place)
            if obj.within == type_[1]
        ]
        for catalog in (wanted, there)
    ]
    return labels[0] != labels[1]
