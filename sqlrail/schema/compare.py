"""How two catalogs differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from sqlrail.schema.objects import Catalog, Fact, Key, Object
from sqlrail.schema.order import place_of
from sqlrail.schema.placing import TOGETHER, Placing, others
from sqlrail.schema.spelling import normal

if TYPE_CHECKING:
    from sqlrail.results.drift import What


class Change(NamedTuple):
    """A fact that is not the same: its name, what is wanted, and what there is."""

    fact: str | None
    wanted: str | None
    found: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What of the wanted objects is lacking, more, changed or of another name."""

    what: What
    object: Object  # the wanted one; of an extra one the one that is there
    changes: tuple[Change, ...] = ()
    was: Object | None = None  # of one that is changed or renamed, what is there

    @property
    def kind(self) -> str:
        return self.object.kind

    @property
    def home(self) -> str:
        """The name of the table that it is under, or its own."""
        return self.object.within or self.object.name


def compare(wanted: Catalog, there: Catalog) -> list[Difference]:
    """All differences, in the order of their tables; parts of what is lacking or more as a whole included."""
    lacking = {key: obj for key, obj in wanted.objects.items() if key not in there.objects}
    extra = {key: obj for key, obj in there.objects.items() if key not in wanted.objects}
    found = [*_renamed(lacking, extra)]
    found += [Difference("lacking", obj) for obj in lacking.values()]
    found += [Difference("extra", obj) for obj in extra.values()]
    changed = {}
    for key, obj in wanted.objects.items():
        was = there.objects.get(key)
        if was and (changes := _changes(obj, was)):
            changed[key] = Difference("changed", obj, changes, was)
    found += _apart(wanted, there, changed)
    return sorted(found, key=lambda difference: (difference.home, *place_of(difference.object)))


def _apart(wanted: Catalog, there: Catalog, changed: dict[Key, Difference]) -> Iterator[Difference]:
    """What is changed; a table's place among others only where it is that table that has to move."""
    placing = None
    for one in changed.values():
        if any(change.fact == TOGETHER for change in one.changes):
            placing = placing or Placing(wanted, there)
            one = replace(one, changes=tuple(_told(one, placing.moves(one.object.name))))
        if one.changes:
            yield one


def _told(one: Difference, moves: bool) -> Iterator[Change]:
    """The changes of a table, of which its place among others is one if it moves."""
    for change in one.changes:
        if change.fact != TOGETHER:
            yield change
        elif moves:
            name = one.object.name
            yield Change(TOGETHER, others(change.wanted, name), others(change.found, name))


def _renamed(lacking: dict[Key, Object], extra: dict[Key, Object]) -> Iterator[Difference]:
    spare: dict[object, list[Object]] = {}
    for obj in extra.values():
        if obj.renames and obj.within and not (obj.inherited and _is_check(obj)):
            spare.setdefault(_shape(obj), []).append(obj)
    for key, obj in list(lacking.items()):
        if spare and obj.within and (candidates := spare.get(_shape(obj))):
            was = candidates.pop(0)
            del lacking[key], extra[was.key]
            yield Difference("renamed", obj, (), was)


def _is_check(obj: Object) -> bool:
    return obj.kind == "constraint" and (obj.facts[None].value or "").startswith("CHECK ")


def _shape(obj: Object) -> object:
    return obj.kind, obj.within, tuple((name, _spelt(fact)) for name, fact in obj.facts.items())


def _changes(wanted: Object, there: Object) -> tuple[Change, ...]:
    if wanted.facts == there.facts:
        return ()
    # One that only one side has is of a server of another major, or follows from another that differs.
    pairs = [(name, fact, there.facts[name]) for name, fact in wanted.facts.items() if name in there.facts]
    return tuple(
        Change(name, fact.value, was.value)
        for name, fact, was in pairs
        if fact.value != was.value
        and (wanted.kind == "comment" or name == TOGETHER or _spelt(fact) != _spelt(was))
    )


def _spelt(fact: Fact) -> object:
    return fact.value and normal(fact.value)


def outermost(found: list[Difference]) -> list[Difference]:
    """Without the parts of what is lacking or more as a whole."""
    whole = [difference for difference in found if difference.what in ("lacking", "extra")]
    keys = {(difference.what, difference.object.key) for difference in whole}
    addresses = {(difference.what, difference.object.address) for difference in whole}

    def is_part(difference: Difference) -> bool:
        obj = difference.object
        on = [*obj.home, *([("column", obj.name)] if obj.kind in ("default", "identity") else [])]
        return (obj.belongs_to != obj.address and (difference.what, obj.belongs_to) in addresses) or any(
            (difference.what, key) in keys for key in on
        )

    return [difference for difference in found if not is_part(difference)]
