"""What leans on what code files have made: in which order it is dropped, and what else is in the way."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from sqlrail.files.code import OF_TABLES

#: class and id of an object in the catalog
Address = tuple[int, int]


class Leaning(NamedTuple):
    """What has to be dropped together, dependents first, and descriptions of what must not be dropped."""

    order: tuple[str, ...]  # kinds and whole names, as DROP takes them
    names: frozenset[str]  # of the code files that made them
    outside: tuple[str, ...]


class _Object(NamedTuple):
    kind: str
    identity: str
    described: str


def leaning(rows: Iterable[tuple[Any, ...]], made: Mapping[tuple[str, str], str]) -> Leaning:
    """From the rows of code_leaning.sql. made: names of code files by the kinds and whole names of what they made."""
    objects, edges, wholes = (
        dict[Address, _Object](),
        set[tuple[Address, Address]](),
        dict[Address, Address](),
    )
    for class_, id_, on_class, on_id, is_part, kind, identity, described in rows:
        objects[class_, id_] = _Object(kind, identity, described)
        if is_part:
            wholes[class_, id_] = on_class, on_id
        elif on_id:
            edges.add(((class_, id_), (on_class, on_id)))

    def whole(address: Address) -> Address:
        while address in wholes:
            address = wholes[address]
        return address

    users: dict[Address, set[Address]] = {address: set() for address in objects if address not in wholes}
    for user, used in edges:
        if whole(user) != whole(used):
            users[whole(used)].add(whole(user))
    code = {address: made.get(objects[address][:2]) for address in users}
    used_by_code = {user for used, its in users.items() if code[used] for user in its}
    outside = sorted(objects[address].described for address in used_by_code if code[address] is None)
    on_views = {user for used, its in users.items() if objects[used].kind == "view" for user in its}
    ranks = {it: _rank(objects[it].kind, leans_on_view=it in on_views) for it in users}
    order = [f"{objects[it].kind} {objects[it].identity}" for it in _users_first(users, ranks)]
    return Leaning(tuple(order), frozenset(filter(None, code.values())), tuple(outside))


def _rank(kind: str, *, leans_on_view: bool) -> int:
    """What is dropped last: its table is locked with it, which who reads a view locks behind that."""
    return 0 if kind not in OF_TABLES else 1 if leans_on_view else 2


def _users_first(users: Mapping[Address, Collection[Address]], ranks: Mapping[Address, int]) -> list[Address]:
    """Of those on which nothing is left to lean the ones of the least rank. PostgreSQL has no circles among them."""
    left, order = {address: set(its) for address, its in users.items()}, list[Address]()
    while left:
        free = [address for address, its in left.items() if not its & left.keys()]
        assert free
        least = min(ranks[address] for address in free)
        free = [address for address in free if ranks[address] == least]
        order += free
        for address in free:
            del left[address]
    return order
