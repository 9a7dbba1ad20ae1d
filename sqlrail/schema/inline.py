"""What is said within the statement that makes something else: columns, keys and checks of a table, its parents."""

from __future__ import annotations

import re

from sqlrail.schema.objects import Catalog, Key, Object


def inline(obj: Object, hosted: dict[Key, list[Object]]) -> str:
    """What stands for it within that statement, with what it hosts itself."""
    return " ".join([obj.inline or "", *(part.inline or "" for part in hosted.get(obj.key, ()))])


def heirs_of(wanted: Catalog, made: dict[Key, Object]) -> set[str]:
    """The tables that are made with their parents named, for not all of their columns and checks are their own as well.

    Others keep the order of their columns.
    """
    inherited = (obj for obj in made.values() if obj.inherited and obj.kind in ("column", "constraint"))
    not_own = {str(obj.within) for obj in inherited if obj.kind == "constraint" or obj.inline is None}
    return {
        name for name in not_own & wanted.links.keys()
        if ("table", name) in made and all(
            made[link].inline is not None and not _reaches(wanted, link, ("table", name)) for link in wanted.links[name]
        )
    }  # fmt: skip


def hosts_of(wanted: Catalog, made: dict[Key, Object], heirs: set[str]) -> dict[Key, Key]:
    """What is said in the statement that makes something else: columns, and what does not need its table already."""
    homes = {obj.name: key for key, obj in made.items() if obj.kind in ("table", "composite type", "domain")}
    hosts: dict[Key, Key] = {}
    said: set[tuple[Key, str]] = set()  # keys: of two that are equal CREATE TABLE makes only one
    for key, obj in sorted(made.items(), key=lambda item: " PRIMARY KEY " not in (item[1].inline or "")):
        host = _host(obj, homes, made, heirs)
        is_part = obj.kind in ("column", "field", "identity", "link")
        if host is None or (not is_part and _reaches(wanted, key, homes.get(obj.within or "", host))):
            continue
        if obj.kind == "constraint" and (match := _KEY.match(obj.facts[None].value or "")):
            if (host, match[1]) in said:
                continue
            said.add((host, match[1]))
        hosts[key] = host
    return hosts


_KEY = re.compile(r"(?:PRIMARY KEY |UNIQUE |(?=EXCLUDE))(.*)", re.DOTALL)


def _host(obj: Object, homes: dict[str, Key], made: dict[Key, Object], heirs: set[str]) -> Key | None:
    """What its statement could be a part of."""
    is_heir_s = obj.within in heirs
    if obj.kind == "link":
        return homes.get(obj.within or "") if is_heir_s else None
    if obj.inline is None and not (is_heir_s and obj.kind == "column"):
        return None
    if obj.kind in ("default", "identity"):
        column = made.get(("column", obj.name))
        return column.key if column and (column.inline is not None or is_heir_s) else None
    return homes.get(obj.within or "")


def _reaches(wanted: Catalog, start: Key, home: Key) -> bool:
    """Whether it depends, by way of something else, on the table that it lies in."""
    queue = [on for on in wanted.needs.get(start, {}) if not _lies_in(wanted, on, home)]
    seen = set(queue)
    for key in queue:
        for on, how in wanted.needs.get(key, {}).items():
            if key[0] == "sequence" and how == "a":
                continue
            if _lies_in(wanted, on, home):
                return True
            if on not in seen:
                seen.add(on)
                queue.append(on)
    return False


def _lies_in(catalog: Catalog, key: Key, home: Key) -> bool:
    obj = catalog.objects.get(key)
    return key == home or (obj is not None and obj.within == home[1])
