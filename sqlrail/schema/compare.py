"""How two catalogs differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlrail.schema.catalog import Catalog, Fact, Key, Object
from sqlrail.schema.order import place_of
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
    lacking = {key: it for key, it in wanted.objects.items() if key not in there.objects}
    extra = {key: it for key, it in there.objects.items() if key not in wanted.objects}
    found = [*_renamed(lacking, extra)]
    found += [Difference("lacking", it) for it in lacking.values()]
    found += [Difference("extra", it) for it in extra.values()]
    for key, it in wanted.objects.items():
        was = there.objects.get(key)
        if was and (changes := _changes(it, was)):
            found.append(Difference("changed", it, changes, was))
    return sorted(found, key=lambda one: (one.home, *place_of(one.object)))


def _renamed(lacking: dict[Key, Object], extra: dict[Key, Object]) -> Iterator[Difference]:
    spare: dict[object, list[Object]] = {}
    for it in extra.values():
        if it.renames and it.within and not (it.inherited and _is_check(it)):
            spare.setdefault(_shape(it), []).append(it)
    for key, it in list(lacking.items()):
        if spare and it.within and (candidates := spare.get(_shape(it))):
            was = candidates.pop(0)
            del lacking[key], extra[was.key]
            yield Difference("renamed", it, (), was)


def _is_check(it: Object) -> bool:
    return it.kind == "constraint" and (it.facts[None].value or "").startswith("CHECK ")


def _shape(it: Object) -> object:
    return it.kind, it.within, tuple((name, _spelt(fact)) for name, fact in it.facts.items())


def _changes(wanted: Object, there: Object) -> tuple[Change, ...]:
    if wanted.facts == there.facts:
        return ()
    # One that only one side has is of a server of another major, or follows from another that differs.
    pairs = [(name, fact, there.facts[name]) for name, fact in wanted.facts.items() if name in there.facts]
    return tuple(
        Change(name, it.value, was.value)
        for name, it, was in pairs
        if it.value != was.value and (wanted.kind == "comment" or _spelt(it) != _spelt(was))
    )


def _spelt(fact: Fact) -> object:
    return fact.value and normal(fact.value)


def outermost(found: list[Difference]) -> list[Difference]:
    """Without the parts of what is lacking or more as a whole."""
    whole = [one for one in found if one.what in ("lacking", "extra")]
    keys = {(one.what, one.object.key) for one in whole}
    addresses = {(one.what, one.object.address) for one in whole}

    def is_part(one: Difference) -> bool:
        it = one.object
        on = [*it.home, *([("column", it.name)] if it.kind in ("default", "identity") else [])]
        return (it.belongs_to != it.address and (one.what, it.belongs_to) in addresses) or any(
            (one.what, key) in keys for key in on
        )

    return [one for one in found if not is_part(one)]
