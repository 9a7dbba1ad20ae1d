"""The order in which objects are made: what others depend on first, and else stage by stage."""

from __future__ import annotations

import heapq
from collections.abc import Collection

from sqlrail.schema.kinds import NO_STAGE, STAGE
from sqlrail.schema.objects import Catalog, Key, Object

#: and among those of its stage
_RANK = {kind: rank for rank, kind in enumerate(STAGE)}


def place_of(obj: Object) -> tuple[int, str, int, str]:
    """Where it comes among those that do not depend on each other; the differences of drift are in this order, too."""
    stage, rank = STAGE.get(obj.kind, NO_STAGE), _RANK.get(obj.kind, 99)
    if obj.kind == "comment":
        on = obj.name.split(" ", 1)
        kind = next(
            (kind for kind in sorted(STAGE, key=len, reverse=True) if obj.name.startswith(f"{kind} ")), on[0]
        )
        stage = STAGE.get(kind, NO_STAGE)
    # Options are kept in the order in which they were set.
    place = obj.tail or "" if obj.kind == "option" else ""
    return stage, obj.within or obj.name, rank, place + obj.name


def in_order(
    catalog: Catalog, keys: Collection[Key], hosts: dict[Key, Key] | None = None, *, making: bool = False
) -> list[Key]:
    """What others depend on before these, and else by stage, table and name, so that it is the same every time."""
    nodes = set(keys)
    needs = _needs_among(catalog, nodes, hosts or {}, making)
    wanted_by: dict[Key, list[Key]] = {}
    for key, on_these in needs.items():
        for on in on_these:
            wanted_by.setdefault(on, []).append(key)
    places = {
        key: (*place_of(catalog.objects[key]), key) if key in catalog.objects else (99, "", 0, "", key)
        for key in nodes
    }
    left = {key: len(on_these) for key, on_these in needs.items()}
    heap = [places[key] for key in nodes if not left[key]]
    heapq.heapify(heap)
    order: dict[Key, None] = {}
    while len(order) < len(nodes):
        # A circle begins with whatever comes first.
        key = heapq.heappop(heap)[-1] if heap else min(places[key] for key in nodes if key not in order)[-1]
        if key in order:
            continue
        order[key] = None
        for dependent in wanted_by.get(key, ()):
            left[dependent] -= 1
            if left[dependent] == 0:
                heapq.heappush(heap, places[dependent])
    return list(order)


def _needs_among(
    catalog: Catalog, nodes: set[Key], hosts: dict[Key, Key], making: bool
) -> dict[Key, set[Key]]:
    """Which of the nodes depend on which, each with what it hosts."""

    def node(key: Key) -> Key:
        while key in hosts:
            key = hosts[key]
        return key

    needs: dict[Key, set[Key]] = {key: set() for key in nodes}
    for key in (*nodes, *hosts):
        for on, how in catalog.needs.get(key, {}).items():
            one, other = node(key), node(on)
            if making and how == "P" and key[0] == on[0]:
                # A partitioned table's index takes over those of its partitions, unless its table is made with it.
                one, other = (other, one) if on not in hosts else (one, one)
            # The column that owns a sequence has it as its default.
            if (
                one != other
                and {one, other} <= nodes
                and not (making and key[0] == "sequence" and how == "a")
            ):
                needs[one].add(other)
    if making:
        for key in nodes:  # a column is changed by way of its parent's
            needs[key] |= parents_of(catalog, key) & nodes
        for key in filter(lambda key: is_partial(catalog, key), nodes):
            needs[key] |= {link for link in nodes if link[0] == "link" and _ends(catalog, link) & needs[key]}
    return needs


def parents_of(catalog: Catalog, key: Key) -> set[Key]:
    """The columns that a column is inherited from."""
    obj = catalog.objects.get(key)
    if obj is None or obj.kind != "column" or not obj.inherited:
        return set()
    tables = {on[1] for link in catalog.links.get(obj.within or "", ()) for on in catalog.needs[link]}
    return {("column", f"{table}.{obj.label}") for table in tables if table != obj.within}


def is_partial(catalog: Catalog, key: Key) -> bool:
    """Whether it is an index that does not have a part on every partition: those that it has are attached."""
    return key[0] == "index" and catalog.objects[key].facts["valid"].value != "valid"


def _ends(catalog: Catalog, link: Key) -> set[Key]:
    return set(catalog.needs[link])
